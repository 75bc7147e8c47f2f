/// A map of numbers, rows by columns, with a strip of tokens on both sides.
///
/// Only what is in sight is asked for. Masked cells are blank, zero is a visible glyph.
public struct HeatMap: Widget {
  public enum Scale: Hashable, Sendable {
    /// 0 to 1 in five levels, shown in percent.
    case share
    /// Both signs, relative to the largest size.
    case signed(largest: Double)
  }
  public enum Zoom: Int, CaseIterable, Sendable {
    /// Blocks of tokens by their largest value, so that all fits.
    case blocks
    /// A column a token, two rows a line.
    case halves
    /// Two columns a token.
    case pairs
    /// Three columns a token, with digits.
    case digits
  }

  public var rows, columns: [String]
  /// The value at row, column; nil where masked.
  public var value: (Int, Int) -> Double?
  /// The largest value of a block, where it is known without looking at all of its cells.
  public var blockValue: ((_ rows: Range<Int>, _ columns: Range<Int>) -> Double?)?
  public var scale = Scale.share
  public var zoom = Zoom.digits
  /// How the legend says what rows and columns are; empty leaves it out.
  public var axes = "rows read, columns are read"
  /// The cell in focus.
  public var cursor: Position?
  /// The first row and column in sight.
  public var origin = Position(0, 0)
  /// Whether rows have their number before their name.
  public var numbersRows = true
  /// How many numbers a row and a column stand for, where the map itself is one of blocks.
  public var unit = Size(rows: 1, columns: 1)

  public init(
    rows: [String], columns: [String], value: @escaping (Int, Int) -> Double?
  ) {
    (self.rows, self.columns, self.value) = (rows, columns, value)
  }

  /// What of the map is in sight in an area, for panning and for computing no more than that.
  public struct Window: Hashable, Sendable {
    public var rows, columns: Range<Int>
    /// Tokens a side of one cell.
    public var block: Int
    var label, cell: Int
  }

  /// The columns of the largest number of a row.
  private var indexWidth: Int {
    !numbersRows ? 0 : max(2, String(max(0, rows.count - 1) * unit.rows).count)
  }

  /// The part of the map that `area` shows, moved so that the cursor is in it.
  public func window(in area: Rect) -> Window {
    let name = rows.allSatisfy(\.isEmpty) ? 0 : zoom == .digits ? 5 : 6
    let cell = [2, 1, 2, 3][zoom.rawValue]
    // A narrow area first loses the tokens' names, then their numbers.
    let label =
      [indexWidth + 1 + name + (zoom == .digits ? 0 : 1), indexWidth + 1, 0].first {
        area.width >= $0 + 6 * cell || $0 == 0
      } ?? 0
    let lines = max(0, area.height - 1)
    let across = max(0, area.width - label) / cell
    guard lines > 0, across > 0 else {
      return Window(rows: 0..<0, columns: 0..<0, block: 1, label: label, cell: cell)
    }
    if zoom == .blocks {
      var block = 1
      while block * lines < rows.count || block * across < columns.count {
        block *= 2
      }
      return Window(
        rows: 0..<rows.count, columns: 0..<columns.count, block: block, label: label, cell: cell)
    }
    let down = zoom == .halves ? lines * 2 : lines
    return Window(
      rows: scrolled(origin.row, count: rows.count, shown: down, cursor: cursor?.row),
      columns: scrolled(origin.column, count: columns.count, shown: across, cursor: cursor?.column),
      block: 1,
      label: label, cell: cell)
  }

