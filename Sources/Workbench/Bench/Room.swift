import Screen

/// A tab whose view is still to come: says so, and where to go on.
struct Room: View {
  let name: ViewName

  func status(_ bench: Bench) -> String { bench.modelAndPrompt }

  private var purpose: [String] {
    [
      "Lessons beside the bench, with quizzes whose numbers come from the open model,",
      "will be listed here.", "",
      "Until then, sessions/ has four sessions to play: :play sessions/attention.specola",
    ]
  }

  func draw(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    var row = max(0, area.height / 2 - 3)
    for line in purpose {
      var flow = TextFlow(line)
      flow.keepsWords = true
      let height = max(1, flow.lines(width: area.width - 4))
      let (_, rest) = area.inset(rows: 0, columns: 2).split(top: row)
      canvas.draw(flow, in: rest.split(top: height).0)
      row += height
    }
  }

  func footer(_ bench: Bench) -> [(keys: String, verb: String)] {
    [
      ("1", "attention"), ("2", "entropy"), ("3", "generate"), ("4", "train"), ("6", "model"),
      ("?", "help"), ("q", "quit"),
    ]
  }

  func explanation(_ bench: Bench) -> String { "a view that is still to come" }
}
