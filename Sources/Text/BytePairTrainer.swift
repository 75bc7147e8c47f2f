// Learning byte pairs: count words once, then merge the most frequent pair again and again,
// touching only the words that hold it.

import Files

/// Trains a `BytePairTokenizer`; merges equal those of Hugging Face's `BpeTrainer`.
///
/// Ids: special tokens, then the 256 bytes in the order of GPT-2's alphabet, then merges. Among
/// pairs of equal count the one with the smaller ids is merged, so a corpus gives one vocabulary.
public struct BytePairTrainer {
  private let vocabularySize: Int
  private let minimumFrequency: Int
  private let specialTokens: [String]
  private var counts: [[UInt8]: Int] = [:]

  /// A trainer for a vocabulary of `vocabularySize` ids (specials and 256 bytes included).
  ///
  /// The first special token becomes BOS and the last EOS (GPT-2 has one for both). Throws when
  /// the vocabulary is too small for the bytes or a special token is empty or given twice.
  public init(
    vocabularySize: Int, minimumFrequency: Int = 2, specialTokens: [String] = ["<|endoftext|>"]
  ) throws(Failure) {
    let least = 256 + specialTokens.count
    guard vocabularySize >= least, vocabularySize <= 1_000_000 else {
      throw Failure(
        "a BPE vocabulary of \(vocabularySize) is outside \(least) (256 bytes and "
          + "\(specialTokens.count) special) to 1000000", code: 64)
    }
    guard minimumFrequency >= 1 else {
      throw Failure("the minimum frequency \(minimumFrequency) is below 1", code: 64)
    }
    for token in specialTokens {
      // In a tokenizer.json such a name would be that of bytes.
      if let bytes = ByteAlphabet.bytes(token), bytes.count < 2 || bytes != Array(token.utf8) {
        throw Failure(
          "the special token \"\(visible(token))\" could be mistaken for text: give it a name like "
            + "<|endoftext|>", code: 64)
      }
    }
    guard Set(specialTokens.map { Array($0.utf8) }).count == specialTokens.count else {
      throw Failure("each special token must be given once", code: 64)
    }
    self.vocabularySize = vocabularySize
    self.minimumFrequency = minimumFrequency
    self.specialTokens = specialTokens
  }

  /// Counts the words of a text; no word reaches from one call to the next.
  public mutating func add(_ text: [UInt8]) {
    var start = 0
    while start < text.count {
      let end = WordScanner.wordEnd(in: text, from: start, limit: text.count)
      counts[Array(text[start..<end]), default: 0] += 1
      start = end
    }
  }

  /// A pair and its count when it was queued: the most frequent first, then the smaller ids.
  private struct Candidate: Comparable {
    var count: Int
    var pair: Pair

    static func < (a: Candidate, b: Candidate) -> Bool {
      a.count != b.count ? a.count > b.count : a.pair < b.pair
    }
  }

  /// The tokenizer of everything added so far; smaller than asked for when pairs run out.
  public func train() throws(Failure) -> BytePairTokenizer {
    let alphabet = (0...255).map { UInt8($0) }
      .sorted { ByteAlphabet.characters[Int($0)] < ByteAlphabet.characters[Int($1)] }
    var tokens = specialTokens.map { Array($0.utf8) } + alphabet.map { [$0] }
    // A merge that spells a special token gets its id, for the vocabulary knows it by that name.
    var ids = [[UInt8]: Int32](uniqueKeysWithValues: zip(tokens, Int32(0)...))

    var words: [(ids: [Int32], count: Int)] = []
    for (word, count) in counts.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      words.append((word.compactMap { ids[[$0]] }, count))
    }
    var pairCounts: [Pair: Int] = [:]
    var holders: [Pair: [Int]] = [:]  // the words that hold a pair, or did
    for (index, word) in words.enumerated() {
      for (left, right) in zip(word.ids, word.ids.dropFirst()) {
        pairCounts[Pair(left, right), default: 0] += word.count
        holders[Pair(left, right), default: []].append(index)
      }
    }
    var heap = Heap<Candidate>()
    for (pair, count) in pairCounts { heap.insert(Candidate(count: count, pair: pair)) }

    var merges: [Pair] = []
    while tokens.count < vocabularySize, let best = heap.popFirst() {
      // Counts that fell since are corrected when they come up.
      let count = pairCounts[best.pair] ?? 0
      if count != best.count {
        if count > 0 { heap.insert(Candidate(count: count, pair: best.pair)) }
        continue
      }
      if count < minimumFrequency { break }
      merges.append(best.pair)
      let merged = tokens[Int(best.pair.left)] + tokens[Int(best.pair.right)]
      let id = ids[merged] ?? Int32(tokens.count)
      if ids.updateValue(id, forKey: merged) == nil { tokens.append(merged) }

      var risen = Set<Pair>()
      var last = -1
      for index in holders.removeValue(forKey: best.pair) ?? [] where index != last {
        last = index
        let count = words[index].count
        Self.merge(best.pair, into: id, in: &words[index].ids) { pair, occurrences in
          pairCounts[pair, default: 0] += occurrences * count
          if occurrences > 0 {
            holders[pair, default: []].append(index)
            risen.insert(pair)
          }
        }
      }
      pairCounts[best.pair] = nil
      for pair in risen {
        if let count = pairCounts[pair], count > 0 {
          heap.insert(Candidate(count: count, pair: pair))
        }
      }
    }
    return try tokenizer(tokens: tokens, merges: merges)
  }

  /// Merges a pair in a word, leftmost first, and tells what it does to the counts of its
  /// neighbours.
  private static func merge(
    _ pair: Pair, into id: Int32, in word: inout [Int32], change: (Pair, Int) -> Void
  ) {
    var out = 0
    var i = 0
    while i < word.count {
      guard i + 1 < word.count, word[i] == pair.left, word[i + 1] == pair.right else {
        word[out] = word[i]
        out += 1
        i += 1
        continue
      }
      if out > 0 {
        change(Pair(word[out - 1], pair.left), -1)
        change(Pair(word[out - 1], id), 1)
      }
      if i + 2 < word.count {
        change(Pair(pair.right, word[i + 2]), -1)
        change(Pair(id, word[i + 2]), 1)
      }
      word[out] = id
      out += 1
      i += 2
    }
    word.removeLast(word.count - out)
  }

  private func tokenizer(
    tokens: [[UInt8]], merges: [Pair]
  ) throws(Failure) -> BytePairTokenizer {
    var parts = BytePairTokenizer.Parts(tokens: tokens, merges: merges)
    parts.added = zip(specialTokens, Int32(0)...).map { AddedToken(id: $1, $0) }
    parts.bos = parts.added.first?.id
    parts.eos = parts.added.last?.id
    return try BytePairTokenizer(parts)
  }
}
