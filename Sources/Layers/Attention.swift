extension Pass {
  /// The attention of a layer: the one place where heads, mask, cache and edits meet.
  ///
  /// Packed rows [N, q | k | v] give [N, heads · width]; `form` is that of the weights which made
  /// them.
  public func attend(
    _ packed: Tensor, _ form: WeightForm, layer: Int, _ layout: HeadLayout, _ mask: AttentionMask,
    _ input: Tokens, dropout rate: Float
  ) -> Tensor {
    probe?.record(layer, .packed, packed)  // as the model made them: the edits come after
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
    probe?.record(layer, mask: mask)
    var heads = packed.attention(
      layout, plan(mask, input), form: form, dropout: nextDropout(rate), cache: cache?[layer])
    for head in silent { heads = heads.scalingColumns(layout.columns(of: head), by: 0) }
    probe?.record(layer, .heads, heads)
    return heads
  }
}

extension HeadLayout {
  /// The columns of a query head, in packed rows and in the output.
  public func columns(of head: Int) -> Range<Int> { head * width..<(head + 1) * width }
}
