import Checkpoints
import Files
import Generation
import Screen
import TestSupport
import Testing
import Text
import Workbench

/// Takes, draws and runs of the sampling laboratory.
@Suite struct GenerateStateTests {
  /// A bench whose table stands, with ten tokens drawn.
  private func laboratory(_ body: (inout Laboratory) throws -> Void) throws {
    try withTemporaryFolder { folder in
      var lab = try Laboratory(folder)
      lab.answer(lab.drawnScores)
      try lab.run("seed 7", "sample 10")
      lab.answer(lab.drawnScores)
      #expect(lab.bench.generate.text.count == 10 && lab.bench.isIdle)
      try body(&lab)
    }
  }

  private func step(_ lab: inout Laboratory, _ lines: String...) throws {
    for line in lines {
      try lab.run(line)
      lab.answer(lab.drawnScores)
    }
  }

  private func refusal(_ lab: Laboratory, _ line: String) -> String {
    var lab = lab
    return message { try lab.run(line) }
  }

  @Test func goingBackAndOnIsTheSameText() throws {
    try laboratory { lab in
      let drawn = Array(lab.bench.generate.text)
      try step(&lab, "rewind 4", "sample 1", "rewind", "sample 4")
      #expect(Array(lab.bench.generate.text) == drawn && lab.bench.generate.takes.count == 1)
      try step(&lab, "rewind all")
      #expect(lab.bench.generate.text.isEmpty && lab.bench.generate.takes == [drawn])
      try step(&lab, "sample 10")
      #expect(Array(lab.bench.generate.text) == drawn && lab.bench.generate.takes.count == 1)
      // Further back than the beginning is the beginning.
      try step(&lab, "rewind 99")
      #expect(lab.bench.generate.text.isEmpty)
      #expect(refusal(lab, "rewind").contains("nothing was drawn"))
    }
  }

  @Test func anotherTokenBeginsAnotherTake() throws {
    try laboratory { lab in
      let first = Array(lab.bench.generate.text)
      try step(&lab, "rewind 3")
      let next = first[7]
      let other = lab.id(" cat")
      #expect(next != other)
      try step(&lab, "take \" cat\"")
      #expect(lab.bench.generate.takes == [first, Array(first[..<7]) + [other]])
      #expect(lab.bench.generate.current == 1)
      // The draws go on by their place: what was drawn at places 8 and 9 comes again.
      try step(&lab, "sample 2")
      #expect(Array(lab.bench.generate.text) == first[..<7] + [other] + first[8...])
      try step(&lab, "branch 1")
      #expect(Array(lab.bench.generate.text) == first && lab.bench.generate.current == 0)
      #expect(refusal(lab, "branch 3").contains("1 to 2"))
      // The same token again is no other take.
      try step(&lab, "rewind 1", "take \(lab.rank(of: first[9]))")
      #expect(lab.bench.generate.takes.count == 2)
    }
  }

