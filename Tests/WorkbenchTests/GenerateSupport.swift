import Checkpoints
import Files
import Glibc
import Inspection
import Models
import Screen
import TestSupport
import Testing
import Text
import Workbench

/// Tokens that are whole words, or single bytes.
struct PieceTokenizer: Tokenizer {
  let pieces: [[UInt8]]
  var vocabularySize: Int { pieces.count }
  var bos: Int32? { nil }
  var eos: Int32?
  var prefix: [Int32] { [] }
  var suffix: [Int32] { [] }
  var json: JSON { .object([:]) }
  var configuration: JSON { .object([:]) }

  /// The longest piece at every place.
  func encode(_ text: [UInt8]) throws(Failure) -> [Int32] {
    var (ids, rest) = ([Int32](), text[...])
    while !rest.isEmpty {
      let fitting = pieces.indices.filter { rest.starts(with: pieces[$0]) && !pieces[$0].isEmpty }
      guard let id = fitting.max(by: { pieces[$0].count < pieces[$1].count }) else {
        throw Failure("no piece for \(rest.prefix(9))")
      }
      ids.append(Int32(id))
      rest = rest.dropFirst(pieces[id].count)
    }
    return ids
  }

  func bytes(of id: Int32) -> [UInt8] { pieces[Int(id)] }
  func specialName(of id: Int32) -> String? { id == eos ? "<end>" : nil }
}

/// A bench with a model, whose engine is the test: it answers requests with scores of its own.
struct Laboratory {
  var bench = Bench()
  /// What was asked for and not yet answered.
  var requests: [Request] = []
  let tokenizer: PieceTokenizer
  let model: GPT

  /// The words of the drawing of the view, then as many others as the vocabulary has.
  static let words =
    [
      "Ida", " found", " the", " old", " box", " .", " She", " opened", " with", " key", " In",
      " was", " a", " coin", " lamp", " ring", " ball", " door", " red", " hat", " cat",
    ].map { Array($0.utf8) } + [[0xC3], [0xA9], [0x0A], [0x1B]]

  init(_ folder: String, vocabulary: Int = 1024, context: Int = 64, end: String? = nil) throws {
    var shape = GPTConfig()
    (shape.vocabulary, shape.context, shape.width) = (vocabulary, context, 16)
    (shape.layers, shape.heads) = (2, 2)
    model = GPT(shape)
    model.parameters.initialize(seed: 3)
    try ModelDirectory.save(model, ByteTokenizer(addsBOS: false), to: folder)
    let others = (Laboratory.words.count..<vocabulary).map { Array(" w\($0)".utf8) }
    let pieces = Laboratory.words + others
    let eos = end.flatMap { end in pieces.firstIndex { $0 == Array(end.utf8) } }
    tokenizer = PieceTokenizer(pieces: pieces, eos: eos.map(Int32.init))

    var facts = ModelFacts(try ModelDirectory(folder), name: "tales-en", number: 1)
    (facts.tokenizer, facts.prompt) = (tokenizer, nil)
    try run("model tales-en", "prompt Ida found the old box", "view generate")
    requests = []
    receive(.inspector(.loaded(facts)))
  }

  mutating func run(_ lines: String...) throws {
    for line in lines {
      let command = try #require(try Command.parse(line))
      requests += try bench.update(command)
    }
  }

  mutating func receive(_ event: EngineEvent) {
    requests += bench.receive(event)
    requests += bench.receive(.done)
  }

  /// Answers the requests for scores, and those that come of the answers, at most so many.
  mutating func answer(_ scores: ([Int32]) -> [Float], most: Int = .max) {
    var count = 0
    while count < most, !requests.isEmpty {
      switch requests.removeFirst() {
      case .inspect(.score(let wish)):
        count += 1
        receive(.inspector(.scored(wish, scores: scores(wish.ids), refilled: false)))
      case .inspect(.weight(let name)):
        guard let parameter = model.parameters[name] else { continue }
        receive(.inspector(.weight(WeightFacts(parameter))))
      default: requests += bench.receive(.done)
      }
    }
  }

  /// Runs lines, each answered with the scores of the drawing.
  mutating func step(_ lines: String...) throws {
    for line in lines {
      try run(line)
      answer(drawnScores)
    }
  }

  /// What a key runs, having run it, or what it says.
  mutating func press(_ key: Key) throws -> String {
    switch bench.action(for: key) {
    case .run(let command):
      try step(command.description)
      return command.description
    case .say(let text): return text
    default: return ""
    }
  }

  func id(_ word: String) -> Int32 {
    Int32(tokenizer.pieces.firstIndex(of: Array(word.utf8)) ?? 0)
  }

  /// The ids of all candidates, best first.
  var candidates: [Int32] { bench.generate.table?.stages[0].candidates.map(\.id) ?? [] }

  func rank(of id: Int32) -> Int { (candidates.firstIndex(of: id) ?? -1) + 1 }

  func rankOfByte(_ byte: UInt8) -> Int {
    rank(of: Int32(tokenizer.pieces.firstIndex(of: [byte]) ?? 0))
  }

  /// Scores whose probabilities are those of the drawing, the rest shared by the others evenly.
  func drawnScores(_ ids: [Int32]) -> [Float] {
    let likely = [
      (" key", 0.280), (" coin", 0.173), (" lamp", 0.136), (" box", 0.089), (" ring", 0.052),
      (" ball", 0.040), (" door", 0.020), (" red", 0.017), (" hat", 0.012), (" cat", 0.008),
    ]
    let count = tokenizer.pieces.count
    var scores = [Float](repeating: Float(log(0.173 / Double(count - 10))), count: count)
    for (word, share) in likely { scores[Int(id(word))] = Float(log(share)) }
    return scores
  }

  func screen(_ size: Size, _ look: Look = .plain) -> String {
    var canvas = Canvas(rows: size.rows, columns: size.columns)
    bench.draw(on: &canvas)
    return canvas.text(look)
  }
}

let screenSizes = [
  Size(rows: 20, columns: 48), Size(rows: 24, columns: 80), Size(rows: 40, columns: 120),
  Size(rows: 60, columns: 200),
]
