/// Reading UTF-8 from bytes that may not be UTF-8.
enum UTF8Reader {
  /// The character that starts at an offset and its length, nil where no valid one starts.
  static func scalar(in bytes: [UInt8], at i: Int) -> (scalar: Unicode.Scalar, length: Int)? {
    let lead = bytes[i]
    if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
    let length = sequenceLength(lead)
    guard length > 1, i + length <= bytes.count else { return nil }
    var value = UInt32(lead) & (0x7F >> UInt32(length))
    for byte in bytes[(i + 1)..<(i + length)] {
      guard byte & 0xC0 == 0x80 else { return nil }
      value = value << 6 | UInt32(byte & 0x3F)
    }
    // Overlong forms; surrogates and values beyond U+10FFFF are refused by Unicode.Scalar.
    let least: [UInt32] = [0, 0, 0x80, 0x800, 0x10000]
    guard value >= least[length], let scalar = Unicode.Scalar(value) else { return nil }
    return (scalar, length)
  }

  /// The number of bytes (0 to 3) at the end that may be the start of a character.
  static func incompleteTail(of bytes: [UInt8]) -> Int {
    // A lead byte always ends what stood before it, so cutting in front of one is safe.
    for length in 1..<4 where length <= bytes.count {
      let byte = bytes[bytes.count - length]
      if byte & 0xC0 == 0x80 { continue }
      return sequenceLength(byte) > length ? length : 0
    }
    return 0
  }

  /// The length of the sequence that a lead byte opens, 0 for a byte that opens none.
  private static func sequenceLength(_ lead: UInt8) -> Int {
    switch lead {
    case 0x00..<0x80: 1
    case 0xC2..<0xE0: 2
    case 0xE0..<0xF0: 3
    case 0xF0..<0xF5: 4
    default: 0
    }
  }

  /// Two hexadecimal digits.
  static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
  }
}
