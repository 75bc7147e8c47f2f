/// A key as the program knows it, whatever bytes the terminal sent.
public enum Key: Hashable, Sendable {
  case character(Character)
  /// A letter with Ctrl, in lower case.
  case control(Character)
  case up, down, left, right, home, end, pageUp, pageDown
  case enter, escape, tab, backTab, backspace, delete, insert
  case function(Int)
}

/// What a back end reports.
public enum Event: Hashable, Sendable {
  case key(Key)
  /// Text that was pasted: it never runs as keys.
  case paste(String)
  case click(Position)
  case wheel(up: Bool, Position)
  /// The size changed, or the screen was lost meanwhile: draw everything.
  case resize
  /// Something outside wants the program to look: `Terminal.wake` was called.
  case wake
  /// The process was asked to end by this signal: save, put the terminal back, go.
  case end(signal: Int32)
}

/// A real terminal, or a scripted one.
public protocol Backend {
  var size: Size { get }
  var look: Look { get set }
  mutating func draw(_ canvas: Canvas)
  /// The next event; nil when `timeout` milliseconds pass without one. Without a limit it waits.
  mutating func next(timeout: Int?) -> Event?
  /// Draws everything with the next canvas.
  mutating func repaint()
  /// Whether clicks and the wheel come to the program.
  mutating func setMouse(_ isOn: Bool)
}

/// A back end for tests: its events are given, its canvases are kept.
public struct ScriptedBackend: Backend {
  public var size: Size
  public var look: Look
  public var events: [Event]
  public private(set) var drawn: [Canvas] = []

  public init(size: Size, look: Look = .plain, events: [Event]) {
    (self.size, self.look, self.events) = (size, look, events.reversed())
  }

  public mutating func draw(_ canvas: Canvas) { drawn.append(canvas) }

  public mutating func next(timeout: Int?) -> Event? { events.popLast() }

  public mutating func repaint() {}

  public mutating func setMouse(_ isOn: Bool) {}
}
