// Products with weights, forward and backward: most of what a model does.

import CKernels

/// Which axis of a weight is the input: GPT-2's Conv1D stores [in, out], everyone else [out, in].
public enum WeightLayout: Sendable {
  case inputsFirst
  case outputsFirst
}

extension Tensor {
  /// x W (+ bias), + residual, in one pass over the output.
  ///
  /// [N, in] and a weight of [in, out] (or [out, in]) give [N, out]. All three products of forward
  /// and backward are in the weight's form.
  public func linear(
    _ weight: Parameter, bias: Parameter? = nil, layout: WeightLayout? = nil,
    residual: Tensor? = nil
  ) -> Tensor {
    linear([Weight(weight, layout, of: columns)], bias, residual)
  }

  /// The outputs of several layers without bias, side by side.
  ///
  /// [N, in] and weights of [out, in] give [N, sum of their out].
  public func linear(sideBySide weights: [Parameter]) -> Tensor {
    linear(weights.map { Weight($0, .outputsFirst, of: columns) }, nil, nil)
  }

  private func linear(_ weights: [Weight], _ bias: Parameter?, _ residual: Tensor?) -> Tensor {
    let (m, n) = (rows, weights.reduce(0) { $0 + $1.outputs })
    let isRounded = weights[0].isRounded(m)
    precondition(weights.allSatisfy { $0.form == weights[0].form }, "weights of several forms")
    let x = Kernel.Factor(storage, m, columns, rounded: isRounded)
    let out = Storage(m * n)
    func each(_ body: (Weight, _ column: Int) -> Void) {
      var column = 0
      for weight in weights {
        body(weight, column)
        column += weight.outputs
      }
    }
    each { weight, column in
      weight.forward(
        x, m, to: out.pointer + column, row: n, .init(bias: bias, residual: residual))
    }
    let (place, residualPlace) = (place, residual?.place)
    return Tensor.result(
      "linear " + weights[0].parameter.name, of: self, residual ?? self, shape: [m, n],
      storage: out
    ) { tape, given in
      let sums = bias.map { tape.gradients.zeroedTarget($0) }
      each { weight, column in
        let g = Kernel.Factor(
          given, m, weight.outputs, from: column, row: n, rounded: isRounded, sums: sums)
        place?.addGradient { dx, add in weight.backward(g, m, to: dx, add: add) }
        weight.addGradient(x, g, m, tape)
      }
      residualPlace?.passGradient(given)
    }
  }

  /// gelu(x W (+ bias)) V (+ its bias), + residual, row by row.
  ///
  /// [N, C], weights of [C, inner] and [inner, C] (or [out, in]) give [N, C]. What lies between the
  /// products is made in the form in which they read it, and so is its gradient.
  public func mlp(
    _ expand: Parameter, bias expandBias: Parameter? = nil, _ contract: Parameter,
    bias contractBias: Parameter? = nil, residual: Tensor? = nil
  ) -> Tensor {
    let first = Weight(expand, of: columns)
    let second = Weight(contract, of: first.outputs)
    let (m, inner, n) = (rows, first.outputs, second.outputs)
    let isRecorded = (tape ?? residual?.tape) != nil
    let isRounded = first.isRounded(m)
    precondition(first.form == second.form, "\(expand.name), \(contract.name): not of one form")
    // What backward reads of x and of what is hidden; their floats are free again.
    let x = Kernel.Factor(storage, m, columns, rounded: isRounded)
    let slope = isRecorded ? Storage(isRounded ? m * sp_bf16_depth(inner) / 2 : m * inner) : nil
    let hidden = Kernel.Factor.made(
      m, inner, rounded: isRounded,
      epilogue: .init(bias: expandBias, activation: SP_GELU, slope: slope)
    ) { first.forward(x, m, to: $0, $1) }
    let out = Storage(m * n)
    second.forward(hidden, m, to: out.pointer, .init(bias: contractBias, residual: residual))
    let (place, residualPlace) = (place, residual?.place)
    return Tensor.result(
      "mlp \(expand.name), \(contract.name)", of: self, residual ?? self, shape: [m, n],
      storage: out
    ) { tape, given in
      let g = Kernel.Factor(
        given, m, n, rounded: isRounded,
        sums: contractBias.map { tape.gradients.zeroedTarget($0) })
      let sums = expandBias.map { tape.gradients.zeroedTarget($0) }
      let dhidden = Kernel.Factor.made(
        m, inner, rounded: isRounded,
        epilogue: .init(activation: SP_SLOPE, slope: slope, sums: sums)
      ) { second.backward(g, m, to: $0, $1) }
      second.addGradient(hidden, g, m, tape)
      place?.addGradient { dx, add in first.backward(dhidden, m, to: dx, add: add) }
      first.addGradient(x, dhidden, m, tape)
      residualPlace?.passGradient(given)
    }
  }
}

extension sp_epilogue_t {
  fileprivate init(
    bias: Parameter? = nil, activation: sp_activation_t = SP_IDENTITY, slope: Storage? = nil,
    sums: UnsafeMutablePointer<Float>? = nil, residual: Tensor? = nil
  ) {
    self.init()
    (self.bias, self.residual) = (UnsafePointer(bias?.pointer), UnsafePointer(residual?.pointer))
    (self.activation, self.sums) = (activation, sums)
    self.slope = slope.map { UnsafeMutableRawPointer($0.pointer) }
  }
}

/// A weight as a factor of products.
private struct Weight {
  let parameter: Parameter
  /// As it was in forward.
  let form: WeightForm
  /// It is [out, in].
  private let flipped: Bool

  init(_ parameter: Parameter, _ layout: WeightLayout? = nil, of columns: Int) {
    (self.parameter, form) = (parameter, parameter.form)
    flipped = (layout ?? parameter.layout) == .outputsFirst
    precondition(
      parameter.shape.rank == 2 && inputs == columns,
      "\(parameter.name): a weight of \(parameter.shape) does not take rows of \(columns)")
  }

  var inputs: Int { parameter.shape[flipped ? 1 : 0] }
  var outputs: Int { parameter.shape[flipped ? 0 : 1] }

  /// Whether rows are rounded once for all products that read them; a few are by the kernel.
  func isRounded(_ rows: Int) -> Bool { form == .bf16 && rows >= 4 }

  /// x W of m rows.
  func forward(
    _ x: Kernel.Factor, _ m: Int, to y: UnsafeMutablePointer<Float>, row: Int? = nil,
    _ epilogue: sp_epilogue_t
  ) {
    Kernel.product(
      form, x, .init(parameter, transposed: flipped), y, m, outputs, inputs, row: row,
      epilogue: epilogue)
  }

  /// g Wᵀ.
  func backward(
    _ g: Kernel.Factor, _ m: Int, to dx: UnsafeMutablePointer<Float>, add: Bool = false,
    _ epilogue: sp_epilogue_t? = nil
  ) {
    Kernel.product(
      form, g, .init(parameter, transposed: !flipped), dx, m, inputs, outputs, add: add,
      epilogue: epilogue)
  }

  /// xᵀ g, added to the weight's gradient.
  func addGradient(_ x: Kernel.Factor, _ g: Kernel.Factor, _ m: Int, _ tape: Tape) {
    let (dw, add) = tape.gradients.target(parameter)
    if flipped {
      Kernel.product(form, g.turned, x, dw, outputs, inputs, m, add: add)
    } else {
      Kernel.product(form, x.turned, g, dw, inputs, outputs, m, add: add)
    }
  }
}
