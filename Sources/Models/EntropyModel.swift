// The entropy model of the Byte Latent Transformer (Pagnoni and others, 2024): a small decoder over
// bytes whose uncertainty about the next byte says where patches end. Whole in this file, with the
// layer that all stacks of BLT are made of: RMS norms, interleaved rotary embeddings, a window,
// grouped keys, a gated MLP, no biases (after Llama, Touvron and others, 2023).
//
// N tokens of all sequences, C width, F inner width, V vocabulary. Parameters have the names and
// the [out, in] layout of a Hugging Face checkpoint.

import Files

/// The shape of a stack of rotary layers, under the keys of a Hugging Face config.json.
public struct RotaryConfig: Codable, Equatable, Sendable {
  public var modelType = "blt_patcher"
  public var vocabulary = 260
  public var width = 768
  public var layers = 14
  public var heads = 12
  /// Heads of keys and values; nil is `heads`.
  public var keyHeads: Int?
  /// The inner width F; nil is 8/3 C.
  public var inner: Int? = 2048
  public var context = 8_192
  public var normEpsilon: Float = 1e-5
  /// The base of the rotary angles.
  public var base = 10_000.0
  /// How many tokens a token sees, itself included; nil is all before it.
  public var window: Int? = 512
  /// Of BLT's local stacks: whether cross-attention stands at every layer or at one.
  public var crossesAllLayers = false

  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case modelType = "model_type"
    case vocabulary = "vocab_size"
    case width = "hidden_size"
    case layers = "num_hidden_layers"
    case heads = "num_attention_heads"
    case keyHeads = "num_key_value_heads"
    case inner = "intermediate_size"
    case context = "max_position_embeddings"
    case normEpsilon = "rms_norm_eps"
    case base = "rope_theta"
    case window = "sliding_window"
    case crossesAllLayers = "cross_attn_all_layers"
  }

  public var layout: HeadLayout {
    HeadLayout(heads: heads, keyHeads: keyHeads ?? heads, width: width / heads)
  }
  public var mask: AttentionMask { window.map { .window($0) } ?? .causal }
  var innerWidth: Int { inner.flatMap { $0 > 0 ? $0 : nil } ?? 8 * width / 3 }

  func with(window: Int?) -> RotaryConfig {
    var config = self
    config.window = window
    return config
  }

  /// Keeps the last positions of a layer, at least as many as the window, and any number of them
  /// where there is none.
  func cache(_ layers: Range<Int>, capacity: Int) -> KeyValueCache {
    KeyValueCache(layers: layers, capacity: capacity, layout: layout, window: window)
  }
}

/// Byte embeddings, rotary layers, a norm and an output layer of its own.
public struct EntropyModel: LanguageModel {
  public let config: RotaryConfig
  public let parameters: ParameterStore
  let bytes: Embedding
  let blocks: [RotaryBlock]
  let norm: RMSNorm
  let head: Linear

  /// Declares the parameters; initialise or load them before use.
  public init(_ c: RotaryConfig) {
    let store = ParameterStore()
    self.init(c, Scope(store, isTruncated: true), of: store)
  }

  /// Declares them as a part of another model.
  init(_ c: RotaryConfig, _ p: Scope, of store: ParameterStore) {
    (config, parameters) = (c, store)
    bytes = Embedding(c.vocabulary, c.width, p["embed_tokens"], deviation: deviation(of: c.width))
    blocks = (0..<c.layers).map { RotaryBlock(c, p["layers"][$0], layer: $0) }
    norm = RMSNorm(c.width, p["norm"], epsilon: c.normEpsilon)
    head = Linear(rotary: c.width, c.vocabulary, p["lm_head"], matrices: 0)
  }

  public var context: Int { config.context }
  public var vocabulary: Int { config.vocabulary }
  public var layers: Int { config.layers }
  public var headLayout: HeadLayout { config.layout }
  public var configuration: JSON { config.huggingFace }

  public func hidden(_ input: Tokens, _ pass: Pass) -> Tensor {
    norm(run(0..<layers, bytes(input.ids, pass), input, pass))
  }

  public func logits(_ hidden: Tensor) -> Tensor { head(hidden) }

