import Checkpoints
import Files
import Glibc

/// A reader under test.
///
/// What readers throw is typed `Failure`, so that a finding is a trap, a sanitizer's report or a
/// failed `require`.
protocol FuzzTarget {
  /// `folder` is empty and its own; `corpus` holds further valid inputs.
  init(folder: String, corpus: [[UInt8]]) throws(Failure)
  /// Feeds one mutated input to the reader; whether it was taken.
  mutating func once(_ mutator: inout Mutator) throws(Failure) -> Bool
}

/// What a finding is, besides a trap.
func require(_ condition: Bool, _ message: @autoclosure () -> String) {
  precondition(condition, message())
}

/// The JSON parser: what it takes must survive being written and read again.
struct JSONTarget: FuzzTarget {
  private var seeds: [[UInt8]]

  init(folder: String, corpus: [[UInt8]]) {
    let texts = [
      #"{"a": [1, -2.5e-3, true, false, null, "é\u00e9\ud83d\ude00\n"], "b": {"c": {}}, "d": []}"#,
      #"[[[[[[0.1]]]]], 9223372036854775807, -9223372036854775808, 1E+2, "\\\"\/\b\f\n\r\t"]"#,
      String(repeating: "[", count: 250) + String(repeating: "]", count: 250),
    ]
    seeds = texts.map { Array($0.utf8) } + corpus
  }

  func once(_ mutator: inout Mutator) throws(Failure) -> Bool {
    var bytes = seeds.randomElement(using: &mutator) ?? []
    if mutator.chance(oneIn: 2), let value = try? JSON.parse(bytes, from: "seed") {
      bytes = Array(mutator.mutate(value).text(pretty: mutator.chance(oneIn: 2)).utf8)
    }
    if mutator.chance(oneIn: 2) { bytes = mutator.mutate(bytes) }
    guard let value = try accepted({ () throws(Failure) in try JSON.parse(bytes, from: "input") })
    else { return false }
    let text = value.text()
    let again = try JSON.parse(Array(text.utf8), from: "written")
    require(again == value && again.text() == text, "written and read again: \(text)")
    return true
  }
}

/// The safetensors reader: every tensor listed must be readable, in the size its shape says.
struct SafetensorsTarget: FuzzTarget {
  private let seeds: [(header: JSON, data: [UInt8])]
  private let path: String

  init(folder: String, corpus: [[UInt8]]) throws(Failure) {
    let header = try JSON.parse(
      Array(
        #"""
        {"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [2, 3],
        "data_offsets": [0, 24]}, "b": {"dtype": "F16", "shape": [4], "data_offsets": [24, 32]},
        "c": {"dtype": "BF16", "shape": [1, 1, 2], "data_offsets": [32, 36]}, "d": {"dtype": "U8",
        "shape": [3], "data_offsets": [36, 39]}, "e": {"dtype": "F32", "shape": [0],
        "data_offsets": [39, 39]}, "f": {"dtype": "F32", "shape": [], "data_offsets": [39, 43]}}
        """#.utf8), from: "seed")
    var seeds = [(header, (0..<43).map { UInt8($0) })]
    for bytes in corpus where bytes.count > 8 {
      let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard length <= bytes.count - 8 else { continue }
      let start = 8 + Int(length)
      seeds.append(
        (try JSON.parse(Array(bytes[8..<start]), from: "corpus"), Array(bytes[start...])))
    }
    self.seeds = seeds
    path = folder + "/input.safetensors"
  }

  func once(_ mutator: inout Mutator) throws(Failure) -> Bool {
    var (header, data) = seeds[Int.random(in: 0..<seeds.count, using: &mutator)]
    for _ in 0..<Int.random(in: 0...3, using: &mutator) { header = mutator.mutate(header) }
    var text = Array(header.text().utf8)
    if mutator.chance(oneIn: 4) { text = mutator.mutate(text) }
    if mutator.chance(oneIn: 8) { data = mutator.mutate(data) }
    let length = UInt64(text.count)
    var bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + text + data
    if mutator.chance(oneIn: 16) { bytes = mutator.mutate(bytes) }
    overwrite(path, bytes)
    guard let file = try accepted({ () throws(Failure) in try SafetensorsFile(path) }) else {
      return false
    }
    let shrinks = mutator.chance(oneIn: 8)
    if shrinks { truncate(path, Int.random(in: 0...bytes.count, using: &mutator)) }
    return try readAll(file, mayFail: shrinks)
  }
}

/// A checkpoint's shard index beside two good shards.
struct IndexTarget: FuzzTarget {
  private let folder: String
  private let seed: JSON

  init(folder: String, corpus: [[UInt8]]) throws(Failure) {
    self.folder = folder
    seed = [
      "metadata": ["total_size": 8],
      "weight_map": ["a": "one.safetensors", "b": "two.safetensors"],
    ]
    try AtomicFile.write("{}", to: folder + "/config.json")
    for (name, file) in [("a", "one.safetensors"), ("b", "two.safetensors")] {
      var writer = try SafetensorsWriter(
        folder + "/" + file, tensors: [TensorInfo(name: name, shape: [1])])
      try [Float(1)].withUnsafeBufferPointer { (one) throws(Failure) in try writer.append(one) }
      try writer.commit()
    }
  }

  func once(_ mutator: inout Mutator) throws(Failure) -> Bool {
    var index = seed
    for _ in 0..<Int.random(in: 0...3, using: &mutator) { index = mutator.mutate(index) }
    var bytes = Array(index.text().utf8)
    if mutator.chance(oneIn: 4) { bytes = mutator.mutate(bytes) }
    overwrite(folder + "/model.safetensors.index.json", bytes)
    guard let checkpoint = try accepted({ () throws(Failure) in try CheckpointDirectory(folder) })
    else { return false }
    return try readAll(checkpoint, mayFail: false)
  }
}

/// The value, or nil for input that was refused in one line.
func accepted<T>(_ body: () throws(Failure) -> T) throws(Failure) -> T? {
  do throws(Failure) {
    return try body()
  } catch {
    require(!error.message.unicodeScalars.contains { $0.value < 32 }, "not one line: \(error)")
    require(error.message.utf8.count < 10_000, "an endless line: \(error)")
    return nil
  }
}

/// Reads every tensor both ways; only formats that are not numbers, or a shrunk file, may fail.
private func readAll(_ source: some TensorSource, mayFail: Bool) throws(Failure) -> Bool {
  for name in source.names {
    guard let shape = source.shape(of: name), let dtype = source.dtype(of: name) else {
      preconditionFailure("\(name) is listed but not there")
    }
    let bytes = try accepted { () throws(Failure) in try source.readBytes(name) }
    let floats = try accepted { () throws(Failure) in try source.floats(name) }
    let size = ["F32": 4, "F16": 2, "BF16": 2][dtype]
    require(bytes != nil || mayFail, "\(name) has no bytes")
    require(floats == nil || size != nil, "\(name): numbers from \(dtype)")
    require(floats != nil || mayFail || size == nil, "\(name) cannot be read")
    if let size, let bytes, let floats {
      require(floats.count == shape.reduce(1, *), "\(name): \(floats.count) for \(shape)")
      require(bytes.count == size * floats.count, "\(name): \(bytes.count) bytes for \(shape)")
    }
  }
  return true
}

/// Replaces a file's bytes in place: many thousand times a second, so without any sync.
func overwrite(_ path: String, _ bytes: [UInt8]) {
  let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
  require(descriptor >= 0 && write(descriptor, bytes, bytes.count) == bytes.count, "cannot write")
  close(descriptor)
}
