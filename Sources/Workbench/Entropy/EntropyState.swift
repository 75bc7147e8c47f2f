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
    return wish.map { [.inspect(.entropies($0))] } ?? []
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
