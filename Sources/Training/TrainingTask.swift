import Models
import Random
import Text

/// What is being learned: language, masked and diffusion models differ only here.
public protocol TrainingTask {
  associatedtype Batch
  var parameters: ParameterStore { get }
  /// The batch of a step: a function of the random stream alone.
  func batch(_ random: inout RandomStream) throws -> Batch
  /// The tokens of each sequence of a batch.
  func lengths(_ batch: Batch) -> [Int]
  /// The *summed* loss in nats of some sequences of a batch, and the count that it was summed over:
  /// the trainer divides once a step, so slices, lanes and accumulation are exact.
  func loss(_ batch: Batch, _ sequences: Range<Int>, _ pass: Pass) -> (sum: Tensor, count: Int)
}

extension LanguageModel {
  /// Next-token scores of sequences, of a BLT over the patches that they bring.
  func scores(_ batch: some Collection<ScoredSequence>, _ pass: Pass) -> Tensor {
    let (input, ends) = (Tokens(batch.map(\.input)), batch.compactMap(\.patchEnds))
    guard let blt = self as? BLT, ends.count == batch.count else { return self(input, pass) }
    return blt.logits(blt.hidden(input, ends: ends.flatMap { $0 }, pass))
  }
}

/// Next-token prediction.
public struct LanguageTask: TrainingTask {
  public let model: any LanguageModel
  private let source: any SequenceSource
  private let sequences: Int

  /// A task whose batches hold so many sequences.
  public init(_ model: any LanguageModel, _ source: any SequenceSource, sequences: Int) {
    (self.model, self.source, self.sequences) = (model, source, sequences)
  }

  public var parameters: ParameterStore { model.parameters }

  public func batch(_ random: inout RandomStream) throws -> [ScoredSequence] {
    var batch: [ScoredSequence] = []
    for _ in 0..<sequences {
      batch.append(try source.sample(&random))
    }
    return batch
  }

  public func lengths(_ batch: [ScoredSequence]) -> [Int] { batch.map { $0.input.count } }

  public func loss(
    _ batch: [ScoredSequence], _ sequences: Range<Int>, _ pass: Pass
  ) -> (sum: Tensor, count: Int) {
    let targets = batch[sequences].flatMap(\.targets)
    let logits = model.scores(batch[sequences], pass)
    return (logits.crossEntropy(targets).sum, targets.count { $0 >= 0 })
  }
}
