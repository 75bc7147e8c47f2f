import ArgumentParser
import Checkpoints
import Files
import Generation
import Glibc
import Models
import Tensors
import Text
import Training

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a model; stops and resumes to the bit.",
    discussion: """
      examples:
        specola train nano-cpu nano-cpu --set data.path=my.txt
        specola train --resume runs/nano-cpu --set steps=4000

      MODEL is a model configuration, or a checkpoint to go on from (fine-tuning). Ctrl-C finishes
      the step, saves and says how to go on; a second Ctrl-C quits at once.
      """)

  @Argument(help: "A model configuration, or a checkpoint to go on from.")
  var model: String?

  @Argument(help: "A training configuration.")
  var training: String?

  @Option(help: "The run's folder; runs/NAME by default.")
  var out: String?

  @Option(help: "Go on with this run from its last good checkpoint.")
  var resume: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Replace a value of the training configuration, or model.KEY.",
      valueName: "key=value"))
  var sets: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Fit the number of steps to this time.", valueName: "X"))
  var minutes: Double?

  @OptionGroup var engine: EngineOptions

  @Option(
    help: "float32 or bf16; a run's own, and of a new one bf16 where the CPU has matrix tiles.")
  var precision: Precision?

  @Flag(help: "Print the lines of log.jsonl.")
  var json = false

  func run() throws {
    try engine.apply()
    Interrupt.install()
    let run = try resume == nil ? begin() : goOn()
    run.notes.forEach(note)
    try TrainingReporter(run, json: json).follow()
  }

  private func pairs() throws(Failure) -> [(key: String, value: String)] {
    var pairs: [(key: String, value: String)] = []
    for set in sets {
      guard let equals = set.firstIndex(of: "="), equals != set.startIndex else {
        throw Failure("--set \(quoted(set)) is not key=value", code: 64)
      }
      pairs.append((String(set[..<equals]), String(set[set.index(after: equals)...])))
    }
    if let threads = try engine.threadCount() { pairs.append(("threads", String(threads))) }
    if let precision { pairs.append(("precision", precision.rawValue)) }
    return pairs
  }

  private func goOn() throws(Failure) -> TrainingRun {
    guard let resume, model == nil, out == nil, minutes == nil else {
      throw Failure("--resume takes a run and nothing but --set beside it", code: 64)
    }
    let pairs = try pairs()
    if let set = pairs.first(where: { $0.key.hasPrefix("model.") }) {
      throw Failure("--set \(quoted(set.key)): a run keeps its model; begin another", code: 64)
    }
    return try TrainingRun(RunFolder(resume), sets: pairs)
  }

  private func begin() throws -> TrainingRun {
    guard let model, let training else {
      throw Failure("train needs a model and a training configuration, or --resume RUN", code: 64)
    }
    if let minutes, !(minutes > 0 && minutes < 1e6) {
      throw Failure("--minutes \(minutes) is not a time", code: 64)
    }
    let all = try pairs()
    let modelSets = all.filter { $0.key.hasPrefix("model.") }.map {
      (key: String($0.key.dropFirst(6)), value: $0.value)
    }
    let file = try Home.configuration(training, in: "train")
    let read = Result { () throws(Failure) in
      let config = try overlay(
        TrainingConfig(), file: try JSON(contentsOf: file), fileName: file,
        sets: all.filter { !$0.key.hasPrefix("model.") })
      try config.validate(from: file)
      return config
    }
    let begun = Result { () throws(Failure) in try Beginning(model, sets: modelSets) }
    if case (.failure(let one), .failure(let other)) = (read, begun) {
      throw Failure("\(one); \(other)")  // All that is wrong, at once.
    }
    let (config, beginning) = (try read.get(), try begun.get())
    try Home.explainMissing(config.data)
    let path = out ?? Home.freeRun(FileSystem.name(file))
    let folder = try TrainingRun.create(path, beginning, config, version: version) {
      (done) throws(Failure) in
      progress("the entropy model reads the corpus: \(Int(100 * done)) %")
      if let signal = Interrupt.signal {
        progress("")
        throw Failure("stopped before \(path) was made; nothing is kept", code: 128 + signal)
      }
    }
    progress("")
    guard let minutes else { return try TrainingRun(folder) }
    let forecast = try Forecast(of: path)
    note(
      "\(grouped(forecast.steps(in: minutes))) steps fit into \(fixed(minutes, 2)) minutes on this "
        + "machine: \(grouped(Int(forecast.tokensPerSecond))) tokens/s")
    return try TrainingRun(folder, sets: forecast.fit(minutes: minutes))
  }
}

