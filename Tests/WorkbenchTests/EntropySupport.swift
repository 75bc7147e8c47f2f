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

/// A bench whose engine is the test: entropies come at once from scores that a formula makes.
struct EntropyBench {
  var bench = Bench()
  /// Answers to requests for entropies, and those still to be given.
  private(set) var pieces = 0
  private var waiting: [EntropyWish] = []
  private let facts: EntropyFacts

  init(prompt: [UInt8]) throws {
    var config = RotaryConfig()
    (config.width, config.layers, config.heads) = (16, 1, 2)
    (config.inner, config.window) = (32, 64)
    facts = EntropyFacts(EntropyModel(config), name: "entropy", standsInFor: "tales-en")
    var model = ModelFacts(
      try ModelDirectory(Fixtures.path("gpt2-tiny")), name: "tales-en", number: 1)
    (model.vocabulary, model.tokenizer) = (260, ByteTokenizer(addsBOS: false))
    (model.context, model.prompt) = (256, prompt)
    take(try bench.update(Command(.model, "tales-en")))
    take(bench.receive(.inspector(.loaded(model))))
    try run("view entropy")
  }

  /// The text of Tests/Fixtures/make_entropy_view.py.
  static func drawn() throws -> (bench: EntropyBench, golden: JSON) {
    let json = try JSON(contentsOf: Fixtures.path("entropy-view.json"))
    let text = try #require(json["text"]?.string)
    return (try EntropyBench(prompt: Array(text.utf8)), json)
  }

  /// What follows token `row` of a text: the scores of the same script.
  static func next(_ row: Int, came: Int32?) -> NextByte {
    let scores = (0..<260).map { id in
      let spread = Float((row * 7919 + id * 104_729 + row * id) % 1009) / 1009
      let square = spread * spread
      return square * square * square * Float(20 + row * row * 37 % 53 * 3)
    }
    return scores.withUnsafeBufferPointer {
      NextByte(
        scores: $0, entropy: Tensor([1, 260], scores).entropies()[0], came: came)
    }
  }

  /// Runs a line; with an engine that is slow the answers wait for `answer`.
  mutating func run(_ line: String, isSlow: Bool = false) throws {
    let command = try #require(try Command.parse(line))
    take(try bench.update(command))
    if !isSlow { answer(.max) }
  }

  /// Gives so many answers of 32 bytes each.
  mutating func answer(_ most: Int) {
    var left = most
    while left > 0, !waiting.isEmpty {
      let wish = waiting.removeFirst()
      let ids = [1] + wish.bytes.map { Int32($0) + 4 }
      let range = wish.from..<min(ids.count, wish.from + 32)
      let piece = range.map { EntropyBench.next($0, came: $0 + 1 < ids.count ? ids[$0 + 1] : nil) }
      (pieces, left) = (pieces + 1, left - 1)
      take(bench.receive(.inspector(.entropies(wish, facts, piece))))
      take(bench.receive(.done))
    }
  }

  private mutating func take(_ requests: [Request]) {
    for request in requests {
      if case .inspect(.entropies(let wish)) = request {
        waiting.append(wish)
      } else {
        take(bench.receive(.done))
      }
    }
  }

  /// What a key runs, having run it, or what it says.
  mutating func press(_ key: Key) throws -> String {
    switch bench.action(for: key) {
    case .run(let command):
      try run(command.description)
      return command.description
    case .say(let text): return "says " + text
    default: return ""
    }
  }

  func screen(_ rows: Int, _ columns: Int, _ look: Look = .plain) -> String {
    var canvas = Canvas(rows: rows, columns: columns)
    bench.draw(on: &canvas)
    return canvas.text(look)
  }

  /// Some lines of the screen, counted from 1.
  func lines(_ range: ClosedRange<Int>, _ rows: Int = 24, _ columns: Int = 80) -> [String] {
    screen(rows, columns).split(separator: "\n", omittingEmptySubsequences: false)[
      range.lowerBound - 1..<range.upperBound
    ].map { String($0) }
  }

  func number(_ reading: String) throws -> Double {
    guard case .number(let value) = try Reading.value(of: reading, in: bench) else { return .nan }
    return value
  }

  func holds(_ text: String) throws -> Bool { try Condition(text).holds(in: bench) }
}