  @Test func atMostNineTakesAreKept() throws {
    try laboratory { lab in
      for rank in 1...12 {
        try step(&lab, "rewind 1", "take \(rank)")
        #expect(lab.bench.generate.takes.count <= 9)
        #expect(
          lab.bench.generate.text.last
            == lab.bench.generate.table.map { _ in
              lab.candidates[rank - 1]
            })
      }
      let takes = lab.bench.generate.takes
      #expect(takes.count == 9 && lab.bench.generate.current == 8)
      #expect(takes.map(\.last) == lab.candidates[3..<12].map { $0 })
    }
  }

  @Test func whatCannotBeTakenIsSaid() throws {
    try laboratory { lab in
      #expect(refusal(lab, "take 1025").contains("1 to 1024"))
      #expect(refusal(lab, "take \"no such token\"").contains("not one token"))
      try lab.run("rewind 1")
      #expect(refusal(lab, "take 1").contains("on their way"))
      lab.answer(lab.drawnScores)
      try step(&lab, "take key")
      #expect(lab.bench.generate.text.last == lab.id(" key"))
    }
  }

  @Test func knobsTurnWhileItRuns() throws {
    try laboratory { lab in
      try lab.run("rewind all", "sample")
      lab.answer(lab.drawnScores, most: 6)
      #expect(lab.bench.generate.isStarting && !lab.bench.isIdle)
      #expect(lab.bench.generate.text.count == 6)
      try lab.run("temperature 0")
      lab.answer(lab.drawnScores, most: 5)
      #expect(lab.bench.generate.text.suffix(5).allSatisfy { $0 == lab.id(" key") })
      #expect(!lab.bench.generate.isStarting)
      try step(&lab, "stop")
      #expect(lab.bench.generate.text.count == 11 && lab.bench.isIdle)
      try step(&lab, "sample 3 temperature=1.5 top-k=20 top-p=off seed=9")
      let settings = lab.bench.settings
      #expect(settings.temperature == 1.5 && settings.topK == 20 && settings.topP == nil)
      #expect(settings.seed == 9 && lab.bench.generate.text.count == 14)
      try step(&lab, "undo")
      #expect(lab.bench.settings.temperature == 0 && lab.bench.settings.topK == nil)
      #expect(lab.bench.generate.table?.stage(.topP).kept == 1)
    }
  }

  @Test func aRunEndsWithTheText() throws {
    try withTemporaryFolder { folder in
      var lab = try Laboratory(folder, end: " key")
      lab.answer(lab.drawnScores)
      try lab.run("seed 7", "sample 500")
      lab.answer(lab.drawnScores)
      let text = lab.bench.generate.text
      #expect(text.last == lab.id(" key") && text.count < 500 && lab.bench.isIdle)
      #expect(text.dropLast().allSatisfy { $0 != lab.id(" key") })
    }
  }

  /// An answer that comes after the text went on belongs to no place any more.
  @Test func lateAnswersAreDropped() throws {
    try laboratory { lab in
      try lab.run("rewind 2")
      guard case .inspect(.score(let wish))? = lab.requests.first else {
        Issue.record("no scores were asked for")
        return
      }
      try lab.run("rewind 2")
      let before = lab.bench.generate.place
      lab.receive(.inspector(.scored(wish, scores: [1, 2, 3], refilled: true)))
      #expect(!lab.bench.generate.refilled && lab.bench.generate.place == before)
      lab.requests.removeFirst()
      lab.answer(lab.drawnScores)
      #expect(lab.bench.generate.place == 6 && lab.bench.generate.table?.stages[0].kept == 1024)
    }
  }

  @Test func badScoresStopARun() throws {
    try laboratory { lab in
      try lab.run("sample")
      lab.answer(lab.drawnScores, most: 2)
      lab.answer { _ in [Float](repeating: .nan, count: 1024) }
      #expect(lab.bench.isIdle && lab.bench.generate.table == nil)
      for size in screenSizes {
        #expect(lab.screen(size).contains("cannot sample: the score of token 0 is"))
      }
      #expect(refusal(lab, "take 1").contains("cannot sample"))
      try step(&lab, "rewind 1")
      #expect(lab.bench.generate.table != nil)
    }
  }

  @Test func anotherPromptBeginsAnew() throws {
    try laboratory { lab in
      try step(&lab, "prompt Ida was a")
      #expect(lab.bench.generate.prompt.count == 3 && lab.bench.generate.text.isEmpty)
      #expect(lab.bench.generate.takes == [[]])
    }
  }

  /// The engine's own scores: the text of `specola generate`, from another view too.
  @Test func drawsWhatGenerateDraws() throws {
    try SessionTests.withModel { folder in
      let settings = try SamplerSettings(temperature: 0.8, topK: 40)
      var generator = try Generator(
        ModelDirectory(folder).model, prompt: ByteTokenizer(addsBOS: false).encode("Once"),
        settings: settings, seed: 5)
      let wanted = try (0..<60).map { _ in try generator.next() }
      let lines = ["prompt Once", "sample 60 temperature=0.8 top-k=40 seed=5"]
      for view in ["generate", "attention"] {
        var session = SessionTests.session(["view \(view)"] + lines, model: folder)
        #expect(Array(session.bench.generate.text) == wanted, "in \(view)")
        guard view == "generate" else { continue }
        // Over the refill and back.
        for line in ["rewind 45", "sample 45"] {
          session.run(line: line)
          SessionTests.settle(&session)
        }
        #expect(Array(session.bench.generate.text) == wanted)
      }
    }
  }

  @Test func readings() throws {
    try laboratory { lab in
      try step(&lab, "top-k 8", "top-p 0.9")
      let bench = lab.bench
      func value(_ text: String) throws -> String {
        try Reading.value(of: text, in: bench).description
      }
      #expect(try value("tokens") == "15" && value("token[2]") == "\"the\"")
      #expect(try value("token[-11]") == "\"box\"" && value("id[0]") == "0")
      #expect(try value("candidate[1]") == "\"key\"" && value("candidate[2]") == "\"coin\"")
      #expect(try value("count(candidate)") == "1024" && value("kept") == "5")
      #expect(try value("layers") == "2" && value("heads") == "2" && value("key-heads") == "2")
      #expect(try value("width") == "16" && value("head-width") == "8")
      #expect(try value("vocabulary") == "1024" && value("context") == "64")
      #expect(try value("parameters") == "24000" && value("effective").hasPrefix("4.0"))
      #expect(try Condition("draw = \(Draws(seed: 7)[10])").holds(in: bench))
      let chosen = bench.generate.table?.choose(Draws(seed: 7)[10])
      let word = lab.tokenizer.pieces[Int(chosen ?? 0)].dropFirst()
      #expect(try value("chosen") == "\"\(String(decoding: word, as: UTF8.self))\"")
      let text = lab.tokenizer.decode(bench.generate.text)
      #expect(try value("text") == "\"\(String(decoding: text, as: UTF8.self))\"")
      for (bad, words) in [
        ("candidate[0]", "1 to 1024"), ("token[15]", "0 to 14"), ("token[\"x\"]", "number"),
      ] {
        #expect(message { _ = try Reading.value(of: bad, in: bench) }.contains(words))
      }
    }
  }
}
