import Files
import Models
import Text
import Training

/// The thread that trains: a step at a time, so that a request waits for no more than that.
///
/// What happens is told at most fifteen times a second, so that the screen costs the run little.
final class TrainWorker: Worker {
  private let tell: (TrainEvent) -> Void
  private let version: String
  private var run: TrainingRun?
  /// The order of the run that is open.
  private var order: TrainOrder?
  /// Whether the run was made here and has not begun: then it is only a plan.
  private var isDraft = false
  /// The run before a draft, to which one can go back.
  private var previous: String?
  /// Whether its weights have come to give numbers that are not finite: nothing to be kept.
  private var isBroken = false
  /// The step to run to; nil while paused.
  private var goal: Int?
  private var pace = Pace()
  private var news = TrainNews()
  private var toldAt = ContinuousClock.now - .seconds(1)

  private var watch = TrainWatch()
  private var prompt: ProbePrompt?
  /// For a model of bytes, while no head was asked for.
  private var ribbon: RibbonPrompt?
  private var probed: HeadProbe?
  private var probedStep: Int?
  private var logs: [RunLog] = []
  private var looksAgainAt = (probe: ContinuousClock.now, logs: ContinuousClock.now)

  init(version: String, tell: @escaping (TrainEvent) -> Void) {
    (self.version, self.tell) = (version, tell)
  }

  // MARK: - Requests

  /// Of several watches only the last counts.
  func needed(_ requests: [TrainRequest]) -> [TrainRequest] {
    let last = requests.lastIndex { if case .watch = $0 { true } else { false } }
    return requests.enumerated().filter { index, request in
      if case .watch = request { index == last } else { true }
    }.map(\.element)
  }

  func handle(_ request: TrainRequest) {
    attempt {
      switch request {
      case .list: tell(.listed(Recipe.all()))
      case .prepare(let order):
        do { try prepare(order) } catch { try refuse(error) }
      case .run(let last):
        isDraft = false
        goal = last
      case .step(let count):
        isDraft = false
        for _ in 0..<count where try !advance() { break }
      case .pause: try pause()
      case .rate(let rate): try run?.turn(rate: Float(rate))
      case .save:
        isDraft = false
        try save()
      case .stop:
        try pause()
        if isDraft {
          try takeBack()
        } else if !isBroken, let run {
          try save()
          tell(.stopped(step: run.trainer.step))
        }
      case .watch(let wanted): look(at: wanted)
      }
    }
    publish()
    if request.steers { tell(.steered(step: run?.trainer.step ?? 0)) }
    if goal == nil { probe() }
  }

  func goOn() -> Int32 {
    if let goal {
      attempt {
        let isOver = try !advance(one: true) || run?.trainer.step ?? 0 >= goal
        if isOver, run?.isBetweenSteps ?? true { self.goal = nil }
      }
    }
    let now = ContinuousClock.now
    if now >= looksAgainAt.logs { readLogs() }
    if goal == nil || now - toldAt > .milliseconds(67) {
      if goal != nil || !news.isEmpty { publish() }
      if now >= looksAgainAt.probe { probe() }
    }
    return goal != nil ? 0 : logs.isEmpty ? -1 : 1_000
  }

  /// The run is saved by who wants that; a plan leaves nothing behind.
  func finish() {
    if isDraft { discard() }
    run = nil
  }

  /// Does something with the run; what goes wrong pauses it.
  private func attempt(_ body: () throws -> Void) {
    do { try body() } catch {
      goal = nil
      isBroken = isBroken || error is NotFinite
      let saved = run?.savedStep.map { "; saved step \($0) is good" } ?? ""
      news.problem = "\(error)\(saved)"
    }
  }

  // MARK: - The run

  /// Makes one step with all that it brings, or just one thing of it; false at the end.
  private func advance(one: Bool = false) throws -> Bool {
    guard let run else { return false }
    repeat {
      let began = ContinuousClock.now
      let event = try run.next { [self] share in
        if ContinuousClock.now - toldAt > .milliseconds(67) { publish(.evaluating(share)) }
      }
      guard let event else { return false }
      take(event)
      pace.count(event, ContinuousClock.now - began)
    } while !one && !run.isBetweenSteps
    return true
  }

  private func take(_ event: TrainingEvent) {
    switch event {
    case .turned: break
    case .step(let report, let speed, _):
      news.steps.append(
        TrainNews.Step(
          number: report.step, loss: report.loss, rate: Double(report.learningRate),
          norm: report.gradientNorm))
      news.tokensPerSecond = speed
    case .evaluated(let step, let result, _, _):
      let isText = result.bitsPerByte != nil
      news.judgements.append(
        TrainNews.Judgement(
          step: step, loss: result.loss, bitsPerByte: result.bitsPerByte,
          solved: isText ? nil : Double(result.solved) / Double(max(1, result.sequences))))
    case .sampled(let step, let text): news.samples.append(TrainNews.Sample(step: step, text: text))
    case .saved: break
    }
  }

  /// Finishes what the last step brought.
  private func pause() throws {
    goal = nil
    while let run, !run.isBetweenSteps { _ = try advance(one: true) }
  }

  private func save() throws {
    if isBroken { throw Failure("not saved: the last step has no finite numbers", code: 1) }
    while let run, !run.isBetweenSteps { _ = try advance(one: true) }
    try run?.save()
  }

  // MARK: - Beginning and ending

