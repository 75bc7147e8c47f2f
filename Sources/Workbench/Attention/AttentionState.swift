// The attention view's part of the bench: which snapshots it needs, and what commands change.

import Files
import Inspection
import Models
import Screen

package struct AttentionState: Sendable {
  /// Snapshots that are needed now, by what they are of.
  private var kept: [(wish: AttentionWish, snapshot: AttentionSnapshot)] = []
  /// What was asked for and has not come yet.
  private var asked: [AttentionWish] = []
  /// The latest snapshot of what the settings say; an older one until it comes.
  package private(set) var shown: AttentionSnapshot?
  /// The tokens of `shown` as they are read.
  package private(set) var labels: [String] = []
  /// Whether the cursor goes to the largest weight of the last row when it is known.
  package var followsPeak = true
  /// The cell that was uncovered last, under `set cover=on`.
  var uncovered: AttentionCell?
  private var surveyed: (picture: AttentionPicture, map: BlockMap)?
  private var surveyAsked: AttentionPicture?

  mutating func receive(_ wish: AttentionWish, _ snapshot: AttentionSnapshot) {
    asked.removeAll { $0 == wish }
    kept.append((wish, snapshot))
    (surveyed, surveyAsked) = (nil, nil)
  }

  mutating func receive(_ picture: AttentionPicture, _ map: BlockMap) {
    surveyed = (picture, map)
  }

  /// Says what is needed, first of all what is shown; gives what is to be asked for.
  mutating func need(_ wishes: [AttentionWish], _ model: ModelFacts) -> [AttentionWish] {
    kept.removeAll { !wishes.contains($0.wish) }
    if let first = wishes.first, let snapshot = snapshot(of: first) {
      if shown?.ids != snapshot.ids || labels.isEmpty {
        labels = snapshot.ids.map(model.label)
      }
      shown = snapshot
    }
    let missing = wishes.filter { wish in !kept.contains { $0.wish == wish } }
    guard missing.contains(where: { !asked.contains($0) }) else { return [] }
    asked = missing
    return missing
  }

  func snapshot(of wish: AttentionWish) -> AttentionSnapshot? {
    kept.last { $0.wish == wish }?.snapshot
  }

  /// The whole of a picture: at once when it is little work, else when the engine has made it.
  func survey(of picture: AttentionPicture) -> BlockMap? {
    guard picture.isLarge else { return picture.survey() }
    return surveyed?.picture == picture ? surveyed?.map : nil
  }

  /// Whether the engine is to make a survey that was not yet asked for.
  mutating func needsSurvey(of picture: AttentionPicture) -> Bool {
    guard picture.isLarge, survey(of: picture) == nil, surveyAsked != picture else { return false }
    surveyAsked = picture
    return true
  }
}

/// A place in the attention view.
struct AttentionCell: Equatable, Sendable {
  var head: HeadReference
  var stage: Stage
  var at: Position
}

extension ModelFacts {
  /// A token as a map names it: without the space before a word.
  func label(_ id: Int32) -> String {
    guard let tokenizer else { return "\(id)" }
    let name = tokenizer.specialName(of: id) ?? Glyphs.decode(tokenizer.bytes(of: id))
    let word = name.drop { $0 == " " }
    if word.isEmpty { return name.isEmpty ? "\(id)" : "␣" }
    return word == "\n" ? "\\n" : String(word)
  }
}

extension Settings {
  /// The changes to the attention that a person tries, those that the model has heads for.
  func edits(_ model: ModelFacts) -> [AttentionEdit] {
    func has(_ head: HeadReference) -> Bool {
      head.layer < model.layers && head.head < model.layout.heads
    }
    func order(_ a: HeadReference, _ b: HeadReference) -> Bool {
      (a.layer, a.head) < (b.layer, b.head)
    }
    let masks: [AttentionEdit] =
      switch mask {
      case .model: []
      case .causal: [.mask(.causal)]
      case .none: [.mask(.full)]
      case .window(let width): [.mask(.window(width))]
      }
    let zeros = zeroed.filter(has).sorted(by: order).map {
      AttentionEdit.zeroHead(layer: $0.layer, head: $0.head)
    }
    let factors = sharpened.filter { has($0.key) }.sorted { order($0.key, $1.key) }.map {
      AttentionEdit.scaleScores(layer: $0.key.layer, head: $0.key.head, by: Float($0.value))
    }
    return masks + zeros + factors
  }
}

