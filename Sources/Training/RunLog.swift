// The log of a run, for whoever looks on: read from its folder while another process, or another
// thread of this one, goes on writing.

import Files
import Glibc

/// What a run has told so far.
///
/// `refresh` reads what was added since. A line that is not finished yet waits for its end.
public struct RunLog: Sendable {
  /// A number of a curve.
  public struct Point: Hashable, Sendable {
    public var step: Int
    public var value: Double

    public init(step: Int, value: Double) { (self.step, self.value) = (step, value) }
  }

  public let path: String
  public private(set) var plan: RunPlan
  public private(set) var losses: [Point] = []
  public private(set) var validations: [Point] = []
  /// Validation in bits a byte, for text.
  public private(set) var bitsPerByte: [Point] = []
  /// The share of held-out sequences that are solved, for tasks.
  public private(set) var solved: [Point] = []
  public private(set) var rates: [Point] = []
  /// Learning rates that were set by hand.
  public private(set) var turns: [Point] = []
  public private(set) var gradientNorms: [Point] = []
  public private(set) var speeds: [Point] = []
  /// The steps of the checkpoints on disk.
  public private(set) var checkpoints: [Int] = []
  /// The loss in nats a token that nothing can fall below; nil where it is not known.
  public let floor: Double?

  private var file = LineReader()
  private var damaged = (first: 0, count: 0)

  /// - Throws: one line for a folder that is no run, or one whose log cannot be read.
  public init(_ path: String) throws(Failure) {
    self.path = path
    plan = try RunPlan(of: path)
    floor = Corpus.entropyFloor(plan.training.data, atlas: path + "/atlas")
    try refresh()
  }

  /// The folder's name.
  public var name: String { FileSystem.name(path) }
  /// What the model is called.
  public var model: String { plan.name ?? plan.model["model_type"]?.string ?? "model" }
  public var corpus: String {
    plan.training.data.make ?? FileSystem.name(plan.training.data.path ?? "")
  }
  /// The last step that the log tells of.
  public var step: Int { max(losses.last?.step ?? 0, validations.last?.step ?? 0) }
  /// What is wrong with the log, in one line; nil if nothing.
  public var damage: String? {
    guard damaged.count > 0 else { return nil }
    let more = damaged.count > 1 ? " and \(damaged.count - 1) more are" : " is"
    return "\(visible(path))/log.jsonl: line \(damaged.first)\(more) damaged and passed over"
  }

  /// Reads what is new; returns whether there was anything.
  @discardableResult public mutating func refresh() throws(Failure) -> Bool {
    let steps = try RunFolder.checkpoints(in: path)
    var isNew = steps != checkpoints
    checkpoints = steps
    let (lines, isFromStart) = try file.read(path + "/log.jsonl")
    if isFromStart {  // It was cut to a checkpoint: a run was taken up again.
      plan = try RunPlan(of: path)
      (losses, validations, bitsPerByte, solved, rates) = ([], [], [], [], [])
      (turns, gradientNorms, speeds, damaged) = ([], [], [], (0, 0))
      isNew = true
    }
    for (number, line) in lines {
      if let json = try? JSON.parse(line, from: "log"), let step = json["step"]?.int, step >= 0 {
        take(json, step)
      } else if damaged.count > 0 {
        damaged.count += 1
      } else {
        damaged = (number, 1)
      }
    }
    return isNew || !lines.isEmpty
  }

  private mutating func take(_ json: JSON, _ step: Int) {
    /// A null stands for what JSON cannot write: a number that is not finite.
    func append(_ key: String, to points: inout [Point]) {
      guard let value = json[key] else { return }
      points.append(Point(step: step, value: value.double ?? .nan))
    }
    append("loss", to: &losses)
    append("validation_loss", to: &validations)
    append("bits_per_byte", to: &bitsPerByte)
    append("solved", to: &solved)
    append("learning_rate", to: &rates)
    append("rate_set", to: &turns)
    append("gradient_norm", to: &gradientNorms)
    append("tokens_per_s", to: &speeds)
  }
}

/// The whole lines that were added to a file since it was last read.
private struct LineReader: Sendable {
  private var file: ino_t?
  private var offset = 0
  private var number = 0
  /// The beginning of a line whose end is not written yet.
  private var rest: [UInt8] = []

  /// Longer lines than any log has are cut here, so that no file can fill the memory.
  private static let limit = 1 << 20

  /// `isFromStart` tells that the file is another than before; a missing one is empty.
  mutating func read(
    _ path: String
  ) throws(Failure) -> (lines: [(number: Int, line: [UInt8])], isFromStart: Bool) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      guard errno != ENOENT else { return ([], reset(to: nil)) }
      throw FileSystem.failure("open", path, code: 2)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Failure("\(visible(path)): is not a plain file")
    }
    let isOther = status.st_ino != file || status.st_size < offset
    let isFromStart = isOther && reset(to: status.st_ino)
    var lines: [(number: Int, line: [UInt8])] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = pread(descriptor, &chunk, chunk.count, off_t(offset))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileSystem.failure("read", path, code: 2) }
      if count == 0 { return (lines, isFromStart) }
      offset += count
      for byte in chunk[..<count] {
        if byte != UInt8(ascii: "\n"), rest.count < Self.limit {
          rest.append(byte)
          continue
        }
        number += 1
        lines.append((number, rest))
        rest = []
      }
    }
  }

  /// Begins anew with a file; false where nothing was read before.
  private mutating func reset(to file: ino_t?) -> Bool {
    defer { (self.file, offset, number, rest) = (file, 0, 0, []) }
    return self.file != nil
  }
}
