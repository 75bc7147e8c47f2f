// Attention step by step, as plain values. A snapshot keeps queries, keys, values and the vectors
// around them; scores and weights are computed again for the rows that are asked for, so that
// 2,000 tokens cost megabytes and not gigabytes. No tensor is kept: a view may read it on any
// thread.

import Glibc
import Models

/// A step of attention, in the order in which it is computed.
public enum AttentionStage: String, CaseIterable, Sendable {
  /// `qkv` is the queries, keys and values of a head side by side.
  case input, norm, qkv, queries, keys, values, scores, scaled, masked, weights, output, joined,
    residual

  /// Whether it is a map of rows read against columns read, or a vector for every token.
  public var isMap: Bool { [.scores, .scaled, .masked, .weights].contains(self) }
}

/// One forward pass of a model over a prompt, opened for reading.
public struct AttentionSnapshot: Sendable, Equatable {
  public let ids: [Int32]
  public let layers: Int
  public let layout: HeadLayout
  /// The changes that were in force.
  public let edits: [AttentionEdit]
  /// Next-token scores [vocabulary] behind the last token.
  public let prediction: [Float]
  /// log of the sum of exp of `prediction`, in nats.
  public let normalizer: Double
  private let parts: [[Probe.Part: [Float]]]
  private let masks: [AttentionMask]

  /// Runs the model once; `edits` are in force from the first layer on.
  ///
  /// - Precondition: the prompt is not empty and fits the context.
  public init(_ model: any LanguageModel, ids: [Int32], edits: [AttentionEdit] = []) {
    precondition(!ids.isEmpty && ids.count <= model.context, "\(ids.count) tokens")
    let probe = Probe()
    let hidden = model.hidden(Tokens([ids]), Pass(probe: probe, edits: edits))
    self.init(
      ids: ids, layout: model.headLayout, edits: edits,
      prediction: model.logits(hidden.row(ids.count - 1)).values,
      parts: (0..<model.layers).map { layer in
        Dictionary(uniqueKeysWithValues: Probe.Part.allCases.map { ($0, probe[layer, $0]) })
      },
      masks: (0..<model.layers).map { probe.masks[$0] ?? .causal })
  }

  /// What a pass kept, by layer.
  package init(
    ids: [Int32], layout: HeadLayout, edits: [AttentionEdit], prediction: [Float],
    parts: [[Probe.Part: [Float]]], masks: [AttentionMask]
  ) {
    (self.ids, self.layout, self.edits, self.prediction) = (ids, layout, edits, prediction)
    (self.parts, self.masks, layers) = (parts, masks, parts.count)
    let top = Double(prediction.max() ?? 0)
    normalizer = top + log(prediction.reduce(0.0) { $0 + exp(Double($1) - top) })
  }

  /// The stages that this model has: not every one has a norm before its attention.
  public var stages: [AttentionStage] {
    AttentionStage.allCases.filter { stage in
      switch stage {
      case .norm: !part(.norm, 0).isEmpty
      case .residual: !part(.residual, 0).isEmpty
      default: true
      }
    }
  }

  /// The mask in force in a layer.
  public func mask(_ layer: Int) -> AttentionMask { masks[layer] }

  /// The keys that a row of a layer sees.
  public func seen(by row: Int, layer: Int) -> Range<Int> {
    masks[layer].range(row, keys: ids.count)
  }

  /// What the scores of a head are multiplied with, beside the layout's scale: 1 without an edit.
  public func sharpening(_ layer: Int, _ head: Int) -> Float {
    edits.reduce(1) { product, edit in
      guard case .scaleScores(layer, head, let factor) = edit else { return product }
      return product * factor
    }
  }

  /// Whether an edit keeps a head from contributing.
  public func isZeroed(_ layer: Int, _ head: Int) -> Bool {
    edits.contains(.zeroHead(layer: layer, head: head))
  }

  /// The columns of a stage: tokens of a map, dimensions of a vector.
  public func columns(_ stage: AttentionStage) -> Int {
    switch stage {
    case .scores, .scaled, .masked, .weights: ids.count
    case .queries, .keys, .values, .output: layout.width
    case .qkv: 3 * layout.width
    case .input, .norm, .joined, .residual: part(.input, 0).count / ids.count
    }
  }

  /// A stage of one head for some rows: numbers a row a token; nil is a masked score.
  public func rows(
    _ stage: AttentionStage, layer: Int, head: Int, _ rows: Range<Int>
  ) -> [[Float?]] {
    rows.map { row(stage, layer: layer, head: head, $0) }
  }

