import Files

/// A part of a corpus that is kept apart from the others.
public enum Split: String, CaseIterable, Sendable { case train, validation, test }

/// A tokenized corpus: a folder of memory-mapped shards, or ids in memory.
///
/// The folder holds `manifest.json`, `tokenizer.json`, and for each split `SPLIT-00000.bin` … (ids
/// as little-endian UInt16, or UInt32 beyond 65,536 tokens) and `SPLIT.idx` (where each document
/// starts, UInt64). Nothing in it is trusted: sizes and document starts are checked on opening,
/// ids when they are read, hashes by `verify`.
public struct Atlas: Sendable {
  /// The number of different tokens.
  public let vocabulary: Int
  /// The tokenizer's file inside the folder, if there is one.
  public let tokenizerPath: String?
  private let splits: [Split: AtlasSplit]
  private let hashes: [(path: String, sha256: String)]

  /// The tokens and documents of a split; empty where the atlas has none.
  public func split(_ split: Split) -> AtlasSplit {
    splits[split] ?? AtlasSplit(split, ids: [], starts: [], byteCount: 0, vocabulary: vocabulary)
  }

  /// An atlas in memory, for generated tasks: one list of documents a split, with their bytes.
  public static func inMemory(
    vocabulary: Int, _ documents: [Split: [[Int32]]], bytes: [Split: Int] = [:]
  ) -> Atlas {
    var splits: [Split: AtlasSplit] = [:]
    for (split, documents) in documents {
      var (ids, starts) = ([Int32](), [Int]())
      for document in documents {
        starts.append(ids.count)
        ids += document
      }
      splits[split] = AtlasSplit(
        split, ids: ids, starts: starts, byteCount: bytes[split] ?? 0, vocabulary: vocabulary)
    }
    return Atlas(vocabulary: vocabulary, tokenizerPath: nil, splits: splits, hashes: [])
  }

  private init(
    vocabulary: Int, tokenizerPath: String?, splits: [Split: AtlasSplit],
    hashes: [(path: String, sha256: String)]
  ) {
    (self.vocabulary, self.tokenizerPath) = (vocabulary, tokenizerPath)
    (self.splits, self.hashes) = (splits, hashes)
  }

  /// Whether a folder holds an atlas.
  public static func isAtlas(_ path: String) -> Bool {
    FileSystem.isRegularFile(path + "/manifest.json")
  }

  /// Opens an atlas; a damaged one is refused with the name of what does not fit.
  public init(_ path: String) throws(Failure) {
    let manifest = path + "/manifest.json"
    let json = try JSON.parse(FileSystem.readAll(manifest, limit: 1 << 24), from: manifest)
    func damaged(_ what: String) -> Failure {
      Failure("\(visible(manifest)): \(what); build the atlas again")
    }
    guard json["format"]?.string == "specola-atlas" else { throw damaged("is not an atlas") }
    guard json["version"]?.int == 1 else { throw damaged("version is not 1") }
    guard let vocabulary = json["vocabulary"]?.int, (1...Int(Int32.max)).contains(vocabulary)
    else { throw damaged("\"vocabulary\" is not a number of tokens") }
    var hashes: [(path: String, sha256: String)] = []
    func file(_ entry: JSON?, _ name: String) throws(Failure) -> String {
      // The name is known beforehand, so a manifest cannot point outside its folder.
      guard entry?["file"]?.string == name, let hash = entry?["sha256"]?.string else {
        throw damaged("\(name) is not listed")
      }
      hashes.append((path + "/" + name, hash))
      return path + "/" + name
    }
    var tokenizerPath: String?
    if let entry = json["tokenizer"], !entry.isNull {
      tokenizerPath = try file(entry, "tokenizer.json")
    }
    let width = vocabulary <= 1 << 16 ? 2 : 4
    var splits: [Split: AtlasSplit] = [:]
    for split in Split.allCases {
      guard let entry = json["splits"]?[split.rawValue] else { continue }
      func count(_ key: String) throws(Failure) -> Int {
        guard let count = entry[key]?.int, (0...1 << 48).contains(count) else {
          throw damaged("\(split.rawValue): \"\(key)\" is not a count")
        }
        return count
      }
      let (tokens, documents) = (try count("tokens"), try count("documents"))
      var shards: [AtlasSplit.Shard] = []
      var end = 0
      for (number, shard) in (entry["shards"]?.array ?? []).enumerated() {
        let digits = String(100_000 + number).dropFirst()
        let map = try MappedFile(try file(shard, "\(split.rawValue)-\(digits).bin"))
        guard let tokens = shard["tokens"]?.int, tokens > 0, tokens <= 1 << 40,
          map.count == tokens * width
        else {
          throw Failure(
            "\(visible(map.path)): has \(map.count) bytes, which does not fit the manifest;"
              + " build the atlas again")
        }
        shards.append(AtlasSplit.Shard(range: end..<end + tokens, map: map, width: width))
        end += tokens
      }
      guard end == tokens else {
        throw damaged("\(split.rawValue): \(tokens) tokens, but \(end) in its shards")
      }
      var starts: [Int] = []
      if documents > 0 {
        let path = try file(entry["index"], "\(split.rawValue).idx")
        starts = try Self.starts(path, documents: documents, tokens: tokens)
      }
      splits[split] = AtlasSplit(
        split, shards: shards, starts: starts, tokens: tokens, byteCount: try count("bytes"),
        vocabulary: vocabulary)
    }
    self.init(
      vocabulary: vocabulary, tokenizerPath: tokenizerPath, splits: splits, hashes: hashes)
  }

