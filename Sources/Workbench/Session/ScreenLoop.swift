// The loop on a terminal: events in, canvases out.

import Files
import Screen

public struct ScreenLoop<Terminal: Backend> {
  public var session: Session
  private var terminal: Terminal
  /// What is being typed in row 23.
  private var field: Field?
  private var history: [String] = []
  private let capable: Look
  /// The signal that asked for the end.
  public private(set) var signal: Int32?
  /// A command that is run every second, the key that began it, and when it is next.
  private var played: (command: Command, key: Key, next: ContinuousClock.Instant)?
  private var lastClick: (at: Position, time: ContinuousClock.Instant)?
  private var hasSavedOnce = false
  /// Whether clicks come to the program, as they do when the screen opens.
  private var hasMouse = true

  public init(_ session: Session, on terminal: Terminal) {
    (self.session, self.terminal) = (session, terminal)
    capable = terminal.look
  }

  /// Runs until a command or a signal ends it; the session is then closed.
  public mutating func run() {
    var drawn = ContinuousClock.now - .seconds(1)
    var isStale = true
    while session.ending == nil, signal == nil {
      // What the engine tells is drawn at most thirty times a second, keys at once.
      let age = ContinuousClock.now - drawn
      if isStale, age >= .milliseconds(33) || !session.isPlaying && pressed {
        draw()
        (drawn, isStale, pressed) = (ContinuousClock.now, false, false)
      }
      let rest = isStale ? max(1, 33 - Int(age / .milliseconds(1))) : nil
      let play = played.map { max(1, Int(($0.next - .now) / .milliseconds(1)) + 1) }
      let script = session.isPlaying ? 10 : nil
      let limits = [rest, play, script, session.patience].compactMap { $0 }
      if let event = terminal.next(timeout: limits.min()) {
        handle(event)
        isStale = true
      }
      if session.absorb() { isStale = true }
      if playOn() { isStale = true }
      showWhatWasSaid()
    }
    if signal == nil { draw() }
    session.close()
  }

  /// Whether a key was pressed since the last picture.
  private var pressed = true

  private mutating func draw() {
    let size = terminal.size
    session.bench.size = size
    let look = session.bench.look(capable)
    if terminal.look != look { terminal.look = look }
    if hasMouse != session.bench.settings.mouse {
      hasMouse.toggle()
      terminal.setMouse(hasMouse)
    }
    var canvas = Canvas(rows: size.rows, columns: size.columns)
    session.bench.draw(on: &canvas, field: field)
    terminal.draw(canvas)
  }

  private mutating func showWhatWasSaid() {
    guard !session.said.isEmpty else { return }
    let lines = session.said.flatMap {
      $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }
    session.said = []
    if lines.count == 1 {
      session.bench.echo = Echo(text: lines[0], key: nil, isError: session.bench.echo.isError)
    } else {
      session.bench.dialog = .text(title: "say", lines)
    }
  }

  // MARK: - Events

  private mutating func handle(_ event: Event) {
    pressed = true
    switch event {
    case .key(let key): press(key)
    case .paste(let text): paste(text)
    case .click(let place): click(place)
    case .wheel(let up, let place): wheel(up, place)
    case .resize, .wake: pressed = event == .resize
    case .end(let number): signal = number
    }
  }

  private mutating func press(_ key: Key) {
    switch key {
    case .control("l"): return terminal.repaint()
    case .control("c"): return interrupt()
    default: break
    }
    if field != nil { return type(key) }
    if terminalIsTooSmall {
      if key == .character("q") { session.run(Command(.quit), key: "q") }
      return
    }
    if let (action, next, handsOn) = session.bench.dialogAction(for: key) {
      session.bench.dialog = next
      if let action { perform(action, key) }
      guard handsOn else { return }
    }
    if played != nil {
      played = nil
      if key == .character(" ") { return }
    }
    if let action = session.bench.action(for: key) { perform(action, key) }
  }

  /// Runs the command that is played when its time has come; whether it did.
  private mutating func playOn() -> Bool {
    guard let (command, key, next) = played, .now >= next else { return false }
    session.run(command, key: key.name)
    pressed = true
    played = session.bench.echo.isError ? nil : (command, key, .now + .seconds(1))
    return true
  }

  private var terminalIsTooSmall: Bool {
    let size = terminal.size
    return size.rows < Bench.smallest.rows || size.columns < Bench.smallest.columns
  }

