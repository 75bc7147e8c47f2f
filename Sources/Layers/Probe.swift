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

  public init() {}

  public subscript(_ layer: Int, _ part: Part) -> Tensor? { kept[layer]?[part] }

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

extension Pass {
  /// The attention of a layer: the one place where heads, mask, cache and edits meet.
  ///
  /// Packed rows [N, q | k | v] give [N, heads · width].
  public func attend(
    _ packed: Tensor, layer: Int, _ layout: HeadLayout, _ mask: AttentionMask, _ input: Tokens,
    dropout rate: Float
  ) -> Tensor {
    var (packed, mask) = (packed, mask)
    var silent: [Int] = []
    for edit in edits {
      switch edit {
      case .mask(let other): mask = other
      case .zeroHead(layer, let head): silent.append(head)
      case .scaleScores(layer, let head, let factor):
        packed = packed.scalingColumns(layout.columns(of: head), by: factor)
      default: break
      }
    }
    probe?.record(layer, .packed, packed)
    var heads = packed.attention(
      layout, plan(mask, input), dropout: nextDropout(rate), cache: cache?[layer])
    for head in silent { heads = heads.scalingColumns(layout.columns(of: head), by: 0) }
    probe?.record(layer, .heads, heads)
    return heads
  }
}

extension HeadLayout {
  /// The columns of a query head, in packed rows and in the output.
  public func columns(of head: Int) -> Range<Int> { head * width..<(head + 1) * width }
}
