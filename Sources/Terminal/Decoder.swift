import Screen

/// The bytes that a terminal sends, as events.
///
/// It knows xterm, vt100, the Linux console and kin.
/// Our own, not ncurses's: it reads UTF-8 in any locale, and no byte of a paste is ever a key.
public struct Decoder {
  private var bytes: [UInt8] = []
  private var paste: [UInt8]?
  /// How much of the end of the paste the last bytes are.
  private var matched = 0

  /// The most bytes of a paste that are kept.
  public static let pasteLimit = 1 << 20

  public init() {}

  /// Milliseconds after which what has come so far is all there is; nil if nothing is begun.
  ///
  /// Esc is a key if nothing follows at once; a paste whose end was lost must not eat all keys.
  public var patience: Int? { paste != nil ? 1000 : bytes.isEmpty ? nil : 25 }

  public mutating func feed(_ new: some Sequence<UInt8>) -> [Event] {
    var events: [Event] = []
    for byte in new {
      if paste != nil {
        if let event = collect(byte) { events.append(event) }
      } else {
        bytes.append(byte)
        events += parse(isLast: false)
      }
    }
    return events
  }

  /// Takes what has come so far as complete.
  public mutating func flush() -> [Event] {
    if let text = paste {
      (paste, matched) = (nil, 0)
      return [.paste(Glyphs.decode(text))]
    }
    return parse(isLast: true)
  }

  private static let pasteEnd = Array("\u{1B}[201~".utf8)

  private mutating func collect(_ byte: UInt8) -> Event? {
    // Esc is only the first byte of the end, so a failed match begins anew at once.
    matched = byte == Decoder.pasteEnd[matched] ? matched + 1 : byte == 0x1B ? 1 : 0
    if paste?.count ?? 0 < Decoder.pasteLimit { paste?.append(byte) }
    guard matched == Decoder.pasteEnd.count, var text = paste else { return nil }
    if text.suffix(6) == Decoder.pasteEnd[...] { text.removeLast(6) }
    (paste, matched) = (nil, 0)
    return .paste(Glyphs.decode(text))
  }

  /// What one look at the bytes gave: an event or none, and how many bytes it took.
  private enum Step { case took(Int, Event?), startsPaste(Int), needsMore }

  private mutating func parse(isLast: Bool) -> [Event] {
    var (events, rest) = ([Event](), bytes[...])
    loop: while let first = rest.first {
      switch first == 0x1B ? escape(rest) : key(rest) {
      case .took(let count, let event):
        if let event { events.append(event) }
        rest = rest.dropFirst(count)
      case .startsPaste(let count):
        paste = []
        rest = rest.dropFirst(count)
      case .needsMore:
        guard isLast else { break loop }
        events.append(.key(first == 0x1B ? .escape : .character("\u{FFFD}")))
        rest = rest.dropFirst()
      }
    }
    bytes = Array(rest)
    return events
  }

  private func key(_ rest: ArraySlice<UInt8>) -> Step {
    guard let first = rest.first else { return .needsMore }
    switch first {
    case 0x0D: return .took(1, .key(.enter))
    case 0x09: return .took(1, .key(.tab))
    case 0x08, 0x7F: return .took(1, .key(.backspace))
    case 0x01...0x1A:
      return .took(1, .key(.control(Character(Unicode.Scalar(first + 0x60)))))
    case 0x00..<0x20: return .took(1, nil)
    default: break
    }
    switch Glyphs.scalar(in: rest) {
    case .scalar(let scalar, let length):
      return .took(length, .key(.character(Character(scalar))))
    case .incomplete: return .needsMore
    case .invalid: return .took(1, .key(.character("\u{FFFD}")))
    }
  }

  private func escape(_ rest: ArraySlice<UInt8>) -> Step {
    let tail = Array(rest.dropFirst().prefix(40))
    guard let kind = tail.first else { return .needsMore }
    switch kind {
    case UInt8(ascii: "["): return sequence(tail)
    case UInt8(ascii: "O"):
      guard tail.count > 1 else { return .needsMore }
      return .took(3, Decoder.letters[tail[1]].map { .key($0) })
    case 0x09: return .took(2, .key(.backTab))  // the Linux console
    default: return .took(1, .key(.escape))
    }
  }

  /// `tail` begins with "[": parameters, then one byte that says what it is.
  private func sequence(_ tail: [UInt8]) -> Step {
    let parameters = tail.dropFirst().prefix { (0x20...0x3F).contains($0) }
    guard let end = tail.dropFirst(1 + parameters.count).first else {
      return tail.count < 40 ? .needsMore : .took(41, nil)
    }
    let length = parameters.count + 3
    let text = String(decoding: parameters, as: UTF8.self)
    let numbers = text.drop { $0 == "<" }.split(separator: ";").map { Int($0) ?? 0 }
    switch end {
    case UInt8(ascii: "["):  // F1 to F5 of the Linux console
      guard tail.count > 2 else { return .needsMore }
      let number = Int(tail[2]) - 0x40
      return .took(4, (1...5).contains(number) ? .key(.function(number)) : nil)
    case UInt8(ascii: "M") where parameters.isEmpty:  // the mouse of old terminals
      guard tail.count > 4 else { return .needsMore }
      let at = tail[2...4].map { Int($0) - 32 }
      return .took(6, mouse(at[0], Position(at[1] == 0 ? 0 : at[2] - 1, at[1] - 1)))
    case UInt8(ascii: "M") where text.hasPrefix("<") && numbers.count == 3:
      return .took(length, mouse(numbers[0], Position(numbers[2] - 1, numbers[1] - 1)))
    case UInt8(ascii: "~"):
      if numbers.first == 200 { return .startsPaste(length) }
      return .took(length, numbers.first.flatMap { Decoder.numbers[$0] }.map { .key($0) })
    default: return .took(length, Decoder.letters[end].map { .key($0) })
    }
  }

  private func mouse(_ button: Int, _ at: Position) -> Event? {
    guard (0..<10_000).contains(at.row), (0..<10_000).contains(at.column) else { return nil }
    switch button {
    case 0: return .click(at)
    case 64, 65: return .wheel(up: button == 64, at)
    default: return nil
    }
  }

  private static let letters: [UInt8: Key] = Dictionary(
    uniqueKeysWithValues: [
      ("A", .up), ("B", .down), ("C", .right), ("D", .left), ("H", .home), ("F", .end),
      ("Z", .backTab), ("M", .enter), ("P", .function(1)), ("Q", .function(2)),
      ("R", .function(3)), ("S", .function(4)),
    ].map { (UInt8(ascii: $0), $1) })

  private static let numbers: [Int: Key] = [
    1: .home, 2: .insert, 3: .delete, 4: .end, 5: .pageUp, 6: .pageDown, 7: .home, 8: .end,
    11: .function(1), 12: .function(2), 13: .function(3), 14: .function(4), 15: .function(5),
    17: .function(6), 18: .function(7), 19: .function(8), 20: .function(9), 21: .function(10),
    23: .function(11), 24: .function(12),
  ]
}
