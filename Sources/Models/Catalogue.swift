// From a configuration to a model: which family a `model_type` belongs to, and what each honours.

import Files

/// How strictly a configuration is read.
public enum ConfigurationRule: Sendable {
  /// Our own files: every key must be known.
  case strict
  /// A Hugging Face config.json: keys that do not change the forward pass are passed over.
  case huggingFace
}

/// The families of models, by the `model_type` of a configuration.
public enum Catalogue {
  /// The `model_type`s that can be built.
  public static let modelTypes = Arrangement.allCases.map(\.rawValue)

  /// Builds the model of a configuration; its parameters are still to be set.
  public static func model(
    _ config: JSON, from path: String, rule: ConfigurationRule,
    sets: [(key: String, value: String)] = [], vocabulary: Int? = nil
  ) throws(Failure) -> any LanguageModel {
    GPT(try shape(config, from: path, rule: rule, sets: sets, vocabulary: vocabulary))
  }

  /// Reads and checks a configuration.
  ///
  /// `sets` are laid over the file; `vocabulary` is the tokenizer's size, for a configuration that
  /// leaves `vocab_size` out.
  @discardableResult public static func shape(
    _ config: JSON, from path: String, rule: ConfigurationRule,
    sets: [(key: String, value: String)] = [], vocabulary: Int? = nil
  ) throws(Failure) -> GPTConfig {
    guard let object = config.object else {
      throw Failure("\(visible(path)): a configuration is a JSON object")
    }
    let type = object["model_type"]?.string ?? (rule == .strict ? "gpt2" : "")
    guard modelTypes.contains(type) else {
      throw Failure(
        "\(visible(path)): model_type \"\(visible(type))\" is not one of "
          + modelTypes.joined(separator: ", "))
    }
    var file = config
    if rule == .huggingFace { file = try GPTConfig.honoured(object, type, path) }
    var gpt = try overlay(GPTConfig(), file: file, fileName: path, sets: sets)
    if let vocabulary {
      let isGiven =
        object["vocab_size"].map { $0 != .null } ?? false
        || sets.contains { $0.key.hasPrefix("vocab") }
      if !isGiven { gpt.vocabulary = vocabulary }
      guard gpt.vocabulary >= vocabulary else {
        throw Failure(
          "\(visible(path)): vocab_size \(gpt.vocabulary) is less than the tokenizer's "
            + "\(vocabulary); leave it out, or raise it")
      }
    }
    try gpt.validate(path)
    return gpt
  }
}

extension GPTConfig {
  /// Of a Hugging Face configuration the keys that the forward pass depends on; a value that
  /// cannot be honoured is refused.
  static func honoured(
    _ object: [String: JSON], _ type: String, _ path: String
  ) throws(Failure) -> JSON {
    let gelus = type == "openai-gpt" ? ["gelu"] : ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"]
    var fixed: [String: [JSON]] = [
      "scale_attn_weights": [.bool(true)], "scale_attn_by_inverse_layer_idx": [.bool(false)],
      "add_cross_attention": [.bool(false)], "tie_word_embeddings": [.bool(true)],
    ]
    fixed[type == "openai-gpt" ? "afn" : "activation_function"] = gelus.map(JSON.string)
    for (key, allowed) in fixed.sorted(by: { $0.key < $1.key }) {
      guard let value = object[key], value != .null, !allowed.contains(value) else { continue }
      let right = allowed.map { $0.text() }.joined(separator: " or ")
      throw Failure("\(visible(path)): \(key) is \(visible(value.text())), only \(right) is built")
    }
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
      "embd_pdrop": .double(Double("\(embeddingDropout)") ?? 0),
      "attn_pdrop": .double(Double("\(attentionDropout)") ?? 0),
      "resid_pdrop": .double(Double("\(residualDropout)") ?? 0),
      isPostNorm ? "afn" : "activation_function": .string(isPostNorm ? "gelu" : "gelu_new"),
      "tie_word_embeddings": .bool(true),
    ]
    if arrangement != .slip {
      let name = isPostNorm ? "OpenAIGPTLMHeadModel" : "GPT2LMHeadModel"
      sizes["architectures"] = .array([.string(name)])
    }
    return .object(sizes)
  }

  /// How many numbers the model has; in double, for their product may not fit into an integer.
  public var parameterCount: Double {
    let (c, f) = (Double(width), Double(inner ?? 4 * width))
    let norm = arrangement == .postNorm ? 0 : 2 * c
    return Double(layers) * (4 * c * c + 2 * c * f + 9 * c + f) + c * Double(vocabulary + context)
      + norm
  }

  /// Refuses sizes that no model can have, and models that do not fit into memory.
  func validate(_ path: String) throws(Failure) {
    let sizes = [
      ("vocab_size", vocabulary), ("n_positions", context), ("n_embd", width), ("n_layer", layers),
      ("n_head", heads), ("n_inner", inner ?? 1),
    ]
    var wrong = sizes.filter { $0.1 < 1 || $0.1 > 1 << 26 }.map {
      "\($0.0) is \($0.1), must be 1 to \(1 << 26)"
    }
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
    guard wrong.isEmpty else { throw Failure("\(visible(path)): " + wrong.joined(separator: "; ")) }
    let count = parameterCount
    // Beside them a layer has its keys and values of a full context, and some 8 KB of objects.
    let bytes = 4 * count + Double(layers) * (8 * Double(width) * Double(context) + 8192)
    let memory = Double(Machine.physicalMemory)
    guard bytes < memory else {
      throw Failure(
        "\(visible(path)): \(Int(min(count, 1e18))) parameters in \(layers) layers and a context "
          + "of \(context) need \(Int(min(bytes / 1e9, 1e18))) GB, this machine has "
          + "\(Int(memory / 1e9)) GB; make the model smaller")
    }
  }
}
