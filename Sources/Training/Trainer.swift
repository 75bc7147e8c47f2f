// The training procedure, whole in this file: a stepper. The caller owns the loop, so pausing,
// stopping, drawing and testing need no callbacks.

import Files
import Models
import Random

/// What one step did.
public struct StepReport: Equatable, Sendable {
  /// Steps done, this one included.
  public let step: Int
  /// Mean loss in nats a scored token, before the step.
  public let loss: Double
  public let learningRate: Float
  /// Norm of the mean gradient, before clipping.
  public let gradientNorm: Double
  public let tokens: Int
}

/// Why a run cannot go on: the loss or a gradient is not a number.
public struct NotFinite: Error, Equatable, CustomStringConvertible {
  public let step: Int
  /// The first operation, in the order of computation, whose result was not finite.
  public let operation: String

  public var description: String {
    "step \(step): not a finite number, first in \(operation); lower the learning rate"
  }
}

/// Takes a task through its steps, one at a time, on several lanes.
public final class Trainer<Task: TrainingTask> {
  public let task: Task
  public let lanes: Lanes
  public let config: TrainingConfig
  /// Steps done.
  public private(set) var step = 0
  /// The learning rate that was last set by hand.
  public private(set) var turn: RateTurn?
  public let optimizer: Optimizer
  private let gradients: [Gradients]
  /// Whether the packed weights are those of this step: the optimizer keeps them so.
  private var isPacked = false

  /// Tokens that a lane takes through the model at once: a layer's activations should stay in L2.
  private let sliceTokens = 512

  public init(_ config: TrainingConfig, _ task: Task, lanes: Lanes) {
    (self.config, self.task, self.lanes) = (config.settled, task, lanes)
    let (all, parameters) = (task.parameters.parameters, task.parameters.trainable)
    optimizer = Optimizer(config.optimizer, parameters)
    gradients = (0..<lanes.count).map { _ in Gradients(parameterCount: all.count) }
    // Taken now, so that no step but the first finds the pool short.
    for lane in gradients { parameters.forEach { _ = lane.floats(of: $0) } }
  }

  /// Goes on behind `step`, the optimizer having been restored.
  ///
  /// A `turn` lapses when another peak was configured since.
  public func resume(at step: Int, turn: RateTurn? = nil) {
    (self.step, isPacked) = (step, false)
    self.turn = turn?.peak == config.optimizer.learningRate ? turn : nil
  }

  /// The learning rate of the next step.
  public var learningRate: Float {
    config.schedule.rate(step, peak: config.optimizer.learningRate, turn: turn)
  }

  /// Sets it; from there on the schedule keeps its shape, scaled.
  public func turn(rate: Float) {
    turn = RateTurn(step: step, rate: rate, peak: config.optimizer.learningRate)
  }

  /// One step, or nil when the configured steps are done.
  ///
  /// The batches and masks of a step are functions of seed and step alone, so a resumed run draws
  /// what the uninterrupted one would have. Throws `NotFinite`, the weights unchanged. Whoever else
  /// writes weights calls `resume` behind it.
  public func next() throws -> StepReport? {
    guard step < config.steps else { return nil }
    return try multiplying { () throws(any Error) in try take() }
  }

  /// Runs `body` with products in the precision of the run; samples, views and files take the
  /// float32 masters.
  public func multiplying<Result, Thrown: Error>(
    _ body: () throws(Thrown) -> Result
  ) throws(Thrown) -> Result {
    let isNew = task.parameters.use(config.form, training: true)
    defer { task.parameters.use(.float32) }
    if isNew || !isPacked { task.parameters.repack(lanes) }
    isPacked = true
    return try body()
  }

