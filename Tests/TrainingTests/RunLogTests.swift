import Files
import Glibc
import TestSupport
import Testing
import Text
import Training

@Suite struct RunLogTests {
  private static let lines = """
    {"gradient_norm":2.5,"learning_rate":0.001,"loss":4.25,"step":1,"tokens_per_s":900.0}
    {"gradient_norm":1.5,"learning_rate":0.002,"loss":3.5,"step":10,"tokens_per_s":1000.0}
    {"bits_per_byte":5.0,"solved":0.25,"step":10,"validation_loss":3.75}
    {"rate_set":0.0005,"step":11}
    {"gradient_norm":null,"learning_rate":0.0005,"loss":null,"step":20,"tokens_per_s":1100.0}

    """

  private func write(_ bytes: some Sequence<UInt8>, to run: String) throws {
    let log = open(run + "/log.jsonl", O_WRONLY | O_CREAT | O_APPEND, 0o666)
    defer { close(log) }
    #expect(Array(bytes).withUnsafeBytes { FileSystem.write($0, to: log) })
  }

  private func points(_ log: RunLog) -> [[String]] {
    [
      log.losses, log.validations, log.bitsPerByte, log.solved, log.rates, log.turns,
      log.gradientNorms, log.speeds,
    ].map {
      $0.map { "\($0.step) \($0.value)" }
    }
  }

  private static let expected = [
    ["1 4.25", "10 3.5", "20 nan"], ["10 3.75"], ["10 5.0"], ["10 0.25"],
    ["1 0.001", "10 0.002", "20 0.0005"],
    ["11 0.0005"], ["1 2.5", "10 1.5", "20 nan"], ["1 900.0", "10 1000.0", "20 1100.0"],
  ]

  /// However the bytes arrive, the same points are read, each once.
  @Test(arguments: [1, 7, 86, 87, 88, 1000]) func readsWhatIsAdded(_ piece: Int) throws {
    try withTemporaryFolder { folder in
      _ = try makeRun(folder + "/run")
      var log = try RunLog(folder + "/run")
      #expect(points(log).allSatisfy(\.isEmpty) && log.step == 0)
      var rest = Array(Self.lines.utf8)[...]
      while !rest.isEmpty {
        try write(rest.prefix(piece), to: folder + "/run")
        let ends = rest.prefix(piece).contains(UInt8(ascii: "\n"))
        #expect(try log.refresh() == ends)
        rest = rest.dropFirst(piece)
      }
      #expect(points(log) == Self.expected)
      #expect(log.damage == nil && log.step == 20)
      #expect(try !log.refresh())
    }
  }

  @Test func damagedLinesArePassedOverAndNamedOnce() throws {
    try withTemporaryFolder { folder in
      let run = folder + "/run"
      _ = try makeRun(run)
      let lines = Self.lines.split(separator: "\n")
      try write("\(lines[0])\n\0\u{1B}[2J\n\(lines[1])\n".utf8, to: run)
      var log = try RunLog(run)
      #expect(log.damage?.hasSuffix("/log.jsonl: line 2 is damaged and passed over") == true)
      try write("{\"step\":-5,\"loss\":1}\n[]\n\(lines[2])\n{\"step\":\"3\"}\n".utf8, to: run)
      try write((lines[3...].joined(separator: "\n") + "\n").utf8, to: run)
      // A line that never ends is cut, not kept.
      try write(Array(repeating: UInt8(ascii: "x"), count: 3 << 20), to: run)
      try log.refresh()
      #expect(points(log) == Self.expected)
      #expect(log.damage?.contains("line 2 and 5 more are damaged") == true, "\(log.damage ?? "")")
    }
  }

  @Test func aRunThatIsTakenUpAgainIsReadAnew() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/run"
      var run: TrainingRun? = try TrainingRun(makeRun(path) { $0.keepBest = false })
      var log = try RunLog(path)
      while run?.trainer.step != 12 { _ = try run?.next() }
      try log.refresh()
      #expect(log.step == 12 && log.checkpoints == [8])
      run = nil
      run = try TrainingRun(RunFolder(path), sets: [("steps", "20")])
      #expect(try log.refresh())
      #expect(log.step == 8 && log.plan.training.steps == 20)
      while try run?.next() != nil {}
      try log.refresh()
      #expect(points(log) == points(try RunLog(path)))
      #expect(log.losses.map(\.step) == Array(1...20) && log.checkpoints == [16, 20])
      #expect(log.validations.map(\.step) == [6, 12, 18, 20])
      #expect((log.name, log.model, log.corpus) == ("run", "tiny", "tales-en"))
      let speeds = try FileSystem.readAll(path + "/log.jsonl")
      #expect(log.speeds.count == 20 && !speeds.isEmpty)
    }
  }

  /// Nats a story as an independent program computed them, over the tokens that stories have.
  @Test(arguments: [("tales-en", "byte"), ("tales-it", "character"), ("tales-en", "bpe")])
  func theFloorIsTheEntropyOfAStory(_ name: String, _ tokenizer: String) throws {
    let line = try Fixtures.lines("tales/entropy.txt").first { $0.hasPrefix(name) }
    let figures = try #require(line).split(separator: " ").dropFirst().compactMap { Double($0) }
    try withTemporaryFolder { folder in
      _ = try makeRun(folder + "/run") {
        ($0.data.make, $0.data.documents) = (name, 2_000)
        ($0.data.tokenizer, $0.data.vocabulary) = (tokenizer, 300)
      }
      let floor = try #require(try RunLog(folder + "/run").floor)
      let atlas = try Atlas(folder + "/run/atlas")
      let splits = [Split.train, .validation].map(atlas.split)
      let tokens = splits.map { Double($0.tokens) }.reduce(0, +)
      let bytes = splits.map { Double($0.byteCount) }.reduce(0, +)
      #expect(abs(floor * tokens / 2_000 - figures[0]) < 1e-9 * figures[0])
      // So it is the entropy rate, but for the length of the stories that were drawn.
      let bits = floor * tokens / bytes / log(2)
      #expect(abs(bits - figures[2]) < 0.02 * figures[2], "\(bits), not \(figures[2])")
    }
  }

  @Test func otherCorporaHaveNoFloor() throws {
    try withTemporaryFolder { folder in
      _ = try makeRun(folder + "/run") {
        $0.data.make = "copy"; $0.context = 64
      }
      let log = try RunLog(folder + "/run")
      #expect(log.floor == nil && log.corpus == "copy")
    }
  }

  @Test func badFoldersAreOneClearLine() throws {
    try withTemporaryFolder { folder in
      let run = folder + "/run"
      #expect(message { _ = try RunLog(run) }.contains("run is not a run: it has no run.json"))
      _ = try makeRun(run)
      try FileSystem.createDirectory(run + "/log.jsonl")
      #expect(message { _ = try RunLog(run) }.contains("log.jsonl: is not a plain file"))
      FileSystem.remove(run + "/log.jsonl")
      var log = try RunLog(run)
      for text in ["", "{}x", "[]", #"{"training": {"steps": 0}}"#, "{\"\u{7}\": 1}"] {
        try AtomicFile.write(text, to: run + "/run.json")
        #expect(message { _ = try RunLog(run) }.contains("run.json"))
      }
      FileSystem.remove(run)
      #expect(message { try log.refresh() }.contains("cannot list"))
    }
  }
}
