import Checkpoints
import Files
import Glibc
import TestSupport
import Testing

/// A safetensors file of a header and data, however wrong.
func safetensors(_ header: String, _ data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(header.utf8.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
}

struct MalformedTests {
  private static func tensor(
    _ shape: String, _ offsets: String, dtype: String = "F32", name: String = "w"
  ) -> String { #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"# }

  private static func one(_ shape: String, _ offsets: String, dtype: String = "F32") -> String {
    "{" + tensor(shape, offsets, dtype: dtype) + "}"
  }

  /// Headers over eight bytes of data, and what is said of them.
  @Test(arguments: [
    (one("[2]", "[0,8]"), ""),
    (one("[2]", "[0,8]") + "   ", ""),
    (one("[1]", "[0,4]"), "8 bytes of data, but its tensors take 4"),
    (one("[3]", "[0,12]"), "ends at byte 12 of 8"),
    (one("[3]", "[0,8]"), "of \"F32\" [3] has 8 bytes"),
    (one("[2]", "[8,0]"), "no data_offsets"), (one("[2]", "[-8,0]"), "no data_offsets"),
    (one("[2]", "[0]"), "no data_offsets"), (one("[2]", "[0,8,8]"), "no data_offsets"),
    (one("[2]", "[0,1e30]"), "no data_offsets"), (one("[2]", "[0,8.0]"), "no data_offsets"),
    (one("[1]", "[4,8]"), "begins at byte 4, not at 0"),
    (one("[-2]", "[0,8]"), "impossible shape"), (one("[2.5]", "[0,8]"), "no shape"),
    (one("2", "[0,8]"), "no shape"), (one("[\"2\"]", "[0,8]"), "no shape"),
    (one("[4294967296,4294967296]", "[0,8]"), "impossible shape"),
    (one("[0,4294967296,4294967296]", "[0,0]"), "impossible shape"),
    (one("[4611686018427387904]", "[0,8]"), "has 8 bytes"),
    (one("[9223372036854775807]", "[0,9223372036854775807]"), "has 9223372036854775807 bytes"),
    (one("[9223372036854775808]", "[0,8]"), "no shape"),
    (one("[8]", "[0,9223372036854775807]", dtype: "NEW9"), "ends at byte 9223372036854775807 of 8"),
    (one("[4611686018427387904]", "[0,8]", dtype: "NEW9"), "has 8 bytes"),
    ("{\"\(String(repeating: "n", count: 5_000))\":1}", "…\" has no dtype"),
    (one("[\(String(repeating: "1,", count: 5_000))2]", "[0,8]"), "impossible shape [1, 1, 1, 1"),
    (one("[2]", "[0,8]", dtype: "F64"), "of \"F64\" [2] has 8 bytes"),
    (one("[3]", "[0,8]", dtype: "F4"), "of \"F4\" [3] has 8 bytes"),
    (
      "{\(tensor("[1]", "[0,4]")),\(tensor("[2]", "[0,8]", name: "v"))}",
      "begins at byte 0, not at 4"
    ),
    ("{\(tensor("[1]", "[0,4]")),\(tensor("[1]", "[0,4]"))}", "\"w\" is there twice"),
    (
      "{\(tensor("[1]", "[0,4]")),\(tensor("[0]", "[2,2]", name: "v"))}",
      "begins at byte 2, not at 4"
    ),
    ("{\"w\":3}", "no dtype"), ("{\"w\":{\"dtype\":3}}", "no dtype"), ("{}", "tensors take 0"),
    ("{\"__metadata__\":3}", "not an object"), ("{\"__metadata__\":{\"a\":1}}", "not a string"),
    ("[]", "not a JSON object"), (" {}", "not a JSON object"), ("", "not a JSON object"),
    ("{", "no key in quotes"), ("{\"a\":", "ends too early"),
    (String(repeating: "{\"a\":", count: 100_000), "256 deep"),
  ])
  func headers(header: String, problem: String) async throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      try AtomicFile.write(safetensors(header, [UInt8](repeating: 0, count: 8)), to: path)
      if problem.isEmpty {
        #expect(try SafetensorsFile(path).floats("w") == [0, 0])
      } else {
        let line = message { _ = try SafetensorsFile(path) }
        #expect(line.hasPrefix(path) && line.contains(problem) && line.utf8.count < 400, "\(line)")
      }
    }
  }

  @Test func lengths() async throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      let whole = safetensors(MalformedTests.one("[2]", "[0,8]"), [1, 2, 3, 4, 5, 6, 7, 8])
      for count in whole.indices {
        try AtomicFile.write(Array(whole[..<count]), to: path)
        #expect(message { _ = try SafetensorsFile(path) }.hasPrefix(path))
      }
      for length: UInt64 in [.max, 1 << 63, 100_000_001, 3] {
        try AtomicFile.write(safetensors("{}", length: length), to: path)
        #expect(message { _ = try SafetensorsFile(path) }.contains("header of \(length) bytes"))
      }
    }
  }

  @Test func whatIsNoFile() async throws {
    try withTemporaryFolder { folder in
      mkfifo(folder + "/fifo", 0o600)
      #expect(message { _ = try SafetensorsFile(folder + "/fifo") }.contains("is a FIFO"))
      #expect(message { _ = try SafetensorsFile(folder) }.contains("is a folder"))
      #expect(message { _ = try SafetensorsFile(folder + "/no") }.contains("No such file"))
    }
  }

  @Test func aFileThatShrinksWhileMapped() async throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      let header =
        "{" + MalformedTests.tensor("[50000]", "[0,200000]") + ","
        + MalformedTests.tensor("[50000]", "[200000,300000]", dtype: "BF16", name: "b") + "}"
      try AtomicFile.write(safetensors(header, [UInt8](repeating: 1, count: 300_000)), to: path)
      let file = try SafetensorsFile(path)
      truncate(path, 100_000)
      for name in ["w", "b"] {
        #expect(message { _ = try file.floats(name) }.contains("has shrunk while it was read"))
        #expect(message { _ = try file.readBytes(name) }.contains("has shrunk while it was read"))
      }
    }
  }

  @Test func anUnknownFormatIsListed() async throws {
    try withTemporaryFolder { folder in
      let path = folder + "/x.safetensors"
      let header = MalformedTests.one("[2]", "[0,3]", dtype: "NEW\u{202E}9")
      try AtomicFile.write(safetensors(header, [1, 2, 3]), to: path)
      let file = try SafetensorsFile(path)
      #expect(try file.readBytes("w") == [1, 2, 3])
      #expect(
        message { _ = try file.floats("w") }.contains("is \"NEW<U+202E>9\", which is not read"))
    }
  }
}
