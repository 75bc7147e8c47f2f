// Reading tokenizer.json, with its tokenizer_config.json, and GPT-2's vocab.json + merges.txt.
//
// What would change an id and can't be honoured is refused by name; truncation and padding, which
// a caller of transformers has to ask for, are passed over.

import Files

/// Reads the tokenizer of a folder, or a `tokenizer.json` and the configuration beside it.
///
/// It is a `ByteTokenizer`, `CharacterTokenizer` or `BytePairTokenizer`. Throws a `Failure` that
/// names the file and the component that can't be honoured.
public func loadTokenizer(_ path: String) throws(Failure) -> any Tokenizer {
  let isFolder = FileSystem.isDirectory(path)
  let folder = isFolder ? path : FileSystem.parent(path)
  let file = isFolder ? folder + "/tokenizer.json" : path
  let configurationFile = folder + "/tokenizer_config.json"
  var configuration: JSON = [:]
  if FileSystem.exists(configurationFile) {
    configuration = try JSON(contentsOf: configurationFile)
  }
  if isFolder, !FileSystem.exists(file) {
    guard FileSystem.exists(folder + "/vocab.json"), FileSystem.exists(folder + "/merges.txt")
    else {
      throw Failure(
        "\(visible(path)) has no tokenizer: expected tokenizer.json, or vocab.json + merges.txt")
    }
    return try TokenizerReader(
      path: folder + "/vocab.json", root: try legacyTokenizer(in: folder),
      configuration: configuration
    ).read()
  }
  return try TokenizerReader(
    path: file, root: try JSON(contentsOf: file), configuration: configuration
  ).read()
}

/// GPT-2's two files as the tokenizer.json they mean.
private func legacyTokenizer(in folder: String) throws(Failure) -> JSON {
  let vocabulary = try JSON(contentsOf: folder + "/vocab.json")
  let text = String(decoding: try FileSystem.readAll(folder + "/merges.txt"), as: UTF8.self)
  // By scalars, because a String would count "\r\n" as one character that is no line end.
  let lines = text.unicodeScalars.split { $0 == "\n" || $0 == "\r" }.map { String($0) }
  let merges = lines.filter { !$0.hasPrefix("#version") }.map { JSON.string($0) }
  var added: [JSON] = []
  if let id = vocabulary["<|endoftext|>"] {
    added = [["id": id, "content": "<|endoftext|>", "special": true]]
  }
  return [
    "model": ["type": "BPE", "vocab": vocabulary, "merges": .array(merges)],
    "added_tokens": .array(added),
    "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
    "decoder": ["type": "ByteLevel"],
  ]
}

/// One tokenizer file being read.
private struct TokenizerReader {
  let path: String
  let root: JSON
  let configuration: JSON

  func read() throws(Failure) -> any Tokenizer {
    guard root.object != nil, let model = root["model"], model.object != nil else {
      throw failure("no \"model\" object: this is not a tokenizer.json")
    }
    if let normalizer = present(root["normalizer"]) {
      throw unsupported("normalizer", normalizer, "text is encoded as it is")
    }
    switch model["type"]?.string ?? (model["merges"] == nil ? "" : "BPE") {
    case "BPE": return try readBytePairs(model)
    case "Unigram": return try readCharacters(model)
    default: throw unsupported("model", model, "models read are byte-level BPE and characters")
    }
  }

  // MARK: Characters

  private func readCharacters(_ model: JSON) throws(Failure) -> CharacterTokenizer {
    for part in ["pre_tokenizer", "post_processor"] {
      if let value = present(root[part]) {
        throw unsupported(part, value, "a character model has none")
      }
    }
    if present(model["unk_id"]) != nil || model["byte_fallback"]?.bool == true
      || root["added_tokens"]?.array?.isEmpty == false
    {
      throw failure(
        "the Unigram model has unknown, fallback or added tokens; only single characters are read")
    }
    var characters: [Unicode.Scalar] = []
    for (id, entry) in (model["vocab"]?.array ?? []).enumerated() {
      guard let piece = entry.array?.first?.string?.unicodeScalars, piece.count == 1,
        let character = piece.first
      else { throw failure("Unigram piece \(id) is not one character, and no other model is read") }
      characters.append(character)
    }
    guard !characters.isEmpty else { throw failure("the vocabulary is empty") }
    return try inFile { () throws(Failure) in try CharacterTokenizer(characters: characters) }
  }

  // MARK: Byte pairs

