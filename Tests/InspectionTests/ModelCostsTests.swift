import Inspection
import Models
import Testing

@Suite struct ModelCostsTests {
  /// The weights of a GPT-2 by name and shape, without their numbers.
  private func weights(layers: Int, width c: Int, context: Int) -> [(name: String, shape: [Int])] {
    var all = [("wte.weight", [50_257, c]), ("wpe.weight", [context, c])]
    for layer in 0..<layers {
      for (name, shape) in [
        ("ln_1.weight", [c]), ("ln_1.bias", [c]), ("attn.c_attn.weight", [c, 3 * c]),
        ("attn.c_attn.bias", [3 * c]), ("attn.c_proj.weight", [c, c]), ("attn.c_proj.bias", [c]),
        ("ln_2.weight", [c]), ("ln_2.bias", [c]), ("mlp.c_fc.weight", [c, 4 * c]),
        ("mlp.c_fc.bias", [4 * c]), ("mlp.c_proj.weight", [4 * c, c]), ("mlp.c_proj.bias", [c]),
      ] { all.append(("h.\(layer).\(name)", shape)) }
    }
    all += [("ln_f.weight", [c]), ("ln_f.bias", [c])]
    return all.map { ("transformer." + $0.0, $0.1) }
  }

  private func costs(_ tokens: Int, _ more: [(name: String, shape: [Int])] = []) -> ModelCosts {
    ModelCosts(
      weights(layers: 12, width: 768, context: 1024) + more,
      layout: HeadLayout(heads: 12, width: 64), vocabulary: 50_257, context: 1024, tokens: tokens)
  }

  /// GPT-2 small: 124,439,808 parameters; 12 C² a layer, the output layer, and 4 C a layer for
  /// every token read.
  @Test func gpt2Small() throws {
    for tokens in [1, 100, 1024] {
      let costs = costs(tokens)
      let whole = try #require(costs.parts.first)
      #expect(whole.name == "transformer" && whole.depth == 0 && whole.parameters == 124_439_808)
      let matrices = 12 * 12 * 768 * 768
      #expect(whole.flops == 2 * matrices + 2 * 50_257 * 768 + 12 * 4 * 768 * tokens)
      #expect(costs.kinds.reduce(0) { $0 + $1.flops } == whole.flops)
      #expect(costs.kinds.reduce(0) { $0 + $1.parameters } == whole.parameters)
      let attention = try #require(costs.kinds.first { $0.name == "*.attn q.k w.v" })
      #expect(attention.flops == 12 * 4 * 768 * tokens && attention.parameters == 0)
    }
  }

  /// Groups stand before what is in them and are its sum.
  @Test func partsAreATree() throws {
    let costs = costs(50)
    for (i, part) in costs.parts.enumerated() {
      let children = costs.parts.indices.filter { costs.parts[$0].parent == i }
      #expect(part.isGroup == !children.isEmpty && children.allSatisfy { $0 > i })
      #expect(part.isGroup == (part.shape == nil))
      guard part.isGroup else {
        #expect(part.weight == "transformer." + part.path && part.path.hasSuffix(part.name))
        continue
      }
      #expect(children.allSatisfy { costs.parts[$0].depth == part.depth + 1 })
      #expect(part.parameters == children.reduce(0) { $0 + costs.parts[$1].parameters })
      let flops = children.reduce(part.attention) { $0 + costs.parts[$1].flops }
      #expect(part.flops == flops)
    }
    let block = try #require(costs.parts.first { $0.path == "h.3" })
    #expect(block.flops == 24 * 768 * 768 + 4 * 768 * 50 && block.name == "3")
    #expect(
      costs.kinds.map(\.name).prefix(5) == [
        "wte", "wpe", "*.ln_1", "*.attn q.k w.v", "*.attn.c_attn",
      ])
  }

  /// With an output layer of its own the token table is only looked up.
  @Test func untiedOutput() throws {
    let costs = costs(1, [("lm_head.weight", [50_257, 768])])
    let flops = Dictionary(uniqueKeysWithValues: costs.parts.map { ($0.path, $0.flops) })
    #expect(costs.parts[0].name == "model")
    #expect(flops["lm_head.weight"] == 2 * 50_257 * 768)
    #expect(flops["transformer.wte.weight"] == 0 && flops["transformer.wpe.weight"] == 0)
  }

  /// With a window no more keys than that are read.
  @Test func aWindowBounds() throws {
    let all = weights(layers: 2, width: 64, context: 512)
    func flops(_ tokens: Int, _ window: Int?) -> Int {
      ModelCosts(
        all, layout: HeadLayout(heads: 4, width: 16), vocabulary: 50_257, context: 512,
        tokens: tokens, window: window
      ).parts[0].flops
    }
    #expect(flops(300, 128) == flops(128, nil) && flops(100, 128) == flops(100, nil))
    #expect(flops(300, nil) - flops(128, nil) == 2 * 4 * 64 * 172)
  }

  /// What runs once a patch counts by its share; hash tables are looked up.
  @Test func aByteOfABLT() throws {
    var c = BLTConfig()
    (c.hashSizes, c.hashRows, c.context, c.window, c.slots) = ([3, 4], 1_000, 256, 50, 3)
    for (part, width, layers, inner) in [
      (\BLTConfig.patcher, 16, 2, 40), (\.encoder, 32, 2, 80), (\.decoder, 32, 3, 80),
      (\.latent, 64, 4, 160),
    ] {
      c[keyPath: part].width = width
      c[keyPath: part].layers = layers
      c[keyPath: part].heads = 4
      c[keyPath: part].inner = inner
    }
    c.patcher.window = 30
    c.encoder.crossesAllLayers = true
    let model = BLT(c)
    let (n, p, k) = (100.0, 25.0, 3.0)
    let costs = ModelCosts(
      model.parameters.parameters.map { ($0.name, $0.shape.axes) }, layout: model.headLayout,
      vocabulary: 260, context: 256, tokens: 100, blt: (c, 25))
    #expect(costs.parts[0].parameters == model.parameters.count)
    /// A layer of this width and inner width on so many keys.
    func layer(_ c: Double, _ f: Double, _ keys: Double) -> Double {
      2 * (4 * c * c + 3 * c * f) + 4 * c * keys
    }
    let local = 2 * layer(32, 80, 50)
    let pooling = p / n * 2 * k * 32 * 32 + 2 * 2 * (1 + p / n * k) * 32 * 32 + 4 * 32 * k
    let latent = p / n * (4 * layer(64, 160, p) + 2 * k * 32 * 64)
    let reading = 3 * (2 * 2 * (1 + p / n * k) * 32 * 32 + 4 * 32 * k)
    let decoding = p / n * 2 * k * 32 * 64 + 3 * layer(32, 80, 50) + 2 * 32 * 260
    let patcher = 2 * layer(16, 40, 30) + 2 * 16 * 260
    let whole = local + pooling + latent + reading + decoding + patcher
    #expect(abs(Double(costs.parts[0].flops) - whole) < 20, "\(costs.parts[0].flops), \(whole)")
    #expect(costs.kinds.reduce(0) { $0 + $1.flops } == costs.parts[0].flops)
    let kinds = Dictionary(uniqueKeysWithValues: costs.kinds.map { ($0.name, $0) })
    #expect(kinds["encoder_hash_tok_embedding"]?.flops == 0)
    #expect(kinds["encoder_hash_tok_embedding"]?.parameters == 2_000 * 32)
    #expect(costs.parts.contains { $0.path == "global_transformer" && $0.isGroup })
  }
}

