// The sampling laboratory: the text, every filter as a column that sums to 1, and the draw on the
// cumulative line.

import Generation
import Screen

struct GenerateView: View {
  let name = ViewName.generate
  let panes = ["table", "takes"]
  /// The knobs: what left and right choose, and + and - turn.
  let focuses = Knob.allCases.map(\.rawValue)

  /// The knob that + and - turn.
  func knob(_ bench: Bench) -> Knob { Knob(rawValue: focus(bench)) ?? .temperature }

  func status(_ bench: Bench) -> String {
    guard let model = bench.model else { return "no model is open" }
    let state = bench.generate
    let number = (state.isFresh ? state.place : state.count) + 1
    // What must never leave the row comes first: a narrow one is cut.
    var text = "\(model.title) \(ModelFacts.size(model.parameters))   seed \(bench.settings.seed), "
    text += bench.settings.temperature == 0 ? "no draw" : "draw \(number)"
    text += "   prompt \(state.prompt.count) token\(state.prompt.count == 1 ? "" : "s")"
    text += " + \(state.count) new"
    return state.refilled ? text + ", last half of the context kept" : text
  }

  func state(_ bench: Bench) -> String? {
    if bench.generate.isRunning { return "RUNNING" }
    return bench.pending == 0 && bench.generate.count > 0 ? "paused" : nil
  }

  func extent(_ bench: Bench) -> Size {
    Size(
      rows: max(1, bench.generate.table?.stages[0].kept ?? 1),
      columns: bench.generate.takes.count)
  }

  // MARK: - Places

  /// The columns of numbers: where each begins, and which filter it shows.
  struct Column {
    var filter: SamplingTable.Filter
    var at: Int

    static let all = [
      Column(filter: .model, at: 16), Column(filter: .temperature, at: 25),
      Column(filter: .topK, at: 34), Column(filter: .topP, at: 42),
    ]
    static let narrow = [Column(filter: .model, at: 16), Column(filter: .topP, at: 23)]
  }

  /// Where everything stands in an area.
  struct Layout {
    var text, order, head, rows, totals, takes: Rect
    var columns: [Column]
    /// The cumulative line, from 0 to 1.
    var line: Range<Int>
    /// Less than all columns; the takes in a list of their own.
    var isNarrow, isWide: Bool

    init(_ area: Rect) {
      isWide = area.width >= 112
      isNarrow = area.width < 72
      columns = isNarrow ? Column.narrow : Column.all
      let textHeight = area.height < 12 ? 1 : min(10, 2 + max(0, (area.height - 19) / 5))
      var rest: Rect
      (text, rest) = area.split(top: textHeight)
      (order, rest) = rest.split(top: area.height >= 18 ? 1 : 0)
      if isWide {
        (rest, takes) = rest.split(right: min(60, area.width / 3))
      } else {
        (rest, takes) = rest.split(bottom: area.height >= 14 ? 1 : 0)
      }
      (head, rest) = rest.split(top: min(2, rest.height))
      (rows, totals) = rest.split(bottom: min(3, rest.height))
      let start = isNarrow ? 30 : 51
      line = start..<max(start, min(start + 60, rest.width - 2))
    }

    /// The column of a share of the cumulative line.
    func column(of share: Double) -> Int {
      line.lowerBound + max(0, min(line.count - 1, Int(share * Double(line.count))))
    }
  }

  /// The ranks in sight: the likeliest, until a person goes further down.
  func ranks(_ bench: Bench, in rows: Rect) -> Range<Int> {
    let all = bench.generate.table?.stages[0].kept ?? 0
    let cursor = bench.generate.followsDraw ? 0 : bench.generate.row(bench.settings)
    let first = max(0, min(cursor - rows.height + 1, all - rows.height))
    return first..<min(all, first + rows.height)
  }

  // MARK: - Drawing

