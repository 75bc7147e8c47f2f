import Files

/// A memory-mapped safetensors file.
///
/// Source: https://huggingface.co/docs/safetensors. Eight bytes hold the header's length,
/// little-endian; the header is a JSON object of tensors with format, shape and offsets; then come
/// their bytes, one after another without gaps. All of it is checked here, so that what follows can
/// trust shapes and offsets.
public struct SafetensorsFile: TensorSource {
  public let names: [String]
  /// The header's `__metadata__`.
  public let metadata: [String: String]
  private let file: MappedFile
  private let entries: [String: Entry]
  private let dataStart: Int

  private struct Entry {
    var info: TensorInfo
    /// Where its bytes are in the data after the header.
    var range: Range<Int>
  }

  /// The largest header that the reference implementation takes.
  private static let headerLimit = 100_000_000

  public var path: String { file.path }

  /// Maps a file and checks its header against its length.
  public init(_ path: String) throws(Failure) {
    let file = try MappedFile(path)
    func bad(_ problem: String) -> Failure {
      Failure("\(visible(path)): not a valid safetensors file: \(problem)")
    }
    guard file.count >= 8 else { throw bad("\(file.count) bytes are too few") }
    let length = try file.bytes(0..<8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= SafetensorsFile.headerLimit else { throw bad("a header of \(length) bytes") }
    let start = 8 + Int(length)
    guard start <= file.count else {
      throw bad("a header of \(length) bytes in a file of \(file.count): is it cut short?")
    }
    let text = try file.bytes(8..<start)
    guard text.first == UInt8(ascii: "{"),
      let members = try JSON.parse(text, from: "\(path), header").object
    else { throw bad("the header is not a JSON object") }

    var metadata: [String: String] = [:]
    var entries: [Entry] = []
    for (name, value) in members {
      if name == "__metadata__" {
        guard let object = value.object else { throw bad("__metadata__ is not an object") }
        for (key, value) in object {
          guard let text = value.string else {
            throw bad("__metadata__ \(quoted(key)) is not a string")
          }
          metadata[key] = text
        }
      } else {
        let about = { (problem: String) in bad("tensor \(quoted(name)) \(problem)") }
        let entry = try SafetensorsFile.entry(name, value, about)
        guard entry.range.upperBound <= file.count - start else {
          throw about("ends at byte \(entry.range.upperBound) of \(file.count - start)")
        }
        entries.append(entry)
      }
    }

    entries.sort {
      let (a, b) = ($0.range, $1.range)
      return (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound)
    }
    var end = 0
    for entry in entries {
      guard entry.range.lowerBound == end else {
        let name = quoted(entry.info.name)
        throw bad("tensor \(name) begins at byte \(entry.range.lowerBound), not at \(end)")
      }
      end = entry.range.upperBound
    }
    guard end == file.count - start else {
      throw bad("\(file.count - start) bytes of data, but its tensors take \(end)")
    }

    self.file = file
    self.metadata = metadata
    self.entries = Dictionary(uniqueKeysWithValues: entries.map { ($0.info.name, $0) })
    dataStart = start
    names = entries.map(\.info.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Checks what the header says of one tensor.
  private static func entry(
    _ name: String, _ value: JSON, _ bad: (String) -> Failure
  ) throws(Failure) -> Entry {
    guard let dtype = value["dtype"]?.string else { throw bad("has no dtype") }
    guard let axes = value["shape"]?.array?.map(\.int), !axes.contains(nil) else {
      throw bad("has no shape of integers")
    }
    let info = TensorInfo(name: name, dtype: dtype, shape: axes.compactMap { $0 })
    guard let count = info.elementCount else {
      throw bad("has an impossible shape \(info.shape.prefix(8))")
    }
    guard let offsets = value["data_offsets"]?.array?.compactMap(\.int), offsets.count == 2,
      0 <= offsets[0], offsets[0] <= offsets[1]
    else { throw bad("has no data_offsets [begin, end]") }
    let taken = offsets[1] - offsets[0]
    // An element of a format yet unknown takes a bit at least, so that no shape outgrows its file.
    let fits = TensorInfo.bits[dtype] == nil ? count / 8 <= taken : info.byteCount == taken
    guard fits else {
      throw bad("of \(quoted(dtype)) \(info.shape) has \(taken) bytes")
    }
    return Entry(info: info, range: offsets[0]..<offsets[1])
  }

  public func shape(of name: String) -> [Int]? { entries[name]?.info.shape }
  public func dtype(of name: String) -> String? { entries[name]?.info.dtype }

  public func readBytes(_ name: String) throws(Failure) -> [UInt8] {
    guard let entry = entries[name] else { throw missing(name) }
    return try file.bytes(inFile(entry.range))
  }

  public func read(
    _ name: String, into floats: UnsafeMutableBufferPointer<Float>
  ) throws(Failure) {
    guard let entry = entries[name] else { throw missing(name) }
    let shape = entry.info.shape
    precondition(floats.count == entry.info.elementCount, "\(floats.count) floats for \(shape)")
    guard let start = floats.baseAddress else { return }
    switch entry.info.dtype {
    case "F32": try file.copy(inFile(entry.range), to: start)
    case "F16": try convert(inFile(entry.range), into: floats) { Float(Float16(bitPattern: $0)) }
    case "BF16":
      try convert(inFile(entry.range), into: floats) { Float(bitPattern: UInt32($0) << 16) }
    case let dtype:
      throw Failure(
        "\(visible(path)): tensor \(quoted(name)) is \(quoted(dtype)),"
          + " which is not read as numbers here; save it as F32, F16 or BF16")
    }
  }

  /// Some floats of an F32 tensor, by their places in it, which must exist.
  public func floats(_ name: String, _ places: Range<Int>) throws(Failure) -> [Float] {
    guard let entry = entries[name], entry.info.dtype == "F32" else { throw missing(name) }
    let range =
      entry.range.lowerBound + 4
      * places.lowerBound..<(entry.range.lowerBound + 4 * places.upperBound)
    precondition(range.upperBound <= entry.range.upperBound, "\(places) of \(entry.info.shape)")
    var floats = [Float](repeating: 0, count: places.count)
    try floats.withUnsafeMutableBufferPointer { (buffer) throws(Failure) in
      if let start = buffer.baseAddress { try file.copy(inFile(range), to: start) }
    }
    return floats
  }

  private func inFile(_ range: Range<Int>) -> Range<Int> {
    dataStart + range.lowerBound..<dataStart + range.upperBound
  }

  /// Widens 16-bit floats, a bounded piece at a time.
  private func convert(
    _ range: Range<Int>, into floats: UnsafeMutableBufferPointer<Float>,
    _ widen: (UInt16) -> Float
  ) throws(Failure) {
    var halves = [UInt16](repeating: 0, count: min(floats.count, 1 << 15))
    var done = 0
    while done < floats.count {
      let count = min(halves.count, floats.count - done)
      let begin = range.lowerBound + 2 * done
      try halves.withUnsafeMutableBufferPointer { (halves) throws(Failure) in
        guard let start = halves.baseAddress else { return }
        try file.copy(begin..<begin + 2 * count, to: start)
      }
      for index in 0..<count { floats[done + index] = widen(UInt16(littleEndian: halves[index])) }
      done += count
    }
  }
}
