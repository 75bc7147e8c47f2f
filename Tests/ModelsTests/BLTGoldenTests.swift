// Our BLT and entropy model against transformers' (Tests/Fixtures/make_blt_goldens.py). Weights are
// a hash of name and place in both programs; numbers agree to float32's rounding.

import Checkpoints
import Files
import Models
import Random
import TestSupport
import Testing
import Training

@Suite struct BLTGoldenTests {
  @Test(arguments: try BLTGolden.all()) func forward(_ golden: BLTGolden) throws {
    let (model, input) = (golden.model, Tokens([golden.ids]))
    let ends = golden.ends
    #expect(Patching.lengths(ends) == golden.lengths.filter { $0 > 0 })
    let hidden = model.hidden(input, ends: ends, Pass())
    let logits = model.logits(hidden).values
    let rows = (0..<golden.ids.count).map { logits[$0 * 260..<($0 + 1) * 260] }
    let found = rows.flatMap { row in
      stride(from: 0, to: 260, by: 37).map { row[row.startIndex + $0] }
    }
    #expect(distance(found, numbers(golden.json["logits"])) < 1e-5)
    let squares = rows.map { $0.reduce(0) { $0 + Double($1) * Double($1) } }
    for (a, b) in zip(squares, numbers(golden.json["squares"])) { #expect(abs(a - b) < 2e-5 * b) }
    let entropies = try #require(model.patcher).entropies(input, Pass())
    #expect(distance(entropies, numbers(golden.json["entropies"])) < 1e-5)
    let loss = model.logits(hidden).crossEntropy(shifted(golden.ids)).sum.values[0]
    let wanted = try #require(golden.json["loss"]?.double)
    #expect(abs(Double(loss) / Double(golden.ids.count - 1) - wanted) < 1e-5)
    // Where patches are not given they are the model's own.
    guard golden.name != "given patches", golden.name != "longest patch" else { return }
    #expect(model(input, Pass()).values == logits)
  }

  @Test func gradients() throws {
    let golden = try #require(try BLTGolden.all().first)
    let (_, found) = lossAndGradients(golden.model, [golden.ids], [shifted(golden.ids)])
    let wanted = try #require(golden.json["gradients"]?.object)
    // Those of the patcher are zero here, and none there.
    #expect(Set(wanted.keys) == Set(found.keys.filter { !$0.contains("patcher") }))
    for (name, gradient) in found {
      let norm = gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let mean = norm / Double(golden.ids.count - 1)
      #expect(abs(mean - (wanted[name]?.double ?? 0)) < 1e-5, "\(name): \(mean)")
    }
  }

  /// Six steps of AdamW with decay on all parameters that are trained.
  @Test func training() throws {
    let golden = try #require(try BLTGolden.all().first)
    let patcher = try #require(golden.model.patcher)
    let frozen = patcher.parameters.parameters.filter(\.isFrozen)
    #expect(frozen.count == 2 + 1 + 2 * 9)
    let before = frozen.map(\.tensor.values)
    var config = TrainingConfig()
    config.precision = .float32
    (config.steps, config.optimizer.learningRate, config.optimizer.decay) = (6, 1e-2, .all)
    config.schedule.name = .constant
    let trainer = Trainer(config, OneText(model: golden.model, ids: golden.ids), lanes: Lanes(1))
    for wanted in try #require(golden.json["training"]?.array) {
      let (report, numbers) = (try #require(try trainer.next()), numbers(wanted))
      #expect(abs(report.loss - numbers[0]) < 2e-5)
      #expect(abs(report.gradientNorm - numbers[1]) < 1e-4)
    }
    #expect(frozen.map(\.tensor.values) == before)
  }

  /// Directories that transformers wrote, read, written and read again.
  @Test(arguments: ["blt-tiny", "blt-patcher-tiny"]) func directories(_ name: String) throws {
    let directory = try ModelDirectory(Fixtures.path(name))
    let expected = try JSON(contentsOf: Fixtures.path(name + "/expected.json"))
    let ids = numbers(expected["ids"]).map { Int32($0) }
    let logits = directory.model(Tokens([ids]), Pass())
    if let patcher = directory.model as? EntropyModel {
      let entropies = patcher.entropies(Tokens([ids]), Pass())
      #expect(distance(entropies, numbers(expected["entropies"])) < 1e-5)
    } else {
      let columns = (0..<ids.count).flatMap { row in
        stride(from: 0, to: 260, by: 37).map { logits.values[row * 260 + $0] }
      }
      #expect(distance(columns, numbers(expected["logits"])) < 1e-5)
    }
    try withTemporaryFolder { folder in
      try ModelDirectory.save(directory.model, nil, to: folder)
      let again = try ModelDirectory(folder)
      #expect(again.model(Tokens([ids]), Pass()).values == logits.values)
      // Floats of the file keep their points: transformers takes no integer for a float.
      let text = String(decoding: try FileSystem.readAll(folder + "/config.json"), as: UTF8.self)
      #expect(text.contains("\"rms_norm_eps\": 1e-05") && text.contains("\"rope_theta\": 10000.0"))
    }
  }
}

/// One text, always.
private struct OneText: TrainingTask {
  let model: BLT
  let ids: [Int32]

