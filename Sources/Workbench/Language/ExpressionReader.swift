// Conditions and terms from their bytes, by recursive descent.

import Files

struct ExpressionReader {
  private var rest: ArraySlice<UInt8>
  private var depth = 0

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  // condition = [ "not" ] term [ relation term [ "within" number ] ]
  mutating func condition() throws(Failure) -> Condition {
    let isNegated = skip(word: "not")
    let left = try term()
    if skip(word: "in") {
      let low = try number("where the range begins, as in 4..9")
      guard skip("..") else { throw unexpected("the .. of a range, as in 4..9") }
      let high = try number("where the range ends, as in 4..9")
      guard low.value <= high.value else {
        throw Failure("the range \(low.text)..\(high.text) is empty", code: 64)
      }
      return Condition(isNegated: isNegated, left: left, test: .range(low, high))
    }
    skipSpaces()
    guard let relation = Condition.Relation.allCases.first(where: { skip($0.rawValue) }) else {
      return Condition(isNegated: isNegated, left: left, test: nil)
    }
    let right = try term()
    var within: Number?
    if skip(word: "within") {
      within = try number("how far apart the two may be")
      guard relation == .equal || relation == .unequal else {
        throw Failure("within goes with = and !=, not with \(relation.rawValue)", code: 64)
      }
    }
    return Condition(
      isNegated: isNegated, left: left, test: .compare(relation, right, within: within))
  }

  // term = factor { (" + " | " - " | " * " | " / ") factor }
  mutating func term() throws(Failure) -> Term {
    // What nests deeper than this no person wrote; the stack has an end.
    depth += 1
    defer { depth -= 1 }
    guard depth <= 32 else { throw Failure("nested too deeply", code: 64) }
    var term = Term(first: try factor(), steps: [])
    while let operation = Term.Operator.allCases.first(where: { skip(operation: $0.rawValue) }) {
      term.steps.append(Term.Step(operation: operation, factor: try factor()))
    }
    return term
  }

  /// Refuses what stands behind the end.
  mutating func end() throws(Failure) {
    skipSpaces()
    guard rest.isEmpty else { throw unexpected("a relation, or an operator with spaces around it") }
  }

  // factor = number | "text" | reading | FUNCTION "(" term ")"
  private mutating func factor() throws(Failure) -> Factor {
    skipSpaces()
    guard let first = rest.first else { throw unexpected("a number, a \"text\" or a reading") }
    if first == UInt8(ascii: "\"") { return .text(try text()) }
    if let number = number() { return .number(number) }
    guard first.isLetter else { throw unexpected("a number, a \"text\" or a reading") }
    let name = word().dashed
    if name == "on" || name == "off" { return .text(name) }
    if skip("(", afterSpaces: true) {
      guard let function = Function(rawValue: name) else {
        let near = nearest(name, among: Function.allCases.map(\.rawValue))
        throw unknown("function", name, near, Function.allCases.map(\.rawValue))
      }
      let term = try term()
      guard skip(")", afterSpaces: true) else { throw unexpected("the ) of \(name)(") }
      return .function(function, term)
    }
    return .reading(try reading(name))
  }

  // reading = NAME [ "@" (layer.head | "*") ] [ "[" factor { "," factor } "]" ]
  private mutating func reading(_ name: String) throws(Failure) -> Reading {
    guard ReadingTable.names.contains(name) else {
      throw unknown("reading", name, nearest(name, among: ReadingTable.names), [])
    }
    var reading = Reading(name: name)
    let row = ReadingTable.row(name)
    if skip("@") {
      guard row?.isOfHead == true else {
        throw Failure("\(name) is not of a head, so no @ belongs behind it", code: 64)
      }
      if skip("*") {
        reading.heads = .all
      } else {
        let text = rest.prefix { $0.isDigit || $0 == UInt8(ascii: ".") }
        guard let head = HeadReference(String(decoding: text, as: UTF8.self)) else {
          throw unexpected("a head, as 0.2, or *")
        }
        rest = rest.dropFirst(text.count)
        reading.heads = .one(head)
      }
    }
    guard skip("[") else { return reading }
    depth += 1
    defer { depth -= 1 }
    guard depth <= 32 else { throw Failure("nested too deeply", code: 64) }
    repeat { reading.indices.append(try factor()) } while skip(",", afterSpaces: true)
    guard skip("]", afterSpaces: true) else { throw unexpected("the ] of \(name)[") }
    let count = row?.indices.count ?? 0
    guard reading.indices.count <= count else {
      let usage = row.map { count == 0 ? "no index" : "no more than \($0.usage)" } ?? "no index"
      throw Failure("\(name) has \(usage)", code: 64)
    }
    return reading
  }

