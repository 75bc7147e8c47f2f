// The words of a line, by bytes: a combining character behind a quote must not hide it.

import Files

/// Takes a line apart.
struct LineReader {
  /// A word, and the key before its `=`.
  struct Word {
    var key: String?
    var text: String
    var isQuoted: Bool
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// The first word; nil in an empty line and before a comment.
  mutating func name() -> String? {
    skipSpaces()
    guard let first = rest.first, first != UInt8(ascii: "#") else { return nil }
    let name = rest.prefix { !$0.isSpace }
    rest = rest.dropFirst(name.count)
    return String(bytes: Array(name))
  }

  /// The rest without the spaces at its edges.
  var text: ArraySlice<UInt8> {
    var text = rest.drop(while: \.isSpace)
    while text.last?.isSpace == true { text.removeLast() }
    return text
  }

  /// The rest up to a comment: `#` behind a space and outside quotes.
  func expression() -> String {
    var (isQuoted, isEscaped) = (false, false)
    var last = UInt8(ascii: " ")
    let before = rest.prefix { byte in
      defer { last = byte }
      if isQuoted {
        isQuoted = byte != UInt8(ascii: "\"") || isEscaped
        isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        return true
      }
      isQuoted = byte == UInt8(ascii: "\"")
      return byte != UInt8(ascii: "#") || !last.isSpace
    }
    return String(bytes: Array(LineReader(Array(before)).text))
  }

  /// The words up to a comment.
  mutating func words() throws(Failure) -> [Word] {
    var words: [Word] = []
    while true {
      skipSpaces()
      guard let first = rest.first, first != UInt8(ascii: "#") else { return words }
      let key = rest.prefix(while: \.isNameByte)
      let isKey = first.isLetter && rest.dropFirst(key.count).first == UInt8(ascii: "=")
      if isKey { rest = rest.dropFirst(key.count + 1) }
      let word = rest.prefix(while: isInWord())
      rest = rest.dropFirst(word.count)
      words.append(
        Word(
          key: isKey ? String(bytes: Array(key)) : nil,
          text: String(bytes: try LineReader.unquoted(word, isWord: true)),
          isQuoted: word.first == UInt8(ascii: "\"")))
    }
  }

  /// Whether a byte goes on with a word: all but a space outside quotes.
  private func isInWord() -> (UInt8) -> Bool {
    var (isQuoted, isEscaped) = (false, false)
    return { byte in
      if byte == UInt8(ascii: "\""), !isEscaped { isQuoted.toggle() }
      isEscaped = isQuoted && byte == UInt8(ascii: "\\") && !isEscaped
      return isQuoted || !byte.isSpace
    }
  }

  private mutating func skipSpaces() { rest = rest.drop(while: \.isSpace) }

  /// What stands between quotes around the whole, escapes resolved; else the text as it is.
  ///
  /// A word must be quoted well or have no quotes; a text may have them anywhere.
  static func unquoted(
    _ text: ArraySlice<UInt8>, isWord: Bool = false
  ) throws(Failure) -> [UInt8] {
    let quote = UInt8(ascii: "\"")
    guard text.first == quote else {
      guard !isWord || !text.contains(quote) else {
        throw Failure("\(shown(text)) has a quote inside a word; write \\\" between quotes")
      }
      return Array(text)
    }
    var result: [UInt8] = []
    var rest = text.dropFirst()
    while let byte = rest.popFirst() {
      if byte == quote {
        if rest.isEmpty { return result }
        guard !isWord else { throw Failure("\(shown(text)) goes on behind its closing quote") }
        return Array(text)
      }
      result.append(byte == UInt8(ascii: "\\") ? try escape(&rest, in: text) : byte)
    }
    guard !isWord else { throw Failure("the quote of \(shown(text)) is not closed") }
    return Array(text)
  }

  private static func escape(
    _ rest: inout ArraySlice<UInt8>, in text: ArraySlice<UInt8>
  ) throws(Failure) -> UInt8 {
    switch rest.popFirst() {
    case UInt8(ascii: "\""): return UInt8(ascii: "\"")
    case UInt8(ascii: "\\"): return UInt8(ascii: "\\")
    case UInt8(ascii: "n"): return UInt8(ascii: "\n")
    case UInt8(ascii: "t"): return UInt8(ascii: "\t")
    case UInt8(ascii: "x"):
      let digits = rest.prefix(2)
      let text = String(decoding: digits, as: UTF8.self)
      if digits.count == 2, text.allSatisfy(\.isHexDigit), let byte = UInt8(text, radix: 16) {
        rest = rest.dropFirst(2)
        return byte
      }
    default: break
    }
    throw Failure("\(shown(text)) has an unknown escape; known: \\\" \\\\ \\n \\t \\xHH")
  }

  private static func shown(_ text: ArraySlice<UInt8>) -> String {
    String(bytes: Array(text.prefix(200))).quotedForm(limit: 40)
  }
}

extension UInt8 {
  var isSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
  var isDigit: Bool { (0x30...0x39).contains(self) }
  var isLetter: Bool { (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self) }
  /// A letter, a digit, or one of `-._`.
  var isNameByte: Bool { isLetter || isDigit || "-._".utf8.contains(self) }
}

extension String {
  /// With `-` for every `_`.
  var dashed: String { respelled("_", "-") }
  /// With `_` for every `-`.
  var underscored: String { respelled("-", "_") }

  private func respelled(_ old: Unicode.Scalar, _ new: Unicode.Scalar) -> String {
    String(UnicodeScalarView(unicodeScalars.map { $0 == old ? new : $0 }))
  }
}
