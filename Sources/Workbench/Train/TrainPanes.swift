// What stands beside the curves of the Train view: numbers, the probe, samples.

import Files
import Screen
import Training

extension TrainView {
  func draw(_ pane: String, _ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    switch pane {
    case "probe": drawProbe(bench, on: &canvas, in: area)
    case "samples": drawSamples(bench, on: &canvas, in: area)
    default:
      let numbers = numbers(bench)
      for (line, item) in numbers.enumerated() where line < area.height {
        canvas.write(item.name, in: area.line(line), .dim)
        canvas.write(item.value, in: area.line(line), column: 11)
      }
      drawProbe(bench, on: &canvas, in: area.split(top: numbers.count + 1).1)
    }
  }

  // MARK: - Numbers

  /// The eleven numbers, in the order in which one looks.
  func numbers(_ bench: Bench) -> [(name: String, value: String)] {
    let (train, scale) = (bench.train, scale(bench))
    func fixed(_ value: Double?, _ decimals: Int) -> String {
      value.map { Numbers.fixed($0, decimals) } ?? "–"
    }
    let judged = train.judgements.last
    let solved = judged?.solved.map { Numbers.fixed(100 * $0, 1) + " %" } ?? "–"
    let isText = train.facts?.isText ?? true
    let period = train.facts?.config.checkpointEvery ?? 1
    let next = min(train.steps, (train.step / period + 1) * period)
    let speed = train.isReplayed ? nil : train.tokensPerSecond
    return [
      ("step", "\(Numbers.grouped(train.step))/\(Numbers.grouped(train.steps))"),
      ("loss", fixed(loss(bench), 3) + averaged(bench)),
      ("validation", fixed(judged.map { scale * $0.loss }, 3)),
      ("floor", fixed(train.facts?.log.floor.map { scale * $0 }, 3)),
      isText ? ("bits/byte", fixed(judged?.bitsPerByte, 4)) : ("solved", solved),
      ("rate", Numbers.scientific(train.rate, 1)),
      ("gradient", fixed(train.norms.last?.value, 2)),
      ("tokens/s", speed.map { Numbers.grouped(Int(min(max($0, 0), 1e15))) } ?? "–"),
      ("left", train.phase == .finished ? "none" : train.timeLeft ?? "–"),
      ("saved", train.savedStep.map(Numbers.grouped) ?? "–"),
      ("next save", train.step < train.steps ? Numbers.grouped(next) : "–"),
    ]
  }

  /// The loss, averaged as the curve is; nil before the first step.
  private func loss(_ bench: Bench) -> Double? {
    let losses = bench.train.losses
    return losses.points.indices.last.map {
      scale(bench) * losses.mean(over: bench.settings.smooth, at: $0)
    }
  }

  private func averaged(_ bench: Bench) -> String {
    let steps = min(bench.settings.smooth, bench.train.step)
    return steps > 1 ? " (\(steps))" : ""
  }

  /// The same in two lines, for a narrow screen.
  func drawShortNumbers(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    let values = Dictionary(
      uniqueKeysWithValues: numbers(bench).map { ($0.name, $0.value) })
    func line(_ names: [(key: String, shown: String)]) -> String {
      names.compactMap { name in values[name.key].map { "\(name.shown) \($0)" } }
        .joined(separator: "  ")
    }
    canvas.write(
      line([("step", "step"), ("loss", "loss"), ("validation", "valid")]), in: area)
    canvas.write(
      line([("left", "left"), ("tokens/s", "tokens/s"), ("rate", "rate")]), in: area, line: 1)
  }

  // MARK: - The probe

