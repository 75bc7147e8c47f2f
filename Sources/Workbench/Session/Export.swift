// What leaves the bench: pictures, numbers, text and sessions, each with what remakes it.

import Files
import Screen

extension Session {
  /// The present view or screen as text, in reading order.
  func text(of what: String) -> String { picture(what).text(.plain) }

  /// The screen, or the view alone.
  private func picture(_ what: String) -> Canvas {
    let size = bench.size
    var screen = Canvas(rows: max(24, size.rows), columns: max(80, size.columns))
    var shown = bench
    shown.dialog = nil
    shown.draw(on: &screen)
    guard what != "screen" else { return screen }
    let areas = shown.areas(of: screen.bounds)
    return screen.cut(areas.state.joined(to: areas.legend))
  }

  mutating func export(_ command: Command) throws(Failure) {
    let path = command.text
    let what = command.option("what") ?? "view"
    guard !FileSystem.exists(path) else {
      throw Failure("export: \(visible(path)) exists; name another", code: 2)
    }
    let kind = path.split(separator: ".").last.map(String.init) ?? ""
    switch kind {
    case "svg":
      try AtomicFile.write(picture(what).svg(title: origin.joined(separator: "\n")), to: path)
    case "txt":
      try AtomicFile.write(comment + text(of: what) + "\n", to: path)
    case "csv": try AtomicFile.write(comment + (try table().csv), to: path)
    case "json":
      let object: JSON = [
        "origin": .array(origin.map(JSON.string)), "view": .string(bench.settings.view.rawValue),
        "rows": .array(
          try table().objects.map { .object($0.mapValues(JSON.string)) }),
      ]
      try AtomicFile.write(object.text(pretty: true) + "\n", to: path)
    case "specola": try AtomicFile.write(journal.text, to: path)
    default:
      throw Failure(
        "export: \(quoted(path)) ends with none of svg, csv, json, txt, specola", code: 64)
    }
    bench.echo.text = "wrote \(visible(FileSystem.absolute(path)))"
  }

  private func table() throws(Failure) -> Table {
    guard let table = bench.view.data(bench) else {
      throw Failure("export: this view has no numbers yet", code: 2)
    }
    return table
  }

  private var comment: String { origin.map { "# \($0)\n" }.joined() }

  /// Program, model, prompt, seed, and the commands that show the same again.
  private var origin: [String] {
    let settings = bench.settings
    var lines = ["specola \(version)"]
    if let model = bench.model {
      let hash = (try? sha256(ofFile: model.path + "/model.safetensors")) ?? "sharded"
      lines.append("model \(visible(model.name)), sha256 \(hash.prefix(16))")
    }
    lines.append("prompt \(Command.editable(settings.prompt))")
    lines.append("seed \(settings.seed)")
    lines.append("remade by these commands:")
    lines += journal.commands.filter { $0.name != .export }.map(\.description)
    return lines.map { visible($0) }
  }
}

extension Rect {
  /// The smallest rectangle around both.
  func joined(to other: Rect) -> Rect {
    let (row, column) = (min(self.row, other.row), min(self.column, other.column))
    return Rect(
      row: row, column: column, height: max(end, other.end) - row,
      width: max(right, other.right) - column)
  }
}

extension Table {
  /// Comma-separated values with a line of titles (RFC 4180).
  var csv: String {
    ([columns.map(\.title)] + rows).map { row in
      row.map { cell in
        guard cell.contains(where: { ",\"\n".contains($0) }) else { return cell }
        let doubled = cell.split(separator: "\"", omittingEmptySubsequences: false)
          .joined(separator: "\"\"")
        return "\"\(doubled)\""
      }.joined(separator: ",") + "\n"
    }.joined()
  }

  /// A dictionary a row.
  var objects: [[String: String]] {
    rows.map { row in
      Dictionary(zip(columns.map(\.title), row), uniquingKeysWith: { first, _ in first })
    }
  }
}
