// What keys, clicks, the help and exports make of the sampling laboratory.

import Generation
import Screen

extension GenerateView {
  func footer(_ bench: Bench) -> [(keys: String, verb: String)] {
    [
      ("Space", bench.generate.isRunning ? "stop" : "run"), ("n/p", "one on/back"),
      ("Enter", "take row"), ("left/right", "knob"), ("+ -", "turn"), ("b", "takes"),
    ]
  }

  func action(for key: Key, _ bench: Bench) -> Action? {
    let state = bench.generate
    let isList = pane(bench) == "takes"
    switch key {
    case .up, .character("k"): return move(-1, bench)
    case .down, .character("j"): return move(1, bench)
    case .pageUp: return move(-page(bench), bench)
    case .pageDown: return move(page(bench), bench)
    case .home: return go(to: 0, bench)
    case .end:
      return go(to: isList ? .max : (state.table?.stages.last?.kept ?? 1) - 1, bench)
    case .left, .character("h"): return turnTo(-1, bench)
    case .right, .character("l"): return turnTo(1, bench)
    case .character("+"), .character("="): return turn(up: true, bench)
    case .character("-"): return turn(up: false, bench)
    case .character("n"), .character("]"): return .run(Command(.sample, "1"))
    case .character("p"), .character("["):
      guard state.count > 0 else { return .say("nothing to take back: this is the prompt") }
      return .run(Command(.rewind, "1"))
    case .character(" "): return .run(Command(state.isRunning ? .stop : .sample))
    case .character("r"):
      guard state.count > 0 else { return .say("nothing to take back: this is the prompt") }
      return .run(Command(.rewind, "all"))
    case .character("b"): return .run(bench.set("pane", isList ? "table" : "takes"))
    case .enter:
      guard isList else {
        return .run(Command(.take, "\(state.row(bench.settings) + 1)"))
      }
      return .run(Command(.branch, "\(take(bench) + 1)"))
    case .escape: return isList ? .run(bench.set("pane", "table")) : nil
    default: return nil
    }
  }

  /// The take that the cursor of the list stands on.
  private func take(_ bench: Bench) -> Int {
    min(bench.generate.takes.count - 1, bench.settings.cursors[name]?.column ?? 0)
  }

  private func page(_ bench: Bench) -> Int { max(1, bench.size.rows - 14) }

  private func move(_ steps: Int, _ bench: Bench) -> Action {
    let isList = pane(bench) == "takes"
    return go(to: (isList ? take(bench) : bench.generate.row(bench.settings)) + steps, bench)
  }

  /// To a candidate, or in the list to a take.
  private func go(to place: Int, _ bench: Bench) -> Action {
    let isList = pane(bench) == "takes"
    return isList
      ? bench.cursor(bench.generate.row(bench.settings), place)
      : bench.cursor(place, bench.settings.cursors[name]?.column ?? 0)
  }

  private func turnTo(_ step: Int, _ bench: Bench) -> Action {
    let all = Knob.allCases
    let here = all.firstIndex(of: knob(bench)) ?? 0
    return .run(bench.set("focus", all[(here + step + all.count) % all.count].rawValue))
  }

  private func turn(up: Bool, _ bench: Bench) -> Action {
    let knob = knob(bench)
    let vocabulary = bench.model?.vocabulary ?? 0
    guard let command = knob.turned(up: up, bench.settings, vocabulary: vocabulary) else {
      let note = knob.note(bench)
      return .say(
        note.isEmpty
          ? "\(knob.title) \(knob.value(bench.settings)) is as low as it goes" : note)
    }
    return .run(command)
  }

  func click(at place: Position, in area: Rect, _ bench: Bench) -> Action? {
    let layout = Layout(area)
    let take = layout.takes
    if take.contains(place.row, place.column) {
      return .run(bench.set("pane", pane(bench) == "takes" ? "table" : "takes"))
    }
    guard pane(bench) != "takes" else { return nil }
    if layout.head.contains(place.row, place.column) {
      let at = place.column - area.column
      let column = layout.columns.last { $0.at - 1 <= at }
      return column.flatMap { Knob($0.filter) }.map { .run(bench.set("focus", $0.rawValue)) }
    }
    let ranks = ranks(bench, in: layout.rows)
    let rank = ranks.lowerBound + place.row - layout.rows.row
    guard layout.rows.contains(place.row, place.column), ranks.contains(rank) else { return nil }
    return bench.cursor(rank, bench.settings.cursors[name]?.column ?? 0)
  }

  func find(_ text: String, _ bench: Bench) -> Position? {
    guard let candidates = bench.generate.table?.stages[0].candidates, !text.isEmpty else {
      return nil
    }
    let next = bench.generate.row(bench.settings) + 1
    let ranks = Array(candidates.indices)
    let found = (ranks.dropFirst(next) + ranks.prefix(next)).first {
      bench.tokenName(candidates[$0].id).contains(text)
    }
    return found.map { Position($0, bench.settings.cursors[name]?.column ?? 0) }
  }

  // MARK: - Help and export

  func explanation(_ bench: Bench) -> String {
    guard let table = bench.generate.table else { return bench.whyNoScores }
    let rank = bench.generate.row(bench.settings)
    let id = table.stages[0].candidates[rank].id
    var text = "candidate \(rank + 1), token \(id) \"\(bench.tokenName(id))\": "
    let shares = table.stages.compactMap { stage in
      rank < stage.kept
        ? "\(stage.filter.rawValue) " + Numbers.share(stage.candidates[rank].probability) : nil
    }
    text += shares.joined(separator: ", ")
    guard let span = table.span(of: rank) else { return text + ", then cut" }
    guard bench.settings.temperature > 0 else { return text + "; greedy takes it, no draw" }
    let (draw, share) = (bench.generate.draw(bench.settings), { Numbers.fixed($0, 3) })
    text += "; its part is \(share(span.lowerBound)) to \(share(span.upperBound))"
    return text + ", the draw \(share(draw))"
  }

  func elements(_ bench: Bench) -> [(name: String, meaning: String)] {
    [
      ("text", "prompt, then new text in bold; <C3> is a byte that is not yet a character"),
      ("model", "what the model says comes next, before any filter"),
      ("temp", "scores divided by the temperature: below 1 sharper, 0 always the best"),
      ("top-k", "only the k likeliest stay"),
      ("top-p", "only the fewest likeliest stay whose sum reaches p"),
      ("N more", "candidates that are not in sight, and what they have together"),
      ("kept", "how many candidates a filter leaves"),
      ("effective", "how many equally likely ones would be as uncertain: exp(entropy)"),
      ("line", "the last column end to end, 0 to 1; the draw takes what it falls on"),
      ("seed, draw", "the k-th new token is decided by the k-th number of the seed"),
      ("takes", "texts that were left for another, with what they have in common"),
    ]
  }

  /// All candidates with their shares after every filter.
  func data(_ bench: Bench) -> Table? {
    guard let table = bench.generate.table else { return nil }
    let titles = ["rank", "id", "candidate"] + table.stages.map(\.filter.rawValue)
    let rows = table.stages[0].candidates.enumerated().map { rank, candidate in
      [String(rank + 1), String(candidate.id), Glyphs.visible(bench.tokenName(candidate.id))]
        + table.stages.map { rank < $0.kept ? "\($0.candidates[rank].probability)" : "" }
    }
    return Table(titles.map { Table.Column($0) }, rows)
  }
}
