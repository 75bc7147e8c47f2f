import Files
import TestSupport
import Testing
import Workbench

/// A bench with the numbers of the drawn screens, and two layers of three heads.
private struct Drawn: Readings {
  /// Scaled scores of row 12 that give the weight 0.795 to column 5.
  let scaled: [Double] = [-4.6, -6, -5, -4, -4.1, -0.326, -3.052, -4.5, -9, -3.4, -4.6, -9, -3.4]

  func reading(
    _ name: String, at head: HeadReference?, _ indices: [ReadingIndex]
  ) throws(Failure) -> ReadingValue {
    let top = scaled.max() ?? 0
    let sum = scaled.map { Self.exp($0 - top) }.reduce(0, +)
    func place(_ list: [Double], from first: Int) throws(Failure) -> ReadingValue {
      guard indices.count > first else { return .list(of: list) }
      guard case .number(let index) = indices[first], list.indices.contains(index) else {
        throw Failure("\(name)\(indices): no such place")
      }
      return .number(list[index])
    }
    switch name {
    case "weights":
      let row = scaled.map { Self.exp($0 - top) / sum }
      let share = head.map { $0 == HeadReference(layer: 0, head: 2) ? 1 : 0.1 } ?? 1
      return try place(row.map { $0 * share }, from: 1)
    case "scaled": return try place(scaled, from: 1)
    case "scores": return try place(scaled.map { $0 * 4 }, from: 1)
    case "rowsum": return .number(sum)
    case "head-width": return .number(16)
    case "layers": return .number(2)
    case "heads": return .number(3)
    case "head": return .head(HeadReference(layer: 0, head: 10))
    case "stage": return .text("weights")
    case "top-k": return .text("off")
    case "temperature": return .number(0.85)
    case "validation": return .number(0.98)
    case "parameters": return .number(106_240)
    case "step": return .number(300)
    case "gradient": return .number(.nan)
    case "loss": return .number(-.infinity)
    case "idle": return .flag(true)
    case "running": return .flag(false)
    case "output": return .list([])
    case "token":
      let tokens = ["\n", "Anna", "found", "a", "red", "key", "in"]
      guard case .number(let index)? = indices.first, tokens.indices.contains(index) else {
        throw Failure("token: no such place")
      }
      return .text(tokens[index])
    case "probability":
      return .number(indices == [.text("key")] ? 0.9997 : indices == [.number(1)] ? 0.5 : 0)
    default: throw Failure("\(name): there is none now")
    }
  }

  /// Good enough here, and not what is tested.
  private static func exp(_ x: Double) -> Double {
    var (term, sum) = (1.0, 1.0)
    for k in 1..<60 {
      term *= x / Double(k)
      sum += term
    }
    return sum
  }
}

@Suite struct LanguageConditionTests {
  private let bench = Drawn()

