import Random

/// A probabilistic grammar of short texts whose every choice shows in the text.
///
/// The source is plain text. `table name word/g` opens a table: its columns, then rows separated
/// by commas, columns by slashes (an empty column is inherited from the first); row r weighs
/// 1/(r+40). `agree f he=she …` gives forms by the value of column `g`. `rule story` opens a rule:
/// - `{k=thing}` draws a row of `thing`, `{b=name!a}` one that differs from a's, and prints it;
/// - `{k}` prints it again, `{k.the}` another form, `{k.The}` the same with a capital;
/// - `{c@k}` prints the column of c that is named by k's `g` (agreement);
/// - `[2 text | text | ]` chooses one of the texts by weight (1 unless given);
/// - `<rule>` inserts a rule; `_` is a space that trimming leaves alone.
///
/// A source that breaks these rules is a slip of ours and stops the program.
public struct Grammar: Sendable {
  enum Node: Sendable {
    case literal([UInt8])
    case draw(variable: Int, Form)
    case reference(variable: Int, Form)
    case choice([(probability: Double, nodes: [Node])])
  }

  /// The texts of a variable by class of the variable it agrees with (0 if none) and by row.
  struct Form: Sendable {
    var agreeing: Int?
    var texts: [[[UInt8]]]

    func text(row: Int, _ bindings: [Int], _ variables: [Variable]) -> [UInt8] {
      guard let other = agreeing else { return texts[0][row] }
      return texts[variables[other].classes[bindings[other]]][row]
    }
  }

  struct Variable: Sendable, Equatable {
    var name: String
    var table: String
    var weights: [Double]
    var classes: [Int]
    var excluding: [Int]
  }

  /// The grammar's source text, for other programs that check it.
  public let source: String
  let variables: [Variable]
  let nodes: [Node]

  /// Reads a grammar; its start is the rule `story`, and each text ends in a newline.
  public init(_ source: String) {
    self.source = source
    var reader = GrammarReader(source)
    nodes = reader.rule("story") + [.literal([10])]
    variables = reader.variables
  }

  /// One text, ending in a newline, at the next position of the stream.
  public func sample(_ random: inout RandomStream) -> String {
    var text: [UInt8] = []
    var bindings = [Int](repeating: -1, count: variables.count)
    write(nodes, &text, &bindings, &random)
    return String(decoding: text, as: UTF8.self)
  }

  private func write(
    _ nodes: [Node], _ text: inout [UInt8], _ bindings: inout [Int], _ random: inout RandomStream
  ) {
    for node in nodes {
      switch node {
      case .literal(let bytes): text += bytes
      case .draw(let variable, let form):
        let row = pick(probabilities(of: variable, bindings), &random)
        bindings[variable] = row
        text += form.text(row: row, bindings, variables)
      case .reference(let variable, let form):
        text += form.text(row: bindings[variable], bindings, variables)
      case .choice(let alternatives):
        let index = pick(alternatives.map(\.probability), &random)
        write(alternatives[index].nodes, &text, &bindings, &random)
      }
    }
  }

  private func pick(_ probabilities: [Double], _ random: inout RandomStream) -> Int {
    var left = random.uniform()
    var last = 0
    for (index, probability) in probabilities.enumerated() where probability > 0 {
      if left < probability { return index }
      (left, last) = (left - probability, index)
    }
    return last  // what rounding leaves over belongs to the last one
  }

  /// The distribution of a variable over its rows, given those that it must differ from.
  func probabilities(of variable: Int, _ bindings: [Int]) -> [Double] {
    var weights = variables[variable].weights
    for other in variables[variable].excluding { weights[bindings[other]] = 0 }
    let total = weights.reduce(0, +)
    return weights.map { $0 / total }
  }
}
