// GPT: a decoder-only transformer in the arrangement of GPT-2 (Radford et al. 2019), whole in this
// file: configuration, model, block, attention, MLP. Its other arrangement is the first GPT
// (Radford et al. 2018), which Hugging Face calls openai-gpt and which puts the norms after the
// sums.
//
// N tokens of all sequences, C width, H heads, V vocabulary. Parameters have the names that they
// have in a Hugging Face checkpoint, and GPT-2's [in, out] layout: no rename table.

import Files

/// Where the norms of a block stand.
public enum Arrangement: String, Codable, CaseIterable, Sendable {
  /// x + f(norm(x)): GPT-2.
  case preNorm = "gpt2"
  /// norm(x + f(x)): the first GPT.
  case postNorm = "openai-gpt"
  /// y + norm(y) with y = f(x): a slip seen in study code, kept to show what it costs.
  case slip = "gpt-slip"
}

/// The shape of a GPT, under the keys of a Hugging Face config.json.
public struct GPTConfig: Codable, Equatable, Sendable {
  public var arrangement = Arrangement.preNorm
  public var vocabulary = 50_257
  public var context = 1_024
  public var width = 768
  public var layers = 12
  public var heads = 12
  /// The inner width of the MLP; nil is 4 C.
  public var inner: Int?
  public var normEpsilon: Float = 1e-5
  /// The standard deviation of weights and embeddings to begin with.
  public var initialDeviation: Float = 0.02
  public var embeddingDropout: Float = 0
  public var attentionDropout: Float = 0
  public var residualDropout: Float = 0

  public init() {}

  enum CodingKeys: String, CodingKey, CaseIterable {
    case arrangement = "model_type"
    case vocabulary = "vocab_size"
    case context = "n_positions"
    case width = "n_embd"
    case layers = "n_layer"
    case heads = "n_head"
    case inner = "n_inner"
    case normEpsilon = "layer_norm_epsilon"
    case initialDeviation = "initializer_range"
    case embeddingDropout = "embd_pdrop"
    case attentionDropout = "attn_pdrop"
    case residualDropout = "resid_pdrop"
  }
}

/// A GPT: token and position embeddings, blocks, and the token table again as output layer.
public struct GPT: LanguageModel {
  public let config: GPTConfig
  public let parameters = ParameterStore()
  let tokens: Embedding
  let positions: Embedding
  let blocks: [GPTBlock]
  let norm: LayerNorm?

  /// Declares the parameters; initialise or load them before use.
  public init(_ c: GPTConfig) {
    config = c
    let (p, isPostNorm) = (Scope(parameters)["transformer"], c.arrangement == .postNorm)
    tokens = Embedding(
      c.vocabulary, c.width, p[isPostNorm ? "tokens_embed" : "wte"], deviation: c.initialDeviation,
      isOutput: true)
    positions = Embedding(
      c.context, c.width, p[isPostNorm ? "positions_embed" : "wpe"], deviation: c.initialDeviation)
    blocks = (0..<c.layers).map { GPTBlock(c, p["h"][$0], layer: $0) }
    norm = isPostNorm ? nil : LayerNorm(c.width, p["ln_f"], epsilon: c.normEpsilon)
  }

  public var context: Int { config.context }
  public var vocabulary: Int { config.vocabulary }
  public var layers: Int { config.layers }
  public var headLayout: HeadLayout { GPTAttention.layout(config) }
  public var configuration: JSON { config.huggingFace }

  public func hidden(_ input: Tokens, _ pass: Pass) -> Tensor {
    var x = tokens(input.ids, pass) + positions(pass.positions(input), pass)  // [N, C]
    if let mask = pass.nextDropout(config.embeddingDropout) { x = x.dropout(mask) }
    for block in blocks { x = block(x, input, pass) }
    return norm?(x) ?? x
  }

  /// The output layer is the token table once more (Press & Wolf 2017).
  public func logits(_ hidden: Tensor) -> Tensor { tokens.scores(hidden) }

  public func makeCache() -> any DecodingState {
    KeyValueCache(layers: layers, capacity: context, layout: headLayout)
  }
}

