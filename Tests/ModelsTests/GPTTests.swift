import Files
import Generation
import Models
import Testing

@Suite struct GPTTests {
  /// Changing token j changes nothing before it, and something at and behind it.
  @Test(arguments: Arrangement.allCases) func isCausal(_ kind: Arrangement) {
    let model = makeModel(kind)
    let row = randomIds(12, below: 19, "causal")
    let before = model(Tokens([row]), Pass()).values
    for j in row.indices {
      var changed = row
      changed[j] = (row[j] + 1) % 19
      let after = model(Tokens([changed]), Pass()).values
      #expect(before[..<(j * 19)] == after[..<(j * 19)], "token \(j) is seen from before")
      for i in j..<12 {
        #expect(before[i * 19..<(i + 1) * 19] != after[i * 19..<(i + 1) * 19], "\(i) misses \(j)")
      }
    }
  }

  /// Sequences filled up with tokens that are not scored are the sequences alone.
  @Test(arguments: Arrangement.allCases) func paddingChangesNothing(_ kind: Arrangement) {
    let model = makeModel(kind)
    let rows = [7, 12, 1, 4].map { randomIds($0, below: 19, "row \($0)") }
    let padded = rows.map { $0 + [Int32](repeating: 5, count: 12 - $0.count) }
    let targets = rows.map(shifted)
    let paddedTargets = targets.map { $0 + [Int32](repeating: -1, count: 12 - $0.count) }
    let jagged = lossAndGradients(model, rows, targets)
    let full = lossAndGradients(model, padded, paddedTargets)
    #expect(abs(jagged.sum - full.sum) < 1e-5 * full.sum && full.sum > 1)
    for (name, gradient) in jagged.gradients {
      let scale = gradient.reduce(0) { max($0, abs($1)) }
      let error = distance(
        gradient.map { $0 / scale }, (full.gradients[name] ?? []).map { $0 / scale })
      #expect(error < 1e-4 || scale < 1e-4, "\(name): \(error)")
    }
  }

  /// Through the cache in pieces of any length, the scores are those of one pass.
  @Test(arguments: Arrangement.allCases) func cachedIsFull(_ kind: Arrangement) {
    let model = makeModel(kind, context: 90)
    let row = randomIds(90, below: 19, "cached")
    let full = model(Tokens([row]), Pass()).values
    for pieces in [[1, 1, 1, 1], [5, 1, 3, 2, 60, 1], [64, 6, 1], [2, 70], [89, 1], [90]] {
      let cache = model.makeCache()
      var (start, found): (Int, [Float]) = (0, [])
      for count in pieces {
        found += model(Tokens([Array(row[start..<start + count])]), Pass(cache: cache)).values
        start += count
        #expect(cache.count == start)
      }
      let error = distance(found, full[..<(start * 19)])
      #expect(error < 1e-5, "pieces of \(pieces): \(error)")
      cache.truncate(to: 0)
      #expect(distance(model(Tokens([[row[0]]]), Pass(cache: cache)).values, full[..<19]) < 1e-5)
    }
  }

  /// What a cut cache goes on with is what it would have been without the part cut off.
  @Test(arguments: Arrangement.allCases) func truncatedIsFull(_ kind: Arrangement) {
    let model = makeModel(kind, context: 30)
    let (row, other) = (randomIds(30, below: 19, "cut"), randomIds(30, below: 19, "other"))
    let cache = model.makeCache()
    _ = model(Tokens([row]), Pass(cache: cache))
    for length in [29, 17, 17, 1, 0] {
      cache.truncate(to: length)
      #expect(cache.count == length)
      let mixed = Array(row[..<length] + other[length...])
      let full = model(Tokens([mixed]), Pass()).values
      let rest = model(Tokens([Array(mixed[length...])]), Pass(cache: cache)).values
      #expect(distance(rest, full[(length * 19)...]) < 1e-5, "cut to \(length)")
      #expect(cache.count == 30)
      cache.truncate(to: length)
    }
  }

