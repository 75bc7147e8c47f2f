// What every test target needs: fixtures, fresh folders, and the message of a failure.

import Files
import Glibc
import Testing

/// The small files that independent programs made, in Tests/Fixtures.
public enum Fixtures {
  public static func path(_ name: String) -> String {
    (getenv("SPECOLA_FIXTURES").map { String(cString: $0) } ?? "Tests/Fixtures") + "/" + name
  }

  public static func lines(_ name: String) throws -> [String] {
    String(decoding: try FileSystem.readAll(path(name)), as: UTF8.self)
      .split(separator: "\n").map { String($0) }
  }
}

/// Runs a body with a fresh folder that is removed afterwards.
public func withTemporaryFolder<Result>(
  _ body: (String) throws -> Result
) throws -> Result {
  let folder = try FileSystem.temporaryDirectory(prefix: "specola-test-")
  defer { FileSystem.remove(folder) }
  return try body(folder)
}

/// The same for a body that waits.
public func withTemporaryFolder<Result>(
  _ body: (String) async throws -> Result
) async throws -> Result {
  let folder = try FileSystem.temporaryDirectory(prefix: "specola-test-")
  defer { FileSystem.remove(folder) }
  return try await body(folder)
}

/// The one line of the failure that the body must throw.
public func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    Issue.record("nothing was thrown")
    return ""
  } catch let failure as Failure {
    #expect(!failure.message.contains("\n"))
    return failure.message
  } catch {
    Issue.record("\(error) is no Failure")
    return ""
  }
}
