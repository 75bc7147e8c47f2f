import Files

/// Writes a safetensors file, tensor by tensor, that appears whole or not at all.
///
/// The bytes are those of the reference implementation: tensors from the widest format to the
/// narrowest and then by name, the header padded with spaces to a multiple of eight.
/// ```
/// var writer = try SafetensorsWriter(path, tensors: infos)
/// for tensor in writer.tensors { try writer.append(parameters[tensor.name]) }
/// try writer.commit()
/// ```
public struct SafetensorsWriter: ~Copyable {
  /// The tensors in the order in which they must be appended.
  public let tensors: [TensorInfo]
  private var file: AtomicFile
  private var next: Int
  /// Floats that are still missing of a tensor that comes in pieces.
  private var missing: Int

  /// Writes the header; F32 and BF16 tensors can be appended as floats, others as bytes.
  public init(
    _ path: String, tensors: [TensorInfo], metadata: [String: String] = ["format": "pt"]
  ) throws(Failure) {
    precondition(Set(tensors.map(\.name)).count == tensors.count, "two tensors of one name")
    var sorted = tensors
    sorted.sort {
      let (a, b) = (TensorInfo.bits[$0.dtype] ?? 0, TensorInfo.bits[$1.dtype] ?? 0)
      return a != b ? a > b : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
    }
    var members: [String] = []
    if !metadata.isEmpty {
      members.append("\"__metadata__\":" + JSON.object(metadata.mapValues(JSON.string)).text())
    }
    var end = 0
    for tensor in sorted {
      let begin = end
      guard let count = tensor.byteCount else {
        preconditionFailure("\(tensor.name): \(tensor.dtype) \(tensor.shape)")
      }
      end += count
      let shape = JSON.array(tensor.shape.map(JSON.int)).text()
      members.append(
        JSON.string(tensor.name).text() + ":{\"dtype\":\"\(tensor.dtype)\",\"shape\":\(shape),"
          + "\"data_offsets\":[\(begin),\(end)]}")
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header += [UInt8](repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)

    var file = try AtomicFile(path)
    let length = UInt64(header.count)
    try file.append((0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
    try file.append(header)
    self.tensors = sorted
    self.file = file
    (next, missing) = (0, 0)
  }

  /// Appends the next tensor, F32 or BF16 (rounded to nearest, ties to even).
  public mutating func append(_ floats: UnsafeBufferPointer<Float>) throws(Failure) {
    let tensor = begin()
    precondition(floats.count == tensor.elementCount, "\(floats.count) for \(tensor.shape)")
    guard tensor.dtype == "BF16" else {
      precondition(tensor.dtype == "F32", "floats for \(tensor.dtype)")
      return try file.append(UnsafeRawBufferPointer(floats))
    }
    for start in stride(from: 0, to: floats.count, by: 1 << 15) {
      let piece = floats[start..<min(start + 1 << 15, floats.count)].map(bfloat16)
      try piece.withUnsafeBufferPointer { (piece) throws(Failure) in
        try file.append(UnsafeRawBufferPointer(piece))
      }
    }
  }

  /// Appends the next floats of an F32 tensor that need not be in memory as a whole.
  public mutating func append(piece floats: [Float]) throws(Failure) {
    guard !floats.isEmpty else { return }
    if missing == 0 { missing = begin().elementCount ?? 0 }
    let dtype = tensors[next - 1].dtype
    precondition(
      dtype == "F32" && floats.count <= missing, "\(floats.count) of \(missing) \(dtype)")
    missing -= floats.count
    try floats.withUnsafeBufferPointer { (floats) throws(Failure) in
      try file.append(UnsafeRawBufferPointer(floats))
    }
  }

  /// Appends the next tensor's bytes, row-major and little-endian.
  public mutating func append(bytes: UnsafeRawBufferPointer) throws(Failure) {
    let tensor = begin()
    precondition(bytes.count == tensor.byteCount, "\(bytes.count) bytes for \(tensor.shape)")
    try file.append(bytes)
  }

  /// Syncs the file and gives it its name; every tensor must have been appended.
  public consuming func commit() throws(Failure) {
    precondition(
      next == tensors.count && missing == 0, "\(next) of \(tensors.count) tensors were written")
    try file.commit()
  }

  private mutating func begin() -> TensorInfo {
    precondition(missing == 0, "\(tensors[next - 1].name) lacks \(missing) floats")
    precondition(next < tensors.count, "all tensors were written already")
    next += 1
    return tensors[next - 1]
  }
}

/// The nearest bfloat16, ties to even; a NaN stays a NaN of the same sign.
private func bfloat16(_ value: Float) -> UInt16 {
  let bits = value.bitPattern
  if value.isNaN { return UInt16(bits >> 16) | 0x40 }
  return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}
