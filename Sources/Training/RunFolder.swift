// The folder of a run: what it was told, what it logged, and its checkpoints.

import Checkpoints
import Files
import Glibc
import Models
import Text

/// `runs/NAME/`, held by one trainer at a time.
public final class RunFolder {
  public let path: String
  private let lock: Int32
  private var log: Int32 = -1

  /// Makes the folder with what `fill` puts into it; it appears whole or not at all.
  public static func create(
    _ path: String, fill: (_ temporary: String) throws(Failure) -> Void
  ) throws(Failure) -> RunFolder {
    guard !FileSystem.exists(path) else {
      throw Failure(
        "\(visible(path)) exists; go on with it by `train --resume \(visible(path))`, or name "
          + "another with --out")
    }
    try FileSystem.createDirectory(FileSystem.parent(path))
    FileSystem.sweep(FileSystem.parent(path), of: FileSystem.name(path))
    let folder = try AtomicDirectory(path)
    try FileSystem.createDirectory(folder.temporaryPath + "/checkpoints")
    try fill(folder.temporaryPath)
    try folder.commit()
    return try RunFolder(path)
  }

  /// The path itself, or with the next free number where it is taken: `tales`, `tales-2`.
  public static func unused(_ path: String) -> String {
    guard FileSystem.exists(path) else { return path }
    let digits = path.reversed().prefix { $0.isNumber }.count
    let isNumbered = digits > 0 && digits < 7 && path.dropLast(digits).last == "-"
    let stem = isNumbered ? path.dropLast(digits + 1) : path[...]
    var number = isNumbered ? Int(path.suffix(digits)) ?? 1 : 1
    repeat { number += 1 } while FileSystem.exists("\(stem)-\(number)")
    return "\(stem)-\(number)"
  }

  /// Opens a run and locks it; throws when another trainer has it.
  public init(_ path: String) throws(Failure) {
    guard FileSystem.exists(path + "/run.json") else {
      throw Failure("\(visible(path)) is not a run: it has no run.json")
    }
    self.path = path
    lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard lock >= 0 else {
      throw FileSystem.failure("open", path + "/lock")
    }
    // A program that this one is just starting holds a copy of our locks for a moment.
    var isHeld = flock(lock, LOCK_EX | LOCK_NB) == 0
    for _ in 0..<10 where !isHeld {
      usleep(5_000)
      isHeld = flock(lock, LOCK_EX | LOCK_NB) == 0
    }
    guard isHeld else {
      close(lock)
      throw Failure(
        "\(visible(path)) is being trained by another process; wait for it or stop it", code: 1)
    }
    for folder in [path, path + "/checkpoints"] { FileSystem.sweep(folder) }
  }

  deinit {
    close(log)
    close(lock)
  }

  // MARK: - Log

  /// Cuts the log to the lines of the first `step` steps and opens it for more.
  func beginLog(at step: Int) throws(Failure) {
    let file = path + "/log.jsonl"
    if FileSystem.exists(file) {
      let lines = try FileSystem.readAll(file).split(separator: UInt8(ascii: "\n"))
      let kept = lines.prefix { line in
        // A line that a killed process left unfinished does not parse, and ends the log.
        let json = try? JSON.parse(Array(line), from: file)
        return json?["step"]?.int.map { $0 <= step } ?? false
      }
      try AtomicFile.write(kept.flatMap { $0 + [UInt8(ascii: "\n")] }, to: file)
    }
    close(log)  // Of the run that was open in this folder before.
    log = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard log >= 0 else {
      throw FileSystem.failure("open", file)
    }
  }

  /// Appends one line, wholly or not at all; throws when the disk does not take it.
  func append(_ line: JSON) throws(Failure) {
    let bytes = Array((line.text() + "\n").utf8)
    let end = lseek(log, 0, SEEK_END)
    guard bytes.withUnsafeBytes({ FileSystem.write($0, to: log) }) else {
      let failure = FileSystem.failure("write", path + "/log.jsonl")
      ftruncate(log, end)
      throw failure
    }
  }

  // MARK: - Checkpoints

  /// The step of each checkpoint, ascending.
  public func checkpoints() throws(Failure) -> [Int] { try Self.checkpoints(in: path) }

  /// The same for a run that need not be opened.
  public static func checkpoints(in run: String) throws(Failure) -> [Int] {
    try FileSystem.list(run + "/checkpoints").compactMap { name in
      name.hasPrefix("step-") ? UInt32(name.dropFirst(5)).map { Int($0) } : nil
    }.sorted()
  }

  /// The folder of a step's checkpoint.
  public func checkpoint(_ step: Int) -> String { Self.checkpoint(step, in: path) }

  /// The same for a run that need not be opened.
  public static func checkpoint(_ step: Int, in run: String) -> String {
    let digits = String(step)
    let zeros = String(repeating: "0", count: max(0, 6 - digits.count))
    return run + "/checkpoints/step-" + zeros + digits
  }

  /// Writes a checkpoint and settles the folder on it.
  func save(
    _ step: Int, isBest: Bool, keepLast: Int, keepBest: Bool,
    fill: (_ temporary: String) throws(Failure) -> Void
  ) throws(Failure) {
    // One may be there: of a run that was cut back, or before the rate was turned.
    let folder = try AtomicDirectory(checkpoint(step), replaces: true)
    try fill(folder.temporaryPath)
    try folder.commit()
    fsync(log)
    try settle(on: step, isBest: isBest, keepLast: keepLast, keepBest: keepBest)
  }

  /// Points `last` (and `best`) at a checkpoint, and removes those that are too old.
  func settle(
    on step: Int, isBest: Bool, keepLast: Int, keepBest: Bool
  ) throws(Failure) {
    try link("last", to: checkpoint(step))
    if isBest { try link("best", to: checkpoint(step)) }
    let best = keepBest ? linked("best") : nil
    for old in try checkpoints().dropLast(keepLast) where checkpoint(old) != best {
      FileSystem.remove(checkpoint(old))
    }
  }

  /// The checkpoint that `last` or `best` names; nil where there is none.
  public func linked(_ name: String) -> String? { Self.linked(name, in: path) }

  /// The same for a run that need not be opened.
  public static func linked(_ name: String, in run: String) -> String? {
    guard let real = realpath(run + "/" + name, nil) else { return nil }
    defer { free(real) }
    // By the name that the run was given, not by its real path.
    return run + "/checkpoints/" + FileSystem.name(String(cString: real))
  }

  private func link(_ name: String, to target: String) throws(Failure) {
    let temporary = path + "/.\(name).\(getpid()).partial"
    unlink(temporary)
    guard symlink("checkpoints/" + FileSystem.name(target), temporary) == 0,
      rename(temporary, path + "/" + name) == 0
    else {
      throw FileSystem.failure("write", path + "/" + name)
    }
  }
}
