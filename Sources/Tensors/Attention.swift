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

    public init(rows: Range<Int>, ranges: KeyRanges) {
      precondition(rows.count == ranges.first.count, "\(rows) with \(ranges.first.count) ranges")
      (self.rows, self.ranges) = (rows, ranges)
    }
  }

  /// The query rows of each sequence.
  public let rows: [Range<Int>]
  /// How many keys each has.
  private let keys: [Int]
  /// The keys first[i] ..< last[i] of all query rows, in one piece: to go through ranges that
  /// sequences share would count holds on them, at which lanes wait for one another.
  public let first, last: [Int32]

  public init(_ sequences: [Sequence]) {
    rows = sequences.map(\.rows)
    keys = sequences.map(\.ranges.keys)
    first = sequences.flatMap(\.ranges.first)
    last = sequences.flatMap(\.ranges.last)
  }

  /// A sequence as kernels take it.
  fileprivate struct Part {
    let row, queries, keys: Int
    let first, last: UnsafePointer<Int32>?
  }

  fileprivate func each(_ body: (Part) -> Void) {
    first.withUnsafeBufferPointer { first in
      last.withUnsafeBufferPointer { last in
        var done = 0
        for (rows, keys) in zip(rows, keys) {
          body(
            Part(
              row: rows.lowerBound, queries: rows.count, keys: keys,
              first: first.baseAddress.map { $0 + done }, last: last.baseAddress.map { $0 + done }))
          done += rows.count
        }
      }
    }
  }
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
///
/// Where a window is all that queries see, the rows behind it make room when the capacity is
/// reached: positions go on without end.
public final class KeyValueRows {
  public private(set) var storage: Storage
  public let width: Int
  /// Positions added so far.
  public private(set) var count = 0
  /// The last of them, which are still here.
  public private(set) var held = 0
  private let window: Int?

  /// `window` is how many keys a query sees at most, its own included; nil for all.
  public init(capacity: Int, layout: HeadLayout, window: Int? = nil) {
    width = 2 * layout.keyHeads * layout.width
    self.window = window
    storage = Storage(capacity * width)
  }

  /// Forgets the positions from `count` on.
  ///
  /// - Precondition: what a query at `count` sees is still here.
  public func truncate(to count: Int) {
    let left = count - (self.count - held)
    let isWhole = count == 0 || held == self.count || left >= (window ?? .max) - 1
    precondition((0...self.count).contains(count) && isWhole, "\(count) of \(self.count) rows")
    (self.count, held) = (count, max(0, left))
  }

  /// How many of the rows stay when `n` are added.
  func kept(adding n: Int) -> Int {
    guard let window, (held + n) * width > storage.floats.count else { return held }
    return min(held, window - 1)
  }

  /// The keys of a pass over `n` more positions.
  public func keys(adding n: Int) -> Int { kept(adding: n) + n }

  /// Adds the keys and values of packed rows [n, packedWidth].
  func append(_ packed: Tensor, layout: HeadLayout) {
    let (n, skip) = (packed.rows, layout.heads * layout.width)
    let kept = kept(adding: n)
    if kept < held || (kept + n) * width > storage.floats.count {
      precondition(window != nil, "the key/value cache is full")
      let room = max(storage.floats.count, (kept + n) * width)
      let target = room > storage.floats.count ? Storage(room) : storage
      let from = storage.pointer + (held - kept) * width
      target.pointer.update(from: from, count: kept * width)
      (storage, held) = (target, kept)
    }
    for row in 0..<n {
      (storage.pointer + (held + row) * width)
        .update(from: packed.pointer + row * packed.columns + skip, count: width)
    }
    (count, held) = (count + n, held + n)
  }
}