  private func take() throws -> StepReport {
    var random = RandomStream(seed: config.seed, name: "data")
    random.counter = UInt64(step) << 32
    gradients.forEach { $0.begin() }
    var (loss, count, tokens) = (0.0, 0, 0)
    for pass in 0..<config.accumulation {
      let batch = try task.batch(&random)
      let slices = slices(of: batch)
      let (sum, scored) = forwardBackward(batch, slices, pass)
      loss += sum
      count += scored
      tokens += slices.reduce(0) { $0 + $1.rows }
      if !sum.isFinite {
        throw NotFinite(step: step + 1, operation: trace(batch, pass) ?? "the loss")
      }
    }
    let perToken = 1 / Float(max(1, count))
    let norm = optimizer.reduce(gradients, lanes).squareRoot() * Double(perToken)
    if !norm.isFinite {
      random.counter = UInt64(step) << 32
      var culprit: String?
      for pass in 0..<config.accumulation where culprit == nil {
        culprit = trace(try task.batch(&random), pass)
      }
      throw NotFinite(step: step + 1, operation: culprit ?? "the sum of the gradients")
    }
    let limit = Double(config.clip)
    let clip = limit > 0 && norm > limit ? Float(limit / norm) : 1
    let rate = learningRate
    step += 1
    optimizer.update(gradients[0], lanes, step: step, rate: rate, scale: perToken * clip)
    return StepReport(
      step: step, loss: loss / Double(max(1, count)), learningRate: rate, gradientNorm: norm,
      tokens: tokens)
  }

  /// Sums the gradients of a batch into the lanes' and returns the summed loss and its count.
  private func forwardBackward(
    _ batch: Task.Batch, _ slices: [Slice], _ pass: Int
  ) -> (sum: Double, count: Int) {
    lanes.map(0..<lanes.count) { [self] lane in
      var total = (sum: 0.0, count: 0)
      for slice in slices where slice.lane == lane {
        let tape = Tape(gradients[lane])
        let (sum, count) = task.loss(batch, slice.sequences, makePass(tape, pass, slice))
        total.sum += Double(sum.values[0])
        total.count += count
        tape.backward(from: sum)
      }
      return total
    }.reduce((0, 0)) { ($0.0 + $1.sum, $0.1 + $1.count) }
  }

  /// A few sequences that a lane takes through the model at once.
  private struct Slice {
    let lane: Int
    var sequences: Range<Int>
    /// The batch row of its first token, and how many it has.
    let firstRow: Int
    var rows: Int
  }

  /// Shares the sequences of a batch out by tokens, and cuts each lane's into slices.
  private func slices(of batch: Task.Batch) -> [Slice] {
    let lengths = task.lengths(batch)
    let total = max(1, lengths.reduce(0, +))
    var slices: [Slice] = []
    var row = 0
    for (i, length) in lengths.enumerated() {
      let lane = row * lanes.count / total
      if let last = slices.last, last.lane == lane, last.rows + length <= sliceTokens {
        slices[slices.count - 1].sequences = last.sequences.lowerBound..<i + 1
        slices[slices.count - 1].rows += length
      } else {
        slices.append(Slice(lane: lane, sequences: i..<i + 1, firstRow: row, rows: length))
      }
      row += length
    }
    return slices
  }

  /// What one slice is run with.
  ///
  /// Dropout depends on seed, step and batch row, so neither the number
  /// of lanes nor the length of slices changes which numbers are dropped.
  private func makePass(_ tape: Tape, _ pass: Int, _ slice: Slice) -> Pass {
    var random = RandomStream(seed: config.seed, name: "dropout")
    random.counter = UInt64(step) << 20 | UInt64(pass)
    return Pass(tape: tape, dropoutKey: random.next(), firstRow: slice.firstRow)
  }

  /// Runs a batch once more, watching every result, to name the first that is not finite.
  private func trace(_ batch: Task.Batch, _ pass: Int) -> String? {
    var culprit: String?
    let scratch = Gradients(parameterCount: task.parameters.parameters.count)
    for slice in slices(of: batch) where culprit == nil {
      let tape = Tape(scratch)
      tape.watch = { label, floats in
        if culprit == nil, floats.contains(where: { !$0.isFinite }) { culprit = label }
      }
      let loss = task.loss(batch, slice.sequences, makePass(tape, pass, slice)).sum
      if culprit == nil { tape.backward(from: loss) }
    }
    return culprit
  }
}
