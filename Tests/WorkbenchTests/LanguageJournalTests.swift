import Files
import TestSupport
import Testing
import Workbench

@Suite struct LanguageJournalTests {
  private func journal(_ lines: [String]) throws -> Journal {
    var journal = Journal(version: "0.1.0")
    for line in lines { journal.append(try #require(try Command.parse(line))) }
    return journal
  }

  private func kept(_ lines: String...) throws -> [String] {
    try journal(lines).commands.map(\.description)
  }

  @Test func runsOfASettingAreMerged() throws {
    #expect(
      try kept("temperature 0.8", "temperature 0.85", "temperature 0.9") == ["temperature 0.9"])
    #expect(
      try kept("temperature 0.8", "top-k 4", "temperature 0.9")
        == ["temperature 0.8", "top-k 4", "temperature 0.9"])
    #expect(
      try kept("set zoom=1", "set zoom=2", "set axes=linear") == ["set zoom=2", "set axes=linear"])
    #expect(try kept("set zoom=1 diff=on", "set zoom=2") == ["set zoom=1 diff=on", "set zoom=2"])
    #expect(try kept("set zoom=1", "set zoom=2 diff=on") == ["set zoom=2 diff=on"])
    #expect(try kept("mask none", "mask window=4") == ["mask window=4"])
  }

  @Test func stepsAndWaitsAreNotMerged() throws {
    let lines = [
      "step 1", "step 1", "wait step = 153", "rate 0.001", "wait step = 160", "rate 0.1",
    ]
    #expect(try journal(lines).commands.map(\.description) == lines)
    #expect(try kept("stage next", "stage next") == ["stage next", "stage next"])
    #expect(try kept("stage qkv", "stage scores", "stage next") == ["stage scores", "stage next"])
  }

  /// `undo` goes back over each of them, so none that it may count is lost.
  @Test func undoKeepsWhatItCounts() throws {
    #expect(
      try kept("seed 1", "seed 2", "undo", "seed 3", "seed 4") == [
        "seed 1", "seed 2", "undo", "seed 4",
      ])
  }

  @Test func settingsThatOnlyPrintAreLeftOut() throws {
    #expect(try kept("seed", "pin", "seed 3") == ["pin", "seed 3"])
  }

  @Test func textIsAScriptOfTheSame() throws {
    let lines = [
      "model tales-en", "prompt Anna = # \"good\" perché", "head 0.2",
      #"prompt "two\nlines \xC3""#, #"take " key""#, "wait tokens = 31", "rewind all",
      "expect weights[12,5] = 0.80",
    ]
    let journal = try journal(lines)
    #expect(journal.text.hasPrefix("# specola 0.1.0"))
    let script = try Script(Array(journal.text.utf8), name: "a.specola")
    #expect(script.lines.map(\.command) == journal.commands)
    #expect(script.lines.map(\.command.bytes) == journal.commands.map(\.bytes))
    #expect(script.lines.first?.place == "a.specola:2")
    #expect(journal.text.split(separator: "\n").dropFirst().map { String($0) } == lines)
  }

  @Test func scriptsOfOtherEditors() throws {
    let bytes: [UInt8] =
      [0xEF, 0xBB, 0xBF] + Array("# x\r\nhead 0.2\r\n\r\nprompt a b \r\npin".utf8)
    let script = try Script(bytes, name: "x")
    #expect(script.lines.map(\.command.description) == ["head 0.2", "prompt a b", "pin"])
    #expect(script.lines.map(\.place) == ["x:2", "x:4", "x:5"])
    #expect(try Script([], name: "x").lines.isEmpty)
    // A byte that is no UTF-8 is the prompt's, not an error.
    #expect(
      try Script(Array("prompt ".utf8) + [0xE9], name: "x").lines.first?.command.bytes == [0xE9])
  }

  @Test func errorsNameFileAndLine() throws {
    #expect(
      message { _ = try Script(Array("pin\n\nhed 1\n".utf8), name: "a\u{1B}.specola") }
        == #"a␛.specola:3: unknown command "hed"; nearest: head"#)
    try withTemporaryFolder { folder in
      let path = folder + "/s.specola"
      try AtomicFile.write("seed one\n", to: path)
      #expect(
        message { _ = try Script(contentsOf: path) }
          == path + #":1: seed: "one" is not a whole number (0 or more)"#)
      #expect(message { _ = try Script(contentsOf: folder + "/none") }.contains("none"))
    }
  }
}
