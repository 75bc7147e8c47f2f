import Files
import Screen
import TestSupport
import Testing
import Workbench

/// The sampling laboratory as it is drawn.
@Suite struct GenerateViewTests {
  private static let looks: [Look] = [.full, .console, .plain]

  private func laboratory(_ body: (inout Laboratory) throws -> Void) throws {
    try withTemporaryFolder { folder in
      var lab = try Laboratory(folder)
      lab.answer(lab.drawnScores)
      try body(&lab)
    }
  }

  private static let picture = """
     1 Attention   2 Entropy  [3 Generate]  4 Train   5 Lessons   6 Model     ? help
    tales-en 0.02 M   seed 7, draw 12   prompt 5 tokens + 11 new              paused
    Ida found the old box box key key box key box lamp coin box key lamp_

    order of the filters: model > temperature > top-k > top-p > draw
         candidate  model   [temp]    top-k   top-p    cumulative line, 0 to 1
                             0.80        8    0.90
    > 1  key        0.280    0.385    0.405   0.432    =====#=====
      2  coin       0.173    0.211    0.222   0.237         :     =======
      3  lamp       0.136    0.156    0.164   0.175         :            ====
      4  box        0.089    0.092    0.097   0.103         :                ===
      5  ring       0.052    0.047    0.049   0.053         :                   ==
      6  ball       0.040    0.034    0.036     -
      7  door       0.020    0.014    0.015     -
      8  red        0.017    0.012    0.012     -
      9  hat        0.012    0.008      -       -
     10  cat        0.008    0.005      -       -
         1014 more  0.173    0.036      -       -           ^ draw 0.192
         kept       1024     1024        8       5
         effective  23.8      7.5      5.0     4.0     = exp(entropy) of the column
    takes  1  ...y key key key (10 in common)  2* ... box lamp coin box key lamp_
    - is cut    : is the draw    each column is renormalised and sums to 1
    """

  @Test func theDrawing() throws {
    try laboratory { lab in
      try lab.step("top-k 8", "top-p 0.9", "seed 7", "sample 14", "rewind 4", "take 3")
      // All but the command line and the keys.
      func rows(_ look: Look) -> String {
        lab.screen(Size(rows: 24, columns: 80), look).split(
          separator: "\n", omittingEmptySubsequences: false
        ).prefix(22).joined(separator: "\n")
      }
      #expect(rows(.plain) == Self.picture)
      // Other looks swap glyphs and never places.
      for (look, glyphs) in [(Look.full, "━█┊–▸▴"), (.console, "═█:-►▲")] {
        let names = Dictionary(uniqueKeysWithValues: zip(glyphs, "=#:->^"))
        #expect(rows(look).contains { glyphs.contains($0) && !$0.isASCII })
        #expect(String(rows(look).map { $0.isASCII ? $0 : names[$0] ?? "?" }) == Self.picture)
      }
    }
  }

  /// The numbers of a row behind the candidate.
  private func numbers(_ line: Substring) -> [Double?] {
    line.dropFirst(16).prefix(31).split(separator: " ").map { $0 == "-" ? nil : Double($0) }
  }

  /// What is drawn is what numpy says, to the last digit, and every column sums to 1.
  @Test(arguments: screenSizes) func columnsAreNumpys(size: Size) throws {
    let cases = try JSON(contentsOf: Fixtures.path("generate-goldens.json")).array ?? []
    #expect(cases.count == 4)
    try laboratory { lab in
      for item in cases {
        let limit = { (key: String) in item[key]?.double.map { "\($0)" } ?? "off" }
        try lab.step(
          "temperature \(item["temperature"]?.double ?? 0)",
          "top-k \(item["k"]?.int.map(String.init) ?? "off")", "top-p \(limit("p"))")
        var columns = item["columns"]?.array ?? []
        if size.columns < 72 { columns = [columns[0], columns[3]] }
        let screen = lab.screen(size).split(separator: "\n", omittingEmptySubsequences: false)
        let head = try #require(screen.firstIndex { $0.contains("candidate") })
        let end = try #require(screen.firstIndex { $0.contains(" more") })
        let (shown, more) = (screen[(head + 2)..<end].map(numbers), screen[end])
        let kept = try #require(screen.first { $0.hasPrefix("     kept") })
        let effective = try #require(screen.first { $0.hasPrefix("     effective") })
        try #require(shown.count >= 6 && shown.allSatisfy { $0.count >= columns.count })
        for (k, column) in columns.enumerated() {
          let exact = column["top"]?.array?.compactMap(\.double) ?? []
          for (row, drawn) in shown.prefix(10).enumerated() {
            #expect((drawn[k] == nil) == (exact[row] == 0), "row \(row), column \(k)")
            #expect(abs((drawn[k] ?? 0) - exact[row]) < 0.00101)
          }
          let sum = shown.reduce(numbers(more)[k] ?? 0) { $0 + ($1[k] ?? 0) }
          #expect(abs(sum - 1) < 1e-9, "column \(k) sums to \(sum)")
          #expect(numbers(kept)[k] == column["kept"]?.double)
          let wanted = try #require(column["effective"]?.double)
          #expect(abs((numbers(effective)[k] ?? 0) - wanted) < 0.0501)
        }
      }
    }
  }

