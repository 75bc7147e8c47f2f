import Files
import Models

/// Next-token scores for any continuation of a prompt, through a key/value cache.
///
/// What the model reads, and in which pieces, depends on the ids and the prompt's length alone: the
/// prompt at once, then token by token; when the context is full, its last half is kept and read
/// once more. So the scores of a text are the same to the bit whatever was asked before, and going
/// back is never having gone on.
public final class Scorer {
  public let model: any LanguageModel
  /// What the model keeps of the text.
  public var state: any DecodingState { cache }
  private let cache: any DecodingState
  private let lanes: Lanes
  /// What was read; the cache holds it from the window's start on.
  private var text: [Int32] = []
  private var window = Window(count: 0, prompt: 0, context: 1)
  /// The last hidden states [context, width] after the window's first piece and after every token
  /// since: memory taken once.
  private var hidden = Storage(0)

  /// A scorer that has read nothing yet; on several lanes it has the same bits as on one.
  public init(_ model: any LanguageModel, lanes: Lanes = Lanes(1)) {
    (self.model, self.lanes) = (model, lanes)
    cache = model.makeCache()
  }

  /// The part of a text that the model reads.
  private struct Window: Equatable {
    /// Where it begins in the text.
    let start: Int
    /// The end of what is read at once; the rest follows token by token.
    let end: Int

    /// The window of `count` ids of which the first `prompt` are the prompt.
    init(count: Int, prompt: Int, context: Int) {
      let half = max(1, context / 2)
      let start = prompt > context ? prompt - half : 0
      // Every refill happens at one id too many, and moves on by what it drops.
      let (excess, step) = (count - start - context, context + 1 - half)
      let refills = excess > 0 ? (excess + step - 1) / step : 0
      self.start = start + refills * step
      end = refills > 0 ? self.start + half : prompt
    }
  }

  /// Scores [vocabulary] of the token after `ids`, which begin with a prompt of `prompt` ids, and
  /// whether half of the context had to be kept and read again for it.
  ///
  /// - Throws: `Failure` for an empty text, or an id outside the vocabulary.
  public func scores(
    for ids: [Int32], prompt: Int
  ) throws(Failure) -> (scores: [Float], refilled: Bool) {
    let (logits, refilled) = try logits(for: ids, prompt: prompt)
    return (logits.values, refilled)
  }

  /// The same as [1, vocabulary], not copied.
  func logits(
    for ids: [Int32], prompt: Int
  ) throws(Failure) -> (logits: Tensor, refilled: Bool) {
    try check(ids)
    precondition((1...ids.count).contains(prompt), "a prompt of \(prompt) in \(ids.count) ids")
    let next = Window(count: ids.count, prompt: prompt, context: model.context)
    let shared = min(ids.count, text.count)
    let agreeing = (0..<shared).first { ids[$0] != text[$0] } ?? shared
    if next != window || agreeing < next.end {
      (window, text) = (next, Array(ids[..<next.end]))
      cache.truncate(to: 0)
      read(ids[next.start..<next.end])
    } else if agreeing < shared {
      text.removeLast(text.count - agreeing)
      cache.truncate(to: agreeing - next.start)
    }
    for place in min(text.count, ids.count)..<ids.count {
      text.append(ids[place])
      read(ids[place...place])
    }
    let last = Tensor([1, width], hidden.floats[row(ids.count)])
    return (lanes.lend { model.logits(last) }, window.start > 0 && ids.count == window.end)
  }

  private var width: Int { hidden.floats.count / model.context }

  /// Where the state is kept that the first `count` ids end in.
  private func row(_ count: Int) -> Range<Int> {
    let place = (count - window.end) * width
    return place..<place + width
  }

  /// - Throws: `Failure` for an empty text, or an id outside the vocabulary.
  func check(_ ids: [Int32]) throws(Failure) {
    guard !ids.isEmpty else { throw Failure("the prompt is empty; give at least one token") }
    if let wrong = ids.first(where: { $0 < 0 || $0 >= model.vocabulary }) {
      throw Failure("id \(wrong) is outside the vocabulary of \(model.vocabulary)", code: 64)
    }
  }

  /// Adds tokens to the cache, and what they end in to `hidden`.
  private func read(_ tokens: ArraySlice<Int32>) {
    let states = lanes.lend { model.hidden(Tokens([Array(tokens)]), Pass(cache: cache)) }
    let count = states.columns
    if hidden.floats.count != model.context * count { hidden = Storage(model.context * count) }
    let last = states.storage.floats[(states.rows - 1) * count..<states.rows * count]
    _ = hidden.floats[row(text.count)].update(fromContentsOf: last)
  }
}
