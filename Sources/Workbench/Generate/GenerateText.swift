// Texts of the sampling laboratory as they are read.

import Generation
import Screen
import Text

extension Bench {
  /// A token as it is read: bytes that are no character, or not yet, as `<C3>`.
  func tokenName(_ id: Int32) -> String {
    guard let tokenizer = model?.tokenizer else { return String(id) }
    return tokenizer.specialName(of: id) ?? Glyphs.decode(tokenizer.bytes(of: id))
  }

  /// Prompt and new text; of a long one the end, which begins at the same place for a while.
  var textSoFar: (given: String, new: String) {
    let (ids, given) = (generate.ids, generate.prompt.count)
    let start = max(0, (ids.count - 2048) / 512 * 512)
    let bytes = ids[start...].map(tokenBytes)
    var end = bytes.prefix(max(0, given - start)).reduce(0) { $0 + $1.count }
    let all = bytes.flatMap { $0 }
    // A character that the prompt began and the text ended is one.
    while end > 0, end < all.count, all[end] & 0xC0 == 0x80 { end += 1 }
    let cut = start > 0 ? "..." : ""
    return (cut + Glyphs.decode(Array(all[..<end])), Glyphs.decode(Array(all[end...])))
  }

  /// The bytes of a token; a special one stands there by its name.
  private func tokenBytes(_ id: Int32) -> [UInt8] {
    guard let tokenizer = model?.tokenizer else { return Array("\(id) ".utf8) }
    let bytes = tokenizer.bytes(of: id)
    return bytes.isEmpty ? Array((tokenizer.specialName(of: id) ?? "").utf8) : bytes
  }

  /// Why the view has nothing to show yet.
  var whyNoScores: String {
    guard let model else { return "No model is open: type :model and a name." }
    guard model.tokenizer != nil else { return "This model has no tokenizer, so no prompt either." }
    return generate.prompt.isEmpty
      ? "The prompt is empty: i types one." : "Scores are on their way."
  }

  // MARK: - Takes

  /// The number of a take; a star marks the present one.
  func takeLabel(_ take: Int) -> String {
    "\(take + 1)" + (take == generate.current ? "*" : " ")
  }

  /// How many new tokens another take has in common with the present one.
  func takeNote(_ take: Int) -> String? {
    guard take != generate.current else {
      let rest = generate.takes[take].count - generate.count
      return rest > 0 ? "\(rest) taken back" : nil
    }
    let common = zip(generate.takes[take], generate.text).prefix { $0 == $1 }.count
    return "\(common) in common"
  }

  /// The end of a take with its prompt, in so many columns; a `_` stands where one goes on.
  func takeTail(_ take: Int, width: Int) -> String {
    let isHere = take == generate.current
    let ids = generate.prompt + (isHere ? Array(generate.text) : generate.takes[take])
    let text = Glyphs.decode(ids.suffix(max(0, width)).flatMap(tokenBytes)) + (isHere ? "_" : "")
    let glyphs = Glyphs.split(text)
    var (used, kept) = (0, glyphs.count)
    while kept > 0, used + glyphs[kept - 1].width <= width {
      kept -= 1
      used += glyphs[kept].width
    }
    guard kept > 0 || ids.count > width else { return text }
    return "..." + glyphs[min(glyphs.count, kept + 3)...].map(\.text).joined()
  }
}

extension ModelFacts {
  /// The name without the folders before it, so that there is room beside it.
  var title: String { name.split(separator: "/").last.map(String.init) ?? name }
}

extension String {
  /// Without the spaces before it, unless it is nothing else.
  var trimmed: Substring {
    let rest = drop { $0 == " " }
    return rest.isEmpty ? self[...] : rest
  }
}
