import Glibc
import Tensors
import Testing

@Suite struct LargestTests {
  /// The gradient goes to the largest number of a column, in equal parts to equal ones.
  @Test func sharesTheGradient() {
    let tape = Tape(Gradients(parameterCount: 0))
    let x = tape.leaf(Tensor([4, 3], [1, 5, -3, 2, 5, -2, 2, 4, -1, -9, 5, -9]))
    let y = x.largest(in: [0..<3, 1..<2, 0..<4])
    #expect(y.values == [2, 5, -1, 2, 5, -2, 2, 5, -1])
    tape.backward(from: y, seed: [1, 10, 100, 2, 20, 200, 4, 30, 400])
    let expected: [Float] = [0, 15, 0, 4.5, 35, 200, 2.5, 0, 500, 0, 10, 0]
    #expect(tape.gradient(of: x) == expected)
  }
}

@Suite struct RotationTests {
  /// Pairs (2m, 2m + 1) of queries and keys turn as complex numbers do; values stay.
  @Test(arguments: [0, 1, 500, 9_999_937]) func turnsPairs(_ start: Int) {
    let layout = HeadLayout(heads: 3, keyHeads: 1, width: 4)
    let x = tensor([2, layout.packedWidth], "rotation")
    let positions = [Int32(start), Int32(start + 3)]
    let y = x.rotated(layout, Rotation(positions: positions, width: 4, base: 10_000)).values
    var expected: [Double] = []
    for (row, position) in positions.enumerated() {
      let values = x.row(row).values.map(Double.init)
      for place in stride(from: 0, to: values.count, by: 2) {
        let (a, b) = (values[place], values[place + 1])
        let speed = [1, 0.01][place / 2 % 2]  // 10,000 to the power of -2m / 4
        let angle = place < 16 ? Double(position) * speed : 0
        expected += [a * cos(angle) - b * sin(angle), a * sin(angle) + b * cos(angle)]
      }
    }
    #expect(distance(y, expected) < 1e-6)
  }
}

@Suite struct KeyValueRowsTests {
  /// With a window, attention through a cache of any capacity is that of one pass.
  @Test(arguments: [1, 2, 5, 64], [1, 7, 12, 100]) func windowed(_ window: Int, _ capacity: Int) {
    let layout = HeadLayout(heads: 2, keyHeads: 1, width: 6)
    let n = 90
    let x = tensor([n, layout.packedWidth], "window")
    func plan(_ queries: Int, _ keys: Int) -> AttentionPlan {
      let seen = ranges(queries: queries, keys: keys, causal: true, window: window)
      return AttentionPlan([.init(rows: 0..<queries, ranges: seen)])
    }
    let full = x.attention(layout, plan(n, n)).values.map(Double.init)
    for pieces in [[Int](repeating: 1, count: n), [30, 1, 1, 50, 8], [7, 83], [n]] {
      let cache = KeyValueRows(capacity: capacity, layout: layout, window: window)
      var (start, found): (Int, [Float]) = (0, [])
      let room = max(capacity, window - 1 + (pieces.max() ?? 0))
      for count in pieces {
        let floats = x.storage.floats[
          start * x.columns..<(start + count) * x.columns]
        let keys = cache.keys(adding: count)
        found +=
          Tensor([count, x.columns], floats)
          .attention(layout, plan(count, keys), cache: cache).values
        start += count
        #expect(cache.count == start && cache.held <= room)
        #expect(cache.held >= min(start, window))
      }
      #expect(distance(found, full) < 1e-5, "pieces of \(pieces)")
    }
  }

  /// Going back to what the window still has, or to the beginning.
  @Test func truncates() {
    let layout = HeadLayout(heads: 1, width: 4)
    let cache = KeyValueRows(capacity: 8, layout: layout, window: 3)
    let x = tensor([1, layout.packedWidth], "row")
    let plan = AttentionPlan([.init(rows: 0..<1, ranges: ranges(queries: 1, keys: 1, causal: true))]
    )
    for _ in 0..<13 { _ = x.attention(layout, plan, cache: cache) }
    let held = cache.held
    cache.truncate(to: 12)
    #expect(cache.count == 12 && cache.held == held - 1)
    cache.truncate(to: 0)
    #expect(cache.count == 0 && cache.held == 0)
  }
}
