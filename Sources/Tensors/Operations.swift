// Every operation: compute the value, then say how the gradient flows back.
// N rows (tokens), C width, V vocabulary. Rows of all sequences of a batch stand one after another.

import CKernels

extension Tensor {
  /// Records an operation if any input is recorded, else makes a constant.
  static func result(
    _ label: @autoclosure () -> String, of inputs: Tensor..., shape: Shape, storage: Storage,
    backward: @escaping (Tape, inout Storage) -> Void
  ) -> Tensor {
    guard let tape = inputs.lazy.compactMap(\.tape).first else {
      return Tensor(shape, storage, nil)
    }
    return tape.record(label(), shape, storage) { [unowned tape] in backward(tape, &$0) }
  }

  /// silu(x) · y, element by element: the gated unit of Shazeer (2020).
  public func swiglu(_ y: Tensor) -> Tensor {
    precondition(shape == y.shape, "cannot gate \(y.shape) by \(shape)")
    let (x, n, out) = (self, shape.count, Storage(shape.count))
    sp_swiglu(out.pointer, x.pointer, y.pointer, n)
    return Tensor.result("swiglu", of: x, y, shape: shape, storage: out) { _, g in
      let (dx, dy) = (Storage(n), Storage(n))
      sp_swiglu_backward(dx.pointer, dy.pointer, g.pointer, x.pointer, y.pointer, n)
      x.passGradient(dx)
      y.passGradient(dy)
    }
  }

  /// The same numbers under another shape of as many.
  public func reshaped(_ shape: Shape) -> Tensor {
    let x = self
    return Tensor.result("reshape", of: x, shape: shape, storage: storage) { _, g in
      x.passGradient(g)
    }
  }

  /// The largest number of every column in each range of rows, [ranges, C].
  ///
  /// The gradient goes to the row that has it, in equal parts where several do.
  public func largest(in ranges: [Range<Int>]) -> Tensor {
    precondition(ranges.allSatisfy { !$0.isEmpty && $0.upperBound <= rows }, "\(ranges) of \(rows)")
    let (x, n, c) = (self, ranges.count, columns)
    let out = Storage(n * c)
    for (i, range) in ranges.enumerated() {
      let top = out.pointer + i * c
      top.update(from: x.pointer + range.lowerBound * c, count: c)
      for row in range.dropFirst() {
        for j in 0..<c { top[j] = max(top[j], x.pointer[row * c + j]) }
      }
    }
    return Tensor.result("largest", of: x, shape: [n, c], storage: out) { _, g in
      x.addGradient { dx, add in
        if !add { dx.update(repeating: 0, count: x.shape.count) }
        for (i, range) in ranges.enumerated() {
          for j in 0..<c {
            let places = range.lazy.map { $0 * c + j }
              .filter { x.pointer[$0] == out.pointer[i * c + j] }
            let share = g.pointer[i * c + j] / Float(max(1, places.count { _ in true }))
            for place in places { dx[place] += share }
          }
        }
      }
    }
  }

  /// (x - mean) / deviation * gain + bias of each row (Ba and others, 2016).
  ///
  /// Without a bias it is the RMS norm: no mean is taken (Zhang & Sennrich 2019).
  public func norm(gain: Parameter, bias: Parameter?, epsilon: Float) -> Tensor {
    let (n, c) = (rows, columns)
    let (out, rstd) = (Storage(n * c), Storage(n))
    let mean = bias == nil ? nil : Storage(n)
    sp_norm(
      out.pointer, mean?.pointer, rstd.pointer, pointer, gain.pointer, bias?.pointer, n, c, epsilon)
    let x = self
    return Tensor.result("norm " + gain.name, of: x, shape: shape, storage: out) { tape, g in
      let dgain = tape.gradients.zeroedTarget(gain)
      let dbias = bias.map { tape.gradients.zeroedTarget($0) }
      x.addGradient { dx, add in
        sp_norm_backward(
          dx, add, dgain, dbias, g.pointer, x.pointer, gain.pointer, mean?.pointer, rstd.pointer,
          n, c)
      }
    }
  }