extension Bench {
  func label(_ id: Int32) -> String { model?.label(id) ?? "\(id)" }

  /// What is tried now.
  var edits: [AttentionEdit] { model.map { settings.edits($0) } ?? [] }

  func wish(_ edits: [AttentionEdit]) -> AttentionWish {
    AttentionWish(model: model?.number ?? 0, ids: ids, edits: edits)
  }

  /// The attention of the prompt without any edit, when it is known.
  var trainedAttention: AttentionSnapshot? { attention.snapshot(of: wish([])) }
  /// The attention of the prompt with all edits, when it is known.
  var presentAttention: AttentionSnapshot? { attention.snapshot(of: wish(edits)) }

  /// Whether the pinned state can be compared with the present one.
  private var comparable: Settings? {
    pinned.flatMap { $0.prompt == settings.prompt && $0.model == settings.model ? $0 : nil }
  }

  /// What the map shows now.
  var picture: AttentionPicture? {
    guard let snapshot = attention.shown else { return nil }
    var picture = AttentionPicture(
      snapshot: snapshot,
      head: HeadReference(
        layer: min(settings.head.layer, snapshot.layers - 1),
        head: min(settings.head.head, snapshot.layout.heads - 1)),
      stage: AttentionStage(rawValue: settings.stage.rawValue) ?? .weights)
    if !snapshot.stages.contains(picture.stage) { picture.stage = .input }
    guard settings.difference, let model else { return picture }
    let (edits, head, name) =
      comparable.map { ($0.edits(model), $0.head, "pinned \($0.head)") }
      ?? ([], settings.head, "as trained")
    if let other = attention.snapshot(of: wish(edits)), other.ids == snapshot.ids {
      picture.base = .init(snapshot: other, head: head, name: name)
    }
    return picture
  }

  /// The cursor within the picture.
  func cell(in picture: AttentionPicture) -> Position {
    let cursor = settings.cursors[.attention] ?? Position(0, 0)
    return Position(
      max(0, min(picture.rows - 1, cursor.row)), max(0, min(picture.columns - 1, cursor.column)))
  }

  /// Whether `set cover=on` hides the number under the cursor.
  var isCovered: Bool { settings.cover && attention.uncovered != attentionCell }

  private var attentionCell: AttentionCell {
    AttentionCell(
      head: settings.head, stage: settings.stage,
      at: settings.cursors[.attention] ?? Position(0, 0))
  }

  /// The cursor was put where it is: that uncovers the cell.
  mutating func uncover() { attention.uncovered = attentionCell }

  // MARK: - The engine

  mutating func attentionWishes(_ model: ModelFacts) -> [Request] {
    guard !ids.isEmpty else { return [] }
    var wishes = [wish(edits)]
    for edits in [[]] + (comparable.map { [$0.edits(model)] } ?? [])
    where !wishes.contains(wish(edits)) {
      wishes.append(wish(edits))
    }
    let missing = attention.need(wishes, model)
    var requests: [Request] = missing.isEmpty ? [] : [.inspect(.attend(missing))]
    if attention.followsPeak, let snapshot = attention.snapshot(of: wishes[0]) {
      goToPeak(snapshot, row: ids.count - 1)
    }
    if settings.view == .attention, let picture, picture.isSigned || settings.zoom == 0,
      attention.needsSurvey(of: picture)
    {
      requests.append(.inspect(.survey(picture)))
    }
    return requests
  }

  /// Puts the cursor on the largest weight of a row.
  private mutating func goToPeak(_ snapshot: AttentionSnapshot, row: Int) {
    guard settings.head.layer < snapshot.layers, settings.head.head < snapshot.layout.heads else {
      return
    }
    let peak = snapshot.peak(layer: settings.head.layer, head: settings.head.head, row: row)
    settings.cursors[.attention] = Position(row, peak.column)
    attention.followsPeak = false
  }

