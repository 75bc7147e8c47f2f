// How unsure a model is of every next byte: bars in the gaps between the bytes, the patches that
// five rules make of them, and the dial of the threshold.

import Inspection
import Models
import Screen

struct EntropyView: View {
  let name = ViewName.entropy
  let panes = ["bars", "numbers"]
  let focuses = ["text", "ribbons"]

  func status(_ bench: Bench) -> String {
    guard let model = bench.model else { return "no model is open" }
    let count = bench.settings.prompt.count
    let last = count == Bench.promptLimit ? "its last " : ""
    let text = "prompt, \(last)\(Numbers.grouped(count)) bytes"
    guard let facts = bench.entropy.facts else { return "\(model.title)   \(text)" }
    let size = ModelFacts.size(facts.parameters)
    let name = facts.name.split(separator: "/").last.map(String.init) ?? facts.name
    let stand = facts.standsInFor == nil ? "" : "   beside \(model.title)"
    return "\(name) \(size)   \(text)\(stand)"
  }

  func state(_ bench: Bench) -> String? {
    let state = bench.entropy
    guard !state.isComplete, bench.pending > 0 else {
      return state.isComplete && bench.pending == 0 ? "byte \(bench.byte)" : nil
    }
    return "computing \(100 * state.next.count / (state.bytes.count + 1)) %"
  }

  func extent(_ bench: Bench) -> Size {
    Size(rows: max(1, bench.entropy.bytes.count), columns: 5)
  }

  // MARK: - Places

  /// Where everything stands in an area.
  struct Layout {
    var note, text, bars, numbers, lengths, lower: Rect
    /// All five ribbons, or that of the rule.
    var showsRules: Bool
    var isNarrow: Bool

    init(_ area: Rect) {
      isNarrow = area.width < 72
      let isWide = area.width >= 112 && area.height >= 33
      showsRules = !isNarrow && area.height >= 16
      var rest: Rect
      (note, rest) = area.split(top: area.height >= 8 ? 1 : 0)
      (text, rest) = rest.split(
        top: isWide ? min(10, area.height - 31) : area.height >= 15 ? 2 : 0)
      (rest, lengths) = rest.split(bottom: isWide || area.height < 8 ? 0 : 1)
      (rest, lower) = rest.split(bottom: isWide ? 9 : 0)
      (bars, numbers) = rest.split(bottom: 2)
    }
  }

  // MARK: - Drawing

  func draw(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    let (layout, state) = (Layout(area), bench.entropy)
    canvas.write(
      layout.isNarrow
        ? "a bar AFTER a byte: how unsure of the NEXT one"
        : "A bar stands in the gap AFTER a byte: how unsure the model is of the NEXT one.",
      in: layout.note, .dim)
    guard state.count > 0, bench.patches != nil else {
      var flow = TextFlow([
        TextFlow.Span(bench.whyNoEntropies, state.failure == nil ? .dim : .warning)
      ])
      flow.keepsWords = true
      return canvas.draw(flow, in: layout.bars)
    }
    drawText(bench, on: &canvas, in: layout.text)
    // A large screen has the numbers below in any case.
    if pane(bench) == "numbers", layout.lower.isEmpty {
      drawNumbers(bench, on: &canvas, in: layout.bars)
    } else {
      drawBars(bench, on: &canvas, layout)
    }
    drawByte(bench, on: &canvas, in: layout.numbers)
    let count = "\(Numbers.grouped(bench.patches?.lengths.count ?? 0)) patches"
    let (line, right) = layout.lengths.split(right: count.count + 1)
    let title = layout.isNarrow ? "" : "patch lengths"
    let used = canvas.write(title, in: line, .dim)
    let bars = line.split(left: used + (used > 0 ? 2 : 0)).1
    Bars(bench.patchLengths).drawLine(on: &canvas, in: bars)
    canvas.write(right: count, in: right)
    drawNumbers(bench, on: &canvas, in: layout.lower)
  }

  /// The text as it is read: patch starts underlined, what a boundary follows bold.
  private func drawText(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    guard !area.isEmpty, let ends = bench.patches?.ends else { return }
    var (flow, starts) = bench.entropy.flow(around: bench.byte, room: area.width * area.height)
    for (span, start) in starts.enumerated() {
      let last = (span + 1 < starts.count ? starts[span + 1] : start + 1) - 1
      flow.spans[span].startsPatch = start == 0 || start <= ends.count && ends[start - 1]
      guard last < ends.count, let next = bench.entropy.after(last) else { continue }
      flow.spans[span].ink = .shade(.share(Double(next.entropy) / 3))
      if ends[last] { flow.spans[span].flags = .bold }
    }
    let placed = flow.layout(width: area.width - 1)
    let line = placed.first { $0.span == flow.cursor }?.at.row ?? 0
    let lines = (placed.last?.at.row ?? 0) + 1
    flow.first = max(0, min(line - (area.height - 1) / 2, lines - area.height))
    canvas.draw(flow, in: area.split(left: area.width - 1).0)
  }

