// The model as a tree of its parts, any weight as a map or a histogram, and what it all costs.

import Files
import Inspection
import Screen

struct ModelView: View {
  let name = ViewName.model
  let panes = ["map", "histogram", "cost", "configuration"]

  /// A BLT has stages beside its weights.
  func panes(_ bench: Bench) -> [String] {
    bench.model?.blt == nil ? panes : ["stages"] + panes
  }

  let focuses = ["tree", "weight"]

  func status(_ bench: Bench) -> String {
    guard let model = bench.model, let costs = bench.costs else { return "no model is open" }
    if pane(bench) == "stages" { return stagesStatus(bench, model) }
    return "\(model.title) \(ModelFacts.size(model.parameters))   \(model.parts.count) weights, "
      + "\(Numbers.grouped(model.parameters)) numbers   "
      + (model.blt == nil ? "token \(max(1, bench.ids.count))" : "a byte") + " takes "
      + "\(Self.amount(costs.parts[0].flops))FLOP"
  }

  func state(_ bench: Bench) -> String? {
    guard pane(bench) == "stages", bench.pending == 0, let stages = bench.parts.stages else {
      return nil
    }
    return "byte \(bench.stageByte(in: stages))"
  }

  func extent(_ bench: Bench) -> Size {
    if pane(bench) == "stages" {
      return Size(rows: max(1, (bench.parts.stages?.ids.count ?? 1) - 1), columns: 1)
    }
    let cells = bench.chosenWeight.map { $0.rows * $0.columns } ?? 1
    return Size(rows: bench.costs?.parts.count ?? 1, columns: max(1, cells))
  }

  // MARK: - Places

  /// Where everything stands in an area.
  struct Layout {
    var tree, weight, side: Rect

    init(_ area: Rect) {
      let none = area.split(top: 0).0
      switch area.width {
      case ..<72:
        (tree, weight) = area.split(bottom: area.height >= 12 ? 4 : 0)
        side = none
      case ..<118:
        (tree, weight) = area.split(left: 46)
        weight = weight.split(left: 2).1
        side = none
      default:
        let (left, right) = area.split(right: max(42, min(58, area.width / 3)))
        (tree, weight) = left.split(left: max(44, min(58, left.width / 2)))
        weight = weight.inset(rows: 0, columns: 2)
        side = right
      }
    }

    /// Name and numbers of a weight, then its picture.
    var facts: (Rect, Rect) { weight.split(top: 4) }
  }

  /// The picture at the right: `v` chooses it, and where costs have a place of their own they are
  /// not shown twice.
  func picture(_ bench: Bench, _ layout: Layout) -> String {
    let pane = pane(bench)
    return layout.side.isEmpty || ["map", "histogram"].contains(pane) ? pane : "map"
  }

  // MARK: - Drawing

  func draw(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    guard let model = bench.model, let costs = bench.costs else {
      canvas.write("No model is open: type :model and a name.", in: area, .dim)
      return
    }
    if pane(bench) == "stages" { return drawStages(bench, on: &canvas, in: area) }
    let layout = Layout(area)
    drawTree(bench, costs, on: &canvas, in: layout.tree)
    switch picture(bench, layout) {
    case "cost": drawCosts(bench, costs, on: &canvas, in: layout.weight)
    case "configuration": drawConfiguration(model, on: &canvas, in: layout.weight)
    case let kind: drawPart(bench, costs, kind, on: &canvas, layout)
    }
    guard !layout.side.isEmpty else { return }
    let rows = costs.kinds.count + bench.masks.count + 6
    let (upper, lower) = layout.side.split(top: min(layout.side.height, rows))
    drawCosts(bench, costs, on: &canvas, in: upper)
    drawConfiguration(model, on: &canvas, in: lower)
  }

  private func drawTree(_ bench: Bench, _ costs: ModelCosts, on canvas: inout Canvas, in area: Rect)
  {
    let (head, body) = area.split(top: 1)
    canvas.write("part", in: head, column: 2, .title)
    canvas.write(right: "shape  numbers compute", in: head, .title)
    let cursor = bench.part(in: costs)
    let shown = costs.visible(from: cursor)
    let open = Set(shown.compactMap { costs.parts[$0].parent })
    var tree = Tree(
      shown.map { place in
        let part = costs.parts[place]
        let detail =
          Glyphs.fit(part.shape.map(Self.sizes) ?? "", 10, right: true)
          + Glyphs.fit(Self.count(part.parameters), 8, right: true)
          + Glyphs.fit(Self.percent(part.flops, of: costs.parts[0].flops), 8, right: true)
        return Tree.Line(
          max(0, part.depth - 1),
          !part.isGroup ? .leaf : open.contains(place) ? .unfolded : .folded,
          part.name, detail)
      })
    tree.cursor = shown.firstIndex(of: cursor)
    let spot = canvas.cursor
    canvas.draw(tree, in: body)
    if focus(bench) != "tree" { canvas.cursor = spot }
  }