  /// Past the context the generator keeps the last half: its scores are those of a pass over it.
  @Test(arguments: Arrangement.allCases, [1, 2, 9, 11, 12, 13, 30])
  func generatorIsFull(_ kind: Arrangement, _ prompt: Int) throws {
    let model = makeModel(kind)
    let settings = try SamplerSettings(temperature: 1)
    for steps in 0..<30 {
      var generator = try Generator(
        model, prompt: randomIds(prompt, below: 19, "prompt"), settings: settings, seed: 3)
      var (start, refills) = (0, 0)
      for _ in 0..<steps {
        if generator.ids.count - start > 12 {
          (start, refills) = (generator.ids.count - 6, refills + 1)
        }
        let id = try generator.next()
        #expect(generator.ids.last == id && id >= 0 && id < 19)
        #expect(generator.refilled == (start == generator.ids.count - 7 && refills > 0))
      }
      if generator.ids.count - start > 12 { start = generator.ids.count - 6 }
      let kept = Array(generator.ids[start...])
      let full = model(Tokens([kept]), Pass()).values
      let error = distance(try generator.scores(), full.suffix(19))
      #expect(error < 1e-5, "\(kept.count) tokens after \(steps) steps: \(error)")
    }
  }

  @Test func generatorRefusesIds() throws {
    let (model, settings) = (makeModel(.preNorm), try SamplerSettings(temperature: 0))
    for (prompt, problem) in [([], "empty"), ([3, 19], "19"), ([-1], "-1")] as [([Int32], String)] {
      #expect { _ = try Generator(model, prompt: prompt, settings: settings, seed: 1) } throws: {
        "\($0)".contains(problem)
      }
    }
  }

  @Test func namesAreThoseOfACheckpoint() {
    let names = makeModel(.preNorm).parameters.parameters.map(\.name)
    #expect(names.count == 2 + 2 * 12 + 2 && names.first == "transformer.wte.weight")
    #expect(
      names.contains("transformer.h.1.mlp.c_fc.bias") && names.last == "transformer.ln_f.bias")
    let first = makeModel(.postNorm).parameters.parameters.map(\.name)
    #expect(first.count == 2 + 2 * 12 && first.first == "transformer.tokens_embed.weight")
  }
}

@Suite struct CatalogueTests {
  private func model(
    _ config: JSON, _ rule: ConfigurationRule, vocabulary: Int? = nil
  ) throws(Failure) -> any LanguageModel {
    try Catalogue.model(config, from: "c\u{7}.json", rule: rule, vocabulary: vocabulary)
  }

  private static let small: [String: JSON] = [
    "model_type": "gpt2", "vocab_size": 11, "n_positions": 8, "n_embd": 12, "n_layer": 1,
    "n_head": 3,
  ]