  public func makeCache() -> any DecodingState { config.cache(0..<layers, capacity: context) }

  /// Some of the layers, [N, C] to [N, C].
  func run(_ layers: Range<Int>, _ x: Tensor, _ input: Tokens, _ pass: Pass) -> Tensor {
    layers.reduce(x) { blocks[$1]($0, input, pass) }
  }

  /// How uncertain the model is about the token behind each, in nats.
  public func entropies(_ input: Tokens, _ pass: Pass) -> [Float] {
    logits(hidden(input, pass)).entropies()
  }
}

/// x + attention(norm(x)), then x + mlp(norm(x)).
struct RotaryBlock {
  let layer: Int
  let norm1: RMSNorm
  let attention: RotaryAttention
  let norm2: RMSNorm
  let mlp: GatedMLP

  init(_ c: RotaryConfig, _ p: Scope, layer: Int) {
    self.layer = layer
    attention = RotaryAttention(c, p["self_attn"], layer: layer)
    mlp = GatedMLP(c, p["mlp"])
    norm1 = RMSNorm(c.width, p["input_layernorm"], epsilon: c.normEpsilon)
    norm2 = RMSNorm(c.width, p["post_attention_layernorm"], epsilon: c.normEpsilon)
  }

  /// [N, C] to [N, C].
  func callAsFunction(_ x: Tensor, _ input: Tokens, _ pass: Pass) -> Tensor {
    pass.probe?.record(layer, .input, x)
    let y = norm1(x)
    pass.probe?.record(layer, .norm, y)
    let h = attention(y, addedTo: x, input, pass)
    return mlp(norm2(h), addedTo: h)
  }
}

struct RotaryAttention {
  let layer: Int
  let layout: HeadLayout
  let mask: AttentionMask
  let base: Double
  let queries, keys, values, output: Linear

  init(_ c: RotaryConfig, _ p: Scope, layer: Int) {
    (self.layer, layout, mask, base) = (layer, c.layout, c.mask, c.base)
    let (inside, outside) = (layout.heads * layout.width, layout.keyHeads * layout.width)
    queries = Linear(rotary: c.width, inside, p["q_proj"])
    keys = Linear(rotary: c.width, outside, p["k_proj"])
    values = Linear(rotary: c.width, outside, p["v_proj"])
    output = Linear(rotary: inside, c.width, p["o_proj"])
  }

  func callAsFunction(
    _ x: Tensor, addedTo residual: Tensor, _ input: Tokens, _ pass: Pass
  ) -> Tensor {
    let turns = pass.rotation(input, width: layout.width, base: base)
    let packed = x.linear(sideBySide: [queries.weight, keys.weight, values.weight])
      .rotated(layout, turns)
    let heads = pass.attend(
      packed, queries.weight.form, layer: layer, layout, mask, input, dropout: 0)  // [N, C]
    pass.probe?.record(layer, .joined, output(heads))
    let y = output(heads, residual: residual)
    pass.probe?.record(layer, .residual, y)
    return y
  }
}

/// down(silu(gate(x)) · up(x)) (Shazeer 2020).
struct GatedMLP {
  let gate, up, down: Linear

  init(_ c: RotaryConfig, _ p: Scope) {
    gate = Linear(rotary: c.width, c.innerWidth, p["gate_proj"])
    up = Linear(rotary: c.width, c.innerWidth, p["up_proj"])
    down = Linear(rotary: c.innerWidth, c.width, p["down_proj"])
  }

  func callAsFunction(_ x: Tensor, addedTo residual: Tensor) -> Tensor {
    down(gate(x).swiglu(up(x)), residual: residual)
  }
}

/// 1 / √inputs, of a normal cut at three times that: how all weights of this family begin.
func deviation(of inputs: Int) -> Float { 1 / Float(inputs).squareRoot() }

extension Linear {
  /// Without a bias, [outputs, inputs], begun as this family does.
  init(rotary inputs: Int, _ outputs: Int, _ p: Scope, matrices: Int = 1) {
    self.init(
      inputs, outputs, p, bias: false, deviation: deviation(of: inputs), matrices: matrices)
  }
}

