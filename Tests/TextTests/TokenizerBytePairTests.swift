import Files
import TestSupport
import Testing
import Text

@Suite struct BytePairTokenizerTests {
  private func fixture(_ name: String) throws -> JSON {
    try JSON(contentsOf: Fixtures.path(name))
  }

  private func expectIDs(_ tokenizer: any Tokenizer, _ key: String) throws {
    let goldens = try TokenizerGoldens()
    let expected = goldens.ids(key)
    try #require(expected.count == goldens.texts.count && !expected.isEmpty)
    for (text, ids) in zip(goldens.texts, expected) {
      #expect(try tokenizer.encodeWhole(utf8(text)) == ids, "\(text.debugDescription)")
    }
  }

  @Test func idsEqualTransformers() throws {
    try expectIDs(load(fixture("tokenizer-bpe.json")), "plain")
  }

  @Test func specialTextIsSplitWhereTheConfigurationSaysSo() throws {
    let configuration: JSON = ["split_special_tokens": true]
    try expectIDs(load(fixture("tokenizer-bpe.json"), configuration: configuration), "split")
  }

  @Test func templateAddedTokensAndPrefixSpace() throws {
    let tokenizer = try load(fixture("tokenizer-template.json"))
    #expect(tokenizer.vocabularySize == 423)
    try expectIDs(tokenizer, "template")
    // and once more after our own writing
    try expectIDs(load(tokenizer.json, configuration: tokenizer.configuration), "template")
  }

