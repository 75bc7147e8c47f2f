// Attention step by step, as plain values. A snapshot keeps queries, keys, values and residuals;
// scores and weights are computed again for the rows that are asked for, so that 2,000 tokens cost
// megabytes and not gigabytes.

import Glibc
import Models

/// A step of attention, in the order in which it is computed.
public enum AttentionStage: String, CaseIterable, Sendable {
  case input, norm, queries, keys, values, scores, scaled, masked, weights, output, joined, residual

  /// Whether it is a map of rows read against columns read, or a vector for every token.
  public var isMap: Bool { [.scores, .scaled, .masked, .weights].contains(self) }
}

/// One forward pass of a model over a prompt, opened for reading.
public struct AttentionSnapshot {
  public let ids: [Int32]
  public let layers: Int
  public let layout: HeadLayout
  /// Next-token scores [vocabulary] behind the last token.
  public let prediction: [Float]
  private let probe = Probe()

  /// Runs the model once; `edits` are in force from the first layer on.
  ///
  /// - Precondition: the prompt is not empty and fits the context.
  public init(_ model: any LanguageModel, ids: [Int32], edits: [AttentionEdit] = []) {
    precondition(!ids.isEmpty && ids.count <= model.context, "\(ids.count) tokens")
    (self.ids, layers, layout) = (ids, model.layers, model.headLayout)
    let hidden = model.hidden(Tokens([ids]), Pass(probe: probe, edits: edits))
    prediction = model.logits(hidden.row(ids.count - 1)).values
  }

  /// A stage of one head for some rows: numbers a row a token; nil is a masked score.
  public func rows(
    _ stage: AttentionStage, layer: Int, head: Int, _ rows: Range<Int>
  ) -> [[Float?]] {
    rows.map { row(stage, layer: layer, head: head, $0) }
  }

  /// The keys that a row of a layer sees.
  public func seen(by row: Int, layer: Int) -> Range<Int> {
    (probe.masks[layer] ?? .causal).range(row, keys: ids.count)
  }

  /// One row of a stage.
  public func row(_ stage: AttentionStage, layer: Int, head: Int, _ i: Int) -> [Float?] {
    switch stage {
    case .input: return part(.input, layer, i)
    case .norm: return part(.norm, layer, i)
    case .queries: return vector(layer, i, at: query(head))
    case .keys: return vector(layer, i, at: key(head))
    case .values: return vector(layer, i, at: value(head))
    case .scores: return scores(layer, head, i)
    case .scaled: return scores(layer, head, i).map { $0 * layout.scale }
    case .masked:
      let seen = seen(by: i, layer: layer)
      return scores(layer, head, i).enumerated().map {
        seen.contains($0) ? $1 * layout.scale : nil
      }
    case .weights: return weights(layer, head, i)
    case .output: return vector(layer, i, .heads, at: layout.columns(of: head))
    case .joined: return part(.heads, layer, i)
    case .residual: return part(.residual, layer, i)
    }
  }

  /// softmax over the keys that the row sees; 0 for the others.
  public func weights(_ layer: Int, _ head: Int, _ i: Int) -> [Float] {
    let seen = seen(by: i, layer: layer)
    let all = scores(layer, head, i).map { Double($0 * layout.scale) }
    let top = all[seen].max() ?? 0
    let powers = all.enumerated().map { seen.contains($0) ? exp($1 - top) : 0 }
    let sum = powers.reduce(0, +)
    return powers.map { Float($0 / sum) }
  }

  /// q · k for every column, term by term in double.
  private func scores(_ layer: Int, _ head: Int, _ i: Int) -> [Float] {
    let query = vector(layer, i, at: query(head))
    return ids.indices.map { j in
      let key = vector(layer, j, at: key(head))
      return Float(zip(query, key).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
    }
  }

  // MARK: - Where things lie

  private func query(_ head: Int) -> Range<Int> { layout.columns(of: head) }

  private func key(_ head: Int) -> Range<Int> {
    let group = head / (layout.heads / layout.keyHeads)
    return layout.columns(of: layout.heads + group)
  }

  private func value(_ head: Int) -> Range<Int> {
    let group = head / (layout.heads / layout.keyHeads)
    return layout.columns(of: layout.heads + layout.keyHeads + group)
  }

  private func vector(
    _ layer: Int, _ i: Int, _ part: Probe.Part = .packed, at columns: Range<Int>
  ) -> [Float] {
    guard let tensor = probe[layer, part] else { return [] }
    let start = i * tensor.columns
    return Array(tensor.storage.floats[start + columns.lowerBound..<start + columns.upperBound])
  }

  private func part(_ part: Probe.Part, _ layer: Int, _ i: Int) -> [Float] {
    vector(layer, i, part, at: 0..<(probe[layer, part]?.columns ?? 0))
  }
}
