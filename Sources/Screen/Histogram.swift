/// How often values fall into equal bins, as columns over an axis.
public struct Histogram: Widget {
  public let counts: [Int]
  public let low, high: Double
  /// Values that are no number or infinite, which no bin holds.
  public let others: Int

  /// Values that were counted elsewhere, in equal bins from `low` to `high`.
  public init(counts: [Int], low: Double, high: Double, others: Int = 0) {
    (self.counts, self.low, self.high, self.others) = (counts, low, high, others)
  }

  /// Counts `values` in `bins` equal bins from the least to the largest finite one.
  public init(_ values: [Double], bins: Int) {
    let finite = values.filter(\.isFinite)
    low = max(-1e300, finite.min() ?? 0)
    high = min(1e300, finite.max() ?? 0)
    others = values.count - finite.count
    let bins = max(1, min(4096, bins))
    var counts = Array(repeating: 0, count: bins)
    let span = high / 2 - low / 2
    for value in finite {
      let share = span > 0 ? (value / 2 - low / 2) / span : 0.5
      counts[max(0, min(bins - 1, Int(share * Double(bins))))] += 1
    }
    self.counts = counts
  }

  public func draw(on canvas: inout Canvas, in area: Rect) {
    guard let most = counts.max(), most > 0, !area.isEmpty else {
      canvas.write("no numbers", in: area, .dim)
      return
    }
    let (body, label) = area.split(bottom: area.height >= 2 ? 1 : 0)
    // Bins share the columns evenly: each is as wide as the area allows.
    for column in 0..<body.width {
      let first = column * counts.count / body.width
      let last = max(first + 1, (column + 1) * counts.count / body.width)
      let count = counts[first..<min(counts.count, last)].max() ?? 0
      var eighths = Int((Double(count) / Double(most) * Double(body.height * 8)).rounded())
      if count > 0 { eighths = max(1, eighths) }
      for level in 0..<body.height where eighths > level * 8 {
        let glyph = Bars.eighths[min(8, eighths - level * 8)]
        canvas.put(glyph, body.end - 1 - level, body.column + column, in: body, .series(0))
      }
    }
    canvas.write(Numbers.short(low, 8), in: label)
    canvas.write(right: Numbers.short(high, 8), in: label)
    let rest =
      others > 0 ? "\(Numbers.grouped(others)) not finite" : "most \(Numbers.grouped(most))"
    if label.width >= 20 + rest.count {
      canvas.write(
        rest, in: label, column: (label.width - rest.count) / 2, others > 0 ? .warning : .text)
    }
  }
}
