// What the stages of a BLT do at one byte, in lines and maps; and the keys of the stages.

import Inspection
import Models
import Screen

/// One byte in the stages of a BLT.
struct StageDetail {
  let stages: BLTSnapshot
  let byte: Int

  /// The place of the byte among the ids, behind the start token.
  private var id: Int { byte + 1 }
  private var source: Int { stages.sources[id] }
  private var own: Int { stages.patch(of: id) }
  private var isOpen: Bool { own >= stages.patches.count }

  /// `patch 3 "red "`.
  private func name(_ patch: Int, _ room: Int) -> String {
    guard patch > 0 else { return "the start token's patch" }
    let bytes = stages.ids[stages.range(of: patch)].map { UInt8($0 - 4) }
    let number = "patch \(ModelView.number(of: patch)) "
    return number + "\""
      + cut(Glyphs.visible(Glyphs.decode(bytes)), max(4, room - number.count - 2))
      + "\""
  }

  private var byteName: String {
    let value = UInt8(stages.ids[id] - 4)
    return "byte \(byte) '\(Glyphs.visible(Glyphs.decode([value])))'"
  }

  /// The bytes of a patch as they are counted.
  private func places(_ range: Range<Int>) -> String {
    range.count == 1
      ? "byte \(range.lowerBound - 1)" : "bytes \(range.lowerBound - 1)-\(range.upperBound - 2)"
  }

  private func length(_ part: BLTSnapshot.Part, _ row: Int) -> String {
    "length " + Numbers.fit(stages.length(part, row), 7, decimals: 3)
  }

  // MARK: - Lines

  func lines(_ stage: BLTStage, width: Int) -> [PaneLine] {
    let c = stages.config
    switch stage {
    case .bytes:
      let value = Int(stages.ids[id]) - 4
      var lines = [
        PaneLine(name: "BYTES  \(byteName)"),
        PaneLine(name: "row of the table", number: "\(value) + 4 = \(value + 4)"),
      ]
      for (place, row) in stages.hashRows[id].enumerated() {
        let size = c.hashSizes[place % c.hashSizes.count]
        lines.append(
          PaneLine(
            name: "\(size) \"\(gram(size, max(4, width - 18)))\"",
            number: "row \(Numbers.grouped(row))"))
      }
      return lines + [PaneLine(name: "all added", number: length(.bytes, id))]
    case .encoder:
      let first = max(0, id - (c.window ?? .max) + 1)
      return [
        PaneLine(name: "ENCODER  \(byteName)"),
        PaneLine(
          name: "reads", number: (first == 0 ? "start" : "byte \(first - 1)") + " to byte \(byte)"),
        PaneLine(name: "came in", number: length(.bytes, id)),
        PaneLine(name: "goes on", number: length(.encoder, id)),
      ]
    case .patches:
      guard !isOpen else {
        return [
          PaneLine(name: "POOLING  \(name(own, width - 9))"),
          PaneLine(name: "has not ended: no latent yet"),
        ]
      }
      return [
        PaneLine(name: "POOLING  \(name(own, width - 9))"),
        PaneLine(name: "% of slot.head on \(places(stages.range(of: own)))"),
      ]
    case .latent:
      let patch = min(own, stages.patches.count - 1)
      let bytes = stages.sources.indices.filter { stages.sources[$0] == patch }
      let until = bytes.last.map { $0 + 1 } ?? 0
      return [
        PaneLine(name: "LATENT  \(name(patch, width - 8))"),
        PaneLine(name: "reads patches", number: "start to \(ModelView.number(of: patch))"),
        PaneLine(name: "came in", number: length(.patches, patch)),
        PaneLine(name: "goes on", number: length(.latent, patch)),
        PaneLine(
          name: "read behind",
          number: bytes.isEmpty ? "no byte yet" : places((bytes.first ?? 0)..<until)),
      ] + (isOpen ? [PaneLine(name: "(\(name(own, width - 16)) is open)")] : [])
    case .decoder:
      let whose = source == own ? ", its own" : source > 0 ? ", not its own" : ""
      return [
        PaneLine(name: "DECODER  behind \(byteName)"),
        PaneLine(name: "reads " + name(source, width - 20) + whose),
        PaneLine(name: "% of layer.head on each slot"),
      ]
    case .logits:
      let next = stages.next(after: id)
      var lines = [
        PaneLine(name: "NEXT  behind \(byteName)"),
        PaneLine(
          name: "entropy", number: Numbers.fixed(Double(next.entropy), 3) + " nats"),
      ]
      if let surprise = next.surprise, let rank = next.rank {
        let came = Glyphs.visible(Glyphs.decode([UInt8(stages.ids[id + 1] - 4)]))
        lines.append(
          PaneLine(
            name: "came '\(came)', rank \(rank)",
            number: "surprise " + Numbers.fixed(Double(surprise), 3)))
      }
      return lines
    }
  }

