import Files
import Glibc

/// A corpus known by name, URL and hash, which `curl` brings.
public struct Download: Sendable {
  public let name: String
  public let url: String
  public let sha256: String
  public let bytes: Int

  /// A download that is checked by its SHA-256 and size.
  public init(name: String, url: String, sha256: String, bytes: Int) {
    (self.name, self.url, self.sha256, self.bytes) = (name, url, sha256, bytes)
  }

  /// The downloads that `data get` knows.
  public static let known = [
    Download(
      name: "tinyshakespeare",
      url: "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/"
        + "input.txt",
      sha256: "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
      bytes: 1_115_394)
  ]

  /// The known download of a name; else a failure that offers the nearest.
  public static func named(_ name: String) throws(Failure) -> Download {
    if let found = known.first(where: { $0.name == name }) { return found }
    let names = known.map(\.name)
    let hint = nearest(name, among: names).map { "did you mean \($0)?" }
    throw Failure(
      "data get \(visible(name)): \(hint ?? "known are \(names.joined(separator: ", "))")")
  }

  /// Brings the file to `path`, unless it is there already with the right hash.
  ///
  /// What arrives goes to `path.part`; a transfer that breaks leaves it, and the next call goes on
  /// from there. A part that turns out wrong is removed. `base` (by default the environment's
  /// `SPECOLA_DATA_URL`) takes the place of the URL up to its last slash. Curl's progress goes to
  /// standard error.
  public func fetch(
    to path: String, base: String? = nil, progress: Bool = true, curl: String = "curl"
  ) throws(Failure) {
    if FileSystem.exists(path) {
      guard try Files.sha256(ofFile: path) == sha256 else {
        throw Failure("\(visible(path)): is there, but is not \(name); move it or name another")
      }
      return
    }
    try FileSystem.createDirectory(FileSystem.parent(path))
    let part = path + ".part"
    let url = address(base ?? getenv("SPECOLA_DATA_URL").map { String(cString: $0) })
    let resumed = FileSystem.exists(part)
    if try !isComplete(part) { try transfer(url, to: part, progress: progress, curl: curl) }
    if resumed, try Files.sha256(ofFile: part) != sha256 {
      FileSystem.remove(part)  // it was begun with other contents: once more, from the start
      try transfer(url, to: part, progress: progress, curl: curl)
    }
    let found = try Files.sha256(ofFile: part)
    guard found == sha256 else {
      FileSystem.remove(part)
      throw Failure(
        "\(visible(url)): is not \(name): its SHA-256 is \(found), expected \(sha256);"
          + " nothing was kept", code: 1)
    }
    guard rename(part, path) == 0 else {
      let reason = String(cString: strerror(errno))
      throw Failure("\(visible(path)): cannot take the place of its .part: \(reason)", code: 1)
    }
    try FileSystem.sync(directory: FileSystem.parent(path))
  }

  private func isComplete(_ part: String) throws(Failure) -> Bool {
    guard FileSystem.exists(part) else { return false }
    return try MappedFile(part).count >= bytes
  }

  private func address(_ base: String?) -> String {
    guard var base, !base.isEmpty else { return url }
    while base.hasSuffix("/") { base.removeLast() }
    return base + "/" + FileSystem.name(url)
  }

  private func transfer(
    _ url: String, to part: String, progress: Bool, curl: String
  ) throws(Failure) {
    let status: Int32
    do {
      status = try run(
        [curl, "--location", "--fail", "--continue-at", "-", "--connect-timeout", "20"]
          + (progress ? ["--progress-bar"] : ["--silent"])
          + ["--max-filesize", String(4 * bytes), "--output", part, url]
      ).status
    } catch {
      throw Failure("curl does not start; install it (apt-get install curl) and try again", code: 1)
    }
    guard status == 0 else {
      let size = (try? MappedFile(part).count) ?? 0
      if size == 0 || status == 33 || status == 63 { FileSystem.remove(part) }
      let reason =
        switch status {
        case 6, 7: "cannot reach the server"
        case 18, 56: "the transfer broke off"
        case 22: "the server has no such file"
        case 23: "the disk is full or cannot be written"
        case 28: "the server does not answer"
        case 33: "the server cannot go on from the middle; it will start over"
        case 63: "the file is far larger than expected"
        default: "curl ended with code \(status)"
        }
      let kept = size > 0 && FileSystem.exists(part)
      throw Failure(
        "\(visible(url)): \(reason); "
          + (kept ? "\(size) of \(bytes) bytes are kept, try again to go on" : "try again"), code: 1
      )
    }
  }
}
