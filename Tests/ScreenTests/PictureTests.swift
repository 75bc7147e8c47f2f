import Screen
import Testing

/// The pictures of the design, drawn by the widgets.
@Suite struct PictureTests {
  static let tokens = [
    "\\n", "Anna", "found", "a", "red", "key", "in", "the", "wood", ".", "Tom", "wanted", "the",
  ]
  static let percent = [
    [100], [94, 6], [29, 25, 46], [13, 43, 25, 18], [9, 34, 24, 14, 19], [3, 1, 44, 42, 8, 2],
    [11, 15, 21, 18, 18, 7, 9], [2, 0, 2, 2, 1, 83, 8, 2], [9, 17, 14, 10, 19, 4, 4, 8, 15],
    [13, 1, 5, 7, 7, 0, 43, 2, 20, 1], [11, 0, 1, 2, 2, 2, 59, 1, 17, 2, 3],
    [5, 19, 7, 6, 8, 15, 2, 9, 6, 10, 9, 3], [1, 0, 1, 1, 0, 79, 5, 1, 0, 4, 1, 0, 4],
  ]
  static var map: HeatMap {
    HeatMap(rows: tokens, columns: tokens) { row, column in
      column > row ? nil : Double(percent[row][column]) / 100
    }
  }

  static let digits = #"""
             \n An fo a  re ke in th wo .  To wa th
     0 \n   100
     1 Anna  94  6
     2 found 29 25 46
     3 a     13 43 25 18
     4 red    9 34 24 14 19
     5 key    3  1 44 42  8  2
     6 in    11 15 21 18 18  7  9
     7 the    2  .  2  2  1 83  8  2
     8 wood   9 17 14 10 19  4  4  8 15
     9 .     13  1  5  7  7  . 43  2 20  1
    10 Tom   11  .  1  2  2  2 59  1 17  2  3
    11 wante  5 19  7  6  8 15  2  9  6 10  9  3
    12 the    1  .  1  1  .>79  5  1  .  4  1  .  4
    """#

  @Test(arguments: sizes) func attentionWithDigits(size: Size) {
    var map = PictureTests.map
    map.cursor = Position(12, 5)
    // Full stops among the tokens are text; among the numbers they mean "under 0.5 %".
    func picture(_ zero: Character, _ cursor: Character) -> String {
      let lines = PictureTests.digits.split(separator: "\n").enumerated().map { i, line in
        let (label, cells) = (line.prefix(8), line.dropFirst(8))
        let text = translated(String(cells), [".": zero, ">": cursor])
        return i == 0 ? String(line) : label + text
      }
      return filled(lines.joined(separator: "\n"), size.rows)
    }
    #expect(drawn(map, size, .plain) == picture(".", ">"))
    #expect(drawn(map, size, .console) == picture("·", "►"))
    #expect(drawn(map, size, .full) == picture("·", "▸"))
  }

  @Test func attentionWithTwoColumns() {
    var map = PictureTests.map
    map.zoom = .pairs
    let picture = """
                0         5         10
       0 \\n     ██
       1 Anna   ██░░
       2 found  ▒▒▒▒▓▓
       3 a      ░░▓▓▒▒▒▒
       4 red    ░░▒▒▒▒░░▒▒
       5 key    ····▓▓▓▓░░··
       6 in     ░░░░▒▒▒▒▒▒░░░░
       7 the    ··········██░░··
       8 wood   ░░▒▒░░░░▒▒░░░░░░░░
       9 .      ░░··░░░░░░··▓▓··▒▒··
      10 Tom    ░░··········▓▓··▒▒····
      11 wanted ░░▒▒░░░░░░░░··░░░░░░░░··
      12 the    ··········██░░····░░····░░
      """
    #expect(drawn(map, sizes[1], .full) == filled(picture, 24))
    #expect(drawn(map, sizes[1], .console) == filled(picture, 24))
    let plain = translated(picture, ["·": ".", "░": ":", "▒": "+", "▓": "o", "█": "#"])
    #expect(drawn(map, sizes[1], .plain) == filled(plain, 24))
  }

  @Test func attentionWithHalfBlocksAndBlocks() {
    var map = PictureTests.map
    map.zoom = .halves
    // The denser of two rows stands for both; the label is the upper row's.
    let picture = """
                0         10
       0 \\n     #:
       2 found  +oo+
       4 red    :+oo+.
       6 in     ::+++#:.
       8 wood   :+::+:o:+.
      10 Tom    :+::::o:+::.
      12 the    .....#:..:..:
      """
    #expect(drawn(map, Size(rows: 8, columns: 60), .plain) == picture)
    map.zoom = .blocks
    map.cursor = Position(12, 5)
    #expect(
      drawn(map, Size(rows: 5, columns: 40), .plain) == """
                  0
         0 \\n     ##
         4 red    oo##
         8 wood   ++oo++
        12 the    ..##::::
        """)
    var canvas = Canvas(rows: 6, columns: 72)
    map.drawLegend(on: &canvas, in: canvas.bounds.line(5), of: canvas.bounds.split(top: 5).0)
    #expect(
      canvas.text(.plain).hasSuffix(
        "1 cell = 4x4 tokens, largest     . <4 : <16 + <36 o <64 # more %"))
  }

  @Test func signedMapShowsSignAndTenths() {
    let values: [[Double?]] = [[3, -2.1, 0], [nil, 0.6, -.infinity], [.nan, -3, 1]]
    var map = HeatMap(rows: ["a", "b", "c"], columns: ["a", "b", "c"]) { values[$0][$1] }
    map.scale = .signed(largest: 3)
    map.zoom = .pairs
    #expect(
      drawn(map, Size(rows: 4, columns: 24), .plain) == """
                  0
         0 a      +9-7 0
         1 b        +2-!
         2 c       ?-9+3
        """)
    // Where colour speaks the numbers give way to it, except those that are none.
    var canvas = Canvas(rows: 4, columns: 24)
    canvas.draw(map, in: canvas.bounds)
    #expect(Look.full.glyph(canvas[1, 11] ?? Cell()) == " ")
    #expect(Look.full.style(canvas[1, 11] ?? Cell()).background == 222)
    #expect(Look.full.glyph(canvas[2, 15] ?? Cell()) == "∞")
  }

  @Test func aClickMeansACell() {
    var map = PictureTests.map
    let area = Rect(row: 2, column: 3, height: 14, width: 50)
    #expect(map.cell(at: Position(15, 3 + 8 + 3 * 5), in: area) == Position(12, 5))
    #expect(map.cell(at: Position(2, 30), in: area) == nil)
    #expect(map.cell(at: Position(9, 5), in: area) == nil)
    #expect(map.cell(at: Position(9, 52), in: area) == nil)
    map.zoom = .halves
    #expect(map.cell(at: Position(4, 3 + 10 + 7), in: area) == Position(2, 7))
    let all = Rect(row: 0, column: 0, height: 12, width: 80)
    #expect(PictureTests.gaps.character(at: Position(4, 41), in: all) == 16)
    #expect(PictureTests.gaps.character(at: Position(4, 75), in: all) == nil)
  }

  @Test func legendOfDigits() {
    var canvas = Canvas(rows: 1, columns: 80)
    PictureTests.map.drawLegend(on: &canvas, in: canvas.bounds, of: canvas.bounds)
    #expect(
      canvas.text(.plain)
        == "rows read, columns are read     .  under 0.5 %   blank  masked   >  cursor")
  }

  // MARK: Gap bars

  static var gaps: GapBars {
    let text = "Anna found a red key in the wood"
    var values = Array(repeating: 0.05, count: 32)
    for (k, value) in [0: 0.2, 1: 0.2, 2: 0.2, 4: 0.64, 12: 1.615, 16: 1.615, 27: 1.4] {
      values[k] = value
    }
    let over = values.map { $0 > 0.6 }
    var bars = GapBars(
      characters: text.map { String($0) }, values: values, boundaries: over, threshold: 0.6)
    (bars.cursor, bars.top) = (16, 2.4)
    bars.ribbons = [
      .init("global", over, mean: 8.71, isChosen: true),
      .init("monotonic", [0, 8, 16, 20, 24].reduce(into: over) { $0[$1] = true }, mean: 8.13),
      .init("static", (0..<32).map { $0 % 4 == 3 }, mean: 3.81),
      .init("byte", Array(repeating: true, count: 32), mean: 1),
    ]
    return bars
  }

  @Test func entropyBars() {
    let picture = """
       nats                                     v
         2.4
         2.0
         1.6                            #       #                     .
         1.2                            #       #                     #
        0.60>  ---------.---------------#-------#---------------------#--------
         0.4    . . . _ # _ _ _ _ _ _ _ # _ _ _ # _ _ _ _ _ _ _ _ _ _ # _ _ _ _
       text    A n n a  |f o u n d   a  |r e d  |k e y   i n   t h e  |w o o d   mean
      >global  ---------|---------------|-------|---------------------|--------  8.71
       monotoni-|-------|-------|-------|-------|-------|-------|-----|--------  8.13
       static  -------|-------|-------|-------|-------|-------|-------|-------|  3.81
       byte    -|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|  1.00
      """
    let size = Size(rows: 12, columns: 80)
    #expect(drawn(PictureTests.gaps, size, .plain) == picture)
    let lines = drawn(PictureTests.gaps, size, .full).split(separator: "\n")
    #expect(lines[5] == "  0.60▸  ╌╌╌╌╌╌╌╌╌▅╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌█╌╌╌╌╌╌╌█╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌█╌╌╌╌╌╌╌╌")
    #expect(lines[6] == "   0.4    ▄ ▄ ▄ ▁ █ ▁ ▁ ▁ ▁ ▁ ▁ ▁ █ ▁ ▁ ▁ █ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ ▁ █ ▁ ▁ ▁ ▁")
  }

  @Test func entropyBarsKeepTheCursorInSightWhereNarrow() {
    // 48 columns: 20 characters, and no room for means.
    let lines = drawn(PictureTests.gaps, sizes[0], .plain).split(separator: "\n")
    #expect(lines.first == " nats                                   v")
    #expect(lines[15] == " text  A n n a  |f o u n d   a  |r e d  |k e y")
    #expect(drawn(PictureTests.gaps, sizes[2], .plain).contains(">global  ---------|----"))
  }

  // MARK: Curves

  @Test func curveHasRoundLogarithmicAxes() {
    var plot = LinePlot([
      .init("this", [(0, 4), (3500, 0.25)]), .init("valid", [(0, 0.5), (3500, 2)], isDotted: true),
    ])
    (plot.logY, plot.floor, plot.markers) = (true, 0.304, [400, 800, 1200])
    #expect(
      drawn(plot, Size(rows: 15, columns: 54), .plain) == """
            4+****
             |   ****
             |       ****
            2+           ****                                +
             |              *****
             |                  ****
            1+                      ****
             |                          ****
             |                             *****
          0.5++                                ****
             |                                     ****
             |-----------------------------------------****---
         0.25+                                            ****
             +-----^-----^----^-------------------------------
              0            1000          2000         3000
        """)
  }

  @Test func curveInBraille() {
    let plot = LinePlot([.init("up", [(0, 0), (9, 4)])])
    #expect(
      drawn(plot, Size(rows: 4, columns: 12), .full) == """
              ⣀⡠⠤⠔⠒⠉
        ⣀⠤⠔⠒⠊⠉
        ────────────
        0
        """)
  }
}