  /// The bytes that a hash is of, the latest last; what is before the text counts as nothing.
  private func gram(_ size: Int, _ room: Int) -> String {
    let ids = stages.ids[max(0, id - size + 1)...id]
    let text = ids.filter { $0 >= 4 }.map { UInt8($0 - 4) }
    return cut(
      (ids.count < size || ids.first == 1 ? "·" : "") + Glyphs.visible(Glyphs.decode(text)), room)
  }

  // MARK: - Cross-attention

  /// What a row of the map is: a slot, or a layer, of one head or the mean of all.
  private typealias Row = (name: String, weights: [Double])

  /// Every head where there is room for them, else their means.
  private func rows(_ groups: [(name: String, heads: [[Double]])], _ room: Int) -> [Row] {
    let all = groups.flatMap { group in
      group.heads.enumerated().map { (name: "\(group.name).\($0)", weights: $1) }
    }
    if all.count <= room { return all }
    return groups.map { group in
      let count = Double(max(1, group.heads.count))
      let width = group.heads.first?.count ?? 0
      return (
        name: group.name + ".all",
        weights: (0..<width).map { i in group.heads.reduce(0) { $0 + $1[i] } / count }
      )
    }
  }

  /// Slots of the byte's patch over its bytes, or the byte over the slots that it reads.
  func map(_ stage: BLTStage, in area: Rect) -> HeatMap? {
    let k = stages.config.slots
    let (found, columns, cursor): ([Row], [String], Int?)
    if stage == .patches {
      guard !isOpen else { return nil }
      let range = stages.range(of: own)
      found = rows(
        (0..<k).map { ("\($0)", stages.pooling(patch: own, slot: $0)) }, area.height - 1)
      columns = range.map {
        stages.ids[$0] < 4 ? "?" : Glyphs.column(UInt8(stages.ids[$0] - 4), showsSpace: true)
      }
      cursor = id - range.lowerBound
    } else {
      found = rows(
        (0..<stages.crossLayers).map { ("\($0)", stages.reading(id: id, layer: $0)) },
        area.height - 1)
      (columns, cursor) = ((0..<k).map { "\($0)" }, nil)
    }
    var map = HeatMap(rows: found.map(\.name), columns: columns) { found[$0].weights[$1] }
    (map.axes, map.numbersRows) = ("", false)
    // The byte under the cursor is in sight, with as many before it as there is room for.
    let shown = map.window(in: area).columns.count
    map.origin = Position(0, max(0, min(cursor ?? 0, columns.count - 1) - shown + 1))
    return map
  }
}

// MARK: - Keys, clicks, help and export

extension ModelView {
  func stagesAction(for key: Key, _ bench: Bench) -> Action? {
    guard let stages = bench.parts.stages else { return nil }
    let byte = bench.stageByte(in: stages)
    func go(to byte: Int) -> Action {
      .run(Command(.cursor, "\(max(0, min(stages.ids.count - 2, byte)))"))
    }
    switch key {
    case .character("n"), .character("]"): return .run(Command(.stage, "next"))
    case .character("p"), .character("["): return .run(Command(.stage, "back"))
    case .left, .character("h"): return go(to: byte - 1)
    case .right, .character("l"): return go(to: byte + 1)
    case .home: return go(to: 0)
    case .end: return go(to: .max)
    // To the patch before and after.
    case .up, .character("k"), .pageUp:
      return go(to: stages.range(of: max(1, stages.patch(of: byte + 1) - 1)).lowerBound - 1)
    case .down, .character("j"), .pageDown:
      return go(to: stages.range(of: stages.patch(of: byte + 1)).upperBound - 1)
    case .enter: return .say("n and p go through the stages, v to weights and costs")
    case .tab, .backTab: return .say("the stages have one pane; v goes to weights and costs")
    case .character("z"), .character("Z"): return .say("nothing to zoom here")
    default: return nil
    }
  }