  private func drawPart(
    _ bench: Bench, _ costs: ModelCosts, _ kind: String, on canvas: inout Canvas, _ layout: Layout
  ) {
    let part = costs.parts[bench.part(in: costs)]
    let (facts, body) = layout.facts
    let title = part.path.isEmpty ? part.name : part.path
    canvas.write(title, in: facts, .title)
    guard part.weight != nil else {
      drawGroup(part, costs, on: &canvas, facts, body)
      return
    }
    guard let weight = bench.chosenWeight else {
      canvas.write("being read", in: facts, line: 1, .dim)
      return
    }
    let number = { Glyphs.fit(Numbers.fit($0, 8, decimals: 4), 8, right: true) }
    let rows = [
      "\(Self.sizes(weight.shape))   \(Numbers.grouped(part.parameters)) numbers",
      "min \(number(weight.minimum))   mean \(number(weight.mean))",
      "max \(number(weight.maximum))   std  \(number(weight.deviation))",
    ]
    for (line, text) in rows.enumerated() { canvas.write(text, in: facts, line: line + 1) }
    if weight.others > 0 {
      canvas.write(
        right: "\(Numbers.grouped(weight.others)) not finite", in: facts, line: 1, .warning, .bold)
    }
    if kind == "histogram" {
      let histogram = Histogram(
        counts: weight.counts, low: weight.minimum, high: weight.maximum, others: weight.others)
      canvas.draw(histogram, in: body)
    } else {
      canvas.draw(map(of: weight, bench, in: body), in: body)
    }
  }

  /// The parts of a group by what they compute.
  private func drawGroup(
    _ part: ModelCosts.Part, _ costs: ModelCosts, on canvas: inout Canvas, _ facts: Rect,
    _ body: Rect
  ) {
    let whole = costs.parts[0]
    let rows = [
      "\(Numbers.grouped(part.parameters)) numbers, "
        + Self.percent(part.parameters, of: whole.parameters),
      "\(Self.amount(part.flops))FLOP a token, " + Self.percent(part.flops, of: whole.flops),
    ]
    for (line, text) in rows.enumerated() { canvas.write(text, in: facts, line: line + 1) }
    let place = costs.parts.firstIndex(of: part)
    var items = costs.parts.filter { $0.parent == place }.map { child in
      Bars.Item(child.name, Double(child.flops), Self.percent(child.flops, of: whole.flops))
    }
    if part.attention > 0 {
      items.append(
        Bars.Item(
          "q.k w.v", Double(part.attention), Self.percent(part.attention, of: whole.flops)))
    }
    canvas.draw(Bars(items), in: body)
  }

  /// The map of a weight: all of it in blocks as small as the area lets them be, or zoomed in.
  func map(of weight: WeightFacts, _ bench: Bench, in area: Rect) -> HeatMap {
    func map(_ tall: Int, _ wide: Int) -> HeatMap {
      let rows = (weight.rows + tall - 1) / tall
      let columns = (weight.columns + wide - 1) / wide
      var map = HeatMap(
        rows: Array(repeating: "", count: rows),
        columns: (0..<columns).map { String($0 * wide * weight.blockColumns % 100) }
      ) { weight.largest(rows: $0 * tall..<($0 + 1) * tall, columns: $1 * wide..<($1 + 1) * wide) }
      map.scale = .signed(largest: weight.largest)
      map.unit = Size(rows: weight.blockRows * tall, columns: weight.blockColumns * wide)
      map.zoom = HeatMap.Zoom(rawValue: max(1, bench.settings.zoom ?? 0)) ?? .halves
      if focus(bench) == "weight" {
        let cell = cell(bench, weight)
        map.cursor = Position(cell.row / tall, cell.column / wide)
      }
      return map
    }
    var (tall, wide) = (1, 1)
    guard (bench.settings.zoom ?? 0) == 0 else { return map(1, 1) }
    while case let window = map(tall, wide).window(in: area), !window.rows.isEmpty {
      let isTall = window.rows.count * tall < weight.rows
      let isWide = window.columns.count * wide < weight.columns
      guard isTall || isWide else { break }
      if isTall { tall *= 2 }
      if isWide { wide *= 2 }
    }
    return map(tall, wide)
  }

  /// The cell of the map that the cursor stands on.
  private func cell(_ bench: Bench, _ weight: WeightFacts) -> Position {
    let place = max(0, min(weight.cells.count - 1, bench.settings.cursors[name]?.column ?? 0))
    return Position(place / max(1, weight.columns), place % max(1, weight.columns))
  }

