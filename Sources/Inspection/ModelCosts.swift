// The parts of a model as a tree, from the names of its weights, and what each costs.

import Models

/// The parts of a model: how many numbers each has, and what it costs to read one token.
///
/// Counted are the floating-point operations (FLOP) for the last token of a prompt, the others
/// being in the key/value cache, and for the scores of the one after it. A multiplication and an
/// addition are two. A matrix is used once, 2 · in · out. Every head multiplies a query with the
/// keys of all tokens, and its weights with all values: 2 · 2 · width · tokens. The token table
/// counts where it is also the output layer. Not counted are look-ups in tables, biases, norms,
/// activations and the softmax. With a window a token reads no more keys than that. Of a BLT what
/// runs once a patch counts for a byte by its share, patches / tokens.
public struct ModelCosts: Sendable, Equatable {
  /// A weight, or a group of parts.
  public struct Part: Sendable, Equatable {
    /// Its own name, and with the names of the groups that it is in but the whole model.
    public let name, path: String
    /// How many groups it is in, and the innermost one.
    public let depth: Int
    public let parent: Int?
    /// The name of the weight and its shape, outermost axis first; nil for a group.
    public let weight: String?, shape: [Int]?
    /// Numbers, those of the parts within included.
    public internal(set) var parameters = 0
    /// Operations a token, those of the parts within included.
    public internal(set) var flops = 0
    /// Operations that belong to no weight: queries times keys, weights times values.
    public internal(set) var attention = 0

    public var isGroup: Bool { weight == nil }
  }

  /// Every group before what is in it, else in the model's order; the first is the whole model.
  public private(set) var parts: [Part]
  /// Whether parts count together by the stack that they are in, not by their place in a layer.
  private let isInStacks: Bool

  /// The parts of a model whose weights have these names, `transformer.h.0.attn.c_attn.weight`.
  ///
  /// `blt` is the shape of one, and how many patches the tokens are.
  public init(
    _ weights: [(name: String, shape: [Int])], layout: HeadLayout, vocabulary: Int, context: Int,
    tokens: Int, window: Int? = nil, blt: (config: BLTConfig, patches: Int)? = nil
  ) {
    let uses = blt.map { BLTUses(config: $0.config, tokens: tokens, patches: $0.patches) }
    isInStacks = uses != nil
    var tree = Tree()
    for weight in weights {
      // Most of a BLT is named `model`, as the whole is here.
      let path = weight.name.split(separator: ".")
      tree.add(blt != nil && path[0] == "model" ? path.dropFirst() : path[...], weight)
    }
    // What all names begin with is the name of the whole.
    var root = tree
    while root.children.count == 1, root.children[0].weight == nil { root = root.children[0] }
    if root.name.isEmpty { root.name = "model" }
    parts = []
    append(root, path: "", parent: nil)

    let hasOutput = weights.contains { $0.name.contains("lm_head") }
    var isTokenTable = true
    for (i, part) in parts.enumerated() {
      guard let shape = part.shape else {
        let isLayer = part.parent.map { Int(parts[$0].name) != nil } ?? false
        if let uses {
          parts[i].attention = uses.attention(part.path)
        } else if isLayer, part.name.contains("attn") || part.name.contains("attention") {
          parts[i].attention = 4 * layout.heads * layout.width * min(tokens, window ?? .max)
        }
        add(parts[i].attention, 0, to: i)
        continue
      }
      let count = shape.reduce(1, *)
      var flops = shape.count == 2 ? 2 * count : 0
      let isTable = !part.path.split(separator: ".").contains { Int($0) != nil }
      if isTable, shape.count == 2, !part.path.contains("lm_head") {
        if isTokenTable, shape[0] == vocabulary {
          (isTokenTable, flops) = (false, hasOutput ? 0 : flops)
        } else if shape[0] == context {
          flops = 0
        }
      }
      if let uses, shape.count == 2 {
        flops = Int((2 * Double(count) * uses.uses(part.path)).rounded())
      }
      add(flops, count, to: i)
    }
  }

  /// A group or a weight while the names are read.
  private struct Tree {
    var name = ""
    var weight: (name: String, shape: [Int])?
    var children: [Tree] = []

    mutating func add(_ path: ArraySlice<Substring>, _ weight: (name: String, shape: [Int])) {
      guard let first = path.first else {
        self.weight = weight
        return
      }
      let known = children.firstIndex { $0.name == first }
      if known == nil { children.append(Tree(name: String(first))) }
      children[known ?? children.count - 1].add(path.dropFirst(), weight)
    }
  }

