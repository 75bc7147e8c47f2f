import Glibc
import Screen
import TestSupport

let looks: [Look] = [.full, .console, .plain]
let sizes = [
  Size(rows: 20, columns: 48), Size(rows: 24, columns: 80), Size(rows: 40, columns: 120),
]

/// What `widget` draws into a canvas of this size.
func drawn(_ widget: some Widget, _ size: Size, _ look: Look) -> String {
  var canvas = Canvas(rows: size.rows, columns: size.columns)
  canvas.draw(widget, in: canvas.bounds)
  return canvas.text(look)
}

/// `picture` filled up with empty lines to `rows`, as a canvas of that height gives it.
func filled(_ picture: String, _ rows: Int) -> String {
  let lines = picture.split(separator: "\n", omittingEmptySubsequences: false).map { line in
    String(line.reversed().drop { $0 == " " }.reversed())
  }
  return (lines + Array(repeating: "", count: max(0, rows - lines.count))).joined(separator: "\n")
}

/// The picture of the plain look with the glyphs of another.
func translated(_ picture: String, _ glyphs: [Character: Character]) -> String {
  String(picture.map { glyphs[$0] ?? $0 })
}

/// Random text of all that must not break a screen.
func garbage(_ random: inout some RandomNumberGenerator, _ length: Int) -> String {
  let pieces = [
    "a", " ", "\n", "\0", "\u{1B}[2J", "\u{7F}", "\u{85}", "é",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}",
    "漢", "\u{1F600}", "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", "\u{202E}", "\u{2066}",
    "\u{FEFF}", "\u{0301}", "\u{1F1EE}\u{1F1F9}", "\u{1100}\u{1161}\u{11A8}", "\u{FFFF}", "\t",
    "\u{10FFFF}", "│", "⣿", "\u{FE0F}", "\u{E000}", "\r\n",
  ]
  return (0..<length).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
}

let hardNumbers: [Double] = [
  0, 1, -1, 0.5, 1e-9, 1e38, -1e38, .nan, .infinity, -.infinity, .greatestFiniteMagnitude,
  -.greatestFiniteMagnitude, .leastNonzeroMagnitude, -0.0, 3.7,
]