  private func readBytePairs(_ model: JSON) throws(Failure) -> any Tokenizer {
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let text = model[key]?.string, !text.isEmpty {
        throw failure(
          "the BPE model's \(key) \"\(visible(text))\" is not supported: only byte-level BPE is")
      }
    }
    if let dropout = model["dropout"]?.double, dropout != 0 {
      throw failure("the BPE model's dropout \(dropout) is not supported: ids would be random")
    }
    if model["byte_fallback"]?.bool == true {
      throw failure("the BPE model's byte_fallback is not supported: only byte-level BPE is")
    }
    guard let preTokenizer = present(root["pre_tokenizer"]),
      preTokenizer["type"]?.string == "ByteLevel"
    else {
      throw unsupported("pre_tokenizer", root["pre_tokenizer"] ?? nil, "only ByteLevel is read")
    }
    guard root["decoder"]?["type"]?.string == "ByteLevel" else {
      throw unsupported("decoder", root["decoder"] ?? nil, "only ByteLevel is read")
    }
    let vocabulary = try readVocabulary(model)
    var parts = BytePairTokenizer.Parts(tokens: vocabulary.tokens, merges: vocabulary.merges)
    parts.added = vocabulary.added
    parts.addsPrefixSpace = preTokenizer["add_prefix_space"]?.bool ?? true
    parts.ignoresMerges = model["ignore_merges"]?.bool ?? false
    parts.splitsSpecialTokens = configuration["split_special_tokens"]?.bool ?? false
    try readNamedTokens(model, ids: vocabulary.ids, into: &parts)
    (parts.prefix, parts.suffix) = try readTemplate(present(root["post_processor"]))
    // Only where one is set, as transformers does.
    if configuration["add_bos_token"] != nil || configuration["add_eos_token"] != nil {
      let adds = { (key: String) in configuration[key]?.bool == true }
      parts.prefix = adds("add_bos_token") ? [parts.bos].compactMap { $0 } : []
      parts.suffix = adds("add_eos_token") ? [parts.eos].compactMap { $0 } : []
    }
    if let bytes = try byteTokenizer(parts) { return bytes }
    if preTokenizer["use_regex"]?.bool == false {
      throw failure(
        "the pre_tokenizer ByteLevel without use_regex is not supported: GPT-2's pattern cuts words"
      )
    }
    return try inFile { () throws(Failure) in try BytePairTokenizer(parts) }
  }

  /// The byte tokenizer, if the vocabulary is its table and there is nothing to merge.
  private func byteTokenizer(
    _ parts: BytePairTokenizer.Parts
  ) throws(Failure) -> ByteTokenizer? {
    let names = ByteTokenizer.specialNames.map { Array($0.utf8) }
    let table = names + (0...255).map { [UInt8($0)] }
    if parts.merges.isEmpty, parts.tokens.count > table.count, parts.tokens.starts(with: table) {
      let name = String(decoding: parts.tokens[table.count], as: UTF8.self)
      throw failure(
        "the token \"\(visible(name))\" has the id \(table.count), for which a byte model has no "
          + "row: remove it")
    }
    let isByteTable =
      parts.merges.isEmpty && !parts.addsPrefixSpace && parts.tokens == table
      && [[], [1]].contains(parts.prefix) && [[], [2]].contains(parts.suffix)
    guard isByteTable else { return nil }
    return ByteTokenizer(addsBOS: !parts.prefix.isEmpty, addsEOS: !parts.suffix.isEmpty)
  }

  private struct Vocabulary {
    var tokens: [[UInt8]] = []
    var ids: [String: Int32] = [:]
    var added: [AddedToken] = []
    var merges: [Pair] = []
  }

  private func readVocabulary(_ model: JSON) throws(Failure) -> Vocabulary {
    guard let members = model["vocab"]?.object, !members.isEmpty else {
      throw failure("the model has no \"vocab\" object")
    }
    var named: [(name: String, id: Int)] = []
    for (name, value) in members {
      guard let id = value.int else {
        throw failure("the id of token \"\(visible(name))\" is not an integer")
      }
      named.append((name, id))
    }
    let added = try readAddedTokens()
    for token in added {
      guard let id = members[token.name]?.int else {
        named.append((token.name, token.id))
        continue
      }
      guard id == token.id else {
        throw failure(
          "the added token \"\(visible(token.name))\" has id \(token.id), but \(id) in the "
            + "vocabulary"
        )
      }
    }
    var names = [String?](repeating: nil, count: named.count)
    for (name, id) in named {
      guard names.indices.contains(id) else {
        throw failure(
          "token \"\(visible(name))\" has id \(id), but the \(named.count) ids must be 0 to "
            + "\(named.count - 1)"
        )
      }
      if let other = names[id] {
        let pair = [other, name].sorted().map { "\"\(visible($0))\"" }
        throw failure("tokens \(pair[0]) and \(pair[1]) have the same id \(id)")
      }
      names[id] = name
    }
    var vocabulary = Vocabulary()
    vocabulary.added = added.map { AddedToken(id: Int32($0.id), $0.name, isSpecial: $0.isSpecial) }
    let addedNames = Set(added.map(\.name))
    // No gap is left: as many names as ids, all different.
    for (id, name) in names.enumerated() {
      let name = name ?? ""
      vocabulary.ids[name] = Int32(id)
      if let bytes = addedNames.contains(name) ? Array(name.utf8) : ByteAlphabet.bytes(name) {
        vocabulary.tokens.append(bytes)
      } else if configurationNames.contains(name) {
        vocabulary.tokens.append(Array(name.utf8))
      } else {
        throw failure(
          "token \"\(visible(name))\" (id \(id)) is not in GPT-2's byte alphabet: only byte-level "
            + "BPE is supported"
        )
      }
    }
    vocabulary.merges = try readMerges(model, ids: vocabulary.ids)
    return vocabulary
  }

  private func readAddedTokens() throws(Failure) -> [(name: String, id: Int, isSpecial: Bool)] {
    var tokens: [(name: String, id: Int, isSpecial: Bool)] = []
    for token in root["added_tokens"]?.array ?? [] {
      guard let name = token["content"]?.string, let id = token["id"]?.int, !name.isEmpty else {
        throw failure("an entry of added_tokens lacks its content or id")
      }
      for option in ["lstrip", "rstrip", "single_word"] where token[option]?.bool == true {
        throw failure("the added token \"\(visible(name))\" with \(option) is not supported")
      }
      tokens.append((name, id, token["special"]?.bool ?? false))
    }
    return tokens
  }

  private func readMerges(_ model: JSON, ids: [String: Int32]) throws(Failure) -> [Pair] {
    var merges: [Pair] = []
    for (index, entry) in (model["merges"]?.array ?? []).enumerated() {
      let names =
        entry.array?.map { $0.string ?? "" }
        ?? (entry.string ?? "").split(separator: " ").map(String.init)
      guard names.count == 2, let left = ids[names[0]], let right = ids[names[1]] else {
        throw failure("merge \(index + 1) does not name two tokens of the vocabulary")
      }
      merges.append(Pair(left, right))
    }
    return merges
  }

  /// The ids a template puts before and after a text.
  private func readTemplate(_ template: JSON?) throws(Failure) -> ([Int32], [Int32]) {
    guard let template else { return ([], []) }
    switch template["type"]?.string {
    case "ByteLevel": return ([], [])  // it only moves offsets
    case "Sequence":
      var around: ([Int32], [Int32]) = ([], [])
      for processor in template["processors"]?.array ?? [] {
        let (prefix, suffix) = try readTemplate(processor)
        around = (prefix + around.0, around.1 + suffix)
      }
      return around
    case "TemplateProcessing": break
    default: throw unsupported("post_processor", template, "TemplateProcessing and ByteLevel are")
    }
    var parts: [[Int32]] = [[]]
    for piece in template["single"]?.array ?? [] {
      if let name = piece["SpecialToken"]?["id"]?.string {
        let ids = template["special_tokens"]?[name]?["ids"]?.array?.map { $0.int ?? -1 }
        guard let ids, ids.allSatisfy({ (0...Int(Int32.max)).contains($0) }) else {
          throw failure("the post_processor's special token \"\(visible(name))\" has no ids")
        }
        parts[parts.count - 1] += ids.map { Int32($0) }
      } else {
        parts.append([])
      }
    }
    guard parts.count == 2 else {
      throw failure("the post_processor's template must hold the text once")
    }
    return (parts[0], parts[1])
  }

  // MARK: tokenizer_config.json

  private static let nameKeys = ["bos", "eos", "pad", "unk", "sep", "cls", "mask"].map {
    $0 + "_token"
  }

  private func configurationName(_ key: String) -> String? {
    configuration[key]?.string ?? configuration[key]?["content"]?.string
  }

  private var configurationNames: Set<String> {
    Set(Self.nameKeys.compactMap(configurationName))
  }

  /// BOS, EOS and padding; every token named is matched in texts, as in transformers.
  private func readNamedTokens(
    _ model: JSON, ids: [String: Int32], into parts: inout BytePairTokenizer.Parts
  ) throws(Failure) {
    for key in Self.nameKeys {
      let unknown = key == "unk_token" ? model[key]?.string : nil
      guard let name = configurationName(key) ?? unknown, !name.isEmpty else { continue }
      guard let id = ids[name] else {
        throw failure(
          "the \(key) \"\(visible(name))\" is outside the vocabulary of \(ids.count); transformers "
            + "would give it the id \(ids.count), which no model has: remove it")
      }
      if configurationName(key) != nil, !parts.added.contains(where: { $0.id == id }) {
        parts.added.append(AddedToken(id: id, name))
      }
      switch key {
      case "bos_token": parts.bos = id
      case "eos_token": parts.eos = id
      case "pad_token": parts.pad = id
      default: break
      }
    }
    // What GPT-2's files leave to its class in transformers.
    if configuration["bos_token"] == nil, configuration["eos_token"] == nil,
      let end = parts.added.first(where: { $0.isSpecial && $0.text == "<|endoftext|>" })
    {
      (parts.bos, parts.eos) = (end.id, end.id)
    }
  }

  // MARK: Failures

  private func present(_ value: JSON?) -> JSON? { value?.isNull == false ? value : nil }

  private func failure(_ reason: String) -> Failure { Failure("\(visible(path)): \(reason)") }

  private func unsupported(_ component: String, _ value: JSON, _ reason: String) -> Failure {
    let type = value["type"]?.string ?? (value.isNull ? "null" : "without a type")
    return failure("the \(component) \(visible(type)) is not supported: \(reason)")
  }

  /// Puts the file's name before a failure that does not know it.
  private func inFile<Result>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    do { return try body() } catch {
      throw Failure("\(visible(path)): \(error.message)", code: error.code)
    }
  }
}
