import Layers
import Random
import Testing

@Suite struct AttentionMaskTests {
  /// What the words of a mask's documentation say.
  private func sees(_ mask: AttentionMask, _ i: Int, _ j: Int) -> Bool {
    switch mask {
    case .full: true
    case .causal: j <= i
    case .window(let width): j <= i && i - j < width
    case .documents(let starts): starts.last { $0 <= i } == starts.last { $0 <= j }
    case .both(let a, let b): sees(a, i, j) && sees(b, i, j)
    }
  }

  private func check(_ mask: AttentionMask, queries: Int, keys: Int) {
    let ranges = mask.compiled(queries: queries, keys: keys)
    #expect(ranges.keys == keys && ranges.first.count == queries && ranges.last.count == queries)
    var cells: [[Bool]] = []
    for (row, i) in (keys - queries..<keys).enumerated() {
      cells.append((0..<keys).map { sees(mask, i, $0) })
      let found = (0..<keys).map { (ranges.first[row]..<ranges.last[row]).contains(Int32($0)) }
      #expect(found == cells[row], "\(mask), query \(i) of \(keys)")
      #expect(mask.range(i, keys: keys) == Int(ranges.first[row])..<Int(ranges.last[row]))
    }
    for size in [1, 3, 8, 64] {
      var counts = (full: 0, partial: 0, empty: 0)
      for top in stride(from: 0, to: queries, by: size) {
        for left in stride(from: 0, to: keys, by: size) {
          let block = cells[top..<min(top + size, queries)].flatMap {
            $0[left..<min(left + size, keys)]
          }
          let seen = block.count { $0 }
          if seen == 0 {
            counts.empty += 1
          } else if seen == block.count {
            counts.full += 1
          } else {
            counts.partial += 1
          }
        }
      }
      #expect(ranges.blocks(of: size) == counts, "blocks of \(size), \(mask), \(queries)/\(keys)")
    }
  }

  @Test(arguments: 0..<40) func isWhatItsNameSays(_ seed: Int) {
    var random = RandomStream(seed: UInt64(seed), name: "masks")
    let keys = 1 + random.below(40)
    let queries = 1 + random.below(keys)
    let starts = [0] + (1..<max(2, keys)).filter { _ in random.below(5) == 0 }.map(Int32.init)
    let documents = AttentionMask.documents(starts.filter { $0 < keys })
    let window = AttentionMask.window(1 + random.below(keys + 3))
    for mask in [
      .full, .causal, documents, .causal & window, .causal & documents, documents & .causal,
      .causal & window & documents, window & (documents & .causal),
    ] {
      check(mask, queries: queries, keys: keys)
    }
  }

  @Test func aWindowLooksBack() {
    for width in [1, 2, 5, 9] { check(.window(width), queries: 6, keys: 7) }
  }

  @Test func compiledMasksAreKeptByShape() {
    let shapes = (1...30).map { (queries: 1 + $0 / 2, keys: $0 + 5) }  // More than are kept.
    let masks: [AttentionMask] = [.causal, .causal & .window(3)]
    for _ in 0..<2 {
      for shape in shapes {
        for mask in masks { check(mask, queries: shape.queries, keys: shape.keys) }
      }
    }
    // Documents of another batch are other masks.
    #expect(
      AttentionMask.documents([0, 2]).compiled(queries: 4, keys: 4).first
        != AttentionMask.documents([0, 3]).compiled(queries: 4, keys: 4).first)
  }

  @Test func aQueryWithoutKeysIsRefused() async {
    await #expect(processExitsWith: .failure) {
      _ = KeyRanges(first: [0, 1], last: [1, 1], keys: 2)
    }
    await #expect(processExitsWith: .failure) { _ = KeyRanges(first: [0], last: [3], keys: 2) }
  }
}
