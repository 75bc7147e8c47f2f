import ArgumentParser
import Files
import Glibc
import Screen
import Terminal
import Training
import Workbench

struct Open: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Opens the workbench.",
    discussion: """
      examples:
        specola
        specola open runs/nano-cpu --prompt "Anna found a" --view generate
        echo "stage weights
        say" | specola open --no-tui

      Without a terminal commands are read from standard input, and views are printed as text.
      """)

  @ArgumentParser.Argument(help: "What to open; tales-en by default.") var model: String?
  @Option(help: "The prompt to begin with.") var prompt: String?
  @Option(help: "A session to play first.") var script: String?
  @Option(help: "Where to write the session at the end.") var record: String?
  @Option(help: "The view to begin with.") var view: String?
  @Flag(help: "Go on where the last session ended.") var last = false
  @Flag(help: "Read commands from standard input, print views as text.") var noTui = false
  @Flag(help: "Draw with ASCII only.") var ascii = false
  @Flag(help: "Leave the mouse to the terminal.") var noMouse = false
  @Option(help: "auto, always or never.") var color = "auto"

  func run() throws {
    guard ["auto", "always", "never"].contains(color) else {
      throw Failure("--color \(quoted(color)) is not auto, always or never", code: 64)
    }
    let capabilities = Terminal.capabilities()
    let problem = noTui ? "--no-tui" : capabilities.problem
    if let problem { return try runWithoutScreen(problem) }
    try runOnScreen()
  }

  // MARK: - On a terminal

  private func runOnScreen() throws {
    let state = StateFolder()
    var session = Session(
      engine: Engine(version: version, wake: { Terminal.wake() }), version: version)
    try begin(&session, state)
    if !FileSystem.exists(state.lastSession), script == nil { session.welcome() }
    let terminal: Terminal
    do throws(Terminal.Unavailable) { terminal = try Terminal(log: state.log) } catch {
      return try runWithoutScreen(error.reason)
    }
    if ascii {
      terminal.look = Look(.plain, light: terminal.look.light, colour: terminal.look.colour)
    }
    if color == "never" { terminal.look = terminal.look.with(colour: false) }
    if color == "always" { terminal.look = terminal.look.with(colour: true) }
    var loop = ScreenLoop(session, on: terminal)
    loop.run()
    terminal.close()
    try leave(loop.session, state)
    if let signal = loop.signal { terminal.end(by: signal) }
  }

  /// The commands that the options stand for, and what is to be played.
  private func begin(_ session: inout Session, _ state: StateFolder) throws(Failure) {
    var played: Script?
    if let script { played = try Script(contentsOf: script) }
    let opensModel = played?.lines.contains { $0.command.name == .model } ?? false
    if last {
      guard FileSystem.exists(state.lastSession) else {
        throw Failure("--last: no session was kept at \(visible(state.lastSession))")
      }
      try session.play(path: state.lastSession)
    } else if model != nil || !opensModel {
      try session.run(Command(.model, model ?? Home.defaultModel))
    }
    if let prompt { try session.run(Command(.prompt, prompt)) }
    if let view { try session.run(Command(.view, view)) }
    if noMouse { try session.run(Command(.set, options: [.init(key: "mouse", value: "off")])) }
    if let played { session.play(played) }
  }

  /// Keeps the session, and says where and what could be next.
  private func leave(_ session: Session, _ state: StateFolder) throws(Failure) {
    if let record { try AtomicFile.write(session.journal.text, to: record) }
    let count = session.journal.commands.count
    let text = session.journal.resumption(run: session.unfinishedRun)
    guard (try? AtomicFile.write(text, to: state.lastSession)) != nil else { return }
    note(
      "kept what you did: \(state.lastSession) (\(count) commands); "
        + "specola open --last goes on from there")
    if let folder = session.unfinishedRun { note("next: specola train --resume \(folder)") }
  }

  // MARK: - Without one

  private func runWithoutScreen(_ problem: String) throws {
    let state = StateFolder()
    var session = Session(engine: Engine(version: version), version: version, isHeadless: true)
    try begin(&session, state)
    if script == nil {
      note("\(problem), so commands are read from standard input; \"help\" lists them")
    }
    func settle() throws(Failure) {
      repeat {
        _ = session.absorb(waiting: session.isSettled ? 0 : 100)
        for text in session.said { try emit(text) }
        session.said = []
      } while (session.isPlaying || !session.isSettled) && session.ending == nil
        && Interrupt.signal == nil
    }
    Interrupt.install()
    try settle()
    var failed = session.failures > 0
    while script == nil, session.ending == nil, Interrupt.signal == nil, let line = readLine() {
      session.run(line: line)
      try settle()
      if session.bench.echo.isError {
        complain(session.bench.echo.text)
        failed = true
      }
    }
    if session.bench.train.isUnsaved {
      note("saving the run; \"wait idle\" would have let it finish")
    }
    session.close()
    if let record { try AtomicFile.write(session.journal.text, to: record) }
    if let signal = Interrupt.signal { throw ExitCode(128 + signal) }
    if failed || session.failures > 0 { throw ExitCode(1) }
  }
}

/// Where sessions and the log are kept: the XDG state folder, else the temporary one.
struct StateFolder {
  let path: String

  init() {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    let base = variable("XDG_STATE_HOME") ?? variable("HOME").map { $0 + "/.local/state" }
    let wanted = (base ?? "/tmp") + "/specola"
    path = (try? FileSystem.createDirectory(wanted)) != nil ? wanted : "/tmp"
  }

  var lastSession: String { path + "/last.specola" }
  var log: String { path + "/log" }
}