  /// The element-wise sum of two tensors of one shape.
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    precondition(a.shape == b.shape, "cannot add \(b.shape) to \(a.shape)")
    let out = Storage(a.shape.count)
    _ = out.floats.update(fromContentsOf: a.storage.floats)
    sp_add(out.pointer, b.pointer, 1, a.shape.count)
    return Tensor.result("+", of: a, b, shape: a.shape, storage: out) { _, g in
      a.passGradient(g)
      b.passGradient(g)
    }
  }

  /// Zeroes each number with probability `mask.rate` and scales the rest by 1 / (1 - rate).
  ///
  /// `residual` is added to the result. The mask is a hash of key and position, never stored.
  public func dropout(_ mask: DropoutMask, adding residual: Tensor? = nil) -> Tensor {
    let (out, n) = (Storage(shape.count), shape.count)
    if let residual { _ = out.floats.update(fromContentsOf: residual.storage.floats) }
    let start = UInt64(mask.firstRow) * UInt64(columns)
    sp_dropout(out.pointer, pointer, mask.code, start, residual != nil, n)
    let x = self
    return Tensor.result(
      "dropout", of: x, residual ?? x, shape: shape, storage: out
    ) { _, g in
      x.addGradient { dx, add in sp_dropout(dx, g.pointer, mask.code, start, add, n) }
      residual?.passGradient(g)
    }
  }

  /// Rows of a table [V, C] by id, [N, C]; `tape` records it when a gradient is wanted.
  ///
  /// With `each` above 1 so many ids that follow one another are summed to a row.
  public static func rows(
    of table: Parameter, at ids: [Int32], summing each: Int = 1, tape: Tape?
  ) -> Tensor {
    let (n, c) = (ids.count / each, table.shape[1])
    precondition(n * each == ids.count, "\(ids.count) ids, \(each) a row")
    let out = Storage(n * c)
    for (i, id) in ids.enumerated() {
      precondition(
        id >= 0 && id < table.shape[0], "\(table.name): id \(id) in a table of \(table.shape[0])")
      let (to, from) = (out.pointer + i / each * c, table.pointer + Int(id) * c)
      if i % each == 0 { to.update(from: from, count: c) } else { sp_add(to, from, 1, c) }
    }
    guard let tape else { return Tensor([n, c], out, nil) }
    return tape.record("rows of " + table.name, [n, c], out) { [unowned tape] g in
      let d = tape.gradients.zeroedTarget(table)
      for (i, id) in ids.enumerated() { sp_add(d + Int(id) * c, g.pointer + i / each * c, 1, c) }
    }
  }

  /// Cross-entropy of logits [N, V] against ids, in nats; an id of -1 is not scored.
  ///
  /// - Returns: the sum as a [1] tensor, and the loss of every row (0 where not scored).
  public func crossEntropy(_ targets: [Int32]) -> (sum: Tensor, losses: Storage) {
    precondition(targets.count == rows, "\(rows) rows of logits, \(targets.count) targets")
    precondition(targets.allSatisfy { $0 < columns }, "a target outside \(columns) classes")
    let (n, v) = (rows, columns)
    let (losses, lse, total) = (Storage(n), Storage(n), Storage(1))
    sp_cross_entropy(losses.pointer, lse.pointer, pointer, targets, n, v)
    total.floats[0] = Float(losses.floats.reduce(0.0) { $0 + Double($1) })
    let x = self
    let sum = Tensor.result("cross-entropy", of: x, shape: [1], storage: total) { _, g in
      x.addGradient { dx, add in
        let fresh = add ? Storage(n * v) : nil
        let to = fresh?.pointer ?? dx
        sp_cross_entropy_backward(to, x.pointer, lse.pointer, targets, g.floats[0], n, v)
        if let fresh { sp_add(dx, fresh.pointer, 1, n * v) }
      }
    }
    return (sum, losses)
  }

  /// The entropy of the softmax of each row of scores, in nats; nothing is recorded.
  public func entropies() -> [Float] {
    [Float](unsafeUninitializedCapacity: rows) { out, count in
      sp_entropies(out.baseAddress, pointer, rows, columns)
      count = rows
    }
  }
}

/// Which numbers a dropout removes: a pure function of key and position.
public struct DropoutMask: Sendable {
  public var rate: Float
  public var key: UInt64
  /// The batch row of the first row, so that a batch in slices gets the mask of the whole.
  public var firstRow: Int

  public init(rate: Float, key: UInt64, firstRow: Int) {
    (self.rate, self.key, self.firstRow) = (rate, key, firstRow)
  }

  var code: sp_dropout_t { sp_dropout_t(rate: rate, key: key) }
}
