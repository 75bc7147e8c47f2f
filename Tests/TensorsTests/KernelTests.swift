// The kernels of every CPU path against plain loops in double, and against their own derivatives.
//
// The choice of a path is global, so each is forced in a process of its own: other tests go on with
// the path that they began with.

import Glibc
import Random
import Tensors
import Testing

@Suite struct KernelTests {
  @Test(arguments: Kernel.Path.allCases.filter(\.isAvailable))
  func agreesWithPlainLoops(_ path: Kernel.Path) async {
    await #expect(processExitsWith: .success) { [name = path.rawValue as String] in
      let path = try #require(Kernel.Path(rawValue: name))
      #expect(Kernel.force(path) && Kernel.path == path)
      checkProducts()
      checkNorms()
      checkExponential()
      checkGelu()
      checkSwiGLU()
      checkCrossEntropy()
      checkAttention()
      checkDropout()
      checkOptimizers()
    }
  }

  @Test(arguments: Kernel.Path.allCases.filter(\.isAvailable))
  func hasTheRightGradients(_ path: Kernel.Path) async {
    await #expect(processExitsWith: .success) { [name = path.rawValue as String] in
      let path = try #require(Kernel.Path(rawValue: name))
      #expect(Kernel.force(path))
      let cases =
        linearCases + mlpCases + sideBySideCases + rowwiseCases + attentionCases + crossCases
      for c in cases {
        c.check()
      }
    }
  }

  /// Where OpenBLAS is installed the portable path multiplies with it: here without.
  @Test func multipliesWithoutOpenBLAS() async {
    await #expect(processExitsWith: .success) {
      setenv("SPECOLA_NO_OPENBLAS", "1", 1)
      #expect(Kernel.force(.portable) && Kernel.openBLAS == nil)
      checkProducts()
    }
  }

  @Test func refusesAMissingPath() {
    for path in Kernel.Path.allCases where !path.isAvailable {
      let before = Kernel.path
      #expect(!Kernel.force(path) && Kernel.path == before)
    }
    #expect(Kernel.Path.portable.isAvailable && Kernel.path.isAvailable)
    #expect(Kernel.multiplyAdds(rounds: 1_000) >= 1_000 * 12 * 4 * 2)
  }
}

/// What float32 sums of up to 800 terms of size 1 may lose; terms add up to some tens.
private let tolerance = 3e-5

// MARK: - Products

/// A [m, k] B [k, n] in double, each possibly transposed in memory.
private func product(
  _ a: [Float], _ b: [Float], _ m: Int, _ n: Int, _ k: Int, aTransposed: Bool = false,
  bTransposed: Bool = false
) -> [Double] {
  var c = [Double](repeating: 0, count: m * n)
  for i in 0..<m {
    for t in 0..<k {
      let x = Double(a[aTransposed ? t * m + i : i * k + t])
      for j in 0..<n { c[i * n + j] += x * Double(b[bTransposed ? j * k + t : t * n + j]) }
    }
  }
  return c
}

