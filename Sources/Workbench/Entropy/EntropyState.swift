// Entropies of the prompt's bytes, and the patches that every rule makes of them. The inspector
// reads the text once; turning the dial only walks over what is stored here.

import Files
import Glibc
import Inspection
import Models
import Screen

/// The patches of a text under one rule.
package struct Patches: Equatable, Sendable {
  /// For every byte whether a patch ends with it.
  package var ends: [Bool] = []
  package var lengths: [Int] = []

  /// `entropies` are those behind the start token and the bytes; ids likewise.
  init(_ patching: Patching, ids: [Int32], entropies: [Float]) {
    ends = Array(patching.ends(ids: ids, entropies: entropies).dropFirst())
    lengths = Patching.lengths(ends)
  }

  /// Bytes a patch; the start token is none.
  package var mean: Double {
    lengths.isEmpty ? .nan : Double(ends.count) / Double(lengths.count)
  }
}

/// A stretch of a text that a BLT is to judge on given patches: as many bytes as its context has.
public struct JudgementWish: Sendable, Equatable {
  /// The number of the open model.
  public var model: Int
  /// Where the stretch begins.
  public var from: Int
  /// What is read, and one more.
  public var ids: [Int32]
  /// For each id that is read whether a patch ends with it.
  public var ends: [Bool]
}

/// A judgement as far as it goes.
private struct Judgement: Sendable {
  /// For the start token and all bytes but the last.
  let ends: [Bool]
  /// Of the ids behind the first, so many of them.
  var nats = 0.0
  var count = 0

  init(ends: [Bool]) { self.ends = ends }
}

package struct EntropyState: Sendable {
  package private(set) var facts: EntropyFacts?
  /// The text.
  package private(set) var bytes: [UInt8] = []
  /// What follows the start token, and then what follows each byte, as far as it was read.
  package private(set) var next: [NextByte] = []
  /// Why there is nothing.
  package private(set) var failure: Failure?
  /// The patches of each rule under the present dial.
  package private(set) var patches: [PatchRule: Patches] = [:]

  private var ids: [Int32] = []
  private var entropies: [Float] = []
  private var model = 0
  private var asked: EntropyWish?
  private var patched: Patching?
  private var judgement: Judgement?
  private var askedJudgement: JudgementWish?

  /// How many bytes were read.
  package var count: Int { max(0, next.count - 1) }
  package var isComplete: Bool { next.count == bytes.count + 1 }

  /// What the model says behind a byte, if it was read.
  package func after(_ byte: Int) -> NextByte? {
    next.indices.contains(byte + 1) ? next[byte + 1] : nil
  }

  /// Bits that the model needs for a byte, over all that were read; the first is told from the
  /// start token.
  package var bitsPerByte: Double {
    let surprises = next.prefix(bytes.count).compactMap(\.surprise)
    return surprises.reduce(0) { $0 + Double($1) } / Double(surprises.count) / log(2)
  }

  // MARK: - Reading

  /// The next piece that is needed, once.
  mutating func wish(_ text: [UInt8], _ model: Int) -> EntropyWish? {
    if (text, model) != (bytes, self.model) {
      self = EntropyState()
      (bytes, self.model) = (text, model)
      ids = [1] + text.map { Int32($0) + 4 }
    }
    let wish = EntropyWish(model: model, bytes: bytes, from: next.count)
    guard !bytes.isEmpty, !isComplete, failure == nil, wish != asked else { return nil }
    asked = wish
    return wish
  }

  /// Takes in a piece of the present text; those of another one come too late.
  mutating func receive(_ wish: EntropyWish, _ facts: EntropyFacts, _ piece: [NextByte]) {
    guard wish == asked, wish.from == next.count else { return }
    self.facts = facts
    next += piece
    entropies += piece.map(\.entropy)
    patched = nil
  }

  mutating func receive(_ wish: EntropyWish, _ failure: Failure) {
    if wish == asked { self.failure = failure }
  }

  // MARK: - What a BLT makes of the patches

  /// Bits that the open BLT needs for a byte on the patches of the dial; nil until that is known.
  package var judgedBits: Double? {
    guard let judgement, judgement.count == judgement.ends.count else { return nil }
    return judgement.nats / Double(judgement.count) / log(2)
  }

  /// The next stretch that a BLT is to judge, once; patches that stay the same stay judged.
  mutating func judgementWish(_ patching: Patching, context: Int) -> JudgementWish? {
    guard isComplete, let known = patches[patching.rule]?.ends else { return nil }
    // The start token is a patch of its own, for there is nothing else to decode the first byte
    // from; what ends behind the last byte has no more to say.
    let ends = [true] + known.dropLast()
    if judgement?.ends != ends { judgement = Judgement(ends: ends) }
    guard let first = judgement?.count, first < ends.count else { return nil }
    let range = first..<min(ends.count, first + context)
    var wish = JudgementWish(
      model: model, from: first, ids: Array(ids[range.lowerBound...range.upperBound]),
      ends: Array(ends[range]))
    wish.ends[0] = true
    guard wish != askedJudgement else { return nil }
    askedJudgement = wish
    return wish
  }

  /// Takes in the judgement of a stretch; those of other patches come too late.
  mutating func receive(_ wish: JudgementWish, nats: Double) {
    guard wish == askedJudgement, wish.from == judgement?.count else { return }
    judgement?.nats += nats
    judgement?.count += wish.ends.count
  }

  // MARK: - Patches

  /// Walks over the entropies again where the dial or the text is another.
  mutating func patch(_ patching: Patching) {
    guard patched != patching, !next.isEmpty else { return }
    let known = Array(ids.prefix(next.count))
    for rule in patching.ribbons {
      patches[rule] = Patches(patching.with(rule), ids: known, entropies: entropies)
    }
    patched = patching
  }

  /// The threshold under which patches are so long on average.
  func threshold(forMean mean: Double, _ patching: Patching) -> Float {
    patching.threshold(forMean: mean, entropies)
  }
}

