import Training

/// How long the parts of a run take, for a time left that counts evaluations and checkpoints too.
struct Pace {
  private enum Part: Hashable { case step, evaluation, sample, checkpoint }
  private var seconds: [Part: Double] = [:]

  init() {}

  /// Begins with what a forecast measured.
  init(_ run: TrainingRun, _ forecast: Forecast?) {
    guard let forecast else { return }
    seconds[.step] = forecast.secondsPerStep
    seconds[.evaluation] =
      forecast.secondsPerStepBeside * Double(run.plan.training.evaluateEvery)
  }

  mutating func count(_ event: TrainingEvent, _ time: Duration) {
    let part: Part
    switch event {
    case .turned: return
    case .step: part = .step
    case .evaluated: part = .evaluation
    case .sampled: part = .sample
    case .saved: part = .checkpoint
    }
    let new = time / .seconds(1)
    // A mean that forgets: of some fifty steps, of a few of the rest.
    let share = part == .step ? 0.02 : 0.3
    seconds[part] = seconds[part].map { $0 + share * (new - $0) } ?? new
  }

  /// Seconds to the end; nil before anything is known.
  func left(_ run: TrainingRun) -> Double? {
    guard let step = seconds[.step] else { return nil }
    let (config, done) = (run.plan.training, run.trainer.step)
    func rest(_ part: Part, _ period: Int) -> Double {
      guard period > 0 else { return 0 }
      return (seconds[part] ?? 0) * Double(config.steps / period - done / period)
    }
    return step * Double(max(0, config.steps - done)) + rest(.evaluation, config.evaluateEvery)
      + rest(.sample, config.sampleEvery) + rest(.checkpoint, config.checkpointEvery)
  }
}
