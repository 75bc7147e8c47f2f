// Products with weights in every form and on every CPU path, those rehearsed here for other CPUs
// included, against loops in double over the rounded factors.

import Random
import Tensors
import Testing

/// A CPU path, or one of another CPU's, by name: what an exit test can take along.
private func force(_ name: String) -> Bool {
  if let path = Kernel.Path(rawValue: name) { return Kernel.force(path) }
  return Kernel.Rehearsal(rawValue: name).map { Kernel.force($0) } ?? false
}

private let paths =
  Kernel.Path.allCases.filter(\.isAvailable).map(\.rawValue)
  + Kernel.Rehearsal.allCases.filter(\.isAvailable).map(\.rawValue)

@Suite struct WeightFormTests {
  @Test(arguments: paths) func productsOfEveryShape(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in
      #expect(force(name))
      for m in [1, 2, 3, 4, 7, 17, 37] {
        for (k, n) in [(1, 1), (2, 17), (31, 48), (33, 15), (64, 64), (75, 41), (530, 67)] {
          for layout in [WeightLayout.inputsFirst, .outputsFirst] {
            check(m, k, n, layout)
          }
        }
      }
    }
  }

  @Test(arguments: paths) func gradientsInBF16(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in
      #expect(force(name))
      for (m, k, n) in [(1, 5, 3), (19, 33, 47), (64, 96, 65), (300, 20, 33), (530, 530, 70)] {
        for layout in [WeightLayout.inputsFirst, .outputsFirst] {
          let (exact, rounded) = (
            gradients(m, k, n, layout, .float32), gradients(m, k, n, layout, .bf16)
          )
          for (a, b) in zip(exact, rounded) {
            let (error, norm) = (length(zip(a, b).map { $0 - $1 }), length(a))
            #expect(
              error > 0 && error < 0.006 * norm, "\(name) \(m) \(k) \(n): \(error) of \(norm)")
          }
        }
      }
    }
  }

  /// Both layouts, rows and columns that no tile divides, depths beyond a block of k: what lies
  /// between the two products is rounded too, and so is what flows back through it.
  @Test(arguments: paths) func mlpInBF16(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in
      #expect(force(name))
      for (m, k, inner, n) in [
        (4, 5, 37, 3), (19, 33, 47, 20), (70, 64, 96, 64), (33, 530, 65, 20), (33, 20, 65, 530),
      ] {
        let all = [WeightLayout.inputsFirst, .outputsFirst].map { layout in
          let (exact, rounded) = (
            mlp(m, k, inner, n, layout, .float32), mlp(m, k, inner, n, layout, .bf16)
          )
          for (i, (a, b)) in zip(exact, rounded).enumerated() {
            // The last bias has the sums of what is given, which nothing rounds.
            let (error, norm) = (length(zip(a, b).map { $0 - $1 }), length(a))
            #expect(
              (error > 0 || i == 5) && error < 0.01 * norm,
              "\(name) \(m) \(k) \(inner) \(n), \(i): \(error) of \(norm)")
          }
          return rounded
        }
        // The packed numbers are the same, so all is but the order of the weights' gradients.
        for i in [0, 1, 4, 5] { #expect(all[0][i] == all[1][i], "\(name) \(m) \(k): \(i)") }
      }
    }
  }

  /// Parts of a row that several weights have made side by side.
  @Test(arguments: paths) func sideBySideInBF16(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in
      #expect(force(name))
      for (m, k, widths) in [(6, 19, [5, 17]), (70, 49, [33, 16, 3]), (40, 64, [64, 32, 32])] {
        let both = [WeightForm.float32, .bf16].map { form in
          let weights = widths.enumerated().map { i, width in
            packed(k, width, .outputsFirst, form, training: true, index: i)
          }
          let (lane, n) = (Gradients(parameterCount: widths.count), widths.reduce(0, +))
          let tape = Tape(lane)
          let x = tape.leaf(tensor([m, k], "x"))
          let y = x.linear(sideBySide: weights)
          tape.backward(from: y, seed: normals(m * n, "seed"))
          return
            ([y.values, tape.gradient(of: x) ?? []] + weights.map { Array(lane.floats(of: $0)) })
            .map { $0.map(Double.init) }
        }
        for (a, b) in zip(both[0], both[1]) {
          let (error, norm) = (length(zip(a, b).map { $0 - $1 }), length(a))
          #expect(error > 0 && error < 0.006 * norm, "\(name) \(widths): \(error) of \(norm)")
        }
      }
    }
  }

  /// Near the float32 kernel, whose own test is against loops in double: sequences longer than the
  /// blocks of queries, keys and depth, of which none sees another's keys.
  @Test(arguments: paths) func attentionInBF16(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in
      #expect(force(name))
      for (lengths, window) in [
        ([40], Int.max), ([33, 70, 5], .max), ([150], 40), ([600], 70), ([600], .max),
      ] {
        for (heads, keyHeads, width) in [(2, 1, 5), (1, 1, 16), (3, 3, 40)] {
          for dropout in [nil, DropoutMask(rate: 0.25, key: 5, firstRow: 3)] {
            let layout = HeadLayout(heads: heads, keyHeads: keyHeads, width: width)
            let (exact, rounded) = (
              attention(lengths, window, layout, dropout, .float32),
              attention(lengths, window, layout, dropout, .bf16)
            )
            for (a, b) in zip(exact, rounded) {
              let (error, norm) = (length(zip(a, b).map { $0 - $1 }), length(a))
              #expect(
                error > 0 && error < 0.01 * norm,
                "\(name) \(lengths) \(window) \(layout): \(error) of \(norm)")
            }
          }
        }
      }
    }
  }

  /// Queries of one kind of rows and keys of another, fewer of either than of the other.
  @Test(arguments: paths) func crossAttentionInBF16(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in
      #expect(force(name))
      let layout = HeadLayout(heads: 4, keyHeads: 2, width: 24)
      for (queries, keys) in [(50, 330), (330, 50)] {
        let ranges = KeyRanges(
          first: (0..<queries).map { Int32($0 * (keys - 9) / queries) },
          last: (0..<queries).map { Int32($0 * (keys - 9) / queries + 9) }, keys: keys)
        let both = [WeightForm.float32, .bf16].map { form in
          let tape = Tape(Gradients(parameterCount: 0))
          let q = tape.leaf(tensor([queries, 96], "queries"))
          let kv = tape.leaf(tensor([keys, 96], "keys and values"))
          let y = q.attention(to: kv, layout, ranges, form: form)
          tape.backward(from: y, seed: normals(queries * 96, "seed"))
          return [y.values] + [q, kv].map { tape.gradient(of: $0) ?? [] }
        }
        for (a, b) in zip(both[0], both[1]) {
          let error = length(zip(a, b).map { Double($0 - $1) })
          let norm = length(a.map(Double.init))
          #expect(error > 0 && error < 0.01 * norm, "\(queries), \(keys): \(error) of \(norm)")
        }
      }
    }
  }

  /// One to three queries are read in float32, and so is what flows back: a token that sees itself
  /// alone has no gradient of scores.
  @Test(arguments: paths) func fewQueriesStayExact(_ name: String) async {
    await #expect(processExitsWith: .success) { [name] in
      #expect(force(name))
      let layout = HeadLayout(heads: 2, width: 5)
      let exact = attention([1, 2, 3], .max, layout, nil, .float32)
      #expect(attention([1, 2, 3], .max, layout, nil, .bf16) == exact)
    }
  }

  /// Columns, panels of them, that lanes share out: no bit depends on who did them.
  @Test(arguments: WeightForm.allCases) func lanesChangeNoBit(_ form: WeightForm) {
    for layout in [WeightLayout.inputsFirst, .outputsFirst] {
      let weight = packed(700, 1_003, layout, form)
      for m in [1, 3, 9] {
        let x = tensor([m, 700], "lanes")
        let alone = x.linear(weight)
        for count in [2, 3] {
          let shared = Lanes(count).lend { x.linear(weight) }
          #expect(isEqual(alone.values, shared.values), "\(form) \(m) rows, \(count) lanes")
        }
      }
      guard form != .int8 else { continue }
      let alone = mlp(9, 70, 1_003, 130, layout, form)
      for count in [2, 3] {
        let shared = Lanes(count).lend { mlp(9, 70, 1_003, 130, layout, form) }
        #expect(shared == alone, "an mlp in \(form), \(count) lanes")
      }
    }
  }

  /// A packing is of the master as it was; in float32 the master itself is read.
  @Test func packingsAreRefreshedWhenAsked() {
    let (weight, x) = (packed(40, 24, .inputsFirst, .bf16), tensor([5, 40], "stale"))
    let before = x.linear(weight).values
    for i in weight.storage.floats.indices { weight.storage.floats[i] *= 2 }
    #expect(isEqual(x.linear(weight).values, before))
    weight.packingWork.forEach { $0() }
    #expect(isEqual(x.linear(weight).values, before.map { 2 * $0 }))
    weight.use(.float32, training: false)
    #expect(!isEqual(x.linear(weight).values, before.map { 2 * $0 }))
  }
}

