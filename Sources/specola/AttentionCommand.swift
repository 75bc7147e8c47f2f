import ArgumentParser
import Files
import Inspection
import Models
import Screen
import Text
import Training

extension AttentionStage: ExpressibleByArgument {}

struct Attention: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "One head of attention, one stage, as numbers.",
    discussion: """
      examples:
        specola attention runs/tales-en --prompt "Anna found a" --layer 0 --head 2
        specola attention MODEL --ids 1,2,3 --stage queries --format csv

      Rows read, columns are read. A masked score is blank, and null in JSON.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, csv, json, svg }

  @Argument var model: String
  @OptionGroup var prompt: PromptOptions
  @Option(parsing: .unconditional, help: "From 0.") var layer = 0
  @Option(parsing: .unconditional, help: "From 0.") var head = 0
  @Option(help: "A step of the computation.") var stage = AttentionStage.weights
  @Option(help: "text, csv, json or svg.") var format = Format.text
  @Flag(help: "The same as --format json.") var json = false

  func run() throws {
    let directory = try Home.load(model)
    let ids = try prompt.tokens(directory)
    let (layers, layout) = (directory.model.layers, directory.model.headLayout)
    guard (0..<layers).contains(layer) else {
      throw Failure("--layer \(layer) is not in 0 to \(layers - 1)", code: 64)
    }
    guard (0..<layout.heads).contains(head) else {
      throw Failure("--head \(head) is not in 0 to \(layout.heads - 1)", code: 64)
    }
    guard ids.count <= directory.model.context else {
      throw Failure(
        "the prompt has \(ids.count) tokens, the model's context is \(directory.model.context)",
        code: 64)
    }
    let snapshot = AttentionSnapshot(directory.model, ids: ids)
    let tokens = ids.map { directory.tokenizer?.piece($0) ?? "\($0)" }
    guard snapshot.stages.contains(stage) else {
      throw Failure(
        "--stage \(stage.rawValue): this model has no norm before its attention", code: 64)
    }
    let matrix = snapshot.rows(stage, layer: layer, head: head, 0..<ids.count)
    switch json ? .json : format {
    case .json:
      let rows = matrix.map { row in
        JSON.array(row.map { $0.map { .double(Double($0)) } ?? .null })
      }
      let object: JSON = [
        "tokens": .array(tokens.map(JSON.string)), "layer": .int(layer), "head": .int(head),
        "stage": .string(stage.rawValue), "matrix": .array(rows),
      ]
      try emit(object.text())
    case .csv:
      for (token, row) in zip(tokens, matrix) {
        let cells = row.map { $0.map { "\($0)" } ?? "" }
        let quotedToken = token.split(separator: "\"", omittingEmptySubsequences: false)
          .joined(separator: "\"\"")
        try emit((["\"\(quotedToken)\""] + cells).joined(separator: ","))
      }
    case .svg:
      try emit(picture(snapshot, matrix, tokens))
    case .text:
      let head = stage.isMap ? [["", ""] + tokens] : []
      let rows = matrix.indices.map { i in
        ["\(i)", tokens[i]] + matrix[i].map { $0.map { fixed(Double($0), 3) } ?? "" }
      }
      try emit(columns(head + rows))
    }
  }

  /// The matrix as a heat map with its legend, titled with the command that makes it again.
  private func picture(
    _ snapshot: AttentionSnapshot, _ matrix: [[Float?]], _ tokens: [String]
  ) throws(Failure) -> String {
    let across = matrix.first?.count ?? 0
    guard tokens.count <= 512, across <= 1_024 else {
      throw Failure("a picture of \(tokens.count) by \(across) is too large; use csv", code: 64)
    }
    let words = tokens.map { String($0.drop { $0 == " " }) }
    let names = stage.isMap ? words : (0..<across).map(String.init)
    var map = HeatMap(rows: words, columns: names) { row, column in
      let isHidden = stage == .weights && !snapshot.seen(by: row, layer: layer).contains(column)
      return isHidden ? nil : matrix[row][column].map(Double.init)
    }
    if stage != .weights {
      let largest = matrix.joined().reduce(0) { max($0, abs(Double($1 ?? 0))) }
      map.scale = .signed(largest: largest)
    }
    var canvas = Canvas(rows: tokens.count + 4, columns: max(78, 10 + 3 * across))
    let (above, legend) = canvas.bounds.split(bottom: 1)
    let area = above.split(top: 2).1
    let title =
      "specola attention \(model) --layer \(layer) --head \(head) --stage \(stage.rawValue)"
    canvas.write(title, in: above, .title)
    canvas.draw(map, in: area)
    map.drawLegend(on: &canvas, in: legend, of: area)
    return canvas.svg(title: title)
  }
}
