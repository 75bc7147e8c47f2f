// What stands beside the attention map: the ledger of a cell, what a change does, and what heads
// look at.

import Inspection
import Models
import Screen

/// A line of a pane: what it is, how it comes about, and the number.
struct PaneLine {
  var name: String
  var how = ""
  var number = ""
  /// The stage that the number belongs to; from there on it is hidden while the cell is covered.
  var stage: AttentionStage?

  /// The line in a width: the number at the right, how it comes about before it.
  func text(_ width: Int) -> String {
    guard !how.isEmpty || !number.isEmpty else { return name }
    let end = width - number.count
    let start = min(width / 2 - 1, end - how.count - (number.isEmpty ? 0 : 1))
    let left = Glyphs.fit(name, max(Glyphs.width(name), start))
    return Glyphs.fit(left + how, max(0, end)) + number
  }
}

/// `text` cut to `width` columns, not filled up.
func cut(_ text: String, _ width: Int) -> String {
  Glyphs.width(text) <= width ? text : Glyphs.fit(text, max(1, width))
}

private func signed(_ value: Double) -> String { Numbers.fixed(value, 3, plus: true) }

extension AttentionView {
  static let paneWidth = 32

  func drawPane(
    _ bench: Bench, _ picture: AttentionPicture, on canvas: inout Canvas, in layout: Layout
  ) {
    guard !layout.isNarrow else {
      for (line, text) in bottomLines(bench, picture).enumerated() {
        canvas.write(text, in: layout.pane.line(line), column: 1)
      }
      return
    }
    let (body, bottom) = layout.pane.split(bottom: 1)
    canvas.write(next(bench, picture.snapshot), in: bottom)
    // What a change does stays beside the ledger where there is room for both.
    let isChanged = !picture.snapshot.edits.isEmpty
    let hasRoomForBoth = isChanged && body.height >= 25 && picture.stage.isMap
    let isWhatIf = pane(bench) == "what-if" || pane(bench) == "grid" && isChanged
    if isWhatIf, !hasRoomForBoth {
      return draw(whatIf(bench, picture, rows: min(8, body.height - 4)), on: &canvas, in: body)
    }
    guard picture.stage.isMap else {
      return draw(vector(bench, picture), on: &canvas, in: body)
    }
    let below = hasRoomForBoth ? 4 + picture.snapshot.edits.count : 0
    let (upper, lower) = body.split(bottom: below)
    draw(ledger(bench, picture, rows: upper.height), on: &canvas, in: upper)
    if hasRoomForBoth { draw(whatIf(bench, picture, rows: 3), on: &canvas, in: lower) }
  }

  private func draw(_ lines: [PaneLine], on canvas: inout Canvas, in area: Rect) {
    for (row, line) in lines.enumerated() {
      canvas.write(line.text(area.width), in: area.line(row), row == 0 ? .title : .text)
    }
  }

  /// `next  key .9997   lamp .0001`.
  private func next(_ bench: Bench, _ snapshot: AttentionSnapshot) -> String {
    let best = snapshot.likeliest(2)
    let names = best.map { bench.label($0.id) }
    let room = AttentionView.paneWidth - 21
    let second = names.count > 1 ? Glyphs.width(names[1]) : 0
    let first = cut(names.first ?? "", room - min(second, room / 2))
    let cuts = [first] + names.dropFirst().map { cut($0, room - Glyphs.width(first)) }
    return "next  "
      + zip(cuts, best).map { "\($0) \(Numbers.share($1.probability))" }.joined(separator: "   ")
  }

  // MARK: - The ledger

