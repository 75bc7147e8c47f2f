// Whether conditions hold: terms worked out over readings.

import Files
import Glibc

extension Reading {
  /// The value of a reading, or of a term of readings.
  public static func value(
    of text: String, in readings: some Readings
  ) throws(Failure) -> ReadingValue {
    try Term(text).value(in: readings)
  }

  func value(in readings: some Readings) throws(Failure) -> ReadingValue {
    var places: [ReadingIndex] = []
    for index in indices {
      switch try index.value(in: readings) {
      case .text(let text): places.append(.text(text))
      case .number(let value):
        guard let whole = Int(exactly: value) else {
          throw Failure("\(self): \(Literal.text(value)) is no place")
        }
        places.append(.number(whole))
      case let other: throw Failure("\(self): \(index) is \(other.kind), not a place")
      }
    }
    switch heads {
    case nil: return try readings.reading(name, at: nil, places)
    case .one(let head): return try readings.reading(name, at: head, places)
    case .all:
      var elements: [ReadingValue.Element] = []
      for layer in 0..<(try count("layers", in: readings)) {
        for head in 0..<(try count("heads", in: readings)) {
          let head = HeadReference(layer: layer, head: head)
          let value = try readings.reading(name, at: head, places)
          if case .list = value {
            throw Failure("\(self) is a list of lists; @* needs all indices of \(name)")
          }
          elements.append(.init(.head(head), value))
        }
      }
      return .list(elements)
    }
  }

  private func count(_ name: String, in readings: some Readings) throws(Failure) -> Int {
    guard case .number(let count) = try readings.reading(name, at: nil, []) else { return 0 }
    return Int(exactly: count) ?? 0
  }
}

extension Factor {
  func value(in readings: some Readings) throws(Failure) -> ReadingValue {
    switch self {
    case .number(let number): .number(number.value)
    case .text(let text): .text(text)
    case .reading(let reading): try reading.value(in: readings)
    case .function(let function, let term):
      try function.value(of: term.value(in: readings), written: self)
    }
  }
}

extension Term {
  public func value(in readings: some Readings) throws(Failure) -> ReadingValue {
    var value = try first.value(in: readings)
    for step in steps {
      let right = try step.factor.value(in: readings)
      guard let result = ReadingValue.combine(value, right, step.operation.apply) else {
        throw Failure("\(self): \(value.kind) and \(right.kind) cannot be put together")
      }
      value = result
    }
    return value
  }

  /// The number that the term is, nil if it is more than that.
  var literal: Number? {
    if case .number(let number) = first, steps.isEmpty { number } else { nil }
  }
}

extension Term.Operator {
  func apply(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .plus: a + b
    case .minus: a - b
    case .times: a * b
    case .by: a / b
    }
  }
}

extension ReadingValue {
  /// Numbers with numbers, and a number with each of a list; nil for anything else.
  fileprivate static func combine(
    _ a: ReadingValue, _ b: ReadingValue, _ apply: (Double, Double) -> Double
  ) -> ReadingValue? {
    switch (a, b) {
    case (.number(let a), .number(let b)): return .number(apply(a, b))
    case (.list, .number(let b)): return a.mapped { apply($0, b) }
    case (.number(let a), .list): return b.mapped { apply(a, $0) }
    default: return nil
    }
  }

  /// A function of a number, or of each of a list of numbers; nil for anything else.
  fileprivate func mapped(_ apply: (Double) -> Double) -> ReadingValue? {
    switch self {
    case .number(let value): return .number(apply(value))
    case .list(let elements):
      guard let numbers else { return nil }
      return .list(zip(elements, numbers).map { .init($0.index, .number(apply($1))) })
    default: return nil
    }
  }

  /// The numbers of a list.
  fileprivate var numbers: [Double]? {
    guard case .list(let elements) = self else { return nil }
    let numbers = elements.compactMap { element -> Double? in
      if case .number(let value) = element.value { value } else { nil }
    }
    return numbers.count == elements.count ? numbers : nil
  }
}

