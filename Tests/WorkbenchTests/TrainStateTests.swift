import Checkpoints
import Files
import Glibc
import Inspection
import Screen
import TestSupport
import Testing
import Training
import Workbench

/// Runs that are begun, steered and ended from the bench; all of them really train.
@Suite struct TrainStateTests {
  private func bits(_ run: String) throws -> [String] {
    let log = try FileSystem.readAll(run + "/log.jsonl").split(separator: UInt8(ascii: "\n"))
    let lines = try log.map { line in
      var members = try JSON.parse(Array(line), from: "log").object ?? [:]
      members["tokens_per_s"] = nil
      return JSON.object(members).text()
    }
    return try lines
      + ["model", "training/optimizer"].map {
        try sha256(ofFile: "\(run)/last/\($0).safetensors")
      }
  }

  @Test func aSteeredRunHasTheBitsOfTheSameRunByHand() throws {
    try withTrainBench { bench in
      bench.run(bench.train())
      for line in ["step 7", "rate 0.01", "step 5", "save", "wait step = 30"] { bench.run(line) }
      #expect(bench.bench.echo.isError == false, "\(bench.bench.echo)")
      #expect(try bench.reading("step") == "30" && bench.reading("saved") == "30")

      let again = bench.folder + "/by-hand"
      let run = try TrainingRun(
        TrainingRun.again(again, as: bench.folder + "/run", version: "test"))
      while try run.next() != nil {
        if run.isBetweenSteps, run.trainer.step == 7 { try run.turn(rate: 0.01) }
      }
      #expect(try bits(again) == bits(bench.folder + "/run"))
    }
  }

