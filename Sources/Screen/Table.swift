/// Rows of text in aligned columns, numbers to the right.
public struct Table: Widget {
  public struct Column: Sendable {
    public var title: String
    public var isNumber: Bool
    /// A fixed width; as wide as its widest cell without one.
    public var width: Int?

    public init(_ title: String, isNumber: Bool = false, width: Int? = nil) {
      (self.title, self.isNumber, self.width) = (title, isNumber, width)
    }
  }
  public var columns: [Column]
  public var rows: [[String]]
  public var cursor: Int?
  /// The first row in sight; moved so that the cursor is.
  public var first = 0

  public init(_ columns: [Column], _ rows: [[String]]) {
    (self.columns, self.rows) = (columns, rows)
  }

  /// The rows in sight in `area`.
  public func window(in area: Rect) -> Range<Int> {
    scrolled(first, count: rows.count, shown: max(0, area.height - 1), cursor: cursor)
  }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    let widths = widths(in: area.width)
    func write(_ texts: [String], _ line: Int, _ ink: Ink, _ flags: Flags) {
      var start = 0
      for (k, column) in columns.enumerated() where k < texts.count && widths[k] > 0 {
        let text = Glyphs.fit(texts[k], widths[k], right: column.isNumber)
        canvas.write(text, in: area.line(line), column: start, ink, flags)
        start += widths[k] + 2
      }
    }
    write(columns.map(\.title), 0, .title, [])
    for (line, k) in window(in: area).enumerated() {
      write(rows[k], line + 1, .text, [])
      if k == cursor {
        canvas.mark(area.line(line + 1), .reverse)
        canvas.cursor = Position(area.row + line + 1, area.column)
      }
    }
  }

  /// The widths of the columns; where there is too little room the widest text gives first.
  private func widths(in total: Int) -> [Int] {
    var widths = columns.enumerated().map { k, column in
      column.width
        ?? rows.reduce(Glyphs.width(column.title)) {
          max($0, k < $1.count ? Glyphs.width($1[k]) : 0)
        }
    }
    var excess = widths.reduce(-2) { $0 + $1 + 2 } - total
    while excess > 0 {
      let texts = widths.indices.filter { !columns[$0].isNumber && widths[$0] > 4 }
      let all = widths.indices.filter { widths[$0] > 0 }
      guard let k = (texts.isEmpty ? all : texts).max(by: { widths[$0] < widths[$1] }) else {
        break
      }
      let cut = min(excess, texts.isEmpty ? widths[k] : widths[k] - 4)
      widths[k] -= cut
      excess -= cut
    }
    return widths
  }
}

/// The part of `count` lines that is shown from `first` on, moved so that the cursor is in it.
func scrolled(_ first: Int, count: Int, shown: Int, cursor: Int?) -> Range<Int> {
  var first = max(0, min(first, count - shown))
  if let cursor, cursor >= 0, cursor < count, shown > 0 {
    first = min(max(first, cursor - shown + 1), cursor)
  }
  return first..<min(count, first + max(0, shown))
}

/// An outline whose parts unfold.
public struct Tree: Widget {
  public enum State: Hashable, Sendable { case leaf, folded, unfolded }

  public struct Line: Hashable, Sendable {
    public var depth: Int
    public var state: State
    public var name: String
    /// What stands at the right: shapes and numbers.
    public var detail: String

    public init(_ depth: Int, _ state: State, _ name: String, _ detail: String = "") {
      (self.depth, self.state, self.name, self.detail) = (depth, state, name, detail)
    }
  }
  /// The lines that are unfolded now, in order.
  public var lines: [Line]
  public var cursor: Int?
  public var first = 0

  public init(_ lines: [Line]) { self.lines = lines }

  public func window(in area: Rect) -> Range<Int> {
    scrolled(first, count: lines.count, shown: area.height, cursor: cursor)
  }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    for (row, k) in window(in: area).enumerated() {
      let (line, item) = (area.line(row), lines[k])
      let detail = Glyphs.width(item.detail)
      let (left, right) = line.split(right: detail > 0 && detail + 8 < line.width ? detail + 1 : 0)
      let indent = max(0, min(item.depth, 32)) * 2
      let sign = item.state == .leaf ? " " : item.state == .folded ? "▸" : "▾"
      canvas.put(sign, left.row, left.column + indent, in: left, .frame)
      canvas.write(item.name, in: left, column: indent + 2, item.state == .leaf ? .text : .title)
      canvas.write(right: item.detail, in: right)
      if k == cursor {
        canvas.mark(line, .reverse)
        canvas.cursor = Position(line.row, line.column + min(indent, max(0, line.width - 1)))
      }
    }
  }
}
