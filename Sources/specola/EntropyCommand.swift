import ArgumentParser
import Checkpoints
import Files
import Models
import Tensors
import Training

struct Entropy: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What a model does not know about each next byte, and the patches that follow.",
    discussion: """
      examples:
        specola entropy entropy --text "Anna found a key." --threshold 1.2
        specola entropy blt my.txt --target-patch 4.5 --json

      MODEL is an entropy model or a BLT. Entropies are of the *next* byte, in nats; | stands where
      a patch ends. Files of any size are read in bounded memory. With --precision bf16 the model
      is run in float32 as well, and the patch ends that differ are counted.
      """)

  @ArgumentParser.Argument var model: String
  @ArgumentParser.Argument(help: "A text file; - is standard input.") var file: String?
  @Option(parsing: .unconditional, help: ArgumentHelp("The text itself.", valueName: "T"))
  var text: String?
  @Option(help: "global, monotonic, added, top-k, space, static or byte.")
  var rule = "global"
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Nats above which a patch ends; a BLT brings its own.", valueName: "X"))
  var threshold: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Nats of rise that the rule added wants beside it.", valueName: "X"))
  var thresholdAdd = 0.0
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Bytes a patch, of static and top-k.", valueName: "N"))
  var patchSize = 4
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Find the threshold for this mean length.", valueName: "X"))
  var targetPatch: Double?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("No patch is longer than this.", valueName: "N"))
  var maxPatch: Int?
  @OptionGroup var engine: EngineOptions
  @Option(help: "float32 or bf16: the form of the weights.") var precision: Precision = .float32
  @Flag(help: #"Print {"ids","entropies","threshold","rule","patch_lengths"}."#)
  var json = false

  func run() throws {
    let lanes = try engine.lanes()
    guard precision.form != .int8 else {
      throw Failure("--precision int8 is for decoding; entropy takes float32 or bf16", code: 64)
    }
    let (patcher, own) = try patcher()
    // What is shown first, and float32 to compare it with.
    let exact = precision.form == .float32 ? [] : [try self.patcher().model]
    let patchers = [patcher] + exact
    patcher.parameters.use(precision.form)
    patcher.parameters.repack(lanes)
    var patching = try patching(own)
    let source = try ByteSource(file: file, text: text)
    if source.count > patcher.context {
      guard patcher.config.window != nil else {
        throw Failure(
          "\(source.count) ids, and the model has no window: it reads \(patcher.context) at most")
      }
      note(
        "the text is longer than the \(patcher.context) tokens of the model's configuration: "
          + "positions go on behind them")
    }
    Interrupt.install()
    // Only a quantile, or the largest, need all entropies before the first patch.
    var known: [[Float]]?
    if targetPatch != nil || patching.rule == .topK {
      var all = patchers.map { _ in [Float]() }
      try read(source, patchers, lanes) { for i in all.indices { all[i] += $1[i] } }
      known = all
    }
    if let targetPatch, let known {
      guard source.count > 2 else { throw Failure("a mean length needs more than a byte") }
      patching.threshold = patching.threshold(forMean: targetPatch, known[0])
    }
    var chosen: [[Bool]]?
    if patching.rule == .topK, let known {
      let ids = try source.ids(0..<source.count)
      chosen = known.map { patching.ends(ids: ids, entropies: $0) }
    }
    var report = EntropyReport(
      patching, source, precision, isJSON: json, models: patchers.count, ends: chosen)
    if let known {
      for start in stride(from: 0, to: source.count, by: 1 << 14) {
        let range = start..<min(start + 1 << 14, source.count)
        try report.add(range, known.map { Array($0[range]) })
      }
    } else {
      try read(source, patchers, lanes) { try report.add($0, $1) }
    }
    try report.end()
  }

  /// The entropy model, and the threshold that it brings.
  private func patcher() throws(Failure) -> (model: EntropyModel, threshold: Float?) {
    switch try Home.load(model).model {
    case let entropy as EntropyModel: return (entropy, nil)
    case let blt as BLT:
      guard let patcher = blt.patcher else {
        throw Failure("\(visible(model)) is a BLT without an entropy model; every byte is a patch")
      }
      return (patcher, Float(blt.config.threshold))
    default: throw Failure("\(visible(model)) is neither an entropy model nor a BLT")
    }
  }

  /// The rule that was asked for; `own` is the model's threshold.
  private func patching(_ own: Float?) throws(Failure) -> Patching {
    guard let rule = PatchRule(rawValue: rule) else {
      let names = PatchRule.allCases.map(\.rawValue)
      let near = nearest(self.rule, among: names).map { "; nearest: \($0)" } ?? ""
      throw Failure(
        "--rule \(quoted(self.rule)) is not one of \(names.joined(separator: ", "))\(near)",
        code: 64)
    }
    for (name, value) in [("threshold", threshold ?? 0), ("threshold-add", thresholdAdd)]
    where !(value >= 0 && Float(value).isFinite) {
      throw Failure("--\(name) \(value) is not a number of nats, 0 or more", code: 64)
    }
    for (name, value) in [("patch-size", patchSize), ("max-patch", maxPatch ?? 1)] where value < 1 {
      throw Failure("--\(name) \(value) must be at least 1", code: 64)
    }
    if let targetPatch {
      guard targetPatch > 1, targetPatch.isFinite else {
        throw Failure("--target-patch \(targetPatch) is not a length above 1", code: 64)
      }
      guard [.global, .monotonic].contains(rule), threshold == nil else {
        throw Failure(
          "--target-patch finds the threshold of the rules global and monotonic; leave out "
            + "--threshold, or the target", code: 64)
      }
    }
    var patching = Patching(
      rule, rise: Float(thresholdAdd), size: patchSize, longest: maxPatch)
    patching.threshold = threshold.map { Float($0) } ?? own ?? patching.threshold
    return patching
  }

  /// Hands over the entropies of all positions by each model, in order, as they are ready.
  private func read(
    _ source: ByteSource, _ patchers: [EntropyModel], _ lanes: Lanes,
    _ body: (Range<Int>, [[Float]]) throws -> Void
  ) throws {
    let streams = patchers.map { EntropyStream($0, lanes: lanes) }
    var done = 0
    func pass(_ entropies: [[Float]]) throws {
      for i in entropies.compactMap({ $0.firstIndex { !$0.isFinite } }) {
        throw Failure(
          "the entropy behind id \(done + i) is not a number, so a weight went bad; check the "
            + "checkpoint", code: 1)
      }
      let next = done + entropies[0].count
      try body(done..<next, entropies)
      done = next
    }
    for start in stride(from: 0, to: source.count, by: 1 << 14) {
      let ids = try source.ids(start..<min(start + 1 << 14, source.count))
      try pass(streams.map { $0.push(ids) })
      progress("\(100 * done / source.count) %")
      if let signal = Interrupt.signal { throw ExitCode(128 + signal) }
    }
    try pass(streams.map { $0.finish() })
    progress("")
  }
}

