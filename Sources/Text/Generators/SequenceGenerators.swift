import Random

/// An endless source of short sequences over a small vocabulary.
public protocol SequenceGenerator: Sendable {
  /// The number of different tokens.
  var vocabulary: Int { get }
  /// The number of inputs in each sequence.
  var length: Int { get }
  /// One sequence, drawn from the stream.
  func sample(_ random: inout RandomStream) -> ScoredSequence
}

/// Digits, then the same digits sorted (minGPT's demo): 6 of 3 kinds give 11 inputs.
///
/// As there, a quarter of the digit strings is held out for the test split, by a hash.
public struct SortGenerator: SequenceGenerator {
  public let digits: Int
  public let kinds: Int
  public let split: Split

  /// Sequences of `digits` digits below `kinds`, of the test split or of the rest.
  public init(digits: Int = 6, kinds: Int = 3, split: Split = .train) {
    precondition(digits > 1 && kinds > 1, "sort needs two digits of two kinds at least")
    (self.digits, self.kinds, self.split) = (digits, kinds, split)
  }

  public var vocabulary: Int { kinds }
  public var length: Int { 2 * digits - 1 }

  public func sample(_ random: inout RandomStream) -> ScoredSequence {
    while true {
      let input = (0..<digits).map { _ in Int32(random.below(kinds)) }
      let code = input.reduce(UInt64(0)) { $0 &* UInt64(kinds) &+ UInt64($1) }
      let isTest = RandomStream.philox((code, 0), key: 0).0 % 4 == 0
      if isTest == (split == .test) {
        return ScoredSequence(input + input.sorted(), scored: digits - 1..<length)
      }
    }
  }
}

/// Sums of two numbers, the sum's digits reversed (minGPT's demo): 85+50=135 is `8550531`.
///
/// As there, all pairs are permuted once by seed 1337 and the first 20 %, at most 500, are the
/// test split (the permutation is this library's, not PyTorch's).
public struct AdderGenerator: SequenceGenerator {
  public let digits: Int
  private let pairs: [Int32]

  /// Numbers of one to three digits, of the test split or of the rest.
  public init(digits: Int = 2, split: Split = .train) {
    precondition((1...3).contains(digits), "adder: digits must be 1, 2 or 3, not \(digits)")
    self.digits = digits
    let bound = [10, 100, 1000][digits - 1]
    var all = Array(0..<Int32(bound * bound))
    var random = RandomStream(seed: 1337, name: "adder")
    random.shuffle(&all)
    let test = min(all.count / 5, 500)
    pairs = Array(split == .test ? all[..<test] : all[test...])
  }

  public var vocabulary: Int { 10 }
  public var length: Int { 3 * digits }
  /// The number of different sums in the split.
  public var count: Int { pairs.count }

  public func sample(_ random: inout RandomStream) -> ScoredSequence {
    example(random.below(count))
  }

  /// The sum at an index below `count`.
  public func example(_ index: Int) -> ScoredSequence {
    let bound = [10, 100, 1000][digits - 1]
    let (a, b) = Int(pairs[index]).quotientAndRemainder(dividingBy: bound)
    let low = (reversedDigits(a, digits), reversedDigits(b, digits))
    let tokens = low.0.reversed() + low.1.reversed() + reversedDigits(a + b, digits + 1)
    return ScoredSequence(tokens, scored: 2 * digits - 1..<length)
  }

  private func reversedDigits(_ number: Int, _ count: Int) -> [Int32] {
    var rest = number
    return (0..<count).map { _ in
      defer { rest /= 10 }
      return Int32(rest % 10)
    }
  }
}

/// Random tokens, no two alike, of which one stretch comes twice: where induction heads appear.
///
/// Length and places of the stretch are random; every fourth offset from the first time to the
/// second is held out for the test split. The targets from the second token of the copy on are
/// scored: they can be known from what followed the token before, at its first occurrence.
///
/// The vocabulary is twice the length: were all of it in every sequence, to have seen a token
/// would tell nothing, and the way to induction would have no first step (docs/LOG.md).
public struct CopyGenerator: SequenceGenerator {
  public let length: Int
  public let split: Split

  /// Sequences of `length` inputs (8 at least), of the test split or of the rest.
  public init(length: Int = 64, split: Split = .train) {
    precondition(length >= 8, "copy needs 8 inputs at least")
    (self.length, self.split) = (length, split)
  }

  public var vocabulary: Int { 2 * length }

  public func sample(_ random: inout RandomStream) -> ScoredSequence {
    let total = length + 1
    while true {
      let stretch = total / 4 + random.below(total / 4 + 1)
      let first = random.below(total - 2 * stretch + 1)
      let second = first + stretch + random.below(total - first - 2 * stretch + 1)
      let isTest = (second - first) % 4 == 0
      guard isTest == (split == .test) else { continue }
      var tokens = Array(0..<Int32(vocabulary))
      random.shuffle(&tokens)
      tokens.removeLast(vocabulary - (total - stretch))
      tokens.insert(contentsOf: tokens[first..<first + stretch], at: second)
      return ScoredSequence(tokens, scored: second..<second + stretch - 1)
    }
  }
}
