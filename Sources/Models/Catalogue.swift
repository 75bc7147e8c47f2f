// From a configuration to a model: which family a `model_type` belongs to, and what each honours.

import Files

/// How strictly a configuration is read.
public enum ConfigurationRule: Sendable {
  /// Our own files: every key must be known.
  case strict
  /// A Hugging Face config.json: keys that do not change the forward pass are passed over.
  case huggingFace
}

/// The shape of a family's models, under the keys of a Hugging Face config.json.
public protocol ModelConfig: Codable, Sendable {
  /// The `model_type`s of the family.
  static var modelTypes: [String] { get }
  /// The keys that a training configuration's `context` and `dropout` replace.
  static var contextKey: String { get }
  static var dropoutKeys: [String] { get }
  var vocabulary: Int { get set }
  /// Tokens a sequence.
  var context: Int { get }
  /// How many numbers the model has; in double, for the sizes of a file may be any.
  var parameterCount: Double { get }
  /// Weights that a token is multiplied with, where patches have so many tokens on average.
  func weightsUsed(patch: Double) -> Double

  init()
  /// Of a Hugging Face configuration the keys that the forward pass depends on.
  ///
  /// - Throws: for a value that cannot be honoured.
  static func honoured(_ object: [String: JSON], _ path: String) throws(Failure) -> JSON
  /// Refuses sizes that no model can have, and models that do not fit into memory.
  func validate(_ path: String) throws(Failure)
  /// Declares the model; its parameters are still to be set.
  func makeModel() -> any LanguageModel
}

extension ModelConfig {
  /// All, where there are no patches.
  public func weightsUsed(patch: Double) -> Double { parameterCount }
}

/// The families of models, by the `model_type` of a configuration.
public enum Catalogue {
  private static let families: [any ModelConfig.Type] = [
    GPTConfig.self, RotaryConfig.self, BLTConfig.self,
  ]

  /// The `model_type`s that can be built.
  public static let modelTypes = families.flatMap { $0.modelTypes }

  /// The family of a configuration; our own files are of GPT-2 unless they say otherwise.
  public static func family(
    of config: JSON, from path: String, rule: ConfigurationRule
  ) throws(Failure) -> any ModelConfig.Type {
    guard let object = config.object else {
      throw Failure("\(visible(path)): a configuration is a JSON object")
    }
    let type = object["model_type"]?.string ?? (rule == .strict ? "gpt2" : "")
    guard let family = families.first(where: { $0.modelTypes.contains(type) }) else {
      throw Failure(
        "\(visible(path)): model_type \"\(visible(type))\" is not one of "
          + modelTypes.joined(separator: ", "))
    }
    return family
  }

  /// Builds the model of a configuration; its parameters are still to be set.
  public static func model(
    _ config: JSON, from path: String, rule: ConfigurationRule,
    sets: [(key: String, value: String)] = [], vocabulary: Int? = nil
  ) throws(Failure) -> any LanguageModel {
    try shape(config, from: path, rule: rule, sets: sets, vocabulary: vocabulary).makeModel()
  }

  /// Reads and checks a configuration.
  ///
  /// `sets` are laid over the file; `vocabulary` is the tokenizer's size, for a configuration that
  /// leaves `vocab_size` out.
  @discardableResult public static func shape(
    _ config: JSON, from path: String, rule: ConfigurationRule,
    sets: [(key: String, value: String)] = [], vocabulary: Int? = nil
  ) throws(Failure) -> any ModelConfig {
    try read(
      family(of: config, from: path, rule: rule), config, from: path, rule: rule, sets: sets,
      vocabulary: vocabulary)
  }

  private static func read<Config: ModelConfig>(
    _: Config.Type, _ config: JSON, from path: String, rule: ConfigurationRule,
    sets: [(key: String, value: String)], vocabulary: Int?
  ) throws(Failure) -> Config {
    let object = config.object ?? [:]
    let file = rule == .huggingFace ? try Config.honoured(object, path) : config
    var shape = try overlay(Config(), file: file, fileName: path, sets: sets)
    if let vocabulary {
      let isGiven =
        object["vocab_size"].map { $0 != .null } ?? false
        || sets.contains { $0.key.hasPrefix("vocab") }
      if !isGiven { shape.vocabulary = vocabulary }
      guard shape.vocabulary >= vocabulary else {
        throw Failure(
          "\(visible(path)): vocab_size \(shape.vocabulary) is less than the tokenizer's "
            + "\(vocabulary); leave it out, or raise it")
      }
    }
    try shape.validate(path)
    return shape
  }
}

/// Refuses values of keys that have one right value, or few; null and none are right too.
func require(
  _ fixed: [String: [JSON]], in object: [String: JSON], _ path: String
) throws(Failure) {
  for (key, allowed) in fixed.sorted(by: { $0.key < $1.key }) {
    guard let value = object[key], value != .null, !allowed.contains(value) else { continue }
    let right = allowed.map { $0.text() }.joined(separator: " or ")
    throw Failure("\(visible(path)): \(key) is \(visible(value.text())), only \(right) is built")
  }
}