  /// The staircase: every candidate has its part of the line, and the draw falls on one of them.
  @Test func theLineIsTheLastColumn() throws {
    let cases = try JSON(contentsOf: Fixtures.path("generate-goldens.json")).array ?? []
    let ends = cases[0]["columns"]?.array?[3]["ends"]?.array?.compactMap(\.double) ?? []
    try laboratory { lab in
      try lab.step("top-k 8", "top-p 0.9")
      let rows = lab.screen(Size(rows: 24, columns: 80)).split(
        separator: "\n", omittingEmptySubsequences: false)
      let pointer = Array(rows[17].dropFirst(51))
      let draw = try #require(pointer.firstIndex(of: "^"))
      let share = lab.bench.generate.draw(lab.bench.settings)
      #expect(draw == Int(share * 27))
      for row in 0..<5 {
        let line = Array(rows[7 + row].dropFirst(51))
        let start = row == 0 ? 0 : ends[row - 1]
        let end = row == 4 ? 1 : ends[row]
        let isHit = start <= share && share < end
        // The draw is drawn over the steps, on the row that it takes as a part of its step.
        #expect(line[draw] == (isHit ? "#" : ":"))
        let steps = Set(Int(start * 27)..<(row == 4 ? 27 : Int(end * 27))).subtracting([draw])
        #expect(Set(line.indices.filter { line[$0] == "=" }) == steps, "row \(row)")
      }
    }
  }

