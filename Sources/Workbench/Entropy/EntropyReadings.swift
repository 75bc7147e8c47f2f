// What conditions and `say` can ask of entropies and patches.

import Files
import Inspection
import Screen

extension Bench {
  /// A reading about entropies; nil for any other name.
  func entropyReading(
    _ name: String, _ indices: [ReadingIndex]
  ) throws(Failure) -> ReadingValue? {
    guard ReadingTable.row(name)?.about == "entropy" else { return nil }
    guard entropy.isComplete, let patches else {
      let isComing = settings.view == .entropy
      throw entropy.failure
        ?? Failure(
          "\(name): " + (isComing ? "entropies are on their way" : "not known; view entropy first"),
          code: 64)
    }
    switch name {
    case "patches": return .number(Double(patches.lengths.count))
    case "mean-patch": return .number(patches.mean)
    case "bits-per-byte": return .number(entropy.bitsPerByte)
    case "blt-bits-per-byte":
      guard model?.blt != nil else {
        throw Failure("\(name): the open model is no BLT; open one first", code: 64)
      }
      // What is not known yet agrees with no number, so that a wait goes on.
      return .number(entropy.judgedBits ?? .nan)
    case "patch":
      let texts = patchTexts(patches)
      guard let index = indices.first else {
        return .list(
          texts.enumerated().map { .init(.number(Double($0)), .text($1)) })
      }
      return .text(texts[try place(index, of: texts.count, from: 0, name)])
    default: break
    }
    func value(_ byte: Int) -> ReadingValue? {
      guard let next = entropy.after(byte) else { return nil }
      return switch name {
      case "entropy": .number(Double(next.entropy))
      case "surprise": next.surprise.map { .number(Double($0)) }
      case "rank": next.rank.map { .number(Double($0)) }
      default: .flag(patches.ends[byte])
      }
    }
    guard let index = indices.first else {
      return .list(
        (0..<entropy.count).compactMap { byte in
          value(byte).map { .init(.number(Double(byte)), $0) }
        })
    }
    let byte = try place(index, of: entropy.count, from: 0, name)
    guard let value = value(byte) else {
      throw Failure("\(name)[\(byte)]: nothing came after the last byte", code: 64)
    }
    return value
  }

  private func patchTexts(_ patches: Patches) -> [String] {
    var start = 0
    return patches.lengths.map { length in
      defer { start += length }
      return String(bytes: Array(entropy.bytes[start..<start + length]))
    }
  }
}
