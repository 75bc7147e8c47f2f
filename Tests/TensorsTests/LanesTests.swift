import Tensors
import Testing

@Suite struct LanesTests {
  @Test(arguments: [1, 2, 3, 7]) func everyLaneRunsOnce(_ count: Int) {
    let lanes = Lanes(count)
    let runs = Storage(zeros: count * 64)  // A cache line each.
    for _ in 0..<100 { lanes.run { lane in runs.floats[lane * 64] += 1 } }
    #expect((0..<count).map { runs.floats[$0 * 64] } == [Float](repeating: 100, count: count))
  }

  @Test(arguments: [1, 2, 3, 5], [0, 1, 2, 9, 100])
  func resultsAreInOrder(_ count: Int, _ indices: Int) {
    let lanes = Lanes(count)
    #expect(lanes.map(0..<indices) { $0 * $0 } == (0..<indices).map { $0 * $0 })
    // Values that own memory, from a range that does not begin at 0.
    let words = lanes.map(7..<7 + indices) { i in [String(i)] }
    #expect(words == (7..<7 + indices).map { [String($0)] })
  }

  @Test func eachIndexIsGivenToOneLane() {
    let seen = Storage(zeros: 1_000)
    Lanes(3).each(10..<1_000) { seen.floats[$0] += 1 }
    #expect(seen.floats.prefix(10).allSatisfy { $0 == 0 })
    #expect(seen.floats.dropFirst(10).allSatisfy { $0 == 1 })
  }

  /// Every round reads what all lanes wrote in the round before: a lost update, a late lane or a
  /// missed wake-up shows as a wrong sum, or never ends.
  @Test(.timeLimit(.minutes(15)), arguments: [2, 3, 4]) func shortRounds(_ count: Int) {
    let lanes = Lanes(count)
    var values = [Int](repeating: 1, count: count)
    var (expected, wrong) = (1, 0)
    for round in 0..<10_000 {
      let before = values
      values = lanes.map(0..<count) { lane in before.reduce(lane - lane, &+) &+ round }
      expected = expected &* count &+ round
      if values != [Int](repeating: expected, count: count) { wrong += 1 }
      values = values.map { $0 & 0xFFFF }
      expected &= 0xFFFF
    }
    #expect(wrong == 0)
  }

  /// Between rounds the members fall asleep, and must wake up.
  @Test(.timeLimit(.minutes(15))) func roundsAfterSleep() async throws {
    let lanes = Lanes(3)
    for round in 0..<20 {
      try await Task.sleep(for: .milliseconds(3))
      #expect(lanes.map(0..<3) { $0 + round } == [round, round + 1, round + 2])
    }
  }

  @Test func lanesOfLanes() {
    let outer = Lanes(2)
    let sums = outer.map(0..<4) { i in Lanes(2).map(0..<3) { 10 * i + $0 }.reduce(0, +) }
    #expect(sums == [3, 33, 63, 93])
  }

  /// When a run is over no thread holds what it ran: memory goes back to the thread that asked.
  @Test func lanesLetGo() {
    final class Witness {}
    let lanes = Lanes(3)
    var late = 0
    for _ in 0..<2_000 {
      weak var witness: Witness?
      do {
        let object = Witness()
        witness = object
        lanes.run { _ in withExtendedLifetime(object) {} }
      }
      if witness != nil { late += 1 }
    }
    #expect(late == 0)
  }

  @Test func lanesFromSeveralThreads() async {
    let totals = await withTaskGroup(of: Int.self, returning: [Int].self) { group in
      for task in 0..<4 {
        group.addTask {
          let lanes = Lanes(2)
          return (0..<500).reduce(0) { $0 + $1 * lanes.map(0..<2) { $0 + task }.reduce(0, +) }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }.sorted()
    }
    #expect(totals == (0..<4).map { 124_750 * (2 * $0 + 1) })
    #expect(Lanes.available >= 1)
  }
}
