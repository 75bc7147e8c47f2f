// Single operations at the shapes of the workloads, on one lane: what the kernels do, and how far
// that is from what the machine can do.

import Files
import Models
import Tensors

extension BenchRun {
  func operations() throws {
    let one = Lanes(1)
    var table = OperationTable(
      bench: self, peak: Limits.peak(one), streaming: Limits.streaming(one))
    for workload in Workload.all {
      switch workload.kind {
      case .training where precision == .int8, .entropies where precision == .int8: continue
      case .training(let batch, _):
        // A lane's half of the batch, in slices of whole sequences, 512 tokens at most.
        let sequences = min(batch / 2, max(1, 512 / workload.config.context))
        table.addLayers(of: workload, sequences: sequences)
        table.addUpdate(of: workload)
      case .decoding: table.addDecoding(of: workload)
      case .entropies: table.addLayers(of: workload, sequences: 1)
      }
    }
    try tell(
      table: table.rows,
      titles: [
        "workload", "operation", "shape", "µs", "GFLOP/s", "of peak", "GB/s", "of streaming",
      ]
    )
  }
}

/// What an operation does at least: multiplications and additions, and bytes that it must move.
private struct Amount {
  var operations = 0.0
  var bytes = 0.0
}

private struct OperationTable {
  let bench: BenchRun
  let peak, streaming: Double
  private(set) var rows: [(cells: [String], object: [String: JSON])] = []

  init(bench: BenchRun, peak: Double, streaming: Double) {
    (self.bench, self.peak, self.streaming) = (bench, peak, streaming)
  }

  /// The operations of a layer and the loss, forward and backward.
  mutating func addLayers(of workload: Workload, sequences: Int) {
    let c = workload.config
    let (n, width) = (sequences * c.context, c.width)
    for (name, inputs, outputs, layout) in products(c) {
      let weight = matrix(inputs, outputs, layout)
      let bias = layout == .inputsFirst ? parameter([outputs], index: 1) : nil
      let product = Double(2 * n * inputs * outputs)
      add(
        workload, name, "\(n)×\(inputs)×\(outputs)", input: [n, inputs],
        Amount(operations: product), backward: Amount(operations: 2 * product)
      ) { $0.linear(weight, bias: bias, layout: layout) }
    }
    let (expand, contract) = (
      matrix(width, 4 * width, .inputsFirst), matrix(4 * width, width, .inputsFirst, index: 1)
    )
    let biases = (parameter([4 * width], index: 2), parameter([width], index: 3))
    let products = Double(16 * n * width * width)
    add(
      workload, "mlp", "\(n)×\(width)×\(4 * width)", input: [n, width],
      Amount(operations: products), backward: Amount(operations: 2 * products)
    ) { $0.mlp(expand, bias: biases.0, contract, bias: biases.1) }
    let heads = HeadLayout(heads: c.heads, width: width / c.heads)
    let ranges = KeyRanges(
      first: Array(repeating: 0, count: c.context), last: (1...Int32(c.context)).map { $0 },
      keys: c.context)
    let plan = AttentionPlan(
      (0..<sequences).map { .init(rows: $0 * c.context..<($0 + 1) * c.context, ranges: ranges) })
    // Every query with the keys up to its own; backward has five such products, forward two.
    let pairs = Double(2 * width * sequences * c.context * (c.context + 1) / 2)
    add(
      workload, "attention", "\(sequences)×\(c.context), \(heads.heads)×\(heads.width)",
      input: [n, heads.packedWidth], Amount(operations: 2 * pairs),
      backward: Amount(operations: 5 * pairs)
    ) { [form = bench.precision] in $0.attention(heads, plan, form: form) }
    let (gain, bias) = (parameter([width]), parameter([width], index: 1))
    add(
      workload, "norm", "\(n)×\(width)", input: [n, width], Amount(bytes: Double(8 * n * width)),
      backward: Amount(bytes: Double(12 * n * width))
    ) { $0.norm(gain: gain, bias: bias, epsilon: 1e-5) }
    let targets = (0..<n).map { Int32($0 % c.vocabulary) }
    let logits = Double(4 * n * c.vocabulary)
    add(
      workload, "cross-entropy", "\(n)×\(c.vocabulary)", input: [n, c.vocabulary],
      Amount(bytes: logits), backward: Amount(bytes: 2 * logits)
    ) { $0.crossEntropy(targets).sum }
  }