/// A weight of inputs and outputs, packed in a form.
private func packed(
  _ k: Int, _ n: Int, _ layout: WeightLayout, _ form: WeightForm, training: Bool = false,
  index: Int = 0
) -> Parameter {
  let shape: Shape = layout == .inputsFirst ? [k, n] : [n, k]
  let weight = Parameter("weight", shape, .zeros, index: index, layout: layout)
  fill(weight, normals(k * n, "weight", scale: 1 / Double(k).squareRoot()))
  weight.use(form, training: training)
  weight.packingWork.forEach { $0() }
  return weight
}

/// The bf16 nearest to x, ties to even: a float32 of 8 significant bits.
private func bf16(_ x: Float) -> Double {
  let bits = x.bitPattern
  return Double(Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000))
}

private func check(_ m: Int, _ k: Int, _ n: Int, _ layout: WeightLayout) {
  let x = tensor([m, k], "x"), residual = tensor([m, n], "residual")
  let bias = Parameter("bias", [n], .zeros, index: 1)
  fill(bias, normals(n, "bias"))
  for form in WeightForm.allCases {
    let weight = packed(k, n, layout, form)
    func w(_ t: Int, _ j: Int) -> Float {
      weight.storage.floats[layout == .inputsFirst ? t * n + j : j * k + t]
    }
    let y = x.linear(weight, bias: bias, residual: residual).values
    for i in 0..<m {
      for j in 0..<n {
        var (sum, size) = (0.0, 0.0)
        for t in 0..<k {
          let (a, b) = (x.values(i, t), w(t, j))
          sum += form == .bf16 ? bf16(a) * bf16(b) : Double(a) * Double(b)
          size += abs(Double(a) * Double(b))
        }
        // Of 8 bits a weight loses half a step of its output's, of 16 a number of its row's.
        if form == .int8 {
          let top = (0..<k).reduce(Float(0)) { max($0, abs(w($1, j))) }
          let high = (0..<k).reduce(Float(0)) { max($0, abs(x.values(i, $1))) }
          let (a, b) = (0..<k).reduce((0.0, 0.0)) { total, t in
            (total.0 + Double(abs(x.values(i, t))), total.1 + Double(abs(w(t, j))))
          }
          size =
            1e-6 * size + a * Double(top) / 253 + (b + Double(k) * Double(top) / 253)
            * Double(high) / 32_000
        } else {
          size = 1e-6 * (size + 4)
        }
        let expected = sum + Double(bias.storage.floats[j]) + Double(residual.values(i, j))
        let error = abs(Double(y[i * n + j]) - expected)
        #expect(error <= size, "\(form) \(layout) \(m)×\(k)×\(n) at \(i), \(j): \(error) > \(size)")
        guard error <= size else { return }
      }
    }
  }
}

