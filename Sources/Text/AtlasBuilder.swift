import Files

/// Writes an atlas in bounded memory; it appears whole or not at all.
public struct AtlasBuilder: ~Copyable {
  /// The largest number of tokens in one shard file.
  public static let shardTokens = 64 << 20

  private let folder: AtomicDirectory
  private let hasTokenizer: Bool
  private let vocabulary: Int
  private var writers: [Split: SplitWriter]

  /// Begins an atlas at `path`, which must not exist.
  ///
  /// `tokenizerJSON` is the tokenizer's file, kept inside; every id must be below `vocabulary`.
  public init(
    _ path: String, tokenizerJSON: String?, vocabulary: Int, shardTokens: Int = shardTokens
  ) throws(Failure) {
    guard vocabulary > 0, vocabulary <= Int(Int32.max) else {
      throw Failure("\(visible(path)): a vocabulary of \(vocabulary) tokens is not possible")
    }
    let folder = try AtomicDirectory(path)
    if let tokenizerJSON {
      try AtomicFile.write(tokenizerJSON, to: folder.temporaryPath + "/tokenizer.json")
    }
    writers = [:]
    for split in Split.allCases {
      writers[split] = SplitWriter(
        folder.temporaryPath, split, vocabulary: vocabulary, shardTokens: shardTokens)
    }
    hasTokenizer = tokenizerJSON != nil
    self.vocabulary = vocabulary
    self.folder = folder
  }

  /// Appends a document, or a part of the last one, and the number of raw bytes it stands for.
  public mutating func append(
    _ ids: [Int32], bytes: Int, to split: Split, startsDocument: Bool = true
  ) throws(Failure) {
    try writers[split]?.append(ids, bytes: bytes, startsDocument: startsDocument)
  }

  /// Writes the manifest and gives the folder its name.
  public consuming func finish() throws(Failure) {
    var splits: [String: JSON] = [:]
    for split in Split.allCases {
      if let writer = writers[split] { splits[split.rawValue] = try writer.finish() }
    }
    var tokenizer = JSON.null
    if hasTokenizer { tokenizer = try entry(folder.temporaryPath, "tokenizer.json") }
    let manifest: JSON = [
      "format": "specola-atlas", "version": 1, "vocabulary": .int(vocabulary),
      "tokenizer": tokenizer, "splits": .object(splits),
    ]
    try AtomicFile.write(
      manifest.text(pretty: true) + "\n", to: folder.temporaryPath + "/manifest.json")
    try folder.commit()
  }
}

/// A file's name and hash, as the manifest holds them.
private func entry(_ folder: String, _ name: String) throws(Failure) -> JSON {
  ["file": .string(name), "sha256": .string(try sha256(ofFile: folder + "/" + name))]
}

/// The files of one split as they grow.
private final class SplitWriter {
  private let folder: String
  private let split: Split
  private let vocabulary: Int
  private let shardTokens: Int
  private var shard: AtomicFile?
  private var index: AtomicFile?
  private var shards: [(name: String, tokens: Int)] = []
  private var (tokens, documents, bytes) = (0, 0, 0)

  init(_ folder: String, _ split: Split, vocabulary: Int, shardTokens: Int) {
    (self.folder, self.split) = (folder, split)
    (self.vocabulary, self.shardTokens) = (vocabulary, shardTokens)
  }

  func append(_ ids: [Int32], bytes: Int, startsDocument: Bool) throws(Failure) {
    if let wrong = ids.first(where: { $0 < 0 || $0 >= vocabulary }) {
      throw Failure("token \(wrong) does not fit a vocabulary of \(vocabulary)")
    }
    if startsDocument || documents == 0 {
      if index == nil { index = try AtomicFile("\(folder)/\(split.rawValue).idx") }
      try index?.append(littleEndian([UInt64(tokens)]))
      documents += 1
    }
    self.bytes += bytes
    var rest = ids[...]
    while !rest.isEmpty {
      if shards.isEmpty || shards[shards.count - 1].tokens == shardTokens { try openShard() }
      let part = rest.prefix(shardTokens - shards[shards.count - 1].tokens)
      if vocabulary <= 1 << 16 {
        try shard?.append(littleEndian(part.map { UInt16($0) }))
      } else {
        try shard?.append(littleEndian(part.map { UInt32($0) }))
      }
      shards[shards.count - 1].tokens += part.count
      tokens += part.count
      rest = rest.dropFirst(part.count)
    }
  }

  private func openShard() throws(Failure) {
    try shard.take()?.commit()
    let number = String(shards.count)
    let padding = String(repeating: "0", count: max(0, 5 - number.count))
    shards.append(("\(split.rawValue)-\(padding)\(number).bin", 0))
    shard = try AtomicFile("\(folder)/\(shards[shards.count - 1].name)")
  }

  func finish() throws(Failure) -> JSON {
    try shard.take()?.commit()
    try index.take()?.commit()
    var files: [JSON] = []
    for (name, tokens) in shards {
      var file = try entry(folder, name).object ?? [:]
      file["tokens"] = .int(tokens)
      files.append(.object(file))
    }
    return [
      "tokens": .int(tokens), "documents": .int(documents), "bytes": .int(bytes),
      "shards": .array(files),
      "index": documents == 0 ? nil : try entry(folder, "\(split.rawValue).idx"),
    ]
  }
}

private func littleEndian(_ numbers: [some FixedWidthInteger]) -> [UInt8] {
  numbers.map(\.littleEndian).withUnsafeBytes { Array($0) }
}
