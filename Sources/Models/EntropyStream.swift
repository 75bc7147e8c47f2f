// Entropies of a text of any length in bounded memory: positions go on, and of what was read only
// the window is kept.

/// Reads one text in chunks, every lane taking them through some of the layers in turn.
///
/// What comes out depends neither on the number of lanes nor on the pieces that come in.
public final class EntropyStream {
  /// Tokens that go through a layer at once, and through the output layer on one lane.
  private static let (chunk, share) = (512, 64)

  private let model: EntropyModel
  private let lanes: Lanes
  /// The layers of each lane in use, and what they keep.
  private let stages: [Range<Int>]
  private let caches: [KeyValueCache]
  /// Before each stage the chunk that is to go through it, and its states.
  private var chunks: [[Int32]]
  private var states: [[Float]]
  private var pending: [Int32] = []

  /// - Precondition: a model without a window reads no more than its context.
  public init(_ model: EntropyModel, lanes: Lanes) {
    (self.model, self.lanes) = (model, lanes)
    let (count, layers) = (min(lanes.count, model.layers), model.layers)
    stages = (0..<count).map { layers * $0 / count..<layers * ($0 + 1) / count }
    let capacity = model.config.window.map { $0 + Self.chunk } ?? model.context
    caches = stages.map { model.config.cache($0, capacity: capacity) }
    chunks = Array(repeating: [], count: count)
    states = Array(repeating: [], count: count)
  }

  /// Reads on; the entropies that are ready follow those returned before.
  public func push(_ ids: some Collection<Int32>) -> [Float] {
    pending += ids
    let whole = pending.count / Self.chunk * Self.chunk
    defer { pending.removeFirst(whole) }
    return stride(from: 0, to: whole, by: Self.chunk).flatMap {
      advance(Array(pending[$0..<$0 + Self.chunk]))
    }
  }

  /// The entropies that are still missing.
  public func finish() -> [Float] {
    defer { pending = [] }
    let last = pending.isEmpty ? [] : advance(pending)
    return stages.dropLast().reduce(last) { found, _ in found + advance([]) }
  }

  /// Every stage takes the chunk before it one on.
  private func advance(_ next: [Int32]) -> [Float] {
    chunks = [next] + chunks.dropLast()
    let results = lanes.map(stages.indices) { [self] stage in
      let (ids, pass) = (chunks[stage], Pass(cache: caches[stage]))
      guard !ids.isEmpty else { return [Float]() }
      let (input, isFirst) = (Tokens([ids]), stage == 0)
      let x =
        isFirst ? model.bytes(ids, pass) : Tensor([ids.count, model.config.width], states[stage])
      let y = model.run(stages[stage], x, input, pass)
      return y.values
    }
    states = [[]] + results.dropLast()
    return entropies(behind: results[results.count - 1])
  }

  /// Of last states, by all lanes: the stages, of as many layers each, stay in step.
  private func entropies(behind states: [Float]) -> [Float] {
    let (width, size) = (model.config.width, Self.share * model.config.width)
    return lanes.map(0..<(states.count + size - 1) / size) { [model] i in
      let part = states[i * size..<min((i + 1) * size, states.count)]
      return model.logits(model.norm(Tensor([part.count / width, width], part))).entropies()
    }.flatMap { $0 }
  }
}
