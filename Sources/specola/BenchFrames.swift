// What drawing a view costs: a whole frame on a canvas, no terminal.

import Checkpoints
import Files
import Models
import Screen
import Text
import Training
import Workbench

extension BenchRun {
  /// A whole frame of every view, and turns: what a key changes, with the frame that shows it.
  func frames() throws {
    let folder = try FileSystem.temporaryDirectory(prefix: "specola-bench")
    defer { FileSystem.remove(folder) }
    let large = folder + "/large"
    var bench = FrameBench(self)
    defer { bench.session.close() }
    try bench.run("model \(Home.defaultModel)", "sample 20")
    try bench.run(
      "train sort steps=100 log_every=1 out=\"\(folder)/run\"", "wait step = 100")
    for view in ViewName.allCases {
      try bench.run("view \(view.rawValue)")
      bench.addFrames(of: view)
    }

    // Of GPT-2's vocabulary, and long: one layer is enough, since no turn asks the model.
    var shape = GPTConfig()
    (shape.vocabulary, shape.context, shape.width) = (50_257, 2_048, 128)
    (shape.layers, shape.heads) = (1, 2)
    let model = GPT(shape)
    model.parameters.initialize(seed: 1)
    try FileSystem.createDirectory(large)
    try ModelDirectory.save(model, ByteTokenizer(addsBOS: false), to: large)
    let story = "Anna found a red key in the wood. Tom wanted the key. "
    let prompt = "prompt " + String(repeating: story, count: 40).prefix(2_000)
    try bench.run("model \"\(large)\"", prompt, "view attention")
    try bench.addTurns(of: .attention, "cursor, 2,000 tokens") { "cursor \(1_999 - $0) \($0)" }
    try bench.run("view generate", "sample 1")
    try bench.addTurns(of: .generate, "temperature, 50,257 tokens") {
      "temperature 0.\(1 + $0 % 9)"
    }
    for model in ["entropy", "blt"] {
      try bench.run("model \(model)", prompt, "view entropy")
      try bench.addTurns(of: .entropy, "threshold, 2,000 bytes, \(model)") {
        "threshold \(Double(2 + $0 % 50) / 20)"
      }
    }
    try tell(table: bench.rows, titles: ["view", "turn of", "screen", "µs a frame"])
  }
}

/// A workbench without a terminal, and what was measured on it.
private struct FrameBench {
  private let how: BenchRun
  var session: Session
  private(set) var rows: [(cells: [String], object: [String: JSON])] = []

  init(_ how: BenchRun) {
    self.how = how
    session = Session(engine: Engine(version: version), version: version, isHeadless: true)
  }

  /// Runs lines one after another, each to its end.
  mutating func run(_ lines: String...) throws(Failure) {
    for line in lines {
      session.run(line: line)
      try settle()
    }
  }

  private mutating func settle() throws(Failure) {
    repeat {
      _ = session.absorb(waiting: session.isSettled ? 0 : 100)
    } while session.isPlaying || !session.isSettled
    if session.bench.echo.isError { throw Failure(session.bench.echo.text, code: 1) }
  }

  private func draw(_ size: Size) {
    var canvas = Canvas(rows: size.rows, columns: size.columns)
    session.bench.draw(on: &canvas)
  }

  /// The view as it stands.
  mutating func addFrames(of view: ViewName) {
    for size in [Size(rows: 24, columns: 80), Size(rows: 60, columns: 200)] {
      draw(size)
      let frames = 50
      add(
        view, nil, size,
        how.median { seconds { for _ in 0..<frames { draw(size) } } / Double(frames) })
    }
  }

  /// The view turn by turn, with all that a line does before its frame stands.
  mutating func addTurns(of view: ViewName, _ what: String, line: (Int) -> String) throws {
    let size = Size(rows: 24, columns: 80)
    var turns = 0
    func turn() throws -> Double {
      turns += 1
      let time = seconds {
        session.run(line: line(turns))
        draw(size)
      }
      try settle()
      return time
    }
    _ = try turn()
    add(view, what, size, try how.median(turn))
  }

  private mutating func add(_ view: ViewName, _ turn: String?, _ size: Size, _ time: Double) {
    rows.append(
      (
        [view.rawValue, turn ?? "", "\(size.columns)×\(size.rows)", fixed(1e6 * time, 0)],
        [
          "view": .string(view.rawValue), "turn": turn.map { .string($0) } ?? .null,
          "columns": .int(size.columns), "rows": .int(size.rows), "seconds": .double(time),
        ]
      ))
  }
}
