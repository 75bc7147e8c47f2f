import Files
import Models
import Random
import TestSupport
import Testing

@Suite struct BLTTests {
  /// A small BLT with patches of several lengths, and a window that texts outgrow.
  private static func model(
    window: Int? = 12, longest: Int? = nil, mode: String = "entropy", encoderLayers: Int = 1
  ) -> BLT {
    var c = BLTConfig()
    (c.hashSizes, c.hashRows, c.context, c.window) = ([3, 4, 5], 61, 2_100, window)
    (c.longestPatch, c.patchingMode, c.threshold) = (longest, mode, 4.6)
    func shape(_ stack: inout RotaryConfig, _ sizes: [Int]) {
      (stack.width, stack.layers, stack.heads) = (sizes[0], sizes[1], sizes[2])
      (stack.inner, stack.keyHeads) = (sizes[3], sizes[4])
    }
    shape(&c.patcher, [16, 2, 2, 24, 2])
    c.patcher.window = window
    shape(&c.encoder, [16, encoderLayers, 2, 28, 1])
    shape(&c.decoder, [16, 2, 2, 28, 2])
    shape(&c.latent, [24, 2, 2, 40, 2])
    let model = BLT(c)
    model.parameters.initialize(seed: 5)
    if let head = model.parameters["model.patcher.lm_head.weight"] {
      for i in 0..<head.count { head.storage.floats[i] *= 1.5 }
    }
    return model
  }

  private static func text(_ count: Int, _ name: String = "text") -> [Int32] {
    [1] + randomIds(count - 1, below: 12, name).map { $0 + 101 }
  }

  /// Read at once, in pieces and byte by byte: the same scores, and the latent transformer runs
  /// once a patch.
  @Test(arguments: [1, 2, 30, 511, 512, 513, 2_000]) func incrementalIsWhole(_ length: Int) throws {
    for model in [Self.model(window: 512), Self.model(longest: 3), Self.model(mode: "byte")] {
      let ids = Self.text(length)
      let full = model(Tokens([ids]), Pass()).values
      let patches = model.patchEnds(Tokens([ids])).count { $0 }
      for piece in [1, 7, 500] {
        let state = model.makeCache()
        var found: [Float] = []
        for start in stride(from: 0, to: length, by: piece) {
          let part = Array(ids[start..<min(start + piece, length)])
          found += model(Tokens([part]), Pass(cache: state)).values
        }
        #expect(state.count == length && distance(found, full) < 1e-5, "pieces of \(piece)")
        #expect((state as? BLTState)?.latent.count == patches)
      }
    }
  }

  /// A text's scores are those of every longer text.
  @Test(arguments: [1, 2, 3, 17, 511, 512, 513]) func prefixIsConsistent(_ length: Int) {
    let ids = Self.text(600)
    for model in [Self.model(window: 512), Self.model(longest: 2)] {
      let full = model(Tokens([ids]), Pass()).values
      let part = model(Tokens([Array(ids[..<length])]), Pass()).values
      #expect(distance(part, full[..<(length * 260)]) < 1e-5)
    }
  }

  /// Sequences of a batch are the sequences alone, whatever their patches.
  @Test func rowsDoNotLeak() throws {
    let model = Self.model()
    let rows = [40, 1, 2, 77, 13].map { Self.text($0, "row \($0)") }
    let batch = model(Tokens(rows), Pass()).values
    #expect(distance(batch, rows.flatMap { model(Tokens([$0]), Pass()).values }) < 1e-5)
    let patcher = try #require(model.patcher)
    let entropies = patcher.entropies(Tokens(rows), Pass())
    #expect(distance(entropies, rows.flatMap { patcher.entropies(Tokens([$0]), Pass()) }) < 1e-5)
  }

  /// Changing a byte changes nothing before it, and what is at it.
  @Test func isCausal() {
    let (model, ids) = (Self.model(), Self.text(50))
    let before = model(Tokens([ids]), Pass()).values
    for j in ids.indices.dropFirst() {
      var changed = ids
      changed[j] += 1
      let after = model(Tokens([changed]), Pass()).values
      // To rounding: where patches end elsewhere, sums have other lengths.
      #expect(distance(after[..<(j * 260)], before[..<(j * 260)]) < 1e-5, "\(j) is seen before")
      #expect(after[j * 260..<(j + 1) * 260] != before[j * 260..<(j + 1) * 260])
    }
  }

