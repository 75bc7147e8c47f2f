import ArgumentParser
import Files
import Glibc
import Models
import Tensors
import Training

@main
struct Specola: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "specola",
    abstract: "A terminal workbench for transformers.",
    discussion: """
      examples:
        specola train configs/models/nano-cpu.json configs/train/nano-cpu.json
        specola generate tales-en --prompt "Anna found" --temperature 0.8
        specola generate tales-en@100 --prompt "Anna found"

      MODEL is a directory in Hugging Face form, a run folder (its last checkpoint), or the name of
      one below models/; MODEL@STEP is its checkpoint of that step. Layers, heads and positions
      count from 0.
      """,
    version: version,
    subcommands: [
      Open.self, Train.self, Generate.self, Logits.self, Attention.self, Entropy.self,
      Evaluate.self,
      Tokenize.self, Export.self, DataCommand.self, Bench.self, Doctor.self,
    ],
    defaultSubcommand: Open.self)

  /// Exit codes: 0 done, 1 failed, 2 the input was at fault, 64 usage, 128 + n after signal n.
  static func main() {
    signal(SIGPIPE, SIG_IGN)  // A closed pipe, and a full file quota, are errors like others.
    signal(SIGXFSZ, SIG_IGN)
    do {
      try refuseMistypedCommand(Array(CommandLine.arguments.dropFirst()))
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as Failure {
      complain(failure.message)
      Glibc.exit(failure.code)
    } catch {
      let code = exitCode(for: error)
      // Help that was asked for, and the end after a signal, are no mistakes.
      if code.isSuccess || error is ExitCode { exit(withError: error) }
      let text = message(for: error)
      complain((text.hasSuffix(".") ? String(text.dropLast()) : text) + "; see --help")
      Glibc.exit(code.rawValue)
    }
  }

  /// A first word that is neither a command nor a model gets the nearest of both.
  private static func refuseMistypedCommand(_ arguments: [String]) throws(Failure) {
    guard let word = arguments.first, !word.hasPrefix("-"), word != "help" else { return }
    let commands = configuration.subcommands.map {
      $0.configuration.commandName ?? "\($0)".lowercased()
    }
    guard !commands.contains(word), (try? Home.model(word)) == nil else { return }
    let near = nearest(word, among: commands + Home.models().map(\.name))
    throw Failure(
      "\(quoted(word)) is neither a command nor a model"
        + (near.map { "; nearest: \($0)" } ?? "; see specola --help"), code: 64)
  }
}

let version = "0.1.0"

extension Precision: ExpressibleByArgument {}
extension WeightForm: ExpressibleByArgument {}

/// The weights of a model that is read, not trained.
struct WeightOptions: ParsableArguments {
  @Option(help: "The weights in products: float32, bf16 or int8.")
  var precision: WeightForm = .float32

  /// Multiplies by the model's matrices in that form from now on.
  func apply(to model: any LanguageModel, _ lanes: Lanes) {
    model.parameters.use(precision)
    model.parameters.repack(lanes)
  }
}

/// What most commands take.
struct EngineOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads; all of the machine by default.", valueName: "N"))
  var threads: Int?

  @Option(help: "CPU path to force: portable, avx2 or avx512.")
  var path: String?

  /// The lanes that were asked for, the CPU path being forced on the way.
  func lanes() throws(Failure) -> Lanes {
    try apply()
    return Lanes(try threadCount() ?? Lanes.available)
  }

  func threadCount() throws(Failure) -> Int? {
    guard let threads else { return nil }
    guard (1...1024).contains(threads) else {
      throw Failure("--threads \(threads) is not in 1 to 1024", code: 64)
    }
    return threads
  }

  /// Forces the CPU path that was asked for, and refuses threads that there cannot be.
  func apply() throws(Failure) {
    _ = try threadCount()
    guard let path else { return }
    let known = Kernel.Path.allCases.map(\.rawValue)
    guard let wanted = Kernel.Path(rawValue: path) else {
      throw Failure(
        "--path \(quoted(path)) is not one of \(known.joined(separator: ", "))", code: 64)
    }
    guard Kernel.force(wanted) else {
      let able = Kernel.Path.allCases.filter(\.isAvailable).map(\.rawValue)
      throw Failure(
        "--path \(path): this CPU lacks it; it has \(able.joined(separator: ", "))", code: 1)
    }
  }
}