  @Test func knobsSayWhatTheyDo() throws {
    try laboratory { lab in
      let wide = Size(rows: 24, columns: 80)
      try lab.step("temperature 0")
      #expect(lab.screen(wide).contains("temp 0: greedy, no draw"))
      #expect(lab.screen(wide).contains("seed 1, no draw"))
      #expect(!lab.screen(wide).contains("^ draw"))
      try lab.step("temperature 0.8", "top-p 1", "set focus=top-p")
      #expect(
        lab.screen(wide).contains(" [top-p] ") && lab.screen(wide).contains("top-p 1.00: off"))
      try lab.step("set focus=top-k")
      #expect(lab.screen(wide).contains(" [top-k] ") && lab.screen(wide).contains("top-k: off"))
      #expect(lab.screen(Size(rows: 20, columns: 48)).contains("temp 0.80  [top-k off]"))
    }
  }

  /// Keys and the commands that they run.
  @Test func keysRunCommands() throws {
    try laboratory { lab in
      #expect(try lab.press(.character("+")) == "temperature 0.85")
      for _ in 0..<16 { _ = try lab.press(.character("-")) }
      #expect(try lab.press(.character("-")) == "temperature 0.0")
      #expect(try lab.press(.character("-")).contains("as low as it goes"))
      for value in ["0.05", "0.1", "0.15"] {
        #expect(try lab.press(.character("+")) == "temperature \(value)")
      }
      #expect(try lab.press(.right) == "set focus=top-k")
      #expect(try lab.press(.character("-")) == "top-k 100")
      #expect(try lab.press(.character("+")) == "top-k off")
      #expect(try lab.press(.character("+")) == "top-k: off")
      #expect(try lab.press(.right) == "set focus=top-p")
      #expect(try lab.press(.character("-")) == "top-p 0.95")
      #expect(try lab.press(.character("+")) == "top-p 1.0")
      #expect(try lab.press(.character("+")) == "top-p 1.00: off")
      #expect(try lab.press(.character("p")).hasPrefix("nothing to take back"))
      #expect(try lab.press(.character("n")) == "sample 1" && lab.bench.generate.text.count == 1)
      let row = lab.rank(
        of: lab.bench.generate.table?.choose(lab.bench.generate.draw(lab.bench.settings)) ?? 0)
      #expect(try lab.press(.down) == "cursor \(row) 0")
      #expect(try lab.press(.up) == "cursor \(row - 1) 0")
      #expect(try lab.press(.home) == "cursor 0 0")
      #expect(try lab.press(.enter) == "take 1")
      #expect(try lab.press(.character("p")) == "rewind 1")
      #expect(try lab.press(.character("r")) == "rewind all")
      #expect(try lab.press(.character("b")) == "set pane=takes")
      #expect(lab.screen(Size(rows: 24, columns: 80)).contains("Enter goes on from one"))
      #expect(try lab.press(.enter) == "branch 1")
      #expect(try lab.press(.escape) == "set pane=table")
      #expect(lab.bench.action(for: .character(" ")) == .run(Command(.sample)))
      try lab.run("sample")
      #expect(lab.bench.action(for: .character(" ")) == .run(Command(.stop)))
    }
  }

  @Test func bytesThatAreNoCharacterYet() throws {
    try laboratory { lab in
      let size = Size(rows: 24, columns: 80)
      let (first, second) = (lab.rankOfByte(0xC3), lab.rankOfByte(0xA9))
      try lab.step("take \(first)")
      #expect(lab.screen(size, .full).contains("Ida found the old box<C3>_"))
      #expect(lab.screen(size, .full).contains("1* Ida found the old box<C3>_"))
      try lab.step("cursor \(first - 1)")
      #expect(lab.screen(size, .full).contains("▸\(first) <C3> "))
      try lab.step("take \(second)")
      #expect(lab.screen(size, .full).contains("Ida found the old boxé_"))
      // A newline is seen, and a byte that steers a terminal never comes through.
      try lab.step("take \(lab.rankOfByte(0x0A))", "take \(lab.rankOfByte(0x1B))")
      let screen = lab.screen(size, .full)
      #expect(screen.contains("boxé␊\n␛_") && !screen.contains("\u{1B}"))
      // A character that the prompt begins and the text ends.
      try lab.step(#"prompt "Ida\xC3""#, "take \(second)")
      #expect(lab.screen(size, .full).contains("\nIdaé_"))
    }
  }

  @Test func aPinnedStateStandsBesideThisOne() throws {
    try laboratory { lab in
      try lab.step("top-k 8", "top-p 0.9", "pin", "temperature 1.5", "set diff=on")
      let rows = lab.screen(Size(rows: 24, columns: 80)).split(separator: "\n")
      let head = try #require(rows.firstIndex { $0.contains("candidate") })
      #expect(rows[head].contains(" pinned "))
      #expect(numbers(rows[head + 2])[0] == 0.432)
      #expect(rows.contains { $0.hasPrefix("     kept          5 ") })
    }
  }

  @Test func drawsInAnyRectangle() throws {
    try laboratory { lab in
      try lab.step("sample 40")
      for rank in 2...10 { try lab.step("rewind 2", "take \(rank)") }
      for pane in ["table", "takes"] {
        try lab.run("set pane=\(pane)")
        for rows in [10, 11, 13, 18, 20, 24, 60, 200] {
          for columns in [40, 48, 71, 72, 79, 80, 111, 112, 120, 200, 500] {
            let look = Self.looks[(rows + columns) % 3]
            #expect(lab.screen(Size(rows: rows, columns: columns), look).contains("seed 1"))
          }
        }
      }
    }
  }

  /// A turn of a knob with a vocabulary of 50,257 asks the model for nothing, and is drawn at once.
  @Test func aLargeVocabularyIsTurnedAtOnce() throws {
    try withTemporaryFolder { folder in
      var lab = try Laboratory(folder, vocabulary: 50_257)
      var random = SplitMix(state: 3)
      lab.answer { _ in (0..<50_257).map { _ in Float(random.uniform() * 12) } }
      var drawn: Set<String> = []
      for step in 1...9 {
        try lab.run("temperature 0.\(step)")
        drawn.insert(lab.screen(Size(rows: 60, columns: 200)))
      }
      #expect(lab.requests.isEmpty && drawn.count == 9)
    }
  }
}
