// What a checkpoint keeps beside the weights, so that resuming is exact to the bit.

import Checkpoints
import Files
import Models
import Text

/// Where a run stands: training/state.json of a checkpoint.
struct RunState: Equatable {
  var step: Int
  /// The lowest validation loss so far.
  var best = Double.infinity
  /// Whether it is that of this step's weights.
  var isBest = false
  var turn: RateTurn?

  init(step: Int) { self.step = step }

  // MARK: - Files

  /// Writes a checkpoint into an empty folder.
  func write(_ parts: RunParts, to folder: String) throws(Failure) {
    try ModelDirectory.save(parts.model, parts.corpus.tokenizer, to: folder)
    try FileSystem.createDirectory(folder + "/training")
    try AtomicFile.write(json.text(), to: folder + "/training/state.json")
    let averages = parts.trainer.optimizer.state
    var writer = try SafetensorsWriter(
      folder + "/training/optimizer.safetensors",
      tensors: averages.map { TensorInfo(name: $0.name, shape: $0.parameter.shape.axes) })
    let byName = Dictionary(uniqueKeysWithValues: averages.map { ($0.name, $0.storage) })
    for tensor in writer.tensors {
      guard let storage = byName[tensor.name] else { continue }
      try writer.append(UnsafeBufferPointer(storage.floats))
    }
    try writer.commit()
  }

  /// Restores model and optimizer from the checkpoint of a step, and reads where it stands.
  init(of step: Int, from folder: String, into parts: RunParts) throws(Failure) {
    let json = try JSON(contentsOf: folder + "/training/state.json")
    guard json["step"]?.int == step else {
      throw Failure("\(visible(folder))/training/state.json: is not of step \(step)")
    }
    let averages = try SafetensorsFile(folder + "/training/optimizer.safetensors")
    let optimizer = parts.trainer.optimizer
    for (name, parameter, _) in optimizer.state
    where averages.shape(of: name) != parameter.shape.axes {
      throw Failure("\(visible(averages.path)): \(name) is not of this model")
    }
    try parts.model.parameters.load(from: CheckpointDirectory(folder))
    for (name, _, storage) in optimizer.state { try averages.read(name, into: storage.floats) }
    self.step = step
    best = json["best"]?.double ?? .infinity
    isBest = json["is_best"]?.bool ?? false
    turn = json["turn"].flatMap(RateTurn.init)
  }

  private var json: JSON {
    var members: [String: JSON] = [
      "step": .int(step), "best": best.isFinite ? .double(best) : .null, "is_best": .bool(isBest),
    ]
    if let turn {
      members["turn"] = [
        "step": .int(turn.step), "rate": .double(Double(turn.rate)),
        "peak": .double(Double(turn.peak)),
      ]
    }
    return .object(members)
  }
}

extension RateTurn {
  fileprivate init?(_ json: JSON) {
    guard let step = json["step"]?.int, let rate = json["rate"]?.double,
      let peak = json["peak"]?.double, Self.isRate(Float(rate))
    else { return nil }
    self.init(step: step, rate: Float(rate), peak: Float(peak))
  }
}
