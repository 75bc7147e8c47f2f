// A run: the trainer with its evaluations, log, event file and checkpoints, as a stepper.

import Checkpoints
import Files
import Generation
import Glibc
import Models
import Random
import Text

/// What happened in one call of `TrainingRun.next()`.
public enum TrainingEvent: Sendable {
  /// `line` is what went into the log, where it was time for one.
  case step(StepReport, tokensPerSecond: Double, line: JSON?)
  case evaluated(step: Int, Evaluation, isBest: Bool, line: JSON)
  /// The continuation of the sample prompt, the prompt included.
  case sampled(step: Int, text: String)
  case saved(step: Int, path: String)
}

/// What a run was told: its run.json.
public struct RunPlan: Codable, Equatable, Sendable {
  public var version: String
  /// The CPU path of the machine on which the run began.
  public var cpuPath: String
  /// The model, under the keys of its config.json.
  public var model: JSON
  public var training: TrainingConfig
  /// The checkpoint whose weights were the first; nil for random ones.
  public var start: String?

  enum CodingKeys: String, CodingKey {
    case version, model, training, start
    case cpuPath = "cpu_path"
  }

  init(version: String, model: JSON, training: TrainingConfig, start: String?) {
    (self.version, self.model, self.start) = (version, model, start)
    (self.training, cpuPath) = (training.settled, Kernel.path.rawValue)
  }
}

/// What a run begins with.
public enum Beginning {
  /// Random weights of a configuration, with `key=value` pairs laid over it.
  case configuration(JSON, path: String, sets: [(key: String, value: String)])
  /// The weights, and the tokenizer, of a checkpoint.
  case checkpoint(path: String)
}

public final class TrainingRun {
  public let folder: RunFolder
  public let plan: RunPlan
  public let model: any LanguageModel
  public let corpus: Corpus
  public let trainer: Trainer<LanguageTask>
  /// The lowest validation loss so far.
  public private(set) var best = Double.infinity
  /// The step of the last checkpoint; nil before the first.
  public private(set) var savedStep: Int?
  /// What a person should know about how the run was opened.
  public private(set) var notes: [String] = []

  private let context: Int
  private let events: EventFile
  private let tokenLengths: [Int]?
  private var due: [() throws -> TrainingEvent] = []
  private var latestIsBest = false
  private var tokens = 0
  private var time = Duration.zero

  private var config: TrainingConfig { plan.training }

  /// Makes the folder of a new run, which can then be opened, and after any crash opened again.
  public static func create(
    _ path: String, _ beginning: Beginning, _ config: TrainingConfig, version: String
  ) throws(Failure) -> RunFolder {
    try config.validate()
    return try RunFolder.create(path) { (temporary) throws(Failure) in
      var (tokenizer, start): ((any Tokenizer)?, String?)
      if case .checkpoint(let path) = beginning {
        (tokenizer, start) = (try ModelDirectory.tokenizer(in: path), path)
      }
      let atlas = temporary + "/atlas"
      try Corpus.prepare(config.data, seed: config.seed, tokenizer: tokenizer, atlas: atlas)
      let corpus = try Corpus(config.data, atlas: atlas)
      let model = try Self.model(beginning, config, vocabulary: corpus.vocabulary)
      _ = try Self.source(config, corpus, model)
      let plan = RunPlan(
        version: version, model: model.configuration, training: config, start: start)
      try write(plan, to: temporary)
    }
  }

  /// The model to train: the training configuration rules its context and its dropout.
  private static func model(
    _ beginning: Beginning, _ config: TrainingConfig, vocabulary: Int
  ) throws(Failure) -> any LanguageModel {
    let rates = config.dropout.map { rate in
      ["embd_pdrop", "attn_pdrop", "resid_pdrop"].map { (key: $0, value: "\(rate)") }
    }
    switch beginning {
    case .configuration(let json, let path, let sets):
      let context = config.context > 0 ? [(key: "n_positions", value: "\(config.context)")] : []
      return try Catalogue.model(
        json, from: path, rule: .strict, sets: (rates ?? []) + context + sets,
        vocabulary: vocabulary)
    case .checkpoint(let path):
      return try Catalogue.model(
        CheckpointDirectory(path).config, from: path + "/config.json", rule: .huggingFace,
        sets: rates ?? [], vocabulary: vocabulary)
    }
  }

