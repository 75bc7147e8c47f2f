/// The recursive-descent reader of a grammar's source (see `Grammar`).
struct GrammarReader {
  private(set) var variables: [Grammar.Variable] = []
  private var scope: [String: Int] = [:]  // what a name means now: its last draw
  private var tables: [String: (columns: [String], rows: [[String]])] = [:]
  private var rules: [String: String] = [:]
  private var agreement: [(value: String, forms: [String: String])] = []

  init(_ source: String) {
    var (heading, body) = ([String](), "")
    for line in (source + "\nrule end").split(separator: "\n") {
      let words = split(line, " ")
      if ["rule", "table", "agree"].contains(words[0]) {
        if !heading.isEmpty { define(heading, body) }
        (heading, body) = (words, "")
      } else {
        body += (body.isEmpty ? "" : " ") + trim(line)
      }
    }
  }

  private mutating func define(_ heading: [String], _ body: String) {
    switch heading[0] {
    case "rule": rules[heading[1]] = body
    case "agree":
      let pairs = (heading[2...] + split(body, " ").filter { !$0.isEmpty }).map { split($0, "=") }
      let forms = Dictionary(
        uniqueKeysWithValues: pairs.map { ($0[0], $0[1].replacing("_", with: " ")) })
      agreement.append((heading[1], forms))
    default:
      let columns = split(heading[2], "/")
      let rows = split(body, ",").map { row in
        let cells = split(row, "/")
        precondition(cells.count <= columns.count && !cells[0].isEmpty, "\(heading[1]): \(row)")
        return columns.indices.map { column in
          column < cells.count ? cells[column].replacing("~", with: cells[0]) : ""
        }
      }
      tables[heading[1]] = (columns, rows)
    }
  }

  /// The nodes of a named rule.
  mutating func rule(_ name: String) -> [Grammar.Node] {
    guard let body = rules[name] else { preconditionFailure("no rule \(name)") }
    var rest = Substring(body)
    let nodes = sequence(&rest)
    precondition(rest.isEmpty, "rule \(name) ends at: \(rest)")
    return nodes
  }

  /// Reads up to the end, a `|` or a `]`.
  private mutating func sequence(_ rest: inout Substring) -> [Grammar.Node] {
    var nodes: [Grammar.Node] = []
    while let first = rest.first, first != "|", first != "]" {
      switch first {
      case "{": nodes.append(slot(bracketed(&rest, "}")))
      case "<": nodes += rule(bracketed(&rest, ">"))
      case "[": nodes.append(choice(&rest))
      default:
        let text = rest.prefix { !"{<[|]".contains($0) }
        rest.removeFirst(text.count)
        // Spaces beside a bar or a bracket's inside are layout.
        let open = nodes.isEmpty ? text.drop { $0 == " " } : text
        let atEnd = rest.first.map { $0 == "|" || $0 == "]" } ?? true
        let kept = atEnd ? trim(open, leading: false) : String(open)
        if !kept.isEmpty { nodes.append(.literal(kept.utf8.map { $0 == 95 ? 32 : $0 })) }
      }
    }
    return nodes
  }

  private func bracketed(_ rest: inout Substring, _ close: Character) -> String {
    let inside = rest.dropFirst().prefix { $0 != close }
    rest.removeFirst(inside.count + 2)
    return String(inside)
  }

  private mutating func choice(_ rest: inout Substring) -> Grammar.Node {
    var weighted: [(weight: Double, nodes: [Grammar.Node])] = []
    let before = scope
    var drawnInAll: [String: Int]?
    repeat {
      scope = before
      rest = rest.dropFirst().drop { $0 == " " }  // the bracket or the bar
      let number = rest.prefix { $0.isNumber }
      rest.removeFirst(number.count)
      weighted.append((Double(number) ?? 1, sequence(&rest)))
      drawnInAll = (drawnInAll ?? scope).filter { scope[$0.key] == $0.value }
    } while rest.first == "|"
    precondition(rest.first == "]", "a choice is not closed: \(rest)")
    rest.removeFirst()
    scope = drawnInAll ?? before
    let total = weighted.reduce(0) { $0 + $1.weight }
    return .choice(weighted.map { ($0.weight / total, $0.nodes) })
  }

  /// Reads `k=table.form!other`, `k.form` or `k@other`.
  private mutating func slot(_ text: String) -> Grammar.Node {
    let parts = split(text, "!")
    let excluding = parts.dropFirst().map { index(of: $0) }
    let agreeing = split(parts[0], "@")
    let dotted = split(agreeing[0], ".")
    let drawn = split(dotted[0], "=")
    if drawn.count == 2 { declare(drawn[0], drawn[1], excluding) }
    let variable = index(of: drawn[0])
    let other = agreeing.count == 2 ? index(of: agreeing[1]) : nil
    let form = form(variable, dotted.count == 2 ? dotted[1] : nil, agreeing: other)
    return drawn.count == 2
      ? .draw(variable: variable, form) : .reference(variable: variable, form)
  }

  private func index(of name: String) -> Int {
    guard let index = scope[name] else { preconditionFailure("\(name) is not drawn yet") }
    return index
  }

  private mutating func declare(_ name: String, _ table: String, _ excluding: [Int]) {
    let comparable = excluding.allSatisfy { variables[$0].table == table }
    precondition(comparable, "\(name) differs from a row of another table")
    let classes = column("g", of: table).map { cell in
      agreement.firstIndex { $0.value == cell } ?? 0
    }
    let variable = Grammar.Variable(
      name: name, table: table, weights: classes.indices.map { 1 / Double($0 + 41) },
      classes: classes, excluding: excluding)
    let old = variables.firstIndex(of: variable)
    if old == nil { variables.append(variable) }
    scope[name] = old ?? variables.count - 1
  }

  /// The cells of a column; where it has none, the form of the row's class, else the first cell.
  private func column(_ name: String, of table: String) -> [String] {
    guard let (columns, rows) = tables[table] else { preconditionFailure("no table \(table)") }
    let index = columns.firstIndex(of: name)
    let classes = columns.firstIndex(of: "g")
    return rows.map { row in
      if let index, !row[index].isEmpty { return row[index] }
      let forms = classes.flatMap { g in agreement.first { $0.value == row[g] }?.forms }
      return forms?[name]?.replacing("~", with: row[0]) ?? row[0]
    }
  }

  private func form(_ variable: Int, _ name: String?, agreeing: Int?) -> Grammar.Form {
    let table = variables[variable].table
    var texts: [[String]]
    if agreeing != nil {
      texts = agreement.map { column($0.value, of: table) }
    } else {
      let name = name ?? "word"
      let plain = name.prefix(1).lowercased() + name.dropFirst()
      texts = [column(plain, of: table)]
      precondition(
        plain == "word" || texts != [column("word", of: table)], "\(table) has no \(name)")
      if name != plain {
        texts[0] = texts[0].map { $0.prefix(1).uppercased() + $0.dropFirst() }
      }
    }
    return Grammar.Form(agreeing: agreeing, texts: texts.map { $0.map { Array($0.utf8) } })
  }
}

private func trim(_ text: some StringProtocol, leading: Bool = true) -> String {
  var text = Substring(text)
  while leading, text.first == " " { text.removeFirst() }
  while text.last == " " { text.removeLast() }
  return String(text)
}

private func split(_ text: some StringProtocol, _ separator: Character) -> [String] {
  text.split(separator: separator, omittingEmptySubsequences: false).map { trim($0) }
}
