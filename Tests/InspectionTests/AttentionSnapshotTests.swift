// Attention opened up, against transformers (Tests/Fixtures/make_attention_goldens.py).

import Checkpoints
import Files
import Inspection
import Models
import TestSupport
import Testing

@Suite struct AttentionSnapshotTests {
  private let golden: JSON
  private let model: any LanguageModel
  private let ids: [Int32]
  private let (layer, head): (Int, Int)

  init() throws {
    golden = try JSON(contentsOf: Fixtures.path("attention-goldens.json"))
    model = try ModelDirectory(Fixtures.path("gpt2-tiny")).model
    ids = try #require(golden["ids"]?.array).compactMap { $0.int.map(Int32.init) }
    layer = try #require(golden["layer"]?.int)
    head = try #require(golden["head"]?.int)
  }

  private func numbers(_ json: JSON?) throws -> [Double] {
    try #require(json?.array).compactMap(\.double)
  }

  @Test(arguments: AttentionStage.allCases.filter { $0 != .masked })
  func stageEqualsTransformers(_ stage: AttentionStage) throws {
    let snapshot = AttentionSnapshot(model, ids: ids)
    let expected = try #require(golden["stages"]?[stage.rawValue]?.array)
    let found = snapshot.rows(stage, layer: layer, head: head, 0..<ids.count)
    #expect(found.count == expected.count)
    for (row, wanted) in zip(found, expected) {
      let wanted = try numbers(wanted)
      #expect(row.count == wanted.count)
      for (a, b) in zip(row, wanted) {
        #expect(abs(Double(try #require(a)) - b) < 2e-5 * max(1, abs(b)), "\(stage)")
      }
    }
  }

  @Test func laterScoresAreMaskedAndRowsSumToOne() {
    let snapshot = AttentionSnapshot(model, ids: ids)
    for i in ids.indices {
      let masked = snapshot.row(.masked, layer: layer, head: head, i)
      #expect(masked.map { $0 == nil } == ids.indices.map { $0 > i })
      let weights = snapshot.weights(layer, head, i)
      #expect(abs(weights.reduce(0, +) - 1) < 1e-6 && weights[(i + 1)...].allSatisfy { $0 == 0 })
    }
  }

  /// Weights times values, added up here, are the output that the model's own kernel gave.
  @Test func theLedgerAddsUp() {
    let snapshot = AttentionSnapshot(model, ids: ids)
    for layer in 0..<snapshot.layers {
      for head in 0..<snapshot.layout.heads {
        let values = snapshot.rows(.values, layer: layer, head: head, 0..<ids.count)
        for i in ids.indices {
          let weights = snapshot.weights(layer, head, i)
          let output = snapshot.row(.output, layer: layer, head: head, i)
          for (column, given) in output.enumerated() {
            let sum = ids.indices.reduce(Float(0)) { $0 + weights[$1] * (values[$1][column] ?? 0) }
            #expect(abs(sum - (given ?? .nan)) < 1e-5)
          }
        }
      }
    }
  }

  @Test func editsChangeThePredictionAsInTransformers() throws {
    let edits: [(String, [AttentionEdit])] = [
      ("logits", []), ("zeroed", [.zeroHead(layer: layer, head: head)]),
      ("unmasked", [.mask(.full)]),
    ]
    for (name, edits) in edits {
      let found = AttentionSnapshot(model, ids: ids, edits: edits).prediction
      let expected = try numbers(golden[name])
      #expect(found.count == expected.count)
      for (a, b) in zip(found, expected) {
        #expect(abs(Double(a) - b) < 2e-5 * max(1, abs(b)), "\(name)")
      }
    }
  }

  /// A factor of 1 changes nothing, a large one leaves a single key, and 0 weighs all keys alike.
  @Test func aScaledHeadIsSharper() {
    func weights(_ factor: Float) -> [Float] {
      let edit = AttentionEdit.scaleScores(layer: layer, head: head, by: factor)
      return AttentionSnapshot(model, ids: ids, edits: [edit]).weights(layer, head, ids.count - 1)
    }
    let plain = AttentionSnapshot(model, ids: ids).weights(layer, head, ids.count - 1)
    #expect(weights(1) == plain)
    #expect((weights(1_000).max() ?? 0) > 0.999)
    #expect(weights(0).allSatisfy { abs($0 - 1 / Float(ids.count)) < 1e-6 })
  }
}
