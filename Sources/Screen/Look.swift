/// How a cell is shown: colours of the xterm palette (-1 is the terminal's own) and stress.
public struct Style: Hashable, Sendable {
  public var foreground = -1
  public var background = -1
  public var flags: Flags = []
}

/// What meanings look like on one kind of terminal.
///
/// Looks swap glyphs and colours, never places.
public struct Look: Hashable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// 256 colours, braille and eighth blocks.
    case full
    /// The glyphs of CP437, and colour only for what must stand out.
    case console
    /// ASCII drawings.
    case plain
  }
  /// Plain wherever text must be ASCII.
  public var kind: Kind { didSet { if ascii { kind = .plain } } }
  /// Dark ink on a light ground.
  public var light: Bool
  public var colour: Bool
  /// Text in ASCII too: the locale is not UTF-8.
  public let ascii: Bool

  public init(_ kind: Kind, light: Bool = false, colour: Bool = true, ascii: Bool = false) {
    self.kind = ascii ? .plain : kind
    (self.light, self.colour, self.ascii) = (light, colour, ascii)
  }

  public static let full = Look(.full)
  public static let console = Look(.console)
  public static let plain = Look(.plain, colour: false)

  public func with(colour: Bool) -> Look {
    Look(kind, light: light, colour: colour, ascii: ascii)
  }

  /// Whether sizes are shown by colours, not by glyphs.
  public var shadesByColour: Bool { kind == .full && colour }

  // MARK: Glyphs

  /// The glyph of a cell that is all shade: its ground where there is colour, else a density.
  public static let shading = "▒"

  /// What stands at the place of `cell`: its glyph, or another of the same width.
  public func glyph(_ cell: Cell) -> String {
    var glyph = cell.glyph
    if case .halves(let upper, let lower) = cell.ink {
      guard shadesByColour else { return density(larger(upper, lower)) }
      return upper != .blank ? "▀" : lower != .blank ? "▄" : " "
    }
    if shadesByColour, cell.flags.contains(.standIn) { glyph = " " }
    if glyph == Look.shading, case .shade(let shade) = cell.ink {
      return shadesByColour ? " " : density(shade)
    }
    if kind != .full, let (console, plain) = Look.substitutes[glyph] {
      glyph = kind == .console ? console : plain
    } else if kind != .full, let scalar = glyph.unicodeScalars.first?.value {
      if (0x2800...0x28FF).contains(scalar) { glyph = dots(scalar, cell.ink) }
      if (0x2400...0x2421).contains(scalar) { glyph = "^" }
    }
    return ascii ? Look.ascii(glyph) : glyph
  }

  /// The glyph of a size where colour does not show it.
  private func density(_ shade: Shade) -> String {
    switch shade {
    case .blank: " "
    case .level(let level):
      (kind == .plain ? [".", ":", "+", "o", "#"] : ["·", "░", "▒", "▓", "█"])[
        max(0, min(4, level))]
    case .signed(let level):
      // Four sizes a side share three glyphs.
      ["=", "=", "-", ",", ".", ":", "+", "#", "#"][max(-4, min(4, level)) + 4]
    }
  }

  private func larger(_ a: Shade, _ b: Shade) -> Shade {
    func size(_ shade: Shade) -> Int {
      switch shade {
      case .blank: -1
      case .level(let level): level
      case .signed(let level): abs(level)
      }
    }
    return size(a) >= size(b) ? a : b
  }

  /// Braille dots as the mark of their curve.
  private func dots(_ scalar: UInt32, _ ink: Ink) -> String {
    switch ink {
    case .floor: "-"
    case _ where scalar == 0x2800: " "
    case .series(let k): Look.mark(of: k)
    default: "*"
    }
  }

  /// The mark of curve number k.
  public static func mark(of k: Int) -> String { ["*", "+", "o", "x"][((k % 4) + 4) % 4] }

  /// The drawing glyphs of the full look, and what the console and the plain look show instead.
  private static let substitutes: [String: (String, String)] = [
    "│": ("│", "|"), "─": ("─", "-"), "╌": ("─", "-"), "┌": ("┌", "+"), "┐": ("┐", "+"),
    "└": ("└", "+"), "┘": ("┘", "+"), "├": ("├", "+"), "┤": ("┤", "+"), "┬": ("┬", "+"),
    "┴": ("┴", "+"), "┼": ("┼", "+"), "▁": ("_", "_"), "▂": ("_", "_"), "▃": ("▄", "."),
    "▄": ("▄", "."), "▅": ("▄", "."), "▆": ("█", "#"), "▇": ("█", "#"), "█": ("█", "#"),
    "▌": ("▌", "."), "▀": ("▀", "\""), "▸": ("►", ">"), "▾": ("▼", "v"), "▴": ("▲", "^"),
    "·": ("·", "."), "–": ("-", "-"), "−": ("-", "-"), "…": (".", "."), "∞": ("∞", "!"),
    "␊": ("~", "~"), "×": ("x", "x"), "✓": ("√", "x"), "●": ("•", "o"), "━": ("═", "="),
    "┊": (":", ":"), "␣": ("_", "_"),
  ]

  private static func ascii(_ glyph: String) -> String {
    guard let scalar = glyph.unicodeScalars.first, scalar.value >= 0x80 else {
      return String(glyph.unicodeScalars.prefix(1))
    }
    if (0xC0...0xFF).contains(scalar.value) { return String(latin[Int(scalar.value) - 0xC0]) }
    return String(repeating: "?", count: max(1, Glyphs.width(glyph)))
  }

  /// U+00C0 to U+00FF without their marks.
  private static let latin = Array(
    "AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty")

  // MARK: Colours

  /// The colours and stress of `cell`.
  public func style(_ cell: Cell) -> Style {
    var style = Style(flags: cell.flags.subtracting(.standIn))
    switch cell.ink {
    case .cursor: style.flags.insert(.reverse)
    case .title, .overThreshold, .warning: style.flags.insert(.bold)
    default: break
    }
    guard colour else { return style }
    switch (kind, cell.ink) {
    case (.full, .shade(.blank)): break
    case (.full, .shade(let shade)):
      style.background = index(shade)
      style.foreground = Look.needsWhite.contains(style.background) ? 231 : 16
    case (.full, .halves(.blank, let lower)): style.foreground = index(lower)
    case (.full, .halves(let upper, let lower)):
      (style.foreground, style.background) = (index(upper), index(lower))
    case (.full, let ink): style.foreground = foreground(ink)
    case (_, .boundary): style.foreground = 3
    case (_, .warning): style.foreground = 1
    default: break
    }
    return style
  }

  private func index(_ shade: Shade) -> Int {
    switch shade {
    case .blank: return -1
    case .level(let level):
      let level = max(0, min(4, level))
      return [19, 25, 103, 217, 229][light ? 4 - level : level]
    case .signed(let level):
      let at = max(-4, min(4, level)) + 4
      return light
        ? [24, 31, 74, 153, 255, 222, 214, 172, 94][at]
        : [153, 110, 67, 24, 236, 94, 136, 179, 222][at]
    }
  }

  private static let needsWhite: Set<Int> = [19, 24, 25, 31, 94, 236]

  private func foreground(_ ink: Ink) -> Int {
    func pick(_ onDark: Int, _ onLight: Int) -> Int { light ? onLight : onDark }
    return switch ink {
    case .dim: pick(248, 240)
    case .frame: pick(244, 244)
    case .boundary, .overThreshold: pick(214, 130)
    case .floor: pick(250, 240)
    case .warning: pick(203, 160)
    case .good: pick(114, 28)
    case .token(let k): pick([153, 222, 151, 182][k & 3], [24, 94, 22, 90][k & 3])
    case .series(let k): pick([75, 214, 114, 177][k & 3], [25, 130, 28, 127][k & 3])
    default: -1
    }
  }
}
