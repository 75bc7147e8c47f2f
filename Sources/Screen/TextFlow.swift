/// Running text whose every span has its own ink, broken into lines, with patch starts marked.
public struct TextFlow: Widget {
  public struct Span: Sendable {
    public var text: String
    public var ink: Ink
    public var flags: Flags
    /// Whether a patch starts here: its first character is underlined, so that text never reflows.
    public var startsPatch: Bool

    public init(_ text: String, _ ink: Ink = .text, _ flags: Flags = [], startsPatch: Bool = false)
    {
      (self.text, self.ink, self.flags, self.startsPatch) = (text, ink, flags, startsPatch)
    }
  }
  public var spans: [Span]
  /// The first line in sight.
  public var first = 0
  /// The span in focus.
  public var cursor: Int?
  /// Whether lines break between words; else wherever they are full.
  public var keepsWords = false

  public init(_ spans: [Span]) { self.spans = spans }

  public init(_ text: String) { spans = [Span(text)] }

  /// A glyph in its place.
  public struct Placed {
    public var glyph: Glyph
    public var span: Int
    public var at: Position
    var startsPatch: Bool
  }

  /// Every glyph in its place when lines are `width` wide; a newline is seen and ends its line.
  public func layout(width: Int) -> [Placed] {
    guard width > 0 else { return [] }
    var (placed, at, word) = ([Placed](), Position(0, 0), 0)
    for (k, span) in spans.enumerated() {
      for (i, glyph) in Glyphs.split(span.text).enumerated() where glyph.width <= width {
        if at.column + glyph.width > width {
          let tail = placed.count - word
          at = Position(at.row + 1, 0)
          // Carry the word that was begun, unless it fills the line alone or this is its end.
          if keepsWords, glyph.text != " ", tail > 0, placed[word].at.column > 0 {
            for j in word..<placed.count {
              placed[j].at = at
              at.column += placed[j].glyph.width
            }
          } else if keepsWords, glyph.text == " " {
            word = placed.count
            continue
          }
        }
        placed.append(
          Placed(glyph: glyph, span: k, at: at, startsPatch: i == 0 && span.startsPatch))
        at.column += glyph.width
        if glyph.text == " " { word = placed.count }
        if glyph.text == "␊" { (at, word) = (Position(at.row + 1, 0), placed.count) }
      }
    }
    return placed
  }

  /// The number of lines that the text takes.
  public func lines(width: Int) -> Int { (layout(width: width).last?.at.row ?? -1) + 1 }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    for item in layout(width: area.width) {
      let line = item.at.row - first
      guard line >= 0 else { continue }
      guard line < area.height else { break }
      let (row, column) = (area.row + line, area.column + item.at.column)
      var flags = spans[item.span].flags
      if item.startsPatch { flags.insert(.underline) }
      if item.span == cursor {
        if canvas.cursor == nil { canvas.cursor = Position(row, column) }
        flags.insert(.reverse)
      }
      canvas.put(item.glyph, row, column, in: area, spans[item.span].ink, flags)
    }
  }
}
