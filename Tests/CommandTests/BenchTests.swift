import Files
import Testing

/// What `bench` and `scripts/compare` print; how fast anything is, is not tested.
@Suite struct BenchTests {
  private func lines(_ workshop: Workshop, _ arguments: [String]) throws -> [[String: JSON]] {
    let outcome = try workshop.succeed(["bench", "--repeats", "1", "--json"] + arguments)
    return try outcome.output.split(separator: "\n").map {
      try #require(try JSON.parse(Array($0.utf8), from: "line").object)
    }
  }

  private func isPositive(_ value: JSON?) -> Bool { (value?.double ?? 0) > 0 }

  @Test func workloads() throws {
    let workshop = try Workshop()
    let common: Set = [
      "workload", "mode", "path", "threads", "seconds", "tokens_per_s", "bytes_held",
      "pool_misses_after_warm_up",
    ]
    // In the order of the workloads, not of the arguments.
    let names = ["decode-baby", "train-sort"]
    let found = try lines(workshop, names + ["--threads", "2", "--path", "portable"])
    #expect(found.map { $0["workload"] } == ["train-sort", "decode-baby"])
    #expect(
      found.map { Set($0.keys) } == [
        common.union(["loss", "gflop_per_s", "share_of_peak"]),
        common.union(["gb_per_s", "share_of_streaming"]),
      ])
    for line in found {
      #expect(line["mode"] == "float32" && line["path"] == "portable" && line["threads"] == 2)
      #expect(line["pool_misses_after_warm_up"] == 0)
      for key in line.keys where line[key]?.double != nil && !key.hasPrefix("pool") {
        #expect(isPositive(line[key]), "\(key) of \(line)")
      }
    }
    // The same steps on the same numbers end at the same bits.
    let again = try lines(workshop, ["train-sort", "--threads", "2", "--path", "portable"])
    #expect(again[0]["loss"] == found[0]["loss"])
  }

  @Test func operations() throws {
    let found = try lines(try Workshop(), ["ops"])
    let names = Set(found.compactMap { $0["operation"]?.string })
    let layer = ["queries, keys, values", "mlp in", "attention", "norm", "cross-entropy"]
    #expect(names.isSuperset(of: layer + layer.map { $0 + " backward" } + ["adamw", "reduce"]))
    #expect(Set(found.compactMap { $0["workload"]?.string }).count == 6)
    for line in found {
      #expect(isPositive(line["seconds"]), "\(line)")
      #expect(isPositive(line["gflop_per_s"]) || isPositive(line["gb_per_s"]), "\(line)")
    }
  }

  @Test func scalingAndFrames() throws {
    let workshop = try Workshop()
    let found = try lines(workshop, ["scaling", "frames"])
    let scaling = found.filter { $0["layers"] != nil }
    #expect(scaling.map { $0["layers"] } == [1, 2, 4, 8, 4, 4, 4, 4, 4, 4])
    #expect(scaling.map { $0["positions"] }.suffix(6) == [64, 128, 256, 512, 1024, 2048])
    // What the table is about: products by the layers, attention by the positions.
    func flops(_ line: [String: JSON], _ of: String) -> Double {
      line["flop_per_token_" + of]?.double ?? 0
    }
    let layer = (flops(scaling[3], "products") - flops(scaling[2], "products")) / 4
    #expect(layer == flops(scaling[1], "products") - flops(scaling[0], "products"))
    #expect(layer == 3 * 2 * 12 * 128 * 128)
    #expect(flops(scaling[9], "attention") / flops(scaling[8], "attention") == 2049.0 / 1025.0)
    let frames = found.filter { $0["turn"] == .null }
    #expect(frames.count == 12)
    #expect(frames.map { $0["columns"] } == (0..<12).map { $0 % 2 == 0 ? 80 : 200 })
    let turns = found.compactMap { $0["turn"]?.string }
    #expect(turns.count == 4 && Set(turns).count == 4)
    #expect(found.allSatisfy { isPositive($0["seconds"]) || isPositive($0["seconds_per_token"]) })
    #expect(try workshop.names().sorted() == ["model.json", "text.txt", "train.json"])
  }

  @Test func comparison() throws {
    let workshop = try Workshop()
    func row(_ side: String, _ workload: String, _ mode: String, _ rate: Double, _ more: String) {
      rows += """
        {"side": "\(side)", "workload": "\(workload)", "mode": "\(mode)", \
        "\(workload == "entropy" ? "bytes" : "tokens")_per_s": \(rate), "forced": false\(more)}

        """
    }
    var rows = ""
    // The median of three rounds, and not their mean or best, is what counts.
    for (round, rate) in [1000.0, 5000, 2000].enumerated() {
      let more = #", "round": \#(round), "path": "avx512", "threads": 2"#
      row("specola", "train-nano", "float32", rate, more)
      row("specola", "train-nano", "bf16", 3 * rate, more)
    }
    row("pytorch", "train-nano", "float32 eager", 400, "")
    row("pytorch", "train-nano", "float32 compile", 800, "")
    row("pytorch", "train-nano", "bf16 eager", 1000, "")
    row("specola", "entropy", "float32", 30, "")
    row("pytorch", "entropy", "float32 eager", 20, "")
    row("specola", "decode-baby", "float32", 1100, #", "share_of_streaming": 0.874"#)
    row("specola", "decode-baby", "int8", 3000, "")
    row("ctranslate2", "decode-baby", "float32", 800, "")
    row("llama.cpp", "decode-baby", "F32", 1000, "")
    row("llama.cpp", "decode-baby", "Q8_0", 2400, "")
    try workshop.write("rows.jsonl", rows)
    let made = try Files.run(
      ["python3", Workshop.home + "/scripts/compare", "--table", workshop.path("rows.jsonl")])
    #expect(made.status == 0)
    #expect(
      String(decoding: made.output, as: UTF8.self) == """
        Tokens or bytes a second: medians of 3 rounds in turns, 2 threads, path avx512.

        | workload | Specola, best | peers, best of all modes | ratio | Specola float32 | \
        peers, best float32 | ratio |
        |---|---|---|---|---|---|---|
        | `train-nano` | 6,000 bf16 | 1,000 (pytorch bf16 eager) | **6.00** | 2,000 float32 | \
        800 (pytorch float32 compile) | **2.50** |
        | `entropy` | 30 float32 | 20 (pytorch float32 eager) | **1.50** | 30 float32 | \
        20 (pytorch float32 eager) | **1.50** |

        | workload | precision | Specola | peers, best | ratio | Specola, of the streaming rate |
        |---|---|---|---|---|---|
        | `decode-baby` | float32 | 1,100 | 1,000 (llama.cpp F32) | **1.10** | 87 % |
        | `decode-baby` | int8 | 3,000 | 2,400 (llama.cpp Q8_0) | **1.25** | – |

        """)
    // A busy machine is said to be one.
    try workshop.write("busy.jsonl", rows.replacing("\"forced\": false", with: "\"forced\": true"))
    let busy = try Files.run(
      ["python3", Workshop.home + "/scripts/compare", "--table", workshop.path("busy.jsonl")])
    #expect(String(decoding: busy.output, as: UTF8.self).contains("ON A BUSY MACHINE"))
  }
}
