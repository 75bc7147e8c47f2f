import Files
import Models
import Random
import Text
import Training

/// Sequences of random lengths, some targets not scored.
struct RandomSource: SequenceSource {
  var lengths = 3...20
  var vocabulary = 11

  func sample(_ random: inout RandomStream) -> ScoredSequence {
    let count = lengths.lowerBound + random.below(lengths.count)
    var sequence = ScoredSequence((0...count).map { _ in Int32(random.below(vocabulary)) })
    for i in 0..<count where random.below(4) == 0 { sequence.targets[i] = -1 }
    return sequence
  }
}

/// The same sequences at every step.
struct FixedTask: TrainingTask {
  let model: any LanguageModel
  let fixed: [ScoredSequence]

  var parameters: ParameterStore { model.parameters }
  func batch(_ random: inout RandomStream) -> [ScoredSequence] { fixed }
  func lengths(_ batch: [ScoredSequence]) -> [Int] { batch.map(\.input.count) }

  func loss(
    _ batch: [ScoredSequence], _ sequences: Range<Int>, _ pass: Pass
  ) -> (sum: Tensor, count: Int) {
    let task = LanguageTask(model, RandomSource(), sequences: 1)
    return task.loss(batch, sequences, pass)
  }
}

/// A batch of random sequences.
func randomBatch(_ count: Int, _ source: RandomSource = RandomSource()) -> [ScoredSequence] {
  var random = RandomStream(seed: 6, name: "batch")
  return (0..<count).map { _ in source.sample(&random) }
}

/// A small model; the same at every call.
func makeModel(dropout: Float = 0, width: Int = 12, context: Int = 64) -> GPT {
  var config = GPTConfig()
  (config.vocabulary, config.context, config.width) = (11, context, width)
  (config.layers, config.heads) = (2, 3)
  (config.embeddingDropout, config.attentionDropout) = (dropout, dropout)
  config.residualDropout = dropout
  let model = GPT(config)
  model.parameters.initialize(seed: 5)
  for parameter in model.parameters.parameters where parameter.shape.rank > 1 {
    for i in 0..<parameter.count { parameter.storage.floats[i] *= 5 }
  }
  return model
}

/// Plain steps of constant size: the velocity after one step is the mean gradient.
func plainConfig(rate: Float = 0.1, steps: Int = 1) -> TrainingConfig {
  var config = TrainingConfig()
  config.precision = .float32
  config.steps = steps
  config.clip = 0
  config.schedule.name = .constant
  config.optimizer.name = .sgd
  config.optimizer.betas = [0, 0]
  config.optimizer.learningRate = rate
  config.optimizer.weightDecay = 0
  return config
}

/// All weights, or all of a running average, one parameter after another.
func weights(_ model: any LanguageModel) -> [Float] {
  model.parameters.parameters.flatMap { $0.tensor.values }
}

func gradient<Task>(_ trainer: Trainer<Task>) -> [Float] {
  trainer.optimizer.state.flatMap { Array($0.storage.floats) }
}

func isEqual(_ a: [Float], _ b: [Float]) -> Bool {
  a.map(\.bitPattern) == b.map(\.bitPattern)
}

/// The largest difference; infinite for a NaN or another count.
func difference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) {
    let d = abs($1.0 - $1.1)
    return d.isNaN ? .infinity : max($0, d)
  }
}

func norm(_ x: [Float]) -> Double {
  x.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
}

/// A small run over tales of bytes in a folder; the same at every call.
func makeRun(
  _ path: String, _ change: (inout TrainingConfig) -> Void = { _ in }
) throws -> RunFolder {
  var config = TrainingConfig()
  (config.data.make, config.data.documents) = ("tales-en", 40)
  (config.steps, config.batchSize, config.threads, config.dropout) = (24, 2, 2, 0.1)
  (config.schedule.warmup, config.schedule.minimum, config.logEvery) = (2, 1e-4, 1)
  (config.evaluateEvery, config.evaluateBatches, config.checkpointEvery) = (6, 1, 8)
  change(&config)
  let shape: JSON = ["n_embd": 12, "n_layer": 1, "n_head": 2, "n_positions": 16]
  let beginning = Beginning.configuration(shape, path: "configs/tiny.json", sets: [])
  return try TrainingRun.create(path, beginning, config, version: "test")
}

/// The lines of a run's log without their timings.
func logLines(_ path: String) throws -> [String] {
  try FileSystem.readAll(path + "/log.jsonl").split(separator: UInt8(ascii: "\n")).map { line in
    var members = try JSON.parse(Array(line), from: "log").object ?? [:]
    members["tokens_per_s"] = nil
    return JSON.object(members).text()
  }
}

/// What must be equal to the bit: the log without timings, and the last checkpoint.
func bits(of run: String) throws -> [String] {
  let files = ["model.safetensors", "training/optimizer.safetensors", "training/state.json"]
  return try logLines(run) + RunFolder.checkpoints(in: run).map { "\($0)" }
    + files.map { try sha256(ofFile: "\(run)/last/\($0)") }
}
