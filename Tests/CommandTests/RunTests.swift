import Files
import Glibc
import TestSupport
import Testing

/// Runs that are stopped, killed, damaged or starved of disk: nothing is lost.
@Suite struct RunTests {
  /// What must be equal to the bit: checkpoints with optimizer, links, and the log without timings.
  private func contents(_ workshop: Workshop, _ run: String) throws -> [String] {
    var contents = try workshop.names(run + "/checkpoints")
    for link in ["last", "best"] {
      let folder = "\(run)/\(link)"
      let target = try #require(realpath(workshop.path(folder), nil))
      contents.append(FileSystem.name(String(cString: target)))
      for file in ["model.safetensors", "training/optimizer.safetensors", "training/state.json"] {
        contents.append(try sha256(ofFile: workshop.path("\(folder)/\(file)")))
      }
    }
    return try contents + log(workshop, run)
  }

  private func log(_ workshop: Workshop, _ run: String) throws -> [String] {
    try workshop.read(run + "/log.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
      var members = try #require(try JSON.parse(Array(line), from: "log").object)
      members["tokens_per_s"] = nil
      return JSON.object(members).text()
    }
  }

  private static let sort = [
    "data.path=null", "data.make=sort", "steps=60", "batch_size=64", "accumulation=2",
    "threads=2", "dropout=0.1", "checkpoint_every=7", "evaluate_every=10", "evaluate_batches=2",
    "schedule.name=cosine",
  ]

  @Test func sameSeedSameBits() throws {
    let workshop = try Workshop()
    let sets = ["threads=2", "dropout=0.1", "sample_every=2"]
    for run in ["one", "two"] { try workshop.succeed(Workshop.train(sets, into: run)) }
    try workshop.succeed(Workshop.train(sets + ["seed=2"], into: "other"))
    #expect(try contents(workshop, "one") == contents(workshop, "two"))
    #expect(try contents(workshop, "one") != contents(workshop, "other"))
  }

