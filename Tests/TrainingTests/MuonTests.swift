// Muon against torch.optim.Muon in double (Tests/Fixtures/make_muon_goldens.py), and as a part of
// runs.

import Checkpoints
import Files
import Glibc
import Models
import Random
import TestSupport
import Testing
import Text
import Training

@Suite struct MuonTests {
  private static func goldens() throws -> JSON {
    try JSON(contentsOf: Fixtures.path("muon-goldens.json"))
  }

  private static func numbers(_ json: JSON?) -> [Double] {
    json?.array?.compactMap(\.double) ?? []
  }

  // MARK: - Newton–Schulz

  @Test func orthogonalizesAsPyTorchDoes() throws {
    let matrices = try #require(try Self.goldens()["matrices"]?.array)
    #expect(matrices.count == 6)
    for golden in matrices {
      let shape = golden["shape"]?.array?.compactMap(\.int) ?? []
      try #require(shape.count == 2)
      let expected = Self.numbers(golden["result"]).map { Float($0) }
      let (result, values) = orthogonalized(
        Self.numbers(golden["matrix"]).map { Float($0) }, shape[0], shape[1])
      #expect(difference(result, expected) < 1e-5, "\(shape)")
      for (found, wanted) in zip(
        [values.min(), values.max()], Self.numbers(golden["singular_values"]))
      {
        #expect(abs((found ?? 9) - wanted) < 1e-5, "\(shape): \(values)")
      }
    }
  }

  /// The singular values are the quintic's of those that came in, five times; all that were not
  /// small lie in the band of Jordan and others.
  @Test(arguments: [
    [128, 128], [128, 512], [512, 128], [33, 57], [57, 33], [16, 300], [3, 3],
  ])
  func singularValuesComeNearOne(_ shape: [Int]) {
    let (rows, columns) = (shape[0], shape[1])
    var random = RandomStream(seed: 9, name: "muon")
    let matrix = (0..<rows * columns).map { _ in Float(random.normal()) }
    let before = singularValues(matrix.map { Double($0) }, rows, columns)
    let norm = before.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let (result, after) = orthogonalized(matrix, rows, columns)
    func quintic(_ x: Double) -> Double { 3.4445 * x - 4.775 * x * x * x + 2.0315 * pow(x, 5) }
    let expected = before.map { (0..<5).reduce($0 / norm) { x, _ in quintic(x) } }
    for (found, wanted) in zip(after, expected.sorted()) { #expect(abs(found - wanted) < 1e-4) }
    for (small, value) in zip(before, expected) where small > 0.0016 * norm {
      #expect((0.68...1.21).contains(value), "\(small / norm) came to \(value)")
    }
    // The directions stay: the matrix and its result multiply to a sum of products of values.
    let product = zip(matrix, result).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    let wanted = zip(before, expected).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs(product - wanted) < 1e-4 * wanted)
  }

  @Test func nothingBecomesNothing() {
    #expect(orthogonalized([Float](repeating: 0, count: 12), 3, 4).result.allSatisfy { $0 == 0 })
    let tiny = orthogonalized([1e-30, 0, 0, 2e-30], 2, 2).result
    #expect(tiny.allSatisfy { $0.isFinite })
  }

  // MARK: - Steps