  var parameters: ParameterStore { model.parameters }
  func batch(_ random: inout RandomStream) -> [Int32] { ids }
  func lengths(_ batch: [Int32]) -> [Int] { [batch.count] }

  func loss(
    _ batch: [Int32], _ sequences: Range<Int>, _ pass: Pass
  ) -> (sum: Tensor, count: Int) {
    (model(Tokens([batch]), pass).crossEntropy(shifted(batch)).sum, batch.count - 1)
  }
}

/// A small BLT by its configuration, and what transformers computed with it.
struct BLTGolden: Sendable, CustomTestStringConvertible {
  let json: JSON
  let ids: [Int32]
  let name: String
  let lengths: [Int]

  var testDescription: String { name }

  static func all() throws -> [BLTGolden] {
    let file = try JSON(contentsOf: Fixtures.path("blt-goldens.json"))
    return try #require(file["cases"]?.array).map { json in
      BLTGolden(
        json: json, ids: numbers(file["ids"]).map { Int32($0) }, name: json["name"]?.string ?? "",
        lengths: numbers(json["lengths"]).map { Int($0) })
    }
  }

  /// The model, its weights set.
  var model: BLT {
    guard let config = json["config"],
      let model = try? Catalogue.model(config, from: name, rule: .huggingFace) as? BLT
    else { preconditionFailure("\(name): no configuration of a BLT") }
    for parameter in model.parameters.parameters { fill(parameter) }
    return model
  }

  /// For every byte whether a patch ends with it: as in the file, where a patch of length 0 says
  /// that the last one has ended.
  var ends: [Bool] {
    let own = model.patchEnds(Tokens([ids]))
    // With a longest patch transformers forgets whether the last one has ended.
    if name == "longest patch" { return own.dropLast() + [false] }
    guard name == "given patches" else { return own }
    var ends = [Bool](repeating: false, count: ids.count)
    for end in lengths.indices.dropLast() { ends[lengths[...end].reduce(0, +) - 1] = true }
    return ends
  }

  /// SplitMix64's finalizer, seeded with FNV-1a of the name: as in the script.
  private func fill(_ parameter: Parameter) {
    let seed = parameter.name.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    let isGain = parameter.shape.rank == 1
    let columns = Double(parameter.shape[parameter.shape.rank - 1])
    let gain = parameter.name.hasSuffix("patcher.lm_head.weight") ? 4.0 : 1
    for i in 0..<parameter.count {
      var z = seed &+ UInt64(i + 1) &* 0x9E37_79B9_7F4A_7C15
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      let u = Double((z ^ z >> 31) >> 40) / 16_777_216
      parameter.storage.floats[i] = Float(
        isGain ? 1 + 0.2 * (u - 0.5) : gain * (2 * u - 1) * (3 / columns).squareRoot())
    }
  }
}
