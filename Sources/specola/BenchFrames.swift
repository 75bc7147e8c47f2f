// What drawing a view costs: a whole frame on a canvas, no terminal.

import Files
import Screen
import Training
import Workbench

extension BenchRun {
  func frames() throws {
    let folder = try FileSystem.temporaryDirectory(prefix: "specola-bench")
    var session = Session(engine: Engine(version: version), version: version, isHeadless: true)
    defer {
      session.close()
      FileSystem.remove(folder)
    }
    func run(_ line: String) throws(Failure) {
      session.run(line: line)
      repeat {
        _ = session.absorb(waiting: session.isSettled ? 0 : 100)
      } while session.isPlaying || !session.isSettled
      if session.bench.echo.isError { throw Failure(session.bench.echo.text, code: 1) }
    }
    try run("model \(Home.defaultModel)")
    try run("sample 20")
    try run("train sort steps=100 log_every=1 out=\(folder)/run")
    try run("wait step = 100")
    var rows: [(cells: [String], object: [String: JSON])] = []
    for view in ViewName.allCases {
      try run("view \(view.rawValue)")
      for size in [Size(rows: 24, columns: 80), Size(rows: 60, columns: 200)] {
        var canvas = Canvas(rows: size.rows, columns: size.columns)
        func draw() {
          canvas = Canvas(rows: size.rows, columns: size.columns)
          session.bench.draw(on: &canvas)
        }
        draw()
        let frames = 50
        let time = median { seconds { for _ in 0..<frames { draw() } } / Double(frames) }
        rows.append(
          (
            [view.rawValue, "\(size.columns)×\(size.rows)", fixed(1e6 * time, 0)],
            [
              "view": .string(view.rawValue), "columns": .int(size.columns),
              "rows": .int(size.rows), "seconds": .double(time),
            ]
          ))
      }
    }
    try tell(table: rows, titles: ["view", "screen", "µs a frame"])
  }
}