  private mutating func append(_ tree: Tree, path: String, parent: Int?) {
    let here = parts.count
    let depth = parent.map { parts[$0].depth + 1 } ?? 0
    parts.append(
      Part(
        name: tree.name, path: path, depth: depth, parent: parent, weight: tree.weight?.name,
        shape: tree.weight?.shape))
    for child in tree.children {
      append(child, path: path.isEmpty ? child.name : path + "." + child.name, parent: here)
    }
  }

  /// Adds to a part and to all groups around it.
  private mutating func add(_ flops: Int, _ parameters: Int, to part: Int) {
    var next: Int? = part
    while let i = next {
      parts[i].flops += flops
      parts[i].parameters += parameters
      next = parts[i].parent
    }
  }

  // MARK: - The same part of all layers

  /// A kind of part: what the layers have in common counts together.
  public struct Kind: Sendable, Equatable {
    /// The path from the layer on, which is `*`.
    public let name: String
    public internal(set) var parameters = 0
    public internal(set) var flops = 0
  }

  /// The kinds in the order of the model: a weight with its bias, and the attention itself; of a
  /// BLT its stacks, and the attention of all.
  public var kinds: [Kind] {
    var kinds: [Kind] = []
    func add(_ path: [Substring], _ suffix: String, _ parameters: Int, _ flops: Int) {
      let layer = path.lastIndex { Int($0) != nil }
      var name =
        (layer.map { ["*"] + path[($0 + 1)...] } ?? path).joined(separator: ".") + suffix
      if isInStacks {
        name = suffix.isEmpty ? String(path.first ?? "") : "all" + suffix
      }
      let known = kinds.firstIndex { $0.name == name }
      if known == nil { kinds.append(Kind(name: name)) }
      kinds[known ?? kinds.count - 1].parameters += parameters
      kinds[known ?? kinds.count - 1].flops += flops
    }
    for part in parts {
      let path = part.path.split(separator: ".")
      if part.attention > 0 { add(path, " q.k w.v", 0, part.attention) }
      guard !part.isGroup else { continue }
      add(path.count > 1 ? path.dropLast() : path, "", part.parameters, part.flops)
    }
    return kinds
  }
}

/// How often a weight of a BLT is used for one byte.
private struct BLTUses {
  let config: BLTConfig
  let tokens, patches: Int
  private var share: Double { Double(patches) / Double(max(1, tokens)) }
  /// The rows that stand for patches, for a byte.
  private var slots: Double { share * Double(config.slots) }

  func uses(_ path: String) -> Double {
    func isIn(_ name: String) -> Bool { path.contains(name + ".") }
    if isIn("embed_tokens") || isIn("encoder_hash_tok_embedding") { return 0 }
    if isIn("global_transformer") || isIn("patch_embedding_projection") { return share }
    guard isIn("cross_attn_layers") else { return 1 }
    // Slots ask the bytes in the encoder; in the decoder bytes ask the slots.
    let asks = isIn("q_proj") || isIn("o_proj")
    guard isIn("local_encoder") else { return asks ? 1 : slots }
    return !isIn("cross_attn_layers.\(lastCross)") ? 0 : asks ? slots : 1
  }

  /// Of those in the encoder only the last has an effect.
  private var lastCross: Int { config.encoder.crossesAllLayers ? config.encoder.layers - 1 : 0 }

  /// Queries times keys and weights times values of a group, if it is an attention.
  func attention(_ path: String) -> Int {
    let parts = path.split(separator: ".")
    func cost(_ stack: RotaryConfig, _ keys: Double) -> Int {
      Int((4 * Double(stack.layout.heads * stack.layout.width) * keys).rounded())
    }
    guard parts.last == "self_attn" else {
      let isCross = parts.dropLast().last == "cross_attn_layers"
      let isDead = parts.contains("local_encoder") && parts.last != "\(lastCross)"
      guard isCross, !isDead else { return 0 }
      // Every byte is read by k slots, and every byte reads k.
      let isEncoder = parts.contains("local_encoder")
      return cost(isEncoder ? config.encoder : config.decoder, Double(config.slots))
    }
    if parts.contains("global_transformer") {
      return cost(config.latent, share * Double(patches))
    }
    let (stack, window) =
      parts.contains("patcher")
      ? (config.patcher, config.patcher.window)
      : (parts.contains("local_encoder") ? config.encoder : config.decoder, config.window)
    return cost(stack, Double(min(tokens, window ?? .max)))
  }
}
