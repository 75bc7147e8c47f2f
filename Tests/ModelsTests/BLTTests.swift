import Files
import Models
import Random
import TestSupport
import Testing

@Suite struct BLTTests {
  private static func text(_ count: Int, _ name: String = "text") -> [Int32] {
    [1] + randomIds(count - 1, below: 12, name).map { $0 + 101 }
  }

  /// Going back is never having gone on, open patches included.
  @Test(arguments: [nil, 3] as [Int?]) func truncatedIsFull(_ longest: Int?) {
    let model = makeBLT(window: nil, longest: longest)
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
    let model = makeBLT(encoderLayers: encoderLayers)
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

  /// In bf16 too what comes out depends neither on lanes nor on pieces nor on other texts.
  @Test func bf16DependsOnTheTextAlone() {
    let texts = [2_700, 1, 3, 600].map { n in randomIds(n, below: 256, "\(n)").map { $0 + 4 } }
    let model = makeEntropyModel(window: 512)
    let exact = model.entropies(of: texts, lanes: Lanes(1))
    model.parameters.use(.bf16)
    model.parameters.repack(Lanes(1))
    let found = model.entropies(of: texts, lanes: Lanes(1))
    #expect(model.entropies(of: texts.reversed(), lanes: Lanes(3)) == found.reversed())
    let difference = distance(found.flatMap { $0 }, exact.flatMap { $0 })
    #expect(difference > 1e-5 && difference < 0.05, "\(difference)")
    let one = EntropyStream(model, lanes: Lanes(1))
    let single = one.push(texts[0]) + one.finish()
    #expect(distance(single, exact[0]) < 0.05)
    for lanes in [2, 5] {
      let stream = EntropyStream(model, lanes: Lanes(lanes))
      var parts: [Float] = []
      for piece in [0..<1, 1..<900, 900..<2_700] { parts += stream.push(texts[0][piece]) }
      #expect(parts + stream.finish() == single)
    }
  }

  /// Weights begin within three deviations of 0, and fill what lies between.
  @Test func weightsBeginWithinThreeDeviations() throws {
    let model = makeBLT()
    for (name, inputs) in [("model.encoder_hash_tok_embedding", 16), ("lm_head", 16)] {
      let weight = try #require(model.parameters[name + ".weight"])
      let deviation = 1 / Float(inputs).squareRoot()
      let largest = weight.storage.floats.map(abs).max() ?? 0
      #expect(largest <= 3 * deviation && largest > 2.8 * deviation, "\(name): \(largest)")
      let squares = weight.storage.floats.reduce(0) { $0 + Double($1) * Double($1) }
      let spread = (squares / Double(weight.count)).squareRoot() / Double(deviation)
      #expect(abs(spread - 0.9866) < 0.05, "\(name): \(spread)")
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
    #expect(abs(even.entropies()[0] - 5.560_682) < 1e-5)
    var sure = [Float](repeating: -3e38, count: 260)
    sure[7] = 3e38
    #expect(Tensor([1, 260], sure).entropies() == [0])
  }
}
