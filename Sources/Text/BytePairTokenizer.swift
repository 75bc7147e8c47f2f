// Byte-level byte pair encoding, GPT-2's tokenizer.
//
// A text is cut at its special tokens, then into words (WordScanner); a word begins as its bytes,
// and while two neighbours have a merge, the merge learnt first is applied, leftmost first.

import Files

/// Two neighbouring ids.
public struct Pair: Hashable, Comparable, Sendable {
  /// The first in the text.
  public var left: Int32
  /// The one behind it.
  public var right: Int32

  /// The ids in text order.
  public init(_ left: Int32, _ right: Int32) {
    self.left = left
    self.right = right
  }

  public static func < (a: Pair, b: Pair) -> Bool { (a.left, a.right) < (b.left, b.right) }
}

/// A token that is found in a text before any merge, as `<|endoftext|>`.
public struct AddedToken: Equatable, Sendable {
  /// Its id, in the vocabulary or right behind it.
  public var id: Int32
  /// The text that stands for it.
  public var text: String
  /// Whether it is a mark rather than text (`special` in tokenizer.json).
  public var isSpecial: Bool

  /// A token whose text is found literally.
  public init(id: Int32, _ text: String, isSpecial: Bool = true) {
    self.id = id
    self.text = text
    self.isSpecial = isSpecial
  }
}

/// A byte-level BPE tokenizer with the ids of Hugging Face tokenizers.
///
/// The text of a special token, wherever it comes from, becomes its id, as in transformers; with
/// `splitsSpecialTokens` (transformers' `split_special_tokens`) it is text like any other.
public struct BytePairTokenizer: Tokenizer {
  /// What a tokenizer is made of; ids are checked by `BytePairTokenizer.init`.
  public struct Parts: Sendable {
    /// The bytes of each id (UTF-8 text for an added token).
    public var tokens: [[UInt8]]
    /// Pairs in the order learnt; what each becomes is found in `tokens`.
    public var merges: [Pair]
    /// Tokens found in the text first.
    public var added: [AddedToken] = []
    /// Id that begins a text.
    public var bos: Int32?
    /// Id that ends a text.
    public var eos: Int32?
    /// Id that fills a batch.
    public var pad: Int32?
    /// Ids before a whole text.
    public var prefix: [Int32] = []
    /// Ids after a whole text.
    public var suffix: [Int32] = []
    /// Whether a text that does not begin with a space is given one.
    public var addsPrefixSpace = false
    /// Whether a word that is a token is taken whole, whatever the merges say.
    public var ignoresMerges = false
    /// Whether special tokens in a text are left to the merges.
    public var splitsSpecialTokens = false

    /// Tokens and merges without any option.
    public init(tokens: [[UInt8]], merges: [Pair]) {
      self.tokens = tokens
      self.merges = merges
    }
  }

  /// What this tokenizer is made of.
  public let parts: Parts
  private let merges: [Pair: Merge]
  private let byteIDs: [Int32?]
  private let wholeWords: [[UInt8]: Int32]
  private let addedByFirstByte: [UInt8: [(text: [UInt8], id: Int32)]]
  private let specialNames: [Int32: String]

  private struct Merge {
    var rank: Int32
    var id: Int32
  }

  public var vocabularySize: Int { parts.tokens.count }
  public var bos: Int32? { parts.bos }
  public var eos: Int32? { parts.eos }
  public var prefix: [Int32] { parts.prefix }
  public var suffix: [Int32] { parts.suffix }

  /// Checks the parts and builds the tables.
  ///
  /// Throws when an id is outside the vocabulary or a merge has no token for its result.
  public init(_ parts: Parts) throws(Failure) {
    let count = parts.tokens.count
    guard count <= Int(Int32.max) else {
      throw Failure("a vocabulary of \(count) tokens is too large: ids are 32 bits")
    }
    let named = [parts.bos, parts.eos, parts.pad].compactMap { $0 }
    let ids = named + parts.prefix + parts.suffix + parts.added.map(\.id)
    if let id = ids.first(where: { !(0..<Int32(count)).contains($0) }) {
      throw Failure("the special token id \(id) is outside the vocabulary of \(count)")
    }
    let addedIDs = Set(parts.added.map(\.id))
    var learnt: [[UInt8]: Int32] = [:]
    for (token, id) in zip(parts.tokens, Int32(0)...) where !addedIDs.contains(id) {
      if let other = learnt.updateValue(id, forKey: token) {
        throw Failure(
          "ids \(other) and \(id) are the same token "
            + "\"\(visible(ByteAlphabet.string(token)))\"; each needs its own")
      }
    }
    // A token can be both learnt and added; the learnt one is the merges' own.
    for token in parts.added where learnt[parts.tokens[Int(token.id)]] == nil {
      learnt[parts.tokens[Int(token.id)]] = token.id
    }
    var merges: [Pair: Merge] = [:]
    for (pair, rank) in zip(parts.merges, Int32(0)...) {
      guard parts.tokens.indices.contains(Int(pair.left)),
        parts.tokens.indices.contains(Int(pair.right)),
        let id = learnt[parts.tokens[Int(pair.left)] + parts.tokens[Int(pair.right)]]
      else { throw Failure("merge \(rank + 1) has no token in the vocabulary for its result") }
      merges[pair] = Merge(rank: rank, id: id)
    }
    self.parts = parts
    self.merges = merges
    byteIDs = (0...255).map { learnt[[UInt8($0)]] }
    wholeWords = parts.ignoresMerges ? learnt : [:]
    specialNames = Dictionary(
      parts.added.filter(\.isSpecial).map { ($0.id, $0.text) },
      uniquingKeysWith: { first, _ in first })
    // Of several that begin at one place the longest counts.
    var byFirstByte: [UInt8: [(text: [UInt8], id: Int32)]] = [:]
    for token in parts.added where !(token.isSpecial && parts.splitsSpecialTokens) {
      guard let first = token.text.utf8.first else { continue }
      byFirstByte[first, default: []].append((Array(token.text.utf8), token.id))
    }
    addedByFirstByte = byFirstByte.mapValues { $0.sorted { $0.text.count > $1.text.count } }
  }

