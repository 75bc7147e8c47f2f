import Files
import Glibc
import Tensors
import TestSupport
import Testing

@Suite struct StorageTests {
  @Test func shapes() {
    let shape: Shape = [2, 3, 5]
    #expect((shape.rank, shape.count, shape.rows, shape.columns) == (3, 30, 6, 5))
    #expect(shape.axes == [2, 3, 5] && shape.description == "[2, 3, 5]")
    #expect(Shape([7]).rows == 1 && Shape([7]).columns == 7)
    #expect(Shape([4, 0]).count == 0 && Shape([4, 0]).rows == 0)
    #expect(Shape([2, 1]) != Shape([2]) && Shape([2, 1]) != Shape([1, 2]))
    #expect(Shape([1, 2, 3, 4])[3] == 4 && Shape([1, 2, 3, 4]) == [1, 2, 3, 4])
  }

  @Test func tensorsOwnTheirValues() {
    let x = Tensor([2, 3], [1, 2, 3, 4, 5, 6])
    #expect(x.row(1).values == [4, 5, 6] && x.row(1).shape == [1, 3])
    #expect((x.rows, x.columns, x.tape == nil) == (2, 3, true))
    let y = x + x
    #expect(x.values == [1, 2, 3, 4, 5, 6] && y.values == [2, 4, 6, 8, 10, 12])
  }

  @Test(arguments: [0, 1, 63, 64, 65, 127, 128, 1_000, 1_025, 100_003])
  func blocksHoldWhatIsAsked(_ count: Int) {
    let blocks = (0..<3).map { _ in Storage(count) }
    for (i, block) in blocks.enumerated() { block.floats.update(repeating: Float(i)) }
    for (i, block) in blocks.enumerated() {
      #expect(block.floats.count == count && block.floats.allSatisfy { $0 == Float(i) })
      #expect(UInt(bitPattern: block.floats.baseAddress) % 64 == 0)
    }
    #expect(Storage(zeros: count).floats.allSatisfy { $0 == 0 })
  }

  /// The pool counts for all threads, so it is watched in a process where nothing else runs.
  @Test func stepsTakeNothingFromTheSystem() async {
    await #expect(processExitsWith: .success) {
      let lanes = Lanes(2)
      let p = parameters([[40, 40], [40], [40]], "pool")
      let gradients = (0..<2).map { _ in Gradients(parameterCount: 3) }
      let inputs = (0..<2).map { tensor([30, 40], "pool \($0)") }
      func step() {
        lanes.run { lane in
          gradients[lane].begin()
          let tape = Tape(gradients[lane])
          let x = tape.leaf(inputs[lane])
          let h = x.norm(gain: p[1], bias: p[2], epsilon: 1e-5).mlp(p[0], p[0], residual: x)
          tape.backward(from: (h + h.linear(p[0])).crossEntropy((0..<30).map(Int32.init)).sum)
        }
      }
      // The first step may keep for the gradients of parameters what it had used otherwise before.
      for _ in 0..<2 { step() }
      let before = Pool.statistics
      for _ in 0..<1_000 { step() }
      let after = Pool.statistics
      #expect(after.misses == before.misses, "\(after.misses - before.misses) blocks were taken")
      #expect(after.bytes == before.bytes && before.bytes > 4 * 30 * 40)
    }
  }

  @Test func thePoolCountsAndTrims() async {
    await #expect(processExitsWith: .success) {
      Pool.trim()
      let start = Pool.statistics
      do {
        let blocks = [1, 100, 5_000, 70_001].map { Storage($0) }
        let (asked, used) = (blocks.reduce(0) { $0 + 4 * $1.floats.count }, Pool.statistics)
        let taken = used.bytes - start.bytes
        #expect(asked...asked + asked / 8 + 4 * 256 ~= taken, "\(taken) bytes for \(asked)")
        #expect(used.misses == start.misses + 4)
      }
      let free = Pool.statistics
      for _ in 0..<5 { _ = Storage(70_001) }
      #expect(Pool.statistics == free && free.bytes > start.bytes)
      Pool.trim()
      #expect(Pool.statistics.bytes == start.bytes && Pool.statistics.misses == free.misses)
      // What a thread holds ends with it.
      Lanes(3).run { _ in _ = Storage(10_000) }
      #expect(comes { Pool.statistics.bytes <= start.bytes + 45_000 })
    }
  }

  /// Blocks of all sizes share pages, and are the system's again when they are given back.
  @Test func whatIsTrimmedIsGone() async {
    await #expect(processExitsWith: .success) {
      func resident() throws -> Int {
        let fields = try FileSystem.readAll("/proc/self/statm").split(separator: 0x20)
        return sysconf(Int32(_SC_PAGESIZE)) * (Int(String(decoding: fields[1], as: UTF8.self)) ?? 0)
      }
      let start = try resident()
      var blocks = (0..<300).map { Storage(zeros: 20_000 + 97 * $0) }
      blocks.append(Storage(zeros: 20 << 20))
      let held = try resident() - start
      #expect(held > 110_000_000)
      for (i, block) in blocks.enumerated() {
        #expect(Int(bitPattern: block.pointer) % 64 == 0)
        block.floats.update(repeating: Float(i))
      }
      #expect(
        blocks.enumerated().allSatisfy { i, block in block.floats.allSatisfy { $0 == Float(i) } })
      blocks = []
      Pool.trim()
      #expect(try resident() - start < held / 20)
      // Nor is anything left of the threads that end, nor of a neighbour that stays.
      let kept = (Storage(50_000), Storage(50_000), Storage(50_000))
      kept.1.floats.update(repeating: 7)
      for _ in 0..<40 { Lanes(3).run { _ in Storage(100_000).floats.update(repeating: 1) } }
      #expect(try comes { try resident() - start < held / 10 })
      #expect(kept.1.floats.allSatisfy { $0 == 7 })
    }
  }
}
