import Glibc
import Models

/// A sum of products, opened up.
public struct SumOfProducts: Sendable, Equatable {
  public struct Term: Sendable, Equatable {
    /// The place of the factors: a dimension, or a column.
    public var index: Int
    public var left, right: Double
    public var product: Double
  }
  /// The largest by size first; what is no number comes before them.
  public let terms: [Term]
  public let total: Double

  /// The sum of `left` times `right`, which was computed elsewhere as `total`.
  public init(_ left: [Float], _ right: [Float], total: Double) {
    let terms = zip(left, right).enumerated().map { index, pair in
      Term(
        index: index, left: Double(pair.0), right: Double(pair.1),
        product: Double(pair.0) * Double(pair.1))
    }
    func size(_ term: Term) -> Double { term.product.isNaN ? .infinity : term.product.magnitude }
    self.terms = terms.sorted { size($0) > size($1) }
    self.total = total
  }

  /// The sum as it is written down: rounded numbers that add up as they stand there.
  public struct Written: Sendable, Equatable {
    public var terms: [Term]
    /// How many terms are not among these.
    public var others: Int
    /// The rounded total less the rounded terms: what the others add up to, or the rounding error
    /// where there are none.
    public var remainder: Double
    public var total: Double
  }

  /// The `count` largest terms and one remainder, rounded to `decimals`.
  public func written(_ count: Int, decimals: Int = 3) -> Written {
    let shown = terms.prefix(max(0, count)).map { term in
      Term(
        index: term.index, left: rounded(term.left, decimals),
        right: rounded(term.right, decimals), product: rounded(term.product, decimals))
    }
    let total = rounded(total, decimals)
    return Written(
      terms: shown, others: terms.count - shown.count,
      remainder: rounded(shown.reduce(total) { $0 - $1.product }, decimals), total: total)
  }
}

/// `x` with so many decimals, as it is written; half of a step goes to the even neighbour.
///
/// What has no decimals left stays as it is.
public func rounded(_ x: Double, _ decimals: Int = 3) -> Double {
  let scale = pow(10, Double(decimals))
  let steps = (x * scale).rounded(.toNearestOrEven)
  return steps.magnitude < 0x1p53 ? steps / scale : x
}

/// How one row came to its weight on one column, step by step.
public struct AttentionLedger: Sendable, Equatable {
  public var row, column: Int
  /// q · k, by dimension.
  public var sum: SumOfProducts
  public var score: Double { sum.total }
  /// The width of the head; its root divides the score.
  public var width: Int
  /// What a what-if multiplies the score with; 1 as trained.
  public var sharpening: Double
  /// The score times the layout's scale and the sharpening.
  public var scaled: Double
  public var isSeen: Bool
  /// Why the mask lets the row see the column, or not: `5 <= 12`.
  public var reason: String
  /// The largest scaled score that the row sees.
  public var rowMaximum: Double
  /// exp(scaled - row maximum); 0 where masked.
  public var power: Double
  /// The sum of the row's powers.
  public var rowSum: Double
  public var weight: Double
  /// The length of the column's value.
  public var valueLength: Double
  /// The column's part in the row's output, w v · o / o · o; over a row it sums to 1.
  ///
  /// 0 where the output is zero.
  public var share: Double
  public var isZeroed: Bool

  /// The scaled score less the row's maximum, of the numbers as they are written down.
  public var difference: Double {
    isSeen ? rounded(rounded(scaled) - rounded(rowMaximum)) : -.infinity
  }
}

extension AttentionSnapshot {
  /// The ledger of one cell.
  ///
  /// - Precondition: row and column are tokens of the prompt.
  public func ledger(layer: Int, head: Int, row: Int, column: Int) -> AttentionLedger {
    let score = Double(scores(layer, head, row, column..<column + 1)[0])
    let softmax = softmax(layer, head, row)
    let isSeen = softmax.seen.contains(column)
    let power = isSeen ? softmax.powers[column - softmax.seen.lowerBound] : 0
    let value = vector(.values, layer, head, column).map(Double.init)
    let output = vector(.output, layer, head, row).map(Double.init)
    let outputSquared = output.reduce(0) { $0 + $1 * $1 }
    let along = zip(value, output).reduce(0) { $0 + $1.0 * $1.1 }
    return AttentionLedger(
      row: row, column: column,
      sum: SumOfProducts(
        vector(.queries, layer, head, row), vector(.keys, layer, head, column), total: score),
      width: layout.width, sharpening: Double(sharpening(layer, head)),
      scaled: Double(scaled(layer, head, row, column..<column + 1)[0]),
      isSeen: isSeen, reason: mask(layer).reason(row, column, keys: ids.count),
      rowMaximum: softmax.top, power: power, rowSum: softmax.sum, weight: power / softmax.sum,
      valueLength: value.reduce(0) { $0 + $1 * $1 }.squareRoot(),
      share: outputSquared > 0 ? power / softmax.sum * along / outputSquared : 0,
      isZeroed: isZeroed(layer, head))
  }

  /// One number of a row's output: weights times that number of every column's value.
  public func mixture(layer: Int, head: Int, row: Int, dimension: Int) -> SumOfProducts {
    let values = ids.indices.map { vector(.values, layer, head, $0)[dimension] }
    return SumOfProducts(
      weights(layer, head, row), values, total: Double(vector(.output, layer, head, row)[dimension])
    )
  }
}

extension AttentionMask {
  /// The mask by name: `causal`, `none`, `window=4`, `documents`, or two of them.
  public var name: String {
    switch self {
    case .full: "none"
    case .causal: "causal"
    case .window(let width): "window=\(width)"
    case .documents: "documents"
    case .both(let a, let b): "\(a.name) & \(b.name)"
    }
  }

  /// The comparison that settles whether row `i` sees column `j`.
  public func reason(_ i: Int, _ j: Int, keys: Int) -> String {
    switch self {
    case .full: return "none"
    case .causal: return j <= i ? "\(j) <= \(i)" : "\(j) > \(i)"
    case .window(let width):
      if j > i { return "\(j) > \(i)" }
      return i - j < width ? "\(i)-\(j) < \(width)" : "\(i)-\(j) >= \(width)"
    case .documents: return range(i, keys: keys).contains(j) ? "same text" : "other text"
    case .both(let a, let b):
      return a.range(i, keys: keys).contains(j)
        ? b.reason(i, j, keys: keys) : a.reason(i, j, keys: keys)
    }
  }
}
