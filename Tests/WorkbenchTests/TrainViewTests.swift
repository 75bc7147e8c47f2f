import Files
import Glibc
import Screen
import TestSupport
import Testing
import Training
import Workbench

private let looks: [Look] = [.full, .console, .plain]
private let sizes = [
  Size(rows: 20, columns: 48), Size(rows: 24, columns: 80), Size(rows: 40, columns: 120),
  Size(rows: 60, columns: 200),
]

/// The Train view as it is drawn.
@Suite struct TrainViewTests {
  /// The design's run, opened beside another one like it.
  private func withDrawnRun(_ body: (inout TrainBench) throws -> Void) throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      for name in ["tales-7", "tales-8"] { try makeDrawnRun("\(bench.folder)/\(name)") }
      bench.run("train \"\(bench.folder)/tales-7\"")
      bench.run("set runs=\"\(bench.folder)/tales-8\" probe=0.1")
      try body(&bench)
    }
  }

  /// All rows but the command line and the keys.
  private func rows(_ bench: TrainBench, _ size: Size, _ look: Look = .plain) -> [Substring] {
    bench.screen(size, look).split(separator: "\n", omittingEmptySubsequences: false)
      .dropLast(2)
  }

  private static let pictures = [
    """
     1  2  3 [4 Train] 5  6                   ? help
    run tales-7   tales-en 0.01 M, seed 7, co paused
    loss, nats a token, log   * this  + tales-8
         |
         |*
        4+**
         | **
         |  ***
        1+    *o
         |     ****
         |        *o****o*
         |               ****o***o****o
     0.25+------------------------------------------
         +-----^---^----^----^---^----^-------------
          0           1000       2000        3000
    step 2,400/3,500  loss 0.373 (50)  valid 0.382
    left -  tokens/s -  rate 2.2e-04
    Ctrl-C saves and pauses; q asks
    """,
    """
     1 Attention   2 Entropy   3 Generate  [4 Train]  5 Lessons   6 Model     ? help
    run tales-7   tales-en 0.01 M, seed 7, corpus tales-en (entropy known)    paused
    loss, nats a token, log   * this  + tales-8  o valid  - floor
         |                                                step       2,400/3,500
         |                                                loss       0.373 (50)
         |*                                               validation 0.382
        4+**                                              floor      0.289
         | **                                             bits/byte  0.5000
         |  **                                            rate       2.2e-04
         |   **                                           gradient   0.10
         |    **                                          tokens/s   -
        1+     o*                                         left       -
         |      ***                                       saved      2,400
         |        ***o                                    next save  2,800
         |           *****o
         |                *****o****o**   o               probe 0.1, row "E"
         |                            *****               10 e     6 #
     0.25+----------------------------------------------- 1 A      6 #
         +-----^-----^----^----^----^-----^-------------- 15 E     6 #
          0            1000         2000         3000     14       6 #
    ^ saved checkpoint; left/right moves there, Enter looks at the model as it was
    Ctrl-C saves and pauses; q asks                          rate 2.2e-04   + - turn
    """,
  ]

  @Test(arguments: [0, 1]) func theDrawing(number: Int) throws {
    try withDrawnRun { bench in
      let drawn = rows(bench, sizes[number]).joined(separator: "\n")
      #expect(drawn == Self.pictures[number], "\(drawn)")
    }
  }

  @Test func aLargeScreenHasTwoPlotsAndTheMap() throws {
    try withDrawnRun { bench in
      let drawn = rows(bench, sizes[2])
      let heading = drawn.first { $0.hasPrefix("learning rate, gradient   * rate  + gradient") }
      #expect(heading?.hasSuffix("2 d      ++++") == true, "\(drawn)")
      #expect(drawn[36].hasPrefix("^ saved checkpoint; left/right moves there"))
      let wide = rows(bench, sizes[3])
      #expect(wide.contains { $0.hasSuffix("0 ~    100") })
    }
  }

  /// Looks change glyphs, never places: what is written stands where it stood.
  @Test(arguments: sizes) func looksKeepThePlaces(size: Size) throws {
    try withDrawnRun { bench in
      let words = looks.map { look in
        rows(bench, size, look).map { row in
          row.map { $0.isLetter || $0.isNumber ? $0 : " " }.map { $0 == "o" ? " " : $0 }
        }.map { String($0).split(separator: " ").joined(separator: " ") }
      }
      #expect(words[0] == words[1] || words[0].count == words[1].count)
      for (full, plain) in zip(words[0], words[2]) where !full.isEmpty {
        let shared = full.split(separator: " ").filter { $0.count > 2 }
        #expect(shared.allSatisfy { plain.contains($0) }, "\(full) | \(plain)")
      }
      let screen = bench.screen(size)
      #expect(screen.utf8.allSatisfy { $0 < 0x7F })
      #expect(screen.contains("2,400/3,500") && screen.contains("0.373 (50)"))
      #expect(screen.contains("saved checkpoint") == (size.rows > 20))
    }
  }

  @Test func panesAxesAndUnits() throws {
    try withDrawnRun { bench in
      func screen() -> String { bench.screen(sizes[1]) }
      bench.run("set axes=linear units=bits")
      #expect(screen().contains("loss, bits a token   * this"))
      #expect(screen().contains("validation 0.551") && screen().contains("floor      0.4"))
      bench.run("set axes=log-log smooth=1 units=nats")
      #expect(screen().contains("loss       0.372\n"))
      #expect(screen().contains("      16         64        256"))
      bench.run("set pane=probe")
      #expect(screen().contains(" 0 ~      #o") && !screen().contains("validation"))
      bench.run("set pane=samples")
      #expect(screen().contains("none are drawn:"))
      // On a narrow screen a pane takes the place of the plot.
      let narrow = bench.screen(sizes[0])
      #expect(narrow.contains("none are drawn: sample_every is 0") && !narrow.contains("loss, "))
      bench.run("set runs=off pane=numbers")
      #expect(screen().contains("* this  o valid  - floor"))
    }
  }

  @Test func samplesAreDrawnBelow() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      bench.run(bench.train("sample_every=5"))
      bench.run("step 10")
      let lines = rows(bench, sizes[1])
      #expect(lines[19] == #"sample at 10 from "~", seed 1337, temperature 0.8:"#, "\(lines[19])")
      #expect(lines[20].hasPrefix("  ") && lines[20].count > 10)
      bench.run("set pane=samples")
      let screen = bench.screen(sizes[2])
      #expect(screen.contains(" at 10") && screen.contains(" at 5"))
    }
  }

  @Test func aTaskIsSolvedAndATextHasBytes() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      bench.run(bench.train("data.make=sort model.n_positions=11"))
      #expect(bench.screen(sizes[1]).contains("solved     -"))
      bench.run("step 10")
      let row = try #require(rows(bench, sizes[1]).first { $0.contains("solved") })
      #expect(row.hasSuffix(" %") && !bench.screen(sizes[1]).contains("bits/byte"))
      // The tokens of a task are numbers, its probe a sequence that is held out.
      #expect(bench.bench.train.probe?.tokens.count == 11)
      #expect(bench.bench.train.probe?.induction == nil)
      bench.run(bench.train("data.make=copy model.n_positions=64", into: "copy"))
      let probe = try #require(bench.bench.train.probe)
      #expect(probe.tokens.count > 20 && probe.induction.map { $0 > 0 && $0 < 0.5 } == true)
      #expect(bench.screen(sizes[1]).contains("behind 1st occurrence 0."))
    }
  }

  @Test func whatThereIsToTrain() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      let names = Home.configurationNames(in: "train")
      for size in sizes {
        // What does not fit comes with the cursor.
        for (row, name) in names.enumerated() {
          bench.run("cursor \(row)")
          let screen = bench.screen(size)
          #expect(screen.contains("\n\(name) "), "\(screen)")
          #expect(screen.contains("Choose what to train"))
        }
      }
      bench.run("cursor 2")
      try bench.press(.down)
      #expect(bench.bench.echo.text == "cursor 3 0")
      bench.run("find tales-en")
      #expect(bench.screen(sizes[1]).contains("tales-en: very short stories of 1"))
      let rows = bench.screen(sizes[1]).split(separator: "\n")
      #expect(rows.contains { $0.contains(/^tales-en +very short stories of 1/) })
      guard case .run(let command) = bench.bench.action(for: .enter) else {
        Issue.record("Enter runs nothing")
        return
      }
      #expect(command == Command(.train, "tales-en"))
    }
  }

  // MARK: - Keys

  @Test func keysRunTheirCommands() throws {
    try withDrawnRun { bench in
      func run(_ key: Key) -> String {
        switch bench.bench.action(for: key) {
        case .run(let command): "\(command)"
        case .say(let text): text
        default: "\(key)"
        }
      }
      for (key, line) in [
        (Key.character(" "), "pause off"), (.character("n"), "step"), (.character("s"), "save"),
        (.character("r"), "train again"), (.character("+"), "rate 2.8e-04"),
        (.character("="), "rate 2.8e-04"), (.character("-"), "rate 1.8e-04"),
        (.character("y"), "set axes=linear"), (.character("a"), "set smooth=200"),
        (.character("o"), "set runs=off"), (.character("v"), "set pane=probe"),
        (.right, "cursor 2400 0"), (.left, "cursor 2400 0"), (.home, "cursor 400 0"),
        (.character("p"), "saved steps are ^ on the axis: left and right go there"),
      ] { #expect(run(key) == line, "\(key): \(run(key))") }
      #expect(run(.enter).hasPrefix("left or right first"))
      bench.run("cursor 2400")
      #expect(run(.left) == "cursor 2000 0" && run(.right).hasPrefix("no saved step after"))
      #expect(run(.enter) == "model \(bench.folder)/tales-7@2400")
      #expect(bench.screen(sizes[1]).contains("step 2,400 is saved; Enter opens it"))
      bench.run("cursor 400")
      #expect(run(.left).hasPrefix("no saved step before"))
      bench.run("set runs=off smooth=200")
      #expect(run(.character("a")) == "set smooth=1")
      #expect(run(.character("o")) == "set runs=\(bench.folder)/tales-8")
    }
  }

  @Test func theNumbersCanBeExported() throws {
    try withDrawnRun { bench in
      let path = bench.folder + "/curve.csv"
      bench.run("export \"\(path)\"")
      let lines = String(decoding: try FileSystem.readAll(path), as: UTF8.self)
        .split(separator: "\n").filter { !$0.hasPrefix("#") }
      #expect(lines.first == "step,loss,learning_rate,gradient_norm,validation_loss")
      #expect(lines.count == 241)
      #expect(lines[1].hasPrefix("10,4.42") && lines[1].hasSuffix(",0.00094,0.2,"))
      #expect(lines.last?.hasPrefix("2400,0.37") == true && lines.last?.hasSuffix(",") == false)
    }
  }

  // MARK: - Any numbers, any rectangle

  @Test func anyNumbersInAnyRectangle() throws {
    try withTrainBench { (bench: inout TrainBench) throws in
      let run = bench.folder + "/tales-7"
      try makeDrawnRun(run)
      let hard = ["null", "0", "1e38", "-1e38", "1e-300", "-0.0", "1.7976931348623157e308", "3"]
      var lines = ""
      for (i, value) in hard.enumerated() {
        lines += #"{"step":\#(i * 300),"loss":\#(value),"learning_rate":\#(value),"#
        lines += #""gradient_norm":\#(value),"tokens_per_s":\#(value)}"# + "\n"
        lines += #"{"step":\#(i * 300),"validation_loss":\#(value),"bits_per_byte":\#(value)}"#
        lines += "\n"
      }
      try AtomicFile.write(lines, to: run + "/log.jsonl")
      bench.run("train \"\(run)\"")
      bench.run("set runs=\"\(run)\"")
      for axes in ["linear", "log-x", "log-y", "log-log"] {
        for pane in ["numbers", "probe", "samples"] {
          bench.run("set axes=\(axes) pane=\(pane) smooth=\(pane == "probe" ? 1 : 50)")
          for rows in [0, 3, 10, 17, 18, 24, 33, 60] {
            for columns in [0, 5, 39, 40, 48, 71, 72, 80, 109, 110, 200] {
              _ = bench.screen(Size(rows: rows, columns: columns), .full)
            }
          }
        }
      }
      bench.run("set axes=log-y pane=numbers")
      for size in sizes { #expect(bench.screen(size).contains("2,100/3,500")) }
    }
  }
}
