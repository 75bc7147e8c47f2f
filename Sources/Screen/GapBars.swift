/// Bars that stand in the gaps between the characters of a text, over a threshold or not.
///
/// Columns of characters and of gaps alternate, so that a bar over the line becomes the boundary
/// under it. Nothing moves while the threshold does.
public struct GapBars: Widget {
  /// One rule's boundaries as a band under the text.
  public struct Ribbon: Sendable {
    public var name: String
    /// Whether a boundary stands after character k.
    public var boundaries: [Bool]
    public var mean: Double
    public var isChosen: Bool

    public init(_ name: String, _ boundaries: [Bool], mean: Double, isChosen: Bool = false) {
      (self.name, self.boundaries, self.mean, self.isChosen) = (name, boundaries, mean, isChosen)
    }
  }

  /// One glyph a character, and the value of the gap after it.
  public var characters: [String]
  public var values: [Double]
  public var boundaries: [Bool]
  public var threshold: Double
  public var unit = "nats"
  public var ribbons: [Ribbon] = []
  /// The character in focus; the view moves so that it is in sight.
  public var cursor: Int?
  public var first = 0
  /// The upper end of the scale; the largest finite value without one.
  public var top: Double?
  /// Whether a scale stands at the left and the names of what is drawn; else only the picture does.
  public var showsScale = true

  public init(characters: [String], values: [Double], boundaries: [Bool], threshold: Double) {
    (self.characters, self.values) = (characters, values)
    (self.boundaries, self.threshold) = (boundaries, threshold)
  }

  /// The characters in sight in `area`.
  public func window(in area: Rect) -> Range<Int> {
    scrolled(first, count: characters.count, shown: room(in: area), cursor: cursor)
  }

  /// How many characters have room in `area`.
  public func room(in area: Rect) -> Int {
    let (label, mean) = margins(area)
    return max(0, area.width - label - mean) / 2
  }

  /// The character that stands at a place of the canvas, or whose gap does.
  public func character(at place: Position, in area: Rect) -> Int? {
    let across = place.column - area.column - margins(area).label
    guard area.contains(place.row, place.column), across >= 0 else { return nil }
    let index = window(in: area).lowerBound + across / 2
    return window(in: area).contains(index) ? index : nil
  }

  /// The column of the canvas where a character stands; nil where it is out of sight.
  public func column(of k: Int, in area: Rect) -> Int? {
    let window = window(in: area)
    guard window.contains(k) else { return nil }
    return area.column + margins(area).label + (k - window.lowerBound) * 2
  }

