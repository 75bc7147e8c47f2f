import Checkpoints
import Files
import Glibc
import TestSupport
import Testing

struct CheckpointDirectoryTests {
  /// A checkpoint of two shards, "a" in one and "b" and "c" in two.
  private func make(_ folder: String) throws {
    try AtomicFile.write(#"{"model_type": "gpt2"}"#, to: folder + "/config.json")
    try shard(["a": 1], to: folder + "/one.safetensors")
    try shard(["b": 2, "c": 3], to: folder + "/two.safetensors")
    try index(["a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"], folder)
  }

  private func shard(_ values: [String: Float], to path: String) throws {
    let infos = values.keys.map { TensorInfo(name: $0, shape: [1]) }
    var writer = try SafetensorsWriter(path, tensors: infos)
    for tensor in writer.tensors {
      try [values[tensor.name] ?? 0].withUnsafeBufferPointer { try writer.append($0) }
    }
    try writer.commit()
  }

  private func index(_ map: JSON, _ folder: String) throws {
    let text = JSON.object(["metadata": [:], "weight_map": map]).text(pretty: true)
    try AtomicFile.write(text, to: folder + "/model.safetensors.index.json")
  }

  private func problem(_ folder: String) -> String {
    message { _ = try CheckpointDirectory(folder) }
  }

  @Test func oneFileOrShards() async throws {
    try withTemporaryFolder { folder in
      try make(folder)
      let sharded = try CheckpointDirectory(folder)
      #expect(sharded.config["model_type"] == "gpt2")
      #expect(sharded.names == ["a", "b", "c"])
      #expect(try sharded.names.flatMap { try sharded.floats($0) } == [1, 2, 3])
      #expect(sharded.shape(of: "b") == [1] && sharded.dtype(of: "c") == "F32")
      #expect(try sharded.readBytes("a") == [0, 0, 0x80, 0x3F])
      #expect(message { _ = try sharded.floats("z") }.contains("has no tensor \"z\""))
      try shard(["whole": 4], to: folder + "/model.safetensors")
      #expect(try CheckpointDirectory(folder).floats("whole") == [4])
    }
  }

  @Test func shardsMayBeLinks() async throws {
    try withTemporaryFolder { folder in
      let inner = folder + "/snapshot"
      try FileSystem.createDirectory(inner)
      try make(inner)
      rename(inner + "/one.safetensors", folder + "/blob")
      symlink("../blob", inner + "/one.safetensors")
      #expect(try CheckpointDirectory(inner).floats("a") == [1])
    }
  }

  @Test func whatIsMissing() async throws {
    try withTemporaryFolder { folder in
      #expect(problem(folder + "/no").contains("not there; a checkpoint is a folder with config"))
      #expect(problem(folder).contains("has no config.json"))
      try AtomicFile.write("[]", to: folder + "/config.json")
      #expect(problem(folder).contains("config.json: not a JSON object"))
      #expect(problem(folder + "/config.json").contains("not a folder"))
      try AtomicFile.write("{}", to: folder + "/config.json")
      #expect(problem(folder).contains("has no model.safetensors; a checkpoint is"))
      try AtomicFile.write("", to: folder + "/pytorch_model.bin")
      #expect(problem(folder).contains("save pytorch_model.bin as safetensors"))
      try make(folder)
      FileSystem.remove(folder + "/two.safetensors")
      #expect(problem(folder).contains("lists \"two.safetensors\", which is missing"))
      mkfifo(folder + "/two.safetensors", 0o600)
      #expect(problem(folder).contains("is a FIFO"))
    }
  }

  @Test(
    arguments: [
      "../one.safetensors", "/etc/passwd", "..", ".", "", "sub/one.safetensors", "one\u{0}x", nil,
      3,
      ["one.safetensors"],
    ] as [JSON])
  func shardsOutsideTheFolder(name: JSON) async throws {
    try withTemporaryFolder { folder in
      try make(folder)
      try index(["a": name], folder)
      #expect(
        problem(folder).contains(
          "\"a\" is in \(name.string.map(quoted) ?? "no string"), which is not the"))
    }
  }

  @Test func indexAgainstShards() async throws {
    try withTemporaryFolder { folder in
      try make(folder)
      try index(["a": "two.safetensors", "b": "one.safetensors"], folder)
      #expect(problem(folder).contains("tensor \"a\" is not in \"two.safetensors\", as listed"))
      try shard(["a": 1, "b": 2], to: folder + "/one.safetensors")
      #expect(problem(folder).contains("is both in \"one.safetensors\" and in \"two.safetensors\""))
      try index(["a": .string(String(repeating: "x", count: 100_000))], folder)
      #expect(
        problem(folder).contains("xxx…\", which is missing") && problem(folder).utf8.count < 400)
      for text in ["{}", "[]", #"{"weight_map": {}}"#, #"{"weight_map": []}"#] {
        try AtomicFile.write(text, to: folder + "/model.safetensors.index.json")
        #expect(problem(folder).contains("has no weight_map"))
      }
    }
  }
}
