import Files

/// How fast this machine takes a run through its steps, measured beforehand.
///
/// The steps are done on weights of their own that are then forgotten: the run is not touched.
public struct Forecast: Equatable, Sendable {
  public let parameters: Int
  /// Steps of the run.
  public let steps: Int
  public let tokensPerStep: Double
  public let secondsPerStep: Double
  /// What evaluations take, spread over the steps.
  public let secondsPerStepBeside: Double

  /// Measures for about so many seconds, and for one step at least.
  ///
  /// - Throws: `Failure` for a run that cannot be opened, `NotFinite` for one that goes wrong at
  ///   once.
  public init(of run: String, seconds: Double = 1) throws {
    var plan = try RunPlan(of: run)
    (steps, plan.training.steps) = (plan.training.steps, .max)
    let parts = try RunParts(plan, in: run)
    parts.model.parameters.initialize(seed: plan.training.seed)
    parameters = parts.model.parameters.count

    let budget = Duration.seconds(seconds)
    var begin = ContinuousClock.now
    var (tokens, count) = (0, 0)
    func elapsed() -> Duration { ContinuousClock.now - begin }
    // The first step also fills the pool, so it counts only where there is time for no other.
    while let report = try parts.trainer.next() {
      (tokens, count) = (tokens + report.tokens, count + 1)
      guard elapsed() < budget * 0.8 else { break }
      if report.step == 1 { (begin, tokens, count) = (.now, 0, 0) }
    }
    tokensPerStep = Double(tokens) / Double(count)
    secondsPerStep = elapsed() / .seconds(1) / Double(count)

    let period = plan.training.evaluateEvery
    guard period > 0 else {
      secondsPerStepBeside = 0
      return
    }
    begin = .now
    var share = 1.0
    _ = try parts.evaluation { done in
      share = done
      return elapsed() < budget * 0.2
    }
    secondsPerStepBeside = elapsed() / .seconds(1) / share / Double(period)
  }

  /// Of the steps alone, as the log tells it.
  public var tokensPerSecond: Double { tokensPerStep / secondsPerStep }

  /// Seconds that so many steps take, evaluations included.
  public func seconds(for steps: Int) -> Double {
    Double(steps) * (secondsPerStep + secondsPerStepBeside)
  }

  /// The steps that fit into a time, one at least.
  public func steps(in minutes: Double) -> Int {
    max(1, Int(min(60 * minutes / (secondsPerStep + secondsPerStepBeside), 1e12)))
  }
}

extension Forecast {
  /// The changes to a configuration that make a run take so many minutes.
  public func fit(minutes: Double) -> [(key: String, value: String)] {
    let steps = String(steps(in: minutes))
    return [("steps", steps), ("schedule.steps", steps)]
  }
}
