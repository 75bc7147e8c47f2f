import Files
import TestSupport
import Testing

struct JSONTests {
  private func parse(_ text: String) throws -> JSON {
    try JSON.parse(Array(text.utf8), from: "x.json")
  }

  @Test func everyKindOfValue() throws {
    let value = try parse(
      #" {"a": [1, -2.5e-1, true, false, null], "b": {"c": "\u00e9\n\"\ud83d\ude00"}, "d": ""} "#)
    #expect(
      value == [
        "a": [1, -0.25, true, false, nil], "b": ["c": "é\n\"😀"], "d": "",
      ])
    #expect(value["a"]?.array?[0].int == 1)
    #expect(value["a"]?.array?[0].double == 1)
    #expect(value["a"]?.array?[1].int == nil)
    #expect(value["nothing"] == nil)
    #expect(JSON.int(1)["a"] == nil)
  }

  @Test func numbersReadBackToTheSameBits() throws {
    let doubles: [Double] = [
      0.1, -0.0, 1, 1e21, .leastNonzeroMagnitude, 1.7976931348623157e308, 1e-05, 123456789.123,
      0x1p-1022,
    ]
    for number in doubles {
      guard case .double(let back) = try parse(JSON.double(number).text()) else {
        Issue.record("\(number) came back as an integer")
        continue
      }
      #expect(back.bitPattern == number.bitPattern)
    }
    for number in [0, -1, .max, .min, 1 << 53 + 1] {
      #expect(try parse(JSON.int(number).text()) == .int(number))
    }
    #expect(try parse("9223372036854775808") == .double(0x1p63))
    #expect(
      try parse("1000000000000000019884624838656")
        == .double(1_000_000_000_000_000_019_884_624_838_656))
    #expect(JSON.double(.nan).text() == "null")
  }

  @Test func textIsSortedAndEscaped() {
    let value: JSON = ["b": [1, []], "a": ["é\u{1}\t\u{8}\"\\/", 1.0], "c": [:]]
    #expect(
      value.text() == #"{"a":["é\u0001\t\b\"\\/",1.0],"b":[1,[]],"c":{}}"#)
    #expect(
      value.text(pretty: true) == """
        {
          "a": [
            "é\\u0001\\t\\b\\"\\\\/",
            1.0
          ],
          "b": [
            1,
            []
          ],
          "c": {}
        }
        """)
  }

  @Test(arguments: [
    ("", "ends too early"), ("  ", "ends too early"), ("{\"a\":1", "no comma or }"),
    ("[1", "no comma or ]"), ("[1,]", "no value"), ("{\"a\":1,}", "no key"), ("{a:1}", "no key"),
    ("{\"a\" 1}", "no colon"), ("1 2", "after the value"), ("01", "ill-formed number"),
    ("-", "ill-formed number"), ("1.", "ill-formed number"), (".5", "no value"),
    ("1e", "ill-formed number"), ("1e999", "beyond what a double holds"),
    ("NaN", "no value"), ("-Infinity", "ill-formed number"), ("tru", "no value"),
    ("\"a", "without an end"), ("\"\\", "without an end"), ("\"\\x\"", "unknown escape"),
    ("\"\\u12g4\"", "four hexadecimal"), ("\"\\ud800\"", "surrogate"),
    ("\"\\udc00\\ud800\"", "surrogate"), ("\"\\ud800\\u0041\"", "surrogate"),
    ("\"a\nb\"", "control byte"), ("{\"a\":1,\"a\":2}", "\"a\" is there twice"),
    ("\u{0}", "no value"), ("[1]\u{0}", "after the value"),
  ])
  func malformed(text: String, problem: String) {
    let line = message { _ = try parse(text) }
    #expect(line.hasPrefix("x.json: not valid JSON at line 1, column "))
    #expect(line.contains(problem), "\(line)")
  }

  @Test func nestingIsLimitedNotTheStack() throws {
    let deep = String(repeating: "[", count: 256) + String(repeating: "]", count: 256)
    #expect(try parse(deep).text() == deep)
    for opening in ["[", "{\"a\":", "[{\"a\":"] {
      let line = message { _ = try parse(String(repeating: opening, count: 1_000_000)) }
      #expect(line.contains("nested more than 256 deep"))
    }
  }

  @Test func bytesThatAreNotText() throws {
    #expect(try JSON.parse([0xEF, 0xBB, 0xBF] + Array("[1]".utf8), from: "x") == [1])
    for bytes: [UInt8] in [
      [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF8, 0x88], [0xE2, 0x82],
    ] {
      let line = message { _ = try JSON.parse([0x22] + bytes + [0x22], from: "x") }
      #expect(line.contains("not UTF-8"))
    }
    #expect(message { _ = try JSON.parse([0xFF, 0xFE, 0x31, 0], from: "x") }.contains("no value"))
  }

  @Test func errorsSayWhere() {
    #expect(message { _ = try parse("{\n  \"a\": 1\n  \"b\": 2\n}") }.contains("line 3, column 3"))
    let line = message { _ = try JSON.parse([0x5B], from: "a\u{1B}[2Jb.json") }
    #expect(line.hasPrefix("a␛[2Jb.json: "))
  }
}
