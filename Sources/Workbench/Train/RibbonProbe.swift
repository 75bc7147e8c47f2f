// What the Train view shows of a model of bytes while it learns: how unsure it is behind every
// byte of a prompt, and where patches end.

import Inspection
import Models
import Screen
import Text
import Training

/// How unsure a model in training is behind each byte of a prompt.
public struct RibbonProbe: Sendable {
  public var step: Int
  /// The start token and the bytes.
  public var ids: [Int32]
  /// Behind each of them, in nats.
  public var entropies: [Float]
  /// Of a BLT for each of them whether a patch ends there: its entropy model does not learn.
  ///
  /// Nil for an entropy model, whose patches the dial decides.
  public var ends: [Bool]?
}

/// A prompt for a model of bytes.
struct RibbonPrompt {
  private let ids: [Int32]
  private let ends: [Bool]?

  /// The most bytes that are read.
  static let limit = 256

  /// The beginning of the prompt, or of a text that is held out; nil for other models.
  init?(_ prompt: [UInt8], _ run: TrainingRun) {
    let blt = run.model as? BLT
    guard blt != nil || run.model is EntropyModel, run.corpus.tokenizer is ByteTokenizer else {
      return nil
    }
    var text = prompt.map { Int32($0) + ByteTokenizer.offset }
    if text.isEmpty { text = ((try? run.example())?.input ?? []).filter { $0 >= 4 } }
    let room = min(RibbonPrompt.limit, run.model.context - 1)
    guard !text.isEmpty, room > 0 else { return nil }
    ids = [1] + text.prefix(room)
    ends = blt?.patchEnds(Tokens([ids]))
  }

  func look(at model: any LanguageModel, step: Int) -> RibbonProbe {
    RibbonProbe(
      step: step, ids: ids, entropies: model(Tokens([ids]), Pass()).entropies(),
      ends: ends)
  }
}

extension TrainView {
  /// The prompt with its patches, line by line: a bar in the gap after each byte.
  func drawRibbon(
    _ ribbon: RibbonProbe, _ bench: Bench, on canvas: inout Canvas, in area: Rect
  ) {
    guard area.height > 0 else { return }
    let patching = bench.settings.patching
    let ends = ribbon.ends ?? patching.ends(ids: ribbon.ids, entropies: ribbon.entropies)
    let isFixed = ribbon.ends != nil || !patching.needsEntropies
    let (count, patches) = (ribbon.ids.count - 1, Patching.lengths(Array(ends.dropFirst())).count)
    let mean = Numbers.fit(Double(count) / Double(max(1, patches)), 4, decimals: 2)
    canvas.write("probe: \(mean) bytes a patch", in: area, .title)
    let threshold = Numbers.fit(Double(patching.threshold), 4, decimals: 2)
    let rule =
      ribbon.ends != nil
      ? "given patches" : patching.ruleName + (isFixed ? "" : " \(threshold)")
    let total = ribbon.entropies.dropFirst().reduce(0) { $0 + Double($1) }
    canvas.write("\(rule), \(bench.inUnits(total / Double(count)))", in: area, line: 1)
    var rest = area.split(top: 2).1
    // A line of text with one or two of bars; nothing moves while the model learns.
    let height = rest.height >= 9 ? 3 : min(3, rest.height)
    let across = rest.width / 2
    for start in stride(from: 0, to: count, by: max(1, across)) where rest.height >= height {
      let line: Rect
      (line, rest) = rest.split(top: height)
      guard height > 1 else { break }
      let range = start..<min(count, start + across)
      var bars = GapBars(
        characters: range.map { Glyphs.column(UInt8(ribbon.ids[$0 + 1] - 4)) },
        values: range.map { Double(ribbon.entropies[$0 + 1]) },
        boundaries: range.map { ends[$0 + 1] },
        threshold: isFixed || patching.rule != .global ? .nan : Double(patching.threshold))
      // Always the same scale, so that learning shows.
      (bars.showsScale, bars.top) = (false, 4)
      canvas.draw(bars, in: line)
    }
  }
}
