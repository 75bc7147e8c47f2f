// Where the patches of a corpus end, read from a file: the entropy model of a BLT goes over the
// corpus once, when a run is made, and training never runs it (Pagnoni and others, 2024, §4.1).
//
// The entropy behind a token depends on its document from the beginning up to it, within the
// model's window, and on nothing else: a training window that begins inside a document has the
// patches that generation has there, which has read it from the beginning.

import Checkpoints
import Files
import Models
import Text

/// The entropies of a corpus in nats, a float32 for every token, beside the atlas of a run.
public struct StoredEntropies: Sendable {
  /// What decides where patches end; its threshold may be set anew.
  package var patching = Patching()
  private let file: SafetensorsFile
  private let atlas: Atlas

  /// Opens the file of a run.
  ///
  /// - Throws: where it is damaged, or of another corpus or entropy model than the run's.
  package init(in run: String, of corpus: Corpus) throws(Failure) {
    let path = Self.path(in: run)
    func refused(_ what: String) -> Failure {
      Failure("\(visible(path)): \(what); begin the run anew")
    }
    guard FileSystem.exists(path) else { throw refused("is missing, a BLT learns on it") }
    guard let atlas = corpus.atlas else { throw Self.needsText }
    (file, self.atlas) = (try SafetensorsFile(path), atlas.opened)
    for (part, hash) in try Self.stamp(run, atlas.path) where file.metadata[part] != hash {
      throw refused("belongs to another \(part)")
    }
    for split in Split.allCases where file.shape(of: split.rawValue) != [tokens(split)] {
      throw refused("does not have \(tokens(split)) entropies for the \(split.rawValue) split")
    }
  }

  package static func path(in run: String) -> String { run + "/entropies.safetensors" }

  private static let needsText = Failure(
    "a BLT with an entropy model learns text; a generated task has none")

  /// What an entropy depends on, by hashes.
  private static func stamp(_ run: String, _ atlas: String) throws(Failure) -> [String: String] {
    var stamp: [String: String] = [:]
    for (part, path) in [
      ("corpus", atlas + "/manifest.json"), ("entropy model", run + "/patcher/model.safetensors"),
      ("configuration of the entropy model", run + "/patcher/config.json"),
    ] {
      stamp[part] = try sha256(ofFile: path)
    }
    return stamp
  }

  private func tokens(_ split: Split) -> Int { atlas.split(split).tokens }

  // MARK: - Making

  /// Reads the corpus with an entropy model, the one in the run's folder, and writes the file: it
  /// appears whole or not at all.
  ///
  /// `progress` is called with the share that is done; what it throws ends the work.
  init(
    making run: String, of corpus: Corpus, by patcher: EntropyModel, lanes: Lanes,
    progress: (Double) throws(Failure) -> Void
  ) throws(Failure) {
    guard let (path, atlas) = corpus.atlas else { throw Self.needsText }
    let all = Split.allCases.map(atlas.split)
    let total = max(1, all.reduce(0) { $0 + $1.tokens })
    let longest = all.lazy.flatMap { split in (0..<split.documents).map(split.document) }
      .reduce(0) { max($0, $1.count) }
    guard patcher.config.window != nil || longest <= patcher.context else {
      throw Failure(
        "the entropy model has no window and reads \(patcher.context) tokens at most; a text of "
          + "the corpus has \(longest)")
    }
    var writer = try SafetensorsWriter(
      Self.path(in: run),
      tensors: Split.allCases.map {
        TensorInfo(name: $0.rawValue, shape: [atlas.split($0).tokens])
      }, metadata: Self.stamp(run, path))
    var done = 0
    for tensor in writer.tensors {
      guard let split = Split(rawValue: tensor.name).map(atlas.split) else { continue }
      if split.tokens == 0 { try writer.append(UnsafeBufferPointer(start: nil, count: 0)) }
      var reading = Reading(split: split, patcher: patcher, lanes: lanes)
      while let entropies = try reading.next() {
        guard entropies.allSatisfy(Self.isEntropy) else {
          throw Failure("the entropy model gives numbers that are not finite: it is damaged")
        }
        try writer.append(piece: entropies)
        done += entropies.count
        try progress(Double(done) / Double(total))
      }
    }
    try writer.commit()
    try self.init(in: run, of: corpus)
  }