  // MARK: - Bytes

  private mutating func number(_ what: String) throws(Failure) -> Number {
    skipSpaces()
    guard let number = number() else { throw unexpected("a number: \(what)") }
    return number
  }

  /// [sign] digits ["." digits] [("e" | "E") [sign] digits] ["%"]; nil leaves all as it was.
  private mutating func number() -> Number? {
    var end = rest.startIndex
    func digits(from start: Int) -> Int {
      start + (start < rest.endIndex ? rest[start...].prefix(while: \.isDigit).count : 0)
    }
    func has(_ bytes: String, at place: Int) -> Bool {
      place < rest.endIndex && bytes.utf8.contains(rest[place])
    }
    if has("+-", at: end) { end += 1 }
    let begin = end
    end = digits(from: end)
    if has(".", at: end), case let after = digits(from: end + 1), after > end + 1 { end = after }
    guard end > begin else { return nil }
    if has("eE", at: end) {
      let sign = has("+-", at: end + 1) ? 1 : 0
      let after = digits(from: end + 1 + sign)
      if after > end + 1 + sign { end = after }
    }
    if has("%", at: end) { end += 1 }
    let number = Number(String(decoding: rest[..<end], as: UTF8.self))
    if number != nil { rest = rest[end...] }
    return number
  }

  private mutating func text() throws(Failure) -> String {
    var isEscaped = false
    let text = rest.dropFirst().prefix { byte in
      let isEnd = byte == UInt8(ascii: "\"") && !isEscaped
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
      return !isEnd
    }
    let quoted = rest.prefix(text.count + 2)
    let bytes = try LineReader.unquoted(quoted, isWord: true)
    rest = rest.dropFirst(quoted.count)
    return String(bytes: bytes)
  }

  /// The letters, digits, `-`, `.` and `_` that come next.
  private mutating func word() -> String {
    let word = rest.prefix(while: \.isNameByte)
    rest = rest.dropFirst(word.count)
    return String(decoding: word, as: UTF8.self)
  }

  private mutating func skipSpaces() { rest = rest.drop(while: \.isSpace) }

  private mutating func skip(_ bytes: String, afterSpaces: Bool = false) -> Bool {
    let place = afterSpaces ? rest.drop(while: \.isSpace) : rest
    guard place.starts(with: bytes.utf8) else { return false }
    rest = place.dropFirst(bytes.utf8.count)
    return true
  }

  /// Skips an operator and the spaces that it needs around it.
  private mutating func skip(operation: String) -> Bool {
    var ahead = self
    guard ahead.rest.first?.isSpace == true, ahead.skip(operation, afterSpaces: true),
      ahead.rest.first?.isSpace == true
    else { return false }
    self = ahead
    return true
  }

  private mutating func skip(word: String) -> Bool {
    var ahead = self
    ahead.skipSpaces()
    guard ahead.word().dashed == word else { return false }
    self = ahead
    return true
  }

  // MARK: - Failures

  private func unexpected(_ wanted: String) -> Failure {
    let shown = String(bytes: Array(rest.prefix(200))).quotedForm(limit: 40)
    return Failure(
      rest.isEmpty ? "it ends where \(wanted) should stand" : "\(shown) stands for \(wanted)",
      code: 64)
  }

  private func unknown(
    _ kind: String, _ name: String, _ near: String?, _ all: [String]
  ) -> Failure {
    let list = all.isEmpty ? "docs/commands.md lists them" : all.joined(separator: " ")
    let hint = near.map { "nearest: \($0)" } ?? list
    let quotes = kind == "reading" ? " (a text stands in quotes)" : ""
    return Failure("unknown \(kind) \(name.quotedForm(limit: 40)); \(hint)\(quotes)", code: 64)
  }
}
