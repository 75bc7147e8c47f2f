// A run: the trainer with its evaluations, log, event file and checkpoints, as a stepper.

import Checkpoints
import Files
import Generation
import Models
import Text

/// What happened in one call of `TrainingRun.next()`.
///
/// `line` is what went into the log.
public enum TrainingEvent: Sendable {
  /// A rate that was set by hand is in force from this step on.
  case turned(step: Int, rate: Float, line: JSON)
  /// `line` is nil where it was not time for one.
  case step(StepReport, tokensPerSecond: Double, line: JSON?)
  case evaluated(step: Int, Evaluation, isBest: Bool, line: JSON)
  /// The continuation of the sample prompt, the prompt included.
  case sampled(step: Int, text: String)
  case saved(step: Int, path: String)
}

/// Between two calls of `next()` the caller may look at `model`, turn the rate, save or leave.
public final class TrainingRun {
  public let folder: RunFolder
  public let plan: RunPlan
  /// What a person should know about how the run was opened.
  public private(set) var notes: [String] = []

  private let parts: RunParts
  private let events: EventFile
  /// Where the last checkpoint stands; nil before the first.
  private var saved: RunState?
  /// The lowest validation loss so far, and the step that has it.
  private var best: (loss: Double, step: Int?) = (.infinity, nil)
  /// What the last step brought that is still to be done, in order.
  private var duties: [Duty] = []
  private var sinceLog = (tokens: 0, time: Duration.zero)
  /// Whether the present duty is written, but for what the event file still holds back.
  private var isTold = false

  private enum Duty {
    case turned(RateTurn)
    case report(StepReport)
    case evaluate, sample, save
  }

  /// Opens a run where it stands: behind its last good checkpoint, or at its beginning.
  ///
  /// `sets` are changes to the training configuration, kept in run.json.
  public init(
    _ folder: RunFolder, sets: [(key: String, value: String)] = []
  ) throws(Failure) {
    self.folder = folder
    plan = try RunPlan(of: folder.path, sets: sets)
    parts = try RunParts(plan, in: folder.path)
    let config = plan.training
    var damaged: [String] = []
    for step in try folder.checkpoints().reversed() where saved == nil {
      do throws(Failure) {
        let state = try RunState(of: step, from: folder.checkpoint(step), into: parts)
        // A process may have been killed between this checkpoint and what follows it.
        try folder.settle(
          on: step, isBest: state.isBest, keepLast: config.keepLast, keepBest: config.keepBest)
        saved = state
      } catch {
        damaged.append("step \(step): \(error.message)")
      }
    }
    notes = damaged.map { "going on from an earlier checkpoint, for one is damaged: " + $0 }
    if let saved {
      best = (saved.best, saved.isBest ? saved.step : nil)
      parts.trainer.resume(at: saved.step, turn: saved.turn)
    } else if let first = damaged.first {
      throw Failure("\(visible(folder.path)): no checkpoint fits its run.json: \(first)")
    } else if let start = plan.start {
      try parts.model.parameters.load(from: CheckpointDirectory(start))
    } else {
      parts.model.parameters.initialize(seed: config.seed)
      if let blt = parts.model as? BLT, blt.config.patching.needsEntropies {
        let patcher = try ModelDirectory(folder.path + "/patcher").model as? EntropyModel
        patcher.map(blt.take)
      }
    }
    if let mean = plan.meanPatch, let threshold = parts.corpus.entropies?.patching.threshold {
      let (mean, threshold) = ((100 * mean).rounded() / 100, (1e4 * threshold).rounded() / 1e4)
      notes.append("patches of \(mean) bytes on average, above \(threshold) nats")
    }
    if Kernel.path.rawValue != plan.cpuPath {
      notes.append(
        "begun on \(plan.cpuPath), going on with \(Kernel.path.rawValue): other rounding")
    }
    let before = sets.isEmpty ? config.form : try RunPlan(of: folder.path).training.form
    if saved != nil, before != config.form {
      notes.append("so far in \(before), going on in \(config.form): other rounding")
    }
    try plan.write(to: folder.path)
    try folder.beginLog(at: saved?.step ?? 0)
    events = try EventFile(folder: folder.path, startStep: saved.map { $0.step + 1 })
  }

