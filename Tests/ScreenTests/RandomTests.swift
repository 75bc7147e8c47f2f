import Screen
import TestSupport
import Testing

/// Any size, any text, any number: never a trap, never a crooked column, never a cell outside.
@Suite struct RandomTests {
  func widgets(_ random: inout SplitMix) -> [any Widget] {
    func number() -> Double { hardNumbers.randomElement(using: &random) ?? 0 }
    func text(_ limit: Int) -> String {
      garbage(&random, Int.random(in: 0...limit, using: &random))
    }
    func count(_ limit: Int) -> Int { Int.random(in: 0...limit, using: &random) }
    let (rows, columns) = (count(30), count(30))
    let values = (0..<rows * columns).map { _ in count(3) == 0 ? nil : number() }
    var map = HeatMap(
      rows: (0..<rows).map { _ in text(4) }, columns: (0..<columns).map { _ in text(4) }
    ) {
      values[$0 * columns + $1]
    }
    map.scale = Bool.random(using: &random) ? .share : .signed(largest: number())
    map.zoom = HeatMap.Zoom.allCases.randomElement(using: &random) ?? .digits
    map.cursor = Position(count(40) - 5, count(40) - 5)
    map.origin = Position(count(40) - 5, count(40) - 5)
    var plot = LinePlot(
      (0..<count(5)).map { k in
        .init(text(3), (0..<count(20)).map { _ in (number(), number()) }, isDotted: k % 2 == 1)
      })
    (plot.logY, plot.logX) = (Bool.random(using: &random), Bool.random(using: &random))
    (plot.floor, plot.markers, plot.focus) = (number(), [number(), number()], count(3))
    let bytes = count(60)
    var gaps = GapBars(
      characters: (0..<bytes).map { _ in text(2) }, values: (0..<count(70)).map { _ in number() },
      boundaries: (0..<count(70)).map { $0 % 3 == 0 }, threshold: number())
    (gaps.cursor, gaps.first, gaps.top) = (count(70) - 5, count(70) - 5, number())
    gaps.ribbons = (0..<count(6)).map { k in
      .init(text(3), [true, false], mean: number(), isChosen: k == 0)
    }
    var flow = TextFlow(
      (0..<count(20)).map { _ in .init(text(9), .token(count(9)), startsPatch: true) })
    (flow.keepsWords, flow.first) = (Bool.random(using: &random), count(9) - 3)
    var table = Table(
      (0..<count(6)).map { _ in .init(text(3), isNumber: Bool.random(using: &random)) },
      (0..<count(20)).map { _ in (0..<count(6)).map { _ in text(3) } })
    (table.cursor, table.first) = (count(30) - 5, count(30) - 5)
    var tree = Tree((0..<count(20)).map { _ in .init(count(99) - 9, .folded, text(4), text(3)) })
    (tree.cursor, tree.first) = (count(30) - 5, count(30) - 5)
    var field = Field(prompt: text(3), text(30), history: [text(5)])
    field.complete(with: (0..<count(4)).map { _ in text(3) })
    return [
      map, plot, gaps, flow, table, tree, field,
      Bars(
        (0..<count(9)).map { _ in .init(text(3), number(), text(3)) }, full: number(),
        threshold: number()),
      Histogram((0..<count(90)).map { _ in number() }, bins: count(40) - 3),
      Overlay(text(5), [flow, TextFlow(text(40))], footer: text(3)),
      TabBar((0..<count(7)).map { _ in text(3) }, open: count(9) - 2, hint: text(2)),
      Footer((0..<count(9)).map { _ in (text(2), text(3)) }),
    ]
  }

  @Test func nothingBreaksAScreen() {
    var random = SplitMix(state: 7)
    for round in 0..<80 {
      let sizes = [
        (1, 1), (24, 80),
        (Int.random(in: 0...45, using: &random), Int.random(in: 0...130, using: &random)),
      ]
      for widget in widgets(&random) {
        for (rows, columns) in sizes {
          // An area inside the canvas, or reaching out of it: the frame around stays untouched.
          let area = Rect(row: round % 4, column: round % 3 * 2, height: rows, width: columns)
          var canvas = Canvas(rows: rows + 3, columns: columns + 2)
          let background = Cell("#", ink: .good)
          canvas.fill(canvas.bounds, "#", .good)
          canvas.draw(widget, in: area)
          for (i, cell) in canvas.cells.enumerated() where cell != background {
            let (row, column) = (i / canvas.columns, i % canvas.columns)
            guard area.contains(row, column) else {
              Issue.record("\(type(of: widget)) drew outside, at \(row) \(column) of \(area)")
              return
            }
          }
          if let crooked = crookedRow(of: canvas) {
            Issue.record("\(type(of: widget)) at \(rows)x\(columns): row \(crooked)")
            return
          }
        }
      }
    }
  }

  /// A row whose glyphs do not fill just its columns, in one of the looks.
  func crookedRow(of canvas: Canvas) -> Int? {
    for look in looks + [Look(.plain, ascii: true), Look.full.with(colour: false)] {
      for row in 0..<canvas.rows {
        var column = 0
        while column < canvas.columns {
          guard let cell = canvas[row, column] else { return row }
          let isWide = canvas[row, column + 1]?.glyph.isEmpty ?? false
          let glyph = look.glyph(cell)
          if cell.glyph.isEmpty || Glyphs.width(glyph) != (isWide ? 2 : 1) { return row }
          if look.ascii, !glyph.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return row }
          column += isWide ? 2 : 1
        }
      }
    }
    return nil
  }

  @Test func rectanglesSplitInsideThemselves() {
    for n in [-5, 0, 1, 3, 9, .max, .min] {
      let area = Rect(row: 2, column: 3, height: 4, width: 5)
      for (a, b) in [area.split(top: n), area.split(bottom: n)] {
        #expect(a.height + b.height == 4 && a.end == b.row && a.row == 2)
      }
      for (a, b) in [area.split(left: n), area.split(right: n)] {
        #expect(a.width + b.width == 5 && a.right == b.column && a.column == 3)
      }
      #expect(Rect(row: n, column: n, height: n, width: n).inner.height >= 0)
      #expect(area.line(n).height <= 1)
    }
  }
}
