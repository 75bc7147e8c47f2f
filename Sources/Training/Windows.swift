// From a corpus to sequences: random windows to learn from, and all of a split to be judged by.

import Files
import Models
import Random
import Text

/// Where sequences to learn from come from: windows of a corpus, or a generator.
public protocol SequenceSource: Sendable {
  /// Tokens and their targets, of equal count; a target of -1 is not scored.
  func sample(_ random: inout RandomStream) throws(Failure) -> ScoredSequence
}

/// Random windows of a split.
public struct CorpusSource: SequenceSource {
  private let split: AtlasSplit
  private let context: Int
  private let startsAtDocuments: Bool

  /// - Throws: when the split is shorter than one window.
  public init(
    _ split: AtlasSplit, name: String, context: Int, startsAtDocuments: Bool
  ) throws(Failure) {
    guard split.tokens > context else {
      throw Failure(
        "\(visible(name)): the training split has \(split.tokens) tokens, a window needs "
          + "\(context + 1); give more text or a smaller context")
    }
    (self.split, self.context, self.startsAtDocuments) = (split, context, startsAtDocuments)
  }

  public func sample(_ random: inout RandomStream) throws(Failure) -> ScoredSequence {
    let last = split.tokens - context - 1
    var start = random.below(last + 1)
    if startsAtDocuments, split.documents > 1 {
      // From the token before the document, which is what announces it.
      let document = split.document(1 + random.below(split.documents - 1))
      start = min(document.lowerBound - 1, last)
    }
    return ScoredSequence(try split.window(start, context + 1))
  }
}

/// All windows of a split, without overlap: every token but the first is scored once.
public struct SplitWindows: Sendable {
  public let split: AtlasSplit
  /// Where each window begins, and how many targets it has.
  public let windows: [(start: Int, count: Int)]

  public init(_ split: AtlasSplit, context: Int, wholeDocuments: Bool) {
    self.split = split
    guard wholeDocuments, split.documents > 1 else {
      windows = stride(from: 0, to: max(0, split.tokens - 1), by: context).map {
        ($0, min(context, split.tokens - 1 - $0))
      }
      return
    }
    var windows: [(start: Int, count: Int)] = []
    for i in 1..<split.documents {
      let document = split.document(i)
      if let last = windows.last, document.upperBound - 1 - last.start <= context {
        windows[windows.count - 1].count = document.upperBound - 1 - last.start
      } else {
        windows.append((document.lowerBound - 1, min(document.count, context)))
      }
    }
    self.windows = windows
  }

  public func sequence(_ i: Int) throws(Failure) -> ScoredSequence {
    ScoredSequence(try split.window(windows[i].start, windows[i].count + 1))
  }
}
