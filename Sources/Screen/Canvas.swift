/// A grid of cells that knows nothing about terminals.
///
/// Views draw on it, tests read it, a back end copies it to a terminal, a text or a picture.
public struct Canvas: Equatable, Sendable {
  public let rows, columns: Int
  public private(set) var cells: [Cell]
  /// Where the hardware cursor stands: the cell in focus.
  public var cursor: Position?

  /// A blank canvas; at most 2,000 cells each way.
  public init(rows: Int, columns: Int) {
    self.rows = max(0, min(2000, rows))
    self.columns = max(0, min(2000, columns))
    cells = Array(repeating: Cell(), count: self.rows * self.columns)
  }

  public var bounds: Rect { Rect(row: 0, column: 0, height: rows, width: columns) }

  /// The cell at a place of the canvas, nil outside.
  public subscript(row: Int, column: Int) -> Cell? {
    bounds.contains(row, column) ? cells[row * columns + column] : nil
  }

  /// Puts one glyph into `area`; one that does not fit wholly is left out.
  ///
  /// Half of a wide glyph is never left standing: what stays of it becomes blank.
  public mutating func put(
    _ glyph: Glyph, _ row: Int, _ column: Int, in area: Rect, _ ink: Ink = .text,
    _ flags: Flags = []
  ) {
    let last = column + glyph.width - 1
    guard bounds.contains(row, column), area.contains(row, column) else { return }
    guard bounds.contains(row, last), area.contains(row, last) else { return }
    let at = row * columns + column
    if cells[at].glyph.isEmpty { cells[at - 1].glyph = " " }
    if last + 1 < columns, cells[at + glyph.width].glyph.isEmpty {
      cells[at + glyph.width].glyph = " "
    }
    cells[at] = Cell(glyph.text, ink: ink, flags: flags)
    if glyph.width == 2 { cells[at + 1] = Cell("", ink: ink, flags: flags) }
  }

  /// Puts a glyph that is one column wide.
  public mutating func put(
    _ glyph: String, _ row: Int, _ column: Int, in area: Rect, _ ink: Ink = .text,
    _ flags: Flags = []
  ) {
    put(Glyph(glyph), row, column, in: area, ink, flags)
  }

  /// Writes one line of `area` from its column `column` on, cut at the right.
  ///
  /// - Returns: the columns that the text takes, cut or not.
  @discardableResult public mutating func write(
    _ text: some StringProtocol, in area: Rect, line: Int = 0, column: Int = 0, _ ink: Ink = .text,
    _ flags: Flags = []
  ) -> Int {
    var used = 0
    for glyph in Glyphs.split(text.prefix(8192)) {
      put(glyph, area.row + line, area.column + column + used, in: area, ink, flags)
      used += glyph.width
    }
    return used
  }

  /// Writes one line of `area` so that it ends at its right border.
  public mutating func write(
    right text: some StringProtocol, in area: Rect, line: Int = 0, _ ink: Ink = .text,
    _ flags: Flags = []
  ) {
    let column = max(0, area.width - Glyphs.width(text))
    write(text, in: area, line: line, column: column, ink, flags)
  }

  /// Fills `area` with one glyph.
  public mutating func fill(
    _ area: Rect, _ glyph: String = " ", _ ink: Ink = .text, _ flags: Flags = []
  ) {
    for row in max(0, area.row)..<max(0, area.row, min(rows, area.end)) {
      for column in max(0, area.column)..<max(0, area.column, min(columns, area.right)) {
        put(glyph, row, column, in: area, ink, flags)
      }
    }
  }

  /// Changes the stress of the cells of `area`, not what they show.
  public mutating func mark(_ area: Rect, _ flags: Flags, _ ink: Ink? = nil) {
    for row in max(0, area.row)..<max(0, area.row, min(rows, area.end)) {
      for column in max(0, area.column)..<max(0, area.column, min(columns, area.right)) {
        cells[row * columns + column].flags.formUnion(flags)
        if let ink { cells[row * columns + column].ink = ink }
      }
    }
  }

  /// Draws the border of `area` with a title in it.
  public mutating func box(_ area: Rect, title: String = "") {
    guard area.height >= 2, area.width >= 2 else { return }
    let bar = String(repeating: "─", count: area.width - 2)
    write("┌\(bar)┐", in: area, .frame)
    write("└\(bar)┘", in: area, line: area.height - 1, .frame)
    for row in area.row + 1..<area.end - 1 {
      put("│", row, area.column, in: area, .frame)
      put("│", row, area.right - 1, in: area, .frame)
    }
    guard !title.isEmpty else { return }
    write(" \(title) ", in: area.line(0).inset(rows: 0, columns: 2), .title, .bold)
  }

  /// The cells that differ from `shown`; all of them if that has another size.
  public func changes(from shown: Canvas?) -> [Position] {
    let comparable = shown?.rows == rows && shown?.columns == columns
    return cells.indices.compactMap { i in
      if comparable, shown?.cells[i] == cells[i] { return nil }
      return Position(i / columns, i % columns)
    }
  }

  /// The part of the canvas within `area`, as a canvas of its own.
  public func cut(_ area: Rect) -> Canvas {
    var part = Canvas(rows: area.height, columns: area.width)
    for row in 0..<part.rows {
      for column in 0..<part.columns {
        guard let cell = self[area.row + row, area.column + column] else { continue }
        part.cells[row * part.columns + column] = cell
      }
    }
    if let cursor, area.contains(cursor.row, cursor.column) {
      part.cursor = Position(cursor.row - area.row, cursor.column - area.column)
    }
    return part
  }

  /// The glyphs of a look without colour, a line a row, spaces at the end cut.
  public func text(_ look: Look = .full) -> String {
    let look = look.with(colour: false)
    return (0..<rows).map { row in
      var line = ""
      for cell in cells[row * columns..<(row + 1) * columns] { line += look.glyph(cell) }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}

/// Something that draws itself into any rectangle, from 0x0 up.
public protocol Widget {
  func draw(on canvas: inout Canvas, in area: Rect)
}

extension Canvas {
  public mutating func draw(_ widget: some Widget, in area: Rect) {
    widget.draw(on: &self, in: area)
  }
}