  /// The row and column of the map that stand at a place of the canvas: what a click means.
  public func cell(at place: Position, in area: Rect) -> Position? {
    let window = window(in: area)
    let (line, across) = (place.row - area.row - 1, place.column - area.column - window.label)
    guard area.contains(place.row, place.column), line >= 0, across >= 0 else { return nil }
    let row = window.rows.lowerBound + line * (zoom == .halves ? 2 : window.block)
    let column = window.columns.lowerBound + across / window.cell * window.block
    guard window.rows.contains(row), window.columns.contains(column) else { return nil }
    return Position(row, column)
  }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    let window = window(in: area)
    drawHeader(on: &canvas, in: area, window)
    let step = zoom == .halves ? 2 : window.block
    for (line, row) in stride(from: window.rows.lowerBound, to: window.rows.upperBound, by: step)
      .enumerated() where line + 1 < area.height
    {
      drawLabel(of: row, on: &canvas, in: area.line(line + 1), window)
      let columns = stride(
        from: window.columns.lowerBound, to: window.columns.upperBound, by: window.block)
      for (place, column) in columns.enumerated() {
        let at = area.column + window.label + place * window.cell
        let cell = Rect(row: area.row + line + 1, column: at, height: 1, width: window.cell)
        draw(row, column, step, on: &canvas, in: cell, within: area, window)
      }
    }
  }

  // MARK: Cells

  private func draw(
    _ row: Int, _ column: Int, _ step: Int, on canvas: inout Canvas, in cell: Rect,
    within area: Rect, _ window: Window
  ) {
    let across = max(1, window.block)
    let isFocus = cursor.map {
      (row..<row + step).contains($0.row) && (column..<column + across).contains($0.column)
    }
    if zoom == .halves {
      let lower = row + 1 < window.rows.upperBound ? shade(value(row + 1, column)) : .blank
      let ink = Ink.halves(upper: shade(value(row, column)), lower: lower)
      canvas.put(" ", cell.row, cell.column, in: area, ink)
    } else {
      let value = zoom == .blocks ? largest(row, column, window.block) : value(row, column)
      let (text, flags) = glyphs(value, width: window.cell)
      let ink: Ink = value.map { $0.isFinite ? .shade(shade($0)) : .warning } ?? .masked
      for (i, glyph) in Glyphs.split(text).enumerated() {
        canvas.put(glyph, cell.row, cell.column + i, in: area, ink, flags)
      }
      if isFocus == true, zoom == .digits, text.hasPrefix(" ") {
        canvas.put("▸", cell.row, cell.column, in: area, ink, flags)
      }
    }
    guard isFocus == true, area.contains(cell.row, cell.column) else { return }
    canvas.mark(cell, .reverse)
    canvas.cursor = Position(cell.row, cell.column + cell.width - 1)
  }

  private func shade(_ value: Double?) -> Shade {
    guard let value else { return .blank }
    switch scale {
    case .share: return .share(value)
    case .signed(let largest): return .signed(value, of: largest)
    }
  }

  /// What stands in a cell of two or three columns.
  private func glyphs(_ value: Double?, width: Int) -> (String, Flags) {
    guard let value else { return (String(repeating: " ", count: width), []) }
    func right(_ text: String) -> String {
      String(repeating: " ", count: max(0, width - text.count)) + text
    }
    guard value.isFinite else { return (right(value.isNaN ? "?" : value < 0 ? "-∞" : "+∞"), []) }
    switch scale {
    case .share where zoom != .digits:
      return (String(repeating: Look.shading, count: width), [])
    case .share:
      let percent = Int((max(0, min(1, value)) * 100).rounded())
      return (right(percent == 0 ? "·" : String(percent)), [])
    case .signed(let largest):
      let tenths = max(-9, min(9, Shade.tenths(value, of: largest)))
      let text = tenths == 0 ? "0" : tenths < 0 ? String(tenths) : "+\(tenths)"
      return (right(text), zoom == .digits ? [] : .standIn)
    }
  }

  /// The largest value of a block, by size on a signed map; nil if all of it is masked.
  private func largest(_ row: Int, _ column: Int, _ block: Int) -> Double? {
    var best: Double?
    let (down, across) = (
      row..<min(rows.count, row + block), column..<min(columns.count, column + block)
    )
    if let blockValue { return blockValue(down, across) }
    for r in down {
      for c in across {
        guard let value = value(r, c) else { continue }
        if value.isNaN { return value }
        if best.map({ value.magnitude > $0.magnitude }) ?? true { best = value }
      }
    }
    return best
  }

  // MARK: Strips

  private func drawHeader(on canvas: inout Canvas, in area: Rect, _ window: Window) {
    let line = area.line(0)
    if zoom == .digits {
      for (place, column) in window.columns.enumerated() {
        let isFocus = cursor?.column == column
        canvas.write(
          Glyphs.fit(columns[column], 2), in: line, column: window.label + place * 3 + 1,
          .token(column), isFocus ? .bold : [])
      }
      return
    }
    // Too narrow for names: the number of every tenth column or so.
    let every = zoom == .pairs ? 5 : 10
    let cells = (window.columns.count + window.block - 1) / max(1, window.block)
    for place in stride(from: 0, to: cells, by: every) {
      let number = String((window.columns.lowerBound + place * window.block) * unit.columns)
      let column = window.label + place * window.cell
      if column + number.count <= line.width { canvas.write(number, in: line, column: column) }
    }
  }

  private func drawLabel(of row: Int, on canvas: inout Canvas, in line: Rect, _ window: Window) {
    guard window.label > 0 else { return }
    let index = indexWidth
    let focus = cursor.map { (row..<row + max(1, window.block)).contains($0.row) } ?? false
    let flags: Flags = focus ? .bold : []
    if numbersRows {
      canvas.write(Glyphs.fit(String(row * unit.rows), index, right: true), in: line, .text, flags)
    }
    let name = Glyphs.fit(rows[row], max(0, window.label - index - 1 - (zoom == .digits ? 0 : 1)))
    canvas.write(name, in: line, column: index + 1, .token(row), flags)
  }

  // MARK: Legend

  /// Draws the legend of the map in `area` into one line: what its shades and cells mean.
  public func drawLegend(on canvas: inout Canvas, in line: Rect, of area: Rect) {
    let block = window(in: area).block
    let cell =
      block > 1 ? "1 cell = \(block)x\(block) tokens, largest" : axes
    var column = cell.isEmpty ? 0 : canvas.write(cell, in: line) + 5
    switch scale {
    case .share where zoom == .digits:
      canvas.write("·  under 0.5 %   blank  masked   ▸  cursor", in: line, column: column)
    case .share:
      for (level, name) in ["<4 ", "<16 ", "<36 ", "<64 ", "more %"].enumerated() {
        column += swatch(.level(level), on: &canvas, in: line, column)
        column += canvas.write(" " + name, in: line, column: column)
      }
    case .signed(let largest):
      for level in -4...4 { column += swatch(.signed(level), on: &canvas, in: line, column) }
      let size = Numbers.short(largest, 8)
      canvas.write(" -\(size) to +\(size)", in: line, column: column)
    }
  }

  private func swatch(
    _ ink: Ink, on canvas: inout Canvas, in line: Rect, _ column: Int
  ) -> Int {
    canvas.put(Look.shading, line.row, line.column + column, in: line, ink)
    return 1
  }
}
