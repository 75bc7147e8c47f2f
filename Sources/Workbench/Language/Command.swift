// What a person can ask of the workbench, as data: a key, a typed line, a script and a session all
// come to the same commands.

import Files

/// One command: a name of the table, values, and keys with values.
///
/// Values are text as `String(bytes:)` makes it, so a prompt keeps bytes that are no UTF-8.
public struct Command: Hashable, Sendable, CustomStringConvertible {
  public enum Name: String, CaseIterable, Sendable {
    case view, prompt, cursor, seed, help, set, say, find, export, model, undo, pin, play, wait
    case expect, stop, quit
    case head, stage, mask, sharpen, zero
    case rule, threshold
    case temperature
    case topK = "top-k"
    case topP = "top-p"
    case sample, take, rewind, branch
    case rate, train, pause, step, save
  }

  /// A key and its value, `seed=7`.
  public struct Option: Hashable, Sendable {
    public var key, value: String

    public init(key: String, value: String) { (self.key, self.value) = (key, value) }
  }

  public var name: Name
  public var values: [String]
  /// In the order in which they were written.
  ///
  /// `prompt @FILE` has the key `file`, `take "TEXT"` has `text`.
  public var options: [Option]

  public init(_ name: Name, _ values: String..., options: [Option] = []) {
    self.init(name, values: values, options: options)
  }

  public init(_ name: Name, values: [String], options: [Option] = []) {
    (self.name, self.values, self.options) = (name, values, options)
  }
}

/// The values by type; nil where there is none or it is of another type, as `off` is no number.
extension Command {
  /// The first value, empty if there is none.
  public var text: String { values.first ?? "" }
  /// The bytes of the first value.
  public var bytes: [UInt8] { text.bytes }

  public func number(_ index: Int) -> Double? { value(index).flatMap(Literal.number) }
  public func integer(_ index: Int) -> Int? { value(index).flatMap(Literal.integer) }
  /// The head; `H` alone is one of `layer`.
  public func head(_ index: Int, inLayer layer: Int) -> HeadReference? {
    value(index).flatMap { HeadReference($0, inLayer: layer) }
  }

  public func option(_ key: String) -> String? { options.first { $0.key == key }?.value }
  public func number(_ key: String) -> Double? { option(key).flatMap(Literal.number) }
  public func integer(_ key: String) -> Int? { option(key).flatMap(Literal.integer) }

  private func value(_ index: Int) -> String? {
    values.indices.contains(index) ? values[index] : nil
  }
}

// MARK: - Printing

extension Command {
  /// The line that `parse` reads as this command; one line without control bytes.
  public var description: String {
    let words: [String]
    switch CommandTable.entry(name).reading {
    case .text: words = option("file").map { ["@" + Command.text($0)] } ?? values.map(Command.text)
    case .expression: words = values
    case .words:
      words =
        values.map { Command.word($0) }
        + options.map {
          name == .take && $0.key == "text"
            ? $0.value.quotedForm() : $0.key + "=" + Command.word($0.value)
        }
    }
    return ([name.rawValue] + words).joined(separator: " ")
  }

  /// The bytes of a prompt as they are typed behind `prompt`.
  public static func editable(_ bytes: [UInt8]) -> String {
    bytes.isEmpty ? "" : text(String(bytes: bytes))
  }

  /// The rest of a line: quoted only if it would be read as something else.
  private static func text(_ text: String) -> String {
    let edges = [text.utf8.first, text.utf8.last]
    // Without a quote at both ends it is read as it stands, and with them if more follows one.
    let isRead =
      edges.contains { $0 != UInt8(ascii: "\"") }
      || (try? LineReader.unquoted(Array(text.utf8)[...])).map { $0 == Array(text.utf8) } ?? false
    let isEdged = edges.contains { $0 == nil || $0 == UInt8(ascii: " ") }
    let isFile = edges[0] == UInt8(ascii: "@")
    return isRead && !isEdged && !isFile && text.isPlain ? text : text.quotedForm()
  }

  /// One word of a line.
  static func word(_ text: String) -> String {
    let isBare =
      text.isPlain && !text.isEmpty && text.utf8.first != UInt8(ascii: "#")
      && !text.utf8.contains { " \"=".utf8.contains($0) }
    return isBare ? text : text.quotedForm()
  }
}

// MARK: - Reading

extension Command {
  /// The command of a line, nil if there is none but a comment; a newline within is text.
  ///
  /// The failure is one line: an unknown word with the nearest known one, a value with its domain.
  public static func parse(_ line: String) throws(Failure) -> Command? {
    var reader = LineReader(line.bytes)
    guard let word = reader.name() else { return nil }
    let spelling = word.dashed
    guard let name = Name(rawValue: spelling) else {
      let near = nearest(spelling, among: Name.allCases.map(\.rawValue))
      throw Failure(
        "unknown command \(word.quotedForm(limit: 40))"
          + (near.map { "; nearest: \($0)" } ?? "; help lists them"), code: 64)
    }
    let entry = CommandTable.entry(name)
    do {
      switch entry.reading {
      case .text: return try entry.command(text: reader)
      case .expression: return try entry.command(expression: reader.expression())
      case .words: return try entry.command(words: reader.words())
      }
    } catch {
      throw Failure("\(name.rawValue): \(error.message)", code: 64)
    }
  }
}

extension Entry {
  fileprivate func command(text reader: LineReader) throws(Failure) -> Command {
    var text = reader.text
    let isFile = name == .prompt && text.first == UInt8(ascii: "@")
    if isFile { text = text.dropFirst() }
    let value = String(bytes: try LineReader.unquoted(text))
    if isFile {
      guard !value.isEmpty else { throw Failure("give the file behind @; \(usage)") }
      return Command(name, options: [Command.Option(key: "file", value: value)])
    }
    return text.isEmpty ? Command(name) : Command(name, value)
  }

  fileprivate func command(expression: String) throws(Failure) -> Command {
    guard !expression.isEmpty else {
      guard arguments[0].isOptional else { throw Failure("give a condition; \(usage)") }
      return Command(name)
    }
    return Command(
      name,
      arguments[0].type == .term
        ? try Term(expression).description : try Condition(expression).description)
  }

  fileprivate func command(words: [LineReader.Word]) throws(Failure) -> Command {
    var command = Command(name)
    for word in words {
      let isText = name == .take && (word.isQuoted || Literal.integer(word.text) == nil)
      if let key = word.key ?? (isText ? "text" : nil) {
        let option = try option(key, word.text)
        guard command.option(option.key) == nil else {
          throw Failure("\(option.key.quotedForm(limit: 40)) is given twice")
        }
        command.options.append(option)
      } else {
        guard command.options.isEmpty else {
          throw Failure("values come before keys; \(usage)")
        }
        guard command.values.count < arguments.count else {
          throw Failure("\(word.text.quotedForm(limit: 40)) is too much; \(usage)")
        }
        command.values.append(try arguments[command.values.count].checked(word.text))
      }
    }
    if isEither, !command.values.isEmpty, !command.options.isEmpty {
      throw Failure("takes one or the other; \(usage)")
    }
    let isAnyEnough = isEither || arguments.isEmpty && !options.isEmpty
    let isMissing =
      isAnyEnough
      ? command.values.isEmpty && command.options.isEmpty
      : command.values.count < arguments.count { !$0.isOptional }
    if kind == .command, isMissing { throw Failure("something is missing; \(usage)") }
    return command
  }
}
