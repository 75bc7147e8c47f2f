// Types of arguments and their domains.

import Files

/// What an argument can be, beside its words.
public enum ArgumentType: Hashable, Sendable {
  /// Nothing but the words.
  case word
  case number(Interval)
  case integer(ClosedRange<Int>)
  case head
  /// As the first argument of a command: all of the line as it stands.
  case text
  case path
  /// What can be opened, trained and drawn beside a run, and parts of a view.
  case model, recipe, runs, pane, focus
  /// All of the line up to a comment.
  case condition, term
}

/// Numbers from a lowest to a highest.
public struct Interval: Hashable, Sendable {
  public var low: Double
  /// Whether `low` itself is left out.
  public var isOpen: Bool
  public var high: Double

  init(above low: Double, to high: Double = .infinity) {
    (self.low, isOpen, self.high) = (low, true, high)
  }

  init(from low: Double, to high: Double = .infinity) {
    (self.low, isOpen, self.high) = (low, false, high)
  }

  func contains(_ value: Double) -> Bool {
    (isOpen ? value > low : value >= low) && value <= high
  }
}

/// A value of a command, or of one of its keys.
public struct Argument: Sendable {
  /// The key, empty for a value that stands by its place.
  public var key: String
  /// How it is written in a usage: `L.H|H`.
  public var form: String
  public var type: ArgumentType
  /// Words that may stand for a value: `off`.
  public var words: [String]
  public var isOptional: Bool
  public var help: String

  /// Words that are not given are those of the form: its alternatives in small letters.
  init(
    key: String = "", _ form: String, _ type: ArgumentType = .word, words: [String]? = nil,
    isOptional: Bool = false, help: String = ""
  ) {
    (self.key, self.form, self.type) = (key, form, type)
    (self.isOptional, self.help) = (isOptional, help)
    self.words =
      words
      ?? form.split(separator: "|").map { String($0) }.filter {
        $0.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-") }
      }
  }

  public var usage: String {
    key.isEmpty ? (isOptional ? "[\(form)]" : form) : "\(key)=\(form)"
  }

  /// What it may be, in words: `above 0 to 1, or off`.
  public var domain: String {
    let alternatives = words.joined(separator: ", ")
    switch type {
    case .word: return alternatives
    default: return alternatives.isEmpty ? type.domain : "\(type.domain), or \(alternatives)"
    }
  }

  /// The value in its canonical spelling; a failure says what it is not.
  func checked(_ value: String) throws(Failure) -> String {
    if words.contains(value.dashed) { return value.dashed }
    func wrong(_ what: String) -> Failure {
      let name = key.isEmpty ? "" : key + ": "
      return Failure("\(name)\(value.quotedForm(limit: 40)) \(what)", code: 64)
    }
    switch type {
    case .word:
      let near = nearest(value, among: words).map { "; nearest: \($0)" } ?? ""
      throw wrong("is not one of \(domain)\(near)")
    case .number(let interval):
      guard let number = Literal.number(value) else { throw wrong("is not a number (\(domain))") }
      guard interval.contains(number) else { throw wrong("is out of range (\(domain))") }
    case .integer(let range):
      guard let number = Literal.integer(value) else {
        throw wrong("is not a whole number (\(domain))")
      }
      guard range.contains(number) else { throw wrong("is out of range (\(domain))") }
    case .head:
      guard let head = HeadReference(value, inLayer: 0) else {
        throw wrong("is not a head (\(domain))")
      }
      return value.utf8.contains(UInt8(ascii: ".")) ? head.description : String(head.head)
    case .text: break
    case .path, .model, .recipe, .runs, .pane, .focus, .condition, .term:
      guard !value.isEmpty else { throw wrong("is empty (\(domain))") }
    }
    return value
  }
}

extension ArgumentType {
  var domain: String {
    switch self {
    case .word: ""
    case .number(let interval): interval.domain
    case .integer(let range):
      switch (range.lowerBound, range.upperBound) {
      case (.min, .max): "a whole number"
      case (let low, .max): "\(low) or more"
      case (let low, let high): "\(low) to \(high)"
      }
    case .head: "layer.head from 0, as 0.2, or a head of this layer"
    case .text: "a text"
    case .path: "a path"
    case .model: "a model's name or folder, @STEP for a saved step"
    case .recipe: "a configuration's name or path"
    case .runs: "runs with commas between"
    case .pane: "a pane of this view"
    case .focus: "a pane of this view"
    case .condition: "a condition"
    case .term: "a reading, or a term of readings"
    }
  }
}

extension Interval {
  var domain: String {
    let high = high.isFinite ? " to \(Interval.text(high))" : isOpen ? "" : " or more"
    return (isOpen ? "above " : "") + Interval.text(low) + high
  }

  private static func text(_ value: Double) -> String {
    Int(exactly: value).map(String.init) ?? "\(value)"
  }
}
