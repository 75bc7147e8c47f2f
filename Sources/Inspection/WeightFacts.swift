import Models

/// A weight as a view shows it: in blocks, as a histogram, and summed up.
public struct WeightFacts: Sendable, Equatable {
  public let name: String
  public let shape: [Int]
  /// How many numbers a cell of the map stands for, down and across.
  public let blockRows, blockColumns: Int
  /// The cells of the map, down and across.
  public let rows, columns: Int
  /// Row after row: of a block the number of the largest size; one that is NaN wins.
  public let cells: [Float]
  /// How many finite numbers fall into equal bins from `minimum` to `maximum`.
  public let counts: [Int]
  /// Of the finite numbers, 0 without any; `deviation` is the root of the mean square from `mean`.
  public let minimum, maximum, mean, deviation: Double
  /// How many numbers are NaN or infinite.
  public let others: Int
  /// The largest size of a finite number.
  public var largest: Double { max(abs(minimum), abs(maximum)) }

  /// Looks through a weight once: some 0.2 s for 40 million numbers.
  public init(_ parameter: Parameter) {
    self.init(parameter.name, parameter.shape.axes, UnsafeBufferPointer(parameter.storage.floats))
  }

  /// The numbers of an array of this shape, row after row.
  public init(_ name: String, _ shape: [Int], _ numbers: UnsafeBufferPointer<Float>) {
    (self.name, self.shape) = (name, shape)
    let across = max(1, shape.last ?? 1)
    let down = numbers.count / across
    // Few enough to send to the screen, and in halves, so that cells stand for whole blocks.
    func cells(_ count: Int, _ block: Int) -> Int { (count + block - 1) / block }
    var (tall, wide) = (1, 1)
    while true {
      let (r, c) = (cells(down, tall), cells(across, wide))
      if r * c <= 1 << 16, max(r, c) <= 512 { break }
      if r > c { tall *= 2 } else { wide *= 2 }
    }
    (blockRows, blockColumns) = (tall, wide)
    (rows, columns) = (cells(down, tall), cells(across, wide))

    var (low, high, sum, finite) = (Float.infinity, -Float.infinity, 0.0, 0)
    var map = [Float](repeating: 0, count: rows * columns)
    for row in 0..<down {
      let start = row / tall * columns
      for column in 0..<across {
        let (value, cell) = (numbers[row * across + column], start + column / wide)
        if value.isNaN || value.magnitude > map[cell].magnitude { map[cell] = value }
        guard value.isFinite else { continue }
        (low, high) = (min(low, value), max(high, value))
        (sum, finite) = (sum + Double(value), finite + 1)
      }
    }
    self.cells = map
    others = numbers.count - finite
    (minimum, maximum) = finite > 0 ? (Double(low), Double(high)) : (0, 0)
    let mean = finite > 0 ? sum / Double(finite) : 0
    var (counts, squares) = ([Int](repeating: 0, count: 64), 0.0)
    let scale = maximum > minimum ? 64 / (maximum - minimum) : 0
    for value in numbers where value.isFinite {
      let value = Double(value)
      squares += (value - mean) * (value - mean)
      counts[min(63, Int((value - minimum) * scale))] += 1
    }
    (self.mean, self.counts) = (mean, counts)
    deviation = finite > 0 ? (squares / Double(finite)).squareRoot() : 0
  }

  /// The cell at a place of the map.
  public subscript(row: Int, column: Int) -> Float { cells[row * columns + column] }

  /// The largest cell by size among some, as far as the map has them; NaN if one is.
  public func largest(rows: Range<Int>, columns: Range<Int>) -> Double? {
    var best: Float?
    for row in rows.clamped(to: 0..<self.rows) {
      for column in columns.clamped(to: 0..<self.columns) {
        let value = self[row, column]
        if value.isNaN { return .nan }
        if best.map({ value.magnitude > $0.magnitude }) ?? true { best = value }
      }
    }
    return best.map(Double.init)
  }
}
