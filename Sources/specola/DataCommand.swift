import ArgumentParser
import Checkpoints
import Files
import Text
import Training

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Corpora: made, downloaded, or built from text.",
    discussion: """
      examples:
        specola data get tinyshakespeare
        specola data build notes/ --out data/notes --tokenizer bpe
      """,
    subcommands: [List.self, Make.self, Get.self, Build.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What can be made or downloaded.")
    @Flag(help: "Print an object.") var json = false

    func run() throws {
      let known = Download.known
      if json {
        let object: JSON = [
          "make": .array(Corpus.generatorNames.map(JSON.string)),
          "get": .array(known.map { .string($0.name) }),
        ]
        return try emit(object.text())
      }
      let rows = Corpus.generatorNames.map { ["make", $0, Corpus.description(of: $0)] }
      try emit(columns(rows + known.map { ["get", $0.name, "\(grouped($0.bytes)) bytes"] }))
    }
  }

  struct Make: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Prints what a generator makes, or writes tales to a file.")
    @Argument(help: "sort, adder, copy, tales, tales-en or tales-it.") var name: String
    @Option(parsing: .unconditional, help: "How many sequences or stories.") var documents = 10
    @Option(parsing: .unconditional, help: "The seed.") var seed = 1337
    @Option(help: "The file to write; standard output by default.") var out: String?

    func run() throws {
      guard documents > 0 else {
        throw Failure("--documents \(documents) is not positive", code: 64)
      }
      var config = DataConfig()
      (config.make, config.documents) = (name, documents)
      guard let out else {
        return try Corpus.examples(config, seed: seed) { (line) throws(Failure) in try emit(line) }
      }
      var file = try AtomicFile(out)
      try Corpus.examples(config, seed: seed) { (line) throws(Failure) in
        try file.append(line + "\n")
      }
      try file.commit()
      note("wrote \(visible(out))")
    }
  }

  struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Downloads a known corpus.")
    @Argument var name: String
    @Option(help: "The file to write; data/NAME.txt by default.") var out: String?

    func run() throws {
      let path = out ?? "data/\(name).txt"
      try Download.named(name).fetch(to: path, progress: isTerminal(2))
      note("\(visible(path)) is there, and its SHA-256 is right")
    }
  }

  struct Build: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Builds an atlas from files and folders.")
    @Argument(help: "Files and folders of text.") var files: [String]
    @Option(help: "The folder to make.") var out: String
    @Option(help: "byte, character, bpe, or the path of a tokenizer.json.") var tokenizer = "byte"
    @Option(parsing: .unconditional, help: "Ids of a tokenizer that is trained.") var vocabulary =
      1_024
    @Option(parsing: .unconditional, help: "The share that is held out.") var validation = 0.1

    func run() throws {
      var config = DataConfig()
      (config.tokenizer, config.vocabulary) = (tokenizer, vocabulary)
      config.validation = .double(validation)
      guard vocabulary > 0 else {
        throw Failure("--vocabulary \(vocabulary) is not positive", code: 64)
      }
      try Corpus.build(config, paths: files, seed: 0, tokenizer: nil, atlas: out)
      let atlas = try Atlas(out)
      for split in Split.allCases where atlas.split(split).tokens > 0 {
        let part = atlas.split(split)
        note(
          "\(visible(out)): \(split.rawValue) has \(grouped(part.tokens)) tokens, "
            + "\(grouped(part.documents)) documents, \(grouped(part.byteCount)) bytes")
      }
    }
  }
}