/// BOS and the bytes of a text, as ids; a file is read where it is asked for.
private struct ByteSource {
  private enum Content {
    case bytes([UInt8])
    case file(MappedFile)
  }

  private let content: Content
  /// Ids, BOS included.
  let count: Int

  init(file: String?, text: String?) throws(Failure) {
    guard (text == nil) != (file == nil) else {
      throw Failure("give either a file (- is standard input) or --text", code: 64)
    }
    if let file, file != "-" {
      let mapped = try MappedFile(file)
      (content, count) = (.file(mapped), mapped.count + 1)
    } else {
      let bytes: [UInt8]
      if let text { bytes = Array(text.utf8) } else { bytes = try standardInput() }
      (content, count) = (.bytes(bytes), bytes.count + 1)
    }
  }

  func ids(_ range: Range<Int>) throws(Failure) -> [Int32] {
    let inside = max(0, range.lowerBound - 1)..<max(0, range.upperBound - 1)
    let bytes: [UInt8]
    switch content {
    case .bytes(let all): bytes = Array(all[inside])
    case .file(let file):
      bytes = try file.bytes(inside)
      file.forget()
    }
    return (range.lowerBound == 0 && !range.isEmpty ? [1] : []) + bytes.map { Int32($0) + 4 }
  }
}

/// What is printed, in pieces: of what was, only a bit a byte is kept, and for JSON alone.
private struct EntropyReport {
  private let patching: Patching
  private let source: ByteSource
  private let precision: Precision
  private let isJSON: Bool
  /// Where patches end by each model, where that is known beforehand, and what decides it else.
  private let chosen: [[Bool]]?
  private var walks: [Patching.Walk]
  /// Whether a patch ends at each byte, eight to a number.
  private var ends: [UInt8] = []
  private var endCount = 0
  /// Ends by float32 where another precision is shown, and how many are of one of the two alone.
  private var exactCount = 0
  private var flips = 0
  private var endsLast = false
  private var total = 0.0
  /// Bytes of a character whose rest is in the next piece.
  private var held: [UInt8] = []

