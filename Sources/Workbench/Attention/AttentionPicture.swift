import Inspection
import Models

/// A stage of a head as numbers, or its difference to another state.
public struct AttentionPicture: Sendable, Equatable {
  public var snapshot: AttentionSnapshot
  public var head: HeadReference
  public var stage: AttentionStage
  /// What is taken off: the same stage and prompt.
  public var base: Base?

  public struct Base: Sendable, Equatable {
    public var snapshot: AttentionSnapshot
    public var head: HeadReference
    /// In a few words.
    public var name: String
  }

  public var rows: Int { snapshot.ids.count }
  public var columns: Int { snapshot.columns(stage) }

  /// Whether numbers lie on both sides of zero; weights lie between 0 and 1.
  var isSigned: Bool { stage != .weights || base != nil }

  /// The numbers of a row; nil where masked.
  func row(_ i: Int, columns: Range<Int>? = nil) -> [Float?] {
    let columns = columns ?? 0..<self.columns
    let own = Self.row(i, columns, of: snapshot, head, stage)
    guard let base else { return own }
    let other = Self.row(i, columns, of: base.snapshot, base.head, stage)
    return zip(own, other).map { a, b in
      // A weight that is masked is 0; other numbers have no difference to none.
      let isNone = stage == .weights ? a == nil && b == nil : a == nil || b == nil
      return isNone ? nil : (a ?? 0) - (b ?? 0)
    }
  }

  func number(_ row: Int, _ column: Int) -> Float? {
    self.row(row, columns: column..<column + 1)[0]
  }

  private static func row(
    _ i: Int, _ columns: Range<Int>, of snapshot: AttentionSnapshot, _ head: HeadReference,
    _ stage: AttentionStage
  ) -> [Float?] {
    let row = snapshot.row(stage, layer: head.layer, head: head.head, i, columns: columns)
    guard stage == .weights else { return row }
    let seen = snapshot.seen(by: i, layer: head.layer)
    return zip(columns, row).map { seen.contains($0) ? $1 : nil }
  }

  // MARK: - The whole map

  /// Whether the whole map is too much work for the thread that draws: over a millisecond or two.
  var isLarge: Bool {
    let products = rows * (stage.isMap ? rows * snapshot.layout.width / 2 : columns * 16)
    return products * (base == nil ? 1 : 2) > 4_000_000
  }

  /// The whole map: cell by cell, or in blocks small enough for any screen when it is long.
  package func survey() -> BlockMap {
    var block = 1
    while 512 * block < rows { block *= 2 }
    return BlockMap(block: block, rows: rows, columns: columns) { row($0) }
  }
}
