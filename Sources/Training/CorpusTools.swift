// What the `data` and `evaluate` commands do with corpora outside a run.

import Files
import Models
import Random
import Text

extension Corpus {
  /// One line about something that `data.make` can name.
  public static func description(of name: String) -> String {
    switch name {
    case "sort": "6 digits of 3 kinds, then the same sorted (minGPT)"
    case "adder": "sums of two numbers of two digits, the sum reversed (minGPT)"
    case "copy": "random tokens, no two alike, of which one stretch comes twice"
    default:
      tales[name].map { grammars in
        let rates = grammars.map { $0.entropyRate() }
        let bytes = rates.reduce(0) { $0 + $1.bytes } / Double(rates.count)
        let bits = rates.reduce(0) { $0 + $1.bitsPerByte * $1.bytes } / bytes / Double(rates.count)
        return "very short stories of \(Int(bytes.rounded())) bytes, "
          + "\((1e4 * bits).rounded() / 1e4) bits a byte"
      } ?? ""
    }
  }

  /// The loss in nats a token that no model can fall below: the exact entropy of a tale, shared out
  /// over the tokens that its tales have on the average.
  ///
  /// Nil for all but tales. It holds for whole stories, as validation reads them: a random window
  /// ends within one.
  public static func entropyFloor(_ config: DataConfig, atlas path: String) -> Double? {
    guard let grammars = config.make.flatMap({ tales[$0] }), let atlas = try? Atlas(path) else {
      return nil
    }
    let splits = [Split.train, .validation].map(atlas.split)
    let stories = splits.reduce(0) { $0 + $1.documents }
    let tokens = splits.reduce(0) { $0 + $1.tokens }
    let nats = grammars.reduce(0) { $0 + $1.entropyRate().nats } / Double(grammars.count)
    return tokens > 0 ? nats * Double(stories) / Double(tokens) : nil
  }

  /// Hands over what a generator makes: a story, or the tokens of a sequence, a line each.
  public static func examples(
    _ config: DataConfig, seed: Int, _ body: (String) throws(Failure) -> Void
  ) throws(Failure) {
    var random = RandomStream(seed: seed, name: config.make ?? "")
    if let (generator, _) = try generators(config) {
      for _ in 0..<config.documents {
        let sequence = generator.sample(&random)
        let tokens = sequence.input + sequence.targets.suffix(1)
        try body(tokens.map(String.init).joined(separator: " "))
      }
    } else if let grammars = config.make.flatMap({ tales[$0] }) {
      for i in 0..<config.documents {
        try body(String(grammars[i % grammars.count].sample(&random).dropLast()))
      }
    }
  }

  /// The loss of a model on a text, a folder, or the validation split of an atlas.
  public static func evaluate(
    _ model: any LanguageModel, _ tokenizer: any Tokenizer, on path: String, lanes: Lanes,
    progress: (Double) -> Bool
  ) throws(Failure) -> Evaluation {
    let split: AtlasSplit
    if Atlas.isAtlas(path) {
      let atlas = try Atlas(path)
      try atlas.verify()
      split = atlas.split(.validation)
      let isSame = try atlas.tokenizerPath.map { (path) throws(Failure) in
        try loadTokenizer(path).json == tokenizer.json
      }
      guard isSame ?? false else {
        throw Failure("\(visible(path)): was built with another tokenizer than the model's")
      }
    } else {
      var ids: [Int32] = []
      let source = try TextSource([path])
      for document in source.documents {
        // With the mark that the model knows texts to begin with, the first byte is scored as well.
        ids += try tokenizer.prefix + tokenizer.encode(source.bytes(of: document))
      }
      split = Atlas.inMemory(vocabulary: tokenizer.vocabularySize, [.validation: [ids]])
        .split(.validation)
    }
    guard split.tokens > 1 else {
      throw Failure("\(visible(path)): fewer than two tokens leave nothing to predict; give more")
    }
    let windows = SplitWindows(split, context: model.context, documents: nil)
    let lengths = (0..<Int32(model.vocabulary)).map { tokenizer.bytes(of: $0).count }
    return try Evaluation.of(
      model, count: windows.windows.count, tokenLengths: lengths, lanes: lanes, progress: progress
    ) { (i) throws(Failure) in try windows.sequence(i) }
  }
}
