import Glibc

/// A folder that appears whole or not at all.
///
/// Fill `temporaryPath`, a hidden sibling, then `commit`: every file and folder is synced and the
/// name given last. Dropping it without `commit` removes the temporary. A folder that is there is
/// replaced if that is asked for, and then goes last.
public struct AtomicDirectory: ~Copyable {
  /// Where to write until `commit`.
  public let temporaryPath: String
  private let path: String
  private let replaces: Bool
  private var isCommitted: Bool

  /// Creates the temporary folder; the one above must exist, and `path` only if it `replaces`.
  public init(_ path: String, replaces: Bool = false) throws(Failure) {
    guard replaces || !FileSystem.exists(path) else {
      throw FileSystem.failure("create the folder", path, reason: EEXIST)
    }
    let temporaryPath = try createBeside(path) { (name) throws(Failure) in
      mkdir(name, 0o777) == 0 ? name : nil
    }.made
    (self.path, self.temporaryPath, self.replaces) = (path, temporaryPath, replaces)
    isCommitted = false
  }

  deinit {
    if !isCommitted { FileSystem.remove(temporaryPath) }
  }

  /// Syncs all and gives the folder its name.
  public consuming func commit() throws(Failure) {
    try AtomicDirectory.syncAll(temporaryPath)
    // What is replaced steps aside under a name that `sweep` knows, should this process be killed.
    let old = temporaryPath.dropLast(".partial".count) + "-old.partial"
    let hasOld = replaces && rename(path, String(old)) == 0
    // Where another has taken the name meanwhile `rename` fails, unless it is an empty folder,
    // where there is nothing to lose.
    guard !FileSystem.exists(path), rename(temporaryPath, path) == 0 else {
      let failure = FileSystem.failure(
        "create the folder", path, reason: FileSystem.exists(path) ? EEXIST : errno)
      if hasOld { rename(String(old), path) }
      throw failure
    }
    isCommitted = true
    if hasOld { FileSystem.remove(String(old)) }
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
