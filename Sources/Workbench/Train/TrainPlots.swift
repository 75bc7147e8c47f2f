// The curves of the Train view.

import Files
import Screen
import Training

extension TrainView {
  /// The most points of a curve that are drawn.
  private static let detail = 1_000

  private func isLogarithmic(_ axis: String, _ bench: Bench) -> Bool {
    ["log-\(axis)", "log-log"].contains(bench.settings.axes)
  }

  /// The loss of this run and of those beside it, what validation said, and the floor.
  func lossPlot(_ bench: Bench) -> LinePlot {
    let (train, settings) = (bench.train, bench.settings)
    let (scale, logX) = (scale(bench), isLogarithmic("x", bench))
    func line(_ name: String, _ curve: Curve) -> LinePlot.Series {
      let points = curve.drawn(
        smooth: settings.smooth, atMost: Self.detail, logarithmic: logX, scale: scale)
      return LinePlot.Series(name, points)
    }
    var others = train.others.map { line(visible($0.name), Curve($0.losses)) }
    let valid = LinePlot.Series(
      "valid", train.judgements.map { (Double($0.step), scale * $0.loss) }, isDotted: true)
    // Marks go by place: this run, another one, validation, further runs.
    var second = LinePlot.Series("", [])
    if !others.isEmpty { second = others.removeFirst() }
    var plot = LinePlot([line("this", train.losses), second, valid] + others)
    plot.series.append(allSteps(bench))
    (plot.logY, plot.logX) = (isLogarithmic("y", bench), logX)
    plot.floor = train.facts?.log.floor.map { scale * $0 }
    plot.markers = train.checkpoints.map(Double.init)
    plot.focus = focus(on: bench).flatMap { train.checkpoints.firstIndex(of: $0) }
    return plot
  }

  /// Nothing to be seen, but all of the run's steps belong to the axis from the beginning.
  private func allSteps(_ bench: Bench) -> LinePlot.Series {
    LinePlot.Series("", [(0, .nan), (Double(bench.train.steps), .nan)])
  }

  /// Learning rate and gradient norm, on a logarithmic axis for they are of different size.
  func ratePlot(_ bench: Bench) -> LinePlot {
    let logX = isLogarithmic("x", bench)
    func line(_ name: String, _ curve: Curve, _ smooth: Int) -> LinePlot.Series {
      let points = curve.drawn(smooth: smooth, atMost: Self.detail, logarithmic: logX)
      return LinePlot.Series(name, points)
    }
    var plot = LinePlot([
      line("rate", bench.train.rates, 1),
      line("gradient", bench.train.norms, bench.settings.smooth), allSteps(bench),
    ])
    (plot.logY, plot.logX) = (true, logX)
    return plot
  }

  /// Nats as they are, or as bits.
  func scale(_ bench: Bench) -> Double { bench.natScale }

  func drawTitle(
    _ bench: Bench, _ plot: LinePlot, on canvas: inout Canvas, in line: Rect
  ) {
    let log = isLogarithmic("y", bench) ? ", log" : ""
    let used = canvas.write("loss, \(bench.settings.units) a token\(log)", in: line, .title) + 3
    drawMarks(plot, on: &canvas, in: line.split(left: used).1)
  }

  /// The mark and the name of each curve that has one.
  func drawMarks(_ plot: LinePlot, on canvas: inout Canvas, in line: Rect) {
    var column = 0
    for (k, series) in plot.series.enumerated() where !series.name.isEmpty {
      let width = Glyphs.width(series.name)
      guard column + width + 2 <= line.width else { return }
      canvas.put(Look.mark(of: k), line.row, line.column + column, in: line, .series(k), .bold)
      canvas.write(series.name, in: line, column: column + 2)
      column += width + 4
    }
    guard plot.floor != nil, column + 7 <= line.width else { return }
    canvas.put("╌", line.row, line.column + column, in: line, .floor)
    canvas.write("floor", in: line, column: column + 2)
  }

  /// The saved step on which the cursor stands.
  func focus(on bench: Bench) -> Int? {
    let row = bench.settings.cursors[name]?.row
    return row.flatMap { bench.train.checkpoints.contains($0) ? $0 : nil }
  }
}
