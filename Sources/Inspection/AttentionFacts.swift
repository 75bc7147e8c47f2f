// What stands around the map of one head: other heads, the mask, the whole map in blocks, and the
// prediction.

import Glibc
import Models

/// The largest weight of a row in one head.
public struct AttentionPeak: Sendable, Equatable {
  public var head, column: Int
  public var weight: Double
}

/// What a mask hides of a prompt.
public struct MaskFacts: Sendable, Equatable {
  public var name: String
  /// Whether it stands in for the model's own.
  public var isWhatIf: Bool
  /// The share of all cells that no row sees.
  public var hidden: Double
  /// The share of blocks of 16 x 16 cells that are never touched: the work that is saved.
  public var skipped: Double
}

extension MaskFacts {
  /// What ranges of keys hide of all pairs.
  public init(_ name: String, _ ranges: KeyRanges, isWhatIf: Bool = false) {
    let seen = zip(ranges.first, ranges.last).reduce(0) { $0 + Int($1.1 - $1.0) }
    let blocks = ranges.blocks(of: 16)  // `BLOCK` of the kernels: rows that share a span of keys
    (self.name, self.isWhatIf) = (name, isWhatIf)
    hidden = 1 - Double(seen) / Double(ranges.first.count * ranges.keys)
    skipped = Double(blocks.empty) / Double(blocks.full + blocks.partial + blocks.empty)
  }

  /// What a mask hides of so many tokens.
  public init(_ mask: AttentionMask, tokens: Int, isWhatIf: Bool = false) {
    self.init(mask.name, mask.compiled(queries: tokens, keys: tokens), isWhatIf: isWhatIf)
  }
}

extension BLTSnapshot {
  /// The masks of all its attentions, in the order in which they are computed.
  public var masks: [(part: String, facts: MaskFacts)] {
    let (k, p) = (Int32(config.slots), patches.count)
    let asking = patches.flatMap { Array(repeating: $0, count: Int(k)) }
    let pooling = KeyRanges(
      first: asking.map { Int32($0.lowerBound) }, last: asking.map { Int32($0.upperBound) },
      keys: ids.count)
    let first = sources.map { Int32($0) * k }
    let reading = KeyRanges(first: first, last: first.map { $0 + k }, keys: p * Int(k))
    let local: AttentionMask = config.window.map { .window($0) } ?? .causal
    var masks: [(part: String, facts: MaskFacts)] = [
      ("encoder", MaskFacts(local, tokens: ids.count)),
      ("pooling", MaskFacts("patch ranges", pooling)),
      ("latent", MaskFacts(.causal, tokens: p)),
      ("slots", MaskFacts("patch ranges", reading)),
      ("decoder", MaskFacts(local, tokens: ids.count)),
    ]
    if config.hasPatcher {
      masks.insert(("patcher", MaskFacts(config.patcher.mask, tokens: ids.count)), at: 0)
    }
    return masks
  }
}

/// A whole stage in square blocks, each by its largest number.
public struct BlockMap: Sendable, Equatable {
  /// Cells a side of one block.
  public let block: Int
  public let rows, columns: Int
  /// Row after row the largest by size; nil where all cells are masked.
  public let values: [Float?]
  /// The largest size of a single cell.
  public let largest: Float

  /// Blocks of `block` x `block` cells of a map, each of whose rows is asked for once.
  public init(block: Int, rows: Int, columns: Int, row: (Int) -> [Float?]) {
    precondition(block > 0, "a block of \(block)")
    let (down, across) = ((rows + block - 1) / block, (columns + block - 1) / block)
    var values = [Float?](repeating: nil, count: down * across)
    for i in 0..<rows {
      for (j, value) in row(i).enumerated() {
        let at = i / block * across + j / block
        values[at] = larger(values[at], value)
      }
    }
    (self.block, self.rows, self.columns, self.values) = (block, down, across, values)
    largest = values.reduce(nil, larger)?.magnitude ?? 0
  }

  public subscript(row: Int, column: Int) -> Float? { values[row * columns + column] }

  /// The largest number among blocks, by size; what is no number wins.
  public func largest(rows: Range<Int>, columns: Range<Int>) -> Float? {
    var best: Float?
    for row in rows.clamped(to: 0..<self.rows) {
      for column in columns.clamped(to: 0..<self.columns) {
        best = larger(best, self[row, column])
      }
    }
    return best
  }
}