  @Test func ignoredMerges() throws {
    var json = try #require(fixture("tokenizer-bpe.json").object)
    var model = try #require(json["model"]?.object)
    model["ignore_merges"] = true
    model["merges"] = .array(Array(try #require(model["merges"]?.array).prefix(40)))
    json["model"] = .object(model)
    let tokenizer = try load(.object(json))
    try expectIDs(tokenizer, "ignoring")
    try expectIDs(load(tokenizer.json), "ignoring")
  }

  @Test func mergesAsStringsOrPairs() throws {
    let json = try fixture("tokenizer-bpe.json")
    let isPairs = json["model"]?["merges"]?.array?.first?.array != nil
    let tokenizer = try load(json)
    #expect(isPairs, "the library writes pairs")
    #expect(tokenizer.json["model"]?["merges"]?.array?.first?.string != nil, "strings are written")
    try expectIDs(load(tokenizer.json), "plain")
  }

  @Test func olderFiles() throws {
    let json = try fixture("tokenizer-bpe.json")
    let model = try #require(json["model"])
    let merges = (model["merges"]?.array ?? []).map { strings($0).joined(separator: " ") }
    let tokenizer = try withTemporaryFolder { folder in
      try AtomicFile.write(try #require(model["vocab"]).text(), to: folder + "/vocab.json")
      let text = (["#version: 0.2"] + merges).joined(separator: "\r\n") + "\r\n"
      try AtomicFile.write(text, to: folder + "/merges.txt")
      return try loadTokenizer(folder)
    }
    #expect(tokenizer.bos == 0 && tokenizer.eos == 0)
    try expectIDs(tokenizer, "plain")
  }

  @Test func decodingGivesTheBytesBack() throws {
    let tokenizer = try load(fixture("tokenizer-bpe.json"))
    var generator = SplitMix(state: 1)
    var texts = try TokenizerGoldens().texts.map(utf8)
    texts += (0..<2000).map { _ in randomBytes(&generator) }
    for text in texts {
      let ids = try tokenizer.encode(text)
      #expect(tokenizer.decode(ids) == text, "\(text)")
      var decoder = StreamingDecoder(tokenizer)
      let streamed = ids.map { decoder.push($0) }.joined() + decoder.flush()
      #expect(utf8(streamed) == utf8(String(decoding: text, as: UTF8.self)), "\(text)")
    }
  }

  /// Merging must not be quadratic: a word of a megabyte takes a moment.
  @Test(.timeLimit(.minutes(15))) func aWordWithoutEnd() throws {
    let tokenizer = try load(fixture("tokenizer-bpe.json"))
    let text = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 20)
    #expect(tokenizer.decode(try tokenizer.encode(text)) == text)
  }

  @Test func piecesAreReadable() throws {
    let tokenizer = try load(fixture("tokenizer-bpe.json"))
    let pieces = try tokenizer.encode("perch\u{E9} \u{6F22}\n").map(tokenizer.piece)
    #expect(pieces.joined().contains("\\xE6") || pieces.joined().contains("\u{6F22}"))
    #expect(pieces.last == "\u{240A}")
    #expect(tokenizer.piece(0) == "<|endoftext|>")
    #expect(tokenizer.piece(-1).isEmpty && tokenizer.piece(1 << 30).isEmpty)
  }
}

@Suite struct BytePairTrainerTests {
  @Test func vocabularyAndMergesEqualHuggingFace() throws {
    let corpus = try TokenizerGoldens.corpus()
    let runs = try TokenizerGoldens().json["trained"]?.array ?? []
    #expect(runs.count == 4)
    for run in runs {
      var trainer = try BytePairTrainer(
        vocabularySize: try #require(run["size"]?.int),
        minimumFrequency: try #require(run["minimum"]?.int))
      trainer.add(corpus)
      let model = try #require(trainer.train().json["model"])
      let vocabulary = try #require(model["vocab"]?.object)
      let tokens = vocabulary.sorted { ($0.value.int ?? 0) < ($1.value.int ?? 0) }.map(\.key)
      #expect(tokens == strings(run["tokens"]))
      let merges = (run["merges"]?.array ?? []).map { strings($0).joined(separator: " ") }
      #expect(strings(model["merges"]) == merges)
    }
  }

  @Test func aCorpusGivesOneVocabulary() throws {
    let corpus = try TokenizerGoldens.corpus()
    func text(_ pieces: [ArraySlice<UInt8>]) throws -> String {
      var trainer = try BytePairTrainer(vocabularySize: 330, specialTokens: ["<s>", "</s>"])
      for piece in pieces { trainer.add(Array(piece)) }
      let tokenizer = try trainer.train()
      #expect(tokenizer.bos == 0 && tokenizer.eos == 1)
      return tokenizer.json.text()
    }
    // The order of whole lines does not matter.
    let lines = corpus.split(separator: 10, omittingEmptySubsequences: false).map { $0 + [10] }
    #expect(try text(lines) == text(lines.reversed()))
  }

  @Test func anyTextEncodesEvenAfterATinyCorpus() throws {
    var trainer = try BytePairTrainer(vocabularySize: 300)
    trainer.add(utf8("aaaa"))
    let tokenizer = try trainer.train()
    #expect(tokenizer.vocabularySize < 300)
    let bytes = [UInt8](0...255)
    #expect(tokenizer.decode(try tokenizer.encode(bytes)) == bytes)
  }

  @Test func aMergeMaySpellASpecialToken() throws {
    var trainer = try BytePairTrainer(vocabularySize: 300, specialTokens: ["the"])
    trainer.add(utf8("the the the other"))
    let tokenizer = try trainer.train()
    let text = utf8("the thethe other")
    #expect(try load(tokenizer.json).encode(text) == tokenizer.encode(text))
    #expect(try tokenizer.encode(utf8("the")) == [0])
  }

  @Test func badSettingsAreRefused() {
    #expect(throws: Failure.self) { try BytePairTrainer(vocabularySize: 256) }
    #expect(throws: Failure.self) { try BytePairTrainer(vocabularySize: .max) }
    #expect(throws: Failure.self) { try BytePairTrainer(vocabularySize: 300, minimumFrequency: 0) }
    #expect(throws: Failure.self) {
      try BytePairTrainer(vocabularySize: 300, specialTokens: ["<s>", "<s>"])
    }
    for token in ["", "!", "\u{E9}\u{E9}"] {
      #expect(throws: Failure.self) {
        try BytePairTrainer(vocabularySize: 300, specialTokens: [token])
      }
    }
  }
}
