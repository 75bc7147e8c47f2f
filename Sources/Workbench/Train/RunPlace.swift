import Files
import Models
import Training

/// Where the run of an order is, or is to be.
enum RunPlace {
  case existing(String)
  case new(path: String, TrainingConfig, make: Making)

  /// Makes the run; it tells the share that is done where that takes long.
  typealias Making = (
    _ version: String, _ progress: (Double) -> Void
  ) throws(Failure) -> RunFolder

  /// `open` is the folder of the run that `again` means.
  init(_ order: TrainOrder, after open: String?) throws(Failure) {
    let pairs = order.sets.map { ($0.key, $0.value) }
    if order.name == "again" {
      guard let open else {
        throw Failure("train again: no run is open; train NAME begins one", code: 64)
      }
      let path = RunFolder.unused(open)
      self = .new(path: path, try RunPlan(of: open, sets: pairs, isAgain: true).training) {
        (version, _) throws(Failure) in
        try TrainingRun.again(path, as: open, sets: pairs, version: version)
      }
      return
    }
    let path = RunPlace.path(of: order.name)
    let hasRecipe = (try? Home.configuration(order.name, in: "train")) != nil
    if FileSystem.exists(path + "/run.json"), !hasRecipe || path == order.name {
      self = .existing(path)
    } else {
      self = try RunPlace.recipe(order.name, pairs)
    }
  }

  /// The folder of a run that is named, or given by its path.
  static func path(of name: String) -> String {
    FileSystem.exists(name + "/run.json") ? name : "runs/" + name
  }

  /// The shortest name by which `path(of:)` finds a run.
  static func name(of path: String) -> String {
    path.hasPrefix("runs/") ? String(path.dropFirst(5)) : path
  }

  /// A new run of a training configuration, with the model configuration of the same name.
  ///
  /// `model=NAME` is another model, or a checkpoint to go on from; `model.KEY` changes its shape;
  /// `out=PATH` is the run's folder.
  private static func recipe(
    _ name: String, _ sets: [(key: String, value: String)]
  ) throws(Failure) -> RunPlace {
    let file = try Home.configuration(name, in: "train")
    // Checkpoints are what one goes back to, so more of them stay.
    var defaults = TrainingConfig()
    defaults.keepLast = 10
    let config = try overlay(
      defaults, file: try JSON(contentsOf: file), fileName: file,
      sets: sets.filter { $0.key != "out" && $0.key != "model" && !$0.key.hasPrefix("model.") })
    try config.validate(from: file)
    try Home.explainMissing(config.data)
    let stem = FileSystem.name(file).split(separator: ".").first.map(String.init) ?? name
    let shape = sets.filter { $0.key.hasPrefix("model.") }.map {
      (key: String($0.key.dropFirst(6)), value: $0.value)
    }
    let beginning = try Beginning(sets.last { $0.key == "model" }?.value ?? stem, sets: shape)
    let path = sets.last { $0.key == "out" }?.value ?? RunFolder.unused("runs/" + stem)
    return .new(path: path, config) { (version, progress) throws(Failure) in
      try TrainingRun.create(path, beginning, config, version: version, progress: progress)
    }
  }
}

extension RunFacts {
  init(_ run: TrainingRun, _ order: TrainOrder, _ forecast: Forecast?) throws(Failure) {
    let path = run.folder.path
    log = try RunLog(path)
    (self.order, self.forecast, notes) = (order, forecast, run.notes)
    (parameters, isText) = (run.model.parameters.count, run.corpus.tokenizer != nil)
    isNew = run.trainer.step == 0
    let folder = FileSystem.parent(path)
    let (data, name) = (run.plan.training.data, FileSystem.name(path))
    siblings = ((try? FileSystem.list(folder)) ?? []).suffix(200).compactMap { other in
      guard other != name, let plan = try? RunPlan(of: folder + "/" + other),
        plan.training.data.make == data.make, plan.training.data.path == data.path
      else { return nil }
      return RunPlace.name(of: folder + "/" + other)
    }
  }
}

extension Recipe {
  /// Multiplications with addition that a run of small models makes a second, about.
  private static var speed: Double {
    let rounds = 2_000_000
    _ = Kernel.multiplyAdds(rounds: rounds / 4)
    let began = ContinuousClock.now
    let operations = Kernel.multiplyAdds(rounds: rounds)
    let peak = operations / ((ContinuousClock.now - began) / .seconds(1))
    return 0.18 * peak * Double(Lanes.available)
  }

  /// All training configurations that a model configuration of the same name goes with.
  static func all() -> [Recipe] {
    let speed = Recipe.speed
    return Home.configurationNames(in: "train").compactMap { name in
      guard let file = try? Home.configuration(name, in: "train"),
        let json = try? JSON(contentsOf: file),
        let config = try? overlay(TrainingConfig(), file: json, fileName: file, sets: []),
        let modelFile = Home.modelConfiguration(name), let model = try? JSON(contentsOf: modelFile),
        let shape = try? Catalogue.shape(
          model, from: modelFile, rule: .strict, vocabulary: config.data.vocabulary(of: name))
      else { return nil }
      let context = config.context > 0 ? config.context : shape.context
      // Forward and backward are three products for each parameter and token.
      let work = 3.0 * Double(config.steps * config.batchSize * config.accumulation * context)
      var problem: String?
      do throws(Failure) { try Home.explainMissing(config.data) } catch { problem = error.message }
      // What learns: the entropy model of a BLT does not.
      var learning = shape as? BLTConfig
      learning?.hasPatcher = false
      return Recipe(
        name: name, subject: config.data.subject,
        parameters: Int(learning?.parameterCount ?? shape.parameterCount),
        steps: config.steps,
        seconds: problem == nil
          ? work * shape.weightsUsed(patch: config.targetPatch ?? 4.5) / speed : nil,
        problem: problem)
    }
  }
}

extension DataConfig {
  /// What there is to learn, in a line.
  fileprivate var subject: String {
    if let make { return Corpus.description(of: make) }
    return "the text \(path ?? "")"
  }

  /// How many ids the model will have, about.
  fileprivate func vocabulary(of name: String) -> Int? {
    if make == "sort" || make == "adder" || make == "copy" { return nil }
    return tokenizer == "bpe" ? vocabulary : tokenizer == "character" ? 65 : 260
  }
}
