import Files
import Glibc
import Random
import TestSupport
import Testing
import Text

/// Name, nats a story, bytes a story and bits a byte, as an independent program computed them.
private func figures() throws -> [String: [Double]] {
  let bytes = try FileSystem.readAll(Fixtures.path("tales/entropy.txt"))
  let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  return Dictionary(
    uniqueKeysWithValues: lines.map { line in
      let words = line.split(separator: " ")
      return (String(words[0]), words.dropFirst().compactMap { Double($0) })
    })
}

@Suite struct TalesTests {
  static let languages = ["tales-en": Tales.english, "tales-it": Tales.italian]

  @Test(arguments: ["tales-en", "tales-it"])
  func entropyEqualsAnIndependentProgram(name: String) throws {
    let tales = try #require(Self.languages[name])
    let rate = tales.entropyRate()
    let expected = try #require(try figures()[name])
    #expect(abs(rate.nats - expected[0]) < 1e-9)
    #expect(abs(rate.bytes - expected[1]) < 1e-9)
    #expect(abs(rate.bitsPerByte - expected[2]) < 1e-12)
    #expect((0.4...1.2).contains(rate.bitsPerByte))
  }

  /// 100,000 stories: each has exactly one derivation, the mean of −log p is the entropy, and the
  /// mean length the expected one, within four standard errors.
  @Test(arguments: ["tales-en", "tales-it"])
  func storiesConfirmTheEntropyAndAreUnambiguous(name: String) throws {
    let tales = try #require(Self.languages[name])
    let rate = tales.entropyRate()
    var random = RandomStream(seed: 11, name: name)
    var (sum, squares, bytes, byteSquares) = (0.0, 0.0, 0.0, 0.0)
    var words = Set<Substring>()
    let n = 100_000
    for number in 0..<n {
      let story = tales.sample(&random)
      let derivations = tales.derivations(of: story)
      guard derivations.count == 1 else {  // #require here would take most of the time
        Issue.record("\(derivations.count) derivations: \(story)")
        return
      }
      (sum, squares) = (sum - derivations[0], squares + derivations[0] * derivations[0])
      let length = Double(story.utf8.count)
      (bytes, byteSquares) = (bytes + length, byteSquares + length * length)
      if number < 5000 { words.formUnion(story.split { !$0.isLetter }) }
    }
    func isNear(_ sum: Double, _ squares: Double, _ expected: Double) -> Bool {
      let mean = sum / Double(n)
      let error = ((squares / Double(n) - mean * mean) / Double(n)).squareRoot()
      return abs(mean - expected) < 4 * error
    }
    #expect(isNear(sum, squares, rate.nats), "\(sum / Double(n)) for \(rate.nats)")
    #expect(isNear(bytes, byteSquares, rate.bytes), "\(bytes / Double(n)) for \(rate.bytes)")
    #expect(Set(words.map { $0.lowercased() }).count >= 400)
  }

  @Test func otherTextsHaveNoProbability() throws {
    var random = RandomStream(seed: 3, name: "other")
    let story = Tales.english.sample(&random)
    #expect(Tales.english.logProbability(of: story) != nil)
    #expect(Tales.english.logProbability(of: String(story.dropLast())) != nil)
    #expect(Tales.english.logProbability(of: story + "\n") == nil)
    #expect(Tales.english.logProbability(of: story.replacing(".", with: "!")) == nil)
    #expect(Tales.english.logProbability(of: "") == nil)
    #expect(Tales.italian.logProbability(of: story) == nil)
  }

  @Test func agreementIsChecked() {
    let story = "Mia lost her old red key. She looked in the attic and on the table. "
    let found = "But Tom found it near the old mill. Now Mia has her key again and is glad."
    #expect(Tales.english.logProbability(of: story + found) != nil)
    let wrong = story.replacing("her", with: "his")
    #expect(Tales.english.logProbability(of: wrong + found) == nil)
    #expect(Tales.english.logProbability(of: story + found.replacing("Mia", with: "Ida")) == nil)
    #expect(Tales.english.logProbability(of: story + found.replacing("key", with: "ring")) == nil)
    let bottle = "Anna ruppe la vecchia tazza rossa di Luca. Luca era offeso. Anna la riparò con "
    #expect(Tales.italian.logProbability(of: bottle + "colla e la mise in cantina.") != nil)
    #expect(Tales.italian.logProbability(of: bottle + "colla e lo mise in cantina.") == nil)
    let plural = "Anna ruppe i vecchia occhiali rossi di Luca. Luca era offesa. Anna li riparò con "
    #expect(Tales.italian.logProbability(of: plural + "colla e li mise in cantina.") == nil)
  }

  @Test func aSmallGrammarHasTheEntropyOfHandCalculation() {
    // The first name weighs 1/41 and the second 1/42; who is seen is the other one.
    let grammar = Grammar(
      """
      agree f o=a
      agree m o=o
      table name word/g
        Al/m, Bea/f
      rule story
        {a=name} [3 sings|sees {b=name!a}], liet{a.o}.
      """)
    let p = (1.0 / 41) / (1.0 / 41 + 1.0 / 42)
    let first = -p * log2(p) - (1 - p) * log2(1 - p)
    let choice = 0.25 * 2 + 0.75 * (2 - log2(3.0))
    let rate = grammar.entropyRate()
    #expect(abs(rate.nats / log2e - (first + choice)) < 1e-12)
    let name = p * 2 + (1 - p) * 3
    let other = p * 3 + (1 - p) * 2
    #expect(abs(rate.bytes - (name + 1 + 0.75 * 5 + 0.25 * (5 + other) + 6 + 1 + 2)) < 1e-12)
    #expect(grammar.logProbability(of: "Al sees Bea, lieto.") != nil)
    #expect(grammar.logProbability(of: "Al sees Bea, lieta.") == nil)
    #expect(grammar.logProbability(of: "Al sees Al, lieto.") == nil)
  }

  @Test func oneSeedGivesOneStory() {
    var (a, b) = (RandomStream(seed: 1, name: "x"), RandomStream(seed: 1, name: "x"))
    #expect(Tales.italian.sample(&a) == Tales.italian.sample(&b))
    #expect(Tales.italian.sample(&a) != Tales.italian.sample(&a))
  }
}

private let log2e = 0.6931471805599453
