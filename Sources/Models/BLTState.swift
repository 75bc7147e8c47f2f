// Decoding BLT byte by byte: what it keeps between passes over one sequence.

/// Caches of the four stacks, the patch that has not ended yet, and the slots of the last that has.
///
/// The latent transformer runs only where patches end: its cache counts them.
public final class BLTState: DecodingState {
  let patcher: KeyValueCache?
  let encoder, decoder: KeyValueCache
  public let latent: KeyValueCache
  /// Every id read, those of the pass under way included.
  private(set) var ids: [Int32] = []
  /// Bytes of the open patch that earlier passes have read.
  private(set) var waiting = 0
  /// How often the latent transformer has run, those runs included that were gone back behind.
  public private(set) var latentRuns = 0

  private let patching: Patching
  private var walk: Patching.Walk
  private var entropies: [Float] = []
  /// For every byte how many patches have ended, it included.
  private var ended: [Int32] = []
  /// The encoder's states of every byte, for going back may open a patch again.
  private var states: [Float] = []
  /// The slots of every patch, and by layer the keys and values of the last one's.
  private var slots: [Float] = []
  private var latest: [Tensor?]
  private let slotShape: Shape

  init(_ c: BLTConfig) {
    let (e, d, n) = (c.encoder.with(window: c.window), c.decoder.with(window: c.window), c.context)
    patcher =
      c.patching.needsEntropies ? c.patcher.cache(0..<c.patcher.layers, capacity: n) : nil
    encoder = e.cache(0..<e.layers, capacity: n)
    decoder = d.cache(0..<d.layers, capacity: n)
    latent = c.latent.with(window: nil).cache(0..<c.latent.layers, capacity: n)
    (patching, walk) = (c.patching, Patching.Walk(c.patching))
    slotShape = [c.slots, d.width]
    latest = Array(repeating: nil, count: d.layers)
  }

  public var count: Int { ids.count }
  /// Whether earlier passes have completed a patch.
  var hasPatches: Bool { !slots.isEmpty }

  /// Begins a pass: for every new byte whether a patch ends with it.
  func read(_ new: [Int32], _ entropies: [Float]) -> [Bool] {
    let found = zip(new, entropies).map { walk.next($0, $1) }
    ids += new
    self.entropies += entropies
    for isEnd in found { ended.append((ended.last ?? 0) + (isEnd ? 1 : 0)) }
    return found
  }

  /// Keeps new byte states, [n, E], and returns those of the open patch before them as well.
  func keep(_ new: Tensor) -> Tensor {
    states += new.storage.floats
    let rows = waiting + new.rows
    return Tensor([rows, new.columns], states.suffix(rows * new.columns))
  }

  /// Keys and values of the last patch's slots before the pass, if any, and of the new ones.
  func keyValues(_ layer: Int, _ cross: CrossAttention, adding new: Tensor?) -> Tensor {
    let old = slots.isEmpty ? nil : Tensor(slotShape, slots.suffix(slotShape.count))
    let known = latest[layer] ?? old.map(cross.keyValues)
    let parts = [known, new.map(cross.keyValues)].compactMap { $0 }
    let rows = parts.reduce(0) { $0 + $1.rows }
    let all = Tensor([rows, parts[0].columns], parts.flatMap { $0.storage.floats })
    latest[layer] = all.rows(rows - slotShape[0]..<rows)
    return all
  }

  /// Ends a pass with the slots of its patches.
  func finish(_ new: Tensor?) {
    if let new {
      slots += new.storage.floats
      latentRuns += new.rows / slotShape.rows
    }
    findWaiting()
  }

  /// Nothing here goes through what was read, however long it is: only through the open patch.
  public func truncate(to count: Int) {
    let width = ids.isEmpty ? 0 : states.count / ids.count
    let patches = count == 0 ? 0 : Int(ended[count - 1])
    for cache in [patcher, encoder, decoder] { cache?.truncate(to: count) }
    latent.truncate(to: patches)
    ids.removeLast(ids.count - count)
    entropies.removeLast(entropies.count - count)
    ended.removeLast(ended.count - count)
    states.removeLast(states.count - count * width)
    slots.removeLast(slots.count - patches * slotShape.count)
    latest = latest.map { _ in nil }
    findWaiting()
    guard let id = ids.last, let entropy = entropies.last else {
      return walk = Patching.Walk(patching)
    }
    walk = Patching.Walk(patching, behind: count, length: waiting, id, entropy)
  }

  private func findWaiting() {
    waiting = max(0, ended.reversed().prefix { $0 == ended.last }.count - 1)
  }
}
