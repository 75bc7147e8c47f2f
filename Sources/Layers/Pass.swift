/// Token ids of one or more sequences, one after another without padding.
public struct Tokens: Equatable, Sendable {
  public let ids: [Int32]
  /// The rows of each sequence.
  public let sequences: [Range<Int>]

  public init(_ rows: [[Int32]]) {
    var start = 0
    sequences = rows.map { row in
      defer { start += row.count }
      return start..<start + row.count
    }
    ids = rows.flatMap { $0 }
  }

  public var count: Int { ids.count }
}

/// What one forward pass carries beside its input.
///
/// There is one forward function a model: for training (tape, dropout), for decoding (cache) and
/// for looking inside (probe, edits).
public final class Pass {
  public let tape: Tape?
  /// What the model keeps of the positions before; of a plain decoder that is the cache.
  public let state: (any DecodingState)?
  public let cache: KeyValueCache?
  /// Keeps intermediates for a view; costs nothing when nil.
  public let probe: Probe?
  /// Changes to the attention that a view tries.
  public let edits: [AttentionEdit]
  private var dropout: DropoutMask?
  private var plans: [AttentionMask: AttentionPlan] = [:]
  private var rotation: Rotation?

  /// A pass; without `dropoutKey`, its randomness, dropout is off.
  ///
  /// `firstRow` is the batch row of the first token, when the pass sees a slice of a batch.
  public init(
    tape: Tape? = nil, dropoutKey: UInt64? = nil, firstRow: Int = 0,
    cache: (any DecodingState)? = nil, probe: Probe? = nil, edits: [AttentionEdit] = []
  ) {
    (self.tape, state, self.probe, self.edits) = (tape, cache, probe, edits)
    self.cache = cache as? KeyValueCache
    dropout = dropoutKey.map { DropoutMask(rate: 0, key: $0, firstRow: firstRow) }
  }

  /// A mask of its own for the next use of dropout; nil when it is off.
  public func nextDropout(_ rate: Float) -> DropoutMask? {
    guard var mask = dropout else { return nil }
    mask.key = mask.key &* 0xD134_2543_DE82_EF95 &+ 0x9E37_79B9_7F4A_7C15
    dropout = mask
    mask.rate = rate
    return rate > 0 ? mask : nil
  }

  /// x + dropout(y) for the y of a branch, which adds what it is given by itself.
  public func adding(
    to x: Tensor?, dropout rate: Float, _ branch: (_ residual: Tensor?) -> Tensor
  ) -> Tensor {
    guard let mask = nextDropout(rate) else { return branch(x) }
    return branch(nil).dropout(mask, adding: x)
  }

  /// Where the first token of the pass stands in its sequence: behind what the cache holds.
  public var start: Int { state?.count ?? 0 }

  /// The position of every token in its sequence.
  public func positions(_ tokens: Tokens) -> [Int32] {
    tokens.sequences.flatMap { (start..<start + $0.count).map(Int32.init) }
  }

  /// How far the queries and keys of all layers are turned, found once a pass.
  public func rotation(_ tokens: Tokens, width: Int, base: Double) -> Rotation {
    if let rotation, rotation.width == width, rotation.base == base { return rotation }
    let made = Rotation(positions: positions(tokens), width: width, base: base)
    rotation = made
    return made
  }

  /// The plan of all layers with this mask, made once a pass.
  public func plan(_ mask: AttentionMask, _ tokens: Tokens) -> AttentionPlan {
    if let known = plans[mask] { return known }
    precondition(cache == nil || tokens.sequences.count == 1, "a cache serves one sequence")
    let plan = AttentionPlan(
      tokens.sequences.map { [cache] in
        let keys = cache?.keys(adding: $0.count) ?? $0.count
        return .init(rows: $0, ranges: mask.compiled(queries: $0.count, keys: keys))
      })
    plans[mask] = plan
    return plan
  }
}

/// What a model keeps of the positions decoded so far, to go on from them.
public protocol DecodingState: AnyObject {
  /// Positions that it has read.
  var count: Int { get }
  /// Forgets the positions from `count` on; what is added next stands there.
  func truncate(to count: Int)
}

/// The keys and values of all layers for the positions decoded so far.
public final class KeyValueCache: DecodingState {
  public let capacity: Int
  private let layers: [KeyValueRows]
  private let first: Int

  /// With a window the capacity is no limit: beyond it only what a query sees is kept.
  public init(layers: Range<Int>, capacity: Int, layout: HeadLayout, window: Int? = nil) {
    (self.capacity, first) = (capacity, layers.lowerBound)
    self.layers = layers.map { _ in
      KeyValueRows(capacity: capacity, layout: layout, window: window)
    }
  }

  public convenience init(
    layers: Int, capacity: Int, layout: HeadLayout, window: Int? = nil
  ) {
    self.init(layers: 0..<layers, capacity: capacity, layout: layout, window: window)
  }

  public subscript(layer: Int) -> KeyValueRows { layers[layer - first] }

  /// Positions that every layer holds.
  public var count: Int { layers.last?.count ?? 0 }

  /// The keys that a pass over `n` more positions has.
  func keys(adding n: Int) -> Int { layers.last?.keys(adding: n) ?? n }

  public func truncate(to count: Int) { layers.forEach { $0.truncate(to: count) } }
}
