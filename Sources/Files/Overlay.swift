import FoundationEssentials

/// A typed configuration: defaults, over them a file, over it `--set key=value`.
///
/// Keys are those the type encodes, nested ones dotted; in `sets` "-" equals "_". The keys and
/// their types come from `defaults` itself, nil optionals included, and `CaseIterable` enums with
/// string values list their choices; null sets an optional to nil. A value of `sets` is JSON if it
/// parses, else a string. Integers do for doubles, and whole doubles (1e3) for integers. One
/// failure names every unknown key and every ill-typed value, with the nearest right name.
public func overlay<T: Codable>(
  _ defaults: T, file: JSON?, fileName: String, sets: [(key: String, value: String)]
) throws(Failure) -> T {
  do {
    let schema = try Schema(T.self, defaults)
    let encoded = try JSONEncoder().encode(defaults)
    var merged = Overlay(schema, value: try JSON.parse(Array(encoded), from: "the defaults"))
    if let file { merged.apply(file, to: [], of: schema) }
    let inFile = merged.problems.count
    for (key, text) in sets {
      let path = key.split(separator: ".", omittingEmptySubsequences: false)
        .map { $0.map { $0 == "-" ? "_" : String($0) }.joined() }
      let value = (try? JSON.parse(Array(text.utf8), from: "--set")) ?? .string(text)
      merged.set(path, to: value, text: text)
    }
    guard merged.problems.isEmpty else {
      let parts = [
        (visible(fileName), merged.problems[..<inFile]), ("--set", merged.problems[inFile...]),
      ]
      let lines = parts.filter { !$0.1.isEmpty }.map { "\($0.0): \($0.1.joined(separator: "; "))" }
      throw Failure(lines.joined(separator: "; "))
    }
    return try JSONDecoder().decode(T.self, from: Data(merged.value.text().utf8))
  } catch let failure as Failure {
    throw failure
  } catch let error as DecodingError {
    throw Failure("\(visible(fileName)): \(describe(error))")
  } catch {
    throw Failure("\(visible(fileName)): \(visible("\(error)"))")
  }
}

/// The configuration so far, and all that is wrong with what was laid over it.
private struct Overlay {
  let schema: Schema
  var value: JSON
  var problems: [String] = []

  init(_ schema: Schema, value: JSON) {
    self.schema = schema
    self.value = value
  }

  /// One `--set`: finds the type at the path, then goes on as for a file.
  mutating func set(_ path: [String], to new: JSON, text: String) {
    var here = schema
    for (depth, name) in path.enumerated() {
      if case .anything = here { break }
      guard case .object(let fields) = here, let field = fields[name] else {
        return unknown(name, in: Array(path[..<depth]), of: here)
      }
      here = field.schema
    }
    // What parsed as JSON but is wanted as text is that text: `--set data.vocabulary=512`.
    var new = new
    if case .string = here, new != .null { new = new.string.map(JSON.string) ?? .string(text) }
    let wrapped = path.reversed().reduce(new) { JSON.object([$1: $0]) }
    apply(wrapped, to: [], of: schema)
  }

  mutating func apply(_ new: JSON, to path: [String], of schema: Schema, isOptional: Bool = false) {
    if new == .null, isOptional { return store(.null, at: path) }
    let name = path.isEmpty ? "the configuration" : visible(path.joined(separator: "."))
    switch (schema, new) {
    case (.object(let fields), .object(let members)):
      for (key, member) in members.sorted(by: { $0.key < $1.key }) {
        if let field = fields[key] {
          apply(member, to: path + [key], of: field.schema, isOptional: field.isOptional)
        } else {
          unknown(key, in: path, of: schema)
        }
      }
    case (.list(let element), .array(let elements)):
      let before = problems.count
      let checked = elements.enumerated().map { index, value in
        conform(value, to: element, name: "\(name)[\(index)]") ?? value
      }
      if problems.count == before { store(.array(checked), at: path) }
    default:
      if let value = conform(new, to: schema, name: name) { store(value, at: path) }
    }
  }

  /// The value in the form its type wants; nil, with the problem noted, where it does not fit.
  private mutating func conform(_ new: JSON, to schema: Schema, name: String) -> JSON? {
    let wanted: String
    switch schema {
    case .anything: return new
    case .boolean:
      if case .bool = new { return new }
      wanted = "true or false"
    case .string:
      if case .string = new { return new }
      wanted = "a string"
    case .choice(let names):
      if let text = new.string, names.contains(text) { return new }
      wanted = "one of " + names.joined(separator: ", ")
    case .integer(let range):
      if let value = new.int ?? new.double.flatMap({ Int(exactly: $0) }) {
        if range.contains(value) { return .int(value) }
        wanted = "in \(range.lowerBound)...\(range.upperBound)"
      } else {
        wanted = "an integer" + (new.double == nil ? "" : " of 64 bits")
      }
    case .number(let isFloat):
      if let value = new.double {
        if !isFloat || Float(value).isFinite { return new }
        wanted = "within a 32-bit float"
      } else {
        wanted = "a number"
      }
    case .list: wanted = "a list"
    case .object: wanted = "an object"
    }
    let text = new.text()
    let shown = text.count > 40 ? text.prefix(37) + "…" : text[...]
    problems.append("\(name): \(visible(shown)) is not \(wanted)")
    return nil
  }

  private mutating func unknown(_ key: String, in path: [String], of schema: Schema) {
    var problem = "unknown key \(quoted(key))"
    if !path.isEmpty { problem += " in " + visible(path.joined(separator: ".")) }
    if case .object(let fields) = schema {
      // The right name in the wrong place counts too: learning_rate is optimizer.learning_rate.
      let elsewhere = self.schema.paths.first { $0.hasSuffix("." + key) }
      let name = nearest(key, among: fields.keys) ?? elsewhere
      problem += name.map { " (nearest: \($0))" } ?? ""
    }
    problems.append(problem)
  }

  private mutating func store(_ new: JSON, at path: [String]) {
    func replaced(_ value: JSON, _ path: ArraySlice<String>) -> JSON {
      guard let key = path.first else { return new }
      var members = value.object ?? [:]
      members[key] = replaced(members[key] ?? .object([:]), path.dropFirst())
      return .object(members)
    }
    value = replaced(value, path[...])
  }
}

extension Schema {
  /// The dotted paths of all keys, sorted.
  fileprivate var paths: [String] {
    guard case .object(let fields) = self else { return [] }
    return fields.flatMap { key, field in [key] + field.schema.paths.map { "\(key).\($0)" } }
      .sorted()
  }
}

/// One line for what the type itself refuses, such as an enum's unknown name.
private func describe(_ error: DecodingError) -> String {
  let (context, problem): (DecodingError.Context, String) =
    switch error {
    case .keyNotFound(let key, let context): (context, "\(key.stringValue) is missing")
    case .valueNotFound(_, let context): (context, "null is not allowed")
    case .typeMismatch(_, let context), .dataCorrupted(let context):
      (context, context.debugDescription)
    @unknown default: (.init(codingPath: [], debugDescription: ""), "\(error)")
    }
  let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }
  return visible((path.isEmpty ? "" : path.joined(separator: ".") + ": ") + problem)
}

extension JSON {
  /// What a value encodes to.
  public init(encoding value: some Encodable) throws(Failure) {
    do {
      self = try JSON.parse(Array(JSONEncoder().encode(value)), from: "a value")
    } catch {
      throw Failure("cannot encode \(visible("\(error)"))", code: 1)
    }
  }
}
