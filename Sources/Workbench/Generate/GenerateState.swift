// The sampling laboratory: texts behind the prompt, and every filter at the present place. The
// inspector scores, the bench draws, so one table serves the draw and the picture.

import Files
import Generation
import Screen
import Text

package struct GenerateState: Sendable {
  /// Tokens that were given.
  package private(set) var prompt: [Int32] = []
  /// Texts behind the prompt, at most nine; of the present one also what was taken back.
  package private(set) var takes: [[Int32]] = [[]]
  /// The present take.
  package private(set) var current = 0
  /// How many of its tokens stand.
  package private(set) var count = 0
  /// Every filter, at place `place` of the present take; the last known one while scores are on
  /// their way.
  package private(set) var table: SamplingTable?
  package private(set) var place = 0
  /// Whether half of the context had to be dropped for the scores.
  package private(set) var refilled = false
  /// Why there is no table.
  package private(set) var failure: Failure?
  /// Whether tokens are drawn as scores come in.
  var isRunning = false
  /// Whether the cursor stands on the candidate that the draw takes.
  var followsDraw = true

  /// Tokens still to be drawn, and how many this run drew already.
  private var goal = 0
  private var drawn = 0
  private var asked: ScoreWish?
  /// The scores of the table, whose they are, and the filters that were set.
  private var scores: [Float] = []
  private var scored: [Int32] = []
  private var filters: SamplerSettings?
  private var model = 0
  private var end: Int32?

  static let mostTakes = 9
  /// Where a run that nobody stops ends.
  static let longest = 1 << 16

  /// The prompt and the tokens that stand.
  package var ids: [Int32] { prompt + text }
  /// The tokens behind the prompt that stand.
  package var text: ArraySlice<Int32> { takes[current][..<count] }
  /// Whether the table is that of the present place.
  package var isFresh: Bool { table != nil && scored == ids }
  /// Whether a run has just begun: the first tokens are to be watched one by one.
  package var isStarting: Bool { isRunning && drawn < 10 }

  /// The number in [0, 1) that decides the token at the table's place.
  package func draw(_ settings: Settings) -> Double { Draws(seed: settings.seed)[place] }

  /// The rank that the cursor stands on.
  func row(_ settings: Settings) -> Int {
    guard let table else { return 0 }
    let cursor = settings.cursors[.generate]?.row ?? 0
    let row = followsDraw ? table.rank(draw(settings)) : cursor
    return max(0, min(table.stages[0].kept - 1, row))
  }

  // MARK: - Scores

  /// Begins anew for another prompt or model; with the same ones the filters may be others.
  mutating func restart(_ settings: Settings, _ model: ModelFacts?, ids: [Int32]? = nil) {
    if let ids, (ids, model?.number ?? 0) != (prompt, self.model) {
      self = GenerateState()
      (prompt, self.model, end) = (ids, model?.number ?? 0, model?.tokenizer?.eos)
    }
    refresh(settings)
  }

  /// What the present place needs, once.
  mutating func wish() -> ScoreWish? {
    let wish = ScoreWish(model: model, ids: ids, prompt: prompt.count)
    guard !prompt.isEmpty, wish != asked else { return nil }
    asked = wish
    return wish
  }

  /// Takes in the scores of the present place; those of another one come too late.
  mutating func receive(
    _ wish: ScoreWish, _ scores: [Float], refilled: Bool, _ settings: Settings
  ) -> [Request] {
    guard wish == asked, wish.ids == ids else { return [] }
    (self.scores, scored, self.refilled, filters) = (scores, wish.ids, refilled, nil)
    (place, followsDraw) = (count, true)
    refresh(settings)
    if isRunning { drawNext(settings) }
    return []
  }

  /// Makes the table for the filters that are set.
  private mutating func refresh(_ settings: Settings) {
    guard !scores.isEmpty else { return }
    do throws(Failure) {
      let wanted = try settings.filters
      if wanted == filters { return }
      table = try SamplingTable(logits: scores, settings: wanted)
      (filters, failure) = (wanted, nil)
    } catch {
      (table, filters, failure, isRunning) = (nil, nil, error, false)
    }
  }

  /// The same scores under other filters.
  func table(with filters: SamplerSettings) throws(Failure) -> SamplingTable {
    try SamplingTable(logits: scores, settings: filters)
  }

  // MARK: - Tokens

  private mutating func drawNext(_ settings: Settings) {
    guard isFresh, let table else { return }
    let id = table.choose(draw(settings))
    append(id)
    (goal, drawn) = (goal - 1, drawn + 1)
    if goal == 0 || id == end || count >= GenerateState.longest { isRunning = false }
  }

  /// Puts a token behind the text; where another one stood, a new take begins.
  private mutating func append(_ id: Int32) {
    if count < takes[current].count, takes[current][count] != id {
      takes.append(Array(text))
      current = takes.count - 1
      if takes.count > GenerateState.mostTakes {
        takes.removeFirst()
        current -= 1
      }
    }
    if count == takes[current].count { takes[current].append(id) }
    count += 1
  }

  mutating func sample(_ goal: Int, _ settings: Settings) {
    (self.goal, drawn, isRunning) = (goal, 0, true)
    refresh(settings)
    drawNext(settings)
  }

  mutating func take(_ id: Int32) {
    isRunning = false
    append(id)
  }

  mutating func rewind(_ steps: Int) {
    isRunning = false
    count -= min(count, steps)
  }

  mutating func branch(_ take: Int) {
    isRunning = false
    (current, count) = (take, takes[take].count)
  }
}