  func draw(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    let layout = Layout(area)
    drawText(bench, on: &canvas, in: layout.text)
    guard let table = bench.generate.table else {
      let why = bench.generate.failure?.message ?? bench.whyNoScores
      var flow = TextFlow([TextFlow.Span(why, bench.generate.failure == nil ? .dim : .warning)])
      flow.keepsWords = true
      return canvas.draw(flow, in: layout.rows)
    }
    drawOrder(bench, on: &canvas, in: layout.order)
    let cursor = pane(bench) == "takes" ? bench.settings.cursors[name]?.column ?? 0 : nil
    if cursor == nil || layout.isWide {
      drawHead(bench, on: &canvas, layout)
      drawRows(bench, table, on: &canvas, layout)
    }
    if layout.isWide {
      drawTakes(bench, on: &canvas, in: layout.takes.split(left: 2).1, cursor: cursor)
    } else if cursor != nil {
      drawTakes(bench, on: &canvas, in: layout.head.joined(to: layout.takes), cursor: cursor)
    } else {
      drawTakesLine(bench, on: &canvas, in: layout.takes)
    }
  }

  private func drawText(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    let (given, new) = bench.textSoFar
    var flow = TextFlow([TextFlow.Span(given), TextFlow.Span(new, .text, .bold)])
    flow.spans.append(TextFlow.Span("_", .cursor))
    flow.keepsWords = true
    flow.first = max(0, flow.lines(width: area.width) - area.height)
    canvas.draw(flow, in: area)
  }

  private func drawOrder(_ bench: Bench, on canvas: inout Canvas, in line: Rect) {
    let order = "order of the filters: model > temperature > top-k > top-p > draw"
    guard line.width >= 48 else { return }
    let used = canvas.write(line.width < 64 ? String(order.dropFirst(22)) : order, in: line, .dim)
    let note = knob(bench).note(bench)
    if used + note.count < line.width { canvas.write(right: note, in: line) }
  }

  private func drawHead(_ bench: Bench, on canvas: inout Canvas, _ layout: Layout) {
    let (head, settings) = (layout.head, bench.settings)
    canvas.write("candidate", in: head, column: 5, .title)
    for column in layout.columns {
      let knob = Knob(column.filter)
      let isChosen = knob == self.knob(bench)
      let name = isChosen ? "[\(column.title)]" : column.title
      canvas.write(name, in: head, column: column.at - (isChosen ? 1 : 0), .title)
      guard !layout.isNarrow, let knob else { continue }
      let value = Glyphs.fit(knob.value(settings), 4, right: true)
      canvas.write(value, in: head, line: 1, column: column.at)
    }
    if showsPinned(bench) {
      canvas.write("pinned", in: head, column: layout.columns[0].at, .title)
    }
    if layout.isNarrow {
      var at = 1
      for knob in Knob.allCases {
        let text = "\(knob.title) \(knob.value(settings))"
        let shown = knob == self.knob(bench) ? "[\(text)]" : " \(text) "
        at += canvas.write(shown, in: head, line: 1, column: at) + 1
      }
    }
    let title = layout.line.count < 27 ? "0 to 1" : "cumulative line, 0 to 1"
    canvas.write(title, in: head, column: layout.line.lowerBound, .title)
  }

