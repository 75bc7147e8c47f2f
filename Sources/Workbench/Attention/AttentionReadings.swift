// What conditions and `say` can ask of the attention and of the prediction.

import Files
import Inspection

extension Bench {
  /// A reading about attention or the next token; nil for any other name.
  func attentionReading(
    _ name: String, at head: HeadReference?, _ indices: [ReadingIndex]
  ) throws(Failure) -> ReadingValue? {
    let about = ReadingTable.row(name)?.about
    guard about == "attention" || about == "prediction" else { return nil }
    guard let snapshot = presentAttention else {
      throw Failure("\(name): the attention is not known yet; wait idle")
    }
    if about == "prediction" { return try prediction(name, indices, snapshot) }
    switch name {
    case "cell":
      guard let picture else { return nil }
      let cell = cell(in: picture)
      return .number(picture.number(cell.row, cell.column).map(Double.init) ?? -.infinity)
    case "row", "column":
      let cell = picture.map(cell) ?? settings.cursor
      return .number(Double(name == "row" ? cell.row : cell.column))
    default: break
    }
    let head = head ?? settings.head
    guard head.layer < snapshot.layers, head.head < snapshot.layout.heads else {
      throw Failure("\(name)@\(head): this model has no such head", code: 64)
    }
    guard let first = indices.first else {
      guard name == "rowsum" else { throw Failure("\(name): give a row in brackets", code: 64) }
      return .list(of: snapshot.ids.indices.map { rowSum(snapshot, head, $0) })
    }
    let row = try place(first, of: snapshot.ids.count, from: 0, name)
    return try reading(name, snapshot, head, row, indices.dropFirst().first)
  }

  private func rowSum(_ snapshot: AttentionSnapshot, _ head: HeadReference, _ row: Int) -> Double {
    snapshot.ledger(layer: head.layer, head: head.head, row: row, column: row).rowSum
  }

  /// A number of a row, or what of the row the mask lets through.
  private func reading(
    _ name: String, _ snapshot: AttentionSnapshot, _ head: HeadReference, _ row: Int,
    _ column: ReadingIndex?
  ) throws(Failure) -> ReadingValue? {
    let numbers: [Double?]
    switch (name, AttentionStage(rawValue: name)) {
    case ("rowsum", _): return .number(rowSum(snapshot, head, row))
    case ("share", _):
      let seen = snapshot.seen(by: row, layer: head.layer)
      numbers = snapshot.ids.indices.map { column in
        seen.contains(column)
          ? snapshot.ledger(layer: head.layer, head: head.head, row: row, column: column).share
          : nil
      }
    case (_, .some(let stage)):
      numbers = AttentionPicture(snapshot: snapshot, head: head, stage: stage).row(row)
        .map { $0.map(Double.init) }
    default: return nil
    }
    guard let column else {
      return .list(
        numbers.enumerated().compactMap { index, number in
          number.map { .init(.number(Double(index)), .number($0)) }
        })
    }
    let place = try place(column, of: numbers.count, from: 0, name)
    // What is masked is minus infinity before the softmax and nothing behind it.
    return .number(numbers[place] ?? (name == "masked" ? -.infinity : 0))
  }

  // MARK: - The next token

  private func prediction(
    _ name: String, _ indices: [ReadingIndex], _ snapshot: AttentionSnapshot
  ) throws(Failure) -> ReadingValue? {
    guard let index = indices.first else {
      return .list(
        try snapshot.likeliest(.max).enumerated().map { (rank, next) throws(Failure) in
          .init(.number(Double(rank + 1)), try value(name, next.id, snapshot))
        })
    }
    return try value(name, try token(index, snapshot, name), snapshot)
  }

  private func value(
    _ name: String, _ id: Int32, _ snapshot: AttentionSnapshot
  ) throws(Failure) -> ReadingValue {
    switch name {
    case "next": return word(id)
    case "logit": return .number(snapshot.next(id).logit)
    case "probability": return .number(snapshot.next(id).probability)
    default:
      guard let trained = trainedAttention else {
        throw Failure("\(name): the model without changes is not known yet; wait idle")
      }
      return .number(trained.next(id).probability)
    }
  }

  /// The token of a rank from 1, or of a text with or without the space before it.
  private func token(
    _ index: ReadingIndex, _ snapshot: AttentionSnapshot, _ name: String
  ) throws(Failure) -> Int32 {
    let order = snapshot.likeliest(.max).map(\.id)
    guard case .text(let text) = index else {
      return order[try place(index, of: order.count, from: 1, name)]
    }
    guard
      let id = order.first(where: { tokenName($0).utf8.elementsEqual(text.utf8) })
        ?? order.first(where: { tokenName($0).trimmed.utf8.elementsEqual(text.utf8) })
    else { throw Failure("\(name): \(quoted(text)) is not one token of this model", code: 64) }
    return id
  }
}
