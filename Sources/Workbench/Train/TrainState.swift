// The Train view's part of the bench.

import Files
import Screen
import Training

package struct TrainState: Sendable {
  enum Phase: Equatable, Sendable {
    /// No run is open.
    case none
    /// What is being made ready, and the share that is done where that takes long.
    case preparing(String, share: Double?)
    case paused, running, finished
    /// The share that is done.
    case evaluating(Double)
  }

  var phase = Phase.none
  /// Whether commands come from a script: a run then moves only by `wait` and `step`, and pauses
  /// when the script is over.
  var isReplayed = false {
    didSet { if !isReplayed, oldValue, phase == .running { phase = .paused } }
  }
  /// Nil until they are listed.
  var recipes: [Recipe]?
  var facts: RunFacts?
  /// The `train` command of the run, with steps in place of minutes: what a journal keeps.
  package var begun: Command?

  // The curves of the run, and how it stands.
  var losses = Curve()
  var rates = Curve()
  var norms = Curve()
  var judgements: [TrainNews.Judgement] = []
  var samples: [TrainNews.Sample] = []
  var checkpoints: [Int] = []
  var savedStep: Int?
  var isSaved = true
  var rate = 0.0
  var tokensPerSecond: Double?
  var left: Double?
  var problem: String?
  var isBroken = false

  // What is beside it.
  package var others: [RunLog] = []
  /// One of the two, by what the run learns.
  package var probe: HeadProbe?
  package var ribbon: RibbonProbe?
  /// What the trainer was last told to look at.
  var watched = TrainWatch()
  var hasAskedForList = false

  // MARK: - For the session and its dialogs

  package var isRunning: Bool {
    switch phase {
    case .running, .evaluating: true
    case .none, .preparing, .paused, .finished: false
    }
  }
  /// Whether leaving now would lose steps.
  package var isUnsaved: Bool {
    facts != nil && !isBroken && (isRunning || step > 0 && !isSaved)
  }
  var isOpen: Bool { facts != nil }
  /// Whether there are steps to be made.
  package var canGoOn: Bool {
    if case .preparing = phase { return true }
    return facts != nil && problem == nil && step < steps
  }
  var step: Int { losses.last?.step ?? 0 }
  var steps: Int { facts?.config.steps ?? 0 }
  var folder: String { facts?.folder ?? "" }
  var lastSaved: String { savedStep.map { "step \(Numbers.grouped($0))" } ?? "nothing" }
  /// What the next `train` of the same would be called.
  var forecastName: String { facts?.order.name ?? "" }

  var quitQuestion: [String] {
    let left = isRunning ? timeLeft.map { ", \($0) left" } ?? "" : ""
    return [
      "\(facts?.name ?? "") is at step \(Numbers.grouped(step)) of "
        + "\(Numbers.grouped(steps))\(left)."
    ]
  }

  /// The box before a run begins.
  package var forecast: [String] {
    guard let facts, let forecast = facts.forecast else { return [] }
    let time = Spoken.time(forecast.seconds(for: facts.config.steps))
    return [
      "\(facts.order.name): \(Numbers.grouped(facts.parameters)) parameters, "
        + "\(Numbers.grouped(facts.config.steps)) steps x "
        + "\(Numbers.grouped(Int(forecast.tokensPerStep.rounded()))) tokens. Measured just now: "
        + "\(Numbers.grouped(Int(forecast.tokensPerSecond))) tokens/s, so about \(time).",
      "Enter starts; minutes=3 fits it to a time; Esc.",
    ]
  }

  /// The time to the end in words; a dash in a replay.
  var timeLeft: String? { isReplayed ? "–" : left.map { Spoken.time($0) } }

  // MARK: - Events

  mutating func open(_ new: RunFacts) {
    (facts, phase, problem, isBroken) = (new, .paused, nil, false)
    (losses, rates) = (Curve(new.log.losses), Curve(new.log.rates))
    norms = Curve(new.log.gradientNorms)
    func byStep(_ points: [RunLog.Point]) -> [Int: Double] {
      Dictionary(points.map { ($0.step, $0.value) }) { _, last in last }
    }
    let (bits, solved) = (byStep(new.log.bitsPerByte), byStep(new.log.solved))
    judgements = new.log.validations.map { point in
      TrainNews.Judgement(
        step: point.step, loss: point.value, bitsPerByte: bits[point.step],
        solved: solved[point.step])
    }
    (samples, tokensPerSecond, left) = ([], new.log.speeds.last?.value, nil)
    (probe, ribbon) = (nil, nil)
  }

  mutating func close() {
    let kept = self
    self = TrainState()
    (recipes, isReplayed, hasAskedForList) = (kept.recipes, kept.isReplayed, true)
    others = kept.others
  }

  mutating func take(_ news: TrainNews) {
    for step in news.steps {
      losses.append(step.loss, at: step.number)
      rates.append(step.rate, at: step.number)
      norms.append(step.norm, at: step.number)
    }
    judgements += news.judgements
    samples = (samples + news.samples).suffix(50)
    (checkpoints, savedStep, isSaved) = (news.checkpoints, news.savedStep, news.isSaved)
    (left, problem, isBroken) = (news.left, news.problem ?? problem, news.isBroken)
    if news.phase != .finished { rate = news.rate }
    tokensPerSecond = news.tokensPerSecond ?? tokensPerSecond
    switch news.phase {
    case .paused: if !isReplayed || !isRunning || problem != nil { phase = .paused }
    case .running: (phase, problem) = (.running, news.problem)
    case .finished: phase = .finished
    case .evaluating(let share): phase = .evaluating(share)
    }
  }
}

