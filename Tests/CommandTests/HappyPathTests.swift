import Files
import Glibc
import Testing

/// What the commands print, as docs and other programs rely on it.
@Suite struct HappyPathTests {
  private func object(_ outcome: Outcome) throws -> [String: JSON] {
    try #require(try JSON.parse(Array(outcome.output.utf8), from: "output").object)
  }

  @Test func modelCommands() throws {
    let workshop = try Workshop()
    let trained = try workshop.succeed(Workshop.train() + ["--json"])
    let lines = try trained.output.split(separator: "\n").map {
      try #require(try JSON.parse(Array($0.utf8), from: "line").object).keys.sorted()
    }
    let step = ["gradient_norm", "learning_rate", "loss", "step", "tokens_per_s"]
    let evaluation = ["bits_per_byte", "bytes", "step", "validation_loss"]
    #expect(lines == [step, step, evaluation, step, step, evaluation])
    #expect(try workshop.read("run/log.jsonl") == Array(trained.output.utf8))

    let arguments = ["generate", "run", "--prompt", "the", "--max-tokens", "30", "--json"]
    let first = try workshop.succeed(arguments + ["--seed", "7", "--top-k", "40"])
    #expect(
      try workshop.succeed(arguments + ["--seed", "7", "--top-k", "40"]).output == first.output)
    #expect(try workshop.succeed(arguments + ["--seed", "8"]).output != first.output)
    let generated = try object(first)
    #expect(generated.keys.sorted() == ["ids", "prompt_ids", "text"])
    #expect(generated["prompt_ids"]?.array?.count == 3)
    #expect(generated["ids"]?.array?.count == 30)
    let greedy = try workshop.succeed(arguments + ["--temperature", "0"])
    let again = try workshop.succeed(arguments + ["--temperature", "0", "--seed", "9"])
    #expect(greedy.output == again.output)

    let scores = try object(workshop.succeed(["logits", "run", "--ids", "100,101", "--json"]))
    let rows = try #require(scores["logits"]?.array)
    #expect(scores["ids"] == [100, 101])
    #expect(rows.map { $0.array?.count } == [260, 260])
    #expect(rows.allSatisfy { $0.array?.allSatisfy { $0.double?.isFinite ?? false } ?? false })

    let judged = try object(workshop.succeed(["evaluate", "run", "text.txt", "--json"]))
    #expect(judged.keys.sorted() == ["bits_per_byte", "bytes", "loss", "perplexity", "tokens"])
    #expect(judged["tokens"] == .int(35 * 80 - 1))

    let pieces = try object(workshop.succeed(["tokenize", "run", "aé", "--json"]))
    #expect(pieces == ["ids": [101, 199, 173], "tokens": ["a", "\\xC3", "\\xA9"]])
  }

  @Test func data() throws {
    let workshop = try Workshop()
    let made = ["data", "make", "tales-en", "--documents", "20"]
    let stories = try workshop.succeed(made).output
    #expect(try workshop.succeed(made).output == stories)
    #expect(try workshop.succeed(made + ["--seed", "-1"]).output != stories)
    #expect(stories.split(separator: "\n").count == 20)
    try workshop.succeed(made + ["--out", "tales.txt"])
    #expect(try workshop.read("tales.txt") == Array(stories.utf8))
    let known = try object(workshop.succeed(["data", "list", "--json"]))
    #expect(known["make"] == ["sort", "adder", "copy", "tales", "tales-en", "tales-it"])
    let build = ["data", "build", "tales.txt", "text.txt", "--out", "atlas"]
    try workshop.succeed(build + ["--tokenizer", "bpe", "--vocabulary", "300"])
    try workshop.succeed(Workshop.train(["data.path=atlas"]))
    try workshop.succeed(["evaluate", "run", "atlas"])
  }

  @Test func trainingFurther() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    for (model, run) in [("run", "tuned"), ("run/checkpoints/step-000002", "earlier")] {
      try workshop.succeed(["train", model, "train.json", "--out", run])
      #expect(
        try workshop.read("\(run)/last/tokenizer.json") == workshop.read("run/last/tokenizer.json"))
    }
    #expect(
      try workshop.read("tuned/last/model.safetensors")
        != workshop.read("earlier/last/model.safetensors"))
    try workshop.refuses(
      "the shape of a checkpoint",
      Workshop.train(["model.n_layer=3"], into: "x")
        .map { $0 == "model.json" ? "run" : $0 }, code: 64, ["model.n_layer", "shape is fixed"])
    let sets = ["steps=1", "evaluate_every=100", "checkpoint_every=1000000", "log_every=1000"]
    let timed = try workshop.succeed(Workshop.train(sets, into: "timed") + ["--minutes", "0.01"])
    #expect(timed.error.contains("steps fit into 0.01 minutes"), "\(timed)")
    #expect(timed.output.split(separator: "\n").count > 3, "\(timed)")
  }

  @Test func machine() throws {
    let workshop = try Workshop()
    let health = try object(workshop.succeed(["doctor", "--json"]))
    #expect(health["resume_self_test"] == "equal to the bit")
    #expect(health["home"] != .null)
  }
}
