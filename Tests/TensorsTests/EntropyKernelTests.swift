// Entropies of every CPU path against plain loops in double, each path in a process of its own.

import Glibc
import Tensors
import Testing

@Suite struct EntropyKernelTests {
  @Test(arguments: Kernel.Path.allCases.filter(\.isAvailable))
  func agreesWithPlainLoops(_ path: Kernel.Path) async {
    await #expect(processExitsWith: .success) { [name = path.rawValue as String] in
      let path = try #require(Kernel.Path(rawValue: name))
      #expect(Kernel.force(path))
      for n in [1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 260, 1_000] {
        for scale in [0.001, 1, 10, 1e4] {
          let x = tensor([5, n], "scores \(n)", scale: scale)
          let expected = (0..<5).map { entropy(x.row($0).values.map(Double.init)) }
          // Scores of 1e4 have steps of 1e-3, but their differences are exact.
          #expect(distance(x.entropies(), expected) < 2e-6, "\(n) scores of \(scale)")
        }
        let even = Tensor([1, n], repeatElement(3e38, count: n)).entropies()
        #expect(distance(even, [log(Double(n))]) < 2e-6)
      }
      // Far apart, impossible, not numbers.
      let sure = Tensor([1, 40], [3e38] + repeatElement(-3e38, count: 39)).entropies()
      #expect(sure == [0])
      let two: [Float] = [0, -.infinity, 0] + repeatElement(-.infinity, count: 20)
      #expect(distance(Tensor([1, 23], two).entropies(), [log(2.0)]) < 2e-6)
      for wrong in [Float.nan, .infinity] {
        for place in [0, 17, 39] {
          var x = normals(40, "wrong")
          x[place] = wrong
          #expect(Tensor([1, 40], x).entropies()[0].isNaN)
        }
      }
    }
  }
}

/// -Σ p ln p of p = softmax(x).
private func entropy(_ x: [Double]) -> Double {
  let top = x.max() ?? 0
  let weights = x.map { exp($0 - top) }
  let total = weights.reduce(0, +)
  return -weights.reduce(0) { $1 > 0 ? $0 + $1 / total * log($1 / total) : $0 }
}