extension Settings {
  /// The filters between scores and draw.
  var filters: SamplerSettings {
    get throws(Failure) {
      try SamplerSettings(temperature: temperature, topK: topK, topP: topP)
    }
  }
}

// MARK: - Commands

extension Bench {
  mutating func generateWishes(_ model: ModelFacts) -> [Request] {
    guard settings.view == .generate || generate.isRunning else { return [] }
    return generate.wish().map { [.inspect(.score($0))] } ?? []
  }

  mutating func updateGenerate(_ command: Command) throws(Failure) -> [Request] {
    switch command.name {
    case .temperature: settings.temperature = command.number(0) ?? settings.temperature
    case .topK: settings.topK = command.integer(0)
    case .topP: settings.topP = command.number(0)
    case .sample:
      guard !generate.prompt.isEmpty else {
        throw Failure("sample: there is nothing to go on from; open a model and give a prompt")
      }
      guard generate.count < GenerateState.longest else {
        throw Failure("sample: the text has \(generate.count) new tokens; rewind first", code: 64)
      }
      for option in command.options {
        switch option.key {
        case "temperature": settings.temperature = command.number("temperature") ?? 1
        case "top-k": settings.topK = command.integer("top-k")
        case "top-p": settings.topP = command.number("top-p")
        default: settings.seed = command.integer("seed") ?? settings.seed
        }
      }
      generate.sample(command.integer(0) ?? .max, settings)
    case .take: generate.take(try candidate(command))
    case .rewind:
      guard generate.count > 0 else { throw Failure("rewind: nothing was drawn yet", code: 64) }
      generate.rewind(command.text == "all" ? .max : command.integer(0) ?? 1)
    default:
      let take = command.integer(0) ?? 1
      guard generate.takes.indices.contains(take - 1) else {
        throw Failure("branch: there are takes 1 to \(generate.takes.count), no \(take)", code: 64)
      }
      generate.branch(take - 1)
    }
    generate.restart(settings, model)
    return []
  }

  /// The token that `take` means: a rank of the table, or a text.
  private func candidate(_ command: Command) throws(Failure) -> Int32 {
    let candidates = try candidates(for: "take")
    if let rank = command.integer(0) {
      guard candidates.indices.contains(rank - 1) else {
        throw Failure("take: \(rank) is not in 1 to \(candidates.count)", code: 64)
      }
      return candidates[rank - 1].id
    }
    let text = Glyphs.decode((command.option("text") ?? "").bytes)
    // As it is, else without the space that most words begin with.
    for trims in [false, true] {
      let found = candidates.first {
        let name = tokenName($0.id)
        return (trims ? name.trimmed : name[...]).utf8.elementsEqual(text.utf8)
      }
      if let found { return found.id }
    }
    throw Failure("take: \(quoted(text)) is not one token of this model", code: 64)
  }

  /// All that can follow, best first.
  func candidates(for what: String) throws(Failure) -> [SamplingTable.Candidate] {
    guard generate.isFresh, let table = generate.table else {
      let isComing = settings.view == .generate
      throw generate.failure
        ?? Failure(
          "\(what): "
            + (isComing ? "scores are on their way" : "no scores yet; view generate first"),
          code: 64)
    }
    return table.stages[0].candidates
  }
}
