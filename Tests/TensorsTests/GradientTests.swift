// Every derivative against central differences of the forward function.
//
// The loss is the sum of the output times random weights, in double. Along a random direction d its
// derivative must be gradient · d. Differences are of fourth order with a step of 1/256: they err
// by some (√width h)⁴ < 1e-6 for their order and by 6e-8 / h = 2e-5 for float32's rounding, both
// times a small factor that grows with the number of operations. 5e-4 of the gradient's norm leaves
// room for that, and one wrong number among 3,000 moves the product by more than it (1/√3000 =
// 2e-2).

import Random
import Tensors
import Testing

/// An operation under test: its inputs and parameters, and how they are used.
struct GradientCase: Sendable, CustomTestStringConvertible {
  typealias Body = @Sendable (_ x: [Tensor], _ p: [Parameter], _ tape: Tape?) -> Tensor

  let name: String
  var inputs: [Shape] = []
  var shapes: [Shape] = []
  let body: Body

  var testDescription: String { name }

  init(_ name: String, _ inputs: [Shape], _ shapes: [Shape] = [], _ body: @escaping Body) {
    (self.name, self.inputs, self.shapes, self.body) = (name, inputs, shapes, body)
  }

  /// Expects the gradients of every input and parameter to be the slopes of the loss.
  func check() {
    let values = inputs.enumerated().map { normals($1.count, "\(name) x\($0)") }
    let leaves = zip(inputs, values).map(Tensor.init)
    let p = parameters(shapes, name)
    let tape = Tape(Gradients(parameterCount: p.count))
    let x = leaves.map(tape.leaf)
    let y = body(x, p, tape)
    let weights = normals(y.shape.count, name + " weights")
    #expect(isEqual(body(leaves, p, nil).values, y.values), "the tape changes the result")
    tape.backward(from: y, seed: weights)

    func loss(_ x: [Tensor]) -> Double {
      zip(body(x, p, nil).values, weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    for (i, value) in values.enumerated() {
      guard let gradient = tape.gradient(of: x[i]) else {
        Issue.record("nothing reached input \(i)")
        continue
      }
      expectSlope("input \(i)", at: value, gradient) { moved in
        var x = leaves
        x[i] = Tensor(inputs[i], moved)
        return loss(x)
      }
    }
    for parameter in p {
      let value = parameter.tensor.values
      let gradient = Array(tape.gradients.floats(of: parameter))
      expectSlope(parameter.name, at: value, gradient) { moved in
        fill(parameter, moved)
        defer { fill(parameter, value) }
        return loss(leaves)
      }
    }
  }

  /// Compares gradient · d with the slope of `loss` along d, for two random directions d.
  private func expectSlope(
    _ place: String, at x: [Float], _ gradient: [Float], loss: ([Float]) -> Double
  ) {
    let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    #expect(norm > 1e-3, "\(name), \(place): the gradient vanishes")
    for trial in 0..<2 {
      let d = normals(x.count, "\(name) \(place) direction \(trial)")
      func central(_ h: Float) -> Double {
        func moved(_ h: Float) -> Double { loss(zip(x, d).map { $0 + h * $1 }) }
        return (moved(h) - moved(-h)) / (2 * Double(h))
      }
      let numeric = (4 * central(1 / 256) - central(1 / 128)) / 3
      let exact = zip(gradient, d).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      #expect(
        abs(numeric - exact) <= 5e-4 * max(norm, 0.1),
        "\(name), \(place): differences \(numeric), tape \(exact), norm of the gradient \(norm)"
      )
    }
  }
}

@Suite struct GradientTests {
  @Test(arguments: linearCases) func linear(_ c: GradientCase) { c.check() }
  @Test(arguments: mlpCases) func mlp(_ c: GradientCase) { c.check() }
  @Test(arguments: rowwiseCases) func rowwise(_ c: GradientCase) { c.check() }
  @Test(arguments: attentionCases) func attention(_ c: GradientCase) { c.check() }
  @Test(arguments: sideBySideCases) func sideBySide(_ c: GradientCase) { c.check() }
  @Test(arguments: crossCases) func cross(_ c: GradientCase) { c.check() }
  @Test(arguments: sharedCases) func shared(_ c: GradientCase) { c.check() }
}

// MARK: - The operations

let linearCases: [GradientCase] = [(5, 7, 33), (33, 17, 5), (2, 19, 21), (70, 49, 26)].flatMap {
  (m: Int, k: Int, n: Int) in
  [WeightLayout.inputsFirst, .outputsFirst].flatMap { layout in
    (0..<4).map { bits in
      let (bias, residual) = (bits & 1 != 0, bits & 2 != 0)
      let name = "\(m)×\(k)×\(n) \(layout) bias \(bias) residual \(residual)"
      let weight: Shape = layout == .inputsFirst ? [k, n] : [n, k]
      return GradientCase(
        name, residual ? [[m, k], [m, n]] : [[m, k]], bias ? [weight, [n]] : [weight]
      ) { x, p, _ in
        x[0].linear(
          p[0], bias: bias ? p[1] : nil, layout: layout, residual: residual ? x[1] : nil)
      }
    }
  }
}

let mlpCases: [GradientCase] = [
  (5, 7, 33, 9), (33, 17, 5, 17), (2, 19, 21, 3), (70, 49, 26, 49),
].flatMap { (m: Int, k: Int, inner: Int, n: Int) in
  (0..<4).map { bits in
    let (bias, residual) = (bits & 1 != 0, bits & 2 != 0)
    return GradientCase(
      "\(m)×\(k)×\(inner)×\(n) bias \(bias) residual \(residual)",
      residual ? [[m, k], [m, n]] : [[m, k]],
      [[k, inner], [inner, n]] + (bias ? [[inner], [n]] : [])
    ) { x, p, _ in
      x[0].mlp(
        p[0], bias: bias ? p[2] : nil, p[1], bias: bias ? p[3] : nil,
        residual: residual ? x[1] : nil)
    }
  }
}

let sideBySideCases: [GradientCase] = [[9], [5, 17], [33, 16, 3]].flatMap { (widths: [Int]) in
  [(1, 7), (6, 19), (70, 49)].map { (m: Int, k: Int) in
    GradientCase("\(m)×\(k) to \(widths)", [[m, k]], widths.map { [$0, k] }) { x, p, _ in
      x[0].linear(sideBySide: p)
    }
  }
}

private let mask = DropoutMask(rate: 0.3, key: 11, firstRow: 2)

let rowwiseCases: [GradientCase] =
  [[5, 7], [33, 17], [70, 49], [3, 130]].flatMap { (shape: Shape) in
    [
      GradientCase("layer norm \(shape)", [shape], [[shape[1]], [shape[1]]]) { x, p, _ in
        x[0].norm(gain: p[0], bias: p[1], epsilon: 1e-5)
      },
      GradientCase("RMS norm \(shape)", [shape], [[shape[1]]]) { x, p, _ in
        x[0].norm(gain: p[0], bias: nil, epsilon: 1e-5)
      },
      GradientCase("sum \(shape)", [shape, shape]) { x, _, _ in x[0] + x[1] },
      GradientCase("SwiGLU \(shape)", [shape, shape]) { x, _, _ in x[0].swiglu(x[1]) },
      GradientCase("reshaped \(shape)", [shape]) { x, _, _ in
        x[0].reshaped([shape[1], shape[0]]) + x[0].reshaped([shape[1], shape[0]])
      },
      GradientCase("rotation \(shape)", [[shape[0], 4 * 6]]) { x, _, _ in
        let layout = HeadLayout(heads: 2, keyHeads: 1, width: 6)
        let positions = (0..<shape[0]).map { Int32(7 * $0 % 31 + 3) }
        return x[0].rotated(layout, Rotation(positions: positions, width: 6, base: 100))
      },
      GradientCase("dropout \(shape)", [shape]) { x, _, _ in x[0].dropout(mask) },
      GradientCase("dropout to a residual \(shape)", [shape, shape]) { x, _, _ in
        x[0].dropout(mask, adding: x[1])
      },
      GradientCase("rows of a table \(shape)", [], [shape]) { _, p, tape in
        let ids = (0..<2 * shape[0]).map { Int32($0 * $0 % shape[0]) }  // Some twice, some never.
        return Tensor.rows(of: p[0], at: ids, tape: tape)
      },
      GradientCase("sums of rows of a table \(shape)", [], [shape]) { _, p, tape in
        let ids = (0..<3 * shape[0]).map { Int32($0 * $0 % shape[0]) }
        return Tensor.rows(of: p[0], at: ids, summing: 3, tape: tape)
      },
      GradientCase("cross-entropy \(shape)", [shape]) { x, _, _ in
        x[0].crossEntropy((0..<x[0].rows).map { Int32($0 * 5 % (shape[1] + 1)) - 1 }).sum
      },
    ]
  }

private let attentionShapes: [(name: String, [KeyRanges], heads: Int, keyHeads: Int, width: Int)] =
  [
    ("one row", [ranges(queries: 1, keys: 1, causal: true)], 2, 2, 5),
    ("three rows", [ranges(queries: 3, keys: 3, causal: true)], 1, 1, 7),
    ("causal", [ranges(queries: 23, keys: 23, causal: true)], 3, 3, 5),
    ("all", [ranges(queries: 19, keys: 19, causal: false)], 2, 1, 17),
    ("causal, blocks", [ranges(queries: 150, keys: 150, causal: true)], 2, 2, 9),
    ("window, blocks", [ranges(queries: 141, keys: 141, causal: true, window: 20)], 2, 1, 6),
    ("window of one", [ranges(queries: 9, keys: 9, causal: true, window: 1)], 1, 1, 4),
    (
      "documents, window",
      [ranges(queries: 133, keys: 133, causal: true, window: 50, documents: [0, 30, 31, 97])], 4, 2,
      5
    ),
    (
      "documents of an encoder",
      [ranges(queries: 71, keys: 71, causal: false, documents: [0, 8, 66])], 3, 1, 8
    ),
    ("short", [11, 4, 8, 7].map { ranges(queries: $0, keys: $0, causal: true) }, 4, 2, 16),
    ("short, window", [ranges(queries: 8, keys: 8, causal: true, window: 3)], 2, 1, 16),
    (
      "short, documents", [ranges(queries: 7, keys: 7, causal: false, documents: [0, 3])], 1, 1, 32
    ),
    ("short, two vectors", [ranges(queries: 27, keys: 27, causal: true)], 2, 2, 16),
    (
      "sequences",
      [5, 1, 80, 3, 17].map { ranges(queries: $0, keys: $0, causal: true) }, 4, 2, 6
    ),
  ]

let attentionCases: [GradientCase] = attentionShapes.flatMap {
  (name: String, sequences: [KeyRanges], heads: Int, keyHeads: Int, width: Int) in
  [nil, DropoutMask(rate: 0.25, key: 5, firstRow: 3)].map { dropout in
    let layout = HeadLayout(heads: heads, keyHeads: keyHeads, width: width)
    let plan = batch(sequences)
    let rows = plan.last?.1.upperBound ?? 0
    return GradientCase(
      "\(name), \(heads)/\(keyHeads) heads of \(width)\(dropout == nil ? "" : ", dropout")",
      [[rows, layout.packedWidth]]
    ) { x, _, _ in
      x[0].attention(
        layout, AttentionPlan(plan.map { .init(rows: $1, ranges: $0) }), dropout: dropout)
    }
  }
}

/// Queries of patches and keys of bytes, and the other way round: every range by itself.
let crossCases: [GradientCase] = [(1, 1, 1, 4), (3, 2, 2, 9), (40, 2, 1, 70), (90, 4, 2, 150)].map {
  (queries: Int, heads: Int, keyHeads: Int, keys: Int) in
  let layout = HeadLayout(heads: heads, keyHeads: keyHeads, width: 5)
  let first = (0..<queries).map { Int32($0 * 7 % keys) }
  let last = first.enumerated().map { min(Int32(keys), $1 + 1 + Int32(($0 + 1) % 6)) }
  let shapes: [Shape] = [[queries, heads * 5], [keys, 2 * keyHeads * 5]]
  return GradientCase("\(queries) to \(keys), \(heads)/\(keyHeads) heads", shapes) { x, _, _ in
    x[0].attention(to: x[1], layout, KeyRanges(first: first, last: last, keys: keys))
  }
}

/// Sequences, one behind the other.
private func batch(_ sequences: [KeyRanges]) -> [(KeyRanges, Range<Int>)] {
  var row = 0
  return sequences.map { ranges in
    defer { row += ranges.first.count }
    return (ranges, row..<row + ranges.first.count)
  }
}

// MARK: - Values used more than once

private let shape: Shape = [6, 11]
private let square: Shape = [11, 11]

let sharedCases: [GradientCase] = [
  GradientCase("x + x", [shape]) { x, _, _ in x[0] + x[0] },
  GradientCase("(x + x) + x", [shape]) { x, _, _ in (x[0] + x[0]) + x[0] },
  GradientCase("x + (x + x) + y", [shape, shape]) { x, _, _ in x[0] + (x[0] + x[0]) + x[1] },
  GradientCase("x + mlp of x", [shape], [square]) { x, p, _ in x[0] + x[0].mlp(p[0], p[0]) },
  GradientCase("an mlp as a residual", [shape, shape], [square, square]) { x, p, _ in
    x[0].linear(p[0], residual: x[1].mlp(p[1], p[0]) + x[0])
  },
  GradientCase("an mlp and its input as residuals", [shape], [square, square]) { x, p, _ in
    let y = x[0].mlp(p[0], p[1])
    return y.dropout(mask, adding: y) + y.mlp(p[1], p[0], residual: y) + x[0]
  },
  GradientCase("x as its own residual", [shape], [square, [11]]) { x, p, _ in
    x[0].linear(p[0], bias: p[1], residual: x[0]).mlp(p[0], p[0], residual: x[0])
  },
  GradientCase("residual of a residual", [shape], [square, square]) { x, p, _ in
    let h = x[0].linear(p[0], residual: x[0])
    return h.linear(p[1], residual: h) + x[0]
  },
  GradientCase("three branches", [shape], [square, square, [11], [11]]) { x, p, _ in
    let (a, b) = (x[0].linear(p[0]), x[0].linear(p[1], layout: .outputsFirst))
    return a + b + x[0].norm(gain: p[2], bias: p[3], epsilon: 1e-5)
  },
  GradientCase("norm first", [shape], [square, [11], [11]]) { x, p, _ in
    x[0].norm(gain: p[1], bias: p[2], epsilon: 1e-5).linear(p[0], residual: x[0])
  },
  GradientCase("a weight used twice", [shape], [square, [11]]) { x, p, _ in
    let h = x[0].mlp(p[0], bias: p[1], p[0])
    return h.linear(p[0], bias: p[1], layout: .outputsFirst, residual: h)
  },
  GradientCase("a norm used twice", [shape, shape], [[11]]) { x, p, _ in
    let h = x[0].norm(gain: p[0], bias: nil, epsilon: 1e-5) + x[1]
    return h.norm(gain: p[0], bias: nil, epsilon: 1e-5)
  },
  GradientCase("a table as input and output", [], [[13, 9], [9, 9]]) { _, p, tape in
    let ids: [Int32] = [3, 0, 12, 3, 5]
    let h = Tensor.rows(of: p[0], at: ids, tape: tape)
    return h.mlp(p[1], p[1]).linear(p[0], layout: .outputsFirst)
      .crossEntropy([0, 12, -1, 5, 1]).sum
  },
  GradientCase("two losses of the same scores", [shape]) { x, _, _ in
    x[0].crossEntropy([0, 1, 2, -1, 4, 5]).sum + x[0].crossEntropy([10, -1, 9, 8, 7, 6]).sum
  },
  GradientCase("two attentions of the same rows", [[7, 12]]) { x, _, _ in
    let plan = AttentionPlan([.init(rows: 0..<7, ranges: ranges(queries: 7, keys: 7, causal: true))]
    )
    let other = AttentionPlan([
      .init(rows: 0..<7, ranges: ranges(queries: 7, keys: 7, causal: false))
    ])
    let layout = HeadLayout(heads: 2, keyHeads: 1, width: 3)
    return x[0].attention(layout, plan) + x[0].attention(layout, other)
  },
  GradientCase("dropouts of one value", [shape]) { x, _, _ in
    let other = DropoutMask(rate: 0.5, key: 12, firstRow: 0)
    return x[0].dropout(mask, adding: x[0].dropout(other, adding: x[0]))
  },
]
