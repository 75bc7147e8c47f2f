// The help: what is under the cursor, what is on the screen, every key, every command. Made from
// the tables; typing filters it, Enter runs what is chosen.

import Files
import Screen

/// A line of the help.
struct HelpRow {
  var name, meaning: String
  /// What Enter does with it.
  var action: Action?
  /// A line that only divides.
  var isTitle = false
}

extension Bench {
  /// The lines that have all words of `search` in them.
  func helpRows(_ search: String) -> [HelpRow] {
    var rows = [HelpRow(name: "under the cursor", meaning: view.explanation(self))]
    rows += view.elements(self).map { HelpRow(name: $0.name, meaning: $0.meaning) }
    rows += Bench.frameElements.map { HelpRow(name: $0.0, meaning: $0.1) }
    rows.append(HelpRow(name: "KEYS", meaning: "", isTitle: true))
    let here = KeyTable.rows.filter { $0.view == settings.view }
    let taken = Set(here.flatMap(\.keys))
    let general = KeyTable.rows.filter { row in
      row.view == nil && !row.keys.allSatisfy(taken.contains)
    }
    for row in here + general {
      let key = row.keys.first.flatMap(Key.init(name:))
      rows.append(
        HelpRow(
          name: row.keys.joined(separator: " "), meaning: row.does,
          action: key.flatMap { $0 == .function(1) ? nil : action(for: $0) }))
    }
    rows.append(HelpRow(name: "COMMANDS", meaning: "typed behind :", isTitle: true))
    let entries = CommandTable.entries
    for entry in entries.filter({ $0.view == settings.view }) + entries.filter({ $0.view == nil })
      + entries.filter({ $0.view != nil && $0.view != settings.view })
    {
      rows.append(
        HelpRow(
          name: entry.usage, meaning: entry.help, action: .type(entry.name.rawValue + " ")))
      rows += entry.options.map { HelpRow(name: "  " + $0.usage, meaning: $0.help) }
    }
    let words = search.lowercased().split(separator: " ")
    guard !words.isEmpty else { return rows }
    return rows.filter { row in
      let text = (row.name + " " + row.meaning).lowercased()
      return !row.isTitle && words.allSatisfy { text.contains($0) }
    }
  }

  /// The parts of the frame, for the help to explain.
  private static let frameElements = [
    ("row 1", "the views; 1 to 6 or a click opens one"),
    ("row 2", "model, prompt or run, and the state at the right"),
    ("legend", "the row above the command line says what colours and marks mean"),
    (": line", "echoes the command that the last key ran; : types one"),
    ("last row", "the keys most used here"),
  ]

  func helpAction(
    for key: Key, _ search: String, _ selected: Int
  ) -> (action: Action?, next: Dialog?, handsOn: Bool) {
    let rows = helpRows(search)
    func move(to place: Int) -> Dialog {
      .help(search: search, selected: max(0, min(rows.count - 1, place)))
    }
    switch key {
    case .escape, .function(1): return (nil, nil, false)
    case .character("q") where search.isEmpty: return (nil, nil, false)
    case .up: return (nil, move(to: selected - 1), false)
    case .down: return (nil, move(to: selected + 1), false)
    case .pageUp: return (nil, move(to: selected - max(1, size.rows - 9)), false)
    case .pageDown: return (nil, move(to: selected + max(1, size.rows - 9)), false)
    case .enter:
      guard rows.indices.contains(selected), let action = rows[selected].action else {
        return (nil, dialog, false)
      }
      return (action, nil, false)
    case .backspace: return (nil, .help(search: String(search.dropLast())), false)
    case .character(let letter): return (nil, .help(search: search + String(letter)), false)
    default: return (nil, dialog, false)
    }
  }

  func drawHelp(_ search: String, _ selected: Int, on canvas: inout Canvas, in area: Rect) {
    canvas.fill(area)
    let title = "HELP  \(settings.view.title)"
    canvas.write(title, in: area, .title)
    let hint = "type to search, Enter runs, q closes"
    canvas.write(
      right: search.isEmpty ? hint : "search: \(search)_", in: area, search.isEmpty ? .dim : .text)
    let rows = helpRows(search)
    let (body, detail) = area.split(top: 1).1.split(bottom: 1)
    let name = min(body.width / 3, 20)
    let first = max(0, min(selected - body.height / 2, rows.count - body.height))
    for (line, k) in (first..<min(rows.count, first + body.height)).enumerated() {
      let (row, place) = (rows[k], body.line(line))
      let used = canvas.write(
        row.name, in: place, row.isTitle ? .title : .text,
        row.action != nil || row.isTitle ? .bold : [])
      let rest = place.split(left: max(name, used) + 1).1
      canvas.write(row.meaning, in: rest)
      if k == selected {
        // What is cut in its line stands whole below.
        let isCut = Glyphs.width(row.meaning) > rest.width
        canvas.write(isCut ? row.meaning : "", in: detail, .dim)
        canvas.mark(place, .reverse)
        canvas.cursor = Position(place.row, place.column)
      }
    }
    if rows.isEmpty { canvas.write("nothing has these words", in: body, .dim) }
  }
}

extension Key {
  /// The key of a name in the table.
  init?(name: String) {
    let named: [Key] = [
      .up, .down, .left, .right, .home, .end, .pageUp, .pageDown, .enter, .escape, .tab, .backTab,
      .character(" "), .function(1),
    ]
    if let key = named.first(where: { $0.name == name }) {
      self = key
    } else if name.count == 1, let letter = name.first {
      self = .character(letter)
    } else {
      return nil
    }
  }
}
