import Files
import TestSupport
import Testing

private struct Config: Codable, Equatable {
  struct Optimizer: Codable, Equatable {
    enum Name: String, Codable, CaseIterable { case adamw, sgd }
    var name = Name.adamw
    var learningRate = 1.0
    var betas: [Double] = [0.9, 0.95]
    enum CodingKeys: String, CodingKey { case name, betas, learningRate = "learning_rate" }
  }
  var steps = 100
  var batchSize: Int32 = 4
  var dropout: Float = 0
  var bias = true
  var seed: UInt64 = 1
  var clip: Double? = 1
  var minutes: Double?
  var prompt: String?
  var keep: Int?
  var optimizer = Optimizer()
  enum CodingKeys: String, CodingKey {
    case steps, dropout, bias, seed, clip, minutes, prompt, keep, optimizer
    case batchSize = "batch_size"
  }
}

struct OverlayTests {
  private func lay(_ file: JSON?, _ sets: [(key: String, value: String)] = []) throws -> Config {
    try overlay(Config(), file: file, fileName: "t.json", sets: sets)
  }

  @Test func setsOverFileOverDefaults() throws {
    #expect(try lay(nil) == Config())
    let file: JSON = [
      "steps": 1e3, "batch_size": 8, "optimizer": ["learning_rate": 1, "betas": [0, 0.5]],
      "minutes": 2, "clip": nil,
    ]
    let config = try lay(
      file,
      [
        ("batch-size", "16"), ("optimizer.learning-rate", "3e-4"), ("optimizer.name", "sgd"),
        ("prompt", "12"), ("keep", "2e0"), ("bias", "false"), ("seed", "9223372036854775807"),
      ])
    var wanted = Config(steps: 1000, batchSize: 16, bias: false, clip: nil, minutes: 2)
    (wanted.prompt, wanted.keep, wanted.seed) = ("12", 2, 9_223_372_036_854_775_807)
    wanted.optimizer = .init(name: .sgd, learningRate: 3e-4, betas: [0, 0.5])
    #expect(config == wanted)
    #expect(try lay(nil, [("prompt", "Once \"upon"), ("prompt", "null")]).prompt == nil)
    #expect(try lay(nil, [("prompt", "\"null\"")]).prompt == "null")
  }

  @Test func allProblemsInOneLine() {
    let file: JSON = [
      "optimizer": ["learing_rate": 1, "name": "adam"], "batch_size": "high", "steps": 1.5,
    ]
    #expect(
      message { _ = try lay(file, [("dropuot", "0.1"), ("learning_rate", "1"), ("bias", "1")]) }
        == "t.json: batch_size: \"high\" is not an integer;"
        + " unknown key \"learing_rate\" in optimizer (nearest: learning_rate);"
        + " optimizer.name: \"adam\" is not one of adamw, sgd;"
        + " steps: 1.5 is not an integer of 64 bits;"
        + " --set: unknown key \"dropuot\" (nearest: dropout);"
        + " unknown key \"learning_rate\" (nearest: optimizer.learning_rate);"
        + " bias: 1 is not true or false")
  }

  @Test(arguments: [
    ("batch_size", "3000000000", "is not in -2147483648...2147483647"),
    ("steps", "1e300", "integer"),
    ("seed", "-1", "is not in 0..."), ("dropout", "1e39", "32-bit float"),
    ("dropout", "NaN", "is not a number"), ("optimizer.learning_rate", "1e999", "not a number"),
    ("optimizer.betas", "[0.9, \"x\"]", "optimizer.betas[1]: \"x\" is not a number"),
    ("optimizer.betas", "0.9", "is not a list"), ("optimizer", "3", "is not an object"),
    ("steps", "null", "steps: null is not an integer"), ("clip", "true", "is not a number"),
    ("", "1", "unknown key \"\""), ("steps.x", "1", "unknown key \"x\" in steps"),
    ("optimizer.", "1", "unknown key \"\" in optimizer"), ("a\u{1B}", "1", "unknown key \"a␛\""),
    ("keep", "9223372036854775808", "is not an integer of 64 bits"),
  ])
  func illTyped(key: String, value: String, problem: String) {
    let line = message { _ = try lay(nil, [(key, value)]) }
    #expect(line.contains(problem), "\(line)")
  }

  @Test func aFileThatIsNoObject() {
    #expect(message { _ = try lay([1]) }.contains("the configuration: [1] is not an object"))
  }
}
