// One id a character, as nanoGPT's and minGPT's character models have it.

import Files

/// One id a Unicode scalar of a corpus, in code point order (Python's `sorted(set(text))`).
///
/// Line ends are kept as they are: CR LF is two characters. A character that the corpus did not
/// hold has no id, and encoding it fails.
public struct CharacterTokenizer: Tokenizer {
  /// The characters by id.
  public let characters: [Unicode.Scalar]
  /// The ids by code point, up to the last that has one; -1 for none.
  private let ids: [Int32]

  public var vocabularySize: Int { characters.count }
  public let bos: Int32? = nil
  public let eos: Int32? = nil
  public let prefix: [Int32] = []
  public let suffix: [Int32] = []

  /// The vocabulary of a corpus; throws at invalid UTF-8 and for an empty corpus.
  public init(corpus: [UInt8]) throws(Failure) {
    var isSeen = [Bool](repeating: false, count: 0x11_0000)
    try Self.scan(corpus) { (scalar, _) throws(Failure) in isSeen[Int(scalar.value)] = true }
    guard !corpus.isEmpty else {
      throw Failure("the corpus is empty, so it has no characters: give it some text")
    }
    let points = isSeen.indices.filter { isSeen[$0] }
    self.init(distinct: points.compactMap { Unicode.Scalar(UInt32($0)) })
  }

  /// A tokenizer with these characters in this order; throws when one appears twice.
  public init(characters: [Unicode.Scalar]) throws(Failure) {
    var seen = Set<Unicode.Scalar>()
    for character in characters where !seen.insert(character).inserted {
      throw Failure("the character \(Self.describe(character)) has two ids in the vocabulary")
    }
    self.init(distinct: characters)
  }

  private init(distinct: [Unicode.Scalar]) {
    characters = distinct
    let last = distinct.map(\.value).max() ?? 0
    var ids = [Int32](repeating: -1, count: Int(last) + 1)
    for (id, character) in zip(Int32(0)..., distinct) { ids[Int(character.value)] = id }
    self.ids = ids
  }

  public func encode(_ text: [UInt8]) throws(Failure) -> [Int32] {
    var encoded: [Int32] = []
    encoded.reserveCapacity(text.count)
    try Self.scan(text) { (scalar, offset) throws(Failure) in
      let point = Int(scalar.value)
      guard point < ids.count, ids[point] >= 0 else {
        throw Failure(
          "the character \(Self.describe(scalar)) at byte \(offset) is not in the vocabulary of "
            + "\(characters.count) characters: leave it out or use a byte or BPE tokenizer")
      }
      encoded.append(ids[point])
    }
    return encoded
  }

  public func bytes(of id: Int32) -> [UInt8] {
    guard characters.indices.contains(Int(id)) else { return [] }
    return Array(String(characters[Int(id)]).utf8)
  }

  public func specialName(of id: Int32) -> String? { nil }

  /// A Unigram model of single characters and no unknown token: transformers, too, then fails at
  /// a strange character, where a BPE model would leave it out in silence.
  public var json: JSON {
    let pieces = characters.map { JSON.array([.string(String($0)), .double(0)]) }
    return TokenizerFile.json(
      model: .object([
        "type": .string("Unigram"), "unk_id": .null, "byte_fallback": .bool(false),
        "vocab": .array(pieces),
      ]))
  }

  public var configuration: JSON { TokenizerFile.configuration() }

  /// Visits each character and its byte offset.
  private static func scan(
    _ text: [UInt8], visit: (Unicode.Scalar, Int) throws(Failure) -> Void
  ) throws(Failure) {
    var i = 0
    while i < text.count {
      guard let (scalar, length) = UTF8Reader.scalar(in: text, at: i) else {
        throw Failure(
          "byte \(i) (0x\(UTF8Reader.hexadecimal(text[i]))) is not UTF-8, so it is no character: "
            + "convert the text or use a byte or BPE tokenizer")
      }
      try visit(scalar, i)
      i += length
    }
  }

  private static func describe(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    let padding = String(repeating: "0", count: max(0, 4 - digits.count))
    return "\"\(visible(String(scalar)))\" (U+\(padding)\(digits))"
  }
}