  /// The bytes around the cursor, which stands in the middle, with one before them.
  func bars(_ bench: Bench, _ layout: Layout) -> (bars: GapBars, first: Int) {
    let (state, settings) = (bench.entropy, bench.settings)
    let scale = bench.natScale
    let rules =
      layout.showsRules ? settings.patching.ribbons : [settings.patching.rule]
    var bars = GapBars(
      characters: [], values: [], boundaries: [],
      threshold: Double(settings.patching.threshold) * scale)
    bars.unit = settings.units
    bars.top = Double(state.next.dropFirst().lazy.map(\.entropy).max() ?? 0) * scale
    bars.ribbons = rules.map { GapBars.Ribbon($0.rawValue, [], mean: .nan) }
    let shown = bars.room(in: layout.bars)
    let first = max(0, min(bench.byte - shown / 2, state.count - shown))
    let range = max(0, first - 1)..<min(state.count, first + shown)
    bars.characters = range.map(state.glyph)
    bars.values = range.map { Double(state.next[$0 + 1].entropy) * scale }
    bars.boundaries = Array(bench.patches?.ends[range] ?? [])
    bars.ribbons = rules.map { rule in
      let patches = state.patches[rule]
      return GapBars.Ribbon(
        rule == .added ? "global+" : rule.rawValue, Array(patches?.ends[range] ?? []),
        mean: patches?.mean ?? .nan, isChosen: rule == settings.patching.rule)
    }
    (bars.cursor, bars.first) = (bench.byte - range.lowerBound, first - range.lowerBound)
    return (bars, range.lowerBound)
  }

  private func drawBars(_ bench: Bench, on canvas: inout Canvas, _ layout: Layout) {
    let (bars, _) = bars(bench, layout)
    canvas.draw(bars, in: layout.bars)
    let cursor = canvas.cursor?.column ?? 0
    if bars.characters.contains("␊"), cursor < layout.bars.right - 20 {
      canvas.write(right: "␊ is a newline", in: layout.bars.line(0), .dim)
    }
    guard focus(bench) == "ribbons", layout.showsRules else { return }
    let row = layout.bars.line(layout.bars.height - 5 + ribbon(bench))
    canvas.mark(row.split(left: 9).0, .reverse)
    canvas.cursor = Position(row.row, row.column)
  }

  /// The ribbon that the cursor stands on.
  func ribbon(_ bench: Bench) -> Int {
    max(0, min(4, bench.settings.cursors[name]?.column ?? 0))
  }

  /// The byte under the cursor, and the one that came.
  private func drawByte(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    let (byte, state) = (bench.byte, bench.entropy)
    guard let next = state.after(byte) else { return }
    let isNarrow = area.width < 72
    let (nats, value) = (Double(next.entropy), state.bytes[byte])
    var text = "after byte \(byte) '\(bench.byteName(Int32(value) + 4))'"
    if !isNarrow { text += " (\(hex(value)))" }
    text += ": \(Numbers.fixed(nats, 3)) nats"
    text += isNarrow ? ";" : " = \(Numbers.fixed(nats * log2e, 3)) bits; likeliest"
    for candidate in next.likeliest.prefix(3) {
      let share = Numbers.fixed(Double(candidate.probability), 3).drop { $0 == "0" }
      let item = " \(bench.candidateName(candidate.id)) \(share)"
      if Glyphs.width(text + item) <= area.width { text += item }
    }
    canvas.write(text, in: area)
    let verdict = ".  " + bench.verdict(byte, isShort: isNarrow)
    var came = "nothing came"
    if let surprise = next.surprise, let rank = next.rank {
      let name = bench.byteName(Int32(state.bytes[byte + 1]) + 4)
      let shown = Numbers.fixed(bench.natScale * Double(surprise), 3)
      came = "came '\(name)'\(isNarrow ? "" : ": surprise") \(shown)"
      if bench.settings.units == "bits" { came += " bits" }
      came += ", rank \(rank)"
      let all = " of \(state.facts?.vocabulary ?? 260)"
      if Glyphs.width(came + all + verdict) <= area.width { came += all }
    }
    canvas.write(came + verdict, in: area, line: 1)
  }

