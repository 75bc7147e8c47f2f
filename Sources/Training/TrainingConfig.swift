// What `train` is told, beside the model: configs/train/*.json, with the defaults that stand here.

import Files
import Glibc
import Models

/// A training configuration; keys in files are the names below in snake case.
public struct TrainingConfig: Codable, Equatable, Sendable {
  public var task = TaskName.language
  public var data = DataConfig()
  public var steps = 1_000
  /// Sequences in one pass; a step sees `batch_size × accumulation` of them.
  public var batchSize = 12
  public var accumulation = 1
  /// Tokens a sequence; 0 is the model's context.
  ///
  /// Another value replaces that of a configuration, and shortens the windows of a checkpoint.
  public var context = 0
  public var optimizer = OptimizerConfig()
  public var schedule = ScheduleConfig()
  /// The largest norm of the gradient; 0 is no limit.
  public var clip: Float = 1
  /// Of a BLT: the entropy model that decides where patches end, a directory or a run.
  public var patcher: String?
  /// Of a BLT: tokens a patch on average, for which the threshold is then found.
  public var targetPatch: Double?
  /// Of a BLT: rows of so many patches each are learned from, in place of windows of `context`.
  public var patchesPerSequence: Int?
  /// Replaces the three dropout rates of the model.
  public var dropout: Float?
  /// nil is bf16 where the CPU has matrix tiles and float32 elsewhere; a run stores what it was.
  public var precision: Precision?
  /// Steps between evaluations; 0 is none.
  public var evaluateEvery = 250
  /// Batches of an evaluation, spread over the split; 0 is the whole split.
  public var evaluateBatches = 0
  public var evaluateWindows = EvaluationWindows.automatic
  public var checkpointEvery = 250
  public var keepLast = 2
  public var keepBest = true
  public var logEvery = 10
  /// Steps between samples in the event file; 0 is none.
  public var sampleEvery = 0
  public var samplePrompt = "\n"
  public var seed = 1337
  /// Threads; 0 is all of the machine.
  public var threads = 0

  public init() {}

  enum CodingKeys: String, CodingKey {
    case task, data, steps, accumulation, context, optimizer, schedule, clip, dropout, precision
    case seed, threads, patcher
    case targetPatch = "target_patch"
    case patchesPerSequence = "patches_per_sequence"
    case batchSize = "batch_size"
    case evaluateEvery = "evaluate_every"
    case evaluateBatches = "evaluate_batches"
    case evaluateWindows = "evaluate_windows"
    case checkpointEvery = "checkpoint_every"
    case keepLast = "keep_last"
    case keepBest = "keep_best"
    case logEvery = "log_every"
    case sampleEvery = "sample_every"
    case samplePrompt = "sample_prompt"
  }
}

public enum TaskName: String, Codable, CaseIterable, Sendable { case language }
/// The form of the factors in a step's products.
public enum Precision: String, Codable, CaseIterable, Sendable {
  case float32, bf16

  /// What the CPU is best at.
  static var usual: Precision { Kernel.path == .amx ? .bf16 : .float32 }

  public var form: WeightForm { self == .bf16 ? .bf16 : .float32 }
}

/// Where windows of an evaluation begin.
public enum EvaluationWindows: String, Codable, CaseIterable, Sendable {
  /// `documents` for generated corpora, `consecutive` for all others.
  case automatic
  /// One behind the other, without overlap.
  case consecutive
  /// Where a document does, each holding as many whole documents as fit: a window cut into a story
  /// cannot know what was said before it.
  case documents
}

public struct DataConfig: Codable, Equatable, Sendable {
  /// A text file, a folder of files, or an atlas.
  public var path: String?
  /// A generator instead: sort, adder, copy, tales, tales-en or tales-it.
  public var make: String?
  /// byte, character, bpe, or the path of a tokenizer.json.
  public var tokenizer = "byte"
  /// Ids of a tokenizer that is trained here.
  public var vocabulary = 1_024
  /// The share that is held out, or the path of a text that is.
  public var validation = JSON.double(0.1)
  /// Documents that a generator makes.
  public var documents = 60_000

  public init() {}
}

