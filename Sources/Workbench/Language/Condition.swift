// Conditions of `expect` and `wait`, as they are written: a term, or two of them with a relation
// between.

import Files

/// What holds or does not: `weights[12,5] = 0.80`, `not running`, `validation in 1..2`.
public struct Condition: Hashable, Sendable, CustomStringConvertible {
  enum Relation: String, CaseIterable {
    case unequal = "!="
    case equal = "="
    case atMost = "<="
    case below = "<"
    case atLeast = ">="
    case above = ">"
  }

  enum Test: Hashable {
    case compare(Relation, Term, within: Number?)
    case range(Number, Number)
  }

  var isNegated = false
  var left: Term
  var test: Test?

  /// Reads a condition; the failure names the place and what could stand there.
  public init(_ text: String) throws(Failure) {
    var reader = ExpressionReader(text.bytes)
    self = try reader.condition()
    try reader.end()
  }

  init(isNegated: Bool, left: Term, test: Test?) {
    (self.isNegated, self.left, self.test) = (isNegated, left, test)
  }

  public var description: String {
    let negation = isNegated ? "not " : ""
    return switch test {
    case nil: "\(negation)\(left)"
    case .range(let low, let high): "\(negation)\(left) in \(low.text)..\(high.text)"
    case .compare(let relation, let right, let within):
      "\(negation)\(left) \(relation.rawValue) \(right)"
        + (within.map { " within \($0.text)" } ?? "")
    }
  }
}

/// A number as it is written, which is how exactly it is meant.
struct Number: Hashable, Sendable {
  var text: String
  var value: Double

  init?(_ text: String) {
    guard let value = Literal.number(text) else { return nil }
    (self.text, self.value) = (text, value)
  }

  /// Half a unit of the last digit: `0.80` means 0.795 to 0.805.
  var tolerance: Double {
    let digits = text.utf8.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
    let exponent = text.utf8.dropFirst(digits.count + 1).prefix { $0 != UInt8(ascii: "%") }
    let point = digits.firstIndex(of: UInt8(ascii: "."))
    let decimals = point.map { digits[$0...].dropFirst().prefix(while: \.isDigit).count } ?? 0
    let power = (Int(String(Substring(exponent))) ?? 0) - decimals
    return (Double("0.5e\(power)") ?? 0) / (text.utf8.last == UInt8(ascii: "%") ? 100 : 1)
  }
}

/// Factors from left to right, without precedence: `weights[12,6] * 100`.
public struct Term: Hashable, Sendable, CustomStringConvertible {
  enum Operator: String, CaseIterable {
    case plus = "+"
    case minus = "-"
    case times = "*"
    case by = "/"
  }

  struct Step: Hashable, Sendable {
    var operation: Operator
    var factor: Factor
  }

  var first: Factor
  var steps: [Step] = []

  /// Reads a term, such as a reading.
  public init(_ text: String) throws(Failure) {
    var reader = ExpressionReader(text.bytes)
    self = try reader.term()
    try reader.end()
  }

  init(first: Factor, steps: [Step]) { (self.first, self.steps) = (first, steps) }

  public var description: String {
    steps.reduce(first.description) { "\($0) \($1.operation.rawValue) \($1.factor)" }
  }
}

indirect enum Factor: Hashable, Sendable, CustomStringConvertible {
  case number(Number)
  case text(String)
  case reading(Reading)
  case function(Function, Term)

  var description: String {
    switch self {
    case .number(let number): number.text
    case .text(let text): ["on", "off"].contains(text) ? text : text.quotedForm()
    case .reading(let reading): reading.description
    case .function(let function, let term): "\(function.rawValue)(\(term))"
    }
  }
}

public enum Function: String, CaseIterable, Sendable {
  // Of a list.
  case sum, mean, max, min, argmax, count
  // Of a number, or of each of a list.
  case abs, sqrt, exp, log
}

/// A reading, of which head and at which place.
public struct Reading: Hashable, Sendable, CustomStringConvertible {
  enum Heads: Hashable {
    case all
    case one(HeadReference)
  }

  var name: String
  var heads: Heads?
  var indices: [Factor] = []

  public var description: String {
    let head =
      switch heads {
      case .all: "@*"
      case .one(let head): "@\(head)"
      case nil: ""
      }
    let places = indices.map(\.description).joined(separator: ",")
    return name + head + (indices.isEmpty ? "" : "[\(places)]")
  }
}