  fileprivate static func isEntropy(_ value: Float) -> Bool { value >= 0 && value < 100 }

  // MARK: - Patches

  /// Where the patches of a split end.
  package func patchEnds(_ split: Split) -> PatchEnds {
    PatchEnds(split: atlas.split(split), name: split.rawValue, file: file, patching: patching)
  }

  /// The threshold at which patches of the training split have so many tokens on average.
  ///
  /// It is the exact quantile, found in two passes over the file in constant memory: entropies are
  /// not negative, so they are ordered as their bits are.
  package func threshold(forMean target: Double) throws(Failure) -> Float {
    let split = atlas.split(.train)
    // Every text's first and last token end a patch whatever the threshold.
    let given = (0..<split.documents).reduce(0) { $0 + min(2, split.document($1).count) }
    let wanted = max(0, Int((Double(split.tokens) / target).rounded()) - given)
    /// Of those values whose bits begin with `prefix`, how many go on with each 16 bits.
    func counts(_ prefix: UInt32?) throws(Failure) -> [Int] {
      var counts = [Int](repeating: 0, count: 1 << 16)
      for i in 0..<split.documents {
        let inside = split.document(i).dropFirst().dropLast()
        for start in stride(from: inside.startIndex, to: inside.endIndex, by: 1 << 16) {
          let piece = start..<min(start + 1 << 16, inside.endIndex)
          for value in try file.floats(Split.train.rawValue, piece) {
            let (high, low) = (value.bitPattern >> 16, value.bitPattern & 0xFFFF)
            if prefix == nil {
              counts[Int(high)] += 1
            } else if prefix == high {
              counts[Int(low)] += 1
            }
          }
        }
      }
      return counts
    }
    /// The place of the one with so many above it, and how many of those have other places.
    func place(_ counts: [Int], _ above: Int) -> (place: UInt32, above: Int) {
      var seen = 0
      for place in counts.indices.reversed() {
        if seen + counts[place] > above { return (UInt32(place), seen) }
        seen += counts[place]
      }
      return (0, seen)
    }
    let high = place(try counts(nil), wanted)
    let low = place(try counts(high.place), wanted - high.above)
    return Float(bitPattern: high.place << 16 | low.place)
  }

  /// The tokens of a patch of the training split, on average.
  package func meanPatch() throws(Failure) -> Double {
    let (ends, tokens) = (patchEnds(.train), tokens(.train))
    var patches = 0
    for start in stride(from: 0, to: tokens, by: 1 << 16) {
      patches += try ends.of(start..<min(start + 1 << 16, tokens)).count { $0 }
    }
    return Double(tokens) / Double(max(1, patches))
  }
}

/// Where the patches of a split end.
///
/// One ends behind the first token of every document and behind its last, so that none spans two;
/// where the entropy is above the threshold; and where it is as long as it may be.
public struct PatchEnds: Sendable {
  fileprivate let split: AtlasSplit
  fileprivate let name: String
  fileprivate let file: SafetensorsFile
  fileprivate let patching: Patching

  /// For every token of a range whether a patch ends with it.
  package func of(_ range: Range<Int>) throws(Failure) -> [Bool] {
    guard let longest = patching.longest else { return try given(range) }
    // How long the patch is that is open where the range begins shows from its beginning on.
    var start = range.lowerBound
    while start > 0 {
      let before = try given(max(0, start - 256)..<start)
      if let last = before.lastIndex(of: true) {
        start -= before.count - 1 - last
        break
      }
      start -= before.count
    }
    var length = 0
    let ends = try given(start..<range.upperBound).map { isGiven in
      length = isGiven || length + 1 == longest ? 0 : length + 1
      return length == 0
    }
    return Array(ends.suffix(range.count))
  }

