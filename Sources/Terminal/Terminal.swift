import CNcurses
import Glibc
import Screen

/// The terminal that the process runs in: the one place that speaks to ncurses.
///
/// Main thread only. However the process ends, the terminal is put back first.
public final class Terminal: Backend {
  /// Why there is no screen, in one line.
  public struct Unavailable: Error, Equatable, CustomStringConvertible {
    public var reason: String
    public var description: String { reason }
  }

  public var look: Look
  private var shown: Canvas?
  private var shownLook: Look?
  private var decoder = Decoder()
  private var waiting: [Event] = []
  private let wake: Int32
  /// What switches the mouse and the marks around a paste on.
  private let mouse, paste: String

  /// What the terminal can do; sets the locale's character type for the process.
  public static func capabilities() -> Capabilities {
    var environment: [String: String] = [:]
    for name in ["TERM", "NO_COLOR", "COLORFGBG"] {
      environment[name] = getenv(name).map { String(cString: $0) }
    }
    let isTerminal = isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
    let isUTF8 = nc_locale_is_utf8() == 1
    let isKnown = isTerminal && environment["TERM"].map { nc_find($0) == 1 } ?? false
    return Capabilities(
      environment: environment, isTerminal: isTerminal, isUTF8: isUTF8, isKnown: isKnown,
      movesCursor: isKnown && nc_text("cup") != nil,
      colours: isKnown ? Int(nc_number("colors")) : 0,
      pairs: isKnown ? Int(nc_number("pairs")) : 0)
  }

  /// Opens the screen.
  ///
  /// What goes to standard error meanwhile is added to the file `log`, and said again when the
  /// screen is gone.
  public init(log path: String) throws(Unavailable) {
    let capabilities = Terminal.capabilities()
    if let problem = capabilities.problem { throw Unavailable(reason: problem) }
    look = capabilities.look
    func text(_ name: String) -> String { nc_text(name).map { Terminal.unpadded($0) } ?? "" }
    // Clicks and wheel, told in decimals; only for terminals that have a mouse.
    mouse = text("kmous").isEmpty ? "" : "\u{1B}[?1000h\u{1B}[?1006h"
    paste = text("BE")
    let off = (mouse.isEmpty ? "" : "\u{1B}[?1006l\u{1B}[?1000l") + text("BD")
    var pipe: Int32 = -1
    let leave = text("sgr0") + text("rmcup") + text("cnorm")
    let opened = nc_open(mouse + paste, off, leave, path, &pipe)
    wake = pipe
    guard opened == 1 else { throw Unavailable(reason: "the terminal could not be opened") }
  }

  deinit { close() }

  /// Puts the terminal back, as is done when the process exits or crashes.
  public func close() { nc_close() }

  /// Puts the terminal back and ends the process as `signal` would have.
  public func end(by signal: Int32) -> Never {
    close()
    Glibc.signal(signal, SIG_DFL)
    raise(signal)
    exit(128 + signal)
  }

  /// Makes `next` return `.wake`; from any thread.
  public static func wake() { nc_wake() }

  public var size: Size { Size(rows: Int(nc_rows()), columns: Int(nc_columns())) }

  /// Whether clicks and the wheel come to the program, not to the terminal's own selection.
  public func setMouse(_ isOn: Bool) { nc_modes((isOn ? mouse : "") + paste) }

  public func draw(_ canvas: Canvas) {
    if shownLook != look || shown?.rows != canvas.rows || shown?.columns != canvas.columns {
      nc_clear()
      shown = nil
    }
    for at in canvas.changes(from: shown) {
      guard let cell = canvas[at.row, at.column], !cell.glyph.isEmpty else { continue }
      let style = look.style(cell)
      let isWide = canvas[at.row, at.column + 1]?.glyph.isEmpty ?? false
      let text = look.glyph(cell)
      // A wide glyph may stand as two narrow ones.
      let parts = isWide && Glyphs.split(text).count == 2 ? text.map { String($0) } : [text]
      for (i, part) in parts.enumerated() {
        nc_put(
          Int32(at.row), Int32(at.column + i), part, parts.count == 1 && isWide ? 2 : 1,
          Int32(style.flags.rawValue), Int32(style.foreground), Int32(style.background))
      }
    }
    nc_refresh(Int32(canvas.cursor?.row ?? -1), Int32(canvas.cursor?.column ?? -1))
    (shown, shownLook) = (canvas, look)
  }

  /// Draws everything with the next canvas: after Ctrl-L.
  public func repaint() { shown = nil; nc_clear() }

  // MARK: Events

  public func next(timeout: Int?) -> Event? {
    while waiting.isEmpty {
      let patience = decoder.patience
      let limit = [timeout, patience].compactMap { $0 }.min()
      var files = [
        pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
        pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&files, 2, Int32(clamping: limit ?? -1))
      if ready < 0 { continue }  // a signal came, and its byte with it
      if ready == 0 {
        guard limit == patience, patience != nil else { return nil }
        waiting = decoder.flush()
        continue
      }
      if files[0].revents != 0 { readSignals() }
      if files[1].revents != 0 { readInput() }
    }
    return waiting.removeFirst()
  }

  private func readSignals() {
    var (isResized, isWoken) = (false, false)
    for byte in read(from: wake, 256) ?? [] {
      switch Int32(byte) {
      case 0: isWoken = true
      case SIGWINCH: isResized = true
      case SIGTSTP: suspend()
      case let signal: waiting.append(.end(signal: signal))
      }
    }
    if isWoken { waiting.append(.wake) }
    // A storm of resizes is one.
    if isResized {
      nc_resize()
      shown = nil
      waiting.append(.resize)
    }
  }

  private func readInput() {
    guard let bytes = read(from: STDIN_FILENO, 65_536) else {
      return waiting.append(.end(signal: SIGHUP))
    }
    for event in decoder.feed(bytes) {
      if event == .key(.control("z")) { suspend() } else { waiting.append(event) }
    }
  }

  private func suspend() {
    nc_suspend()
    shown = nil
    waiting.append(.resize)
  }

  /// What can be read now; nil when the other end is gone.
  private func read(from file: Int32, _ limit: Int) -> [UInt8]? {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
      let n = Glibc.read(file, buffer.baseAddress, limit)
      failed = n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)
      count = max(0, n)
    }
    return failed ? nil : bytes
  }

  /// A string of terminfo without its padding, `$<5>`, which no terminal of today needs.
  private static func unpadded(_ text: UnsafePointer<CChar>) -> String {
    let parts = String(cString: text).split(separator: "$<", omittingEmptySubsequences: false)
    return parts.dropFirst().reduce(into: String(parts.first ?? "")) { result, part in
      if let end = part.firstIndex(of: ">") { result += part[part.index(after: end)...] }
    }
  }
}
