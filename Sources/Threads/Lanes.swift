// Threads. The one file where values cross threads by hand; short so that it can be audited.

import Glibc
import Synchronization

/// A fixed number of threads that run the same closure on different slices, in lockstep.
///
/// The thread that calls `run` is lane 0. Whoever waits spins for a moment, then sleeps: the
/// screen shares the machine.
public final class Lanes: Sendable {
  public let count: Int
  private let crew = Crew()

  /// - Precondition: `count` is at least 1.
  public init(_ count: Int) {
    precondition(count >= 1, "work needs at least one thread, not \(count)")
    self.count = count
    for lane in 1..<max(count, 2) where lane < count {
      let start = Unmanaged.passRetained(Member(crew: crew, lane: lane)).toOpaque()
      var thread = pthread_t()
      let error = pthread_create(
        &thread, nil,
        { raw in
          raw.map { Unmanaged<Member>.fromOpaque($0).takeRetainedValue().work() }
          return nil
        }, start)
      precondition(error == 0, "the system refuses thread \(lane): error \(error)")
      pthread_detach(thread)
    }
  }

  deinit { crew.begin(members: 0, nil) }

  /// The number of lanes that this machine can run at once.
  public static var available: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// Runs `body(0)` … `body(count - 1)` at once and waits for all.
  ///
  /// Not reentrant, and to be called by one thread at a time. Memory written before the call is
  /// seen by every lane, and what the lanes wrote is seen after it.
  public func run(_ body: @escaping (Int) -> Void) {
    guard count > 1 else { return body(0) }
    let lent = Lanes.lent
    Lanes.lent = nil  // Lane 0 is at work.
    crew.begin(members: count - 1, body)
    body(0)
    crew.wait()
    Lanes.lent = lent
  }

  // MARK: - One sequence

  /// Lends the lanes to `body`: what it computes of one sequence is shared out over them.
  ///
  /// The results are the same to the bit whatever the number of lanes.
  public func lend<Result, Thrown: Error>(
    _ body: () throws(Thrown) -> Result
  ) throws(Thrown) -> Result {
    let before = Lanes.lent
    Lanes.lent = count > 1 ? self : nil
    defer { Lanes.lent = before }
    return try body()
  }

  /// Runs `body` for ranges that make up `0 ..< count`, in parallel on lanes that were lent.
  ///
  /// Ranges begin at multiples of `grain`. `work` is in bytes to be read: to wake a lane costs as
  /// much as to read some ten thousand.
  package static func shareOut(
    _ count: Int, by grain: Int, work: Int, _ body: @escaping (Range<Int>) -> Void
  ) {
    guard work >= 1 << 16, let lanes = lent else { return body(0..<count) }
    let grains = (count + grain - 1) / grain
    lanes.run { lane in
      let from = grains * lane / lanes.count * grain
      let to = min(count, grains * (lane + 1) / lanes.count * grain)
      if from < to { body(from..<to) }
    }
  }

  private static let key = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()

  /// The lanes lent to this thread; whoever lends keeps them alive.
  private static var lent: Lanes? {
    get {
      pthread_getspecific(key).map { Unmanaged<Lanes>.fromOpaque($0).takeUnretainedValue() }
    }
    set { pthread_setspecific(key, newValue.map { Unmanaged.passUnretained($0).toOpaque() }) }
  }

  /// Runs `body` for every index, lane l taking l, l + count, …: for work of equal pieces.
  public func each(_ indices: Range<Int>, _ body: @escaping (Int) -> Void) {
    run { [count] lane in
      for i in stride(from: indices.lowerBound + lane, to: indices.upperBound, by: count) {
        body(i)
      }
    }
  }

  /// The results of `body` for every index, in their order.
  public func map<Result>(
    _ indices: Range<Int>, _ body: @escaping (Int) -> Result
  ) -> [Result] {
    [Result](unsafeUninitializedCapacity: indices.count) { results, initialized in
      let first = results.baseAddress
      each(indices) { i in
        first.map { ($0 + (i - indices.lowerBound)).initialize(to: body(i)) }
      }
      initialized = indices.count
    }
  }
}

/// One thread's part.
private final class Member {
  let crew: Crew
  let lane: Int

  init(crew: Crew, lane: Int) { (self.crew, self.lane) = (crew, lane) }

  func work() {
    var seen = 0
    while let generation = crew.run(lane, after: seen) {
      seen = generation
      crew.finish()
    }
  }
}

/// What the threads share.
///
/// `body` is written by `begin` alone, before the release of `generation`
/// that lets members read it, and cleared after the last member's `finish`: no two threads touch
/// it at once, which is why this class may call itself Sendable.
private final class Crew: @unchecked Sendable {
  private var body: ((Int) -> Void)?
  private let generation = Atomic<Int>(0)
  private let running = Atomic<Int>(0)
  private let asleep = Atomic<Int>(0)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Starts the next generation; without a body the members end.
  func begin(members: Int, _ body: ((Int) -> Void)?) {
    self.body = body
    running.store(members, ordering: .relaxed)
    generation.add(1, ordering: .sequentiallyConsistent)
    wake()
  }

  /// Waits for a generation behind `seen` and does a lane's part; nil when the members are to end.
  ///
  /// No hold on the body is left after it: what it captured ends with the caller of `run`.
  func run(_ lane: Int, after seen: Int) -> Int? {
    wait { generation.load(ordering: .sequentiallyConsistent) != seen }
    guard let body else { return nil }
    body(lane)
    return generation.load(ordering: .acquiring)
  }

  func finish() {
    if running.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 { wake() }
  }

  func wait() {
    wait { running.load(ordering: .sequentiallyConsistent) == 0 }
    body = nil
  }

  /// Wakes those who sleep, after a condition has changed.
  ///
  /// Who goes to sleep says so before a last look at the condition, and who changes it looks for
  /// sleepers afterwards: in one order of all four, so one of the two sees the other. The mutex is
  /// held from saying so to sleeping. While nobody sleeps it is not touched.
  private func wake() {
    guard asleep.load(ordering: .sequentiallyConsistent) > 0 else { return }
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }

  /// Spins for 40 µs, then sleeps.
  private func wait(until condition: () -> Bool) {
    let end = nanoseconds() + 40_000
    repeat {
      for _ in 0..<200 where condition() { return }
    } while nanoseconds() < end
    pthread_mutex_lock(mutex)
    asleep.add(1, ordering: .sequentiallyConsistent)
    while !condition() { pthread_cond_wait(changed, mutex) }
    asleep.subtract(1, ordering: .sequentiallyConsistent)
    pthread_mutex_unlock(mutex)
  }
}

private func nanoseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1_000_000_000 + time.tv_nsec
}
