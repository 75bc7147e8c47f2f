import Testing

/// What every file of the project keeps to; each rule must also see a small offence made for it.
@Suite struct TidyTests {
  @Test(arguments: Rule.all.map(\.name)) func projectKeepsTo(rule name: String) throws {
    let rule = try #require(Rule.all.first { $0.name == name })
    let findings = rule.find(try .current())
    #expect(findings.isEmpty, "\(name)\n\(findings.joined(separator: "\n"))")
  }

  @Test(arguments: Rule.all.map(\.name)) func offenceIsSeen(rule name: String) throws {
    let rule = try #require(Rule.all.first { $0.name == name })
    #expect(rule.find(Project(rule.offence)).count == 1)
    #expect(rule.find(Project(clean)) == [])
  }

  @Test func everyFileIsRead() throws {
    let project = try Project.current()
    for path in ["Package.swift", "README.md", "run", "test", "scripts/install", ".ci/run"] {
      #expect(project.sources.contains { $0.path == path }, "\(path)")
    }
  }

  /// Looks like an offence here and there, and is none.
  private let clean = [
    // A text for the rule that allows it in this file alone, whose own reason is in `Crew`.
    "Sources/Threads/Lanes.swift": "final class Lanes: @unchecked Sendable {}\n",
    "Sources/Tensors/Kernel.swift": """
    import CKernels  // import Foundation, print(1), try!
    let text = "try! print(1) import Foundation x!" + \(#""\(f("a"))!""#) /* y! */
    let first = list.first!  // never empty: made with one element
    // The table has every byte.
    let second = table[byte]! + (!isOdd ? 1 : 0) + (a != b ? 1 : 0)
    """,
    "Sources/CKernels/portable.c": "int one(void) { return 1; }\n",
    "Sources/Terminal/Terminal.swift": "import CNcurses\n",
    "Sources/specola/Train.swift": "struct Train: ParsableCommand { func run() { print(1) } }",
    "docs/commands.md": "[here](#train) [up](../Sources/) [web](https://swift.org) `[no](link)`",
    "docs/READING.md": "See [the commands](commands.md#train).\n```\n[not](a link)\n```\n",
  ]
}
