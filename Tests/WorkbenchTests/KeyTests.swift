import Screen
import Testing
import Workbench

/// The table of keys, which the help shows, and what the keys do are the same.
@Suite struct KeyTests {
  private static let named: [String: Key] = [
    "Up": .up, "Down": .down, "Left": .left, "Right": .right, "Home": .home, "End": .end,
    "PgUp": .pageUp, "PgDn": .pageDown, "Tab": .tab, "Shift-Tab": .backTab, "Enter": .enter,
    "Esc": .escape, "Space": .character(" "), "F1": .function(1),
  ]

  @Test func everyKeyOfTheTableDoesSomething() throws {
    var drawn = try AttentionBench.drawn()
    for view in ViewName.allCases {
      try drawn.run("view \(view.rawValue)")
      for row in KeyTable.rows where row.view == nil || row.view == view {
        for name in row.keys where !name.hasPrefix("Ctrl-") {
          let key = Self.named[name] ?? .character(Character(name))
          let action = drawn.bench.action(for: key)
          #expect(action != nil, "\(name) in \(view)")
          // What the table says it runs, it runs, unless it says why it cannot.
          if case .run(let command)? = action, let runs = row.command, row.view == view {
            let isSame = command.name == runs || [.stop, .set].contains(command.name)
            #expect(isSame, "\(name) in \(view): \(command), not \(runs)")
          }
        }
      }
    }
  }

  @Test func whatAKeyRunsCanBeTyped() throws {
    var drawn = try AttentionBench.drawn()
    for view in ViewName.allCases {
      try drawn.run("view \(view.rawValue)")
      for code in UInt8(32)..<127 {
        let letter = Character(UnicodeScalar(code))
        guard case .run(let command)? = drawn.bench.action(for: .character(letter))
        else { continue }
        #expect(try Command.parse(command.description) == command, "\(letter) in \(view)")
      }
    }
  }
}
