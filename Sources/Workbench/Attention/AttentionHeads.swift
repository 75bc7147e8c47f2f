// What the other heads look at: their peaks in two lines, their grid, and as thumbnails where there
// is room. And the keys of the attention view.

import Inspection
import Models
import Screen

extension AttentionView {
  /// The largest weight of the cursor's row in each head of the layer, in two lines.
  func drawPeaks(
    _ bench: Bench, _ picture: AttentionPicture, on canvas: inout Canvas, in area: Rect
  ) {
    guard !area.isEmpty else { return }
    let (row, head) = (bench.cell(in: picture).row, picture.head)
    let label = "row \(row)'s peak"
    let start = 2 + max(13, label.count)
    let pitch = area.width < 80 ? 14 : 20
    var across = max(1, (area.width - start) / pitch)
    canvas.write(label, in: area, column: 1)
    var peaks = picture.snapshot.peaks(layer: head.layer, row: row)
    if peaks.count > 2 * across {
      // This head, and of the others those that look hardest.
      let others = peaks.filter { $0.head != head.head }.sorted { $0.weight > $1.weight }
      peaks = (others.prefix(2 * across - 1) + [peaks[head.head]]).sorted { $0.head < $1.head }
    }
    across = min(across, (peaks.count + 1) / 2)
    for (k, peak) in peaks.enumerated() {
      let (line, place) = (area.line(k / across), k % across)
      let isHere = peak.head == head.head
      let column = start + pitch * place
      let end = place == across - 1 ? area.width : column + pitch - 1
      let isHidden = bench.isCovered && isHere && peak.column == bench.cell(in: picture).column
      let percent = peak.weight.isFinite ? "\(Int((peak.weight * 100).rounded()))" : "?"
      let text =
        "\(head.layer).\(peak.head) " + Glyphs.fit(isHidden ? "?" : percent, 3, right: true) + " "
      if isHere { canvas.put("▸", line.row, line.column + column, in: line) }
      let used = canvas.write(text, in: line, column: column + 1, .text, isHere ? .bold : [])
      canvas.write(
        cut(bench.attention.labels[peak.column], end - column - 1 - used), in: line,
        column: column + 1 + used, .token(peak.column))
    }
  }

  // MARK: - The grid

  /// One number a head: the largest weight of the cursor's row.
  func grid(_ bench: Bench, _ picture: AttentionPicture) -> HeatMap {
    let peaks = picture.snapshot.grid(row: bench.cell(in: picture).row)
    var map = HeatMap(
      rows: peaks.map { _ in "layer" }, columns: peaks[0].indices.map(String.init)
    ) { peaks[$0][$1].weight }
    map.cursor = Position(picture.head.layer, picture.head.head)
    return map
  }

  func drawGrid(
    _ bench: Bench, _ picture: AttentionPicture, on canvas: inout Canvas, in area: Rect
  ) {
    let (layers, heads) = (picture.snapshot.layers, picture.snapshot.layout.heads)
    let tile = Size(rows: area.height / layers - 1, columns: area.width / heads - 1)
    let products = layers * heads * picture.rows * picture.rows * picture.snapshot.layout.width / 2
    guard area.width >= 80, tile.rows >= 5, tile.columns >= 10, products < 8_000_000 else {
      return canvas.draw(grid(bench, picture), in: area)
    }
    let peaks = picture.snapshot.grid(row: bench.cell(in: picture).row)
    for layer in 0..<layers {
      for head in 0..<heads {
        let place = Rect(
          row: area.row + layer * (tile.rows + 1),
          column: area.column + 1 + head * (tile.columns + 1),
          height: tile.rows, width: tile.columns)
        let percent = Int((max(0, min(1, peaks[layer][head].weight)) * 100).rounded())
        let isHere = picture.head == HeadReference(layer: layer, head: head)
        canvas.write(
          (isHere ? "▸" : " ") + "\(layer).\(head)  \(percent)", in: place, .title,
          isHere ? .reverse : [])
        if isHere { canvas.cursor = Position(place.row, place.column) }
        var whole = picture
        (whole.head, whole.stage, whole.base) = (
          HeadReference(layer: layer, head: head), .weights, nil
        )
        drawThumbnail(of: whole, on: &canvas, in: place.split(top: 1).1)
      }
    }
  }

  /// A whole map by the largest weights of its blocks, two rows of blocks a line.
  private func drawThumbnail(
    of picture: AttentionPicture, on canvas: inout Canvas, in area: Rect
  ) {
    var block = 1
    while block * 2 * area.height < picture.rows || block * area.width < picture.rows { block *= 2 }
    let map = BlockMap(block: block, rows: picture.rows, columns: picture.columns) {
      picture.row($0)
    }
    func shade(_ row: Int, _ column: Int) -> Shade {
      guard row < map.rows, let weight = map[row, column] else { return .blank }
      return .share(Double(weight))
    }
    for line in 0..<(map.rows + 1) / 2 {
      for column in 0..<map.columns {
        let ink = Ink.halves(upper: shade(2 * line, column), lower: shade(2 * line + 1, column))
        canvas.put(" ", area.row + line, area.column + column, in: area, ink)
      }
    }
  }

  // MARK: - Keys

  func footer(_ bench: Bench) -> [(keys: String, verb: String)] {
    if pane(bench) == "grid" {
      return [
        ("arrows", "head"), ("Enter", "opens it"), ("n/p", "step"), ("x", "zero"), ("m", "mask"),
        ("Esc", "map"), ("?", "help"),
      ]
    }
    return [
      ("n/p", "step"), ("arrows", "cell"), (", .", "head"), ("< >", "layer"), ("g", "grid"),
      ("x", "zero"), ("i", "text"), ("e", "export"),
    ]
  }

