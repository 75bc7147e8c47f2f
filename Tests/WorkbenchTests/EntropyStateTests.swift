import Checkpoints
import Files
import Inspection
import Models
import Screen
import Tensors
import TestSupport
import Testing
import Text
import Workbench

/// Entropies, patches and readings, against numpy and an independent statement of the rules.
@Suite struct EntropyStateTests {
  @Test func numbersAreNumpys() throws {
    let (bench, golden) = try EntropyBench.drawn()
    for (name, key) in [("entropy", "entropies"), ("surprise", "surprises"), ("rank", "ranks")] {
      let exact = try #require(golden[key]?.array).compactMap(\.double)
      #expect(exact.count == bench.bench.entropy.bytes.count - (name == "entropy" ? 0 : 1))
      for (byte, value) in exact.enumerated() {
        let read = try bench.number("\(name)[\(byte)]")
        #expect(abs(read - value) <= 2e-5 * max(1, abs(value)), "\(name)[\(byte)]")
      }
    }
    let bits = try #require(golden["bits_per_byte"]?.double)
    #expect(abs(try bench.number("bits-per-byte") - bits) < 1e-5 * bits)
    #expect(throws: Failure.self) { try bench.number("surprise[-1]") }
    #expect(throws: Failure.self) { try bench.number("entropy[70]") }
  }

