import Files

/// Random changes to valid inputs, reproducible from a seed.
struct Mutator: RandomNumberGenerator {
  private var state: UInt64
  /// Numbers at the edges of what readers compute with.
  private static let numbers: [JSON] = [
    0, 1, -1, 2, 7, 8, 255, 65_536, 4_294_967_296, .int(.max), .int(.min), .int(.max / 4), 1.5,
    -0.0,
    1e300, .double(0x1p63), .int(.max - 7),
  ]
  private static let words = [
    "dtype", "shape", "data_offsets", "__metadata__", "weight_map", "F32", "F16", "BF16", "F4",
    "U8", "NEW",
    "", "a", "..", "/", "\u{0}", "é", "\u{202E}", "one.safetensors",
  ]
  private static let tokens = [
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud800", "\\udc00", "null", "true", "-", "0",
    "1e999", "1e-999", "9223372036854775808", ".", "e", "\u{FEFF}", "\u{0}", " ", "\n",
  ]

  init(seed: UInt64) { state = seed }

  /// SplitMix64 (Steele, Lea and Flood 2014).
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  mutating func chance(oneIn count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

  /// Some bytes changed, inserted, removed, repeated, or the end cut off.
  mutating func mutate(_ input: [UInt8]) -> [UInt8] {
    var bytes = input
    for _ in 0..<Int.random(in: 1...4, using: &self) {
      let at = Int.random(in: 0...bytes.count, using: &self)
      let end = min(bytes.count, at + Int.random(in: 0...16, using: &self))
      switch Int.random(in: 0..<7, using: &self) {
      case 0 where at < bytes.count: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &self)
      case 1 where at < bytes.count: bytes[at] = UInt8.random(in: 0...255, using: &self)
      case 2: bytes.removeSubrange(at..<end)
      case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
      case 4:
        bytes.insert(contentsOf: (Mutator.tokens.randomElement(using: &self) ?? "").utf8, at: at)
      case 5 where chance(oneIn: 4): bytes.removeSubrange(at...)
      case 6 where chance(oneIn: 50):
        let token = Array((Mutator.tokens.randomElement(using: &self) ?? "").utf8)
        bytes.insert(contentsOf: (0..<2000).flatMap { _ in token }, at: at)
      default: break
      }
    }
    return bytes
  }

  /// One value somewhere in the tree replaced, dropped, doubled or renamed.
  mutating func mutate(_ value: JSON) -> JSON {
    guard !chance(oneIn: 4) else { return replacement(for: value) }
    switch value {
    case .array(var elements):
      guard let index = elements.indices.randomElement(using: &self) else { return [1] }
      switch Int.random(in: 0..<6, using: &self) {
      case 0: elements.remove(at: index)
      case 1: elements.append(elements[index])
      default: elements[index] = mutate(elements[index])
      }
      return .array(elements)
    case .object(var members):
      guard let key = members.keys.sorted().randomElement(using: &self) else { return ["a": 1] }
      switch Int.random(in: 0..<8, using: &self) {
      case 0: members[key] = nil
      case 1: members[Mutator.words.randomElement(using: &self) ?? ""] = members[key]
      case 2: members[key + "\u{301}"] = members.removeValue(forKey: key)
      default: members[key] = members[key].map { mutate($0) }
      }
      return .object(members)
    default: return replacement(for: value)
    }
  }

  private mutating func replacement(for value: JSON) -> JSON {
    switch Int.random(in: 0..<8, using: &self) {
    case 0: return .string(Mutator.words.randomElement(using: &self) ?? "")
    case 1: return [nil, true, [], [:]].randomElement(using: &self) ?? nil
    case 2: return [value]
    case 3, 4:
      return .int((value.int ?? 0) &+ Int.random(in: -9...9, using: &self))
    default: return Mutator.numbers.randomElement(using: &self) ?? 0
    }
  }
}
