import Files
import Training

/// What can be opened: names below models/, configurations to train, runs.
package struct Shelf: Sendable {
  package var models: [String] = []
  package var recipes: [String] = []
  package var runs: [String] = []

  /// What there is now.
  static func now() -> Shelf {
    let models = Home.models()
    let runs = ((try? FileSystem.list("runs")) ?? []).map { "runs/" + $0 }
    return Shelf(
      models: models.flatMap { model in [model.name] + model.steps.map { "\(model.name)@\($0)" } }
        + runs,
      recipes: Home.configurationNames(in: "train"), runs: runs)
  }
}
