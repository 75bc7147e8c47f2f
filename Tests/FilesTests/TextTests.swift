import Files
import Testing

struct TextTests {
  @Test func controlsBecomeVisible() {
    #expect(visible("a\u{1B}[31m\n\0\u{7F}\u{9B}") == "a␛[31m␊␀␡<U+009B>")
    #expect(
      visible("x\u{202E}y\u{2066}\u{200B}\u{FEFF}\u{2028}")
        == "x<U+202E>y<U+2066><U+200B><U+FEFF><U+2028>")
    #expect(visible("\u{E0041}") == "<U+E0041>")
    #expect(visible("perché 日本 👩‍👩‍👧") == "perché 日本 👩‍👩‍👧")
  }

  @Test func longNamesAreCut() {
    #expect(quoted("a\u{1B}") == "\"a␛\"")
    #expect(quoted(String(repeating: "n", count: 100)).utf8.count == 102)
    #expect(quoted(String(repeating: "n", count: 101)).hasSuffix("n…\""))
    #expect(quoted("e" + String(repeating: "\u{301}", count: 1_000_000)).utf8.count < 300)
  }

  @Test func nearestName() {
    let keys = ["learning_rate", "weight_decay", "batch_size", "betas"]
    #expect(nearest("learing_rate", among: keys) == "learning_rate")
    #expect(nearest("weigth_decay", among: keys) == "weight_decay")
    #expect(nearest("batchsize", among: keys) == "batch_size")
    #expect(nearest("dropout", among: keys) == nil)
    #expect(nearest("", among: keys) == nil)
    #expect(nearest("ab", among: ["ba", "ac"]) == "ac")
    #expect(nearest(String(repeating: "a", count: 1_000_000), among: keys) == nil)
  }
}
