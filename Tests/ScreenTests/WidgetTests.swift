import Screen
import Testing

@Suite struct WidgetTests {
  @Test func tabsKeepNamesWhileThereIsRoom() {
    let tabs = ["1 Attention", "2 Entropy", "3 Generate", "4 Train", "5 Lessons", "6 Model"]
    let wide = drawn(TabBar(tabs, open: 1), Size(rows: 1, columns: 80), .plain)
    #expect(
      wide == " 1 Attention  [2 Entropy]  3 Generate   4 Train   5 Lessons   6 Model     ? help")
    let narrow = drawn(TabBar(tabs, open: 1), Size(rows: 1, columns: 48), .plain)
    #expect(narrow == " 1 [2 Entropy] 3  4  5  6                 ? help")
    var canvas = Canvas(rows: 1, columns: 80)
    canvas.draw(TabBar(tabs, open: 1), in: canvas.bounds)
    let places = TabBar(tabs, open: 1).places(width: 80)
    #expect(places[1].allSatisfy { canvas[0, $0]?.flags == .reverse })
    #expect(canvas[0, places[0].lowerBound + 1]?.flags == [])
  }

  @Test func footerDropsWhatDoesNotFit() {
    let footer = Footer([("n/p", "step"), ("arrows", "cell"), (", .", "head")])
    #expect(drawn(footer, Size(rows: 1, columns: 40), .plain) == "n/p step  arrows cell  , . head")
    #expect(drawn(footer, Size(rows: 1, columns: 24), .plain) == "n/p step  arrows cell")
  }

  @Test func overlayStandsInTheMiddle() {
    let overlay = Overlay("HELP", [TextFlow("n  next"), TextFlow("p  back")], footer: "q closes")
    #expect(
      drawn(overlay, Size(rows: 7, columns: 30), .plain) == """

           +- HELP ---------------+
           | n  next              |
           | p  back              |
           |             q closes |
           +----------------------+

        """)
  }

  @Test func tableAlignsNumbersAndScrolls() {
    var table = Table(
      [.init("", isNumber: true), .init("candidate"), .init("model", isNumber: true)],
      [["1", "key", "0.280"], ["2", "漢字", "0.173"], ["10", "cat\n", "–"], ["11", "x", "0.008"]])
    table.cursor = 3
    #expect(
      drawn(table, Size(rows: 4, columns: 30), .plain) == """
            candidate  model
         2  漢字       0.173
        10  cat~           -
        11  x          0.008
        """)
    #expect(
      drawn(table, Size(rows: 2, columns: 16), .full) == """
            candi  model
        11  x      0.008
        """)
  }

  @Test func treeIndentsAndFolds() {
    var tree = Tree([
      .init(0, .unfolded, "GPT", "106,240"), .init(1, .folded, "h.0"),
      .init(1, .leaf, "wte", "512 x 64"),
    ])
    tree.cursor = 1
    #expect(
      drawn(tree, Size(rows: 3, columns: 24), .plain) == """
        v GPT            106,240
          > h.0
            wte         512 x 64
        """)
  }

  @Test func textFlowsAndShowsPatchStarts() {
    let text = "Anna found\na key"
    var flow = TextFlow(text.map { TextFlow.Span(String($0), startsPatch: $0 == "f") })
    flow.cursor = 2
    var canvas = Canvas(rows: 3, columns: 8)
    canvas.draw(flow, in: canvas.bounds)
    #expect(canvas.text() == "Anna fou\nnd␊\na key")
    #expect(canvas[0, 5]?.flags == .underline && canvas[0, 2]?.flags == .reverse)
    #expect(canvas.cursor == Position(0, 2) && flow.lines(width: 8) == 3)
    flow.keepsWords = true
    #expect(drawn(flow, Size(rows: 3, columns: 8), .full) == "Anna\nfound␊\na key")
  }

  @Test func barsShowWhatIsAboveZero() {
    let bars = Bars(
      [.init("key", 79, "79"), .init("in", 5, "5"), .init("the", .nan, "nan")], threshold: 40)
    #expect(
      drawn(bars, Size(rows: 3, columns: 28), .plain) == """
        key  79 ##########|#########
        in    5 #.        |
        the nan ?         |
        """)
    var canvas = Canvas(rows: 1, columns: 60)
    Bars([("1", 1), ("2-3", 1), ("4-7", 4), ("8-15", 6), ("16+", 2)].map { .init($0, $1, "") })
      .drawLine(on: &canvas, in: canvas.bounds)
    #expect(canvas.text(.plain) == "1 #  2-3 #  4-7 ####  8-15 ######  16+ ##")
  }

  @Test func histogramCountsWhatIsFinite() {
    let histogram = Histogram([1, 1, 1, 1, 2, 2, 4, .nan, -.infinity], bins: 4)
    #expect(histogram.counts == [4, 2, 0, 1] && histogram.others == 2)
    #expect(drawn(histogram, Size(rows: 3, columns: 8), .full) == "██\n████  ▄▄\n1      4")
  }

  @Test func coloursAreThoseOfTheTable() {
    func grounds(_ look: Look, _ inks: [Ink]) -> [Int] {
      inks.map { look.style(Cell("5", ink: $0)).background }
    }
    let levels = (0...4).map { Ink.level($0) }
    let signs = (-4...4).map { Ink.signed($0) }
    #expect(grounds(.full, levels) == [19, 25, 103, 217, 229])
    #expect(grounds(Look(.full, light: true), levels) == [229, 217, 103, 25, 19])
    #expect(grounds(.full, signs) == [153, 110, 67, 24, 236, 94, 136, 179, 222])
    #expect(grounds(Look(.full, light: true), signs) == [24, 31, 74, 153, 255, 222, 214, 172, 94])
    #expect(
      levels.map { Look.full.style(Cell("5", ink: $0)).foreground } == [231, 231, 16, 16, 16])
    #expect(grounds(.console, levels + signs).allSatisfy { $0 == -1 })
    #expect(Look.console.style(Cell("x", ink: .warning)).foreground == 1)
    let uncoloured = Look.full.with(colour: false).style(Cell("x", ink: .warning))
    #expect(uncoloured.flags == .bold && uncoloured.foreground == -1)
    let limits = [0, 0.039, 0.04, 0.159, 0.16, 0.36, 0.639, 0.64, 1]
    #expect(
      limits.map { Shade.share($0) } == [0, 0, 1, 1, 2, 3, 3, 4, 4].map { Shade.level($0) })
  }

  @Test func svgIsWholeAndEscaped() {
    var canvas = Canvas(rows: 2, columns: 12)
    canvas.write("a<b> & \"c\"", in: canvas.bounds)
    canvas.write("█▄▒\u{1B}漢", in: canvas.bounds, line: 1, .level(4))
    let svg = canvas.svg(title: "<map>")
    #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 120 40\""))
    #expect(svg.contains(">a&lt;b&gt;</text>") && svg.contains(">&quot;c&quot;</text>"))
    #expect(svg.contains("<title>&lt;map&gt;</title>") && !svg.contains("\u{1B}"))
    #expect(svg.contains("fill=\"#ffffaf\"") && svg.contains("M0.0 20.0h10.0v20.0h-10.0z"))
    #expect(svg.contains("textLength=\"30\""), "the symbol and the wide glyph: three columns")
    #expect(Look.hex(19) == "#0000af" && Look.hex(236) == "#303030" && Look.hex(229) == "#ffffaf")
  }

  @Test func scriptedBackEndGivesEventsInOrder() {
    var backend = ScriptedBackend(size: sizes[0], events: [.key(.up), .resize])
    #expect(backend.next(timeout: nil) == .key(.up))
    #expect(backend.next(timeout: 5) == .resize)
    #expect(backend.next(timeout: 5) == nil)
    backend.draw(Canvas(rows: 1, columns: 1))
    #expect(backend.drawn.count == 1)
  }
}
