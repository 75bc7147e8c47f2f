import Files
import Glibc
import Screen
import TestSupport
import Testing
import Training
import Workbench

/// A folder with a tiny recipe, and sessions that train it.
struct TrainBench {
  var session: Session
  let folder: String

  /// Begins in the Train view; a headless session has all its commands from a script.
  init(_ folder: String, isHeadless: Bool = true) throws {
    self.folder = folder
    try AtomicFile.write(
      #"{"n_embd": 12, "n_layer": 1, "n_head": 2, "n_positions": 16}"#, to: folder + "/shape.json")
    try AtomicFile.write(
      """
      {"data": {"make": "tales-en", "documents": 40}, "steps": 30, "batch_size": 2, "threads": 1,
      "log_every": 1, "evaluate_every": 10, "evaluate_batches": 1, "checkpoint_every": 10,
      "schedule": {"name": "constant"}}
      """, to: folder + "/tiny.json")
    session = Session(engine: Engine(version: "test"), version: "test", isHeadless: isHeadless)
    run("view train")
  }

  /// The recipe of an entropy model, or of a BLT over that model's run.
  func trainBytes(_ what: String, _ options: String = "") throws -> String {
    let stack = #""hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2"#
    try AtomicFile.write(
      what == "blt"
        ? """
        {"model_type": "blt", "max_position_embeddings": 48, "local_attention_window_len": 16,
        "encoder_hash_byte_group_vocab": 31, "encoder_config": {\(stack)},
        "decoder_config": {\(stack)}, "global_config": {\(stack), "intermediate_size": 24}}
        """
        : """
        {"model_type": "blt_patcher", "max_position_embeddings": 48, "sliding_window": 16, \(stack),
        "intermediate_size": 20}
        """, to: "\(folder)/\(what).json")
    return "train \"\(folder)/tiny.json\" model=\"\(folder)/\(what).json\" "
      + "data.tokenizer=byte out=\"\(folder)/\(what)\" \(options)"
  }

  /// The command that begins the recipe.
  func train(_ options: String = "", into run: String = "run") -> String {
    "train \"\(folder)/tiny.json\" model=\"\(folder)/shape.json\" "
      + "out=\"\(folder)/\(run)\" \(options)"
  }

  var bench: Bench { session.bench }

  /// Runs a line and waits until the engine has done all that it was asked for.
  mutating func run(_ line: String) {
    session.run(line: line)
    settle()
  }

  mutating func settle() {
    await_("an idle engine") { !$0.isPlaying && $0.bench.pending == 0 && $0.isSettledOrRunning }
  }

  /// Does what a key runs.
  mutating func press(_ key: Key) throws {
    guard case .run(let command) = bench.action(for: key) else {
      Issue.record("\(key) runs nothing")
      return
    }
    try session.run(command, by: "key")
  }

  /// Waits until something holds.
  mutating func await_(_ what: String, _ holds: (Session) -> Bool) {
    let isSo = comes { holds(session) || (session.absorb(waiting: 50) && holds(session)) }
    #expect(isSo, "it never is \(what)")
  }

  /// The value of a reading as `say` prints it.
  func reading(_ name: String) throws -> String {
    try Reading.value(of: name, in: bench).description
  }

  func number(_ name: String) throws -> Double {
    guard case .number(let value) = try Reading.value(of: name, in: bench) else { return .nan }
    return value
  }

  func screen(_ size: Size, _ look: Look = .plain) -> String {
    var canvas = Canvas(rows: size.rows, columns: size.columns)
    bench.draw(on: &canvas)
    return canvas.text(look)
  }
}

extension Session {
  /// While a run goes on by itself the engine is never at rest.
  fileprivate var isSettledOrRunning: Bool { isSettled || bench.train.isRunning }
}

func withTrainBench<Result>(
  isHeadless: Bool = true, _ body: (inout TrainBench) throws -> Result
) throws -> Result {
  try withTemporaryFolder { folder in
    var bench = try TrainBench(folder, isHeadless: isHeadless)
    defer { bench.session.close() }
    return try body(&bench)
  }
}

/// The run of the design's drawing, written by hand: its log, and checkpoints every 400 steps.
func makeDrawnRun(_ path: String) throws {
  var config = TrainingConfig()
  (config.data.make, config.data.documents) = ("tales-en", 40)
  (config.steps, config.batchSize, config.seed, config.threads) = (3_500, 2, 7, 1)
  (config.evaluateEvery, config.evaluateBatches, config.checkpointEvery) = (400, 1, 400)
  (config.keepLast, config.optimizer.learningRate) = (10, 1e-3)
  let shape: JSON = ["n_embd": 12, "n_layer": 1, "n_head": 2, "n_positions": 16]
  let folder = try TrainingRun.create(
    path, .configuration(shape, path: "tales-en.json", sets: []), config, version: "test")
  let run = try TrainingRun(folder)
  for step in stride(from: 400, through: 2_400, by: 400) {
    run.trainer.resume(at: step)
    try run.save()
  }
  func loss(_ step: Int) -> Double {
    0.33 + 3.7 * exp(-Double(step) / 180) + 0.6 * exp(-Double(step) / 900)
  }
  var lines: [JSON] = []
  for step in stride(from: 10, through: 2_400, by: 10) {
    lines.append([
      "step": .int(step), "loss": .double(loss(step)), "learning_rate": 0.00094,
      "gradient_norm": .double(0.1 + 1 / Double(step)), "tokens_per_s": 61_300,
    ])
    if step % 400 == 0 {
      lines.append([
        "step": .int(step), "validation_loss": .double(loss(step) + 0.01), "bits_per_byte": 0.5,
      ])
    }
  }
  try AtomicFile.write(lines.map { $0.text() + "\n" }.joined(), to: path + "/log.jsonl")
}
