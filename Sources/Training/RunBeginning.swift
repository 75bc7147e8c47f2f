// New runs: a folder that holds all that a run needs, so that after any crash it can be opened.

import Checkpoints
import Files
import Glibc
import Models
import Random
import Text

/// What a run begins with.
public enum Beginning {
  /// Random weights of a configuration, with `key=value` pairs laid over it.
  case configuration(JSON, path: String, sets: [(key: String, value: String)])
  /// The weights, and the tokenizer, of a checkpoint.
  case checkpoint(path: String)

  /// What a MODEL names: a configuration, checked with `sets` laid over it, or a checkpoint, whose
  /// shape nothing can change.
  public init(
    _ model: String, sets: [(key: String, value: String)]
  ) throws(Failure) {
    guard let file = Home.modelConfiguration(model) else {
      guard sets.isEmpty else {
        throw Failure("model.\(sets[0].key): a checkpoint's shape is fixed", code: 64)
      }
      self = .checkpoint(path: try Home.model(model))
      return
    }
    let json = try JSON(contentsOf: file)
    try Catalogue.shape(json, from: file, rule: .strict, sets: sets)
    self = .configuration(json, path: file, sets: sets)
  }
}

extension TrainingRun {
  /// Makes the folder of a new run, which can then be opened.
  public static func create(
    _ path: String, _ beginning: Beginning, _ config: TrainingConfig, version: String
  ) throws(Failure) -> RunFolder {
    try config.validate()
    return try RunFolder.create(path) { (temporary) throws(Failure) in
      var (tokenizer, start): ((any Tokenizer)?, String?)
      switch beginning {
      case .checkpoint(let path):
        (tokenizer, start) = (try ModelDirectory.tokenizer(in: path), path)
      case .configuration(let json, let path, _):
        let family = try Catalogue.family(of: json, from: path, rule: .strict)
        let marksTexts = family is RotaryConfig.Type || family is BLTConfig.Type
        if marksTexts, config.data.tokenizer == "byte" { tokenizer = ByteTokenizer() }
      }
      let atlas = temporary + "/atlas"
      try Corpus.prepare(config.data, seed: config.seed, tokenizer: tokenizer, atlas: atlas)
      let corpus = try Corpus(config.data, atlas: atlas)
      let model = try beginning.model(config, corpus, temporary)
      _ = try RunParts.source(config, corpus, model)
      let plan = RunPlan(
        version: version, name: beginning.name, model: model.configuration, training: config,
        start: start)
      try plan.write(to: temporary)
    }
  }

  /// Makes the folder of a run that begins as another did: its plan, corpus and seed.
  ///
  /// `sets` are changes to the training configuration. The other run is only read, whoever has it.
  public static func again(
    _ path: String, as other: String, sets: [(key: String, value: String)] = [], version: String
  ) throws(Failure) -> RunFolder {
    let old = try RunPlan(of: other, sets: sets)
    let plan = RunPlan(
      version: version, name: old.name, model: old.model, training: old.training, start: old.start)
    return try RunFolder.create(path) { (temporary) throws(Failure) in
      for part in ["atlas", "patcher"] where FileSystem.exists("\(other)/\(part)") {
        try FileSystem.createDirectory("\(temporary)/\(part)")
        for name in try FileSystem.list("\(other)/\(part)") {
          let (from, to) = ("\(other)/\(part)/\(name)", "\(temporary)/\(part)/\(name)")
          // These files are never written again, so both runs may own them.
          if link(from, to) != 0 { try AtomicFile.write(FileSystem.readAll(from), to: to) }
        }
      }
      try plan.write(to: temporary)
    }
  }
}

extension Beginning {
  /// The file's or the folder's name without its ending.
  fileprivate var name: String {
    switch self {
    case .configuration(_, let path, _):
      let name = FileSystem.name(path)
      return name.hasSuffix(".json") ? String(name.dropLast(5)) : name
    case .checkpoint(let path): return FileSystem.name(path)
    }
  }

  /// The model to train: the training configuration rules its context and its dropout.
  fileprivate func model(
    _ config: TrainingConfig, _ corpus: Corpus, _ folder: String
  ) throws(Failure) -> any LanguageModel {
    let vocabulary = corpus.vocabulary
    func rates(_ family: any ModelConfig.Type) throws(Failure) -> [(key: String, value: String)] {
      guard let rate = config.dropout else { return [] }
      guard rate == 0 || !family.dropoutKeys.isEmpty else {
        throw Failure("dropout is \(rate), a \(family.modelTypes[0]) model has none; leave it out")
      }
      return family.dropoutKeys.map { ($0, "\(rate)") }
    }
    switch self {
    case .configuration(let json, let path, let sets):
      let family = try Catalogue.family(of: json, from: path, rule: .strict)
      let context = config.context > 0 ? [(family.contextKey, "\(config.context)")] : []
      let shape = try Catalogue.shape(
        json, from: path, rule: .strict, sets: rates(family) + context + sets,
        vocabulary: vocabulary)
      guard var blt = shape as? BLTConfig, blt.hasPatcher else { return shape.makeModel() }
      let patcher = try Self.patcher(config)
      try FileSystem.createDirectory(folder + "/patcher")
      try ModelDirectory.save(patcher, corpus.tokenizer, to: folder + "/patcher")
      blt.patcher = patcher.config
      if let target = config.targetPatch {
        blt.threshold = try Self.threshold(target, patcher, corpus, context: blt.context)
      }
      try blt.validate(path)
      return blt.makeModel()
    case .checkpoint(let path):
      let (json, file) = (try CheckpointDirectory(path).config, path + "/config.json")
      let family = try Catalogue.family(of: json, from: file, rule: .huggingFace)
      return try Catalogue.model(
        json, from: file, rule: .huggingFace, sets: rates(family), vocabulary: vocabulary)
    }
  }

  /// The entropy model of a configuration for a BLT.
  private static func patcher(_ config: TrainingConfig) throws(Failure) -> EntropyModel {
    guard let path = config.patcher else {
      throw Failure(
        "a BLT is trained on the patches of an entropy model: give its directory or run with "
          + "--set patcher=PATH")
    }
    guard let patcher = try Home.load(path).model as? EntropyModel else {
      throw Failure("patcher \(quoted(path)) is no entropy model (model_type blt_patcher)")
    }
    return patcher
  }

  /// The threshold at which patches of the corpus are so long on average, by some 100,000 bytes.
  private static func threshold(
    _ target: Double, _ patcher: EntropyModel, _ corpus: Corpus, context: Int
  ) throws(Failure) -> Double {
    let source = try corpus.source(context: context)
    var random = RandomStream(seed: 0, name: "threshold")
    var entropies: [Float] = [0]
    while entropies.count < 100_000 {
      let ids = try source.sample(&random).input
      // The first of every window knows nothing of what is before it, and is a patch anyway.
      entropies += patcher.entropies(Tokens([ids]), Pass()).dropFirst()
    }
    return Double(Patching().threshold(forMean: target, entropies))
  }
}
