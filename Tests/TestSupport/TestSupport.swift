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

/// How long a test waits for what must come: far more than a busy machine needs.
public let patience = Duration.seconds(180)

/// Asks again and again until something holds, and tells whether it ever did.
public func comes(every milliseconds: UInt32 = 2, _ holds: () throws -> Bool) rethrows -> Bool {
  let limit = ContinuousClock.now + patience
  while ContinuousClock.now < limit {
    if try holds() { return true }
    usleep(1_000 * milliseconds)
  }
  return try holds()
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

/// The generator of Steele, Lea and Flood, so that a failure can be run again.
public struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  public init(state: UInt64) { self.state = state }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
  public mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