public struct OptimizerConfig: Codable, Equatable, Sendable {
  public enum Name: String, Codable, CaseIterable, Sendable { case adamw, sgd, muon }
  /// What weight decay acts on: parameters of two axes, or all.
  public enum Decay: String, Codable, CaseIterable, Sendable { case matrices, all }

  public var name = Name.adamw
  public var learningRate: Float = 1e-3
  public var weightDecay: Float = 0.1
  /// AdamW's two averages; SGD uses the first as its momentum.
  public var betas: [Float] = [0.9, 0.95]
  public var epsilon: Float = 1e-8
  public var decay = Decay.matrices
  /// Muon's, of the matrices that it steps; the others have AdamW's averages.
  public var momentum: Float = 0.95

  public init() {}

  enum CodingKeys: String, CodingKey {
    case name, betas, epsilon, decay, momentum
    case learningRate = "learning_rate"
    case weightDecay = "weight_decay"
  }
}

public struct ScheduleConfig: Codable, Equatable, Sendable {
  /// After the warm-up; `wsd` holds the peak, then falls in a line: warm-up, stable, decay (Hu and
  /// others, 2024).
  public enum Name: String, Codable, CaseIterable, Sendable { case cosine, linear, wsd, constant }

  public var name = Name.cosine
  /// Steps until the minimum; 0 is the run's steps, which a run then stores.
  public var steps = 0
  public var warmup = 0
  /// The last learning rate.
  public var minimum: Float = 0
  /// Of `wsd`: the share of the steps in which the rate falls.
  public var cooldown: Float = 0.4

  public init() {}

  /// The rate of a step, the first being 0: nanoGPT's rule.
  public func rate(_ step: Int, peak: Float) -> Float {
    if step < warmup { return peak * Float(step + 1) / Float(warmup + 1) }
    if name == .constant { return peak }
    if step >= steps { return minimum }
    let done = Float(step - warmup) / Float(max(1, steps - warmup))
    let share =
      switch name {
      case .cosine: 0.5 * (1 + cosf(.pi * done))
      case .wsd: min(1, Float(steps - step) / max(1, cooldown * Float(steps)))
      case .linear, .constant: 1 - done
      }
    return minimum + share * (peak - minimum)
  }

  /// The same where a rate was set by hand: that one, and then the schedule's shape, scaled.
  ///
  /// A schedule that had come to 0 has no shape left: the rate stays as it was set.
  public func rate(_ step: Int, peak: Float, turn: RateTurn?) -> Float {
    guard let turn else { return rate(step, peak: peak) }
    let there = rate(turn.step, peak: peak)
    return there > 0 ? turn.rate * (rate(step, peak: peak) / there) : turn.rate
  }
}

/// A learning rate that was set by hand during a run.
public struct RateTurn: Equatable, Sendable {
  /// The steps that were done by then.
  public var step: Int
  /// The rate of the next one.
  public var rate: Float
  /// The rate of the configuration, which it overrules.
  public var peak: Float

  public init(step: Int, rate: Float, peak: Float) {
    (self.step, self.rate, self.peak) = (step, rate, peak)
  }

  static func isRate(_ rate: Float) -> Bool { rate >= 0 && rate.isFinite }
}

