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
    /// Nats a token for a tokenizer whose texts have this mean length, the newline counted.
    public func nats(perTokenAt meanTokens: Double) -> Double { nats / meanTokens }
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
    mean(over: [variable] + (form.agreeing.map { [$0] } ?? [])) { bindings in
      Double(form.text(row: bindings[variable], bindings, variables).count)
    }
  }

  /// The mean of a value over the rows of a few variables and of those they must differ from.
  private func mean(over wanted: [Int], _ value: ([Int]) -> Double) -> Double {
    var needed = Set(wanted)
    for variable in variables.indices.reversed() where needed.contains(variable) {
      needed.formUnion(variables[variable].excluding)  // these have smaller indices
    }
    let order = needed.sorted()
    var bindings = [Int](repeating: -1, count: variables.count)
    func sum(_ depth: Int) -> Double {
      guard depth < order.count else { return value(bindings) }
      var total = 0.0
      for (row, p) in probabilities(of: order[depth], bindings).enumerated() where p > 0 {
        bindings[order[depth]] = row
        total += p * sum(depth + 1)
      }
      return total
    }
    return sum(0)
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
    var found: [Double] = []
    let bytes = Array(text.utf8) + (text.utf8.last == 10 ? [] : [10])
    let bindings = [Int](repeating: -1, count: variables.count)
    match(nodes[...], Match(at: 0, bindings: bindings, logProbability: 0), bytes) { end in
      if end.at == bytes.count { found.append(end.logProbability) }
    }
    return found
  }

  private struct Match {
    var at: Int
    var bindings: [Int]
    var logProbability: Double

    mutating func take(_ expected: [UInt8], from bytes: [UInt8]) -> Bool {
      guard bytes[at...].starts(with: expected) else { return false }
      at += expected.count
      return true
    }
  }

  private func match(
    _ nodes: ArraySlice<Node>, _ match: Match, _ bytes: [UInt8], _ then: (Match) -> Void
  ) {
    guard let node = nodes.first else { return then(match) }
    let rest = nodes.dropFirst()
    var next = match
    switch node {
    case .literal(let text):
      if next.take(text, from: bytes) { self.match(rest, next, bytes, then) }
    case .reference(let variable, let form):
      let text = form.text(row: match.bindings[variable], match.bindings, variables)
      if next.take(text, from: bytes) { self.match(rest, next, bytes, then) }
    case .draw(let variable, let form):
      let probabilities = probabilities(of: variable, match.bindings)
      for (row, probability) in probabilities.enumerated() where probability > 0 {
        next = match
        guard next.take(form.text(row: row, match.bindings, variables), from: bytes) else {
          continue
        }
        next.bindings[variable] = row
        next.logProbability += log(probability)
        self.match(rest, next, bytes, then)
      }
    case .choice(let alternatives):
      for (probability, nodes) in alternatives {
        next = match
        next.logProbability += log(probability)
        self.match(nodes[...], next, bytes) { self.match(rest, $0, bytes, then) }
      }
    }
  }
}