// MARK: - Commands

extension Bench {
  mutating func updateTrain(_ command: Command) throws(Failure) -> [Request] {
    if dialog == .forecast { dialog = nil }
    if command.name == .train { return [.train(.prepare(try order(command)))] }
    guard let facts = train.facts else {
      if command.name == .stop || command.name == .pause { return [] }
      throw Failure("\(command.name.rawValue): no run is open; train NAME begins one", code: 64)
    }
    switch command.name {
    case .pause: return pause(command.text.isEmpty ? train.isRunning : command.text == "on")
    case .step:
      train.problem = nil
      let count = command.integer(0) ?? 1
      try requireSteps(facts)
      // A person may want to stop within; a script counts on them all.
      let isWhole = train.isReplayed || count == 1
      if !isWhole { train.phase = .running }
      return [.train(isWhole ? .step(count) : .run(to: train.step + count))]
    case .rate:
      guard let rate = command.number(0) else {
        echo = Echo(text: "rate \(Numbers.scientific(train.rate, 1))")
        return []
      }
      train.rate = rate
      return [.train(.rate(rate))]
    case .save: return [.train(.save)]
    case .stop:
      if train.isRunning { train.phase = .paused }
      return [.train(.stop)]
    default: return []
    }
  }

  private func requireSteps(_ facts: RunFacts) throws(Failure) {
    guard train.step < train.steps else {
      throw Failure(
        "\(facts.name) has made its \(Numbers.grouped(train.steps)) steps; "
          + "train \(facts.folder) steps=N goes on, train again begins anew", code: 64)
    }
  }

  private mutating func pause(_ isPaused: Bool) -> [Request] {
    guard train.isRunning == isPaused else { return [] }
    guard train.step < train.steps else { return [] }
    train.phase = isPaused ? .paused : .running
    if train.isReplayed { return [] }
    return [.train(isPaused ? .pause : .run(to: .max))]
  }

  /// What `train` asks for; the run before stays in sight beside the same once more.
  private mutating func order(_ command: Command) throws(Failure) -> TrainOrder {
    let isAgain = command.text == "again"
    let sets = command.options.filter { $0.key != "minutes" }
    var order = TrainOrder(name: command.text, sets: sets, minutes: command.number("minutes"))
    order.isForecast = !train.isReplayed && !isAgain
    if isAgain, let facts = train.facts, train.step > 0 {
      let name = RunPlace.name(of: facts.folder)
      if !settings.runs.contains(name) { settings.runs = (settings.runs + [name]).suffix(4) }
    }
    train.phase = .preparing(command.text, share: nil)
    train.begun = command
    return order
  }

  // MARK: - The engine

