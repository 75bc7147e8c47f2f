/// What a configuration takes, learnt by encoding its defaults: keys, types, ranges, choices.
///
/// A `Codable` struct says all that is needed when it is encoded, except to `JSONEncoder`, which
/// drops the keys of nil optionals and writes 1.0 as 1. So this is an encoder of types.
indirect enum Schema {
  case boolean, string, anything
  case integer(ClosedRange<Int>)
  /// `isFloat`: the value must be finite as a 32-bit float.
  case number(isFloat: Bool)
  case choice([String])
  case list(Schema)
  case object([String: Field])

  struct Field {
    var schema: Schema
    var isOptional: Bool
  }

  /// The schema of a type, from a value of it or, for a nil optional, from the type alone.
  init<T: Encodable>(_ type: T.Type, _ value: T?) throws {
    if type is JSON.Type {
      self = .anything
    } else if type is Bool.Type {
      self = .boolean
    } else if type is String.Type {
      self = .string
    } else if type is Float.Type || type is Double.Type {
      self = .number(isFloat: type is Float.Type)
    } else if let integer = type as? any FixedWidthInteger.Type {
      self = .integer(Schema.range(integer))
    } else if let list = type as? any CaseIterable.Type, let names = Schema.names(list) {
      self = .choice(names)
    } else if let value {
      let box = Box()
      try value.encode(to: TypeEncoder(box: box))
      self = box.schema
    } else {
      self = .anything
    }
  }

  private static func range<T: FixedWidthInteger>(_: T.Type) -> ClosedRange<Int> {
    Int(clamping: T.min)...Int(clamping: T.max)
  }

  private static func names<T: CaseIterable>(_: T.Type) -> [String]? {
    let names = T.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    return names.isEmpty ? nil : names
  }
}

/// Where the containers of one value leave its schema.
private final class Box {
  var schema = Schema.anything
}

private struct TypeEncoder: Encoder {
  let box: Box
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    box.schema = .object([:])
    return KeyedEncodingContainer(TypeContainer<Key>(box: box))
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    box.schema = .list(.anything)
    return TypeList(box: box)
  }
  func singleValueContainer() -> any SingleValueEncodingContainer { TypeList(box: box) }
}

private struct TypeContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let box: Box
  var codingPath: [any CodingKey] { [] }

  private func record<T: Encodable>(_ type: T.Type, _ value: T?, _ key: Key, optional: Bool) throws
  {
    guard case .object(var fields) = box.schema else { return }
    fields[key.stringValue] = .init(schema: try Schema(type, value), isOptional: optional)
    box.schema = .object(fields)
  }

  func encodeNil(forKey key: Key) throws {
    guard case .object(var fields) = box.schema else { return }
    fields[key.stringValue] = .init(schema: .anything, isOptional: true)
    box.schema = .object(fields)
  }
  func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
    try record(T.self, value, key, optional: false)
  }
  func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws {
    try record(T.self, value, key, optional: true)
  }
  // The standard library gives these a default that says nothing of nil.
  func encodeIfPresent(_ value: Bool?, forKey key: Key) throws {
    try record(Bool.self, value, key, optional: true)
  }
  func encodeIfPresent(_ value: String?, forKey key: Key) throws {
    try record(String.self, value, key, optional: true)
  }
  func encodeIfPresent(_ value: Int?, forKey key: Key) throws {
    try record(Int.self, value, key, optional: true)
  }
  func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws {
    try record(UInt64.self, value, key, optional: true)
  }
  func encodeIfPresent(_ value: Float?, forKey key: Key) throws {
    try record(Float.self, value, key, optional: true)
  }
  func encodeIfPresent(_ value: Double?, forKey key: Key) throws {
    try record(Double.self, value, key, optional: true)
  }

  // For types that encode themselves by hand; what is inside is not checked beforehand.
  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    try? encodeNil(forKey: key)
    return TypeEncoder(box: Box()).container(keyedBy: type)
  }
  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    try? encodeNil(forKey: key)
    return TypeList(box: Box())
  }
  func superEncoder() -> any Encoder { TypeEncoder(box: Box()) }
  func superEncoder(forKey key: Key) -> any Encoder { TypeEncoder(box: Box()) }
}

/// A list, of the type of its first element, or a value that encodes as another.
private struct TypeList: UnkeyedEncodingContainer, SingleValueEncodingContainer {
  let box: Box
  var count = 0
  var codingPath: [any CodingKey] { [] }

  init(box: Box) { self.box = box }

  mutating func encodeNil() throws { count += 1 }
  mutating func encode<T: Encodable>(_ value: T) throws {
    let schema = try Schema(T.self, value)
    if case .list = box.schema {
      if count == 0 { box.schema = .list(schema) }
    } else {
      box.schema = schema
    }
    count += 1
  }
  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) -> KeyedEncodingContainer<Nested> { TypeEncoder(box: Box()).container(keyedBy: type) }
  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { TypeList(box: Box()) }
  func superEncoder() -> any Encoder { TypeEncoder(box: Box()) }
}
