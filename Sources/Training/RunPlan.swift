// What a run was told, and what is built from it.

import Checkpoints
import Files
import Models
import Text

/// What a run was told: its run.json.
public struct RunPlan: Codable, Equatable, Sendable {
  public var version: String
  /// The CPU path of the machine on which the run began.
  public var cpuPath: String
  /// What the model's configuration or checkpoint is called; nil in runs of older versions.
  public var name: String?
  /// The model, under the keys of its config.json.
  public var model: JSON
  public var training: TrainingConfig
  /// The checkpoint whose weights were the first; nil for random ones.
  public var start: String?
  /// Of a BLT: tokens a patch in the training split, on average.
  public var meanPatch: Double?

  enum CodingKeys: String, CodingKey {
    case version, name, model, training, start
    case meanPatch = "mean_patch"
    case cpuPath = "cpu_path"
  }

  init(
    version: String, name: String?, model: JSON, training: TrainingConfig, start: String?,
    meanPatch: Double? = nil
  ) {
    (self.version, self.name, self.model, self.start) = (version, name, model, start)
    self.meanPatch = meanPatch
    (self.training, cpuPath) = (training.settled, Kernel.path.rawValue)
  }

  /// Reads the plan of a run; `sets` are changes to its training configuration.
  ///
  /// For a run that begins as another did they may be more than for the run itself.
  public init(
    of folder: String, sets: [(key: String, value: String)] = [], isAgain: Bool = false
  ) throws(Failure) {
    let file = folder + "/run.json"
    guard FileSystem.exists(file) else {
      throw Failure("\(visible(folder)) is not a run: it has no run.json")
    }
    self = try overlay(
      RunPlan(version: "", name: nil, model: [:], training: TrainingConfig(), start: nil),
      file: try JSON(contentsOf: file), fileName: file, sets: [])
    let fixed =
      ["data", "seed", "context", "dropout", "patcher"] + (isAgain ? [] : ["target_patch"])
    if let set = sets.first(where: { set in
      fixed.contains { set.key == $0 || set.key.hasPrefix($0 + ".") }
    }) {
      throw Failure("--set \(quoted(set.key)): a run keeps it; begin another run", code: 64)
    }
    training = try overlay(training, file: nil, fileName: file, sets: sets)
    try training.validate(from: file)
    training = training.settled
  }

  /// Gives a BLT the threshold at which patches are so long on average.
  mutating func retarget(_ target: Double, _ entropies: StoredEntropies) throws(Failure) {
    var (entropies, shape) = (entropies, model.object ?? [:])
    let threshold = try entropies.threshold(forMean: target)
    shape["patching_threshold"] = .double(Double(threshold))
    entropies.patching = Patching(threshold: threshold, longest: shape["max_patch_length"]?.int)
    (model, meanPatch) = (.object(shape), try entropies.meanPatch())
  }

  func write(to folder: String) throws(Failure) {
    try AtomicFile.write(
      JSON(encoding: self).text(pretty: true) + "\n", to: folder + "/run.json")
  }
}

/// What a plan builds: corpus, model (its weights still to be set) and trainer.
struct RunParts {
  private(set) var corpus: Corpus
  let model: any LanguageModel
  /// Tokens a sequence.
  let context: Int
  let trainer: Trainer<LanguageTask>
  private let tokenLengths: [Int]?

  init(_ plan: RunPlan, in folder: String) throws(Failure) {
    let (file, config) = (folder + "/run.json", plan.training)
    corpus = try Corpus(config.data, atlas: folder + "/atlas")
    model = try Catalogue.model(plan.model, from: file, rule: .huggingFace)
    guard corpus.vocabulary <= model.vocabulary else {
      throw Failure(
        "\(visible(file)): the corpus has \(corpus.vocabulary) ids, the model "
          + "\(model.vocabulary); it was begun with other data")
    }
    if let blt = model as? BLT, blt.config.patching.needsEntropies {
      var entropies = try StoredEntropies(in: folder, of: corpus)
      entropies.patching = blt.config.patching
      corpus.entropies = entropies
    }
    let source: any SequenceSource
    (source, context) = try Self.source(config, corpus, model)
    let task = LanguageTask(model, source, sequences: config.batchSize)
    trainer = Trainer(config, task, lanes: Lanes(config.threads))
    let ids = 0..<Int32(model.vocabulary)
    tokenLengths = corpus.tokenizer.map { tokenizer in ids.map { tokenizer.bytes(of: $0).count } }
  }

  /// What a run learns from, and its context; throws where text or memory do not suffice.
  static func source(
    _ config: TrainingConfig, _ corpus: Corpus, _ model: any LanguageModel
  ) throws(Failure) -> (any SequenceSource, context: Int) {
    let context = config.context > 0 ? config.context : model.context
    guard context <= model.context else {
      throw Failure("context is \(context), the checkpoint reads at most \(model.context) tokens")
    }
    var limit = context
    if config.patchesPerSequence != nil {
      guard let blt = model as? BLT, corpus.entropies != nil else {
        throw Failure("patches_per_sequence is of a BLT with an entropy model; leave it out")
      }
      limit = blt.config.encoder.context
    }
    let source = try corpus.source(
      context: context, patches: config.patchesPerSequence, limit: limit)
    if config.evaluateEvery > 0 {
      _ = try corpus.validation(
        context: context, config.evaluateWindows, seed: config.seed, atMost: 1)
    }
    try config.requireMemory(model, context: limit)
    return (source, context)
  }

  /// Sequences to judge by.
  func validation() throws(Failure) -> Corpus.Validation {
    let config = trainer.config
    return try corpus.validation(
      context: context, config.evaluateWindows, seed: config.seed,
      atMost: config.evaluateBatches * config.batchSize)
  }

  /// Judges the model by them; `progress` as for `Evaluation.of`.
  func evaluation(_ progress: (Double) -> Bool) throws(Failure) -> Evaluation {
    let sequences = try validation()
    return try trainer.multiplying { () throws(Failure) in
      try Evaluation.of(
        model, count: sequences.count, tokenLengths: tokenLengths, lanes: trainer.lanes,
        progress: progress, sequence: sequences.sequence)
    }
  }
}
