import Files
import Screen

extension Bench {
  /// What a key comes to: the view's own meaning of it, else the one that it has everywhere.
  package func action(for key: Key) -> Action? {
    if let own = view.action(for: key, self) { return own }
    switch key {
    case .up, .character("k"): return move(-1, 0)
    case .down, .character("j"): return move(1, 0)
    case .left, .character("h"): return move(0, -1)
    case .right, .character("l"): return move(0, 1)
    case .pageUp: return move(-max(1, size.rows - 8), 0)
    case .pageDown: return move(max(1, size.rows - 8), 0)
    case .home: return cursor(settings.cursor.row, 0)
    case .end: return cursor(settings.cursor.row, view.extent(self).columns - 1)
    case .tab: return next(view.focuses, view.focus(self), by: 1, "focus")
    case .backTab: return next(view.focuses, view.focus(self), by: -1, "focus")
    case .escape: return .say("nothing to leave; q quits")
    case .function(1): return .run(Command(.help))
    case .character(let letter): return action(forLetter: letter)
    default: return nil
    }
  }

  private func action(forLetter letter: Character) -> Action? {
    switch letter {
    case "1", "2", "3", "4", "5", "6":
      let index = (letter.wholeNumberValue ?? 1) - 1
      return .run(Command(.view, ViewName.allCases[index].rawValue))
    case ",": return head(by: -1)
    case ".": return head(by: 1)
    case "<": return layer(by: -1)
    case ">": return layer(by: 1)
    case "v": return next(view.panes(self), view.pane(self), by: 1, "pane")
    case "i": return .type("prompt " + Command.editable(settings.prompt))
    case "/": return .type("find ")
    case "e": return .type("export \(settings.view.rawValue).svg")
    case ":": return .type("")
    case "P": return .run(Command(.pin))
    case "d":
      guard pinned != nil || settings.difference else {
        return .say("no difference to show: P pins this state first")
      }
      return .run(set("diff", settings.difference ? "off" : "on"))
    case "u": return .run(Command(.undo))
    case "U": return .run(Command(.undo, "-1"))
    case "M": return .run(set("mouse", settings.mouse ? "off" : "on"))
    case "?": return .run(Command(.help))
    case "q": return .run(Command(.quit))
    case "H", "L", "w": return .say("no lesson is open")
    default: return .say("\(letter) means nothing in this view; ? lists the keys")
    }
  }

  func set(_ key: String, _ value: String) -> Command {
    Command(.set, options: [Command.Option(key: key, value: value)])
  }

  /// The command that goes to a place, held within the view.
  func cursor(_ row: Int, _ column: Int) -> Action {
    let extent = view.extent(self)
    let row = max(0, min(extent.rows - 1, row))
    let column = max(0, min(extent.columns - 1, column))
    return .run(Command(.cursor, "\(row)", "\(column)"))
  }

  private func move(_ rows: Int, _ columns: Int) -> Action {
    cursor(settings.cursor.row + rows, settings.cursor.column + columns)
  }

  private func next(_ names: [String], _ now: String, by step: Int, _ key: String) -> Action {
    guard names.count > 1 else { return .say("this view has no other \(key)") }
    let here = names.firstIndex(of: now) ?? 0
    return .run(set(key, names[(here + step + names.count) % names.count]))
  }

  private func head(by step: Int) -> Action {
    guard let model else { return .say("no model is open") }
    // Through all heads, from one layer into the next.
    let all = model.layers * model.layout.heads
    let here = settings.head.layer * model.layout.heads + settings.head.head
    let next = (here + step + all) % all
    let head = HeadReference(layer: next / model.layout.heads, head: next % model.layout.heads)
    return .run(Command(.head, head.description))
  }

  private func layer(by step: Int) -> Action {
    guard let model else { return .say("no model is open") }
    let layer = (settings.head.layer + step + model.layers) % model.layers
    return .run(
      Command(.head, HeadReference(layer: layer, head: settings.head.head).description))
  }
}
