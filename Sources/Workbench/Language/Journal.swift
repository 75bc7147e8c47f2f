// A session as text: a command a line.

import Files

/// What was done, to be done again.
public struct Journal: Sendable {
  private let version: String
  private var all: [Command] = []

  public init(version: String) { self.version = version }

  /// Keeps a command; a setting without a value only prints and is left out.
  public mutating func append(_ command: Command) {
    let prints = command.values.isEmpty && command.options.isEmpty
    guard !prints || CommandTable.entry(command.name).kind == .command else { return }
    all.append(command)
  }

  /// Gives the last command of a name its settled form: steps in place of the minutes that they
  /// were fitted to.
  public mutating func settle(_ command: Command) {
    guard let last = all.lastIndex(where: { $0.name == command.name }), all[last] != command else {
      return
    }
    all[last] = command
  }

  /// The commands, of a run of the same setting only the last.
  ///
  /// Up to the last `undo` all are kept, since it counts them.
  public var commands: [Command] {
    let counted = (all.lastIndex { $0.name == .undo } ?? -1) + 1
    var commands = Array(all[..<counted])
    for command in all[counted...] {
      if commands.count > counted, let last = commands.last, command.replaces(last) {
        commands.removeLast()
      }
      commands.append(command)
    }
    return commands
  }

  /// The file: a comment, then a command a line.
  public var text: String { text(of: commands) }

  /// What goes on where this ended: all that was looked at, and the run from its checkpoint.
  public func resumption(run folder: String?) -> String {
    let steering: Set<Command.Name> = [.train, .wait, .rate, .pause, .step, .save, .stop]
    let looks = commands.filter { !steering.contains($0.name) }
    return text(of: looks + (folder.map { [Command(.train, $0)] } ?? []))
  }

  private func text(of commands: [Command]) -> String {
    let first = "# specola \(version): a session, to be run again with play"
    return ([first] + commands.map(\.description)).map { $0 + "\n" }.joined()
  }
}

extension Command {
  /// Whether nothing is left of a command before this one: the same setting, or the same keys.
  fileprivate func replaces(_ last: Command) -> Bool {
    guard name == last.name, text != "next", text != "back" else { return false }
    return name == .set
      ? Set(options.map(\.key)).isSuperset(of: last.options.map(\.key))
      : CommandTable.entry(name).kind == .setting
  }
}

/// The commands of a file.
public struct Script: Sendable {
  public struct Line: Sendable {
    public var command: Command
    /// `FILE:LINE`, safe to show.
    public var place: String
  }

  public var lines: [Line] = []

  /// Reads a file; the failure is `FILE:LINE: what is wrong`.
  public init(contentsOf path: String) throws(Failure) {
    try self.init(FileSystem.readAll(path), name: path)
  }

  /// Reads commands from text; `name` stands in messages.
  public init(_ bytes: [UInt8], name: String) throws(Failure) {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let text = bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes[...]
    let all = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, line) in zip(1..., all) {
      let place = "\(visible(name)):\(number)"
      do {
        guard let command = try Command.parse(String(bytes: Array(line))) else { continue }
        lines.append(Line(command: command, place: place))
      } catch {
        throw Failure("\(place): \(error.message)", code: error.code)
      }
    }
  }
}
