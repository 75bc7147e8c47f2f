// What the bench asks of the engine and what comes back: values only. Tensors and models stay on
// the engine's threads: the inspector has the model that is open, the trainer the run. So a look
// at the model never waits for a training step.

import Files
import Generation
import Models
import Glibc
import Inspection
import Screen
import Synchronization
import Text

/// What the inspector is asked for.
public enum InspectorRequest: Sendable, Equatable {
  case load(String)
  /// All the snapshots that are needed and have not come yet.
  case attend([AttentionWish])
  /// A whole map of a long prompt.
  case survey(AttentionPicture)
  /// A piece of the entropies of a text.
  case entropies(EntropyWish)
  /// What a BLT needs for a stretch of a text on given patches.
  case judge(JudgementWish)
  case score(ScoreWish)
  case weight(String)
  /// The stages of a BLT.
  case stages(StagesWish)
}

/// A snapshot that a view needs.
public struct AttentionWish: Sendable, Equatable {
  /// The model's number: results of a model that was replaced are told apart by it.
  public var model: Int
  public var ids: [Int32]
  public var edits: [AttentionEdit]
}

/// Next-token scores behind `ids`, of which the first `prompt` were given.
public struct ScoreWish: Sendable, Equatable {
  public var model: Int
  public var ids: [Int32]
  public var prompt: Int
}

/// What is known of the model that is open.
public struct ModelFacts: Sendable {
  /// Counts the models that were opened.
  public var number: Int
  /// As it was asked for, and where it is.
  public var name, path: String
  public var layers, width, vocabulary, context, parameters: Int
  public var layout: HeadLayout
  public var parts: [(name: String, shape: [Int])]
  public var configuration: JSON
  /// How many tokens a token sees, where that is limited.
  public var window: Int?
  /// The shape of a BLT.
  public var blt: BLTConfig?
  public var tokenizer: (any Tokenizer)?
  /// The prompt that it comes with.
  public var prompt: [UInt8]?
}

extension ModelFacts {
  /// The ids of a prompt; without a tokenizer the prompt is written in ids.
  ///
  /// Throws a `Failure` that names what has no id.
  func encode(_ prompt: [UInt8]) throws(Failure) -> [Int32] {
    if let tokenizer { return try tokenizer.encodeWhole(prompt) }
    let words = String(bytes: prompt).split { $0.isWhitespace }
    var ids: [Int32] = []
    for word in words {
      guard let id = Int32(word), (0..<Int32(vocabulary)).contains(id) else {
        throw Failure(
          "prompt: \(quoted(String(word))) is no id of 0 to \(vocabulary - 1), and this model "
            + "has no tokenizer", code: 64)
      }
      ids.append(id)
    }
    return ids
  }

  /// A token as a person reads it.
  package func piece(_ id: Int32) -> String { tokenizer?.piece(id) ?? "\(id)" }
}

/// What the inspector tells.
public enum InspectorEvent: Sendable {
  case loaded(ModelFacts)
  /// The model that was asked for cannot be opened.
  case notLoaded(String, Failure)
  case attended(AttentionWish, AttentionSnapshot)
  case surveyed(AttentionPicture, BlockMap)
  case entropies(EntropyWish, EntropyFacts, [NextByte])
  case noEntropies(EntropyWish, Failure)
  case judged(JudgementWish, nats: Double)
  case scored(ScoreWish, scores: [Float], refilled: Bool)
  case weight(WeightFacts)
  case stages(StagesWish, BLTSnapshot)
  case failed(Failure)
}

/// What the engine's threads are asked for.
public enum Request: Sendable, Equatable {
  case inspect(InspectorRequest)
  case train(TrainRequest)
}

extension Request {
  /// Whether it steers a run.
  var steers: Bool { if case .train(let request) = self { request.steers } else { false } }
}

/// What the engine's threads tell.
public enum EngineEvent: Sendable {
  case inspector(InspectorEvent)
  case trainer(TrainEvent)
  /// A request is done with.
  case done
}

/// Work that a thread does: requests one at a time, and something to go on with between them.
protocol Worker {
  associatedtype Request: Sendable
  /// Requests that a later one of the list makes needless may be dropped.
  func needed(_ requests: [Request]) -> [Request]
  func handle(_ request: Request)
  /// Does a slice of what goes on by itself; returns for how many milliseconds there is then
  /// nothing to do but requests: 0 for the next slice at once, -1 for ever.
  func goOn() -> Int32
  /// The process is about to end.
  func finish()
}

