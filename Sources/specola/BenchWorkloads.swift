// The workloads by which engines are compared: shapes and amounts as in scripts/compare.

import Files
import Generation
import Inspection
import Models
import Random
import Tensors
import Text
import Training

/// A model by its shape, and what is done with it.
struct Workload {
  enum Kind {
    /// Steps of so many sequences of the context.
    case training(batch: Int, steps: Int)
    /// Tokens drawn one at a time behind a prompt of one.
    case decoding(tokens: Int)
    /// Next-token entropies of a text in rows of the context.
    case entropies(tokens: Int)
  }

  let name: String
  let config: GPTConfig
  let kind: Kind

  static let all = [
    Workload("train-nano", [65, 64, 128, 4, 4], .training(batch: 12, steps: 40)),
    Workload("train-baby", [65, 256, 384, 6, 6], .training(batch: 16, steps: 2)),
    Workload("train-sort", [3, 11, 48, 3, 3], .training(batch: 64, steps: 100)),
    Workload("decode-baby", [512, 256, 384, 6, 6], .decoding(tokens: 240)),
    Workload("decode-124m", [50257, 1024, 768, 12, 12], .decoding(tokens: 64)),
    Workload("entropy", [260, 512, 256, 4, 4], .entropies(tokens: 1 << 18)),
  ]

  /// Shapes are vocabulary, context, width, layers, heads.
  init(_ name: String, _ shape: [Int], _ kind: Kind) {
    var config = GPTConfig()
    (config.vocabulary, config.context, config.width) = (shape[0], shape[1], shape[2])
    (config.layers, config.heads) = (shape[3], shape[4])
    (self.name, self.config, self.kind) = (name, config, kind)
  }

  /// Whether this can be done with weights in a form: int8 is for decoding.
  func allows(_ form: WeightForm) -> Bool {
    if case .decoding = kind { true } else { form != .int8 }
  }

  /// Operations to read one token, `before` tokens being attended to on average.
  func operations(before: Double) -> Double {
    let model = GPT(config)
    func costs(_ tokens: Int) -> Double {
      let weights = model.parameters.parameters.map { ($0.name, $0.shape.axes) }
      return Double(
        ModelCosts(
          weights, layout: model.headLayout, vocabulary: model.vocabulary, context: model.context,
          tokens: tokens
        ).parts[0].flops)
    }
    return costs(0) + (costs(1) - costs(0)) * before
  }
}

/// Tokens drawn evenly.
struct Noise: SequenceSource {
  let config: GPTConfig

  func sample(_ random: inout RandomStream) -> ScoredSequence {
    ScoredSequence((0...config.context).map { _ in Int32(random.below(config.vocabulary)) })
  }
}

extension BenchRun {
  func measure(_ workload: Workload) throws {
    let model = GPT(workload.config)
    model.parameters.initialize(seed: 1)
    var result: Result
    switch workload.kind {
    case .training(let batch, let steps):
      result = try train(model, batch: batch, steps: steps)
      // Backward takes two products for each of forward's.
      result.work = 3 * workload.operations(before: Double(model.context + 1) / 2)
    case .decoding(let tokens):
      use(precision, model)
      result = try decode(model, tokens)
      result.work = workload.operations(before: Double(tokens + 1) / 2)
    case .entropies(let tokens):
      use(precision, model)
      result = entropies(model, tokens)
      result.work = workload.operations(before: Double(model.context + 1) / 2)
    }
    try tell(result, of: workload)
  }

  /// What a workload came to.
  private struct Result {
    /// Seconds for so many tokens.
    let seconds: Double
    let tokens: Int
    /// Blocks that had to be asked of the system after the warm-up.
    let misses: Int
    /// What is said beside the speed.
    let words: String
    let facts: [String: JSON]
    /// Operations a token.
    var work = 0.0

    var rate: Double { Double(tokens) / seconds }
  }

  /// Times `body` after a run that does not count.
  private func timed(_ body: () throws -> Void) rethrows -> (seconds: Double, misses: Int) {
    try body()
    let misses = Pool.statistics.misses
    let seconds = try median { try specola.seconds(body) }
    return (seconds, Pool.statistics.misses - misses)
  }

