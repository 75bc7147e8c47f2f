import ArgumentParser
import Files
import Glibc
import Models
import Random
import Tensors
import Text
import Training

struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What this machine offers, and whether the engine works on it.",
    discussion: """
      examples:
        specola doctor
        specola doctor --json
      """)
  @Flag(help: "Print an object.") var json = false

  func run() throws {
    var rows: [(String, JSON)] = [
      ("version", .string(version)),
      ("threads", .int(Lanes.available)),
      ("memory_gb", .int(Machine.physicalMemory / 1_000_000_000)),
      ("terminal", .string(getenv("TERM").map { String(cString: $0) } ?? "none")),
      (
        "home",
        Home.candidates.first { FileSystem.exists($0 + "/configs") }.map(JSON.string) ?? .null
      ),
      ("models", .array(Home.models().map { .string($0.name) })),
      ("cpu_path", .string(Kernel.path.rawValue)),
    ]
    rows.append(("openblas", Kernel.openBLAS.map(JSON.string) ?? .null))
    let chosen = Kernel.path
    for path in Kernel.Path.allCases where Kernel.force(path) {
      let peak = Limits.peak(Lanes(1)) / 1e9
      rows.append(("peak_gflops_" + path.rawValue, .double(peak.rounded())))
    }
    Kernel.force(chosen)
    let differs = try Self.resumeDiffers()
    rows.append(("resume_self_test", .string(differs ? "FAILED" : "equal to the bit")))
    if json {
      try emit(JSON.object(Dictionary(uniqueKeysWithValues: rows)).text())
    } else {
      try emit(columns(rows.map { [$0.0, $0.1.string ?? $0.1.text()] }))
    }
    if differs {
      throw Failure("a resumed run differs from an uninterrupted one on this machine", code: 1)
    }
  }

  /// Trains a tiny model for eight steps at once, and for four and four, and compares the weights.
  private static func resumeDiffers() throws -> Bool {
    let folder = try FileSystem.temporaryDirectory(prefix: "specola-doctor")
    defer { FileSystem.remove(folder) }
    var config = TrainingConfig()
    (config.data.make, config.steps, config.batchSize) = ("sort", 8, 4)
    (config.evaluateBatches, config.schedule.steps) = (1, 8)
    func train(_ name: String, _ steps: [Int]) throws -> [UInt8] {
      let path = folder + "/" + name
      let shape: JSON = ["n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 11]
      config.steps = steps[0]
      var made: RunFolder? = try TrainingRun.create(
        path, .configuration(shape, path: "doctor", sets: []), config, version: version)
      for count in steps {
        let run = try TrainingRun(made ?? RunFolder(path), sets: [("steps", "\(count)")])
        made = nil
        while try run.next() != nil {}
      }
      return try FileSystem.readAll(path + "/last/model.safetensors")
    }
    return try train("whole", [8]) != train("halves", [4, 8])
  }
}
