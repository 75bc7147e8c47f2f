import Screen

/// The steps of something in a line, the present one stressed: as many around it as there is room
/// for, and its number.
struct StageStrip: Widget {
  var names: [String]
  var here: Int
  /// Behind which steps a bar stands.
  var borders: Set<Int>

  func draw(on canvas: inout Canvas, in line: Rect) {
    let count = "\(here + 1)/\(names.count)"
    canvas.write(right: count, in: line)
    let room = line.width - count.count - 1
    func text(_ range: ClosedRange<Int>) -> String {
      range.map { k in
        let name = k == here ? "[\(names[k].uppercased())]" : names[k]
        return k < range.upperBound && borders.contains(k) ? name + " |" : name
      }.joined(separator: " ")
    }
    var shown = here...here
    while true {
      let before = shown
      for (left, right) in [(1, 0), (0, 1)] {
        let wider =
          max(0, shown.lowerBound - left)...min(names.count - 1, shown.upperBound + right)
        if text(wider).count <= room { shown = wider }
      }
      if shown == before { break }
    }
    let strip = text(shown)
    canvas.write(strip, in: line)
    if let start = strip.firstIndex(of: "["), let end = strip.firstIndex(of: "]") {
      let at = strip.distance(from: strip.startIndex, to: start)
      let width = strip.distance(from: start, to: end) + 1
      canvas.mark(line.split(left: at).1.split(left: width).0, .reverse, .title)
    }
  }
}
