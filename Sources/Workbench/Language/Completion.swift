// What could be typed next, and the page of the documentation: both made from the tables.

extension CommandTable {
  /// The words that could stand for the last one of a line, sorted as the tables are.
  ///
  /// `candidates` gives what the bench knows of a type: models, runs, panes, paths.
  public static func completions(
    for line: String, candidates: (ArgumentType) -> [String] = { _ in [] }
  ) -> [String] {
    let words = line.split(separator: " ", omittingEmptySubsequences: true).map { String($0) }
    let isNew = line.isEmpty || line.hasSuffix(" ")
    let last = isNew ? "" : words.last ?? ""
    let before = isNew ? words[...] : words.dropLast()
    let names = Command.Name.allCases.map(\.rawValue)
    guard let first = before.first else { return names.starting(with: last.dashed) }
    guard let name = Command.Name(rawValue: first.dashed) else { return [] }
    let entry = entry(name)
    let given = before.dropFirst()
    switch entry.reading {
    case .text:
      if name == .help { return given.isEmpty ? names.starting(with: last) : [] }
      guard name == .prompt, given.isEmpty, last.hasPrefix("@") else { return [] }
      return candidates(.path).map { "@" + $0 }.starting(with: last)
    case .expression:
      let scalars = last.unicodeScalars
      let begin = scalars.lastIndex { !$0.isNamePart }.map(scalars.index(after:))
      let start = String(last[..<(begin ?? last.startIndex)])
      let part = String(last[(begin ?? last.startIndex)...])
      let functions = Function.allCases.map { $0.rawValue + "(" }
      return (ReadingTable.names + functions).starting(with: part.dashed).map { start + $0 }
    case .words:
      return entry.completions(for: last, after: Array(given), candidates)
    }
  }
}

extension Entry {
  fileprivate func completions(
    for last: String, after given: [String], _ candidates: (ArgumentType) -> [String]
  ) -> [String] {
    func values(of argument: Argument) -> [String] {
      let numbered = argument.type == .word ? [] : candidates(argument.type)
      return argument.words + numbered.map { Command.word($0) }
    }
    let keys = given.compactMap { $0.contains("=") ? $0.prefix { $0 != "=" } : nil }
    if let equals = last.firstIndex(of: "=") {
      let key = String(last[..<equals]).dashed
      return options.filter { $0.key == key }.flatMap { option in
        values(of: option).map { "\(key)=\($0)" }
      }.starting(with: key + last[equals...])
    }
    var words: [String] = []
    if keys.isEmpty, given.count < arguments.count { words = values(of: arguments[given.count]) }
    if !isEither || given.isEmpty {
      let open = options.map(\.key).filter { key in !keys.contains { $0 == key } }
      words += open.filter { !["file", "text"].contains($0) }.map { $0 + "=" }
    }
    return words.starting(with: last)
  }
}

extension [String] {
  fileprivate func starting(with start: String) -> [String] { filter { $0.hasPrefix(start) } }
}

extension Unicode.Scalar {
  fileprivate var isNamePart: Bool {
    isASCII && UInt8(value).isNameByte && self != "."
  }
}

// MARK: - Documentation

extension CommandTable {
  /// The part of docs/commands.md that is made from the tables.
  public static var markdown: String {
    let commands = [nil, ViewName.attention, .entropy, .generate, .train].map { view in
      let place = view.map { "of the view \($0.rawValue)" } ?? "in every view"
      return "### Commands \(place)\n\n"
        + table(
          ["command", "is a", "undo", "does", "keys"],
          entries.filter { $0.view == view }.flatMap { rows($0) })
    }
    let keys = KeyTable.rows.map { row in
      [
        codes(row.keys), row.view?.rawValue ?? "every", row.does,
        codes(row.runs.map { [$0] } ?? []),
      ]
    }
    let readings = ReadingTable.rows.map { row in
      [row.about, codes([row.usage] + (row.isOfHead ? ["@"] : [])), row.meaning]
    }
    return
      (commands + [
        "### Keys\n\n" + table(["key", "view", "does", "runs"], keys),
        "### Readings\n\n" + table(["of", "reading", "is"], readings),
      ]).joined(separator: "\n")
  }

  /// A command, the names that it takes, and its keys.
  private static func rows(_ entry: Entry) -> [[String]] {
    let names = entry.arguments.filter { $0.type == .word && $0.form.hasPrefix("NAME") }
    let pressed = entry.name == .set ? [] : entry.keys
    return [
      [
        codes([entry.usage]), entry.kind.rawValue, entry.isUndoable ? "yes" : "", entry.help,
        codes(pressed),
      ]
    ]
      + names.map { ["", "", "", "NAME is " + $0.domain, ""] }
      + entry.options.filter { !$0.help.isEmpty }.map { option in
        let setting = "\(entry.name.rawValue) \(option.key)="
        let rows = KeyTable.rows.filter { $0.runs?.hasPrefix(setting) == true }
        return ["… " + codes([option.usage]), "", "", option.help, codes(rows.flatMap(\.keys))]
      }
  }

  private static func table(_ titles: [String], _ rows: [[String]]) -> String {
    ([titles, titles.map { _ in "---" }] + rows).map {
      "| " + $0.joined(separator: " | ") + " |\n"
    }.joined()
  }

  /// Code spans, each once; a bar would end the cell.
  private static func codes(_ texts: [String]) -> String {
    let once = texts.indices.filter { !texts[..<$0].contains(texts[$0]) }.map { texts[$0] }
    return once.map { text in
      "`\(text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|"))`"
    }.joined(separator: " ")
  }
}
