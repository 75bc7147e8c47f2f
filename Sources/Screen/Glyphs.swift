/// A base scalar with its combining marks, and the columns that it takes.
public struct Glyph: Hashable, Sendable {
  public var text: String
  /// 1, or 2 for a wide one.
  public var width: Int

  public init(_ text: String, width: Int = 1) { (self.text, self.width) = (text, width) }
}

/// Text cut into what fits cells.
///
/// Text is data: nothing that steers a terminal comes through.
///
/// The unit is the scalar with its marks, not the grapheme, because a terminal counts columns so:
/// a joined family of emoji is drawn as its members side by side.
public enum Glyphs {
  /// The glyphs of `text`; control bytes, bidirectional overrides and the like as visible symbols.
  public static func split(_ text: some StringProtocol) -> [Glyph] {
    var glyphs: [Glyph] = []
    glyphs.reserveCapacity(text.utf8.count)
    var marks = 0
    for scalar in text.unicodeScalars {
      switch kind(of: scalar) {
      case .columns(let width):
        glyphs.append(Glyph(String(scalar), width: width))
        marks = 0
      case .mark where marks < 3:
        marks += 1
        if glyphs.isEmpty || glyphs[glyphs.count - 1].text == " " {
          glyphs.append(Glyph("◌"))
        }
        glyphs[glyphs.count - 1].text.unicodeScalars.append(scalar)
      case .mark, .dropped: break
      case .control(let picture):
        glyphs.append(Glyph(String(picture)))
        marks = 3  // no marks on a symbol
      case .escaped:
        glyphs += code(scalar.value, "U+", 4).unicodeScalars.map {
          Glyph(String($0))
        }
        marks = 3
      }
    }
    return glyphs
  }

  /// The columns that `text` takes.
  public static func width(_ text: some StringProtocol) -> Int {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text.utf8.count }
    return split(text).reduce(0) { $0 + $1.width }
  }

  /// `text` cut to `width` columns and filled up with spaces to just these.
  public static func fit(
    _ text: some StringProtocol, _ width: Int, right: Bool = false
  ) -> String {
    var (result, used) = ("", 0)
    for glyph in split(text.prefix(max(0, 4 * width))) {
      guard used + glyph.width <= width else { break }
      result += glyph.text
      used += glyph.width
    }
    let space = String(repeating: " ", count: max(0, width - used))
    return right ? space + result : result + space
  }

  /// `text` as it is drawn, for a message.
  public static func visible(_ text: some StringProtocol) -> String {
    split(text).map(\.text).joined()
  }

  /// Bytes as text; those that are no UTF-8, or not yet, as `<C3>`.
  public static func decode(_ bytes: [UInt8]) -> String {
    var (result, rest) = (String.UnicodeScalarView(), bytes[...])
    while let first = rest.first {
      if case .scalar(let scalar, let length) = scalar(in: rest) {
        result.append(scalar)
        rest = rest.dropFirst(length)
      } else {
        result.append(contentsOf: code(UInt32(first), "", 2).unicodeScalars)
        rest = rest.dropFirst()
      }
    }
    return String(result)
  }

  public enum Decoded: Equatable { case scalar(Unicode.Scalar, length: Int), incomplete, invalid }

  /// The scalar that `bytes` begin with.
  public static func scalar(in bytes: ArraySlice<UInt8>) -> Decoded {
    guard let first = bytes.first else { return .incomplete }
    let (length, lead, least): (Int, UInt8, UInt32)
    switch first {
    case 0..<0x80: (length, lead, least) = (1, first, 0)
    case 0xC2...0xDF: (length, lead, least) = (2, first & 0x1F, 0x80)
    case 0xE0...0xEF: (length, lead, least) = (3, first & 0x0F, 0x800)
    case 0xF0...0xF4: (length, lead, least) = (4, first & 0x07, 0x10000)
    default: return .invalid
    }
    var value = UInt32(lead)
    for byte in bytes.dropFirst().prefix(length - 1) {
      guard byte & 0xC0 == 0x80 else { return .invalid }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    guard bytes.count >= length else { return .incomplete }
    guard value >= least, let scalar = Unicode.Scalar(value) else { return .invalid }
    return .scalar(scalar, length: length)
  }

  private enum Kind { case columns(Int), mark, dropped, control(Unicode.Scalar), escaped }

  private static func kind(of scalar: Unicode.Scalar) -> Kind {
    let value = scalar.value
    switch value {
    case 0x20..<0x7F, 0x2500...0x259F, 0x2800...0x28FF: return .columns(1)
    case 0..<0x20: return .control(Unicode.Scalar(0x2400 + value) ?? "?")
    case 0x7F: return .control("\u{2421}")
    case 0x200C, 0x200D, 0xFE00...0xFE0F, 0xE0100...0xE01EF: return .dropped  // joiners, variants
    case 0x1160...0x11FF, 0xD7B0...0xD7FB: return .mark  // the later letters of a Hangul syllable
    default: break
    }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return .mark
    case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse,
      .surrogate:
      return .escaped
    default: return .columns(isWide(scalar) ? 2 : 1)
    }
  }

  /// Whether terminals give `scalar` two columns: East Asian Width W or F, as glibc has it.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    let value = scalar.value
    guard value >= 0x1100 else { return false }
    if let block = wide.first(where: { value <= $0.upperBound }), block.contains(value) {
      return true
    }
    let isFlagLetter = (0x1F1E6...0x1F1FF).contains(value)
    return scalar.properties.isEmojiPresentation && !isFlagLetter
  }

  /// Wide blocks in ascending order, but for the emoji, which Unicode's own property tells.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x3029, 0x302E...0x303E, 0x3041...0xA4C6,
    0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAD9, 0xFE10...0xFE19, 0xFE30...0xFE6B,
    0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18D08, 0x1AFF0...0x1B2FB, 0x1F200...0x1F320,
    0x1F3FB...0x1F3FF, 0x20000...0x3FFFD,
  ]

  private static func code(_ value: UInt32, _ prefix: String, _ digits: Int) -> String {
    let hex = String(value, radix: 16, uppercase: true)
    return "<\(prefix)\(String(repeating: "0", count: max(0, digits - hex.count)))\(hex)>"
  }
}