/// Refuses a model that does not fit into memory: `cached` floats are those of a full context.
///
/// In double, for the product of sizes that a file gives may not fit into an integer.
func requireMemory(
  _ path: String, parameters: Double, cached: Double, layers: Int, context: Int
) throws(Failure) {
  // A layer is also some 8 KB of objects.
  let bytes = 4 * (parameters + cached) + Double(layers) * 8192
  let memory = Double(Machine.physicalMemory)
  guard bytes < memory else {
    throw Failure(
      "\(visible(path)): \(Int(min(parameters, 1e18))) parameters in \(layers) layers and a "
        + "context of \(context) need \(Int(min(bytes / 1e9, 1e18))) GB, this machine has "
        + "\(Int(memory / 1e9)) GB; make the model smaller")
  }
}

extension GPTConfig: ModelConfig {
  public static let modelTypes = Arrangement.allCases.map(\.rawValue)
  public static let contextKey = "n_positions"
  public static let dropoutKeys = ["embd_pdrop", "attn_pdrop", "resid_pdrop"]

  public func makeModel() -> any LanguageModel { GPT(self) }

  public static func honoured(
    _ object: [String: JSON], _ path: String
  ) throws(Failure) -> JSON {
    let isFirst = object["model_type"]?.string == "openai-gpt"
    let gelus = isFirst ? ["gelu"] : ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]
    let fixed: [String: [JSON]] = [
      "scale_attn_weights": [.bool(true)], "scale_attn_by_inverse_layer_idx": [.bool(false)],
      "add_cross_attention": [.bool(false)], "tie_word_embeddings": [.bool(true)],
      isFirst ? "afn" : "activation_function": gelus.map(JSON.string),
    ]
    try require(fixed, in: object, path)
    return .object(object.filter { CodingKeys(stringValue: $0.key) != nil })
  }

  /// The config.json of a model, with the keys that transformers needs beside our own; it has no
  /// class for the slip, and is told none.
  var huggingFace: JSON {
    let isPostNorm = arrangement == .postNorm
    var sizes: [String: JSON] = [
      "model_type": .string(arrangement.rawValue), "vocab_size": .int(vocabulary),
      "n_positions": .int(context), "n_embd": .int(width), "n_layer": .int(layers),
      "n_head": .int(heads), "n_inner": inner.map(JSON.int) ?? .null,
      "layer_norm_epsilon": .double(Double("\(normEpsilon)") ?? 1e-5),
      "initializer_range": .double(Double("\(initialDeviation)") ?? 0.02),
      "embd_pdrop": .double(Double("\(embeddingDropout)") ?? 0),
      "attn_pdrop": .double(Double("\(attentionDropout)") ?? 0),
      "resid_pdrop": .double(Double("\(residualDropout)") ?? 0),
      isPostNorm ? "afn" : "activation_function": .string(isPostNorm ? "gelu" : "gelu_new"),
      "torch_dtype": .string("float32"), "tie_word_embeddings": .bool(true),
    ]
    if arrangement != .slip {
      let name = isPostNorm ? "OpenAIGPTLMHeadModel" : "GPT2LMHeadModel"
      sizes["architectures"] = .array([.string(name)])
    }
    return .object(sizes)
  }

  public var parameterCount: Double {
    let (c, f) = (Double(width), Double(inner ?? 4 * width))
    let norm = arrangement == .postNorm ? 0 : 2 * c
    return Double(layers) * (4 * c * c + 2 * c * f + 9 * c + f) + c * Double(vocabulary + context)
      + norm
  }

  public func validate(_ path: String) throws(Failure) {
    let sizes = [
      ("vocab_size", vocabulary), ("n_positions", context), ("n_embd", width), ("n_layer", layers),
      ("n_head", heads), ("n_inner", inner ?? 1),
    ]
    var wrong = impossible(sizes)
    if wrong.isEmpty, width % heads != 0 {
      wrong.append("n_embd \(width) is not divisible by n_head \(heads)")
    }
    for (key, rate) in [
      ("embd_pdrop", embeddingDropout), ("attn_pdrop", attentionDropout),
      ("resid_pdrop", residualDropout),
    ] where !(0..<1).contains(rate) {
      wrong.append("\(key) is \(rate), must be in 0..<1")
    }
    if !(normEpsilon > 0) { wrong.append("layer_norm_epsilon is \(normEpsilon), must be positive") }
    if !(0..<1e3 ~= initialDeviation) {
      wrong.append("initializer_range is \(initialDeviation), must be in 0 ..< 1000")
    }
    guard wrong.isEmpty else { throw Failure("\(visible(path)): " + wrong.joined(separator: "; ")) }
    try requireMemory(
      path, parameters: parameterCount,
      cached: Double(layers) * 2 * Double(width) * Double(context), layers: layers,
      context: context)
  }
}

/// What is wrong with sizes that must be from 1 to 2^26.
func impossible(_ sizes: [(key: String, value: Int)]) -> [String] {
  sizes.filter { $0.value < 1 || $0.value > 1 << 26 }.map {
    "\($0.key) is \($0.value), must be 1 to \(1 << 26)"
  }
}
