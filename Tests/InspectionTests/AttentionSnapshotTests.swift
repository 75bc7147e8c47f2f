// Attention opened up, against transformers (Tests/Fixtures/make_attention_goldens.py).

import Inspection
import Models
import Testing

@Suite struct AttentionSnapshotTests {
  private let golden: Golden

  init() throws { golden = try Golden() }

  @Test(arguments: AttentionStage.allCases.filter { $0 != .masked })
  func stageEqualsTransformers(_ stage: AttentionStage) throws {
    let snapshot = golden.snapshot()
    let expected = try golden.matrix(golden.json["stages"]?[stage.rawValue])
    let found = snapshot.rows(stage, layer: golden.layer, head: golden.head, 0..<golden.ids.count)
    #expect(found.count == expected.count && snapshot.columns(stage) == expected[0].count)
    for (i, wanted) in expected.enumerated() {
      #expect(found[i].count == wanted.count)
      for (a, b) in zip(found[i], wanted) {
        #expect(golden.isNear(Double(try #require(a)), b), "\(stage)")
      }
      let part = snapshot.row(
        stage, layer: golden.layer, head: golden.head, i, columns: 2..<4)
      #expect(part == Array(found[i][2..<4]))
    }
  }

  @Test func laterScoresAreMaskedAndRowsSumToOne() {
    let snapshot = golden.snapshot()
    for i in golden.ids.indices {
      let masked = snapshot.row(.masked, layer: golden.layer, head: golden.head, i)
      #expect(masked.map { $0 == nil } == golden.ids.indices.map { $0 > i })
      let weights = snapshot.weights(golden.layer, golden.head, i)
      #expect(abs(weights.reduce(0, +) - 1) < 1e-6 && weights[(i + 1)...].allSatisfy { $0 == 0 })
    }
  }

  /// Weights times values, added up here, are the output that the model's own kernel gave.
  @Test func weightsTimesValuesAreTheOutput() {
    let snapshot = golden.snapshot()
    let tokens = golden.ids.indices
    for layer in 0..<snapshot.layers {
      for head in 0..<snapshot.layout.heads {
        let values = snapshot.rows(.values, layer: layer, head: head, 0..<tokens.count)
        for i in tokens {
          let weights = snapshot.weights(layer, head, i)
          let output = snapshot.row(.output, layer: layer, head: head, i)
          for (column, given) in output.enumerated() {
            let sum = tokens.reduce(Float(0)) { $0 + weights[$1] * (values[$1][column] ?? 0) }
            #expect(abs(sum - (given ?? .nan)) < 1e-5)
          }
        }
      }
    }
  }

  /// The heads' outputs side by side are what the output matrix was given.
  @Test func headsStandSideBySide() throws {
    let snapshot = golden.snapshot()
    let together = try golden.matrix(golden.json["together"])
    for (i, wanted) in together.enumerated() {
      let found = (0..<snapshot.layout.heads).flatMap {
        snapshot.row(.output, layer: golden.layer, head: $0, i)
      }
      #expect(found.count == wanted.count)
      #expect(zip(found, wanted).allSatisfy { golden.isNear(Double($0 ?? .nan), $1) })
    }
  }

  @Test func editsChangeThePredictionAsInTransformers() throws {
    let (layer, head) = (golden.layer, golden.head)
    let edits: [(String, [AttentionEdit])] = [
      ("logits", []), ("zeroed", [.zeroHead(layer: layer, head: head)]),
      ("unmasked", [.mask(.full)]), ("windowed", [.mask(.window(3))]),
      ("sharpened", [.scaleScores(layer: layer, head: head, by: 3)]), ("logits", [.mask(.causal)]),
    ]
    for (name, edits) in edits {
      let found = AttentionSnapshot(golden.model, ids: golden.ids, edits: edits).prediction
      let expected = try golden.numbers(golden.json[name])
      #expect(found.count == expected.count)
      #expect(zip(found, expected).allSatisfy { golden.isNear(Double($0), $1) }, "\(name)")
    }
  }

  /// A factor of 1 changes nothing, a large one leaves a single key, and 0 weighs all keys alike;
  /// the scores themselves stay as they are.
  @Test func aSharpenedHeadKeepsItsScores() {
    let (layer, head, last) = (golden.layer, golden.head, golden.ids.count - 1)
    let plain = golden.snapshot()
    func sharpened(_ factor: Float) -> AttentionSnapshot {
      golden.snapshot(.scaleScores(layer: layer, head: head, by: factor))
    }
    func weights(_ factor: Float) -> [Float] { sharpened(factor).weights(layer, head, last) }
    #expect(weights(1) == plain.weights(layer, head, last))
    #expect((weights(1_000).max() ?? 0) > 0.999)
    #expect(weights(0).allSatisfy { abs($0 - 1 / Float(last + 1)) < 1e-6 })
    for stage in [AttentionStage.qkv, .scores] {
      #expect(
        sharpened(2).row(stage, layer: layer, head: head, last)
          == plain.row(stage, layer: layer, head: head, last))
    }
    let scaled = plain.row(.scaled, layer: layer, head: head, last).map { ($0 ?? .nan) * 2 }
    #expect(sharpened(2).row(.scaled, layer: layer, head: head, last) == scaled)
    #expect(sharpened(2).sharpening(layer, head) == 2 && sharpened(2).sharpening(0, head) == 1)
  }

  @Test func aModelWithoutANormBeforeItsAttentionHasNoSuchStage() {
    var config = GPTConfig()
    (config.vocabulary, config.context, config.width) = (10, 8, 8)
    (config.layers, config.heads, config.arrangement) = (2, 2, .postNorm)
    let model = GPT(config)
    model.parameters.initialize(seed: 1)
    let snapshot = AttentionSnapshot(model, ids: [1, 2, 3])
    #expect(snapshot.stages == AttentionStage.allCases.filter { $0 != .norm })
    #expect(golden.snapshot().stages == AttentionStage.allCases)
  }
}
