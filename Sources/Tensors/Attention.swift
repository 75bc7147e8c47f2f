import CKernels

/// For every query row the keys that it sees, first[i] ..< last[i]: a compiled attention mask.
///
/// Causal, windowed and document masks, and all their intersections, are such ranges, so a kernel
/// finds the empty, full and partial blocks by looking at two numbers a row.
public struct KeyRanges: Sendable, Equatable {
  public let first: [Int32]
  public let last: [Int32]
  /// How many keys there are.
  public let keys: Int

  /// - Precondition: every row sees at least one key, and no key behind the last.
  public init(first: [Int32], last: [Int32], keys: Int) {
    precondition(
      first.count == last.count
        && zip(first, last).allSatisfy { $0 >= 0 && $0 < $1 && $1 <= keys },
      "every query needs at least one of the \(keys) keys")
    (self.first, self.last, self.keys) = (first, last, keys)
  }
}

/// The sequences of a batch, and what their rows see.
public struct AttentionPlan {
  /// One sequence: its query rows in the batch, and their keys.
  public struct Sequence {
    public let rows: Range<Int>
    public let ranges: KeyRanges

    public init(rows: Range<Int>, ranges: KeyRanges) { (self.rows, self.ranges) = (rows, ranges) }
  }

  public let sequences: [Sequence]

  public init(_ sequences: [Sequence]) { self.sequences = sequences }
}

/// Heads of attention: `keyHeads` divides `heads`, and groups of queries share a key head.
public struct HeadLayout: Sendable, Equatable {
  public let heads: Int
  public let keyHeads: Int
  public let width: Int
  /// What scores are multiplied with: 1 / sqrt(width) unless a model says otherwise.
  public let scale: Float

  public init(heads: Int, keyHeads: Int? = nil, width: Int, scale: Float? = nil) {
    (self.heads, self.keyHeads, self.width) = (heads, keyHeads ?? heads, width)
    self.scale = scale ?? 1 / Float(width).squareRoot()
    precondition(heads % self.keyHeads == 0, "\(heads) heads over \(self.keyHeads) key heads")
  }

  /// Queries, keys and values of a row: (heads + 2 keyHeads) * width.
  public var packedWidth: Int { (heads + 2 * keyHeads) * width }
}

/// Rows of keys and values [capacity, 2 * keyHeads * width] of earlier positions, keys first.
public final class KeyValueRows {
  public let storage: Storage
  public let width: Int
  public private(set) var count = 0

  public init(capacity: Int, layout: HeadLayout) {
    width = 2 * layout.keyHeads * layout.width
    storage = Storage(capacity * width)
  }

  /// Forgets the positions from `count` on.
  public func truncate(to count: Int) {
    precondition((0...self.count).contains(count), "\(count) of \(self.count) rows")
    self.count = count
  }

  /// Adds the keys and values of packed rows [n, packedWidth].
  func append(_ packed: Tensor, layout: HeadLayout) {
    let (n, skip) = (packed.rows, layout.heads * layout.width)
    precondition((count + n) * width <= storage.floats.count, "the key/value cache is full")
    for row in 0..<n {
      (storage.pointer + (count + row) * width)
        .update(from: packed.pointer + row * packed.columns + skip, count: width)
    }
    count += n
  }
}

extension Tensor {
  /// softmax(q kᵀ · scale) v for every head (Vaswani and others, 2017), sequence by sequence.
  ///
  /// Packed rows [N, q | k | v] give [N, heads * width]. Only keys within `plan` are touched. With
  /// a cache the rows are added to it and their keys are all that it holds (one sequence, no tape).
  public func attention(
    _ layout: HeadLayout, _ plan: AttentionPlan, dropout: DropoutMask? = nil,
    cache: KeyValueRows? = nil
  ) -> Tensor {
    precondition(columns == layout.packedWidth, "attention of \(shape) with \(layout)")
    let (n, c) = (rows, layout.heads * layout.width)
    let (out, lse) = (Storage(n * c), Storage(layout.heads * n))
    cache?.append(self, layout: layout)
    let x = self
    let call = { (s: AttentionPlan.Sequence, body: (inout sp_attention_t) -> Void) in
      let row = s.rows.lowerBound
      let q = x.pointer + row * x.columns
      let k = cache?.storage.pointer ?? q + c
      s.ranges.first.withUnsafeBufferPointer { first in
        s.ranges.last.withUnsafeBufferPointer { last in
          var a = sp_attention_t(
            queries: s.rows.count, keys: s.ranges.keys, heads: layout.heads,
            key_heads: layout.keyHeads, width: layout.width, q: q, k: k,
            v: k + layout.keyHeads * layout.width, q_row: x.columns,
            k_row: cache?.width ?? x.columns, first: first.baseAddress, last: last.baseAddress,
            scale: layout.scale, dropout: sp_dropout_t(rate: 0, key: 0),
            out: out.pointer + row * c, out_row: c, lse: lse.pointer + row * layout.heads)
          if let dropout {
            // A key a sequence, by its place in the batch: slices do not change the mask.
            let place = UInt64(dropout.firstRow + row) &* 0x9E37_79B9_7F4A_7C15
            a.dropout = sp_dropout_t(rate: dropout.rate, key: dropout.key ^ place)
          }
          body(&a)
        }
      }
    }
    for s in plan.sequences { call(s) { sp_attention(&$0) } }
    precondition(cache == nil || tape == nil, "a cache is for reading, not for training")
    return Tensor.result("attention", of: x, shape: [n, c], storage: out) { _, g in
      x.addGradient { dx, add in
        let fresh = add ? Storage(n * x.columns) : nil
        let to = fresh?.pointer ?? dx
        for s in plan.sequences {
          let dq = to + s.rows.lowerBound * x.columns
          var gradients = sp_attention_gradients_t(
            dout: g.pointer + s.rows.lowerBound * c, dq: dq, dk: dq + c,
            dv: dq + c + layout.keyHeads * layout.width)
          call(s) { sp_attention_backward(&$0, &gradients) }
        }
        if let fresh { sp_add(dx, fresh.pointer, 1, n * x.columns) }
      }
    }
  }
}
