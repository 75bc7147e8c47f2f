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
    let copy = CopyGenerator()
    #expect((copy.vocabulary, copy.length) == (128, 64))
    for _ in 0..<1000 {
      let sample = copy.sample(&random)
      #expect(sample.input.count == 64 && sample.input.allSatisfy { (0..<128).contains($0) })
      let scored = sample.targets.indices.filter { sample.targets[$0] >= 0 }
      #expect((15...31).contains(scored.count))
      for i in scored {
        // No token comes a third time, so there is one place to look at.
        let before = sample.input.indices.filter { sample.input[$0] == sample.input[i] }
        #expect(before.count == 2 && before[1] == i)
        #expect(sample.input[before[0] + 1] == sample.targets[i])
      }
    }
  }

  @Test mutating func copyHoldsOffsetsOut() {
    var offsets: [Split: Set<Int>] = [:]
    for split in [Split.train, .test] {
      let copy = CopyGenerator(split: split)
      for _ in 0..<20_000 {
        let sample = copy.sample(&random)
        guard let last = sample.targets.lastIndex(where: { $0 >= 0 }),
          let first = sample.input.firstIndex(of: sample.input[last])
        else { continue }
        offsets[split, default: []].insert(last - first)
      }
    }
    #expect(offsets[.test] == Set(stride(from: 16, through: 48, by: 4)))
    // 49, the largest, is rare.
    #expect(offsets[.train]?.subtracting([49]) == Set(16...48).subtracting(offsets[.test] ?? []))
  }
}
