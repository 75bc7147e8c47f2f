import Files
import Screen
import Testing
import Training
import Workbench

/// The recipes of the project itself, as the Train view lists and begins them.
@Suite struct TrainRecipeTests {
  /// The stages of a Byte Latent Transformer are begun as any other recipe: an entropy model, and a
  /// BLT on the patches of the one that comes with the project.
  @Test func bothStagesOfABLTAreStartable() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      let list = bench.screen(Size(rows: 40, columns: 100))
      for name in ["entropy", "blt"] {
        let lines = list.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(lines.contains { $0.contains(Substring(name)) }, "\(list)")
        let run = "\(bench.folder)/\(name)-run"
        bench.run(
          "train \(name) out=\"\(run)\" data.documents=200 threads=1 batch_size=2 steps=3 "
            + "evaluate_batches=1")
        #expect(!bench.bench.echo.isError, "\(bench.bench.echo)")
        bench.run("step 3")
        #expect(
          try bench.reading("step") == "3" && !bench.bench.echo.isError, "\(bench.bench.echo)")
        #expect(try bench.number("validation") > 1)
        #expect(FileSystem.exists(run + "/entropies.safetensors") == (name == "blt"))
        let screen = bench.screen(Size(rows: 24, columns: 80))
        #expect(screen.contains("run \(name)-run"), "\(screen)")
      }
      // Another like it reads the corpus no second time.
      bench.run("train again batch_size=3")
      bench.run("step 1")
      #expect(try bench.reading("step") == "1" && !bench.bench.echo.isError, "\(bench.bench.echo)")
    }
  }
}
