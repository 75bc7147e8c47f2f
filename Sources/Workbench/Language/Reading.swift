// What conditions and `say` can ask of the bench, by name.

import Files

/// What has readings: the bench, or a test.
public protocol Readings {
  /// The value of a reading of `ReadingTable`, or of a setting by its name.
  ///
  /// Fewer indices than the reading has give a list. Negative ones count from the end. `head` is
  /// nil for the head that is shown. Fails when there is no such thing now, and says why.
  func reading(
    _ name: String, at head: HeadReference?, _ indices: [ReadingIndex]
  ) throws(Failure) -> ReadingValue
}

/// What stands in the brackets behind a reading: a place, or the text of a token.
public enum ReadingIndex: Hashable, Sendable {
  case number(Int)
  case text(String)
}

/// The value of a reading or a term.
public enum ReadingValue: Equatable, Sendable, CustomStringConvertible {
  case number(Double)
  case text(String)
  case flag(Bool)
  case head(HeadReference)
  /// What was left open by missing indices or `@*`, in order; what is masked is left out.
  case list([Element])

  public struct Element: Equatable, Sendable {
    /// A number or a head: what `argmax` gives.
    public var index, value: ReadingValue

    public init(_ index: ReadingValue, _ value: ReadingValue) {
      (self.index, self.value) = (index, value)
    }
  }

  /// A list whose indices count from 0.
  public static func list(of values: some Sequence<Double>) -> ReadingValue {
    .list(values.enumerated().map { Element(.number(Double($0)), .number($1)) })
  }

  /// As `say` prints it.
  public var description: String {
    switch self {
    case .number(let value): Literal.text(value)
    case .text(let text): text.quotedForm()
    case .flag(let flag): flag ? "on" : "off"
    case .head(let head): head.description
    case .list(let elements): elements.map(\.value.description).joined(separator: " ")
    }
  }

  /// What it is, with an article.
  var kind: String {
    switch self {
    case .number: "a number"
    case .text: "a text"
    case .flag: "on or off"
    case .head: "a head"
    case .list(let elements): "a list of \(elements.count)"
    }
  }
}

extension Literal {
  /// A number without needless digits: whole ones whole, others as exact as 32 bits are.
  static func text(_ value: Double) -> String {
    if let whole = Int(exactly: value), whole.magnitude < 1 << 53 { return String(whole) }
    let single = Float(value)
    return single.isFinite == value.isFinite && single != 0 ? "\(single)" : "\(value)"
  }
}

/// A row of the table of readings.
public struct ReadingRow: Sendable {
  public var about, name: String
  /// The names of its indices: `i`, `j` tokens, `d` a column of a vector, `k` a rank from 1.
  public var indices: [String]
  /// Whether `@L.H` and `@*` say of which head.
  public var isOfHead: Bool
  public var meaning: String

  /// How it is written: `weights[i,j]`.
  public var usage: String {
    name + (indices.isEmpty ? "" : "[\(indices.joined(separator: ","))]")
  }
}

public enum ReadingTable {
  public static let rows: [ReadingRow] =
    about("model") {
      [
        ("layers", "blocks"), ("heads", "query heads of a layer"),
        ("key-heads", "key and value heads of a layer"), ("width", "of a token's vector"),
        ("head-width", "of a query, key or value"), ("vocabulary", "tokens that it knows"),
        ("context", "the most tokens that it reads"), ("parameters", "numbers that were learned"),
      ]
    }
    + about("prompt") {
      [
        ("tokens", "how many there are, drawn ones too"), ("token[i]", "the text of a token"),
        ("id[i]", "its number in the vocabulary"),
      ]
    }
    + about("attention", isOfHead: true) {
      [
        ("queries[i,d]", "what a token asks"), ("keys[j,d]", "what it offers"),
        ("values[j,d]", "what it carries"), ("scores[i,j]", "query of i times key of j, summed"),
        ("scaled[i,j]", "divided by the root of head-width"),
        ("masked[i,j]", "minus infinity where i may not read j"),
        ("weights[i,j]", "after softmax; a row sums to 1"),
        ("rowsum[i]", "what exp is divided by"),
        ("output[i,d]", "values mixed by the weights"),
        ("share[i,j]", "of j in the output of i; a row sums to 1"),
      ]
    }
    + about("attention") {
      [
        ("cell", "the number under the cursor"), ("row", "the token that reads"),
        ("column", "the token that is read"),
      ]
    }
    + about("prediction") {
      [
        ("next[k]", "the text of the candidate of rank k"),
        ("probability[k]", "of rank k, or of a \"text\""),
        ("logit[k]", "the score of rank k, or of a \"text\""),
        ("before[k]", "the probability without what was changed"),
      ]
    }
    + about("entropy") {
      [
        ("entropy[i]", "of what follows byte i, in nats"),
        ("surprise[i]", "of the byte that came behind byte i, in nats"),
        ("rank[i]", "of that byte among all, from 1"),
        ("boundary[i]", "whether a patch ends with byte i"), ("patches", "how many there are"),
        ("patch[i]", "the text of a patch"), ("mean-patch", "bytes a patch"),
        ("bits-per-byte", "of the entropy model on all bytes"),
        ("blt-bits-per-byte", "of the open BLT on the patches of the rule"),
      ]
    }
    + about("generate") {
      [
        ("candidate[k]", "the text of the candidate of rank k"),
        ("kept", "candidates behind the filters"),
        ("effective", "exp of their entropy"), ("draw", "the random number, from 0 to 1"),
        ("chosen", "the text of the token that it hits"), ("text", "what was drawn"),
      ]
    }
    + about("train") {
      [
        ("step", "steps that were made"), ("steps", "of the whole run"),
        ("loss", "of the last step, in nats a token"), ("validation", "the last validation loss"),
        ("floor", "the corpus's own entropy, in nats a token"),
        ("gradient", "the norm of the last gradient"),
        ("tokens-per-second", "that it learns from"), ("running", "whether a run goes on"),
        ("saved", "the last step that was saved"), ("idle", "whether nothing is under way"),
      ]
    }

  /// All names that can be read, also those of settings.
  public static let names: [String] =
    rows.map(\.name)
    + CommandTable.entries.filter { $0.kind == .setting }.map(\.name.rawValue)

  static func row(_ name: String) -> ReadingRow? { rows.first { $0.name == name } }

  private static func about(
    _ about: String, isOfHead: Bool = false, _ rows: () -> [(usage: String, meaning: String)]
  ) -> [ReadingRow] {
    rows().map { usage, meaning in
      let parts = usage.split { "[,]".contains($0) }.map { String($0) }
      return ReadingRow(
        about: about, name: parts[0], indices: Array(parts.dropFirst()), isOfHead: isOfHead,
        meaning: meaning)
    }
  }
}
