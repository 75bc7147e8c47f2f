import Files
import TestSupport
import Testing
import Text

/// Files that must be refused, with the words that the one line must hold.
@Suite struct TokenizerFileTests {
  private static let words: [String: JSON] = ["a": 0, "b": 1, "ab": 2]

  /// A small valid file with some members replaced.
  private static func file(
    _ changes: [String: JSON] = [:], model changedModel: [String: JSON] = [:]
  ) -> JSON {
    var model: [String: JSON] = ["type": "BPE", "vocab": .object(words), "merges": ["a b"]]
    model.merge(changedModel) { _, new in new }
    var file: [String: JSON] = [
      "model": .object(model), "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
      "decoder": ["type": "ByteLevel"], "added_tokens": [],
    ]
    file.merge(changes) { _, new in new }
    return .object(file)
  }

  @Test func theSmallFileIsGood() throws {
    let tokenizer = try load(Self.file())
    #expect(try tokenizer.encode("abba") == [2, 1, 0])
    let failure = #expect(throws: Failure.self) { try tokenizer.encode("abc") }
    #expect(failure?.message.contains("byte 2 (0x63) has no token") == true)
  }

  private static func added(_ name: String, _ id: Int, _ option: String = "special") -> JSON {
    [.object(["content": .string(name), "id": .int(id), option: true])]
  }

  static let refused: [(JSON, String)] = [
    ([], "no \"model\" object"),
    (["model": 3], "no \"model\" object"),
    (file(["normalizer": ["type": "NFC"]]), "the normalizer NFC is not supported"),
    (file(["pre_tokenizer": ["type": "Metaspace"]]), "the pre_tokenizer Metaspace"),
    (file(["pre_tokenizer": nil]), "the pre_tokenizer null"),
    (file(["pre_tokenizer": ["type": "ByteLevel", "use_regex": false]]), "use_regex"),
    (file(["decoder": ["type": "WordPiece"]]), "the decoder WordPiece"),
    (file(["post_processor": ["type": "BertProcessing"]]), "the post_processor BertProcessing"),
    (
      file(["post_processor": ["type": "TemplateProcessing", "single": []]]),
      "must hold the text once"
    ),
    (
      file([
        "post_processor": [
          "type": "TemplateProcessing",
          "single": [["SpecialToken": ["id": "<s>"]], ["Sequence": ["id": "A"]]],
          "special_tokens": ["<s>": ["ids": [9]]],
        ]
      ]), "id 9 is outside the vocabulary of 3"
    ),
    (
      file([
        "post_processor": [
          "type": "TemplateProcessing", "single": [["SpecialToken": ["id": "<s>"]]],
        ]
      ]), "special token \"<s>\" has no ids"
    ),
    (file(model: ["type": "WordPiece"]), "the model WordPiece is not supported"),
    (file(model: ["dropout": 0.1]), "dropout 0.1"),
    (file(model: ["byte_fallback": true]), "byte_fallback"),
    (file(model: ["end_of_word_suffix": "</w>"]), "end_of_word_suffix \"</w>\""),
    (file(model: ["unk_token": "<unk>"]), "unk_token \"<unk>\" is outside the vocabulary of 3"),
    (file(model: ["vocab": [:]]), "no \"vocab\" object"),
    (file(model: ["vocab": ["a": "0"]]), "the id of token \"a\" is not an integer"),
    (file(model: ["vocab": ["a": 0, "b": 0, "ab": 1]]), "\"a\" and \"b\" have the same id 0"),
    (file(model: ["vocab": ["a": 0, "b": 1, "ab": 3]]), "must be 0 to 2"),
    (file(model: ["vocab": ["a": 0, "b": -1, "ab": 2]]), "must be 0 to 2"),
    (file(model: ["vocab": ["a": 0, "b": .int(.max), "ab": 2]]), "must be 0 to 2"),
    (file(model: ["vocab": ["a": 0, "\u{2581}b": 1, "ab": 2]]), "byte alphabet"),
    (file(model: ["merges": ["a c"]]), "merge 1 does not name two tokens"),
    (file(model: ["merges": ["a b", "ab"]]), "merge 2 does not name two tokens"),
    (file(model: ["merges": [["a", "b", "c"]]]), "merge 1 does not name two tokens"),
    (file(model: ["merges": ["b a"]]), "merge 1 has no token"),
    (file(["added_tokens": added("<s>", 7)]), "must be 0 to 3"),
    (file(["added_tokens": added("ab", 1)]), "\"ab\" has id 1, but 2 in the vocabulary"),
    (file(["added_tokens": added("<s>", 3, "lstrip")]), "\"<s>\" with lstrip"),
    (file(["added_tokens": [["id": 3]]]), "lacks its content or id"),
    (file(model: ["type": "Unigram", "vocab": [["a", 0]]]), "pre_tokenizer ByteLevel"),
    (unigram(["unk_id": 0, "vocab": [["a", 0]]]), "unknown, fallback or added tokens"),
    (unigram(["vocab": [["a", 0], ["bc", 0]]]), "piece 1 is not one character"),
    (unigram(["vocab": [["a", 0], ["a", 0]]]), "two ids"),
    (unigram(["vocab": []]), "the vocabulary is empty"),
  ]

  private static func unigram(_ members: [String: JSON]) -> JSON {
    ["model": .object(members.merging(["type": "Unigram"]) { _, type in type })]
  }

  @Test(arguments: refused.indices) func isRefusedByName(_ index: Int) throws {
    let (json, words) = Self.refused[index]
    let failure = #expect(throws: Failure.self) { try load(json) }
    let message = failure?.message ?? ""
    #expect(message.contains(words), "\(message)")
    #expect(message.contains("/tokenizer.json: ") && !message.contains("\n"), "\(message)")
  }

  @Test func aFolderWithoutATokenizerIsNamed() throws {
    try withTemporaryFolder { folder in
      let failure = #expect(throws: Failure.self) { try loadTokenizer(folder) }
      #expect(failure?.message.contains("has no tokenizer") == true)
    }
  }

  @Test func configurationNamesTheMarks() throws {
    let json = Self.file(model: ["vocab": ["a": 0, "b": 1, "ab": 2, "<s>": 3, "</s>": 4]])
    let tokenizer = try load(
      json,
      configuration: [
        "bos_token": ["content": "<s>", "lstrip": false], "eos_token": "</s>",
        "add_bos_token": true,
      ])
    #expect(tokenizer.bos == 3 && tokenizer.eos == 4)
    #expect(try tokenizer.encodeWhole(utf8("ab</s>b")) == [3, 2, 4, 1])
  }
}
