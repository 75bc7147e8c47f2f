import Files
import Inspection
import Models
import Text
import Training

/// One head's attention on a prompt, as the model in training has it now.
public struct HeadProbe: Sendable {
  public var step: Int
  public var head: HeadReference
  public var tokens: [String]
  /// Row by row, each up to its own column.
  public var weights: [[Float]]
  /// For `copy`: the mean weight on the token behind the first occurrence.
  ///
  /// It is taken over the tokens whose successor is to be known from there, and shows an induction
  /// head.
  public var induction: Double?
}

/// A prompt that is looked at again and again while a model learns.
struct ProbePrompt {
  let ids: [Int32]
  let tokens: [String]
  /// For `copy`: rows in the second occurrence, and the places behind the same in the first.
  private let repeats: [(row: Int, column: Int)]

  /// The most tokens that are read.
  static let limit = 64

  /// A prompt of the run's own kind: the text as far as its tokenizer knows it, else a sequence
  /// that is held out.
  init?(_ prompt: [UInt8], _ run: TrainingRun) {
    let room = min(ProbePrompt.limit, run.model.context)
    if let tokenizer = run.corpus.tokenizer {
      // Without a prompt, the beginning of a text that is held out.
      let typed = (try? tokenizer.encodeWhole(prompt)) ?? []
      let own = typed.isEmpty ? ((try? run.example())?.input ?? []).prefix(16) : []
      ids = Array((typed.isEmpty ? Array(own) : typed).suffix(room))
      guard !ids.isEmpty else { return nil }
      tokens = ids.map { tokenizer.piece($0) }
      repeats = []
    } else {
      guard let sequence = try? run.example() else { return nil }
      // Up to the last token whose successor is to be learned.
      let last = sequence.targets.lastIndex { $0 >= 0 } ?? sequence.input.count - 1
      ids = Array(sequence.input[...last].suffix(room))
      tokens = ids.map { String($0) }
      guard run.plan.training.data.make == "copy" else {
        repeats = []
        return
      }
      let (ids, start) = (self.ids, last + 1 - ids.count)
      repeats = ids.indices.compactMap { row in
        let target = sequence.targets[start + row]
        guard target >= 0 else { return nil }
        let first = ids[..<row].indices.first { ids[$0] == ids[row] && ids[$0 + 1] == target }
        return first.map { (row, $0 + 1) }
      }
    }
  }

  /// Looks at a model; without a head, at the one that looks hardest, or still at `last` where
  /// none is clearly better.
  func look(
    at model: any LanguageModel, step: Int, head: HeadReference?, last: HeadReference?
  ) -> HeadProbe {
    let snapshot = AttentionSnapshot(model, ids: ids)
    let heads = (0..<model.layers).flatMap { layer in
      (0..<model.headLayout.heads).map { HeadReference(layer: layer, head: $0) }
    }
    var chosen = head.flatMap { heads.contains($0) ? $0 : nil }
    if chosen == nil {
      let scores = heads.map { score(snapshot, $0) }
      let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
      chosen = heads[best]
      if let last, let old = heads.firstIndex(of: last), scores[old] > scores[best] - 0.1 {
        chosen = last
      }
    }
    let head = chosen ?? HeadReference(layer: 0, head: 0)
    let weights = ids.indices.map { row in
      Array(snapshot.weights(head.layer, head.head, row)[...row])
    }
    let induced = repeats.map { Double(weights[$0.row][$0.column]) }
    return HeadProbe(
      step: step, head: head, tokens: tokens, weights: weights,
      induction: induced.isEmpty ? nil : induced.reduce(0, +) / Double(induced.count))
  }

  /// How hard a head looks: at what came behind a first occurrence, or anywhere in the last row
  /// but at its first and its own token, where heads rest.
  private func score(_ snapshot: AttentionSnapshot, _ head: HeadReference) -> Double {
    if !repeats.isEmpty {
      let found = repeats.map { repetition in
        Double(snapshot.weights(head.layer, head.head, repetition.row)[repetition.column])
      }
      return found.reduce(0, +) / Double(found.count)
    }
    let row = snapshot.weights(head.layer, head.head, ids.count - 1)
    return Double(row.dropFirst().dropLast().max() ?? row.first ?? 0)
  }
}
