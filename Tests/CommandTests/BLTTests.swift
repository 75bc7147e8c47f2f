import Files
import Glibc
import TestSupport
import Testing

/// The Byte Latent Transformer from the command line: an entropy model, its patches, a BLT on them.
@Suite struct BLTTests {
  private func object(_ outcome: Outcome) throws -> [String: JSON] {
    try #require(try JSON.parse(Array(outcome.output.utf8), from: "output").object)
  }

  private func prepared() throws -> Workshop {
    let workshop = try Workshop()
    let stack = #""hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2"#
    try workshop.write(
      "entropy.json",
      """
      {"model_type": "blt_patcher", "max_position_embeddings": 40, "sliding_window": 8, \(stack),
      "intermediate_size": 24}
      """)
    try workshop.write(
      "blt.json",
      """
      {"model_type": "blt", "max_position_embeddings": 40, "local_attention_window_len": 16,
      "encoder_hash_byte_group_vocab": 61, "encoder_config": {\(stack)},
      "decoder_config": {\(stack)}, "global_config": {\(stack), "intermediate_size": 24}}
      """)
    try workshop.succeed(["train", "entropy.json", "train.json", "--out", "entropy"])
    return workshop
  }

  private let train = ["train", "blt.json", "train.json", "--set", "patcher=entropy"]

  @Test func trainsInStages() throws {
    let workshop = try prepared()
    let text = try object(
      workshop.succeed(["entropy", "entropy", "--text", "the quíck", "--json"]))
    #expect(
      text.keys.sorted() == ["entropies", "ids", "patch_lengths", "rule", "threshold"])
    let ids: [JSON] = [1, 120, 108, 105, 36, 117, 121, 199, 177, 103, 111]
    #expect(text["ids"]?.array == ids && text["entropies"]?.array?.count == 11)
    let lengths = text["patch_lengths"]?.array?.compactMap(\.int) ?? []
    #expect(lengths.first == 1 && lengths.reduce(0, +) == 11 && text["rule"] == "global")

    try workshop.succeed(train + ["--set", "target_patch=3", "--out", "whole"])
    try workshop.succeed(train + ["--set", "target_patch=3", "--set", "steps=2", "--out", "half"])
    try workshop.succeed(Workshop.resume("half", ["steps=4"]))
    let weights = "/checkpoints/step-000004/model.safetensors"
    #expect(try workshop.read("half" + weights) == workshop.read("whole" + weights))
    // The patcher stays as it was trained, and its threshold is the target's.
    let own = ["--text", "the quick brown fox", "--threshold", "5.4", "--json"]
    let first = try workshop.succeed(["entropy", "entropy"] + own).output
    #expect(try workshop.succeed(["entropy", "whole"] + own).output == first)
    let config = try JSON.parse(
      workshop.read("whole/checkpoints/step-000004/config.json"), from: "config")
    #expect(config["patching_threshold"] != .double(1.335442066192627))

