// The Byte Latent Transformer (Pagnoni and others, 2024), whole in this file: bytes with hash
// n-gram embeddings, a local encoder that pools them into patches, a latent transformer that runs
// once a patch, and a local decoder from patches back to bytes.
//
// Byte i is decoded from the latest patch that is complete at i. So nothing needs a mask: patches
// are ranges of rows, and the same code reads a whole text, a batch, or one more byte.
//
// N bytes of all sequences, P complete patches, k slots a patch, E local and G latent width.

import Files

public struct BLT: LanguageModel {
  public let config: BLTConfig
  public let parameters = ParameterStore()
  /// Decides where patches end; training leaves it as it is.
  public let patcher: EntropyModel?
  let bytes: Embedding
  let hashes: HashEmbedding
  let encoder: LocalEncoder
  let latentInput: Linear?
  let latent: [RotaryBlock]
  let decoder: LocalDecoder
  let head: Linear

  /// Declares the parameters; initialise or load them before use.
  public init(_ c: BLTConfig) {
    config = c
    let all = Scope(parameters, isTruncated: true)
    let p = all["model"]
    let (e, g) = (c.encoder.width, c.latent.width)
    bytes = Embedding(
      c.encoder.vocabulary, e, p["local_encoder"]["embed_tokens"], deviation: deviation(of: e))
    hashes = HashEmbedding(c, p["encoder_hash_tok_embedding"])
    encoder = LocalEncoder(c, p["local_encoder"])
    let q = p["global_transformer"]
    latentInput =
      c.slots * e == g ? nil : Linear(rotary: c.slots * e, g, q["token_embedding_projection"])
    latent = (0..<c.latent.layers).map {
      RotaryBlock(c.latent.with(window: nil), q["layers"][$0], layer: $0)
    }
    decoder = LocalDecoder(c, p["local_decoder"])
    head = Linear(rotary: e, c.vocabulary, all["lm_head"], matrices: 0)
    let frozen = Scope(parameters, path: "model.patcher", isFrozen: true, isTruncated: true)
    patcher = c.hasPatcher ? EntropyModel(c.patcher, frozen, of: parameters) : nil
  }

  public var context: Int { config.context }
  public var vocabulary: Int { config.vocabulary }
  /// The decoder's: those whose attention a view can open.
  public var layers: Int { config.decoder.layers }
  public var headLayout: HeadLayout { config.decoder.layout }
  public var configuration: JSON { config.huggingFace }

  public func logits(_ hidden: Tensor) -> Tensor { head(hidden) }
  public func makeCache() -> any DecodingState { BLTState(config) }
  /// The rows of the hash table for position `i`, functions outside and sizes inside.
  package func hashPlaces(_ ids: [Int32], at i: Int) -> [Int] {
    hashes.places(Array(ids[...i]), from: i).map { Int($0) % config.hashRows }
  }

  public func hidden(_ input: Tokens, _ pass: Pass) -> Tensor {
    guard let state = pass.state as? BLTState else {
      return hidden(input, ends: patchEnds(input), pass)
    }
    let ends = state.read(input.ids, entropies(input, Pass(cache: state.patcher)))
    return hidden(input, ends, pass, state)
  }

  /// Gives the model the weights of an entropy model that was trained by itself.
  ///
  /// - Precondition: it has the shape of the model's own.
  public func take(patcher other: EntropyModel) {
    for parameter in other.parameters.parameters {
      guard let own = parameters["model.patcher." + parameter.name], own.shape == parameter.shape
      else { preconditionFailure("\(parameter.name) is of another entropy model") }
      _ = own.storage.floats.update(fromContentsOf: parameter.storage.floats)
    }
  }

  /// Its entropy model as a model by itself; nil where it has none.
  public var patcherAlone: EntropyModel? {
    guard patcher != nil else { return nil }
    let alone = EntropyModel(config.patcher)
    for parameter in alone.parameters.parameters {
      if let own = parameters["model.patcher." + parameter.name] {
        _ = parameter.storage.floats.update(fromContentsOf: own.storage.floats)
      }
    }
    return alone
  }

  /// For every byte whether a patch ends with it, as the model itself decides.
  public func patchEnds(_ input: Tokens) -> [Bool] {
    let entropies = entropies(input, Pass())
    return input.sequences.flatMap {
      config.patching.ends(ids: Array(input.ids[$0]), entropies: Array(entropies[$0]))
    }
  }

  /// What the patcher does not know behind each byte; zeros where patches do not depend on it.
  private func entropies(_ input: Tokens, _ pass: Pass) -> [Float] {
    guard config.patching.needsEntropies, let patcher else {
      return [Float](repeating: 0, count: input.count)
    }
    return patcher.entropies(input, pass)
  }

  /// The same with patches that are given: for every byte whether one ends with it.
  ///
  /// - Precondition: one ends with the first byte of every sequence, for there is nothing else to
  ///   decode the second from.
  public func hidden(_ input: Tokens, ends: [Bool], _ pass: Pass) -> Tensor {
    precondition(
      ends.count == input.count && input.sequences.allSatisfy { $0.isEmpty || ends[$0.lowerBound] },
      "the first byte of a sequence is a patch")
    precondition(pass.state == nil, "a state decides where patches end by itself")
    return hidden(input, ends, pass, nil)
  }

