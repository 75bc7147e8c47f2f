import Files
import Glibc

/// Where the fixtures are.
enum Fixtures {
  static func path(_ name: String) -> String {
    let folder = getenv("SPECOLA_FIXTURES").map { String(cString: $0) } ?? "Tests/Fixtures"
    return folder + "/" + name
  }
}

/// Runs the body with a fresh folder that is removed afterwards.
func withTemporaryFolder<T>(_ body: (String) throws -> T) throws -> T {
  let folder = try FileSystem.temporaryDirectory(prefix: "specola-test-")
  defer { FileSystem.remove(folder) }
  return try body(folder)
}
