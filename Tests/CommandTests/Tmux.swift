import Files
import Glibc
import TestSupport
import Testing

/// The real program in a terminal: a tmux server of its own, which is gone with this value.
final class Tmux {
  let workshop: Workshop
  private let socket: String

  /// Starts a command of the shell in a window of so many columns and rows.
  init(
    _ workshop: Workshop, shell: String, columns: Int = 80, rows: Int = 24,
    terminal: String = "tmux-256color"
  ) throws {
    self.workshop = workshop
    socket = workshop.path("tmux")
    // A server that was started from another must not take itself for its child.
    unsetenv("TMUX")
    try tmux(
      [
        "new-session", "-d", "-x", "\(columns)", "-y", "\(rows)", "-c", workshop.folder,
        "env -i PATH=/usr/bin:/bin HOME=\(workshop.folder) LANG=C.UTF-8 TERM=\(terminal) "
          // Were the test killed, nothing would be left for ever.
          + "SPECOLA_HOME=\(Workshop.home) timeout --foreground 900 sh -c '\(shell)'",
      ])
  }

  deinit { _ = try? Files.run(["tmux", "-S", socket, "kill-server"]) }

  @discardableResult func tmux(_ arguments: [String]) throws -> String {
    let result = try Files.run(["tmux", "-f", "/dev/null", "-S", socket] + arguments)
    try #require(result.status == 0, "tmux \(arguments): \(result)")
    return String(decoding: result.output, as: UTF8.self)
  }

  /// Presses keys by tmux's names, or types text.
  func press(_ keys: String...) throws { try tmux(["send-keys"] + keys) }
  func type(_ text: String) throws { try tmux(["send-keys", "-l", text]) }

  /// Types a command behind `:`.
  func command(_ text: String) throws {
    try type(":" + text)
    try press("Enter")
  }

  var screen: String { get throws { try tmux(["capture-pane", "-p"]) } }

  /// Waits until the screen satisfies a condition, and returns it.
  @discardableResult func wait(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
    until holds: (String) -> Bool
  ) throws -> String {
    var shown = ""
    let isSo = try comes(every: 20) {
      shown = try screen
      return holds(shown)
    }
    if !isSo { Issue.record("no \(what) ever:\n\(shown)", sourceLocation: sourceLocation) }
    return shown
  }

  @discardableResult func wait(
    for text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> String {
    try wait(text, sourceLocation: sourceLocation) { $0.contains(text) }
  }
}
