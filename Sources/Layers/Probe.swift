// What a view asks of a forward pass: intermediates to show, and changes to try.

/// Keeps intermediates of one forward pass, copied out of the tensors: plain values may go to
/// another thread, and the tensors' memory goes back to the pool.
public final class Probe {
  /// What is kept of every layer.
  public enum Part: String, CaseIterable, Sendable {
    /// [N, C]: as the layer receives it.
    case input
    /// [N, C]: what queries, keys and values are made from, where a norm stands before them.
    case norm
    /// [N, q | k | v]: all heads, packed.
    case packed
    /// [N, H · D]: the heads' outputs side by side.
    case heads
    /// [N, C]: the heads' outputs times the output matrix.
    case joined
    /// [N, C]: the attention's result added to the input, where a model adds it.
    case residual
  }

  private var kept: [Int: [Part: [Float]]] = [:]
  /// What a model names by itself; nil where nobody asked.
  private var named: [String: [Float]]?
  /// The mask in force, by layer.
  public private(set) var masks: [Int: AttentionMask] = [:]

  /// `keepsNames`: whether it also keeps what is no part of a layer, under the model's own names.
  public init(keepsNames: Bool = false) { named = keepsNames ? [:] : nil }

  /// Rows of a layer's part, one after another; none where the layer has no such part.
  public subscript(_ layer: Int, _ part: Part) -> [Float] { kept[layer]?[part] ?? [] }

  /// Rows that the model recorded under a name, one after another; none without them.
  public subscript(_ name: String) -> [Float] { named?[name] ?? [] }

  /// Keeps something under a name, if it was asked for.
  public func record(_ name: @autoclosure () -> String, _ value: Tensor) {
    named?[name()] = value.values
  }

  func record(_ layer: Int, mask: AttentionMask) { masks[layer] = mask }

  /// Keeps what a layer computed.
  public func record(_ layer: Int, _ part: Part, _ value: Tensor) {
    kept[layer, default: [:]][part] = value.values
  }
}

/// A change to the attention of a trained model, to see what it does to the prediction.
public enum AttentionEdit: Hashable, Sendable {
  /// The head contributes nothing.
  case zeroHead(layer: Int, head: Int)
  /// Every layer attends under this mask instead of the model's.
  case mask(AttentionMask)
  /// The head's scores are multiplied: above 1 sharper, below 1 flatter.
  case scaleScores(layer: Int, head: Int, by: Float)
}
