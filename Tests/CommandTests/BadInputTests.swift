import Files
import Glibc
import Testing

/// Bad input: one line that says what, where and what to do, the right code, and nothing lost.
@Suite struct BadInputTests {
  @Test func corpora() throws {
    let workshop = try Workshop()
    let bytes: [(String, [UInt8])] = [
      ("empty", []), ("one", [65]), ("short", Array("abcdefg".utf8)),
      ("nul", Array("abc\0def ".utf8)), ("latin1", [97, 98, 0xE9, 32, 0xFF]),
    ]
    for (name, content) in bytes {
      let times = content.count > 4 && name != "short" ? 100 : 1
      try workshop.write(
        name + ".txt", [UInt8]((0..<times).flatMap { _ in content }))
    }
    let refused: [(String, [String], [String])] = [
      ("empty", ["byte", "bpe", "character"], ["empty.txt", "is empty", "give more text"]),
      ("one", ["byte", "bpe", "character"], ["one.txt", "a single byte", "give more text"]),
      ("short", ["byte", "bpe", "character"], ["short.txt", "a window needs 17", "context"]),
      ("nul", ["character"], ["nul.txt", "binary", "byte 3", "byte or bpe"]),
      ("latin1", ["character"], ["latin1.txt", "not UTF-8", "byte 2", "byte or bpe"]),
    ]
    for (name, tokenizers, words) in refused {
      for tokenizer in tokenizers {
        let sets = ["data.path=\(name).txt", "data.tokenizer=\(tokenizer)"]
        try workshop.refuses("\(name) \(tokenizer)", Workshop.train(sets), words)
      }
    }
    for (name, tokenizer) in [("nul", "byte"), ("latin1", "byte"), ("nul", "bpe")] {
      let sets = [
        "data.path=\(name).txt", "data.tokenizer=\(tokenizer)", "data.vocabulary=260",
      ]
      try workshop.succeed(Workshop.train(sets, into: name + tokenizer))
    }
  }