  private func hidden(
    _ input: Tokens, _ ends: [Bool], _ pass: Pass, _ state: BLTState?
  ) -> Tensor {
    let embedded = bytes(input.ids, pass) + hashes(input, state, pass)
    pass.probe?.record("bytes", embedded)
    let x = encoder(embedded, input, Pass(tape: pass.tape, cache: state?.encoder))  // [N, E]
    pass.probe?.record("encoder", x)
    let patches = Patches(input, ends: ends, waiting: state?.waiting ?? 0)
    // Bytes of the open patch that earlier passes have read stand before the new ones.
    let open = state?.keep(x) ?? x
    var slots: Tensor?
    if !patches.ranges.isEmpty {
      let patch = encoder.pool(open, patches.ranges, pass.probe)  // [P, k · E]
      let deep = Pass(tape: pass.tape, cache: state?.latent)
      let o = latent.reduce(latentInput?(patch) ?? patch) { $1($0, patches.tokens, deep) }
      pass.probe?.record("latent", o)
      slots = decoder.slots(o)  // [P · k, E]
    }
    defer { state?.finish(slots) }
    return decoder(x, slots, patches, input, state, pass)
  }
}

/// Where the complete patches of a batch lie, and which of them each byte is decoded from.
struct Patches {
  /// Rows of bytes, those that waited from before among them.
  private(set) var ranges: [Range<Int>] = []
  /// For every byte the latest complete patch; -1 is one of an earlier pass.
  private(set) var latest: [Int32] = []
  /// One token a patch: the latent transformer's sequences.
  let tokens: Tokens

  init(_ input: Tokens, ends: [Bool], waiting: Int) {
    var counts: [Int] = []
    for sequence in input.sequences {
      var start = sequence.lowerBound
      let before = ranges.count
      for row in sequence {
        if ends[row] {
          ranges.append(start..<row + 1 + waiting)
          start = row + 1 + waiting
        }
        latest.append(Int32(ranges.count - 1))
      }
      counts.append(ranges.count - before)
    }
    tokens = Tokens(counts.map { [Int32](repeating: 0, count: $0) })
  }
}

/// One row for the n bytes that end at each position, found by hash; sizes and functions summed.
package struct HashEmbedding {
  static let primes: [Int64] = [
    1_000_000_007, 5_915_587_277, 1_500_450_271, 3_267_000_013, 5_754_853_343, 4_093_082_899,
    9_576_890_767, 3_628_273_133, 2_860_486_313, 5_463_458_053, 3_367_900_313,
  ]
  let table: Embedding
  let sizes: [Int]
  let functions: Int
  let rows: Int

  init(_ c: BLTConfig, _ p: Scope) {
    (sizes, functions, rows) = (c.hashSizes, c.hashFunctions, c.hashRows)
    table = Embedding(
      rows * functions * sizes.count, c.encoder.width, p, deviation: deviation(of: c.encoder.width))
  }

  func callAsFunction(_ input: Tokens, _ state: BLTState?, _ pass: Pass) -> Tensor {
    let rows =
      state.map { places($0.ids, from: $0.count - input.count) }
      ?? input.sequences.flatMap { places(Array(input.ids[$0]), from: 0) }
    return table(rows, summing: sizes.count * functions, pass)
  }

  /// The rows of the table for each position of `ids` from a first one on.
  func places(_ ids: [Int32], from first: Int) -> [Int32] {
    var places: [Int32] = []
    for i in first..<ids.count {
      for function in 0..<functions {
        for (index, size) in sizes.enumerated() {
          let hash = Self.hash(ids, endingAt: i, size, Self.primes[function % Self.primes.count])
          let remainder = Int(hash % Int64(rows))
          let place = remainder < 0 ? remainder + rows : remainder
          places.append(Int32((function * sizes.count + index) * rows + place))
        }
      }
    }
    return places
  }

  /// Σ id_j · prime^j, the oldest id first and none being 0, in 64 bits that wrap.
  package static func hash(_ ids: [Int32], endingAt i: Int, _ size: Int, _ prime: Int64) -> Int64 {
    var (hash, power): (Int64, Int64) = (0, 1)
    for place in i - size + 1...i {
      if place >= 0 { hash &+= Int64(ids[place]) &* power }
      power &*= prime
    }
    return hash
  }
}

/// Attention of the rows of one side to ranges of rows of the other, without positions.
struct CrossAttention {
  let layout: HeadLayout
  let queryNorm, keyNorm: RMSNorm
  let queries, keys, values, output: Linear

