// What the Model view knows beside the model's facts: one weight, and the stages of a BLT. The tree
// unfolds around the cursor, so which parts are open needs no state of its own.

import Files
import Inspection
import Models
import Screen
import Text

/// The stages of a BLT on the patches of a rule.
public struct StagesWish: Sendable, Equatable {
  /// The number of the open model.
  public var model: Int
  /// The start token and bytes.
  public var ids: [Int32]
  public var patching: Patching
}

package struct ModelState: Sendable {
  /// The weight under the cursor, once it is there.
  package private(set) var weight: WeightFacts?
  /// The stages of the open BLT; older ones until those of the present text and rule come.
  package private(set) var stages: BLTSnapshot?
  fileprivate var asked: String?
  fileprivate var askedStages: StagesWish?

  mutating func receive(_ facts: WeightFacts) {
    if facts.name == asked { weight = facts }
  }

  mutating func receive(_ wish: StagesWish, _ snapshot: BLTSnapshot) {
    if wish == askedStages { stages = snapshot }
  }
}

extension Bench {
  /// The parts of the open model and their costs behind the present prompt.
  var costs: ModelCosts? {
    model.map { model in
      let patches = parts.stages.map { ($0.ids.count, $0.patches.count) }
      let tokens = patches?.0 ?? max(1, ids.count)
      return ModelCosts(
        model.parts, layout: model.layout, vocabulary: model.vocabulary, context: model.context,
        tokens: tokens, window: model.window, blt: model.blt.map { ($0, patches?.1 ?? tokens) })
    }
  }

  /// The masks of the open model behind the present prompt.
  var masks: [(part: String, facts: MaskFacts)] {
    guard let model else { return [] }
    if model.blt != nil { return parts.stages?.masks ?? [] }
    let mask: AttentionMask = model.window.map { .window($0) } ?? .causal
    return [("layers", MaskFacts(mask, tokens: max(1, ids.count)))]
  }

  /// The place among the parts where the cursor stands.
  func part(in costs: ModelCosts) -> Int {
    max(0, min(costs.parts.count - 1, settings.cursors[.model]?.row ?? 0))
  }

  /// The facts of the weight under the cursor; nil for a group, or while they are on their way.
  var chosenWeight: WeightFacts? {
    guard let costs, case let name = costs.parts[part(in: costs)].weight else { return nil }
    return parts.weight?.name == name ? parts.weight : nil
  }

  /// The byte under the cursor, which is that of the Entropy view; without one the last of a whole
  /// patch.
  func stageByte(in stages: BLTSnapshot) -> Int {
    let whole = (stages.patches.last?.upperBound ?? 0) - 2
    return max(0, min(stages.ids.count - 2, settings.cursors[.entropy]?.row ?? whole))
  }

  mutating func modelWishes(_ model: ModelFacts) -> [Request] {
    guard settings.view == .model, let costs else { return [] }
    var requests: [Request] = []
    if let name = costs.parts[part(in: costs)].weight, name != parts.asked {
      parts.asked = name
      requests.append(.inspect(.weight(name)))
    }
    if let blt = model.blt, blt.context > 1, !settings.prompt.isEmpty {
      let bytes = settings.prompt.prefix(blt.context - 1)
      let wish = StagesWish(
        model: model.number, ids: [1] + bytes.map { Int32($0) + ByteTokenizer.offset },
        patching: settings.patching)
      if wish != parts.askedStages {
        parts.askedStages = wish
        requests.append(.inspect(.stages(wish)))
      }
    }
    return requests
  }

  // MARK: - Stages

  /// Goes to a stage of the open BLT; false for a word that names none.
  mutating func setBLTStage(_ word: String) throws(Failure) -> Bool {
    let all = BLTStage.allCases
    let here = all.firstIndex(of: settings.bltStage) ?? 0
    let isStep = settings.view == .model && (word == "next" || word == "back")
    guard isStep || BLTStage(rawValue: word) != nil else { return false }
    guard model?.blt != nil else {
      throw Failure("stage: only a BLT has the stage \(word); open one first", code: 64)
    }
    guard isStep else {
      settings.bltStage = BLTStage(rawValue: word) ?? .bytes
      return true
    }
    let place = here + (word == "next" ? 1 : -1)
    guard all.indices.contains(place) else {
      throw Failure(
        word == "next"
          ? "this is the last stage; p goes back" : "this is the first stage; n goes on",
        code: 64)
    }
    settings.bltStage = all[place]
    return true
  }
}

extension ModelCosts {
  /// The parts that show with the cursor on one of them: what is in the whole model, in the groups
  /// around the cursor, and these themselves.
  func visible(from cursor: Int) -> [Int] {
    var open: Set<Int> = [0]
    var next = parts[cursor].parent
    while let group = next {
      open.insert(group)
      next = parts[group].parent
    }
    return parts.indices.filter { parts[$0].parent.map(open.contains) ?? true }
  }
}
