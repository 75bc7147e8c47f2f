// Reverse-mode differentiation on an append-only tape: operations are recorded in the order in
// which they run, and `backward` walks them in reverse. Deterministic by construction, no graph
// search.

/// What one lane records of one forward pass.
public final class Tape {
  private struct Entry {
    let label: String
    /// The sum of what later operations have added so far.
    var gradient: Storage?
    /// Turns the output's gradient into additions to the inputs', and holds what they need.
    var backward: ((inout Storage) -> Void)?
  }

  private var entries: [Entry] = []
  /// Where gradients of parameters go.
  public let gradients: Gradients
  /// Sees each result, and each gradient, as it is made: how a NaN is traced to where it arose.
  public var watch: ((_ label: String, _ floats: UnsafeMutableBufferPointer<Float>) -> Void)?

  public init(_ gradients: Gradients) { self.gradients = gradients }

  /// An input whose gradient is wanted.
  public func leaf(_ value: Tensor) -> Tensor {
    record("leaf", value.shape, value.storage, backward: nil)
  }

  func record(
    _ label: String, _ shape: Shape, _ storage: Storage, backward: ((inout Storage) -> Void)?
  ) -> Tensor {
    watch?(label, storage.floats)
    entries.append(Entry(label: label, gradient: nil, backward: backward))
    return Tensor(shape, storage, Place(tape: self, index: entries.count - 1, count: shape.count))
  }

  /// Adds the gradient of `output`, weighted by `seed` (ones if nil), to every leaf and parameter.
  ///
  /// The tape is used up: what the operations held is freed on the way.
  public func backward(from output: Tensor, seed: [Float]? = nil) {
    guard let place = output.place, place.tape === self else {
      preconditionFailure("backward from a tensor that this tape has not recorded")
    }
    let start = Storage(output.shape.count)
    for i in 0..<output.shape.count { start.floats[i] = seed?[i] ?? 1 }
    entries[place.index].gradient = start
    for i in entries.indices.reversed() {
      guard let step = entries[i].backward else { continue }  // A leaf keeps its gradient.
      entries[i].backward = nil
      guard var gradient = entries[i].gradient else { continue }
      entries[i].gradient = nil
      watch?("gradient of " + entries[i].label, gradient.floats)
      step(&gradient)
    }
  }

  /// The gradient of a leaf after `backward`; nil when nothing reached it.
  public func gradient(of leaf: Tensor) -> [Float]? {
    leaf.place.flatMap { entries[$0.index].gradient.map { Array($0.floats) } }
  }

  /// Lets `body` write (`accumulate` false) or add to the gradient of entry `index`.
  fileprivate func add(
    _ index: Int, _ count: Int, _ body: (UnsafeMutablePointer<Float>, Bool) -> Void
  ) {
    let accumulate = entries[index].gradient != nil
    let gradient = accumulate ? unshared(index) : Storage(count)
    body(gradient.pointer, accumulate)
    entries[index].gradient = gradient
  }

  /// Hands over a finished gradient: kept as it is by the first to give one, else added.
  fileprivate func pass(_ gradient: Storage, to index: Int) {
    guard entries[index].gradient != nil else {
      entries[index].gradient = gradient
      return
    }
    Kernel.add(unshared(index).pointer, gradient.pointer, 1, gradient.floats.count)
  }

  /// The gradient of entry `index`, copied first if it was handed to another entry too.
  private func unshared(_ index: Int) -> Storage {
    if !isKnownUniquelyReferenced(&entries[index].gradient), let shared = entries[index].gradient {
      entries[index].gradient = Storage(copying: shared)
    }
    return entries[index].gradient.unsafelyUnwrapped  // The callers have checked for nil.
  }
}

/// Where a tape has recorded a tensor: all that is needed of it to give it a gradient.
struct Place {
  let tape: Tape
  let index: Int
  let count: Int

  /// Writes or adds the tensor's gradient.
  func addGradient(_ body: (UnsafeMutablePointer<Float>, _ accumulate: Bool) -> Void) {
    tape.add(index, count, body)
  }

  /// Gives away a gradient that the caller will not touch again.
  func passGradient(_ gradient: Storage) { tape.pass(gradient, to: index) }
}

extension Tensor {
  func addGradient(_ body: (UnsafeMutablePointer<Float>, _ accumulate: Bool) -> Void) {
    place?.addGradient(body)
  }

  func passGradient(_ gradient: Storage) { place?.passGradient(gradient) }
}

/// One lane's gradients of all parameters, summed over the slices of a step.
public final class Gradients {
  private var storages: [Storage?]
  private var fresh: [Bool]

  public init(parameterCount: Int) {
    storages = Array(repeating: nil, count: parameterCount)
    fresh = Array(repeating: true, count: parameterCount)
  }

  /// Begins a step; nothing is zeroed, since the first to write a gradient overwrites it.
  public func begin() { for i in fresh.indices { fresh[i] = true } }

  /// Where the gradient of `parameter` goes, and whether something is there already.
  func target(_ parameter: Parameter) -> (pointer: UnsafeMutablePointer<Float>, accumulate: Bool) {
    let place = parameter.index
    if storages[place] == nil { storages[place] = Storage(parameter.count) }
    defer { fresh[place] = false }
    // Made just above, if it was not there.
    return (storages[place].unsafelyUnwrapped.pointer, !fresh[place])
  }

  /// The same for operations that can only add.
  func zeroedTarget(_ parameter: Parameter) -> UnsafeMutablePointer<Float> {
    let (pointer, accumulate) = target(parameter)
    if !accumulate { pointer.update(repeating: 0, count: parameter.count) }
    return pointer
  }

  /// The gradient of `parameter` in this step; zeros if no operation used it.
  public func floats(of parameter: Parameter) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: zeroedTarget(parameter), count: parameter.count)
  }
}