  @Test func buildsWhatIsAsked() throws {
    for type in Arrangement.allCases.map(\.rawValue) {
      let config = JSON.object(Self.small.merging(["model_type": .string(type)]) { $1 })
      let built = try model(config, .strict)
      #expect((built.vocabulary, built.context) == (11, 8))
      // What is written for transformers builds the same model again.
      let again = try model(built.configuration, .huggingFace)
      #expect(again.parameters.parameters.map(\.name) == built.parameters.parameters.map(\.name))
      #expect(again.configuration == built.configuration)
    }
    let wide = try model(
      .object(Self.small.merging(["initializer_range": 0.06]) { $1 }), .strict)
    #expect(wide.configuration["initializer_range"] == 0.06)
    var open = Self.small
    open["vocab_size"] = nil
    #expect(try model(.object(open), .strict, vocabulary: 77).vocabulary == 77)
    #expect(try model(.object(Self.small), .strict, vocabulary: 9).vocabulary == 11)
    #expect(
      try model(.object(Self.small.merging(["n_inner": 5]) { $1 }), .strict).parameters.count
        == 11 * 12 + 8 * 12 + 4 * 12 * 12 + 4 * 12 + 2 * 12 * 5 + 5 + 12 + 6 * 12)
  }

  struct Wrong: Sendable, CustomTestStringConvertible {
    let changes: [String: JSON]
    var rule = ConfigurationRule.huggingFace
    let parts: [String]
    var testDescription: String { "\(changes)" }

    init(_ changes: [String: JSON], _ parts: String..., rule: ConfigurationRule = .huggingFace) {
      (self.changes, self.parts, self.rule) = (changes, parts, rule)
    }
  }

  @Test(arguments: [
    Wrong(["n_embd": 13], "n_embd 13", "n_head 3"),
    Wrong(["model_type": "llama\u{1b}"], "llama␛", "gpt2, openai-gpt"),
    Wrong(["model_type": 3], "model_type"),
    Wrong(["activation_function": "relu"], "activation_function", "relu", "gelu_new"),
    Wrong(["model_type": "openai-gpt", "afn": "relu"], "afn", "relu", "gelu"),
    Wrong(["scale_attn_weights": false], "scale_attn_weights"),
    Wrong(["scale_attn_by_inverse_layer_idx": true], "scale_attn_by_inverse_layer_idx"),
    Wrong(["tie_word_embeddings": false], "tie_word_embeddings"),
    Wrong(["add_cross_attention": true], "add_cross_attention"),
    Wrong(["n_layer": 60_000_000, "n_embd": 66_000_000], "parameters in", "need", "GB"),
    Wrong(["vocab_size": 60_000_000, "n_embd": 60_000_000], "parameters in", "need", "GB"),
    Wrong(["n_layer": 0], "n_layer is 0"),
    Wrong(["n_head": 0, "n_embd": -1], "n_head is 0", "n_embd is -1"),
    Wrong(["n_positions": .int(.max)], "n_positions is"), Wrong(["n_inner": -4], "n_inner is -4"),
    Wrong(["vocab_size": .int(.min)], "vocab_size is"),
    Wrong(["vocab_size": .double(1e300)], "vocab_size"),
    Wrong(["n_embd": 12.5], "n_embd"), Wrong(["n_embd": "12"], "n_embd"),
    Wrong(["n_embd": nil], "n_embd"),
    Wrong(["attn_pdrop": 1.0], "attn_pdrop"), Wrong(["resid_pdrop": -0.1], "resid_pdrop"),
    Wrong(["embd_pdrop": 1e300], "embd_pdrop"),
    Wrong(["layer_norm_epsilon": 0.0], "layer_norm_epsilon"),
    Wrong(["initializer_range": -0.02], "initializer_range is -0.02"),
    Wrong(["n_hedas": 3], "n_hedas", rule: .strict),
  ]) func refuses(_ wrong: Wrong) throws {
    let config = JSON.object(Self.small.merging(wrong.changes) { $1 })
    do throws(Failure) {
      _ = try model(config, wrong.rule)
      Issue.record("was built")
    } catch {
      for part in wrong.parts + ["c␇.json"] {
        #expect(error.message.contains(part), "\(error.message) does not say \(part)")
      }
      #expect(error.code == 2 && !error.message.contains("\n") && !error.message.contains("\u{1b}"))
    }
  }

  @Test func refusesOtherWrongs() {
    #expect { _ = try model(["x"], .strict) } throws: { "\($0)".contains("JSON object") }
    #expect { _ = try model(.object(Self.small), .huggingFace, vocabulary: 12) } throws: {
      "\($0)".contains("vocab_size 11 is less than the tokenizer's 12")
    }
    #expect {
      _ = try Catalogue.model(
        .object(Self.small), from: "c", rule: .strict, sets: [("vocab_size", "4")], vocabulary: 12)
    } throws: { "\($0)".contains("vocab_size 4") }
  }
}
