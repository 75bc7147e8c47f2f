// The shape of a Byte Latent Transformer, read from a Hugging Face config.json and written to one.

import Files

/// The shape of a BLT: four stacks, and how bytes become patches.
public struct BLTConfig: Codable, Equatable, Sendable {
  public var modelType = "blt"
  public var vocabulary = 260
  /// Bytes that a sequence may have.
  public var context = 4_096
  /// Whether the model has an entropy model of its own; without one every byte is a patch.
  public var hasPatcher = true
  /// `entropy`; anything else is a patch a byte.
  public var patchingMode = "entropy"
  public var threshold = 1.335442066192627
  public var longestPatch: Int?
  /// The window of both local stacks, whatever theirs say; nil is none.
  public var window: Int? = 512
  /// Rows that stand for a patch in cross-attention.
  public var slots = 2
  public var hashSizes = [3, 4, 5, 6, 7, 8]
  public var hashRows = 500_002
  public var hashFunctions = 1
  public var patcher = RotaryConfig()
  public var encoder = RotaryConfig(local: "blt_local_encoder", 1_024, layers: 1, inner: nil)
  public var latent = RotaryConfig(latent: 2_048, layers: 25, inner: 5_632)
  public var decoder = RotaryConfig(
    local: "blt_local_decoder", 1_024, layers: 9, inner: 2_816, crossesAllLayers: true)

  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case modelType = "model_type"
    case vocabulary = "vocab_size"
    case context = "max_position_embeddings"
    case hasPatcher = "patch_in_forward"
    case patchingMode = "patching_mode"
    case threshold = "patching_threshold"
    case longestPatch = "max_patch_length"
    case window = "local_attention_window_len"
    case slots = "cross_attn_k"
    case hashSizes = "encoder_hash_byte_group_size"
    case hashRows = "encoder_hash_byte_group_vocab"
    case hashFunctions = "encoder_hash_byte_group_nb_functions"
    case patcher = "patcher_config"
    case encoder = "encoder_config"
    case latent = "global_config"
    case decoder = "decoder_config"
  }

  /// How the model itself decides where patches end.
  public var patching: Patching {
    let isByte = !hasPatcher || patchingMode != "entropy"
    return Patching(isByte ? .byte : .global, threshold: Float(threshold), longest: longestPatch)
  }
}

extension RotaryConfig {
  fileprivate init(
    local type: String, _ width: Int, layers: Int, inner: Int?, crossesAllLayers: Bool = false
  ) {
    (modelType, self.width, self.layers, heads) = (type, width, layers, 16)
    (self.inner, context, base) = (inner, 24_576, 500_000)
    self.crossesAllLayers = crossesAllLayers
  }

  fileprivate init(latent width: Int, layers: Int, inner: Int) {
    self.init(local: "blt_global_transformer", width, layers: layers, inner: inner)
    (context, window) = (4_096, nil)
  }
}

extension BLTConfig: ModelConfig {
  public static let modelTypes = ["blt"]
  public static let contextKey = "max_position_embeddings"
  public static let dropoutKeys: [String] = []

  public func makeModel() -> any LanguageModel { BLT(self) }

  public static func honoured(
    _ object: [String: JSON], _ path: String
  ) throws(Failure) -> JSON {
    try require(["tie_word_embeddings": [.bool(false)]], in: object, path)
    var kept = object.filter { CodingKeys(stringValue: $0.key) != nil && !$0.value.isNull }
    for key in ["max_patch_length", "local_attention_window_len"] { kept[key] = object[key] }
    let stacks: [CodingKeys] = [.patcher, .encoder, .latent, .decoder]
    for key in stacks.map(\.stringValue) {
      guard let stack = kept[key]?.object else { continue }
      let place = "\(path): \(key)"
      kept[key] = try RotaryConfig.honoured(stack, place)
      // Its projections go by these, its masks and ours by the others: only equal ones fit.
      guard key == "encoder_config" || key == "decoder_config" else { continue }
      let slots = JSON.int(kept["cross_attn_k"]?.int ?? BLTConfig().slots)
      try require(
        ["cross_attn_k": [slots]], in: ["cross_attn_k": .int(2)].merging(stack) { $1 }, place)
      guard key == "decoder_config" else { continue }
      let width = JSON.int(object["global_config"]?["hidden_size"]?.int ?? BLTConfig().latent.width)
      try require(
        ["hidden_size_global": [width]],
        in: ["hidden_size_global": .int(2_048)].merging(stack) { $1 }, place)
    }
    return .object(kept)
  }

