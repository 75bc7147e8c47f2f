import Files
import Glibc
import Models
import Text

/// The mean loss over sequences.
public struct Evaluation: Equatable, Sendable {
  /// Scored tokens.
  public var tokens = 0
  /// Nats, summed over the tokens.
  public var nats = 0.0
  /// Raw UTF-8 bytes of the scored tokens, of which a mark has none; nil for a corpus that is not
  /// text.
  public var bytes: Int?

  /// Sequences, and those of them whose every scored token is the likeliest one: what greedy
  /// decoding gets right.
  public var sequences = 0
  public var solved = 0

  /// Nats a token.
  public var loss: Double { nats / Double(max(1, tokens)) }
  public var perplexity: Double { exp(loss) }
  /// All nats over those bytes, as bits.
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
    // Sequences in one pass of a lane: few enough that their scores take 128 MB at most.
    let group = max(1, min(8, (1 << 25) / (model.vocabulary * model.context)))
    let round = group * lanes.count
    for start in stride(from: 0, to: count, by: round) {
      let results = lanes.map(0..<lanes.count) { lane -> Result<Part, Failure> in
        let from = start + lane * group
        guard from < count else { return .success((0, [], 0)) }
        do throws(Failure) {
          var batch: [ScoredSequence] = []
          for i in from..<min(from + group, count) { batch.append(try sequence(i)) }
          let targets = batch.flatMap(\.targets)
          let logits = model.scores(batch, Pass())
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