private func checkProducts() {
  let (widths, depths) = (
    [1, 3, 15, 16, 17, 48, 49, 63, 100], [1, 2, 5, 16, 33, 97, 383, 384, 400]
  )
  var sizes = [(5, 391, 401), (13, 30, 800), (70, 790, 9), (401, 6, 10), (12, 385, 1)]
  for m in 1...9 {
    for (i, n) in widths.enumerated() { sizes.append((m, n, depths[(i + m) % depths.count])) }
  }
  for (m, n, k) in sizes {
    for layout in [WeightLayout.inputsFirst, .outputsFirst] {
      let (name, flipped) = ("\(m)×\(n)×\(k) \(layout)", layout == .outputsFirst)
      let p = parameters([flipped ? [n, k] : [k, n], [n]], name)
      let (x, seed) = (tensor([m, k], name), normals(m * n, name + " seed"))
      let (w, bias) = (p[0].tensor.values, p[1].tensor.values)
      let gradients = Gradients(parameterCount: 2)
      var (y, dx): ([Float], [Float]?) = ([], nil)
      for _ in 0..<2 {  // Twice: gradients of parameters add up until the step ends.
        let tape = Tape(gradients)
        let leaf = tape.leaf(x)
        let out = leaf.linear(p[0], bias: p[1], layout: layout)
        tape.backward(from: out, seed: seed)
        (y, dx) = (out.values, tape.gradient(of: leaf))
      }
      let expected = product(x.values, w, m, n, k, bTransposed: flipped)
      let sums = (0..<n).map { j in
        2 * (0..<m).reduce(0.0) { $0 + Double(seed[$1 * n + j]) }
      }
      let dw =
        flipped
        ? product(seed, x.values, n, k, m, aTransposed: true)
        : product(x.values, seed, k, n, m, aTransposed: true)
      let worst = [
        distance(y, expected.enumerated().map { $1 + Double(bias[$0 % n]) }),
        distance(dx ?? [], product(seed, w, m, k, n, bTransposed: !flipped)),
        distance(Array(gradients.floats(of: p[0])), dw.map { 2 * $0 }),
        distance(Array(gradients.floats(of: p[1])), sums),
      ]
      #expect(worst.allSatisfy { $0 < tolerance }, "\(name): \(worst)")
    }
  }
}

// MARK: - SwiGLU

/// Over the whole range of float32: nothing overflows, and a NaN goes through.
private func checkSwiGLU() {
  let sweep = stride(from: -100, through: 100, by: 0.37).map { Float($0) }
  let special: [Float] = [0, -0.0, -1e-30, -87, -89, -1e4, -3e38, 1e38, 1e30, .nan, -.infinity]
  let a = sweep + special
  let b = a.indices.map { Float($0 % 7) - 3.5 }
  let n = a.count
  let tape = Tape(Gradients(parameterCount: 0))
  let (x, y) = (tape.leaf(Tensor([n], a)), tape.leaf(Tensor([n], b)))
  let z = x.swiglu(y)
  tape.backward(from: z)
  let sigmoids = a.map { $0 < -700 ? 0 : 1 / (1 + exp(-Double($0))) }
  func silu(_ i: Int) -> Double { sigmoids[i] == 0 ? 0 : Double(a[i]) * sigmoids[i] }
  #expect(distance(z.values, a.indices.map { silu($0) * Double(b[$0]) }) < tolerance)
  #expect(distance(tape.gradient(of: y) ?? [], a.indices.map(silu)) < tolerance)
  let slopes = a.indices.map { i in
    let s = sigmoids[i]
    return Double(b[i]) * (s + (s == 0 || s == 1 ? 0 : Double(a[i]) * s * (1 - s)))
  }
  #expect(distance(tape.gradient(of: x) ?? [], slopes) < tolerance)
}

// MARK: - Norms

private func checkNorms() {
  for n in Array(1...40) + [100, 257] {
    for isRMS in [false, true] {
      let p = parameters([[n], [n]], "norm \(n)")
      let x = Tensor([3, n], normals(3 * n, "norm \(n)").map { 2 * $0 + 5 })
      let y = x.norm(gain: p[0], bias: isRMS ? nil : p[1], epsilon: 1e-5)
      var expected: [Double] = []
      for row in 0..<3 {
        let values = x.row(row).values.map(Double.init)
        let mean = isRMS ? 0 : values.reduce(0, +) / Double(n)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
        for (j, value) in values.enumerated() {
          let z = (value - mean) / (variance + 1e-5).squareRoot()
          expected.append(
            z * Double(p[0].tensor.values[j]) + (isRMS ? 0 : Double(p[1].tensor.values[j])))
        }
      }
      // One number is its own mean: what is left is rounding, times 1 / √epsilon.
      #expect(distance(y.values, expected) < (n == 1 ? 1e-3 : tolerance), "norm of \(n) \(isRMS)")
    }
  }
}

// MARK: - Exponential, softmax and gelu