  /// q, k and v of the fused weight each by itself; AdamW for the rest; decay and clipping.
  @Test(arguments: [1, 2, 3]) func trainsAsPyTorchDoes(_ lanes: Int) throws {
    let golden = try #require(try Self.goldens()["training"])
    func float(_ key: String) throws -> Float { Float(try #require(golden[key]?.double)) }
    var config = TrainingConfig()
    config.precision = .float32
    (config.schedule.name, config.steps, config.optimizer.name) = (.constant, 7, .muon)
    config.optimizer.learningRate = try float("learning_rate")
    config.optimizer.weightDecay = try float("weight_decay")
    config.optimizer.momentum = try float("momentum")
    config.optimizer.betas = Self.numbers(golden["betas"]).map { Float($0) }
    config.optimizer.epsilon = try float("epsilon")
    config.clip = try float("clip")
    let model = try ModelDirectory(Fixtures.path("gpt2-tiny")).model
    let rows = golden["ids"]?.array?.map { $0.array?.compactMap(\.int) ?? [] } ?? []
    let batch = rows.map { ScoredSequence($0.map { Int32($0) }) }
    try #require(batch.count == 2 && batch[0].input.count == 15)
    let trainer = Trainer(config, FixedTask(model: model, fixed: batch), lanes: Lanes(lanes))
    let losses = Self.numbers(golden["losses"])
    try #require(losses.count == 7)
    for (loss, norm) in zip(losses, Self.numbers(golden["gradient_norms"])) {
      let report = try #require(try trainer.next())
      #expect(abs(report.loss - loss) < 1e-5 * loss, "step \(report.step): \(report.loss)")
      #expect(abs(report.gradientNorm - norm) < 1e-4 * norm, "step \(report.step)")
    }
    let wanted = try #require(golden["weights"]?.object)
    #expect(Set(wanted.keys) == Set(model.parameters.parameters.map(\.name)))
    for parameter in model.parameters.parameters {
      let (values, wanted) = (parameter.tensor.values, Self.numbers(wanted[parameter.name]))
      try #require(wanted.count == 6)
      #expect(abs(norm(values) - wanted[0]) < 1e-4 * wanted[0], "\(parameter.name)")
      for (a, b) in zip(values.prefix(4) + values.suffix(1), wanted.dropFirst()) {
        #expect(abs(Double(a) - b) < 1e-4, "\(parameter.name): \(a), not \(b)")
      }
    }
    #expect(abs(try #require(try trainer.next()).loss - losses[6]) < 1e-4)
  }

  @Test func stepsTheMatricesOfTheBlocks() throws {
    let model = makeModel()
    var config = TrainingConfig()
    config.precision = .float32
    config.optimizer.name = .muon
    let task = FixedTask(model: model, fixed: randomBatch(2))
    let state = Trainer(config, task, lanes: Lanes(1)).optimizer.state.map(\.name)
    let matrices = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
    let muon = (0..<2).flatMap { layer in
      matrices.map { "transformer.h.\(layer).\($0).weight" }
    }
    let others = model.parameters.parameters.map(\.name).filter { !muon.contains($0) }
    #expect(others.contains("transformer.wte.weight") && others.contains("transformer.wpe.weight"))
    #expect(Set(state).count == state.count)
    #expect(
      Set(state)
        == Set(
          muon.map { "momentum." + $0 } + others.flatMap { ["first." + $0, "second." + $0] }))
  }

  /// An output layer that is not tied to the embeddings is stepped by AdamW too.
  @Test func leavesTheOutputLayerToAdamW() {
    var shape = RotaryConfig()
    (shape.vocabulary, shape.width, shape.layers, shape.heads) = (12, 8, 1, 2)
    let model = shape.makeModel()
    let stepped = model.parameters.parameters.filter { $0.matrices > 0 }.map(\.name)
    #expect(stepped.count == 7 && stepped.allSatisfy { $0.contains("layers.0.") })
    #expect(model.parameters.parameters.contains { $0.name.contains("lm_head") })
  }

  @Test func lanesDoNotChangeTheResult() throws {
    func result(_ lanes: Int) throws -> [Float] {
      var config = plainConfig(rate: 0.01, steps: 4)
      // AdamW would make steps of the rounding that keys' biases have for a gradient.
      (config.optimizer.name, config.optimizer.epsilon) = (.muon, 1e-4)
      let task = FixedTask(model: makeModel(dropout: 0.1), fixed: randomBatch(12))
      let trainer = Trainer(config, task, lanes: Lanes(lanes))
      while try trainer.next() != nil {}
      return weights(trainer.task.model)
    }
    let one = try result(1)
    for lanes in 1...3 {
      let first = try result(lanes)
      #expect(difference(first, one) < 1e-4)
      #expect(isEqual(try result(lanes), first), "\(lanes) lanes are not deterministic")
    }
  }

  // MARK: - Runs

  @Test(arguments: [[5], [8], [3, 12]]) func resumesToTheBit(_ stops: [Int]) throws {
    func set(_ config: inout TrainingConfig) {
      (config.optimizer.name, config.optimizer.learningRate) = (.muon, 0.01)
      config.schedule.name = .wsd
    }
    func go(_ run: TrainingRun, to last: Int = .max) throws {
      while run.trainer.step < last || !run.isBetweenSteps {
        if run.trainer.step == 3, run.isBetweenSteps { try run.turn(rate: 0.02) }
        guard try run.next() != nil else { break }
      }
    }
    try withTemporaryFolder { folder in
      try go(TrainingRun(makeRun(folder + "/whole", set)))
      _ = try makeRun(folder + "/parts", set)
      for stop in stops + [.max] {
        let run = try TrainingRun(RunFolder(folder + "/parts"))
        try go(run, to: stop)
        if stop < .max { try run.save() }
      }
      #expect(try bits(of: folder + "/parts") == bits(of: folder + "/whole"))
    }
  }

  /// In a process of its own, since the pool counts for all threads.
  @Test func noStepButTheFirstFindsThePoolShort() async {
    await #expect(processExitsWith: .success) {
      var config = plainConfig(rate: 1e-3, steps: 101)
      config.optimizer.name = .muon
      let batch = randomBatch(8, RandomSource(lengths: 16...16))
      let task = FixedTask(model: makeModel(dropout: 0.1), fixed: batch)
      let trainer = Trainer(config, task, lanes: Lanes(2))
      _ = try trainer.next()
      let before = Pool.statistics
      while try trainer.next() != nil {}
      #expect(trainer.step == 101 && Pool.statistics == before && before.bytes > 0)
    }
  }
}

/// The result of `Updates.orthogonalized`, and its singular values in ascending order.
private func orthogonalized(
  _ matrix: [Float], _ rows: Int, _ columns: Int
) -> (result: [Float], singularValues: [Double]) {
  let storage = Storage(zeros: matrix.count)
  _ = storage.floats.update(fromContentsOf: matrix)
  let result = Array(Updates.orthogonalized(storage, rows, columns).floats)
  return (result, singularValues(result.map { Double($0) }, rows, columns).sorted())
}

/// By Jacobi's rotations of pairs of the shorter side's vectors until all are orthogonal (Hestenes
/// 1958): their lengths are the singular values.
private func singularValues(_ matrix: [Double], _ rows: Int, _ columns: Int) -> [Double] {
  let isTall = rows > columns
  var vectors = (0..<min(rows, columns)).map { i in
    (0..<max(rows, columns)).map { matrix[isTall ? $0 * columns + i : i * columns + $0] }
  }
  func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
  for _ in 0..<12 {
    for i in vectors.indices {
      for j in 0..<i {
        let (a, b) = (vectors[i], vectors[j])
        let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b))
        guard abs(ab) > 1e-14 * (aa * bb).squareRoot() else { continue }
        let angle = 0.5 * atan2(2 * ab, aa - bb)
        let (c, s) = (cos(angle), sin(angle))
        vectors[i] = zip(a, b).map { c * $0 + s * $1 }
        vectors[j] = zip(a, b).map { c * $1 - s * $0 }
      }
    }
  }
  return vectors.map { dot($0, $0).squareRoot() }
}
