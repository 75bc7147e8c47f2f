import Files

/// What a safetensors header says of one tensor.
public struct TensorInfo: Equatable, Sendable {
  public var name: String
  /// The number format by its safetensors name, such as "F32" or "I64".
  public var dtype: String
  public var shape: [Int]

  public init(name: String, dtype: String = "F32", shape: [Int]) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }

  /// Bits of one element of each format that safetensors 0.8 knows.
  static let bits: [String: Int] = [
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
    "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
  ]

  /// Elements in the tensor; nil for a negative axis, over 64 axes, or a product beyond `Int`.
  ///
  /// Empty axes count as 1 for the limit, so that any product of axes is safe for the caller.
  var elementCount: Int? {
    guard shape.count <= 64 else { return nil }
    var product = 1
    for axis in shape {
      guard axis >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: max(axis, 1))
      guard !overflow else { return nil }
      product = next
    }
    return shape.contains(0) ? 0 : product
  }

  /// Bytes in the tensor; nil where they overflow, are no whole number, or the format is unknown.
  var byteCount: Int? {
    guard let bits = TensorInfo.bits[dtype], let count = elementCount else { return nil }
    let (total, overflow) = count.multipliedReportingOverflow(by: bits)
    return overflow || total % 8 != 0 ? nil : total / 8
  }
}
