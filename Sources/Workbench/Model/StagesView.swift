// A BLT in the Model view: its stages from bytes over patches and latents to bytes again, and what
// cross-attention does at the byte under the cursor.

import Inspection
import Models
import Screen

extension ModelView {
  /// Where everything stands in an area.
  struct StagesLayout {
    var strip, caption, band, table, masks, detail: Rect

    init(_ area: Rect, masks count: Int) {
      var rest = area
      (strip, rest) = rest.split(top: 1)
      (caption, rest) = rest.split(top: area.height < 12 ? 0 : 1)
      (band, rest) = rest.split(top: area.height < 8 ? 1 : 4)
      rest = rest.split(top: area.height < 14 ? 0 : 1).1
      guard area.width >= 72 else {
        (table, detail) = rest.split(top: 1)
        masks = detail.split(top: 0).0
        return
      }
      (table, detail) = rest.split(left: 46)
      detail = detail.split(left: 2).1
      (table, masks) = table.split(top: min(table.height, 9))
      if masks.height < count + 2 { masks = masks.split(top: 0).0 }
    }

    var isNarrow: Bool { table.height <= 1 }
  }

  func stagesStatus(_ bench: Bench, _ model: ModelFacts) -> String {
    let name = "\(model.title) \(ModelFacts.size(model.parameters))   "
    guard let stages = bench.parts.stages else { return name + "its stages" }
    let (bytes, all) = (stages.ids.count - 1, bench.settings.prompt.count)
    let first = bytes < all ? "the first " : ""
    return name + "\(first)\(Numbers.grouped(bytes)) bytes and a start token: "
      + "\(stages.patches.count) whole patches"
  }

  // MARK: - Drawing

  func drawStages(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    guard let stages = bench.parts.stages else {
      return _ = canvas.write("computing", in: area, column: 1, .dim)
    }
    let (stage, byte) = (bench.settings.bltStage, bench.stageByte(in: stages))
    let layout = StagesLayout(area, masks: stages.masks.count)
    let all = BLTStage.allCases
    let strip = StageStrip(
      names: all.map(\.rawValue), here: all.firstIndex(of: stage) ?? 0,
      // Bytes, patches, and bytes again.
      borders: [1, 3])
    canvas.draw(strip, in: layout.strip.inset(rows: 0, columns: 1))
    canvas.write(caption(stage, stages), in: layout.caption, column: 1)
    drawBand(stages, byte, on: &canvas, in: layout.band)
    drawShapes(stage, stages, on: &canvas, in: layout.table, isNarrow: layout.isNarrow)
    drawMasks(stages.masks, on: &canvas, in: layout.masks)
    drawDetail(stage, stages, byte, bench, on: &canvas, in: layout.detail)
  }

  /// What the stage does, in a line.
  private func caption(_ stage: BLTStage, _ stages: BLTSnapshot) -> String {
    let c = stages.config
    func count(_ n: Int, _ word: String) -> String { "\(n) \(word)\(n == 1 ? "" : "s")" }
    let window = c.window.map { "the last \($0) bytes" } ?? "all bytes before"
    switch stage {
    case .bytes:
      let sizes = c.hashSizes.map(String.init).joined(separator: ", ")
      return "a vector for every byte, plus one for each of the \(sizes) bytes up to it"
    case .encoder: return "\(count(c.encoder.layers, "layer")) of attention over \(window)"
    case .patches:
      return "a patch's largest numbers ask, its own bytes answer: \(count(c.slots, "slot"))"
    case .latent:
      return "\(count(c.latent.layers, "layer")) over patches: runs \(stages.patches.count) times "
        + "for \(stages.ids.count) tokens"
    case .decoder:
      return "each byte reads the slots of the latest complete patch, then \(window)"
    case .logits: return "a score for every next byte; softmax makes them probabilities"
    }
  }

  // MARK: - The text

