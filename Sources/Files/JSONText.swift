extension JSON {
  /// The value as JSON text: keys sorted by their bytes, numbers that read back to the same bits.
  ///
  /// `pretty` puts each member on its own line, two spaces a level, as `json.dumps(indent=2)`.
  /// JSON has no NaN or infinity: those are written as null.
  public func text(pretty: Bool = false) -> String {
    var text = ""
    write(to: &text, newline: pretty ? "\n" : nil)
    return text
  }

  private func write(to text: inout String, newline: String?) {
    let inner = newline.map { $0 + "  " }
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .int(let value): text += String(value)
    case .double(let value): text += value.isFinite ? value.description : "null"
    case .string(let value): JSON.quote(value, to: &text)
    case .array(let elements):
      text += "["
      for (index, element) in elements.enumerated() {
        text += (index > 0 ? "," : "") + (inner ?? "")
        element.write(to: &text, newline: inner)
      }
      text += (elements.isEmpty ? "" : newline ?? "") + "]"
    case .object(let members):
      text += "{"
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (index, member) in sorted.enumerated() {
        text += (index > 0 ? "," : "") + (inner ?? "")
        JSON.quote(member.key, to: &text)
        text += newline == nil ? ":" : ": "
        member.value.write(to: &text, newline: inner)
      }
      text += (members.isEmpty ? "" : newline ?? "") + "}"
    }
  }

  private static func quote(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{8}": text += "\\b"
      case "\u{C}": text += "\\f"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
