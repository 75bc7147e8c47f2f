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

  /// The view's numbers are those of `specola entropy`, which counts the start token as a patch.
  @Test func entropiesAreThoseOfTheCommand() throws {
    let workshop = try Workshop()
    let text = "Anna found a red key. Perché no? Nel bosco."
    let lines = ["view entropy", "prompt \(text)", "threshold 0.7", "say entropy"]
    for rule in ["global", "monotonic", "space", "static", "byte"] {
      try workshop.write(
        "say.specola",
        (lines + ["rule \(rule)", "say patch", "say patches"]).joined(separator: "\n"))
      let said = try workshop.succeed(["open", "--no-tui", "--script", "say.specola"]).output
        .split(separator: "\n")
      let told = try workshop.succeed(
        ["entropy", "entropy", "--text", text, "--rule", rule, "--threshold", "0.7", "--json"])
      let json = try JSON.parse(Array(told.output.utf8), from: "json")
      let exact = try #require(json["entropies"]?.array).compactMap(\.double)
      let shown = said[0].split(separator: " ").compactMap { Double($0) }
      #expect(shown.count + 1 == exact.count)
      for (a, b) in zip(shown, exact.dropFirst()) { #expect(abs(a - b) <= 1e-6 * max(1, b)) }
      var lengths = try #require(json["patch_lengths"]?.array).compactMap(\.int)
      lengths[0] -= 1
      if lengths[0] == 0 { lengths.removeFirst() }
      #expect(Int(said[said.count - 1]) == lengths.count, "\(rule)")
    }
  }
}