  /// The bytes around the cursor as columns with the gaps between them.
  func band(_ stages: BLTSnapshot, _ byte: Int, in area: Rect) -> (bars: GapBars, first: Int) {
    let count = stages.ids.count - 1
    let ends = Set(stages.patches.map { $0.upperBound - 1 })
    var bars = GapBars(characters: [], values: [], boundaries: [], threshold: .nan)
    let shown = bars.room(in: area)
    let first = max(0, min(byte - shown * 2 / 3, count - shown))
    let range = first..<min(count, first + shown)
    bars.characters = range.map { Glyphs.column(UInt8(stages.ids[$0 + 1] - 4)) }
    bars.boundaries = range.map { ends.contains($0 + 1) }
    bars.cursor = byte - first
    return (bars, first)
  }

  /// The text with its patches, their numbers, and the patch whose slots the decoder reads.
  private func drawBand(
    _ stages: BLTSnapshot, _ byte: Int, on canvas: inout Canvas, in area: Rect
  ) {
    let text = area.line(area.height < 4 ? 0 : 1)
    let (bars, first) = band(stages, byte, in: text)
    canvas.draw(bars, in: text)
    func column(_ byte: Int) -> Int? { bars.column(of: byte - first, in: text) }
    guard area.height >= 4, let here = column(byte) else { return }
    canvas.write("byte \(byte)", in: area, .title)
    canvas.put("▾", area.row, here, in: area, .boundary, .bold)
    canvas.write("patch", in: area, line: 2, column: 1)
    canvas.write("reads", in: area, line: 3, column: 1)
    let source = stages.sources[byte + 1]
    for patch in 1...max(1, stages.patches.count) {
      // Places of bytes: the start token is none, and its patch has no number.
      let range = stages.range(of: patch)
      let places = (range.lowerBound - 1..<range.upperBound - 1).compactMap(column)
      guard let left = places.first, let right = places.last else { continue }
      let name = Self.number(of: patch)
      let line = Rect(row: area.row + 2, column: left, height: 1, width: right - left + 2)
      if name.count < line.width { canvas.write(name, in: line) }
      guard patch == source else { continue }
      let bar = Rect(row: area.row + 3, column: left, height: 1, width: right - left + 1)
      canvas.fill(bar, "━", .boundary)
    }
    if source == 0 {
      let start = area.line(3).split(left: (column(first) ?? area.column) - area.column).1
      canvas.write("the start token's patch", in: start, .dim)
    }
  }

  /// The number of a patch as the Entropy view counts them, where the start token is none.
  static func number(of patch: Int) -> String { patch == 0 ? "start" : "\(patch - 1)" }

  // MARK: - Shapes

  private func drawShapes(
    _ stage: BLTStage, _ stages: BLTSnapshot, on canvas: inout Canvas, in area: Rect,
    isNarrow: Bool
  ) {
    let c = stages.config
    let (n, p, k, e) = (stages.ids.count, stages.patches.count, c.slots, c.encoder.width)
    func layers(_ count: Int) -> String { "\(count) layer\(count == 1 ? "" : "s")" }
    let window = c.window.map { ", last \($0)" } ?? ", causal"
    let rows: [(stage: BLTStage, name: String, letters: String, sizes: [Int], what: String)] = [
      (.bytes, "bytes", "n x E", [n, e], "table, \(c.hashSizes.count * c.hashFunctions) hashes"),
      (.encoder, "encoder", "n x E", [n, e], layers(c.encoder.layers) + window),
      (.patches, "patches", "p x k x E", [p, k, e], "maximum, attention"),
      (.latent, "latent", "p x G", [p, c.latent.width], layers(c.latent.layers) + ", causal"),
      (.latent, "slots", "p x k x E", [p, k, e], "one matrix"),
      (.decoder, "decoder", "n x E", [n, e], layers(c.decoder.layers) + window),
      (.logits, "logits", "n x V", [n, c.vocabulary], "one matrix"),
    ]
    func text(_ row: Int) -> String {
      Glyphs.fit(rows[row].name, 8) + Glyphs.fit(rows[row].letters, 10)
        + Glyphs.fit(ModelView.sizes(rows[row].sizes), 9) + rows[row].what
    }
    guard !isNarrow else {
      let here = rows.firstIndex { $0.stage == stage } ?? 0
      return _ = canvas.write(text(here), in: area, column: 1, .title)
    }
    canvas.write("stage   shape", in: area, column: 1, .title)
    for row in rows.indices {
      let isHere = rows[row].stage == stage
      if isHere { canvas.put("▸", area.row + row + 1, area.column, in: area, .boundary, .bold) }
      canvas.write(text(row), in: area, line: row + 1, column: 1, .text, isHere ? .bold : [])
    }
  }

