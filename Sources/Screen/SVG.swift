/// A self-contained picture of a canvas: one drawing for papers, browsers and slides.
extension Canvas {
  /// The canvas as SVG in the colours of `look`; `title` names the picture for screen readers.
  public func svg(_ look: Look = .full, title: String = "") -> String {
    let ground = look.light ? "#ffffff" : "#121212"
    let ink = look.light ? "#1c1c1c" : "#e4e4e4"
    let (width, height) = (columns * 10, rows * 20)
    var body = ""
    for row in 0..<rows {
      var column = 0
      while column < columns {
        let first = cells[row * columns + column]
        let style = look.style(first)
        var (end, text) = (column, "")
        // A run of equal style is one rectangle and one text, so the file stays small.
        while end < columns, case let cell = cells[row * columns + end], look.style(cell) == style {
          text += look.glyph(cell)
          end += 1
        }
        var front = style.foreground < 0 ? ink : Look.hex(style.foreground)
        var back = style.background < 0 ? ground : Look.hex(style.background)
        if style.flags.contains(.reverse) { swap(&front, &back) }
        if back != ground {
          body += Canvas.rectangle(column * 10, row * 20, (end - column) * 10, 20, back)
        }
        body += runs(text, style, front, row, column)
        column = end
      }
    }
    let name = Canvas.escape(title)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" \
      width="\(width)" height="\(height)" role="img" aria-label="\(name)" \
      font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="16">
      <title>\(name)</title>
      \(Canvas.rectangle(0, 0, width, height, ground))\(body)</svg>

      """
  }

  /// Words as text, each set at its own column; what is drawn as shapes, which need no font.
  private func runs(
    _ text: String, _ style: Style, _ colour: String, _ row: Int, _ first: Int
  ) -> String {
    var (result, shapes, word, start, column) = ("", "", "", first, first)
    func flush() {
      guard !word.isEmpty else { return }
      result += "<text x=\"\(start * 10)\" y=\"\(row * 20 + 15)\" fill=\"\(colour)\""
      result += " textLength=\"\((column - start) * 10)\""
      if style.flags.contains(.bold) { result += " font-weight=\"bold\"" }
      if style.flags.contains(.underline) { result += " text-decoration=\"underline\"" }
      result += ">\(Canvas.escape(word))</text>\n"
      word = ""
    }
    for glyph in Glyphs.split(text) {
      let parts = Canvas.shape(glyph.text)
      if glyph.text == " " || !parts.isEmpty { flush() }
      for (left, top, width, height) in parts {
        let (x, y) = (Double(column * 10) + left, Double(row * 20) + top)
        shapes += "M\(x) \(y)h\(width)v\(height)h-\(width)z"
      }
      if parts.isEmpty, glyph.text != " " {
        if word.isEmpty { start = column }
        word += glyph.text
      }
      column += glyph.width
    }
    flush()
    if shapes.isEmpty { return result }
    return result
      + "<path fill=\"\(colour)\" shape-rendering=\"crispEdges\" d=\"\(shapes)\"/>\n"
  }

  /// Rectangles (left, top, width, height) that make up a drawing glyph in a cell of 10 by 20.
  private static func shape(_ glyph: String) -> [(Double, Double, Double, Double)] {
    guard let scalar = glyph.unicodeScalars.first?.value else { return [] }
    switch scalar {
    case 0x2580: return [(0, 0, 10, 10)]
    case 0x2581...0x2588:
      let height = Double(scalar - 0x2580) * 2.5
      return [(0, 20 - height, 10, height)]
    case 0x258C: return [(0, 0, 5, 20)]
    case 0x254C: return [(1, 9, 3, 1), (6, 9, 3, 1)]
    case 0x2801...0x28FF:
      return (0..<8).filter { scalar >> $0 & 1 == 1 }.map { bit in
        let (x, y) = bit < 6 ? (bit / 3, bit % 3) : (bit - 6, 3)
        return (Double(x * 5) + 1.5, Double(y * 5) + 1, 2, 2)
      }
    default: break
    }
    let arms: [Character: String] = [
      "─": "lr", "│": "ud", "┌": "rd", "┐": "ld", "└": "ur", "┘": "ul", "├": "udr", "┤": "udl",
      "┬": "lrd", "┴": "lru", "┼": "lrud",
    ]
    return (glyph.first.flatMap { arms[$0] } ?? "").map { arm in
      switch arm {
      case "l": (0, 9, 6, 1)
      case "r": (5, 9, 5, 1)
      case "u": (5, 0, 1, 10)
      default: (5, 9, 1, 11)
      }
    }
  }

  private static func rectangle(
    _ x: Int, _ y: Int, _ width: Int, _ height: Int, _ colour: String
  ) -> String {
    "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" fill=\"\(colour)\" "
      + "shape-rendering=\"crispEdges\"/>\n"
  }

  private static func escape(_ text: String) -> String {
    Glyphs.split(text).reduce(into: "") { result, glyph in
      switch glyph.text {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result += glyph.text
      }
    }
  }
}

extension Look {
  /// Colour `index` of the xterm palette as `#rrggbb`.
  public static func hex(_ index: Int) -> String {
    let system = [
      0x000000, 0xCD0000, 0x00CD00, 0xCDCD00, 0x0000EE, 0xCD00CD, 0x00CDCD, 0xE5E5E5,
      0x7F7F7F, 0xFF0000, 0x00FF00, 0xFFFF00, 0x5C5CFF, 0xFF00FF, 0x00FFFF, 0xFFFFFF,
    ]
    let value: Int
    switch index {
    case 0..<16: value = system[index]
    case 16..<232:
      let steps = [0, 95, 135, 175, 215, 255]
      let cube = index - 16
      value = steps[cube / 36] << 16 | steps[cube / 6 % 6] << 8 | steps[cube % 6]
    default: value = max(0, min(255, 8 + 10 * (index - 232))) * 0x010101
    }
    let digits = String(value, radix: 16)
    return "#" + String(repeating: "0", count: 6 - digits.count) + digits
  }
}
