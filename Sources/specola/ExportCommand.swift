import ArgumentParser
import Checkpoints
import Files
import Training

extension WeightFormat: ExpressibleByArgument {}

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model as a Hugging Face directory.",
    discussion: """
      examples:
        specola export runs/tales-en --out my-model --precision bf16
        specola export tales-en@300 --out early

      What is written is what transformers loads: config.json, model.safetensors, tokenizer.
      """)

  @Argument var model: String
  @Option(help: "The directory to make; it must not exist.") var out: String
  @Option(help: "float32, or bf16: half the bytes, rounded to nearest even.")
  var precision = WeightFormat.float32

  func run() throws {
    let directory = try Home.load(model)
    try FileSystem.createDirectory(FileSystem.parent(out))
    let folder = try AtomicDirectory(out)
    try ModelDirectory.save(
      directory.model, directory.tokenizer, to: folder.temporaryPath, as: precision)
    try folder.commit()
    let count = directory.model.parameters.count
    note("wrote \(out): \(grouped(count)) parameters as \(precision.rawValue)")
  }
}