  private func train(_ model: GPT, batch: Int, steps: Int) throws -> Result {
    let trainer = trainer(model, batch: batch)
    var loss = 0.0
    let (seconds, misses) = try timed {
      for _ in 0..<steps { loss = try trainer.next()?.loss ?? loss }
    }
    let step = seconds / Double(steps)
    return Result(
      seconds: step, tokens: batch * model.context, misses: misses,
      words: "\(fixed(1e3 * step, 2)) ms a step, loss \(fixed(loss, 4))",
      facts: ["loss": .double(loss)])
  }

  /// A trainer on random sequences, whose steps never end.
  func trainer(_ model: GPT, batch: Int) -> Trainer<LanguageTask> {
    var training = TrainingConfig()
    (training.steps, training.batchSize, training.schedule.name) = (.max, batch, .constant)
    training.precision = precision == .bf16 ? .bf16 : .float32
    let task = LanguageTask(model, Noise(config: model.config), sequences: batch)
    return Trainer(training, task, lanes: lanes)
  }

  private func use(_ form: WeightForm, _ model: GPT) {
    model.parameters.use(form)
    model.parameters.repack(lanes)
  }

  private func decode(_ model: GPT, _ tokens: Int) throws -> Result {
    let settings = try SamplerSettings(temperature: 0.8, topK: 40)
    let (seconds, misses) = try timed {
      var generator = try Generator(
        model, prompt: [0], settings: settings, seed: 1, lanes: lanes)
      for _ in 0..<tokens { _ = try generator.next() }
    }
    return Result(
      seconds: seconds, tokens: tokens, misses: misses,
      words: "\(fixed(1e3 * seconds / Double(tokens), 3)) ms a token", facts: [:])
  }

  private func entropies(_ model: GPT, _ tokens: Int) -> Result {
    var random = RandomStream(seed: 1, name: "bench")
    let texts = (0..<tokens / model.context).map { _ in
      (0..<model.context).map { _ in Int32(random.below(256)) }
    }
    var found: [[Float]] = []
    let (seconds, misses) = timed { found = model.entropies(of: texts, lanes: lanes) }
    let mean = found.joined().reduce(0) { $0 + Double($1) } / Double(tokens)
    return Result(
      seconds: seconds, tokens: tokens, misses: misses,
      words: "\(fixed(seconds, 3)) s, mean \(fixed(mean, 4)) nats",
      facts: ["mean_entropy": .double(mean)])
  }

  var bytesAWeight: Double {
    switch precision {
    case .float32: 4
    case .bf16: 2
    case .int8: 1
    }
  }

  private func tell(_ result: Result, of workload: Workload) throws {
    let memory = Pool.statistics.bytes
    var (unit, facts) = ("tokens", result.facts)
    var speed: String
    if case .entropies = workload.kind { unit = "bytes" }
    if case .decoding = workload.kind {
      // A weight is read for every two operations: memory is the limit.
      let bytes = result.rate * result.work / 2 * bytesAWeight
      let share = bytes / Limits.streaming(lanes)
      speed = "\(fixed(bytes / 1e9, 1)) GB/s, \(percent(share)) of the streaming rate"
      (facts["gb_per_s"], facts["share_of_streaming"]) = (.double(bytes / 1e9), .double(share))
    } else {
      let operations = result.rate * result.work
      let share = operations / Limits.peak(lanes)
      speed = "\(fixed(operations / 1e9, 0)) GFLOP/s, \(percent(share)) of the peak"
      (facts["gflop_per_s"], facts["share_of_peak"]) = (.double(operations / 1e9), .double(share))
    }
    facts.merge([
      "workload": .string(workload.name), "mode": .string(precision.rawValue),
      "path": .string(Kernel.path.rawValue), "threads": .int(lanes.count),
      "seconds": .double(result.seconds), unit + "_per_s": .double(result.rate.rounded()),
      "bytes_held": .int(memory), "pool_misses_after_warm_up": .int(result.misses),
    ]) { $1 }
    try tell(
      "\(workload.name)  \(grouped(Int(result.rate))) \(unit)/s  (\(result.words); \(speed); "
        + "\(lanes.count) threads, \(Kernel.path.rawValue), \(precision.rawValue))", facts)
  }
}

func percent(_ share: Double) -> String { fixed(100 * share, 0) + " %" }
