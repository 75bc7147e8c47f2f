import Files
import Glibc
import Random
import TestSupport
import Testing
import Text

/// The failure that the body throws; none is itself recorded.
func failure(_ body: () throws -> Void) -> Failure? {
  do {
    try body()
    return nil
  } catch { return error as? Failure }
}

private func build(
  _ path: String, vocabulary: Int = 300, shard: Int = 10, _ documents: [(Split, [Int32])]
) throws {
  var builder = try AtlasBuilder(
    path, tokenizerJSON: "{}", vocabulary: vocabulary, shardTokens: shard)
  for (split, ids) in documents { try builder.append(ids, bytes: 2 * ids.count, to: split) }
  try builder.finish()
}

private let sample: [(Split, [Int32])] = [
  (.train, Array(0..<7)), (.train, Array(7..<30)), (.validation, [5, 299]), (.train, [42]),
]

@Suite struct AtlasTests {
  @Test(arguments: [300, 65_536, 65_537, 1 << 20])
  func writesAndReadsBack(vocabulary: Int) throws {
    try withTemporaryFolder { folder in
      let path = folder + "/atlas"
      let last = Int32(vocabulary - 1)
      try build(path, vocabulary: vocabulary, sample + [(.train, [last])])
      let atlas = try Atlas(path)
      try atlas.verify()
      let train = atlas.split(.train)
      #expect((train.tokens, train.documents, train.byteCount) == (32, 4, 64))
      #expect(train.starts == [0, 7, 30, 31])
      #expect((0..<4).map { train.document($0) } == [0..<7, 7..<30, 30..<31, 31..<32])
      let all = Array(0..<30) + [42, last]
      for start in 0...32 {
        for count in 0...(32 - start) {
          #expect(try train.window(start, count) == Array(all[start..<start + count]))
        }
      }
      #expect(try atlas.split(.validation).window(0, 2) == [5, 299])
      #expect(atlas.split(.test).tokens == 0)
      #expect(try FileSystem.list(path).filter { $0.hasPrefix("train") }.count == 5)
      #expect(try FileSystem.readAll(atlas.tokenizerPath ?? "") == Array("{}".utf8))
    }
  }

  @Test func aWindowThatDoesNotFitNamesTheNumbers() throws {
    let atlas = Atlas.inMemory(vocabulary: 10, [.train: [[1, 2], [3]]])
    let train = atlas.split(.train)
    #expect(try train.window(1, 2) == [2, 3])
    #expect(train.documents == 2)
    for (start, count) in [(0, 4), (3, 1), (-1, 1), (0, -1), (4, 0), (1, Int.max), (Int.max, 1)] {
      let message = failure { _ = try train.window(start, count) }?.message ?? ""
      #expect(message.contains("has 3 tokens, too few for \(count) from token \(start)"))
    }
  }

  @Test func theBuilderRefusesWrongIdsAndLeavesNothing() throws {
    try withTemporaryFolder { folder in
      for id in [-1, 300, Int32.max] {
        #expect(
          failure { try build(folder + "/a", [(.train, [1, id])]) }?.message.contains("\(id)")
            == true)
      }
      #expect(try FileSystem.list(folder) == [])
      try build(folder + "/a", sample)
      #expect(failure { try build(folder + "/a", sample) } != nil)
      #expect(try FileSystem.list(folder) == ["a"])
    }
  }

  @Test func damagedOnesAreRefusedByName() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/atlas"
      try build(path, sample)
      func damaged(_ file: String, _ change: (inout [UInt8]) -> Void) throws -> String {
        let bytes = try FileSystem.readAll(path + "/" + file)
        var changed = bytes
        change(&changed)
        try AtomicFile.write(changed, to: path + "/" + file)
        defer { try? AtomicFile.write(bytes, to: path + "/" + file) }
        return failure {
          let atlas = try Atlas(path)
          for split in Split.allCases {
            _ = try atlas.split(split).window(0, atlas.split(split).tokens)
          }
        }?.message ?? "none"
      }
      #expect(
        try damaged("train-00001.bin") { $0.removeLast() }.contains("train-00001.bin: has 19"))
      #expect(try damaged("train-00001.bin") { $0 += [0, 0] }.contains("train-00001.bin: has 22"))
      #expect(try damaged("train-00001.bin") { $0[7] = 255 }.contains("token 13 of the train"))
      #expect(try damaged("train.idx") { $0.removeLast() }.contains("train.idx: has 23"))
      #expect(try damaged("train.idx") { $0[0] = 1 }.contains("document 0 starts at 1"))
      #expect(try damaged("train.idx") { $0[8] = 31 }.contains("starts at 30 of 31"))
      #expect(try damaged("train.idx") { $0[15] = 255 }.contains("document 1 starts"))
      #expect(try damaged("manifest.json") { $0.removeLast(40) }.contains("manifest.json"))
      for (old, new, expected) in [
        ("\"specola-atlas\"", "\"other\"", "not an atlas"),
        ("train-00001.bin", "../x", "not listed"),
        ("\"tokens\": 31", "\"tokens\": 32", "31 in its shards"),
        ("\"tokens\": 10", "\"tokens\": -10", "train-00000.bin"),
        ("\"tokens\": 10", "\"tokens\": 4611686018427387904", "train-00000.bin"),
        ("\"documents\": 3", "\"documents\": 9e99", "\"documents\" is not a count"),
        ("\"vocabulary\": 300", "\"vocabulary\": 0", "\"vocabulary\""),
        ("\"vocabulary\": 300", "\"vocabulary\": 299", "token 1 of the validation split is 299"),
        ("\"version\": 1", "\"version\": 2", "version is not 1"),
      ] {
        let message = try damaged("manifest.json") { bytes in
          let text = String(decoding: bytes, as: UTF8.self)
          #expect(text.contains(old), "\(old)")
          bytes = Array(text.replacing(old, with: new).utf8)
        }
        #expect(message.contains(expected), "\(old): \(message)")
      }
      try Atlas(path).verify()
      var bytes = try FileSystem.readAll(path + "/train-00000.bin")
      bytes[0] = 9
      try AtomicFile.write(bytes, to: path + "/train-00000.bin")
      #expect(
        failure { try Atlas(path).verify() }?.message.contains("train-00000.bin: is damaged")
          == true)
      FileSystem.remove(path + "/train-00002.bin")
      #expect(failure { _ = try Atlas(path) }?.message.contains("train-00002.bin") == true)
    }
  }

  @Test func aShardThatShrinksIsAFailure() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/atlas"
      try build(path, shard: 1 << 20, [(.train, [Int32](repeating: 7, count: 100_000))])
      let atlas = try Atlas(path)
      truncate(path + "/train-00000.bin", 5000)
      #expect(try atlas.split(.train).window(0, 100).count == 100)
      #expect(
        failure { _ = try atlas.split(.train).window(90_000, 100) }?.message.contains("shrunk")
          == true)
    }
  }
}