extension Tensor {
  fileprivate func values(_ i: Int, _ j: Int) -> Float { storage.floats[i * columns + j] }
}

/// The gradients of x and of the weight, for a seed of normal numbers.
private func gradients(
  _ m: Int, _ k: Int, _ n: Int, _ layout: WeightLayout, _ form: WeightForm
) -> [[Double]] {
  let weight = packed(k, n, layout, form, training: true)
  let (lane, seed) = (Gradients(parameterCount: 1), normals(m * n, "seed"))
  let tape = Tape(lane)
  let x = tape.leaf(tensor([m, k], "x"))
  tape.backward(from: x.linear(weight), seed: seed)
  return [tape.gradient(of: x) ?? [], Array(lane.floats(of: weight))].map { $0.map(Double.init) }
}

/// An mlp with biases and residual, and the gradients of x, weights and biases.
private func mlp(
  _ m: Int, _ k: Int, _ inner: Int, _ n: Int, _ layout: WeightLayout, _ form: WeightForm
) -> [[Double]] {
  let shapes: [Shape] = [[k, inner], [inner, n], [inner], [n]]
  let p = shapes.enumerated().map { i, shape in
    let isMatrix = shape.rank > 1
    let values = normals(
      shape.count, "mlp \(i)", scale: 1 / Double(isMatrix ? shape[0] : 4).squareRoot())
    let isFlipped = isMatrix && layout == .outputsFirst  // the same numbers, turned
    let parameter = Parameter(
      "\(i)", isFlipped ? [shape[1], shape[0]] : shape, .zeros, index: i,
      layout: isMatrix ? isFlipped ? .outputsFirst : .inputsFirst : nil)
    fill(
      parameter,
      isFlipped
        ? (0..<shape.count).map { values[$0 % shape[0] * shape[1] + $0 / shape[0]] } : values)
    parameter.use(form, training: true)
    parameter.packingWork.forEach { $0() }
    return parameter
  }
  let lane = Gradients(parameterCount: 4)
  let tape = Tape(lane)
  let (x, residual) = (tape.leaf(tensor([m, k], "x")), tape.leaf(tensor([m, n], "residual")))
  let y = x.mlp(p[0], bias: p[2], p[1], bias: p[3], residual: residual)
  tape.backward(from: y, seed: normals(m * n, "seed"))
  return ([y.values, tape.gradient(of: x) ?? []] + p.map { Array(lane.floats(of: $0)) })
    .map { $0.map(Double.init) }
}

/// Attention of sequences one behind another, and the gradient of its input.
private func attention(
  _ lengths: [Int], _ window: Int, _ layout: HeadLayout, _ dropout: DropoutMask?,
  _ form: WeightForm
) -> [[Double]] {
  let count = lengths.reduce(0, +)
  let starts = lengths.indices.map { lengths[..<$0].reduce(0, +) }
  let plan = AttentionPlan(
    zip(starts, lengths).map { start, n in
      .init(
        rows: start..<start + n,
        ranges: ranges(queries: n, keys: n, causal: true, window: window))
    })
  let tape = Tape(Gradients(parameterCount: 0))
  let x = tape.leaf(tensor([count, layout.packedWidth], "attention"))
  let y = x.attention(layout, plan, form: form, dropout: dropout)
  tape.backward(from: y, seed: normals(count * layout.heads * layout.width, "seed"))
  return [y.values, tape.gradient(of: x) ?? []].map { $0.map(Double.init) }
}

private func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
