// GPT-2's pre-tokenizer, by hand: the words that byte pairs never reach across.

/// Splits text where GPT-2's pattern does:
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.
enum WordScanner {
  /// The end of the word that starts at `start`; a byte that is not UTF-8 counts as a symbol.
  static func wordEnd(in text: [UInt8], from start: Int, limit: Int) -> Int {
    if let end = contractionEnd(in: text, from: start, limit: limit) { return end }
    var (kind, end) = kind(in: text, at: start)
    // " ?": one space goes with the run that follows it.
    if text[start] == 0x20, end < limit {
      let following = Self.kind(in: text, at: end)
      if following.kind != .space { (kind, end) = following }
    }
    var last = start
    while end < limit {
      let following = Self.kind(in: text, at: end)
      guard following.kind == kind else {
        // `\s+(?!\S)`: white space before a word leaves its last character to the word.
        return kind == .space && last > start ? last : end
      }
      last = end
      end = following.end
    }
    return end
  }

  private enum Kind { case letter, number, space, symbol }

  private static func kind(in text: [UInt8], at i: Int) -> (kind: Kind, end: Int) {
    switch text[i] {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
      return (.letter, i + 1)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return (.number, i + 1)
    case 0x20, 0x09...0x0D: return (.space, i + 1)
    case 0..<0x80: return (.symbol, i + 1)
    default: break
    }
    guard let (scalar, length) = UTF8Reader.scalar(in: text, at: i) else { return (.symbol, i + 1) }
    let kind: Kind =
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
        .letter
      case .decimalNumber, .letterNumber, .otherNumber: .number
      default: scalar.properties.isWhitespace ? .space : .symbol
      }
    return (kind, i + length)
  }

  private static func contractionEnd(in text: [UInt8], from start: Int, limit: Int) -> Int? {
    guard text[start] == UInt8(ascii: "'"), start + 1 < limit else { return nil }
    let first = text[start + 1]
    if "stmd".utf8.contains(first) { return start + 2 }
    guard start + 2 < limit else { return nil }
    switch (first, text[start + 2]) {
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }
}

/// GPT-2's alphabet: a printable character for each byte, so that a vocabulary can be JSON.
///
/// Printable Latin-1 characters stand for themselves, the other bytes for U+0100 and on.
enum ByteAlphabet {
  private static func standsForItself(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
  }

  /// The character of each byte.
  static let characters: [Unicode.Scalar] = {
    var next: UInt8 = 0
    return (0...255).map { (byte: UInt8) in
      if standsForItself(byte) { return Unicode.Scalar(byte) }
      defer { next += 1 }
      // U+0100 + 67 at most: always a character.
      return Unicode.Scalar(0x100 + UInt16(next)) ?? " "
    }
  }()

  private static let byteOf = Dictionary(uniqueKeysWithValues: zip(characters, UInt8(0)...255))

  /// The characters of bytes.
  static func string(_ bytes: [UInt8]) -> String {
    var string = String.UnicodeScalarView()
    for byte in bytes { string.append(characters[Int(byte)]) }
    return String(string)
  }

  /// The bytes of characters, nil when one is outside the alphabet.
  static func bytes(_ string: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    for scalar in string.unicodeScalars {
      guard let byte = byteOf[scalar] else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