  /// Space, pause, step and all that on a screen: counted in steps, the bits are the same.
  @Test func aRunOnTheScreenHasTheBitsOfTheScript() throws {
    try withTrainBench(isHeadless: false) { bench in
      bench.run(bench.train("steps=2000 checkpoint_every=2000 evaluate_every=500 log_every=100"))
      #expect(bench.bench.dialog == .forecast)
      #expect(
        bench.bench.train.forecast.joined().contains(
          ": 5,220 parameters, 2,000 steps x 32 tokens. Measured just now: "))
      bench.session.run(line: "pause off")
      #expect(bench.bench.dialog == nil)
      #expect(bench.bench.train.isRunning)
      bench.await_("under way") { stepsDone($0) > 20 }
      try bench.press(.character(" "))
      bench.settle()
      #expect(!bench.bench.train.isRunning)
      let paused = stepsDone(bench.session)
      #expect(paused > 20 && paused < 2_000)
      _ = bench.session.absorb(waiting: 200)
      #expect(stepsDone(bench.session) == paused)
      try bench.press(.character("n"))
      bench.settle()
      #expect(stepsDone(bench.session) == paused + 1)
      try bench.press(.character("s"))
      bench.settle()
      #expect(try bench.reading("saved") == "\(paused + 1)")
      try bench.press(.character("+"))
      bench.settle()
      #expect(try abs(bench.number("rate") - 1.3e-3) < 1e-9)
      try bench.press(.character(" "))
      bench.await_("at the end") { stepsDone($0) == 2_000 && !$0.bench.train.isRunning }

      let again = bench.folder + "/by-hand"
      let run = try TrainingRun(
        TrainingRun.again(again, as: bench.folder + "/run", version: "test"))
      while try run.next() != nil {
        if run.isBetweenSteps, run.trainer.step == paused + 1 { try run.turn(rate: 1.3e-3) }
      }
      #expect(try bits(again) == bits(bench.folder + "/run"))
    }
  }

  private func stepsDone(_ session: Session) -> Int {
    guard case .number(let step) = try? Reading.value(of: "step", in: session.bench) else {
      return -1
    }
    return Int(step)
  }

  // MARK: - Beginnings

  @Test func aPlanIsTakenBackAndTheRunBeforeOpensAgain() throws {
    try withTrainBench(isHeadless: false) { bench in
      bench.run(bench.train())
      bench.session.run(line: "stop")
      bench.settle()
      #expect(!FileSystem.exists(bench.folder + "/run"))
      #expect(bench.screen(Size(rows: 24, columns: 80)).contains("no run is open"))

      bench.run(bench.train())
      bench.session.run(line: "pause off")
      bench.await_("finished") { !$0.bench.train.isRunning && stepsDone($0) == 30 }
      bench.run(bench.train("batch_size=3", into: "other"))
      #expect(FileSystem.exists(bench.folder + "/other/run.json"))
      bench.session.run(line: "stop")
      bench.settle()
      #expect(!FileSystem.exists(bench.folder + "/other"))
      #expect(bench.screen(Size(rows: 24, columns: 80)).contains("run run   shape"))
      #expect(stepsDone(bench.session) == 30)
    }
  }

  @Test func aPlanGetsOtherStepsInItsFolder() throws {
    try withTrainBench(isHeadless: false) { bench in
      bench.run(bench.train())
      #expect(try bench.reading("steps") == "30")
      let atlas = try inode(bench.folder + "/run/atlas/manifest.json")
      bench.run(bench.train("minutes=0.05"))
      let steps = try bench.number("steps")
      #expect(steps > 100)
      #expect(bench.bench.echo.text.hasSuffix(" steps=\(Int(steps))"), "\(bench.bench.echo)")
      #expect(bench.session.journal.commands.last?.option("minutes") == nil)
      #expect(bench.session.journal.commands.last?.option("steps") == "\(Int(steps))")
      bench.run(bench.train("steps=50"))
      #expect(try bench.reading("steps") == "50")
      #expect(try RunPlan(of: bench.folder + "/run").training.schedule.steps == 50)
      #expect(try inode(bench.folder + "/run/atlas/manifest.json") == atlas)
      bench.session.run(line: "pause off")
      bench.await_("finished") { !$0.bench.train.isRunning && stepsDone($0) == 50 }
    }
  }

  private func inode(_ path: String) throws -> UInt {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return status.st_ino
  }

  @Test func aPlanLeavesNothingBehindAtTheEnd() throws {
    try withTemporaryFolder { folder in
      var bench = try TrainBench(folder, isHeadless: false)
      bench.run(bench.train())
      #expect(FileSystem.exists(folder + "/run"))
      bench.session.close()
      #expect(comes { !FileSystem.exists(folder + "/run") })
    }
  }

  @Test func againKeepsTheOldCurveInSight() throws {
    try withTrainBench { bench in
      bench.run(bench.train(into: "run-7"))
      bench.run("step 12")
      bench.run("train again optimizer.learning_rate=0.02")
      #expect(bench.bench.settings.runs == [bench.folder + "/run-7"])
      #expect(FileSystem.exists(bench.folder + "/run-8/run.json"))
      // What was under way is saved where it stood.
      #expect(try RunFolder.checkpoints(in: bench.folder + "/run-7").last == 12)
      bench.run("step 3")
      let screen = bench.screen(Size(rows: 24, columns: 80))
      #expect(screen.contains("run run-8   shape") && screen.contains("* this  + run-7  o valid"))
      bench.run("undo")
      #expect(bench.bench.settings.runs == [])
      let first = try bits(bench.folder + "/run-7").prefix(5)
      bench.run("train again")
      bench.run("step 12")
      #expect(try bits(bench.folder + "/run-9").prefix(3).last != first.prefix(3).last)
    }
  }

  @Test func aRunOfAnotherProcessIsFollowed() throws {
    try withTrainBench { bench in
      bench.run(bench.train())
      let other = bench.folder + "/other"
      let run = try TrainingRun(
        TrainingRun.again(other, as: bench.folder + "/run", version: "test"))
      while run.trainer.step < 5 { _ = try run.next() }
      bench.run("set runs=\"\(other)\"")
      func last() -> Int { bench.bench.train.others.first?.losses.last?.step ?? 0 }
      bench.await_("read") { $0.bench.train.others.first?.losses.last?.step == 5 }
      while run.trainer.step < 9 { _ = try run.next() }
      bench.await_("read on") { $0.bench.train.others.first?.losses.last?.step == 9 }
      bench.run("set runs=\"\(other),\(bench.folder)/nowhere\"")
      #expect(bench.bench.echo.isError == false)
    }
  }

  // MARK: - What goes wrong

  @Test func aRunThatDivergesStopsAndGoesBackToItsCheckpoint() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      bench.run(bench.train())
      bench.run("step 12")
      bench.run("rate 1e38")
      bench.run("step 10")
      #expect(bench.bench.echo.isError)
      let said = bench.bench.echo.text
      #expect(
        said.contains("not a finite number") && said.contains("saved step 10 is good"), "\(said)")
      #expect(bench.screen(Size(rows: 24, columns: 80)).contains("STOPPED"))
      #expect(!bench.bench.train.canGoOn && !bench.bench.train.isUnsaved)
      bench.run("save")
      #expect(bench.bench.echo.text.contains("not saved"), "\(bench.bench.echo)")
      #expect(try RunFolder.checkpoints(in: bench.folder + "/run") == [10])
      bench.run("train \"\(bench.folder)/run\"")
      #expect(try bench.reading("step") == "10")
      bench.run("wait step = 30")
      #expect(try bench.reading("saved") == "30")
    }
  }

  @Test func whatIsWrongIsOneLineAndChangesNothing() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      for (line, word) in [
        ("step", "no run is open"), ("save", "no run is open"), ("rate 1", "no run is open"),
        ("train again", "no run is open"), ("train nowhere", "no configuration"),
        ("train \"\(bench.folder)/shape.json\"", "unknown key"),
        (bench.train("no_such=1"), "no_such"), (bench.train("model.n_head=5"), "not divisible"),
        (bench.train("data.path=/nowhere data.make=null"), "no such file"),
        (bench.train("minutes=-1"), "minutes"), ("say loss", "no run is open"),
      ] {
        bench.session.said = []
        bench.run(line)
        let said = bench.bench.echo.text + bench.session.said.joined()
        #expect(said.contains(word), "\(line): \(said)")
        #expect(!said.contains("\n"))
        #expect(try FileSystem.list(bench.folder) == ["shape.json", "tiny.json"], "\(line)")
      }
      bench.run(bench.train())
      bench.run("step 3")
      for line in ["train nowhere", "train again seed=3", "rate -1", "cursor 31", "set runs="] {
        bench.run(line)
        #expect(bench.bench.echo.isError, "\(line)")
        #expect(try bench.reading("step") == "3", "\(line)")
      }
      bench.run("step 100")
      #expect(try bench.reading("step") == "30")
      bench.run("step")
      #expect(bench.bench.echo.text.contains("has made its 30 steps"), "\(bench.bench.echo)")
    }
  }

  // MARK: - What is told

  @Test func stopSavesAndSaysSo() throws {
    try withTrainBench(isHeadless: false) { (bench: inout TrainBench) throws in
      bench.run(bench.train("steps=100000 checkpoint_every=100000 evaluate_every=0"))
      bench.session.run(line: "pause off")
      bench.await_("under way") { stepsDone($0) > 5 }
      bench.run("stop")
      let step = stepsDone(bench.session)
      #expect(!bench.bench.train.isRunning && !bench.bench.train.isUnsaved)
      let said = "saved step \(Numbers.grouped(step)) and paused; Space goes on"
      #expect(bench.bench.echo.text == said)
      #expect(try RunFolder.checkpoints(in: bench.folder + "/run") == [step])
    }
  }

  /// In another view a box would take its keys.
  @Test func aPlanThatIsReadyElsewhereIsOnlySaid() throws {
    try withTrainBench(isHeadless: false) { bench in
      bench.session.run(line: bench.train())
      bench.run("view attention")
      #expect(bench.bench.dialog == nil)
      #expect(bench.bench.echo.text == "run is ready: Space in the Train view starts it")
      bench.run("view train")
      #expect(bench.screen(Size(rows: 24, columns: 80)).contains(" ready\n"))
    }
  }

  @Test func readingsAreThoseOfTheLog() throws {
    try withTrainBench { bench in
      bench.run(bench.train())
      #expect(try bench.number("validation").isNaN && bench.reading("step") == "0")
      bench.run("step 10")
      let log = try RunLog(bench.folder + "/run")
      #expect(try bench.number("loss") == log.losses.last?.value)
      #expect(try bench.number("validation") == log.validations.last?.value)
      #expect(try bench.number("gradient") == log.gradientNorms.last?.value)
      #expect(try bench.number("floor") == log.floor)
      #expect(try bench.reading("steps") == "30" && bench.reading("running") == "on")
      bench.run("pause on")
      #expect(try bench.reading("running") == "off" && bench.reading("idle") == "on")
      bench.run("pause off")
      bench.run("wait idle")
      #expect(try bench.reading("step") == "30")
    }
  }

  @Test func theProbeShowsWhatTheSavedModelDoes() throws {
    try withTrainBench { bench in
      bench.run("prompt One day a red key")
      bench.run(bench.train())
      bench.run("set probe=0.1")
      bench.run("step 10")
      let probe = try #require(bench.bench.train.probe)
      #expect(probe.step == 10 && probe.head == HeadReference(layer: 0, head: 1))
      let saved = try ModelDirectory(RunFolder.checkpoint(10, in: bench.folder + "/run"))
      let all = try #require(saved.tokenizer).encodeWhole(Array("One day a red key".utf8))
      let ids = Array(all.suffix(16))  // The model's context.
      #expect(probe.tokens.count == 16 && probe.tokens.last == "y")
      let snapshot = AttentionSnapshot(saved.model, ids: ids)
      for row in ids.indices {
        let weights = snapshot.row(.weights, layer: 0, head: 1, row).prefix(row + 1)
        #expect(zip(probe.weights[row], weights).allSatisfy { $0 == $1 }, "row \(row)")
      }
      bench.run("set probe=off")  // Then the head that looks hardest is followed.
      let chosen = try #require(bench.bench.train.probe)
      let peaks = (0..<2).map { head in
        snapshot.row(.weights, layer: 0, head: head, 15).compactMap { $0 }.dropFirst().dropLast()
          .max() ?? 0
      }
      #expect(chosen.head.head == (peaks[0] > peaks[1] ? 0 : 1))
    }
  }

  @Test func newsComeSeldomEnough() throws {
    try withTrainBench(isHeadless: false) { bench in
      bench.run(bench.train("steps=1000000 checkpoint_every=1000000 evaluate_every=0"))
      bench.session.run(line: "pause off")
      bench.await_("under way") { stepsDone($0) > 100 }
      let (began, steps) = (ContinuousClock.now, stepsDone(bench.session))
      var wakes = 0
      #expect(
        comes {
          if bench.session.absorb(waiting: 20) { wakes += 1 }
          return wakes >= 10 && stepsDone(bench.session) > steps + 100
        })
      let seconds = (ContinuousClock.now - began) / .seconds(1)
      #expect(Double(wakes) < 2 + 25 * seconds, "\(wakes) in \(seconds) s")
      try bench.press(.character(" "))
      bench.settle()
    }
  }
}
