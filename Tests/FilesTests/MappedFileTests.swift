import Files
import Glibc
import TestSupport
import Testing

struct MappedFileTests {
  @Test func bytesOfAFile() async throws {
    try withTemporaryFolder { folder in
      let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
      try AtomicFile.write(bytes, to: folder + "/f")
      let file = try MappedFile(folder + "/f")
      #expect(file.count == 10_000)
      #expect(try file.bytes(0..<10_000) == bytes)
      #expect(try file.bytes(4_095..<4_098) == Array(bytes[4_095..<4_098]))
      #expect(try file.bytes(10_000..<10_000).isEmpty)
      try AtomicFile.write("", to: folder + "/empty")
      #expect(try MappedFile(folder + "/empty").bytes(0..<0).isEmpty)
    }
  }

  /// A shorter file has no pages (SIGBUS), or zeros at the end of its last page: both are failures.
  @Test(arguments: [0, 1, 4_096, 99_999])
  func aFileThatShrinks(to size: Int) async throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write(Array(repeating: 1, count: 100_000), to: folder + "/f")
      let file = try MappedFile(folder + "/f")
      truncate(folder + "/f", size)
      #expect(message { _ = try file.bytes(0..<100_000) }.contains("has shrunk while it was read"))
      #expect(message { _ = try file.bytes(99_999..<100_000) }.contains("100000 bytes"))
      if size > 0 { #expect(try file.bytes(0..<size).allSatisfy { $0 == 1 }) }
    }
  }

  @Test func manyThreadsReadAFileThatShrinks() async throws {
    try await withTemporaryFolder { folder in
      try AtomicFile.write(Array(repeating: 1, count: 1 << 20), to: folder + "/f")
      let file = try MappedFile(folder + "/f")
      let failures = await withTaskGroup(of: Int.self) { group in
        for task in 0..<8 {
          group.addTask {
            var failures = 0
            for step in 0..<200 {
              if task == 0, step == 50 { truncate(file.path, 0) }
              do {
                if try file.bytes(0..<1 << 16).contains(0) { return -1_000_000 }
              } catch {
                failures += 1
              }
            }
            return failures
          }
        }
        return await group.reduce(0, +)
      }
      #expect(failures >= 150)
    }
  }
}