/// Follows a run to its end or to a signal: lines on standard output, a bar on a terminal.
private struct TrainingReporter {
  let run: TrainingRun
  let json: Bool
  private let began = ContinuousClock.now
  private let firstStep: Int

  init(_ run: TrainingRun, json: Bool) {
    (self.run, self.json, firstStep) = (run, json, run.trainer.step)
  }

  func follow() throws {
    let config = run.plan.training
    note(
      "\(run.folder.path): \(grouped(run.model.parameters.count)) parameters, "
        + "\(grouped(config.steps)) steps from \(grouped(firstStep)), seed \(config.seed), "
        + "\(config.threads) threads, \(config.form.rawValue) on \(Kernel.path.rawValue)")
    var unread: Failure?  // The output that nobody takes any more.
    do {
      while let event = try run.next() {
        do throws(Failure) {
          if unread == nil { try show(event) }
        } catch {
          unread = error
        }
        guard unread != nil || Interrupt.signal != nil, run.isBetweenSteps else { continue }
        try run.save()
        break
      }
    } catch let error as NotFinite {
      throw Failure(kept("\(error)"), code: 1)
    } catch let failure as Failure {
      throw Failure(kept(failure.message), code: failure.code)
    }
    progress("")
    let saved =
      "stopped and saved at step \(run.trainer.step); go on with: specola train --resume "
      + run.folder.path
    if let signal = Interrupt.signal {
      note(saved)
      throw ExitCode(128 + signal)
    }
    if let unread { throw Failure("\(unread); \(saved)", code: 1) }
    note("done: \(RunFolder.linked("last", in: run.folder.path) ?? run.folder.path)")
  }

  private func kept(_ what: String) -> String {
    progress("")
    guard let step = run.savedStep else { return what + "; no checkpoint was written yet" }
    return what + "; the checkpoint of step \(step) is good: specola train --resume "
      + run.folder.path
  }

  private func show(_ event: TrainingEvent) throws(Failure) {
    switch event {
    case .turned(let step, let rate, let line):
      try emit(json ? line.text() : "rate \(fixed(Double(rate) * 1e4, 2))e-4 from step \(step) on")
    case .step(let report, let speed, let line):
      if let line {
        let rate = fixed(Double(report.learningRate) * 1e4, 2)
        try emit(
          json
            ? line.text()
            : "step \(report.step)  loss \(fixed(report.loss, 4))  rate \(rate)e-4  gradient "
              + "\(fixed(report.gradientNorm, 2))  \(grouped(Int(speed))) tokens/s")
      }
      let (done, all) = (report.step, run.plan.training.steps)
      let spent = (ContinuousClock.now - began) / .seconds(1)
      let left = spent / Double(done - firstStep) * Double(all - done)
      let filled = 30 * done / all
      let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: 30 - filled)
      progress(
        "[\(bar)] \(done)/\(all)  loss \(fixed(report.loss, 3))  \(spoken(seconds: left)) left")
    case .evaluated(let step, let result, let isBest, let line):
      let bits =
        result.bitsPerByte.map { "  bits/byte \(fixed($0, 4))" }
        ?? "  solved \(grouped(result.solved)) of \(grouped(result.sequences))"
      try emit(
        json
          ? line.text()
          : "step \(step)  validation \(fixed(result.loss, 4))\(bits)\(isBest ? "  best" : "")")
    case .sampled(let step, let text):
      if !json { try emit("sample at \(step): \(visible(text))") }
    case .saved(_, let path):
      if !json { try emit("saved \(path)") }
    }
  }
}