extension Function {
  fileprivate func value(
    of argument: ReadingValue, written call: Factor
  ) throws(Failure) -> ReadingValue {
    let plain: ((Double) -> Double)? =
      switch self {
      case .abs: { Swift.abs($0) }
      case .sqrt: { $0.squareRoot() }
      case .exp: { Glibc.exp($0) }
      case .log: { Glibc.log($0) }
      case .sum, .mean, .max, .min, .argmax, .count: nil
      }
    if let plain {
      guard let result = argument.mapped(plain) else {
        throw Failure("\(call): \(argument.kind) is not a number")
      }
      return result
    }
    guard case .list(let elements) = argument else {
      throw Failure("\(call): \(argument.kind) is not a list")
    }
    if self == .count { return .number(Double(elements.count)) }
    guard let numbers = argument.numbers else { throw Failure("\(call): not all are numbers") }
    let sum = numbers.reduce(0, +)
    if self == .sum { return .number(sum) }
    guard let largest = numbers.indices.max(by: { numbers[$0] < numbers[$1] }),
      let smallest = numbers.min(), let first = numbers.firstIndex(of: numbers[largest])
    else { throw Failure("\(call): the list is empty") }
    switch self {
    case .mean: return .number(sum / Double(numbers.count))
    case .max: return .number(numbers[largest])
    case .min: return .number(smallest)
    default: return elements[first].index
    }
  }
}

extension Condition {
  /// Whether it holds now; fails when a reading cannot be had or cannot be compared.
  public func holds(in readings: some Readings) throws(Failure) -> Bool {
    let value = try left.value(in: readings)
    switch test {
    case nil:
      guard case .flag(let flag) = value else {
        throw Failure("\(left) is \(value.kind); compare it, as in \(left) = …")
      }
      return flag != isNegated
    case .range(let low, let high):
      guard case .number(let number) = value else {
        throw Failure("\(left) is \(value.kind), not a number")
      }
      return (number >= low.value && number <= high.value) != isNegated
    case .compare(let relation, let right, let within):
      let other = try right.value(in: readings)
      return try compare(value, relation, right, other, within) != isNegated
    }
  }

  /// What the readings are now, for an expectation that does not hold.
  public func explanation(in readings: some Readings) throws(Failure) -> String {
    var terms = [left]
    if case .compare(_, let right, _) = test, right.literal == nil { terms.append(right) }
    var parts: [String] = []
    for term in terms {
      if case .text = term.first, term.steps.isEmpty { continue }
      let value = try term.value(in: readings).description
      let shown = value.unicodeScalars.prefix(100)
      parts.append(
        "\(term) is \(String(shown))\(shown.endIndex == value.endIndex ? "" : "…")")
    }
    return parts.joined(separator: ", ")
  }

  private func compare(
    _ a: ReadingValue, _ relation: Relation, _ right: Term, _ b: ReadingValue, _ within: Number?
  ) throws(Failure) -> Bool {
    if case (.number(let a), .number(let b)) = (a, b) {
      return switch relation {
      case .below: a < b
      case .atMost: a <= b
      case .above: a > b
      case .atLeast: a >= b
      case .equal: agree(a, b, right, within)
      case .unequal: !agree(a, b, right, within)
      }
    }
    guard relation == .equal || relation == .unequal else {
      throw Failure("\(relation.rawValue) is of numbers; \(left) is \(a.kind), \(right) \(b.kind)")
    }
    guard let isEqual = equal(a, left, b, right) ?? equal(b, right, a, left) else {
      throw Failure("\(left) is \(a.kind) and \(right) is \(b.kind): they cannot be compared")
    }
    return isEqual == (relation == .equal)
  }

  /// Whether numbers are equal as far as they are written, or as far as `within` says.
  private func agree(_ a: Double, _ b: Double, _ right: Term, _ within: Number?) -> Bool {
    if a == b { return true }
    let written = [left.literal, right.literal].compactMap { $0?.tolerance }.max()
    // Two readings need not have the same bits when they were computed in another order.
    let room = within?.value ?? written ?? 1e-4 * Swift.max(Swift.abs(a), Swift.abs(b))
    // The ends belong to it, also where binary fractions miss them.
    return Swift.abs(a - b) <= room * (1 + 1e-9) + Swift.abs(b).ulp
  }

  /// Whether values other than two numbers are equal; nil where that is no question.
  private func equal(
    _ a: ReadingValue, _ aTerm: Term, _ b: ReadingValue, _ bTerm: Term
  ) -> Bool? {
    switch (a, b) {
    case (.text(let a), .text(let b)): a.utf8.elementsEqual(b.utf8)
    case (.head(let a), .head(let b)): a == b
    case (.head(let a), .text(let b)): HeadReference(b) == a
    case (.head(let a), .number):
      // As it is written: 0.1 is not 0.10.
      bTerm.literal.flatMap { HeadReference($0.text) }.map { $0 == a }
    case (.flag(let a), .flag(let b)): a == b
    case (.flag(let a), .text(let b)): ["on", "off"].contains(b) ? (b == "on") == a : nil
    // A limit is a number or "off".
    case (.number, .text("off")): false
    default: nil
    }
  }
}
