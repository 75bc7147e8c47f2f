// A run while it learns: its curves, its numbers, a head that is followed, samples; and before a
// run is open, what there is to train.

import Files
import Screen
import Training

struct TrainView: View {
  let name = ViewName.train
  let panes = ["numbers", "probe", "samples"]

  func status(_ bench: Bench) -> String {
    guard let facts = bench.train.facts else { return "no run is open" }
    let size = ModelFacts.size(facts.parameters)
    let known = facts.log.floor == nil ? "" : " (entropy known)"
    return visible(
      "run \(facts.name)   \(facts.log.model) \(size), seed \(facts.config.seed), corpus "
        + "\(facts.log.corpus)\(known)")
  }

  func state(_ bench: Bench) -> String? {
    switch bench.train.phase {
    case .none: nil
    case .preparing(_, let share): "preparing" + (share.map { " \(Int(100 * $0)) %" } ?? "")
    case .paused:
      bench.train.problem != nil ? "STOPPED" : bench.train.step == 0 ? "ready" : "paused"
    case .running: "RUNNING"
    case .finished: "finished"
    case .evaluating(let share): "evaluating \(Int(100 * share)) %"
    }
  }

  /// Rows are steps, or recipes while no run is open.
  func extent(_ bench: Bench) -> Size {
    let rows = bench.train.facts == nil ? bench.train.recipes?.count ?? 1 : bench.train.steps + 1
    return Size(rows: max(1, rows), columns: 1)
  }

  func find(_ text: String, _ bench: Bench) -> Position? {
    guard bench.train.facts == nil else { return nil }
    let (all, here) = (bench.train.recipes ?? [], bench.settings.cursors[name]?.row ?? 0)
    let order = all.indices.map { (here + 1 + $0) % max(1, all.count) }
    return order.first { all[$0].name.contains(text) || all[$0].subject.contains(text) }
      .map { Position($0, 0) }
  }

  // MARK: - Places

  /// Where everything stands in an area; what there is no room for is empty.
  struct Layout {
    var title, plot, lowerTitle, lower, pane, hint, samples, numbers: Rect
    let isNarrow: Bool

    init(_ area: Rect, hasSamples: Bool) {
      isNarrow = area.width < 72
      var rest = area
      (title, rest) = rest.split(top: 1)
      let lines = !hasSamples || isNarrow || area.height < 18 ? 0 : area.height < 30 ? 2 : 7
      (rest, samples) = rest.split(bottom: lines)
      (rest, numbers) = rest.split(bottom: isNarrow ? min(2, rest.height / 3) : 0)
      (rest, hint) = rest.split(bottom: area.height < 16 ? 0 : 1)
      (rest, pane) = rest.split(right: isNarrow ? 0 : area.width < 110 ? 27 : area.width / 3)
      if pane.width > 0 { pane = pane.split(left: 1).1 }
      let second = !isNarrow && rest.height >= 22 ? rest.height * 2 / 5 : 0
      (plot, lower) = rest.split(bottom: second)
      (lowerTitle, lower) = lower.split(top: 1)
    }
  }

  func layout(_ bench: Bench, _ area: Rect) -> Layout {
    Layout(area, hasSamples: !bench.train.samples.isEmpty)
  }

  // MARK: - Drawing

  func draw(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    guard bench.train.facts != nil else { return drawRecipes(bench, on: &canvas, in: area) }
    let layout = layout(bench, area)
    let pane = pane(bench)
    if layout.isNarrow, pane != "numbers" {
      draw(pane, bench, on: &canvas, in: layout.plot)
    } else {
      let plot = lossPlot(bench)
      drawTitle(bench, plot, on: &canvas, in: layout.title)
      canvas.draw(plot, in: layout.plot)
    }
    if !layout.lower.isEmpty {
      let plot = ratePlot(bench)
      let used = canvas.write("learning rate, gradient", in: layout.lowerTitle, .title) + 3
      drawMarks(plot, on: &canvas, in: layout.lowerTitle.split(left: used).1)
      canvas.draw(plot, in: layout.lower)
    }
    if !layout.pane.isEmpty { draw(pane, bench, on: &canvas, in: layout.pane) }
    drawHint(bench, on: &canvas, in: layout.hint)
    drawSample(bench, on: &canvas, in: layout.samples)
    if layout.isNarrow { drawShortNumbers(bench, on: &canvas, in: layout.numbers) }
  }

  private func drawHint(_ bench: Bench, on canvas: inout Canvas, in line: Rect) {
    if let problem = bench.train.problem {
      canvas.write(visible(problem), in: line, .warning)
    } else if !bench.train.checkpoints.isEmpty {
      let used = canvas.write("▴", in: line, .boundary)
      canvas.write(
        " saved checkpoint; left/right moves there, Enter looks at the model as it was", in: line,
        column: used)
    }
  }

