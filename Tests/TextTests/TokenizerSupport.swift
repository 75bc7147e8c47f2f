import Files
import Glibc
import TestSupport
import Text

/// What Hugging Face tokenizers says, by Tests/Fixtures/make_tokenizer_goldens.py.
struct TokenizerGoldens {
  let json: JSON
  let texts: [String]

  init() throws {
    json = try JSON(contentsOf: Fixtures.path("tokenizer-goldens.json"))
    texts = strings(json["texts"])
  }

  /// The ids of each text, under a key of the file.
  func ids(_ key: String) -> [[Int32]] {
    (json[key]?.array ?? []).map { ($0.array ?? []).compactMap { $0.int.map(Int32.init) } }
  }

  static func corpus() throws -> [UInt8] {
    try FileSystem.readAll(Fixtures.path("tokenizer-corpus.txt"))
  }
}

/// The strings of a JSON array.
func strings(_ json: JSON?) -> [String] { (json?.array ?? []).compactMap(\.string) }

/// The bytes of a text: `String` would call canonically equal texts equal.
func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Loads a tokenizer.json, with a configuration beside it if there is one.
func load(_ json: JSON, configuration: JSON? = nil) throws -> any Tokenizer {
  try withTemporaryFolder { folder in
    try AtomicFile.write(json.text(), to: folder + "/tokenizer.json")
    if let configuration {
      try AtomicFile.write(configuration.text(), to: folder + "/tokenizer_config.json")
    }
    return try loadTokenizer(folder)
  }
}

/// Random bytes: some texts are UTF-8, most are not.
func randomBytes(_ generator: inout SplitMix) -> [UInt8] {
  let alphabets: [[UInt8]] = [
    Array(0...255), Array("ab c'st\n".utf8), [0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0x80, 0x20],
  ]
  let alphabet = alphabets[generator.below(alphabets.count)]
  return (0..<generator.below(60)).map { _ in alphabet[generator.below(alphabet.count)] }
}
