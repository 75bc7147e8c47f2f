import Files
import Models
import Random
import Text

/// What a run learns from: sequences to train and to judge by, and a tokenizer where it is text.
public struct Corpus {
  public let tokenizer: (any Tokenizer)?
  /// Ids that the model must have.
  public let vocabulary: Int
  /// Of a BLT: the entropies of all its tokens, which say where patches end.
  public internal(set) var entropies: StoredEntropies?
  private let content: Content
  private let name: String

  private enum Content {
    case text(Atlas, path: String, isGenerated: Bool)
    case generated(training: any SequenceGenerator, heldOut: any SequenceGenerator)
  }

  /// Opens the corpus of a configuration; `atlas` is where `prepare` put a text.
  public init(_ config: DataConfig, atlas: String) throws(Failure) {
    name = config.path ?? config.make ?? ""
    if let (training, heldOut) = try Self.generators(config) {
      (tokenizer, vocabulary) = (nil, training.vocabulary)
      content = .generated(training: training, heldOut: heldOut)
      return
    }
    let isAtlas = config.path.map(Atlas.isAtlas) ?? false
    let path = isAtlas ? name : atlas
    let opened = try Atlas(path)
    tokenizer = try opened.tokenizerPath.map { (path) throws(Failure) in try loadTokenizer(path) }
    vocabulary = opened.vocabulary
    content = .text(opened, path: path, isGenerated: config.make != nil)
  }

  /// The atlas of a text, and its folder; nil for a generator.
  var atlas: (path: String, opened: Atlas)? {
    if case .text(let opened, let path, _) = content { (path, opened) } else { nil }
  }

  /// How windows begin with documents.
  private var documentStart: DocumentStart {
    tokenizer.map { !$0.prefix.isEmpty } ?? false ? .mark : .tokenBefore
  }

  /// What `data.make` can name.
  public static let generatorNames = ["sort", "adder", "copy"] + tales.keys.sorted()
  /// Of several grammars the stories come in turn.
  static let tales = [
    "tales": [Tales.english, Tales.italian], "tales-en": [Tales.english],
    "tales-it": [Tales.italian],
  ]

  /// The generators of a task; nil for text, that of the tales included.
  static func generators(
    _ config: DataConfig
  ) throws(Failure) -> (training: any SequenceGenerator, heldOut: any SequenceGenerator)? {
    switch config.make {
    case "sort": return (SortGenerator(), SortGenerator(split: .test))
    case "adder": return (AdderGenerator(), AdderGenerator(split: .test))
    case "copy": return (CopyGenerator(), CopyGenerator(split: .test))
    case let name? where tales[name] == nil:
      let near = nearest(name, among: generatorNames).map { " (nearest: \($0))" } ?? ""
      throw Failure(
        "data.make \(quoted(name)) is not one of \(generatorNames.joined(separator: ", "))\(near)")
    default: return nil
    }
  }

  // MARK: - Sequences

  /// Sequences to learn from: windows of the context, or rows of so many patches with `limit`
  /// tokens at most.
  ///
  /// - Precondition: patches are known where they are wanted.
  public func source(
    context: Int, patches: Int? = nil, limit: Int = .max
  ) throws(Failure) -> any SequenceSource {
    switch content {
    case .generated(let generator, _):
      guard generator.length <= context else {
        throw Failure(
          "\(name): its sequences have \(generator.length) tokens, the model's context is "
            + "\(context); raise n_positions")
      }
      return GeneratorSource(generator: generator)
    case .text(let atlas, _, let isGenerated):
      let (split, ends) = (atlas.split(.train), entropies?.patchEnds(.train))
      let documents = isGenerated ? documentStart : nil
      guard let patches else {
        return try CorpusSource(
          split, name: name, context: context, documents: documents, patches: ends)
      }
      guard let ends else { preconditionFailure("rows of patches that are not known") }
      return try PatchSource(split, ends, patches: patches, limit: limit, documents: documents)
    }
  }

  /// Sequences to judge by: a function of their index.
  public struct Validation: Sendable {
    public let count: Int
    public let sequence: @Sendable (Int) throws(Failure) -> ScoredSequence
  }

  /// The validation split, or `atMost` (if not 0) of its windows, spread evenly.
  public func validation(
    context: Int, _ windows: EvaluationWindows, seed: Int, atMost: Int
  ) throws(Failure) -> Validation {
    switch content {
    case .generated(_, let generator):
      // Sequences that training does not draw: a stream of their own, a place each.
      return Validation(count: atMost > 0 ? atMost : 1_000) { (i) throws(Failure) in
        var random = RandomStream(seed: seed, name: "validation")
        random.counter = UInt64(i) << 32
        return generator.sample(&random)
      }
    case .text(let atlas, _, let isGenerated):
      let whole = windows == .documents || windows == .automatic && isGenerated
      let split = SplitWindows(
        atlas.split(.validation), context: context, documents: whole ? documentStart : nil,
        patches: entropies?.patchEnds(.validation))
      guard !split.windows.isEmpty else {
        throw Failure(
          "\(visible(name)): the validation split has fewer than two tokens; hold out more text")
      }
      let all = split.windows.count
      let count = atMost > 0 ? min(atMost, all) : all
      return Validation(count: count) { (i) throws(Failure) in
        try split.sequence(count == all ? i : i * all / count)
      }
    }
  }

