import Models
import Testing

/// Cases worked out by hand from Meta's code; starts are where patches begin.
@Suite struct PatchingTests {
  private static let entropies: [Float] = [
    0.5, 2, 0.1, 1, 1.6, 1.5, 3, 2.9, 0.2, 2.2, 2.4, 0.9,
  ]

  private func starts(_ patching: Patching) -> [Int] {
    let ids = [Int32](repeating: 104, count: 12)
    let ends = patching.ends(ids: ids, entropies: Self.entropies)
    return [0] + ends.indices.filter { ends[$0] }.map { $0 + 1 }
  }

  @Test func rules() {
    #expect(starts(Patching(threshold: 1.45)) == [0, 1, 2, 5, 6, 7, 8, 10, 11])
    #expect(starts(Patching(threshold: 0.8)) == [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12])
    #expect(starts(Patching(.monotonic, threshold: 0.45)) == [0, 1, 2, 4, 5, 7, 10])
    #expect(starts(Patching(.added, threshold: 1.45, rise: 0.15)) == [0, 1, 2, 5, 7, 10, 11])
    #expect(starts(Patching(.topK, size: 3)) == [0, 1, 7, 8])
    #expect(starts(Patching(.fixed, size: 5)) == [0, 5, 10])
    #expect(starts(Patching(.byte)) == Array(0...12))
    #expect(starts(Patching(threshold: .infinity)) == [0, 1])
    #expect(starts(Patching(threshold: .nan)) == [0, 1])
    #expect(starts(Patching(threshold: 1.45, longest: 2)) == [0, 1, 2, 4, 5, 6, 7, 8, 10, 11])
    #expect(starts(Patching(threshold: .infinity, longest: 4)) == [0, 1, 5, 9])
  }

  @Test func spaces() {
    let ids = [1] + "Hi, Tom 42é! ok".utf8.map { Int32($0) + 4 }
    let ends = Patching(.space).ends(ids: ids, entropies: [])
    #expect(Patching.lengths(ends) == [1, 3, 5, 3, 2, 3] && !ends[16])
    // A special id ends a patch wherever it stands.
    #expect(
      Patching(.space).ends(ids: [104, 2, 104, 1], entropies: []) == [true, true, false, true])
  }

  @Test func lengths() {
    #expect(Patching.lengths([]) == [])
    #expect(Patching.lengths([true]) == [1])
    #expect(Patching.lengths([true, false, true, false, false]) == [1, 2, 2])
  }

  /// Going from token to token is what the whole text gives, where a rule can do it.
  @Test(arguments: PatchRule.allCases.filter { $0 != .topK }, [nil, 1, 3] as [Int?])
  func incrementalIsWhole(_ rule: PatchRule, _ longest: Int?) {
    let ids = randomIds(300, below: 256, "bytes").map { $0 + 4 }
    let entropies = randomIds(300, below: 500, "entropies").map { Float($0) / 100 }
    let patching = Patching(rule, threshold: 1.2, rise: 0.3, longest: longest)
    let whole = patching.ends(ids: ids, entropies: entropies)
    for length in [1, 2, 3, 100, 299] {
      let part = patching.ends(
        ids: Array(ids[..<length]), entropies: Array(entropies[..<length]))
      #expect(part == Array(whole[..<length]))
    }
    #expect(Patching.lengths(whole).allSatisfy { $0 <= longest ?? .max })
  }

  /// The threshold for a mean patch gives that mean.
  @Test(arguments: [.global, .monotonic] as [PatchRule], [1.5, 2, 4.5, 8, 60])
  func target(_ rule: PatchRule, _ target: Double) {
    let entropies = randomIds(6_000, below: 1 << 20, "entropies").map { Float($0) / 4e5 }
    var patching = Patching(rule)
    patching.threshold = patching.threshold(forMean: target, entropies)
    let ends = patching.ends(ids: entropies.map { _ in 104 }, entropies: entropies)
    let mean = 6_000 / Double(Patching.lengths(ends).count)
    #expect(abs(mean - target) < 0.02 * target, "\(mean)")
  }
}