private func checkExponential() {
  let sweep = stride(from: -104, through: 0, by: 0.013).map { Float($0) }
  let special: [Float] = [
    0, -0.0, -0x1p-133, -0x1p-149, -1e-7, -87.33654, -87.4, -88, -104, -1e4, -3e38,
  ]
  for x in sweep + special {
    let e = Double(softmax([0, x], rows: 1)[1])
    let expected = exp(Double(x)) / (1 + exp(Double(x)))
    // 2 ulp of the exponential, and half an ulp of x - log(1 + e^x), which is x below -20. Under
    // the normal numbers 0 will do.
    let tolerance = 2.4e-7 + 1.2e-7 * (x < -20 ? 1 : 1 - Double(x))
    let isRight = abs(e - expected) <= tolerance * expected + (x < -87.3 ? 1.2e-38 : 0)
    #expect(isRight, "softmax(0, \(x)) = \(e), not \(expected)")
  }
  for n in [1, 2, 3, 5, 8, 15, 16, 17, 33, 100] {
    let x = normals(4 * n, "softmax \(n)", scale: 3)
    let huge: [Float] = [1e4, -1e4, -.infinity, 3e38]
    let rows = (0..<4).flatMap { row in
      (0..<n).map { j in j == 4 ? huge[row] : x[row * n + j] }
    }
    let y = softmax(rows, rows: 4)
    let expected = (0..<4).flatMap { softmax(rows[$0 * n..<($0 + 1) * n].map(Double.init)) }
    #expect(distance(y, expected) < 2e-6, "softmax of \(n)")
    let broken = softmax((0..<n).map { $0 == n / 2 ? .nan : 0 }, rows: 1)
    #expect(broken.allSatisfy { $0.isNaN }, "a NaN among \(n) is lost")
  }
}

/// The softmax of each row: the derivative of the cross-entropy with an impossible target.
private func softmax(_ x: [Float], rows: Int) -> [Float] {
  let n = x.count / rows
  let scores = (0..<rows).flatMap { [-.infinity] + x[$0 * n..<($0 + 1) * n] }
  let tape = Tape(Gradients(parameterCount: 0))
  let leaf = tape.leaf(Tensor([rows, n + 1], scores))
  tape.backward(from: leaf.crossEntropy([Int32](repeating: 0, count: rows)).sum)
  let gradient = tape.gradient(of: leaf) ?? []
  return (0..<rows).flatMap { gradient[$0 * (n + 1) + 1..<($0 + 1) * (n + 1)] }
}

private func softmax(_ x: [Double]) -> [Double] {
  let top = x.max() ?? 0
  let e = x.map { exp($0 - top) }
  let total = e.reduce(0, +)
  return e.map { $0 / total }
}

private func checkGelu() {
  let sweep = stride(from: -15, through: 15, by: 0.0017).map { Float($0) }
  let special: [Float] = [
    0, 0x1p-133, -0x1p-133, 0x1p-149, 88, -88, 104, -104, 1e4, -1e4, 1e19, -1e13,
  ]
  let x = sweep + special + [-1e19, 2e19, -2e19, 1e38, -1e38, .infinity, -.infinity]
  let tape = Tape(Gradients(parameterCount: 1))
  let one = Parameter("one", [1, 1], .ones, index: 0)
  fill(one, [1])
  let leaf = tape.leaf(Tensor([x.count, 1], x))
  let y = leaf.mlp(one, one)
  tape.backward(from: y)
  let slopes = tape.gradient(of: leaf) ?? []
  for (i, x) in x.enumerated() {
    // The limits are 0 and x; in between, 0.044715 x³ overflows even in double only far outside.
    let z = min(max(Double(x), -30), 30)
    let u = 0.7978845608028654 * (z + 0.044715 * z * z * z)
    let share = 1 / (1 + exp(-2 * u))
    let value = x < -30 ? 0 : Double(x) * share
    let slope =
      share + z * share * (1 - share) * 2 * 0.7978845608028654 * (1 + 3 * 0.044715 * z * z)
    let isRight =
      Double(y.values[i]) == value || abs(Double(y.values[i]) - value) <= 1e-6 * max(abs(value), 1)
    #expect(isRight, "gelu(\(x)) = \(y.values[i]), not \(value)")
    #expect(abs(Double(slopes[i]) - slope) <= 2e-6, "gelu'(\(x)) = \(slopes[i]), not \(slope)")
  }
  let broken = Tensor([5, 1], [1, .nan, 1, 1, .nan]).mlp(one, one).values
  #expect(broken.map { $0.isNaN } == [false, true, false, false, true])
}