  /// Opens a run where it stands: behind its last good checkpoint, or at its beginning.
  ///
  /// `sets` are changes to the training configuration, kept in run.json.
  public init(
    _ folder: RunFolder, sets: [(key: String, value: String)] = []
  ) throws(Failure) {
    let file = folder.path + "/run.json"
    var plan = try overlay(
      RunPlan(version: "", model: [:], training: TrainingConfig(), start: nil),
      file: try JSON(contentsOf: file), fileName: file, sets: [])
    let fixed = ["data", "seed", "context", "dropout"]
    if let set = sets.first(where: { set in
      fixed.contains { set.key == $0 || set.key.hasPrefix($0 + ".") }
    }) {
      throw Failure("--set \(quoted(set.key)): a run keeps it; begin another run", code: 64)
    }
    plan.training = try overlay(plan.training, file: nil, fileName: file, sets: sets)
    try plan.training.validate(from: file)
    let config = plan.training.settled
    plan.training = config
    (self.folder, self.plan) = (folder, plan)
    corpus = try Corpus(config.data, atlas: folder.path + "/atlas")
    model = try Catalogue.model(plan.model, from: file, rule: .huggingFace)
    guard corpus.vocabulary <= model.vocabulary else {
      throw Failure(
        "\(visible(file)): the corpus has \(corpus.vocabulary) ids, the model "
          + "\(model.vocabulary); it was begun with other data")
    }
    let source: any SequenceSource
    (source, context) = try Self.source(config, corpus, model)
    let task = LanguageTask(model, source, sequences: config.batchSize)
    trainer = Trainer(config, task, lanes: Lanes(config.threads))
    let ids = 0..<Int32(model.vocabulary)
    tokenLengths = corpus.tokenizer.map { tokenizer in ids.map { tokenizer.bytes(of: $0).count } }
    let checkpoints = try folder.checkpoints()
    var resumed: Int?
    var damaged: [String] = []
    for step in checkpoints.reversed() where resumed == nil {
      do throws(Failure) {
        let state = try Self.load(folder.checkpoint(step), step, model, trainer.optimizer)
        (best, resumed) = (state.best, step)
        // A process may have been killed between this checkpoint and what follows it.
        try folder.settle(
          on: step, isBest: state.isBest, keepLast: config.keepLast, keepBest: config.keepBest)
      } catch {
        damaged.append("step \(step): \(error.message)")
      }
    }
    notes = damaged.map { "going on from an earlier checkpoint, for one is damaged: " + $0 }
    if let resumed {
      trainer.resume(at: resumed)
    } else if let first = damaged.first {
      throw Failure("\(visible(folder.path)): no checkpoint fits its run.json: \(first)")
    } else if let start = plan.start {
      try model.parameters.load(from: CheckpointDirectory(start))
    } else {
      model.parameters.initialize(seed: config.seed)
    }
    savedStep = resumed
    if Kernel.path.rawValue != plan.cpuPath {
      notes.append(
        "begun on \(plan.cpuPath), going on with \(Kernel.path.rawValue): other rounding")
    }
    try Self.write(plan, to: folder.path)
    try folder.beginLog(at: resumed ?? 0)
    events = try EventFile(folder: folder.path, startStep: resumed.map { $0 + 1 })
  }

  /// What a run learns from, and its context; throws where text or memory do not suffice.
  private static func source(
    _ config: TrainingConfig, _ corpus: Corpus, _ model: any LanguageModel
  ) throws(Failure) -> (any SequenceSource, context: Int) {
    let context = config.context > 0 ? config.context : model.context
    guard context <= model.context else {
      throw Failure("context is \(context), the checkpoint reads at most \(model.context) tokens")
    }
    let source = try corpus.source(context: context)
    if config.evaluateEvery > 0 {
      _ = try corpus.validation(
        context: context, config.evaluateWindows, seed: config.seed, atMost: 1)
    }
    try config.requireMemory(model, context: context)
    return (source, context)
  }

  /// Whether all that the last step brought is done: when to stop, to go on later to the same bits.
  public var isBetweenSteps: Bool { due.isEmpty }

  /// The next thing that happens; nil at the end of the run.
  ///
  /// Throws `NotFinite` or `Failure`; the last checkpoint is then good.
  public func next() throws -> TrainingEvent? {
    if !due.isEmpty { return try due.removeFirst()() }
    let began = ContinuousClock.now
    guard let report = try trainer.next() else { return nil }
    time += ContinuousClock.now - began
    tokens += report.tokens
    let speed = Double(tokens) / (time / .seconds(1))
    let (step, isLast) = (report.step, report.step == config.steps)
    func isTime(_ period: Int) -> Bool { period > 0 && (step % period == 0 || isLast) }
    var line: JSON?
    if step == 1 || isTime(config.logEvery) { line = try log(report, speed) }
    if isTime(config.evaluateEvery) { due.append(evaluate) }
    if isTime(config.sampleEvery), corpus.tokenizer != nil { due.append(sample) }
    if isTime(config.checkpointEvery) { due.append(save) }
    return .step(report, tokensPerSecond: speed, line: line)
  }

  /// Writes a checkpoint now.
  @discardableResult public func save() throws -> TrainingEvent {
    let step = trainer.step
    try folder.save(
      step, isBest: latestIsBest, keepLast: config.keepLast, keepBest: config.keepBest
    ) { (temporary) throws(Failure) in
      try ModelDirectory.save(model, corpus.tokenizer, to: temporary)
      try FileSystem.createDirectory(temporary + "/training")
      let state: JSON = [
        "step": .int(step), "best": best.isFinite ? .double(best) : .null,
        "is_best": .bool(latestIsBest),
      ]
      try AtomicFile.write(state.text(), to: temporary + "/training/state.json")
      let averages = trainer.optimizer.state
      var writer = try SafetensorsWriter(
        temporary + "/training/optimizer.safetensors",
        tensors: averages.map { TensorInfo(name: $0.name, shape: $0.parameter.shape.axes) })
      let byName = Dictionary(uniqueKeysWithValues: averages.map { ($0.name, $0.storage) })
      for tensor in writer.tensors {
        guard let storage = byName[tensor.name] else { continue }
        try writer.append(UnsafeBufferPointer(storage.floats))
      }
      try writer.commit()
    }
    latestIsBest = false
    savedStep = step
    return .saved(step: step, path: folder.checkpoint(step))
  }

