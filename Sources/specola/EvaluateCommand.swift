import ArgumentParser
import Checkpoints
import Files
import Training

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The loss of a model on a text.",
    discussion: """
      examples:
        specola evaluate runs/nano-cpu my.txt
        specola evaluate MODEL data/notes --json

      Over windows of the context that do not overlap. DATA is a text file, a folder of them, or an
      atlas (its validation split). Bits per byte are over the raw UTF-8 bytes of what was scored;
      marks are scored and are no bytes.
      """)

  @Argument var model: String
  @Argument(help: "A text file, a folder, or an atlas.") var data: String
  @OptionGroup var engine: EngineOptions
  @OptionGroup var weights: WeightOptions
  @Flag(help: #"Print {"tokens","bytes","loss","perplexity","bits_per_byte"}."#) var json = false

  func run() throws {
    let lanes = try engine.lanes()
    let directory = try Home.load(model)
    guard let tokenizer = directory.tokenizer else {
      throw Failure("\(visible(directory.path)) has no tokenizer.json, so it cannot read a text")
    }
    weights.apply(to: directory.model, lanes)
    Interrupt.install()
    let result = try Corpus.evaluate(directory.model, tokenizer, on: data, lanes: lanes) { done in
      progress("\(Int(100 * done)) %")
      return Interrupt.signal == nil
    }
    progress("")
    if let signal = Interrupt.signal { throw ExitCode(128 + signal) }
    guard !result.loss.isNaN else {
      throw Failure(
        "the loss is not a number, so a weight went bad; check the checkpoint", code: 1)
    }
    let bits = result.bitsPerByte
    if json {
      let object: JSON = [
        "tokens": .int(result.tokens), "bytes": .int(result.bytes ?? 0),
        "loss": .double(result.loss),
        "perplexity": result.perplexity.isFinite ? .double(result.perplexity) : .null,
        "bits_per_byte": bits.map(JSON.double) ?? .null,
      ]
      return try emit(object.text())
    }
    try emit(
      "\(grouped(result.tokens)) tokens: loss \(fixed(result.loss, 4)) nats, perplexity "
        + "\(fixed(result.perplexity, 2)), \(bits.map { fixed($0, 4) } ?? "–") bits per byte of "
        + "\(grouped(result.bytes ?? 0)) bytes")
  }
}
