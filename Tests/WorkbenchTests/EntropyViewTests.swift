import Files
import Screen
import TestSupport
import Testing
import Workbench

/// The Entropy view as it is drawn.
@Suite struct EntropyViewTests {
  private static let picture = """
     1 Attention  [2 Entropy]  3 Generate   4 Train   5 Lessons   6 Model     ? help
    entropy 0.01 M   prompt, 70 bytes   beside tales-en                      byte 17
    A bar stands in the gap AFTER a byte: how unsure the model is of the NEXT one.
    ~
    Anna found a red key in the wood. Perché no? Già tardi: 12 «ok».~
     nats                                     v                       ~ is a newline
       3.0
       2.5                                                          #
       2.0          _                           .                   #       #
       1.5        _ # _ _               #     . #         .       _ # #     #
      0.60>  -----#-#-#-#-------.-_-#---#---_-#-#-.---#---#-.-----#-#-#-#---#
       0.5    _ # # # # # # # . # # # . # . # # # # . # # # # _ _ # # # # . #
     text    A n n|a| |f|o u n d| |a|  r|e d| |k|e|y  |i n| |t h e| |w|o|o d|  mean
    >global  -----|-|-|-|-------|-|-|---|---|-|-|-|---|---|-|-----|-|-|-|---|  1.67
     monotoni---------------------------|-------------|---|-------|-|-------|  4.38
     space   ---------|-----------|---|-------|-------|-----|-------|--------  3.89
     static  ---|-------|-------|-------|-------|-------|-------|-------|----  3.89
     byte    -|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|-|  1.00
    after byte 17 ' ' (20): 1.184 nats = 1.708 bits; likeliest <D3> .580 <C3> .241
    came 'k': surprise 49.352, rank 138.  1.184 > 0.60: byte 18 starts a patch
    patch lengths  1 ##############.  2-3 #########  4-7 ##  8-15   16+   42 patches
    threshold 0.60  0 ------O------------------------ 3 1 latent step / 1.67 bytes
    """

  @Test func theDrawing() throws {
    var (bench, _) = try EntropyBench.drawn()
    try bench.run("cursor 17")
    func rows(_ look: Look) -> String {
      bench.screen(24, 80, look).split(separator: "\n", omittingEmptySubsequences: false)
        .prefix(22).joined(separator: "\n")
    }
    #expect(rows(.plain) == Self.picture)
    // Other looks swap glyphs and never places.
    let ascii = rows(.plain).split(separator: "\n", omittingEmptySubsequences: false)
    for (look, glyphs) in [(Look.full, "│─╌▸▾␊"), (.console, "│─►▼")] {
      let lines = rows(look).split(separator: "\n", omittingEmptySubsequences: false)
      #expect(lines.count == ascii.count && glyphs.allSatisfy { rows(look).contains($0) })
      for (line, plain) in zip(lines, ascii) {
        #expect(line.count == plain.count)
        for (a, b) in zip(line, plain) where b.isLetter || b.isNumber || b == " " {
          #expect(a == b || !a.isASCII, "\(line)\n\(plain)")
        }
      }
    }
  }