  private func margins(_ area: Rect) -> (label: Int, mean: Int) {
    guard showsScale else { return (0, 0) }
    return area.width >= 72 ? (9, ribbons.isEmpty ? 0 : 7) : area.width >= 20 ? (7, 0) : (0, 0)
  }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    let window = window(in: area)
    let label = margins(area).label
    let (upper, bands) = area.split(bottom: min(ribbons.count, max(0, area.height - 4)))
    let (above, text) = upper.split(bottom: 1)
    let (header, bars) = above.split(top: showsScale && above.height > 2 ? 1 : 0)
    if label > 0 { canvas.write(unit, in: header, column: 1) }
    drawBars(on: &canvas, in: bars, window, label)
    drawText(on: &canvas, in: text, window, label)
    for (line, ribbon) in ribbons.prefix(bands.height).enumerated() {
      draw(ribbon, on: &canvas, in: bands.line(line), window, label)
    }
    if margins(area).mean > 0, !bands.isEmpty { canvas.write(right: "mean ", in: text) }
    guard let cursor, window.contains(cursor), !text.isEmpty else { return }
    let column = label + (cursor - window.lowerBound) * 2
    canvas.put("▾", header.row, area.column + column + 1, in: header, .boundary, .bold)
    canvas.mark(
      Rect(row: text.row, column: area.column + column, height: 1, width: 1), .reverse)
    canvas.cursor = Position(text.row, area.column + column)
  }

  // MARK: Bars

  private func drawBars(
    on canvas: inout Canvas, in area: Rect, _ window: Range<Int>, _ label: Int
  ) {
    guard !area.isEmpty else { return }
    let pitch = pitch(area.height)
    // The line that the threshold lies in; none for one that is no number or below zero.
    let isShown = threshold >= 0 && threshold.isFinite
    let crossing = isShown ? max(0, Int(min(threshold / pitch, 1e6).rounded(.up)) - 1) : -1
    for line in 0..<area.height {
      let level = area.height - 1 - line
      let row = area.line(line)
      let isThreshold = level == min(crossing, area.height - 1)
      if label > 0 {
        let value = isThreshold ? threshold : Double(level + 1) * pitch
        let text =
          isThreshold ? Numbers.fit(value, 4, decimals: 2) : Numbers.fit(value, 5, decimals: 1)
        canvas.write(Glyphs.fit(text, 6, right: true), in: row, .text, isThreshold ? .bold : [])
        if isThreshold { canvas.put("▸", row.row, row.column + 6, in: row, .boundary, .bold) }
      }
      if isThreshold {
        canvas.fill(row.split(left: label).1.split(left: window.count * 2).0, "╌", .boundary)
      }
      for (place, k) in window.enumerated() where k < values.count {
        let isOver = values[k] > threshold
        if isThreshold, !isOver { continue }
        guard let glyph = bar(values[k], level, pitch) else { continue }
        let column = row.column + label + place * 2 + 1
        let ink: Ink = values[k].isFinite ? (isOver ? .overThreshold : .text) : .warning
        canvas.put(glyph, row.row, column, in: row, ink)
      }
    }
  }

  /// The height of one line: a round number, the smallest under which everything fits.
  private func pitch(_ lines: Int) -> Double {
    let finite = values.filter(\.isFinite).max() ?? 0
    let high = max(top ?? finite, threshold.isFinite ? threshold : 0, 1e-6)
    let least = min(high, 1e300) / Double(lines)
    var power = 1.0
    while power * 10 <= least { power *= 10 }
    while power > least { power /= 10 }
    return ([1, 2, 2.5, 4, 5, 8].first { $0 * power >= least * 0.999999 } ?? 10) * power
  }

  /// The glyph of a bar of height `value` in line `level`, nil if the bar ends below it.
  private func bar(_ value: Double, _ level: Int, _ pitch: Double) -> String? {
    if value.isNaN { return level == 0 ? "?" : nil }
    if value == .infinity { return "█" }
    let rest = value / pitch - Double(level)
    var eighths = rest >= 1 ? 8 : rest <= 0 ? 0 : Int((rest * 8).rounded())
    if level == 0, value > 0 { eighths = max(1, eighths) }
    return eighths > 0 ? Bars.eighths[min(8, eighths)] : nil
  }

  // MARK: Text

  private func drawText(
    on canvas: inout Canvas, in line: Rect, _ window: Range<Int>, _ label: Int
  ) {
    if label > 0 { canvas.write("text", in: line, column: 1) }
    for (place, k) in window.enumerated() {
      let column = line.column + label + place * 2
      let startsPatch = k == 0 || (k - 1 < boundaries.count && boundaries[k - 1])
      if let glyph = Glyphs.split(characters[k]).first {
        canvas.put(glyph, line.row, column, in: line, .text, startsPatch ? .underline : [])
      }
      if k < boundaries.count, boundaries[k] {
        canvas.put("│", line.row, column + 1, in: line, .boundary)
      }
    }
  }

  private func draw(
    _ ribbon: Ribbon, on canvas: inout Canvas, in line: Rect, _ window: Range<Int>, _ label: Int
  ) {
    let flags: Flags = ribbon.isChosen ? .bold : []
    if label > 0 {
      if ribbon.isChosen { canvas.put("▸", line.row, line.column, in: line, .boundary, .bold) }
      canvas.write(Glyphs.fit(ribbon.name, label - 1), in: line, column: 1, .text, flags)
    }
    for (place, k) in window.enumerated() {
      let column = line.column + label + place * 2
      let isBoundary = k < ribbon.boundaries.count && ribbon.boundaries[k]
      canvas.put("─", line.row, column, in: line, .frame)
      canvas.put(
        isBoundary ? "│" : "─", line.row, column + 1, in: line, isBoundary ? .boundary : .frame)
    }
    if margins(line).mean > 0 {
      canvas.write(right: Numbers.fit(ribbon.mean, 5, decimals: 2) + " ", in: line)
    }
  }
}
