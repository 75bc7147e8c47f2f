import Checkpoints
import Files
import Glibc
import Models
import Random
import TestSupport
import Testing
import Text
import Training

/// What a BLT learns from: stored entropies, the patches they make, rows of equal patches.
@Suite struct PatchTests {
  private static let stack: [String: JSON] = [
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24,
  ]

  /// Writes an entropy model that is not trained, but not uniform either.
  private func makePatcher(_ path: String, window: Int? = 8, seed: Int = 3) throws {
    var config = RotaryConfig()
    (config.width, config.layers, config.heads, config.inner) = (16, 2, 2, 24)
    (config.context, config.window) = (64, window)
    let model = EntropyModel(config)
    model.parameters.initialize(seed: seed)
    for parameter in model.parameters.parameters where parameter.name.hasPrefix("lm_head") {
      for i in 0..<parameter.count { parameter.storage.floats[i] *= 2 }
    }
    try FileSystem.createDirectory(path)
    try ModelDirectory.save(model, ByteTokenizer(), to: path)
  }

  /// A small BLT over texts of several lengths, one longer than what is read at once, two of a
  /// byte and none.
  private func makePatchRun(
    _ folder: String, _ name: String = "run", longest: Int? = nil,
    _ change: (inout TrainingConfig) -> Void = { _ in },
    progress: (Double) throws(Failure) -> Void = { _ in }
  ) throws -> String {
    if !FileSystem.exists(folder + "/patcher") { try makePatcher(folder + "/patcher") }
    if !FileSystem.exists(folder + "/texts") {
      try FileSystem.createDirectory(folder + "/texts")
      var random = RandomStream(seed: 1, name: "texts")
      for (i, count) in [9_000, 1, 0, 300, 4_094, 50, 700].enumerated() {
        let text = (0..<count).map { _ in UInt8(97 + random.below(9)) }
        try AtomicFile.write(text, to: folder + "/texts/\(i).txt")
      }
    }
    var config = TrainingConfig()
    (config.data.path, config.data.validation) = (folder + "/texts", .double(0.3))
    (config.steps, config.batchSize, config.threads, config.logEvery) = (8, 3, 2, 1)
    (config.evaluateEvery, config.evaluateBatches, config.checkpointEvery) = (4, 2, 3)
    (config.patcher, config.targetPatch) = (folder + "/patcher", 3)
    config.patchesPerSequence = 8
    change(&config)
    let local = Self.stack.merging(["max_position_embeddings": 64]) { $1 }
    var shape: [String: JSON] = [
      "model_type": "blt", "max_position_embeddings": 40, "local_attention_window_len": 16,
      "encoder_hash_byte_group_vocab": 61, "encoder_config": .object(local),
      "decoder_config": .object(local), "global_config": .object(Self.stack),
    ]
    shape["max_patch_length"] = longest.map(JSON.int)
    let path = "\(folder)/\(name)"
    _ = try TrainingRun.create(
      path, .configuration(.object(shape), path: "blt.json", sets: []), config, version: "test",
      progress: progress)
    return path
  }

  private func entropies(_ run: String) -> String { run + "/entropies.safetensors" }

  /// The documents of a split.
  private func documents(_ run: String, _ split: Split) throws -> [[Int32]] {
    let split = try Atlas(run + "/atlas").split(split)
    return try (0..<split.documents).map { i in
      try split.window(split.document(i).lowerBound, split.document(i).count)
    }
  }

  // MARK: - Stored entropies