  /// The ribbon of bytes, or the head that is followed: where the last token looks, and the whole
  /// map if there is room.
  func drawProbe(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    if let ribbon = bench.train.ribbon {
      return drawRibbon(ribbon, bench, on: &canvas, in: area)
    }
    guard let probe = bench.train.probe, let last = probe.weights.last, area.height > 0 else {
      return
    }
    let token = probe.tokens.last.map(shown) ?? ""
    canvas.write("probe \(probe.head), row \"\(token)\"", in: area, .title)
    var rest = area.split(top: 1).1
    if let induction = probe.induction {
      var line: Rect
      (line, rest) = rest.split(top: 1)
      canvas.write("behind 1st occurrence \(Numbers.fixed(induction, 2))", in: line)
    }
    let hasMap = rest.height >= 10
    let order = last.indices.sorted { last[$0] > last[$1] }.prefix(hasMap ? 4 : rest.height)
    let bars = Bars(
      order.map { column in
        let percent = Numbers.fixed(100 * Double(last[column]), 0)
        let name = Glyphs.fit("\(column) \(shown(probe.tokens[column]))", 8)
        return Bars.Item(name, Double(last[column]), percent)
      }, full: 1)
    canvas.draw(bars, in: rest)
    guard hasMap else { return }
    rest = rest.split(top: order.count + 1).1
    canvas.draw(map(probe, in: rest), in: rest)
  }

  private func map(_ probe: HeadProbe, in area: Rect) -> HeatMap {
    let count = probe.tokens.count
    var map = HeatMap(rows: probe.tokens.map(shown), columns: probe.tokens.map(shown)) {
      row, column in
      column < probe.weights[row].count ? Double(probe.weights[row][column]) : nil
    }
    let (height, width) = (area.height - 1, area.width - 10)
    map.zoom =
      count <= height && 3 * count <= width
      ? .digits
      : count <= height && 2 * count <= width
        ? .pairs : (count + 1) / 2 <= height && count <= width ? .halves : .blocks
    return map
  }

  /// A token without its leading space.
  private func shown(_ token: String) -> String {
    let trimmed = token.drop { $0 == " " || $0 == "Ġ" }
    return trimmed.isEmpty ? token : String(trimmed)
  }

  // MARK: - Samples

  /// The newest sample below the curves.
  func drawSample(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    guard let sample = bench.train.samples.last, area.height > 0 else { return }
    canvas.write(heading(sample, bench), in: area)
    var flow = TextFlow(continuation(sample, bench))
    flow.keepsWords = true
    canvas.draw(flow, in: area.split(top: 1).1.inset(rows: 0, columns: 2))
  }

  /// What was drawn, without the prompt that the heading names.
  private func continuation(_ sample: TrainNews.Sample, _ bench: Bench) -> String {
    let prompt = bench.train.facts?.config.samplePrompt ?? ""
    return sample.text.hasPrefix(prompt) ? String(sample.text.dropFirst(prompt.count)) : sample.text
  }

  private func heading(_ sample: TrainNews.Sample, _ bench: Bench) -> String {
    let prompt = bench.train.facts?.config.samplePrompt ?? ""
    let seed = bench.train.facts?.config.seed ?? 0
    return "sample at \(Numbers.grouped(sample.step)) from \(quoted(prompt)), seed \(seed), "
      + "temperature 0.8:"
  }

  /// All that were drawn, the newest first.
  private func drawSamples(_ bench: Bench, on canvas: inout Canvas, in area: Rect) {
    guard !bench.train.samples.isEmpty else {
      let period = bench.train.facts?.config.sampleEvery ?? 0
      let why =
        period == 0 ? "none are drawn: sample_every is 0" : "the first is drawn at step \(period)"
      var flow = TextFlow([TextFlow.Span(why, .dim)])
      flow.keepsWords = true
      return canvas.draw(flow, in: area)
    }
    var rest = area
    for sample in bench.train.samples.reversed() where rest.height > 1 {
      canvas.write("at \(Numbers.grouped(sample.step))", in: rest, .title)
      rest = rest.split(top: 1).1
      var flow = TextFlow(continuation(sample, bench))
      flow.keepsWords = true
      let lines = min(rest.height, max(1, min(6, flow.lines(width: rest.width))))
      canvas.draw(flow, in: rest.split(top: lines).0)
      rest = rest.split(top: lines + 1).1
    }
  }
}
