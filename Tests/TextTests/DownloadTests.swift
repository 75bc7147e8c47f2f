import Dispatch
import Files
import Glibc
import Synchronization
import TestSupport
import Testing
import Text

/// A web server of one file on a loopback port: Range, broken transfers and 404.
private final class Server: Sendable {
  enum Manner: Sendable { case whole, breaksOff(after: Int), notFound, noRanges }

  let port: UInt16
  private let listener: Int32
  private let state: Mutex<(manner: Manner, body: [UInt8], starts: [Int])>

  /// The offsets that were asked for, in order.
  var starts: [Int] { state.withLock { $0.starts } }

  init(_ body: [UInt8]) {
    state = Mutex((.whole, body, []))
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = self.listener
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(listener, $0, size)
        _ = getsockname(listener, $0, &size)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    listen(listener, 8)
    DispatchQueue.global().async { [self] in
      while case let connection = accept(listener, nil, nil), connection >= 0 {
        answer(connection)
        close(connection)
      }
    }
  }

  func become(_ manner: Manner, _ body: [UInt8]? = nil) {
    state.withLock { $0 = (manner, body ?? $0.body, $0.starts) }
  }

  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private func answer(_ connection: Int32) {
    var request: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while !String(decoding: request, as: UTF8.self).contains("\r\n\r\n") {
      let count = read(connection, &chunk, chunk.count)
      guard count > 0 else { return }
      request += chunk[..<count]
    }
    let text = String(decoding: request, as: UTF8.self)
    let asked = text.split(separator: "\r\n").first { $0.lowercased().hasPrefix("range: bytes=") }
    let start = asked.flatMap { Int($0.dropFirst(13).dropLast()) } ?? 0
    let (manner, body, _) = state.withLock { state in
      state.starts.append(start)
      return state
    }
    var reply = "HTTP/1.1 200 OK\r\n"
    var bytes = body[...]
    switch manner {
    case .notFound: (reply, bytes) = ("HTTP/1.1 404 Not Found\r\n", [])
    case .noRanges: break
    default:
      if start > 0 {
        reply = "HTTP/1.1 206 Partial Content\r\n"
        reply += "Content-Range: bytes \(start)-\(body.count - 1)/\(body.count)\r\n"
        bytes = body[min(start, body.count)...]
      }
    }
    reply += "Content-Length: \(bytes.count)\r\nConnection: close\r\n\r\n"
    if case .breaksOff(let count) = manner { bytes = bytes.prefix(count) }
    let all = Array(reply.utf8) + bytes
    var sent = 0
    while sent < all.count {
      let count = all[sent...].withUnsafeBytes {
        send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
  }
}

@Suite(.serialized) struct DownloadTests {
  private static let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

  /// A server of the body, the download that knows its hash, and a folder for it.
  private func with(
    _ test: (Server, (String?) -> Failure?, String) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let server = Server(Self.body)
      defer { server.stop() }
      try AtomicFile.write(Self.body, to: folder + "/original")
      let download = Download(
        name: "test", url: "https://example.invalid/data/input.txt",
        sha256: try sha256(ofFile: folder + "/original"), bytes: Self.body.count)
      let target = folder + "/data/input.txt"
      let base = "http://127.0.0.1:\(server.port)/data/"
      try test(
        server,
        { curl in
          failure {
            try download.fetch(to: target, base: base, progress: false, curl: curl ?? "curl")
          }
        }, target)
    }
  }

  @Test func aWholeTransferIsInstalledOnce() throws {
    try with { (server, fetch, target) throws in
      #expect(fetch(nil) == nil)
      #expect(try FileSystem.readAll(target) == Self.body)
      #expect(try FileSystem.list(FileSystem.parent(target)) == ["input.txt"])
      #expect(fetch(nil) == nil)
      #expect(server.starts == [0])
      try AtomicFile.write("mine", to: target)
      #expect(fetch(nil)?.message.contains("is there, but is not test") == true)
      #expect(try FileSystem.readAll(target) == Array("mine".utf8))
    }
  }

  @Test func aBrokenTransferGoesOn() throws {
    try with { (server, fetch, target) throws in
      server.become(.breaksOff(after: 100_000))
      let message = fetch(nil)?.message ?? "none"
      #expect(message.contains("broke off; 100000 of 300000 bytes are kept"))
      #expect(!FileSystem.exists(target))
      server.become(.whole)
      #expect(fetch(nil) == nil)
      #expect(server.starts == [0, 100_000])
      #expect(try FileSystem.readAll(target) == Self.body)
      #expect(!FileSystem.exists(target + ".part"))
    }
  }

  @Test func aPartOfSomethingElseIsStartedOver() throws {
    try with { (server, fetch, target) throws in
      try FileSystem.createDirectory(FileSystem.parent(target))
      try AtomicFile.write([UInt8](repeating: 1, count: 1000), to: target + ".part")
      #expect(fetch(nil) == nil)
      #expect(server.starts == [1000, 0])
      #expect(try FileSystem.readAll(target) == Self.body)
    }
  }

  @Test func wrongContentsAreRemoved() throws {
    try with { (server, fetch, target) throws in
      server.become(.whole, Array(Self.body.dropLast()) + [0])
      let message = fetch(nil)?.message ?? "none"
      #expect(message.contains("is not test: its SHA-256 is"))
      #expect(try FileSystem.list(FileSystem.parent(target)) == [])
      server.become(.whole, [UInt8](repeating: 7, count: 5_000_000))
      #expect(fetch(nil)?.message.contains("far larger than expected") == true)
      #expect(try FileSystem.list(FileSystem.parent(target)) == [])
    }
  }

  @Test func missingFilesServersAndCurlGetOneLine() throws {
    try with { (server, fetch, target) throws in
      server.become(.notFound)
      #expect(fetch(nil)?.message.contains("the server has no such file; try again") == true)
      #expect(fetch("no-such-curl")?.message.contains("install it (apt-get install curl)") == true)
      server.become(.breaksOff(after: 1000))
      #expect(fetch(nil) != nil)
      server.become(.noRanges)
      #expect(fetch(nil)?.message.contains("start over") == true)
      #expect(try FileSystem.list(FileSystem.parent(target)) == [])
      server.become(.whole)
      server.stop()
      #expect(fetch(nil)?.message.contains("cannot reach the server") == true)
    }
  }

  @Test func knownNamesAreFoundAndOthersSuggested() throws {
    #expect(try Download.named("tinyshakespeare").bytes == 1_115_394)
    let message = failure { _ = try Download.named("tinyshakespear") }?.message ?? "none"
    #expect(message.contains("did you mean tinyshakespeare?"))
    #expect(failure { _ = try Download.named("x") }?.message.contains("known are") == true)
  }
}
