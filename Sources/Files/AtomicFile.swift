import Glibc

/// A file that appears whole or not at all.
///
/// Bytes go to a new file beside it, which takes the name only once file and folder are synced;
/// until then, and after any error, what was there stays. Dropping it without `commit` removes the
/// temporary. A symbolic link is kept: the file it names is replaced.
public struct AtomicFile: ~Copyable {
  private let path: String
  private let temporary: String
  private var descriptor: Int32
  private var buffer: [UInt8]
  private var isCommitted: Bool

  /// Creates the temporary beside `path`; a folder, FIFO or device at `path` is refused.
  public init(_ path: String) throws(Failure) {
    guard !FileSystem.exists(path) || FileSystem.isRegularFile(path) else {
      throw Failure("\(visible(path)): is not a plain file, so nothing is written over it")
    }
    var target = path
    if let resolved = realpath(path, nil) {
      target = String(cString: resolved)
      free(resolved)
    }
    let (temporary, descriptor) = try createBeside(target) { (name) throws(Failure) in
      let descriptor = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      return descriptor >= 0 ? descriptor : nil
    }
    (self.path, self.temporary, self.descriptor) = (target, temporary, descriptor)
    (buffer, isCommitted) = ([], false)
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(temporary) }
  }

  /// Appends bytes; a full disk is a failure that leaves the old file as it was.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    if buffer.count + bytes.count > 1 << 16 { try flush() }
    if bytes.count > 1 << 16 { try write(bytes) } else { buffer += bytes }
  }

  /// Appends text as UTF-8.
  public mutating func append(_ text: String) throws(Failure) {
    try append(Array(text.utf8))
  }

  /// Appends bytes.
  public mutating func append(_ bytes: [UInt8]) throws(Failure) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) in
      try append(UnsafeRawBufferPointer(bytes))
    }
  }

  /// Syncs the bytes, gives them the name, and syncs the folder.
  public consuming func commit() throws(Failure) {
    try flush()
    guard fsync(descriptor) == 0 else { throw FileSystem.failure("save", path) }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else { throw FileSystem.failure("save", path) }
    guard rename(temporary, path) == 0 else { throw FileSystem.failure("save", path) }
    isCommitted = true
    try FileSystem.sync(directory: FileSystem.parent(path))
  }

  /// Writes a whole file of text.
  public static func write(_ text: String, to path: String) throws(Failure) {
    try write(Array(text.utf8), to: path)
  }

  /// Writes a whole file of bytes.
  public static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    var file = try AtomicFile(path)
    try file.append(bytes)
    try file.commit()
  }

  private mutating func flush() throws(Failure) {
    let pending = buffer
    buffer.removeAll(keepingCapacity: true)
    try pending.withUnsafeBufferPointer { (bytes) throws(Failure) in
      try write(UnsafeRawBufferPointer(bytes))
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    guard FileSystem.write(bytes, to: descriptor) else {
      throw FileSystem.failure("write", path)
    }
  }
}

/// Makes something new under a hidden name beside `path`; `create` returns nil with `errno` set.
func createBeside<T>(
  _ path: String, _ create: (String) throws(Failure) -> T?
) throws(Failure) -> (name: String, made: T) {
  let folder = FileSystem.parent(path)
  let name = FileSystem.name(path)
  for attempt in 0..<1000 {
    let temporary = "\(folder)/.\(name).\(getpid())-\(attempt).partial"
    if let made = try create(temporary) { return (temporary, made) }
    guard errno == EEXIST else { break }
  }
  throw FileSystem.failure("write", path)
}