  /// The eight likeliest bytes, the lengths of patches, and what is known of the model.
  private func drawNumbers(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    guard area.height > 2 else { return }
    let facts = self.facts(bench)
    guard area.width >= 72 else { return draw("model and patches", facts, on: &canvas, in: area) }
    let isWide = area.width >= 112
    let (left, rest) = area.split(left: area.width * (isWide ? 1 : 2) / (isWide ? 3 : 5))
    let likeliest = bench.entropy.after(bench.byte)?.likeliest ?? []
    canvas.write("likeliest after byte \(bench.byte)", in: left, .title)
    let items = likeliest.map {
      Bars.Item(
        bench.candidateName($0.id), Double($0.probability),
        Numbers.fixed(Double($0.probability), 3))
    }
    canvas.draw(Bars(items, full: 1), in: left.split(top: 1).1.split(right: 2).0)
    var (middle, right) =
      isWide ? rest.split(left: rest.width / 2) : rest.split(top: facts.count + 1)
    if !isWide { (middle, right) = (right, middle) }
    draw("model and patches", facts, on: &canvas, in: right)
    canvas.write("patch lengths in bytes", in: middle, .title)
    canvas.draw(Bars(bench.patchLengths), in: middle.split(top: 1).1.split(right: 2).0)
  }

  private func draw(
    _ title: String, _ facts: [(name: String, value: String)], on canvas: inout Canvas,
    in area: Rect
  ) {
    canvas.write(title, in: area, .title)
    for (line, fact) in facts.enumerated() where line + 1 < area.height {
      canvas.write(fact.name, in: area, line: line + 1, .dim)
      canvas.write(fact.value, in: area, line: line + 1, column: 11)
    }
  }

  private func facts(_ bench: Bench) -> [(name: String, value: String)] {
    let (state, patching) = (bench.entropy, bench.settings.patching)
    let lengths = bench.patches?.lengths ?? []
    let total = state.next.dropFirst().reduce(0) { $0 + Double($1.entropy) }
    var facts = [
      (
        "model",
        "\(state.facts?.name ?? "") with window \(state.facts?.window.map(String.init) ?? "none")"
      ),
      ("bits/byte", "\(Numbers.fixed(state.bitsPerByte, 3)) over \(state.count) bytes"),
      ("entropy", "\(bench.inUnits(total / Double(state.count))) on average"),
      ("rule", patching.command(for: patching.rule).description.dropFirst(5).description),
      ("patches", "\(lengths.count), longest \(lengths.max() ?? 0) bytes"),
    ]
    if let blt = bench.model?.blt {
      let bits = state.judgedBits.map { Numbers.fixed($0, 3) + " on these patches" } ?? "…"
      let own = blt.patching
      let rule = own.needsEntropies ? "\(own.threshold)" : own.rule.rawValue
      facts.insert(("BLT", bits), at: 2)
      facts.append(("trained at", own.needsEntropies ? "threshold \(rule)" : "rule \(rule)"))
    }
    return facts
  }

  /// The dial: where the threshold stands, what the patches cost, and what a BLT makes of them.
  func drawLegend(_ bench: Bench, on canvas: inout Canvas, in line: Rect, of area: Rect) {
    let threshold = Double(bench.settings.patching.threshold)
    let mean = bench.patches.map { Numbers.fit($0.mean, 4, decimals: 2) } ?? "   –"
    let end = threshold > 3 ? 6.0 : 3.0
    let unit = bench.settings.units == "bits" && area.width >= 72 ? " nats" : ""
    let left = "threshold \(Glyphs.fit(Numbers.fit(threshold, 4, decimals: 2), 4))\(unit)  0 "
    var right = " \(Int(end)) "
    var judged = ""
    if bench.model?.blt == nil {
      right += area.width < 72 ? "mean \(mean)" : "1 latent step / \(mean) bytes"
    } else {
      right += area.width < 72 ? "mean \(mean)" : " \(mean) bytes a step"
      if area.width >= 100 {
        right += "   entropy model \(Numbers.fit(bench.entropy.bitsPerByte, 5, decimals: 3))"
      }
      let bits = bench.entropy.judgedBits.map { Numbers.fit($0, 5, decimals: 3) } ?? "  …  "
      judged =
        (area.width < 72 ? " BLT " : "   BLT ") + bits + (area.width < 72 ? "" : " bits/byte")
    }
    let room = line.width - Glyphs.width(left) - Glyphs.width(right + judged)
    let width = min(61, room - (judged.isEmpty ? 2 : 0))
    var used = canvas.write(left, in: line)
    if width > 1 {
      let at = Int((max(0, min(1, threshold / end)) * Double(width - 1)).rounded())
      let dial = (0..<width).map { $0 == at ? "O" : "─" }.joined()
      canvas.write(dial, in: line, column: used, .frame)
      canvas.put("O", line.row, line.column + used + at, in: line, .cursor)
      used += width
    }
    used += canvas.write(right, in: line, column: used)
    canvas.write(judged, in: line, column: used, bench.entropy.judgedBits == nil ? .dim : .text)
  }
}

/// Bits in a nat.
let log2e = 1.442_695_040_888_963_4

/// A byte in hexadecimal.
private func hex(_ byte: UInt8) -> String {
  let text = String(byte, radix: 16, uppercase: true)
  return text.count < 2 ? "0" + text : text
}
