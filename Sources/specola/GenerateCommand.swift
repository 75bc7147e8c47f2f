import ArgumentParser
import Checkpoints
import Files
import Generation
import Models
import Text
import Training

/// What a model reads: a text, or ids.
struct PromptOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The text to go on from; - is standard input.", valueName: "T"))
  var prompt: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Ids instead of a text.", valueName: "1,2,3"))
  var ids: String?

  /// The ids of the prompt: as given, or the tokenizer's.
  func tokens(_ directory: ModelDirectory) throws(Failure) -> [Int32] {
    guard (prompt == nil) != (ids == nil) else {
      throw Failure("give either --prompt or --ids", code: 64)
    }
    if let ids {
      return try Self.parse(ids, vocabulary: directory.model.vocabulary)
    }
    guard let tokenizer = directory.tokenizer else {
      throw Failure("\(visible(directory.path)) has no tokenizer.json; give --ids", code: 64)
    }
    let text = try prompt == "-" ? standardInput() : Array((prompt ?? "").utf8)
    let tokens = try tokenizer.encodeWhole(text)
    guard !tokens.isEmpty else {
      throw Failure("the prompt is empty; give at least one character", code: 64)
    }
    return tokens
  }

  private static func parse(_ text: String, vocabulary: Int) throws(Failure) -> [Int32] {
    var ids: [Int32] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let id = Int32(word.filter { $0 != " " }), id >= 0, id < vocabulary else {
        throw Failure(
          "--ids: \(quoted(String(word))) is not an id in 0 to \(vocabulary - 1)", code: 64)
      }
      ids.append(id)
    }
    return ids
  }
}

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continues a text, token by token.",
    discussion: """
      examples:
        specola generate runs/nano-cpu --prompt "ROMEO:" --temperature 0.8 --top-k 40
        specola generate MODEL --ids 5,3,8 --temperature 0 --json

      The filters act in this order: temperature (0 is greedy), top-k, top-p.
      """)

  @Argument var model: String
  @OptionGroup var prompt: PromptOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many tokens to draw.", valueName: "N"))
  var maxTokens = 200

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Divides the scores; 0 is greedy.", valueName: "X"))
  var temperature = 1.0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep the K likeliest.", valueName: "K"))
  var topK: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Keep the likeliest whose sum reaches P.", valueName: "P"))
  var topP: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The seed of the draws.", valueName: "S"))
  var seed: UInt64 = 1337

  @OptionGroup var engine: EngineOptions
  @OptionGroup var weights: WeightOptions

  @Flag(help: #"Print {"prompt_ids":[],"ids":[],"text":""}."#)
  var json = false

  func run() throws {
    let lanes = try engine.lanes()
    guard maxTokens >= 0 else {
      throw Failure("--max-tokens \(maxTokens) is negative", code: 64)
    }
    let settings = try SamplerSettings(temperature: temperature, topK: topK, topP: topP)
    let directory = try Home.load(model)
    let ids = try prompt.tokens(directory)
    weights.apply(to: directory.model, lanes)
    var generator = try Generator(
      directory.model, prompt: ids, settings: settings, seed: seed, lanes: lanes)
    Interrupt.install()
    var decoder = directory.tokenizer.map { StreamingDecoder($0) }
    if !json { try emit(directory.tokenizer.map { text($0, ids) } ?? "", terminator: "") }
    var refilled = false
    let began = ContinuousClock.now
    for _ in 0..<maxTokens where Interrupt.signal == nil {
      let id = try generator.next()
      refilled = refilled || generator.refilled
      if id == directory.tokenizer?.eos { break }
      if !json { try emit(decoder?.push(id) ?? "\(id) ", terminator: "") }
    }
    if json {
      let new = Array(generator.ids.dropFirst(ids.count))
      let object: JSON = [
        "prompt_ids": .array(ids.map { .int(Int($0)) }), "ids": .array(new.map { .int(Int($0)) }),
        "text": .string(directory.tokenizer.map { text($0, new) } ?? ""),
      ]
      try emit(object.text())
    } else {
      try emit(decoder?.flush() ?? "")
    }
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    note(speed(generator, new: generator.ids.count - ids.count, seconds))
    if refilled {
      note("the context of \(directory.model.context) was full: each time its last half was kept")
    }
    if let signal = Interrupt.signal { throw ExitCode(128 + signal) }
  }

  /// How fast it went, the reading of the prompt included.
  private func speed(_ generator: Generator, new count: Int, _ seconds: Double) -> String {
    var text = "\(grouped(count)) tokens in \(fixed(seconds, 3)) s"
    if count > 0 { text += ", \(grouped(Int(Double(count) / seconds))) a second" }
    guard let state = generator.state as? BLTState else { return text }
    return text + "; the latent transformer ran for \(grouped(state.latentRuns)) patches"
  }

  private func text(_ tokenizer: any Tokenizer, _ ids: [Int32]) -> String {
    String(decoding: tokenizer.decode(ids), as: UTF8.self)
  }
}