  /// The matrices that one token is multiplied with: each weight is read once.
  mutating func addDecoding(of workload: Workload) {
    for (name, inputs, outputs, layout) in products(workload.config) {
      let weight = matrix(inputs, outputs, layout)
      let x = Tensor([1, inputs], (0..<inputs).map { Float($0 % 7) - 3 })
      let count = Double(inputs * outputs)
      add(
        workload, name, "1×\(inputs)×\(outputs)",
        Amount(operations: 2 * count, bytes: bench.bytesAWeight * count)
      ) { specola.seconds { _ = x.linear(weight, layout: layout) } }
    }
  }

  /// The sum over two lanes with its norm, and the step of the optimizer, over all parameters.
  mutating func addUpdate(of workload: Workload) {
    let count = GPT(workload.config).parameters.count
    let storages = (0..<4).map { _ in Storage(zeros: count) }
    let floats = storages.map(\.floats)
    add(workload, "reduce", "\(count)", Amount(bytes: Double(12 * count))) {
      specola.seconds { _ = Updates.reduce(floats[0], adding: [floats[1]]) }
    }
    add(workload, "adamw", "\(count)", Amount(bytes: Double(28 * count))) {
      specola.seconds {
        Updates.adamW(
          floats[0], first: floats[1], second: floats[2], gradient: floats[3], step: 1, rate: 1e-3,
          betas: (0.9, 0.999), epsilon: 1e-8, decay: 0.1, scale: 1)
      }
    }
    withExtendedLifetime(storages) {}
  }

  // MARK: - Measuring

  /// The matrices of a layer, and the output layer.
  private func products(
    _ c: GPTConfig
  ) -> [(name: String, inputs: Int, outputs: Int, layout: WeightLayout)] {
    let width = c.width
    return [
      ("queries, keys, values", width, 3 * width, .inputsFirst),
      ("attention output", width, width, .inputsFirst),
      ("mlp in", width, 4 * width, .inputsFirst), ("mlp out", 4 * width, width, .inputsFirst),
      ("scores", width, c.vocabulary, .outputsFirst),
    ]
  }

  /// A weight in the form that is measured.
  private func matrix(
    _ inputs: Int, _ outputs: Int, _ layout: WeightLayout, index: Int = 0
  ) -> Parameter {
    let shape: Shape = layout == .inputsFirst ? [inputs, outputs] : [outputs, inputs]
    let weight = parameter(shape, index: index, layout: layout)
    weight.use(bench.precision, training: bench.precision != .int8)
    weight.packingWork.forEach { $0() }
    return weight
  }

  private func parameter(
    _ shape: Shape, index: Int = 0, layout: WeightLayout? = nil
  ) -> Parameter {
    let parameter = Parameter("operation", shape, .zeros, index: index, layout: layout)
    for i in parameter.storage.floats.indices { parameter.storage.floats[i] = Float(i % 5) * 0.01 }
    return parameter
  }

  /// Both directions of an operation with at most four parameters.
  private mutating func add(
    _ workload: Workload, _ name: String, _ shape: String, input: Shape, _ forward: Amount,
    backward: Amount, _ body: (Tensor) -> Tensor
  ) {
    let gradients = Gradients(parameterCount: 4)
    let x = Tensor(input, (0..<input.count).map { Float($0 % 11) * 0.1 - 0.5 })
    func run(isBackward: Bool) -> Double {
      gradients.begin()
      let tape = Tape(gradients)
      let leaf = tape.leaf(x)
      var result = x
      let forward = specola.seconds { result = body(leaf) }
      let backward = specola.seconds { tape.backward(from: result) }
      return isBackward ? backward : forward
    }
    add(workload, name, shape, forward) { run(isBackward: false) }
    add(workload, name + " backward", shape, backward) { run(isBackward: true) }
  }

  /// `run` does the operation once and tells the seconds that count.
  private mutating func add(
    _ workload: Workload, _ name: String, _ shape: String, _ amount: Amount, _ run: () -> Double
  ) {
    _ = run()
    let times = max(1, Int(0.01 / max(1e-6, run())))
    let seconds = bench.median {
      (0..<times).reduce(0) { sum, _ in sum + run() } / Double(times)
    }
    let (flops, bytes) = (amount.operations / seconds, amount.bytes / seconds)
    func cells(_ rate: Double, of limit: Double) -> [String] {
      rate > 0 ? [fixed(rate / 1e9, 1), percent(rate / limit)] : ["–", "–"]
    }
    rows.append(
      (
        [workload.name, name, shape, fixed(1e6 * seconds, 1)] + cells(flops, of: peak)
          + cells(bytes, of: streaming),
        [
          "workload": .string(workload.name), "operation": .string(name), "shape": .string(shape),
          "seconds": .double(seconds), "gflop_per_s": .double(flops / 1e9),
          "share_of_peak": .double(flops / peak), "gb_per_s": .double(bytes / 1e9),
          "share_of_streaming": .double(bytes / streaming),
        ]
      ))
  }
}
