/// One line of text to edit, with history and completion.
public struct Field: Widget {
  /// What a key did; what a field cannot do itself its owner does.
  public enum Outcome: Equatable, Sendable {
    case edited, submitted(String), cancelled, ignored
    /// Tab: the owner calls `complete(with:)`.
    case wantsCompletion
  }

  public var prompt: String
  public private(set) var text: [Character]
  /// Characters before the cursor.
  public private(set) var cursor: Int
  /// What was entered before, oldest first.
  public var history: [String]
  /// Words that could stand before the cursor, and the one that does.
  public private(set) var candidates: [String] = []
  private var candidate = 0
  private var place: Int?
  private var draft: [Character] = []
  /// What ^R looks for, nil when it looks for nothing.
  public private(set) var search: String?

  /// The most characters that a field takes; more of a paste is left out.
  public static let limit = 65_536

  public init(prompt: String = ":", _ text: String = "", history: [String] = []) {
    (self.prompt, self.history) = (prompt, history)
    self.text = Array(text.prefix(Field.limit))
    cursor = self.text.count
  }

  /// Puts text in at the cursor, as typed or pasted.
  public mutating func insert(_ new: String) {
    let new = Array(new.prefix(Field.limit - text.count))
    text.insert(contentsOf: new, at: cursor)
    cursor += new.count
    candidates = []
  }

  public mutating func handle(_ key: Key) -> Outcome {
    if search != nil, let outcome = find(key) { return outcome }
    if key != .tab, key != .backTab { candidates = [] }
    switch key {
    case .enter: return .submitted(String(text))
    case .escape: return .cancelled
    case .tab where candidates.isEmpty: return .wantsCompletion
    case .tab: choose(candidate + 1)
    case .backTab where !candidates.isEmpty: choose(candidate - 1)
    case .character(let character): insert(String(character))
    case .control("j"): insert("\n")
    case .left: cursor = max(0, cursor - 1)
    case .right: cursor = min(text.count, cursor + 1)
    case .home, .control("a"): cursor = 0
    case .end, .control("e"): cursor = text.count
    case .up: recall(-1)
    case .down: recall(1)
    case .backspace, .control("h"): remove(cursor - 1..<cursor)
    case .delete: remove(cursor..<cursor + 1)
    case .control("u"): remove(0..<cursor)
    case .control("k"): remove(cursor..<text.count)
    case .control("w"):
      let spaces = text[..<cursor].reversed().prefix { $0 == " " }.count
      let letters = text[..<(cursor - spaces)].reversed().prefix { $0 != " " }.count
      remove(cursor - spaces - letters..<cursor)
    case .control("r"): search = ""
    default: return .ignored
    }
    return .edited
  }

  private mutating func remove(_ range: Range<Int>) {
    let range = range.clamped(to: 0..<text.count)
    text.removeSubrange(range)
    if !range.isEmpty { cursor = range.lowerBound }
  }

  private mutating func replace(with new: String) {
    text = Array(new.prefix(Field.limit))
    cursor = text.count
  }

  // MARK: History

  /// Goes back or on in the history; beyond its end is what was being typed.
  private mutating func recall(_ step: Int) {
    if place == nil { draft = text }
    let next = (place ?? history.count) + step
    guard next >= 0, next <= history.count else { return }
    place = next == history.count ? nil : next
    replace(with: next == history.count ? String(draft) : history[next])
  }

  /// A key while ^R searches: letters narrow, ^R goes to an older line, the rest ends the search.
  private mutating func find(_ key: Key) -> Outcome? {
    guard var words = search else { return nil }
    var before = history.count
    switch key {
    case .character(let character): words.append(character)
    case .backspace: _ = words.popLast()
    case .control("r"): before = place ?? history.count
    default:
      search = nil
      return key == .escape ? .edited : nil
    }
    search = words
    let older = history[..<before].lastIndex { line in
      words.isEmpty || line.indices.contains { line[$0...].hasPrefix(words) }
    }
    if let older {
      place = older
      replace(with: history[older])
    }
    return .edited
  }

  // MARK: Completion

  /// Offers words for the one before the cursor: what they share goes in, then Tab takes each.
  public mutating func complete(with words: [String]) {
    guard let first = words.first else { return }
    if words.count == 1 {
      // Something is to follow without a space behind a key, a function or a folder.
      replaceWord(with: first + (first.last.map { "=(/".contains($0) } ?? false ? "" : " "))
      return
    }
    let shared = words.dropFirst().reduce(first) {
      String(zip($0, $1).prefix { $0 == $1 }.map(\.0))
    }
    if shared.count > word.count { replaceWord(with: shared) }
    (candidates, candidate) = (words, -1)
  }

  /// The word before the cursor, which completion would replace.
  public var word: String {
    String(text[..<cursor].reversed().prefix { $0 != " " }.reversed())
  }

  private mutating func replaceWord(with new: String) {
    let words = candidates
    remove(cursor - word.count..<cursor)
    insert(new)
    candidates = words
  }

  private mutating func choose(_ next: Int) {
    candidate = (next + candidates.count) % candidates.count
    replaceWord(with: candidates[candidate])
  }

  // MARK: Drawing

  /// Draws the field into the last line of `area`, and the candidates above it.
  public func draw(on canvas: inout Canvas, in area: Rect) {
    let (above, line) = area.split(bottom: 1)
    let label = search.map { "search \"\($0)\": " } ?? prompt
    let left = min(Glyphs.width(label), line.width / 2)
    canvas.write(Glyphs.fit(label, left), in: line, .title)
    let room = line.split(left: left).1
    // Enough of the text before the cursor that the cursor is in sight.
    var (start, width) = (cursor, 0)
    while start > 0 {
      let next = Glyphs.width(String(text[start - 1]))
      guard width + next < room.width else { break }
      width += next
      start -= 1
    }
    canvas.write(String(text[start...].prefix(max(0, room.width * 2))), in: room)
    if !room.isEmpty {
      canvas.cursor = Position(room.row, room.column + min(width, room.width - 1))
    }
    let list = candidates.prefix(above.height)
    for (row, word) in list.enumerated() {
      let line = above.line(above.height - list.count + row)
      canvas.fill(line)
      let width = (list.map { Glyphs.width($0) }.max() ?? 0) + 2
      canvas.write(
        Glyphs.fit(" " + word, width), in: line, column: left, .text,
        row == candidate ? [.reverse] : [])
    }
  }
}
