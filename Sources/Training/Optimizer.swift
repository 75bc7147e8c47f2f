import Models

/// AdamW, or gradient descent with momentum, over the parameters of a model that are trained.
///
/// The work is cut into pieces of fixed size, so neither the sums nor the weights depend on which
/// thread does which piece.
public final class Optimizer {
  private struct Piece {
    /// The place among the parameters that are trained.
    let parameter: Int
    let range: Range<Int>
  }

  private let config: OptimizerConfig
  private let parameters: [Parameter]
  private let pieces: [Piece]
  /// Running averages by parameter: AdamW has two, momentum one.
  private let averages: [[Storage]]

  init(_ config: OptimizerConfig, _ parameters: [Parameter]) {
    (self.config, self.parameters) = (config, parameters)
    averages = (0..<(config.name == .adamw ? 2 : 1)).map { _ in
      parameters.map { Storage(zeros: $0.count) }
    }
    pieces = parameters.enumerated().flatMap { place, parameter in
      stride(from: 0, to: parameter.count, by: 1 << 15).map {
        Piece(parameter: place, range: $0..<min($0 + 1 << 15, parameter.count))
      }
    }
  }

  /// The averages by name, `first.` or `second.` before the parameter's: what a checkpoint keeps.
  public var state: [(name: String, parameter: Parameter, storage: Storage)] {
    zip(["first.", "second."], averages).flatMap { prefix, storages in
      zip(parameters, storages).map { (prefix + $0.name, $0, $1) }
    }
  }

  /// Sums the lanes' gradients into the first lane's and returns the sum of squares.
  func reduce(_ gradients: [Gradients], _ lanes: Lanes) -> Double {
    let floats = gradients.map { lane in parameters.map { lane.floats(of: $0) } }
    return lanes.map(pieces.indices) { [pieces] i in
      let piece = pieces[i]
      let parts = floats.map { Floats(rebasing: $0[piece.parameter][piece.range]) }
      return Updates.reduce(parts[0], adding: Array(parts.dropFirst()))
    }.reduce(0, +)
  }

  func update(_ gradients: Gradients, _ lanes: Lanes, step: Int, rate: Float, scale: Float) {
    let floats = parameters.map { gradients.floats(of: $0) }
    let betas = (config.betas[0], config.betas[1])
    lanes.each(pieces.indices) { [self] i in
      let piece = pieces[i]
      func part(_ storage: Floats) -> Floats { Floats(rebasing: storage[piece.range]) }
      let parameter = parameters[piece.parameter]
      let decays = config.decay == .all || parameter.shape.rank > 1
      let decay = decays ? config.weightDecay : 0
      let weights = part(parameter.storage.floats)
      let gradient = part(floats[piece.parameter])
      let first = part(averages[0][piece.parameter].floats)
      switch config.name {
      case .adamw:
        Updates.adamW(
          weights, first: first, second: part(averages[1][piece.parameter].floats),
          gradient: gradient, step: step, rate: rate, betas: betas, epsilon: config.epsilon,
          decay: decay, scale: scale)
      case .sgd:
        Updates.momentum(
          weights, velocity: first, gradient: gradient, rate: rate, beta: betas.0, decay: decay,
          scale: scale)
      }
    }
  }
}
