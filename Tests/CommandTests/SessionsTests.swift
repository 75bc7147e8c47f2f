import Files
import Testing

/// The sessions of the project play to their end, each of their expectations met.
@Suite struct SessionsTests {
  @Test(arguments: try FileSystem.list(Workshop.home + "/sessions"))
  func plays(name: String) throws {
    let workshop = try Workshop()
    let outcome = try workshop.succeed(
      ["open", "--no-tui", "--script", "\(Workshop.home)/sessions/\(name)"])
    #expect(outcome.error.isEmpty, "\(outcome)")
    #expect(outcome.output.contains("tales-en") || outcome.output.contains("sort"))
  }

  @Test func aFalseExpectationIsNamedAndFails() throws {
    let workshop = try Workshop()
    try workshop.write(
      "wrong.specola", "prompt Anna found\nexpect tokens = 2\nexpect tokens = 7\nsay tokens\n")
    let outcome = try workshop.specola(["open", "--no-tui", "--script", "wrong.specola"])
    #expect(outcome.code == 1)
    let complaint = "wrong.specola:3: expected tokens = 7; tokens is 2"
    #expect(outcome.output.contains(complaint), "\(outcome)")
    #expect(outcome.output.hasSuffix("2\n"), "it goes on with the next line: \(outcome)")
  }

  @Test func aRecordedSessionReplaysToTheSameView() throws {
    let workshop = try Workshop()
    try workshop.write(
      "first.specola",
      """
      model tales-en
      prompt Anna found a red key
      head 1.2
      stage scores
      view generate
      sample 5 seed=3
      temperature 1.3
      view train
      train sort steps=20 evaluate_every=10 evaluate_batches=1
      wait step = 7
      rate 0.001
      wait step = 20
      say
      """)
    let first = try workshop.succeed(
      ["open", "--no-tui", "--script", "first.specola", "--record", "second.specola"])
    FileSystem.remove(workshop.path("runs"))
    let second = String(decoding: try workshop.read("second.specola"), as: UTF8.self)
    try workshop.write("second.specola", second + "say\n")
    let replayed = try workshop.succeed(["open", "--no-tui", "--script", "second.specola"])
    #expect(first.output.contains("20/20"))
    #expect(replayed.output == first.output)
  }
}
