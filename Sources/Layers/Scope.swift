// Building a model only declares its parameters. Values arrive in one later step, from a random
// stream or from a checkpoint, so there is one way to construct a model and one place to fail.

import Random
@_exported import Tensors

/// The parameters of a model, in the order in which it declares them.
public final class ParameterStore {
  public private(set) var parameters: [Parameter] = []
  private var byName: [String: Parameter] = [:]

  public init() {}

  public subscript(_ name: String) -> Parameter? { byName[name] }
  /// Those that training changes.
  public var trainable: [Parameter] { parameters.filter { !$0.isFrozen } }
  /// How many numbers the model has; tied weights count once.
  public var count: Int { parameters.reduce(0) { $0 + $1.count } }

  fileprivate func declare(
    _ name: String, _ shape: Shape, _ initializer: Initializer, isFrozen: Bool,
    layout: WeightLayout?
  ) -> Parameter {
    precondition(byName[name] == nil, "parameter \(name) is declared twice")
    let parameter = Parameter(
      name, shape, initializer, index: parameters.count, isFrozen: isFrozen, layout: layout)
    parameters.append(parameter)
    byName[name] = parameter
    return parameter
  }

  /// Draws every parameter from a stream of its own name, so that adding a layer re-rolls no other.
  public func initialize(seed: some BinaryInteger) {
    for parameter in parameters {
      let floats = parameter.storage.floats
      switch parameter.initializer {
      case .zeros: floats.update(repeating: 0)
      case .ones: floats.update(repeating: 1)
      case .normal(let deviation):
        var random = RandomStream(seed: seed, name: parameter.name)
        for i in floats.indices { floats[i] = deviation * Float(random.normal()) }
      case .truncatedNormal(let deviation):
        var random = RandomStream(seed: seed, name: parameter.name)
        for i in floats.indices {
          var x = random.normal()
          while abs(x) > 3 { x = random.normal() }
          floats[i] = deviation * Float(x)
        }
      }
    }
  }

  /// Multiplies by every matrix in `form` from now on, which `repack` has still to fill.
  ///
  /// `training` packs what the backward pass reads too. With `.float32` the masters are read again.
  /// True where there is new memory to pack.
  @discardableResult public func use(_ form: WeightForm, training: Bool = false) -> Bool {
    parameters.reduce(false) { $1.use(form, training: training) || $0 }
  }

  /// Packs the matrices anew after their masters were written by others than an
  /// optimizer, which packs what it steps.
  public func repack(_ lanes: Lanes) {
    let work = parameters.flatMap(\.packingWork)
    lanes.each(work.indices) { work[$0]() }
  }
}

/// A place in the tree of parameters: `p["h"][3]["attn"]` declares under `h.3.attn`.
public struct Scope {
  private let store: ParameterStore
  private let path: String
  private let isFrozen, isTruncated: Bool

  /// What is declared in a frozen scope keeps its values in training; in a truncated one normal
  /// values begin within three deviations.
  public init(
    _ store: ParameterStore, path: String = "", isFrozen: Bool = false, isTruncated: Bool = false
  ) {
    (self.store, self.path) = (store, path)
    (self.isFrozen, self.isTruncated) = (isFrozen, isTruncated)
  }

  public subscript(_ name: String) -> Scope {
    let path = path.isEmpty ? name : path + "." + name
    return Scope(store, path: path, isFrozen: isFrozen, isTruncated: isTruncated)
  }

  public subscript(_ index: Int) -> Scope { self[String(index)] }

  /// `layout` says how products take it; nil for what is no factor of any.
  public func parameter(
    _ name: String, _ shape: Shape, _ initializer: Initializer, layout: WeightLayout? = nil
  ) -> Parameter {
    var initializer = initializer
    if isTruncated, case .normal(let deviation) = initializer {
      initializer = .truncatedNormal(deviation)
    }
    return store.declare(self[name].path, shape, initializer, isFrozen: isFrozen, layout: layout)
  }
}
