// What keys, clicks, the help and exports make of the Entropy view.

import Inspection
import Models
import Screen

extension EntropyView {
  func footer(_ bench: Bench) -> [(keys: String, verb: String)] {
    focus(bench) == "ribbons"
      ? [("up/down", "rule"), ("Enter", "takes it"), ("+ -", "threshold"), ("Tab", "text")]
      : [
        ("+ -", "threshold"), ("arrows", "byte"), ("n/p", "next boundary"), ("m", "rule"),
        ("i", "text"), ("v", "pane"), ("e", "export"),
      ]
  }

  func action(for key: Key, _ bench: Bench) -> Action? {
    let isRibbons = focus(bench) == "ribbons"
    let patching = bench.settings.patching
    switch key {
    case .left, .character("h"): return go(to: bench.byte - 1, bench)
    case .right, .character("l"): return go(to: bench.byte + 1, bench)
    case .up, .character("k"): return isRibbons ? turn(-1, bench) : line(-1, bench)
    case .down, .character("j"): return isRibbons ? turn(1, bench) : line(1, bench)
    case .home: return go(to: 0, bench)
    case .end: return go(to: .max, bench)
    case .pageUp: return go(to: bench.byte - 32, bench)
    case .pageDown: return go(to: bench.byte + 32, bench)
    case .character("n"), .character("]"):
      let ends = bench.patches?.ends ?? []
      let next = ends.indices.dropFirst(bench.byte + 1).first { ends[$0] }
      return next.map { go(to: $0, bench) } ?? .say("no boundary follows")
    case .character("p"), .character("["):
      let last = (bench.patches?.ends ?? []).prefix(bench.byte).lastIndex(of: true)
      return last.map { go(to: $0, bench) } ?? .say("no boundary before")
    case .character("+"), .character("="): return turnDial(up: true, bench)
    case .character("-"): return turnDial(up: false, bench)
    case .character("m"):
      let here = patching.ribbons.firstIndex(of: patching.rule) ?? 0
      return .run(patching.command(for: patching.ribbons[(here + 1) % 5]))
    case .enter:
      guard isRibbons else { return .say("Tab goes to the rules, Enter takes one there") }
      return .run(patching.command(for: patching.ribbons[ribbon(bench)]))
    case .escape: return isRibbons ? .run(bench.set("focus", "text")) : nil
    case .character(" "): return .say("nothing runs here; + and - turn the threshold")
    default: return nil
    }
  }

  private func go(to byte: Int, _ bench: Bench) -> Action { bench.cursor(byte, ribbon(bench)) }

  private func turn(_ step: Int, _ bench: Bench) -> Action {
    bench.cursor(bench.byte, ribbon(bench) + step)
  }

  private func line(_ step: Int, _ bench: Bench) -> Action {
    guard !bench.entropy.bytes.isEmpty else { return .say(bench.whyNoEntropies) }
    return go(to: bench.entropy.byte(step, from: bench.byte, width: bench.size.columns - 1), bench)
  }

  private func turnDial(up: Bool, _ bench: Bench) -> Action {
    // Twentieths, so that a step up and a step down meet again.
    let steps = Double(bench.settings.patching.threshold) * 20 + (up ? 1e-4 : -1e-4)
    let value = (steps.rounded(up ? .down : .up) + (up ? 1 : -1)) / 20
    guard (0...5.56).contains(value) else {
      return .say("the threshold is as \(up ? "high" : "low") as it goes")
    }
    return .run(Command(.threshold, Numbers.fixed(value, 2)))
  }

  func click(at place: Position, in area: Rect, _ bench: Bench) -> Action? {
    let layout = Layout(area)
    guard bench.entropy.count > 0, pane(bench) == "bars",
      layout.bars.contains(place.row, place.column)
    else { return nil }
    let (bars, first) = bars(bench, layout)
    let ribbon = place.row - layout.bars.end + bars.ribbons.count
    if ribbon >= 0, layout.showsRules {
      let patching = bench.settings.patching
      return .run(patching.command(for: patching.ribbons[ribbon]))
    }
    return bars.character(at: place, in: layout.bars).map { go(to: first + $0, bench) }
  }

  func find(_ text: String, _ bench: Bench) -> Position? {
    text.bytes.place(in: bench.entropy.bytes, behind: bench.byte)
      .map { Position($0, ribbon(bench)) }
  }

  // MARK: - Help and export

  func explanation(_ bench: Bench) -> String {
    guard let next = bench.entropy.after(bench.byte) else { return bench.whyNoEntropies }
    return "byte \(bench.byte): what follows it is unsure by "
      + "\(bench.inUnits(Double(next.entropy))); \(bench.verdict(bench.byte))"
  }

  func elements(_ bench: Bench) -> [(name: String, meaning: String)] {
    let facts = bench.entropy.facts
    let other = facts?.standsInFor.map { ": \($0) reads no bytes, so models/entropy does" } ?? ""
    return [
      ("model", "the open one if it is an entropy model or a BLT, else models/entropy" + other),
      ("text", "coloured by entropy; underlined: a patch starts, bold: one ends"),
      ("bar", "in the gap after a byte: the entropy of the next one, 0 is sure"),
      ("threshold", "the line: what rises above it ends a patch under the rule global"),
      ("ribbons", "where each rule cuts; mean is bytes a patch"),
      ("global", "entropy above the threshold; add=X wants a rise of X too"),
      ("monotonic", "entropy that rises by more than the threshold"),
      ("space", "a space or sign after a letter"), ("static", "size=N bytes a patch"),
      ("surprise", "-ln of the probability of the byte that came"),
      ("bits/byte", "the mean surprise of all bytes in bits; the dial does not change it"),
      ("latent step", "what a patch costs: the large model of a BLT runs once"),
      ("BLT bits/byte", "of an open BLT on these very patches; … until they are computed"),
      ("bits", "set units=bits shows bars, surprise and means in bits; the dial stays in nats"),
    ]
  }

  /// A row a byte.
  func data(_ bench: Bench) -> Table? {
    guard let ends = bench.patches?.ends, bench.entropy.count > 0 else { return nil }
    let titles = ["byte", "value", "text", "entropy", "surprise", "rank", "boundary"]
    let rows = ends.indices.map { byte in
      let (value, next) = (bench.entropy.bytes[byte], bench.entropy.next[byte + 1])
      return [
        "\(byte)", "\(value)", bench.byteName(Int32(value) + 4), "\(next.entropy)",
        next.surprise.map { "\($0)" } ?? "", next.rank.map(String.init) ?? "",
        ends[byte] ? "1" : "0",
      ]
    }
    return Table(titles.map { Table.Column($0) }, rows)
  }
}
