// A bench with its engine, its journal and its script: what runs commands, whoever gives them.
// It has no screen; the loop on a terminal and the reader of standard input both drive it.

import Files
import Screen

/// How a session came to its end.
public enum Ending: Equatable, Sendable { case save, discard }

public struct Session {
  public internal(set) var bench = Bench()
  public private(set) var journal: Journal
  /// Set when a command ended the session.
  public private(set) var ending: Ending?
  /// What `say` and failed expectations said, not yet shown.
  public var said: [String] = []
  /// Expectations of scripts that did not hold.
  public private(set) var failures = 0
  /// What makes a name of the bench a place of the file system.
  let engine: Engine
  let version: String

  /// Whether a script alone moves what goes on by itself: its steps are counted, never its seconds.
  private var isScripted = false

  /// Lines of a script still to be run, and the condition that the next one waits for.
  private var script: [Script.Line] = []
  private var waiting: Condition?
  /// Whether the line before was a wait: what is under way then goes on behind the next line.
  private var hasJustWaited = false
  /// Commands that steer a run under way; the trainer tells behind which step each was met.
  private var steering: [Command] = []
  /// The last step that the journal waits for.
  private var placed = 0
  /// On a screen: how many tokens are still to come at a pace that eyes can follow, and when the
  /// next may be asked for.
  private var slow = 0
  private var due: ContinuousClock.Instant?
  /// Requests that are kept back until a wait allows them, or their time has come.
  private var held: [Request] = []
  /// Whether nobody watches, so that lines are a script even if they come one at a time.
  private let isHeadless: Bool

  public init(engine: Engine, version: String, isHeadless: Bool = false) {
    (self.engine, self.version, self.isHeadless) = (engine, version, isHeadless)
    journal = Journal(version: version)
    (isScripted, bench.train.isReplayed) = (isHeadless, isHeadless)
  }

  /// Opens with the welcome.
  public mutating func welcome() { bench.dialog = .welcome }

  /// The run to go on with another time; nil when there is none.
  public var unfinishedRun: String? { bench.train.canGoOn ? bench.train.folder : nil }

  // MARK: - Commands

  /// Runs a line as typed; what is wrong with it is said in row 23.
  public mutating func run(line: String) {
    do throws(Failure) {
      guard let command = try Command.parse(line) else { return }
      try run(command)
    } catch {
      complain(error)
    }
  }

  /// Runs the command of a key; the same command is echoed.
  mutating func run(_ command: Command, key: String) {
    do throws(Failure) { try run(command, by: key) } catch { complain(error, key: key) }
  }

  mutating func complain(_ failure: Failure, key: String? = nil) {
    bench.echo = Echo(text: failure.message, key: key, isError: true)
  }

  /// Runs a command; throws when it cannot be, and then nothing has changed.
  public mutating func run(_ command: Command, by key: String? = nil) throws(Failure) {
    let (place, wasRunning) = (waypoint, bench.train.isRunning)
    bench.echo = Echo(text: command.description, key: key, isCommand: true)
    if CommandTable.entry(command.name).kind == .setting, command.isBare {
      return said.append(try Reading.value(of: command.name.rawValue, in: bench).description)
    }
    switch command.name {
    case .say: try say(command)
    case .rate, .pause, .save, .step, .stop:
      let requests = try bench.update(command)
      post(requests)
      if wasRunning, !isScripted, requests.contains(where: \.steers) {
        return steering.append(command)
      }
    case .sample where !isHeadless && command.integer(0) ?? .max > 10:
      slow = 10
      post(try bench.update(command))
    case .export: try export(command)
    case .play: try play(path: command.text)
    case .expect: try expect(command)
    case .wait:
      waiting = try Condition(command.text)
    case .quit: try quit(command)
    case .prompt:
      guard let path = command.option("file") else { fallthrough }
      let bytes = try FileSystem.readAll(path, limit: 1 << 24)
      post(try bench.update(Command(.prompt, String(bytes: bytes))))
    default: post(try bench.update(command))
    }
    // The steps of a run that a person watches are told by the waits before what comes next.
    if command.name.isKept, isScripted || command.name != .step {
      if let place {
        journal.append(place)
        placed = max(placed, bench.train.step)
      }
      journal.append(command)
    }
    if command.name == .train { placed = 0 }
  }

  /// Where something stood that goes on by itself: a replay waits for it.
  private var waypoint: Command? {
    guard !isScripted else { return nil }
    if bench.generate.isRunning { return Command(.wait, "tokens = \(bench.generate.ids.count)") }
    return bench.train.isOpen && bench.train.step > placed ? place(bench.train.step) : nil
  }

  private func place(_ step: Int) -> Command { Command(.wait, "step = \(step)") }

  private mutating func quit(_ command: Command) throws(Failure) {
    switch command.text {
    case "save": ending = .save
    case "discard": ending = .discard
    default:
      if bench.train.isUnsaved { bench.dialog = .quit } else { ending = .save }
    }
  }