  /// What the trainer is to look at and was not yet told.
  mutating func trainWishes() -> [Request] {
    if !train.hasAskedForList, settings.view == .train {
      train.hasAskedForList = true
      return [.train(.list)]
    }
    var wanted = TrainWatch(runs: settings.runs, head: settings.probe)
    wanted.prompt = settings.prompt
    guard wanted != train.watched, train.facts != nil else { return [] }
    train.watched = wanted
    return [.train(.watch(wanted))]
  }

  mutating func receiveTrain(_ event: TrainEvent) -> [Request] {
    switch event {
    case .listed(let recipes): train.recipes = recipes
    case .preparing(let share):
      if case .preparing(let name, _) = train.phase { train.phase = .preparing(name, share: share) }
    case .ready(let facts): return becomeReady(facts)
    case .closed: train.close()
    case .news(let news):
      train.take(news)
      if let problem = news.problem { echo = Echo(text: problem, isError: true) }
    case .steered: break  // the journal's
    case .stopped(let step):
      echo = Echo(
        text: "saved step \(Numbers.grouped(step)) and paused; Space goes on", key: echo.key)
    case .others(let logs): train.others = logs
    case .probed(let probe): (train.probe, train.ribbon) = (probe, nil)
    case .ribbon(let ribbon): (train.probe, train.ribbon) = (nil, ribbon)
    case .failed(let failure):
      train.phase = train.facts == nil ? .none : .paused
      echo = Echo(text: failure.message, isError: true)
    }
    return []
  }

  private mutating func becomeReady(_ facts: RunFacts) -> [Request] {
    train.open(facts)
    train.watched = TrainWatch()
    settings.cursors[.train] = nil
    if let note = facts.notes.first { echo = Echo(text: note) }
    if var begun = train.begun, facts.order.minutes != nil {
      begun.options.removeAll { ["minutes", "steps"].contains($0.key) }
      begun.options.append(Command.Option(key: "steps", value: "\(facts.config.steps)"))
      train.begun = begun
      echo.text = begun.description
    }
    let isBegun = facts.isNew && train.begun?.text == facts.order.name
    if isBegun, train.isReplayed { train.phase = .running }
    guard isBegun, !train.isReplayed else { return [] }
    if facts.forecast != nil {
      // A box would take the keys of another view.
      if settings.view == .train, dialog == nil {
        dialog = .forecast
      } else {
        echo = Echo(text: "\(facts.name) is ready: Space in the Train view starts it")
      }
      return []
    }
    train.phase = .running
    return [.train(.run(to: .max))]
  }

  // MARK: - Readings

  /// The value of a reading about training; nil for any other name.
  func trainReading(
    _ name: String, _ indices: [ReadingIndex]
  ) throws(Failure) -> ReadingValue? {
    func number(_ value: Double?) throws(Failure) -> ReadingValue {
      guard train.facts != nil || train.canGoOn else {
        throw Failure("\(name): no run is open; train NAME begins one", code: 64)
      }
      // What is not known yet agrees with no number, so that a wait goes on.
      return .number(value ?? .nan)
    }
    switch name {
    case "step": return try number(Double(train.step))
    case "steps": return try number(Double(train.steps))
    case "loss": return try number(train.losses.last?.value)
    case "validation": return try number(train.judgements.last?.loss)
    case "floor": return try number(train.facts?.log.floor)
    case "gradient": return try number(train.norms.last?.value)
    case "tokens-per-second": return try number(train.tokensPerSecond)
    case "saved": return try number(train.savedStep.map(Double.init))
    case "rate": return try number(train.rate)
    case "running": return .flag(train.isRunning)
    default: return nil
    }
  }
}

/// Times as people say them.
enum Spoken {
  /// "45 s", "3 min 20 s" or "2 h 5 min".
  static func time(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "–" }
    let s = max(0, Int(seconds.rounded()))
    if s < 60 { return "\(s) s" }
    if s < 3600 { return "\(s / 60) min \(s % 60) s" }
    return "\(s / 3600) h \(s / 60 % 60) min"
  }

  /// The same where it is an estimate: "40 s", "3 min", "2 h".
  static func rough(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "–" }
    if seconds < 90 { return "\(max(1, Int((seconds / 10).rounded())) * 10) s" }
    if seconds < 5400 { return "\(Int((seconds / 60).rounded())) min" }
    return "\(Int((seconds / 3600).rounded())) h"
  }
}
