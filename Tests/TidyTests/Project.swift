import Files

/// The project's text, by path from its root; a test can make one up.
struct Project {
  let sources: [Source]
  let exists: (String) -> Bool

  /// A project made up for a test.
  init(_ texts: [String: String]) {
    sources = texts.sorted { $0.key < $1.key }.map { Source(path: $0, text: $1) }
    exists = { path in texts.keys.contains { $0 == path || $0.hasPrefix(path + "/") } }
  }

  /// The one that this test belongs to: the nearest folder above this one with a Package.swift.
  static func current() throws -> Project {
    var root = "."
    while !FileSystem.exists(root + "/Package.swift") {
      guard FileSystem.exists(root + "/..") && root.count < 100 else {
        throw Failure("no Package.swift in this folder or above it; run the tests in the project")
      }
      root += "/.."
    }
    let folders = ["Sources", "Tests", "configs", "docs", "scripts", "sessions", ".ci"]
    let kinds: Set = ["swift", "c", "h", "md", "json", "py", "sh", "run", "test", "install"]
    var texts: [String: String] = [:]
    func add(_ path: String) throws {
      if FileSystem.isDirectory(root + "/" + path) {
        for name in try FileSystem.list(root + "/" + path) where !name.hasPrefix(".") {
          try add(path + "/" + name)
        }
      } else if kinds.contains(Source.kind(path)) && !path.hasPrefix("Tests/Fixtures/") {
        let bytes = try FileSystem.readAll(root + "/" + path)
        texts[path] = String(decoding: bytes, as: UTF8.self)
      }
    }
    for name in try FileSystem.list(root) {
      let isFolder = FileSystem.isDirectory(root + "/" + name)
      if folders.contains(name) || !isFolder && !name.hasPrefix(".") { try add(name) }
    }
    return Project(sources: texts.map { Source(path: $0, text: $1) }, root: root)
  }

  private init(sources: [Source], root: String) {
    self.sources = sources.sorted { $0.path < $1.path }
    exists = { FileSystem.exists(root + "/" + $0) }
  }
}

/// A text file, its lines, and what of each line is code.
struct Source {
  let path: String
  let lines: [Substring]
  /// The lines without comments and without what stands in string literals.
  let code: [String]
  /// Whether each line has a comment, or a part of one.
  let isCommented: [Bool]

  init(path: String, text: String) {
    self.path = path
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    self.lines = lines
    var scanner = Scanner()
    let isProgram = ["swift", "c", "h"].contains(Self.kind(path))
    let scanned = isProgram ? lines.map { scanner.scan($0) } : lines.map { (String($0), false) }
    code = scanned.map(\.0)
    isCommented = scanned.map(\.1)
  }

  var kind: String { Self.kind(path) }
  /// `Models` for `Sources/Models/GPT.swift`, nil outside Sources.
  var target: String? {
    let parts = path.split(separator: "/")
    return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
  }

  /// The extension, or the name of a file without one.
  static func kind(_ path: String) -> String {
    String(path.split(separator: "/").last?.split(separator: ".").last ?? "")
  }
}

/// Tells code from comments and string literals, line by line; good for tidy Swift and C.
private struct Scanner {
  private enum Context: Equatable {
    case comment
    case string(quote: String)
    case interpolation(depth: Int)
  }
  private var contexts: [Context] = []

  mutating func scan(_ line: Substring) -> (code: String, isCommented: Bool) {
    var code = ""
    var rest = line
    var isCommented = contexts.last == .comment
    func skip(_ prefix: String) -> Bool {
      guard rest.hasPrefix(prefix) else { return false }
      rest.removeFirst(prefix.count)
      return true
    }
    while let character = rest.first {
      switch contexts.last {
      case .comment:
        if skip("*/") { contexts.removeLast() } else { rest.removeFirst() }
      case .string(let quote):
        if skip("\\(") {
          contexts.append(.interpolation(depth: 1))
        } else if skip("\\") {
          rest = rest.dropFirst()
        } else if skip(quote) {
          contexts.removeLast()
          code += "\""
        } else {
          rest.removeFirst()
        }
      case .interpolation, nil:
        if skip("//") { return (code, true) }
        if skip("/*") {
          contexts.append(.comment)
          isCommented = true
        } else if let quote = ["\"\"\"", "\""].first(where: skip) {
          contexts.append(.string(quote: quote))
          code += "\""
        } else {
          if case .interpolation(var depth) = contexts.last {
            depth += character == "(" ? 1 : character == ")" ? -1 : 0
            contexts.removeLast()
            if depth > 0 { contexts.append(.interpolation(depth: depth)) }
          }
          code.append(rest.removeFirst())
        }
      }
    }
    // Only comments and long strings go on; anything else was a quote in a regex or a character.
    while let last = contexts.last, last != .comment, last != .string(quote: "\"\"\"") {
      contexts.removeLast()
    }
    return (code, isCommented)
  }
}