  private func prepare(_ wanted: TrainOrder) throws {
    try pause()
    let place = try RunPlace(wanted, after: run?.folder.path)
    // A plan that only gets other steps keeps its folder, and so its corpus.
    if isDraft, let run, let order, order.isPlanned(like: wanted),
      case .new(_, let config, _) = place
    {
      let (steps, end) = (config.steps, config.settled.schedule.steps)
      return try open(
        run.folder, wanted, sets: [("steps", "\(steps)"), ("schedule.steps", "\(end)")])
    }
    if isDraft { try takeBack() } else if !isBroken { try save() }
    previous = run?.folder.path
    run = nil
    switch place {
    case .existing(let path):
      try open(RunFolder(path), wanted, sets: wanted.sets.map { ($0.key, $0.value) })
    case .new(_, _, let make):
      let folder = try make(version) { [self] share in
        guard ContinuousClock.now - toldAt > .milliseconds(67) else { return }
        tell(.preparing(share))
        toldAt = .now
      }
      isDraft = true
      do { try open(folder, wanted, sets: []) } catch {
        discard(folder.path)
        throw error
      }
    }
  }

  /// Opens a run, measured first where that is wanted.
  private func open(
    _ folder: RunFolder, _ wanted: TrainOrder, sets: [(key: String, value: String)]
  ) throws {
    run = nil
    var (sets, forecast): (_, Forecast?) = (sets, nil)
    if wanted.minutes != nil || wanted.isForecast { forecast = try Forecast(of: folder.path) }
    if let minutes = wanted.minutes, let forecast { sets += forecast.fit(minutes: minutes) }
    let run = try TrainingRun(folder, sets: sets)
    (self.run, order, isBroken) = (run, wanted, false)
    (pace, news) = (Pace(run, forecast), TrainNews())
    tell(.ready(try RunFacts(run, wanted, forecast)))
    look(at: watch)
  }

  /// A run that could not be made ready leaves the one before open.
  private func refuse(_ error: any Error) throws {
    tell(.failed(error as? Failure ?? Failure("\(error)", code: 1)))
    if run == nil { try goBack() }
  }

  /// Takes a plan back, and opens the run before it again.
  private func takeBack() throws {
    discard()
    try goBack()
  }

  private func goBack() throws {
    guard let previous, FileSystem.exists(previous) else { return tell(.closed) }
    self.previous = nil
    try open(RunFolder(previous), TrainOrder(name: previous, isForecast: false), sets: [])
  }

  private func discard(_ path: String? = nil) {
    let path = path ?? run?.folder.path
    (run, isDraft) = (nil, false)
    path.map(FileSystem.remove)
  }

  // MARK: - Looking

  private func look(at wanted: TrainWatch) {
    watch = wanted
    ribbon = wanted.head == nil ? run.flatMap { RibbonPrompt(wanted.prompt, $0) } : nil
    prompt = ribbon == nil ? run.flatMap { ProbePrompt(wanted.prompt, $0) } : nil
    (probed, probedStep) = (nil, nil)
    looksAgainAt = (.now, .now)
    logs = wanted.runs.compactMap { try? RunLog(RunPlace.path(of: $0)) }
    tell(.others(logs))
  }

  /// Looks at the probe, so seldom that it takes less than a hundredth of the time.
  private func probe() {
    guard let run, run.isBetweenSteps, probedStep != run.trainer.step else { return }
    let (began, step) = (ContinuousClock.now, run.trainer.step)
    if let ribbon {
      tell(.ribbon(ribbon.look(at: run.model, step: step)))
    } else if let prompt {
      let probe = prompt.look(at: run.model, step: step, head: watch.head, last: probed?.head)
      probed = probe
      tell(.probed(probe))
    } else {
      return
    }
    probedStep = step
    let now = ContinuousClock.now
    looksAgainAt.probe = now + max(.milliseconds(250), (now - began) * 100)
  }

  private func readLogs() {
    looksAgainAt.logs = .now + .seconds(1)
    // In a list, so that every log is read.
    if logs.indices.map({ (try? logs[$0].refresh()) ?? false }).contains(true) {
      tell(.others(logs))
    }
  }

  /// Tells what has happened, and how the run stands.
  private func publish(_ phase: TrainNews.Phase? = nil) {
    guard let run else { return }
    news.phase =
      phase
      ?? (run.trainer.step >= run.plan.training.steps && run.isBetweenSteps
        ? .finished : goal == nil ? .paused : .running)
    news.checkpoints = (try? run.folder.checkpoints()) ?? []
    (news.savedStep, news.isSaved) = (run.savedStep, run.isSaved)
    news.rate = Double(run.trainer.learningRate)
    (news.left, news.isBroken) = (pace.left(run), isBroken)
    tell(.news(news))
    let speed = news.tokensPerSecond
    news = TrainNews()
    news.tokensPerSecond = speed
    toldAt = .now
  }
}

extension TrainNews {
  /// Whether nothing has happened.
  fileprivate var isEmpty: Bool {
    steps.isEmpty && judgements.isEmpty && samples.isEmpty && problem == nil
  }
}

extension TrainOrder {
  /// Whether two orders differ in their steps alone.
  fileprivate func isPlanned(like other: TrainOrder) -> Bool {
    let isSteps = { (option: Command.Option) in ["steps", "schedule.steps"].contains(option.key) }
    return name == other.name
      && sets.filter { !isSteps($0) } == other.sets.filter { !isSteps($0) }
  }
}
