import Files
import TestSupport
import Testing
import Workbench

@Suite struct LanguageCommandTests {
  @Test func everyNameHasARow() {
    for name in Command.Name.allCases { #expect(CommandTable.entry(name).name == name) }
    #expect(CommandTable.entries.count == Command.Name.allCases.count)
  }

  @Test(arguments: [
    (#"model tales-en"#, Command(.model, "tales-en")),
    (
      #"prompt Anna found a "red" key = good # all of this is text"#,
      Command(.prompt, #"Anna found a "red" key = good # all of this is text"#)
    ),
    (
      #"prompt "two\nlines, a byte \xC3, an edge ""#,
      Command(
        .prompt,
        String(bytes: Array("two\nlines, a byte ".utf8) + [0xC3] + Array(", an edge ".utf8)))
    ),
    (
      "prompt @shared/speech.txt",
      Command(.prompt, options: [.init(key: "file", value: "shared/speech.txt")])
    ),
    ("head 0.2", Command(.head, "0.2")),
    ("stage weights", Command(.stage, "weights")),
    ("cursor 12 5", Command(.cursor, "12", "5")),
    (
      "sample 60 temperature=0.8 top-k=40 top-p=off seed=7",
      Command(
        .sample, "60",
        options: [
          .init(key: "temperature", value: "0.8"), .init(key: "top-k", value: "40"),
          .init(key: "top-p", value: "off"), .init(key: "seed", value: "7"),
        ])
    ),
    (
      "train tales-en seed=7 minutes=3 optimizer.learning_rate=3e-3",
      Command(
        .train, "tales-en",
        options: [
          .init(key: "seed", value: "7"), .init(key: "minutes", value: "3"),
          .init(key: "optimizer.learning_rate", value: "3e-3"),
        ])
    ),
    (
      "set axes=log-y smooth=50 runs=tales-7,tales-8",
      Command(
        .set,
        options: [
          .init(key: "axes", value: "log-y"), .init(key: "smooth", value: "50"),
          .init(key: "runs", value: "tales-7,tales-8"),
        ])
    ),
    (
      "export curve.svg what=view",
      Command(.export, "curve.svg", options: [.init(key: "what", value: "view")])
    ),
  ])
  func everyConstruct(line: String, command: Command) throws {
    #expect(try Command.parse(line) == command)
    #expect(command.description == line)
  }

  @Test(arguments: [
    ("", ""), ("   ", ""), ("# all of it", ""), ("  # and here", ""),
    ("head 0.2 # why", "head 0.2"), ("head 00.02", "head 0.2"), ("\thead\t2\r\n", "head 2"),
    ("top_k off", "top-k off"), ("sample top_p=90%", "sample top-p=90%"),
    ("train tales-en batch-size=4", "train tales-en batch_size=4"),
    ("set axes=log_y", "set axes=log-y"), ("set runs=a_b,c", "set runs=a_b,c"),
    ("cursor -1 -2", "cursor -1 -2"), ("undo -1", "undo -1"), ("temperature", "temperature"),
    ("model my_model", "model my_model"), (#"model "two words""#, #"model "two words""#),
    (#"play "a#b" # c"#, "play a#b"), ("play \"#b\"", "play \"#b\""),
    (#"export "a=b.svg""#, #"export "a=b.svg""#), (#"take " ring""#, #"take " ring""#),
    ("take ring", #"take "ring""#), ("take 2", "take 2"), (#"take "2""#, #"take "2""#),
    ("mask window=4", "mask window=4"), ("zero", "zero"), ("pause off", "pause off"),
    (#"prompt "a" and "b""#, #"prompt "a" and "b""#), (#"prompt "a""#, "prompt a"),
    (#"prompt "@home""#, #"prompt "@home""#), ("prompt   edges  ", "prompt edges"),
    (#"prompt "open"#, #"prompt "open"#), ("prompt one\ntwo", #"prompt "one\ntwo""#),
    (#"prompt back\slash \n stays"#, #"prompt back\slash \n stays"#),
    (#"prompt "\xc3\xa9""#, "prompt é"), ("prompt \u{202E}x", #"prompt "\xE2\x80\xAEx""#),
    (#"prompt """#, #"prompt """#), ("prompt", "prompt"), ("find # 1", "find # 1"),
    (#"prompt @" my file""#, #"prompt @" my file""#), ("prompt @my file", "prompt @my file"),
    ("help top-k", "help top-k"), ("say", "say"),
    ("say weights[12, 5] # here", "say weights[12,5]"),
  ])
  func canonicalSpelling(line: String, printed: String) throws {
    let command = try Command.parse(line)
    #expect((command?.description ?? "") == printed)
    #expect(try Command.parse(printed) == command)
  }

  @Test(arguments: [
    ("hed 0.2", #"unknown command "hed"; nearest: head"#),
    ("xylophone 0.6", #"unknown command "xylophone"; help lists them"#),
    ("threshold high", #"threshold: "high" is not a number (0 to 5.56)"#),
    ("threshold -1", #"threshold: "-1" is out of range (0 to 5.56)"#),
    ("threshold nan", #"threshold: "nan" is not a number (0 to 5.56)"#),
    ("threshold mean=0", #"threshold: mean: "0" is out of range (above 0)"#),
    ("lesson 4", #"unknown command "lesson"; help lists them"#),
    ("top-p high", #"top-p: "high" is not a number (above 0 to 1, or off)"#),
    ("top-p 0", #"top-p: "0" is out of range (above 0 to 1, or off)"#),
    ("top-p 101%", #"top-p: "101%" is out of range (above 0 to 1, or off)"#),
    ("temperature -0.1", #"temperature: "-0.1" is out of range (0 or more)"#),
    ("temperature nan", #"temperature: "nan" is not a number (0 or more)"#),
    ("temperature 0x1p3", #"temperature: "0x1p3" is not a number (0 or more)"#),
    ("temperature 1e999", #"temperature: "1e999" is not a number (0 or more)"#),
    ("top-k 2.5", #"top-k: "2.5" is not a whole number (1 or more, or off)"#),
    ("sample 5 temperature=hot", #"sample: temperature: "hot" is not a number (0 or more)"#),
    ("sample 5 temprature=1", #"sample: no key "temprature"; nearest: temperature"#),
    ("sample seed=1 seed=2", #"sample: "seed" is given twice"#),
    (
      "sample seed=1 5",
      "sample: values come before keys; "
        + "sample [N] [temperature=X] [top-k=N|off] [top-p=X|off] [seed=N]"
    ),
    (
      "view atention",
      #"view: "atention" is not one of "#
        + "attention, entropy, generate, train, lessons, model; nearest: attention"
    ),
    (
      "head 0.2.1",
      #"head: "0.2.1" is not a head (layer.head from 0, as 0.2, or a head of this layer)"#
    ),
    ("head 1 2", #"head: "2" is too much; head L.H|H"#),
    ("head layer=1", #"head: takes no key "layer"; head L.H|H"#),
    ("export", "export: something is missing; export PATH [what=view|screen|data]"),
    ("set", "set: something is missing; set KEY=VALUE…"),
    ("take", #"take: something is missing; take RANK|"TEXT""#),
    ("mask none window=3", "mask: takes one or the other; mask model|causal|none|window=N"),
    ("branch 10", #"branch: "10" is out of range (1 to 9)"#),
    (#"model """#, #"model: "" is empty (a model's name or folder, @STEP for a saved step)"#),
    (#"play "a"#, #"play: the quote of "\"a" is not closed"#),
    (#"play "a"b"#, #"play: "\"a\"b" goes on behind its closing quote"#),
    (#"play a"b"#, #"play: "a\"b" has a quote inside a word; write \" between quotes"#),
    (#"prompt "\x+f""#, #"prompt: "\"\\x+f\"" has an unknown escape; known: \" \\ \n \t \xHH"#),
    (#"prompt "\q""#, #"prompt: "\"\\q\"" has an unknown escape; known: \" \\ \n \t \xHH"#),
    ("prompt @", "prompt: give the file behind @; prompt TEXT|@FILE"),
    ("wait", "wait: give a condition; wait CONDITION"),
    (
      "expect weigths[1,2] = 1",
      "expect: unknown reading \"weigths\"; nearest: weights (a text stands in quotes)"
    ),
    ("\u{1B}[2J", #"unknown command "\x1B[2J"; help lists them"#),
  ])
  func refused(line: String, expected: String) {
    #expect(message { _ = try Command.parse(line) } == expected)
    #expect(throws: Failure.self) { try Command.parse(line) }
  }

  @Test func valuesByType() throws {
    let sample = try #require(try Command.parse("sample 60 temperature=80% top-k=off seed=7"))
    #expect(sample.integer(0) == 60)
    #expect(sample.number("temperature") == 0.8)
    #expect(sample.option("top-k") == "off" && sample.integer("top-k") == nil)
    #expect(sample.integer("seed") == 7)
    #expect(sample.option("top-p") == nil && sample.number(1) == nil)
    let head = try #require(try Command.parse("head 1.10"))
    #expect(head.head(0, inLayer: 0) == HeadReference(layer: 1, head: 10))
    #expect(Command(.head, "3").head(0, inLayer: 2)?.description == "2.3")
    #expect(Command(.pin).text == "" && Command(.pin).bytes == [])
  }

  @Test(
    arguments: [
      ("", nil), ("-", nil), (".", nil), ("1e", nil), ("inf", nil), ("1_000", nil), ("٣", nil),
      ("1,5", nil), ("5%%", nil), ("%", nil), ("40", 40), ("0.8", 0.8), ("1e-3", 0.001),
      ("-2", -2), ("+.5", 0.5), ("80%", 0.8), ("1E2", 100),
    ] as [(String, Double?)])
  func numbers(text: String, value: Double?) {
    #expect(Literal.number(text) == value)
  }

  @Test func textKeepsEveryByte() {
    var random = SplitMix(state: 1)
    let pieces: [[UInt8]] = [
      Array("Anna".utf8), Array("perché".utf8), [0xC3], [0x80], [0xFF], [0xF4, 0x8F, 0xBF],
      [0xED, 0xA0, 0x80], Array("\u{10FFC3}".utf8), Array("\u{10FF7F}".utf8),
      Array("👩‍🔬".utf8), [0], [0xC0, 0xAF], [0xF4, 0x90, 0x80, 0x80],
    ]
    for _ in 0..<3000 {
      let bytes = (0..<random.below(6)).flatMap { _ in pieces[random.below(pieces.count)] }
      #expect(String(bytes: bytes).bytes == bytes)
      let typed = "prompt " + Command.editable(bytes)
      #expect((try? Command.parse(typed))?.bytes == bytes, "\(typed)")
    }
    // Only what cannot be text is put aside.
    #expect(String(bytes: Array("perché\u{10FF7F}".utf8)) == "perché\u{10FF7F}")
  }
}