  private mutating func perform(_ action: Action, _ key: Key) {
    switch action {
    case .run(let command): session.run(command, key: key.name)
    case .type(let text):
      session.bench.dialog = nil
      session.bench.shelf = .now()
      field = Field(prompt: ":", text, history: history)
    case .say(let text): session.bench.echo = Echo(text: text, key: nil)
    case .open(let dialog): session.bench.dialog = dialog
    case .play(let command): played = (command, key, .now)
    }
  }

  private mutating func type(_ key: Key) {
    guard var field else { return }
    let outcome = field.handle(key)
    switch outcome {
    case .submitted(let line):
      self.field = nil
      if !line.isEmpty, history.last != line { history.append(line) }
      session.run(line: line)
      return
    case .cancelled:
      self.field = nil
      return
    case .wantsCompletion: field.complete(with: session.bench.completions(for: field))
    case .edited, .ignored: break
    }
    self.field = field
  }

  private mutating func paste(_ text: String) {
    guard !terminalIsTooSmall else { return }
    if field == nil {
      session.bench.dialog = nil
      field = Field(prompt: ":", "prompt ", history: history)
    }
    field?.insert(text)
  }

  private mutating func click(_ place: Position) {
    guard field == nil, !terminalIsTooSmall else { return }
    let screen = Canvas(rows: terminal.size.rows, columns: terminal.size.columns).bounds
    let areas = session.bench.areas(of: screen)
    if session.bench.dialog != nil { return press(.escape) }
    if areas.tabs.contains(place.row, place.column) {
      let titles = ViewName.allCases.enumerated().map { "\($0 + 1) \($1.title)" }
      let open = ViewName.allCases.firstIndex(of: session.bench.settings.view) ?? 0
      let places = TabBar(titles, open: open).places(width: areas.tabs.width)
      let tab = places.firstIndex { $0.contains(place.column) }
      return press(tab.map { .character(Character("\($0 + 1)")) } ?? .character("?"))
    }
    let now = ContinuousClock.now
    let isSecond = lastClick.map { $0.at == place && now - $0.time < .milliseconds(500) } ?? false
    lastClick = (place, now)
    if isSecond { return press(.enter) }
    if let action = session.bench.view.click(at: place, in: areas.view, session.bench) {
      perform(action, .enter)
    }
  }

  private mutating func wheel(_ up: Bool, _ place: Position) {
    guard field == nil, !terminalIsTooSmall else { return }
    let screen = Canvas(rows: terminal.size.rows, columns: terminal.size.columns).bounds
    let onDial = session.bench.areas(of: screen).legend.contains(place.row, place.column)
    press(onDial ? .character(up ? "+" : "-") : up ? .up : .down)
  }

  /// Ctrl-C: stops what runs; a run is saved and pauses; at rest it says how to leave.
  private mutating func interrupt() {
    field = nil
    session.bench.dialog = nil
    if session.bench.generate.isRunning {
      session.run(Command(.stop), key: "Ctrl-C")
    } else if session.bench.train.isRunning {
      session.run(Command(.stop), key: "Ctrl-C")
      hasSavedOnce = true
    } else if hasSavedOnce {
      session.run(Command(.quit, "save"), key: "Ctrl-C")
    } else {
      session.bench.echo = Echo(text: "q quits", key: "Ctrl-C")
    }
  }
}

extension Key {
  /// As row 23 names it.
  var name: String {
    switch self {
    case .character(" "): "Space"
    case .character(let letter): String(letter)
    case .control(let letter): "Ctrl-" + letter.uppercased()
    case .pageUp: "PgUp"
    case .pageDown: "PgDn"
    case .backTab: "Shift-Tab"
    case .escape: "Esc"
    case .function(let number): "F\(number)"
    case .up, .down, .left, .right, .home, .end, .enter, .tab, .backspace, .delete, .insert:
      "\(self)".prefix(1).uppercased() + "\(self)".dropFirst()
    }
  }
}

extension Bench {
  /// The look that was set, within what the terminal can do.
  func look(_ capable: Look) -> Look {
    var look = capable
    if let kind = Look.Kind(rawValue: settings.look) {
      let rank = { (kind: Look.Kind) in Look.Kind.allCases.firstIndex(of: kind) ?? 0 }
      if rank(kind) > rank(capable.kind) { look.kind = kind }
    }
    switch settings.theme {
    case "light": look.light = true
    case "dark": look.light = false
    default: break
    }
    return look
  }
}
