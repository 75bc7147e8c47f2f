// Writing tokenizer.json and tokenizer_config.json, the files of Hugging Face tokenizers.

import Files

/// The parts of a `tokenizer.json` that the tokenizers here are written with.
enum TokenizerFile {
  /// The pre-tokenizer of a byte-level model.
  struct ByteLevel {
    var addsPrefixSpace: Bool
    /// Whether GPT-2's pattern cuts the text into words.
    var splitsWords: Bool
  }

  /// A whole file; without `byteLevel` the text goes to the model as it is.
  static func json(
    model: JSON, addedTokens: [AddedToken] = [], byteLevel: ByteLevel? = nil,
    prefix: [(id: Int32, name: String)] = [], suffix: [(id: Int32, name: String)] = []
  ) -> JSON {
    var preTokenizer: JSON = nil
    var decoder: JSON = ["type": "Fuse"]
    if let byteLevel {
      decoder = [
        "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
      ]
      preTokenizer = [
        "type": "ByteLevel", "add_prefix_space": .bool(byteLevel.addsPrefixSpace),
        "trim_offsets": true, "use_regex": .bool(byteLevel.splitsWords),
      ]
    }
    return [
      "version": "1.0", "truncation": nil, "padding": nil, "normalizer": nil,
      "added_tokens": .array(addedTokens.map(json)), "pre_tokenizer": preTokenizer,
      "post_processor": template(prefix: prefix, suffix: suffix), "decoder": decoder,
      "model": model,
    ]
  }

  /// A BPE model; a token's id is its index.
  static func bytePairModel(
    names: [String], merges: [Pair], ignoresMerges: Bool = false
  ) -> JSON {
    var vocabulary: [String: JSON] = [:]
    for (id, name) in names.enumerated() { vocabulary[name] = .int(id) }
    return [
      "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
      "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
      "ignore_merges": .bool(ignoresMerges), "vocab": .object(vocabulary),
      "merges": .array(
        merges.map { .string(names[Int($0.left)] + " " + names[Int($0.right)]) }),
    ]
  }

  /// `tokenizer_config.json`; without it transformers knows no BOS, EOS or padding.
  static func configuration(
    bos: String? = nil, eos: String? = nil, pad: String? = nil, splitsSpecialTokens: Bool = false
  ) -> JSON {
    var members: [String: JSON] = [
      "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
      "split_special_tokens": .bool(splitsSpecialTokens),
    ]
    for (key, name) in [("bos_token", bos), ("eos_token", eos), ("pad_token", pad)] {
      members[key] = name.map { .string($0) }
    }
    return .object(members)
  }

  private static func json(_ token: AddedToken) -> JSON {
    [
      "id": .int(Int(token.id)), "content": .string(token.text),
      "special": .bool(token.isSpecial), "normalized": false, "single_word": false,
      "lstrip": false, "rstrip": false,
    ]
  }

  /// The post-processor that puts ids around a text, null where there are none.
  private static func template(
    prefix: [(id: Int32, name: String)], suffix: [(id: Int32, name: String)]
  ) -> JSON {
    if prefix.isEmpty && suffix.isEmpty { return nil }
    func pieces(_ sequence: String, type: Int) -> [JSON] {
      func special(_ token: (id: Int32, name: String)) -> JSON {
        ["SpecialToken": ["id": .string(token.name), "type_id": .int(type)]]
      }
      let text: JSON = ["Sequence": ["id": .string(sequence), "type_id": .int(type)]]
      return prefix.map(special) + [text] + suffix.map(special)
    }
    var tokens: [String: JSON] = [:]
    for (id, name) in prefix + suffix {
      tokens[name] = [
        "id": .string(name), "ids": [.int(Int(id))], "tokens": [.string(name)],
      ]
    }
    return [
      "type": "TemplateProcessing", "single": .array(pieces("A", type: 0)),
      "pair": .array(pieces("A", type: 0) + pieces("B", type: 1)),
      "special_tokens": .object(tokens),
    ]
  }
}
