// Where patches of bytes end. A patch ends behind a byte when what follows is hard to guess
// (Pagnoni and others, 2024, §2); the rules beside it are those that the paper compares with.
//
// Entropies are of the *next* token, in nats: entropy t is what the model does not know about token
// t + 1. So a patch that ends at t is one whose next token begins another.

/// What decides where patches end.
public enum PatchRule: String, CaseIterable, Codable, Sendable {
  /// The entropy is above the threshold.
  case global
  /// It rises by more than the threshold.
  case monotonic
  /// It is above the threshold and rises by more than another.
  case added
  /// It is one of the largest of the text: not decided byte by byte, so for training only.
  case topK = "top-k"
  /// A byte that is no letter, digit or continuation follows one that is.
  case space
  /// So many bytes are together.
  case fixed = "static"
  /// Every byte is a patch.
  case byte
}

/// A rule with its numbers.
public struct Patching: Equatable, Sendable {
  public var rule: PatchRule
  /// Nats; of `global`, `monotonic` and `added`.
  public var threshold: Float
  /// Nats of rise; of `added`.
  public var rise: Float
  /// Bytes a patch, of `static`, and on average of `top-k`.
  public var size: Int
  /// The longest patch, whatever the rule; nil is no limit.
  public var longest: Int?

  public init(
    _ rule: PatchRule = .global, threshold: Float = 1.335442066192627, rise: Float = 0,
    size: Int = 4, longest: Int? = nil
  ) {
    (self.rule, self.threshold, self.rise) = (rule, threshold, rise)
    (self.size, self.longest) = (size, longest)
  }

  /// Whether a rule looks at entropies.
  public var needsEntropies: Bool { ![.space, .fixed, .byte].contains(rule) }

  /// For every token of a text whether a patch ends with it.
  ///
  /// `ids` are the byte tokenizer's, `entropies` one for each (none where they are not needed).
  public func ends(ids: [Int32], entropies: [Float]) -> [Bool] {
    var walk = Walk(self)
    guard rule == .topK else {
      return ids.indices.map { walk.next(ids[$0], needsEntropies ? entropies[$0] : 0) }
    }
    // The first token is a patch by itself, and another begins behind it: two that are not chosen.
    let count = max(0, ids.count / max(1, size) - 2)
    let order = ids.indices.dropFirst().sorted {
      (entropies[$0], -$0) > (entropies[$1], -$1)
    }
    let chosen = Set(order.prefix(count))
    return ids.indices.map { walk.step($0 == 0 || chosen.contains($0)) }
  }

  /// A rule that goes from token to token.
  public struct Walk: Sendable {
    private let patching: Patching
    private var position = 0
    private var length = 0
    private var last: Float = 0
    private var lastIsSpace = true

    public init(_ patching: Patching) { self.patching = patching }

    /// Goes on behind `position` tokens: the last one has this id and entropy, and `length` of them
    /// are in a patch that has not ended.
    init(_ patching: Patching, behind position: Int, length: Int, _ id: Int32, _ entropy: Float) {
      (self.patching, self.position, self.length) = (patching, position, length)
      (last, lastIsSpace) = (entropy, Patching.isSpace(id))
    }

    /// Whether a patch ends with the next token, of this id and with this entropy behind it.
    public mutating func next(_ id: Int32, _ entropy: Float) -> Bool {
      let (isSpace, rise) = (Patching.isSpace(id), entropy - last)
      let ends: Bool
      switch patching.rule {
      case .global: ends = position == 0 || entropy > patching.threshold
      case .monotonic: ends = position < 2 || rise > patching.threshold
      case .added:
        // The token behind a forced end cannot be one.
        ends =
          position < 2
          || position > 2 && entropy > patching.threshold && rise > patching.rise
      case .topK: ends = position == 0
      case .space: ends = position == 0 || id < 4 || isSpace && !lastIsSpace
      case .fixed: ends = length + 1 >= patching.size
      case .byte: ends = true
      }
      (last, lastIsSpace) = (entropy, isSpace)
      return step(ends)
    }

    /// Goes on by a token; a patch ends there also when it is as long as it may be.
    mutating func step(_ ends: Bool) -> Bool {
      position += 1
      length += 1
      let ends = ends || length >= patching.longest ?? .max
      if ends { length = 0 }
      return ends
    }
  }

  /// Neither a letter or digit of ASCII nor the continuation of a character; specials are.
  static func isSpace(_ id: Int32) -> Bool {
    guard id >= 4 else { return true }
    switch UInt8(truncatingIfNeeded: id - 4) {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "a")...UInt8(ascii: "z"), 0x80...0xBF:
      return false
    default: return true
    }
  }

  /// The lengths of patches; the last may be one that has not ended.
  public static func lengths(_ ends: [Bool]) -> [Int] {
    var (lengths, start) = ([Int](), 0)
    for (i, end) in ends.enumerated() where end || i == ends.count - 1 {
      lengths.append(i + 1 - start)
      start = i + 1
    }
    return lengths
  }

  /// The threshold at which patches of these entropies are so long on average.
  ///
  /// It is a quantile of what the rule compares. The first token, of which the rule does not
  /// ask, is left out.
  ///
  /// - Precondition: the target is above 1, and there are three entropies.
  public func threshold(forMean target: Double, _ entropies: [Float]) -> Float {
    precondition(target > 1 && entropies.count > 2, "\(target), \(entropies.count) entropies")
    let rises = zip(entropies.dropFirst(2), entropies.dropFirst()).map { $0 - $1 }
    let values = (rule == .monotonic ? rises : Array(entropies.dropFirst())).sorted()
    // So many of n + 1 tokens end a patch that the mean is met, the first among them.
    let ends = Int((Double(entropies.count) / target).rounded()) - (rule == .monotonic ? 2 : 1)
    return values[max(0, min(values.count - 1, values.count - 1 - ends))]
  }
}