  init(
    _ patching: Patching, _ source: ByteSource, _ precision: Precision, isJSON: Bool, models: Int,
    ends: [[Bool]]?
  ) {
    (self.patching, self.source, self.precision) = (patching, source, precision)
    (self.isJSON, chosen) = (isJSON, ends)
    walks = Array(repeating: Patching.Walk(patching), count: models)
  }

  private func begin() throws(Failure) {
    try emit("{\"ids\":[", terminator: "")
    for start in stride(from: 0, to: source.count, by: 1 << 14) {
      let ids = try source.ids(start..<min(start + 1 << 14, source.count))
      try emit((start > 0 ? "," : "") + list(ids), terminator: "")
    }
    try emit("],\"entropies\":[", terminator: "")
  }

  /// Takes the entropies of some positions by every model.
  mutating func add(_ range: Range<Int>, _ entropies: [[Float]]) throws(Failure) {
    if isJSON, range.lowerBound == 0, !range.isEmpty { try begin() }
    var shown = held
    for (i, (id, entropy)) in zip(range, zip(try source.ids(range), entropies[0])) {
      if id >= 4 { shown.append(UInt8(id - 4)) }
      total += Double(entropy)
      endsLast = isEnd(0, i, id, entropy)
      if walks.count > 1 {
        let isExact = isEnd(1, i, id, entropies[1][i - range.lowerBound])
        exactCount += isExact ? 1 : 0
        flips += isExact != endsLast ? 1 : 0
      }
      if isJSON, i % 8 == 0 { ends.append(0) }
      guard endsLast else { continue }
      endCount += 1
      if isJSON { ends[i / 8] |= 1 << (i % 8) } else { shown.append(UInt8(ascii: "|")) }
    }
    if isJSON {
      let numbers = entropies[0].map { "\($0)" }.joined(separator: ",")
      try emit((range.lowerBound > 0 && !numbers.isEmpty ? "," : "") + numbers, terminator: "")
    } else {
      let last = shown.lastIndex { $0 < 0x80 } ?? -1
      held = Array(shown[(shown.count - last > 4 ? shown.count : last + 1)...])
      try emit(String(decoding: shown.dropLast(held.count), as: UTF8.self), terminator: "")
    }
  }

  private mutating func isEnd(_ model: Int, _ i: Int, _ id: Int32, _ entropy: Float) -> Bool {
    chosen?[model][i] ?? walks[model].next(id, entropy)
  }

  mutating func end() throws(Failure) {
    if isJSON { return try endObject() }
    let (count, patches) = (source.count, endCount + (endsLast ? 0 : 1))
    try emit(String(decoding: held, as: UTF8.self))
    note(
      "\(grouped(count)) ids in \(grouped(patches)) patches of "
        + "\(fixed(Double(count) / Double(patches), 2)) on average; rule "
        + "\(patching.rule.rawValue), threshold \(fixed(Double(patching.threshold), 4)) nats; "
        + "mean entropy \(fixed(total / Double(count), 4)) nats")
    guard walks.count > 1 else { return }
    let share = 100 * Double(flips) / Double(max(1, exactCount))
    note(
      "\(precision.rawValue) beside float32, both run: \(grouped(flips)) ends of patches are of "
        + "one alone, \(fixed(share, 3)) % of the \(grouped(exactCount)) of float32")
  }

  private func endObject() throws(Failure) {
    try emit("],\"patch_lengths\":[", terminator: "")
    var (start, separator) = (0, "")
    for block in stride(from: 0, to: source.count, by: 1 << 14) {
      var lengths: [Int32] = []
      for i in block..<min(block + 1 << 14, source.count)
      where i == source.count - 1 || ends[i / 8] >> (i % 8) & 1 == 1 {
        lengths.append(Int32(i + 1 - start))
        start = i + 1
      }
      guard !lengths.isEmpty else { continue }
      try emit(separator + list(lengths), terminator: "")
      separator = ","
    }
    let compared =
      walks.count > 1
      ? ",\"precision\":\"\(precision.rawValue)\",\"float32_patch_ends\":\(exactCount),"
        + "\"flipped_patch_ends\":\(flips)" : ""
    try emit(
      "],\"rule\":\"\(patching.rule.rawValue)\",\"threshold\":\(patching.threshold)\(compared)}")
  }

  private func list(_ numbers: [Int32]) -> String {
    numbers.map { "\($0)" }.joined(separator: ",")
  }
}
