import Files
import Glibc
import Inspection
import Screen
import TestSupport
import Testing
import Workbench

/// What commands and keys do to the attention view, and what can be read off it.
@Suite struct AttentionBenchTests {
  @Test func aHeadOpensAtTheLargestWeightOfTheLastRow() throws {
    var drawn = try AttentionBench.drawn()
    #expect(drawn.bench.settings.cursors[.attention] == Position(12, 5))
    try drawn.run("head 1")
    #expect(drawn.bench.settings.head == HeadReference(layer: 0, head: 1))
    #expect(drawn.bench.settings.cursors[.attention] == Position(12, 11))
    // In the grid the row stays.
    try drawn.run("cursor 3 0")
    try drawn.run("set pane=grid")
    #expect(try drawn.press(.right) == "head 0.2")
    #expect(drawn.bench.settings.cursors[.attention] == Position(3, 1))
    #expect(try drawn.press(.down) == "head 1.2")
    #expect(try drawn.press(.down) == "head 1.2")
    #expect(try drawn.press(.enter) == "set pane=ledger")
    #expect(message { _ = try drawn.bench.update(Command(.head, "2.0")) }.contains("no head 2.0"))
    #expect(drawn.bench.settings.head == HeadReference(layer: 1, head: 2))
  }

  @Test func keysGoThroughTheStages() throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("stage input")
    let names = Stage.allCases.map(\.rawValue)
    for name in names.dropFirst() {
      #expect(try drawn.press(.character("n")) == "stage next")
      #expect(drawn.bench.settings.stage.rawValue == name)
    }
    #expect(message { _ = try drawn.bench.update(Command(.stage, "next")) }.contains("last"))
    #expect(try drawn.press(.character("[")) == "stage back")
    #expect(drawn.bench.settings.stage == .joined)
  }

  @Test func theCursorStaysWithinItsStage() throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("stage qkv")
    try drawn.run("cursor 12 47")
    try drawn.run("head 0.1")
    #expect(drawn.bench.settings.cursors[.attention] == Position(12, 47))
    try drawn.run("stage scores")
    #expect(drawn.bench.settings.cursors[.attention] == Position(12, 12))
    #expect(message { _ = try drawn.bench.update(Command(.cursor, "0", "13")) }.contains("12"))
  }

  /// A terminal on which Space is pressed, nothing until so much was drawn, and then q.
  private struct Waiting: Backend {
    var size = Size(rows: 24, columns: 80)
    var look = Look.plain
    private var drawings: Int
    private let end = ContinuousClock.now + patience
    private var hasBegun = false

    init(drawings: Int) { self.drawings = drawings }

    mutating func draw(_ canvas: Canvas) { drawings -= 1 }

    mutating func next(timeout: Int?) -> Event? {
      defer { hasBegun = true }
      if !hasBegun { return .key(.character(" ")) }
      if drawings <= 0 || ContinuousClock.now > end { return .key(.character("q")) }
      usleep(UInt32(1_000 * min(timeout ?? 100, 100)))
      return nil
    }

    mutating func repaint() {}
    mutating func setMouse(_ isOn: Bool) {}
  }

  @Test func spacePlaysAStageASecond() {
    let began = ContinuousClock.now
    var loop = ScreenLoop(
      Session(engine: Engine(), version: "test"), on: Waiting(drawings: 3))
    loop.run()
    // Once before, then a stage at once and one a second later.
    #expect(loop.session.bench.settings.stage == .joined)
    #expect(ContinuousClock.now - began >= .seconds(1))
  }

  @Test func keysOfTheView() throws {
    var drawn = try AttentionBench.drawn()
    #expect(try drawn.press(.character("+")) == "sharpen 1.25")
    #expect(drawn.asked.last == [.scaleScores(layer: 0, head: 2, by: 1.25)])
    #expect(drawn.bench.settings.panes[.attention] == "what-if")
    #expect(try drawn.press(.character("-")) == "sharpen 1.00")
    #expect(drawn.bench.settings.panes[.attention] == "ledger")
    #expect(drawn.bench.settings.sharpened.isEmpty)
    #expect(try drawn.press(.character("x")) == "zero 0.2")
    #expect(drawn.asked.last == [.zeroHead(layer: 0, head: 2)])
    #expect(try drawn.press(.character("u")) == "undo")
    #expect(drawn.bench.settings.zeroed.isEmpty)
    #expect(drawn.bench.settings.panes[.attention] != "what-if")
    let masks = (0..<3).map { _ in (try? drawn.press(.character("m"))) ?? "" }
    #expect(masks == ["mask none", "mask window=4", "mask model"])
    #expect(drawn.asked.suffix(2) == [[.mask(.full)], [.mask(.window(4))]])
    #expect(try drawn.press(.character("g")) == "set pane=grid")
    #expect(try drawn.press(.escape) == "set pane=ledger")
    #expect(try drawn.press(.escape).hasPrefix("says"))
    #expect(try drawn.press(.character("Z")) == "set zoom=2")
    #expect(try drawn.press(.character("z")) == "set zoom=3")
    #expect(try drawn.press(.character("z")).hasPrefix("says"))
    #expect(try drawn.press(.enter).hasPrefix("says"))
    #expect(try drawn.press(.up) == "cursor 11 5")
  }

  @Test func findingAToken() throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("find an")
    #expect(drawn.bench.settings.cursors[.attention] == Position(12, 11))
    try drawn.run("find the")
    #expect(drawn.bench.settings.cursors[.attention] == Position(12, 12))
    try drawn.run("find the")
    #expect(drawn.bench.settings.cursors[.attention] == Position(12, 7))
    try drawn.run("stage input")
    try drawn.run("find key")
    #expect(drawn.bench.settings.cursors[.attention] == Position(5, 7))
    #expect(message { _ = try drawn.bench.update(Command(.find, "zebra")) }.contains("zebra"))
  }

  @Test func conditionsOfTheDesignHold() throws {
    var drawn = try AttentionBench.drawn()
    for condition in [
      "sum(weights[12]) = 1 within 1e-6", "scaled[12,5] = scores[12,5] / sqrt(head-width)",
      "token[argmax(weights[12])] = \"key\"", "argmax(weights@*[12,5]) = 0.2",
      "weights[12,5] = 0.795 within 0.0005", "scores[12,5] = -1.305",
      "max(scaled[12]) = scaled[12,5]", "scaled[12,5] < 0", "rowsum[12] = 1.258",
      "sum(share[12]) = 1 within 1e-5", "share[12,5] = 0.995",
      "weights[-1,5] = 0.795 within 0.0005",
      "weights@0.0[12,4] = 0.77", "max(weights@0.1[12]) = 0.78", "count(masked[3]) = 4",
      "masked[3,8] < -1e300", "weights[3,8] = 0", "cell = 0.795 within 0.0005", "row = 12",
      "column = 5", "next[1] = \"key\"", "probability[\"key\"] = 0.9997",
      "logit[\"ring\"] = 3.23", "before[\"key\"] = probability[1]", "queries[12,5] = -3.255",
      "keys[5,10] = -0.850", "count(values[5]) = 16", "count(output[5]) = 16",
    ] {
      #expect(try drawn.holds(condition), "\(condition)")
    }
    try drawn.run("zero 0.2")
    for condition in [
      "next[1] = \"ring\"", "before[\"key\"] > 0.999", "probability[\"key\"] < 0.2",
      "max(output[12]) = 0", "share[12,5] = 0",
    ] {
      #expect(try drawn.holds(condition), "\(condition)")
    }
    for wrong in [
      "weights", "weights[13,0]", "weights[0,-14]", "weights@0.4[0,0]", "probability[\"zebra\"]",
    ] {
      #expect(!message { _ = try drawn.value(wrong) }.isEmpty)
    }
  }

  // MARK: - Long prompts

  /// Two thousand tokens: what is in sight is right, and drawn without waiting.
  @Test func aLongPromptIsDrawnAtOnce() throws {
    var long = try AttentionBench.long(2_000)
    #expect(long.bench.settings.cursors[.attention]?.row == 1_999)
    let snapshot = try #require(long.bench.attention.shown)
    for at in [Position(0, 0), Position(1_999, 1_999), Position(1_000, 3), Position(700, 699)] {
      try long.run("cursor \(at.row) \(at.column)")
      let percent = Int((snapshot.weights(0, 0, at.row)[at.column] * 100).rounded())
      let row = try #require(
        long.lines(7...19).first { $0.split(separator: " ").first == "\(at.row)" })
      let cell = percent == 0 ? "> ." : percent < 10 ? "> \(percent)" : "\(percent)"
      #expect(row.prefix(47).contains(cell), "\(at): \(row)")
    }
    for line in [
      "set zoom=3", "set zoom=2", "set zoom=1", "set zoom=0", "stage scores", "stage input",
    ] {
      try long.run(line)
      #expect(!long.screen(24, 80).contains("computing"))
    }
    #expect(long.surveys == 3)
  }

  /// The map stands still while the cursor moves within a page of it.
  @Test func pagesOfALongPrompt() throws {
    var long = try AttentionBench.long(200)
    try long.run("cursor 96 86")
    func labels() -> [String] {
      let lines = long.lines(6...19)
      return [String(lines[0].prefix(47))] + lines.dropFirst().map { String($0.prefix(8)) }
    }
    let before = labels()
    for key in [Key.up, .left, .down, .down, .right, .right] {
      _ = try long.press(key)
      #expect(labels() == before, "\(key)")
    }
    var seen: Set<[String]> = []
    for row in 0..<200 {
      try long.run("cursor \(row) 0")
      #expect(labels().contains { $0.drop { $0 == " " }.hasPrefix("\(row) ") })
      seen.insert(labels())
    }
    #expect((200 / 13...30).contains(seen.count), "\(seen.count)")
  }

  /// All of a long prompt in blocks, each by its largest weight.
  @Test func blocksOfALongPrompt() throws {
    var long = try AttentionBench.long(1_000)
    try long.run("set zoom=0")
    let legend = long.lines(22...22)[0]
    #expect(legend.hasPrefix(" 1 cell = 128x128 tokens, largest"))
    let snapshot = try #require(long.bench.attention.shown)
    let marks = Array(".:+o#")
    for (block, line) in long.lines(7...14).enumerated() {
      #expect(line.drop { $0 == " " }.hasPrefix("\(128 * block) "))
      let cells = Array(line.prefix(47).dropFirst(12))
      let rows = 128 * block..<min(1_000, 128 * block + 128)
      for across in 0...block {
        let columns = 128 * across..<min(1_000, 128 * across + 128)
        let largest = rows.map { snapshot.weights(0, 0, $0)[columns].max() ?? 0 }.max() ?? 0
        let level = [0.04, 0.16, 0.36, 0.64].count { largest >= $0 }
        #expect(cells[2 * across] == marks[level], "block \(block), \(across)")
      }
      #expect(cells.dropFirst(2 * block + 2).allSatisfy { $0 == " " })
    }
  }
}
