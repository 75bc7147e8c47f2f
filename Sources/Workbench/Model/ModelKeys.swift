// What keys, clicks, the help and exports make of the Model view.

import Inspection
import Screen

extension ModelView {
  func footer(_ bench: Bench) -> [(keys: String, verb: String)] {
    if pane(bench) == "stages" {
      return [
        ("n/p", "stage"), ("arrows", "byte"), ("v", "weights, costs"), ("/", "find"),
        ("i", "text"), ("2", "threshold"), ("e", "export"),
      ]
    }
    let isTree = focus(bench) == "tree"
    return [
      ("up/down", isTree ? "part" : "cell"), ("Enter", "unfold, picture"), ("left", "group"),
      ("v", "picture"), ("Tab", isTree ? "weight" : "tree"), ("/", "find"), ("z", "zoom"),
    ]
  }

  func action(for key: Key, _ bench: Bench) -> Action? {
    guard let costs = bench.costs else { return nil }
    if pane(bench) == "stages" { return stagesAction(for: key, bench) }
    if focus(bench) == "weight", let action = cellAction(for: key, bench, costs) { return action }
    let here = bench.part(in: costs)
    let part = costs.parts[here]
    let shown = costs.visible(from: here)
    let line = shown.firstIndex(of: here) ?? 0
    func go(to line: Int) -> Action {
      bench.cursor(shown[max(0, min(shown.count - 1, line))], 0)
    }
    let page = max(1, bench.size.rows - 8)
    switch key {
    case .up, .character("k"): return go(to: line - 1)
    case .down, .character("j"): return go(to: line + 1)
    case .pageUp: return go(to: line - page)
    case .pageDown: return go(to: line + page)
    case .home: return go(to: 0)
    case .end: return go(to: shown.count - 1)
    case .left, .character("h"):
      return part.parent.map { bench.cursor($0, 0) } ?? .say("this is the whole model")
    case .right, .character("l"), .enter:
      if part.isGroup { return bench.cursor(here + 1, 0) }
      guard key == .enter else { return .say("a weight; Enter and v change its picture") }
      return .run(bench.set("pane", pane(bench) == "map" ? "histogram" : "map"))
    case .character("n"), .character("p"):
      return .say(
        bench.model?.blt == nil
          ? "this model has no stages to step through; 1 has those of attention"
          : "v goes back to the stages")
    case .character("z"), .character("Z"):
      let zoom = (bench.settings.zoom ?? 0) + (key == .character("z") ? 1 : -1)
      guard (0...3).contains(zoom) else { return .say("this is as far as it zooms") }
      return .run(bench.set("zoom", String(zoom)))
    default: return nil
    }
  }

  /// Keys that move in the map.
  private func cellAction(for key: Key, _ bench: Bench, _ costs: ModelCosts) -> Action? {
    let here = bench.part(in: costs)
    if key == .escape { return .run(bench.set("focus", "tree")) }
    guard let weight = bench.chosenWeight else { return nil }
    let columns = max(1, weight.columns)
    let now = min(weight.cells.count - 1, bench.settings.cursors[name]?.column ?? 0)
    let (row, column) = (now / columns, now % columns)
    func go(_ row: Int, _ column: Int) -> Action {
      let row = max(0, min(weight.rows - 1, row))
      return bench.cursor(here, row * columns + max(0, min(columns - 1, column)))
    }
    switch key {
    case .up, .character("k"): return go(row - 1, column)
    case .down, .character("j"): return go(row + 1, column)
    case .left, .character("h"): return go(row, column - 1)
    case .right, .character("l"): return go(row, column + 1)
    case .pageUp: return go(row - 16, column)
    case .pageDown: return go(row + 16, column)
    case .home: return go(row, 0)
    case .end: return go(row, columns - 1)
    default: return nil
    }
  }

  func click(at place: Position, in area: Rect, _ bench: Bench) -> Action? {
    guard let costs = bench.costs else { return nil }
    if pane(bench) == "stages" { return stagesClick(at: place, in: area, bench) }
    let layout = Layout(area)
    let here = bench.part(in: costs)
    let body = layout.tree.split(top: 1).1
    if body.contains(place.row, place.column) {
      let shown = costs.visible(from: here)
      var tree = Tree(shown.map { Tree.Line(0, .leaf, costs.parts[$0].name) })
      tree.cursor = shown.firstIndex(of: here)
      let line = tree.window(in: body).lowerBound + place.row - body.row
      return shown.indices.contains(line) ? bench.cursor(shown[line], 0) : nil
    }
    let picture = layout.facts.1
    guard let weight = bench.chosenWeight, picture.contains(place.row, place.column),
      self.picture(bench, layout) == "map"
    else { return nil }
    let map = map(of: weight, bench, in: picture)
    return map.cell(at: place, in: picture).map { cell in
      let row = cell.row * map.unit.rows / weight.blockRows
      let column = cell.column * map.unit.columns / weight.blockColumns
      return bench.cursor(here, row * weight.columns + column)
    }
  }

  func find(_ text: String, _ bench: Bench) -> Position? {
    guard let costs = bench.costs, !text.isEmpty else { return nil }
    if pane(bench) == "stages" { return findByte(text, bench) }
    let next = bench.part(in: costs) + 1
    let places = Array(costs.parts.indices)
    let found = (places.dropFirst(next) + places.prefix(next)).first {
      costs.parts[$0].path.contains(text)
    }
    return found.map { Position($0, 0) }
  }

  // MARK: - Help and export

  func explanation(_ bench: Bench) -> String {
    guard let costs = bench.costs else { return "no model is open" }
    if pane(bench) == "stages" { return stagesExplanation(bench) }
    let part = costs.parts[bench.part(in: costs)]
    if let weight = bench.chosenWeight, focus(bench) == "weight" {
      return "\(part.path), \(value(bench, weight))"
    }
    let name = part.path.isEmpty ? part.name : part.path
    return "\(name): \(part.shape.map(ModelView.sizes) ?? "a group of parts"), "
      + "\(Numbers.grouped(part.parameters)) numbers, "
      + "\(ModelView.percent(part.flops, of: costs.parts[0].flops)) of the compute"
  }

  func elements(_ bench: Bench) -> [(name: String, meaning: String)] {
    if pane(bench) == "stages" { return stagesElements }
    return [
      ("part", "what the model is made of, by the names in its file"),
      ("shape", "rows x columns of a weight"),
      ("numbers", "how many were learned, in a group all of them"),
      ("compute", "share of the operations for the last token of the prompt, or a byte of a BLT"),
      ("FLOP", "one multiplication or addition: a matrix takes two for each of its numbers"),
      ("q.k w.v", "queries times keys, weights times values: grows with the prompt"),
      ("hides", "the share of all pairs of tokens that a mask hides"),
      ("skips", "the share of blocks of 16 x 16 pairs that are never computed"),
      ("map", "every number by sign and size; large weights in blocks, by their largest"),
      ("std", "the standard deviation: how far numbers lie from their mean"),
    ]
  }

  func data(_ bench: Bench) -> Table? {
    guard let costs = bench.costs else { return nil }
    if pane(bench) == "stages" { return stagesData(bench) }
    let rows = costs.parts.map { part in
      [
        part.path.isEmpty ? part.name : part.path, part.shape.map(ModelView.sizes) ?? "",
        String(part.parameters), String(part.flops),
      ]
    }
    return Table(["part", "shape", "parameters", "flop"].map { Table.Column($0) }, rows)
  }
}
