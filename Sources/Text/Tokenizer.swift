// A tokenizer turns bytes into ids and ids back into bytes.
//
// Text is bytes here, not `String`: a corpus may hold invalid UTF-8, a token may hold half of a
// character, and `String` compares by canonical equivalence ("Å" U+212B equals "Å" U+00C5), which
// a vocabulary must not.

import Files

/// A reversible map between text and the ids a language model works on.
///
/// Ids are dense: `0..<vocabularySize`, each with one meaning.
public protocol Tokenizer: Sendable {
  /// Number of ids.
  var vocabularySize: Int { get }
  /// Id that begins a text, where there is one.
  var bos: Int32? { get }
  /// Id that ends a text, where there is one.
  var eos: Int32? { get }
  /// Ids that go before a whole text (the template post-processor of a tokenizer.json).
  var prefix: [Int32] { get }
  /// Ids that go after a whole text.
  var suffix: [Int32] { get }
  /// The ids of a text, without `prefix` and `suffix`.
  ///
  /// Throws a `Failure` that names the character or byte (and its offset) that has no id.
  func encode(_ text: [UInt8]) throws(Failure) -> [Int32]
  /// The bytes an id stands for; none for an id outside the vocabulary.
  ///
  /// A special token of a BPE stands for its own text, one of the byte tokenizer for nothing.
  func bytes(of id: Int32) -> [UInt8]
  /// The name of a special token (`<s>`, `<|endoftext|>`), nil for an ordinary one.
  func specialName(of id: Int32) -> String?
  /// The contents of `tokenizer.json`, as Hugging Face tokenizers reads it.
  var json: JSON { get }
  /// The contents of `tokenizer_config.json`, without which transformers knows no BOS and EOS.
  var configuration: JSON { get }
}

extension Tokenizer {
  /// The ids of a text, without `prefix` and `suffix`.
  public func encode(_ text: String) throws(Failure) -> [Int32] {
    try encode(Array(text.utf8))
  }

  /// The ids of a whole text, as transformers' `encode` gives them by default.
  public func encodeWhole(_ text: [UInt8]) throws(Failure) -> [Int32] {
    prefix + (try encode(text)) + suffix
  }

  /// The bytes of a sequence of ids.
  public func decode(_ ids: some Sequence<Int32>) -> [UInt8] {
    ids.flatMap(bytes(of:))
  }

  /// An id as a person reads it: printable text, `\xE2` for a byte that is not a character by
  /// itself, control characters as symbols.
  public func piece(_ id: Int32) -> String {
    if let name = specialName(of: id) { return visible(name) }
    let bytes = bytes(of: id)
    var piece = ""
    var i = 0
    while i < bytes.count {
      if let (scalar, length) = UTF8Reader.scalar(in: bytes, at: i) {
        piece.unicodeScalars.append(scalar)
        i += length
      } else {
        piece += "\\x" + UTF8Reader.hexadecimal(bytes[i])
        i += 1
      }
    }
    return visible(piece)
  }

  /// Writes `tokenizer.json` and `tokenizer_config.json` into an existing folder.
  public func save(to directory: String) throws(Failure) {
    try AtomicFile.write(json.text(pretty: true) + "\n", to: directory + "/tokenizer.json")
    try AtomicFile.write(
      configuration.text(pretty: true) + "\n", to: directory + "/tokenizer_config.json")
  }
}

/// Text from ids that arrive one by one, never splitting a UTF-8 character.
///
/// The pieces joined, `flush` included, are the whole text with each invalid sequence as U+FFFD.
public struct StreamingDecoder: Sendable {
  private let tokenizer: any Tokenizer
  private var held: [UInt8] = []

  /// A decoder at the start of a text.
  public init(_ tokenizer: any Tokenizer) {
    self.tokenizer = tokenizer
  }

  /// The text that this id completes: empty while a character still lacks bytes.
  public mutating func push(_ id: Int32) -> String {
    held += tokenizer.bytes(of: id)
    let complete = held.count - UTF8Reader.incompleteTail(of: held)
    defer { held.removeFirst(complete) }
    return String(decoding: held[..<complete], as: UTF8.self)
  }

  /// What is still held, an unfinished character as U+FFFD; the decoder is then at a start again.
  public mutating func flush() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }
}
