import Files
import Generation
import Models
import Random
import Testing

/// A small GPT with a context of 12 and uneven attention.
private func makeModel(_ kind: Arrangement = .preNorm, context: Int = 12) -> GPT {
  var config = GPTConfig()
  (config.arrangement, config.vocabulary, config.context) = (kind, 19, context)
  (config.width, config.layers, config.heads) = (24, 2, 3)
  let model = GPT(config)
  model.parameters.initialize(seed: 8)
  for parameter in model.parameters.parameters where parameter.shape.rank > 1 {
    for i in 0..<parameter.count { parameter.storage.floats[i] *= 12 }
  }
  return model
}

private func text(_ count: Int, _ name: String) -> [Int32] {
  var random = RandomStream(seed: 1, name: name)
  return (0..<count).map { _ in Int32(random.below(19)) }
}

@Suite struct ScorerTests {
  /// However one comes to a text, past the context too: the same bits as by going straight there.
  @Test(arguments: Arrangement.allCases, [1, 2, 7, 12, 13, 25])
  func goingBackIsNeverHavingGoneOn(_ kind: Arrangement, _ prompt: Int) throws {
    let model = makeModel(kind)
    let (one, two) = (text(60, "one"), text(60, "two"))
    let scorer = Scorer(model)
    var random = RandomStream(seed: 5, name: "\(prompt)")
    var visited: [[Int32]: [Float]] = [:]
    for _ in 0..<120 {
      // A common beginning, then another continuation; the prompt itself changes now and then.
      let (shared, count) = (random.below(60), prompt + random.below(45))
      let start = random.below(12) == 0 ? two : one
      let ids = Array((start[..<shared] + two[shared...]).prefix(count))
      let found = try scorer.scores(for: ids, prompt: prompt).scores
      let straight = try visited[ids] ?? Scorer(model).scores(for: ids, prompt: prompt).scores
      let isSame = found == straight
      #expect(isSame, "\(count) ids of which \(shared) are shared")
      visited[ids] = found
    }
    #expect(visited.count > 60)
  }

  /// The same rule as an independent loop: what is kept, and the scores of one pass over it.
  @Test(arguments: [1, 2, 3, 12], [1, 2, 5, 12, 13, 14, 40])
  func keepsTheLastHalf(_ context: Int, _ prompt: Int) throws {
    let model = makeModel(context: context)
    let ids = text(prompt + 40, "kept")
    let scorer = Scorer(model)
    var start = 0
    for count in prompt...ids.count {
      let isOver = count - start > context
      if isOver { start = count - max(1, context / 2) }
      let next = try scorer.scores(for: Array(ids[..<count]), prompt: prompt)
      #expect(next.refilled == isOver, "after \(count) ids")
      let full = model(Tokens([Array(ids[start..<count])]), Pass()).values.suffix(19)
      #expect(zip(next.scores, full).allSatisfy { abs($0 - $1) < 1e-5 * max(1, abs($1)) })
      #expect(next.scores.contains { abs($0) > 0.1 })
    }
  }

  /// Tokens come back as they were drawn, and another one in the middle changes only what follows.
  @Test func drawsRepeat() throws {
    let model = makeModel()
    let prompt = text(5, "prompt")
    let settings = try SamplerSettings(temperature: 0.9, topK: 12)
    var generator = try Generator(model, prompt: prompt, settings: settings, seed: 21)
    let drawn = try (0..<30).map { _ in try generator.next() }
    #expect(Set(drawn).count > 4)

    let (scorer, draws) = (Scorer(model), Draws(seed: 21))
    var ids = prompt
    func draw() throws -> Int32 {
      let scores = try scorer.scores(for: ids, prompt: prompt.count).scores
      return try SamplingTable(logits: scores, settings: settings)
        .choose(draws[ids.count - prompt.count])
    }
    while ids.count < 30 { ids.append(try draw()) }
    #expect(ids == prompt + drawn.prefix(25))
    ids.removeLast(20)
    ids.append((drawn[5] + 1) % 19)
    for _ in 0..<10 { ids.append(try draw()) }
    ids.removeLast(11)
    while ids.count < 35 { ids.append(try draw()) }
    #expect(ids == prompt + drawn)
  }

  @Test func badTextIsNamed() throws {
    let scorer = Scorer(makeModel())
    for (ids, words) in [([], "the prompt is empty"), ([1, 19], "id 19"), ([-1], "id -1")]
      as [([Int32], String)]
    {
      let failure = #expect(throws: Failure.self) { try scorer.scores(for: ids, prompt: 1) }
      #expect(failure?.message.contains(words) == true)
    }
    #expect(try scorer.scores(for: [3], prompt: 1).scores.count == 19)
  }
}
