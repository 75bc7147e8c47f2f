import Files
import Glibc
import TestSupport
import Testing
import Training

@Suite struct EventFileTests {
  /// RFC 3720, appendix B.4, and the customary check value.
  @Test(
    arguments: [
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      ([UInt8](0..<32), 0x46DD_794E),
      ((0..<32).reversed().map { UInt8($0) }, 0x113F_DB5C),
      (Array("123456789".utf8), 0xE306_9283),
      ([], 0),
    ] as [([UInt8], UInt32)])
  func checksumsAreThoseOfTheStandard(bytes: [UInt8], expected: UInt32) {
    #expect(CRC32C.checksum(bytes) == expected)
  }

  @Test func eventsAreTensorBoardsToTheByte() throws {
    let folder = try Folder()
    let file = try EventFile(folder: folder.path, startStep: 301, clock: { 1_700_000_000.25 })
    file.scalar("loss/train", 2.5, step: 301)
    file.scalar("loss/train", 0, step: 0)
    file.scalar("optimizer/learning_rate", 1e-3, step: 1 << 40)
    file.scalar("speed", .infinity, step: -1)
    file.text("samples", String(repeating: "C’era una volta\n", count: 20), step: 301)
    file.text("samples", "", step: 302)
    // The same values as in make_events.py.
    var values: [Float] = [0, -0.0, 1, -1, 1e-12, -1e-12, 1e-13, -1e-13, 0.1, 0.25, -0.25]
    values += [3e38, -3e38, 1e20, .nan, .infinity, -.infinity, .leastNonzeroMagnitude]
    values += (0..<200).map { Float($0 * 37 % 101 - 50) / 16 }
    values.withUnsafeBufferPointer { file.histogram("weights/h.0", $0, step: 302) }
    file.histogram("weights/none", UnsafeBufferPointer(start: nil, count: 0), step: 302)
    try file.flush()
    let golden = try contents(Fixtures.path("events/golden.tfevents"))
    #expect(try contents(file.path) == golden)
    try file.flush()
    #expect(try contents(file.path) == golden, "a second flush adds nothing")
  }

  @Test func twoFilesOfOneSecondHaveTwoNames() throws {
    let folder = try Folder()
    let first = try EventFile(folder: folder.path, clock: { 12.75 })
    let second = try EventFile(folder: folder.path, clock: { 12.75 })
    #expect(first.path.hasPrefix("\(folder.path)/events.out.tfevents.12."))
    #expect(first.path.hasSuffix(".\(getpid()).0"))
    #expect(second.path.hasSuffix(".\(getpid()).1"))
  }

  @Test func aMissingFolderIsOneClearLine() {
    let error = #expect(throws: Failure.self) { try EventFile(folder: "/nowhere/at/all") }
    #expect(error?.message.contains("/nowhere/at/all/events.out.tfevents") == true)
    #expect(error?.message.contains("cannot create: No such file or directory") == true)
    #expect(error?.code == 1)
  }

  /// A sealed memory file of one page takes the descriptor's place and is the full disk.
  @Test func afterAFullDiskTheFileEndsWithAWholeRecord() throws {
    let folder = try Folder()
    let file = try EventFile(folder: folder.path, clock: { 1 })
    file.scalar("loss", 1, step: 1)
    try file.flush()
    let whole = try contents(file.path)
    for step in 2...500 { file.scalar("loss", 1, step: step) }

    let descriptor = try #require(
      (Int32(3)..<1024).first { linkTarget("/proc/self/fd/\($0)") == file.path })
    let disk = dup(descriptor)
    let full = try sealableMemoryFile()
    #expect(ftruncate(full, 4096) == 0 && fcntl(full, 1033, 4) == 0)  // F_SEAL_GROW
    dup2(full, descriptor)
    let error = #expect(throws: Failure.self) { try file.flush() }
    #expect(error?.message.contains("cannot write") == true)
    #expect(lseek(full, 0, SEEK_CUR) == 4096, "a page was written")
    #expect(lseek(full, 0, SEEK_END) == off_t(whole.count), "and taken back")

    dup2(disk, descriptor)
    close(disk)
    close(full)
    try file.flush()
    let bytes = try contents(file.path)
    #expect(Array(bytes.prefix(whole.count)) == whole)
    #expect(bytes.count > whole.count + 499 * 40, "nothing was lost")
  }
}

/// Glibc's module leaves `memfd_create` out.
private func sealableMemoryFile() throws -> Int32 {
  typealias Create = @convention(c) (UnsafePointer<CChar>, UInt32) -> Int32
  let create = unsafeBitCast(try #require(dlsym(nil, "memfd_create")), to: Create.self)
  return create("full", 2)  // MFD_ALLOW_SEALING
}

private func linkTarget(_ path: String) -> String? {
  var buffer = [UInt8](repeating: 0, count: 4096)
  let count = readlink(path, &buffer, buffer.count)
  return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
}

/// A fresh folder that goes when the test is over.
private final class Folder {
  let path: String

  init() throws {
    let name = try #require(mkdtemp(strdup("/tmp/specola-events-XXXXXX")))
    path = String(cString: name)
    free(name)
  }

  deinit {
    if let folder = opendir(path) {
      while let entry = readdir(folder) {
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { _ = unlinkat(dirfd(folder), $0, 0) }
        }
      }
      closedir(folder)
    }
    rmdir(path)
  }
}

private func contents(_ path: String) throws -> [UInt8] {
  let file = try #require(fopen(path, "r"))
  defer { fclose(file) }
  var bytes: [UInt8] = []
  while case let byte = getc(file), byte != EOF { bytes.append(UInt8(byte)) }
  return bytes
}
