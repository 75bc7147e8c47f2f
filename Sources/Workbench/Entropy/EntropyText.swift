// Bytes and rules as they are read.

import Inspection
import Models
import Screen
import Text

extension Patching {
  /// The word of the language; `added` is `global` with a condition.
  package var ruleName: String { rule == .added ? PatchRule.global.rawValue : rule.rawValue }

  /// The command that sets this rule, with all numbers that are not the usual ones.
  package func command(for rule: PatchRule) -> Command {
    var options: [Command.Option] = []
    if rule == .added { options.append(.init(key: "add", value: "\(rise)")) }
    if size != 4 { options.append(.init(key: "size", value: "\(size)")) }
    if let longest { options.append(.init(key: "max", value: "\(longest)")) }
    return Command(.rule, values: [with(rule).ruleName], options: options)
  }
}

extension EntropyState {
  /// A byte in one column: the character that begins with it, `·` where one goes on.
  func glyph(_ byte: Int) -> String {
    if bytes[byte] & 0xC0 == 0x80, character(around: byte) != byte { return "·" }
    guard case .scalar(let scalar, _) = Glyphs.scalar(in: bytes[byte...]) else { return "?" }
    let glyphs = Glyphs.split(String(Character(scalar)))
    return glyphs.count == 1 && glyphs[0].width == 1 ? glyphs[0].text : "?"
  }

  /// Where the character of a byte begins; the byte itself where it is of none.
  func character(around byte: Int) -> Int {
    for start in stride(from: byte, through: max(0, byte - 3), by: -1)
    where bytes[start] & 0xC0 != 0x80 {
      guard case .scalar(_, let length) = Glyphs.scalar(in: bytes[start...]) else { break }
      return start + length > byte ? start : byte
    }
    return byte
  }

  /// The text around a byte, a span a character, and the byte that each begins with.
  func flow(around byte: Int, room: Int) -> (flow: TextFlow, starts: [Int]) {
    // From a place that stays while the cursor moves a little.
    let half = max(512, room / 512 * 512)
    let first = character(around: max(0, byte / half * half - half))
    var (starts, at) = ([Int](), first)
    while at < min(bytes.count, first + 3 * half) {
      starts.append(at)
      guard case .scalar(_, let length) = Glyphs.scalar(in: bytes[at...]) else {
        at += 1
        continue
      }
      at += length
    }
    let ends = starts.dropFirst() + [at]
    var flow = TextFlow(
      zip(starts, ends).map { TextFlow.Span(Glyphs.decode(Array(bytes[$0..<$1]))) })
    flow.keepsWords = true
    flow.cursor = starts.lastIndex { $0 <= byte }
    return (flow, starts)
  }

  /// The bytes of a line above or below, in the same column or near it.
  func byte(_ lines: Int, from byte: Int, width: Int) -> Int {
    let (flow, starts) = flow(around: byte, room: 0)
    let placed = flow.layout(width: width)
    guard let here = placed.first(where: { $0.span == flow.cursor })?.at else { return byte }
    let line = placed.filter { $0.at.row == here.row + lines }
    let there = line.last { $0.at.column <= here.column } ?? line.first
    return there.map { starts[$0.span] } ?? byte
  }
}

extension Bench {
  /// What nats are multiplied with to be shown.
  var natScale: Double { settings.units == "bits" ? log2e : 1 }

  /// Nats in the units that are set, with their name.
  func inUnits(_ nats: Double) -> String {
    "\(Numbers.fixed(natScale * nats, 3)) \(settings.units)"
  }

  /// A byte as it is named: `'k'`, `'<C3>'`.
  func byteName(_ id: Int32) -> String {
    guard id >= ByteTokenizer.offset else {
      return ByteTokenizer.specialNames[max(0, Int(id))]
    }
    return Glyphs.visible(Glyphs.decode([UInt8(truncatingIfNeeded: id - ByteTokenizer.offset)]))
  }

  /// A likely byte, where a space must be seen.
  func candidateName(_ id: Int32) -> String { id == 36 ? "␣" : byteName(id) }

  /// Why a patch ends with a byte, or goes on.
  func verdict(_ byte: Int, isShort: Bool = false) -> String {
    guard let patches, let next = entropy.after(byte) else { return "" }
    let patching = settings.patching
    let rise = Double(next.entropy) - Double(entropy.next[byte].entropy)
    let scale = natScale
    func compare(_ value: Double, _ limit: Double) -> String {
      Numbers.fixed(scale * value, 3) + (value > limit ? " > " : " <= ")
        + Numbers.fixed(scale * limit, 2)
    }
    let reason =
      switch patching.rule {
      case .global: compare(Double(next.entropy), Double(patching.threshold))
      case .monotonic: "rise " + compare(rise, Double(patching.threshold))
      case .added where next.entropy > patching.threshold:
        "rise " + compare(rise, Double(patching.rise))
      case .added: compare(Double(next.entropy), Double(patching.threshold))
      case .space: "space rule"
      case .fixed: "\(patching.size) bytes a patch"
      default: "every byte"
      }
    guard byte + 1 < entropy.bytes.count else { return reason + ": the text ends" }
    if isShort { return reason + (patches.ends[byte] ? ": ends" : ": goes on") }
    let start = patching.rule == .global ? "byte \(byte + 1)" : "\(byte + 1)"
    return reason + (patches.ends[byte] ? ": \(start) starts a patch" : ": goes on")
  }

  /// How many patches have a length of 1, 2 to 3, 4 to 7 and so on.
  var patchLengths: [Bars.Item] {
    let names = ["1", "2-3", "4-7", "8-15", "16+"]
    var counts = [0, 0, 0, 0, 0]
    for length in patches?.lengths ?? [] {
      counts[min(4, Int.bitWidth - 1 - length.leadingZeroBitCount)] += 1
    }
    return zip(names, counts).map { Bars.Item($0, Double($1), "\($1)") }
  }

  /// Why the view has nothing to show.
  var whyNoEntropies: String {
    guard model != nil else { return "No model is open: type :model and a name." }
    if let failure = entropy.failure {
      return failure.message + ". An entropy model is trained by: train entropy"
    }
    return entropy.bytes.isEmpty
      ? "The prompt is empty: i types one." : "Entropies are on their way."
  }
}
