import Screen
import TestSupport
import Testing

@Suite struct TextTests {
  /// Every assigned scalar has the width that the C library gives it.
  @Test func widthsAreThoseOfTheCLibrary() throws {
    let lines = try Fixtures.lines("screen_widths.txt")
    #expect(lines.count > 700)
    var wrong: [String] = []
    var count = 0
    for line in lines {
      let parts = line.split(separator: " ")
      let first = try #require(UInt32(parts[0], radix: 16))
      let last = try #require(UInt32(parts[1], radix: 16))
      let width = try #require(Int(parts[2]))
      for value in first...last {
        guard let scalar = Unicode.Scalar(value) else { continue }
        switch scalar.properties.generalCategory {
        case .unassigned, .control, .format, .privateUse, .lineSeparator, .paragraphSeparator:
          continue
        default: break
        }
        if let age = scalar.properties.age, age.major > 14 { continue }
        count += 1
        // A mark takes no column of its own: it joins the letter before.
        if Glyphs.width("a\(scalar)") != 1 + width { wrong.append(String(value, radix: 16)) }
      }
    }
    #expect(count > 140_000)
    wrong.removeAll { $0 == "1171e" }  // a spacing mark in Unicode 14, not in later ones
    #expect(wrong.isEmpty, "\(wrong.count) of \(count): \(wrong.prefix(20))")
  }

  @Test func whatSteersATerminalIsShown() {
    #expect(Glyphs.visible("a\u{1B}[2J\n\u{7F}\0") == "a␛[2J␊␡␀")
    #expect(
      Glyphs.visible("\u{202E}x\u{85}\u{FEFF}\u{FFFF}") == "<U+202E>x<U+0085><U+FEFF><U+FFFF>")
    #expect(Glyphs.visible("\r\n") == "␍␊")
    #expect(Glyphs.visible("\u{301}a") == "◌\u{301}a")
    #expect(
      Glyphs.visible("e" + String(repeating: "\u{301}", count: 99)) == "e\u{301}\u{301}\u{301}")
    #expect(
      Glyphs.decode([0x61, 0xC3, 0xA9, 0xC3, 0xE2, 0x82, 0xFF, 0xC0, 0x80, 0xED, 0xA0, 0x80])
        == "aé<C3><E2><82><FF><C0><80><ED><A0><80>")
    #expect(Glyphs.scalar(in: [0xF0, 0x9F]) == .incomplete)
    #expect(Glyphs.scalar(in: [0xF0, 0x9F, 0x98, 0x80]) == .scalar("\u{1F600}", length: 4))
    #expect(Glyphs.scalar(in: [0xF4, 0x90, 0x80, 0x80]) == .invalid)
  }

  @Test func textIsCutToItsColumns() {
    #expect(Glyphs.fit("wanted", 5) == "wante")
    #expect(Glyphs.fit("漢字", 3) == "漢 ")
    #expect(Glyphs.fit("7", 3, right: true) == "  7")
    #expect(Glyphs.fit("abc", 0) == "")
    #expect(Glyphs.width("perché 漢\u{1F600}") == 11)
  }

  @Test func wideGlyphsAreNeverHalved() {
    var canvas = Canvas(rows: 1, columns: 6)
    canvas.write("漢字漢", in: canvas.bounds)
    canvas.put("x", 0, 1, in: canvas.bounds)
    #expect(canvas.text() == " x字漢")
    canvas.put("y", 0, 2, in: canvas.bounds)
    #expect(canvas.text() == " xy 漢")
    canvas.put(Glyph("字", width: 2), 0, 3, in: canvas.bounds)
    #expect(canvas.text() == " xy字")
    canvas.write("漢", in: canvas.bounds, column: 5)
    #expect(canvas.text() == " xy字", "no room for a wide glyph in the last column")
  }

  @Test func changesAreTheCellsThatDiffer() {
    let empty = Canvas(rows: 2, columns: 3)
    var canvas = empty
    #expect(canvas.changes(from: nil).count == 6)
    #expect(canvas.changes(from: Canvas(rows: 3, columns: 2)).count == 6)
    #expect(canvas.changes(from: empty).isEmpty)
    canvas.put("x", 1, 2, in: canvas.bounds)
    canvas.put("x", 9, 9, in: canvas.bounds)
    #expect(canvas.changes(from: empty) == [Position(1, 2)])
  }

  @Test func looksKeepPlacesInASCII() {
    var canvas = Canvas(rows: 2, columns: 20)
    canvas.write("è 漢 x\u{301} ␊\u{7} ñ…│", in: canvas.bounds)
    #expect(canvas.text(.full) == "è 漢 x\u{301} ␊␇ ñ…│\n")
    var look = Look(.full, ascii: true)
    look.kind = .console
    #expect(look.kind == .plain)
    #expect(canvas.text(look) == "e ?? x ~^ n.|\n")
  }

  @Test func numbersAreThoseOfPython() throws {
    let lines = try Fixtures.lines("screen_numbers.txt")
    #expect(lines.count == 252)
    for line in lines {
      let parts = line.split(separator: " ").map { String($0) }
      let value = try #require(Double(parts[0]))
      let decimals = try #require(Int(parts[1]))
      #expect(Numbers.fixed(value, decimals) == parts[2], "\(line)")
      if parts[3] != "-" { #expect(Numbers.scientific(value, decimals) == parts[3], "\(line)") }
    }
  }

  @Test func numbersOfFixedWidth() {
    #expect(Numbers.share(0.795) == "0.795")
    #expect(Numbers.share(0.9997) == ".9997")
    #expect(Numbers.share(0.0001) == ".0001")
    #expect([0, 1, 0.99996, 0.5].map(Numbers.share) == ["0.000", "1.000", "1.000", "0.500"])
    #expect(
      [0, 999, 1024, -1_234_567].map(Numbers.grouped) == ["0", "999", "1,024", "-1,234,567"])
    #expect(Numbers.grouped(.min) == "-9,223,372,036,854,775,808")
    #expect(Numbers.fixed(1.014, 3, plus: true) == "+1.014")
    #expect(Numbers.fit(61300, 6) == "61300")
    #expect(Numbers.fit(1.5, 6) == "1.500" && Numbers.fit(123.456, 6) == "123.46")
    #expect(Numbers.fit(35_000_000, 7) == "3.5e+07")
    #expect(Numbers.short(0.25, 5) == "0.25" && Numbers.short(1000, 5) == "1000")
    for value in hardNumbers {
      for width in 0...12 { #expect(Numbers.fit(value, width).count <= width) }
    }
    #expect(Numbers.fixed(.nan, 2) == "nan" && Numbers.fixed(-.infinity, 0) == "-inf")
  }

  @Test func axesHaveRoundTicks() {
    #expect(Ticks.linear(0, 3500, about: 4) == [0, 1000, 2000, 3000])
    #expect(Ticks.logarithmic(0.25, 4, about: 5) == [0.25, 0.5, 1, 2, 4])
    #expect(Ticks.logarithmic(1e-3, 1e3, about: 8).count <= 8)
    for low in hardNumbers {
      for high in hardNumbers {
        #expect(Ticks.linear(low, high, about: 5).count <= 12)
        #expect(Ticks.logarithmic(low, high, about: 5).count <= 6)
      }
    }
  }
}
