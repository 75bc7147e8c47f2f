// What can lie over a view: the welcome, the help, questions. A dialog takes keys before the view.

import Files
import Screen

/// A box over the view.
package enum Dialog: Equatable, Sendable {
  case welcome
  case help(search: String, selected: Int = 0)
  /// Before the end of a run: save and quit, quit without saving, stay.
  case quit
  /// Lines to read.
  case text(title: String, [String], first: Int = 0)
  /// A training run that is about to begin.
  case forecast
}

extension Bench {
  /// What a key does while a dialog is open; nil hands the key on to the view.
  ///
  /// `closes` says that the dialog goes away.
  func dialogAction(for key: Key) -> (action: Action?, next: Dialog?, handsOn: Bool)? {
    guard let dialog else { return nil }
    switch dialog {
    case .welcome:
      // The first of the four steps of attention, whatever stage is open.
      if key == .character("n") { return (.run(Command(.stage, "scores")), nil, false) }
      return (nil, nil, key != .escape)
    case .help(let search, let selected): return helpAction(for: key, search, selected)
    case .quit:
      switch key {
      case .character("s"): return (.run(Command(.quit, "save")), nil, false)
      case .character("x"): return (.run(Command(.quit, "discard")), nil, false)
      case .escape, .character("q"): return (nil, nil, false)
      default: return (nil, dialog, false)
      }
    case .text(let title, let lines, let first):
      switch key {
      case .up, .character("k"):
        return (nil, .text(title: title, lines, first: max(0, first - 1)), false)
      case .down, .character("j"):
        return (nil, .text(title: title, lines, first: min(lines.count - 1, first + 1)), false)
      case .pageUp, .pageDown, .character(" "):
        let step = (key == .pageUp ? -1 : 1) * max(1, size.rows - 8)
        let next = max(0, min(lines.count - 1, first + step))
        return (nil, .text(title: title, lines, first: next), false)
      default: return (nil, nil, false)
      }
    case .forecast:
      switch key {
      case .enter: return (.run(Command(.pause, "off")), nil, false)
      case .escape, .character("q"): return (.run(Command(.stop)), nil, false)
      case .character(":"): return (.type("train \(train.forecastName) minutes="), nil, false)
      default: return (nil, dialog, false)
      }
    }
  }

  func draw(_ dialog: Dialog, on canvas: inout Canvas, in area: Rect) {
    switch dialog {
    case .welcome: drawWelcome(on: &canvas, in: area)
    case .help(let search, let selected):
      drawHelp(search, selected, on: &canvas, in: area)
    case .quit:
      let lines =
        train.quitQuestion + [
          "  s    save and quit; later: specola train --resume \(train.folder)",
          "  x    quit without saving; \(train.lastSaved) stays", "  Esc  stay",
        ]
      box("", lines, on: &canvas, in: area)
    case .text(let title, let lines, let first):
      let rows = max(1, area.height - 3)
      box(
        title, Array(lines.dropFirst(first).prefix(rows)), footer: "q closes", on: &canvas, in: area
      )
    case .forecast: box("", train.forecast, on: &canvas, in: area)
    }
  }

  func box(
    _ title: String, _ lines: [String], footer: String = "", on canvas: inout Canvas, in area: Rect
  ) {
    let flows = lines.map { line in
      var flow = TextFlow(line)
      flow.keepsWords = true
      return flow
    }
    canvas.draw(Screen.Overlay(title, flows, footer: footer), in: area)
  }

  // MARK: - The welcome

  private func drawWelcome(on canvas: inout Canvas, in area: Rect) {
    guard let model else {
      return box("", ["Welcome to Specola.", "", "opening the model"], on: &canvas, in: area)
    }
    var guess = ""
    if let best = attention.shown?.likeliest(1).first, let tokenizer = model.tokenizer {
      let word = tokenizer.piece(best.id).drop { $0 == " " }
      guess =
        " and " + (best.probability > 0.5 ? "is sure" : "thinks") + " that the next"
        + " one is \"\(word)\""
    }
    var flow = TextFlow(
      "Welcome to Specola. This is a real transformer: \(Numbers.grouped(model.parameters)) "
        + "numbers, trained on very short stories. It has read \(ids.count) tokens\(guess).")
    flow.keepsWords = true
    let keys = [
      "", "  n   see how it came to that, one step of attention at a time",
      "  2   see what surprises a model, byte by byte; then press + and -",
      "  3   let it write: Space runs, p takes a token back",
      "  4   train a model, and watch it learn",
      "  6   look at the numbers it is made of", "  ?   every key, any time", "",
      "Nothing you press here can break anything. q leaves, u undoes.",
    ]
    canvas.draw(
      Screen.Overlay("", [flow] + keys.map { TextFlow($0) }, footer: "any key closes this"),
      in: area)
  }
}