  private func drawRows(
    _ bench: Bench, _ table: SamplingTable, on canvas: inout Canvas, _ layout: Layout
  ) {
    let ranks = ranks(bench, in: layout.rows)
    let shown = tables(bench, table, layout.columns)
    let columns = shown.map { $0.table.column($0.filter, rows: ranks) }
    let isGreedy = bench.settings.temperature == 0
    let draw = bench.generate.draw(bench.settings)
    let (hit, chosen) = (table.rank(draw), bench.generate.row(bench.settings))
    for (line, rank) in ranks.enumerated() {
      let row = layout.rows.line(line)
      let token = bench.tokenName(table.stages[0].candidates[rank].id)
      canvas.write(Glyphs.fit(String(rank + 1), 3, right: true), in: row)
      canvas.write(Glyphs.fit(token, 11), in: row, column: 4, .token(rank))
      for (column, cells) in zip(layout.columns, columns) {
        let cell = cells.cells[line].map { Numbers.fixed(Double($0) / 1000, 3) } ?? "  –"
        canvas.write(cell, in: row, column: column.at)
      }
      if let span = table.span(of: rank) {
        let start = layout.column(of: span.lowerBound)
        let end = span.upperBound >= 1 ? layout.line.upperBound : layout.column(of: span.upperBound)
        for at in start..<max(start + 1, end) {
          canvas.put("━", row.row, row.column + at, in: row, .series(0))
        }
        if !isGreedy {
          let at = row.column + layout.column(of: draw)
          canvas.put(rank == hit ? "█" : "┊", row.row, at, in: row, .boundary)
        }
      }
      guard rank == chosen else { continue }
      canvas.put("▸", row.row, row.column, in: row)
      canvas.mark(row.split(left: 15).0.split(left: 3).1, .reverse)
      canvas.cursor = Position(row.row, row.column)
    }
    drawTotals(bench, columns, stages: shown.map { $0.table.stage($0.filter) }, layout, on: &canvas)
    guard !layout.line.isEmpty else { return }
    let pointer = layout.totals.line(0)
    guard !isGreedy else {
      canvas.write("temp 0: greedy, no draw", in: pointer, column: layout.line.lowerBound)
      return
    }
    let at = layout.column(of: draw)
    canvas.put("▴", pointer.row, pointer.column + at, in: pointer, .boundary)
    let share = Numbers.fixed(draw, 3)
    let whole = ranks.contains(hit) ? "draw \(share)" : "draw \(share), row \(hit + 1)"
    // As much as fits, to the right of its mark or else to the left.
    for text in [whole, "draw \(share)", share] {
      let (right, left) = (at + 2, at - 1 - text.count)
      let fitsRight = right + text.count <= pointer.width
      guard fitsRight || left >= layout.line.lowerBound else { continue }
      canvas.write(text, in: pointer, column: fitsRight ? right : left)
      break
    }
  }

  /// Below the rows: what is not in sight, how many are left, and how many that is in effect.
  private func drawTotals(
    _ bench: Bench, _ columns: [SamplingTable.Column], stages: [SamplingTable.Stage],
    _ layout: Layout, on canvas: inout Canvas
  ) {
    guard layout.totals.height == 3 else { return }
    let others = columns.map(\.others).max() ?? 0
    let titles = ["\(others) more", "kept", "effective"]
    for (line, title) in titles.enumerated() {
      canvas.write(Glyphs.fit(title, 11), in: layout.totals, line: line, column: 5)
    }
    for (k, column) in layout.columns.enumerated() {
      let rest = columns[k].rest
      let more = columns[k].others > 0 ? Numbers.fixed(Double(rest) / 1000, 3) : "  –"
      canvas.write(more, in: layout.totals, column: column.at)
      // Both end below the first decimal, so that units stand below units.
      let effective = Numbers.fixed(stages[k].effective, 1)
      for (line, text) in [(1, String(stages[k].kept)), (2, effective)] {
        let text = Glyphs.fit(text, 6, right: true)
        canvas.write(text, in: layout.totals, line: line, column: column.at - 2)
      }
    }
    if !layout.isNarrow {
      let note = "= exp(entropy) of the column"
      canvas.write(note, in: layout.totals, line: 2, column: layout.line.lowerBound, .dim)
    }
  }

  // MARK: - Takes

  private func drawTakesLine(_ bench: Bench, on canvas: inout Canvas, in line: Rect) {
    guard line.height > 0 else { return }
    let takes = bench.generate.takes.count
    var at = canvas.write("takes", in: line, .dim) + 2
    let width = max(24, (line.width - at) / takes)
    let fits = max(1, (line.width - at) / width)
    let first = max(0, min(bench.generate.current, takes - fits))
    for take in first..<min(takes, first + fits) {
      let label = bench.takeLabel(take)
      let note = bench.takeNote(take).map { " (\($0))" } ?? ""
      let room = width - label.count - note.count - 3
      let text = label + " " + bench.takeTail(take, width: room) + note
      canvas.write(Glyphs.fit(text, width - 1), in: line, column: at)
      at += width
    }
  }

