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
  public let cache: KeyValueCache?
  /// Keeps intermediates for a view; costs nothing when nil.
  public let probe: Probe?
  /// Changes to the attention that a view tries.
  public let edits: [AttentionEdit]
  private var dropout: DropoutMask?
  private var plans: [AttentionMask: AttentionPlan] = [:]

  /// A pass; without `dropoutKey`, its randomness, dropout is off.
  ///
  /// `firstRow` is the batch row of the first token, when the pass sees a slice of a batch.
  public init(
    tape: Tape? = nil, dropoutKey: UInt64? = nil, firstRow: Int = 0, cache: KeyValueCache? = nil,
    probe: Probe? = nil, edits: [AttentionEdit] = []
  ) {
    (self.tape, self.cache, self.probe, self.edits) = (tape, cache, probe, edits)
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

  /// Where the first token of the pass stands in its sequence: behind what the cache holds.
  public var start: Int { cache?.count ?? 0 }

  /// The plan of all layers with this mask, made once a pass.
  public func plan(_ mask: AttentionMask, _ tokens: Tokens) -> AttentionPlan {
    if let known = plans[mask] { return known }
    precondition(cache == nil || tokens.sequences.count == 1, "a cache serves one sequence")
    let plan = AttentionPlan(
      tokens.sequences.map {
        .init(rows: $0, ranges: mask.compiled(queries: $0.count, keys: start + $0.count))
      })
    plans[mask] = plan
    return plan
  }
}

/// The keys and values of all layers for the positions decoded so far.
public final class KeyValueCache {
  public let capacity: Int
  private let layers: [KeyValueRows]

  public init(layers: Int, capacity: Int, layout: HeadLayout) {
    self.capacity = capacity
    self.layers = (0..<layers).map { _ in KeyValueRows(capacity: capacity, layout: layout) }
  }

  public subscript(layer: Int) -> KeyValueRows { layers[layer] }

  /// Positions that every layer holds.
  public var count: Int { layers.last?.count ?? 0 }

  /// Forgets the positions from `count` on; what is added next stands there.
  public func truncate(to count: Int) { layers.forEach { $0.truncate(to: count) } }
}