  /// The same without a longest length.
  private func given(_ range: Range<Int>) throws(Failure) -> [Bool] {
    let entropies = try file.floats(name, range)
    guard entropies.allSatisfy(StoredEntropies.isEntropy) else {
      throw Failure("\(visible(file.path)): is damaged: not all are entropies; begin the run anew")
    }
    var ends = entropies.map { $0 > patching.threshold }
    // The document that holds the first token: the last of those that begin there or before.
    var (document, beyond) = (0, split.documents)
    while beyond - document > 1 {
      let middle = (document + beyond) / 2
      if split.starts[middle] <= range.lowerBound { document = middle } else { beyond = middle }
    }
    while document < split.documents, split.starts[document] < range.upperBound {
      let place = split.document(document)
      for edge in [place.lowerBound, place.upperBound - 1] where range.contains(edge) {
        ends[edge - range.lowerBound] = true
      }
      document += 1
    }
    return ends
  }

  /// The first token from `place` on with which a patch begins.
  func start(from place: Int) throws(Failure) -> Int {
    var place = place
    while place > 0, place < split.tokens {
      let before = try of(place - 1..<min(place + 255, split.tokens))
      if let end = before.firstIndex(of: true) { return place + end }
      place += before.count
    }
    return place
  }

  /// Where the last `count` patches of the split begin, its last token left out: it is only a
  /// target.
  ///
  /// - Throws: where there are fewer.
  func start(ofLast count: Int) throws(Failure) -> Int {
    var (end, found) = (split.tokens - 1, 0)
    while end > 0 {
      let from = max(0, end - 1_024)
      for (i, isEnd) in try of(from..<end).enumerated().reversed() where isEnd {
        if found == count { return from + i + 1 }
        found += 1
      }
      end = from
    }
    guard found >= count else {
      throw Failure(
        "the \(name) split has \(found) patches, a row takes \(count); give more text, or a "
          + "smaller patches_per_sequence")
    }
    return 0
  }
}

/// The entropies of a split's documents, each read from its own beginning.
private struct Reading {
  let split: AtlasSplit
  let patcher: EntropyModel
  let lanes: Lanes
  /// The next document, or the one that is being streamed.
  private var document = 0
  private var stream: (reader: EntropyStream, next: Int)?

  /// Tokens that a lane takes through the model at once; a longer document is streamed.
  private static let group = 4_096

  init(split: AtlasSplit, patcher: EntropyModel, lanes: Lanes) {
    (self.split, self.patcher, self.lanes) = (split, patcher, lanes)
  }

  /// The entropies that come next, some or none; nil behind the last.
  mutating func next() throws(Failure) -> [Float]? {
    guard document < split.documents else { return nil }
    let place = split.document(document)
    if let (reader, next) = stream {
      guard next < place.upperBound else {
        (stream, document) = (nil, document + 1)
        return reader.finish()
      }
      let count = min(1 << 14, place.upperBound - next)
      stream = (reader, next + count)
      return reader.push(try split.window(next, count))
    }
    guard place.count <= Self.group else {
      stream = (EntropyStream(patcher, lanes: lanes), place.lowerBound)
      return []
    }
    // Which documents go together depends on their lengths alone, so the bits do not depend on the
    // number of lanes.
    var groups: [[[Int32]]] = []
    while groups.count < lanes.count, let group = try nextGroup() { groups.append(group) }
    return lanes.map(groups.indices) { [patcher] in
      patcher.entropies(Tokens(groups[$0]), Pass())
    }.flatMap { $0 }
  }

  /// As many documents as fit together; nil before one that is to be streamed, and at the end.
  private mutating func nextGroup() throws(Failure) -> [[Int32]]? {
    var (rows, count) = ([[Int32]](), 0)
    while document < split.documents {
      let place = split.document(document)
      guard count + place.count <= Self.group else { break }
      if !place.isEmpty { rows.append(try split.window(place.lowerBound, place.count)) }
      count += place.count
      document += 1
    }
    return count == 0 ? nil : rows
  }
}