  /// Going back is never having gone on, open patches included.
  @Test(arguments: [nil, 3] as [Int?]) func truncatedIsFull(_ longest: Int?) {
    let model = Self.model(window: nil, longest: longest)
    let (ids, other) = (Self.text(60), Self.text(60, "other"))
    let state = model.makeCache()
    _ = model(Tokens([ids]), Pass(cache: state))
    for length in [59, 41, 40, 2, 1, 0] {
      state.truncate(to: length)
      let mixed = Array(ids[..<length] + other[length...])
      let full = model(Tokens([mixed]), Pass()).values
      let rest = model(Tokens([Array(mixed[length...])]), Pass(cache: state)).values
      #expect(distance(rest, full[(length * 260)...]) < 1e-5, "cut to \(length)")
      state.truncate(to: length)
    }
  }

  /// Every gradient is a slope: through pooling, slots and the doubled residual.
  @Test(arguments: [1, 2]) func gradientsAreSlopes(_ encoderLayers: Int) throws {
    let model = Self.model(encoderLayers: encoderLayers)
    let rows = [Self.text(23), Self.text(9, "second")]
    let (_, gradients) = lossAndGradients(model, rows, rows.map(shifted))
    func loss() -> Double {
      model(Tokens(rows), Pass()).crossEntropy(rows.flatMap(shifted)).losses.floats
        .reduce(0) { $0 + Double($1) }
    }
    for parameter in model.parameters.trainable {
      let gradient = try #require(gradients[parameter.name])
      let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(norm > 1e-4, "\(parameter.name): nothing reaches it")
      // Along the gradient, where the slope is its norm and rounding least in the way.
      let value = parameter.tensor.values
      func moved(_ h: Double) -> Double {
        for i in value.indices {
          parameter.storage.floats[i] = value[i] + Float(h * Double(gradient[i]) / norm)
        }
        return loss()
      }
      let h = 0.004
      let slope =
        (4 * (moved(h) - moved(-h)) / (2 * h) - (moved(2 * h) - moved(-2 * h)) / (4 * h)) / 3
      _ = moved(0)
      #expect(abs(slope - norm) < 0.01 * norm + 0.02, "\(parameter.name): \(slope), \(norm)")
    }
  }

  @Test func hashesAreThoseOfTheSpecification() {
    // Of BOS + "hello world"; the sums wrap, and are negative at times.
    let ids: [Int32] = [1, 108, 105, 112, 112, 115, 36, 123, 115, 118, 112, 104]
    let prime: Int64 = 1_000_000_007
    #expect(HashEmbedding.hash(ids, endingAt: 11, 3, prime) == -6_680_462_874_257_303_698)
    #expect(HashEmbedding.hash(ids, endingAt: 11, 4, prime) == 7_213_292_654_461_595_765)
    #expect(HashEmbedding.hash(ids, endingAt: 0, 3, prime) == Int64(1) &* prime &* prime)
  }
}

@Suite struct BLTConfigTests {
  private func shape(_ changes: [String: JSON]) throws(Failure) -> any ModelConfig {
    let config = JSON.object(["model_type": "blt"].merging(changes) { $1 })
    return try Catalogue.shape(config, from: "c.json", rule: .huggingFace)
  }

  /// What is written for transformers is read as the same shape, at the sizes of the released 1B.
  @Test func isWhatWasWritten() throws {
    let config = try #require(try shape([:]) as? BLTConfig)
    let written = config.huggingFace
    let again = try Catalogue.shape(written, from: "again", rule: .huggingFace)
    #expect((again as? BLTConfig)?.huggingFace == written)
    #expect(written["use_cache"] == .bool(false) && written["patching_threshold"]?.int == nil)
    #expect(written["encoder_config"]?["intermediate_size"] == 2_730)
  }

  /// The released 1B has 4.63 billion parameters, two thirds of them hash rows.
  @Test func countsParameters() throws {
    var config = BLTConfig()
    config.encoder.inner = 2_816
    #expect((config.parameterCount / 1e7).rounded() == 463)
    (config.hashRows, config.slots) = (50, 3)
    for part in [\BLTConfig.encoder, \.decoder, \.latent, \.patcher] {
      config[keyPath: part].width = part == \.latent ? 64 : 32
      config[keyPath: part].layers = 2
      config[keyPath: part].heads = 4
      config[keyPath: part].keyHeads = 2
      config[keyPath: part].inner = 40
    }
    #expect(BLT(config).parameters.count == Int(config.parameterCount))
    let patcher = EntropyModel(config.patcher)
    #expect(patcher.parameters.count == Int(config.patcher.parameterCount))
  }

