import Random
import Testing
import Text

@Suite struct GeneratorsTests {
  private var random = RandomStream(seed: 9, name: "generators")

  @Test mutating func sortHasMinGPTsForm() {
    let sort = SortGenerator()
    #expect((sort.vocabulary, sort.length) == (3, 11))
    for _ in 0..<1000 {
      let sample = sort.sample(&random)
      #expect(sample.input.count == 11 && sample.targets.count == 11)
      let tokens = sample.input + [sample.targets[10]]
      #expect(Array(tokens[6...]) == tokens[..<6].sorted())
      #expect(sample.targets[..<5].allSatisfy { $0 == -1 })
      #expect(Array(sample.targets[5...]) == Array(tokens[6...]))
    }
  }

  @Test mutating func sortSplitsAreDisjointAndComplete() {
    var seen: [Split: Set<[Int32]>] = [:]
    for split in [Split.train, .test] {
      let sort = SortGenerator(split: split)
      let inputs = (0..<20_000).map { _ in Array(sort.sample(&random).input[..<6]) }
      seen[split] = Set(inputs)
    }
    let (train, test) = (seen[.train] ?? [], seen[.test] ?? [])
    #expect(train.isDisjoint(with: test))
    #expect(train.count + test.count == 729)
    #expect((729 / 4 - 40...729 / 4 + 40).contains(test.count))
  }

  @Test func adderHasMinGPTsForm() {
    let (train, test) = (AdderGenerator(), AdderGenerator(split: .test))
    #expect((train.vocabulary, train.length, train.count, test.count) == (10, 6, 9500, 500))
    #expect(AdderGenerator(digits: 1, split: .test).count == 20)
    var sums = Set<[Int32]>()
    let all = [train, test].flatMap { split in (0..<split.count).map { split.example($0) } }
    for sample in all {
      let d = sample.input + [sample.targets[5]]
      #expect((d[0] + d[2]) * 10 + d[1] + d[3] == d[4] + d[5] * 10 + d[6] * 100)
      #expect(sample.targets == [-1, -1, -1] + d[4...])
      sums.insert(Array(d[..<4]))
    }
    #expect(sums.count == 10_000)
  }

  @Test mutating func copyScoresWhatCameBefore() {
    let copy = CopyGenerator(vocabulary: 1 << 30, length: 64)
    var scored = 0
    for _ in 0..<1000 {
      let sample = copy.sample(&random)
      #expect(sample.input.count == 64)
      for (i, target) in sample.targets.enumerated() where target >= 0 {
        // Tokens of so large a vocabulary do not recur by chance: the copied one did come before.
        let before = sample.input[..<i].lastIndex(of: sample.input[i])
        #expect(before.map { sample.input[$0 + 1] } == target)
        scored += 1
      }
    }
    #expect(scored > 3000)
  }
}
