import Models
import Screen
import TestSupport
import Testing
import Training
import Workbench

/// The ribbon of bytes that the Train view shows of an entropy model or a BLT while it learns.
@Suite struct RibbonProbeTests {
  private let text = "Anna found a red key."

  /// A saved step of a run, as a model.
  private func model(_ path: String, _ step: Int) throws -> any LanguageModel {
    try Home.load("\(path)@\(step)").model
  }

  @Test func itIsTheModelsAsItLearns() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      bench.run("prompt \(text)")
      bench.run(try bench.trainBytes("entropy", "optimizer.learning_rate=0.02"))
      let before = try #require(bench.bench.train.ribbon)
      #expect(before.step == 0 && before.ids == [1] + text.utf8.map { Int32($0) + 4 })
      // Untrained: nearly ln 260 everywhere, so a low threshold ends a patch at every byte.
      #expect(before.entropies.allSatisfy { $0 > 4 && $0 < 5.57 } && before.ends == nil)
      #expect(bench.bench.train.probe == nil)
      bench.run("step 30")
      bench.run("save")
      let after = try #require(bench.bench.train.ribbon)
      let trained = try #require(try model(bench.folder + "/entropy", 30) as? EntropyModel)
      #expect(after.step == 30)
      #expect(after.entropies == trained.entropies(Tokens([after.ids]), Pass()))
      #expect(after.entropies.reduce(0, +) < before.entropies.reduce(0, +))
      // Patches are the dial's, and follow it without the trainer.
      for threshold in ["0.5", "4.5"] {
        bench.run("threshold \(threshold)")
        let ends = Patching(threshold: Float(threshold) ?? 0).ends(
          ids: after.ids, entropies: after.entropies)
        let count = Patching.lengths(Array(ends.dropFirst())).count
        let mean = Numbers.fit(Double(text.utf8.count) / Double(count), 4, decimals: 2)
        let screen = bench.screen(Size(rows: 24, columns: 80))
        #expect(screen.contains("probe: \(mean) bytes a patch"), "\(screen)")
        #expect(screen.contains("global \(threshold)0, "), "\(screen)")
      }
      bench.run("set pane=probe")
      for size in screenSizes {
        let screen = bench.screen(size)
        #expect(screen.contains("A n n a") || screen.contains("A|n"), "\(screen)")
      }
      for rows in [10, 12, 17, 24, 60] {
        for columns in [40, 48, 71, 72, 80, 200] {
          _ = bench.screen(Size(rows: rows, columns: columns), .full)
        }
      }
      // A head that is named is shown instead.
      bench.run("set probe=0.1")
      #expect(bench.bench.train.ribbon == nil)
      #expect(bench.bench.train.probe?.head.description == "0.1")
      bench.run("set probe=off units=bits")
      #expect(bench.screen(Size(rows: 24, columns: 80)).contains(" bits\n"))
    }
  }

  @Test func aBLTKeepsThePatchesThatItIsGiven() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      bench.run("prompt \(text)")
      bench.run(try bench.trainBytes("entropy"))
      bench.run("step 10")
      bench.run("save")
      bench.run(
        try bench.trainBytes("blt", "patcher=\"\(bench.folder)/entropy\" target_patch=3"))
      let before = try #require(bench.bench.train.ribbon)
      bench.run("step 30")
      bench.run("save")
      let after = try #require(bench.bench.train.ribbon)
      let trained = try #require(try model(bench.folder + "/blt", 30) as? BLT)
      #expect(after.ends == trained.patchEnds(Tokens([after.ids])) && after.ends == before.ends)
      let logits = trained(Tokens([after.ids]), Pass())
      #expect(after.entropies == logits.entropies())
      #expect(after.entropies != before.entropies)
      #expect(bench.screen(Size(rows: 24, columns: 80)).contains("given patches, "))
    }
  }
}
