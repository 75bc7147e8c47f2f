import Files

/// A checkpoint as Hugging Face keeps it: a folder with config.json and model.safetensors.
///
/// Large ones have shards in its place, listed in model.safetensors.index.json. Shards must lie in
/// the folder itself (links there may lead elsewhere, as in the Hugging Face cache).
public struct CheckpointDirectory: TensorSource {
  public let path: String
  /// config.json, an object.
  public let config: JSON
  public let names: [String]
  private let shards: [SafetensorsFile]
  private let shardOf: [String: Int]

  /// Opens the folder and checks the header of every shard.
  public init(_ path: String) throws(Failure) {
    let shown = visible(path)
    let wanted = "a checkpoint is a folder with config.json and model.safetensors"
    guard FileSystem.isDirectory(path) else {
      let problem = FileSystem.exists(path) ? "not a folder" : "not there"
      throw Failure("\(shown): \(problem); \(wanted)")
    }
    guard FileSystem.exists(path + "/config.json") else {
      throw Failure("\(shown): has no config.json; \(wanted)")
    }
    config = try JSON(contentsOf: path + "/config.json")
    guard config.object != nil else { throw Failure("\(shown)/config.json: not a JSON object") }

    let index = path + "/model.safetensors.index.json"
    var weightMap: [String: String] = [:]
    var files = ["model.safetensors"]
    if !FileSystem.exists(path + "/" + files[0]) {
      guard FileSystem.exists(index) else {
        let old = FileSystem.exists(path + "/pytorch_model.bin")
        throw Failure(
          "\(shown): has no model.safetensors"
            + (old ? "; save pytorch_model.bin as safetensors with transformers" : "; \(wanted)"))
      }
      weightMap = try CheckpointDirectory.weightMap(index)
      files = Set(weightMap.values).sorted()
    }

    var shards: [SafetensorsFile] = []
    var shardOf: [String: Int] = [:]
    for (number, file) in files.enumerated() {
      guard FileSystem.exists(path + "/" + file) else {
        throw Failure("\(visible(index)): lists \(quoted(file)), which is missing; copy it there")
      }
      let shard = try SafetensorsFile(path + "/" + file)
      for name in shard.names {
        if let other = shardOf.updateValue(number, forKey: name) {
          throw Failure(
            "\(shown): tensor \(quoted(name)) is both in \(quoted(files[other]))"
              + " and in \(quoted(file))")
        }
      }
      shards.append(shard)
    }
    for (name, file) in weightMap.sorted(by: { $0.key < $1.key }) {
      guard let number = shardOf[name], files[number] == file else {
        throw Failure(
          "\(visible(index)): tensor \(quoted(name)) is not in \(quoted(file)), as listed")
      }
    }
    self.path = path
    self.shards = shards
    self.shardOf = shardOf
    names = shardOf.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// The shard of each tensor, checked to be a plain file name.
  private static func weightMap(_ index: String) throws(Failure) -> [String: String] {
    guard let members = try JSON(contentsOf: index)["weight_map"]?.object, !members.isEmpty else {
      throw Failure("\(visible(index)): has no weight_map of tensor names to files")
    }
    var map: [String: String] = [:]
    for (name, value) in members {
      guard let file = value.string, !file.isEmpty, file != ".", file != "..",
        !file.utf8.contains(UInt8(ascii: "/")), !file.utf8.contains(0)
      else {
        throw Failure(
          "\(visible(index)): \(quoted(name)) is in \(value.string.map(quoted) ?? "no string"),"
            + " which is not the name of a file beside it")
      }
      map[name] = file
    }
    return map
  }

  public func shape(of name: String) -> [Int]? { shard(name)?.shape(of: name) }
  public func dtype(of name: String) -> String? { shard(name)?.dtype(of: name) }

  public func read(
    _ name: String, into floats: UnsafeMutableBufferPointer<Float>
  ) throws(Failure) {
    guard let shard = shard(name) else { throw missing(name) }
    try shard.read(name, into: floats)
  }

  public func readBytes(_ name: String) throws(Failure) -> [UInt8] {
    guard let shard = shard(name) else { throw missing(name) }
    return try shard.readBytes(name)
  }

  private func shard(_ name: String) -> SafetensorsFile? { shardOf[name].map { shards[$0] } }
}
