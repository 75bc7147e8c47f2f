import Files
import Models
import Random

/// Draws tokens one at a time from a model, through a key/value cache.
///
/// When the context is full, its last half is kept and encoded once more (`refilled` says so); the
/// scores of a step are those of a full pass over what is kept.
public struct Generator {
  public let model: any LanguageModel
  public var settings: SamplerSettings
  /// The prompt and what was drawn.
  public private(set) var ids: [Int32]
  /// Whether the last step had to encode half of the context again.
  public private(set) var refilled = false
  /// Where the kept context begins in `ids`.
  private var start = 0
  private let cache: KeyValueCache
  private var random: RandomStream

  /// - Throws: `Failure` for an empty prompt, or an id outside the vocabulary.
  public init(
    _ model: any LanguageModel, prompt: [Int32], settings: SamplerSettings,
    seed: some BinaryInteger
  ) throws(Failure) {
    guard !prompt.isEmpty else { throw Failure("the prompt is empty; give at least one token") }
    if let wrong = prompt.first(where: { $0 < 0 || $0 >= model.vocabulary }) {
      throw Failure("id \(wrong) is outside the vocabulary of \(model.vocabulary)", code: 64)
    }
    (self.model, self.settings, ids) = (model, settings, prompt)
    cache = model.makeCache()
    random = RandomStream(seed: seed, name: "sampling")
  }

  /// Scores [vocabulary] of the next token; to be asked once a token, as `next` does.
  public mutating func scores() -> [Float] {
    precondition(start + cache.count < ids.count, "scores were already asked for this token")
    refilled = ids.count - start > model.context
    if refilled {
      start = ids.count - max(1, model.context / 2)
      cache.removeAll()
    }
    let hidden = model.hidden(Tokens([Array(ids[(start + cache.count)...])]), Pass(cache: cache))
    return model.logits(hidden.row(hidden.rows - 1)).values
  }

  /// Draws one token and appends it.
  public mutating func next() throws(Failure) -> Int32 {
    let id = try sample(scores(), settings: settings, u: random.uniform())
    ids.append(id)
    return id
  }
}
