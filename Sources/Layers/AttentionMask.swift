import Synchronization

/// Which keys a query may see, as a value: combine masks with `&`.
public indirect enum AttentionMask: Hashable, Sendable {
  /// Everything: an encoder.
  case full
  /// Itself and what came before.
  case causal
  /// At most this many keys: itself and the ones just before.
  case window(Int)
  /// Only its own document; documents begin at these positions, the first at 0.
  case documents([Int32])
  /// What both let through.
  case both(AttentionMask, AttentionMask)

  public static func & (a: AttentionMask, b: AttentionMask) -> AttentionMask { .both(a, b) }

  /// The keys that query `i` of `keys` positions may see.
  public func range(_ i: Int, keys: Int) -> Range<Int> {
    switch self {
    case .full: return 0..<keys
    case .causal: return 0..<i + 1
    case .window(let width): return max(0, i - width + 1)..<i + 1
    case .documents(let starts):
      let next = starts.firstIndex { $0 > i } ?? starts.count
      let end = next < starts.count ? Int(starts[next]) : keys
      return (next > 0 ? Int(starts[next - 1]) : 0)..<end
    case .both(let a, let b):
      return a.range(i, keys: keys).clamped(to: b.range(i, keys: keys))
    }
  }

  /// Compiles the mask for the last `queries` of `keys` positions.
  ///
  /// Static masks are compiled once a shape and kept, but for a single query; document masks once
  /// a batch.
  public func compiled(queries: Int, keys: Int) -> KeyRanges {
    let isKept = queries > 1 && isStatic
    if isKept, let known = Self.cache.withLock({ $0.find(self, queries, keys) }) { return known }
    let rows = (keys - queries..<keys).map { range($0, keys: keys) }
    let ranges = KeyRanges(
      first: rows.map { Int32($0.lowerBound) }, last: rows.map { Int32($0.upperBound) }, keys: keys)
    if isKept { Self.cache.withLock { $0.keep(ranges, self, queries, keys) } }
    return ranges
  }

  private var isStatic: Bool {
    switch self {
    case .documents: false
    case .both(let a, let b): a.isStatic && b.isStatic
    default: true
    }
  }

  /// The few shapes of a run, the latest used first.
  private struct Cache {
    struct Key: Hashable {
      let mask: AttentionMask
      let queries: Int
      let keys: Int
    }
    var entries: [(key: Key, ranges: KeyRanges)] = []

    mutating func find(_ mask: AttentionMask, _ queries: Int, _ keys: Int) -> KeyRanges? {
      let key = Key(mask: mask, queries: queries, keys: keys)
      guard let i = entries.firstIndex(where: { $0.key == key }) else { return nil }
      entries.insert(entries.remove(at: i), at: 0)
      return entries[0].ranges
    }

    mutating func keep(_ ranges: KeyRanges, _ mask: AttentionMask, _ queries: Int, _ keys: Int) {
      entries.insert((Key(mask: mask, queries: queries, keys: keys), ranges), at: 0)
      if entries.count > 16 { entries.removeLast() }
    }
  }

  private static let cache = Mutex(Cache())
}

extension KeyRanges {
  /// How many blocks of `size` × `size` are wholly seen, partly seen and never touched.
  public func blocks(of size: Int) -> (full: Int, partial: Int, empty: Int) {
    var counts = (full: 0, partial: 0, empty: 0)
    for top in stride(from: 0, to: first.count, by: size) {
      let rows = top..<min(top + size, first.count)
      for left in stride(from: 0, to: keys, by: size) {
        let right = min(left + size, keys)
        let seen = rows.reduce(0) { sum, i in
          sum + max(0, min(right, Int(last[i])) - max(left, Int(first[i])))
        }
        switch seen {
        case 0: counts.empty += 1
        case rows.count * (right - left): counts.full += 1
        default: counts.partial += 1
        }
      }
    }
    return counts
  }
}
