import Layers
import Models
import Random
import Testing

@Suite struct LayersTests {
  @Test func tokensAndPasses() {
    let tokens = Tokens([[1, 2, 3], [4], [5, 6]])
    #expect(tokens.ids == [1, 2, 3, 4, 5, 6] && tokens.count == 6)
    #expect(tokens.sequences == [0..<3, 3..<4, 4..<6])
    let plan = Pass().plan(.causal, tokens)
    #expect(plan.rows == tokens.sequences)
    #expect(plan.last == [1, 2, 3, 1, 1, 2] && plan.first.allSatisfy { $0 == 0 })
  }

  @Test func everyUseOfDropoutHasItsOwnMask() {
    #expect(Pass().nextDropout(0.5) == nil && Pass(dropoutKey: 1).nextDropout(0) == nil)
    let (a, b, c) = (Pass(dropoutKey: 1, firstRow: 7), Pass(dropoutKey: 1), Pass(dropoutKey: 2))
    var keys: Set<UInt64> = []
    for layer in 0..<50 {
      let mask = a.nextDropout(0.25)
      #expect(mask?.rate == 0.25 && mask?.firstRow == 7)
      // One that is switched off still counts: rates do not change the masks of other layers.
      #expect(b.nextDropout(layer % 2 == 0 ? 0.25 : 0)?.key == (layer % 2 == 0 ? mask?.key : nil))
      [mask, c.nextDropout(0.25)].forEach { keys.insert($0?.key ?? 0) }
    }
    #expect(keys.count == 100)
  }

  /// Every sequence of a batch without padding has the scores that it has alone.
  @Test(arguments: Arrangement.allCases) func aJaggedBatchIsItsSequences(_ kind: Arrangement) {
    var config = GPTConfig()
    (config.arrangement, config.vocabulary, config.context) = (kind, 23, 70)
    (config.width, config.layers, config.heads) = (20, 2, 4)
    let model = GPT(config)
    model.parameters.initialize(seed: 4)
    for parameter in model.parameters.parameters where parameter.shape.rank > 1 {
      for i in 0..<parameter.count { parameter.storage.floats[i] *= 10 }  // Uneven attention.
    }
    var random = RandomStream(seed: 1, name: "jagged")
    let rows = [5, 1, 70, 2, 33, 4].map { n in (0..<n).map { _ in Int32(random.below(23)) } }
    let batch = Tokens(rows)
    let together = model(batch, Pass()).values
    for (row, place) in zip(rows, batch.sequences) {
      let alone = model(Tokens([row]), Pass()).values
      let part = together[place.lowerBound * 23..<place.upperBound * 23]
      #expect(alone.contains { abs($0) > 0.1 })
      #expect(zip(part, alone).allSatisfy { abs($0 - $1) < 2e-6 * max(1, abs($1)) })
    }
  }

  // MARK: - Parameters

  private func store(_ names: [String], seed: UInt64) -> ParameterStore {
    let store = ParameterStore()
    for name in names { _ = Linear(50, 60, Scope(store)[name], deviation: 0.02) }
    _ = LayerNorm(30, Scope(store)["norm"])
    store.initialize(seed: seed)
    return store
  }

  private func values(_ store: ParameterStore, _ name: String) -> [Float]? {
    store[name]?.tensor.values
  }

  @Test func parametersAreFoundByName() {
    let store = store(["h.0", "h.1"], seed: 1)
    #expect(
      store.parameters.map(\.name) == [
        "h.0.weight", "h.0.bias", "h.1.weight", "h.1.bias", "norm.weight", "norm.bias",
      ])
    #expect(store.parameters.map(\.index) == Array(0..<6) && store.count == 2 * 3_060 + 60)
    #expect(store["h.1.weight"]?.shape == [60, 50] && store["h.2.weight"] == nil)
    let p = Scope(ParameterStore())
    #expect(Linear(5, 7, p["a"], layout: .inputsFirst).weight.shape == [5, 7])
    #expect(Linear(5, 7, p["b"][3]["c"], bias: false).weight.name == "b.3.c.weight")
    #expect(Linear(5, 7, p["d"], bias: false).bias == nil)
  }

  @Test func aNameIsDeclaredOnce() async {
    await #expect(processExitsWith: .failure) {
      let p = Scope(ParameterStore())
      _ = [p["a"], p["a"]].map { Embedding(2, 2, $0) }
    }
  }

  @Test func initialValuesDependOnSeedAndNameAlone() {
    let (a, again, b) = (
      store(["x", "y"], seed: 1), store(["x", "y"], seed: 1), store(["x"], seed: 2)
    )
    let longer = store(["w", "y", "x", "z"], seed: 1)
    for name in ["x.weight", "y.weight", "x.bias", "norm.weight"] {
      #expect(values(a, name) == values(again, name) && values(a, name) == values(longer, name))
    }
    #expect(values(a, "x.weight") != values(a, "y.weight"))
    #expect(values(a, "x.weight") != values(b, "x.weight"))
    a.initialize(seed: 2)
    #expect(values(a, "x.weight") == values(b, "x.weight"))
    #expect(values(a, "x.bias") == [Float](repeating: 0, count: 60))
    #expect(values(a, "norm.weight") == [Float](repeating: 1, count: 30))
    #expect(values(a, "norm.bias") == [Float](repeating: 0, count: 30))
  }

  @Test func normalValuesHaveTheirDeviation() {
    for deviation: Float in [0.02, 1] {
      let store = ParameterStore()
      _ = Embedding(200, 500, Scope(store), deviation: deviation)
      store.initialize(seed: 3)
      let x = store.parameters[0].tensor.values.map { Double($0) / Double(deviation) }
      let n = Double(x.count)
      let mean = x.reduce(0, +) / n
      let variance = x.reduce(0) { $0 + $1 * $1 } / n
      let fourth = x.reduce(0) { $0 + $1 * $1 * $1 * $1 } / n
      // Five standard errors of each moment of 100,000 normal numbers.
      #expect(abs(mean) < 5 / n.squareRoot())
      #expect(abs(variance - 1) < 5 * (2 / n).squareRoot())
      #expect(abs(fourth - 3) < 5 * (96 / n).squareRoot())
    }
  }

  /// GPT-2's rule: what writes into the residual stream starts smaller by √(2 layers).
  @Test(arguments: [nil, 0.06] as [Float?]) func residualLayersStartSmaller(_ deviation: Float?) {
    var config = GPTConfig()
    if let deviation { config.initialDeviation = deviation }
    let deviation = deviation ?? 0.02
    (config.vocabulary, config.context, config.width, config.layers) = (10, 10, 48, 8)
    for parameter in GPT(config).parameters.parameters {
      let expected: Initializer =
        if parameter.name.hasSuffix("c_proj.weight") {
          .normal(deviation / Float(16).squareRoot())
        } else if parameter.shape.rank > 1 {
          .normal(deviation)
        } else {
          parameter.name.hasSuffix("weight") ? .ones : .zeros
        }
      #expect(parameter.initializer == expected, "\(parameter.name)")
    }
  }
}
