import ArgumentParser
import Files
import Training

/// `specola` alone.
struct Open: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Opens the workbench; for now, samples a model, training the default one first.",
    discussion: """
      examples:
        specola
        specola open runs/nano-cpu
      """)

  @Argument(help: "What to open; tales-en by default.") var model: String?

  func run() throws {
    let path = model ?? "runs/tales-en"
    if model == nil, RunFolder.linked("last", in: path) == nil {
      note("training the default model, tales-en, into \(path): two or three minutes, once")
      try Train.parse(train(path)).run()
    }
    for seed in 1...3 {
      try Generate.parse([
        path, "--prompt", "\n", "--max-tokens", "60", "--temperature", "0.8", "--seed", "\(seed)",
      ]).run()
    }
    note("go on with: specola generate \(visible(path)) --prompt \"Anna found\"")
  }

  /// From the beginning, or from where it was interrupted.
  private func train(_ path: String) -> [String] {
    FileSystem.exists(path) ? ["--resume", path] : ["tales-en", "tales-en", "--out", path]
  }
}
