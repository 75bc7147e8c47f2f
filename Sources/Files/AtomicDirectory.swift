import Glibc

/// A folder that appears whole or not at all.
///
/// Fill `temporaryPath`, a hidden sibling, then `commit`: every file and folder is synced and the
/// name given last. Dropping it without `commit` removes the temporary. Nothing is replaced.
public struct AtomicDirectory: ~Copyable {
  /// Where to write until `commit`.
  public let temporaryPath: String
  private let path: String
  private var isCommitted: Bool

  /// Creates the temporary folder; the one above must exist and `path` must not.
  public init(_ path: String) throws(Failure) {
    guard !FileSystem.exists(path) else {
      throw FileSystem.failure("create the folder", path, reason: EEXIST)
    }
    let temporaryPath = try createBeside(path) { (name) throws(Failure) in
      mkdir(name, 0o777) == 0 ? name : nil
    }.made
    (self.path, self.temporaryPath, isCommitted) = (path, temporaryPath, false)
  }

  deinit {
    if !isCommitted { FileSystem.remove(temporaryPath) }
  }

  /// Syncs all and gives the folder its name.
  public consuming func commit() throws(Failure) {
    try AtomicDirectory.syncAll(temporaryPath)
    guard !FileSystem.exists(path) else {
      throw FileSystem.failure("create the folder", path, reason: EEXIST)
    }
    // Between the check and here another may have taken the name: `rename` fails then, unless it
    // is an empty folder, where there is nothing to lose.
    guard rename(temporaryPath, path) == 0 else {
      throw FileSystem.failure("create the folder", path)
    }
    isCommitted = true
    try FileSystem.sync(directory: FileSystem.parent(path))
  }

  private static func syncAll(_ folder: String) throws(Failure) {
    for name in try FileSystem.list(folder) {
      let path = folder + "/" + name
      var status = stat()
      guard lstat(path, &status) == 0 else { throw FileSystem.failure("save", path) }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try syncAll(path)
      case S_IFREG: try FileSystem.sync(path, flags: O_RDONLY)
      default: break  // a link lives in its folder, which is synced
      }
    }
    try FileSystem.sync(directory: folder)
  }
}
