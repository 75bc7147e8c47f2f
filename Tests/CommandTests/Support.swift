import Files
import Glibc
import TestSupport
import Testing

/// What a process ended with; `code` is 128 + the signal that ended it.
struct Outcome {
  let code: Int32
  let output: String
  let error: String

  /// The lines of standard error that are complaints.
  var complaints: [Substring] {
    error.split(separator: "\n").filter { $0.hasPrefix("specola: error: ") }
  }
}

/// A folder of its own in which the real program is run, with a tiny model's configurations.
final class Workshop {
  let folder: String

  /// The project's folder, where `swift test` runs.
  static let home = realpath(".", nil).map { String(cString: $0) } ?? "."

  static let binary: String? = {
    let given = getenv("SPECOLA_BINARY").map { String(cString: $0) }
    let places = [".build", ".build-test"].map { "\(home)/\($0)/release/specola" }
    return ([given].compactMap { $0 } + places).first(where: FileSystem.isRegularFile)
  }()

  /// The program, for a shell.
  static var program: String { binary ?? "specola" }

  init() throws {
    folder = try FileSystem.temporaryDirectory(prefix: "specola-command-")
    try write(
      "model.json",
      #"{"model_type": "gpt2", "n_positions": 16, "n_embd": 16, "n_layer": 1, "n_head": 2}"#)
    try write(
      "train.json",
      """
      {"data": {"path": "text.txt"}, "steps": 4, "batch_size": 2, "threads": 1, "log_every": 1,
      "evaluate_every": 2, "checkpoint_every": 2, "schedule": {"name": "constant"}}
      """)
    try write("text.txt", String(repeating: "the quick brown fox jumps over it. ", count: 80))
  }

  deinit { FileSystem.remove(folder) }

  func path(_ name: String) -> String { folder + "/" + name }
  func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }
  func write(_ name: String, _ bytes: [UInt8]) throws {
    try AtomicFile.write(bytes, to: path(name))
  }
  func read(_ name: String) throws -> [UInt8] { try FileSystem.readAll(path(name)) }
  func names(_ name: String = ".") throws -> [String] { try FileSystem.list(path(name)) }

  /// A copy of a folder of the workshop, links followed where they are named.
  func copy(_ from: String, _ to: String) throws {
    try #require(try Files.run(["cp", "-r", path(from) + "/.", path(to)]).status == 0)
  }

  /// Arguments that train into `run`; each set is a `key=value`.
  static func train(_ sets: [String] = [], into run: String = "run") -> [String] {
    ["train", "model.json", "train.json", "--out", run] + sets.flatMap { ["--set", $0] }
  }

  static func resume(_ run: String, _ sets: [String] = []) -> [String] {
    ["train", "--resume", run] + sets.flatMap { ["--set", $0] }
  }

  /// Runs the program to its end.
  ///
  /// `shell` is a script for `sh` in which `"$@"` is the program with its arguments.
  func specola(
    _ arguments: [String], shell: String? = nil, environment: [String]? = nil, in place: String = ""
  ) throws -> Outcome {
    try start(arguments, shell: shell, environment: environment, in: place).wait()
  }

  /// The same, which must succeed.
  @discardableResult func succeed(_ arguments: [String], shell: String? = nil) throws -> Outcome {
    let outcome = try specola(arguments, shell: shell)
    try #require(outcome.code == 0, "\(arguments): \(outcome)")
    return outcome
  }

  func start(
    _ arguments: [String], shell: String? = nil, environment: [String]? = nil, in place: String = ""
  ) throws -> Running {
    let binary = try #require(
      Self.binary, "no specola binary: build it (./test does), or name one in SPECOLA_BINARY")
    let script = #"cd "$0" && "# + (shell ?? #"exec "$@""#)
    return try Running(
      ["/bin/sh", "-c", script, place.isEmpty ? folder : place, binary] + arguments,
      environment: environment ?? ["PATH=/usr/bin:/bin", "SPECOLA_HOME=" + Self.home], in: self)
  }

  /// Runs a command that must be refused in one line with these words, and leave nothing behind.
  func refuses(
    _ name: String, _ arguments: [String], code: Int32 = 2, _ words: [String],
    environment: [String]? = nil, in place: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try names()
    let outcome = try specola(arguments, environment: environment, in: place)
    let lines = outcome.error.split(separator: "\n", omittingEmptySubsequences: false)
    let isOneLine = lines.count == 2 && outcome.complaints.count == 1 && lines[1].isEmpty
    #expect(isOneLine, "\(name): \(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.code == code, "\(name): \(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.output.isEmpty, "\(name): \(outcome)", sourceLocation: sourceLocation)
    for word in words where !outcome.error.contains(word) {
      Issue.record("\(name): no \(word) in \(outcome)", sourceLocation: sourceLocation)
    }
    #expect(try names() == before, "\(name) left something", sourceLocation: sourceLocation)
  }
}

/// A process under way; its outputs go to files, so that nothing waits for a reader.
final class Running {
  let process: pid_t
  private let folder: String
  /// Its folder must not go before it ends.
  private let workshop: Workshop

  init(_ command: [String], environment: [String], in workshop: Workshop) throws {
    self.workshop = workshop
    folder = try FileSystem.temporaryDirectory(prefix: "specola-output-")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    for (number, name) in [(Int32(1), "/output"), (2, "/error")] {
      posix_spawn_file_actions_addopen(
        &actions, number, folder + name, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    }
    // Signals come through and mean what they mean, whatever this thread does with them.
    var attributes = posix_spawnattr_t()
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
    var arguments = command.map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { (arguments + variables).forEach { free($0) } }
    var process: pid_t = 0
    let error = posix_spawn(
      &process, command[0], &actions, &attributes, &arguments, &variables)
    self.process = process
    try #require(error == 0, "cannot start \(command): \(String(cString: strerror(error)))")
  }

  deinit { FileSystem.remove(folder) }

  func signal(_ number: Int32) { kill(process, number) }

  /// Whether it has ended; `wait` tells how.
  var hasEnded: Bool {
    var status = siginfo_t()
    let error = waitid(P_PID, id_t(process), &status, WEXITED | WNOHANG | WNOWAIT)
    return error == 0 && status.si_signo == SIGCHLD
  }

  /// What it has written so far.
  func text(_ name: String) throws -> String {
    String(decoding: try FileSystem.readAll(folder + "/" + name), as: UTF8.self)
  }

  /// Waits until standard error, or output, holds a word.
  func wait(for word: String, in name: String) throws {
    if try comes({ try text(name).contains(word) }) { return }
    signal(SIGKILL)
    Issue.record("no \(word) ever: \(try wait())")
  }

  /// Waits for its end; one that hangs is killed.
  func wait() throws -> Outcome {
    var status: Int32 = 0
    if !comes({ waitpid(process, &status, WNOHANG) != 0 }) {
      signal(SIGKILL)
      waitpid(process, &status, 0)
    }
    let signal = status & 0x7F
    return Outcome(
      code: signal == 0 ? status >> 8 & 0xFF : 128 + signal, output: try text("output"),
      error: try text("error"))
  }
}
