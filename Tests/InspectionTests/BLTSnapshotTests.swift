import Checkpoints
import Files
import Inspection
import Models
import TestSupport
import Testing

/// The stages of a BLT against those inside transformers' (Tests/Fixtures/make_blt_stages.py).
@Suite struct BLTSnapshotTests {
  private func golden() throws -> (model: BLT, ids: [Int32], json: JSON) {
    let model = try #require(
      try ModelDirectory(Fixtures.path("blt-tiny")).model as? BLT)
    let expected = try JSON(contentsOf: Fixtures.path("blt-tiny/expected.json"))
    let ids = try #require(expected["ids"]?.array).compactMap { $0.int.map(Int32.init) }
    return (model, ids, try JSON(contentsOf: Fixtures.path("blt-stages.json")))
  }

  private func numbers(_ json: JSON?) -> [Double] { json?.array?.compactMap(\.double) ?? [] }

  /// The largest difference; infinite for lists of different lengths.
  private func distance(_ found: [Double], _ wanted: [Double]) -> Double {
    found.count == wanted.count
      ? zip(found, wanted).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
  }

  @Test func patchesAndVectors() throws {
    let (model, ids, json) = try golden()
    let stages = BLTSnapshot(model, ids: ids, patching: model.config.patching)
    let lengths = try #require(json["lengths"]?.array).compactMap(\.int)
    let all = (0...stages.patches.count).map { stages.range(of: $0).count }.filter { $0 > 0 }
    #expect(all == lengths && stages.patches.count >= lengths.count - 1)
    let sources = try #require(json["decoder"]?.array).compactMap { $0["source"]?.int }
    #expect(stages.sources == sources)
    for id in ids.indices { #expect(stages.range(of: stages.patch(of: id)).contains(id)) }
    let encoder = ids.indices.map { stages.length(.encoder, $0) }
    #expect(distance(encoder, numbers(json["encoder"])) < 1e-4)
    let latent = stages.patches.indices.map { stages.length(.latent, $0) }
    #expect(distance(latent, Array(numbers(json["latent"]).prefix(latent.count))) < 1e-4)
    #expect(stages.vector(.patches, 0).count == 2 * 12 && stages.vector(.latent, 0).count == 24)
    let entropies = ids.indices.map { Double(stages.next(after: $0).entropy) }
    #expect(distance(entropies, numbers(json["entropy"])) < 1e-4)
    #expect(stages.next(after: ids.count - 1).surprise == nil)
    let nats = ids.indices.reduce(0) { $0 + Double(stages.next(after: $1).surprise ?? 0) }
    #expect(abs(nats - (json["nats"]?.double ?? 0)) < 1e-3)
  }

  @Test func crossAttention() throws {
    let (model, ids, json) = try golden()
    let stages = BLTSnapshot(model, ids: ids, patching: model.config.patching)
    let pooling = try #require(json["pooling"]?.array)
    for patch in stages.patches.indices {
      for slot in 0..<2 {
        for (head, weights) in stages.pooling(patch: patch, slot: slot).enumerated() {
          let wanted = numbers(pooling[patch].array?[slot].array?[head])
          #expect(distance(weights, wanted) < 2e-6, "patch \(patch), slot \(slot), head \(head)")
        }
      }
    }
    let decoder = try #require(json["decoder"]?.array)
    #expect(stages.crossLayers == 2)
    for id in ids.indices {
      for layer in 0..<2 {
        for (head, weights) in stages.reading(id: id, layer: layer).enumerated() {
          let wanted = numbers(decoder[id]["weights"]?.array?[layer].array?[head])
          #expect(distance(weights, wanted) < 2e-6, "\(id), layer \(layer), head \(head)")
        }
      }
    }
  }

  /// On patches of any rule; the first id is always one, and a judgement is the sum of surprises.
  @Test(arguments: [PatchRule.global, .monotonic, .space, .fixed, .byte])
  func anyRule(rule: PatchRule) throws {
    let (model, ids, _) = try golden()
    let patching = Patching(rule, threshold: 1.5, size: 7)
    let stages = BLTSnapshot(model, ids: ids, patching: patching)
    var ends = patching.ends(
      ids: ids, entropies: try #require(model.patcher).entropies(Tokens([ids]), Pass()))
    ends[0] = true
    #expect(stages.patches.map(\.upperBound) == ends.indices.filter { ends[$0] }.map { $0 + 1 })
    let nats = model.nats(of: ids, ends: ends.dropLast())
    let sum = ids.indices.reduce(0) { $0 + Double(stages.next(after: $1).surprise ?? 0) }
    #expect(abs(nats - sum) < 1e-3)
    #expect(
      abs(model.nats(of: ids, ends: ends.dropLast().map { _ in true }) - nats) > 1e-3
        || rule == .byte)
  }

  /// Heads that share keys read as if each had its own copy.
  @Test func groupedKeys() throws {
    func model(_ keyHeads: Int) -> BLT {
      var c = BLTConfig()
      (c.hashSizes, c.hashRows, c.context, c.hasPatcher) = ([3], 31, 64, false)
      for part in [\BLTConfig.encoder, \.decoder, \.latent] {
        c[keyPath: part].width = 16
        c[keyPath: part].layers = 1
        c[keyPath: part].heads = 4
        c[keyPath: part].inner = 24
        c[keyPath: part].keyHeads = part == \.latent ? 4 : keyHeads
      }
      let model = BLT(c)
      model.parameters.initialize(seed: 4)
      return model
    }
    let (shared, own) = (model(2), model(4))
    for parameter in own.parameters.parameters {
      let from = try #require(shared.parameters[parameter.name]).storage.floats
      for i in 0..<parameter.count {
        // Rows of a head of width 4, of 16 columns: heads 0 and 1 are the first key head.
        let isSame = from.count == parameter.count
        let (row, column) = (i / 16, i % 16)
        parameter.storage.floats[i] =
          isSame ? from[i] : from[(row / 4 / 2 * 4 + row % 4) * 16 + column]
      }
    }
    let ids: [Int32] = [1] + (0..<20).map { 100 + $0 * 7 % 13 }
    let patching = Patching(.fixed, size: 5)
    let (a, b) = (
      BLTSnapshot(shared, ids: ids, patching: patching),
      BLTSnapshot(own, ids: ids, patching: patching)
    )
    for patch in a.patches.indices {
      let (x, y) = (a.pooling(patch: patch, slot: 1), b.pooling(patch: patch, slot: 1))
      for (p, q) in zip(x, y) { #expect(distance(p, q) < 1e-6 && abs(p.reduce(-1, +)) < 1e-12) }
    }
    for id in ids.indices {
      for (p, q) in zip(a.reading(id: id, layer: 0), b.reading(id: id, layer: 0)) {
        #expect(distance(p, q) < 1e-6)
      }
    }
  }

  @Test func masksAreOfTheRanges() throws {
    let (model, ids, _) = try golden()
    let stages = BLTSnapshot(model, ids: ids, patching: Patching(.fixed, size: 4))
    let (n, p) = (Double(ids.count), Double(stages.patches.count))
    let hidden = Dictionary(uniqueKeysWithValues: stages.masks.map { ($0.part, $0.facts.hidden) })
    let seen = stages.patches.reduce(0) { $0 + Double($1.count) }
    #expect(abs(1 - (hidden["pooling"] ?? 0) - seen / (p * n)) < 1e-12)
    #expect(abs(1 - (hidden["slots"] ?? 0) - 1 / p) < 1e-12)
    #expect(abs(1 - (hidden["latent"] ?? 0) - (p + 1) / (2 * p)) < 1e-12)
    #expect(abs(1 - (hidden["decoder"] ?? 0) - (n + 1) / (2 * n)) < 1e-12)
    #expect(stages.masks.map(\.facts.name).contains("window=512"))
    // A window far shorter than the text leaves most blocks untouched: of 40 x 40 a row of them
    // sees its own and 4 before it, 10 of which are missing at the top.
    let long = MaskFacts(.window(64), tokens: 640)
    #expect(abs(long.skipped - (1 - 190.0 / 1600)) < 1e-12)
  }

  /// Nothing is kept that nobody asked for.
  @Test func onlyWhenAsked() throws {
    let (model, ids, _) = try golden()
    let probe = Probe()
    _ = model(Tokens([ids]), Pass(probe: probe))
    #expect(
      probe["latent"].isEmpty && probe["pooling.queries"].isEmpty && !probe[0, .heads].isEmpty)
    let asked = Probe(keepsNames: true)
    _ = model(Tokens([ids]), Pass(probe: asked))
    #expect(asked["bytes"].count == ids.count * 12)
  }
}
