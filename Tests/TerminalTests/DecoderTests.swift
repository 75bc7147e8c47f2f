import Screen
import Terminal
import Testing

@Suite struct DecoderTests {
  func decoded(_ text: String) -> [Event] {
    var decoder = Decoder()
    return decoder.feed(text.utf8) + decoder.flush()
  }

  @Test func keysOfTheUsualTerminals() {
    let keys: [(String, Key)] = [
      ("\u{1B}[A", .up), ("\u{1B}OB", .down), ("\u{1B}[1;5C", .right), ("\u{1B}[D", .left),
      ("\u{1B}[H", .home), ("\u{1B}[4~", .end), ("\u{1B}[5~", .pageUp), ("\u{1B}[6~", .pageDown),
      ("\u{1B}[Z", .backTab), ("\u{1B}\t", .backTab), ("\u{1B}OP", .function(1)),
      ("\u{1B}[[A", .function(1)), ("\u{1B}[24~", .function(12)), ("\r", .enter),
      ("\n", .control("j")), ("\u{7F}", .backspace), ("\u{8}", .backspace),
      ("\u{3}", .control("c")),
      ("\u{1A}", .control("z")), ("q", .character("q")), ("é", .character("é")),
      ("\u{1F600}", .character("\u{1F600}")), ("\u{1B}", .escape), ("\u{1B}[3~", .delete),
    ]
    for (bytes, key) in keys { #expect(decoded(bytes) == [.key(key)]) }
    #expect(decoded("\u{1B}q") == [.key(.escape), .key(.character("q"))])
    #expect(decoded("\u{1B}\u{1B}[A") == [.key(.escape), .key(.up)])
    #expect(decoded("\u{1B}[99~\u{1B}[?1;2cx") == [.key(.character("x"))])
  }

  @Test func escapeWaitsForWhatMayFollow() {
    var decoder = Decoder()
    #expect(decoder.feed([0x1B]).isEmpty && decoder.patience == 25)
    #expect(decoder.feed([0x5B]).isEmpty && decoder.patience == 25)
    #expect(decoder.feed([0x41]) == [.key(.up)] && decoder.patience == nil)
    #expect(decoder.feed([0xC3]).isEmpty)
    #expect(decoder.feed([0xA9]) == [.key(.character("é"))])
    #expect(decoder.feed([0xC3]).isEmpty)
    #expect(decoder.flush() == [.key(.character("\u{FFFD}"))])
    #expect(decoder.feed([0xFF, 0x61]) == [.key(.character("\u{FFFD}")), .key(.character("a"))])
  }

  @Test func aPasteIsNeverKeys() {
    let pasted = "q\r:quit\u{1B}[A\u{1B}[200~x\u{3}"
    #expect(
      decoded("a\u{1B}[200~\(pasted)\u{1B}[201~b")
        == [.key(.character("a")), .paste(pasted), .key(.character("b"))])
    var decoder = Decoder()
    #expect(decoder.feed("\u{1B}[200~lost".utf8).isEmpty && decoder.patience == 1000)
    #expect(decoder.flush() == [.paste("lost")])
    #expect(decoder.feed("q".utf8) == [.key(.character("q"))])
    // Megabytes: cut, and the end still found.
    let large = decoder.feed(
      "\u{1B}[200~\(String(repeating: "x", count: 3 << 20))\u{1B}[201~q".utf8)
    #expect(large.count == 2 && large.last == .key(.character("q")))
    if case .paste(let text) = large[0] { #expect(text.count == Decoder.pasteLimit) }
  }

  @Test func clicksAndWheel() {
    #expect(decoded("\u{1B}[<0;5;7M\u{1B}[<0;5;7m") == [.click(Position(6, 4))])
    #expect(decoded("\u{1B}[<64;1;1M") == [.wheel(up: true, Position(0, 0))])
    #expect(decoded("\u{1B}[<65;80;24M") == [.wheel(up: false, Position(23, 79))])
    #expect(decoded("\u{1B}[M !!") == [.click(Position(0, 0))])
    #expect(decoded("\u{1B}[<0;99999999999999999999;1M\u{1B}[<0;0;0M").isEmpty)
  }

  /// Random bytes in random pieces: no trap, nothing kept for ever.
  @Test func garbageIsDigested() {
    var state: UInt64 = 7
    func next(_ n: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % n
    }
    let special: [UInt8] = [0x1B, 0x5B, 0x4F, 0x3C, 0x3B, 0x30, 0x32, 0x7E, 0x4D, 0xC3, 0xF0, 0x9F]
    var decoder = Decoder()
    for _ in 0..<20_000 {
      let bytes = (0..<next(9)).map { _ in
        next(3) == 0 ? UInt8(next(256)) : special[Int(next(UInt64(special.count)))]
      }
      _ = decoder.feed(bytes)
      if next(20) == 0 { _ = decoder.flush() }
    }
    _ = decoder.flush()
    _ = decoder.flush()
    #expect(decoder.patience == nil)
    #expect(decoder.feed("q".utf8) == [.key(.character("q"))])
  }

  @Test func looksFollowFromTheTerminal() {
    func look(_ term: String, _ change: (inout Capabilities) -> Void = { _ in }) -> Look {
      var capabilities = Capabilities(environment: ["TERM": term])
      change(&capabilities)
      return capabilities.look
    }
    #expect(look("xterm-256color") == .full)
    #expect(look("xterm") { ($0.colours, $0.pairs) = (8, 64) } == .console)
    #expect(look("linux") { ($0.colours, $0.pairs) = (256, 64) } == .console)
    #expect(look("vt100") { $0.colours = -1 } == Look(.console, colour: false))
    #expect(look("xterm-256color") { $0.isUTF8 = false } == Look(.plain, ascii: true))
    #expect(
      look("xterm-256color") { $0.environment["NO_COLOR"] = "1" } == Look(.full, colour: false))
    #expect(look("xterm-256color") { $0.environment["NO_COLOR"] = "" } == .full)
    #expect(look("x") { $0.environment["COLORFGBG"] = "0;15" } == Look(.full, light: true))
    #expect(look("x") { $0.environment["COLORFGBG"] = "15;default;0" } == .full)
    #expect(look("dumb") { $0.movesCursor = false } == .plain)
  }

  @Test func noScreenIsSaidInOneLine() {
    func problem(_ change: (inout Capabilities) -> Void) -> String? {
      var capabilities = Capabilities(environment: ["TERM": "a\u{1B}b"])
      change(&capabilities)
      return capabilities.problem
    }
    #expect(problem { _ in } == nil)
    #expect(problem { $0.isTerminal = false } == "no terminal")
    #expect(problem { $0.isKnown = false } == "the terminal \"a␛b\" is not known here")
    #expect(problem { $0.movesCursor = false } == "the terminal \"a␛b\" cannot move its cursor")
    #expect(problem { $0.environment = [:] } == "TERM is not set, so the terminal is not known")
  }
}
