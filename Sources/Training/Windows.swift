// From a corpus to sequences: random ones to learn from, and all of a split to be judged by.

import Files
import Models
import Random
import Text

/// Where sequences to learn from come from: windows of a corpus, or a generator.
public protocol SequenceSource: Sendable {
  /// Tokens and their targets, of equal count; a target of -1 is not scored.
  func sample(_ random: inout RandomStream) throws(Failure) -> ScoredSequence
}

extension AtlasSplit {
  /// `count` tokens from `start` on and what follows each, with the ends of their patches.
  ///
  /// The first is a patch by itself, for there is nothing else to decode the second from.
  func sequence(
    _ start: Int, _ count: Int, _ patches: PatchEnds?
  ) throws(Failure) -> ScoredSequence {
    var sequence = ScoredSequence(try window(start, count + 1))
    guard let patches, count > 0 else { return sequence }
    sequence.patchEnds = [true] + (try patches.of(start + 1..<start + count))
    return sequence
  }
}

/// Where windows begin that begin with documents.
///
/// A document that begins with a mark of its own begins with that; another with the token before,
/// which is what announces it.
public enum DocumentStart: Sendable {
  case mark
  case tokenBefore

  func place(_ document: Int, _ split: AtlasSplit) -> Int {
    split.document(document).lowerBound - (self == .mark ? 0 : 1)
  }

  /// The documents that can begin a window.
  func documents(_ split: AtlasSplit) -> Range<Int> {
    min(self == .mark ? 0 : 1, split.documents)..<split.documents
  }
}

/// Random windows of a split; with `documents` they begin where those do.
struct CorpusSource: SequenceSource {
  private let split: AtlasSplit
  private let context: Int
  private let documents: DocumentStart?
  private let patches: PatchEnds?

  /// - Throws: when the split is shorter than one window.
  init(
    _ split: AtlasSplit, name: String, context: Int, documents: DocumentStart?,
    patches: PatchEnds?
  ) throws(Failure) {
    guard split.tokens > context else {
      throw Failure(
        "\(visible(name)): the training split has \(split.tokens) tokens, a window needs "
          + "\(context + 1); give more text or a smaller context")
    }
    (self.split, self.context) = (split, context)
    (self.documents, self.patches) = (documents, patches)
  }

  func sample(_ random: inout RandomStream) throws(Failure) -> ScoredSequence {
    let last = split.tokens - context - 1
    var start = random.below(last + 1)
    if let documents, split.documents > 1 {
      let all = documents.documents(split)
      start = min(documents.place(all.lowerBound + random.below(all.count), split), last)
    }
    return try split.sequence(start, context, patches)
  }
}

/// Random rows of equal patches, so of ragged bytes; with `documents` they begin where those do.
///
/// A row begins with a patch: the next behind a random byte. Its first byte is a patch by itself,
/// and where that makes one more the last is dropped.
struct PatchSource: SequenceSource {
  private let split: AtlasSplit
  private let ends: PatchEnds
  private let patches: Int
  /// The most tokens of a row; one that comes to them has fewer patches.
  private let limit: Int
  private let documents: DocumentStart?
  /// Where the last row of so many patches begins.
  private let last: Int

  /// - Throws: when the split is shorter than one row.
  init(
    _ split: AtlasSplit, _ ends: PatchEnds, patches: Int, limit: Int, documents: DocumentStart?
  ) throws(Failure) {
    (self.split, self.ends, self.patches) = (split, ends, patches)
    (self.limit, self.documents) = (limit, documents)
    last = try ends.start(ofLast: patches)
  }

  func sample(_ random: inout RandomStream) throws(Failure) -> ScoredSequence {
    var start: Int
    if let documents, split.documents > 1 {
      let all = documents.documents(split)
      start = min(documents.place(all.lowerBound + random.below(all.count), split), last)
    } else {
      start = try ends.start(from: random.below(last + 1))
    }
    var row = try split.sequence(start, min(limit, split.tokens - 1 - start), ends)
    var found = 0
    let end = row.patchEnds?.firstIndex { isEnd in
      if isEnd { found += 1 }
      return found == patches
    }
    guard let end else { return row }
    row.input.removeSubrange((end + 1)...)
    row.targets.removeSubrange((end + 1)...)
    row.patchEnds?.removeSubrange((end + 1)...)
    return row
  }
}

/// All windows of a split, without overlap: every token but the first is scored once.
struct SplitWindows: Sendable {
  let split: AtlasSplit
  /// Where each window begins, and how many targets it has.
  let windows: [(start: Int, count: Int)]
  private let patches: PatchEnds?

  /// With `documents` a window begins where one does, and holds as many as fit.
  init(_ split: AtlasSplit, context: Int, documents: DocumentStart?, patches: PatchEnds? = nil) {
    (self.split, self.patches) = (split, patches)
    guard let documents, split.documents > 1 else {
      windows = stride(from: 0, to: max(0, split.tokens - 1), by: context).map {
        ($0, min(context, split.tokens - 1 - $0))
      }
      return
    }
    var windows: [(start: Int, count: Int)] = []
    for i in documents.documents(split) {
      let (start, document) = (documents.place(i, split), split.document(i))
      guard document.upperBound - 1 > start else { continue }
      if let last = windows.last, document.upperBound - 1 - last.start <= context {
        windows[windows.count - 1].count = document.upperBound - 1 - last.start
      } else {
        windows.append((start, min(document.upperBound - 1 - start, context)))
      }
    }
    self.windows = windows
  }

  func sequence(_ i: Int) throws(Failure) -> ScoredSequence {
    try split.sequence(windows[i].start, windows[i].count, patches)
  }
}
