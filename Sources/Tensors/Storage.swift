// Memory of tensors. Blocks go back to a pool, so that after the first training step nothing is
// taken from the system: every later step asks for the same sizes again.

import Glibc
import Synchronization

/// Owns floats; shared by the tensors that view the same data.
public final class Storage {
  public let floats: UnsafeMutableBufferPointer<Float>

  /// Floats of arbitrary value, from the pool.
  public init(_ count: Int) {
    floats = UnsafeMutableBufferPointer(start: Pool.take(count), count: count)
  }

  public convenience init(zeros count: Int) {
    self.init(count)
    floats.update(repeating: 0)
  }

  convenience init(copying other: Storage) {
    self.init(other.floats.count)
    _ = floats.update(fromContentsOf: other.floats)
  }

  deinit { Pool.give(floats) }

  /// The first float; a block is never empty, since the pool's smallest holds 64.
  public var pointer: UnsafeMutablePointer<Float> {
    floats.baseAddress.unsafelyUnwrapped  // Pool.take never returns nil.
  }
}

/// Free blocks by size class (eighths of a power of two).
///
/// Every thread has its own, so lanes never wait for one another, and what a lane asks for does not
/// depend on the timing of the others.
public enum Pool {
  /// What all pools have done since the process began.
  public struct Statistics: Equatable, Sendable {
    /// Blocks that had to be asked of the system.
    public var misses: Int
    /// Bytes held, in use or free.
    public var bytes: Int
  }

  private static let misses = Atomic<Int>(0)
  private static let bytes = Atomic<Int>(0)

  public static var statistics: Statistics {
    Statistics(misses: misses.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed))
  }

  static func take(_ count: Int) -> UnsafeMutablePointer<Float> {
    let (index, size) = sizeClass(count)
    let shelf = Shelf.ofThisThread
    return (shelf.free[index].popLast() ?? shelf.allocate(size))
      .bindMemory(to: Float.self, capacity: count)
  }

  static func give(_ floats: UnsafeMutableBufferPointer<Float>) {
    guard let block = floats.baseAddress else { return }
    Shelf.ofThisThread.free[sizeClass(floats.count).index].append(UnsafeMutableRawPointer(block))
  }

  /// Gives this thread's free blocks back to the system.
  public static func trim() { Shelf.ofThisThread.clear() }

  /// The class that holds `count` floats, and the bytes of its blocks.
  private static func sizeClass(_ count: Int) -> (index: Int, bytes: Int) {
    let wanted = max(count, 64)
    let octave = Int.bitWidth - 1 - wanted.leadingZeroBitCount
    let steps = (wanted - 1 << octave + 1 << (octave - 3) - 1) >> (octave - 3)  // 0 ... 8
    return (8 * octave + steps, bytes(octave: octave, steps: steps))
  }

  private static func bytes(octave: Int, steps: Int) -> Int {
    (4 * (1 << octave + steps << (octave - 3)) + 63) / 64 * 64
  }

  /// One thread's free blocks; gone with the thread.
  private final class Shelf {
    var free = [[UnsafeMutableRawPointer]](repeating: [], count: 8 * 48)
    /// Fresh pages from which larger blocks are cut one behind the other: so they share large
    /// pages, which are read faster.
    private var stretch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private static let (length, leastCut, leastWhole) = (64 << 20, 64 << 10, 2 << 20)
    private static let page = sysconf(Int32(_SC_PAGESIZE))

    private static let key = {
      var key = pthread_key_t()
      pthread_key_create(&key) { raw in
        raw.map { Unmanaged<Shelf>.fromOpaque($0).release() }
      }
      return key
    }()

    static var ofThisThread: Shelf {
      if let raw = pthread_getspecific(key) {
        return Unmanaged<Shelf>.fromOpaque(raw).takeUnretainedValue()
      }
      let shelf = Shelf()
      pthread_setspecific(key, Unmanaged.passRetained(shelf).toOpaque())
      return shelf
    }

    func allocate(_ size: Int) -> UnsafeMutableRawPointer {
      guard let block = isCut(size) ? cut(size) : whole(size) else {
        fatalError("the system has no \(size) bytes for a tensor")
      }
      Pool.misses.add(1, ordering: .relaxed)
      Pool.bytes.add(size, ordering: .relaxed)
      return block
    }

    private func isCut(_ size: Int) -> Bool { (Shelf.leastCut..<Shelf.leastWhole).contains(size) }

    private func whole(_ size: Int) -> UnsafeMutableRawPointer? {
      let isLarge = size >= Shelf.leastWhole
      let block = aligned_alloc(isLarge ? Shelf.leastWhole : 64, size)
      if isLarge, let block { madvise(block, size, MADV_HUGEPAGE) }
      return block
    }

    private func cut(_ size: Int) -> UnsafeMutableRawPointer? {
      let size = pages(size)
      if stretch.count < size {
        dropStretch()
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let start = mmap(nil, Shelf.length, PROT_READ | PROT_WRITE, flags, -1, 0),
          start != MAP_FAILED
        else { return nil }
        madvise(start, Shelf.length, MADV_HUGEPAGE)
        stretch = UnsafeMutableRawBufferPointer(start: start, count: Shelf.length)
      }
      defer { stretch = UnsafeMutableRawBufferPointer(rebasing: stretch[size...]) }
      return stretch.baseAddress
    }

    private func pages(_ size: Int) -> Int { (size + Shelf.page - 1) / Shelf.page * Shelf.page }

    /// Gives back what was never cut.
    private func dropStretch() {
      if stretch.count > 0 { munmap(stretch.baseAddress, stretch.count) }
      stretch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    private func giveBack(_ block: UnsafeMutableRawPointer, _ size: Int) {
      if isCut(size) { munmap(block, pages(size)) } else { Glibc.free(block) }
      Pool.bytes.subtract(size, ordering: .relaxed)
    }

    func clear() {
      dropStretch()
      for (index, blocks) in free.enumerated() where !blocks.isEmpty {
        let size = Pool.bytes(octave: index / 8, steps: index % 8)
        blocks.forEach { giveBack($0, size) }
        free[index] = []
      }
    }

    deinit { clear() }
  }
}