  /// How the cell came to its weight, as many terms as there is room for in `rows` lines.
  func ledger(_ bench: Bench, _ picture: AttentionPicture, rows: Int) -> [PaneLine] {
    let (cell, labels, head) = (bench.cell(in: picture), bench.attention.labels, picture.head)
    let ledger = picture.snapshot.ledger(
      layer: head.layer, head: head.head, row: cell.row, column: cell.column)
    let ends = "LEDGER  \(cell.row) \"\" reads \(cell.column) \"\"".count
    let room = AttentionView.paneWidth - ends
    let reads = cut(labels[cell.column], room - min(room / 2, Glyphs.width(labels[cell.row])))
    let row = cut(labels[cell.row], room - Glyphs.width(reads))
    var lines = [PaneLine(name: "LEDGER  \(cell.row) \"\(row)\" reads \(cell.column) \"\(reads)\"")]
    let count = min(ledger.sum.terms.count, rows - 12)
    if count >= 0 { lines += sum(ledger.sum, count, "term", .scores) }
    lines.append(
      PaneLine(name: "score", how: "q.k", number: Numbers.fixed(ledger.score, 3), stage: .scores))
    let sharpened =
      ledger.sharpening == 1 ? "" : "x \(Numbers.fixed(ledger.sharpening, 2)) "
    func fixed(_ value: Double) -> String { Numbers.fixed(rounded(value), 3) }
    lines += [
      PaneLine(
        name: "scaled", how: "\(sharpened)/ sqrt(\(ledger.width))", number: fixed(ledger.scaled),
        stage: .scaled),
      PaneLine(
        name: "mask", how: ledger.reason, number: ledger.isSeen ? "seen " : "hidden",
        stage: .masked),
      PaneLine(
        name: "less row max", how: "-(\(fixed(ledger.rowMaximum)))",
        number: fixed(ledger.difference), stage: .masked),
      PaneLine(name: "exp", number: Numbers.share(ledger.power), stage: .weights),
      PaneLine(name: "row sum", number: "/ " + fixed(ledger.rowSum), stage: .weights),
      PaneLine(name: "WEIGHT", number: Numbers.share(ledger.weight), stage: .weights),
      PaneLine(name: "value", how: "length " + fixed(ledger.valueLength)),
      PaneLine(name: gives(ledger), stage: .weights),
    ]
    guard bench.isCovered else { return lines }
    let stages = AttentionStage.allCases
    return lines.map { line in
      guard let stage = line.stage, let place = stages.firstIndex(of: stage),
        let here = stages.firstIndex(of: picture.stage), place >= here
      else { return line }
      return line.number.isEmpty
        ? PaneLine(name: "gives this head ? of output") : PaneLine(name: line.name, number: "?")
    }
  }

  private func gives(_ ledger: AttentionLedger) -> String {
    if ledger.isZeroed { return "this head is zero: gives nothing" }
    func text(_ decimals: Int) -> String {
      "gives this head \(Numbers.fixed(ledger.share * 100, decimals)) % of output"
    }
    return text(1).count <= AttentionView.paneWidth
      ? text(1) : cut(text(0), AttentionView.paneWidth)
  }

  /// The largest terms, the remainder and a line under them, in columns that fit the pane.
  private func sum(
    _ sum: SumOfProducts, _ count: Int, _ name: String, _ stage: AttentionStage
  ) -> [PaneLine] {
    let written = sum.written(count)
    let remainder = signed(written.remainder)
    let products = written.terms.map { signed($0.product) }
    let width = max(6, (products + [remainder]).map(\.count).max() ?? 6)
    let factor = max(1, (AttentionView.paneWidth - 14 - width) / 2)
    func fit(_ value: Double) -> String {
      let text = (0...3).reversed().lazy.map { Numbers.fixed(value, $0, plus: true) }
        .first { $0.count <= factor }
      return Glyphs.fit(text ?? Numbers.fit(value, factor), factor, right: true)
    }
    let lines = zip(written.terms, products).map { term, product in
      PaneLine(
        name: name + Glyphs.fit("\(term.index)", 3, right: true) + " " + fit(term.left) + " x "
          + fit(term.right) + " = " + Glyphs.fit(product, width, right: true))
    }
    let rest =
      written.others == 0
      ? "rounding" : written.others == 1 ? "1 smaller term" : "\(written.others) smaller terms"
    return lines + [
      PaneLine(
        name: rest, number: "= " + Glyphs.fit(remainder, width, right: true), stage: stage),
      PaneLine(name: "", number: String(repeating: "─", count: width)),
    ]
  }