  public var model: any LanguageModel { parts.model }
  public var corpus: Corpus { parts.corpus }
  public var trainer: Trainer<LanguageTask> { parts.trainer }
  private var config: TrainingConfig { plan.training }

  /// Whether all that the last step brought is done: when to stop, to go on later to the same bits.
  public var isBetweenSteps: Bool { duties.isEmpty }
  /// The lowest validation loss so far.
  public var bestLoss: Double { best.loss }
  /// The step of the last checkpoint; nil before the first.
  public var savedStep: Int? { saved?.step }
  /// Whether the last checkpoint is of this very state.
  public var isSaved: Bool { saved == state }

  private var state: RunState {
    var state = RunState(step: trainer.step)
    (state.best, state.isBest, state.turn) = (best.loss, best.step == trainer.step, trainer.turn)
    return state
  }

  // MARK: - Stepping

  /// The next thing that happens; nil at the end of the run.
  ///
  /// Throws `NotFinite` or `Failure`; the last checkpoint is then good, and the next call tries
  /// once more what failed. `progress` is called with the share of an evaluation that is done.
  public func next(_ progress: (Double) -> Void = { _ in }) throws -> TrainingEvent? {
    if duties.isEmpty { try step() }
    guard let duty = duties.first else { return nil }
    let event = try perform(duty, progress)
    duties.removeFirst()
    return event
  }

  /// Sets the learning rate of the next step; from there on the schedule keeps its shape, scaled.
  ///
  /// It is logged with the first step that is done at it, and kept in checkpoints.
  public func turn(rate: Float) throws(Failure) {
    guard RateTurn.isRate(rate) else {
      throw Failure("rate: \(rate) is no learning rate; give a number from 0 on", code: 64)
    }
    trainer.turn(rate: rate)
  }

  /// Writes a checkpoint now, unless the last one is of this very state.
  ///
  /// - Precondition: `isBetweenSteps`.
  @discardableResult public func save() throws(Failure) -> TrainingEvent {
    precondition(isBetweenSteps, "saved in the middle of what step \(trainer.step) brings")
    return try writeCheckpoint()
  }

  /// Judges the model by the validation split.
  ///
  /// `progress` is called with the share that is done; its false ends the work early.
  public func evaluation(_ progress: (Double) -> Bool = { _ in true }) throws(Failure) -> Evaluation
  {
    try parts.evaluation(progress)
  }

  /// A held-out sequence, the same at every call.
  public func example() throws(Failure) -> ScoredSequence { try parts.validation().sequence(0) }

  /// Does a step and notes what it brings.
  private func step() throws {
    let began = ContinuousClock.now
    guard let report = try trainer.next() else { return }
    sinceLog.time += ContinuousClock.now - began
    sinceLog.tokens += report.tokens
    if let turn = trainer.turn, turn.step == report.step - 1 { duties.append(.turned(turn)) }
    duties.append(.report(report))
    if isTime(config.evaluateEvery) { duties.append(.evaluate) }
    if isTime(config.sampleEvery), corpus.tokenizer != nil { duties.append(.sample) }
    if isTime(config.checkpointEvery) { duties.append(.save) }
  }

  /// Whether something of this period is due, as all is at the end.
  private func isTime(_ period: Int) -> Bool {
    period > 0 && (trainer.step % period == 0 || trainer.step == config.steps)
  }

  private func perform(
    _ duty: Duty, _ progress: (Double) -> Void
  ) throws(Failure) -> TrainingEvent {
    switch duty {
    case .turned(let turn):
      let line: JSON = [
        "step": .int(turn.step + 1), "rate_set": .double(Double("\(turn.rate)") ?? 0),
      ]
      try folder.append(line)
      return .turned(step: turn.step + 1, rate: turn.rate, line: line)
    case .report(let report):
      let speed = Double(sinceLog.tokens) / (sinceLog.time / .seconds(1))
      let isLogged = report.step == 1 || isTime(config.logEvery)
      // Typed, for a bare nil would be the JSON null.
      let line: JSON? = isLogged ? try log(report, speed) : Optional.none
      return .step(report, tokensPerSecond: speed, line: line)
    case .evaluate: return try evaluate(progress)
    case .sample: return try sample()
    case .save: return try writeCheckpoint()
    }
  }