// MARK: - Cross-entropy

private func checkCrossEntropy() {
  for n in [1, 2, 5, 16, 19, 33, 100] {
    let plain = normals(6 * n, "cross-entropy \(n)", scale: 2)
    let extremes: [Float?] = [nil, 1e4, -1e4, -.infinity, nil, nil]
    var x = plain
    for row in 0..<6 {
      if let extreme = extremes[row], n > 1 { x[row * n + 1] = extreme }
    }
    let targets = [0, n - 1, 0, 0, -1, n / 2].map(Int32.init)
    let tape = Tape(Gradients(parameterCount: 0))
    let leaf = tape.leaf(Tensor([6, n], x))
    let (sum, losses) = leaf.crossEntropy(targets)
    tape.backward(from: sum, seed: [0.5])
    var (expected, gradient): ([Double], [Double]) = ([], [])
    for (row, target) in targets.enumerated() {
      let scores = x[row * n..<(row + 1) * n].map(Double.init)
      let top = scores.max() ?? 0
      let lse = top + log(scores.reduce(0) { $0 + exp($1 - top) })
      expected.append(target < 0 ? 0 : lse - scores[Int(target)])
      gradient += scores.enumerated().map { j, score in
        target < 0 ? 0 : 0.5 * (exp(score - lse) - (j == Int(target) ? 1 : 0))
      }
    }
    #expect(distance(Array(losses.floats), expected) < 2e-6, "losses of \(n)")
    #expect(distance(sum.values, [expected.reduce(0, +)]) < 2e-6, "their sum, \(n)")
    // The logarithm of a row with a score of 1e4 is known to 5e-4 only.
    let error = distance(tape.gradient(of: leaf) ?? [], gradient)
    #expect(error < 1e-3, "their gradient, \(n): \(error)")
  }
  let impossible = Tensor([1, 3], [0, -.infinity, 1]).crossEntropy([1]).losses.floats[0]
  #expect(impossible == .infinity)
  #expect(Tensor([1, 3], [0, .nan, 1]).crossEntropy([0]).losses.floats[0].isNaN)
}

// MARK: - Attention

/// Attention of one sequence, a row at a time.
private func attention(_ x: Tensor, _ layout: HeadLayout, _ ranges: KeyRanges) -> [Double] {
  let (values, w) = (x.values.map(Double.init), layout.width)
  let (keyColumn, valueColumn) = (layout.heads * w, (layout.heads + layout.keyHeads) * w)
  var out = [Double](repeating: 0, count: x.rows * layout.heads * w)
  for i in 0..<x.rows {
    for h in 0..<layout.heads {
      let keys = Array(ranges.first[i]..<ranges.last[i]).map(Int.init)
      let group = h / (layout.heads / layout.keyHeads) * w
      let weights = softmax(
        keys.map { j in
          (0..<w).reduce(0) {
            $0 + values[i * x.columns + h * w + $1] * values[j * x.columns + keyColumn + group + $1]
          } * Double(layout.scale)
        })
      for (j, weight) in zip(keys, weights) {
        for c in 0..<w {
          out[(i * layout.heads + h) * w + c] +=
            weight * values[j * x.columns + valueColumn + group + c]
        }
      }
    }
  }
  return out
}

