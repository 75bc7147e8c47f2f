import Files
import Glibc
import TestSupport
import Testing
import Workbench

@Suite struct LanguageTableTests {
  @Test func helpIsOneShortLineEach() {
    for entry in CommandTable.entries {
      #expect((1...72).contains(entry.help.count), "\(entry.name)")
      #expect(!entry.help.hasSuffix(".") && entry.help == visible(entry.help))
      #expect(entry.usage.count <= 72, "\(entry.usage)")
    }
    for row in ReadingTable.rows { #expect((1...48).contains(row.meaning.count), "\(row.name)") }
    for row in KeyTable.rows { #expect((1...48).contains(row.does.count), "\(row.does)") }
  }

  @Test func everySettingAlonePrints() throws {
    for entry in CommandTable.entries where entry.kind == .setting {
      #expect(try Command.parse(entry.name.rawValue) == Command(entry.name))
    }
  }

  @Test func wordsAreOfTheirOwnDomain() throws {
    for entry in CommandTable.entries {
      for argument in entry.arguments {
        for word in argument.words {
          #expect(try Command.parse("\(entry.name.rawValue) \(word)")?.values == [word])
        }
      }
      for option in entry.options {
        for word in option.words {
          let line =
            "\(entry.name.rawValue) \(entry.name == .export ? "a.svg " : "")\(option.key)=\(word)"
          #expect(try Command.parse(line)?.option(option.key) == word)
        }
      }
    }
  }

  @Test func aKeyHasOneMeaningInAView() {
    for view in [nil] + ViewName.allCases.map(Optional.init) {
      let keys = KeyTable.rows.filter { $0.view == view }.flatMap(\.keys)
      #expect(Set(keys).count == keys.count, "\(view?.rawValue ?? "every view")")
    }
  }

  @Test func whatKeysRunParses() throws {
    let values = [
      "NAME": "main", "A": "1", "B": "2", "L.H": "0.2", "N": "2", "X": "1", "TEXT": "a",
      "PATH": "a.svg", "RANK": "1", "RULE": "space", "DIR@STEP": "a@1", "NAME,NAME": "a,b",
    ]
    for row in KeyTable.rows {
      guard let runs = row.runs else { continue }
      #expect(row.command != nil, "\(runs)")
      var line = runs.split(separator: " ").map { word in
        let parts = word.split(separator: "=").map { values[String($0)] ?? String($0) }
        return parts.joined(separator: "=")
      }.joined(separator: " ")
      if line == "view main" { line = "view attention" }
      if line == "mask main" { line = "mask causal" }
      #expect(try Command.parse(line)?.name == row.command, "\(line)")
    }
    #expect(CommandTable.entry(.rewind).keys == ["p", "[", "r"])
    #expect(CommandTable.entry(.head).keys == [",", ".", "<", ">"])
  }

  @Test(arguments: [
    ("", 36, "view"), ("te", 1, "temperature"), ("top_", 2, "top-k"), ("stage s", 2, "scores"),
    ("view ", 6, "attention"), ("head ", 1, "0.2"), ("top-k ", 1, "off"), ("zero o", 1, "off"),
    ("sample ", 4, "temperature="), ("sample 5 t", 3, "temperature="),
    ("sample 5 top-p=1 top", 1, "top-k="), ("sample top-k=", 1, "top-k=off"),
    ("set th", 1, "theme="), ("set theme=", 2, "theme=dark"), ("set theme=l", 1, "theme=light"),
    ("set cover=on di", 1, "diff="), ("mask ", 4, "model"), ("mask none ", 0, ""),
    ("model ", 1, #""two words""#), ("prompt ", 0, ""), ("prompt @r", 1, "@runs"),
    ("help pa", 1, "pause"), ("say wei", 1, "weights"), ("expect sum(wei", 1, "sum(weights"),
    ("expect not run", 1, "running"), ("wait ma", 3, "masked"), ("say argm", 1, "argmax("),
    ("export a.svg what=s", 1, "what=screen"), ("export a.svg w", 1, "what="), ("nonsense ", 0, ""),
    ("set runs=a_", 1, "runs=a_b"), ("quit ", 2, "save"), ("take ", 0, ""),
  ])
  func completions(line: String, count: Int, first: String) {
    let found = CommandTable.completions(for: line) { type in
      switch type {
      case .head: ["0.2"]
      case .model: ["two words"]
      case .path: ["runs", "shared"]
      case .runs: ["a_b"]
      default: []
      }
    }
    #expect(found.count == count, "\(found)")
    #expect((found.first ?? "") == first)
  }

  /// RECORD=1 writes the part of the page that is made from the tables, and then fails.
  @Test func documentationIsOfTheseTables() throws {
    let path = Fixtures.path("../../docs/commands.md")
    let (begin, end) = ("<!-- workbench:begin -->\n", "<!-- workbench:end -->\n")
    let page = String(decoding: try FileSystem.readAll(path), as: UTF8.self)
    let from = try #require(page.firstRange(of: begin)?.upperBound, "\(path) has no \(begin)")
    let to = try #require(page.firstRange(of: end)?.lowerBound, "\(path) has no \(end)")
    let made = "\n" + CommandTable.markdown + "\n"
    guard page[from..<to] != made else { return }
    guard getenv("RECORD") != nil else {
      Issue.record("docs/commands.md is not of these tables; RECORD=1 ./test --filter Language")
      return
    }
    try AtomicFile.write(page[..<from] + made + page[to...], to: path)
    Issue.record("docs/commands.md was written anew; read it, then run the test without RECORD")
  }
}