  private static func starts(
    _ path: String, documents: Int, tokens: Int
  ) throws(Failure) -> [Int] {
    let map = try MappedFile(path)
    guard map.count == documents * 8 else {
      throw Failure(
        "\(visible(path)): has \(map.count) bytes where \(documents) documents need"
          + " \(documents * 8); build the atlas again")
    }
    let starts = try map.bytes(0..<map.count).withUnsafeBytes { bytes in
      (0..<documents).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))
      }
    }
    for (index, start) in starts.enumerated() {
      guard start <= tokens, index == 0 ? start == 0 : start >= starts[index - 1] else {
        throw Failure(
          "\(visible(path)): document \(index) starts at \(start) of \(tokens) tokens, which is"
            + " out of order; build the atlas again")
      }
    }
    return starts.map { Int($0) }
  }

  /// Compares every file with its hash in the manifest, reading all of them.
  public func verify() throws(Failure) {
    for (path, expected) in hashes where try sha256(ofFile: path) != expected {
      throw Failure("\(visible(path)): is damaged, its SHA-256 differs; build the atlas again")
    }
  }
}

/// The tokens of one split, in order, and where its documents start.
public struct AtlasSplit: Sendable {
  struct Shard: Sendable {
    var range: Range<Int>
    var map: MappedFile
    var width: Int
  }

  /// The number of tokens.
  public let tokens: Int
  /// Where each document starts, in order; the first at 0.
  public let starts: [Int]
  /// The raw bytes that the tokens stand for, the denominator of bits per byte.
  public let byteCount: Int
  private let split: Split
  private let vocabulary: Int
  private let memory: [Int32]
  private let shards: [Shard]

  init(_ split: Split, ids: [Int32], starts: [Int], byteCount: Int, vocabulary: Int) {
    (tokens, memory, shards) = (ids.count, ids, [])
    (self.split, self.starts, self.byteCount) = (split, starts, byteCount)
    self.vocabulary = vocabulary
  }

  init(
    _ split: Split, shards: [Shard], starts: [Int], tokens: Int, byteCount: Int, vocabulary: Int
  ) {
    (self.tokens, self.shards, memory) = (tokens, shards, [])
    (self.split, self.starts, self.byteCount) = (split, starts, byteCount)
    self.vocabulary = vocabulary
  }

  /// The number of documents.
  public var documents: Int { starts.count }

  /// The tokens of document `index`.
  public func document(_ index: Int) -> Range<Int> {
    starts[index]..<(index + 1 < starts.count ? starts[index + 1] : tokens)
  }

  /// `count` tokens from `start` on, across shards.
  ///
  /// Fails where they do not all exist, where an id does not fit the vocabulary, and where a file
  /// has shrunk since it was opened.
  public func window(_ start: Int, _ count: Int) throws(Failure) -> [Int32] {
    guard start >= 0, count >= 0, start <= tokens, count <= tokens - start else {
      throw Failure(
        "the \(split.rawValue) split has \(tokens) tokens, too few for \(count) from token"
          + " \(start) on; shorten the context or give more text")
    }
    var ids: [Int32] = []
    if shards.isEmpty {
      ids = Array(memory[start..<start + count])
    } else {
      ids.reserveCapacity(count)
      for shard in shards where shard.range.overlaps(start..<start + count) {
        let part = shard.range.clamped(to: start..<start + count)
        try shard.append(part, to: &ids)
      }
    }
    if let wrong = ids.firstIndex(where: { UInt32(bitPattern: $0) >= vocabulary }) {
      throw Failure(
        "token \(start + wrong) of the \(split.rawValue) split is"
          + " \(UInt32(bitPattern: ids[wrong])), beyond the vocabulary of \(vocabulary);"
          + " build the atlas again")
    }
    return ids
  }
}

extension AtlasSplit.Shard {
  func append(_ part: Range<Int>, to ids: inout [Int32]) throws(Failure) {
    let from = (part.lowerBound - range.lowerBound) * width
    let bytes = try map.bytes(from..<from + part.count * width)
    bytes.withUnsafeBytes { raw in
      for i in 0..<part.count {
        if width == 2 {
          let id = raw.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
          ids.append(Int32(UInt16(littleEndian: id)))
        } else {
          let id = raw.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self)
          ids.append(Int32(bitPattern: UInt32(littleEndian: id)))
        }
      }
    }
  }
}
