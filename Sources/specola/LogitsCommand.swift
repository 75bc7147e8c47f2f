import ArgumentParser
import Files
import Generation
import Models
import Text
import Training

struct Logits: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Next-token scores.",
    discussion: """
      examples:
        specola logits runs/nano-cpu --prompt "To be"
        specola logits MODEL --ids 1,2,3 --json
      """)

  @Argument var model: String
  @OptionGroup var prompt: PromptOptions
  @OptionGroup var engine: EngineOptions

  @Option(help: ArgumentHelp("hf: patches of a BLT end where transformers' do.", valueName: "hf"))
  var compat: String?

  @Flag(help: #"Print {"ids":[],"logits":[[…]]}, a row a position."#)
  var json = false

  func run() throws {
    try engine.apply()
    guard compat == nil || compat == "hf" else {
      throw Failure("--compat \(quoted(compat ?? "")): there is only hf", code: 64)
    }
    let directory = try Home.load(model)
    let ids = try prompt.tokens(directory)
    let context = directory.model.context
    guard ids.count <= context else {
      throw Failure(
        "the prompt has \(ids.count) tokens, the model's context is \(context)", code: 64)
    }
    let logits = scores(directory.model, ids)
    if json {
      let rows = (0..<ids.count).map { i in
        JSON.array(logits.row(i).values.map { $0.isFinite ? .double(Double($0)) : .null })
      }
      let object: JSON = ["ids": .array(ids.map { .int(Int($0)) }), "logits": .array(rows)]
      return try emit(object.text())
    }
    let last = logits.row(ids.count - 1)
    let table = try SamplingTable(logits: last.values, settings: SamplerSettings())
    let rows = table.stages[0].candidates.prefix(10).map { candidate in
      [
        "\(candidate.id)", directory.tokenizer?.piece(candidate.id) ?? "",
        fixed(Double(last.values[Int(candidate.id)]), 4), fixed(candidate.probability, 4),
      ]
    }
    try emit(columns([["id", "token", "score", "probability"]] + rows))
  }

  /// Scores behind every position; transformers forgets, where patches have a longest length,
  /// that the last one has ended.
  private func scores(_ model: any LanguageModel, _ ids: [Int32]) -> Tensor {
    let input = Tokens([ids])
    guard compat != nil, let blt = model as? BLT, blt.config.longestPatch != nil, ids.count > 1
    else { return model(input, Pass()) }
    return blt.logits(blt.hidden(input, ends: blt.patchEnds(input).dropLast() + [false], Pass()))
  }
}
