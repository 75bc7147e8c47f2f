// What the trainer's thread is asked for, and what it tells.

import Files
import Training

/// A run that is wanted.
public struct TrainOrder: Sendable, Equatable {
  /// A recipe, the folder of a run to go on with, or `again`.
  public var name: String
  public var sets: [Command.Option] = []
  /// The time that the steps are to be fitted to.
  public var minutes: Double?
  /// Whether the speed is measured beforehand, also where nothing needs it.
  public var isForecast = true
}

/// What is looked at beside the run.
public struct TrainWatch: Sendable, Equatable {
  /// Other runs, by name or folder.
  public var runs: [String] = []
  /// The head that is followed; nil for the one that looks hardest, or the ribbon of bytes.
  public var head: HeadReference?
  public var prompt: [UInt8] = []
}

/// What the trainer is asked for.
public enum TrainRequest: Sendable, Equatable {
  /// What there is to train.
  case list
  /// Makes a run ready and pauses in front of its next step; the one before is saved.
  case prepare(TrainOrder)
  /// Goes on until so many steps are done, or to the end.
  case run(to: Int)
  /// Makes so many steps before anything else.
  case step(Int)
  case pause
  case rate(Double)
  case save
  /// Saves and pauses; a run that has made no step yet is taken back.
  case stop
  case watch(TrainWatch)
}

extension TrainRequest {
  /// Whether its place among the steps matters.
  var steers: Bool {
    switch self {
    case .run, .step, .pause, .rate, .save, .stop: true
    case .list, .prepare, .watch: false
    }
  }
}

/// What the trainer tells.
public enum TrainEvent: Sendable {
  case listed([Recipe])
  /// The share that is done of what takes long in making a run ready.
  case preparing(Double)
  /// A run is open, and stands before its next step.
  case ready(RunFacts)
  /// No run is open any more.
  case closed
  case news(TrainNews)
  /// A request that steers the run was met behind this step: where a replay must put it.
  case steered(step: Int)
  /// A run was saved and pauses, as was asked for.
  case stopped(step: Int)
  case others([RunLog])
  case probed(HeadProbe)
  case ribbon(RibbonProbe)
  /// A request that cannot be met; nothing has changed.
  case failed(Failure)
}

/// A configuration that can be trained, as the list shows it.
public struct Recipe: Sendable, Equatable {
  public var name: String
  /// What there is to learn.
  public var subject: String
  public var parameters: Int
  public var steps: Int
  /// About so long on this machine; nil where its text is not there yet.
  public var seconds: Double?
  /// What is missing.
  public var problem: String?
}

/// What stays the same while a run is open.
public struct RunFacts: Sendable {
  public var log: RunLog
  public var order: TrainOrder
  public var parameters: Int
  /// Whether it learns text, which has bytes; else a task, which can be solved.
  public var isText: Bool
  /// Nil for a run that was not measured.
  public var forecast: Forecast?
  /// Whether no step was ever made: then it can still be taken back.
  public var isNew: Bool
  /// Runs beside it in the same folder that learn the same.
  public var siblings: [String]
  public var notes: [String]

  public var name: String { log.name }
  public var folder: String { log.path }
  public var config: TrainingConfig { log.plan.training }
}

/// What happened since the last news, and how the run stands.
public struct TrainNews: Sendable {
  public struct Step: Sendable {
    public var number: Int
    public var loss, rate, norm: Double
  }
  public struct Judgement: Sendable {
    public var step: Int
    public var loss: Double
    /// Of a text.
    public var bitsPerByte: Double?
    /// The share of sequences that greedy decoding gets right, of other tasks.
    public var solved: Double?
  }
  public struct Sample: Sendable {
    public var step: Int
    public var text: String
  }
  public enum Phase: Sendable, Equatable {
    case paused, running, finished
    /// The share that is done.
    case evaluating(Double)
  }

  public var steps: [Step] = []
  public var judgements: [Judgement] = []
  public var samples: [Sample] = []
  public var phase = Phase.paused
  /// Steps whose checkpoints are on disk.
  public var checkpoints: [Int] = []
  public var savedStep: Int?
  /// Whether the last checkpoint is of this very state.
  public var isSaved = true
  /// The learning rate of the next step.
  public var rate = 0.0
  public var tokensPerSecond: Double?
  /// Seconds to the end.
  public var left: Double?
  /// Why the run paused by itself.
  public var problem: String?
  /// Whether its weights give numbers that are not finite: nothing to be kept.
  public var isBroken = false
}
