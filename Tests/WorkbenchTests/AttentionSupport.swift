import Checkpoints
import Files
import Inspection
import Models
import Screen
import TestSupport
import Testing
import Text
import Workbench

/// A bench whose engine is the test: snapshots come at once from where it says.
struct AttentionBench {
  var bench = Bench()
  private let snapshot: ([Int32], [AttentionEdit]) throws -> AttentionSnapshot
  /// All edits that were asked for.
  private(set) var asked: [[AttentionEdit]] = []
  private(set) var surveys = 0

  init(
    layers: Int, _ layout: HeadLayout, _ tokenizer: PieceTokenizer, prompt: String,
    snapshot: @escaping ([Int32], [AttentionEdit]) throws -> AttentionSnapshot
  ) throws {
    self.snapshot = snapshot
    var facts = ModelFacts(
      try ModelDirectory(Fixtures.path("gpt2-tiny")), name: "tales-en", number: 1)
    (facts.layers, facts.layout, facts.context) = (layers, layout, 2_048)
    (facts.vocabulary, facts.tokenizer) = (tokenizer.vocabularySize, tokenizer)
    facts.prompt = Array(prompt.utf8)
    try answer(bench.update(Command(.model, "tales-en")))
    try answer(bench.receive(.inspector(.loaded(facts))))
  }

  /// The attention of Tests/Fixtures/make_attention_drawing.py, on head 0.2.
  static func drawn() throws -> AttentionBench {
    let json = try JSON(contentsOf: Fixtures.path("attention-drawing.json"))
    let pieces = try #require(json["vocabulary"]?.array).compactMap(\.string)
    let words = try #require(json["words"]?.array).compactMap(\.string)
    var bench = try AttentionBench(
      layers: 2, HeadLayout(heads: 4, width: 16),
      PieceTokenizer(pieces: pieces.map { Array(($0 == "\\n" ? $0 : " " + $0).utf8) }),
      prompt: words.joined(separator: " ")
    ) { try drawnSnapshot(json, $0, $1) }
    try bench.run("head 0.2")
    return bench
  }

  private static func drawnSnapshot(
    _ json: JSON, _ ids: [Int32], _ edits: [AttentionEdit]
  ) throws -> AttentionSnapshot {
    let layout = HeadLayout(heads: 4, width: 16)
    func floats(_ json: JSON?) throws -> [Float] {
      try #require(json?.array).compactMap { $0.double.map { Float($0) } }
    }
    let parts = try #require(json["layers"]?.array).enumerated().map { layer, json in
      var parts: [Probe.Part: [Float]] = [:]
      for part in Probe.Part.allCases { parts[part] = try floats(json[part.rawValue]) }
      for head in 0..<4 where edits.contains(.zeroHead(layer: layer, head: head)) {
        for row in ids.indices {
          for column in layout.columns(of: head) { parts[.heads]?[row * 64 + column] = 0 }
        }
      }
      return parts
    }
    let masks = edits.compactMap { if case .mask(let mask) = $0 { mask } else { nil } }
    return AttentionSnapshot(
      ids: ids, layout: layout, edits: edits,
      prediction: try floats(json[edits.isEmpty ? "trained" : "changed"]), parts: parts,
      masks: [masks.first ?? .causal, masks.first ?? .causal])
  }

  /// A random model on a prompt of many words.
  static func long(_ count: Int) throws -> AttentionBench {
    var shape = GPTConfig()
    (shape.vocabulary, shape.context, shape.width) = (300, count, 128)
    (shape.layers, shape.heads) = (1, 2)
    let model = GPT(shape)
    model.parameters.initialize(seed: 1)
    for parameter in model.parameters.parameters where parameter.name.hasSuffix("c_attn.weight") {
      for i in parameter.storage.floats.indices { parameter.storage.floats[i] *= 12 }
    }
    let pieces = (0..<300).map { " w\($0)" }
    var bench = try AttentionBench(
      layers: 1, HeadLayout(heads: 2, width: 64),
      PieceTokenizer(pieces: pieces.map { Array($0.utf8) }),
      prompt: (0..<count).map { pieces[$0 * $0 % 293] }.joined()
    ) { AttentionSnapshot(model, ids: $0, edits: $1) }
    try bench.run("head 0.0")
    return bench
  }

  mutating func run(_ line: String) throws {
    let command = try #require(try Command.parse(line))
    try answer(bench.update(command))
  }

  /// What a key runs, and then the command as it is echoed.
  mutating func press(_ key: Key) throws -> String {
    switch bench.action(for: key) {
    case .run(let command):
      try answer(bench.update(command))
      return command.description
    case .say(let text): return "says " + text
    case .open(let dialog): return "opens \(dialog)"
    case .type(let text): return "types " + text
    case .play(let command): return "plays \(command)"
    case nil: return "nothing"
    }
  }

  private mutating func answer(_ requests: [Request]) throws {
    for request in requests {
      switch request {
      case .inspect(.attend(let wishes)):
        for wish in wishes {
          asked.append(wish.edits)
          let snapshot = try snapshot(wish.ids, wish.edits)
          try answer(bench.receive(.inspector(.attended(wish, snapshot))))
        }
      case .inspect(.survey(let picture)):
        surveys += 1
        try answer(bench.receive(.inspector(.surveyed(picture, picture.survey()))))
      default: break
      }
      try answer(bench.receive(.done))
    }
  }

  /// The screen as text in a look.
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

  func value(_ text: String) throws -> ReadingValue { try Reading.value(of: text, in: bench) }
  func holds(_ text: String) throws -> Bool { try Condition(text).holds(in: bench) }
}