  @Test func killedRunsEndInTheSameBits() throws {
    let workshop = try Workshop()
    let began = ContinuousClock.now
    try workshop.succeed(Workshop.train(Self.sort, into: "whole"))
    let time = (ContinuousClock.now - began) / .seconds(1)
    try workshop.write("train.json", "{}")  // What a run was told, it keeps.
    let moments = (0..<5).map { _ in Double.random(in: 0.1...0.6) * time }
    for moment in moments {
      let running = try workshop.start(
        FileSystem.exists(workshop.path("killed"))
          ? Workshop.resume("killed")
          : ["train", "model.json", "train.json", "--out", "killed"]
            + Self.sort.flatMap { ["--set", $0] }
            + ["--set", "log_every=1", "--set", "threads=2"])
      usleep(UInt32(1e6 * moment))
      running.signal(SIGKILL)
      _ = try running.wait()
    }
    let ended = try workshop.specola(Workshop.resume("killed"))
    #expect(ended.code == 0, "killed after \(moments) s: \(ended)")
    let (whole, killed) = (try contents(workshop, "whole"), try contents(workshop, "killed"))
    #expect(whole == killed, "killed after \(moments) s")
    let left = try workshop.names("killed") + workshop.names("killed/checkpoints")
    #expect(!left.contains { $0.hasSuffix(".partial") }, "\(left)")
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] as [(Int32, Int32)])
  func signalSaves(number: Int32, code: Int32) throws {
    let workshop = try Workshop()
    // Evaluated at every step, so that the signal mostly comes before an evaluation.
    let sets = ["evaluate_every=1", "checkpoint_every=1000000", "sample_every=3"]
    let running = try workshop.start(Workshop.train(sets + ["steps=1000000"]))
    try running.wait(for: "step 5 ", in: "output")
    running.signal(number)
    let outcome = try running.wait()
    #expect(outcome.code == code, "\(outcome)")
    #expect(outcome.error.contains("go on with: specola train --resume run\n"), "\(outcome)")
    let last = try #require(realpath(workshop.path("run/last"), nil))
    let step = try #require(Int(FileSystem.name(String(cString: last)).dropFirst(5)))
    #expect(outcome.error.contains("stopped and saved at step \(step);"), "\(outcome)")
    let end = "steps=\(step + 3)"
    try workshop.succeed(Workshop.resume("run", [end]))
    try workshop.succeed(Workshop.train(sets + [end], into: "whole"))
    #expect(try log(workshop, "run") == log(workshop, "whole"))
    #expect(
      try workshop.read("run/last/model.safetensors")
        == workshop.read("whole/last/model.safetensors"))
  }

  @Test func secondSignalStopsAtOnce() throws {
    let workshop = try Workshop()
    let running = try workshop.start(Workshop.train(["accumulation=1048576", "batch_size=1024"]))
    try running.wait(for: "parameters", in: "error")
    // Its first step would take hours; two signals that come too close are one.
    #expect(
      comes(every: 50) {
        running.signal(SIGINT)
        return running.hasEnded
      })
    #expect(try running.wait().code == 130)
    #expect(try workshop.names("run/checkpoints") == [])
  }

  @Test func oneTrainerAtATime() throws {
    let workshop = try Workshop()
    let running = try workshop.start(Workshop.train(["steps=1000000"]))
    try running.wait(for: "step 5 ", in: "output")
    let second = try workshop.specola(Workshop.resume("run"))
    #expect(second.code == 1 && second.complaints.count == 1, "\(second)")
    #expect(second.error.contains("is being trained by another process"), "\(second)")
    running.signal(SIGINT)
    #expect(try running.wait().code == 130)
  }

  @Test func damagedCheckpoints() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train(into: "run"))
    try workshop.succeed(Workshop.train(["steps=6"], into: "whole"))
    let last = "run/checkpoints/step-000004/"
    for (number, file) in [
      "model.safetensors", "training/optimizer.safetensors", "training/state.json", "config.json",
    ].enumerated() {
      let run = "run\(number)"
      try workshop.copy("run", run)
      try #require(truncate(workshop.path(last.replacing("run", with: run) + file), 20) == 0)
      let outcome = try workshop.succeed(Workshop.resume(run, ["steps=6"]))
      #expect(outcome.error.contains("one is damaged: step 4: "), "\(outcome)")
      #expect(outcome.error.contains("steps from 2"), "\(outcome)")
      #expect(try contents(workshop, run) == contents(workshop, "whole"), "\(file)")
    }
    // Leftovers of a killed process, and names that are no steps.
    try workshop.copy("run", "odd")
    for name in ["step--5", "step-9223372036854775807", ".step-000009.999999999-0.partial"] {
      try workshop.copy("run/checkpoints/step-000004", "odd/checkpoints/" + name)
    }
    try workshop.write("odd/.run.json.999999999-3.partial", "half")
    try workshop.succeed(Workshop.resume("odd"))
    let left = try workshop.names("odd") + workshop.names("odd/checkpoints")
    #expect(!left.contains { $0.hasSuffix(".partial") }, "\(left)")

    try workshop.copy("run", "other")
    let plan = String(decoding: try workshop.read("run/run.json"), as: UTF8.self)
    for (old, new, words) in [
      ("\"n_embd\": 16", "\"n_embd\": 32", ["no checkpoint fits", "not of this model"]),
      ("\"n_embd\": 16", "\"n_embd\": 33", ["n_embd 33 is not divisible"]),
      ("\"vocab_size\": 260", "\"vocab_size\": 200", ["260 ids", "200"]),
      ("\"batch_size\": 2", "\"batch_size\": -2", ["batch_size is -2"]),
      ("\"batch_size\": 2", "\"batch_sise\": 2", ["\"batch_sise\"", "nearest: batch_size"]),
    ] {
      try #require(plan.contains(old), "\(plan)")
      try workshop.write("other/run.json", plan.replacing(old, with: new))
      let files = try workshop.names("other")
      try workshop.refuses(new, Workshop.resume("other"), ["other"] + words)
      #expect(try workshop.names("other") == files)
    }
    try workshop.write("other/run.json", plan)
    truncate(workshop.path("other/atlas/train-00000.bin"), 100)
    try workshop.refuses("atlas", Workshop.resume("other"), ["100 bytes", "build the atlas again"])
  }

  @Test func lossThatIsNotANumber() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train(["steps=3", "checkpoint_every=3"]))
    let good = try workshop.read("run/last/model.safetensors")
    let outcome = try workshop.specola(
      Workshop.resume("run", ["steps=9", "optimizer.learning_rate=1e30"]))
    #expect(outcome.code == 1 && outcome.complaints.count == 1, "\(outcome)")
    for word in ["step 5: ", "transformer.h.0.", "learning rate", "checkpoint of step 3 is good"] {
      #expect(outcome.error.contains(word), "\(outcome)")
    }
    #expect(try workshop.read("run/last/model.safetensors") == good)
    try workshop.succeed(Workshop.resume("run", ["optimizer.learning_rate=1e-3"]))
  }

  @Test func fullDisk() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    let good = try workshop.read("run/last/model.safetensors")
    // Blocks of 512 bytes that a file may have.
    for (blocks, word) in [
      (1, "run.json"), (9, "events.out"), (40, "model.safetensors"), (80, "optimizer.safetensors"),
    ] {
      try workshop.copy("run", "full")
      let outcome = try workshop.specola(
        Workshop.resume("full", ["steps=8"]), shell: "ulimit -f \(blocks); exec \"$@\" >/dev/null")
      #expect(outcome.code == 1 && outcome.complaints.count == 1, "\(blocks): \(outcome)")
      #expect(outcome.error.contains(word), "\(blocks): \(outcome)")
      #expect(outcome.error.contains("has no room for it"), "\(blocks): \(outcome)")
      #expect(try workshop.read("full/last/model.safetensors") == good)
      let left = try workshop.names("full") + workshop.names("full/checkpoints")
      #expect(!left.contains { $0.hasSuffix(".partial") }, "\(blocks): \(left)")
      try workshop.succeed(Workshop.resume("full", ["steps=8"]))
      #expect(try log(workshop, "full").count == 8 + 4, "\(blocks)")
      FileSystem.remove(workshop.path("full"))
    }
    // A log line: the log of many steps is the longest file.
    let rare = ["steps=400", "evaluate_every=0", "checkpoint_every=400", "model.n_embd=2"]
    try workshop.succeed(Workshop.train(rare, into: "long"))
    let blocks = try workshop.read("long/log.jsonl").count / 512 + 1
    let outcome = try workshop.specola(
      Workshop.resume("long", ["steps=420"]), shell: "ulimit -f \(blocks); exec \"$@\" >/dev/null")
    #expect(
      outcome.code == 1 && outcome.error.contains("long/log.jsonl: cannot write"), "\(outcome)")
    #expect(outcome.error.contains("checkpoint of step 400 is good"), "\(outcome)")
    try workshop.succeed(Workshop.resume("long", ["steps=420"]))
    #expect(try log(workshop, "long").count == 420)
    // Nothing of a new run is left.
    let names = try workshop.names()
    let new = try workshop.specola(
      Workshop.train(into: "new"), shell: "ulimit -f 1; exec \"$@\"")
    #expect(new.code == 1 && new.complaints.count == 1, "\(new)")
    #expect(try workshop.names() == names)
  }

  @Test func closedPipes() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    let generated = try workshop.specola(
      ["generate", "run", "--prompt", "the", "--max-tokens", "100000", "--temperature", "0"],
      shell: #"{ "$@"; echo "code $?" >&2; } | head -c 1"#)
    #expect(generated.output == "t" && generated.complaints.count == 1, "\(generated)")
    #expect(generated.error.hasSuffix("code 1\n"), "\(generated)")
    let trained = try workshop.specola(
      Workshop.train(["steps=1000000"], into: "piped"),
      shell: #"{ "$@"; echo "code $?" >&2; } | head -n 1"#)
    #expect(trained.complaints.count == 1 && trained.error.hasSuffix("code 1\n"), "\(trained)")
    #expect(trained.error.contains("Broken pipe; stopped and saved at step "), "\(trained)")
    #expect(FileSystem.exists(workshop.path("piped/last/model.safetensors")))
  }
}
