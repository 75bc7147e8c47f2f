// The one place that writes to the terminal.

import Files
import Glibc
import Screen
import Synchronization

/// Writes to standard output, control bytes drawn as symbols on a terminal, raw on a pipe.
///
/// - Throws: when nobody reads any more.
func emit(_ text: String, terminator: String = "\n") throws(Failure) {
  let shown = isTerminal(STDOUT_FILENO) ? drawable(text) : text
  guard writeAll(STDOUT_FILENO, shown + terminator) else {
    throw Failure("standard output: \(String(cString: strerror(errno)))", code: 1)
  }
}

/// Text whose control bytes, newlines and tabs apart, are symbols.
private func drawable(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false).map {
    $0.split(separator: "\t", omittingEmptySubsequences: false).map { visible($0) }
      .joined(separator: "\t")
  }.joined(separator: "\n")
}

/// One line of explanation to standard error.
func note(_ text: String) { _ = writeAll(STDERR_FILENO, "specola: \(visible(text))\n") }

/// One line of what went wrong, where and what to do.
func complain(_ text: String) { note("error: " + text) }

/// A line on the terminal that the next one replaces; nothing where there is no terminal.
func progress(_ text: String) {
  if isTerminal(STDERR_FILENO) { _ = writeAll(STDERR_FILENO, "\r\u{1B}[K\(text)") }
}

func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

private func writeAll(_ descriptor: Int32, _ text: String) -> Bool {
  Array(text.utf8).withUnsafeBytes { FileSystem.write($0, to: descriptor) }
}

/// Ctrl-C and its kin: the first asks to stop at the next good moment, the second stops at once.
enum Interrupt {
  private static let received = Atomic<Int32>(0)

  /// The signal that asked to stop; nil when none did.
  static var signal: Int32? {
    let number = received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }

  /// From now on; a signal that is ignored, as under nohup, stays so.
  static func install() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var before = sigaction()
      sigaction(number, nil, &before)
      if unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) == 1 { continue }
      Glibc.signal(number) { number in
        if Interrupt.received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
      }
    }
  }
}

/// A number with so many digits behind the point, as on the screens.
func fixed(_ x: Double, _ digits: Int) -> String { Numbers.fixed(x, digits) }

/// 12345 as "12,345".
func grouped(_ n: Int) -> String { Numbers.grouped(n) }

/// Seconds as "45 s", "3 min 20 s" or "2 h 5 min".
func spoken(seconds: Double) -> String {
  guard seconds.isFinite, seconds < 1e9 else { return "–" }
  let s = Int(seconds.rounded())
  if s < 60 { return "\(s) s" }
  if s < 3600 { return "\(s / 60) min \(s % 60) s" }
  return "\(s / 3600) h \(s / 60 % 60) min"
}

/// Left-aligned columns of a table, two spaces apart.
func columns(_ rows: [[String]]) -> String {
  let widths = (rows.first ?? []).indices.map { column in
    rows.map { $0[column].count }.max() ?? 0
  }
  return rows.map { row in
    let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
    let line = cells.joined(separator: "  ")
    return String(line.prefix(line.count - (line.reversed().prefix { $0 == " " }).count))
  }.joined(separator: "\n")
}

/// All of standard input.
///
/// - Throws: when it is a terminal, where nothing would be waited for in silence.
func standardInput() throws(Failure) -> [UInt8] {
  guard !isTerminal(STDIN_FILENO) else {
    throw Failure("- reads standard input, which is a terminal; pipe a text into it", code: 64)
  }
  var bytes: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(STDIN_FILENO, &buffer, buffer.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else {
      throw Failure("standard input: \(String(cString: strerror(errno)))", code: 1)
    }
    if count == 0 { return bytes }
    bytes += buffer[..<count]
  }
}