extension Patching {
  /// The rules of the view, each with a ribbon; `global` and `added` share theirs.
  package var ribbons: [PatchRule] {
    [rule == .added ? .added : .global, .monotonic, .space, .fixed, .byte]
  }

  /// The same numbers under another rule.
  func with(_ rule: PatchRule) -> Patching {
    var other = self
    other.rule = rule
    return other
  }
}

// MARK: - Commands

extension Bench {
  /// The patches of the rule that is set.
  package var patches: Patches? { entropy.patches[settings.patching.rule] }

  mutating func entropyWishes(_ model: ModelFacts) -> [Request] {
    guard settings.view == .entropy else { return [] }
    let wish = entropy.wish(settings.prompt, model.number)
    entropy.patch(settings.patching)
    let judgement = model.blt.flatMap {
      entropy.judgementWish(settings.patching, context: $0.context)
    }
    return (wish.map { [.inspect(.entropies($0))] } ?? [])
      + (judgement.map { [.inspect(.judge($0))] } ?? [])
  }

  mutating func updateEntropy(_ command: Command) throws(Failure) {
    if command.name == .rule {
      var rule = PatchRule(rawValue: command.text) ?? settings.patching.rule
      let add = command.number("add")
      if add != nil || rule == .added {
        guard rule == .global || rule == .added else {
          throw Failure("rule: add= is of the rule global", code: 64)
        }
        rule = add == nil ? .global : .added
      }
      settings.patching = Patching(
        rule, threshold: settings.patching.threshold, rise: Float(add ?? 0),
        size: command.integer("size") ?? 4, longest: command.integer("max"))
    } else if let mean = command.number("mean") {
      settings.patching.threshold = try threshold(forMean: mean)
    } else {
      settings.patching.threshold = command.number(0).map { Float($0) } ?? 0
    }
  }

  private func threshold(forMean mean: Double) throws(Failure) -> Float {
    let rule = settings.patching.rule
    guard [.global, .monotonic].contains(rule) else {
      throw Failure(
        "threshold: the rule \(rule.rawValue) has none to find; rule global first", code: 64)
    }
    guard mean > 1 else { throw Failure("threshold: mean \(mean) is not above 1", code: 64) }
    guard entropy.isComplete, entropy.count > 1 else {
      let isShort = entropy.isComplete && settings.view == .entropy
      throw Failure(
        "threshold: "
          + (isShort ? "a mean needs two bytes or more" : "entropies are not known yet; wait idle"),
        code: 64)
    }
    return entropy.threshold(forMean: mean, settings.patching)
  }

  /// The byte that the cursor stands on.
  package var byte: Int {
    max(0, min(entropy.bytes.count - 1, settings.cursors[.entropy]?.row ?? 0))
  }
}
