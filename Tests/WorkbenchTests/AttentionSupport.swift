import Checkpoints
import Files
import Inspection
import Models
import Screen
import TestSupport
import Testing
import Text
import Workbench

/// Words between spaces, for prompts whose tokens can be told apart by eye.
struct SpacedWords: Tokenizer {
  let words: [String]
  var vocabularySize: Int { words.count }
  var bos: Int32? { nil }
  var eos: Int32? { nil }
  var prefix: [Int32] { [] }
  var suffix: [Int32] { [] }
  var json: JSON { .null }
  var configuration: JSON { .null }

  func encode(_ text: [UInt8]) throws(Failure) -> [Int32] {
    text.split(separator: UInt8(ascii: " ")).map { word in
      Int32(words.firstIndex { Array($0.utf8) == Array(word) } ?? 0)
    }
  }

  func bytes(of id: Int32) -> [UInt8] { Array(words[Int(id)].utf8) }
  func specialName(of id: Int32) -> String? { nil }
}

/// The attention of Tests/Fixtures/make_attention_drawing.py on a bench without an engine.
struct DrawnBench {
  var bench = Bench()
  let json: JSON
  let words: [String]
  private let tokenizer: SpacedWords
  static let layout = HeadLayout(heads: 4, width: 16)

  init() throws {
    json = try JSON(contentsOf: Fixtures.path("attention-drawing.json"))
    words = try #require(json["words"]?.array).compactMap(\.string)
    tokenizer = SpacedWords(
      words: try #require(json["vocabulary"]?.array).compactMap(\.string))
    var facts = ModelFacts(
      try ModelDirectory(Fixtures.path("gpt2-tiny")), name: "tales-en", number: 1)
    (facts.layers, facts.layout, facts.context) = (2, Self.layout, 64)
    (facts.vocabulary, facts.tokenizer) = (tokenizer.words.count, tokenizer)
    facts.prompt = Array(words.joined(separator: " ").utf8)
    try answer(bench.update(Command(.model, "tales-en")))
    try answer(bench.receive(.inspector(.loaded(facts))))
    try run("head 0.2")
  }

  mutating func run(_ line: String) throws {
    let command = try #require(try Command.parse(line))
    try answer(bench.update(command))
  }

  private mutating func answer(_ requests: [Request]) throws {
    for request in requests {
      if case .inspect(.attend(let wishes)) = request {
        for wish in wishes {
          let snapshot = try snapshot(wish.ids, wish.edits)
          try answer(bench.receive(.inspector(.attended(wish, snapshot))))
        }
      }
      _ = bench.receive(.done)
    }
  }

  private func snapshot(_ ids: [Int32], _ edits: [AttentionEdit]) throws -> AttentionSnapshot {
    func floats(_ json: JSON?) throws -> [Float] {
      try #require(json?.array).compactMap { $0.double.map { Float($0) } }
    }
    let parts = try #require(json["layers"]?.array).enumerated().map { layer, json in
      var parts: [Probe.Part: [Float]] = [:]
      for part in Probe.Part.allCases { parts[part] = try floats(json[part.rawValue]) }
      for head in 0..<4 where edits.contains(.zeroHead(layer: layer, head: head)) {
        for row in ids.indices {
          for column in Self.layout.columns(of: head) { parts[.heads]?[row * 64 + column] = 0 }
        }
      }
      return parts
    }
    let masks = edits.compactMap { if case .mask(let mask) = $0 { mask } else { nil } }
    return AttentionSnapshot(
      ids: ids, layout: Self.layout, edits: edits,
      prediction: try floats(json[edits.isEmpty ? "trained" : "changed"]), parts: parts,
      masks: [masks.first ?? .causal, masks.first ?? .causal])
  }

  /// The screen as text in a look.
  func screen(_ rows: Int, _ columns: Int, _ look: Look = .plain) -> String {
    var canvas = Canvas(rows: rows, columns: columns)
    bench.draw(on: &canvas)
    return canvas.text(look)
  }

  /// Some lines of the screen, counted from 1.
  func lines(
    _ range: ClosedRange<Int>, _ rows: Int = 24, _ columns: Int = 80, _ look: Look = .plain
  ) -> String {
    screen(rows, columns, look).split(separator: "\n", omittingEmptySubsequences: false)[
      range.lowerBound - 1..<range.upperBound
    ].joined(separator: "\n")
  }
}
