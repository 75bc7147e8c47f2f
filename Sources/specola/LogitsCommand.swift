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

  @Flag(help: #"Print {"ids":[],"logits":[[…]]}, a row a position."#)
  var json = false

  func run() throws {
    try engine.apply()
    let directory = try Home.load(model)
    let ids = try prompt.tokens(directory)
    let context = directory.model.context
    guard ids.count <= context else {
      throw Failure(
        "the prompt has \(ids.count) tokens, the model's context is \(context)", code: 64)
    }
    let logits = directory.model(Tokens([ids]), Pass())
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
}
