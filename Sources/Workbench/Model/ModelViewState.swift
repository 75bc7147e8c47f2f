// What the Model view knows beside the model's facts: one weight. The tree unfolds around the
// cursor, so which parts are open needs no state of its own.

import Files
import Inspection
import Screen

package struct ModelState: Sendable {
  /// The weight under the cursor, once it is there.
  package private(set) var weight: WeightFacts?
  fileprivate var asked: String?

  mutating func receive(_ facts: WeightFacts) {
    if facts.name == asked { weight = facts }
  }
}

extension Bench {
  /// The parts of the open model and their costs behind the present prompt.
  var costs: ModelCosts? {
    model.map {
      ModelCosts(
        $0.parts, layout: $0.layout, vocabulary: $0.vocabulary, context: $0.context,
        tokens: max(1, ids.count))
    }
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

  mutating func modelWishes(_ model: ModelFacts) -> [Request] {
    guard settings.view == .model, let costs else { return [] }
    guard let name = costs.parts[part(in: costs)].weight, name != parts.asked else { return [] }
    parts.asked = name
    return [.inspect(.weight(name))]
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
