import Files
import Glibc
import TestSupport
import Testing

struct AtomicTests {
  private func text(_ path: String) throws -> String {
    String(decoding: try FileSystem.readAll(path), as: UTF8.self)
  }

  @Test func aFileAppearsWhole() async throws {
    try withTemporaryFolder { folder in
      let path = folder + "/log"
      var file = try AtomicFile(path)
      try file.append("one ")
      try file.append(Array(repeating: 0x2E, count: 200_000))
      try file.append(" two")
      #expect(!FileSystem.exists(path))
      try file.commit()
      #expect(try text(path) == "one " + String(repeating: ".", count: 200_000) + " two")
      #expect(try FileSystem.list(folder) == ["log"])
    }
  }

  @Test func withoutCommitTheOldFileStays() async throws {
    try withTemporaryFolder { folder in
      try AtomicFile.write("old", to: folder + "/f")
      do {
        var file = try AtomicFile(folder + "/f")
        try file.append("new")
        #expect(try FileSystem.list(folder).count == 2)
      }
      #expect(try text(folder + "/f") == "old")
      #expect(try FileSystem.list(folder) == ["f"])
    }
  }

  @Test func twoWritersDoNotMeet() async throws {
    try withTemporaryFolder { folder in
      var first = try AtomicFile(folder + "/f")
      var second = try AtomicFile(folder + "/f")
      try first.append("first")
      try second.append("second")
      try second.commit()
      try first.commit()
      #expect(try text(folder + "/f") == "first")
      #expect(try FileSystem.list(folder) == ["f"])
    }
  }

  @Test func linksStayAndWhatIsNoFileIsRefused() async throws {
    try withTemporaryFolder { folder in
      try FileSystem.createDirectory(folder + "/there")
      try AtomicFile.write("old", to: folder + "/there/f")
      symlink("there/f", folder + "/link")
      try AtomicFile.write("new", to: folder + "/link")
      #expect(try text(folder + "/there/f") == "new")
      #expect(try FileSystem.list(folder) == ["link", "there"])
      #expect(unlink(folder + "/link") == 0 && FileSystem.exists(folder + "/there/f"))
      mkfifo(folder + "/fifo", 0o600)
      for path in [folder, folder + "/fifo", "/dev/full"] {
        #expect(message { try AtomicFile.write("x", to: path) }.contains("not a plain file"))
      }
      #expect(message { try AtomicFile.write("x", to: folder + "/no/f") }.contains("No such file"))
      #expect(try FileSystem.list(folder) == ["fifo", "there"])
    }
  }

  @Test func aDiskWithoutRoomLeavesTheOldFile() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/f"
      try AtomicFile.write("old", to: path)
      await #expect(processExitsWith: .success) { [path = path as String] in
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
        guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { exit(2) }
        do throws(Failure) {
          try AtomicFile.write(Array(repeating: 1, count: 1_000_000), to: path)
        } catch {
          exit(error.message.contains("the disk") && error.code == 1 ? 0 : 3)
        }
        exit(4)
      }
      #expect(try text(path) == "old")
      #expect(try FileSystem.list(folder) == ["f"])
    }
  }

  @Test func aKilledWriterLeavesTheOldFile() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/f"
      try AtomicFile.write("old", to: path)
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
        var file = try AtomicFile(path)
        try file.append(Array(repeating: 1, count: 1_000_000))
        kill(getpid(), SIGKILL)
      }
      #expect(try text(path) == "old")
      try AtomicFile.write("new", to: path)
      #expect(try text(path) == "new")
    }
  }

  @Test func aFolderAppearsWhole() async throws {
    try withTemporaryFolder { folder in
      let directory = try AtomicDirectory(folder + "/step-1")
      try FileSystem.createDirectory(directory.temporaryPath + "/training")
      try AtomicFile.write("x", to: directory.temporaryPath + "/training/state")
      #expect(!FileSystem.exists(folder + "/step-1"))
      try directory.commit()
      #expect(try text(folder + "/step-1/training/state") == "x")
      #expect(try FileSystem.list(folder) == ["step-1"])
      #expect(message { _ = try AtomicDirectory(folder + "/step-1") }.contains("there already"))
      #expect(message { _ = try AtomicDirectory(folder + "/a/b") }.contains("No such file"))
    }
  }

  @Test func aFolderIsReplacedWhereThatIsAsked() throws {
    try withTemporaryFolder { folder in
      for (number, content) in ["first", "second"].enumerated() {
        let directory = try AtomicDirectory(folder + "/step-1", replaces: true)
        try AtomicFile.write(content, to: directory.temporaryPath + "/f\(number)")
        if number == 1 { #expect(try text(folder + "/step-1/f0") == "first") }
        try directory.commit()
        #expect(try FileSystem.list(folder) == ["step-1"])
        #expect(try FileSystem.list(folder + "/step-1") == ["f\(number)"])
      }
      // What stepped aside in a process that was killed is swept.
      try FileSystem.createDirectory(folder + "/.step-1.999999999-0-old.partial")
      FileSystem.sweep(folder)
      #expect(try FileSystem.list(folder) == ["step-1"])
    }
  }

  @Test func aFolderWithoutCommitIsRemoved() async throws {
    try withTemporaryFolder { folder in
      do {
        let directory = try AtomicDirectory(folder + "/step-1")
        try AtomicFile.write("x", to: directory.temporaryPath + "/f")
      }
      #expect(try FileSystem.list(folder).isEmpty)
      let late = try AtomicDirectory(folder + "/step-2")
      try FileSystem.createDirectory(folder + "/step-2/taken")
      do throws(Failure) {
        try late.commit()
        Issue.record("replaced a folder")
      } catch {
        #expect(error.message.contains("there already"))
      }
      #expect(try FileSystem.list(folder) == ["step-2"])
      #expect(FileSystem.exists(folder + "/step-2/taken"))
    }
  }
}
