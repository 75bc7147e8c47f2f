import Files
import Screen
import TestSupport
import Testing
import Workbench

/// The attention view, drawn; the numbers are those of Tests/Fixtures/make_attention_drawing.py.
@Suite struct AttentionViewTests {
  static let map = #"""
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
    """#.split(separator: "\n").enumerated().map { row, line in
      // One-digit rows are indented by one more column.
      (1...10).contains(row) ? " " + line : String(line)
    }

  /// The drawing of the design, line by line.
  @Test func isTheDrawing() throws {
    let drawn = try AttentionBench.drawn()
    let picture = #"""
       input norm qkv | scores scaled masked [WEIGHTS] output joined | residual  7/10
       head 0.2 of layers 0-1, heads 0-3; 16 wide     LEDGER  12 "the" reads 5 "key"
       exp, then divided by the row's sum: % of row   term  5 -3.255 x +1.014 = -3.299
               \n An fo a  re ke in th wo .  To wa th term 10 -2.950 x -0.850 = +2.507
       0 \n   100                                     term 11 +3.603 x -0.644 = -2.320
       1 Anna  94  6                                  term  4 +1.230 x -1.405 = -1.729
       2 found 29 25 46                               term 14 +3.805 x +0.452 = +1.722
       3 a     13 43 25 18                            11 smaller terms        = +1.814
       4 red    9 34 24 14 19                                                   ------
       5 key    3  1 44 42  8  2                      score          q.k        -1.305
       6 in    11 15 21 18 18  7  9                   scaled         / sqrt(16) -0.326
       7 the    2  .  2  2  1 83  8  2                mask           5 <= 12     seen
       8 wood   9 17 14 10 19  4  4  8 15             less row max   -(-0.326)   0.000
       9 .     13  1  5  7  7  . 43  2 20  1          exp                        1.000
      10 Tom   11  .  1  2  2  2 59  1 17  2  3       row sum                  / 1.258
      11 wante  5 19  7  6  8 15  2  9  6 10  9  3    WEIGHT                     0.795
      12 the    1  .  1  1  .>79  5  1  .  4  1  .  4 value          length 1.298
       row 12's peak  0.0  77 red   0.1  78 wanted    gives this head 99.5 % of output
                     >0.2  79 key   0.3  21 key       next  key .9997   lamp .0001
       rows read, columns are read     .  under 0.5 %   blank  masked   >  cursor
      """#
    #expect(drawn.lines(3...22).joined(separator: "\n") == picture)
  }

  /// The bench beside a lesson.
  @Test func whereItIsNarrowTheLedgerIsThreeLines() throws {
    let drawn = try AttentionBench.drawn()
    let picture =
      [" head 0.2   scaled masked [WEIGHTS] output  7/10"] + Self.map
      + [
        #" 12 "the" reads 5 "key": weight 0.795"#,
        " score -1.305   scaled -0.326   row sum 1.258",
        " gives this head 99.5 % of its output",
        " rows read, columns are read; % of the row",
        " .  under 0.5 %   blank  masked   >  cursor",
      ]
    #expect(drawn.lines(3...22, 24, 48) == picture)
    // Four rows fewer: the line about rows and columns goes, and of the map the first rows.
    let lower = picture[...1] + picture[5...17] + [picture[19]]
    #expect(drawn.lines(3...18, 20, 48) == Array(lower))
  }

  /// Looks swap glyphs, never places.
  @Test(arguments: [(20, 48), (24, 80), (40, 120), (60, 200)])
  func looksDifferOnlyInGlyphs(rows: Int, columns: Int) throws {
    let swaps: [Character: [Character]] = [
      ".": ["·"], ">": ["▸", "►"], "-": ["─"], "+": ["▒"], ":": ["░"], "o": ["▓"], "#": ["█"],
    ]
    for line in ["stage weights", "set zoom=1", "set pane=grid", "stage scores"] {
      var drawn = try AttentionBench.drawn()
      try drawn.run(line)
      let plain = drawn.screen(rows, columns)
      for look in [Look.console, .full] {
        let other = drawn.screen(rows, columns, look)
        #expect(plain.count == other.count)
        for (a, b) in zip(plain, other) where a != b {
          #expect(swaps[a]?.contains(b) ?? false, "\(line): \(a) became \(b)")
        }
      }
    }
  }

  @Test func onALargerScreenAllTermsStandThere() throws {
    let drawn = try AttentionBench.drawn()
    let (left, right) = (
      drawn.lines(3...37, 40, 120).map { String($0.prefix(88)) },
      drawn.lines(3...37, 40, 120).map { String($0.dropFirst(88)) }
    )
    #expect(left[3...16].map(trimmed) == Self.map)
    #expect(
      left[33...].map(trimmed) == [
        " row 12's peak  0.0  77 red         0.1  78 wanted",
        "               >0.2  79 key         0.3  21 key",
      ])
    #expect(right[1] == #"LEDGER  12 "the" reads 5 "key""#)
    #expect(right[2...17].allSatisfy { $0.hasPrefix("term") && $0.count == 32 })
    #expect(right[18] == "rounding                = -0.001")
    #expect(right[20] == "score          q.k        -1.305")
    #expect(right[28] == "gives this head 99.5 % of output")
    #expect(right[34] == "next  key .9997   lamp .0001")
    #expect(drawn.lines(38...38, 40, 120)[0].hasSuffix("mask causal hides 46 %"))
  }

  private func trimmed(_ line: String) -> String {
    var line = line
    while line.last == " " { line.removeLast() }
    return line
  }

  // MARK: - Numbers

  /// The column of every ledger adds up as it stands on the screen, and so do all its steps.
  @Test func everyLedgerAddsUp() throws {
    var drawn = try AttentionBench.drawn()
    /// The number that a text is, in thousandths.
    func thousandths(_ text: Substring?) -> Int? {
      text.flatMap { Double($0) }.flatMap { $0.isFinite ? Int(($0 * 1000).rounded()) : nil }
    }
    for row in 0..<13 {
      for column in 0..<13 {
        try drawn.run("cursor \(row) \(column)")
        let pane = drawn.lines(5...20).map { $0.dropFirst(48) }
        let numbers = pane.map { thousandths($0.split(separator: " ").last) }
        let terms = numbers[0...5].compactMap { $0 }
        let score = try #require(numbers[7])
        #expect(terms.count == 6 && terms.reduce(0, +) == score, "\(row), \(column)")
        let isSeen = column <= row
        #expect(pane[9].contains(isSeen ? "\(column) <= \(row)" : "\(column) > \(row)"))
        #expect(pane[9].hasSuffix(isSeen ? "seen" : "hidden"))
        let scaled = try #require(numbers[8])
        #expect(abs(scaled * 4 - score) <= 3)
        guard isSeen else {
          #expect(pane[10].hasSuffix("-inf") && pane[13].hasSuffix("0.000"))
          continue
        }
        let top = try #require(thousandths(pane[10].split { "()".contains($0) }.dropFirst().first))
        #expect(numbers[10] == scaled - top)
        let (power, sum) = (try #require(numbers[11]), try #require(numbers[12]))
        let weight = try #require(numbers[13])
        #expect(abs(weight * sum - power * 1000) <= sum + weight + 1000, "\(row), \(column)")
      }
    }
  }

  /// Vectors in tenths of the largest number of the stage.
  @Test(arguments: ["input", "norm", "joined", "residual", "output", "qkv"])
  func vectorsAreDrawnByTenths(_ stage: String) throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("stage \(stage)")
    try drawn.run("cursor 0 0")
    let json = try JSON(contentsOf: Fixtures.path("attention-drawing.json"))
    let layer = try #require(json["layers"]?.array?.first)
    let part = ["output": "heads", "qkv": "packed"][stage] ?? stage
    let all = try #require(layer[part]?.array).compactMap(\.double)
    let width = all.count / 13
    // Head 2 is 16 wide; queries, keys and values of all heads stand side by side.
    let columns =
      stage == "output"
      ? Array(32..<48) : stage == "qkv" ? [32, 96, 160].flatMap { $0..<$0 + 16 } : Array(0..<width)
    let rows = (0..<13).map { row in columns.map { all[row * width + $0] } }
    let largest = rows.joined().map(\.magnitude).max() ?? 0
    for (row, line) in drawn.lines(7...19).enumerated() {
      let cells = Array(line.prefix(47).dropFirst(10))
      for column in 0..<min(18, columns.count) where 2 * column + 1 < cells.count {
        let tenths = Int((rows[row][column] / largest * 10).rounded())
        let text = tenths == 0 ? " 0" : (tenths < 0 ? "-" : "+") + "\(min(9, abs(tenths)))"
        #expect(String(cells[2 * column...2 * column + 1]) == text, "\(stage) \(row) \(column)")
      }
    }
    let unit = Numbers.short(largest, 8)
    #expect(drawn.lines(22...22)[0].hasSuffix("-\(unit) to +\(unit)"))
  }

  @Test func anOutputIsWrittenAsASumToo() throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("stage output")
    try drawn.run("cursor 12 5")
    let pane = drawn.lines(4...14).map { String($0.dropFirst(48)) }
    #expect(pane[0] == #"OUTPUT  12 "the", number 5"#)
    #expect(pane[2].hasPrefix("from  5 +0.795 x "))
    let numbers = pane[2...7].compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
    let total = try #require(Double(pane[9].split(separator: " ").last ?? ""))
    #expect(numbers.count == 6 && abs(numbers.reduce(0, +) - total) < 1e-9)
    try drawn.run("stage residual")
    let sum = drawn.lines(5...8).compactMap { Double($0.split(separator: " ").last ?? "") }
    #expect(sum.count == 3 && abs(sum[0] + sum[1] - sum[2]) < 1e-9)
    try drawn.run("zero 0.2")
    try drawn.run("set pane=ledger")
    try drawn.run("stage output")
    #expect(
      drawn.lines(5...6).map { String($0.dropFirst(48)) } == [
        "this head is zero", "number                    +0.000",
      ])
  }

  // MARK: - What if, grid, cover, difference

  @Test func whatIf() throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("zero 0.2")
    let pane = [
      "WHAT IF  head 0.2 is zero",
      "      trained changed      logit",
      "key     .9997   0.120 13.01>7.88",
      "lamp    .0001   0.017  4.10>5.90",
      "ring    .0001   0.682  3.23>9.62",
      "door    .0000   0.011  3.10>5.50",
      "ball    .0000   0.105  2.19>7.75",
      "box     .0000   0.064  2.19>7.25",
      "u undoes, d shows the difference",
    ]
    #expect(drawn.lines(4...12).map { String($0.dropFirst(48)) } == pane)
    #expect(drawn.lines(21...21)[0].hasSuffix("next  ring 0.682   key 0.120"))
    #expect(
      drawn.lines(18...21, 24, 48) == [
        " head 0.2 is zero", " key .9997>0.120  ring .0001>0.682",
        " ball .0000>0.105  box .0000>0.064", " rows read, columns are read; % of the row",
      ])
    // On a larger screen it stays beside the ledger.
    let large = drawn.lines(3...37, 40, 120).map { String($0.dropFirst(88)) }
    #expect(large[28] == "this head is zero: gives nothing")
    #expect(
      Array(large[29...33]) == [
        pane[0], pane[1], pane[2], pane[4], pane[6],
      ])
    // Without a change it says how to make one.
    var idle = try AttentionBench.drawn()
    try idle.run("set pane=what-if")
    #expect(idle.lines(4...4)[0].hasSuffix("WHAT IF"))
    #expect(idle.lines(5...5)[0].contains("x  zero this head"))
    try drawn.run("sharpen 1.5")
    try drawn.run("mask window=4")
    #expect(
      drawn.lines(4...7).map { String($0.dropFirst(48)) } == [
        "WHAT IF  mask window=4", "         head 0.2 is zero", "         head 0.2 scores x 1.50",
        pane[1],
      ])
    try drawn.run("set pane=ledger")
    try drawn.run("cursor 12 5")
    let ledger = drawn.lines(13...14).map { String($0.dropFirst(48)) }
    #expect(
      ledger == [
        "scaled  x 1.50 / sqrt(16) -0.489", "mask           12-5 >= 4  hidden",
      ])
    try drawn.run("stage masked")
    #expect(drawn.lines(5...5)[0].hasPrefix(" mask window=4 hides 73 %: minus infinity "))
    #expect(drawn.lines(22...22)[0].contains("mask window=4 (what if) hides 73 %") == false)
    #expect(drawn.lines(38...38, 40, 120)[0].hasSuffix("mask window=4 (what if) hides 73 %"))
  }

  @Test func grid() throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("set pane=grid")
    let lines = drawn.lines(5...8).map { trimmed(String($0.prefix(47))) }
    #expect(lines[0] == " largest weight of row 12 in every head, %")
    #expect(lines[1...2] == ["         0  1  2  3", " 0 layer 77 78>79 21"])
    #expect(lines[3].hasPrefix(" 1 layer "))
    #expect(
      drawn.lines(22...22) == [
        " a row a layer, a column a head     >  the head that is open"
      ])
    let large = drawn.lines(6...21, 40, 120).map { $0.prefix(87) }
    #expect(large[0].hasPrefix("  0.0  77              0.1  78             >0.2  79 "))
    #expect(large[15].hasPrefix("  1.0  "))
    // Two rows a line: the larger weight of the two.
    let snapshot = try #require(drawn.bench.attention.shown)
    let thumbnail = (0..<7).map { line in
      let rows = [2 * line, min(12, 2 * line + 1)]
      return (0...(rows[1])).map { column in
        let largest = rows.map { snapshot.weights(0, 2, $0)[column] }.max() ?? 0
        return String(
          ".:+o#".dropFirst([0.04, 0.16, 0.36, 0.64].count { largest >= $0 }).prefix(1))
      }.joined()
    }
    #expect(large[1...7].map { trimmed(String($0.dropFirst(43).prefix(20))) } == thumbnail)
    #expect(thumbnail[0] == "#:" && thumbnail[6].hasPrefix(".....#"))
  }

  @Test func aCoveredCellIsAQuestion() throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("set cover=on")
    #expect(drawn.lines(19...19)[0].hasPrefix("12 the    1  .  1  1  .  ?  5"))
    let pane = drawn.lines(16...20).map { String($0.dropFirst(48)) }
    #expect(
      pane == [
        "exp                            ?", "row sum                        ?",
        "WEIGHT                         ?", "value          length 1.298",
        "gives this head ? of output",
      ])
    #expect(drawn.lines(15...15)[0].hasSuffix("-(-0.326)   0.000"))
    #expect(drawn.lines(21...21)[0].hasPrefix("               >0.2   ? key"))
    #expect(drawn.lines(18...18, 24, 48) == [#" 12 "the" reads 5 "key": weight ?"#])
    #expect(try drawn.press(.enter) == "cursor 12 5")
    #expect(drawn.lines(18...18)[0].hasSuffix("WEIGHT                     0.795"))
    #expect(drawn.lines(19...19)[0].contains(">79"))
    _ = try drawn.press(.left)
    #expect(drawn.lines(18...18)[0].hasSuffix("?"))
    try drawn.run("stage scaled")
    #expect(drawn.lines(12...13).map { $0.hasSuffix("?") } == [false, true])
  }

  @Test func theDifferenceToAPinnedHead() throws {
    var drawn = try AttentionBench.drawn()
    try drawn.run("pin")
    try drawn.run("head 0.1")
    try drawn.run("cursor 12 5")
    let now = try drawn.value("weights[12,5]").description
    let number = Numbers.fixed(try #require(Double(now)) - 0.7947, 3, plus: true)
    #expect(try drawn.press(.character("d")) == "set diff=on")
    #expect(
      trimmed(String(drawn.lines(5...5)[0].prefix(47)))
        == " this state less pinned 0.2: \(number) here")
    #expect(drawn.lines(19...19)[0].contains(">-8"))
    // The same cell of the map as trained and with another mask.
    var lifted = try AttentionBench.drawn()
    try lifted.run("mask none")
    #expect(try lifted.press(.character("d")) == "set diff=on")
    #expect(lifted.lines(7...7)[0].hasPrefix(" 0 \\n    -"))
    #expect(lifted.asked.contains([]) && lifted.asked.contains([.mask(.full)]))
  }

  @Test func drawsInAnyRectangle() throws {
    for line in [
      "stage weights", "stage qkv", "set pane=grid", "zero 0.1", "set diff=on", "set zoom=0",
    ] {
      var drawn = try AttentionBench.drawn()
      try drawn.run(line)
      for rows in [0, 1, 2, 3, 5, 7, 8, 9, 12, 17, 18, 26] {
        for columns in [0, 1, 2, 7, 33, 40, 71, 72, 90] {
          var canvas = Canvas(rows: 30, columns: 100)
          let area = Rect(row: 1, column: 2, height: rows, width: columns)
          AttentionView().draw(drawn.bench, on: &canvas, in: area)
          AttentionView().drawLegend(drawn.bench, on: &canvas, in: area.line(0), of: area)
          for (at, cell) in canvas.cells.enumerated() where cell != Cell() {
            #expect(area.contains(at / 100, at % 100), "\(line) \(rows)x\(columns)")
          }
        }
      }
    }
    var canvas = Canvas(rows: 24, columns: 80)
    AttentionView().draw(Bench(), on: &canvas, in: canvas.bounds)
    #expect(canvas.text().contains("no model is open"))
  }
}