  @Test func configurations() throws {
    let workshop = try Workshop()
    try workshop.write("long.txt", String(repeating: "0123456789", count: 40_000))
    try #require(mkfifo(workshop.path("fifo"), 0o600) == 0)
    let largest = "9223372036854775807"
    let cases: [(sets: [String], words: [String])] = [
      (
        ["lerning_rate=3", "stepz=3", "batch_size=x", "model.n_emb=4"],
        ["\"lerning_rate\"", "nearest: steps", "batch_size: \"x\"", "nearest: n_embd"]
      ),
      (["learning_rate=3"], ["nearest: optimizer.learning_rate"]),
      (["optimizer.learning_rate=fast"], ["optimizer.learning_rate", "not a number"]),
      (["optimizer.betas=[1,2,3]", "clip=-1"], ["optimizer.betas must be two", "clip is -1"]),
      (["model.n_head=two", "model.n_layer=1.5"], ["n_head: \"two\"", "n_layer: 1.5"]),
      (["model.n_embd=15"], ["model.json", "n_embd 15 is not divisible by n_head 2"]),
      (["model.vocab_size=10"], ["vocab_size 10", "leave it out, or raise it"]),
      (
        ["steps=0", "batch_size=0", "model.n_layer=0"],
        ["steps is 0", "batch_size", "n_layer is 0"]
      ),
      (["steps=-1", "accumulation=-4", "model.n_embd=-16"], ["steps is -1", "accumulation"]),
      (["accumulation=\(largest)"], ["accumulation", "at most 1048576"]),
      (["evaluate_batches=\(largest)"], ["evaluate_batches", "1048576"]),
      (["model.n_embd=\(largest)", "model.n_inner=\(largest)"], ["n_embd is", "n_inner is"]),
      (["model.n_embd=4096", "model.vocab_size=60000000"], ["need 983 GB", "this machine has"]),
      (["model.n_layer=60000000"], ["60000000 layers", "GB", "make the model smaller"]),
      (["model.n_positions=60000000", "model.n_embd=4096"], ["context of 60000000", "GB"]),
      (
        ["data.path=long.txt", "batch_size=1048576", "model.n_positions=262144"],
        ["1048576 sequences of 262144 tokens", "GB", "lower batch_size"]
      ),
      (["context=5000"], ["text.txt", "a window needs 5001", "smaller context"]),
      (["threads=5000"], ["threads is 5000"]),
      (["dropout=1"], ["dropout must be in 0..<1"]),
      (["data.validation=1.5"], ["data.validation is 1.5"]),
      (["data.validation=[1]"], ["data.validation is [1]"]),
      (["data.validation=0"], ["validation split", "hold out more text"]),
      (["data.validation=gone.txt"], ["gone.txt", "No such file"]),
      (["data.path=gone.txt"], ["gone.txt", "--set data.path"]),
      (["data.path=a\nb\u{1B}"], ["a␊b␛"]),
      (["data.path=fifo"], ["fifo: is a FIFO", "give the path of a file"]),
      (["data.path=null", "data.make=sorts"], ["\"sorts\"", "nearest: sort"]),
      (["data.make=sort"], ["either path", "or make"]),
      (["data.documents=\(largest)"], ["data.documents", "16777216"]),
      (["data.tokenizer=bytes"], ["data.tokenizer \"bytes\"", "byte, character, bpe"]),
      (["precision=int4"], ["precision", "one of"]),
      (["task=masks"], ["task", "one of"]),
    ]
    for (sets, words) in cases {
      try workshop.refuses(sets.joined(separator: " "), Workshop.train(sets), words)
    }
    for vocabulary in ["100", "100000000"] {
      try workshop.refuses(
        "bpe", Workshop.train(["data.tokenizer=bpe", "data.vocabulary=\(vocabulary)"]), code: 64,
        ["vocabulary of \(vocabulary)", "257", "1000000"])
    }
    for path in [".", "fifo", "gone.json"] {
      try workshop.refuses("model \(path)", ["train", path, "train.json"], [path])
      try workshop.refuses("training \(path)", ["train", "model.json", path], [path])
    }
    try workshop.write("cut.json", "{\"steps\": 3,")
    try workshop.refuses("cut", ["train", "model.json", "cut.json"], ["cut.json", "line 1"])
  }

  /// Extreme values that are fine.
  @Test func extremes() throws {
    let workshop = try Workshop()
    let most = "9223372036854775807"
    let sets = [
      "seed=-1", "schedule.warmup=1000000000000", "schedule.steps=\(1 << 40)", "keep_last=\(most)",
      "log_every=\(most)", "checkpoint_every=\(most)", "evaluate_batches=1048576",
      "model.n_head=16",
    ]
    try workshop.succeed(Workshop.train(sets))
    #expect(try workshop.names("run/checkpoints").contains("step-000004"))
  }

