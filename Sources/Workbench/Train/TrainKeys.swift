// What keys and clicks run in the Train view.

import Files
import Screen

extension TrainView {
  func footer(_ bench: Bench) -> [(keys: String, verb: String)] {
    guard bench.train.facts != nil else {
      return [
        ("Enter", "measure"), ("up/down", "choose"), (":", "type"), ("?", "help"), ("q", "quit"),
      ]
    }
    let space = bench.train.isRunning ? "pause" : "run"
    return [
      ("Space", space), ("n", "one step"), ("s", "save"), ("r", "again"),
      ("+ -", "rate"), ("y", "axes"), ("o", "runs"),
    ]
  }

  func action(for key: Key, _ bench: Bench) -> Action? {
    guard bench.train.facts != nil else { return choosing(key, bench) }
    switch key {
    case .left, .character("h"): return saved(before: true, bench)
    case .right, .character("l"): return saved(before: false, bench)
    case .home: return bench.train.checkpoints.first.map { bench.cursor($0, 0) }
    case .end: return bench.train.checkpoints.last.map { bench.cursor($0, 0) }
    case .up, .down, .character("j"), .character("k"), .pageUp, .pageDown:
      return .say("left and right go to saved steps")
    case .enter:
      guard let step = focus(on: bench) else {
        return .say("left or right first: to a saved step, to look at the model as it was")
      }
      return .run(Command(.model, "\(bench.train.folder)@\(step)"))
    case .character(" "): return .run(Command(.pause, bench.train.isRunning ? "on" : "off"))
    case .character("n"), .character("]"): return .run(Command(.step))
    case .character("p"), .character("["):
      return .say("saved steps are ^ on the axis: left and right go there")
    case .character("+"), .character("="): return .run(rate(times: 1.2589254, bench))
    case .character("-"): return .run(rate(times: 1 / 1.2589254, bench))
    case .character("s"): return .run(Command(.save))
    case .character("r"): return .run(Command(.train, "again"))
    case .character("y"): return .run(bench.set("axes", next(bench.settings.axes, Self.axes)))
    case .character("a"):
      let smooth = Self.smooths.first { $0 > bench.settings.smooth } ?? 1
      return .run(bench.set("smooth", "\(smooth)"))
    case .character("o"): return otherRuns(bench)
    default: return nil
    }
  }

  private static let axes = ["log-y", "linear", "log-log", "log-x"]
  private static let smooths = [1, 10, 50, 200]

  private func next(_ word: String, _ words: [String]) -> String {
    let here = words.firstIndex(of: word) ?? -1
    return words[(here + 1) % words.count]
  }

  /// A tenth of a decade up or down, in two digits.
  private func rate(times factor: Double, _ bench: Bench) -> Command {
    let rate = bench.train.rate > 0 ? bench.train.rate * factor : factor > 1 ? 1e-5 : 0
    return Command(.rate, Numbers.scientific(rate, 1))
  }

  /// To the saved step before or after the cursor; the last one if it stands on none.
  private func saved(before: Bool, _ bench: Bench) -> Action {
    let steps = bench.train.checkpoints
    guard let newest = steps.last else { return .say("nothing is saved yet; s saves") }
    guard let here = focus(on: bench) else { return bench.cursor(newest, 0) }
    let next = before ? steps.last { $0 < here } : steps.first { $0 > here }
    guard let next else { return .say("no saved step \(before ? "before" : "after") this one") }
    return bench.cursor(next, 0)
  }

  /// The two latest runs that learn the same, or none again.
  private func otherRuns(_ bench: Bench) -> Action {
    if !bench.settings.runs.isEmpty { return .run(bench.set("runs", "off")) }
    let others = bench.train.facts?.siblings.suffix(2) ?? []
    guard !others.isEmpty else {
      return .say("no other run learns the same; set runs=NAME names any")
    }
    return .run(bench.set("runs", others.joined(separator: ",")))
  }

  /// While no run is open.
  private func choosing(_ key: Key, _ bench: Bench) -> Action? {
    switch key {
    case .enter, .character(" "):
      if case .preparing = bench.train.phase { return .say("it is being made ready") }
      guard let recipe = recipe(bench) else { return .say("there is nothing to train") }
      return .run(Command(.train, recipe.name))
    case .character("n"), .character("s"), .character("r"), .character("+"), .character("-"),
      .character("="), .character("y"), .character("a"), .character("o"), .character("p"):
      return .say("no run is open: Enter begins the one under the cursor")
    case .left, .right: return .say("up and down choose")
    default: return nil
    }
  }

  func click(at place: Position, in area: Rect, _ bench: Bench) -> Action? {
    guard bench.train.facts == nil else { return nil }
    let row = place.row - area.row - min(2, area.height / 6) - 1
    return (bench.train.recipes ?? []).indices.contains(row) ? bench.cursor(row, 0) : nil
  }
}
