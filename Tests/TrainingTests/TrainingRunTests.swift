import Files
import Glibc
import Models
import Tensors
import TestSupport
import Testing
import Text
import Training

@Suite struct TrainingRunTests {
  /// Rates by the number of steps that were done when they were set.
  private static let turns: [Int: Float] = [0: 2e-3, 3: 0.01, 8: 0.02, 9: 4e-3, 14: 5e-3]

  /// Takes a run to the end, or until so many steps are done and all that they bring.
  private func go(
    _ run: TrainingRun, to last: Int = .max, turning turns: [Int: Float] = turns
  ) throws {
    while run.trainer.step < last || !run.isBetweenSteps {
      if run.isBetweenSteps, let rate = turns[run.trainer.step] { try run.turn(rate: rate) }
      guard try run.next() != nil else { break }
    }
  }

  // MARK: - The rate

  @Test func aTurnedRateKeepsTheShapeOfTheSchedule() {
    var schedule = ScheduleConfig()
    (schedule.name, schedule.steps, schedule.warmup) = (.linear, 12, 2)
    let turn = RateTurn(step: 7, rate: 3, peak: 1)
    // 1 - 5/10 by then: from there on 6 times the schedule.
    for (step, expected) in [(7, 3), (8, 2.4), (11, 0.6), (12, 0), (0, 2), (2, 6)] as [(Int, Float)]
    {
      #expect(abs(schedule.rate(step, peak: 1, turn: turn) - expected) < 1e-6)
    }
    #expect(schedule.rate(7, peak: 1, turn: turn) == 3)
    #expect(schedule.rate(8, peak: 1, turn: nil) == schedule.rate(8, peak: 1))
    let late = RateTurn(step: 12, rate: 3, peak: 1)  // The schedule is at 0 and has no shape.
    #expect(
      schedule.rate(12, peak: 1, turn: late) == 3 && schedule.rate(99, peak: 1, turn: late) == 3)
    schedule.name = .constant
    #expect(schedule.rate(400, peak: 1, turn: turn) == 3)
  }

  /// Saved by hand and taken up again at some steps, turned before, at and after checkpoints.
  @Test(arguments: [[5], [8], [9], [3, 12], [14, 20], [1, 2, 3, 8, 14, 23]])
  func aTurnedRunResumesToTheBit(_ stops: [Int]) throws {
    try withTemporaryFolder { folder in
      let (whole, parts) = (folder + "/whole", folder + "/parts")
      try go(TrainingRun(makeRun(whole) { $0.keepLast = 1 }))
      var made: RunFolder? = try makeRun(parts) { $0.keepLast = 1 }
      for stop in stops {
        let run = try TrainingRun(made ?? RunFolder(parts))
        made = nil
        try go(run, to: stop)
        if let rate = Self.turns[stop] { try run.turn(rate: rate) }
        try run.save()
        #expect(run.isSaved && run.savedStep == stop)
      }
      // Without turning again where the turn was saved.
      let rest = Self.turns.filter { turn in stops.last.map { turn.key > $0 } ?? true }
      try go(TrainingRun(RunFolder(parts)), turning: rest)
      let log = try bits(of: whole)
      #expect(try bits(of: parts) == log)
      for (step, rate) in Self.turns {
        #expect(log.contains(#"{"rate_set":\#(Double("\(rate)") ?? 0),"step":\#(step + 1)}"#))
        #expect(log.contains { $0.contains(#""learning_rate":\#(Double(rate)),"#) })
      }
    }
  }

  /// Of the same weights and sequences, and the masters are back afterwards.
  @Test func evaluationsAreInThePrecisionOfTheRun() throws {
    try withTemporaryFolder { folder in
      let losses = try [Precision.float32, .bf16].map { precision in
        let run = try TrainingRun(makeRun(folder + "/\(precision)") { $0.precision = precision })
        let loss = try run.evaluation().loss
        _ = try run.evaluation { _ in false }
        #expect(run.model.parameters.parameters.allSatisfy { $0.form == .float32 })
        return loss
      }
      #expect(losses[0] != losses[1] && abs(losses[0] - losses[1]) < 0.01, "\(losses)")
    }
  }

  @Test func whatWasNotSavedIsForgottenWithItsTurn() throws {
    try withTemporaryFolder { folder in
      let (whole, killed) = (folder + "/whole", folder + "/killed")
      try go(TrainingRun(makeRun(whole)))
      try go(TrainingRun(makeRun(killed)), to: 11)  // Its last checkpoint is of step 8.
      let run = try TrainingRun(RunFolder(killed))
      #expect(run.trainer.step == 8 && run.isSaved)
      #expect(abs(run.trainer.learningRate - 0.02) > 1e-3)
      try go(run)
      #expect(try bits(of: killed) == bits(of: whole))
    }
  }

  @Test func anotherPeakEndsATurn() throws {
    try withTemporaryFolder { folder in
      func open(_ sets: [(key: String, value: String)] = []) throws -> Float {
        try TrainingRun(RunFolder(folder + "/run"), sets: sets).trainer.learningRate
      }
      do {
        let run = try TrainingRun(makeRun(folder + "/run") { $0.schedule.name = .constant })
        try go(run, to: 4, turning: [:])
        for wrong in [-1, .nan, .infinity] as [Float] {
          #expect(message { try run.turn(rate: wrong) }.contains("is no learning rate"))
        }
        try run.save()
        #expect(run.isSaved)
        try run.turn(rate: 0.5)
        #expect(!run.isSaved)
        try run.save()
        #expect(run.isSaved)
      }
      #expect(try open() == 0.5)
      #expect(try open([("optimizer.learning_rate", "0.125")]) == 0.125)
      #expect(try open() == 0.125)
    }
  }

  // MARK: - The precision

  @Test func aRunKeepsItsPrecisionAndSaysWhenAnotherGoesOn() throws {
    try withTemporaryFolder { folder in
      func open(_ sets: [(key: String, value: String)] = []) throws -> TrainingRun {
        try TrainingRun(RunFolder(folder + "/run"), sets: sets)
      }
      do {
        let run = try TrainingRun(makeRun(folder + "/run") { $0.precision = .bf16 })
        #expect(run.plan.training.form == .bf16 && run.notes.isEmpty)
        try go(run, to: 2, turning: [:])
        try run.save()
      }
      #expect(try open().notes.isEmpty)
      let other = try open([("precision", "float32")])
      #expect(other.notes == ["so far in bf16, going on in float32: other rounding"])
      #expect(other.plan.training.form == .float32 && other.trainer.step == 2)
      let stored = try JSON(contentsOf: folder + "/run/run.json")
      #expect(stored.object?["training"]?.object?["precision"] == "float32")
      // What no one chose depends on the CPU, and is stored as what it was.
      let plain = try TrainingRun(makeRun(folder + "/plain"))
      #expect(plain.plan.training.precision == (Kernel.path == .amx ? .bf16 : .float32))
    }
  }

  // MARK: - The log

  @Test func stepsBetweenLogLinesHaveNone() throws {
    try withTemporaryFolder { folder in
      let run = try TrainingRun(makeRun(folder + "/run") { ($0.steps, $0.logEvery) = (10, 4) })
      var logged: [Int] = []
      while let event = try run.next() {
        if case .step(let report, _, let line?) = event {
          #expect(line["step"]?.int == report.step)
          logged.append(report.step)
        }
      }
      #expect(logged == [1, 4, 8, 10])
    }
  }

  // MARK: - Beginnings

  @Test func aForecastLeavesTheRunAsItIs() throws {
    try withTemporaryFolder { folder in
      let (plain, measured) = (folder + "/plain", folder + "/measured")
      try go(TrainingRun(makeRun(plain)))
      let made = try makeRun(measured)
      let before = try FileSystem.list(measured)
      let plan = try FileSystem.readAll(measured + "/run.json")
      let forecast = try Forecast(of: measured, seconds: 0.2)
      #expect(try FileSystem.list(measured) == before)
      #expect(try FileSystem.readAll(measured + "/run.json") == plan)
      #expect(forecast.steps == 24 && forecast.tokensPerStep == 2 * 16)
      #expect(forecast.secondsPerStep > 0 && forecast.secondsPerStepBeside > 0)
      let minute = forecast.steps(in: 1)
      #expect(minute > 24 && abs(forecast.seconds(for: minute) - 60) < 0.1)
      #expect(forecast.steps(in: 1e-9) == 1 && forecast.steps(in: .infinity) > minute)

      let run = try TrainingRun(made, sets: [("steps", "24")])
      #expect(forecast.parameters == run.model.parameters.count)
      try go(run)
      #expect(try bits(of: measured) == bits(of: plain))
    }
  }

  @Test func stepsFitATimeAndAreKept() throws {
    try withTemporaryFolder { folder in
      let made = try makeRun(folder + "/run")
      let sets = try Forecast(of: folder + "/run", seconds: 0.1).fit(minutes: 2)
      let run = try TrainingRun(made, sets: sets)
      let kept = try RunPlan(of: folder + "/run").training
      #expect(kept.steps > 24 && kept == run.plan.training && kept.schedule.steps == kept.steps)
    }
  }

  @Test func againBeginsAsTheOtherDid() throws {
    try withTemporaryFolder { folder in
      let first = folder + "/tiny-7"
      let run = try TrainingRun(makeRun(first))
      try go(run)
      #expect(RunFolder.unused(folder + "/new") == folder + "/new")
      let (second, third) = (RunFolder.unused(first), folder + "/tiny-9")
      #expect(second == folder + "/tiny-8")
      // While the first is held by its trainer.
      let made = try TrainingRun.again(second, as: first, version: "test")
      let sets = [(key: "optimizer.learning_rate", value: "1e-4")]
      let other = try TrainingRun.again(third, as: first, sets: sets, version: "test")
      withExtendedLifetime(run) {}
      let old = try bits(of: first)
      #expect(try RunPlan(of: second) == RunPlan(of: first))
      FileSystem.remove(first)
      try go(TrainingRun(made))
      try go(TrainingRun(other))
      #expect(try bits(of: second) == old)
      #expect(try bits(of: third) != old)
      #expect(
        message {
          _ = try TrainingRun.again(folder + "/x", as: second, sets: [("seed", "2")], version: "")
        }
        .contains("a run keeps it"))
      #expect(
        message { _ = try TrainingRun.again(folder + "/x", as: first, version: "") }
          .contains("is not a run"))
      #expect(!FileSystem.exists(folder + "/x"))
    }
  }

  // MARK: - What goes wrong

  @Test func aNumberThatIsNotFinitePauses() throws {
    try withTemporaryFolder { folder in
      let (whole, path) = (folder + "/whole", folder + "/run")
      try go(TrainingRun(makeRun(whole)), turning: [:])
      do {
        let run = try TrainingRun(makeRun(path))
        try go(run, to: 9, turning: [:])
        try run.turn(rate: 1e38)
        let error = #expect(throws: NotFinite.self) { try go(run, turning: [:]) }
        let step = run.trainer.step
        #expect(error?.step == step + 1 && run.isBetweenSteps)
        #expect(throws: NotFinite.self) { _ = try run.next() }
        #expect(run.trainer.step == step && run.savedStep == 8)
      }
      try go(TrainingRun(RunFolder(path)), turning: [:])
      #expect(try bits(of: path) == bits(of: whole))
    }
  }

  /// In a process of its own, since the limit holds for all of it.
  @Test func aFullDiskPauses() async throws {
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      func limit(_ bytes: Int) {
        var limit = rlimit(rlim_cur: UInt(bytes), rlim_max: .max)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      }
      try withTemporaryFolder { folder in
        let (whole, path) = (folder + "/whole", folder + "/run")
        let other = try TrainingRun(makeRun(whole))
        while try other.next() != nil {}
        let run = try TrainingRun(makeRun(path))
        while run.trainer.step < 5 || !run.isBetweenSteps { _ = try run.next() }
        let size = try FileSystem.readAll(path + "/log.jsonl").count
        limit(size + 30)  // The next line begins, and does not end.
        for _ in 0..<3 {
          let failure = message { _ = try run.next() }
          try #require(failure.contains("log.jsonl: cannot write"))
          let now = try FileSystem.readAll(path + "/log.jsonl").count
          try #require(now == size && run.trainer.step == 6 && !run.isBetweenSteps)
        }
        // The line fits now; first the event file, then the best checkpoint does not.
        for (room, name) in [(1_000, "events"), (20_000, "safetensors")] {
          limit(size + room)
          for _ in 0..<2 {
            let failure = message { while try run.next() != nil {} }
            try #require(failure.contains(name) && run.trainer.step == 6)
          }
        }
        limit(1 << 40)
        while try run.next() != nil {}
        let (all, expected) = (try bits(of: path), try bits(of: whole))
        try #require(all == expected)
      }
    }
  }
}
