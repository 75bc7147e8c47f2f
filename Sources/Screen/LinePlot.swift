/// Curves over a common axis: braille in the full look, each curve's own mark elsewhere.
public struct LinePlot: Widget {
  public struct Series: Sendable {
    public var name: String
    public var points: [(x: Double, y: Double)]
    /// Single marks, for what is measured now and then, instead of a line.
    public var isDotted: Bool

    public init(_ name: String, _ points: [(x: Double, y: Double)], isDotted: Bool = false) {
      (self.name, self.points, self.isDotted) = (name, points, isDotted)
    }
  }

  /// The first is drawn on top.
  public var series: [Series]
  public var logY = false
  public var logX = false
  /// A level that nothing can fall below.
  public var floor: Double?
  /// Places on the x-axis that are marked, and the one in focus.
  public var markers: [Double] = []
  public var focus: Int?

  public init(_ series: [Series]) { self.series = series }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    let (upper, xLabels) = area.split(bottom: area.height >= 4 ? 1 : 0)
    let (body, xAxis) = upper.split(bottom: area.height >= 3 ? 1 : 0)
    let (left, plot) = body.split(left: area.width >= 16 ? 6 : 0)
    guard !plot.isEmpty else { return }
    let ys = series.flatMap { $0.points.map(\.y) } + (floor.map { [$0] } ?? [])
    let xs = series.flatMap { $0.points.map(\.x) } + markers
    let xAxisOf = Axis(xs, log: logX, ticks: max(1, plot.width / 9), round: false)
    guard let x = xAxisOf,
      let y = Axis(ys, log: logY, ticks: max(2, (plot.height + 2) / 3), round: true)
    else {
      canvas.write("nothing to draw yet", in: plot, line: plot.height / 2, .dim)
      return
    }
    drawAxis(y, on: &canvas, in: left)
    drawAxis(
      x, on: &canvas, in: xAxis.split(left: left.width).1,
      labels: xLabels.split(left: left.width).1)
    canvas.put("└", xAxis.row, xAxis.column + left.width - 1, in: xAxis, .frame)
    if let floor, let t = y.place(floor) { drawFloor(t, on: &canvas, in: plot) }
    for (k, series) in series.enumerated().reversed() where !series.isDotted {
      var dots = Dots(plot)
      dots.draw(series.points.map { (x.place($0.x), y.place($0.y)) })
      dots.copy(to: &canvas, .series(k))
    }
    for (k, series) in series.enumerated().reversed() where series.isDotted {
      for point in series.points {
        guard let tx = x.place(point.x), let ty = y.place(point.y) else { continue }
        let row = plot.row + Int(((1 - ty) * Double(plot.height - 1)).rounded())
        let column = plot.column + Int((tx * Double(plot.width - 1)).rounded())
        canvas.put(Look.mark(of: k), row, column, in: plot, .series(k), .bold)
      }
    }
  }

  /// The marks and names of the curves, for a legend of one line.
  public func drawLegend(on canvas: inout Canvas, in line: Rect) {
    var column = 0
    for (k, series) in series.enumerated() {
      canvas.put(Look.mark(of: k), line.row, line.column + column, in: line, .series(k), .bold)
      column += 2 + canvas.write(series.name, in: line, column: column + 2) + 2
    }
    if floor != nil {
      canvas.put("╌", line.row, line.column + column, in: line, .floor)
      canvas.write("floor", in: line, column: column + 2)
    }
  }

  // MARK: Axes

  private func drawAxis(_ y: Axis, on canvas: inout Canvas, in left: Rect) {
    guard !left.isEmpty else { return }
    let bar = left.right - 1
    for row in left.row..<left.end { canvas.put("│", row, bar, in: left, .frame) }
    for tick in y.ticks {
      guard let t = y.place(tick) else { continue }
      let row = Int(((1 - t) * Double(left.height - 1)).rounded())
      canvas.write(right: Numbers.short(tick, 5), in: left.split(left: 5).0, line: row)
      canvas.put("┼", left.row + row, bar, in: left, .frame)
    }
  }

  private func drawAxis(_ x: Axis, on canvas: inout Canvas, in line: Rect, labels: Rect) {
    canvas.fill(line, "─", .frame)
    var free = 0
    for tick in x.ticks {
      guard let t = x.place(tick) else { continue }
      let text = Numbers.short(tick, 8)
      let column = Int((t * Double(line.width - 1)).rounded())
      // From its tick on, but inside the area and clear of its neighbour.
      let start = max(0, min(column, labels.width - text.count))
      guard start >= free else { continue }
      canvas.write(text, in: labels, column: start)
      free = start + text.count + 1
    }
    for (k, marker) in markers.enumerated() {
      guard let t = x.place(marker) else { continue }
      let column = line.column + Int((t * Double(line.width - 1)).rounded())
      canvas.put("▴", line.row, column, in: line, .boundary, k == focus ? .reverse : [])
      if k == focus { canvas.cursor = Position(line.row, column) }
    }
  }

  private func drawFloor(_ t: Double, on canvas: inout Canvas, in plot: Rect) {
    let dot = Int(((1 - t) * Double(plot.height * 4 - 1)).rounded())
    // A dot in every third of the braille columns.
    let (left, right) = (Dots.bit(0, dot % 4), Dots.bit(1, dot % 4))
    for column in 0..<plot.width {
      let glyph = Dots.glyph([left, right, 0][column % 3])
      canvas.put(glyph, plot.row + dot / 4, plot.column + column, in: plot, .floor)
    }
  }
}

