import Files
import Testing
import Training

@Suite struct ConfigTests {
  private static let steps = [0, 1, 9, 10, 11, 35, 60, 85, 109, 110, 111, 5_000]

  /// By nanoGPT's rule, run in Python: warm-up over 10 steps to 1, then to 0.1 at step 110.
  @Test(arguments: [
    (
      ScheduleConfig.Name.cosine,
      [1, 0.999778, 0.8681981, 0.55, 0.2318019, 0.100222, 0.1, 0.1, 0.1] as [Float]
    ),
    (.linear, [1, 0.991, 0.775, 0.55, 0.325, 0.109, 0.1, 0.1, 0.1]),
    (.wsd, [1, 1, 1, 1, 0.6113636, 0.1204545, 0.1, 0.1, 0.1]),
    (.constant, [1, 1, 1, 1, 1, 1, 1, 1, 1]),
  ]) func schedules(_ name: ScheduleConfig.Name, _ after: [Float]) {
    var schedule = ScheduleConfig()
    (schedule.name, schedule.steps, schedule.warmup, schedule.minimum) = (name, 110, 10, 0.1)
    for (step, expected) in zip(Self.steps, [0.0909091, 0.1818182, 0.9090909] + after) {
      let rate = schedule.rate(step, peak: 1)
      #expect(abs(rate - expected) < 2e-6, "step \(step): \(rate), not \(expected)")
    }
  }

  @Test func schedulesAtTheirEdges() {
    var schedule = ScheduleConfig()
    schedule.steps = 1
    #expect(schedule.rate(0, peak: 2) == 2 && schedule.rate(1, peak: 2) == 0)
    (schedule.steps, schedule.warmup, schedule.minimum) = (5, 9, 0.5)  // Ends while it warms up.
    #expect(schedule.rate(4, peak: 2) == 1 && schedule.rate(9, peak: 2) == 0.5)
    (schedule.steps, schedule.warmup) = (5, 5)
    #expect(schedule.rate(5, peak: 2) == 0.5)
  }

  struct Wrong: Sendable, CustomTestStringConvertible {
    let part: String
    let change: @Sendable (inout TrainingConfig) -> Void
    var testDescription: String { part }

    init(_ part: String, _ change: @escaping @Sendable (inout TrainingConfig) -> Void) {
      (self.part, self.change) = (part, change)
    }
  }

  private static var good: TrainingConfig {
    var config = TrainingConfig()
    config.data.path = "text"
    return config
  }

  @Test(arguments: [
    Wrong("steps is 0") { $0.steps = 0 }, Wrong("steps is -3") { $0.steps = -3 },
    Wrong("batch_size is 0") { $0.batchSize = 0 }, Wrong("batch_size is") { $0.batchSize = .max },
    Wrong("accumulation is -1") { $0.accumulation = -1 },
    Wrong("accumulation is") { $0.accumulation = .max }, Wrong("context is -2") { $0.context = -2 },
    Wrong("clip is -0.5") { $0.clip = -0.5 }, Wrong("clip is nan") { $0.clip = .nan },
    Wrong("dropout") { $0.dropout = 1 }, Wrong("dropout") { $0.dropout = .nan },
    Wrong("evaluate_every is -1") { $0.evaluateEvery = -1 },
    Wrong("evaluate_batches is -1") { $0.evaluateBatches = -1 },
    Wrong("checkpoint_every is 0") { $0.checkpointEvery = 0 },
    Wrong("keep_last is 0") { $0.keepLast = 0 }, Wrong("log_every is 0") { $0.logEvery = 0 },
    Wrong("sample_every is -1") { $0.sampleEvery = -1 }, Wrong("threads is -1") { $0.threads = -1 },
    Wrong("threads is 5000") { $0.threads = 5_000 },
    Wrong("learning_rate") { $0.optimizer.learningRate = -1 },
    Wrong("learning_rate") { $0.optimizer.learningRate = .nan },
    Wrong("learning_rate") { $0.optimizer.learningRate = .infinity },
    Wrong("weight_decay") { $0.optimizer.weightDecay = -0.1 },
    Wrong("weight_decay") { $0.optimizer.weightDecay = .infinity },
    Wrong("epsilon") { $0.optimizer.epsilon = 0 }, Wrong("betas") { $0.optimizer.betas = [0.9] },
    Wrong("betas") { $0.optimizer.betas = [0.9, 1] },
    Wrong("betas") { $0.optimizer.betas = [-1, 0] },
    Wrong("optimizer.momentum") { $0.optimizer.momentum = 1 },
    Wrong("optimizer.momentum") { $0.optimizer.momentum = -0.5 },
    Wrong("optimizer.momentum") { $0.optimizer.momentum = .nan },
    Wrong("cooldown") { $0.schedule.cooldown = 1.5 },
    Wrong("cooldown") { $0.schedule.cooldown = .nan },
    Wrong("warmup") { $0.schedule.warmup = -1 }, Wrong("warmup") { $0.schedule.warmup = .max },
    Wrong("schedule.steps") { $0.schedule.steps = -1 },
    Wrong("minimum") { $0.schedule.minimum = -1 },
    Wrong("minimum") { $0.schedule.minimum = .nan },
    Wrong("data needs either") { $0.data.path = nil },
    Wrong("data needs either") { $0.data.make = "sort" },
    Wrong("vocabulary") { $0.data.vocabulary = 0 }, Wrong("documents") { $0.data.documents = 1 },
  ]) func refuses(_ wrong: Wrong) {
    var config = Self.good
    wrong.change(&config)
    #expect { try config.validate() } throws: { error in
      let message = (error as? Failure)?.message ?? ""
      #expect(message.contains(wrong.part), "\(message) does not say \(wrong.part)")
      return !message.contains("; ") && !message.contains("\n")
    }
  }

  @Test func namesAllAtOnce() throws {
    try Self.good.validate()
    var config = Self.good
    (config.steps, config.batchSize, config.logEvery) = (0, 0, 0)
    #expect { try config.validate() } throws: {
      "\($0)" == "steps is 0, must be at least 1; batch_size is 0, must be at least 1; "
        + "log_every is 0, must be at least 1"
    }
  }
}