extension Tensor {
  /// softmax(q kᵀ · scale) v for every head (Vaswani and others, 2017), sequence by sequence.
  ///
  /// Packed rows [N, q | k | v] give [N, heads * width]. Only keys within `plan` are touched. With
  /// a cache the rows are added to it and their keys are all that it holds (one sequence, no tape).
  public func attention(
    _ layout: HeadLayout, _ plan: AttentionPlan, form: WeightForm = .float32,
    dropout: DropoutMask? = nil, cache: KeyValueRows? = nil
  ) -> Tensor {
    precondition(columns == layout.packedWidth, "attention of \(shape) with \(layout)")
    let (n, c) = (rows, layout.heads * layout.width)
    let (out, lse) = (Storage(n * c), Storage(layout.heads * n))
    cache?.append(self, layout: layout)
    let x = self
    let each = { (body: (inout sp_attention_t, _ row: Int) -> Void) in
      plan.each { part in
        let q = x.pointer + part.row * x.columns
        var a = layout.call(
          part, form, q, row: x.columns, to: cache?.storage.pointer ?? q + c,
          row: cache?.width ?? x.columns, out.pointer + part.row * c,
          lse.pointer + part.row * layout.heads)
        if let dropout {
          // A key a sequence, by its place in the batch: slices do not change the mask.
          let place = UInt64(dropout.firstRow + part.row) &* 0x9E37_79B9_7F4A_7C15
          a.dropout = sp_dropout_t(rate: dropout.rate, key: dropout.key ^ place)
        }
        body(&a, part.row)
      }
    }
    each { a, _ in a.attend() }
    precondition(cache == nil || tape == nil, "a cache is for reading, not for training")
    return Tensor.result("attention", of: x, shape: [n, c], storage: out) { _, g in
      x.addGradient { dx, add in
        let fresh = add ? Storage(n * x.columns) : nil
        let to = fresh?.pointer ?? dx
        each { a, row in
          let dq = to + row * x.columns
          var gradients = sp_attention_gradients_t(
            dout: g.pointer + row * c, dq: dq, dk: dq + c,
            dv: dq + c + layout.keyHeads * layout.width)
          sp_attention_backward(&a, &gradients)
        }
        if let fresh { sp_add(dx, fresh.pointer, 1, n * x.columns) }
      }
    }
  }

  /// The same for queries [Q, heads * width] of one kind of rows and the keys and values
  /// [K, k | v] of another: query i sees the keys of its range.
  public func attention(
    to keyValues: Tensor, _ layout: HeadLayout, _ ranges: KeyRanges, form: WeightForm = .float32
  ) -> Tensor {
    let (n, c, half) = (rows, layout.heads * layout.width, layout.keyHeads * layout.width)
    precondition(
      columns == c && keyValues.columns == 2 * half && keyValues.rows == ranges.keys
        && n == ranges.first.count, "attention of \(shape) to \(keyValues.shape) with \(layout)")
    let (out, lse, q, kv) = (Storage(n * c), Storage(layout.heads * n), self, keyValues)
    let plan = AttentionPlan([.init(rows: 0..<n, ranges: ranges)])
    let call = { (body: (inout sp_attention_t) -> Void) in
      plan.each { part in
        var a = layout.call(
          part, form, q.pointer, row: c, to: kv.pointer, row: 2 * half, out.pointer, lse.pointer)
        body(&a)
      }
    }
    call { $0.attend() }
    return Tensor.result("attention", of: q, kv, shape: [n, c], storage: out) { _, g in
      let (dq, dkv) = (Storage(n * c), Storage(kv.shape.count))
      var gradients = sp_attention_gradients_t(
        dout: g.pointer, dq: dq.pointer, dk: dkv.pointer, dv: dkv.pointer + half)
      call { sp_attention_backward(&$0, &gradients) }
      q.passGradient(dq)
      kv.passGradient(dkv)
    }
  }
}

extension HeadLayout {
  /// A kernel's call on rows of queries, and of keys with their values behind them.
  fileprivate func call(
    _ part: AttentionPlan.Part, _ form: WeightForm, _ q: UnsafePointer<Float>, row: Int,
    to k: UnsafePointer<Float>, row keyRow: Int, _ out: UnsafeMutablePointer<Float>,
    _ lse: UnsafeMutablePointer<Float>
  ) -> sp_attention_t {
    sp_attention_t(
      queries: part.queries, keys: part.keys, heads: heads, key_heads: keyHeads, width: width,
      bf16: form == .bf16, q: q, k: k, v: k + keyHeads * width, q_row: row, k_row: keyRow,
      first: part.first, last: part.last, scale: scale,
      dropout: sp_dropout_t(rate: 0, key: 0), out: out, out_row: heads * width, lse: lse)
  }
}

extension sp_attention_t {
  /// Lanes that were lent share the heads, which changes no bit of the result.
  fileprivate func attend() {
    let (whole, group) = (self, heads / key_heads)
    // A mask of dropout is numbered through all heads.
    let work = dropout.rate > 0 ? 0 : 8 * queries * keys * heads * width
    Lanes.shareOut(heads, by: group, work: work) { heads in
      var part = whole
      let (first, keyFirst) = (heads.lowerBound, heads.lowerBound / group)
      (part.heads, part.key_heads) = (heads.count, heads.count / group)
      part.q += first * part.width
      part.k += keyFirst * part.width
      part.v += keyFirst * part.width
      part.out += first * part.width
      part.lse += first * part.queries
      sp_attention(&part)
    }
  }
}