  // MARK: - Commands

  mutating func updateAttention(_ command: Command) throws(Failure) {
    guard !command.values.isEmpty || !command.options.isEmpty || command.name == .zero else {
      return
    }
    switch command.name {
    case .head: try setHead(command)
    case .stage: try setStage(command.text)
    case .mask:
      let masks: [String: MaskChoice] = ["causal": .causal, "none": .none]
      settings.mask =
        command.integer("window").map { .window($0) } ?? masks[command.text] ?? .model
      showWhatIf()
    case .sharpen:
      let factor = command.number(0) ?? 1
      settings.sharpened[settings.head] = factor == 1 ? nil : factor
      showWhatIf()
    default:
      if command.text == "off" {
        settings.zeroed = []
      } else {
        settings.zeroed.insert(try head(command) ?? settings.head)
      }
      showWhatIf()
    }
  }

  /// The head that a command names; throws when the model has none there.
  private func head(_ command: Command) throws(Failure) -> HeadReference? {
    guard let head = command.head(0, inLayer: settings.head.layer) else { return nil }
    if let model, head.layer >= model.layers || head.head >= model.layout.heads {
      throw Failure(
        "\(command.name.rawValue): no head \(head); layers 0 to \(model.layers - 1), heads 0 to "
          + "\(model.layout.heads - 1)", code: 64)
    }
    return head
  }

  private mutating func setHead(_ command: Command) throws(Failure) {
    guard let head = try head(command) else { return }
    settings.head = head
    // The cursor of a vector is on a dimension, whatever the head.
    guard picture?.stage.isMap ?? true else { return }
    guard let snapshot = presentAttention else { return attention.followsPeak = true }
    // In the grid the row stays, so that its peaks can be compared.
    let (row, last) = (settings.cursors[.attention]?.row ?? 0, ids.count - 1)
    goToPeak(snapshot, row: settings.panes[.attention] == "grid" ? min(row, last) : last)
  }

  private mutating func setStage(_ word: String) throws(Failure) {
    if try setBLTStage(word) { return }
    let stages = self.stages
    switch word {
    case "next", "back":
      let here = stages.firstIndex(of: settings.stage) ?? 0
      let place = here + (word == "next" ? 1 : -1)
      guard stages.indices.contains(place) else {
        throw Failure(
          word == "next"
            ? "this is the last stage; p goes back" : "this is the first stage; n goes on",
          code: 64)
      }
      settings.stage = stages[place]
    default:
      guard let stage = stages.first(where: { $0.rawValue == word }) else {
        throw Failure("stage: this model has no step \(word)", code: 64)
      }
      settings.stage = stage
    }
    // A vector may be wider than a map.
    if let picture { settings.cursors[.attention] = cell(in: picture) }
  }

  /// The stages that the open model has.
  var stages: [Stage] {
    guard let known = attention.shown?.stages else { return Stage.allCases }
    return Stage.allCases.filter { stage in known.contains { $0.rawValue == stage.rawValue } }
  }

  /// Turns the right pane to what a change does, and back when there is none any more.
  private mutating func showWhatIf() {
    let isEmpty = edits.isEmpty
    switch settings.panes[.attention] {
    case "grid": break
    case "what-if" where isEmpty: settings.panes[.attention] = "ledger"
    case _ where !isEmpty: settings.panes[.attention] = "what-if"
    default: break
    }
  }
}

extension AttentionSnapshot {
  /// The head to open with: the one whose last row looks hardest at one token between the first
  /// and itself; nil where none does.
  var tellingHead: HeadReference? {
    let heads = grid(row: ids.count - 1).enumerated().flatMap { layer, peaks in
      peaks.map { (head: HeadReference(layer: layer, head: $0.head), peak: $0) }
    }
    return heads.filter { $0.peak.column > 0 && $0.peak.column < ids.count - 1 }
      .max { $0.peak.weight < $1.peak.weight }?.head
  }
}
