import Files
import Glibc

/// Mutation fuzzing of the readers, in process.
///
/// Build it with the address sanitizer: scripts/fuzz. A run can be repeated from its seed: the
/// inputs come in the same order.
@main struct Fuzz {
  private static let targets: [String: any (FuzzTarget & SendableMetatype).Type] = [
    "json": JSONTarget.self, "safetensors": SafetensorsTarget.self, "index": IndexTarget.self,
    "atlas": AtlasTarget.self,
  ]

  static func main() {
    do throws(Failure) {
      try fuzz(CommandLine.arguments)
    } catch {
      let line = Array("\(error)\n".utf8)
      write(STDERR_FILENO, line, line.count)
      exit(error.code)
    }
  }

  private static func fuzz(_ arguments: [String]) throws(Failure) {
    let usage =
      "usage: specola-fuzz \(targets.keys.sorted().joined(separator: "|"))"
      + " [--seconds N] [--seed S] [--corpus DIR]"
    var options = ["--seconds": "60", "--seed": "1", "--corpus": ""]
    for index in stride(from: 2, to: arguments.count, by: 2) {
      guard options[arguments[index]] != nil, index + 1 < arguments.count else {
        throw Failure(usage, code: 64)
      }
      options[arguments[index]] = arguments[index + 1]
    }
    guard arguments.count > 1, let type = targets[arguments[1]],
      let seconds = options["--seconds"].flatMap(Int.init),
      let seed = options["--seed"].flatMap(UInt64.init)
    else { throw Failure(usage, code: 64) }

    var corpus: [[UInt8]] = []
    if let folder = options["--corpus"], !folder.isEmpty {
      for name in try FileSystem.list(folder) {
        corpus.append(try FileSystem.readAll(folder + "/" + name))
      }
    }
    let folder = try FileSystem.temporaryDirectory(prefix: "specola-fuzz-")
    defer { FileSystem.remove(folder) }
    var target = try type.init(folder: folder, corpus: corpus)
    var mutator = Mutator(seed: seed)
    var (inputs, taken) = (0, 0)
    let start = ContinuousClock.now
    while ContinuousClock.now - start < .seconds(seconds) {
      if try target.once(&mutator) { taken += 1 }
      inputs += 1
    }
    print("\(arguments[1]): seed \(seed), \(inputs) inputs, \(taken) taken, no finding")
  }
}
