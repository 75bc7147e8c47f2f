// The whole state of the workbench, and the two ways in which it changes: a command of a person,
// an event of the engine. Both give requests to the engine; neither draws, waits or writes.

import Files
import Inspection
import Models
import Screen
import Text

/// What row 23 shows at rest: the command that was run, and the key that ran it.
public struct Echo: Equatable, Sendable {
  public var text = ""
  public var key: String?
  /// Whether it is a command, not a message.
  public var isCommand = false
  public var isError = false
}

public struct Bench: Sendable {
  public internal(set) var settings = Settings()
  public internal(set) var echo = Echo()
  package internal(set) var dialog: Dialog?
  /// The size of the screen, for moving by pages.
  public internal(set) var size = Size(rows: 24, columns: 80)

  // What the engine told.
  public internal(set) var model: ModelFacts?
  package internal(set) var attention = AttentionState()
  package internal(set) var entropy = EntropyState()
  package internal(set) var generate = GenerateState()
  package internal(set) var train = TrainState()
  package internal(set) var parts = ModelState()

  /// What can be opened: models, configurations and runs.
  package internal(set) var shelf = Shelf()
  /// Requests on the way.
  public internal(set) var pending = 0
  /// The settings that `pin` keeps, for a difference to them.
  public internal(set) var pinned: Settings?
  private var undone: [Settings] = []
  private var done: [Settings] = []
  /// Whether the head is still to be chosen that a model opens with.
  private var choosesHead = false
  /// The patch rule that the last BLT brought.
  private var adopted: Patching?
  /// The model that was asked for last.
  private var asked = ""

  public init() {}

  var view: any View { settings.view.view }

  /// Whether the engine has nothing to do and nothing goes on by itself.
  public var isIdle: Bool { pending == 0 && !generate.isRunning && !train.isRunning }

  // MARK: - Commands

  /// Runs a command; throws when it cannot be, and then nothing has changed.
  public mutating func update(_ command: Command) throws(Failure) -> [Request] {
    let before = self
    do throws(Failure) {
      var requests = try apply(command)
      if settings != before.settings, command.name != .undo {
        done.append(before.settings)
        if done.count > 500 { done.removeFirst() }
        undone = []
      }
      requests += wishes()
      pending += requests.count
      return requests
    } catch {
      self = before
      throw error
    }
  }

  private mutating func apply(_ command: Command) throws(Failure) -> [Request] {
    switch command.name {
    case .view:
      settings.view = try choice(command.text, ViewName.self, "view")
    case .prompt:
      try setPrompt(command.bytes)
    case .cursor:
      try moveCursor(command)
    case .seed: settings.seed = command.integer(0) ?? settings.seed
    case .set:
      for option in command.options { try change(option.key, to: option.value) }
    case .model:
      guard !command.text.isEmpty else { throw Failure("model: give a name or a path", code: 64) }
      settings.model = command.text
    case .undo: try undo(command.integer(0) ?? 1)
    case .pin: pinned = command.text == "off" ? nil : settings
    case .head, .stage, .mask, .sharpen, .zero: try updateAttention(command)
    case .rule, .threshold: try updateEntropy(command)
    case .temperature, .topK, .topP, .sample, .take, .rewind, .branch:
      return try updateGenerate(command)
    case .rate, .train, .pause, .step, .save: return try updateTrain(command)
    case .stop:
      generate.isRunning = false
      return try updateTrain(command)
    case .find: try find(command.text)
    case .help: dialog = .help(search: command.text)
    case .say, .export, .play, .wait, .expect, .quit: break  // the session's
    }
    return []
  }