extension TrainingConfig {
  /// Refuses values that no run can honour, all at once; `file` is where they came from.
  public func validate(from file: String? = nil) throws(Failure) {
    var wrong: [String] = []
    func require(_ condition: Bool, _ problem: String) { if !condition { wrong.append(problem) } }
    require(steps > 0, "steps is \(steps), must be at least 1")
    require(batchSize > 0, "batch_size is \(batchSize), must be at least 1")
    require(batchSize <= 1 << 20, "batch_size is \(batchSize), at most \(1 << 20)")
    require(accumulation > 0, "accumulation is \(accumulation), must be at least 1")
    require(accumulation <= 1 << 20, "accumulation is \(accumulation), at most \(1 << 20)")
    require(context >= 0, "context is \(context), must not be negative")
    require(
      targetPatch.map { $0 > 1 && $0 < 1e6 } ?? true, "target_patch must be a length above 1")
    require(
      patchesPerSequence.map { (2...1 << 20).contains($0) } ?? true,
      "patches_per_sequence must be 2 to \(1 << 20)")
    require(clip >= 0, "clip is \(clip), must not be negative (0 is no limit)")
    require(dropout.map { (0..<1).contains($0) } ?? true, "dropout must be in 0..<1")
    require(evaluateEvery >= 0, "evaluate_every is \(evaluateEvery), must not be negative")
    require(
      (0...1 << 20).contains(evaluateBatches),
      "evaluate_batches is \(evaluateBatches), must be 0 to \(1 << 20)")
    require(checkpointEvery > 0, "checkpoint_every is \(checkpointEvery), must be at least 1")
    require(keepLast > 0, "keep_last is \(keepLast), must be at least 1")
    require(logEvery > 0, "log_every is \(logEvery), must be at least 1")
    require(sampleEvery >= 0, "sample_every is \(sampleEvery), must not be negative")
    require((0...1024).contains(threads), "threads is \(threads), must be 1 to 1024 (0: all)")
    let finite = 0..<Float.infinity
    require(finite ~= optimizer.learningRate, "optimizer.learning_rate must be finite, 0 or more")
    require(finite ~= optimizer.weightDecay, "optimizer.weight_decay must be finite, 0 or more")
    require(
      optimizer.epsilon > 0 && finite ~= optimizer.epsilon,
      "optimizer.epsilon must be finite and above 0")
    require(
      optimizer.betas.count == 2 && optimizer.betas.allSatisfy { (0..<1).contains($0) },
      "optimizer.betas must be two numbers in 0..<1")
    require((0..<1).contains(optimizer.momentum), "optimizer.momentum must be in 0..<1")
    require((0...1 << 40).contains(schedule.warmup), "schedule.warmup must be 0 to \(1 << 40)")
    require(schedule.steps >= 0, "schedule.steps must not be negative")
    require(finite ~= schedule.minimum, "schedule.minimum must be finite, 0 or more")
    require((0...1).contains(schedule.cooldown), "schedule.cooldown must be in 0 ... 1")
    require(
      (data.path == nil) != (data.make == nil),
      "data needs either path (a text, a folder or an atlas) or make (a generator)")
    require(data.vocabulary > 0, "data.vocabulary must be at least 1")
    require(
      (2...1 << 24).contains(data.documents),
      "data.documents is \(data.documents), must be 2 to \(1 << 24) (some 2 GB)")
    let share = data.validation.double ?? (data.validation.string == nil ? -1 : 0)
    require(
      (0..<1).contains(share),
      "data.validation is \(visible(data.validation.text())), must be a share in 0..<1 or a path")
    guard wrong.isEmpty else {
      throw Failure(
        (file.map { visible($0) + ": " } ?? "") + wrong.joined(separator: "; "))
    }
  }
}

extension TrainingConfig {
  /// The form of the factors in a step's products.
  public var form: WeightForm { (precision ?? .usual).form }

  /// With what was left open: all threads, a schedule as long as the run, the usual precision.
  public var settled: TrainingConfig {
    var config = self
    if threads == 0 { config.threads = Lanes.available }
    if schedule.steps == 0 { config.schedule.steps = steps }
    config.precision = precision ?? .usual
    return config
  }

  /// Refuses, before any is taken, memory that the machine has not.
  ///
  /// Counted from below: weights, averages, each lane's gradients and scores, and a batch's tokens.
  func requireMemory(_ model: any LanguageModel, context: Int) throws(Failure) {
    let lanes = Double(threads == 0 ? Lanes.available : threads)
    let copies = lanes + (optimizer.name == .sgd ? 2 : 3)
    let tokens = Double(batchSize) * Double(context)
    let slice = min(tokens, lanes * Double(max(context, 512)))
    let bytes =
      4 * copies * Double(model.parameters.count) + 16 * tokens
      + 8 * slice * Double(model.vocabulary)
    let memory = Double(Machine.physicalMemory)
    guard bytes < memory else {
      throw Failure(
        "\(batchSize) sequences of \(context) tokens, \(model.parameters.count) parameters and "
          + "\(Int(lanes)) threads need more than \(Int(min(bytes / 1e9, 1e18))) GB, this machine "
          + "has \(Int(memory / 1e9)) GB; lower batch_size, context or threads")
    }
  }
}
