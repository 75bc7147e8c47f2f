import Screen
import Testing

@Suite struct FieldTests {
  func typed(_ keys: [Key], into field: Field) -> Field {
    var field = field
    for key in keys { _ = field.handle(key) }
    return field
  }

  @Test func editsByCharacters() {
    var field = Field("")
    field.insert("perche\u{301} 漢字")
    #expect(field.cursor == 9)
    field = typed([.backspace, .left, .control("w")], into: field)
    #expect(String(field.text) == "漢")
    field = typed(
      [.home, .character("x"), .end, .character("y"), .left, .control("k")], into: field)
    #expect(String(field.text) == "x漢")
    field = typed([.control("a"), .delete, .backspace, .end, .delete, .control("u")], into: field)
    #expect(field.text.isEmpty && field.cursor == 0)
    #expect(field.handle(.control("j")) == .edited)
    #expect(field.handle(.enter) == .submitted("\n"))
    #expect(field.handle(.escape) == .cancelled)
    #expect(field.handle(.function(5)) == .ignored)
  }

  @Test func historyGoesBackAndOn() {
    var field = Field("he", history: ["head 0.1", "threshold 0.6", "head 0.2"])
    field = typed([.up, .up], into: field)
    #expect(String(field.text) == "threshold 0.6")
    field = typed([.up, .up, .up, .down, .down, .down], into: field)
    #expect(String(field.text) == "he")
    field = typed([.control("r"), .character("h"), .character("e"), .character("a")], into: field)
    #expect(String(field.text) == "head 0.2" && field.search == "hea")
    field = typed([.control("r")], into: field)
    #expect(String(field.text) == "head 0.1")
    #expect(field.handle(.enter) == .submitted("head 0.1"))
  }

  @Test func tabCompletesWhatIsShared() {
    var field = Field("set t")
    #expect(field.handle(.tab) == .wantsCompletion)
    field.complete(with: ["threshold", "theme"])
    #expect(String(field.text) == "set th")
    field = typed([.tab], into: field)
    #expect(String(field.text) == "set threshold")
    field = typed([.tab], into: field)
    #expect(String(field.text) == "set theme" && field.candidates.count == 2)
    field = typed([.tab, .backTab, .character("x")], into: field)
    #expect(String(field.text) == "set themex" && field.candidates.isEmpty)
    field.complete(with: ["themexyz"])
    #expect(String(field.text) == "set themexyz ")
    field.complete(with: [])
  }

  @Test func aPasteOfMegabytesIsCut() {
    var field = Field("ab")
    _ = field.handle(.left)
    field.insert(String(repeating: "\u{1B}x\n", count: 1 << 19))
    #expect(field.text.count == Field.limit)
    #expect(drawn(field, Size(rows: 2, columns: 10), .plain).split(separator: "\n").count == 1)
  }

  @Test func theCursorIsAlwaysInSight() {
    var field = Field(prompt: ":", "prompt Anna found a red key 漢字漢字")
    for step in 0...40 {
      for width in 1...20 {
        var canvas = Canvas(rows: 3, columns: width)
        canvas.draw(field, in: canvas.bounds)
        #expect(canvas.cursor?.row == 2)
        #expect((0..<width).contains(canvas.cursor?.column ?? -1), "step \(step), width \(width)")
      }
      _ = field.handle(.left)
    }
    var canvas = Canvas(rows: 1, columns: 12)
    canvas.draw(Field(":x 漢字漢字漢"), in: canvas.bounds)
    #expect(canvas.text() == ":漢字漢字漢" && canvas.cursor == Position(0, 11))
  }
}
