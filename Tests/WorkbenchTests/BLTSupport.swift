import Checkpoints
import Models
import Screen
import TestSupport
import Testing
import Text
import Workbench

/// A small BLT with patches of several lengths.
func makeBLT(context: Int = 128, hasPatcher: Bool = true) -> BLT {
  var c = BLTConfig()
  (c.hashSizes, c.hashRows, c.context, c.window) = ([3, 4], 61, context, 24)
  (c.threshold, c.hasPatcher) = (4.6, hasPatcher)
  func shape(_ stack: inout RotaryConfig, _ width: Int, _ layers: Int) {
    (stack.width, stack.layers, stack.heads, stack.inner) = (width, layers, 2, 24)
  }
  shape(&c.patcher, 16, 1)
  c.patcher.window = 24
  shape(&c.encoder, 16, 1)
  shape(&c.decoder, 16, 2)
  shape(&c.latent, 24, 2)
  let model = BLT(c)
  model.parameters.initialize(seed: 5)
  if let head = model.parameters["model.patcher.lm_head.weight"] {
    for i in 0..<head.count { head.storage.floats[i] *= 1.5 }
  }
  return model
}

/// A folder with a small BLT, and sessions that open it.
struct BLTBench {
  var session: Session
  let model: BLT
  let folder: String

  init(_ folder: String, context: Int = 128, hasPatcher: Bool = true, _ lines: String...) throws {
    model = makeBLT(context: context, hasPatcher: hasPatcher)
    self.folder = folder
    try ModelDirectory.save(model, ByteTokenizer(), to: folder)
    session = SessionTests.session(lines, model: folder)
  }

  var bench: Bench { session.bench }

  mutating func run(_ lines: String...) {
    for line in lines {
      session.run(line: line)
      SessionTests.settle(&session)
    }
  }

  /// What a key runs, having run it, or what it says.
  mutating func press(_ key: Key) -> String {
    switch bench.action(for: key) {
    case .run(let command):
      run(command.description)
      return command.description
    case .say(let text): return "says " + text
    default: return ""
    }
  }

  func number(_ reading: String) throws -> Double {
    guard case .number(let value) = try Reading.value(of: reading, in: bench) else { return .nan }
    return value
  }

  func screen(_ rows: Int = 24, _ columns: Int = 80, _ look: Look = .plain) -> String {
    var canvas = Canvas(rows: rows, columns: columns)
    bench.draw(on: &canvas)
    return canvas.text(look)
  }
}

func withBLT<Result>(
  context: Int = 128, hasPatcher: Bool = true, _ lines: String...,
  body: (inout BLTBench) throws -> Result
) throws -> Result {
  try withTemporaryFolder { folder in
    var bench = try BLTBench(folder, context: context, hasPatcher: hasPatcher)
    defer { bench.session.close() }
    for line in lines { bench.run(line) }
    return try body(&bench)
  }
}
