// The byte tokenizer of the Byte Latent Transformer: four special ids, then the 256 bytes.

import Files

/// One id a byte: 0 `<boe>`, 1 `<s>`, 2 `</s>`, 3 `<pad>`, then 4 + byte; 260 ids, no `<unk>`.
///
/// Text is only ever bytes: `</s>` written in a text is four bytes, not id 2. The saved
/// configuration asks transformers for the same (`split_special_tokens`).
public struct ByteTokenizer: Tokenizer {
  /// Names of ids 0 to 3.
  public static let specialNames = ["<boe>", "<s>", "</s>", "<pad>"]
  /// Id of byte 0.
  public static let offset: Int32 = 4

  public let vocabularySize = 260
  public let bos: Int32? = 1
  public let eos: Int32? = 2
  public let prefix: [Int32]
  public let suffix: [Int32]

  /// A byte tokenizer whose whole texts begin with BOS, and end with EOS where asked for.
  public init(addsBOS: Bool = true, addsEOS: Bool = false) {
    prefix = addsBOS ? [1] : []
    suffix = addsEOS ? [2] : []
  }

  public func encode(_ text: [UInt8]) -> [Int32] {
    text.map { Int32($0) + Self.offset }
  }

  public func bytes(of id: Int32) -> [UInt8] {
    (Self.offset..<260).contains(id) ? [UInt8(id - Self.offset)] : []
  }

  public func specialName(of id: Int32) -> String? {
    (0..<Self.offset).contains(id) ? Self.specialNames[Int(id)] : nil
  }

  public var json: JSON {
    let names = Self.specialNames + (0...255).map { ByteAlphabet.string([UInt8($0)]) }
    let added = Self.specialNames.indices.map { AddedToken(id: Int32($0), Self.specialNames[$0]) }
    return TokenizerFile.json(
      model: TokenizerFile.bytePairModel(names: names, merges: []), addedTokens: added,
      byteLevel: .init(addsPrefixSpace: false, splitsWords: false),
      prefix: prefix.map { ($0, names[Int($0)]) }, suffix: suffix.map { ($0, names[Int($0)]) })
  }

  public var configuration: JSON {
    TokenizerFile.configuration(
      bos: "<s>", eos: "</s>", pad: "<pad>", splitsSpecialTokens: true)
  }
}