  /// Older spellings count; what the forward pass does not depend on is passed over.
  @Test func readsLegacyKeys() throws {
    let patcher: JSON = [
      "rope_theta": .double(777), "rope_scaling": .null, "norm_eps": .double(0.5),
      "num_key_value_heads": .null, "sliding_window": .null,
    ]
    let config = try shape([
      "patcher_config": patcher, "monotonicity": .bool(true), "pm_size": 3, "attn_impl": "xformers",
      "local_attention_window_len": .null, "max_patch_length": .null,
      "encoder_hash_byte_group_size": .null,
    ])
    let blt = try #require(config as? BLTConfig)
    #expect(blt.patcher.base == 777 && blt.patcher.normEpsilon == 1e-5)
    #expect(blt.patcher.window == nil && blt.window == nil && blt.hashSizes == [3, 4, 5, 6, 7, 8])
    #expect(blt.patching.rule == .global)
    let none = try #require(try shape(["patch_in_forward": .bool(false)]) as? BLTConfig)
    #expect(none.patching.rule == .byte)
  }

  @Test(
    arguments: [
      (["cross_attn_k": 4], "encoder_config: cross_attn_k is 2, only 4"),
      (["encoder_config": ["cross_attn_k": 3]], "encoder_config: cross_attn_k is 3, only 2"),
      (["decoder_config": ["hidden_size_global": 64]], "hidden_size_global is 64, only 2048"),
      (["decoder_config": ["hidden_size": 512]], "decoder_config.hidden_size 512"),
      (["patcher_config": ["hidden_act": "relu"]], "patcher_config: hidden_act is \"relu\""),
      (["patcher_config": ["rope_parameters": ["rope_type": "yarn"]]], "rope_type"),
      (["patcher_config": ["num_attention_heads": 7]], "7 heads"),
      (["global_config": ["num_key_value_heads": 5]], "num_key_value_heads 5"),
      (["tie_word_embeddings": .bool(true)], "tie_word_embeddings is true"),
      (["patching_threshold": .double(-1)], "patching_threshold is -1"),
      (["patching_threshold": "high"], "patching_threshold: \"high\" is not a number"),
      (["max_patch_length": 0], "max_patch_length is 0"),
      (["vocab_size": 300], "encoder_config.vocab_size is 260, the model's is 300"),
      (["encoder_hash_byte_group_size": .array([])], "encoder_hash_byte_group_size is empty"),
      (["encoder_hash_byte_group_vocab": 60_000_000], "GB"),
    ] as [([String: JSON], String)])
  func refuses(_ changes: [String: JSON], _ part: String) {
    let changes = ["encoder_config": [:]].merging(changes) { $1 }
    let text = message { _ = try shape(changes) }
    #expect(text.contains(part) && text.contains("c.json"), "\(text)")
  }
}

private func makeEntropyModel(window: Int?) -> EntropyModel {
  var c = RotaryConfig()
  (c.width, c.layers, c.heads, c.inner, c.window) = (16, 3, 2, 24, window)
  let model = EntropyModel(c)
  model.parameters.initialize(seed: 2)
  return model
}

@Suite struct EntropyTests {
  /// In chunks, on any number of lanes, whatever the pieces: the bits of one another, and of the
  /// whole text to rounding.
  @Test(arguments: [1, 2, 3, 5]) func streamIsWhole(_ lanes: Int) {
    let ids = randomIds(2_700, below: 256, "stream").map { $0 + 4 }
    for window in [40, 512, nil] as [Int?] {
      let model = makeEntropyModel(window: window)
      let whole = model.entropies(Tokens([ids]), Pass())
      let one = EntropyStream(model, lanes: Lanes(1))
      let single = one.push(ids) + one.finish()
      #expect(distance(single, whole) < 1e-5)
      let stream = EntropyStream(model, lanes: Lanes(lanes))
      var found: [Float] = []
      for piece in [0..<1, 1..<900, 900..<900, 900..<2_600, 2_600..<2_700] {
        found += stream.push(ids[piece])
      }
      #expect(found + stream.finish() == single)
    }
  }

  /// Far behind the context positions go on, and the memory that is held does not.
  @Test func streamIsBounded() async {
    // In a process of its own, where no other test takes memory.
    await #expect(processExitsWith: .success) {
      let model = makeEntropyModel(window: 64)
      let stream = EntropyStream(model, lanes: Lanes(2))
      let ids = [Int32](repeating: 104, count: 4_096)
      _ = stream.push(ids)
      let before = Pool.statistics.bytes
      for _ in 0..<8 {
        #expect(stream.push(ids).allSatisfy { $0 >= 0 && $0 < 5.6 })
      }
      #expect(Pool.statistics.bytes == before)
    }
  }

  /// Scores that are far apart, equal or alone have the entropies that they should.
  @Test func extremes() {
    let even = Tensor([1, 260], [Float](repeating: 3e38, count: 260))
    #expect(abs(EntropyModel.entropies(even)[0] - 5.560_682) < 1e-5)
    var sure = [Float](repeating: -3e38, count: 260)
    sure[7] = 3e38
    #expect(EntropyModel.entropies(Tensor([1, 260], sure)) == [0])
  }
}
