import Files
import Glibc
import Testing

/// `export`, and the names under which models are opened.
@Suite struct ExportTests {
  private func object(_ bytes: [UInt8]) throws -> [String: JSON] {
    try #require(try JSON.parse(bytes, from: "object").object)
  }

  private func scores(_ workshop: Workshop, _ model: String) throws -> [Double] {
    let outcome = try workshop.succeed(["logits", model, "--ids", "100,101", "--json"])
    let rows = try #require(try object(Array(outcome.output.utf8))["logits"]?.array)
    return rows.flatMap { $0.array?.compactMap(\.double) ?? [] }
  }

  @Test func precisions() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    let outcome = try workshop.succeed(["export", "run", "--out", "made/whole"])
    #expect(outcome.output.isEmpty && outcome.error.contains("wrote made/whole: "), "\(outcome)")
    let files = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    #expect(try workshop.names("made/whole") == files)
    for file in files {
      #expect(try workshop.read("made/whole/" + file) == workshop.read("run/last/" + file))
    }
    let half = ["--precision", "bf16"]
    try workshop.succeed(["export", "run", "--out", "half"] + half)
    try workshop.succeed(["export", "half", "--out", "again"] + half)
    for file in files {
      #expect(try workshop.read("again/" + file) == workshop.read("half/" + file))
    }
    #expect(try object(workshop.read("made/whole/config.json"))["torch_dtype"] == "float32")
    #expect(try object(workshop.read("half/config.json"))["torch_dtype"] == "bfloat16")
    let (exact, rounded) = (try scores(workshop, "run"), try scores(workshop, "half"))
    #expect(exact.count == 2 * 260)
    let error = zip(exact, rounded).map { abs($0 - $1) }.max() ?? .infinity
    #expect((1e-7...0.05).contains(error), "\(error)")
    let sizes = try ["made/whole", "half"].map {
      try workshop.read($0 + "/model.safetensors").count
    }
    #expect((0.5...0.6).contains(Double(sizes[1]) / Double(sizes[0])), "\(sizes)")
  }

  @Test func refusals() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    try workshop.succeed(["export", "run", "--out", "there"])
    let good = try workshop.read("there/model.safetensors")
    let export = ["export", "run", "--out"]
    for (code, arguments, words) in [
      (1, export + ["there"], ["there", "choose another name"]),
      (1, export + ["text.txt"], ["text.txt", "choose another name"]),
      (1, export + ["text.txt/x"], ["text.txt", "cannot create the folder"]),
      (2, ["export", "gone", "--out", "x"], ["no model \"gone\""]),
      (2, ["export", "run@3", "--out", "x"], ["no checkpoint of step 3; it has 2, 4"]),
      (64, ["export", "run"], ["--out"]),
      (64, export + ["x", "--precision", "fp8"], ["precision", "fp8"]),
    ] as [(Int32, [String], [String])] {
      try workshop.refuses(arguments.joined(separator: " "), arguments, code: code, words)
    }
    #expect(try workshop.read("there/model.safetensors") == good)
    let names = try workshop.names()
    let full = try workshop.specola(export + ["x"], shell: "ulimit -f 9; exec \"$@\"")
    #expect(full.code == 1 && full.complaints.count == 1, "\(full)")
    #expect(full.error.contains("model.safetensors") && full.error.contains("no room"), "\(full)")
    #expect(try workshop.names() == names)
  }

  @Test func earlierCheckpoints() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    let (early, late) = (try scores(workshop, "run@2"), try scores(workshop, "run"))
    #expect(early != late)
    #expect(try scores(workshop, "run/checkpoints/step-000002") == early)
    #expect(try scores(workshop, "run@4") == late)
    try workshop.succeed(["export", "run", "--out", "models/small"])
    try workshop.succeed(["export", "run@2", "--out", "models/small/checkpoints/step-000002"])
    #expect(try scores(workshop, "small") == late)
    #expect(try scores(workshop, "small@2") == early)
    try workshop.refuses(
      "no such step", ["generate", "small@4", "--prompt", "a"], ["models/small", "it has 2"])
    // A step to go on from.
    try workshop.succeed(["train", "small@2", "train.json", "--out", "tuned"])
  }

  /// The program finds its files wherever it is started, and however it is called.
  @Test func home() throws {
    let workshop = try Workshop()
    try workshop.succeed(Workshop.train())
    let prefix = workshop.path("prefix")
    try FileSystem.createDirectory(prefix + "/bin")
    try workshop.succeed([], shell: #"cp "$@" prefix/bin/specola"#)
    for (home, model) in [("prefix/share/specola", "shared"), ("given", "own"), ("here", "near")] {
      try workshop.succeed(["export", "run", "--out", "\(home)/models/\(model)"])
    }
    try #require(symlink(prefix + "/bin/specola", workshop.path("link")) == 0)
    func code(_ model: String, _ shell: String, _ environment: [String]) throws -> Int32 {
      try workshop.specola(
        ["tokenize", model, "a"], shell: "shift; " + shell, environment: environment
      ).code
    }
    let direct = #"exec ./prefix/bin/specola "$@""#
    let (linked, inside) = (#"exec ./link "$@""#, #"cd here; exec ../link "$@""#)
    for shell in [direct, linked, inside] {
      #expect(try code("shared", shell, []) == 0, "\(shell)")
      #expect(try code("own", shell, []) == 2, "\(shell)")
      let given = ["SPECOLA_HOME=" + workshop.path("given")]
      #expect(try code("own", shell, given) == 0, "\(shell)")
      #expect(try code("shared", shell, given) == 0, "\(shell)")
      #expect(try code("near", shell, []) == (shell == inside ? 0 : 2), "\(shell)")
    }
    // A clone: the nearest folder above the program that has configs/models.
    try FileSystem.createDirectory(prefix + "/configs/models")
    try workshop.succeed(["export", "run", "--out", "prefix/models/cloned"])
    #expect(try code("cloned", inside, []) == 0)
  }
}
