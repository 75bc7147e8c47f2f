// Text of commands is bytes: a prompt may hold some that are no UTF-8. Swift's String cannot, so
// each such byte is one scalar of U+10FF00 + byte, at the very end of the private use planes. The
// bytes of a scalar that lies there by itself are kept the same way, so nothing is ambiguous.

import Files

extension String {
  /// Text that keeps every byte, also those that are no UTF-8; `bytes` gives them back.
  public init(bytes: [UInt8]) {
    let valid = String(validating: bytes, as: UTF8.self)
    if let valid, !valid.unicodeScalars.contains(where: { $0.keptByte != nil }) {
      self = valid
      return
    }
    var scalars = String.UnicodeScalarView()
    var rest = bytes[...]
    while let byte = rest.first {
      // Shorter stretches are tried first, so what is found is one scalar.
      let found = (1...Swift.min(4, rest.count)).lazy.compactMap {
        String(validating: rest.prefix($0), as: UTF8.self)?.unicodeScalars.first
      }.first
      if let found, found.keptByte == nil {
        scalars.append(found)
        rest = rest.dropFirst(found.utf8.count)
      } else {
        scalars.append(Unicode.Scalar(0x10FF00 + UInt32(byte)) ?? "\u{FFFD}")
        rest = rest.dropFirst()
      }
    }
    self = String(scalars)
  }

  /// The bytes that the text stands for: UTF-8, and bytes that are none.
  public var bytes: [UInt8] {
    if utf8.allSatisfy({ $0 < 0xF4 }) { return Array(utf8) }
    return unicodeScalars.flatMap(\.bytes)
  }

  /// The text as it stands in a command between quotes, safe to show; about `limit` columns of it.
  func quotedForm(limit: Int = .max) -> String {
    var (result, columns) = ("\"", 0)
    for scalar in unicodeScalars {
      guard columns < limit else { return result + "…\"" }
      let form = scalar.isPlain ? String(scalar) : scalar.escaped
      result += form
      columns += form.utf8.count
    }
    return result + "\""
  }

  /// Whether the text shows as it is, without quotes and escapes.
  var isPlain: Bool {
    unicodeScalars.allSatisfy { $0.isPlain || $0 == "\"" || $0 == "\\" }
  }
}

extension Unicode.Scalar {
  /// The byte that this scalar stands for in a text that is no UTF-8.
  fileprivate var keptByte: UInt8? {
    value >= 0x10FF80 ? UInt8(truncatingIfNeeded: value) : nil
  }

  fileprivate var bytes: [UInt8] { keptByte.map { [$0] } ?? Array(UTF8.encode(self) ?? .init()) }

  /// Whether it stands for itself between quotes: no quote, control, format or kept byte.
  fileprivate var isPlain: Bool {
    if value < 0x7F { return value >= 0x20 && self != "\"" && self != "\\" }
    return keptByte == nil && visible(String(self)).unicodeScalars.elementsEqual([self])
  }

  fileprivate var escaped: String {
    switch self {
    case "\"", "\\": "\\" + String(self)
    case "\n": "\\n"
    case "\t": "\\t"
    default: bytes.map { "\\x" + hexadecimal($0) }.joined()
    }
  }
}

private func hexadecimal(_ byte: UInt8) -> String {
  (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
}
