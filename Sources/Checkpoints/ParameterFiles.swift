import Files
import Models

extension ParameterStore {
  /// Reads every parameter from a checkpoint; on any disagreement names all and changes nothing.
  ///
  /// A file without the base prefix (`h.0…` for `transformer.h.0…`) is accepted, as transformers
  /// does. Masks stored by old versions and a tied output layer are passed over.
  public func load(from file: some TensorSource) throws(Failure) {
    let names = Set(file.names)
    var wanted: [(parameter: Parameter, name: String)] = []
    var problems: [String] = []
    for parameter in parameters {
      let bare = parameter.name.split(separator: ".").dropFirst().joined(separator: ".")
      guard let name = [parameter.name, bare].first(where: names.contains) else {
        problems.append("\(parameter.name) is missing")
        continue
      }
      if let shape = file.shape(of: name), shape != parameter.shape.axes {
        problems.append("\(parameter.name) is \(shape), the model's is \(parameter.shape)")
      }
      wanted.append((parameter, name))
    }
    let used = Set(wanted.map(\.name))
    let passedOver = [".attn.bias", ".attn.masked_bias", "lm_head.weight"]
    for name in names.subtracting(used).sorted()
    where !passedOver.contains(where: name.hasSuffix) {
      problems.append("\(visible(name)) is not in the model")
    }
    guard problems.isEmpty else {
      let shown = problems.prefix(6).joined(separator: "; ")
      let more = problems.count > 6 ? "; and \(problems.count - 6) more" : ""
      throw Failure("\(visible(file.path)) does not fit the model: \(shown)\(more)")
    }
    for (parameter, name) in wanted { try file.read(name, into: parameter.storage.floats) }
  }

  /// Writes `model.safetensors`.
  public func save(to path: String, as format: WeightFormat = .float32) throws(Failure) {
    var writer = try SafetensorsWriter(
      path,
      tensors: parameters.map {
        TensorInfo(name: $0.name, dtype: format.dtype, shape: $0.shape.axes)
      })
    for tensor in writer.tensors {
      guard let parameter = self[tensor.name] else { continue }
      try writer.append(UnsafeBufferPointer(parameter.storage.floats))
    }
    try writer.commit()
  }
}