  private mutating func change(_ key: String, to value: String) throws(Failure) {
    func isOn() throws(Failure) -> Bool {
      guard value == "on" || value == "off" else {
        throw Failure("set \(key): \(quoted(value)) is neither on nor off", code: 64)
      }
      return value == "on"
    }
    switch key {
    case "pane":
      settings.panes[settings.view] = try choice(value, view.panes(self), "set pane")
    case "focus":
      settings.focus[settings.view] = try choice(value, view.focuses, "set focus")
    case "zoom": settings.zoom = value == "auto" ? nil : Int(value)
    case "axes": settings.axes = value
    case "smooth": settings.smooth = Int(value) ?? 1
    case "runs":
      settings.runs =
        value == "off" ? [] : value.split(separator: ",").map(String.init)
    case "probe":
      settings.probe = value == "off" ? nil : HeadReference(value, inLayer: settings.head.layer)
    case "cover": settings.cover = try isOn()
    case "diff": settings.difference = try isOn()
    case "units": settings.units = value
    case "theme": settings.theme = value
    case "look": settings.look = value
    case "mouse": settings.mouse = try isOn()
    default:
      throw Failure("set: \(quoted(key)) is nothing that can be set", code: 64)
    }
  }

  /// Goes back over settings, or on again for a negative number.
  private mutating func undo(_ count: Int) throws(Failure) {
    let isRedo = count < 0
    guard !(isRedo ? undone : done).isEmpty else {
      throw Failure(
        isRedo ? "nothing to redo" : "nothing to undo: only settings can be, not steps or files",
        code: 64)
    }
    for _ in 0..<min(abs(count), isRedo ? undone.count : done.count) {
      guard let other = isRedo ? undone.popLast() : done.popLast() else { break }
      if isRedo { done.append(settings) } else { undone.append(settings) }
      settings = other
    }
    generate.restart(settings, model)
  }

  /// Goes to a place in the view's units; negative ones count from the end.
  private mutating func moveCursor(_ command: Command) throws(Failure) {
    let extent = view.extent(self)
    func place(_ index: Int, of count: Int, _ what: String) throws(Failure) -> Int? {
      guard let wanted = command.integer(index) else { return nil }
      let place = wanted < 0 ? count + wanted : wanted
      guard (0..<max(1, count)).contains(place) else {
        throw Failure("cursor: \(what) \(wanted) is not in 0 to \(max(0, count - 1))", code: 64)
      }
      return place
    }
    let row = try place(0, of: extent.rows, "row")
    let column = try place(1, of: extent.columns, "column")
    let old = settings.cursor
    settings.cursor = Position(row ?? old.row, column ?? min(old.column, extent.columns - 1))
    if settings.cursor == old { uncover() }
    attention.followsPeak = false
    if settings.view == .generate { generate.followsDraw = false }
  }

  private mutating func find(_ text: String) throws(Failure) {
    guard let place = view.find(text, self) else {
      throw Failure("find: \(quoted(text)) is not in this view", code: 64)
    }
    settings.cursor = place
    attention.followsPeak = false
    if settings.view == .generate { generate.followsDraw = false }
  }

  // MARK: - Prompt

  /// The most bytes of a prompt that are read.
  static let promptLimit = 1 << 16

  private mutating func setPrompt(_ bytes: [UInt8]) throws(Failure) {
    guard !bytes.isEmpty else { throw Failure("prompt: give some text", code: 64) }
    settings.prompt = Array(bytes.suffix(Bench.promptLimit))
    try tokenize()
  }

  /// Ids of the prompt: those that fit the model's context.
  public private(set) var ids: [Int32] = []
  /// How many tokens at the beginning of the prompt do not fit.
  public private(set) var dropped = 0
  private var tokenized: (prompt: [UInt8], model: Int)?

  private mutating func tokenize() throws(Failure) {
    guard let model else { return }
    if let tokenized, tokenized == (settings.prompt, model.number) { return }
    let all = try model.encode(settings.prompt)
    guard !all.isEmpty else { throw Failure("prompt: it has no token", code: 64) }
    ids = Array(all.suffix(model.context))
    dropped = all.count - ids.count
    tokenized = (settings.prompt, model.number)
    let last = max(0, ids.count - 1)
    settings.cursors[.attention] = Position(last, 0)
    attention.followsPeak = true
    generate.restart(settings, model, ids: ids)
    if dropped > 0 {
      echo = Echo(text: "kept the last \(ids.count) of \(all.count) tokens: the context is full")
    }
  }

  // MARK: - The engine

