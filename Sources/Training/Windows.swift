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

/// The mean loss over sequences.
public struct Evaluation: Equatable, Sendable {
  /// Scored tokens.
  public var tokens = 0
  /// Nats, summed over the tokens.
  public var nats = 0.0
  /// Raw UTF-8 bytes of the scored tokens; nil for a corpus that is not text.
  public var bytes: Int?

  /// Sequences, and those of them whose every scored token is the likeliest one: what greedy
  /// decoding gets right.
  public var sequences = 0
  public var solved = 0

  /// Nats a token.
  public var loss: Double { nats / Double(max(1, tokens)) }
  public var bitsPerByte: Double? {
    bytes.flatMap { $0 > 0 ? nats / 0.6931471805599453 / Double($0) : nil }
  }

  /// Judges a model by `count` sequences, several at once on every lane, without dropout.
  ///
  /// `tokenLengths` are the bytes of each id, when bits a byte are wanted; `progress` is called
  /// with the share that is done, and its false ends the work early.
  public static func of(
    _ model: any LanguageModel, count: Int, tokenLengths: [Int]?, lanes: Lanes,
    progress: (Double) -> Bool = { _ in true },
    sequence: @escaping @Sendable (Int) throws(Failure) -> ScoredSequence
  ) throws(Failure) -> Evaluation {
    var evaluation = Evaluation(bytes: tokenLengths == nil ? nil : 0)
    let group = 8  // Sequences in one pass of a lane.
    let round = group * lanes.count
    for start in stride(from: 0, to: count, by: round) {
      let results = lanes.map(0..<lanes.count) { lane -> Result<Part, Failure> in
        let from = start + lane * group
        guard from < count else { return .success((0, [], 0)) }
        do throws(Failure) {
          var batch: [ScoredSequence] = []
          for i in from..<min(from + group, count) { batch.append(try sequence(i)) }
          let targets = batch.flatMap(\.targets)
          let logits = model(Tokens(batch.map(\.input)), Pass())
          let nats = logits.crossEntropy(targets).losses.floats.reduce(0) { $0 + Double($1) }
          return .success(
            (nats, targets.filter { $0 >= 0 }, batch.isEmpty ? 0 : solved(batch, logits)))
        } catch {
          return .failure(error)
        }
      }
      for result in results {
        let (nats, targets, solved) = try result.get()
        evaluation.nats += nats
        evaluation.solved += solved
        evaluation.tokens += targets.count
        if let tokenLengths {
          evaluation.bytes = targets.reduce(evaluation.bytes ?? 0) { $0 + tokenLengths[Int($1)] }
        }
      }
      evaluation.sequences = min(count, start + round)
      guard progress(Double(min(count, start + round)) / Double(count)) else { break }
    }
    return evaluation
  }

  /// One lane's share of a round.
  private typealias Part = (nats: Double, targets: [Int32], solved: Int)

  /// How many sequences of a batch have the highest score at every scored target.
  private static func solved(_ batch: [ScoredSequence], _ logits: Tensor) -> Int {
    var row = 0
    return batch.count { sequence in
      defer { row += sequence.input.count }
      return sequence.targets.enumerated().allSatisfy { i, target in
        guard target >= 0 else { return true }
        let scores = logits.storage.floats[
          (row + i) * logits.columns..<(row + i + 1) * logits.columns]
        return scores.allSatisfy { $0 <= scores[scores.startIndex + Int(target)] }
      }
    }
  }
}