  /// Every document is read by itself, from its beginning, as generation reads it.
  @Test(arguments: [nil, 5] as [Int?]) func storedAreThoseOnTheFly(longest: Int?) throws {
    try withTemporaryFolder { folder in
      let path = try makePatchRun(folder, longest: longest)
      let run = try TrainingRun(RunFolder(path))
      let (blt, stored) = (try #require(run.model as? BLT), try #require(run.corpus.entropies))
      let file = try SafetensorsFile(entropies(path))
      var lengths: [Int] = []
      for split in [Split.train, .validation] {
        let all = try documents(path, split)
        let values = try file.floats(split.rawValue)
        let found = try stored.patchEnds(split).of(0..<values.count)
        var place = 0
        for ids in all {
          let part = place..<place + ids.count
          let expected = try #require(blt.patcher).entropies(Tokens([ids]), Pass())
          #expect(difference(Array(values[part]), expected) < 1e-5, "\(ids.count) tokens")
          var ends = blt.config.patching.ends(ids: ids, entropies: Array(values[part]))
          ends[ids.count - 1] = true
          #expect(Array(found[part]) == ends)
          // Any part is the part of the whole.
          for start in stride(from: place, to: part.upperBound, by: 37) {
            let some = start..<min(start + 11, part.upperBound)
            #expect(try stored.patchEnds(split).of(some) == Array(found[some]))
          }
          place = part.upperBound
          lengths.append(ids.count)
        }
        #expect(place == values.count)
      }
      #expect(lengths.max() == 9_002 && lengths.min() == 2)  // One streamed, one of marks alone.
    }
  }

  @Test(arguments: [1.2, 3, 4.5, 40, 1e5]) func theThresholdMeetsItsMean(target: Double) throws {
    try withTemporaryFolder { folder in
      let path = try makePatchRun(folder) {
        ($0.targetPatch, $0.patchesPerSequence) = (target, nil)
      }
      let run = try TrainingRun(RunFolder(path))
      let stored = try #require(run.corpus.entropies)
      let values = try SafetensorsFile(entropies(path)).floats("train")
      var (inner, place, edges) = ([Float](), 0, 0)
      for ids in try documents(path, .train) {
        inner += values[place + 1..<place + ids.count - 1]
        (place, edges) = (place + ids.count, edges + 2)
      }
      let wanted = max(0, Int((Double(values.count) / target).rounded()) - edges)
      let sorted = inner.sorted(by: >) + [0]
      #expect(stored.patching.threshold == sorted[min(wanted, inner.count)])
      let patches = inner.count { $0 > stored.patching.threshold } + edges
      let mean = Double(values.count) / Double(patches)
      #expect(try stored.meanPatch() == mean && run.plan.meanPatch == mean)
      if target > 1.5, target < 100 { #expect(abs(mean - target) < 0.01 * target) }
    }
  }

  /// Another run of the same shares the file; what it brings is the same to the bit.
  @Test func againReusesThem() throws {
    try withTemporaryFolder { folder in
      let first = try makePatchRun(folder)
      func finish(_ run: TrainingRun) throws { while try run.next() != nil {} }
      try finish(TrainingRun(RunFolder(first)))
      let second = try TrainingRun.again(folder + "/run-2", as: first, version: "test")
      FileSystem.remove(folder + "/patcher")
      let run = try TrainingRun(second)
      #expect(run.notes.contains { $0.hasPrefix("patches of 3.0 bytes on average, above ") })
      try finish(run)
      #expect(try bits(of: second.path) == bits(of: first))
      var (one, other) = (stat(), stat())
      #expect(stat(entropies(first), &one) == 0 && stat(entropies(second.path), &other) == 0)
      #expect(one.st_ino == other.st_ino)

      // Another length is another threshold in the same file.
      let third = try TrainingRun.again(
        folder + "/run-3", as: first, sets: [("target_patch", "6")], version: "test")
      let longer = try TrainingRun(third)
      #expect(abs(try #require(longer.plan.meanPatch) - 6) < 0.06)
      let thresholds = [run, longer].map { ($0.model as? BLT)?.config.threshold ?? .nan }
      #expect(thresholds[0] < thresholds[1])
      try finish(longer)
    }
  }

  /// A checkpoint brings its own entropy model, and may get another threshold.
  @Test func aCheckpointGoesOnWithItsOwnEntropyModel() throws {
    try withTemporaryFolder { folder in
      let first = try makePatchRun(folder)
      let run = try TrainingRun(RunFolder(first))
      while try run.next() != nil {}
      var config = run.plan.training
      (config.patcher, config.targetPatch) = (nil, 5)
      let path = folder + "/tuned"
      let tuned = try TrainingRun(
        TrainingRun.create(path, .checkpoint(path: first + "/last"), config, version: "test"))
      #expect(
        try sha256(ofFile: path + "/patcher/model.safetensors")
          == sha256(ofFile: first + "/patcher/model.safetensors"))
      #expect(abs(try #require(tuned.plan.meanPatch) - 5) < 0.05)
      let ours = try #require((tuned.model as? BLT)?.patcherAlone)
      #expect(isEqual(weights(ours), weights(try ModelDirectory(folder + "/patcher").model)))
      while try tuned.next() != nil {}
    }
  }

  // MARK: - Rows

  @Test func rowsHaveEqualPatches() throws {
    try withTemporaryFolder { folder in
      let run = try TrainingRun(RunFolder(makePatchRun(folder)))
      let split = try Atlas(run.folder.path + "/atlas").split(.train)
      let all = try split.window(0, split.tokens)
      let ends = try #require(run.corpus.entropies).patchEnds(.train).of(0..<all.count)
      let source = try run.corpus.source(context: 40, patches: 8, limit: 60)
      var random = RandomStream(seed: 2, name: "rows")
      var (lengths, splits, places) = (Set<Int>(), 0, Set<Int>())
      for _ in 0..<2_000 {
        let row = try source.sample(&random)
        let (found, count) = (try #require(row.patchEnds), row.input.count)
        #expect(count == row.targets.count && count == found.count && count <= 60)
        #expect(found[0] && (found.count { $0 } == 8 && found[count - 1] || count == 60))
        let starts = all.indices.filter { start in
          (start == 0 || ends[start - 1]) && start + count < all.count
            && all[start..<start + count].elementsEqual(row.input)
            && all[start + 1...start + count].elementsEqual(row.targets)
            && ends[start + 1..<start + count].elementsEqual(found.dropFirst())
        }
        #expect(!starts.isEmpty, "no such place: \(row)")
        if let start = starts.first {
          if !ends[start] { splits += 1 }
          places.insert(start)
        }
        lengths.insert(count)
      }
      #expect(lengths.count > 10 && splits > 100 && places.count > 1_000)
      // Up to the very last, and not beyond.
      let last = try #require(places.max())
      #expect(ends[last..<(all.count - 1)].count { $0 } < 12)
    }
  }

  /// Stories: a row begins with the mark that their texts begin with, and so do windows.
  @Test func rowsBeginWithStories() throws {
    try withTemporaryFolder { folder in
      let path = try makePatchRun(folder) {
        ($0.data.path, $0.data.make, $0.data.documents) = (nil, "tales-en", 40)
      }
      let run = try TrainingRun(RunFolder(path))
      let source = try run.corpus.source(context: 40, patches: 8, limit: 60)
      var random = RandomStream(seed: 2, name: "rows")
      let rows = try (0..<200).map { _ in try source.sample(&random) }
      let marked = rows.count { $0.input[0] == 1 }
      #expect(marked > 190 && Set(rows.map(\.input)).count > 15)
      let windows = try run.corpus.validation(context: 512, .automatic, seed: 1, atMost: 0)
      for i in 0..<windows.count { #expect(try windows.sequence(i).input[0] == 1) }
    }
  }

  /// Windows to be judged by are those of a model without patches.
  @Test func validationHasTheWindowsOfOthers() throws {
    try withTemporaryFolder { folder in
      let run = try TrainingRun(RunFolder(makePatchRun(folder)))
      let plain = try Corpus(run.plan.training.data, atlas: run.folder.path + "/atlas")
      let (ours, theirs) = (
        try run.corpus.validation(context: 40, .automatic, seed: 1, atMost: 0),
        try plain.validation(context: 40, .automatic, seed: 1, atMost: 0)
      )
      #expect(ours.count == theirs.count && ours.count > 10)
      let ends = try #require(run.corpus.entropies).patchEnds(.validation)
      for i in 0..<ours.count {
        var (one, other) = (try ours.sequence(i), try theirs.sequence(i))
        let places = 40 * i..<40 * i + one.input.count
        #expect(try one.patchEnds == [true] + ends.of(places).dropFirst())
        one.patchEnds = nil
        #expect(one == other && other.patchEnds == nil)
        other.targets = []
      }
    }
  }

  @Test func theLossOfARaggedBatchIsTheSumOfItsRows() throws {
    try withTemporaryFolder { folder in
      let run = try TrainingRun(RunFolder(makePatchRun(folder)))
      let source = try run.corpus.source(context: 40, patches: 8, limit: 60)
      let task = LanguageTask(run.model, source, sequences: 9)
      var random = RandomStream(seed: 4, name: "batch")
      let batch = try task.batch(&random)
      #expect(Set(task.lengths(batch)).count > 4)
      let whole = task.loss(batch, 0..<9, Pass())
      var (sum, count) = (0.0, 0)
      for i in 0..<9 {
        let row = task.loss(batch, i..<i + 1, Pass())
        (sum, count) = (sum + Double(row.sum.values[0]), count + row.count)
      }
      #expect(count == whole.count && count == task.lengths(batch).reduce(0, +))
      #expect(abs(Double(whole.sum.values[0]) - sum) < 1e-5 * sum && sum > 100)
    }
  }

  // MARK: - Runs

  /// Neither steps nor evaluations run the entropy model: without its weights all stays the same.
  @Test func trainingNeverRunsTheEntropyModel() throws {
    try withTemporaryFolder { folder in
      let paths = [try makePatchRun(folder, "whole"), try makePatchRun(folder, "without")]
      for (i, path) in paths.enumerated() {
        let run = try TrainingRun(RunFolder(path))
        let blt = try #require(run.model as? BLT)
        if i == 1 {
          for parameter in blt.parameters.parameters where parameter.isFrozen {
            parameter.storage.floats.update(repeating: .nan)
          }
          #expect(blt.patchEnds(Tokens([[1, 100, 101]])) == [true, false, false])
        }
        while try run.next() != nil {}
      }
      let (lines, others) = (try logLines(paths[0]), try logLines(paths[1]))
      #expect(lines == others && lines.count { $0.contains("validation_loss") } == 2)
    }
  }

  @Test func aStoppedRunResumesToTheBit() throws {
    try withTemporaryFolder { folder in
      let (whole, parts) = (try makePatchRun(folder, "whole"), try makePatchRun(folder, "parts"))
      let run = try TrainingRun(RunFolder(whole))
      while try run.next() != nil {}
      FileSystem.remove(folder + "/patcher")
      for stop in [2, 5, 8] {
        let run = try TrainingRun(RunFolder(parts))
        while run.trainer.step < stop || !run.isBetweenSteps, try run.next() != nil {}
        try run.save()
      }
      #expect(try logLines(parts) == logLines(whole))
      let file = "/checkpoints/step-000008/model.safetensors"
      #expect(try sha256(ofFile: parts + file) == sha256(ofFile: whole + file))
    }
  }

  @Test func damagedAndForeignFilesAreRefused() throws {
    try withTemporaryFolder { folder in
      let path = try makePatchRun(folder)
      let file = entropies(path)
      let good = try FileSystem.readAll(file)
      func refusal(_ bytes: [UInt8]?) throws -> String {
        FileSystem.remove(file)
        if let bytes { try AtomicFile.write(bytes, to: file) }
        return message { while try TrainingRun(RunFolder(path)).next() != nil {} }
      }
      #expect(try refusal(nil).contains("entropies.safetensors: is missing"))
      #expect(try refusal([]).contains("entropies.safetensors: not a valid safetensors file"))
      #expect(try refusal(good.dropLast(4)).contains("entropies.safetensors: not a valid"))
      // The last four bytes of a file in which all are of other splits' than the training's do not
      // matter; these are of the middle.
      for wrong in [Float.nan, -1, 1e30] {
        var bytes = good
        for i in stride(from: good.count / 2 & ~3, to: good.count * 3 / 4, by: 4) {
          withUnsafeBytes(of: wrong) { bytes.replaceSubrange(i..<i + 4, with: $0) }
        }
        #expect(try refusal(bytes).contains("not all are entropies; begin the run anew"))
      }

      try makePatcher(folder + "/other-patcher", seed: 4)
      let other = try makePatchRun(folder, "other") { $0.patcher = folder + "/other-patcher" }
      #expect(
        try refusal(FileSystem.readAll(entropies(other))).contains(
          "belongs to another entropy model"))
      let wider = folder + "/wider"
      try makePatcher(wider, window: 9)
      let third = try makePatchRun(folder, "third") { $0.patcher = wider }
      #expect(
        try refusal(FileSystem.readAll(entropies(third)))
          .contains("belongs to another configuration of the entropy model"))
      let fourth = try makePatchRun(folder, "fourth") { $0.data.validation = .double(0.6) }
      #expect(
        try refusal(FileSystem.readAll(entropies(fourth))).contains("belongs to another corpus"))
      _ = try refusal([])
      try AtomicFile.write(good, to: file)
      _ = try TrainingRun(RunFolder(path))
    }
  }