  // MARK: - What happens beside the steps

  private func log(_ report: StepReport, _ speed: Double) throws(Failure) -> JSON {
    let line: JSON = [
      "step": .int(report.step), "loss": .double(report.loss),
      "learning_rate": .double(Double(report.learningRate)),
      "gradient_norm": .double(report.gradientNorm), "tokens_per_s": .double(speed.rounded()),
    ]
    try tell(line) {
      events.scalar("loss/train", report.loss, step: report.step)
      events.scalar("optimizer/learning_rate", Double(report.learningRate), step: report.step)
      events.scalar("optimizer/gradient_norm", report.gradientNorm, step: report.step)
      events.scalar("speed/tokens_per_s", speed, step: report.step)
    }
    sinceLog = (0, .zero)
    return line
  }

  private func evaluate(_ progress: (Double) -> Void) throws(Failure) -> TrainingEvent {
    let step = trainer.step
    let result = try evaluation { share in
      progress(share)
      return true
    }
    var line: [String: JSON] = ["step": .int(step), "validation_loss": .double(result.loss)]
    if corpus.tokenizer == nil {
      line["solved"] = .double(Double(result.solved) / Double(max(1, result.sequences)))
    }
    if let bits = result.bitsPerByte, let bytes = result.bytes {
      (line["bits_per_byte"], line["bytes"]) = (.double(bits), .int(bytes))
    }
    try tell(.object(line)) {
      events.scalar("loss/validation", result.loss, step: step)
      if let bits = result.bitsPerByte {
        events.scalar("bits_per_byte/validation", bits, step: step)
      }
      for parameter in model.parameters.parameters {
        let floats = UnsafeBufferPointer(parameter.storage.floats)
        events.histogram("weights/" + parameter.name, floats, step: step)
      }
    }
    let isBest = result.loss < best.loss
    if isBest { best = (result.loss, step) }
    // The best weights are kept even where no checkpoint is due.
    if isBest, config.keepBest, !isTime(config.checkpointEvery) { duties.append(.save) }
    return .evaluated(step: step, result, isBest: isBest, line: .object(line))
  }

  private func sample() throws(Failure) -> TrainingEvent {
    guard let tokenizer = corpus.tokenizer else { return .sampled(step: trainer.step, text: "") }
    // A character tokenizer may lack the prompt's newline: then any token will do.
    let encoded = (try? tokenizer.encode(config.samplePrompt)) ?? []
    var generator = try Generator(
      model, prompt: encoded.isEmpty ? [0] : encoded, settings: SamplerSettings(temperature: 0.8),
      seed: config.seed, lanes: trainer.lanes)
    for _ in 0..<100 { _ = try generator.next() }
    let text = String(decoding: tokenizer.decode(generator.ids), as: UTF8.self)
    try tell(nil) { events.text("samples", text, step: trainer.step) }
    return .sampled(step: trainer.step, text: text)
  }

  /// Writes to log and event file; once, though it may be tried again after a full disk.
  private func tell(_ line: JSON?, _ write: () -> Void) throws(Failure) {
    if !isTold {
      if let line { try folder.append(line) }
      write()
      isTold = true
    }
    try events.flush()
    isTold = false
  }

  private func writeCheckpoint() throws(Failure) -> TrainingEvent {
    let state = state
    if saved != state {
      try folder.save(
        state.step, isBest: state.isBest, keepLast: config.keepLast, keepBest: config.keepBest
      ) { (temporary) throws(Failure) in try state.write(parts, to: temporary) }
      saved = state
    }
    return .saved(step: state.step, path: folder.checkpoint(state.step))
  }
}
