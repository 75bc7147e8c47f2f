import ArgumentParser
import Files
import Glibc
import Models
import Random
import Tensors
import Text
import Training

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures the speed of training.",
    discussion: """
      examples:
        specola bench train-nano
        specola bench --json --threads 2

      Medians of five repeats after a warm-up, through the trainer of `train`, on random tokens.
      """)

  @Argument(help: "train-nano, train-baby or train-sort; all by default.")
  var workloads: [String] = []
  @OptionGroup var engine: EngineOptions
  @Option(help: "float32 (bf16 comes with the speed work).") var precision: Precision = .float32
  @Flag(help: "Print an object a line.") var json = false

  func run() throws {
    let names = Workload.all.map(\.name)
    for name in workloads where !names.contains(name) {
      let near = nearest(name, among: names).map { "; nearest: \($0)" } ?? ""
      throw Failure(
        "\(quoted(name)) is not one of \(names.joined(separator: ", "))\(near)", code: 64)
    }
    let lanes = try engine.lanes()
    for workload in Workload.all where workloads.isEmpty || workloads.contains(workload.name) {
      let result = try workload.run(lanes)
      let rate = Double(workload.batch * workload.config.context) / result.seconds
      if json {
        let object: JSON = [
          "workload": .string(workload.name), "mode": .string(precision.rawValue),
          "path": .string(Kernel.path.rawValue), "threads": .int(lanes.count),
          "seconds": .double(result.seconds), "tokens_per_s": .double(rate.rounded()),
          "loss": .double(result.loss), "bytes_held": .int(Pool.statistics.bytes),
          "pool_misses_after_warm_up": .int(result.misses),
        ]
        try emit(object.text())
      } else {
        try emit(
          "\(workload.name)  \(grouped(Int(rate))) tokens/s  (\(fixed(1e3 * result.seconds, 2)) ms "
            + "a step, loss \(fixed(result.loss, 4)), \(lanes.count) threads, "
            + "\(Kernel.path.rawValue))"
        )
      }
    }
  }
}

/// A training workload by its shape.
private struct Workload {
  let name: String
  let config: GPTConfig
  let batch: Int
  let steps: Int

  static let all = [
    Workload("train-nano", [65, 64, 128, 4, 4], batch: 12, steps: 40),
    Workload("train-baby", [65, 256, 384, 6, 6], batch: 16, steps: 2),
    Workload("train-sort", [3, 11, 48, 3, 3], batch: 64, steps: 100),
  ]

  /// Shapes are vocabulary, context, width, layers, heads.
  init(_ name: String, _ shape: [Int], batch: Int, steps: Int) {
    var config = GPTConfig()
    (config.vocabulary, config.context, config.width) = (shape[0], shape[1], shape[2])
    (config.layers, config.heads) = (shape[3], shape[4])
    (self.name, self.config, self.batch, self.steps) = (name, config, batch, steps)
  }

  /// Tokens drawn evenly.
  private struct Noise: SequenceSource {
    let config: GPTConfig

    func sample(_ random: inout RandomStream) -> ScoredSequence {
      ScoredSequence((0...config.context).map { _ in Int32(random.below(config.vocabulary)) })
    }
  }

  /// Seconds a step (the median of five repeats), the loss after them, and pool misses meanwhile.
  func run(_ lanes: Lanes) throws -> (seconds: Double, loss: Double, misses: Int) {
    let model = GPT(config)
    model.parameters.initialize(seed: 1)
    var training = TrainingConfig()
    (training.steps, training.batchSize, training.schedule.name) = (.max, batch, .constant)
    let trainer = Trainer(
      training, LanguageTask(model, Noise(config: config), sequences: batch), lanes: lanes)
    for _ in 0..<3 { _ = try trainer.next() }
    let misses = Pool.statistics.misses
    var seconds: [Double] = []
    var loss = 0.0
    for _ in 0..<5 {
      let began = ContinuousClock.now
      for _ in 0..<steps { loss = try trainer.next()?.loss ?? loss }
      seconds.append((ContinuousClock.now - began) / .seconds(1) / Double(steps))
    }
    return (seconds.sorted()[2], loss, Pool.statistics.misses - misses)
  }
}
