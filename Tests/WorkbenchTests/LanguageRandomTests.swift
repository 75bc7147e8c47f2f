// Random commands print and parse back; random bytes are a command or one line of message.

import Files
import TestSupport
import Testing
import Workbench

@Suite struct LanguageRandomTests {
  @Test(arguments: 0..<20) func printedCommandsParseBack(seed: Int) throws {
    var random = SplitMix(state: UInt64(seed))
    for _ in 0..<400 {
      let command = random.command()
      let line = command.description
      #expect(!line.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(line)")
      let parsed = try #require(try Command.parse(line), "\(line)")
      #expect(parsed == command, "\(line)")
      #expect(parsed.values.map(\.bytes) == command.values.map(\.bytes), "\(line)")
      #expect(parsed.options.map(\.value.bytes) == command.options.map(\.value.bytes), "\(line)")
      #expect(parsed.description == line)
    }
  }

  @Test(arguments: 0..<20) func anyLineIsACommandOrAMessage(seed: Int) {
    var random = SplitMix(state: 1_000 + UInt64(seed))
    for round in 0..<1500 {
      var bytes = round % 3 == 0 ? random.bytes(60) : Array(random.command().description.utf8)
      for _ in 0..<random.below(4) where !bytes.isEmpty {
        let place = random.below(bytes.count)
        switch random.below(4) {
        case 0: bytes[place] = UInt8(random.below(256))
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(random.pick(Array(#" "\=#@[](),.*-_x0%"#.utf8)), at: place)
        default: bytes.insert(contentsOf: random.bytes(12), at: place)
        }
      }
      let line = String(bytes: bytes)
      do throws(Failure) {
        guard let command = try Command.parse(line) else { continue }
        #expect(try Command.parse(command.description) == command, "\(command)")
      } catch {
        #expect(error.message.count <= 300, "\(error.message)")
        #expect(error.message == visible(error.message))
        #expect(error.code == 64)
      }
      _ = CommandTable.completions(for: line) { _ in ["one", "two words"] }
    }
  }

  /// What people paste: deep nesting and megabytes end soon, in a message or a command.
  @Test func hugeLines() throws {
    let many = 1 << 20
    for line in [
      "say " + String(repeating: "sum(", count: many),
      "say " + String(repeating: "token[", count: many),
      "say 1" + String(repeating: " + 1", count: 10_000),
      "view " + String(repeating: "a", count: many), String(repeating: "\"", count: many),
      "play \"" + String(repeating: "\\", count: many), String(repeating: "\u{202E}", count: many),
      "set " + String(repeating: "zoom=1 ", count: 1000),
    ] {
      do throws(Failure) { _ = try Command.parse(line) } catch {
        #expect(error.message.count <= 300)
      }
    }
    let paste = String(repeating: "a \u{301}\u{7}", count: many / 4)
    let command = try #require(try Command.parse("prompt " + paste))
    #expect(try Command.parse(command.description)?.bytes == command.bytes)
  }
}

extension SplitMix {
  fileprivate mutating func pick<T>(_ all: [T]) -> T { all[below(all.count)] }

  fileprivate mutating func bytes(_ most: Int) -> [UInt8] {
    (0..<below(most + 1)).map { _ in UInt8(below(256)) }
  }

  /// Text of bytes that commands mean something by, and of any others.
  fileprivate mutating func text() -> String {
    let pieces = [
      "Anna", " ", "\"", "\\", "#", "=", "@", "\n", "\t", "é", "👩‍🔬", "\u{301}", "x", "\u{7F}",
      "0.2", "off", "[", ",", "\u{202E}", "\u{10FF80}",
    ]
    let bytes = (0..<below(6)).flatMap { _ in
      below(8) == 0 ? [UInt8(below(256))] : Array(pick(pieces).utf8)
    }
    return String(bytes: bytes)
  }

  fileprivate mutating func number() -> String {
    pick(["0", "1", "0.80", "1e-3", "80%", "12", "-3", "+0.5", "-0.10", "2.5E+2"])
  }

  fileprivate mutating func value(_ argument: Argument) -> String {
    if !argument.words.isEmpty, argument.type == .word || below(4) == 0 {
      return pick(argument.words)
    }
    switch argument.type {
    case .word: return ""
    case .number(let interval):
      return pick(
        ["1", "0.80", "1e-3", "80%", "+0.5"].filter {
          Literal.number($0).map { $0 <= interval.high } ?? false
        })
    case .integer(let range):
      return String(Int.random(in: range.clamped(to: -20...20), using: &self))
    case .head: return pick(["0.2", "3", "11.10"])
    case .text: return text()
    case .path, .model, .recipe, .runs, .pane, .focus:
      let text = text()
      return text.isEmpty ? "again" : text
    case .condition: return condition()
    case .term: return term(3)
    }
  }

  fileprivate mutating func command() -> Command {
    let entry = CommandTable.entry(pick(Command.Name.allCases))
    let isKeyed = entry.isEither && below(2) == 0
    let fewest =
      isKeyed || entry.kind == .setting ? 0 : entry.arguments.count { !$0.isOptional }
    var command = Command(entry.name)
    let count = isKeyed ? 0 : fewest + below(entry.arguments.count - fewest + 1)
    for argument in entry.arguments.prefix(count) { command.values.append(value(argument)) }
    if entry.name == .prompt {
      if below(4) == 0 { command = Command(.prompt, options: [.init(key: "file", value: "a b")]) }
      return command
    }
    if entry.isEither, !isKeyed { return count == 0 ? Command(.pin) : command }
    for option in entry.options where entry.arguments.isEmpty || isKeyed || below(2) == 0 {
      command.options.append(.init(key: option.key, value: value(option)))
    }
    if entry.takesOtherKeys {
      command.options.append(.init(key: "optimizer.learning_rate", value: "3e-3"))
    }
    return command
  }

  fileprivate mutating func term(_ depth: Int) -> String {
    let first = factor(depth)
    guard below(3) == 0 else { return first }
    return first + " " + pick(["+", "-", "*", "/"]) + " " + factor(depth)
  }

  fileprivate mutating func factor(_ depth: Int) -> String {
    switch depth > 0 ? below(5) : 2 + below(3) {
    case 0: return pick(Function.allCases).rawValue + "(" + term(depth - 1) + ")"
    case 1:
      let row = pick(ReadingTable.rows)
      let head = row.isOfHead ? pick(["", "@*", "@0.2", "@1.10"]) : ""
      let indices = (0..<below(row.indices.count + 1)).map { _ in factor(depth - 1) }
      return row.name + head + (indices.isEmpty ? "" : "[" + indices.joined(separator: ",") + "]")
    case 2: return pick(ReadingTable.names)
    case 3:
      let text = text()
      return ["on", "off"].contains(text)
        ? text : Command(.take, options: [.init(key: "text", value: text)]).quotedPart
    default: return number()
    }
  }

  fileprivate mutating func condition() -> String {
    let start = (below(4) == 0 ? "not " : "") + term(2)
    switch below(4) {
    case 0: return start
    case 1: return start + " in 4..9.5"
    case 2: return start + " " + pick(["=", "!="]) + " " + term(1) + " within " + number()
    default: return start + " " + pick(["=", "!=", "<", "<=", ">", ">="]) + " " + term(1)
    }
  }
}

extension Command {
  /// The text of `take "TEXT"` with its quotes.
  fileprivate var quotedPart: String { String(description.dropFirst("take ".count)) }
}