@Suite struct TextSourceTests {
  private func pieces(_ source: TextSource, _ share: Double = 0.1) throws -> [Split: [[UInt8]]] {
    var pieces: [Split: [[UInt8]]] = [:]
    try source.forEach(validation: share) { bytes, split in pieces[split, default: []].append(bytes)
    }
    return pieces
  }

  @Test func oneFileIsCutByCharactersAsNanoGPTDoes() throws {
    try withTemporaryFolder { folder in
      for (text, share, cut) in [
        ("perché no? già", 0.1, 12), ("abcdefghij", 0.1, 9), ("ééé", 0.5, 1), ("abc", 0, 3),
      ] {
        try AtomicFile.write(text, to: folder + "/a.txt")
        let found = try pieces(TextSource([folder + "/a.txt"]), share)
        let characters = Array(text.unicodeScalars)
        func utf8(_ part: ArraySlice<Unicode.Scalar>) -> [UInt8] {
          part.flatMap { Array(String($0).utf8) }
        }
        #expect(found[.train] == [utf8(characters[..<cut])])
        #expect(found[.validation] == (cut < characters.count ? [utf8(characters[cut...])] : nil))
      }
    }
  }

  @Test func foldersAreReadInOrderAndSplitByName() throws {
    try withTemporaryFolder { folder in
      for i in 0..<200 {
        try FileSystem.createDirectory(folder + "/in/\(i % 7)")
        try AtomicFile.write("document \(i)", to: folder + "/in/\(i % 7)/\(i).txt")
      }
      try AtomicFile.write("hidden", to: folder + "/in/.hidden")
      let source = try TextSource([folder + "/in"])
      #expect(source.documents.count == 200)
      #expect(source.documents.map(\.name) == source.documents.map(\.name).sorted())
      let found = try pieces(source)
      let validation = Set(found[.validation] ?? [])
      #expect((8...34).contains(validation.count))
      #expect(validation.count + (found[.train]?.count ?? 0) == 200)
      try AtomicFile.write("one more", to: folder + "/in/0/more.txt")
      let later = Set(try pieces(TextSource([folder + "/in"]))[.validation] ?? [])
      #expect(later.subtracting([Array("one more".utf8)]) == validation)
      let two = try TextSource([folder + "/in/0/0.txt", folder + "/in/1/1.txt"])
      #expect(try pieces(two, 0.001).mapValues(\.count) == [.train: 1, .validation: 1])
      #expect(try pieces(two, 0.999).mapValues(\.count) == [.train: 1, .validation: 1])
    }
  }

  @Test func emptyBinaryAndOtherCorporaGetOneLine() throws {
    try withTemporaryFolder { folder in
      func file(_ bytes: [UInt8]) throws -> TextSource {
        try AtomicFile.write(bytes, to: folder + "/f")
        return try TextSource([folder + "/f"])
      }
      func message(_ source: TextSource, _ share: Double = 0.1) -> String {
        failure { _ = try pieces(source, share) }?.message ?? "none"
      }
      #expect(message(try file([])).contains("/f: is empty"))
      #expect(message(try file([65])).contains("/f: is a single byte"))
      #expect(message(try file([0, 255, 0, 254])) == "none")
      #expect(message(try file([65, 66]), .nan).contains("give a share"))
      #expect(message(try file([65, 66]), 1).contains("give a share"))
      func refusal(_ bytes: [UInt8]) throws -> String {
        let source = try file(bytes)
        return failure { try source.requireText() }?.message ?? "none"
      }
      #expect(try refusal(Array("però".utf8)) == "none")
      #expect(try refusal([65, 66, 0]).contains("/f: is binary (a zero byte at byte 2)"))
      #expect(try refusal([65, 0xC3, 0x28]).contains("not UTF-8 (an invalid byte at byte 1)"))
      #expect(try refusal([65, 66, 0xE2, 0x82]).contains("at byte 2"))
      #expect(
        failure { _ = try TextSource([folder + "/none"]).forEach(validation: 0) { _, _ in } } != nil
      )
      try FileSystem.createDirectory(folder + "/empty")
      #expect(
        failure { _ = try TextSource([folder + "/empty"]) }?.message.contains("no file in it")
          == true)
      mkfifo(folder + "/fifo", 0o600)
      let fifo = try TextSource([folder + "/fifo"])
      #expect(message(fifo).contains("FIFO"))
    }
  }
}
