/// A weight and a bias: y = x W + b.
public struct Linear {
  public let weight: Parameter
  public let bias: Parameter?

  /// Declares weight and bias; `deviation` is that of the initial weight, `matrices` as in
  /// `Parameter`: 0 for an output layer.
  public init(
    _ inputs: Int, _ outputs: Int, _ p: Scope, bias: Bool = true,
    layout: WeightLayout = .outputsFirst, deviation: Float = 0.02,
    matrices: Int = 1
  ) {
    let shape: Shape = layout == .inputsFirst ? [inputs, outputs] : [outputs, inputs]
    weight = p.parameter("weight", shape, .normal(deviation), layout: layout)
    weight.matrices = matrices
    self.bias = bias ? p.parameter("bias", [outputs], .zeros) : nil
  }

  /// [N, in] to [N, out].
  public func callAsFunction(_ x: Tensor, residual: Tensor? = nil) -> Tensor {
    x.linear(weight, bias: bias, residual: residual)
  }

  /// x + dropout(y W + b): the end of every branch of a transformer block.
  public func callAsFunction(
    _ y: Tensor, addedTo x: Tensor?, dropout rate: Float, _ pass: Pass
  ) -> Tensor {
    pass.adding(to: x, dropout: rate) { self(y, residual: $0) }
  }
}

/// A table of vectors, one a token or a position.
public struct Embedding {
  public let weight: Parameter

  /// `scores` asks for `isOutput`: the table is then a factor of products too.
  public init(
    _ count: Int, _ width: Int, _ p: Scope, deviation: Float = 0.02, isOutput: Bool = false
  ) {
    weight = p.parameter(
      "weight", [count, width], .normal(deviation), layout: isOutput ? .outputsFirst : nil)
  }

  /// Ids to [N, width], `each` of them summed to a row.
  public func callAsFunction(_ ids: [Int32], summing each: Int = 1, _ pass: Pass) -> Tensor {
    Tensor.rows(of: weight, at: ids, summing: each, tape: pass.tape)
  }

  /// The same vectors as an output layer: [N, width] to [N, count] scores.
  public func scores(_ x: Tensor) -> Tensor { x.linear(weight) }
}

/// Root-mean-square normalisation (Zhang & Sennrich 2019).
public struct RMSNorm {
  public let weight: Parameter
  let epsilon: Float

  public init(_ width: Int, _ p: Scope, epsilon: Float = 1e-5) {
    weight = p.parameter("weight", [width], .ones)
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.norm(gain: weight, bias: nil, epsilon: epsilon)
  }
}

/// Layer normalisation (Ba and others, 2016).
public struct LayerNorm {
  public let weight: Parameter
  public let bias: Parameter
  let epsilon: Float

  public init(_ width: Int, _ p: Scope, epsilon: Float = 1e-5) {
    weight = p.parameter("weight", [width], .ones)
    bias = p.parameter("bias", [width], .zeros)
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    x.norm(gain: weight, bias: bias, epsilon: epsilon)
  }
}