  // MARK: - Vectors

  /// The number under the cursor of a vector: where it comes from, and the vector around it.
  private func vector(_ bench: Bench, _ picture: AttentionPicture) -> [PaneLine] {
    let (cell, head, snapshot) = (bench.cell(in: picture), picture.head, picture.snapshot)
    let width = snapshot.layout.width
    let (stage, place) =
      picture.stage == .qkv
      ? (["query", "key", "value"][cell.column / width], cell.column % width)
      : (picture.stage.rawValue, cell.column)
    let name = cut(bench.attention.labels[cell.row], 10)
    let title = "\(stage.uppercased())  \(cell.row) \"\(name)\", number \(place)"
    let vector = snapshot.vector(picture.stage, head.layer, head.head, cell.row).map(Double.init)
    let number = rounded(vector[cell.column])
    func input(_ kind: AttentionStage) -> Double {
      Double(snapshot.vector(kind, head.layer, head.head, cell.row)[cell.column])
    }
    var lines = [PaneLine(name: title)]
    switch picture.stage {
    case .output where !snapshot.isZeroed(head.layer, head.head):
      let mixture = snapshot.mixture(
        layer: head.layer, head: head.head, row: cell.row, dimension: cell.column)
      lines.append(PaneLine(name: "weight x value of a column"))
      lines += sum(mixture, min(5, mixture.terms.count), "from", .output)
    case .output: lines.append(PaneLine(name: "this head is zero"))
    case .residual:
      // As written, the three numbers add up.
      let came = rounded(input(.input))
      lines += [
        PaneLine(name: "came in", number: signed(came)),
        PaneLine(name: "attention adds", number: signed(rounded(number - came))),
        PaneLine(name: "", number: "──────"),
      ]
    case .norm: lines.append(PaneLine(name: "came in", number: signed(input(.input))))
    default: break
    }
    let shown = bench.isCovered ? "?" : signed(number)
    lines.append(PaneLine(name: picture.stage == .residual ? "goes on" : "number", number: shown))
    let part =
      picture.stage == .qkv ? Array(vector.split(into: width)[cell.column / width]) : vector
    let mean = part.reduce(0, +) / Double(part.count)
    let square = part.reduce(0) { $0 + $1 * $1 }
    let spread = (part.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(part.count))
    lines += [
      PaneLine(name: ""),
      PaneLine(name: "of all \(part.count)"),
      PaneLine(name: "mean", number: signed(mean)),
      PaneLine(name: "spread", number: Numbers.fixed(spread.squareRoot(), 3)),
      PaneLine(name: "length", number: Numbers.fixed(square.squareRoot(), 3)),
    ]
    return lines
  }

  // MARK: - What if

  /// The edits in words.
  func words(_ edits: [AttentionEdit]) -> [String] {
    edits.map { edit in
      switch edit {
      case .mask(let mask): "mask \(mask.name)"
      case .zeroHead(let layer, let head): "head \(layer).\(head) is zero"
      case .scaleScores(let layer, let head, let factor):
        "head \(layer).\(head) scores x \(Numbers.fixed(Double(factor), 2))"
      }
    }
  }

