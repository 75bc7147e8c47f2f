// How the cost of a training step grows: with the layers, and with the positions at equal tokens.

import Files
import Models
import Training

extension BenchRun {
  func scaling() throws {
    let tokens = 4096
    var rows: [(cells: [String], object: [String: JSON])] = []
    let layers = [1, 2, 4, 8].map { (layers: $0, positions: 128) }
    let positions = [64, 128, 256, 512, 1024, 2048].map { (layers: 4, positions: $0) }
    for (layers, positions) in layers + positions {
      let workload = Workload(
        "scaling", [65, positions, 128, layers, 4],
        .training(batch: tokens / positions, steps: 1))
      let model = GPT(workload.config)
      model.parameters.initialize(seed: 1)
      let trainer = trainer(model, batch: tokens / positions)
      for _ in 0..<2 { _ = try trainer.next() }
      let time = try median { try seconds { _ = try trainer.next() } } / Double(tokens)
      // Forward and backward: three products for each of forward's.
      let products = 3 * workload.operations(before: 0)
      let attention = 3 * workload.operations(before: Double(positions + 1) / 2) - products
      rows.append(
        (
          [
            "\(layers)", "\(positions)", fixed(1e6 * time, 2), fixed(products / 1e6, 2),
            fixed(attention / 1e6, 2), percent(attention / (products + attention)),
            fixed((products + attention) / time / 1e9, 0),
          ],
          [
            "layers": .int(layers), "positions": .int(positions),
            "seconds_per_token": .double(time),
            "flop_per_token_products": .double(products),
            "flop_per_token_attention": .double(attention),
          ]
        ))
    }
    try tell(
      table: rows,
      titles: [
        "layers", "positions", "µs a token", "MFLOP of products", "of attention", "its share",
        "GFLOP/s",
      ])
  }
}
