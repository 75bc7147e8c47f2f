import ArgumentParser
import Checkpoints
import Files
import Text
import Training

struct Tokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "The pieces and ids of a text.",
    discussion: """
      examples:
        specola tokenize tales-en "Anna found a key."
        cat text.txt | specola tokenize MODEL - --json
      """)

  @Argument var model: String
  @Argument(help: "The text; - is standard input.") var text = "-"
  @Flag(help: #"Print {"ids":[],"tokens":[]}."#) var json = false

  func run() throws {
    let path = try Home.model(model)
    guard let tokenizer = try ModelDirectory.tokenizer(in: path) else {
      throw Failure("\(visible(path)) has no tokenizer.json")
    }
    let bytes = try text == "-" ? standardInput() : Array(text.utf8)
    let ids = try tokenizer.encodeWhole(bytes)
    if json {
      let object: JSON = [
        "ids": .array(ids.map { .int(Int($0)) }),
        "tokens": .array(ids.map { .string(tokenizer.piece($0)) }),
      ]
      return try emit(object.text())
    }
    try emit(columns(ids.map { ["\($0)", tokenizer.piece($0)] }))
  }
}