  /// Judges the model by the validation split.
  ///
  /// `progress` is called with the share that is done; its false ends the work early.
  public func evaluation(_ progress: (Double) -> Bool = { _ in true }) throws(Failure) -> Evaluation
  {
    let sequences = try corpus.validation(
      context: context, config.evaluateWindows, seed: config.seed,
      atMost: config.evaluateBatches * config.batchSize)
    return try Evaluation.of(
      model, count: sequences.count, tokenLengths: tokenLengths, lanes: trainer.lanes,
      progress: progress, sequence: sequences.sequence)
  }

  // MARK: - What happens beside the steps

  private func log(_ report: StepReport, _ speed: Double) throws(Failure) -> JSON {
    let line: JSON = [
      "step": .int(report.step), "loss": .double(report.loss),
      "learning_rate": .double(Double(report.learningRate)),
      "gradient_norm": .double(report.gradientNorm), "tokens_per_s": .double(speed.rounded()),
    ]
    try folder.append(line)
    events.scalar("loss/train", report.loss, step: report.step)
    events.scalar("optimizer/learning_rate", Double(report.learningRate), step: report.step)
    events.scalar("optimizer/gradient_norm", report.gradientNorm, step: report.step)
    events.scalar("speed/tokens_per_s", speed, step: report.step)
    try events.flush()
    (tokens, time) = (0, .zero)
    return line
  }

  private func evaluate() throws -> TrainingEvent {
    let (step, result) = (trainer.step, try evaluation())
    var line: [String: JSON] = ["step": .int(step), "validation_loss": .double(result.loss)]
    events.scalar("loss/validation", result.loss, step: step)
    if corpus.tokenizer == nil {
      line["solved"] = .double(Double(result.solved) / Double(max(1, result.sequences)))
    }
    if let bits = result.bitsPerByte {
      line["bits_per_byte"] = .double(bits)
      events.scalar("bits_per_byte/validation", bits, step: step)
    }
    for parameter in model.parameters.parameters {
      let floats = UnsafeBufferPointer(parameter.storage.floats)
      events.histogram("weights/" + parameter.name, floats, step: step)
    }
    try folder.append(.object(line))
    try events.flush()
    latestIsBest = result.loss < best
    best = min(best, result.loss)
    // The best weights are kept even where no checkpoint is due.
    if latestIsBest, config.keepBest, step % config.checkpointEvery != 0, step < config.steps {
      due.append(save)
    }
    return .evaluated(step: step, result, isBest: latestIsBest, line: .object(line))
  }

  private func sample() throws -> TrainingEvent {
    guard let tokenizer = corpus.tokenizer else { return .sampled(step: trainer.step, text: "") }
    // A character tokenizer may lack the prompt's newline: then any token will do.
    let encoded = (try? tokenizer.encode(config.samplePrompt)) ?? []
    var generator = try Generator(
      model, prompt: encoded.isEmpty ? [0] : encoded, settings: SamplerSettings(temperature: 0.8),
      seed: config.seed)
    for _ in 0..<100 { _ = try generator.next() }
    let text = String(decoding: tokenizer.decode(generator.ids), as: UTF8.self)
    events.text("samples", text, step: trainer.step)
    try events.flush()
    return .sampled(step: trainer.step, text: text)
  }

  // MARK: - Files

  private static func write(_ plan: RunPlan, to folder: String) throws(Failure) {
    try AtomicFile.write(
      JSON(encoding: plan).text(pretty: true) + "\n", to: folder + "/run.json")
  }

  /// Restores model and optimizer; returns the best validation loss so far, and whether it is this
  /// checkpoint's.
  private static func load(
    _ path: String, _ step: Int, _ model: any LanguageModel, _ optimizer: Optimizer
  ) throws(Failure) -> (best: Double, isBest: Bool) {
    let state = try JSON(contentsOf: path + "/training/state.json")
    guard state["step"]?.int == step else {
      throw Failure("\(visible(path))/training/state.json: is not of step \(step)")
    }
    let averages = try SafetensorsFile(path + "/training/optimizer.safetensors")
    for (name, parameter, _) in optimizer.state
    where averages.shape(of: name) != parameter.shape.axes {
      throw Failure("\(visible(averages.path)): \(name) is not of this model")
    }
    try model.parameters.load(from: CheckpointDirectory(path))
    for (name, _, storage) in optimizer.state { try averages.read(name, into: storage.floats) }
    return (state["best"]?.double ?? .infinity, state["is_best"]?.bool ?? false)
  }
}