  @Test func whatIsStoppedLeavesNothing() throws {
    try withTemporaryFolder { folder in
      _ = try makePatchRun(folder)
      let before = try FileSystem.list(folder)
      var calls = 0
      let text = message {
        _ = try makePatchRun(
          folder, "next",
          progress: { (share) throws(Failure) in
            calls += 1
            #expect(share >= 0 && share <= 1)
            if calls == 2 { throw Failure("enough") }
          })
      }
      #expect(text == "enough" && calls == 2)
      #expect(try FileSystem.list(folder) == before)
    }
  }

  @Test func refuses() throws {
    try withTemporaryFolder { folder in
      func refusal(_ change: (inout TrainingConfig) -> Void) -> String {
        message { _ = try makePatchRun(folder, "bad", change) }
      }
      #expect(refusal { $0.patchesPerSequence = 1 }.contains("patches_per_sequence must be 2 to"))
      #expect(
        refusal { $0.patchesPerSequence = 30_000 }.contains("patches, a row takes 30000"))
      #expect(
        refusal { ($0.data.path, $0.data.make) = (nil, "sort") }
          .contains("encoder_config.vocab_size is 260, the model's is 3"))
      try makePatcher(folder + "/all", window: nil)
      #expect(
        refusal { $0.patcher = folder + "/all" }
          .contains("has no window and reads 64 tokens at most; a text of the corpus has 9002"))
      #expect(!FileSystem.exists(folder + "/bad"))
      let run = try makePatchRun(folder)
      for key in ["patcher", "target_patch"] {
        #expect(
          message { _ = try TrainingRun(RunFolder(run), sets: [(key, "2")]) }
            .contains("a run keeps it"))
      }
    }
  }
}
