import Files
import Glibc

/// Every stage of choosing one token.
public struct SamplingTable: Sendable {
  /// A token that can still be chosen.
  public struct Candidate: Equatable, Sendable {
    /// The token.
    public let id: Int32
    /// Its share among the candidates of the stage.
    public let probability: Double
  }

  /// What a filter does, in the order applied.
  public enum Filter: String, CaseIterable, Sendable {
    /// The model's own probabilities.
    case model
    /// Scores divided by the temperature; at 0 only the best stays.
    case temperature
    /// The k best stay.
    case topK = "top-k"
    /// The fewest best that reach p stay.
    case topP = "top-p"
  }

  /// The candidates after a filter, best first.
  public struct Stage: Sendable {
    /// The filter just applied.
    public let filter: Filter
    /// In sampling order: score descending, then id ascending.
    public let candidates: [Candidate]
    /// Number of candidates.
    public var kept: Int { candidates.count }
    /// exp(entropy): how many equally likely candidates would be as uncertain.
    public let effective: Double
  }

  /// The four stages of `Filter`, in order; one not asked for changes nothing.
  public let stages: [Stage]
  /// Running totals of the last stage's weights, and what they are shares of.
  private let line: [Double]
  private let total: Double

  /// The stage of a filter.
  public func stage(_ filter: Filter) -> Stage {
    stages.first { $0.filter == filter } ?? stages[0]
  }

  /// The stages for a row of scores [V]: O(V log V).
  ///
  /// Throws when a score is NaN or +∞, or all are −∞.
  public init(logits: [Float], settings: SamplerSettings) throws(Failure) {
    let order = try logits.withUnsafeBufferPointer { (scores) throws(Failure) in
      try Ranking(scores).sorted
    }
    let best = logits[Int(order[0])]
    func weights(temperature: Double) -> (byRank: [Double], total: Double) {
      let byID = logits.map { weight($0, best: best, temperature: temperature) }
      return (order.map { byID[Int($0)] }, byID.reduce(0, +))
    }
    var stages: [Stage] = []
    /// Adds a stage of the first `count` candidates, their weights over their total.
    func add(_ filter: Filter, _ weights: [Double], count: Int, total: Double) {
      let candidates = (0..<count).map {
        Candidate(id: order[$0], probability: weights[$0] / total)
      }
      let entropy = candidates.reduce(0) {
        $1.probability > 0 ? $0 - $1.probability * log($1.probability) : $0
      }
      stages.append(Stage(filter: filter, candidates: candidates, effective: exp(entropy)))
    }
    /// Adds a stage for a filter that does nothing.
    func pass(_ filter: Filter) {
      guard let last = stages.last else { return }
      stages.append(
        Stage(filter: filter, candidates: last.candidates, effective: last.effective))
    }

    var (byRank, total) = weights(temperature: 1)
    add(.model, byRank, count: order.count, total: total)
    switch settings.temperature {
    case 0:
      (byRank, total) = ([1], 1)
      add(.temperature, byRank, count: 1, total: total)
    case 1: pass(.temperature)
    default:
      (byRank, total) = weights(temperature: settings.temperature)
      add(.temperature, byRank, count: order.count, total: total)
    }
    var line: [Double] = []
    line.reserveCapacity(byRank.count)
    for weight in byRank { line.append((line.last ?? 0) + weight) }
    if let topK = settings.topK, topK < line.count {
      line.removeLast(line.count - topK)
      total = line[topK - 1]
      add(.topK, byRank, count: topK, total: total)
    } else {
      pass(.topK)
    }
    if let topP = settings.topP, topP < 1 {
      let kept = line.firstIndex { $0 >= topP * total }.map { $0 + 1 } ?? line.count
      line.removeLast(line.count - kept)
      total = line[kept - 1]
      add(.topP, byRank, count: kept, total: total)
    } else {
      pass(.topP)
    }
    self.stages = stages
    self.line = line
    self.total = total
  }

  // MARK: - The draw

  /// The rank in the last stage on which a draw `u` in [0, 1) falls.
  public func rank(_ u: Double) -> Int {
    precondition((0..<1).contains(u), "a draw is in [0, 1), not \(u)")
    return SamplingTable.rank(u, on: line, total: total)
  }

  /// The first place on a line of running totals that is beyond the share `u` of the total.
  ///
  /// Rounding may leave the end of the line below the total: the last weight has the rest.
  static func rank(_ u: Double, on line: [Double], total: Double) -> Int {
    line.firstIndex { $0 > u * total } ?? line.firstIndex { $0 == line.last } ?? 0
  }

  /// The token that a draw `u` in [0, 1) chooses.
  public func choose(_ u: Double) -> Int32 {
    stages[stages.count - 1].candidates[rank(u)].id
  }

  /// The part of the cumulative line, 0 to 1, of a rank of the last stage; nil for one that is cut.
  public func span(of rank: Int) -> ClosedRange<Double>? {
    guard line.indices.contains(rank) else { return nil }
    let start = rank == 0 ? 0 : line[rank - 1] / total
    return min(start, 1)...max(start, min(1, line[rank] / total))
  }

  // MARK: - Columns that add up

  /// A stage as it is read: thousandths that add up to 1,000.
  public struct Column: Equatable, Sendable {
    /// Of the rows asked for; nil for a candidate that is cut.
    public let cells: [Int?]
    /// How many candidates are not among these rows, and what they have together.
    public let others, rest: Int
  }

  /// Some ranks of a stage, rounded, and one remainder.
  ///
  /// The remainder is taken from the rounded numbers. Only where it cannot be, as nothing is left
  /// over, do the numbers nearest to a tie go the other way.
  public func column(_ filter: Filter, rows: Range<Int>) -> Column {
    let stage = stage(filter)
    let shown = rows.clamped(to: 0..<stage.kept)
    let exact = stage.candidates[shown].map { $0.probability * 1000 }
    var cells = exact.map { Int($0.rounded()) }
    let others = stage.kept - shown.count
    var rest = 1000 - cells.reduce(0, +)
    while rest < 0 || others == 0 && rest > 0 {
      let step = rest.signum()
      let lost = zip(exact, cells).map { Double(step) * ($0 - Double($1)) }
      guard let k = lost.indices.max(by: { lost[$0] < lost[$1] }) else { break }
      cells[k] += step
      rest -= step
    }
    return Column(
      cells: rows.map { shown.contains($0) ? cells[$0 - shown.lowerBound] : nil },
      others: others, rest: rest)
  }
}
