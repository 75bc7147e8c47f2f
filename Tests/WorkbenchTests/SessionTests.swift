import Checkpoints
import Files
import Glibc
import Models
import Screen
import TestSupport
import Testing
import Text
import Workbench

/// Sessions with their engine and a tiny model, without a screen.
@Suite struct SessionTests {
  /// A folder with a random byte-level model in it.
  static func withModel<Result>(_ body: (String) throws -> Result) throws -> Result {
    try withTemporaryFolder { folder in
      var shape = GPTConfig()
      (shape.vocabulary, shape.context, shape.width) = (260, 32, 16)
      (shape.layers, shape.heads) = (2, 2)
      let model = GPT(shape)
      model.parameters.initialize(seed: 3)
      try ModelDirectory.save(model, ByteTokenizer(addsBOS: false), to: folder)
      return try body(folder)
    }
  }

  /// Runs lines one after another and waits after each.
  static func session(_ lines: [String], model: String) -> Session {
    var session = Session(engine: Engine(), version: "test", isHeadless: true)
    for line in ["model \"\(model)\""] + lines {
      session.run(line: line)
      settle(&session)
    }
    return session
  }

  static func settle(_ session: inout Session) {
    func isSettled() -> Bool { !session.isPlaying && session.isSettled }
    let settles = comes { isSettled() || (session.absorb(waiting: 100) && isSettled()) }
    #expect(settles)
  }

  @Test func aModelOpensWithItsPrompt() throws {
    try Self.withModel { folder in
      let session = Self.session(["prompt abc"], model: folder)
      #expect(session.bench.model?.layers == 2)
      #expect(session.bench.ids.count == 3)
      #expect(session.bench.echo.isError == false, "\(session.bench.echo)")
    }
  }

  @Test func aModelThatCannotBeOpenedLeavesTheOldOne() throws {
    try Self.withModel { folder in
      let session = Self.session(["model /nowhere/at/all"], model: folder)
      #expect(session.bench.model?.name == folder)
      #expect(session.bench.settings.model == folder)
      #expect(session.bench.echo.isError)
      #expect(session.bench.echo.text.contains("/nowhere/at/all"))
    }
  }

  /// The prompt of one model may be nothing to the next: ids of one are never given to another.
  @Test(arguments: ["gpt2-tiny", "blt-tiny"]) func aModelWithoutATokenizerReadsIds(
    name: String
  ) throws {
    try Self.withModel { folder in
      let lines = ["prompt zebra", "model \(Fixtures.path(name))"]
      var session = Self.session(lines, model: folder)
      #expect(session.bench.model?.name == Fixtures.path(name))
      #expect(session.bench.ids == [0, 1, 2])
      for view in ViewName.allCases {
        session.run(line: "view \(view.rawValue)")
        Self.settle(&session)
      }
      session.run(line: "prompt zebra")
      Self.settle(&session)
      #expect(session.bench.echo.isError && session.bench.ids == [0, 1, 2])
      session.run(line: "prompt 5 4 3 2")
      Self.settle(&session)
      #expect(session.bench.ids == [5, 4, 3, 2], "\(session.bench.echo)")
    }
  }

  @Test func undoGoesBackOverSettings() throws {
    try Self.withModel { folder in
      var session = Self.session(["prompt abc"], model: folder)
      let head = session.bench.settings.head
      session.run(line: "head 1.\(1 - head.head)")
      session.run(line: "stage scores")
      let settings = session.bench.settings
      session.run(line: "undo 2")
      #expect(session.bench.settings.head == head)
      #expect(session.bench.settings.stage == .weights)
      session.run(line: "undo -2")
      #expect(session.bench.settings.head == settings.head)
      #expect(session.bench.settings.stage == .scores)
      session.run(line: "undo 99")
      session.run(line: "undo")
      #expect(session.bench.echo.isError)
    }
  }

  @Test func aLongPromptKeepsItsEnd() throws {
    try Self.withModel { folder in
      let text = String(repeating: "x", count: 40) + "end"
      let session = Self.session(["prompt \(text)"], model: folder)
      #expect(session.bench.ids.count == 32)
      #expect(session.bench.dropped == 11)
      #expect(session.bench.echo.text.contains("32 of 43"), "\(session.bench.echo)")
    }
  }

  @Test func whatIsWrongIsOneLineAndChangesNothing() throws {
    try Self.withModel { folder in
      var session = Self.session(["prompt abc"], model: folder)
      let settings = session.bench.settings
      for (line, word) in [
        ("tresh 3", "unknown command"), ("heat 0.1", "nearest: head"), ("head 9.9", "9.9"),
        ("stage softmax", "softmax"), ("top-p 2", "2"), ("view nowhere", "nowhere"),
        ("cursor 99", "99"), ("zero 5.5", "5.5"), ("find zebra", "zebra"), ("prompt", "prompt"),
        ("set pane=kitchen", "kitchen"), ("temperature high", "high"), ("undo x", "x"),
        ("export picture.gif", "gif"), ("model", "model"),
      ] {
        session.said = []
        session.run(line: line)
        Self.settle(&session)
        let isPrinted = !session.said.isEmpty && !session.bench.echo.isError
        #expect(session.bench.echo.isError || isPrinted, "\(line): \(session.bench.echo)")
        if !isPrinted { #expect(session.bench.echo.text.contains(word), "\(session.bench.echo)") }
        #expect(session.bench.settings == settings, "\(line) changed something")
      }
    }
  }
}