  @Test func patchesAreThoseOfTheRules() throws {
    var (bench, golden) = try EntropyBench.drawn()
    for item in try #require(golden["cases"]?.array) {
      let rule = try #require(item["rule"]?.string)
      var line = "rule " + (rule == "added" ? "global" : rule)
      if let add = item["add"]?.double { line += " add=\(add)" }
      if let size = item["size"]?.int { line += " size=\(size)" }
      if let longest = item["longest"]?.int { line += " max=\(longest)" }
      try bench.run(line)
      try bench.run("threshold \(try #require(item["threshold"]?.double))")
      let patches = try #require(bench.bench.patches)
      #expect(patches.ends == item["ends"]?.array?.map { $0 == true }, "\(line)")
      #expect(patches.lengths == item["lengths"]?.array?.compactMap(\.int), "\(line)")
      #expect(abs(try bench.number("mean-patch") - (item["mean"]?.double ?? 0)) < 1e-9)
      #expect(try bench.number("patches") == Double(patches.lengths.count))
      #expect(try bench.holds("rule = \"\(rule == "added" ? "global" : rule)\""))
    }
  }

  @Test func aThresholdIsFoundForAMean() throws {
    var (bench, golden) = try EntropyBench.drawn()
    let mean = try #require(golden["mean"])
    try bench.run("threshold mean=\(mean["target"]?.double ?? 0)")
    #expect(abs(try bench.number("threshold") - (mean["threshold"]?.double ?? 0)) < 1e-5)
    let above = try #require(bench.bench.patches).ends.count { $0 }
    #expect(above == mean["above"]?.int)
    #expect(
      message { try bench.run("threshold mean=1") } == "threshold: mean 1.0 is not above 1")
    try bench.run("rule space")
    #expect(
      message { try bench.run("threshold mean=4") }
        == "threshold: the rule space has none to find; rule global first")
  }

  @Test func settingsAreUndone() throws {
    var (bench, _) = try EntropyBench.drawn()
    let first = try #require(bench.bench.patches)
    for line in ["threshold 2", "rule static size=7"] { try bench.run(line) }
    #expect(bench.bench.patches?.lengths == [6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1])
    try bench.run("undo")
    #expect(bench.bench.patches != first)
    try bench.run("undo")
    #expect(bench.bench.patches == first)
    try bench.run("undo -2")
    #expect(try bench.holds("mean-patch in 6..7"))
  }

  @Test func aTextComesInPieces() throws {
    var (bench, _) = try EntropyBench.drawn()
    let before = bench.pieces
    try bench.run("prompt \(String(repeating: "Anna found a key. ", count: 40))", isSlow: true)
    #expect(message { _ = try bench.number("patches") }.contains("on their way"))
    #expect(!bench.bench.isIdle)
    bench.answer(10)
    #expect(bench.bench.entropy.count == 319 && bench.screen(24, 80).contains("computing 44 %"))
    // Another text: what is still on the way for the old one is left out.
    try bench.run("prompt Tom", isSlow: true)
    bench.answer(.max)
    #expect(bench.bench.isIdle && bench.bench.entropy.isComplete && bench.bench.entropy.count == 3)
    #expect(bench.pieces == before + 12)
    try bench.run("threshold 1")
    #expect(bench.pieces == before + 12, "the dial asks the engine for nothing")
  }

  // MARK: - The engine

  private func model(window: Int?) -> EntropyModel {
    var config = RotaryConfig()
    (config.width, config.layers, config.heads, config.inner) = (32, 2, 2, 64)
    (config.context, config.window) = (64, window)
    let model = EntropyModel(config)
    model.parameters.initialize(seed: 5)
    return model
  }

  /// Far beyond the window and the context, in pieces of any size, as the stream of the command.
  @Test func piecesAreTheWhole() throws {
    let model = model(window: 16)
    var random = SplitMix(state: 1)
    let bytes = (0..<1_500).map { _ in UInt8(random.below(256)) }
    let stream = EntropyStream(model, lanes: Lanes(1))
    let whole = stream.push([1] + bytes.map { Int32($0) + 4 }) + stream.finish()
    for size in [1, 100, 512, 4_000] {
      let reader = try NextByteReader(model, bytes)
      var next: [NextByte] = []
      while reader.count < bytes.count + 1 { next += reader.read(size) }
      // Bit by bit in pieces of the stream's size; others only round otherwise.
      if size == 512 { #expect(next.map(\.entropy) == whole) }
      #expect(zip(next, whole).allSatisfy { abs($0.entropy - $1) < 1e-5 }, "pieces of \(size)")
      #expect(next.last?.surprise == nil && next.dropLast().allSatisfy { $0.surprise != nil })
      #expect(reader.read(size).isEmpty)
    }
  }

  @Test func aTextWithoutAWindowHasAnEnd() throws {
    _ = try NextByteReader(model(window: nil), Array(repeating: 65, count: 63))
    #expect(
      message { _ = try NextByteReader(model(window: nil), Array(repeating: 65, count: 64)) }
        == "the entropy model has no window, so it reads 63 bytes at most")
  }

  /// An entropy model that is opened tells its own.
  @Test(arguments: ["x", "Perché?\n", "\u{0}\u{1b}[2J"]) func anOpenModelIsRead(text: String) throws
  {
    try withTemporaryFolder { folder in
      let model = model(window: 16)
      try ModelDirectory.save(model, ByteTokenizer(), to: folder)
      var session = SessionTests.session(["view entropy", "prompt x"], model: folder)
      defer { session.close() }
      session.run(line: "prompt " + Command.editable(Array(text.utf8)))
      SessionTests.settle(&session)
      let reader = try NextByteReader(model, Array(text.utf8))
      #expect(session.bench.entropy.next == reader.read(.max))
      #expect(session.bench.entropy.facts?.standsInFor == nil)
      session.run(line: "export \"\(folder)/numbers.csv\" what=data")
      #expect(session.bench.echo.isError == false, "\(session.bench.echo)")
      let csv = String(decoding: try FileSystem.readAll(folder + "/numbers.csv"), as: UTF8.self)
      let first = session.bench.entropy.next[1]
      #expect(csv.contains("\n0,\(text.utf8.first ?? 0),"))
      #expect(csv.contains(",\(first.entropy),\(first.surprise.map { "\($0)" } ?? ""),"))
      var canvas = Canvas(rows: 24, columns: 80)
      session.bench.draw(on: &canvas)
      #expect(!canvas.text(.full).unicodeScalars.contains { $0.value < 32 && $0 != "\n" })
    }
  }
}