private func checkAttention() {
  for n in [1, 2, 3, 4, 5, 7, 16, 33, 63, 64, 65, 127, 130] {
    for (heads, keyHeads, width) in [(1, 1, 1), (2, 1, 5), (4, 2, 16), (3, 3, 19), (1, 1, 64)] {
      let layout = HeadLayout(heads: heads, keyHeads: keyHeads, width: width)
      let x = tensor([n, layout.packedWidth], "attention \(n) \(width)", scale: 1.5)
      for (causal, window) in [(true, Int.max), (true, 9), (false, .max)] {
        let ranges = ranges(
          queries: n, keys: n, causal: causal, window: window, documents: n > 40 ? [0, 37] : [0])
        let plan = AttentionPlan([.init(rows: 0..<n, ranges: ranges)])
        let error = distance(x.attention(layout, plan).values, attention(x, layout, ranges))
        #expect(error < 1e-5, "\(n) rows, \(layout), causal \(causal), window \(window): \(error)")
      }
    }
  }
  // Scores of ±1e4 leave one key with all of the weight.
  let layout = HeadLayout(heads: 1, width: 1, scale: 1)
  let x = Tensor([5, 3], (0..<5).flatMap { [100, $0 == 1 ? 100 : -100, Float($0)] })
  let plan = AttentionPlan([.init(rows: 0..<5, ranges: ranges(queries: 5, keys: 5, causal: true))])
  #expect(distance(x.attention(layout, plan).values, [0, 1, 1, 1, 1]) < 1e-6)
  // A key that is no number, whatever its bits, is seen by its own row and those behind.
  for bits: UInt32 in [0x7FC0_0000, 0x7FFF_FFFF, 0xFFFF_FFFF] {
    let nan = Float(bitPattern: bits)
    let broken = Tensor([5, 3], (0..<5).flatMap { [1, $0 == 2 ? nan : 1, Float($0)] })
    let isBroken = broken.attention(layout, plan).values.map { $0.isNaN }
    #expect(isBroken == [false, false, true, true, true], "\(bits)")
  }
}

// MARK: - Dropout

private func checkDropout() {
  let (rows, columns) = (400, 257)
  let ones = Tensor([rows, columns], repeatElement(1, count: rows * columns))
  for rate: Float in [0.1, 0.5, 0.9] {
    let mask = DropoutMask(rate: rate, key: 3, firstRow: 0)
    let y = ones.dropout(mask).values
    #expect(y.allSatisfy { $0 == 0 || abs($0 * (1 - rate) - 1) < 1e-6 })
    #expect(isEqual(ones.dropout(mask).values, y), "the same key gives another mask")
    // Five standard deviations of a binomial count, over the whole, a row and a column.
    func expectShare(_ values: [Float], _ name: String) {
      let (n, p) = (Double(values.count), Double(rate))
      let removed = Double(values.count { $0 == 0 })
      #expect(abs(removed - n * p) < 5 * (n * p * (1 - p)).squareRoot(), "\(name): \(removed / n)")
    }
    expectShare(y, "rate \(rate)")
    expectShare(Array(y[columns * 9..<columns * 10]), "rate \(rate), a row")
    expectShare((0..<rows).map { y[$0 * columns + 5] }, "rate \(rate), a column")
    // Another key is another mask: where both remove, the shares multiply.
    for key: UInt64 in [4, 3 | 1 << 32, 3 | 1 << 63] {
      let other = ones.dropout(DropoutMask(rate: rate, key: key, firstRow: 0)).values
      let (n, p) = (Double(y.count), Double(rate * rate))
      let both = Double(zip(y, other).count { $0 == 0 && $1 == 0 })
      #expect(abs(both - n * p) < 5 * (n * p * (1 - p)).squareRoot(), "key \(key): \(both / n)")
    }
    for first in [1, 13, 399] {
      let slice = Tensor([rows - first, columns], ones.values[(first * columns)...])
      let masked = slice.dropout(DropoutMask(rate: rate, key: 3, firstRow: first)).values
      #expect(isEqual(masked, Array(y[(first * columns)...])), "rows from \(first)")
    }
  }
  // Sequences at once or one by one, wherever a slice begins.
  let layout = HeadLayout(heads: 2, keyHeads: 1, width: 5)
  let lengths = [3, 70, 1, 12]
  let starts = lengths.indices.map { lengths[..<$0].reduce(0, +) }
  let x = tensor([86, layout.packedWidth], "sequences")
  let key = DropoutMask(rate: 0.4, key: 77, firstRow: 10)
  func plan(_ indices: Range<Int>) -> AttentionPlan {
    AttentionPlan(
      indices.map {
        let start = starts[$0] - starts[indices.lowerBound]
        let keys = ranges(queries: lengths[$0], keys: lengths[$0], causal: true)
        return .init(rows: start..<start + lengths[$0], ranges: keys)
      })
  }
  let whole = x.attention(layout, plan(0..<4), dropout: key).values
  for i in lengths.indices {
    let part = x.values[starts[i] * x.columns..<(starts[i] + lengths[i]) * x.columns]
    let alone = Tensor([lengths[i], x.columns], part).attention(
      layout, plan(i..<i + 1), dropout: DropoutMask(rate: 0.4, key: 77, firstRow: 10 + starts[i]))
    #expect(isEqual(alone.values, Array(whole[starts[i] * 10..<(starts[i] + lengths[i]) * 10])))
  }
}

