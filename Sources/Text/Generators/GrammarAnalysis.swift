import Glibc

extension Grammar {
  /// What a perfect model of the grammar's texts would reach.
  public struct EntropyRate: Sendable, Equatable {
    /// The exact entropy of one text, in nats.
    public var nats: Double
    /// The exact expected length of one text in UTF-8 bytes, its newline counted.
    public var bytes: Double
    /// The entropy rate.
    public var bitsPerByte: Double { nats / log(2) / bytes }
  }

  /// The exact entropy rate, by the chain rule over the choices.
  ///
  /// It is the texts' entropy because no two derivations write the same text (`ambiguities`).
  public func entropyRate() -> EntropyRate { entropyRate(of: nodes) }

  private func entropyRate(of nodes: [Node]) -> EntropyRate {
    var sum = EntropyRate(nats: 0, bytes: 0)
    for node in nodes {
      switch node {
      case .literal(let bytes): sum.bytes += Double(bytes.count)
      case .draw(let variable, let form):
        sum.nats += mean(over: variables[variable].excluding) { bindings in
          probabilities(of: variable, bindings).reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
        }
        sum.bytes += meanLength(variable, form)
      case .reference(let variable, let form): sum.bytes += meanLength(variable, form)
      case .choice(let alternatives):
        for (probability, nodes) in alternatives {
          let inner = entropyRate(of: nodes)
          sum.nats += probability * (inner.nats - log(probability))
          sum.bytes += probability * inner.bytes
        }
      }
    }
    return sum
  }

  private func meanLength(_ variable: Int, _ form: Form) -> Double {
    let rows = marginal(of: variable)
    var classes = [1.0]
    if let other = form.agreeing {  // of another table, so independent
      classes = [Double](repeating: 0, count: form.texts.count)
      for (row, p) in marginal(of: other).enumerated() {
        classes[variables[other].classes[row]] += p
      }
    }
    return zip(classes, form.texts).reduce(0) { sum, part in
      sum + part.0 * zip(rows, part.1).reduce(0) { $0 + $1.0 * Double($1.1.count) }
    }
  }

  private func marginal(of variable: Int) -> [Double] {
    var rows = [Double](repeating: 0, count: variables[variable].weights.count)
    forEach(of: variables[variable].excluding) { bindings, p in
      for (row, q) in probabilities(of: variable, bindings).enumerated() { rows[row] += p * q }
    }
    return rows
  }

  private func mean(over wanted: [Int], _ value: ([Int]) -> Double) -> Double {
    var sum = 0.0
    forEach(of: wanted) { bindings, p in sum += p * value(bindings) }
    return sum
  }

  /// Every combination of rows of a few variables, and of those they must differ from, with its
  /// probability.
  private func forEach(of wanted: [Int], _ body: ([Int], Double) -> Void) {
    var needed = Set(wanted)
    for variable in variables.indices.reversed() where needed.contains(variable) {
      needed.formUnion(variables[variable].excluding)  // these have smaller indices
    }
    let order = needed.sorted()
    var bindings = [Int](repeating: -1, count: variables.count)
    func visit(_ depth: Int, _ probability: Double) {
      guard depth < order.count else { return body(bindings, probability) }
      for (row, p) in probabilities(of: order[depth], bindings).enumerated() where p > 0 {
        bindings[order[depth]] = row
        visit(depth + 1, probability * p)
      }
    }
    visit(0, 1)
  }

  // MARK: - Recognition

  /// The logarithm of a text's probability (with or without its newline); nil for other texts.
  public func logProbability(of text: String) -> Double? {
    let found = derivations(of: text)
    guard let first = found.first else { return nil }
    return found.dropFirst().reduce(first) { sum, next in
      max(sum, next) + log1p(exp(-abs(sum - next)))
    }
  }

  /// The logarithmic probability of each way to derive the text: one way if it is a text at all.
  public func derivations(of text: String) -> [Double] {
    let bytes = Array(text.utf8) + (text.utf8.last == 10 ? [] : [10])
    // A way back needs no undoing: whoever reads a variable comes after its draw on the same way.
    var bindings = [Int](repeating: -1, count: variables.count)
    var found: [Double] = []

    func end(of part: [UInt8], at start: Int) -> Int? {
      guard part.count <= bytes.count - start else { return nil }
      for offset in part.indices where bytes[start + offset] != part[offset] { return nil }
      return start + part.count
    }
    func match(
      _ nodes: ArraySlice<Node>, _ at: Int, _ sum: Double, _ then: (Int, Double) -> Void
    ) {
      guard let node = nodes.first else { return then(at, sum) }
      let rest = nodes.dropFirst()
      switch node {
      case .literal(let part):
        if let end = end(of: part, at: at) { match(rest, end, sum, then) }
      case .reference(let variable, let form):
        let part = form.text(row: bindings[variable], bindings, variables)
        if let end = end(of: part, at: at) { match(rest, end, sum, then) }
      case .draw(let variable, let form):
        let excluded = variables[variable].excluding.map { bindings[$0] }
        let weights = variables[variable].weights
        let total = weights.reduce(0, +) - excluded.reduce(0) { $0 + weights[$1] }
        for row in weights.indices {
          let part = form.text(row: row, bindings, variables)
          guard let end = end(of: part, at: at), !excluded.contains(row) else { continue }
          bindings[variable] = row
          match(rest, end, sum + log(weights[row] / total), then)
        }
      case .choice(let alternatives):
        for (probability, nodes) in alternatives {
          match(nodes[...], at, sum + log(probability)) { match(rest, $0, $1, then) }
        }
      }
    }
    match(nodes[...], 0, 0) { end, sum in if end == bytes.count { found.append(sum) } }
    return found
  }
}
