// What an entropy model expects behind each byte of a text, found piece by piece: positions go on,
// and of what was read only the model's window is kept.

import Files
import Glibc
import Models
import Tensors

/// What a model says behind a byte about the next one.
public struct NextByte: Sendable, Equatable {
  public struct Candidate: Sendable, Equatable {
    public var id: Int32
    public var probability: Float
  }

  /// How unsure the model is, in nats.
  public var entropy: Float
  /// −ln p of the byte that came, in nats; nil behind the last.
  public var surprise: Float?
  /// The rank of the byte that came, from 1.
  public var rank: Int?
  /// The likeliest, best first: eight, or all there are.
  public var likeliest: [Candidate]

  /// From a row of scores; `came` is the id of the byte that follows.
  package init(scores: UnsafeBufferPointer<Float>, entropy: Float, came: Int32?) {
    self.entropy = entropy
    let top = scores.max() ?? 0
    let scale = scores.reduce(0) { $0 + Double(exp($1 - top)) }
    // Of equal scores the smaller id comes first.
    func isBefore(_ a: Int, _ b: Int) -> Bool { (scores[a], -a) > (scores[b], -b) }
    var best: [Int] = []
    for id in scores.indices where best.count < 8 || isBefore(id, best[best.count - 1]) {
      best.insert(id, at: best.firstIndex { isBefore(id, $0) } ?? best.count)
      if best.count > 8 { best.removeLast() }
    }
    likeliest = best.map {
      Candidate(id: Int32($0), probability: Float(Double(exp(scores[$0] - top)) / scale))
    }
    guard let came = came.map(Int.init) else { return }
    surprise = Float(log(scale) - Double(scores[came] - top))
    rank = 1 + scores.indices.count { isBefore($0, came) }
  }
}

/// Reads one text with an entropy model.
public final class NextByteReader {
  /// The start token and the bytes.
  private let ids: [Int32]
  private let model: EntropyModel
  private let cache: any DecodingState
  /// How many ids were read.
  public private(set) var count = 0

  /// Throws a `Failure` for a model of other ids, and for a text that it cannot read to its end.
  public init(_ model: EntropyModel, _ bytes: [UInt8]) throws(Failure) {
    guard model.vocabulary >= 260 else {
      throw Failure("the entropy model knows \(model.vocabulary) ids; bytes take 260")
    }
    guard model.config.window != nil || bytes.count < model.context else {
      throw Failure(
        "the entropy model has no window, so it reads \(model.context - 1) bytes at most")
    }
    ids = [1] + bytes.map { Int32($0) + 4 }
    (self.model, cache) = (model, model.makeCache())
  }

  /// What follows the next ids, at most so many; the first of all is the start token.
  public func read(_ most: Int) -> [NextByte] {
    let range = count..<min(ids.count, count + most)
    guard !range.isEmpty else { return [] }
    count = range.upperBound
    let scores = model.logits(model.hidden(Tokens([Array(ids[range])]), Pass(cache: cache)))
    let entropies = scores.entropies()
    return range.enumerated().map { row, id in
      NextByte(
        scores: UnsafeBufferPointer(
          rebasing: scores.storage.floats[row * scores.columns..<(row + 1) * scores.columns]),
        entropy: entropies[row], came: id + 1 < ids.count ? ids[id + 1] : nil)
    }
  }
}
