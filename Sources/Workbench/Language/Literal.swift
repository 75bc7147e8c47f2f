// Numbers, heads and names as a person writes them.

/// A head by its layer and its place in it, both from 0, written `0.2`.
public struct HeadReference: Hashable, Sendable, CustomStringConvertible {
  public var layer: Int
  public var head: Int

  public init(layer: Int, head: Int) { (self.layer, self.head) = (layer, head) }

  /// Reads `L.H`, or `H` of a given layer; nil when it is neither.
  public init?(_ text: String, inLayer layer: Int? = nil) {
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.allSatisfy({ $0.allSatisfy { (0x30...0x39).contains($0) } }) else { return nil }
    let numbers = parts.compactMap { Int(String(Substring($0))) }
    switch (parts.count, numbers.count, layer) {
    case (2, 2, _): self.init(layer: numbers[0], head: numbers[1])
    case (1, 1, let layer?): self.init(layer: layer, head: numbers[0])
    default: return nil
    }
  }

  public var description: String { "\(layer).\(head)" }
}

/// Values as text.
public enum Literal {
  /// A finite number: `40`, `0.8`, `1e-3`, `80%`; nil when the text is none.
  public static func number(_ text: String) -> Double? {
    let isShare = text.utf8.last == UInt8(ascii: "%")
    let digits = String(Substring(text.utf8.dropLast(isShare ? 1 : 0)))
    guard (1...64).contains(digits.utf8.count),
      digits.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }),
      let value = Double(digits), value.isFinite
    else { return nil }
    return isShare ? value / 100 : value
  }

  /// A whole number; nil when the text is none.
  public static func integer(_ text: String) -> Int? { Int(text) }
}
