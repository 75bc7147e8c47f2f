// Attention, one head and one step at a time: which step, the map, the cell under the cursor, and
// what that does to the prediction. The panes beside the map are in AttentionPanes.swift.

import Inspection
import Models
import Screen

package struct AttentionView: View {
  let name = ViewName.attention
  let panes = ["ledger", "what-if", "grid"]

  package init() {}

  /// Where things are drawn.
  struct Layout {
    var strip, head, caption, map, peaks, pane: Rect

    /// A narrow view has its pane in a few lines at the bottom, a low one no peaks.
    init(_ area: Rect) {
      let isNarrow = area.width < 72
      let body: Rect
      (strip, body) = area.split(top: 1)
      if isNarrow {
        let lines = body.height < 8 ? 0 : area.height < 18 ? 3 : 4
        (map, pane) = body.split(bottom: lines)
        (head, caption, peaks) = (strip.line(-1), strip.line(-1), strip.line(-1))
        return
      }
      let left: Rect
      (left, pane) = body.split(right: 32)
      let lines = left.split(right: 1).0
      (head, caption) = (lines.line(0), lines.line(1))
      (map, peaks) = lines.split(top: 2).1.split(bottom: area.height < 18 ? 0 : 2)
    }

    var isNarrow: Bool { head.isEmpty }
  }

  func status(_ bench: Bench) -> String { bench.modelAndPrompt }

  package func draw(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    let layout = Layout(area)
    guard let picture = bench.picture else {
      let text = bench.model == nil ? "no model is open" : "computing"
      canvas.write(text, in: area.line(area.height / 2), column: 1, .dim)
      return
    }
    drawStrip(bench, on: &canvas, in: layout)
    if !layout.isNarrow { drawHead(bench, picture, on: &canvas, layout) }
    if pane(bench) == "grid" {
      drawGrid(bench, picture, on: &canvas, in: layout.map)
    } else {
      drawMap(bench, picture, on: &canvas, in: layout.map)
    }
    drawPeaks(bench, picture, on: &canvas, in: layout.peaks)
    drawPane(bench, picture, on: &canvas, in: layout)
  }

  // MARK: - Which step

  /// The stages around the present one, as many as fit, and its number.
  private func drawStrip(_ bench: Bench, on canvas: inout Canvas, in layout: Layout) {
    let line = layout.strip
    let stages = bench.stages
    let here = stages.firstIndex(of: bench.settings.stage) ?? 0
    var column = 1
    if layout.isNarrow {
      let what = bench.model?.blt == nil ? "head" : "decoder"
      column += canvas.write("\(what) \(bench.settings.head)", in: line, column: 1, .title) + 3
    }
    let strip = StageStrip(
      names: stages.map(\.rawValue), here: here,
      borders: Set([Stage.qkv, .joined].compactMap { stages.firstIndex(of: $0) }))
    let right = layout.isNarrow ? line : line.split(right: 1).0
    canvas.draw(strip, in: right.split(left: column).1)
  }

  private func drawHead(
    _ bench: Bench, _ picture: AttentionPicture, on canvas: inout Canvas, _ layout: Layout
  ) {
    let (heads, shown) = (picture.snapshot.layout, picture.head)
    let shared =
      heads.keyHeads < heads.heads
      ? ", keys of \(shown.head / (heads.heads / heads.keyHeads))" : ""
    let (layers, all) = ("layers 0-\(picture.snapshot.layers - 1)", "heads 0-\(heads.heads - 1)")
    canvas.write(
      bench.model?.blt == nil
        ? "head \(shown) of \(layers), \(all)\(shared); \(heads.width) wide"
        : "decoder head \(shown) of \(layers), \(all)\(shared)",
      in: layout.head, column: 1, .title)
    canvas.write(caption(bench, picture), in: layout.caption, column: 1)
  }

  /// What the step does, in at most 46 columns.
  private func caption(_ bench: Bench, _ picture: AttentionPicture) -> String {
    if pane(bench) == "grid" {
      return "largest weight of row \(bench.cell(in: picture).row) in every head, %"
    }
    if let base = picture.base {
      let cell = bench.cell(in: picture)
      let number = picture.number(cell.row, cell.column).map {
        Numbers.fixed(Double($0), 3, plus: true)
      }
      return "this state less \(base.name): \(number ?? "hidden") here"
    }
    let (snapshot, head) = (picture.snapshot, picture.head)
    let width = snapshot.layout.width
    let sharpening = snapshot.sharpening(head.layer, head.head)
    let root = Numbers.short(Double(width).squareRoot(), 5)
    switch picture.stage {
    case .input: return "each token's vector, as the layer receives it"
    case .norm:
      let isRootMeanSquare = bench.model.map {
        $0.blt != nil || $0.configuration["rms_norm_eps"] != nil
      }
      return isRootMeanSquare == true
        ? "every vector: over its root mean square" : "every vector: mean 0, spread 1, rescaled"
    case .qkv, .queries, .keys, .values: return "three views: asks (q), offers (k), carries (v)"
    case .scores: return "q of the row times k of the column, summed"
    case .scaled where sharpening != 1:
      return "scores x \(Numbers.short(Double(sharpening), 6)) / \(root): sharpened, then scaled"
    case .scaled: return "scores / \(root), the root of the head's width \(width)"
    case .masked:
      return snapshot.mask(head.layer) == .full
        ? "no mask: every token reads all of them" : maskText(picture, isCaption: true)
    case .weights: return "exp, then divided by the row's sum: % of row"
    case .output: return "values mixed in these proportions"
    case .joined: return "all heads side by side, times one matrix"
    case .residual: return "added to what came in; on to the MLP"
    }
  }

  // MARK: - The map

  /// The map, ready to be drawn: what is in sight is computed, and nothing else.
  func map(_ bench: Bench, _ picture: AttentionPicture, in area: Rect) -> HeatMap {
    let labels = bench.attention.labels
    let isMap = picture.stage.isMap
    // Over a column of digits there is room for the last two of a number.
    let columns = isMap ? labels : (0..<picture.columns).map { String($0 % 100) }
    var map = HeatMap(rows: labels, columns: columns) { _, _ in nil }
    let zoom = bench.settings.zoom.flatMap(HeatMap.Zoom.init) ?? (isMap ? .digits : .pairs)
    map.zoom = zoom
    map.cursor = bench.cell(in: picture)
    if !isMap { map.axes = "a row a token, a column a number" }
    let shown = map.window(in: area)
    map.origin = Position(
      page(map.cursor?.row ?? 0, of: picture.rows, shown.rows.count),
      page(map.cursor?.column ?? 0, of: picture.columns, shown.columns.count))
    let survey =
      zoom == .blocks || picture.isSigned ? bench.attention.survey(of: picture) : nil
    if zoom == .blocks, let survey {
      map.blockValue = { rows, columns in
        func blocks(_ cells: Range<Int>) -> Range<Int> {
          cells.lowerBound / survey.block..<(cells.upperBound + survey.block - 1) / survey.block
        }
        return survey.largest(rows: blocks(rows), columns: blocks(columns)).map(Double.init)
      }
    } else if zoom == .blocks {
      map.blockValue = { _, _ in nil }
    }
    let window = map.window(in: area)
    let isInSight = zoom != .blocks
    let rows = isInSight ? window.rows.map { picture.row($0, columns: window.columns) } : []
    map.value = { row, column in
      guard window.rows.contains(row), window.columns.contains(column) else { return nil }
      return rows[row - window.rows.lowerBound][column - window.columns.lowerBound]
        .map(Double.init)
    }
    if picture.isSigned {
      // Until the engine has looked through a long prompt: of what is in sight.
      let largest = survey?.largest ?? rows.joined().reduce(0) { max($0, abs($1 ?? 0)) }
      map.scale = .signed(largest: picture.stage == .weights ? 1 : Double(largest))
    }
    return map
  }

  /// The first of `shown` lines so that the cursor is among them: pages that overlap, so that the
  /// map stands still while the cursor moves within one.
  private func page(_ cursor: Int, of count: Int, _ shown: Int) -> Int {
    guard shown < count else { return 0 }
    let margin = shown / 6
    let step = max(1, shown - 2 * margin)
    return max(0, min(count - shown, (cursor - margin) / step * step))
  }

  private func drawMap(
    _ bench: Bench, _ picture: AttentionPicture, on canvas: inout Canvas, in area: Rect
  ) {
    let map = map(bench, picture, in: area)
    if map.zoom == .blocks, bench.attention.survey(of: picture) == nil {
      canvas.write("computing", in: area.line(area.height / 2), column: 1, .dim)
      return
    }
    canvas.draw(map, in: area)
    if bench.isCovered, let cursor = canvas.cursor {
      let width = [2, 1, 2, 3][map.zoom.rawValue]
      let cell = Rect(row: cursor.row, column: cursor.column - width + 1, height: 1, width: width)
      canvas.fill(cell, " ", .masked, .reverse)
      canvas.put("?", cursor.row, cursor.column, in: area, .masked, .reverse)
    }
  }

  package func drawLegend(_ bench: Bench, on canvas: inout Canvas, in line: Rect, of area: Rect) {
    guard let picture = bench.picture else { return }
    let layout = Layout(area)
    let line = line.split(left: 1).1
    if pane(bench) == "grid" {
      canvas.write("a row a layer, a column a head     ▸  the head that is open", in: line)
      return
    }
    var map = map(bench, picture, in: layout.map)
    if layout.isNarrow { map.axes = "" }
    map.drawLegend(on: &canvas, in: line, of: layout.map)
    let mask = maskText(picture)
    let used = (0..<line.width).last { canvas[line.row, line.column + $0]?.glyph != " " } ?? 0
    if mask.count + used + 3 < line.width, picture.stage.isMap {
      canvas.write(right: mask, in: line.split(right: 1).0)
    }
  }

  /// The mask and what it saves, `mask causal hides 46 %, skips 31 % of blocks`; where it has just
  /// come down what it does, `mask causal hides 46 %: minus infinity`.
  func maskText(_ picture: AttentionPicture, isCaption: Bool = false) -> String {
    let facts = picture.snapshot.maskFacts(layer: picture.head.layer)
    func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }
    let name = "mask " + facts.name + (facts.isWhatIf && !isCaption ? " (what if)" : "")
    let hides = name + " hides " + percent(facts.hidden)
    if isCaption { return hides + ": minus infinity" }
    return hides + (facts.skipped > 0 ? ", skips \(percent(facts.skipped)) of blocks" : "")
  }

  // MARK: - The cursor

  func extent(_ bench: Bench) -> Size {
    guard let picture = bench.picture else { return Size(rows: bench.ids.count, columns: 1) }
    return Size(rows: picture.rows, columns: picture.columns)
  }

  /// A token: in a map as a column, which is read; else as a row.
  func find(_ text: String, _ bench: Bench) -> Position? {
    guard let picture = bench.picture, !text.isEmpty else { return nil }
    let (labels, cell) = (bench.attention.labels, bench.cell(in: picture))
    let here = picture.stage.isMap ? cell.column : cell.row
    let order = (1...labels.count).map { (here + $0) % labels.count }
    guard let found = order.first(where: { labels[$0].contains(text) }) else { return nil }
    return picture.stage.isMap
      ? Position(max(cell.row, found), found) : Position(found, cell.column)
  }

  func click(at place: Position, in area: Rect, _ bench: Bench) -> Action? {
    guard let picture = bench.picture else { return nil }
    let layout = Layout(area)
    guard pane(bench) != "grid" else {
      let cell = grid(bench, picture).cell(at: place, in: layout.map)
      return cell.map { .run(Command(.head, "\($0.row).\($0.column)")) }
    }
    return map(bench, picture, in: layout.map).cell(at: place, in: layout.map)
      .map { bench.cursor($0.row, $0.column) }
  }

  func explanation(_ bench: Bench) -> String {
    guard let picture = bench.picture else { return "no attention yet" }
    let (cell, labels) = (bench.cell(in: picture), bench.attention.labels)
    let number = picture.number(cell.row, cell.column)
    let value =
      bench.isCovered ? "?" : number.map { Numbers.fixed(Double($0), 3) } ?? "hidden by the mask"
    let row = "row \(cell.row) \"\(labels[cell.row])\""
    let what = picture.stage == .weights ? "weight" : picture.stage.rawValue
    return picture.stage.isMap
      ? "\(value): \(what) of \(row) on column \(cell.column) \"\(labels[cell.column])\""
      : "\(value): \(what) of \(row), number \(cell.column)"
  }
}