  /// The config.json; transformers refuses integers for its floats, and breaks with `use_cache`.
  package var huggingFace: JSON {
    func stack(_ config: RotaryConfig, _ more: [String: JSON] = [:]) -> JSON {
      var json = config.huggingFace.object ?? [:]
      for key in ["architectures", "dtype"] { json[key] = nil }
      return .object(json.merging(more) { $1 })
    }
    func local(_ config: RotaryConfig) -> JSON {
      var config = config
      config.window = window
      return stack(
        config,
        [
          "cross_attn_k": .int(slots), "cross_attn_all_layers": .bool(config.crossesAllLayers),
          "hidden_size_global": .int(latent.width),
        ])
    }
    return [
      "model_type": .string(modelType), "architectures": ["BltForCausalLM"],
      "vocab_size": .int(vocabulary), "max_position_embeddings": .int(context),
      "patch_in_forward": .bool(hasPatcher), "patch_size": .int(4),
      "patching_mode": .string(patchingMode), "patching_threshold": .double(threshold),
      "patching_batch_size": .int(1), "max_patch_length": longestPatch.map(JSON.int) ?? .null,
      "local_attention_window_len": window.map(JSON.int) ?? .null, "cross_attn_k": .int(slots),
      "encoder_hash_byte_group_size": .array(hashSizes.map(JSON.int)),
      "encoder_hash_byte_group_vocab": .int(hashRows),
      "encoder_hash_byte_group_nb_functions": .int(hashFunctions),
      "patcher_config": stack(patcher), "encoder_config": local(encoder),
      "global_config": stack(latent), "decoder_config": local(decoder),
      "tie_word_embeddings": .bool(false), "use_cache": .bool(false), "dtype": "float32",
    ]
  }

  public func validate(_ path: String) throws(Failure) {
    var wrong = impossible([
      ("vocab_size", vocabulary), ("max_position_embeddings", context), ("cross_attn_k", slots),
      ("encoder_hash_byte_group_vocab", hashRows),
      ("encoder_hash_byte_group_nb_functions", hashFunctions),
      ("max_patch_length", longestPatch ?? 1), ("local_attention_window_len", window ?? 1),
    ])
    wrong += impossible(hashSizes.map { ("encoder_hash_byte_group_size", $0) })
    if hashSizes.isEmpty { wrong.append("encoder_hash_byte_group_size is empty") }
    if !(threshold >= 0 && threshold < 1e30) {
      wrong.append("patching_threshold is \(threshold), must be finite, 0 or more")
    }
    let stacks = [
      ("encoder_config.", encoder), ("global_config.", latent), ("decoder_config.", decoder),
      ("patcher_config.", patcher),
    ]
    for (name, stack) in stacks where hasPatcher || name != "patcher_config." {
      wrong += stack.problems(in: name)
      if name != "global_config.", name != "decoder_config.", stack.vocabulary != vocabulary {
        wrong.append("\(name)vocab_size is \(stack.vocabulary), the model's is \(vocabulary)")
      }
    }
    if encoder.width != decoder.width {
      wrong.append(
        "decoder_config.hidden_size \(decoder.width) is not the encoder's \(encoder.width), "
          + "whose byte states it goes on from")
    }
    guard wrong.isEmpty else { throw Failure("\(visible(path)): " + wrong.joined(separator: "; ")) }
    try requireMemory(
      path, parameters: parameterCount,
      cached: stacks.reduce(Double(encoder.width * context)) { $0 + $1.1.cached(context: context) },
      layers: stacks.reduce(0) { $0 + $1.1.layers }, context: context)
  }

  public var parameterCount: Double {
    let rows = Double(hashRows) * Double(hashFunctions) * Double(hashSizes.count)
    let tables = Double(encoder.width) * (rows + Double(vocabulary))
    return weightsUsed(patch: 1) + tables + (hasPatcher ? patcher.parameterCount : 0)
  }

  /// Tables are only looked up, and the entropy model has run before; what stands between the
  /// local stacks is used once a patch.
  public func weightsUsed(patch: Double) -> Double {
    let (e, g, k) = (Double(encoder.width), Double(latent.width), Double(slots))
    func crossing(_ stack: RotaryConfig) -> Double {
      let share = 2 + 2 * Double(stack.keyHeads ?? stack.heads) / Double(stack.heads)
      return Double(stack.crossesAllLayers ? stack.layers : 1) * (share * e * e + 2 * e)
    }
    let joints = k * e * (e + g) + (k * e == g ? 0 : k * e * g) + e
    return encoder.floats + decoder.floats + crossing(encoder) + crossing(decoder)
      + e * Double(vocabulary) + (latent.floats + joints) / patch
  }
}