  /// What the parts cost, and what masks save.
  private func drawCosts(
    _ bench: Bench, _ costs: ModelCosts, on canvas: inout Canvas, in area: Rect
  ) {
    let whole = costs.parts[0]
    var rows = costs.kinds.map { ($0.name, $0.parameters, $0.flops) }
    rows.append(("all", whole.parameters, whole.flops))
    var columns = [
      Table.Column("part"), Table.Column("numbers", isNumber: true, width: 7),
      Table.Column("FLOP", isNumber: true, width: 7),
      Table.Column("share", isNumber: true, width: 7),
    ]
    var cells = rows.map { name, parameters, flops in
      [
        name, Self.count(parameters), Self.amount(flops), Self.percent(flops, of: whole.flops),
      ]
    }
    if area.width < 42 {
      columns.remove(at: 1)
      for row in cells.indices { cells[row].remove(at: 1) }
    }
    canvas.draw(Table(columns, cells), in: area)
    drawMasks(bench.masks, on: &canvas, in: area.split(top: cells.count + 2).1)
  }

  /// The masks by name, the share of pairs that they hide, and of blocks that cost nothing.
  func drawMasks(
    _ masks: [(part: String, facts: MaskFacts)], on canvas: inout Canvas, in area: Rect
  ) {
    guard !masks.isEmpty, area.height > 1 else { return }
    func line(_ texts: [String]) -> String {
      Glyphs.fit(texts[0], 8) + Glyphs.fit(texts[1], 13) + Glyphs.fit(texts[2], 5, right: true)
        + Glyphs.fit(texts[3], 6, right: true)
    }
    func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
    canvas.write(line(["mask", "", "hides", "skips"]), in: area, .title)
    for (row, mask) in masks.enumerated() where row + 1 < area.height {
      let facts = mask.facts
      canvas.write(
        line([mask.part, facts.name, percent(facts.hidden), percent(facts.skipped)]), in: area,
        line: row + 1)
    }
    canvas.write(
      "skips: blocks of 16 x 16 pairs", in: area, line: masks.count + 1, .dim)
  }

  private func drawConfiguration(_ model: ModelFacts, on canvas: inout Canvas, in area: Rect) {
    let keys = (model.configuration.object ?? [:]).sorted { $0.key < $1.key }
    canvas.write("configuration", in: area, .title)
    for (line, (key, value)) in keys.enumerated() {
      let row = area.split(top: 1).1.line(line)
      let used = canvas.write(Glyphs.fit(key, 20), in: row)
      canvas.write(value.text(), in: row, column: used + 1)
    }
  }

  func drawLegend(_ bench: Bench, on canvas: inout Canvas, in line: Rect, of area: Rect) {
    if pane(bench) == "stages" { return drawStagesLegend(bench, on: &canvas, in: line) }
    let layout = Layout(area)
    let kind = picture(bench, layout)
    guard let weight = bench.chosenWeight, area.width >= 72, ["map", "histogram"].contains(kind)
    else {
      canvas.write(
        "compute: share of the FLOP of " + (bench.model?.blt == nil ? "the last token" : "a byte"),
        in: line)
      return
    }
    guard kind == "map" else {
      canvas.write("64 equal bins from the least to the largest number", in: line)
      return
    }
    let unit = map(of: weight, bench, in: layout.facts.1).unit
    let size = "\(unit.rows)x\(unit.columns)"
    var at = canvas.write(
      size == "1x1" ? "1 cell = 1 number" : "1 cell = \(size) numbers, the largest", in: line)
    at += 3
    for level in -4...4 {
      canvas.put(Look.shading, line.row, line.column + at, in: line, .signed(level))
      at += 1
    }
    let largest = Numbers.short(weight.largest, 8)
    at += canvas.write(" -\(largest) to +\(largest)", in: line, column: at) + 3
    if focus(bench) == "weight" { canvas.write(value(bench, weight), in: line, column: at) }
  }

  /// The number under the cursor, and where it is.
  func value(_ bench: Bench, _ weight: WeightFacts) -> String {
    let cell = cell(bench, weight)
    func place(_ index: Int, _ block: Int, _ name: String) -> String {
      block == 1
        ? "\(name) \(index)" : "\(name)s \(index * block)-\((index + 1) * block - 1)"
    }
    return place(cell.row, weight.blockRows, "row") + ", "
      + place(cell.column, weight.blockColumns, "column") + ": "
      + Numbers.fit(Double(weight[cell.row, cell.column]), 9, decimals: 5)
  }

  // MARK: - Numbers

  static func sizes(_ shape: [Int]) -> String { shape.map { String($0) }.joined(separator: "x") }

  /// A count in seven columns.
  static func count(_ count: Int) -> String {
    count < 1_000_000
      ? Numbers.grouped(count)
      : count < 1_000_000_000
        ? Numbers.fixed(Double(count) / 1e6, 1) + " M"
        : Numbers.fixed(Double(count) / 1e9, 2) + " G"
  }

  /// An amount with its power of a thousand in front of a unit: `27.6 K`.
  static func amount(_ amount: Int) -> String {
    let value = Double(amount)
    let (divisor, prefix) =
      [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")]
      .first { value >= $0.0 } ?? (1, "")
    return Numbers.fixed(value / divisor, divisor == 1 ? 0 : 1) + " " + prefix
  }

  static func percent(_ part: Int, of whole: Int) -> String {
    Numbers.fixed(whole > 0 ? 100 * Double(part) / Double(whole) : 0, 1) + " %"
  }
}
