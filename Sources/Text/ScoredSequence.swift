/// Inputs and what should follow each: the target is −1 where nothing is scored.
public struct ScoredSequence: Sendable, Equatable {
  public var input: [Int32]
  public var targets: [Int32]
  /// For every input whether a patch ends with it; nil lets the model decide.
  public var patchEnds: [Bool]?

  /// Every token from those before it: all targets are scored.
  public init(_ tokens: [Int32]) { self.init(tokens, scored: 0..<tokens.count) }

  /// Shifts a sequence by one and keeps the targets from position `first` on.
  init(_ tokens: [Int32], scored: Range<Int>) {
    input = Array(tokens.dropLast())
    targets = input.indices.map { scored.contains($0) ? tokens[$0 + 1] : -1 }
  }
}
