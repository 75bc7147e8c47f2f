import Checkpoints
import Files
import Glibc
import Inspection
import Testing
import Text

/// The models in models/ show what their README says.
@Suite struct ShippedModelsTests {
  private func probability(_ scores: [Float], _ id: Int32) -> Double {
    let top = Double(scores.max() ?? 0)
    return exp(Double(scores[Int(id)]) - top) / scores.reduce(0) { $0 + exp(Double($1) - top) }
  }

  @Test(arguments: [("tales-en", 0, " key"), ("tales-it", 3, " chiave")])
  func aHeadFindsTheWordAgain(name: String, head: Int, word: String) throws {
    let path = "models/" + name
    let directory = try ModelDirectory(path)
    let tokenizer = try #require(directory.tokenizer)
    let prompt = try FileSystem.readAll(path + "/prompt.txt").dropLast()
    let ids = try tokenizer.encode(Array(prompt))
    #expect(ids.count == 13)
    let thing = try tokenizer.encode(word)
    #expect(thing.count == 1)
    let place = try #require(ids.firstIndex(of: thing[0]))

    let trained = AttentionSnapshot(directory.model, ids: ids)
    #expect(trained.weights(1, head, 12)[place] > 0.8)
    #expect(probability(trained.prediction, thing[0]) > 0.99)
    let silenced = AttentionSnapshot(
      directory.model, ids: ids, edits: [.zeroHead(layer: 1, head: head)])
    #expect(probability(silenced.prediction, thing[0]) < 0.1)
    for (step, weights) in [("000100", 0...0.2), ("001000", 0...0.2), ("004000", 0.8...1)] {
      let earlier = try ModelDirectory(path + "/checkpoints/step-" + step)
      let weight = AttentionSnapshot(earlier.model, ids: ids).weights(1, head, 12)[place]
      #expect(weights.contains(Double(weight)), "\(step): \(weight)")
    }
  }

  @Test func theyAreSmall() throws {
    func bytes(_ folder: String) throws -> Int {
      try FileSystem.list(folder).reduce(0) { sum, name in
        let path = folder + "/" + name
        if FileSystem.isDirectory(path) { return try sum + bytes(path) }
        return try sum + FileSystem.readAll(path).count
      }
    }
    #expect(try bytes("models") <= 10_000_000)
    for name in ["tales-en", "tales-it"] {
      let file = try CheckpointDirectory("models/" + name)
      #expect(file.names.allSatisfy { file.dtype(of: $0) == "BF16" })
    }
  }
}
