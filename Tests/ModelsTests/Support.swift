import Checkpoints
import Files
import Glibc
import Models
import Random
import Training

/// A small model whose attention is not uniform.
func makeModel(_ kind: Arrangement, context: Int = 12) -> GPT {
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

func randomIds(_ count: Int, below bound: Int, _ name: String) -> [Int32] {
  var random = RandomStream(seed: 1, name: name)
  return (0..<count).map { _ in Int32(random.below(bound)) }
}

/// The largest distance, in units of the larger of 1 and the expected number.
func distance(_ found: some Collection<Float>, _ expected: some Collection<Double>) -> Double {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) {
    let d = abs(Double($1.0) - $1.1) / max(1, abs($1.1))
    return d.isNaN ? .infinity : max($0, d)
  }
}

func distance(_ found: some Collection<Float>, _ expected: some Collection<Float>) -> Double {
  distance(found, expected.map(Double.init))
}

/// Loss and gradients, by name, of the sum over the scored targets.
func lossAndGradients(
  _ model: any LanguageModel, _ rows: [[Int32]], _ targets: [[Int32]]
) -> (sum: Float, gradients: [String: [Float]]) {
  let parameters = model.parameters.parameters
  let tape = Tape(Gradients(parameterCount: parameters.count))
  let loss = model(Tokens(rows), Pass(tape: tape)).crossEntropy(targets.flatMap { $0 }).sum
  tape.backward(from: loss)
  let gradients = parameters.map { ($0.name, Array(tape.gradients.floats(of: $0))) }
  return (loss.values[0], Dictionary(uniqueKeysWithValues: gradients))
}

/// The next id as target, and none for the last.
func shifted(_ row: [Int32]) -> [Int32] { row.dropFirst() + [-1] }
