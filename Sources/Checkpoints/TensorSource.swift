import Files

/// Named tensors in files: one safetensors file, or a checkpoint of several.
public protocol TensorSource: Sendable {
  /// Where the tensors are, for messages.
  var path: String { get }
  /// The names, sorted by their bytes.
  var names: [String] { get }
  /// The axes of a tensor; nil where there is none of that name.
  func shape(of name: String) -> [Int]?
  /// The safetensors name of a tensor's number format, such as "BF16".
  func dtype(of name: String) -> String?
  /// Reads an F32, F16 or BF16 tensor, row-major; the count must be the shape's product.
  func read(_ name: String, into: UnsafeMutableBufferPointer<Float>) throws(Failure)
  /// The bytes of a tensor of any format, row-major and little-endian.
  func readBytes(_ name: String) throws(Failure) -> [UInt8]
}

extension TensorSource {
  /// Reads an F32, F16 or BF16 tensor.
  public func floats(_ name: String) throws(Failure) -> [Float] {
    guard let shape = shape(of: name) else { throw missing(name) }
    var floats = [Float](repeating: 0, count: shape.reduce(1, *))
    try floats.withUnsafeMutableBufferPointer { (buffer) throws(Failure) in
      try read(name, into: buffer)
    }
    return floats
  }

  /// The failure for a tensor that is not there.
  func missing(_ name: String) -> Failure {
    let near = nearest(name, among: names).map { " (nearest: \(visible($0)))" } ?? ""
    return Failure("\(visible(path)): has no tensor \(quoted(name))\(near)")
  }
}