  @Test(arguments: [
    "sum(weights[12]) = 1 within 1e-6",
    "scaled[12,5] = scores[12,5] / sqrt(head-width)",
    "token[argmax(weights[12])] = \"key\"",
    "argmax(weights@*[12,5]) = 0.2",
    "step in 4..900",
    "not running",
    "idle",
    "step = 300",
    "validation < 1.0",
    "scores[12,5] < 0",
    "argmax(scaled[12]) = 5",
    "stage = \"weights\"",
    "weights[12,6] * 100 = 5.2 within 0.05",
    "exp(-2.726) = 0.0655",
    "token[5] != \"ring\"",
    "probability[\"key\"] > probability[1]",
    "sum(exp(scaled[12] - max(scaled[12]))) = rowsum[12]",
    "count(weights[12]) = 13",
    "mean(weights[12]) * count(weights[12]) = 1",
    "min(weights@*[12,5]) = 0.079",
    "log(exp(2)) = 2.000",
    "abs(scaled[12,5]) = 0.326",
    "head = 0.10",
    "head != 0.1",
    "head = \"0.10\"",
    "top-k = off",
    "top-k != 40",
    "temperature != off",
    "idle = on",
    "running = off",
    "not idle = off",
    "1 + 2 * 3 = 9",
    "7 - 2 - 1 = 4",
    "8 / 4 /  2 = 1", "sum (weights[12])=1.0000",
    "gradient != gradient",
    "not gradient = gradient",
    "loss = loss",
    "loss < -1e30",
    "parameters = 106240",
    "token[0] = \"\\n\"",
  ])
  func holds(text: String) throws {
    let condition = try Condition(text)
    #expect(try condition.holds(in: bench))
    let opposite =
      condition.description.hasPrefix("not ") ? String(text.dropFirst(4)) : "not " + text
    #expect(try !Condition(opposite).holds(in: bench))
    #expect(try Condition(condition.description) == condition)
    #expect(
      try Command.parse("expect " + text + "  # why") == Command(.expect, condition.description))
  }

  /// 0.80 is from 0.795 to 0.805, and so on: a number means the digits that it shows.
  @Test(arguments: [
    (0.795, "0.80", true), (0.805, "0.80", true), (0.7949, "0.80", false), (0.8051, "0.80", false),
    (0.84, "0.8", true), (0.86, "0.8", false), (0.803, "0.8000", false), (5.4, "5", true),
    (5.6, "5", false), (0.0012, "1e-3", true), (0.0016, "1e-3", false), (0.804, "80%", true),
    (0.806, "80%", false), (0.8006, "80.0%", false), (-1.305, "-1.305", true),
    (-1.3056, "-1.305", false), (1250, "1.2e3", true), (1251, "1.2e3", false),
  ])
  func numbersMeanTheirDigits(value: Double, written: String, isEqual: Bool) throws {
    struct One: Readings {
      var value: Double
      func reading(_: String, at _: HeadReference?, _: [ReadingIndex]) -> ReadingValue {
        .number(value)
      }
    }
    let one = One(value: value)
    #expect(try Condition("loss = \(written)").holds(in: one) == isEqual)
    #expect(try Condition("\(written) = loss").holds(in: one) == isEqual)
    #expect(try Condition("loss != \(written)").holds(in: one) != isEqual)
    // Order is of the exact values; a range has its ends.
    #expect(
      try Condition("loss < \(written)").holds(in: one) == (value < Literal.number(written) ?? 0))
    #expect(try Condition("loss in \(value)..\(value)").holds(in: one))
    #expect(try Condition("loss = \(value + 1) within 1.001").holds(in: one))
    #expect(try !Condition("loss = \(value + 1) within 0.999").holds(in: one))
    // Terms agree to 1 in 10,000.
    #expect(try Condition("loss = loss * 1.00009").holds(in: one))
    #expect(try !Condition("loss = loss * 1.00011").holds(in: one))
  }

  @Test(arguments: [
    ("", "it ends where a number, a \"text\" or a reading should stand"),
    ("weights[12", "it ends where the ] of weights[ should stand"),
    ("sum(weights[12]", "it ends where the ) of sum( should stand"),
    ("summ(weights[12]) = 1", #"unknown function "summ"; nearest: sum"#),
    ("weights[1,2,3] = 1", "weights has no more than weights[i,j]"),
    ("loss[1] = 1", "loss has no index"),
    ("seed[1] = 1", "seed has no index"),
    ("loss@0.2 = 1", "loss is not of a head, so no @ belongs behind it"),
    ("weights@x = 1", #""x = 1" stands for a head, as 0.2, or *"#),
    ("loss -1", #""-1" stands for a relation, or an operator with spaces around it"#),
    ("loss in 9..4", "the range 9..4 is empty"),
    ("loss in 4", "it ends where the .. of a range, as in 4..9 should stand"),
    ("loss < 1 within 0.1", "within goes with = and !=, not with <"),
    ("loss = 1 within x", #""x" stands for a number: how far apart the two may be"#),
    ("stage = weight", #"unknown reading "weight"; nearest: weights (a text stands in quotes)"#),
    (#"stage = "weights"#, #"the quote of "\"weights" is not closed"#),
    ("loss = 1 2", #""2" stands for a relation, or an operator with spaces around it"#),
    (
      "xylophone = 1",
      #"unknown reading "xylophone"; docs/commands.md lists them (a text stands in quotes)"#
    ),
  ])
  func refused(text: String, expected: String) {
    #expect(message { _ = try Condition(text) } == expected)
  }

  @Test(arguments: [
    ("step", "step is a number; compare it, as in step = …"),
    ("weights[12] = 1", "weights[12] is a list of 13 and 1 is a number: they cannot be compared"),
    ("stage in 1..2", "stage is a text, not a number"),
    ("head < 0.3", "< is of numbers; head is a head, 0.3 a number"),
    ("head = 2", "head is a head and 2 is a number: they cannot be compared"),
    ("sum(step) = 1", "sum(step): a number is not a list"),
    ("sqrt(stage) = 1", "sqrt(stage): a text is not a number"),
    ("max(output[1]) = 1", "max(output[1]): the list is empty"),
    ("stage + 1 = 1", "stage + 1: a text and a number cannot be put together"),
    ("token[stage] = \"a\"", "token: no such place"),
    ("token[weights[12,5]] = \"a\"", "token[weights[12,5]]: 0.79"),
    ("sum(weights@*[12]) = 1", "weights@*[12] is a list of lists; @* needs all indices of weights"),
    ("draw = 1", "draw: there is none now"),
    ("idle = \"maybe\"", "idle is on or off and \"maybe\" is a text: they cannot be compared"),
  ])
  func cannotBeHad(text: String, expected: String) {
    #expect(message { _ = try Condition(text).holds(in: bench) }.hasPrefix(expected))
  }

  @Test func explanations() throws {
    #expect(try Condition("step = 299").explanation(in: bench) == "step is 300")
    #expect(
      try Condition("validation < temperature").explanation(in: bench)
        == "validation is 0.98, temperature is 0.85")
    #expect(try Condition("stage = \"qkv\"").explanation(in: bench) == "stage is \"weights\"")
    #expect(try Condition("not idle").explanation(in: bench) == "idle is on")
    let long = try Condition("scaled[12] = 1").explanation(in: bench)
    #expect(long.hasPrefix("scaled[12] is -4.6 -6 -5 -4 -4.1 -0.326 -3.052"))
  }

  @Test(arguments: [
    ("head", "0.10"), ("argmax(weights@*[12,5])", "0.2"), ("parameters", "106240"),
    ("gradient", "nan"), ("loss", "-inf"), ("idle", "on"), ("token[0]", "\"\\n\""),
    ("scaled[12,6]", "-3.052"), ("1 / 3", "0.33333334"), ("1e60", "1e+60"),
    ("1e-60", "1e-60"), ("top-k", "\"off\""), ("weights@*[12,1]", ""),
  ])
  func valuesAsSaid(text: String, said: String) throws {
    let value = try Reading.value(of: text, in: bench)
    if !said.isEmpty { #expect(value.description == said) }
    #expect(value.description == visible(value.description))
  }
}