struct GPTBlock {
  let layer: Int
  let arrangement: Arrangement
  let norm1: LayerNorm
  let attention: GPTAttention
  let norm2: LayerNorm
  let mlp: GPTMLP

  init(_ c: GPTConfig, _ p: Scope, layer: Int) {
    (self.layer, arrangement) = (layer, c.arrangement)
    norm1 = LayerNorm(c.width, p["ln_1"], epsilon: c.normEpsilon)
    attention = GPTAttention(c, p["attn"], layer: layer)
    norm2 = LayerNorm(c.width, p["ln_2"], epsilon: c.normEpsilon)
    mlp = GPTMLP(c, p["mlp"])
  }

  /// [N, C] to [N, C].
  func callAsFunction(_ x: Tensor, _ input: Tokens, _ pass: Pass) -> Tensor {
    pass.probe?.record(layer, .input, x)
    switch arrangement {
    case .preNorm:
      let y = norm1(x)
      pass.probe?.record(layer, .norm, y)
      let h = attention(y, addedTo: x, input, pass)
      return mlp(norm2(h), addedTo: h, pass)
    case .postNorm:
      let h = norm1(attention(x, addedTo: x, input, pass))
      return norm2(mlp(h, addedTo: h, pass))
    case .slip:
      let h = attention(x, addedTo: nil, input, pass)
      let y = h + norm1(h)
      let z = mlp(y, addedTo: nil, pass)
      return z + norm2(z)
    }
  }
}

struct GPTAttention {
  let layer: Int
  let layout: HeadLayout
  let attentionDropout: Float
  let residualDropout: Float
  let project: Linear
  let output: Linear

  static func layout(_ c: GPTConfig) -> HeadLayout {
    HeadLayout(heads: c.heads, width: c.width / c.heads)
  }

  init(_ c: GPTConfig, _ p: Scope, layer: Int) {
    precondition(c.width % c.heads == 0, "width \(c.width) does not divide into \(c.heads) heads")
    (self.layer, layout) = (layer, Self.layout(c))
    (attentionDropout, residualDropout) = (c.attentionDropout, c.residualDropout)
    project = Linear(
      c.width, 3 * c.width, p["c_attn"], layout: .inputsFirst,
      deviation: c.initialDeviation, matrices: 3)
    output = Linear(
      c.width, c.width, p["c_proj"], layout: .inputsFirst, deviation: c.residualDeviation)
  }

  func callAsFunction(
    _ x: Tensor, addedTo residual: Tensor?, _ input: Tokens, _ pass: Pass
  ) -> Tensor {
    let heads = pass.attend(
      project(x), project.weight.form, layer: layer, layout, .causal, input,
      dropout: attentionDropout)  // [N, C]
    pass.probe?.record(layer, .joined, output(heads))
    let y = output(heads, addedTo: residual, dropout: residualDropout, pass)
    if residual != nil { pass.probe?.record(layer, .residual, y) }
    return y
  }
}

struct GPTMLP {
  let expand: Linear
  let contract: Linear
  let dropout: Float

  init(_ c: GPTConfig, _ p: Scope) {
    let inner = c.inner ?? 4 * c.width
    expand = Linear(
      c.width, inner, p["c_fc"], layout: .inputsFirst, deviation: c.initialDeviation)
    contract = Linear(
      inner, c.width, p["c_proj"], layout: .inputsFirst, deviation: c.residualDeviation)
    dropout = c.residualDropout
  }

  func callAsFunction(_ x: Tensor, addedTo residual: Tensor?, _ pass: Pass) -> Tensor {
    pass.adding(to: residual, dropout: dropout) {
      x.mlp(
        expand.weight, bias: expand.bias, contract.weight, bias: contract.bias, residual: $0)
    }
  }
}

extension GPTConfig {
  /// Layers that write into the residual stream start smaller, so that its variance does not grow
  /// with depth (Radford and others, 2019, §2.3).
  var residualDeviation: Float { initialDeviation / Float(2 * layers).squareRoot() }
}
