extension JSON {
  /// Parses JSON text (RFC 8259, UTF-8); every error names `path`, line and column.
  ///
  /// A byte order mark is skipped; an integer beyond 64 bits becomes a double. Refused: nesting
  /// beyond 256, numbers beyond a double, repeated keys, lone surrogates, invalid UTF-8.
  public static func parse(_ bytes: [UInt8], from path: String) throws(Failure) -> JSON {
    try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) in
      var parser = JSONParser(bytes: buffer, path: path)
      return try parser.document()
    }
  }
}

/// A recursive-descent parser over bytes.
///
/// Foundation's `JSONDecoder` is safe on hostile input too, but it was measured to keep one of two
/// equal keys in silence, turn -0.0 into 0 and 1.0 into 1, name no place in most errors, and take
/// five times as long for a tokenizer's 150,000 members.
private struct JSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  let path: String
  var position = 0
  var depth = 0

  init(bytes: UnsafeBufferPointer<UInt8>, path: String) {
    self.bytes = bytes
    self.path = path
  }

  /// The byte at the position; 0, which no token has, at the end.
  var next: UInt8 { position < bytes.count ? bytes[position] : 0 }

  mutating func document() throws(Failure) -> JSON {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw failure("text after the value") }
    return value
  }

  mutating func value() throws(Failure) -> JSON {
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try nested { (self) throws(Failure) in try self.object() }
    case UInt8(ascii: "["): return try nested { (self) throws(Failure) in try self.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), 0x30...0x39: return try number()
    default: throw failure(position < bytes.count ? "no value" : "the text ends too early")
    }
  }

  mutating func nested(
    _ read: (inout JSONParser) throws(Failure) -> JSON
  ) throws(Failure) -> JSON {
    depth += 1
    guard depth <= 256 else { throw failure("nested more than 256 deep") }
    position += 1
    let value = try read(&self)
    depth -= 1
    return value
  }

  mutating func object() throws(Failure) -> JSON {
    var members: [String: JSON] = [:]
    if accept("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("no key in quotes") }
      let start = position
      let key = try string()
      guard accept(":") else { throw failure("no colon after a key") }
      let value = try value()
      guard members.updateValue(value, forKey: key) == nil else {
        position = start
        throw failure("the key \(quoted(key)) is there twice")
      }
    } while accept(",")
    guard accept("}") else { throw failure("no comma or } after a member") }
    return .object(members)
  }

  mutating func array() throws(Failure) -> JSON {
    var elements: [JSON] = []
    if accept("]") { return .array(elements) }
    repeat { elements.append(try value()) } while accept(",")
    guard accept("]") else { throw failure("no comma or ] after an element") }
    return .array(elements)
  }

  mutating func string() throws(Failure) -> String {
    position += 1
    var text: [UInt8] = []
    var start = position
    while true {
      guard position < bytes.count else { throw failure("a string without an end") }
      switch bytes[position] {
      case UInt8(ascii: "\""):
        text += bytes[start..<position]
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("a string that is not UTF-8")
        }
        position += 1
        return string
      case UInt8(ascii: "\\"):
        text += bytes[start..<position]
        text += UTF8.encode(try escape())?.map { $0 } ?? []
        start = position
      case 0..<0x20: throw failure("a control byte in a string")
      default: position += 1
      }
    }
  }

  mutating func escape() throws(Failure) -> Unicode.Scalar {
    position += 1
    guard position < bytes.count else { throw failure("a string without an end") }
    position += 1
    switch bytes[position - 1] {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let high = try codeUnit()
      if let scalar = Unicode.Scalar(high) { return scalar }
      if high < 0xDC00, next == UInt8(ascii: "\\"), position + 1 < bytes.count,
        bytes[position + 1] == UInt8(ascii: "u")
      {
        position += 2
        let low = try codeUnit()
        if 0xDC00...0xDFFF ~= low,
          let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
        {
          return scalar
        }
      }
      throw failure("half of a surrogate pair")
    default: throw failure("an unknown escape")
    }
  }

  mutating func codeUnit() throws(Failure) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(next)).hexDigitValue else {
        throw failure("\\u without four hexadecimal digits")
      }
      value = value << 4 + UInt32(digit)
      position += 1
    }
    return value
  }

  mutating func number() throws(Failure) -> JSON {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    let first = next
    let whole = digits()
    guard whole > 0, whole == 1 || first != 0x30 else { throw failure("an ill-formed number") }
    var isInteger = true
    if next == UInt8(ascii: ".") {
      position += 1
      isInteger = false
      guard digits() > 0 else { throw failure("an ill-formed number") }
    }
    if next | 0x20 == UInt8(ascii: "e") {
      position += 1
      isInteger = false
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      guard digits() > 0 else { throw failure("an ill-formed number") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .int(value) }
    guard let value = Double(text), value.isFinite else {
      position = start
      throw failure("a number beyond what a double holds")
    }
    return .double(value)
  }

  mutating func digits() -> Int {
    let start = position
    while 0x30...0x39 ~= next { position += 1 }
    return position - start
  }

  mutating func literal(_ text: StaticString, _ value: JSON) throws(Failure) -> JSON {
    let matches = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
    guard matches else { throw failure("no value") }
    position += text.utf8CodeUnitCount
    return value
  }

  mutating func skipSpace() {
    while next == 0x20 || next == 0x0A || next == 0x0D || next == 0x09 { position += 1 }
  }

  mutating func accept(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character), position < bytes.count else { return false }
    position += 1
    return true
  }

  func failure(_ problem: String) -> Failure {
    let before = bytes[..<min(position, bytes.count)]
    let line = before.count { $0 == 0x0A } + 1
    let column = before.count - (before.lastIndex(of: 0x0A) ?? -1)
    return Failure("\(visible(path)): not valid JSON at line \(line), column \(column): \(problem)")
  }
}
