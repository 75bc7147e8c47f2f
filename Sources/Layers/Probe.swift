// What a view asks of a forward pass: intermediates to show, and changes to try.

/// Keeps intermediates of one forward pass; tensors never change, so keeping one copies nothing.
public final class Probe {
  /// What is kept of every layer.
  public enum Part: String, CaseIterable, Sendable {
    /// [N, C]: as the layer receives it.
    case input
    /// [N, C]: what queries, keys and values are made from.
    case norm
    /// [N, q | k | v]: all heads, packed.
    case packed
    /// [N, H · D]: the heads' outputs side by side.
    case heads
    /// [N, C]: the attention's result added to the input.
    case residual
  }

  private var kept: [Int: [Part: Tensor]] = [:]
  /// The mask in force, by layer.
  public private(set) var masks: [Int: AttentionMask] = [:]

  public init() {}

  public subscript(_ layer: Int, _ part: Part) -> Tensor? { kept[layer]?[part] }

  func record(_ layer: Int, mask: AttentionMask) { masks[layer] = mask }

  /// Keeps what a layer computed.
  public func record(_ layer: Int, _ part: Part, _ value: Tensor) {
    kept[layer, default: [:]][part] = value
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
