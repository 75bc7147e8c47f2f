// The entropy model of the bench, on the inspector's thread: the open model if it tells entropies
// of bytes, else the one that is named `entropy` below models/.

import Checkpoints
import Files
import Inspection
import Models
import Training

/// What follows each id of a text from `from` on, the start token being the first.
public struct EntropyWish: Sendable, Equatable {
  /// The number of the open model.
  public var model: Int
  public var bytes: [UInt8]
  public var from: Int
}

/// What is known of the model that entropies are of.
public struct EntropyFacts: Sendable, Equatable {
  public var name: String
  public var parameters: Int
  public var vocabulary: Int
  public var window: Int?
  /// The open model that it stands in for; nil if it is that one.
  public var standsInFor: String?

  package init(_ model: EntropyModel, name: String, standsInFor: String? = nil) {
    (self.name, self.standsInFor) = (name, standsInFor)
    (parameters, vocabulary) = (model.parameters.count, model.vocabulary)
    window = model.config.window
  }
}

final class EntropySource {
  /// The model below models/ where the open one tells none.
  static let standIn = "entropy"
  /// Bytes that are read at once, in a few milliseconds: as many as `specola entropy` does, so that
  /// both round alike.
  static let piece = 512

  let facts: EntropyFacts
  private let model: EntropyModel
  private var reader: (bytes: [UInt8], NextByteReader)?

  init(open: ModelDirectory, name: String) throws(Failure) {
    if let model = open.model as? EntropyModel ?? (open.model as? BLT)?.patcher {
      (self.model, facts) = (model, EntropyFacts(model, name: name))
      return
    }
    guard let model = try Home.load(EntropySource.standIn).model as? EntropyModel else {
      throw Failure("models/\(EntropySource.standIn) is no entropy model; train one and export it")
    }
    self.model = model
    facts = EntropyFacts(model, name: EntropySource.standIn, standsInFor: name)
  }

  /// The next piece of a text; another text or place begins anew.
  func read(_ wish: EntropyWish) throws(Failure) -> [NextByte] {
    if let reader, reader.bytes == wish.bytes, reader.1.count == wish.from {
      return reader.1.read(EntropySource.piece)
    }
    let fresh = try NextByteReader(model, wish.bytes)
    reader = (wish.bytes, fresh)
    while fresh.count < wish.from {
      _ = fresh.read(min(EntropySource.piece, wish.from - fresh.count))
    }
    return fresh.read(EntropySource.piece)
  }
}
