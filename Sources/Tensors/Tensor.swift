/// A dense, row-major float32 value, with a place on a tape when a gradient may be asked of it.
///
/// A tensor never changes once it is made. Only a `Parameter` owns memory that is written in place.
public struct Tensor {
  public let shape: Shape
  public let storage: Storage
  /// nil when nothing upstream wants a gradient.
  let place: Place?

  init(_ shape: Shape, _ storage: Storage, _ place: Place?) {
    precondition(
      shape.count == storage.floats.count,
      "shape \(shape) does not cover \(storage.floats.count) floats")
    (self.shape, self.storage, self.place) = (shape, storage, place)
  }

  /// A constant.
  public init(_ shape: Shape, _ values: some Collection<Float>) {
    let storage = Storage(values.count)
    _ = storage.floats.update(fromContentsOf: values)
    self.init(shape, storage, nil)
  }

  public var tape: Tape? { place?.tape }
  public var rows: Int { shape.rows }
  public var columns: Int { shape.columns }
  public var values: [Float] { Array(storage.floats) }

  /// A copy of one row, as a constant [1, columns].
  public func row(_ i: Int) -> Tensor { rows(i..<i + 1) }

  /// Some rows, as a constant.
  public func rows(_ range: Range<Int>) -> Tensor {
    Tensor(
      [range.count, columns],
      storage.floats[range.lowerBound * columns..<range.upperBound * columns])
  }

  var pointer: UnsafeMutablePointer<Float> { storage.pointer }
}

extension Tensor {
  /// A copy with some columns multiplied, as a constant: for looking inside, not for training.
  public func scalingColumns(_ range: Range<Int>, by factor: Float) -> Tensor {
    precondition(tape == nil, "edits are for looking inside, not for training")
    let copy = Storage(copying: storage)
    for row in 0..<rows {
      for column in range { copy.floats[row * columns + column] *= factor }
    }
    return Tensor(shape, copy, nil)
  }
}

/// A named, trainable array: a class, because tied weights are one parameter in two layers.
public final class Parameter {
  public let name: String
  public let shape: Shape
  public let initializer: Initializer
  /// The parameter's place in its store: where each lane keeps its gradient.
  public let index: Int
  /// Whether training leaves it as it is.
  public let isFrozen: Bool
  /// How products take it; nil: it is a factor of none.
  public let layout: WeightLayout?
  public let storage: Storage
  /// The form in which it is multiplied.
  public internal(set) var form = WeightForm.float32
  var packed: [PackedMatrix] = []
  /// How many matrices between hidden layers stand side by side in it: 3 in a fused q, k, v.
  ///
  /// 0 in embeddings, output layers, norms and biases, which AdamW steps.
  public package(set) var matrices = 0

  public init(
    _ name: String, _ shape: Shape, _ initializer: Initializer, index: Int, isFrozen: Bool = false,
    layout: WeightLayout? = nil
  ) {
    (self.name, self.shape, self.initializer, self.index) = (name, shape, initializer, index)
    (self.isFrozen, self.layout) = (isFrozen, layout)
    storage = Storage(zeros: shape.count)
  }

  public var count: Int { shape.count }
  public var tensor: Tensor { Tensor(shape, storage, nil) }
  var pointer: UnsafeMutablePointer<Float> { storage.pointer }
}

/// How a parameter begins.
public enum Initializer: Sendable, Equatable {
  case zeros
  case ones
  /// Normal with mean 0 and this standard deviation.
  case normal(Float)
  /// The same without what lies more than three deviations from 0.
  case truncatedNormal(Float)
}