  func action(for key: Key, _ bench: Bench) -> Action? {
    let settings = bench.settings
    switch key {
    case .character("n"), .character("]"): return .run(Command(.stage, "next"))
    case .character(" "): return .play(Command(.stage, "next"))
    case .character("p"), .character("["): return .run(Command(.stage, "back"))
    case .character("+"), .character("="): return sharpen(bench, by: 1)
    case .character("-"): return sharpen(bench, by: -1)
    case .character("x"):
      let isZero = settings.zeroed.contains(settings.head)
      return .run(Command(.zero, isZero ? "off" : settings.head.description))
    case .character("m"): return nextMask(settings.mask)
    case .character("g"):
      return .run(bench.set("pane", pane(bench) == "grid" ? "ledger" : "grid"))
    case .character("z"): return zoom(bench, by: 1)
    case .character("Z"): return zoom(bench, by: -1)
    case .character("d") where !bench.edits.isEmpty || bench.pinned != nil || settings.difference:
      return .run(bench.set("diff", settings.difference ? "off" : "on"))
    case .enter: return enter(bench)
    case .escape where pane(bench) != "ledger": return .run(bench.set("pane", "ledger"))
    case .up, .character("k"): return moveInGrid(bench, -1, 0)
    case .down, .character("j"): return moveInGrid(bench, 1, 0)
    case .left, .character("h"): return moveInGrid(bench, 0, -1)
    case .right, .character("l"): return moveInGrid(bench, 0, 1)
    default: return nil
    }
  }

  /// Quarters, so that the dial always comes back to 1.
  private func sharpen(_ bench: Bench, by steps: Double) -> Action {
    let now = bench.settings.sharpened[bench.settings.head] ?? 1
    let next = max(0, ((now * 4).rounded() + steps) / 4)
    return .run(Command(.sharpen, Numbers.fixed(next, 2)))
  }

  private func nextMask(_ mask: MaskChoice) -> Action {
    switch mask {
    case .model, .causal: .run(Command(.mask, "none"))
    case .none: .run(Command(.mask, options: [Command.Option(key: "window", value: "4")]))
    case .window: .run(Command(.mask, "model"))
    }
  }

  private func zoom(_ bench: Bench, by step: Int) -> Action {
    guard let picture = bench.picture, pane(bench) != "grid" else {
      return .say("no map to zoom")
    }
    let now = bench.settings.zoom ?? (picture.stage.isMap ? 3 : 2)
    guard (0...3).contains(now + step) else {
      return .say(step > 0 ? "this is the nearest; Z zooms out" : "all is in sight; z zooms in")
    }
    return .run(bench.set("zoom", "\(now + step)"))
  }

  private func enter(_ bench: Bench) -> Action? {
    guard let picture = bench.picture else { return nil }
    let cell = bench.cell(in: picture)
    if bench.isCovered { return .run(Command(.cursor, "\(cell.row)", "\(cell.column)")) }
    if pane(bench) != "ledger" { return .run(bench.set("pane", "ledger")) }
    guard bench.size.columns < 72, picture.stage.isMap else {
      return .say("the ledger is beside the map; v shows what a change does")
    }
    let lines = ledger(bench, picture, rows: 12 + picture.snapshot.layout.width)
    return .open(
      .text(title: "ledger", lines.map { $0.text(AttentionView.paneWidth) }))
  }

  private func moveInGrid(_ bench: Bench, _ layers: Int, _ heads: Int) -> Action? {
    guard pane(bench) == "grid", let picture = bench.picture else { return nil }
    let head = HeadReference(
      layer: max(0, min(picture.snapshot.layers - 1, picture.head.layer + layers)),
      head: max(0, min(picture.snapshot.layout.heads - 1, picture.head.head + heads)))
    return .run(Command(.head, head.description))
  }

  // MARK: - For the help and for export

  func elements(_ bench: Bench) -> [(name: String, meaning: String)] {
    guard let picture = bench.picture else { return [] }
    let ofBLT = [("BLT", "heads of its local decoder; 6 shows the stages and cross-attention")]
    return (bench.model?.blt == nil ? [] : ofBLT) + [
      ("strip", "the steps of attention in their order; n and p go through them"),
      ("map", "a row for each token that reads, a column for each that is read"),
      ("LEDGER", "how the cell under the cursor came to its weight, term by term"),
      ("gives ... of output", "w v.o / o.o: over a row the shares sum to 100 %"),
      ("row's peak", "the largest weight of the cursor's row in each head"),
      ("next", "the likeliest next tokens, with their probabilities"),
      ("WHAT IF", "the next tokens as trained and with what was changed, and their scores"),
      ("mask", maskText(picture)),
    ]
  }

  /// The whole stage: a row a token.
  func data(_ bench: Bench) -> Table? {
    guard let picture = bench.picture else { return nil }
    let labels = bench.attention.labels
    let columns = (0..<picture.columns).map { column in
      Table.Column(
        picture.stage.isMap ? "\(column) \(labels[column])" : "\(column)", isNumber: true)
    }
    let rows = (0..<picture.rows).map { row in
      ["\(row)", labels[row]] + picture.row(row).map { $0.map { "\($0)" } ?? "" }
    }
    return Table([Table.Column("row", isNumber: true), Table.Column("token")] + columns, rows)
  }
}
