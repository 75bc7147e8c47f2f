import Files
import Models
import Random

/// Draws tokens one at a time from a model.
///
/// When the context is full, its last half is kept (`Scorer`); `refilled` says so.
public struct Generator {
  public var settings: SamplerSettings
  /// The prompt and what was drawn.
  public private(set) var ids: [Int32]
  /// Whether the last step had to read half of the context again.
  public private(set) var refilled = false
  private let prompt: Int
  private let scorer: Scorer
  private let draws: Draws

  /// - Throws: `Failure` for an empty prompt, or an id outside the vocabulary.
  public init(
    _ model: any LanguageModel, prompt: [Int32], settings: SamplerSettings,
    seed: some BinaryInteger, lanes: Lanes = Lanes(1)
  ) throws(Failure) {
    (self.settings, ids, self.prompt) = (settings, prompt, prompt.count)
    (scorer, draws) = (Scorer(model, lanes: lanes), Draws(seed: seed))
    try scorer.check(prompt)
  }

  /// What the model keeps of the text.
  public var state: any DecodingState { scorer.state }

  /// Scores [vocabulary] of the next token.
  public mutating func scores() throws(Failure) -> [Float] {
    let next = try scorer.scores(for: ids, prompt: prompt)
    refilled = next.refilled
    return next.scores
  }

  /// Draws one token and appends it.
  public mutating func next() throws(Failure) -> Int32 {
    let next = try scorer.logits(for: ids, prompt: prompt)
    refilled = next.refilled
    let scores = UnsafeBufferPointer(next.logits.storage.floats)
    let id = try sample(scores, settings: settings, u: draws[ids.count - prompt])
    ids.append(id)
    return id
  }
}

/// The random numbers of sampling by place, so that going back and on again repeats them.
public struct Draws: Sendable {
  private let stream: RandomStream

  public init(seed: some BinaryInteger) { stream = RandomStream(seed: seed, name: "sampling") }

  /// The number in [0, 1) that decides new token `k`, from 0, however those before it came.
  public subscript(k: Int) -> Double {
    var stream = stream
    stream.counter = UInt64(k)
    return stream.uniform()
  }
}
