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
    crew.begin(members: count - 1, body)
    body(0)
    crew.wait()
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
    signal { generation.add(1, ordering: .releasing) }
  }

  /// Waits for a generation behind `seen` and does a lane's part; nil when the members are to end.
  ///
  /// No hold on the body is left after it: what it captured ends with the caller of `run`.
  func run(_ lane: Int, after seen: Int) -> Int? {
    wait { generation.load(ordering: .acquiring) != seen }
    guard let body else { return nil }
    body(lane)
    return generation.load(ordering: .acquiring)
  }

  func finish() {
    if running.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { signal {} }
  }

  func wait() {
    wait { running.load(ordering: .acquiring) == 0 }
    body = nil
  }

  private func signal(_ change: () -> Void) {
    pthread_mutex_lock(mutex)
    change()
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }

  private func wait(until condition: () -> Bool) {
    for _ in 0..<20_000 where condition() { return }
    pthread_mutex_lock(mutex)
    while !condition() { pthread_cond_wait(changed, mutex) }
    pthread_mutex_unlock(mutex)
  }
}
