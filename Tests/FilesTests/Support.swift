import Files
import Testing

/// Runs a test's body with a fresh folder that is removed afterwards.
func withTemporaryFolder(_ body: (String) async throws -> Void) async throws {
  let folder = try FileSystem.temporaryDirectory(prefix: "specola-test-")
  defer { FileSystem.remove(folder) }
  try await body(folder)
}

/// The message of the failure that the body must throw.
func message(_ body: () throws -> Void) -> String {
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
