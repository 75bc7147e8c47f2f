import Checkpoints
import Files
import Inspection
import Models
import TestSupport
import Testing

/// The small model of the goldens, and what transformers found in it.
struct Golden {
  let json: JSON
  let model: any LanguageModel
  let ids: [Int32]
  let (layer, head): (Int, Int)

  init() throws {
    json = try JSON(contentsOf: Fixtures.path("attention-goldens.json"))
    model = try ModelDirectory(Fixtures.path("gpt2-tiny")).model
    ids = try #require(json["ids"]?.array).compactMap { $0.int.map(Int32.init) }
    layer = try #require(json["layer"]?.int)
    head = try #require(json["head"]?.int)
  }

  func numbers(_ json: JSON?) throws -> [Double] {
    try #require(json?.array).compactMap(\.double)
  }

  func matrix(_ json: JSON?) throws -> [[Double]] {
    try #require(json?.array).map { try numbers($0) }
  }

  /// Equal up to the rounding of the goldens and of float32.
  func isNear(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 2e-5 * max(1, abs(b)) }

  func snapshot(_ edits: AttentionEdit...) -> AttentionSnapshot {
    AttentionSnapshot(model, ids: ids, edits: edits)
  }
}

/// A GPT of random numbers, large enough that attention differs from head to head.
func randomModel(
  context: Int, width: Int, layers: Int = 1, heads: Int, seed: Int = 1
) -> (model: any LanguageModel, ids: [Int32]) {
  var config = GPTConfig()
  (config.vocabulary, config.context, config.width) = (300, context, width)
  (config.layers, config.heads) = (layers, heads)
  let model = GPT(config)
  model.parameters.initialize(seed: seed)
  for parameter in model.parameters.parameters where parameter.name.hasSuffix("c_attn.weight") {
    for i in parameter.storage.floats.indices { parameter.storage.floats[i] *= 20 }
  }
  var random = SplitMix(state: UInt64(seed))
  return (model, (0..<context).map { _ in Int32(random.below(300)) })
}
