import Files
import Generation
import Glibc
import Random
import TestSupport
import Testing

/// What numpy and scipy say, by Tests/Fixtures/make_sampler_goldens.py.
private struct Goldens {
  struct Case {
    let logits: [Float]
    let settings: SamplerSettings
    let stages: [JSON]
  }

  let cases: [Case]
  /// Chi-square values exceeded with a probability of 1e-6, by degrees of freedom.
  let critical: [Double]

  init() throws {
    let json = try JSON(contentsOf: Fixtures.path("sampler-goldens.json"))
    critical = (json["critical"]?.array ?? []).compactMap(\.double)
    cases = try (json["cases"]?.array ?? []).map { item in
      Case(
        logits: (item["logits"]?.array ?? []).map { Float($0.double ?? -.infinity) },
        settings: try SamplerSettings(
          temperature: item["temperature"]?.double ?? 1, topK: item["k"]?.int,
          topP: item["p"]?.double),
        stages: item["stages"]?.array ?? [])
    }
  }
}

@Suite struct SamplerTests {
  @Test func stagesEqualNumpy() throws {
    let cases = try Goldens().cases
    #expect(cases.count > 30)
    for item in cases {
      let table = try SamplingTable(logits: item.logits, settings: item.settings)
      #expect(table.stages.map(\.filter) == SamplingTable.Filter.allCases)
      try #require(item.stages.count == table.stages.count)
      for (stage, golden) in zip(table.stages, item.stages) {
        let context: Comment = "\(item.settings) \(stage.filter)"
        #expect(stage.candidates.map { Int($0.id) } == golden["ids"]?.array?.map(\.int), context)
        #expect(stage.kept == golden["ids"]?.array?.count, context)
        let probabilities = (golden["probabilities"]?.array ?? []).compactMap(\.double)
        for (candidate, probability) in zip(stage.candidates, probabilities) {
          #expect(abs(candidate.probability - probability) < 1e-14, context)
        }
        let effective = try #require(golden["effective"]?.double)
        #expect(abs(stage.effective - effective) < 1e-12 * effective, context)
      }
    }
  }

  /// 100,000 draws at each setting against numpy's probabilities.
  @Test func drawsPassChiSquare() throws {
    let goldens = try Goldens()
    var generator = SplitMix(state: 2024)
    var tested = 0
    for item in goldens.cases.prefix(9) {
      let golden = try #require(item.stages.last)
      let ids = (golden["ids"]?.array ?? []).compactMap(\.int)
      let probabilities = (golden["probabilities"]?.array ?? []).compactMap(\.double)
      var counts = [Int32: Int]()
      for _ in 0..<100_000 {
        counts[
          try sample(item.logits, settings: item.settings, u: generator.uniform()), default: 0] += 1
      }
      #expect(Set(counts.keys).isSubset(of: ids.map(Int32.init)))
      // Rare tokens share a cell, as the test asks for (5 expected at least).
      var statistic = 0.0
      var rare = (expected: 0.0, count: 0)
      var cells = 0
      for (id, probability) in zip(ids, probabilities) {
        let expected = probability * 100_000
        let count = counts[Int32(id)] ?? 0
        if expected < 5 {
          rare = (rare.expected + expected, rare.count + count)
        } else {
          statistic += (Double(count) - expected) * (Double(count) - expected) / expected
          cells += 1
        }
      }
      if rare.expected >= 5 {
        let difference = Double(rare.count) - rare.expected
        statistic += difference * difference / rare.expected
        cells += 1
      }
      if cells > 1 {
        #expect(statistic < goldens.critical[cells - 1], "\(item.settings)")
        tested += 1
      } else {
        #expect(counts[Int32(ids[0])] ?? 0 > 99_990)
      }
    }
    #expect(tested >= 6)
  }

  /// The sampler never leaves the table, whatever the scores: ties, -inf, extremes.
  @Test func samplerEqualsTable() throws {
    var generator = SplitMix(state: 9)
    for _ in 0..<4000 {
      let scale = Float([0, 0.5, 3, 40, 3e37][generator.below(5)])
      let steps = Float([1, 3, 1000][generator.below(3)])  // few steps: many ties
      var logits = (0..<(1 + generator.below(60))).map { _ in
        (Float(generator.uniform() * 2 - 1) * steps).rounded() / steps * scale
      }
      for i in logits.indices.dropFirst() where generator.below(6) == 0 { logits[i] = -.infinity }
      let settings = try SamplerSettings(
        temperature: [0, 1e-3, 0.7, 1, 2, 1e6, 1e300][generator.below(7)],
        topK: [nil, 1, 2, 5, 30, 100][generator.below(6)],
        topP: [nil, 1e-9, 0.3, 0.9, 0.999999, 1][generator.below(6)])
      let table = try SamplingTable(logits: logits, settings: settings)
      let draws = [0, 0.1, 0.5, 1 - 0x1p-53] + (0..<6).map { _ in generator.uniform() }
      for u in draws {
        let id = try sample(logits, settings: settings, u: u)
        #expect(id == table.choose(u), "\(logits) \(settings) \(u)")
        let chosen = table.stages[3].candidates[table.rank(u)]
        #expect(chosen.id == id && chosen.probability > 0)
      }
    }
  }