  /// The likeliest next tokens before and after the edits, in a table of `rows`.
  private func whatIf(_ bench: Bench, _ picture: AttentionPicture, rows: Int) -> [PaneLine] {
    let edits = words(picture.snapshot.edits)
    guard !edits.isEmpty else {
      return [
        "WHAT IF", "x  zero this head", "m  lift or change the mask",
        "+  sharpen this head, -  flatten it", "", "Then the likeliest next tokens",
        "stand here, before and after.",
      ].map { PaneLine(name: $0) }
    }
    var lines = edits.enumerated().map {
      PaneLine(name: ($0 == 0 ? "WHAT IF  " : "         ") + $1)
    }
    lines.append(PaneLine(name: "      trained changed      logit"))
    lines += changes(bench, picture, rows).map { change in
      let (old, new) = (change.trained, change.changed)
      let logit = [2, 1, 0].lazy.map {
        Numbers.fixed(old.logit, $0) + ">" + Numbers.fixed(new.logit, $0)
      }.first { $0.count <= 10 }
      return PaneLine(
        name: Glyphs.fit(bench.label(old.id), 7)
          + Glyphs.fit(Numbers.share(old.probability), 6, right: true)
          + Glyphs.fit(Numbers.share(new.probability), 8, right: true) + " "
          + Glyphs.fit(logit ?? "", 10, right: true))
    }
    return lines + [PaneLine(name: "u undoes, d shows the difference")]
  }

  private func changes(
    _ bench: Bench, _ picture: AttentionPicture, _ count: Int
  ) -> [NextTokenChange] {
    guard let trained = bench.trainedAttention, trained.ids == picture.snapshot.ids else {
      return []
    }
    // At least four; beyond these what is unlikely before and after says nothing.
    let changes = picture.snapshot.changes(from: trained, count)
    let likely = changes.count {
      max($0.trained.probability, $0.changed.probability) >= 0.001
    }
    return picture.snapshot.changes(from: trained, min(count, max(4, likely)))
  }

  // MARK: - In a narrow view

  /// The pane in three lines, and a fourth that says what rows and columns are.
  private func bottomLines(_ bench: Bench, _ picture: AttentionPicture) -> [String] {
    let axes = map(bench, picture, in: Rect(row: 0, column: 0, height: 2, width: 40)).axes
    let legend = picture.stage == .weights ? axes + "; % of the row" : axes
    let edits = picture.snapshot.edits
    if pane(bench) == "what-if", !edits.isEmpty {
      let changes = changes(bench, picture, 4).map { change in
        let name = cut(bench.label(change.trained.id), 8)
        return "\(name) \(Numbers.share(change.trained.probability))"
          + ">\(Numbers.share(change.changed.probability))"
      }
      return [
        words(edits).joined(separator: ", "), changes.prefix(2).joined(separator: "  "),
        changes.dropFirst(2).joined(separator: "  "), legend,
      ]
    }
    let (cell, labels, head) = (bench.cell(in: picture), bench.attention.labels, picture.head)
    let number = picture.number(cell.row, cell.column).map(Double.init)
    guard picture.stage.isMap else {
      let value = bench.isCovered ? "?" : number.map(signed) ?? ""
      return [
        "\(cell.row) \"\(cut(labels[cell.row], 12))\", \(picture.stage) \(cell.column): \(value)",
        next(bench, picture.snapshot), "", legend,
      ]
    }
    let ledger = picture.snapshot.ledger(
      layer: head.layer, head: head.head, row: cell.row, column: cell.column)
    let names = [cell.row, cell.column].map { "\($0) \"\(cut(labels[$0], 8))\"" }
    let what = picture.stage == .weights ? "weight" : "\(picture.stage)"
    let shown = number.map { Numbers.fixed($0, 3) } ?? "hidden, \(ledger.reason)"
    if bench.isCovered { return ["\(names[0]) reads \(names[1]): \(what) ?", "", "", legend] }
    return [
      "\(names[0]) reads \(names[1]): \(what) \(shown)",
      "score \(Numbers.fixed(ledger.score, 3))   scaled \(Numbers.fixed(ledger.scaled, 3))   "
        + "row sum \(Numbers.fixed(ledger.rowSum, 3))",
      ledger.isZeroed
        ? gives(ledger)
        : "gives this head \(Numbers.fixed(ledger.share * 100, 1)) % of its output",
      legend,
    ]
  }
}

extension Array {
  /// Parts of `width` elements.
  fileprivate func split(into width: Int) -> [ArraySlice<Element>] {
    stride(from: 0, to: count, by: width).map { self[$0..<Swift.min(count, $0 + width)] }
  }
}
