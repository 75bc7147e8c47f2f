import Files
import Glibc
import Text

/// The atlas reader: what it takes must give every token of every split, or say what is wrong.
struct AtlasTarget: FuzzTarget {
  private let folder: String
  /// The files of two atlases, with ids of two and of four bytes.
  private var seeds: [[String: [UInt8]]] = []

  init(folder: String, corpus: [[UInt8]]) throws(Failure) {
    self.folder = folder
    for vocabulary in [300, 70_000] {
      let made = folder + "/made"
      var builder = try AtlasBuilder(
        made, tokenizerJSON: "{}", vocabulary: vocabulary, shardTokens: 10)
      for i in 0..<6 {
        let ids = (0..<Int32(4 + i)).map { $0 * 30 }
        try builder.append(ids, bytes: 9, to: i % 3 == 2 ? .validation : .train)
      }
      try builder.finish()
      var files: [String: [UInt8]] = [:]
      for name in try FileSystem.list(made) {
        files[name] = try FileSystem.readAll("\(made)/\(name)")
      }
      seeds.append(files)
      FileSystem.remove(made)
    }
  }

  func once(_ mutator: inout Mutator) throws(Failure) -> Bool {
    var files = seeds[Int.random(in: 0..<seeds.count, using: &mutator)]
    var manifest = try JSON.parse(files["manifest.json"] ?? [], from: "seed")
    for _ in 0..<Int.random(in: 0...2, using: &mutator) { manifest = mutator.mutate(manifest) }
    files["manifest.json"] = Array(manifest.text().utf8)
    for name in files.keys.sorted() where mutator.chance(oneIn: 10) {
      files[name] = mutator.mutate(files[name] ?? [])
    }
    for (name, bytes) in files { overwrite(folder + "/" + name, bytes) }
    guard let atlas = try accepted({ () throws(Failure) in try Atlas(folder) }) else {
      return false
    }
    if mutator.chance(oneIn: 8), let name = files.keys.sorted().randomElement(using: &mutator) {
      truncate("\(folder)/\(name)", Int.random(in: 0...20, using: &mutator))
    }
    for split in Split.allCases.map(atlas.split) {
      var end = 0
      for range in (0..<split.documents).map(split.document) {
        require(
          range.lowerBound == end && range.upperBound <= split.tokens, "\(range) after \(end)")
        end = range.upperBound
      }
      require(split.documents == 0 || end == split.tokens, "\(end) of \(split.tokens) tokens")
      let start = Int.random(in: -1...split.tokens + 1, using: &mutator)
      let count = Int.random(in: -1...split.tokens + 1, using: &mutator)
      for (start, count) in [(0, split.tokens), (start, count), (start, .max)] {
        let ids = try accepted { () throws(Failure) in try split.window(start, count) }
        guard let ids else { continue }
        require(ids.count == count, "\(ids.count) ids of \(count)")
        require(ids.allSatisfy { $0 >= 0 && $0 < atlas.vocabulary }, "an id beyond the vocabulary")
      }
    }
    return true
  }
}