extension Worker {
  func needed(_ requests: [Request]) -> [Request] { requests }
  func goOn() -> Int32 { -1 }
  func finish() {}
}

/// A mailbox that one thread reads, asleep while it is empty.
final class Mailbox<Item: Sendable>: Sendable {
  private let items = Mutex<[Item]>([])
  private let bell: (read: Int32, write: Int32)

  init() {
    var ends: [Int32] = [-1, -1]
    let failed = pipe(&ends)
    precondition(failed == 0, "the system refuses a pipe: error \(errno)")
    bell = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    close(bell.read)
    close(bell.write)
  }

  func post(_ item: Item) {
    let wasEmpty = items.withLock { items in
      items.append(item)
      return items.count == 1
    }
    if wasEmpty { _ = write(bell.write, [0], 1) }
  }

  /// All that has come; waits at most so many milliseconds for the first, for ever if -1.
  func take(waiting milliseconds: Int32) -> [Item] {
    var ready = pollfd(fd: bell.read, events: Int16(POLLIN), revents: 0)
    while poll(&ready, 1, milliseconds) < 0 {}
    guard ready.revents != 0 else { return [] }
    var byte: UInt8 = 0
    _ = read(bell.read, &byte, 1)
    return items.withLock { items in
      defer { items = [] }
      return items
    }
  }
}

/// Both threads of the engine.
///
/// Requests go in, events come out of `events()`; `wake` is called on an engine thread when there
/// are some.
public final class Engine: Sendable {
  private let inspector = Mailbox<InspectorRequest?>()
  private let trainer = Mailbox<TrainRequest?>()
  private let told = Mutex<[EngineEvent]>([])
  private let bell = Mailbox<Void>()
  private let wake: @Sendable () -> Void

  /// `version` goes into the runs that are begun.
  public init(version: String = "", wake: @escaping @Sendable () -> Void = {}) {
    self.wake = wake
    start { self.serve(Inspector { self.tell(.inspector($0)) }, self.inspector) }
    start { self.serve(TrainWorker(version: version) { self.tell(.trainer($0)) }, self.trainer) }
  }

  public func post(_ request: Request) {
    switch request {
    case .inspect(let request): inspector.post(request)
    case .train(let request): trainer.post(request)
    }
  }

  /// Asks both threads to end; what is to be saved is asked for before.
  public func shutDown() {
    inspector.post(nil)
    trainer.post(nil)
  }

  /// What was told since the last call; waits at most so many milliseconds for the first.
  public func events(waiting milliseconds: Int32 = 0) -> [EngineEvent] {
    func take() -> [EngineEvent] {
      told.withLock { told in
        defer { told = [] }
        return told
      }
    }
    let now = take()
    if !now.isEmpty || milliseconds == 0 { return now }
    _ = bell.take(waiting: milliseconds)
    return take()
  }

  private func tell(_ event: EngineEvent) {
    let isFirst = told.withLock { told in
      told.append(event)
      return told.count == 1
    }
    guard isFirst else { return }
    bell.post(())
    wake()
  }

  /// The life of a thread: it ends with the request nil.
  private func serve<W: Worker>(_ worker: W, _ mailbox: Mailbox<W.Request?>) {
    var patience: Int32 = -1
    while true {
      let letters = mailbox.take(waiting: patience)
      worker.needed(letters.compactMap { $0 }).forEach(worker.handle)
      for letter in letters where letter != nil { tell(.done) }
      if letters.contains(where: { $0 == nil }) { return worker.finish() }
      patience = worker.goOn()
    }
  }

  private func start(_ work: @escaping @Sendable () -> Void) { ThreadBody(work).start() }
}

/// What a thread runs.
private final class ThreadBody: Sendable {
  private let work: @Sendable () -> Void

  init(_ work: @escaping @Sendable () -> Void) { self.work = work }

  func start() {
    var thread = pthread_t()
    let failed = pthread_create(
      &thread, nil,
      { raw in
        raw.map { Unmanaged<ThreadBody>.fromOpaque($0).takeRetainedValue().work() }
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    precondition(failed == 0, "the system refuses a thread: error \(failed)")
    pthread_detach(thread)
  }
}