/// An axis: a range with round ends, linear or logarithmic.
struct Axis {
  var low, high: Double
  var log: Bool
  var ticks: [Double]

  /// The axis of all finite `values`, nil if there are none that it can show.
  init?(_ values: [Double], log: Bool, ticks count: Int, round: Bool) {
    let shown = values.filter { $0.isFinite && (!log || $0 > 0) }
    guard var low = shown.min(), var high = shown.max() else { return nil }
    // Sizes near the end of Double would make the span infinite.
    (low, high) = (max(-1e300, low), min(1e300, high))
    if low == high {
      let pad = low == 0 ? 1 : low.magnitude / 2
      (low, high) = (max(low - pad, log ? low / 2 : -1e300), high + pad)
    }
    if log {
      if round { (low, high) = (Axis.power(low, .down), Axis.power(high, .up)) }
      ticks = Ticks.logarithmic(low, high, about: count)
    } else {
      let step = Ticks.step(low, high, about: count)
      if round, step > 0 {
        (low, high) = ((low / step).rounded(.down) * step, (high / step).rounded(.up) * step)
      }
      ticks = Ticks.linear(low, high, about: count)
    }
    (self.low, self.high, self.log) = (low, high, log)
  }

  /// The power of two next to `value`.
  private static func power(_ value: Double, _ rule: FloatingPointRoundingRule) -> Double {
    let exponent = value.exponent
    let isPower = value.significand == 1
    return Double(
      sign: .plus, exponent: rule == .up && !isPower ? exponent + 1 : exponent, significand: 1)
  }

  /// Where `value` lies, 0 at the low end and 1 at the high one; nil if it cannot be shown.
  func place(_ value: Double) -> Double? {
    guard value.isFinite, !log || value > 0 else { return nil }
    let t: Double
    if log {
      t = Axis.log2(value / low) / Axis.log2(high / low)
    } else {
      t = (value / 2 - low / 2) / (high / 2 - low / 2)
    }
    return t.isFinite ? max(0, min(1, t)) : nil
  }

  /// The logarithm of base two: the exponent, and the rest by squaring, to 24 bits.
  private static func log2(_ value: Double) -> Double {
    guard value > 0, value.isFinite else { return .nan }
    var (result, rest, bit) = (Double(value.exponent), value.significand, 0.5)
    for _ in 0..<24 {
      rest *= rest
      if rest >= 2 {
        rest /= 2
        result += bit
      }
      bit /= 2
    }
    return result
  }
}

/// A raster of 2 x 4 dots a cell.
struct Dots {
  private let area: Rect
  private var bits: [UInt8]

  init(_ area: Rect) {
    self.area = area
    bits = Array(repeating: 0, count: area.height * area.width)
  }

  static func bit(_ x: Int, _ y: Int) -> UInt8 {
    [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]][x][y]
  }

  static func glyph(_ bits: UInt8) -> String {
    Unicode.Scalar(0x2800 + UInt32(bits)).map { String($0) } ?? " "
  }

  private mutating func set(_ x: Int, _ y: Int) {
    bits[y / 4 * area.width + x / 2] |= Dots.bit(x % 2, y % 4)
  }

  /// Joins points by lines; a point that has no place breaks the line.
  mutating func draw(_ points: [(Double?, Double?)]) {
    let (right, bottom) = (area.width * 2 - 1, area.height * 4 - 1)
    var last: (Int, Int)?
    for point in points {
      guard let tx = point.0, let ty = point.1 else {
        last = nil
        continue
      }
      let here = (Int((tx * Double(right)).rounded()), Int(((1 - ty) * Double(bottom)).rounded()))
      let from = last ?? here
      let steps = max(abs(here.0 - from.0), abs(here.1 - from.1), 1)
      for i in 0...steps {
        let t = Double(i) / Double(steps)
        set(
          from.0 + Int((t * Double(here.0 - from.0)).rounded()),
          from.1 + Int((t * Double(here.1 - from.1)).rounded()))
      }
      last = here
    }
  }

  func copy(to canvas: inout Canvas, _ ink: Ink) {
    for (i, dots) in bits.enumerated() where dots != 0 {
      let (row, column) = (area.row + i / area.width, area.column + i % area.width)
      canvas.put(Dots.glyph(dots), row, column, in: area, ink)
    }
  }
}
