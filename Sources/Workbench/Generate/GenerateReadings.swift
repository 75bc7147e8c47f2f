// What conditions can ask of the model, its text and the sampling laboratory.

import Files
import Generation

extension Bench {
  /// A reading about model, tokens or sampling; nil for any other name.
  func generateReading(
    _ name: String, _ indices: [ReadingIndex]
  ) throws(Failure) -> ReadingValue? {
    if let value = modelReading(name) { return .number(Double(value)) }
    switch name {
    case "tokens": return .number(Double(generate.ids.count))
    case "token", "id":
      let ids = generate.ids
      func value(_ id: Int32) -> ReadingValue {
        name == "id" ? .number(Double(id)) : word(id)
      }
      guard let index = indices.first else {
        return .list(ids.enumerated().map { .init(.number(Double($0)), value($1)) })
      }
      return value(ids[try place(index, of: ids.count, from: 0, name)])
    case "text": return .text(textSoFar.new)
    case "candidate":
      let candidates = try candidates(for: name)
      guard let index = indices.first else {
        return .list(
          candidates.enumerated().map {
            .init(.number(Double($0 + 1)), word($1.id))
          })
      }
      return word(candidates[try place(index, of: candidates.count, from: 1, name)].id)
    case "draw": return .number(generate.draw(settings))
    case "kept", "effective", "chosen":
      _ = try candidates(for: name)
      guard let table = generate.table else { return nil }
      let last = table.stage(.topP)
      switch name {
      case "kept": return .number(Double(last.kept))
      case "effective": return .number(last.effective)
      default: return word(table.choose(generate.draw(settings)))
      }
    default: return nil
    }
  }

  /// A token without the space that most words begin with, so that it can be compared to a word.
  func word(_ id: Int32) -> ReadingValue { .text(String(tokenName(id).trimmed)) }

  private func modelReading(_ name: String) -> Int? {
    guard let model else { return nil }
    return switch name {
    case "layers": model.layers
    case "heads": model.layout.heads
    case "key-heads": model.layout.keyHeads
    case "width": model.width
    case "head-width": model.layout.width
    case "vocabulary": model.vocabulary
    case "context": model.context
    case "parameters": model.parameters
    default: nil
    }
  }

  /// The place that an index means among `count`, counted from `first`; negative from the end.
  func place(
    _ index: ReadingIndex, of count: Int, from first: Int, _ name: String
  ) throws(Failure) -> Int {
    guard case .number(let number) = index else {
      throw Failure("\(name): its place is a number", code: 64)
    }
    let place = number < 0 ? count + number : number - first
    guard (0..<count).contains(place) else {
      throw Failure(
        "\(name)[\(number)]: there are \(first) to \(count - 1 + first)", code: 64)
    }
    return place
  }
}