  // MARK: - Preparing

  /// Writes what `init` will open: the atlas of a text; nothing for a generator or an atlas.
  ///
  /// `given` is the tokenizer of the checkpoint that is trained on, used instead.
  public static func prepare(
    _ config: DataConfig, seed: Int, tokenizer given: (any Tokenizer)?, atlas: String
  ) throws(Failure) {
    if try generators(config) != nil || config.path.map(Atlas.isAtlas) ?? false { return }
    try build(config, seed: seed, tokenizer: given, atlas: atlas)
  }

  /// Builds an atlas from text: files, folders, or tales made now.
  public static func build(
    _ config: DataConfig, paths: [String]? = nil, seed: Int, tokenizer given: (any Tokenizer)?,
    atlas: String
  ) throws(Failure) {
    let text = try TrainingText(config, paths: paths, seed: seed)
    let tokenizer: any Tokenizer
    if let given { tokenizer = given } else { tokenizer = try trained(config, text) }
    var builder = try AtlasBuilder(
      atlas, tokenizerJSON: tokenizer.json.text(), vocabulary: tokenizer.vocabularySize)
    try text.forEach { (bytes, split) throws(Failure) in
      var ids = try tokenizer.encode(bytes)
      // Where texts begin with a mark, they end with one too.
      if !tokenizer.prefix.isEmpty {
        ids = tokenizer.prefix + ids + (tokenizer.eos.map { [$0] } ?? [])
      }
      try builder.append(ids, bytes: bytes.count, to: split)
    }
    try builder.finish()
  }

  /// The tokenizer that a configuration names, trained on the text where it has to be.
  private static func trained(
    _ config: DataConfig, _ text: TrainingText
  ) throws(Failure) -> any Tokenizer {
    switch config.tokenizer {
    case "byte": return ByteTokenizer(addsBOS: false)
    case "character":
      try text.requireText()
      var all: [UInt8] = []
      try text.forEach { (bytes, _) throws(Failure) in all += bytes }
      return try CharacterTokenizer(corpus: all)
    case "bpe":
      var trainer = try BytePairTrainer(vocabularySize: config.vocabulary)
      try text.forEach { (bytes, split) throws(Failure) in
        if split == .train { trainer.add(bytes) }
      }
      return try trainer.train()
    default:
      guard FileSystem.exists(config.tokenizer) else {
        throw Failure(
          "data.tokenizer \(quoted(config.tokenizer)) is neither byte, character, bpe nor the "
            + "path of a tokenizer.json")
      }
      return try loadTokenizer(config.tokenizer)
    }
  }
}

/// A generator draws its own sequences.
private struct GeneratorSource: SequenceSource {
  let generator: any SequenceGenerator

  func sample(_ random: inout RandomStream) throws(Failure) -> ScoredSequence {
    generator.sample(&random)
  }
}

/// The documents of a corpus with their splits: tales made on the way, or files.
private enum TrainingText {
  case tales([Grammar], seed: Int, documents: Int, validation: Double)
  case files(TextSource, validation: Double)
  case apart(TextSource, validation: TextSource)

  init(_ config: DataConfig, paths: [String]?, seed: Int) throws(Failure) {
    let share = config.validation.double
    if let share, !(0..<1).contains(share) {
      throw Failure("data.validation is \(share); give a share from 0 to below 1, or a path")
    }
    if let grammars = config.make.flatMap({ Corpus.tales[$0] }) {
      self = .tales(grammars, seed: seed, documents: config.documents, validation: share ?? 0.1)
      return
    }
    let source = try TextSource(paths ?? [config.path ?? ""])
    if let path = config.validation.string {
      self = .apart(source, validation: try TextSource([path]))
    } else {
      self = .files(source, validation: share ?? 0.1)
    }
  }

  func forEach(_ body: ([UInt8], Split) throws(Failure) -> Void) throws(Failure) {
    switch self {
    case .tales(let grammars, let seed, let documents, let share):
      var random = RandomStream(seed: seed, name: "tales")
      let training = documents - Int(Double(documents) * share)
      for i in 0..<documents {
        let text = grammars[i % grammars.count].sample(&random)
        try body(Array(text.utf8), i < training ? .train : .validation)
      }
    case .files(let source, let share):
      try source.forEach(validation: share, body)
    case .apart(let training, let validation):
      try training.forEach(validation: 0, body)
      try validation.forEach(validation: 0) { (bytes, _) throws(Failure) in
        try body(bytes, .validation)
      }
    }
  }

  func requireText() throws(Failure) {
    switch self {
    case .tales: return
    case .files(let source, _): try source.requireText()
    case .apart(let training, let validation):
      try training.requireText()
      try validation.requireText()
    }
  }
}
