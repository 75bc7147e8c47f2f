/// Text that is safe to show: what could move a cursor or disguise a name becomes a visible symbol.
///
/// C0 control bytes become ␀…␟, DEL ␡, and C1 controls, line separators, invisible and
/// bidirectional format characters `<U+XXXX>`. Everything else stays as it is.
public func visible(_ text: some StringProtocol) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    switch (scalar.value, scalar.properties.generalCategory) {
    case (0..<0x20, _): result.append(Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}")
    case (0x7F, _): result.append("\u{2421}")
    case (0x200D, _): result.append(scalar)  // the joiner holds emoji and Indic letters together
    case (_, .control), (_, .format), (_, .lineSeparator), (_, .paragraphSeparator):
      let digits = String(scalar.value, radix: 16, uppercase: true)
      let padding = String(repeating: "0", count: max(0, 4 - digits.count))
      result.append(contentsOf: "<U+\(padding)\(digits)>".unicodeScalars)
    default: result.append(scalar)
    }
  }
  return String(result)
}

/// A name from a file for a message: visible, in quotes, and cut after 100 scalars.
public func quoted(_ name: String) -> String {
  let start = name.unicodeScalars.prefix(100)
  return "\"\(visible(Substring(start)))\(start.endIndex == name.endIndex ? "" : "…")\""
}