  /// What the present settings need of the engine and it was not yet asked for.
  private mutating func wishes() -> [Request] {
    var requests = trainWishes()
    if settings.model != asked, !settings.model.isEmpty {
      asked = settings.model
      requests.append(.inspect(.load(settings.model)))
    }
    guard let model, settings.model == model.name else { return requests }
    do throws(Failure) { try tokenize() } catch {
      // Ids of another model mean nothing to this one.
      (ids, tokenized) = ([], nil)
      echo = Echo(text: error.message, isError: true)
    }
    guard !ids.isEmpty else { return requests }
    requests += attentionWishes(model) + entropyWishes(model)
    requests += generateWishes(model) + modelWishes(model)
    return requests
  }

  /// Takes in what the engine told.
  public mutating func receive(_ event: EngineEvent) -> [Request] {
    var requests: [Request] = []
    switch event {
    case .done: pending -= 1
    case .inspector(.loaded(let facts)):
      guard facts.name == settings.model else { break }
      model = facts
      // A model without a tokenizer reads ids, one with it may lack a character; one that begins
      // every text with a token has ids of none.
      if settings.prompt.isEmpty || (try? facts.encode(settings.prompt))?.isEmpty ?? true {
        settings.prompt =
          facts.prompt ?? (facts.tokenizer == nil ? "0 1 2" : "Once upon a time").bytes
      }
      attention = AttentionState()
      choosesHead = !done.contains { $0.head != settings.head }
      parts = ModelState()
      clampHead(facts)
      adopt(facts.blt)
    case .inspector(.notLoaded(let name, let failure)):
      guard name == settings.model else { break }
      settings.model = model?.name ?? ""
      asked = settings.model
      echo = Echo(text: failure.message, isError: true)
    case .inspector(.attended(let wish, let snapshot)):
      attention.receive(wish, snapshot)
      if choosesHead, let head = snapshot.tellingHead {
        (settings.head, choosesHead) = (head, false)
      }
    case .inspector(.surveyed(let picture, let map)): attention.receive(picture, map)
    case .inspector(.scored(let wish, let scores, let refilled)):
      requests += generate.receive(wish, scores, refilled: refilled, settings)
    case .inspector(.entropies(let wish, let facts, let piece)):
      entropy.receive(wish, facts, piece)
    case .inspector(.noEntropies(let wish, let failure)): entropy.receive(wish, failure)
    case .inspector(.judged(let wish, let nats)): entropy.receive(wish, nats: nats)
    case .inspector(.weight(let facts)): parts.receive(facts)
    case .inspector(.stages(let wish, let snapshot)): parts.receive(wish, snapshot)
    case .inspector(.failed(let failure)): echo = Echo(text: failure.message, isError: true)
    case .trainer(let event): requests += receiveTrain(event)
    }
    requests += wishes()
    pending += requests.count
    return requests
  }

  /// A BLT brings its own rule, unless a person has turned the dial, and its stages.
  private mutating func adopt(_ blt: BLTConfig?) {
    guard let blt else {
      if settings.panes[.model] == "stages" { settings.panes[.model] = nil }
      return
    }
    if settings.panes[.model] == nil { settings.panes[.model] = "stages" }
    guard [Settings().patching, adopted].contains(settings.patching) else { return }
    (settings.patching, adopted) = (blt.patching, blt.patching)
  }

  private mutating func clampHead(_ facts: ModelFacts) {
    settings.head.layer = min(settings.head.layer, facts.layers - 1)
    settings.head.head = min(settings.head.head, facts.layout.heads - 1)
  }
}

/// One of a few words; the nearest is named when it is none of them.
func choice(_ word: String, _ words: [String], _ what: String) throws(Failure) -> String {
  if words.contains(word) { return word }
  let near = nearest(word, among: words).map { "; nearest: \($0)" } ?? ""
  throw Failure(
    "\(what): \(quoted(word)) is not one of \(words.joined(separator: ", "))\(near)", code: 64)
}

func choice<T: RawRepresentable & CaseIterable>(
  _ word: String, _ type: T.Type, _ what: String
) throws(Failure) -> T where T.RawValue == String {
  let word = try choice(word, T.allCases.map(\.rawValue), what)
  guard let value = T(rawValue: word) else { throw Failure("\(what): \(word)", code: 64) }
  return value
}