  private func drawTakes(_ bench: Bench, on canvas: inout Canvas, in area: Rect, cursor: Int?) {
    canvas.write("takes", in: area, .title)
    let hint = cursor == nil ? "b chooses one" : "Enter goes on from one, b goes back"
    canvas.write(hint, in: area, column: 8, .dim)
    let body = area.split(top: 1).1
    let takes = bench.generate.takes.count
    let height = max(1, min(5, body.height / takes))
    for take in 0..<takes {
      let (_, rest) = body.split(top: take * height)
      let (label, text) = rest.split(top: height).0.split(left: 4)
      canvas.write(bench.takeLabel(take), in: label, .text, take == cursor ? .reverse : [])
      let note = bench.takeNote(take).map { "(\($0)) " } ?? ""
      let room = max(0, text.width * text.height - note.count - 4)
      var flow = TextFlow(note + bench.takeTail(take, width: room))
      flow.first = max(0, flow.lines(width: text.width) - text.height)
      canvas.draw(flow, in: text)
      if take == cursor { canvas.cursor = Position(label.row, label.column) }
    }
  }

  func drawLegend(_ bench: Bench, on canvas: inout Canvas, in line: Rect, of area: Rect) {
    var at = 0
    for (mark, meaning, ink) in [
      ("–", "is cut", Ink.text), ("┊", "is the draw", .boundary),
      (
        "", area.width < 72 ? "columns sum to 1" : "each column is renormalised and sums to 1",
        .text
      ),
    ] {
      if !mark.isEmpty { at += canvas.write(mark, in: line, column: at, ink) + 1 }
      at += canvas.write(meaning, in: line, column: at) + 4
    }
  }

  // MARK: - A pinned state beside this one

  func showsPinned(_ bench: Bench) -> Bool { bench.settings.difference && bench.pinned != nil }

  /// What the columns show: the first one, with a difference on, the pinned filters' last stage.
  private func tables(
    _ bench: Bench, _ table: SamplingTable, _ columns: [Column]
  ) -> [(table: SamplingTable, filter: SamplingTable.Filter)] {
    var shown = columns.map { (table: table, filter: $0.filter) }
    if showsPinned(bench), let filters = try? bench.pinned?.filters,
      let pinned = try? bench.generate.table(with: filters)
    {
      shown[0] = (pinned, .topP)
    }
    return shown
  }
}

extension GenerateView.Column {
  var title: String { Knob(filter)?.title ?? "model" }
}

/// A filter that can be turned.
enum Knob: String, CaseIterable {
  case temperature
  case topK = "top-k"
  case topP = "top-p"

  init?(_ filter: SamplingTable.Filter) { self.init(rawValue: filter.rawValue) }

  var title: String { self == .temperature ? "temp" : rawValue }

  func value(_ settings: Settings) -> String {
    switch self {
    case .temperature: Numbers.fixed(settings.temperature, 2)
    case .topK: settings.topK.map(String.init) ?? "off"
    case .topP: settings.topP.map { Numbers.fixed($0, 2) } ?? "off"
    }
  }

  /// What is to be said of a knob that does nothing.
  func note(_ bench: Bench) -> String {
    let settings = bench.settings
    let isOff =
      switch self {
      case .temperature: settings.temperature == 1
      case .topK: settings.topK.map { $0 >= bench.model?.vocabulary ?? .max } ?? true
      case .topP: (settings.topP ?? 1) == 1
      }
    let value = value(settings)
    return !isOff ? "" : value == "off" ? "\(title): off" : "\(title) \(value): off"
  }

  /// The command that turns it a step up or down; nil at its end.
  func turned(up: Bool, _ settings: Settings, vocabulary: Int) -> Command? {
    /// Twentieths, so that a step up and a step down meet again.
    func step(_ value: Double) -> Double {
      let steps = value * 20 + (up ? 1e-6 : -1e-6)
      return (steps.rounded(up ? .down : .up) + (up ? 1 : -1)) / 20
    }
    switch self {
    case .temperature:
      let value = step(settings.temperature)
      return value < 0 ? nil : Command(.temperature, "\(value)")
    case .topK:
      let steps = [1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 40, 50, 100].filter { $0 < vocabulary }
      guard let now = settings.topK else {
        return up ? nil : steps.last.map { Command(.topK, String($0)) }
      }
      guard up else { return steps.last { $0 < now }.map { Command(.topK, String($0)) } }
      return Command(.topK, steps.first { $0 > now }.map(String.init) ?? "off")
    case .topP:
      let value = step(settings.topP ?? 1)
      return value > 0 && value <= 1 ? Command(.topP, "\(value)") : nil
    }
  }
}
