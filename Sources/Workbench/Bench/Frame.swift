// The frame that is the same in every view: tabs, state, the view, legend, row 23, footer.

import Files
import Screen

extension Bench {
  /// The smallest screen on which anything is shown.
  static let smallest = Size(rows: 10, columns: 40)

  /// Draws the whole screen; `field` is what is being typed in row 23.
  public func draw(on canvas: inout Canvas, field: Field? = nil) {
    guard canvas.rows >= Bench.smallest.rows, canvas.columns >= Bench.smallest.columns else {
      return drawTooSmall(on: &canvas)
    }
    let parts = areas(of: canvas.bounds)
    let all = ViewName.allCases
    canvas.draw(
      TabBar(
        all.enumerated().map { "\($0 + 1) \($1.title)" },
        open: all.firstIndex(of: settings.view) ?? 0), in: parts.tabs)
    drawState(on: &canvas, in: parts.state)
    view.draw(self, on: &canvas, in: parts.view)
    view.drawLegend(self, on: &canvas, in: parts.legend, of: parts.view)
    drawEcho(on: &canvas, in: parts.echo)
    canvas.draw(Footer(view.footer(self)), in: parts.footer)
    if let dialog { draw(dialog, on: &canvas, in: parts.view) }
    field?.draw(on: &canvas, in: parts.typed)
  }

  /// The rows of the frame.
  struct Areas {
    var tabs, state, view, legend, echo, footer, typed: Rect
  }

  func areas(of screen: Rect) -> Areas {
    let (upper, bottom) = screen.split(bottom: 3)
    let (top, view) = upper.split(top: 2)
    return Areas(
      tabs: top.line(0), state: top.line(1), view: view, legend: bottom.line(0),
      echo: bottom.line(1), footer: bottom.line(2), typed: screen.split(bottom: 1).0)
  }

  private func drawState(on canvas: inout Canvas, in line: Rect) {
    let state = view.state(self) ?? (pending > 0 ? "computing" : model == nil ? "" : "ready")
    let (left, right) = line.split(right: Glyphs.width(state) + 1)
    canvas.write(Glyphs.fit(view.status(self), left.width), in: left)
    canvas.write(right: state, in: right, .title, pending > 0 ? [] : .bold)
  }

  private func drawEcho(on canvas: inout Canvas, in line: Rect) {
    if echo.isError {
      canvas.write(echo.text, in: line, .warning)
    } else {
      canvas.write((echo.isCommand ? ": " : "") + echo.text, in: line)
    }
    if let key = echo.key { canvas.write(right: " key " + key, in: line, .dim) }
  }

  private func drawTooSmall(on canvas: inout Canvas) {
    let text = """
      This screen is \(canvas.columns)x\(canvas.rows). Specola needs 40x10, and 80x24 to show \
      everything. q quits.
      """
    var flow = TextFlow(text)
    flow.keepsWords = true
    canvas.draw(flow, in: canvas.bounds)
  }

  /// What the first line of the state says of model and prompt, in `width` columns or so.
  var modelAndPrompt: String {
    guard let model else { return "no model is open" }
    let prompt = Glyphs.decode(settings.prompt)
    let tail = prompt.count > 36 ? "..." + String(prompt.suffix(33)) : prompt
    let more = dropped > 0 ? " (the last of \(ids.count + dropped))" : ""
    return "\(model.title) \(ModelFacts.size(model.parameters))   \"\(tail)\"  "
      + "\(ids.count) tokens\(more)"
  }
}

extension ModelFacts {
  /// A number of parameters as people say it: `0.11 M`.
  static func size(_ parameters: Int) -> String {
    let value = Double(parameters)
    return value >= 1e9
      ? Numbers.fixed(value / 1e9, 2) + " G"
      : value >= 1e8 ? Numbers.fixed(value / 1e6, 0) + " M" : Numbers.fixed(value / 1e6, 2) + " M"
  }
}