  private mutating func expect(_ command: Command) throws(Failure) {
    let condition = try Condition(command.text)
    if try condition.holds(in: bench) { return }
    failures += 1
    throw Failure("expected \(command.text); \(try condition.explanation(in: bench))", code: 1)
  }

  private mutating func say(_ command: Command) throws(Failure) {
    said.append(
      command.text.isEmpty
        ? text(of: "view") : try Reading.value(of: command.text, in: bench).description)
  }

  // MARK: - The engine

  private func post(_ requests: [Request]) { requests.forEach(engine.post) }

  /// Takes in what the engine told; whether it told anything.
  public mutating func absorb(waiting milliseconds: Int32 = 0) -> Bool {
    let events = engine.events(waiting: milliseconds)
    defer { if let begun = bench.train.begun { journal.settle(begun) } }
    for event in events {
      let requests = receive(event)
      if isScripted {
        held += requests
      } else if slow > 0, bench.generate.isRunning, case .inspector(.scored) = event {
        (held, due) = (held + requests, ContinuousClock.now + .milliseconds(125))
        slow -= 1
      } else {
        post(requests)
      }
    }
    if let due, due <= ContinuousClock.now || !bench.generate.isRunning {
      self.due = nil
      release()
    }
    advance()
    return !events.isEmpty
  }

  private mutating func receive(_ event: EngineEvent) -> [Request] {
    if case .trainer(.steered(let step)) = event, !steering.isEmpty {
      if step > placed { journal.append(place(step)) }
      placed = step
      let command = steering.removeFirst()
      if command.name != .step { journal.append(command) }
    }
    return bench.receive(event)
  }

  /// Milliseconds until something has to be done though nothing is told.
  var patience: Int? { due.map { max(1, Int(($0 - .now) / .milliseconds(1)) + 1) } }

  /// Whether nothing is under way.
  public var isSettled: Bool {
    bench.pending == 0 && held.isEmpty && !bench.generate.isRunning
      && (isScripted || !bench.train.isRunning)
  }

  /// Whether a script has lines left.
  public var isPlaying: Bool { !script.isEmpty || waiting != nil }

  // MARK: - Scripts

  /// Puts the lines of a script before what is still to be run.
  public mutating func play(path: String) throws(Failure) {
    try play(Script(contentsOf: path))
  }

  public mutating func play(_ new: Script) {
    script = new.lines + script
    isScripted = isHeadless || !script.isEmpty
    bench.train.isReplayed = isScripted
  }

  /// Runs as many lines of the script as can be without waiting.
  private mutating func advance() {
    while isPlaying, ending == nil {
      if let condition = waiting {
        // Judged when all that was asked for is there, so that a replay sees the same.
        guard bench.pending == held.count else { return }
        do throws(Failure) {
          guard try condition.holds(in: bench) else { return try goOn(for: condition) }
        } catch { return abandon(error) }
        (waiting, hasJustWaited) = (nil, true)
      } else if !hasJustWaited, !isSettled {
        return release()
      }
      guard !script.isEmpty else { break }
      let line = script.removeFirst()
      hasJustWaited = false
      do throws(Failure) { try run(line.command) } catch {
        abandon(Failure("\(line.place): \(error.message)", code: error.code))
      }
    }
    if isScripted, !isPlaying {
      release()
      if isSettled, !isHeadless { (isScripted, bench.train.isReplayed) = (false, false) }
    }
  }

  private mutating func release() {
    post(held)
    held = []
  }

  /// Lets what is under way go one step on.
  private mutating func goOn(for condition: Condition) throws(Failure) {
    if !held.isEmpty { return release() }
    guard bench.pending == 0 else { return }
    guard bench.train.canGoOn else {
      throw Failure("wait: \(condition) can no longer come true: nothing is under way", code: 1)
    }
    post(try bench.update(Command(.step, "1")))
  }

  /// Says what is wrong and goes on with the next line.
  private mutating func abandon(_ failure: Failure) {
    waiting = nil
    failures += 1
    said.append(failure.message)
    complain(failure)
  }

  // MARK: - The end

  /// Saves what is to be saved and stops the engine; waits for it.
  public mutating func close() {
    let saves = ending != .discard && bench.train.isUnsaved
    // In the journal too: a replay ends behind the same step.
    if saves || bench.train.isRunning { try? run(saves ? Command(.stop) : Command(.pause, "on")) }
    let limit = ContinuousClock.now + .seconds(30)
    while bench.pending > 0, ContinuousClock.now < limit {
      for event in engine.events(waiting: 50) { _ = receive(event) }
    }
    if let place = waypoint { journal.append(place) }
    engine.shutDown()
  }
}

extension Command {
  /// Whether it is a name alone.
  var isBare: Bool { values.isEmpty && options.isEmpty }
}

extension Command.Name {
  /// Whether the journal keeps it: what changes the bench, not what only looks at it.
  var isKept: Bool {
    switch self {
    case .say, .quit, .help, .play, .undo: self == .undo
    default: true
    }
  }
}
