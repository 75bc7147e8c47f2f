import Files
import Random

/// Files of text: those given and those in folders given, recursively, in sorted order.
///
/// Hidden files are left out. Only names are read at first; contents come one file at a time.
public struct TextSource: Sendable {
  /// One file, with the name that decides its split: its path below the folder given.
  public struct Document: Sendable, Equatable {
    public var path: String
    public var name: String
  }

  public let documents: [Document]

  /// Lists the files; nothing at a path, a FIFO or no file at all is a failure.
  public init(_ paths: [String]) throws(Failure) {
    var documents: [Document] = []
    func add(_ path: String, _ name: String, depth: Int) throws(Failure) {
      guard FileSystem.isDirectory(path) else {
        return documents.append(Document(path: path, name: name))
      }
      guard depth < 64 else {
        throw Failure("\(visible(path)): folders nest deeper than 64; give a folder inside")
      }
      for entry in try FileSystem.list(path) where !entry.hasPrefix(".") {
        try add(path + "/" + entry, name.isEmpty ? entry : name + "/" + entry, depth: depth + 1)
      }
    }
    for path in paths {
      try add(path, FileSystem.isDirectory(path) ? "" : FileSystem.name(path), depth: 0)
    }
    guard !documents.isEmpty else {
      throw Failure("\(visible(paths.joined(separator: ", "))): no file in it; give text files")
    }
    self.documents = documents
  }

  /// The bytes of a document.
  public func bytes(of document: Document) throws(Failure) -> [UInt8] {
    try FileSystem.readAll(document.path)
  }

  /// Refuses, by file and byte offset, what a character tokenizer cannot read.
  public func requireText() throws(Failure) {
    for document in documents {
      let bytes = try bytes(of: document)
      if let offset = Self.firstNonText(bytes) {
        let what = bytes[offset] == 0 ? "is binary (a zero byte" : "is not UTF-8 (an invalid byte"
        throw Failure(
          "\(visible(document.path)): \(what) at byte \(offset)); give text, or choose the byte"
            + " or bpe tokenizer")
      }
    }
  }

  /// The offset of the first zero byte, or of the first byte of an invalid UTF-8 sequence.
  static func firstNonText(_ bytes: [UInt8]) -> Int? {
    var at = 0
    while at < bytes.count {
      if bytes[at] == 0 { return at }
      guard let (_, length) = UTF8Reader.scalar(in: bytes, at: at) else { return at }
      at += length
    }
    return nil
  }

  /// Hands over every piece of text with its split, one document at a time.
  ///
  /// One file is cut as nanoGPT does: the first int(n·(1 − share)) of its n characters train, the
  /// rest validate (bytes that begin no character do not count). Of several files, those whose
  /// name's hash falls in the lowest `share` of all hashes validate, at least one and never all;
  /// so a file stays in its split when others come and go.
  public func forEach(
    validation share: Double, _ body: ([UInt8], Split) throws(Failure) -> Void
  ) throws(Failure) {
    guard share >= 0, share < 1 else {
      throw Failure("data.validation is \(share); give a share from 0 to below 1")
    }
    var total = 0
    let validating = validationNames(share)
    for document in documents {
      let bytes = try bytes(of: document)
      total += bytes.count
      guard documents.count == 1 else {
        try body(bytes, validating.contains(document.name) ? .validation : .train)
        continue
      }
      try requireContent(total)
      let cut = Self.cut(bytes, share)
      try body(Array(bytes[..<cut]), .train)
      if cut < bytes.count { try body(Array(bytes[cut...]), .validation) }
    }
    try requireContent(total)
  }

  private func requireContent(_ bytes: Int) throws(Failure) {
    guard bytes < 2 else { return }
    let name = documents.count == 1 ? documents[0].path : "\(documents.count) files"
    throw Failure(
      "\(visible(name)): \(bytes == 0 ? "is empty" : "is a single byte"), which leaves nothing to"
        + " learn from; give more text")
  }

  private func validationNames(_ share: Double) -> Set<String> {
    guard share > 0 else { return [] }
    let ranked = documents.map { document in
      var random = RandomStream(seed: 0, name: document.name)
      return (hash: random.uniform(), name: document.name)
    }.sorted { ($0.hash, $0.name) < ($1.hash, $1.name) }
    let count = ranked.prefix { $0.hash < share }.count
    return Set(ranked.prefix(min(max(count, 1), ranked.count - 1)).map(\.name))
  }

  /// The offset of the first byte that validates.
  static func cut(_ bytes: [UInt8], _ share: Double) -> Int {
    let characters = bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
    var left = Int(Double(characters) * (1 - share))
    for (offset, byte) in bytes.enumerated() where byte & 0xC0 != 0x80 {
      if left == 0 { return offset }
      left -= 1
    }
    return bytes.count
  }
}