  @Test func models() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    for (name, words, damage) in Self.damages {
      try workshop.copy("run/last", name)
      try damage(workshop.path(name))
      try workshop.refuses(
        name, ["generate", name, "--prompt", "the", "--max-tokens", "2"], [name] + words)
    }
    try workshop.refuses(
      "no tokenizer", ["generate", "run/checkpoints", "--prompt", "a"], ["has no config.json"])
  }

  private typealias Damage = @Sendable (_ folder: String) throws -> Void

  private static let damages: [(name: String, words: [String], Damage)] = [
    ("cut", ["cut short"], { truncate($0 + tensors, 1_000) }),
    ("empty", ["too few"], { truncate($0 + tensors, 0) }),
    ("header", ["a header of"], { try $0.put(tensors, [UInt8](repeating: 0x7F, count: 16)) }),
    (
      "overlap", ["begins at byte"],
      { try $0.edit("transformer.wte.weight", "data_offsets", [0, 16_640]) }
    ),
    (
      "overflow", ["impossible shape"],
      { try $0.edit("transformer.wte.weight", "shape", [.int(1 << 40), .int(1 << 40)]) }
    ),
    (
      "offset", ["has no data_offsets", "[begin, end]"],
      { try $0.edit("transformer.wte.weight", "data_offsets", [-1, 9]) }
    ),
    (
      "dtype", ["\"I32\"", "save it as"], { try $0.edit("transformer.wte.weight", "dtype", "I32") }
    ),
    (
      "shape", ["does not fit the model", "the model's is [260, 16]"],
      { try $0.edit("transformer.wte.weight", "shape", [16, 260]) }
    ),
    (
      "pointer", ["../run", "not the name of a file beside it"],
      {
        unlink($0 + tensors)
        try $0.put(
          "/model.safetensors.index.json", #"{"weight_map": {"a": "../run/last/model"}}"#)
      }
    ),
    (
      "fifo", ["is a FIFO"],
      {
        unlink($0 + tensors)
        mkfifo($0 + tensors, 0o600)
      }
    ),
    (
      "folder", ["is a folder"],
      {
        unlink($0 + "/config.json")
        mkdir($0 + "/config.json", 0o700)
      }
    ),
    ("unnamed", ["has no config.json"], { unlink($0 + "/config.json") }),
    ("weightless", ["has no model.safetensors"], { unlink($0 + tensors) }),
    ("broken", ["line 1", "column"], { try $0.put("/config.json", #"{"model_type": "gpt2","#) }),
    ("llama", ["\"llama\"", "gpt2"], { try $0.put("/config.json", #"{"model_type": "llama"}"#) }),
    (
      "huge", ["layers", "GB"],
      { try $0.put("/config.json", #"{"model_type": "gpt2", "n_layer": 60000000}"#) }
    ),
    (
      "tokenizer", ["line 1", "tokenizer.json"],
      { try $0.put("/tokenizer.json", #"{"model": {"type": "BPE""#) }
    ),
    (
      "vocabulary", ["the space before the text", "no token"],
      {
        unlink($0 + "/tokenizer_config.json")
        try $0.put(
          "/tokenizer.json",
          """
          {"model": {"type": "BPE", "unk_token": "<unk>", "vocab": {"<unk>": 0, "a": 1},
          "merges": []}, "pre_tokenizer": {"type": "ByteLevel"}, "decoder": {"type": "ByteLevel"}}
          """)
      }
    ),
    (
      "larger", ["has 300 ids", "the model 260"],
      {
        let pieces = (0..<300).map { "[\"\(Character(Unicode.Scalar(0x4E00 + $0) ?? "a"))\", 0]" }
        try $0.put(
          "/tokenizer.json",
          #"{"model": {"type": "Unigram", "vocab": ["# + pieces.joined(separator: ",") + "]}}")
      }
    ),
  ]

  @Test func values() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    let cases: [(arguments: [String], words: [String])] = [
      (["--temperature", "-1"], ["temperature -1", "give 0"]),
      (["--temperature", "nan"], ["temperature nan", "give 0"]),
      (["--top-k", "0"], ["top-k 0", "give 1 or more"]),
      (["--top-k", "-3"], ["top-k -3", "give 1 or more"]),
      (["--top-p", "0"], ["top-p 0", "above 0 and at most 1"]),
      (["--top-p", "1.5"], ["top-p 1.5", "at most 1"]),
      (["--threads", "0"], ["--threads 0", "1 to 1024"]),
      (["--max-tokens", "-1"], ["--max-tokens -1"]),
      (["--max-tokens", "1e99"], ["--max-tokens", "1e99", "--help"]),
      (["--seed", "-1"], ["--seed", "-1"]),
      (["--path", "sse"], ["--path \"sse\"", "avx2"]),
      (["--nope"], ["--nope", "--help"]),
      (["--ids", "1"], ["either --prompt or --ids"]),
    ]
    for (arguments, words) in cases {
      try workshop.refuses(
        arguments.joined(separator: " "), ["generate", "run", "--prompt", "a"] + arguments,
        code: 64, words)
    }
    for (ids, word) in [("1,260", "\"260\""), ("-1", "\"-1\""), ("1,,2", "\"\""), ("x", "\"x\"")] {
      try workshop.refuses(
        ids, ["logits", "run", "--ids", ids], code: 64, [word, "not an id in 0 to 259"])
    }
    let others: [(code: Int32, arguments: [String], words: [String])] = [
      (64, ["logits", "run", "--ids", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"], ["17 tokens", "16"]),
      (64, ["generate", "run", "--prompt", ""], ["prompt is empty"]),
      (64, ["trian"], ["\"trian\"", "nearest: train"]),
      (64, ["train"], ["a model and a training configuration", "--resume"]),
      (64, ["train", "model.json", "train.json", "--set", "steps"], ["\"steps\"", "key=value"]),
      (64, ["train", "model.json", "train.json", "--minutes", "nan"], ["--minutes nan"]),
      (64, ["train", "model.json", "train.json", "--minutes", "-2"], ["--minutes -2"]),
      (64, ["bench", "train-nono"], ["nearest: train-nano"]),
      (64, ["bench", "op"], ["nearest: ops"]),
      (64, ["bench", "train-sort", "--repeats", "0"], ["--repeats 0", "1 to 1000"]),
      (
        64, ["bench", "train-sort", "--precision", "int8"], ["train-sort", "int8 is for decoding"]
      ),
      (64, ["bench", "train-sort", "--precision", "bf61"], ["bf61"]),
      (64, ["data", "make", "sort", "--documents", "-3"], ["--documents -3"]),
      (2, ["data", "make", "sorts"], ["nearest: sort"]),
      (2, ["data", "get", "tinyshakespear"], ["did you mean tinyshakespeare"]),
      (1, ["data", "build", "text.txt", "--out", "run"], ["run", "choose another name"]),
      (2, ["evaluate", "run", "gone.txt"], ["gone.txt", "check the path"]),
      (2, ["generate", "gone", "--prompt", "a"], ["no model \"gone\"", "give a directory"]),
      (2, Workshop.train(), ["run exists", "--resume", "--out"]),
      (2, Workshop.resume("gone"), ["gone is not a run"]),
      (2, Workshop.resume("run/last"), ["run/last is not a run"]),
      (2, Workshop.resume("run", ["stepz=5"]), ["nearest: steps"]),
      (2, Workshop.resume("run", ["steps=-5"]), ["steps is -5"]),
      (64, Workshop.resume("run", ["model.n_layer=2"]), ["a run keeps its model"]),
      (64, Workshop.resume("run") + ["--minutes", "3"], ["nothing but --set"]),
    ]
    let run = try workshop.read("run/run.json")
    for (code, arguments, words) in others {
      try workshop.refuses(arguments.joined(separator: " "), arguments, code: code, words)
    }
    #expect(try workshop.read("run/run.json") == run)
  }

  @Test func bareSurroundings() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    let arguments = ["generate", "run", "--prompt", "a", "--max-tokens", "2"]
    #expect(try workshop.specola(arguments, environment: []).code == 0)
    let absolute = [workshop.path("model.json"), workshop.path("train.json")]
    try workshop.refuses(
      "a working directory in which nothing can be written",
      ["train"] + absolute
        + ["--set", "data.path=" + workshop.path("text.txt")], code: 1, ["runs", "cannot create"],
      in: "/proc")
  }
}

private let tensors = "/model.safetensors"

extension String {
  /// Writes a file of the folder at this path.
  fileprivate func put(_ name: String, _ text: String) throws { try put(name, Array(text.utf8)) }
  fileprivate func put(_ name: String, _ bytes: [UInt8]) throws {
    try AtomicFile.write(bytes, to: self + name)
  }

  /// Changes what the header of model.safetensors says of one tensor.
  fileprivate func edit(_ tensor: String, _ key: String, _ value: JSON) throws {
    let bytes = try FileSystem.readAll(self + tensors)
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSON.parse(Array(bytes[8..<8 + length]), from: "header")
    var members = try #require(header.object)
    var entry = try #require(members[tensor]?.object)
    entry[key] = value
    members[tensor] = .object(entry)
    let text = Array(JSON.object(members).text().utf8)
    let size = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
    try put(tensors, size + text + bytes[(8 + length)...])
  }
}