  public func encode(_ text: [UInt8]) throws(Failure) -> [Int32] {
    var encoder = Encoder(tokenizer: self, text: text)
    var start = 0
    var i = 0
    while i < text.count {
      guard let candidates = addedByFirstByte[text[i]],
        let token = candidates.first(where: { text[i...].starts(with: $0.text) })
      else {
        i += 1
        continue
      }
      try encoder.append(start..<i)
      encoder.ids.append(token.id)
      i += token.text.count
      start = i
    }
    try encoder.append(start..<text.count)
    return encoder.ids
  }

  public func bytes(of id: Int32) -> [UInt8] {
    parts.tokens.indices.contains(Int(id)) ? parts.tokens[Int(id)] : []
  }

  public func specialName(of id: Int32) -> String? { specialNames[id] }

  public var json: JSON {
    var names = parts.tokens.map(ByteAlphabet.string)
    for token in parts.added { names[Int(token.id)] = token.text }
    return TokenizerFile.json(
      model: TokenizerFile.bytePairModel(
        names: names, merges: parts.merges, ignoresMerges: parts.ignoresMerges),
      addedTokens: parts.added,
      byteLevel: .init(addsPrefixSpace: parts.addsPrefixSpace, splitsWords: true),
      prefix: prefix.map { ($0, names[Int($0)]) }, suffix: suffix.map { ($0, names[Int($0)]) })
  }

  public var configuration: JSON {
    TokenizerFile.configuration(
      bos: name(bos), eos: name(eos), pad: name(parts.pad),
      splitsSpecialTokens: parts.splitsSpecialTokens)
  }

  private func name(_ id: Int32?) -> String? { parts.added.first { $0.id == id }?.text }

  /// One call of `encode`: the ids so far and the words already seen.
  private struct Encoder {
    let tokenizer: BytePairTokenizer
    let text: [UInt8]
    var ids: [Int32] = []
    private var cache: [[UInt8]: [Int32]] = [:]

    init(tokenizer: BytePairTokenizer, text: [UInt8]) {
      self.tokenizer = tokenizer
      self.text = text
    }

    /// Appends the ids of a stretch without added tokens.
    mutating func append(_ range: Range<Int>) throws(Failure) {
      guard !range.isEmpty else { return }
      if tokenizer.parts.addsPrefixSpace, text[range.lowerBound] != 0x20 {
        try append(words: [0x20] + text[range], at: range.lowerBound - 1)
      } else if range.count == text.count {
        try append(words: text, at: 0)
      } else {
        try append(words: Array(text[range]), at: range.lowerBound)
      }
    }

    /// Appends the ids of each word; `offset` is where `stretch` begins in the text.
    private mutating func append(words stretch: [UInt8], at offset: Int) throws(Failure) {
      var start = 0
      while start < stretch.count {
        let end = WordScanner.wordEnd(in: stretch, from: start, limit: stretch.count)
        let word = Array(stretch[start..<end])
        if let known = cache[word] {
          ids += known
        } else {
          let encoded = try tokenizer.encode(word: word, at: offset + start)
          ids += encoded
          if word.count <= 64, cache.count < 1 << 16 { cache[word] = encoded }
        }
        start = end
      }
    }
  }

  /// A merge that can be done at a place: the one learnt first, then the leftmost.
  private struct Candidate: Comparable {
    var rank: Int32
    var position: Int
    var id: Int32

    static func < (a: Candidate, b: Candidate) -> Bool {
      (a.rank, a.position) < (b.rank, b.position)
    }
  }

  /// The ids of a word in O(n log n), so that a megabyte without a space is no trap.
  private func encode(word: [UInt8], at offset: Int) throws(Failure) -> [Int32] {
    if let id = wholeWords[word] { return [id] }
    var ids: [Int32] = []
    for (i, byte) in word.enumerated() {
      guard let id = byteIDs[Int(byte)] else {
        let place = offset + i < 0 ? "the space before the text" : "byte \(offset + i)"
        throw Failure(
          "\(place) (0x\(UTF8Reader.hexadecimal(byte))) has no token in this vocabulary: leave "
            + "it out or use another tokenizer")
      }
      ids.append(id)
    }
    // A doubly linked list in arrays; a symbol merged into its left neighbour becomes -1.
    var next = Array(1...word.count)
    var previous = Array(-1..<(word.count - 1))
    var heap = Heap<Candidate>()
    func propose(_ left: Int) {
      guard left >= 0, next[left] < word.count,
        let merge = merges[Pair(ids[left], ids[next[left]])]
      else { return }
      heap.insert(Candidate(rank: merge.rank, position: left, id: merge.id))
    }
    for i in ids.indices { propose(i) }
    while let best = heap.popFirst() {
      let left = best.position
      let right = next[left]
      // The pair that stood here may have changed since it was proposed.
      guard ids[left] >= 0, right < word.count,
        merges[Pair(ids[left], ids[right])]?.rank == best.rank
      else { continue }
      ids[left] = best.id
      ids[right] = -1
      next[left] = next[right]
      if next[left] < word.count { previous[next[left]] = left }
      propose(previous[left])
      propose(left)
    }
    return ids.filter { $0 >= 0 }
  }
}
