// Sampling as a visible chain: scores → temperature → top-k → top-p → a draw.
//
// One order serves every stage: score descending, then id ascending. Each stage keeps a beginning
// of it, so a stage is a length and a total. Arithmetic is in Double.
//
// `SamplingTable` keeps every stage for a view. `sample` gives the same id from the same numbers
// without sorting the vocabulary: it gathers the top-k candidates in a heap and takes them in
// order, only as many as the draw needs. So that the two agree to the bit, both add weights in the
// same order: a total over the whole vocabulary by id, a total over kept candidates by rank.

import Files
import Glibc

/// How the next token is chosen from the scores.
public struct SamplerSettings: Equatable, Sendable {
  /// Divides the scores: below 1 sharper, above 1 flatter, 0 always the best (greedy).
  public let temperature: Double
  /// How many of the best candidates stay (nil: all); of equal scores the lower id stays.
  public let topK: Int?
  /// The share of probability that stays: the fewest best candidates that reach it; nil: all.
  public let topP: Double?

  /// Throws (code 64) for a temperature that is negative or not finite, a top-k below 1 and a
  /// top-p outside (0, 1].
  public init(temperature: Double = 1, topK: Int? = nil, topP: Double? = nil) throws(Failure) {
    guard temperature >= 0, temperature.isFinite else {
      throw Failure(
        "temperature \(temperature) is out of its domain: give 0 (greedy) or a positive number",
        code: 64)
    }
    if let topK, topK < 1 {
      throw Failure("top-k \(topK) is out of its domain: give 1 or more", code: 64)
    }
    if let topP, !(topP > 0 && topP <= 1) {
      throw Failure(
        "top-p \(topP) is out of its domain: give a number above 0 and at most 1", code: 64)
    }
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
  }
}

/// The token that a draw `u` in [0, 1) chooses from a row of scores [V], equal to
/// `SamplingTable.choose`; at temperature 0 the best one, whatever `u` is.
///
/// O(V + n log V) for the n candidates that the draw needs. Throws as the table does.
public func sample(
  _ logits: [Float], settings: SamplerSettings, u: Double
) throws(Failure) -> Int32 {
  try logits.withUnsafeBufferPointer { (scores) throws(Failure) in
    try sample(scores, settings: settings, u: u)
  }
}

/// The same from scores that are not an array.
func sample(
  _ logits: UnsafeBufferPointer<Float>, settings: SamplerSettings, u: Double
) throws(Failure) -> Int32 {
  precondition((0..<1).contains(u), "a draw is in [0, 1), not \(u)")
  var ranking = try Ranking(logits, best: settings.temperature == 0 ? 1 : settings.topK ?? .max)
  var id = ranking.popBest()
  if settings.temperature == 0 { return id }
  let best = logits[Int(id)]
  var ids = [id]
  var line = [weight(best, best: best, temperature: settings.temperature)]
  /// Takes candidates in order until the running total satisfies a condition or `limit` are taken.
  func take(_ limit: Int, until isEnough: (Double) -> Bool) {
    while line.count < limit, !isEnough(line[line.count - 1]) {
      id = ranking.popBest()
      ids.append(id)
      let weight = weight(logits[Int(id)], best: best, temperature: settings.temperature)
      line.append(line[line.count - 1] + weight)
    }
  }

  var limit = ranking.count + 1
  var total: Double
  if ranking.isCut {
    take(limit) { _ in false }
    total = line[limit - 1]
  } else {
    total = logits.reduce(0) { $0 + weight($1, best: best, temperature: settings.temperature) }
  }
  if let topP = settings.topP, topP < 1 {
    let goal = topP * total
    take(limit) { $0 >= goal }
    limit = line.firstIndex { $0 >= goal }.map { $0 + 1 } ?? limit
    line.removeLast(line.count - limit)
    total = line[limit - 1]
  }
  take(limit) { $0 > u * total }
  return ids[SamplingTable.rank(u, on: line, total: total)]
}

/// The unnormalised probability of a score: 1 for the best one.
func weight(_ score: Float, best: Float, temperature: Double) -> Double {
  exp((Double(score) - Double(best)) / temperature)
}

/// The best candidates, sorted only as far as they are taken.
struct Ranking {
  /// A binary heap: the worst on top while candidates are gathered, then the best.
  ///
  /// A key is the score's bits, made to order as integers, above the inverted id.
  private var keys: [UInt64] = []
  /// Whether there were more candidates than are kept.
  private(set) var isCut = false

  var count: Int { keys.count }

  /// The `limit` best; throws for scores that are no distribution.
  init(_ logits: UnsafeBufferPointer<Float>, best limit: Int = .max) throws(Failure) {
    keys.reserveCapacity(min(limit, logits.count))
    // What is not above the worst of those kept changes nothing, since it comes later.
    var worst = -Float.infinity
    for start in stride(from: 0, to: logits.count, by: 16) {
      let end = min(start + 16, logits.count)
      if isCut, end - start == 16, Self.isNone(of: logits, from: start, above: worst) { continue }
      for id in start..<end {
        let score = logits[id]
        guard score < .infinity else {
          throw Failure(
            "cannot sample: the score of token \(id) is \(score.isNaN ? "nan" : "\(score)"), so a "
              + "weight or an input went bad; check the checkpoint", code: 1)
        }
        if score == -.infinity { continue }
        if keys.count < limit {
          keys.append(Self.key(score, id))
          if keys.count == limit { order(<) }
        } else {
          isCut = true
          guard score > worst else { continue }
          keys[0] = Self.key(score, id)
          sink(0, <)
        }
        if keys.count == limit { worst = logits[Int(Self.id(keys[0]))] }
      }
    }
    guard !keys.isEmpty else {
      throw Failure("cannot sample: none of \(logits.count) tokens has a score above -inf", code: 1)
    }
    order(>)
  }

  /// All of them in sampling order.
  var sorted: [Int32] { keys.sorted(by: >).map(Ranking.id) }

  mutating func popBest() -> Int32 {
    let best = keys[0]
    let last = keys.removeLast()
    if !keys.isEmpty {
      keys[0] = last
      sink(0, >)
    }
    return Ranking.id(best)
  }

  private static func key(_ score: Float, _ id: Int) -> UInt64 {
    let bits = (score + 0).bitPattern  // -0 becomes 0, which it equals
    let ordered = bits >> 31 == 1 ? ~bits : bits | 1 << 31
    return UInt64(ordered) << 32 | UInt64(~UInt32(id))
  }

  private static func id(_ key: UInt64) -> Int32 { Int32(truncatingIfNeeded: ~key) }

  /// Whether 16 scores are numbers and none is above `limit`.
  private static func isNone(
    of logits: UnsafeBufferPointer<Float>, from start: Int, above limit: Float
  ) -> Bool {
    let bytes = UnsafeRawBufferPointer(logits)
    let scores = bytes.loadUnaligned(fromByteOffset: 4 * start, as: SIMD16<Float>.self)
    return all(scores .<= limit)
  }

  /// Makes the heap; the key on top comes before all others.
  private mutating func order(_ isBefore: (UInt64, UInt64) -> Bool) {
    for parent in (0..<(keys.count / 2)).reversed() { sink(parent, isBefore) }
  }

  private mutating func sink(_ start: Int, _ isBefore: (UInt64, UInt64) -> Bool) {
    var parent = start
    while 2 * parent + 1 < keys.count {
      var child = 2 * parent + 1
      if child + 1 < keys.count, isBefore(keys[child + 1], keys[child]) { child += 1 }
      guard isBefore(keys[child], keys[parent]) else { return }
      keys.swapAt(parent, child)
      parent = child
    }
  }
}
