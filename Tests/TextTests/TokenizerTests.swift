import Files
import TestSupport
import Testing
import Text

@Suite struct ByteTokenizerTests {
  @Test func metaVector() throws {
    let tokenizer = ByteTokenizer(addsBOS: true, addsEOS: true)
    let expected: [Int32] = [
      1, 80, 105, 120, 43, 119, 36, 103, 108, 105, 103, 111, 36, 109, 106, 36, 120, 108, 105, 119,
      105, 36, 120, 115, 111, 105, 114, 109, 126, 105, 118, 119, 36, 113, 101, 120, 103, 108, 37, 2,
    ]
    let text = utf8("Let's check if these tokenizers match!")
    #expect(try tokenizer.encodeWhole(text) == expected)
    #expect(tokenizer.decode(expected) == text)
  }

  @Test func specialTextStaysBytes() {
    #expect(ByteTokenizer().encode(utf8("</s>")) == [64, 51, 119, 66])
    // transformers does the same only if it is told to
    #expect(ByteTokenizer().configuration["split_special_tokens"] == true)
  }

  @Test func idsOutsideTheBytesAreNoText() {
    let tokenizer = ByteTokenizer()
    #expect(tokenizer.vocabularySize == 260)
    #expect(tokenizer.decode([0, 1, 2, 3, 260, -1, Int32.max, Int32.min, 259]) == [255])
    #expect(tokenizer.piece(1) == "<s>")
    #expect(tokenizer.piece(4 + 0xE2) == "\\xE2")
    #expect(tokenizer.piece(4 + 65) == "A")
  }

  @Test(arguments: [(true, false), (true, true), (false, false)])
  func savedAndLoaded(addsBOS: Bool, addsEOS: Bool) throws {
    let original = ByteTokenizer(addsBOS: addsBOS, addsEOS: addsEOS)
    let loaded = try withTemporaryFolder { folder in
      try original.save(to: folder)
      return try #require(try loadTokenizer(folder) as? ByteTokenizer)
    }
    #expect(loaded.prefix == original.prefix && loaded.suffix == original.suffix)
  }

  @Test func unknownTokenIsRefused() throws {
    let tokenizer = ByteTokenizer()
    var configuration = try #require(tokenizer.configuration.object)
    configuration["unk_token"] = "<unk>"
    let failure = #expect(throws: Failure.self) {
      try load(tokenizer.json, configuration: .object(configuration))
    }
    #expect(
      failure?.message.contains("unk_token \"<unk>\" is outside the vocabulary of 260") == true)
    // As transformers saves it once it was declared.
    var file = try #require(tokenizer.json.object)
    let token: JSON = ["id": 260, "content": "<unk>", "special": .bool(true)]
    file["added_tokens"] = .array((file["added_tokens"]?.array ?? []) + [token])
    let saved = #expect(throws: Failure.self) { try load(.object(file)) }
    #expect(saved?.message.contains("\"<unk>\" has the id 260") == true)
  }
}

@Suite struct CharacterTokenizerTests {
  @Test func idsAreThoseOfNanoGPT() throws {
    let goldens = try TokenizerGoldens()
    let corpus = try TokenizerGoldens.corpus()
    let tokenizer = try CharacterTokenizer(corpus: corpus)
    #expect(
      tokenizer.characters.map { utf8(String($0)) } == strings(goldens.json["characters"]).map(utf8)
    )
    let expected = (goldens.json["character_ids"]?.array ?? []).compactMap {
      $0.int.map(Int32.init)
    }
    let ids = try tokenizer.encode(corpus)
    #expect(Array(ids.prefix(200)) == expected)
    #expect(tokenizer.decode(ids) == corpus)
  }

  @Test func canonicallyEqualCharactersAndLineEndsStayApart() throws {
    // Å as a letter and as a unit, K and the kelvin sign, a lone combining mark, CR LF, NUL.
    let corpus = utf8("\u{C5}\u{212B}K\u{212A}e\u{301}\r\n\u{0}\u{10FFFF}")
    let original = try CharacterTokenizer(corpus: corpus)
    #expect(original.vocabularySize == 10)
    let loaded = try load(original.json)
    #expect(try loaded.encode(corpus) == original.encode(corpus))
    #expect(loaded.decode(try loaded.encode(corpus)) == corpus)
  }

  @Test func aStrangeCharacterIsNamedWithItsOffset() throws {
    let tokenizer = try CharacterTokenizer(corpus: utf8("abc\u{E9}"))
    let failure = #expect(throws: Failure.self) { try tokenizer.encode("ab\u{E9}\u{20AC}c") }
    #expect(
      failure?.message.contains("\"\u{20AC}\" (U+20AC) at byte 4 is not in the vocabulary") == true)
    let invalid = #expect(throws: Failure.self) { try tokenizer.encode([0x61, 0x62, 0xC3, 0x28]) }
    #expect(invalid?.message.contains("byte 2 (0xC3) is not UTF-8") == true)
    #expect(throws: Failure.self) { try CharacterTokenizer(corpus: []) }
    #expect(throws: Failure.self) { try CharacterTokenizer(corpus: [0xFF]) }
  }
}

@Suite struct StreamingDecoderTests {
  /// Every id of the stream is one byte, the hardest case.
  private func stream(_ bytes: [UInt8]) -> (pieces: [String], whole: String) {
    let tokenizer = ByteTokenizer()
    var decoder = StreamingDecoder(tokenizer)
    var pieces = tokenizer.encode(bytes).map { decoder.push($0) }
    pieces.append(decoder.flush())
    return (pieces, pieces.joined())
  }

  @Test func charactersAppearWhole() {
    let pieces = stream(utf8("a\u{20AC}\u{1F600}")).pieces
    #expect(pieces == ["a", "", "", "\u{20AC}", "", "", "", "\u{1F600}", ""])
  }

  @Test func anUnfinishedCharacterIsReplacedAtTheEnd() {
    #expect(stream([0x61, 0xF0, 0x9F, 0x98]).pieces == ["a", "", "", "", "\u{FFFD}"])
    // A byte that can't belong to a character is not held back.
    #expect(stream([0xFF, 0xC0, 0x80]).pieces == ["\u{FFFD}", "\u{FFFD}", "\u{FFFD}", ""])
  }

  @Test func streamEqualsWholeOnRandomBytes() {
    var generator = SplitMix(state: 5)
    for _ in 0..<3000 {
      let bytes = randomBytes(&generator)
      #expect(utf8(stream(bytes).whole) == utf8(String(decoding: bytes, as: UTF8.self)), "\(bytes)")
    }
  }
}