  func drawStagesLegend(_ bench: Bench, on canvas: inout Canvas, in line: Rect) {
    guard let stages = bench.parts.stages else { return }
    let c = stages.config
    let sizes = [
      ("n", stages.ids.count, "tokens"), ("p", stages.patches.count, "patches"),
      ("k", c.slots, "slots"), ("E", c.encoder.width, "local"), ("G", c.latent.width, "latent"),
    ].map { "\($0) \($1)" + (line.width < 72 ? "" : " \($2)") }.joined(separator: "  ")
    let used = canvas.write(sizes, in: line, column: 1) + 4
    // As the Entropy view counts them: without the start token's, with one that has not ended.
    let open = stages.patches.last?.upperBound == stages.ids.count ? 0 : 1
    let count = stages.patches.count - 1 + open
    let mean = Double(stages.ids.count - 1) / Double(max(1, count))
    let patching = stages.patching
    let rule =
      patching.needsEntropies
      ? "threshold \(Numbers.fit(Double(patching.threshold), 4, decimals: 2))"
      : patching.rule.rawValue
    let price = "\(rule): \(Numbers.fit(mean, 4, decimals: 2)) bytes a patch"
    if used + price.count <= line.width { canvas.write(right: price, in: line.split(right: 1).0) }
  }

  // MARK: - The byte under the cursor

  private func drawDetail(
    _ stage: BLTStage, _ stages: BLTSnapshot, _ byte: Int, _ bench: Bench,
    on canvas: inout Canvas, in area: Rect
  ) {
    guard !area.isEmpty else { return }
    guard area.height < 24 || stage == .logits else {
      // Room enough for what comes of it.
      let (upper, lower) = area.split(top: min(area.height - 12, 14))
      drawDetail(stage, stages, byte, bench, on: &canvas, in: upper)
      return drawDetail(.logits, stages, byte, bench, on: &canvas, in: lower)
    }
    let detail = StageDetail(stages: stages, byte: byte)
    let lines = detail.lines(stage, width: area.width)
    for (row, line) in lines.enumerated() {
      canvas.write(
        line.text(min(area.width, 44)), in: area, line: row, row == 0 ? .title : .text)
    }
    let rest = area.split(top: lines.count).1
    switch stage {
    case .patches, .decoder:
      let spot = canvas.cursor
      detail.map(stage, in: rest).map { canvas.draw($0, in: rest) }
      canvas.cursor = spot
    case .logits:
      let items = stages.next(after: byte + 1).likeliest.map {
        Bars.Item(
          bench.candidateName($0.id), Double($0.probability),
          Numbers.fixed(Double($0.probability), 3))
      }
      canvas.draw(Bars(items, full: 1), in: rest.split(left: 44).0)
    default: break
    }
  }
}

extension Glyphs {
  /// A byte in one column: itself where it is a character, else a sign that stands for it.
  static func column(_ byte: UInt8, showsSpace: Bool = false) -> String {
    switch byte {
    case 0x0A: "␊"
    case 0x20 where showsSpace: "␣"
    case 0x20..<0x7F: String(UnicodeScalar(byte))
    case 0x80..<0xC0: "·"
    default: "?"
    }
  }
}