  func stagesClick(at place: Position, in area: Rect, _ bench: Bench) -> Action? {
    guard let stages = bench.parts.stages else { return nil }
    let layout = StagesLayout(area, masks: stages.masks.count)
    guard layout.band.contains(place.row, place.column) else { return nil }
    let text = layout.band.line(layout.band.height < 4 ? 0 : 1)
    let (bars, first) = band(stages, bench.stageByte(in: stages), in: text)
    return bars.character(at: Position(text.row, place.column), in: text).map {
      .run(Command(.cursor, "\(first + $0)"))
    }
  }

  func findByte(_ text: String, _ bench: Bench) -> Position? {
    guard let stages = bench.parts.stages else { return nil }
    let (bytes, wanted) = (stages.ids.dropFirst().map { UInt8($0 - 4) }, text.bytes)
    return wanted.place(in: bytes, behind: bench.stageByte(in: stages)).map { Position($0, 0) }
  }

  func stagesExplanation(_ bench: Bench) -> String {
    guard let stages = bench.parts.stages else { return "the stages are on their way" }
    let byte = bench.stageByte(in: stages)
    return "byte \(byte) is in patch \(Self.number(of: stages.patch(of: byte + 1))); behind it the "
      + "decoder reads patch \(Self.number(of: stages.sources[byte + 1]))"
  }

  var stagesElements: [(name: String, meaning: String)] {
    [
      ("bytes", "a table's row for the byte, and rows found by hashing the bytes up to it"),
      ("encoder", "local attention: every byte hears those in its window"),
      ("patches", "the largest numbers of a patch's bytes make k slots, which read these bytes"),
      ("latent", "the large model: it reads patches, and runs once for each"),
      ("decoder", "every byte reads the k slots of the latest patch that is complete at it"),
      ("logits", "the scores of all next bytes"),
      ("reads ━", "the patch that the decoder reads behind the byte under the cursor"),
      ("start", "the start token: a patch of its own, before patch 0"),
      ("slot.head", "cross-attention in the encoder: a slot's weights on its bytes, in %"),
      ("layer.head", "cross-attention in the decoder: a byte's weights on the slots, in %"),
      ("patches of", "the rule and the threshold are those of the Entropy view; 2 goes there"),
    ]
  }

  /// A row a byte.
  func stagesData(_ bench: Bench) -> Table? {
    guard let stages = bench.parts.stages else { return nil }
    let titles = [
      "byte", "value", "text", "patch", "reads", "entropy", "surprise", "encoder_length",
    ]
    let rows = (1..<stages.ids.count).map { id in
      let next = stages.next(after: id)
      return [
        "\(id - 1)", "\(stages.ids[id] - 4)", bench.byteName(stages.ids[id]),
        Self.number(of: stages.patch(of: id)), Self.number(of: stages.sources[id]),
        "\(next.entropy)", next.surprise.map { "\($0)" } ?? "", "\(stages.length(.encoder, id))",
      ]
    }
    return Table(titles.map { Table.Column($0) }, rows)
  }
}

extension [UInt8] {
  /// Where these bytes stand in others, from behind a place on and round the end.
  func place(in bytes: [UInt8], behind here: Int) -> Int? {
    guard !isEmpty, count <= bytes.count else { return nil }
    return (1...bytes.count).lazy.map { (here + $0) % bytes.count }.first {
      $0 + count <= bytes.count && bytes[$0..<$0 + count].elementsEqual(self)
    }
  }
}