// MARK: - config.json

extension RotaryConfig: ModelConfig {
  public static let modelTypes = ["blt_patcher"]
  public static let contextKey = "max_position_embeddings"
  public static let dropoutKeys: [String] = []

  public func makeModel() -> any LanguageModel { EntropyModel(self) }

  public static func honoured(
    _ object: [String: JSON], _ path: String
  ) throws(Failure) -> JSON {
    // The base of the angles by itself is the older spelling.
    let rope = object["rope_parameters"]?.object ?? [:]
    try require(
      ["hidden_act": ["silu"], "tie_word_embeddings": [.bool(false)], "rope_scaling": []],
      in: object, path)
    try require(["rope_type": ["default"]], in: rope, path)
    var kept = object.filter { CodingKeys(stringValue: $0.key) != nil && !$0.value.isNull }
    for key in ["intermediate_size", "sliding_window"] { kept[key] = object[key] }
    kept["rope_theta"] = rope["rope_theta"] ?? kept["rope_theta"]
    return .object(kept)
  }

  /// The config.json of a stack; transformers refuses integers for its floats.
  var huggingFace: JSON {
    [
      "model_type": .string(modelType), "architectures": ["BltPatcher"],
      "vocab_size": .int(vocabulary), "hidden_size": .int(width), "num_hidden_layers": .int(layers),
      "num_attention_heads": .int(heads), "num_key_value_heads": .int(keyHeads ?? heads),
      "intermediate_size": .int(innerWidth), "max_position_embeddings": .int(context),
      "rms_norm_eps": .double(Double("\(normEpsilon)") ?? 1e-5),
      "rope_parameters": ["rope_type": "default", "rope_theta": .double(base)],
      "sliding_window": window.map(JSON.int) ?? .null, "hidden_act": "silu",
      "dropout": .double(0), "tie_word_embeddings": .bool(false), "dtype": "float32",
    ]
  }

  public func validate(_ path: String) throws(Failure) {
    let wrong = problems(in: "")
    guard wrong.isEmpty else { throw Failure("\(visible(path)): " + wrong.joined(separator: "; ")) }
    try requireMemory(
      path, parameters: parameterCount,
      cached: cached(context: min(context, window ?? .max)), layers: layers, context: context)
  }

  /// What is wrong with the shape; `prefix` names it inside another.
  func problems(in prefix: String) -> [String] {
    var sizes = [
      ("vocab_size", vocabulary), ("hidden_size", width), ("num_hidden_layers", layers),
      ("num_attention_heads", heads), ("num_key_value_heads", keyHeads ?? heads),
      ("intermediate_size", innerWidth), ("max_position_embeddings", context),
    ]
    if let window { sizes.append(("sliding_window", window)) }
    var wrong = impossible(sizes.map { (prefix + $0.0, $0.1) })
    if wrong.isEmpty, width % (2 * heads) != 0 {
      wrong.append(
        "\(prefix)hidden_size \(width) does not divide into \(heads) heads of an even width")
    }
    if wrong.isEmpty, heads % (keyHeads ?? heads) != 0 {
      wrong.append(
        "\(prefix)num_attention_heads \(heads) is not divisible by num_key_value_heads "
          + "\(keyHeads ?? heads)")
    }
    if !(normEpsilon > 0) {
      wrong.append("\(prefix)rms_norm_eps is \(normEpsilon), must be positive")
    }
    if !(base > 0) { wrong.append("\(prefix)rope_theta is \(base), must be positive") }
    return wrong
  }

  public var parameterCount: Double { floats + 2 * Double(vocabulary * width) + Double(width) }

  /// The numbers of all layers.
  var floats: Double {
    let (c, f) = (Double(width), Double(innerWidth))
    let kv = c / Double(heads) * Double(keyHeads ?? heads)
    return Double(layers) * (2 * c * c + 2 * c * kv + 3 * c * f + 2 * c)
  }

  /// The numbers of a cache of so many positions.
  func cached(context: Int) -> Double {
    Double(layers) * 2 * Double(width) / Double(heads) * Double(keyHeads ?? heads) * Double(context)
  }
}