    let arguments = ["generate", "whole", "--prompt", "the", "--max-tokens", "60", "--json"]
    let generated = try object(workshop.succeed(arguments))
    #expect(generated["prompt_ids"] == [1, 120, 108, 105])
    let scores = try object(workshop.succeed(["logits", "whole", "--prompt", "the", "--json"]))
    #expect(scores["logits"]?.array?.map { $0.array?.count } == [260, 260, 260, 260])
    let judged = try object(workshop.succeed(["evaluate", "whole", "text.txt", "--json"]))
    #expect(judged["bits_per_byte"]?.double.map { $0 > 4 && $0 < 9 } ?? false)
  }

  /// What the workbench says of a BLT is what the commands compute, at any threshold.
  @Test func theWorkbenchAgrees() throws {
    let workshop = try prepared()
    try workshop.succeed(train + ["--set", "target_patch=3", "--out", "run"])
    try workshop.succeed(["export", "run", "--out", "model"])
    let config = String(decoding: try workshop.read("model/config.json"), as: UTF8.self)
    let own = try #require(
      try JSON.parse(Array(config.utf8), from: "config")["patching_threshold"]?.double)
    let text = "the quick fox, perché?"
    var seen: Set<String> = []
    for threshold in [own, 5.4, 0] {
      // The model's own threshold is the only one that the commands read.
      try workshop.write(
        "model/config.json",
        config.replacing(
          "\"patching_threshold\": \(own)", with: "\"patching_threshold\": \(threshold)"))
      let script = [
        "view entropy", "prompt \(text)", "say blt-bits-per-byte", "say patches", "say threshold",
        "view model", "stage decoder", "say stage", "view generate", "temperature 0", "sample 4",
        "say id[-1]",
      ]
      try workshop.write("say.specola", "model model\n" + script.joined(separator: "\n"))
      let said = try workshop.succeed(["open", "--no-tui", "--script", "say.specola"]).output
        .split(separator: "\n")
      try #require(said.count == 5, "\(said)")
      #expect(
        Double(said[2]).map { abs($0 - threshold) < 1e-5 } == true && said[3] == "\"decoder\"")
      let told = try object(workshop.succeed(["logits", "model", "--prompt", text, "--json"]))
      let ids = try #require(told["ids"]?.array).compactMap(\.int)
      var nats = 0.0
      for (row, next) in zip(try #require(told["logits"]?.array), ids.dropFirst()) {
        let scores = try #require(row.array).compactMap(\.double)
        nats += log(scores.reduce(0) { $0 + exp($1) }) - scores[next]
      }
      let bits = nats / log(2) / Double(text.utf8.count)
      #expect(Double(said[0]).map { abs($0 - bits) < 1e-4 } == true, "\(said[0]), \(bits)")
      let cut = try object(workshop.succeed(["entropy", "model", "--text", text, "--json"]))
      let lengths = try #require(cut["patch_lengths"]?.array).compactMap(\.int)
      #expect(lengths[0] == 1 && Int(said[1]) == lengths.count - 1, "the start token is a patch")
      seen.insert(String(said[0]))
    }
    #expect(seen.count == 3)
  }

  /// Ctrl-C while the entropy model reads the corpus: no run, whole or half, is left.
  @Test func anInterruptedReadingLeavesNothing() throws {
    let workshop = try prepared()
    let text = String(repeating: "the quick brown fox jumps over it. ", count: 300_000)
    try workshop.write("long.txt", text)
    let before = try workshop.names()
    let running = try workshop.start(
      train + ["--set", "data.path=long.txt", "--set", "target_patch=3", "--out", "run"])
    let isReading = try comes {
      try workshop.names().contains { name in
        name.hasPrefix(".run.")
          && ((try? workshop.names(name)) ?? []).contains { $0.hasPrefix(".entropies.") }
      }
    }
    running.signal(SIGINT)
    let outcome = try running.wait()
    #expect(isReading && outcome.code == 130, "\(outcome)")
    let said = "specola: error: stopped before run was made; nothing is kept\n"
    #expect(outcome.error == said && outcome.output.isEmpty, "\(outcome)")
    #expect(try workshop.names() == before)
  }

  @Test func readsAnyBytes() throws {
    let workshop = try prepared()
    let long = [UInt8]((0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) })
    let texts: [(String, [UInt8])] = [
      ("none", []), ("one", [0]), ("invalid", [0xFF, 0xC3, 0, 10, 0xE2, 0x82]), ("long", long),
    ]
    for (name, bytes) in texts {
      try workshop.write(name, bytes)
      for rule in ["global", "monotonic", "added", "top-k", "space", "static", "byte"] {
        let outcome = try workshop.succeed(["entropy", "entropy", name, "--rule", rule, "--json"])
        let found = try object(outcome)
        let count = bytes.count + 1
        #expect(found["ids"]?.array?.count == count && found["entropies"]?.array?.count == count)
        let lengths = found["patch_lengths"]?.array?.compactMap(\.int) ?? []
        #expect(lengths.reduce(0, +) == count && lengths.allSatisfy { $0 > 0 })
        #expect(outcome.error.contains("positions go on") == (count > 40))
      }
    }
    let shown = try workshop.succeed(["entropy", "entropy", "--text", "città", "--rule", "byte"])
    #expect(shown.output.hasPrefix("|c|i|t|t|") && shown.error.contains("7 patches of 1.00"))
  }

  /// The ends that flip in bf16 are those that the printed entropies give.
  @Test func countsFlips() throws {
    let workshop = try prepared()
    // In the middle of the entropies, where a rounding flips many.
    try workshop.write("mixed", (0..<3_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })
    let text = ["entropy", "entropy", "mixed", "--json"]
    let all = try object(workshop.succeed(text))["entropies"]?.array?.compactMap(\.double) ?? []
    let middle = all.sorted()[1_500]
    let threshold = ["--threshold", "\(middle)"]
    let exact = try object(workshop.succeed(text + threshold))
    let half = try object(workshop.succeed(text + threshold + ["--precision", "bf16"]))
    func ends(_ found: [String: JSON]) throws -> [Bool] {
      let entropies = try #require(found["entropies"]?.array?.map { $0.double ?? 0 })
      return entropies.enumerated().map { $0 == 0 || $1 > middle }
    }
    let (a, b) = (try ends(exact), try ends(half))
    let flips = zip(a, b).count { $0 != $1 }
    #expect(flips > 0 && flips < a.count / 4)
    #expect(half["flipped_patch_ends"]?.int == flips && half["precision"] == "bf16")
    #expect(half["float32_patch_ends"]?.int == a.count { $0 } && exact["precision"] == nil)
    let shown = try workshop.succeed(
      ["entropy", "entropy", "mixed", "--precision", "bf16"] + threshold)
    #expect(shown.error.contains("\(flips) ends of patches are of one alone"))
    // Rules that ask no entropy have none.
    let space = try object(workshop.succeed(text + ["--precision", "bf16", "--rule", "space"]))
    #expect(space["flipped_patch_ends"] == 0)
    for more in [["--rule", "top-k"], ["--target-patch", "3"]] {
      let found = try object(workshop.succeed(text + ["--precision", "bf16"] + more))
      #expect(found["flipped_patch_ends"]?.int ?? 0 > 0, "\(more)")
    }
  }

  /// Twenty times the text takes no more memory: what is at its highest while it is read.
  @Test(arguments: [[], ["--json"]]) func memoryIsBounded(_ options: [String]) throws {
    let workshop = try prepared()
    func peak(_ count: Int) throws -> Int {
      try workshop.write("long", (0..<count).map { UInt8(97 + ($0 &* $0 >> 3) % 26) })
      let run = try workshop.start(
        ["entropy", "entropy", "long"] + options, shell: #"exec "$@" > /dev/null"#)
      var most = 0
      while let kilobytes = Self.peak(of: run.process) {
        most = max(most, kilobytes)
        usleep(1_000)
      }
      #expect(try run.wait().code == 0)
      return most
    }
    let (small, large) = (try peak(100_000), try peak(2_000_000))
    #expect(small > 1_000 && large < small + 6_000, "\(small) kB, then \(large) kB")
  }

  /// Kilobytes that a running process has held at most; nil when it has ended.
  private static func peak(of process: pid_t) -> Int? {
    let status = (try? FileSystem.readAll("/proc/\(process)/status")) ?? []
    let lines = String(decoding: status, as: UTF8.self).split(separator: "\n")
    let line = lines.first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) }
  }

  /// Directories that are not what they say, by every command that opens one.
  @Test func damagedModels() throws {
    let workshop = try prepared()
    try workshop.succeed(train + ["--set", "steps=1", "--out", "blt"])
    let config = try JSON.parse(workshop.read("blt/last/config.json"), from: "config")
    typealias Damage = (name: String, place: String?, key: String, value: JSON?, words: [String])
    let wrong: [Damage] = [
      ("k", nil, "cross_attn_k", 4, ["encoder_config: cross_attn_k is 2, only 4"]),
      ("encoder k", "encoder_config", "cross_attn_k", 3, ["cross_attn_k is 3, only 2"]),
      ("decoder k", "decoder_config", "cross_attn_k", 1, ["decoder_config: cross_attn_k is 1"]),
      ("word", nil, "cross_attn_k", "two", ["cross_attn_k: \"two\""]),
      ("patcher", nil, "patcher_config", nil, ["model.patcher.embed_tokens.weight", "768"]),
      ("bare", nil, "patch_in_forward", .bool(false), ["model.patcher", "is not in the model"]),
      ("negative", nil, "patching_threshold", .double(-1), ["patching_threshold is -1"]),
      ("huge", nil, "patching_threshold", .double(1e300), ["1e+300", "finite"]),
      ("angles", "patcher_config", "rope_parameters", ["rope_type": "yarn"], ["rope_type"]),
    ]
    for (name, place, key, value, words) in wrong {
      try workshop.copy("blt/last", name)
      var object = try #require(config.object)
      if let place {
        var part = try #require(object[place]?.object)
        part[key] = value
        object[place] = .object(part)
      } else {
        object[key] = value
      }
      try workshop.write(name + "/config.json", JSON.object(object).text())
      for arguments in Self.uses(of: name) {
        try workshop.refuses("\(name): \(arguments)", arguments, [name] + words)
      }
    }
    // Weights that are no numbers.
    try workshop.copy("entropy/last", "nan")
    let weights = try workshop.read("nan/model.safetensors")
    try workshop.write(
      "nan/model.safetensors", weights.dropLast(64) + [UInt8](repeating: 0xFF, count: 64))
    let asked = ["entropy", "nan", "--text", "the fox"]
    for more in [[], ["--json"], ["--target-patch", "2"], ["--rule", "top-k"]] {
      try workshop.refuses("nan \(more)", asked + more, code: 1, ["is not a number", "checkpoint"])
    }
    try workshop.refuses(
      "nan evaluated", ["evaluate", "nan", "text.txt"], code: 1, ["loss is not a number"])
  }

  private static func uses(of model: String) -> [[String]] {
    [
      ["entropy", model, "--text", "the fox"], ["logits", model, "--prompt", "the"],
      ["generate", model, "--prompt", "the"], ["evaluate", model, "text.txt"],
      ["train", model, "train.json", "--out", "run"],
    ]
  }

  /// Older spellings of a configuration are the same model; a patch a byte is another.
  @Test func readsOtherConfigurations() throws {
    let workshop = try prepared()
    try workshop.succeed(train + ["--set", "steps=1", "--set", "target_patch=3", "--out", "blt"])
    let scores = ["--prompt", "the quick", "--json"]
    let wanted = try object(workshop.succeed(["logits", "blt"] + scores))
    var config = try #require(
      try JSON.parse(workshop.read("blt/last/config.json"), from: "config").object)
    for place in ["patcher_config", "encoder_config", "global_config", "decoder_config"] {
      var part = try #require(config[place]?.object)
      part["rope_theta"] = part.removeValue(forKey: "rope_parameters")?["rope_theta"]
      (part["rope_scaling"], part["norm_eps"]) = (.null, .double(0.5))
      config[place] = .object(part)
    }
    for (key, value) in ["monotonicity": .bool(true), "pm_size": 3, "attn_impl": "xformers"]
      as [String: JSON]
    {
      config[key] = value
    }
    try workshop.copy("blt/last", "legacy")
    try workshop.write("legacy/config.json", JSON.object(config).text())
    #expect(try object(workshop.succeed(["logits", "legacy"] + scores)) == wanted)
    for use in Self.uses(of: "legacy") { try workshop.succeed(use) }

    config["patching_mode"] = "byte"
    try workshop.write("legacy/config.json", JSON.object(config).text())
    #expect(try object(workshop.succeed(["logits", "legacy"] + scores)) != wanted)
    let generated = try workshop.succeed(
      ["generate", "legacy", "--prompt", "the", "--max-tokens", "5", "--seed", "2"])
    // BOS, the prompt, and all that was drawn but the last, which was not read.
    #expect(generated.error.contains("5 tokens in") && generated.error.contains("for 8 patches"))
  }

  @Test func refuses() throws {
    let workshop = try prepared()
    let text = ["entropy", "entropy", "--text", "the fox"]
    let cases: [(arguments: [String], code: Int32, words: [String])] = [
      (text + ["--threshold", "nan"], 64, ["--threshold", "nan"]),
      (text + ["--threshold", "-1"], 64, ["--threshold", "-1"]),
      (text + ["--threshold", "1e999"], 64, ["--threshold", "inf"]),
      (text + ["--threshold", "1e39"], 64, ["--threshold 1e+39"]),
      (text + ["--precision", "int4"], 64, ["int4", "float32", "bf16"]),
      (text + ["--rule", "glbal"], 64, ["glbal", "nearest: global"]),
      (text + ["--patch-size", "0"], 64, ["--patch-size 0"]),
      (text + ["--max-patch", "0"], 64, ["--max-patch 0"]),
      (text + ["--target-patch", "1"], 64, ["--target-patch 1"]),
      (text + ["--target-patch", "4", "--rule", "space"], 64, ["global and monotonic"]),
      (text + ["text.txt"], 64, ["either a file", "--text"]),
      (["entropy", "entropy"], 64, ["either a file", "--text"]),
      (["entropy", "entropy", "gone.txt"], 2, ["gone.txt"]),
      (["entropy", "entropy", "--text", "", "--target-patch", "4"], 2, ["more than a byte"]),
      (["train", "blt.json", "train.json", "--out", "b"], 2, ["patcher=PATH"]),
      (train + ["--out", "b", "--set", "target_patch=1"], 2, ["target_patch"]),
      (train + ["--out", "b", "--set", "dropout=0.1"], 2, ["dropout", "blt"]),
      (["logits", "entropy", "--ids", "1", "--compat", "meta"], 64, ["there is only hf"]),
    ]
    for (arguments, code, words) in cases {
      try workshop.refuses("\(arguments)", arguments, code: code, words)
    }
  }
}
