import Training

/// A curve that grows, and is drawn at the same cost however long it is.
package struct Curve: Sendable {
  package private(set) var points: [RunLog.Point]

  package init(_ points: [RunLog.Point] = []) { self.points = points }

  /// Adds a value; a run that was taken up again tells its last steps anew.
  package mutating func append(_ value: Double, at step: Int) {
    while let last = points.last, last.step >= step { points.removeLast() }
    points.append(RunLog.Point(step: step, value: value))
    guard points.count > Curve.most else { return }
    let last = points.count - 1
    points = points.indices.filter { $0 % 2 == 0 || $0 == last }.map { points[$0] }
  }

  /// The most points that are kept; then every second one goes.
  package static let most = 1 << 18

  package var last: RunLog.Point? { points.last }

  /// The mean over the last `steps` steps, up to point `index`; not a number where none is finite.
  package func mean(over steps: Int, at index: Int) -> Double {
    let end = points[index].step
    var (low, high) = (0, index)
    while low < high {  // The first point that is within.
      let middle = (low + high) / 2
      if points[middle].step > end - steps { high = middle } else { low = middle + 1 }
    }
    // Of a long stretch a few hundred points tell the mean well enough.
    let stride = max(1, (index - low) / 256)
    var (sum, count) = (0.0, 0)
    for i in Swift.stride(from: index, through: low, by: -stride) where points[i].value.isFinite {
      (sum, count) = (sum + points[i].value, count + 1)
    }
    return count > 0 ? sum / Double(count) : .nan
  }

  /// The curve averaged over `steps` steps, as at most `count` points; more of them at the
  /// beginning for a logarithmic axis.
  package func drawn(
    smooth steps: Int, atMost count: Int, logarithmic: Bool = false, scale: Double = 1
  ) -> [(x: Double, y: Double)] {
    guard let last = points.indices.last else { return [] }
    var indices = Array(points.indices)
    if points.count > count, count > 1 {
      // 1, 2, 4 … in as many steps as there are points to be had.
      var (even, powers) = ([Int](), [Int]())
      for i in 0..<count { even.append(i * last / (count - 1)) }
      var position = 1.0
      while Int(position) < last {
        powers.append(Int(position))
        position = max(position + 1, position * (1 + 8 / Double(count)))
      }
      indices = logarithmic ? Array(Set(even + powers)).sorted() : even
    }
    return indices.map { (Double(points[$0].step), scale * mean(over: steps, at: $0)) }
  }
}
