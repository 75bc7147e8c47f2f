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
  ///
  /// `progress` is called while an entropy model reads the corpus for a BLT, with the share that is
  /// done; what it throws ends the work, and nothing is left of it.
  public static func create(
    _ path: String, _ beginning: Beginning, _ config: TrainingConfig, version: String,
    progress: (Double) throws(Failure) -> Void = { _ in }
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
      var corpus = try Corpus(config.data, atlas: atlas)
      let model = try beginning.model(config, &corpus, temporary, progress)
      _ = try RunParts.source(config, corpus, model)
      // Weights that do not fit are found before there is a run.
      if let start { try model.parameters.load(from: CheckpointDirectory(start)) }
      let plan = RunPlan(
        version: version, name: beginning.name, model: model.configuration, training: config,
        start: start, meanPatch: try corpus.entropies?.meanPatch())
      try plan.write(to: temporary)
    }
  }

  /// Makes the folder of a run that begins as another did: its plan, corpus and seed.
  ///
  /// `sets` are changes to the training configuration; another `target_patch` finds another
  /// threshold in the same entropies. The other run is only read, whoever has it.
  public static func again(
    _ path: String, as other: String, sets: [(key: String, value: String)] = [], version: String
  ) throws(Failure) -> RunFolder {
    let old = try RunPlan(of: other, sets: sets, isAgain: true)
    var plan = RunPlan(
      version: version, name: old.name, model: old.model, training: old.training, start: old.start,
      meanPatch: old.meanPatch)
    return try RunFolder.create(path) { (temporary) throws(Failure) in
      /// These files are never written again, so both runs may own them.
      func share(_ name: String) throws(Failure) {
        let (from, to) = ("\(other)/\(name)", "\(temporary)/\(name)")
        if link(from, to) != 0 { try AtomicFile.write(FileSystem.readAll(from), to: to) }
      }
      for part in ["atlas", "patcher"] where FileSystem.exists("\(other)/\(part)") {
        try FileSystem.createDirectory("\(temporary)/\(part)")
        for name in try FileSystem.list("\(other)/\(part)") { try share("\(part)/\(name)") }
      }
      let entropies = FileSystem.name(StoredEntropies.path(in: other))
      if FileSystem.exists("\(other)/\(entropies)") {
        try share(entropies)
        if let target = plan.training.targetPatch,
          sets.contains(where: { $0.key == "target_patch" })
        {
          let corpus = try Corpus(plan.training.data, atlas: temporary + "/atlas")
          try plan.retarget(target, StoredEntropies(in: temporary, of: corpus))
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
  ///
  /// The entropy model of a BLT goes into the folder, with what it makes of the corpus.
  fileprivate func model(
    _ config: TrainingConfig, _ corpus: inout Corpus, _ folder: String,
    _ progress: (Double) throws(Failure) -> Void
  ) throws(Failure) -> any LanguageModel {
    let vocabulary = corpus.vocabulary
    func rates(_ family: any ModelConfig.Type) throws(Failure) -> [(key: String, value: String)] {
      guard let rate = config.dropout else { return [] }
      guard rate == 0 || !family.dropoutKeys.isEmpty else {
        throw Failure("dropout is \(rate), a \(family.modelTypes[0]) model has none; leave it out")
      }
      return family.dropoutKeys.map { ($0, "\(rate)") }
    }
    let (shape, file): (any ModelConfig, String)
    switch self {
    case .configuration(let json, let path, let sets):
      let family = try Catalogue.family(of: json, from: path, rule: .strict)
      let context = config.context > 0 ? [(family.contextKey, "\(config.context)")] : []
      file = path
      shape = try Catalogue.shape(
        json, from: path, rule: .strict, sets: rates(family) + context + sets,
        vocabulary: vocabulary)
    case .checkpoint(let path):
      let json = try CheckpointDirectory(path).config
      file = path + "/config.json"
      let family = try Catalogue.family(of: json, from: file, rule: .huggingFace)
      shape = try Catalogue.shape(
        json, from: file, rule: .huggingFace, sets: rates(family), vocabulary: vocabulary)
    }
    guard var blt = shape as? BLTConfig, blt.patching.needsEntropies else {
      return shape.makeModel()
    }
    let patcher = try patcher(config)
    try FileSystem.createDirectory(folder + "/patcher")
    try ModelDirectory.save(patcher, corpus.tokenizer, to: folder + "/patcher")
    blt.patcher = patcher.config
    var entropies = try StoredEntropies(
      making: folder, of: corpus, by: patcher, lanes: Lanes(config.settled.threads),
      progress: progress)
    if let target = config.targetPatch {
      blt.threshold = Double(try entropies.threshold(forMean: target))
    }
    try blt.validate(file)
    entropies.patching = blt.patching
    corpus.entropies = entropies
    return blt.makeModel()
  }

  /// The entropy model that decides where the patches of a BLT end: a configuration names one, a
  /// checkpoint has its own.
  private func patcher(_ config: TrainingConfig) throws(Failure) -> EntropyModel {
    if case .checkpoint(let path) = self {
      if let patcher = (try ModelDirectory(path).model as? BLT)?.patcherAlone { return patcher }
    }
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
}
