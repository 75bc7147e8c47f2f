import Files
import Inspection
import Screen
import TestSupport
import Testing
import Workbench

/// The model as a tree, and its weights.
@Suite struct ModelViewTests {
  private func laboratory(_ body: (inout Laboratory) throws -> Void) throws {
    try withTemporaryFolder { folder in
      var lab = try Laboratory(folder)
      lab.answer(lab.drawnScores)
      try lab.step("view model")
      try body(&lab)
    }
  }

  private func rows(_ lab: Laboratory, _ size: Size, _ look: Look = .plain) -> [String] {
    lab.screen(size, look).split(separator: "\n", omittingEmptySubsequences: false)
      .map { String($0) }
  }

  @Test func theTreeUnfoldsAroundTheCursor() throws {
    try laboratory { lab in
      let size = Size(rows: 24, columns: 80)
      #expect(
        rows(lab, size)[2..<8].map { $0.prefix(46) } == [
          "  part                  shape  numbers compute",
          "v transformer                   24,000 100.0 %",
          "> wte                           16,384  71.7 %",
          "> wpe                            1,024   0.0 %",
          "> h                              6,560  28.3 %",
          "> ln_f                              32   0.0 %",
        ])
      for key in [Key.down, .down, .down, .enter] { _ = try lab.press(key) }
      #expect(rows(lab, size)[7].hasPrefix("  > 0 ") && rows(lab, size)[8].hasPrefix("  > 1 "))
      for _ in 0..<2 { _ = try lab.press(.enter) }
      #expect(try lab.press(.enter).hasPrefix("set pane="))
      #expect(lab.bench.settings.cursor == Position(8, 0))
      #expect(rows(lab, size)[9].hasPrefix("        weight              16      16   0.0 %"))
      #expect(rows(lab, size)[2].hasSuffix("  h.0.ln_1.weight"))
      #expect(try lab.press(.left) == "cursor 7 0" && lab.press(.left) == "cursor 6 0")
      #expect(try lab.press(.down) == "cursor 27 0" && lab.press(.home) == "cursor 0 0")
      #expect(try lab.press(.left) == "this is the whole model")
      #expect(try lab.press(.character("n")).contains("no stages"))
      try lab.step("find c_fc")
      #expect(lab.bench.settings.cursor == Position(21, 0))
    }
  }

  @Test func aWeightIsAMap() throws {
    try laboratory { lab in
      let size = Size(rows: 24, columns: 80)
      try lab.step("cursor 12")
      let numbers = try #require(lab.model.parameters["transformer.h.0.attn.c_attn.weight"])
      let values = Array(numbers.storage.floats)
      let largest = values.reduce(0) { max($0, abs($1)) }
      var screen = rows(lab, size)
      #expect(screen[2].hasSuffix("h.0.attn.c_attn.weight"))
      #expect(screen[3].hasSuffix("16x48   768 numbers"))
      #expect(screen[4].contains("min  \(Numbers.fixed(Double(values.min() ?? 0), 4))"))
      #expect(screen[21].hasPrefix("1 cell = 1x2 numbers, the largest   ==-,.:+## "))
      // Eight lines of two rows, 24 cells of two columns.
      #expect(screen[7..<15].allSatisfy { $0.dropFirst(52).count == 24 })
      try lab.step("set zoom=3 focus=weight", "cursor 12 77")
      screen = rows(lab, size)
      // Row 1, column 29; its neighbours in tenths of the largest.
      #expect(
        screen[21].hasSuffix("row 1, column 29: \(Numbers.fit(Double(values[77]), 9, decimals: 5))")
      )
      let tenths = (values[76] / largest * 10).rounded()
      #expect(screen[8].contains("\(tenths > 0 ? "+" : "")\(Int(tenths))>"), "\(screen[8])")
      #expect(try lab.press(.down) == "cursor 12 125" && lab.press(.end) == "cursor 12 143")
      #expect(
        try lab.press(.right) == "cursor 12 143" && lab.press(.escape) == "set focus=tree")
      try lab.step("set pane=histogram zoom=0")
      #expect(rows(lab, size)[21].hasPrefix("64 equal bins"))
      // A tall one keeps its columns.
      try lab.step("set pane=map", "cursor 2")
      #expect(rows(lab, size)[21].hasPrefix("1 cell = 64x1 numbers"))
    }
  }

  @Test func looksSwapGlyphsAndNeverPlaces() throws {
    try laboratory { lab in
      try lab.step("cursor 12", "set zoom=2")
      for size in screenSizes {
        let plain = rows(lab, size)
        for look in [Look.full.with(colour: false), .console] {
          let other = rows(lab, size, look)
          #expect(other.count == plain.count)
          for (a, b) in zip(plain, other) {
            #expect(a.count == b.count)
            // Only marks differ, never words or numbers.
            #expect(zip(a, b).allSatisfy { $0 == $1 || !($0.isLetter || $0.isNumber) || $0 == "v" })
          }
        }
        #expect(plain[0].contains("[6 Model]"))
        #expect(plain.contains { $0.contains("configuration") } == (size.columns >= 118))
      }
    }
  }

  @Test func costsAndConfiguration() throws {
    try laboratory { lab in
      let size = Size(rows: 24, columns: 80)
      try lab.step("set pane=cost")
      // Five tokens: 2 layers x 4 x 16 x 5 operations, of 2 x 1024 x 16 and 2 x 2 x 12 x 16 x 16.
      #expect(rows(lab, size)[1].contains("token 5 takes 45.7 KFLOP"))
      let attention = try #require(rows(lab, size).first { $0.contains("*.attn q.k w.v") })
      #expect(attention.hasSuffix("    640     1.4 %"))
      #expect(rows(lab, size).contains { $0.hasSuffix("all              45.7 K  100.0 %") })
      try lab.step("set pane=configuration")
      #expect(rows(lab, size).contains { $0.hasSuffix("n_embd               16") })
    }
  }

  /// The numbers of both views as files: parts that add up, shares that sum to 1.
  @Test func exports() throws {
    try SessionTests.withModel { folder in
      let (parts, candidates) = (folder + "/parts.csv", folder + "/candidates.csv")
      let session = SessionTests.session(
        [
          "prompt abcd", "view model", "export \(parts)", "view generate", "top-k 9",
          "export \(candidates)",
        ], model: folder)
      #expect(!session.bench.echo.isError, "\(session.bench.echo)")
      func rows(_ path: String) throws -> [[Substring]] {
        String(decoding: try FileSystem.readAll(path), as: UTF8.self).split(separator: "\n")
          .filter { !$0.hasPrefix("#") }.dropFirst()
          .map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      }
      let weights = try rows(parts).filter { !$0[1].isEmpty }
      let whole = try #require(try rows(parts).first)
      #expect(whole[0] == "transformer" && weights.count == 28)
      #expect(weights.reduce(0) { $0 + (Int($1[2]) ?? 0) } == Int(whole[2]))
      // Attention itself belongs to no weight: 2 layers x 4 x width x tokens.
      #expect(weights.reduce(2 * 4 * 16 * 4) { $0 + (Int($1[3]) ?? 0) } == Int(whole[3]))
      let shares = try rows(candidates)
      try #require(shares.count == 260 && shares.allSatisfy { $0.count >= 7 })
      for column in 1...4 {
        let numbers = shares.compactMap { Double($0[$0.count - column]) }
        #expect(numbers.count == (column <= 2 ? 9 : 260))
        #expect(abs(numbers.reduce(0, +) - 1) < 1e-12)
      }
    }
  }

  @Test func drawsInAnyRectangle() throws {
    try laboratory { lab in
      for cursor in [0, 2, 12] {
        try lab.step("cursor \(cursor)")
        for pane in ["map", "histogram", "cost", "configuration"] {
          try lab.step("set pane=\(pane) focus=\(cursor == 2 ? "weight" : "tree")")
          for rows in [10, 12, 16, 17, 24, 60] {
            for columns in [40, 48, 71, 72, 80, 117, 118, 200, 400] {
              #expect(lab.screen(Size(rows: rows, columns: columns)).contains("  part "))
            }
          }
        }
      }
    }
  }
}