  /// What each size shows, in every look, and nothing traps in between.
  @Test func sizes() throws {
    var (bench, _) = try EntropyBench.drawn()
    try bench.run("cursor 17")
    for look in [Look.full, .console, .plain] {
      for size in screenSizes + [Size(rows: 10, columns: 40), Size(rows: 18, columns: 48)] {
        for pane in ["numbers", "bars"] {
          try bench.run("set pane=\(pane)")
          let screen = bench.screen(size.rows, size.columns, look)
          #expect(screen.split(separator: "\n").allSatisfy { Glyphs.width($0) <= size.columns })
          #expect(screen.contains("after byte 17 ' '") && screen.contains("threshold 0.60"))
        }
      }
    }
    // Narrow: 20 bytes and the rule in force; wide: 52 bytes and twelve lines of bars.
    let narrow = bench.lines(3...17, 20, 48)
    #expect(narrow.count { $0.hasPrefix(">") || $0.contains("static") } == 1)
    let text = try #require(narrow.first { $0.hasPrefix(" text") })
    #expect(text.dropFirst(7).count { $0 != "|" && $0 != " " } >= 15)
    let wide = bench.screen(40, 120)
    #expect(wide.contains("likeliest after byte 17") && wide.contains("patch lengths in bytes"))
    let lines = bench.lines(3...37, 40, 120)
    let nats = try #require(lines.firstIndex { $0.hasPrefix(" nats") })
    let below = try #require(lines.firstIndex { $0.hasPrefix(" text") })
    #expect(below - nats - 1 == 12)
    let ribbon = try #require(lines.first { $0.hasPrefix(" byte") })
    #expect(ribbon.count { $0 == "|" } == 52)
    // What is there only on large screens is a key away on small ones.
    try bench.run("set pane=numbers")
    #expect(bench.screen(24, 80).contains("likeliest after byte 17"))
    #expect(bench.screen(24, 80).contains("bits/byte"))
  }

  @Test func keysRunCommands() throws {
    var (bench, _) = try EntropyBench.drawn()
    try bench.run("cursor 17")
    #expect(try bench.press(.character("+")) == "threshold 0.65")
    #expect(try bench.press(.character("-")) == "threshold 0.60")
    let ends = try #require(bench.bench.patches).ends
    let next = try #require(ends.indices.first { $0 > 17 && ends[$0] })
    #expect(try bench.press(.character("n")) == "cursor \(next) 0")
    #expect(try bench.press(.right) == "cursor \(next + 1) 0")
    #expect(try bench.press(.character("p")) == "cursor \(next) 0")
    let last = try #require(ends.indices.last { $0 < next && ends[$0] })
    #expect(try bench.press(.character("p")) == "cursor \(last) 0")
    #expect(try bench.press(.home) == "cursor 0 0")
    #expect(try bench.press(.character("p")).hasPrefix("says no boundary"))
    #expect(try bench.press(.end) == "cursor 69 0")
    #expect(try bench.press(.left) == "cursor 68 0")
    #expect(try bench.press(.character("m")) == "rule monotonic")
    #expect(try bench.press(.tab) == "set focus=ribbons")
    #expect(try bench.press(.down) == "cursor 68 1")
    #expect(try bench.press(.down) == "cursor 68 2")
    #expect(try bench.press(.enter) == "rule space")
    #expect(try bench.press(.escape) == "set focus=text")
    #expect(try bench.press(.enter).hasPrefix("says Tab"))
    // A rule keeps its numbers as m goes round.
    try bench.run("rule global add=0.4 max=9")
    #expect(try bench.press(.character("m")) == "rule monotonic max=9")
    try bench.run("threshold 0")
    #expect(try bench.press(.character("-")) == "says the threshold is as low as it goes")
    try bench.run("threshold 5.55")
    #expect(try bench.press(.character("+")) == "says the threshold is as high as it goes")
    try bench.run("find red")
    #expect(bench.bench.byte == 14)
    try bench.run("cursor 3")
    #expect(try bench.press(.up) == "cursor 0 2")
    #expect(try bench.press(.down) == "cursor 1 2")
  }

  /// A higher threshold ends fewer patches, at every step of the dial from 0.1 to 3 nats.
  @Test func theDialMakesPatchesLonger() throws {
    let story = "Anna found a red key in the wood. Tom wanted the key, perché no?\n"
    let text = Array(String(repeating: story, count: 40).utf8.prefix(2_000))
    var bench = try EntropyBench(prompt: text)
    #expect(bench.bench.entropy.count == 2_000)
    let means = try (2...60).map { step in
      try bench.run("threshold \(Double(step) / 20)")
      return try bench.number("mean-patch")
    }
    #expect(means == means.sorted() && Set(means).count > 20, "\(means)")
  }
}
