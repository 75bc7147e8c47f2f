// New runs: a folder that holds all that a run needs, so that after any crash it can be opened.

import Checkpoints
import Files
import Glibc
import Models
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
      if case .checkpoint(let path) = beginning {
        (tokenizer, start) = (try ModelDirectory.tokenizer(in: path), path)
      }
      let atlas = temporary + "/atlas"
      try Corpus.prepare(config.data, seed: config.seed, tokenizer: tokenizer, atlas: atlas)
      let corpus = try Corpus(config.data, atlas: atlas)
      let model = try beginning.model(config, vocabulary: corpus.vocabulary)
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
      try FileSystem.createDirectory(temporary + "/atlas")
      for name in (try? FileSystem.list(other + "/atlas")) ?? [] {
        let (from, to) = ("\(other)/atlas/\(name)", "\(temporary)/atlas/\(name)")
        // Files of an atlas are never written again, so both runs may own them.
        if link(from, to) != 0 { try AtomicFile.write(FileSystem.readAll(from), to: to) }
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
    _ config: TrainingConfig, vocabulary: Int
  ) throws(Failure) -> any LanguageModel {
    let rates = config.dropout.map { rate in
      ["embd_pdrop", "attn_pdrop", "resid_pdrop"].map { (key: $0, value: "\(rate)") }
    }
    switch self {
    case .configuration(let json, let path, let sets):
      let context = config.context > 0 ? [(key: "n_positions", value: "\(config.context)")] : []
      return try Catalogue.model(
        json, from: path, rule: .strict, sets: (rates ?? []) + context + sets,
        vocabulary: vocabulary)
    case .checkpoint(let path):
      return try Catalogue.model(
        CheckpointDirectory(path).config, from: path + "/config.json", rule: .huggingFace,
        sets: rates ?? [], vocabulary: vocabulary)
    }
  }
}
