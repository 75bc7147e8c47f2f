import Screen

extension Bench {
  /// What could stand at the place of the word before the cursor of row 23.
  func completions(for field: Field) -> [String] {
    CommandTable.completions(for: String(field.text[..<field.cursor])) { type in
      switch type {
      case .model: shelf.models
      case .recipe: shelf.recipes + ["again"]
      case .runs: shelf.runs
      case .pane: view.panes(self)
      case .focus: view.focuses
      case .head: allHeads
      default: []
      }
    }
  }

  private var allHeads: [String] {
    guard let model else { return [] }
    return (0..<model.layers).flatMap { layer in
      (0..<model.layout.heads).map { HeadReference(layer: layer, head: $0).description }
    }
  }
}
