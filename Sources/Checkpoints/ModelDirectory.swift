import Files
import Models
import Text

/// How a file keeps weights.
public enum WeightFormat: String, CaseIterable, Sendable {
  case float32, bf16

  /// Its name in safetensors.
  var dtype: String { self == .float32 ? "F32" : "BF16" }
  /// Its name in PyTorch, which a config.json gives as `torch_dtype`.
  var torchName: String { self == .float32 ? "float32" : "bfloat16" }
}

/// A model with its tokenizer, as a Hugging Face directory holds it.
public struct ModelDirectory {
  public let path: String
  public let model: any LanguageModel
  /// Nil where the directory has none: then only ids can be given.
  public let tokenizer: (any Tokenizer)?

  /// Loads a directory of config.json, model.safetensors (or shards) and tokenizer.json.
  public init(_ path: String) throws(Failure) {
    let directory = try CheckpointDirectory(path)
    self.path = path
    model = try Catalogue.model(
      directory.config, from: path + "/config.json", rule: .huggingFace)
    try model.parameters.load(from: directory)
    tokenizer = try Self.tokenizer(in: path)
    if let tokenizer, tokenizer.vocabularySize > model.vocabulary {
      throw Failure(
        "\(visible(path)): tokenizer.json has \(tokenizer.vocabularySize) ids, the model "
          + "\(model.vocabulary); one of the two files is of another model")
    }
  }

  /// The tokenizer of a directory; nil where there is none.
  public static func tokenizer(in path: String) throws(Failure) -> (any Tokenizer)? {
    let files = ["/tokenizer.json", "/vocab.json"].map { path + $0 }
    guard files.contains(where: FileSystem.exists) else { return nil }
    return try loadTokenizer(path)
  }

  /// Writes config.json, model.safetensors and the tokenizer into an existing folder.
  public static func save(
    _ model: any LanguageModel, _ tokenizer: (any Tokenizer)?, to path: String,
    as format: WeightFormat = .float32
  ) throws(Failure) {
    var config = model.configuration.object ?? [:]
    config["torch_dtype"] = .string(format.torchName)
    config["bos_token_id"] = tokenizer?.bos.map { .int(Int($0)) } ?? .null
    config["eos_token_id"] = tokenizer?.eos.map { .int(Int($0)) } ?? .null
    try AtomicFile.write(
      JSON.object(config).text(pretty: true) + "\n", to: path + "/config.json")
    try model.parameters.save(to: path + "/model.safetensors", as: format)
    try tokenizer?.save(to: path)
  }
}