  init(_ c: RotaryConfig, _ p: Scope) {
    layout = c.layout
    let (inside, outside) = (layout.heads * layout.width, layout.keyHeads * layout.width)
    queryNorm = RMSNorm(c.width, p["q_norm"], epsilon: c.normEpsilon)
    keyNorm = RMSNorm(c.width, p["k_norm"], epsilon: c.normEpsilon)
    queries = Linear(rotary: c.width, inside, p["q_proj"])
    keys = Linear(rotary: c.width, outside, p["k_proj"])
    values = Linear(rotary: c.width, outside, p["v_proj"])
    output = Linear(rotary: inside, c.width, p["o_proj"])
  }

  /// Keys and values of rows, [K, C] to [K, k | v].
  func keyValues(_ y: Tensor) -> Tensor {
    keyNorm(y).linear(sideBySide: [keys.weight, values.weight])
  }

  /// 2 x + attention: the module adds its input, and whoever calls it does once more.
  func callAsFunction(
    _ x: Tensor, _ keyValues: Tensor, _ ranges: KeyRanges, _ probe: Probe?, _ name: String
  ) -> Tensor {
    let q = queries(queryNorm(x))
    probe?.record(name + ".queries", q)
    probe?.record(name + ".keys", keyValues)
    let heads = q.attention(to: keyValues, layout, ranges, form: queries.weight.form)
    return output(heads, residual: x) + x
  }
}

struct LocalEncoder {
  let slots: Int
  let blocks: [RotaryBlock]
  let project: Linear
  let cross: CrossAttention

  init(_ c: BLTConfig, _ p: Scope) {
    let e = c.encoder.with(window: c.window)
    slots = c.slots
    blocks = (0..<e.layers).map { RotaryBlock(e, p["layers"][$0], layer: $0) }
    project = Linear(rotary: e.width, c.slots * e.width, p["patch_embedding_projection"])
    // With one at every layer transformers pools anew at each, so that only the last has an effect;
    // the others are declared because they are in the file.
    let crosses = (0..<(e.crossesAllLayers ? e.layers : 1)).map {
      CrossAttention(e, p["cross_attn_layers"][$0])
    }
    cross = crosses[crosses.count - 1]
  }

  /// Byte states, [N, E].
  func callAsFunction(_ x: Tensor, _ input: Tokens, _ pass: Pass) -> Tensor {
    blocks.reduce(x) { $1($0, input, pass) }
  }

  /// Patches [P, k · E] of ranges of byte states: their largest numbers ask, their bytes answer.
  func pool(_ x: Tensor, _ ranges: [Range<Int>], _ probe: Probe?) -> Tensor {
    let (p, e) = (ranges.count, x.columns)
    let q = project(x.largest(in: ranges)).reshaped([p * slots, e])
    let seen = ranges.flatMap { [Range<Int>](repeating: $0, count: slots) }
    let keys = KeyRanges(
      first: seen.map { Int32($0.lowerBound) }, last: seen.map { Int32($0.upperBound) },
      keys: x.rows)
    let patch = cross(q, cross.keyValues(x), keys, probe, "pooling").reshaped([p, slots * e])
    probe?.record("patches", patch)
    return patch
  }
}

struct LocalDecoder {
  let slotCount: Int
  let blocks: [RotaryBlock]
  let project: Linear
  let crosses: [CrossAttention]
  let norm: RMSNorm

  init(_ c: BLTConfig, _ p: Scope) {
    let d = c.decoder.with(window: c.window)
    slotCount = c.slots
    blocks = (0..<d.layers).map { RotaryBlock(d, p["layers"][$0], layer: $0) }
    project = Linear(rotary: c.latent.width, c.slots * d.width, p["patch_embedding_projection"])
    crosses = (0..<(d.crossesAllLayers ? d.layers : 1)).map {
      CrossAttention(d, p["cross_attn_layers"][$0])
    }
    norm = RMSNorm(d.width, p["norm"], epsilon: d.normEpsilon)
  }

  /// Latents [P, G] to the rows that bytes look at, [P · k, E].
  func slots(_ latents: Tensor) -> Tensor {
    project(latents).reshaped([latents.rows * slotCount, project.weight.shape[0] / slotCount])
  }

  /// Byte states and the slots of the new patches to last hidden states, [N, E].
  func callAsFunction(
    _ x: Tensor, _ slots: Tensor?, _ patches: Patches, _ input: Tokens, _ state: BLTState?,
    _ pass: Pass
  ) -> Tensor {
    // The slots of the last patch of earlier passes come first.
    let before = state?.hasPatches ?? false ? 1 : 0
    let first = patches.latest.map { ($0 + Int32(before)) * Int32(slotCount) }
    let ranges = KeyRanges(
      first: first, last: first.map { $0 + Int32(slotCount) },
      keys: (patches.ranges.count + before) * slotCount)
    let local = Pass(
      tape: pass.tape, cache: state?.decoder, probe: pass.probe, edits: pass.edits)
    var x = x
    for (i, block) in blocks.enumerated() {
      if i < crosses.count {
        let keyValues =
          state?.keyValues(i, crosses[i], adding: slots) ?? crosses[i].keyValues(slots ?? x)
        x = crosses[i](x, keyValues, ranges, pass.probe, "decoder.\(i)")
      }
      x = block(x, input, local)
    }
    return norm(x)
  }
}