private func larger(_ a: Float?, _ b: Float?) -> Float? {
  guard let a else { return b }
  guard let b, !a.isNaN else { return a }
  return b.isNaN || b.magnitude > a.magnitude ? b : a
}

extension AttentionSnapshot {
  /// The largest weight of a row in every head of a layer.
  public func peaks(layer: Int, row: Int) -> [AttentionPeak] {
    (0..<layout.heads).map { peak(layer: layer, head: $0, row: row) }
  }

  /// The largest weight of a row, of equal ones the first.
  public func peak(layer: Int, head: Int, row: Int) -> AttentionPeak {
    let softmax = softmax(layer, head, row)
    let best = softmax.powers.indices.max { softmax.powers[$0] < softmax.powers[$1] } ?? 0
    return AttentionPeak(
      head: head, column: softmax.seen.lowerBound + best,
      weight: softmax.powers[best] / softmax.sum)
  }

  /// The peaks of a row in all layers.
  public func grid(row: Int) -> [[AttentionPeak]] {
    (0..<layers).map { peaks(layer: $0, row: row) }
  }

  /// The mask in force in a layer.
  public func maskFacts(layer: Int) -> MaskFacts {
    let isWhatIf = edits.contains { if case .mask = $0 { true } else { false } }
    return MaskFacts(mask(layer), tokens: ids.count, isWhatIf: isWhatIf)
  }

  /// A stage of a head in blocks of `block` x `block` cells, each row computed once.
  ///
  /// It takes O(N² D) for a map: not for the thread that draws when prompts are long.
  public func blocks(
    _ stage: AttentionStage, layer: Int, head: Int, block: Int
  ) -> BlockMap {
    BlockMap(block: block, rows: ids.count, columns: columns(stage)) { i in
      let row = row(stage, layer: layer, head: head, i)
      guard stage == .weights else { return row }
      let seen = seen(by: i, layer: layer)
      return row.enumerated().map { seen.contains($0) ? $1 : nil }
    }
  }
}

/// What may come next.
public struct NextToken: Sendable, Equatable {
  public var id: Int32
  public var logit, probability: Double
}

/// What a what-if does to one possible next token.
public struct NextTokenChange: Sendable, Equatable {
  public var trained, changed: NextToken
}

extension AttentionSnapshot {
  /// A token as the next one.
  public func next(_ id: Int32) -> NextToken {
    let logit = Double(prediction[Int(id)])
    return NextToken(id: id, logit: logit, probability: exp(logit - normalizer))
  }

  /// The `count` likeliest next tokens, the likeliest first.
  public func likeliest(_ count: Int) -> [NextToken] {
    best(count) { prediction[$0] }.map { next(Int32($0)) }
  }

  /// What this snapshot's edits do to the tokens that are likeliest with or without them, in the
  /// order of `trained`, a snapshot of the same prompt.
  public func changes(from trained: AttentionSnapshot, _ count: Int) -> [NextTokenChange] {
    precondition(prediction.count == trained.prediction.count, "two vocabularies")
    let chosen = best(count) { id in
      max(
        prediction[id] - Float(normalizer), trained.prediction[id] - Float(trained.normalizer))
    }
    return chosen.map {
      NextTokenChange(trained: trained.next(Int32($0)), changed: next(Int32($0)))
    }
    .sorted { $0.trained.logit > $1.trained.logit }
  }

  /// The `count` ids with the largest scores, of equal ones the lowest.
  private func best(_ count: Int, score: (Int) -> Float) -> [Int] {
    guard count < 64 else {
      let order = prediction.indices.map { (id: $0, score: score($0)) }
      // What is no number goes last.
      return order.sorted { $0.score > $1.score || $1.score.isNaN && !$0.score.isNaN }
        .prefix(count).map(\.id)
    }
    var best: [(id: Int, score: Float)] = []
    for id in prediction.indices {
      let score = score(id)
      if best.count >= count, score <= best.last?.score ?? .infinity { continue }
      let place = best.firstIndex { score > $0.score || $0.score.isNaN } ?? best.count
      best.insert((id, score), at: place)
      if best.count > count { best.removeLast() }
    }
    return best.map(\.id)
  }
}
