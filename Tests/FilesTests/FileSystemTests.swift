import Files
import Glibc
import TestSupport
import Testing

struct FileSystemTests {
  @Test func readsListsAndRemoves() async throws {
    try withTemporaryFolder { folder in
      try FileSystem.createDirectory(folder + "/a/b/c")
      try FileSystem.createDirectory(folder + "/a/b/c")
      try AtomicFile.write("two", to: folder + "/a/2")
      try AtomicFile.write("", to: folder + "/a/é")
      symlink("/", folder + "/a/link")
      #expect(try FileSystem.list(folder + "/a") == ["2", "b", "link", "é"])
      #expect(try FileSystem.readAll(folder + "/a/2") == Array("two".utf8))
      #expect(try FileSystem.readAll(folder + "/a/é").isEmpty)
      #expect(FileSystem.isDirectory(folder + "/a/link"))
      #expect(FileSystem.isRegularFile(folder + "/a/2") && !FileSystem.isRegularFile(folder))
      FileSystem.remove(folder + "/a")
      #expect(!FileSystem.exists(folder + "/a") && FileSystem.exists("/tmp"))
    }
  }

  @Test func whatIsNoPlainFileIsRefused() async throws {
    try withTemporaryFolder { folder in
      mkfifo(folder + "/fifo", 0o600)
      for (path, problem) in [
        (folder + "/fifo", "is a FIFO"), (folder, "is a folder"), ("/dev/zero", "is a device"),
        (folder + "/none", "No such file"), (folder + "/fifo/x", "not a folder"),
        (folder + "/" + String(repeating: "x", count: 300), "choose a shorter name"),
      ] {
        #expect(message { _ = try FileSystem.readAll(path) }.contains(problem))
        #expect(message { _ = try MappedFile(path) }.contains(problem))
        #expect(message { _ = try sha256(ofFile: path) }.contains(problem))
        #expect(message { _ = try JSON(contentsOf: path) }.hasPrefix(path))
      }
      try AtomicFile.write("12345", to: folder + "/five")
      #expect(
        message { _ = try FileSystem.readAll(folder + "/five", limit: 4) }.contains("5 bytes"))
      #expect(message { _ = try FileSystem.list(folder + "/five") }.contains("not a folder"))
      #expect(message { try FileSystem.createDirectory(folder + "/five") }.contains("already"))
      #expect(message { try FileSystem.createDirectory(folder + "/five/six") }.contains("folder"))
      #expect(message { try FileSystem.createDirectory("") }.contains("create the folder"))
    }
  }

  @Test func pathParts() {
    #expect(FileSystem.parent("a/b.json") == "a" && FileSystem.parent("/a") == "/")
    #expect(FileSystem.parent("a") == "." && FileSystem.parent("/") == ".")
    #expect(FileSystem.parent("/a/b/") == "/a" && FileSystem.name("/a/b/") == "b")
  }

  @Test func programs() async throws {
    let (status, output) = try run(["sh", "-c", "cat; exit 7"])
    #expect(status == 7 && output.isEmpty)
    #expect(try run(["sh", "-c", "kill -9 $$"]).status == 137)
    #expect(try run(["seq", "100000"]).output.count == 588_895)
    #expect(message { _ = try run(["no-such-program"]) }.contains("cannot start"))
    try withTemporaryFolder { folder in
      try AtomicFile.write("abc", to: folder + "/a\\b\n")
      #expect(
        try sha256(ofFile: folder + "/a\\b\n")
          == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
  }
}