@Suite struct WeightFactsTests {
  private func facts(_ shape: [Int], _ numbers: [Float]) -> WeightFacts {
    numbers.withUnsafeBufferPointer { WeightFacts("w", shape, $0) }
  }

  @Test func smallOnesAreShownWhole() {
    let weight = facts([2, 3], [1, -2, 3, 4, 5, -7])
    #expect(weight.rows == 2 && weight.columns == 3)
    #expect(weight.blockRows == 1 && weight.blockColumns == 1)
    #expect(weight.cells == [1, -2, 3, 4, 5, -7] && weight[1, 2] == -7)
    #expect(weight.minimum == -7 && weight.maximum == 5 && weight.largest == 7)
    // Mean 2/3; the sum of squares is 104, so the variance is 104/6 - 4/9 = 152/9.
    #expect(abs(weight.mean - 2.0 / 3) < 1e-12)
    #expect(abs(weight.deviation - (152.0 / 9).squareRoot()) < 1e-12)
    #expect(weight.counts.reduce(0, +) == 6 && weight.counts[0] == 1 && weight.counts[63] == 1)
    #expect(weight.counts[26] == 1)  // -2 is 5/12 of the way, 26.7 of 64.
    #expect(weight.largest(rows: 0..<2, columns: 1..<9) == -7)
    #expect(weight.largest(rows: 0..<1, columns: 0..<2) == -2)
    #expect(weight.largest(rows: 5..<9, columns: 0..<2) == nil)
  }

  /// Blocks by their largest number, and sums over all numbers, against plain loops.
  @Test(arguments: [[3000, 7], [700, 900], [70_000], [513, 1]]) func largeOnesInBlocks(shape: [Int])
  {
    let (across, count) = (shape.last ?? 1, shape.reduce(1, *))
    let numbers = (0..<count).map { Float(($0 &* 7919) % 10_007) / 5000 - 1 }
    let weight = facts(shape, numbers)
    let down = count / across
    #expect(weight.rows * weight.columns <= 1 << 16)
    #expect(weight.rows == (down + weight.blockRows - 1) / weight.blockRows)
    #expect(weight.columns == (across + weight.blockColumns - 1) / weight.blockColumns)
    #expect(weight.blockRows > 1 || weight.blockColumns > 1)
    var largest = [Float](repeating: 0, count: weight.rows * weight.columns)
    for (i, number) in numbers.enumerated() {
      let cell =
        i / across / weight.blockRows * weight.columns + i % across / weight.blockColumns
      largest[cell] = max(largest[cell], abs(number))
    }
    #expect(weight.cells.map { abs($0) } == largest)
    let mean = numbers.reduce(0) { $0 + Double($1) } / Double(count)
    #expect(abs(weight.mean - mean) < 1e-12 && weight.counts.reduce(0, +) == count)
  }

  @Test func whatIsNoNumber() {
    let weight = facts([2, 2], [.nan, 1, -.infinity, 3])
    #expect(weight.others == 2 && weight.minimum == 1 && weight.maximum == 3 && weight.mean == 2)
    #expect(weight[0, 0].isNaN && weight[1, 0] == -.infinity)
    #expect(weight.largest(rows: 0..<2, columns: 0..<2)?.isNaN == true)
    let none = facts([1, 2], [.nan, .infinity])
    #expect(none.others == 2 && none.minimum == 0 && none.deviation == 0)
    let same = facts([3], [5, 5, 5])
    #expect(same.deviation == 0 && same.counts[0] == 3)
    let huge = facts([2], [-3e38, 3e38])
    #expect(huge.mean == 0 && huge.deviation.isFinite && huge.counts[63] == 1)
  }
}