// MARK: - Optimizers

private func checkOptimizers() {
  for n in [1, 7, 16, 33, 100] {
    let start = normals(n, "weights \(n)")
    let (w, m, v) = (Storage(n), Storage(zeros: n), Storage(zeros: n))
    let (u, velocity) = (Storage(n), Storage(zeros: n))
    _ = w.floats.update(fromContentsOf: start)
    _ = u.floats.update(fromContentsOf: start)
    var (a, b, c) = (
      start.map(Double.init), [Double](repeating: 0, count: n), start.map { _ in 0.0 }
    )
    var (e, f) = (a, b)
    for step in 1...20 {
      let gradient = normals(n, "gradient \(n) \(step)", scale: 10)
      let g = Storage(n)
      _ = g.floats.update(fromContentsOf: gradient)
      Updates.adamW(
        w.floats, first: m.floats, second: v.floats, gradient: g.floats, step: step, rate: 0.01,
        betas: (0.9, 0.95), epsilon: 1e-8, decay: 0.1, scale: 0.25)
      Updates.momentum(
        u.floats, velocity: velocity.floats, gradient: g.floats, rate: 0.01, beta: 0.9, decay: 0.1,
        scale: 0.25)
      for i in 0..<n {
        let d = Double(gradient[i]) * 0.25
        (b[i], c[i]) = (0.9 * b[i] + 0.1 * d, 0.95 * c[i] + 0.05 * d * d)
        let (first, second) = (
          b[i] / (1 - pow(0.9, Double(step))), c[i] / (1 - pow(0.95, Double(step)))
        )
        a[i] -= 0.01 * 0.1 * a[i]
        a[i] -= 0.01 * first / (second.squareRoot() + 1e-8)
        f[i] = 0.9 * f[i] + d + 0.1 * e[i]
        e[i] -= 0.01 * f[i]
      }
    }
    let worst = [
      distance(Array(w.floats), a), distance(Array(m.floats), b), distance(Array(v.floats), c),
      distance(Array(u.floats), e), distance(Array(velocity.floats), f),
    ]
    #expect(worst.allSatisfy { $0 < 3e-6 }, "\(n) weights after 20 steps: \(worst)")
    let others = [normals(n, "b"), normals(n, "c")].map { values in
      let storage = Storage(n)
      _ = storage.floats.update(fromContentsOf: values)
      return storage
    }
    let before = Array(w.floats)
    let squares = Updates.reduce(w.floats, adding: others.map(\.floats))
    let sums = zip(before, zip(others[0].floats, others[1].floats)).map { Double($0 + $1.0 + $1.1) }
    #expect(distance(Array(w.floats), sums) < 1e-6)
    #expect(abs(squares - sums.reduce(0) { $0 + $1 * $1 }) < 1e-5 * squares)
  }
}