  @Test func samplerEqualsTableOnALargeVocabulary() throws {
    var generator = SplitMix(state: 4)
    let logits = (0..<50_000).map { _ in Float(log(generator.uniform() + 1e-9)) }
    for (k, p) in [(nil, nil), (40, nil), (nil, 0.9), (1000, 0.5)] as [(Int?, Double?)] {
      let settings = try SamplerSettings(temperature: 0.9, topK: k, topP: p)
      let table = try SamplingTable(logits: logits, settings: settings)
      for _ in 0..<5 {
        let u = generator.uniform()
        #expect(try sample(logits, settings: settings, u: u) == table.choose(u))
      }
    }
  }

  /// What a screen shows of a column adds up, and no number is further off than its last digit.
  @Test func columnsAddUp() throws {
    let item = try #require(
      try Goldens().cases.first {
        $0.settings == (try SamplerSettings(temperature: 0.8, topK: 8, topP: 0.75))
      })
    let table = try SamplingTable(logits: item.logits, settings: item.settings)
    var generator = SplitMix(state: 77)
    for (filter, golden) in zip(SamplingTable.Filter.allCases, item.stages) {
      let exact = (golden["probabilities"]?.array ?? []).compactMap(\.double)
      for rows in [0..<10, 0..<1, 5..<30, 0..<30, 29..<40, 3..<3] {
        let column = table.column(filter, rows: rows)
        #expect(column.cells.compactMap { $0 }.reduce(column.rest, +) == 1000)
        #expect(column.rest >= 0 && column.cells.count == rows.count)
        #expect(column.cells.count { $0 != nil } + column.others == exact.count)
        for (row, cell) in zip(rows, column.cells) {
          #expect((cell == nil) == (row >= exact.count))
          let off = abs(Double(cell ?? 0) - (row < exact.count ? exact[row] : 0) * 1000)
          #expect(off <= (column.others > 0 ? 0.5 : 1))
        }
      }
    }
    // Nothing is left over: the numbers themselves must give way.
    for count in 1..<60 {
      let logits = (0..<count).map { _ in Float(log(generator.uniform() + 1e-6)) }
      for logits in [logits, Array(repeating: 0, count: count)] {
        let column = try SamplingTable(logits: logits, settings: SamplerSettings())
          .column(.topP, rows: 0..<count)
        #expect(column.cells.reduce(0) { $0 + ($1 ?? 0) } == 1000 && column.rest == 0)
        #expect(column.cells.allSatisfy { ($0 ?? -1) >= 0 })
      }
    }
    let thirds = try SamplingTable(logits: [0, 0, 0], settings: SamplerSettings())
    #expect(
      thirds.column(.model, rows: 0..<3).cells.sorted { $0 ?? 0 < $1 ?? 0 } == [333, 333, 334])
    // 0.9988, twice 0.0006: rounding up leaves less than nothing for the rest.
    let sure = try SamplingTable(
      logits: [0, Float(log(0.0006)), Float(log(0.0006)), -20], settings: SamplerSettings())
    let forced = sure.column(.model, rows: 0..<3)
    #expect(forced.cells[0] == 999 && forced.cells.reduce(0) { $0 + ($1 ?? 0) } == 1000)
    #expect(forced.others == 1 && forced.rest == 0)
  }

  /// The spans of the ranks tile the line, and a draw falls into the one that it takes.
  @Test func spansTileTheLine() throws {
    for item in try Goldens().cases {
      let table = try SamplingTable(logits: item.logits, settings: item.settings)
      let probabilities = (item.stages.last?["probabilities"]?.array ?? []).compactMap(\.double)
      var end = 0.0
      for (rank, probability) in probabilities.enumerated() {
        let span = try #require(table.span(of: rank))
        #expect(span.lowerBound == end)
        #expect(abs(span.upperBound - span.lowerBound - probability) < 1e-14)
        end = span.upperBound
      }
      #expect(abs(end - 1) < 1e-14 && table.span(of: probabilities.count) == nil)
      for u in stride(from: 0.001, to: 1, by: 0.0371) {
        #expect(table.span(of: table.rank(u))?.contains(u) == true)
      }
    }
  }

  /// Going back and on again repeats what `generate` drew with the same seed.
  @Test func drawsHaveNumbers() {
    var stream = RandomStream(seed: 1337, name: "sampling")
    let inOrder = (0..<50).map { _ in stream.uniform() }
    let draws = Draws(seed: 1337)
    #expect((0..<50).reversed().map { draws[$0] } == inOrder.reversed())
    #expect(Set(inOrder).count == 50 && Draws(seed: 1338)[0] != draws[0])
  }

  /// The table of GPT-2's vocabulary is what sorting all of it gives.
  @Test func aLargeTable() throws {
    var generator = SplitMix(state: 4)
    // Rounded, so that many are alike.
    let logits = (0..<50_257).map { _ in
      Float((log(generator.uniform() + 1e-9) * 1_000).rounded() / 1_000)
    }
    let settings = try SamplerSettings(temperature: 0.8, topK: 40_000, topP: 0.99)
    let stages = try SamplingTable(logits: logits, settings: settings).stages
    let order = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }
    let weights = order.map { exp(Double(logits[$0]) / 0.8) }
    let best = weights.prefix(40_000).reduce(0, +)
    var (kept, sum) = (0, 0.0)
    while sum < 0.99 * best {
      sum += weights[kept]
      kept += 1
    }
    #expect(stages.map(\.kept) == [50_257, 50_257, 40_000, kept])
    for (stage, total) in zip(stages.dropFirst(), [weights.reduce(0, +), best, sum]) {
      for (rank, candidate) in stage.candidates.enumerated() {
        let share = weights[rank] / total
        let isRight = candidate.id == order[rank] && abs(candidate.probability / share - 1) < 1e-6
        if !isRight { Issue.record("\(stage.filter), rank \(rank): \(candidate)") }
      }
    }
  }

  @Test func greedyTakesTheLowestIDOfTheBest() throws {
    let settings = try SamplerSettings(temperature: 0)
    #expect(try sample([1, 3, -.infinity, 3], settings: settings, u: 0.99) == 1)
    #expect(try sample([-0.0, 0.0], settings: settings, u: 0) == 0)
  }

  @Test func drawsFollowTheCumulativeLine() throws {
    // Probabilities 1/2, 1/4, 1/4: equal scores in the order of their ids.
    let logits: [Float] = [0, Float(log(2.0)), 0]
    let settings = try SamplerSettings()
    for (u, id) in [(0, 1), (0.4999, 1), (0.5001, 0), (0.7499, 0), (0.7501, 2), (0.9999, 2)]
      as [(Double, Int32)]
    {
      #expect(try sample(logits, settings: settings, u: u) == id, "\(u)")
    }
  }

  @Test func valuesOutOfTheirDomainAreRefusedByName() {
    func refusal(_ temperature: Double = 1, _ topK: Int? = nil, _ topP: Double? = nil) -> Failure? {
      do throws(Failure) {
        _ = try SamplerSettings(temperature: temperature, topK: topK, topP: topP)
        return nil
      } catch { return error }
    }
    #expect(refusal() == nil && refusal(0, 1, 1) == nil)
    for (failure, name) in [
      (refusal(-0.1), "temperature -0.1"), (refusal(.nan), "temperature nan"),
      (refusal(.infinity), "temperature inf"), (refusal(1, 0), "top-k 0"),
      (refusal(1, -3), "top-k -3"), (refusal(1, nil, 0), "top-p 0.0"),
      (refusal(1, nil, 1.01), "top-p 1.01"), (refusal(1, nil, .nan), "top-p nan"),
    ] {
      #expect(failure?.code == 64 && failure?.message.contains(name) == true, "\(name)")
    }
  }

  @Test(
    arguments: [
      ([0, .nan, 1], "token 1 is nan"), ([.infinity], "token 0 is inf"),
      ([-.infinity, -.infinity], "none of 2 tokens"), ([], "none of 0 tokens"),
    ] as [([Float], String)])
  func badScoresAreNamed(logits: [Float], words: String) throws {
    for settings in [try SamplerSettings(), try SamplerSettings(temperature: 0)] {
      let failures = [
        #expect(throws: Failure.self) { try sample(logits, settings: settings, u: 0) },
        #expect(throws: Failure.self) { try SamplingTable(logits: logits, settings: settings) },
      ]
      for failure in failures { #expect(failure?.message.contains(words) == true) }
    }
  }
}
