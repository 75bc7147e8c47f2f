import Files
import Generation
import Models
import Random
import Tensors
import Testing

/// A GPT with a vocabulary that lanes share out.
private func makeModel(context: Int) -> GPT {
  var config = GPTConfig()
  (config.vocabulary, config.context, config.width) = (2_000, context, 96)
  (config.layers, config.heads) = (2, 4)
  let model = GPT(config)
  model.parameters.initialize(seed: 3)
  for parameter in model.parameters.parameters where parameter.shape.rank > 1 {
    for i in 0..<parameter.count { parameter.storage.floats[i] *= 8 }
  }
  return model
}

@Suite struct DecodingTests {
  /// In every form: what is drawn does not depend on how many lanes were lent.
  @Test(arguments: WeightForm.allCases) func lanesDrawTheSame(_ form: WeightForm) throws {
    let model = makeModel(context: 64)
    model.parameters.use(form)
    model.parameters.repack(Lanes(1))
    let settings = try SamplerSettings(temperature: 0.8, topK: 40)
    let texts = try [1, 2].map { count in
      try Lanes(count).lend { () throws(Failure) in
        var generator = try Generator(model, prompt: [1, 2, 3], settings: settings, seed: 5)
        for _ in 0..<100 { _ = try generator.next() }
        return generator.ids
      }
    }
    #expect(texts[0] == texts[1] && Set(texts[0]).count > 20)
  }

  /// In a process of its own, since the pool counts for all threads.
  @Test func aTokenTakesNothingFromTheSystem() async {
    await #expect(processExitsWith: .success) {
      let (model, lanes) = (makeModel(context: 1_024), Lanes(2))
      try lanes.lend { () throws(Failure) in
        let settings = try SamplerSettings(temperature: 0.8, topK: 40)
        var generator = try Generator(model, prompt: [1], settings: settings, seed: 5)
        for _ in 0..<600 { _ = try generator.next() }
        let before = Pool.statistics.misses
        for _ in 600..<1_020 { _ = try generator.next() }
        #expect(Pool.statistics.misses == before && generator.ids.count == 1_021)
      }
    }
  }
}
