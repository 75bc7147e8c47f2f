/// The row of tabs; the open one stands in brackets and in reverse.
public struct TabBar: Widget {
  public var tabs: [String]
  public var open: Int
  public var hint: String

  public init(_ tabs: [String], open: Int, hint: String = "? help") {
    (self.tabs, self.open, self.hint) = (tabs, open, hint)
  }

  /// The columns of each tab; without room only the open one keeps its name.
  public func places(width: Int) -> [Range<Int>] {
    let full = tabs.reduce(0) { $0 + Glyphs.width($1) + 3 } <= width - hint.count
    var start = 0
    return tabs.enumerated().map { k, name in
      let length = full || k == open ? Glyphs.width(name) : min(1, Glyphs.width(name))
      defer { start += length + (full ? 3 : 2) }
      return start..<start + length + 2
    }
  }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    for (k, place) in places(width: area.width).enumerated() {
      let name = Glyphs.fit(tabs[k], place.count - 2)
      let isOpen = k == open
      canvas.write(
        isOpen ? "[\(name)]" : " \(name) ", in: area, column: place.lowerBound, .title,
        isOpen ? .reverse : [])
    }
    let used = places(width: area.width).last?.upperBound ?? 0
    if used + hint.count <= area.width { canvas.write(right: hint, in: area) }
  }
}

/// The keys that matter here, most used first; those for which there is no room fall off.
public struct Footer: Widget {
  public var items: [(keys: String, verb: String)]

  public init(_ items: [(keys: String, verb: String)]) { self.items = items }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    var column = 0
    for item in items.prefix(7) {
      let width = Glyphs.width(item.keys) + 1 + Glyphs.width(item.verb)
      guard column + width <= area.width else { break }
      canvas.write(item.keys, in: area, column: column, .text, .bold)
      canvas.write(item.verb, in: area, column: column + width - Glyphs.width(item.verb))
      column += width + 2
    }
  }
}

/// A box over the middle of a view.
public struct Overlay: Widget {
  public var title: String
  public var lines: [TextFlow]
  /// The line at the bottom: what closes the box.
  public var footer: String

  public init(_ title: String, _ lines: [TextFlow], footer: String = "") {
    (self.title, self.lines, self.footer) = (title, lines, footer)
  }

  /// The box in `area`: wide enough for its lines, at most 72 columns.
  public func box(in area: Rect) -> Rect {
    let longest = lines.flatMap(\.spans).map { Glyphs.width($0.text) }.max() ?? 0
    let width = min(area.width, max(24, min(72, max(longest, Glyphs.width(title)) + 4)))
    let text = lines.reduce(0) { $0 + max(1, $1.lines(width: width - 4)) }
    let height = min(area.height, text + 2 + (footer.isEmpty ? 0 : 1))
    return Rect(
      row: area.row + (area.height - height) / 2, column: area.column + (area.width - width) / 2,
      height: height, width: width)
  }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    let box = box(in: area)
    canvas.fill(box)
    canvas.box(box, title: title)
    var (body, last) = box.inset(rows: 1, columns: 2).split(bottom: footer.isEmpty ? 0 : 1)
    canvas.write(right: footer, in: last, .dim)
    for flow in lines {
      (last, body) = body.split(top: max(1, flow.lines(width: body.width)))
      canvas.draw(flow, in: last)
    }
  }
}
