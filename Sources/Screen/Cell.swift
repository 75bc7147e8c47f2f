/// What a cell of a coloured map stands for: nothing, a size, or a signed size.
public enum Shade: Hashable, Sendable {
  case blank
  /// 0...4 of the sequential scale.
  case level(Int)
  /// -4...4 of the signed scale.
  case signed(Int)

  /// The level of a share between 0 and 1: limits 4, 16, 36 and 64 %, equal steps of its root.
  public static func share(_ value: Double) -> Shade {
    value.isNaN ? .blank : .level([0.04, 0.16, 0.36, 0.64].count { value >= $0 })
  }

  /// The signed level of `value` on a map whose largest size is `largest`.
  public static func signed(_ value: Double, of largest: Double) -> Shade {
    guard !value.isNaN else { return .blank }
    let tenths = tenths(value, of: largest)
    return .signed(Int((Double(tenths) * 0.4).rounded()))
  }

  /// `value` in tenths of `largest`, -10...10; infinities are at the ends.
  static func tenths(_ value: Double, of largest: Double) -> Int {
    let share = value.isInfinite ? (value < 0 ? -1 : 1) : value / largest
    return share.isFinite ? Int((max(-1, min(1, share)) * 10).rounded()) : 0
  }
}

/// What a cell means.
///
/// A `Look` says which colours and glyphs show that.
public enum Ink: Hashable, Sendable {
  case text, dim, title, frame, cursor, boundary, overThreshold, floor, warning, good
  /// Token number k of a text, so that neighbours differ.
  case token(Int)
  /// Curve number k, which has a colour and a mark of its own.
  case series(Int)
  case shade(Shade)
  /// Two rows of a map in one cell.
  case halves(upper: Shade, lower: Shade)

  public static func level(_ level: Int) -> Ink { .shade(.level(level)) }
  public static func signed(_ level: Int) -> Ink { .shade(.signed(level)) }
  public static var masked: Ink { .shade(.blank) }
}

/// How a cell is stressed, beside its ink.
public struct Flags: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let bold = Flags(rawValue: 1)
  public static let underline = Flags(rawValue: 2)
  public static let reverse = Flags(rawValue: 4)
  /// The glyph only stands in for the colour: blank where colour speaks.
  public static let standIn = Flags(rawValue: 8)
}

/// One place on a canvas: a glyph, its meaning and its stress.
public struct Cell: Hashable, Sendable {
  /// A base scalar with its combining marks; empty in the right half of a wide glyph.
  public var glyph: String
  public var ink: Ink
  public var flags: Flags

  public init(_ glyph: String = " ", ink: Ink = .text, flags: Flags = []) {
    (self.glyph, self.ink, self.flags) = (glyph, ink, flags)
  }
}

/// A row and a column, from 0.
public struct Position: Hashable, Sendable {
  public var row, column: Int
  public init(_ row: Int, _ column: Int) { (self.row, self.column) = (row, column) }
}

/// A number of rows and columns.
public struct Size: Hashable, Sendable {
  public var rows, columns: Int
  public init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }
}

/// A rectangle of cells.
///
/// Splitting always gives parts inside it, however small it is.
public struct Rect: Hashable, Sendable {
  public let row, column, height, width: Int

  /// Sizes below 0 become 0; nothing is further away than 2^20 cells, so sums cannot overflow.
  public init(row: Int, column: Int, height: Int, width: Int) {
    let far = 1 << 20
    self.row = max(-far, min(far, row))
    self.column = max(-far, min(far, column))
    self.height = max(0, min(far, height))
    self.width = max(0, min(far, width))
  }

  public var isEmpty: Bool { height == 0 || width == 0 }
  public var end: Int { row + height }
  public var right: Int { column + width }

  /// The rectangle without its outermost cells.
  public var inner: Rect { inset(rows: 1, columns: 1) }

  public func inset(rows: Int, columns: Int) -> Rect {
    Rect(
      row: row + rows, column: column + columns, height: height - 2 * rows,
      width: width - 2 * columns)
  }

  public func contains(_ row: Int, _ column: Int) -> Bool {
    row >= self.row && row < end && column >= self.column && column < right
  }

  /// Line `index` of the rectangle; empty if there is none.
  public func line(_ index: Int) -> Rect {
    let inside = index >= 0 && index < height
    return Rect(
      row: row + (inside ? index : 0), column: column, height: inside ? 1 : 0, width: width)
  }

  /// The first `rows` rows and the rest.
  public func split(top rows: Int) -> (Rect, Rect) {
    let n = max(0, min(rows, height))
    return (
      Rect(row: row, column: column, height: n, width: width),
      Rect(row: row + n, column: column, height: height - n, width: width)
    )
  }

  /// The first `columns` columns and the rest.
  public func split(left columns: Int) -> (Rect, Rect) {
    let n = max(0, min(columns, width))
    return (
      Rect(row: row, column: column, height: height, width: n),
      Rect(row: row, column: column + n, height: height, width: width - n)
    )
  }

  /// All but the last `rows` rows, and these.
  public func split(bottom rows: Int) -> (Rect, Rect) {
    split(top: height - max(0, min(rows, height)))
  }

  /// All but the last `columns` columns, and these.
  public func split(right columns: Int) -> (Rect, Rect) {
    split(left: width - max(0, min(columns, width)))
  }
}