  /// One row of a stage, or those of its columns that are in sight.
  ///
  /// Weights are computed for the whole row whatever is in sight, other maps only where asked for.
  public func row(
    _ stage: AttentionStage, layer: Int, head: Int, _ i: Int, columns: Range<Int>? = nil
  ) -> [Float?] {
    let columns = columns ?? 0..<self.columns(stage)
    switch stage {
    case .scores: return scores(layer, head, i, columns)
    case .scaled: return scaled(layer, head, i, columns)
    case .masked:
      let seen = seen(by: i, layer: layer)
      return zip(columns, scaled(layer, head, i, columns)).map { seen.contains($0) ? $1 : nil }
    case .weights: return weights(layer, head, i)[columns].map { $0 }
    default: return vector(stage, layer, head, i)[columns].map { $0 }
    }
  }

  /// The vector of a token in a stage that is no map.
  public func vector(_ stage: AttentionStage, _ layer: Int, _ head: Int, _ i: Int) -> [Float] {
    switch stage {
    case .norm: vector(.norm, layer, i)
    case .qkv:
      [head, key(head), value(head)].flatMap { vector(.packed, layer, i, $0) }
    case .queries: vector(.packed, layer, i, head)
    case .keys: vector(.packed, layer, i, key(head))
    case .values: vector(.packed, layer, i, value(head))
    case .output: vector(.heads, layer, i, head)
    case .joined: vector(.joined, layer, i)
    case .residual: vector(.residual, layer, i)
    default: vector(.input, layer, i)
    }
  }

  // MARK: - Maps

  /// The softmax of a row, opened up.
  struct Softmax {
    /// The keys that the row sees.
    var seen: Range<Int>
    /// The largest scaled score among them.
    var top: Double
    /// exp(scaled - top) of each of them.
    var powers: [Double]
    var sum: Double
  }

  func softmax(_ layer: Int, _ head: Int, _ i: Int) -> Softmax {
    let seen = seen(by: i, layer: layer)
    let scaled = scaled(layer, head, i, seen)
    let top = Double(scaled.max() ?? 0)
    let powers = scaled.map { exp(Double($0) - top) }
    return Softmax(seen: seen, top: top, powers: powers, sum: powers.reduce(0, +))
  }

  /// softmax over the keys that the row sees; 0 for the others.
  public func weights(_ layer: Int, _ head: Int, _ i: Int) -> [Float] {
    let softmax = softmax(layer, head, i)
    var weights = [Float](repeating: 0, count: ids.count)
    for (j, power) in zip(softmax.seen, softmax.powers) { weights[j] = Float(power / softmax.sum) }
    return weights
  }

  func scaled(_ layer: Int, _ head: Int, _ i: Int, _ columns: Range<Int>) -> [Float] {
    let scale = layout.scale * sharpening(layer, head)
    return scores(layer, head, i, columns).map { $0 * scale }
  }

  /// q · k of a row with the keys of some columns, added up in double.
  func scores(_ layer: Int, _ head: Int, _ i: Int, _ columns: Range<Int>) -> [Float] {
    let (stride, width) = (layout.packedWidth, layout.width)
    let q = i * stride + layout.columns(of: head).lowerBound
    let k = layout.columns(of: key(head)).lowerBound
    return part(.packed, layer).withUnsafeBufferPointer { packed in
      columns.map { j in
        let at = j * stride + k
        return Float(dot(packed[q..<q + width], packed[at..<at + width]))
      }
    }
  }

  // MARK: - Where things lie

  func key(_ head: Int) -> Int { layout.heads + head / (layout.heads / layout.keyHeads) }

  func value(_ head: Int) -> Int { key(head) + layout.keyHeads }

  private func part(_ part: Probe.Part, _ layer: Int) -> [Float] { parts[layer][part] ?? [] }

  /// Row `i` of a part, or what of it belongs to one head.
  private func vector(
    _ part: Probe.Part, _ layer: Int, _ i: Int, _ head: Int? = nil
  ) -> [Float] {
    let all = self.part(part, layer)
    let width = all.count / ids.count
    let columns = head.map(layout.columns) ?? 0..<width
    return Array(all[i * width + columns.lowerBound..<i * width + columns.upperBound])
  }
}

/// The sum of products, in four chains so that they can run beside each other.
private func dot(
  _ a: Slice<UnsafeBufferPointer<Float>>, _ b: Slice<UnsafeBufferPointer<Float>>
) -> Double {
  let (a, b) = (UnsafeBufferPointer(rebasing: a), UnsafeBufferPointer(rebasing: b))
  var (s0, s1, s2, s3) = (0.0, 0.0, 0.0, 0.0)
  let whole = a.count & ~3
  for d in stride(from: 0, to: whole, by: 4) {
    s0 += Double(a[d]) * Double(b[d])
    s1 += Double(a[d + 1]) * Double(b[d + 1])
    s2 += Double(a[d + 2]) * Double(b[d + 2])
    s3 += Double(a[d + 3]) * Double(b[d + 3])
  }
  for d in whole..<a.count { s0 += Double(a[d]) * Double(b[d]) }
  return (s0 + s1) + (s2 + s3)
}
