import CSystem
import Glibc

/// Runs a program found in PATH to its end and returns what it wrote to standard output.
///
/// `input` is the path of a file given as standard input (by default nothing). Standard error is
/// this process's own. `status` is the exit code, or 128 + the signal that ended it.
public func run(
  _ arguments: [String], input: String = "/dev/null"
) throws(Failure) -> (status: Int32, output: [UInt8]) {
  var ends: [Int32] = [0, 0]
  guard private_pipe(&ends) else { throw FileSystem.failure("start", arguments[0]) }
  defer { close(ends[0]) }
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
  // Signals are not blocked in it, whatever the thread that starts it does with them.
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
  var pointers = arguments.map { strdup($0) } + [nil]
  defer { pointers.forEach { free($0) } }
  var process: pid_t = 0
  let started = posix_spawnp(&process, arguments[0], &actions, &attributes, &pointers, environ)
  close(ends[1])
  guard started == 0 else {
    throw FileSystem.failure("start", arguments[0], reason: started)
  }
  var output: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(ends[0], &chunk, chunk.count)
    if count > 0 { output += chunk[..<count] } else if count == 0 || errno != EINTR { break }
  }
  var status: Int32 = 0
  while waitpid(process, &status, 0) < 0, errno == EINTR {}
  let signal = status & 0x7F
  return (signal == 0 ? status >> 8 & 0xFF : 128 + signal, output)
}

/// The SHA-256 of a plain file in lower-case hexadecimal, by coreutils' `sha256sum`.
public func sha256(ofFile path: String) throws(Failure) -> String {
  close(try FileSystem.openRegular(path).descriptor)  // says clearly what is wrong with the path
  let (status, output) = try run(["sha256sum"], input: path)
  let digest = String(decoding: output.prefix(64), as: UTF8.self)
  guard status == 0, digest.utf8.count == 64, digest.allSatisfy(\.isHexDigit) else {
    throw Failure("\(visible(path)): sha256sum ended with code \(status)", code: 1)
  }
  return digest
}