  func drawLegend(_ bench: Bench, on canvas: inout Canvas, in line: Rect, of area: Rect) {
    guard bench.train.facts != nil else {
      let recipe = recipe(bench)
      let text = recipe?.problem ?? "about: on this machine, as a rule of thumb; Enter measures it"
      canvas.write(visible(text), in: line, recipe?.problem == nil ? .text : .warning)
      return
    }
    if let step = focus(on: bench) {
      canvas.write("step \(Numbers.grouped(step)) is saved; Enter opens it in every view", in: line)
    } else {
      canvas.write("Ctrl-C saves and pauses; q asks", in: line)
    }
    let rate = "rate \(Numbers.scientific(bench.train.rate, 1))   + - turn"
    if line.width >= 76 { canvas.write(right: rate, in: line) }
  }

  // MARK: - What there is to train

  /// The recipe under the cursor.
  func recipe(_ bench: Bench) -> Recipe? {
    let (all, row) = (bench.train.recipes ?? [], bench.settings.cursors[name]?.row ?? 0)
    return all.isEmpty ? nil : all[max(0, min(all.count - 1, row))]
  }

  private func drawRecipes(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    if case .preparing(let name, _) = bench.train.phase {
      var flow = TextFlow(
        "Making \(visible(name)) ready: its corpus, its tokenizer, and a second of measuring.")
      flow.keepsWords = true
      return canvas.draw(flow, in: area.split(top: area.height / 3).1)
    }
    guard let recipes = bench.train.recipes else { return }
    let (head, rest) = area.split(top: min(2, area.height / 6))
    canvas.write(
      area.width < 72
        ? "Choose what to train; Enter measures it first."
        : "Choose what to train. Enter measures it first; :train NAME steps=500 changes it.",
      in: head)
    let isWide = area.width >= 72
    var columns = [Table.Column("name")]
    if isWide { columns.append(Table.Column("what it learns")) }
    columns += [
      Table.Column("parameters", isNumber: true), Table.Column("steps", isNumber: true),
      Table.Column("about", isNumber: true),
    ]
    var table = Table(
      columns,
      recipes.map { recipe in
        let time = recipe.seconds.map { Spoken.rough($0) } ?? "no text"
        return [visible(recipe.name)] + (isWide ? [visible(recipe.subject)] : [])
          + [Numbers.grouped(recipe.parameters), Numbers.grouped(recipe.steps), time]
      })
    table.cursor = recipes.isEmpty ? nil : bench.settings.cursors[name]?.row ?? 0
    guard !recipes.isEmpty else {
      canvas.write("no configurations below configs/train; set SPECOLA_HOME", in: rest, .warning)
      return
    }
    let (list, about) = rest.split(top: recipes.count + 2)
    canvas.draw(table, in: list)
    guard let recipe = recipe(bench) else { return }
    var flow = TextFlow("\(visible(recipe.name)): \(visible(recipe.subject))")
    flow.keepsWords = true
    canvas.draw(flow, in: about)
  }

  // MARK: - For the help and for export

  func explanation(_ bench: Bench) -> String {
    guard bench.train.facts != nil else {
      return recipe(bench).map { "\($0.name): \($0.subject)" } ?? "what can be trained"
    }
    if let step = focus(on: bench) { return "the checkpoint of step \(Numbers.grouped(step))" }
    return "the loss of this run, in \(bench.settings.units) a token, over its steps"
  }

  func elements(_ bench: Bench) -> [(name: String, meaning: String)] {
    guard bench.train.facts != nil else {
      return [
        ("parameters", "numbers that are learned"),
        ("about", "an estimate for this machine; Enter measures"),
      ]
    }
    return [
      ("loss", "mean surprise of the right next token, in nats; the lower the better"),
      ("(50)", "averaged over so many steps; a changes it"),
      ("validation", "the loss on text that is held out, measured now and then"),
      ("floor", "the entropy of the corpus itself: no model can do better on whole stories"),
      ("bits/byte", "validation loss as bits per UTF-8 byte, so that tokenizers compare"),
      ("solved", "held-out sequences that are all right when the likeliest token is taken"),
      ("rate", "the learning rate of the next step; + and - turn it"),
      ("gradient", "the norm of the gradient before it is clipped"),
      ("left", "time to the end, evaluations and checkpoints counted"),
      (
        "probe",
        bench.train.ribbon == nil
          ? "what one head of the model in training looks at, in a prompt"
          : "how unsure it is behind each byte of the prompt, up to 4 nats, and its patches"
      ),
    ]
  }

  func data(_ bench: Bench) -> Table? {
    let train = bench.train
    guard train.facts != nil, train.losses.last != nil else { return nil }
    func values(_ points: [RunLog.Point]) -> [Int: String] {
      Dictionary(points.map { ($0.step, "\($0.value)") }) { _, last in last }
    }
    let columns = [
      values(train.losses.points), values(train.rates.points), values(train.norms.points),
      values(train.judgements.map { RunLog.Point(step: $0.step, value: $0.loss) }),
    ]
    let steps = columns.reduce(Set<Int>()) { $0.union($1.keys) }.sorted()
    let titles = ["step", "loss", "learning_rate", "gradient_norm", "validation_loss"]
    return Table(
      titles.map { Table.Column($0, isNumber: true) },
      steps.map { step in ["\(step)"] + columns.map { $0[step] ?? "" } })
  }
}
