// Our GPT against transformers' (Tests/Fixtures/make_gpt_goldens.py): the same small checkpoints,
// what PyTorch makes of them in float32. Both sum in their own order, so numbers agree to some
// 1e-6.

import Checkpoints
import Files
import Generation
import Models
import Random
import TestSupport
import Testing
import Training

/// One fixed batch.
private struct FixedTask: TrainingTask {
  let model: any LanguageModel
  let rows: [[Int32]]

  var parameters: ParameterStore { model.parameters }
  func batch(_ random: inout RandomStream) -> [[Int32]] { rows }
  func lengths(_ batch: [[Int32]]) -> [Int] { batch.map(\.count) }

  func loss(
    _ batch: [[Int32]], _ sequences: Range<Int>, _ pass: Pass
  ) -> (sum: Tensor, count: Int) {
    let targets = batch[sequences].flatMap(shifted)
    let logits = model(Tokens(Array(batch[sequences])), pass)
    return (logits.crossEntropy(targets).sum, targets.count { $0 >= 0 })
  }
}

/// A checkpoint, and what PyTorch computed with it.
private struct Golden {
  let model: any LanguageModel
  let expected: JSON
  let rows: [[Int32]]

  init(_ name: String) throws {
    let directory = try ModelDirectory(Fixtures.path(name))
    #expect(directory.tokenizer == nil)
    model = directory.model
    expected = try JSON(contentsOf: Fixtures.path(name + "/expected.json"))
    rows = expected["ids"]?.array?.map { ids($0) } ?? []
    try #require(rows.count == 2)
  }
}

private func ids(_ json: JSON?) -> [Int32] { json?.array?.compactMap(\.int).map(Int32.init) ?? [] }

/// All numbers of nested arrays, in order.
func numbers(_ json: JSON?) -> [Double] {
  json?.array?.flatMap(numbers) ?? json?.double.map { [$0] } ?? []
}

@Suite struct GoldenTests {
  @Test(arguments: ["gpt2-tiny", "openai-gpt-tiny"]) func forward(_ name: String) throws {
    let golden = try Golden(name)
    let logits = golden.model(Tokens(golden.rows), Pass()).values
    let expected = numbers(golden.expected["logits"])
    #expect(expected.count == 2 * 16 * 37)
    #expect(distance(logits, expected) < 1e-5, "\(distance(logits, expected))")
  }

  @Test(arguments: ["gpt2-tiny", "openai-gpt-tiny"]) func gradients(_ name: String) throws {
    let golden = try Golden(name)
    let (sum, found) = lossAndGradients(golden.model, golden.rows, golden.rows.map(shifted))
    let loss = try #require(golden.expected["loss"]?.double)
    #expect(abs(Double(sum) / 30 - loss) < 1e-6 * loss)
    let expected = try #require(golden.expected["gradients"]?.object)
    #expect(Set(expected.keys) == Set(found.keys))
    let whole = expected.values.reduce(0) { $0 + (numbers($1).first ?? 0) }
    for (parameter, gradient) in found {
      let wanted = numbers(expected[parameter])
      try #require(wanted.count == 6)
      let mean = gradient.map { Double($0) / 30 }
      let norm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - wanted[0]) < 1e-5 * wanted[0] + 1e-7 * whole, "\(parameter)")
      for (a, b) in zip(mean.prefix(4) + mean.suffix(1), wanted.dropFirst()) {
        #expect(abs(a - b) < 1e-5 * wanted[0] + 1e-7 * whole, "\(parameter): \(a), not \(b)")
      }
    }
  }

  /// Ten steps of AdamW through the real trainer: decay on matrices, clipping, tied weights.
  @Test(arguments: [1, 2]) func training(_ lanes: Int) throws {
    let golden = try Golden("gpt2-tiny")
    let training = try #require(golden.expected["training"])
    func float(_ key: String) throws -> Float { Float(try #require(training[key]?.double)) }
    var config = TrainingConfig()
    config.precision = .float32
    config.optimizer.learningRate = try float("learning_rate")
    config.optimizer.weightDecay = try float("weight_decay")
    config.optimizer.epsilon = try float("epsilon")
    config.optimizer.betas = numbers(training["betas"]).map { Float($0) }
    config.clip = try float("clip")
    config.schedule.name = .constant
    config.steps = 11
    let task = FixedTask(model: golden.model, rows: golden.rows)
    let trainer = Trainer(config, task, lanes: Lanes(lanes))
    var reports: [StepReport] = []
    while let report = try trainer.next() { reports.append(report) }
    let losses = numbers(training["losses"]) + numbers([training["last_loss"] ?? .null])
    let norms = numbers(training["gradient_norms"])
    #expect(losses.count == 11 && norms.count == 10 && reports.count == 11)
    // A rounding error grows a little with every step.
    for (report, loss) in zip(reports, losses) {
      #expect(abs(report.loss - loss) < 2e-5 * loss, "step \(report.step)")
    }
    for (report, norm) in zip(reports, norms) {
      #expect(abs(report.gradientNorm - norm) < 1e-4 * norm, "step \(report.step)")
    }
    #expect(norms.contains { $0 > 1 } && (losses.last ?? 9) < losses[0] / 2)
  }

  @Test func greedy() throws {
    let golden = try Golden("gpt2-tiny")
    let settings = try SamplerSettings(temperature: 0)
    let wanted = ids(golden.expected["greedy"]?["ids"])
    var generator = try Generator(
      golden.model, prompt: ids(golden.expected["greedy"]?["prompt"]), settings: settings, seed: 1)
    #expect(try (0..<20).map { _ in try generator.next() } == wanted && wanted.count == 20)
  }
}
