import Files
import FoundationEssentials
import Random
import TestSupport
import Testing

private func golden() throws -> [[String]] {
  let bytes = try FileSystem.readAll(Fixtures.path("random/golden.txt"))
  return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
    $0.split(separator: " ").map(String.init)
  }
}

private func near(_ x: Double, _ y: Double) -> Bool { abs(x - y) <= 2e-15 * max(1, abs(y)) }

@Test func streamsEqualAnIndependentProgram() throws {
  var stream = RandomStream(seed: 0, name: "")
  var checked = Set<String>()
  for line in try golden() {
    checked.insert(line[0])
    if line[0] == "quantile" {
      let (p, expected) = (try #require(Double(line[1])), try #require(Double(line[2])))
      #expect(near(RandomStream.normalQuantile(p), expected), "p = \(p)")
      continue
    }
    let expected = line[3...]
    switch line[0] {
    case "words":
      stream = RandomStream(
        seed: try #require(UInt64(line[1])), name: line[2] == "-" ? "" : line[2])
      #expect(expected.map { UInt64($0) } == expected.map { _ in stream.next() })
    case "uniform":
      #expect(expected.map { Double($0) } == expected.map { _ in stream.uniform() })
    case "below":
      let bounds = [1, 2, 10, 1_000_003, 3 << 61, Int.max]
      let found = bounds.flatMap { n in (0..<4).map { _ in stream.below(n) } }
      #expect(expected.map { Int($0) } == found)
    case "shuffle":
      var items = Array(0..<12)
      stream.shuffle(&items)
      #expect(expected.map { Int($0) } == items)
    default:
      for text in expected { #expect(near(stream.normal(), try #require(Double(text)))) }
    }
  }
  #expect(checked == ["words", "uniform", "below", "shuffle", "normal", "quantile"])
}

@Test func philoxEqualsThePublishedVectors() {
  let counter: (UInt64, UInt64) = (0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344)
  let a = RandomStream.philox(counter, key: 0xA409_3822_299F_31D0)
  #expect(a == (0x0A5E_742C_2997_341C, 0xB0F8_83D3_8000_DE5D))
}

@Test func positionIsSavedAndRestoredExactly() throws {
  var stream = RandomStream(seed: 5, name: "dropout")
  for _ in 0..<100 { _ = stream.normal() }
  var copy = try JSONDecoder().decode(RandomStream.self, from: JSONEncoder().encode(stream))
  #expect(copy == stream)
  let ahead = (0..<10).map { _ in stream.next() }
  #expect(ahead == (0..<10).map { _ in copy.next() })
  stream.counter = 100
  #expect(stream.next() == ahead[0])
}

@Test func streamsOfOneSeedAreUnrelated() {
  var a = RandomStream(seed: 1, name: "wte.weight")
  var b = RandomStream(seed: 1, name: "wpe.weight")
  var (sum, squares, product) = (0.0, 0.0, 0.0)
  let n = 100_000
  for _ in 0..<n {
    let (x, y) = (a.normal(), b.normal())
    sum += x
    squares += x * x
    product += x * y
  }
  #expect(abs(sum) < 4 * Double(n).squareRoot())
  #expect(abs(squares / Double(n) - 1) < 4 * (2 / Double(n)).squareRoot())
  #expect(abs(product) < 4 * Double(n).squareRoot())
}

@Test func floatsStayBelowOne() {
  var stream = RandomStream(seed: 2, name: "floats")
  let floats = (0..<100_000).map { _ in stream.uniform() }
  #expect(floats.allSatisfy { $0 >= 0 && $0 < 1 })
  let mean = floats.reduce(0, +) / 100_000
  #expect(abs(mean - 0.5) < 4 * (1.0 / 12 / 100_000).squareRoot())
}
