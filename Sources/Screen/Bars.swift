/// Named values as horizontal bars, a line each, with an optional threshold.
public struct Bars: Widget {
  public struct Item: Hashable, Sendable {
    public var name: String
    public var value: Double
    /// The value as it is to be read.
    public var text: String
    public init(_ name: String, _ value: Double, _ text: String) {
      (self.name, self.value, self.text) = (name, value, text)
    }
  }
  public var items: [Item]
  /// The value of a full bar; the largest finite one without it.
  public var full: Double?
  public var threshold: Double?

  public init(_ items: [Item], full: Double? = nil, threshold: Double? = nil) {
    (self.items, self.full, self.threshold) = (items, full, threshold)
  }

  static let eighths = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// A bar of `share` of `width` columns, to half a column; what is above zero is seen.
  static func bar(_ share: Double, _ width: Int) -> String {
    guard !share.isNaN else { return "?" }
    let halves = Int((max(0, min(1, share)) * Double(width * 2)).rounded())
    let shown = share > 0 ? max(1, halves) : 0
    return String(repeating: "█", count: shown / 2) + (shown % 2 == 1 ? "▌" : "")
  }

  private var largest: Double {
    full ?? items.map(\.value).filter(\.isFinite).max() ?? 0
  }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    let name = min(area.width / 2, items.map { Glyphs.width($0.name) }.max() ?? 0)
    let number = items.map { Glyphs.width($0.text) }.max() ?? 0
    let used = name + number + 2
    let width = max(0, area.width - used)
    for (line, item) in items.prefix(area.height).enumerated() {
      let row = area.line(line)
      canvas.write(Glyphs.fit(item.name, name), in: row)
      canvas.write(Glyphs.fit(item.text, number, right: true), in: row, column: name + 1)
      let isOver = threshold.map { item.value > $0 } ?? false
      let share = largest > 0 ? item.value / largest : 0
      canvas.write(
        Bars.bar(share, width), in: row, column: used, isOver ? .overThreshold : .series(0))
      guard let threshold, largest > 0, width > 0, threshold / largest <= 1 else { continue }
      let column = Int((max(0, threshold / largest) * Double(width - 1)).rounded())
      canvas.put("│", row.row, row.column + used + column, in: row, .boundary)
    }
  }

  /// Draws all items into one line: `1 #  2-3 #  4-7 ####`.
  public func drawLine(on canvas: inout Canvas, in line: Rect) {
    let names = items.reduce(0) { $0 + Glyphs.width($1.name) + 3 }
    let total = items.map(\.value).filter { $0.isFinite && $0 > 0 }.reduce(0, +)
    // One column stands for one, unless that is too much.
    let width = min(max(0, line.width - names), Int(min(total, 1e6)))
    var column = 0
    for item in items {
      column += canvas.write(item.name, in: line, column: column) + 1
      let bar = Bars.bar(total > 0 ? item.value / total : 0, width)
      column += canvas.write(bar, in: line, column: column, .series(0)) + 2
    }
  }
}
