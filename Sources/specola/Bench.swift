import ArgumentParser
import Files
import Tensors
import Training

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures the speed of the engine on this machine.",
    discussion: """
      examples:
        specola bench train-nano
        specola bench decode-baby entropy --json --threads 2
        specola bench ops

      Workloads: \(Workload.all.map(\.name).joined(separator: ", ")); all of them by default. They
      go through the trainer and the generator of the other commands, on random tokens, with random
      weights. ops measures single operations, scaling the cost by layers and by positions, frames
      the drawing of the workbench. All times are medians of repeats after a warm-up.
      """)

  @Argument(help: "Workloads, or ops, scaling, frames.") var workloads: [String] = []
  @OptionGroup var engine: EngineOptions
  @Option(help: "The weights in products: float32, bf16, or int8 (decoding alone).")
  var precision: WeightForm = .float32
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How often each is repeated.", valueName: "N"))
  var repeats = 5
  @Flag(help: "Print an object a line.") var json = false

  /// What is measured beside the workloads.
  private static let levels: [(name: String, run: @Sendable (BenchRun) throws -> Void)] = [
    ("ops", { try $0.operations() }), ("scaling", { try $0.scaling() }),
    ("frames", { try $0.frames() }),
  ]

  func run() throws {
    let names = Workload.all.map(\.name) + Bench.levels.map(\.name)
    for name in workloads where !names.contains(name) {
      let near = nearest(name, among: names).map { "; nearest: \($0)" } ?? ""
      throw Failure(
        "\(quoted(name)) is not one of \(names.joined(separator: ", "))\(near)", code: 64)
    }
    guard (1...1000).contains(repeats) else {
      throw Failure("--repeats \(repeats) is not in 1 to 1000", code: 64)
    }
    let bench = BenchRun(lanes: try engine.lanes(), precision: precision, repeats: repeats, json)
    for workload in Workload.all {
      if workloads.contains(workload.name) {
        guard workload.allows(precision) else {
          throw Failure("\(workload.name): int8 is for decoding", code: 64)
        }
      } else if !workloads.isEmpty || !workload.allows(precision) {
        continue
      }
      try bench.measure(workload)
    }
    for level in Bench.levels where workloads.contains(level.name) { try level.run(bench) }
  }
}

/// How things are measured, and how the results are told.
struct BenchRun {
  let lanes: Lanes
  let precision: WeightForm
  let repeats: Int
  private let isJSON: Bool

  init(lanes: Lanes, precision: WeightForm, repeats: Int, _ isJSON: Bool) {
    (self.lanes, self.precision, self.repeats, self.isJSON) = (lanes, precision, repeats, isJSON)
  }

  /// The median of what `body` tells, over the repeats; the caller has warmed up.
  func median(_ body: () throws -> Double) rethrows -> Double {
    try (0..<repeats).map { _ in try body() }.sorted()[repeats / 2]
  }

  /// A line, or the object.
  func tell(_ line: String, _ object: [String: JSON]) throws(Failure) {
    try emit(isJSON ? JSON.object(object).text() : line)
  }

  /// A table under its titles, or an object a row.
  func tell(table rows: [(cells: [String], object: [String: JSON])], titles: [String]) throws {
    guard isJSON else { return try emit(columns([titles] + rows.map(\.cells))) }
    for row in rows { try emit(JSON.object(row.object).text()) }
  }
}

func seconds(_ body: () throws -> Void) rethrows -> Double {
  let began = ContinuousClock.now
  try body()
  return (ContinuousClock.now - began) / .seconds(1)
}
