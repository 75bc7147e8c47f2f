import Models

/// AdamW, gradient descent with momentum, or Muon, over the parameters of a model that are trained.
///
/// Muon steps the matrices between hidden layers; AdamW, beside it, embeddings, output layers,
/// norms and biases. The work is cut into pieces that do not depend on the number of threads, so
/// neither the sums nor the weights depend on which thread does which piece.
public final class Optimizer {
  private struct Piece {
    /// The place among the parameters that are trained.
    let parameter: Int
    let range: Range<Int>
    /// For Muon: which matrix of the parameter, as a whole; nil for numbers that are stepped each
    /// by itself.
    var matrix: Int?
  }

  private let config: OptimizerConfig
  private let parameters: [Parameter]
  /// Pieces of fixed size: of the sums, and of the steps.
  private let pieces: [Piece]
  private let steps: [Piece]
  /// Running averages of each parameter: AdamW has two, momentum and Muon one.
  private let averages: [[Storage]]

  init(_ config: OptimizerConfig, _ parameters: [Parameter]) {
    (self.config, self.parameters) = (config, parameters)
    func hasMuon(_ parameter: Parameter) -> Bool {
      config.name == .muon && parameter.matrices > 0
    }
    averages = parameters.map { parameter in
      (0..<(config.name == .sgd || hasMuon(parameter) ? 1 : 2)).map { _ in
        Storage(zeros: parameter.count)
      }
    }
    pieces = parameters.enumerated().flatMap { place, parameter in
      parameter.pieces.map { Piece(parameter: place, range: $0) }
    }
    let matrices = parameters.enumerated().filter { hasMuon($0.element) }.flatMap { place, whole in
      (0..<whole.matrices).map { Piece(parameter: place, range: 0..<whole.count, matrix: $0) }
    }
    // Lanes take them in turn: of the large ones each gets as many as of the small.
    steps =
      matrices.sorted { parameters[$0.parameter].count > parameters[$1.parameter].count }
      + pieces.filter { !hasMuon(parameters[$0.parameter]) }
  }

  /// The averages by name, `first.`, `second.` or `momentum.` before the parameter's: what a
  /// checkpoint keeps.
  public var state: [(name: String, parameter: Parameter, storage: Storage)] {
    ["first.", "second.", "momentum."].enumerated().flatMap { place, prefix in
      zip(parameters, averages).compactMap { parameter, storages in
        let isMuon = config.name == .muon && parameter.matrices > 0
        let own = isMuon ? place - 2 : place
        return storages.indices.contains(own)
          ? (prefix + parameter.name, parameter, storages[own]) : nil
      }
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

  /// Steps all parameters, and packs anew what products read of them.
  func update(_ gradients: Gradients, _ lanes: Lanes, step: Int, rate: Float, scale: Float) {
    let floats = parameters.map { gradients.floats(of: $0) }
    let betas = (config.betas[0], config.betas[1])
    lanes.each(steps.indices) { [self] i in
      let piece = steps[i]
      func part(_ storage: Floats) -> Floats { Floats(rebasing: storage[piece.range]) }
      let parameter = parameters[piece.parameter]
      let decays = config.decay == .all || parameter.shape.rank > 1
      let decay = decays ? config.weightDecay : 0
      let weights = part(parameter.storage.floats)
      let gradient = part(floats[piece.parameter])
      let averages = averages[piece.parameter]
      if let matrix = piece.matrix {
        Updates.muon(
          parameter, matrix: matrix, momentum: averages[0], gradient: gradient, rate: rate,
          beta: config.momentum, decay: decay, scale: scale)
      } else if config.name == .sgd {
        Updates.momentum(
          weights, velocity: part(averages[0].floats), gradient: gradient, rate: rate,
          beta: betas.0, decay: decay, scale: scale)
      } else {
        Updates.adamW(
          weights, first: part(averages[0].floats), second: part(averages[1].floats),
          gradient: gradient, step: step, rate: rate, betas: betas, epsilon: config.epsilon,
          decay: decay, scale: scale)
      }
      if piece.matrix == nil { parameter.pack(piece.range) }  // While it is in the cache.
    }
    let work = steps.filter { $0.matrix == 0 }.flatMap { parameters[$0.parameter].packingWork }
    lanes.each(work.indices) { work[$0]() }
  }
}
