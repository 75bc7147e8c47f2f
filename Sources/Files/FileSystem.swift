import Glibc

/// Thin wrappers of system calls: every error names the path, the reason and what to do.
public enum FileSystem {
  /// Whether anything is there, links followed.
  public static func exists(_ path: String) -> Bool { mode(path) != nil }
  /// Whether a folder is there.
  public static func isDirectory(_ path: String) -> Bool { mode(path) == S_IFDIR }
  /// Whether a plain file is there.
  public static func isRegularFile(_ path: String) -> Bool { mode(path) == S_IFREG }

  /// All bytes of a plain file; a FIFO, folder, device or a file beyond `limit` bytes is refused.
  public static func readAll(_ path: String, limit: Int = 1 << 31) throws(Failure) -> [UInt8] {
    let (descriptor, size) = try openRegular(path)
    defer { close(descriptor) }
    guard size <= limit else {
      throw Failure("\(visible(path)): \(size) bytes, more than the \(limit) allowed here")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size)
    var chunk = [UInt8](repeating: 0, count: min(max(size, 1), 1 << 20))
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure("read", path, code: 2) }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= limit else {
        throw Failure("\(visible(path)): grew beyond the \(limit) bytes allowed here")
      }
    }
  }

  /// A path from the root, for a message; as given where there is no working directory.
  public static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let here = getcwd(nil, 0) else { return path }
    defer { free(here) }
    return String(cString: here) + "/" + path
  }

  /// Makes a folder and those above it; one that is there already is fine.
  public static func createDirectory(_ path: String) throws(Failure) {
    if mkdir(path, 0o777) == 0 { return }
    if errno == ENOENT, let parent = parentIfAny(path) {
      try createDirectory(parent)
      if mkdir(path, 0o777) == 0 { return }
    }
    let reason = errno
    guard !isDirectory(path) else { return }
    throw failure("create the folder", path, reason: reason)
  }

  /// The names in a folder, sorted by their bytes, without `.` and `..`.
  public static func list(_ path: String) throws(Failure) -> [String] {
    guard let stream = opendir(path) else { throw failure("list", path, code: 2) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Removes a file or a folder with all in it, best effort; links are not followed.
  public static func remove(_ path: String) {
    guard unlink(path) != 0 else { return }
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return }
    for name in (try? list(path)) ?? [] { remove(path + "/" + name) }
    rmdir(path)
  }

  /// Makes the names in a folder last through a power cut.
  public static func sync(directory path: String) throws(Failure) {
    try sync(path, flags: O_RDONLY | O_DIRECTORY)
  }

  /// A fresh, empty folder in `$TMPDIR` or /tmp.
  public static func temporaryDirectory(prefix: String) throws(Failure) -> String {
    let root = getenv("TMPDIR").map { String(cString: $0) } ?? ""
    let template = (root.isEmpty ? "/tmp" : root) + "/" + prefix + "XXXXXX"
    var bytes = Array(template.utf8CString)
    guard mkdtemp(&bytes) != nil else { throw failure("create a temporary folder", template) }
    return String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The folder that holds a path: "." for a bare name.
  public static func parent(_ path: String) -> String { parentIfAny(path) ?? "." }

  /// The last component of a path.
  public static func name(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }

  private static func parentIfAny(_ path: String) -> String? {
    var parts = path.split(separator: "/").map(String.init)
    guard parts.count > 1 || (path.hasPrefix("/") && !parts.isEmpty) else { return nil }
    parts.removeLast()
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  /// The kind of thing at a path, links followed.
  private static func mode(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  /// Writes all bytes to a descriptor; false, with `errno` set, where they did not all go.
  public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(
        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, min(rest.count, 1 << 30))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// Removes from a folder what `AtomicFile` and `AtomicDirectory` had begun in processes that were
  /// killed: those of one name, or all.
  public static func sweep(_ folder: String, of name: String? = nil) {
    for entry in (try? list(folder)) ?? []
    where entry.hasPrefix(".\(name.map { $0 + "." } ?? "")") && entry.hasSuffix(".partial") {
      let numbers = entry.split(separator: ".").dropLast().last?.split(separator: "-")
      guard let process = numbers?.first.flatMap({ pid_t($0) }), process > 0,
        kill(process, 0) != 0, errno == ESRCH
      else { continue }
      remove(folder + "/" + entry)
    }
  }

  static func sync(_ path: String, flags: Int32) throws(Failure) {
    let descriptor = open(path, flags | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("save", path) }
  }

  /// Opens a plain file for reading, without waiting at a FIFO; the caller closes it.
  static func openRegular(_ path: String) throws(Failure) -> (descriptor: Int32, size: Int) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure("open", path, code: 2) }
    var status = stat()
    let kind = fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
    guard kind == S_IFREG else {
      close(descriptor)
      let names = [S_IFDIR: "a folder", S_IFIFO: "a FIFO", S_IFCHR: "a device"]
      throw Failure(
        "\(visible(path)): is \(names[kind] ?? "something") where a plain file should be;"
          + " give the path of a file")
    }
    return (descriptor, Int(status.st_size))
  }

  /// The failure of a system call, from `errno`.
  public static func failure(
    _ action: String, _ path: String, reason: Int32 = errno, code: Int32 = 1
  ) -> Failure {
    let advice =
      switch reason {
      case ENOENT: "check the path"
      case EACCES, EPERM: "check its permissions"
      case ENOSPC, EDQUOT: "the disk is full, free some space"
      case EFBIG: "the disk or its file size limit (ulimit -f) has no room for it"
      case EROFS: "the disk is read-only, choose another folder"
      case EIO: "the disk failed"
      case EISDIR: "it is a folder, give the path of a file"
      case ENOTDIR: "a part of the path is not a folder"
      case EEXIST: "it is there already, choose another name"
      case EMFILE, ENFILE: "too many open files, raise ulimit -n"
      case ELOOP: "its links go in a circle"
      case ENAMETOOLONG: "choose a shorter name"
      default: "try again or choose another path"
      }
    let text = String(cString: strerror(reason))
    return Failure("\(visible(path)): cannot \(action): \(text): \(advice)", code: code)
  }
}
