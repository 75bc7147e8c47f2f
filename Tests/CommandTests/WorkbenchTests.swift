import Files
import Glibc
import TestSupport
import Testing

/// The workbench in a real terminal, driven by keys alone.
@Suite(.serialized) struct WorkbenchTests {
  /// The whole of a first visit, and that the terminal is as it was.
  @Test func aWholeSession() throws {
    let workshop = try Workshop()
    let tmux = try Tmux(
      workshop,
      shell: "stty -a > before; \(Workshop.program); stty -a > after; echo gone; sleep 900")
    try tmux.wait(for: "Welcome to Specola")
    try tmux.press("n")  // closes the welcome and goes to the first of the four steps
    try tmux.wait(for: "[SCORES]")

    // The prompt, and step by step to the softmax.
    try tmux.command("prompt Anna found a red key. Tom wanted the")
    try tmux.command("stage input")
    try tmux.wait(for: "[INPUT]")
    for _ in 0..<6 { try tmux.press("n") }
    try tmux.wait(for: "[WEIGHTS]")

    // A weight read off the ledger is the one that the command gives.
    try tmux.command("head 0.1")
    try tmux.command("cursor -1 2")
    try tmux.wait(for: ": cursor -1 2")
    let ledger = try tmux.wait("the ledger") { $0.contains("WEIGHT ") }
    let line = try #require(ledger.split(separator: "\n").first { $0.contains("WEIGHT ") })
    let shown = try #require(line.split(separator: " ").last.flatMap { Double($0) })
    let json = try workshop.succeed(
      [
        "attention", "tales-en", "--prompt", "Anna found a red key. Tom wanted the", "--layer", "0",
        "--head", "1", "--json",
      ])
    let row = try #require(
      try JSON.parse(Array(json.output.utf8), from: "json")["matrix"]?.array?.last?.array)
    #expect(abs(try #require(row[2].double) - shown) <= 0.0005)

    // Ten tokens are those of `generate` with the same seed.
    try tmux.press("3")
    try tmux.command("sample 10 temperature=0.8 seed=7")
    try tmux.wait(for: "+ 10 new")
    try tmux.command("say text")
    let echo = try tmux.wait("the text") { $0.contains("Anna found a red key. Tom wanted the ") }
    let generated = try workshop.succeed(
      [
        "generate", "tales-en", "--prompt", "Anna found a red key. Tom wanted the", "--max-tokens",
        "10", "--temperature", "0.8", "--seed", "7", "--json",
      ])
    let text = try #require(
      try JSON.parse(Array(generated.output.utf8), from: "json")["text"]?.string)
    let firstLine = text.split(separator: "\n").first.map(String.init) ?? text
    #expect(echo.contains(firstLine), "\(echo)\n\(text)")

    // Fifty steps of a run, a pause, a save.
    try tmux.press("Escape")
    try tmux.press("4")
    try tmux.command(
      "train train.json model=model.json steps=100000 log_every=1 checkpoint_every=100000")
    try tmux.wait(for: "Enter starts")
    try tmux.press("Enter")
    // A run that is paused before its first step is "ready" again.
    try tmux.wait("a first step") { $0.contains("RUNNING") && !$0.contains(" 0/100,000") }
    try tmux.press("Space")
    try tmux.wait(for: "paused")
    try tmux.command("step 50")
    try tmux.press("s")
    try tmux.wait("the saved step") { screen in
      screen.split(separator: "\n").contains {
        $0.contains(" saved ") && !$0.contains("-") && $0.contains { $0.isNumber }
      }
    }

    // Out, and everything is as it was.
    try tmux.press("q")
    try tmux.press("s")
    try tmux.wait(for: "gone")
    let run = try #require(try workshop.names("runs").first)
    let checkpoints = try workshop.names("runs/\(run)/checkpoints")
    #expect(!checkpoints.isEmpty)
    #expect(try workshop.names("runs/\(run)/last").contains("model.safetensors"))
    #expect(try workshop.read("before") == workshop.read("after"))
    try tmux.wait(for: "kept what you did")
  }

  /// A run that was paused and turned by hand, at whatever steps, replays to the same bits.
  @Test func aSteeredRunReplaysToTheBit() throws {
    let workshop = try Workshop()
    let tmux = try Tmux(
      workshop,
      shell:
        "\(Workshop.program) open --view train --record steered.specola; echo ended; sleep 900")
    try tmux.wait(for: "Welcome")
    try tmux.press("Escape")
    try tmux.command("train train.json model=model.json out=one steps=1000000 evaluate_every=0")
    try tmux.wait(for: "Enter starts")
    try tmux.press("Enter")
    try tmux.wait(for: "RUNNING")
    try tmux.press("+")
    usleep(200_000)
    try tmux.press("-", "-")
    usleep(100_000)
    try tmux.press("Space")
    try tmux.wait(for: "paused")
    try tmux.command("step 3")
    try tmux.press("s")
    try tmux.command("quit save")
    try tmux.wait(for: "ended")
    // What `--last` plays opens the run where it is, and trains nothing again.
    let last = String(
      decoding: try workshop.read(".local/state/specola/last.specola"), as: UTF8.self)
    #expect(last.hasSuffix("view train\ntrain one\n"), "\(last)")
    let session = String(decoding: try workshop.read("steered.specola"), as: UTF8.self)
    #expect(session.contains("wait step = ") && session.contains("rate "), "\(session)")
    try workshop.write(
      "again.specola",
      session.split(separator: "\n").map { line in
        line.hasPrefix("train ") ? line.replacing("out=one", with: "out=two") : line
      }.joined(separator: "\n"))
    try workshop.succeed(["open", "--no-tui", "--script", "again.specola"])
    for file in ["model.safetensors", "training/optimizer.safetensors", "training/state.json"] {
      #expect(
        try workshop.read("one/last/\(file)") == workshop.read("two/last/\(file)"), "\(session)")
    }
  }

  /// The terminal goes away, or someone ends the program: the run is saved first.
  @Test(arguments: [SIGHUP, SIGTERM, SIGINT]) func aLostTerminalSavesTheRun(signal: Int32) throws {
    let workshop = try Workshop()
    let tmux = try Tmux(
      workshop, shell: "\(Workshop.program) open --view train; echo ended; sleep 900")
    try tmux.wait(for: "Welcome")
    try tmux.press("Escape")
    try tmux.command(
      "train train.json model=model.json steps=1000000 evaluate_every=0 checkpoint_every=1000000")
    try tmux.wait(for: "Enter starts")
    try tmux.press("Enter")
    try tmux.wait(for: "RUNNING")
    let shell = try tmux.tmux(["display-message", "-p", "#{pane_pid}"])
    let pid = try #require(try workshop.pid(of: shell))
    if signal == SIGHUP {
      try tmux.tmux(["kill-server"])
    } else {
      kill(pid, signal)
    }
    #expect(comes { kill(pid, 0) != 0 }, "it goes on")
    let checkpoints = try workshop.names("runs/train/checkpoints")
    #expect(checkpoints.count == 1 && checkpoints != ["step-000000"], "\(checkpoints)")
    try workshop.succeed(Workshop.resume("runs/train", ["steps=1"]))
  }

  @Test func theMouseCanBeLeftToTheTerminal() throws {
    let workshop = try Workshop()
    let tmux = try Tmux(workshop, shell: "\(Workshop.program); sleep 900")
    func takesClicks() throws -> Bool {
      try tmux.tmux(["display-message", "-p", "#{mouse_any_flag}"]).hasPrefix("1")
    }
    try tmux.wait(for: "Welcome")
    #expect(try takesClicks())
    try tmux.press("Escape", "M")
    try tmux.wait(for: ": set mouse=off")
    #expect(try !takesClicks())
    try tmux.press("M")
    try tmux.wait(for: ": set mouse=on")
    #expect(try takesClicks())
  }

  @Test func aFullDiskIsOneLineAndNothingIsLeft() throws {
    let workshop = try Workshop()
    try workshop.write("export.specola", "export picture.svg what=screen\nsay tokens\n")
    let before = try workshop.names()
    let outcome = try workshop.specola(
      ["open", "--no-tui", "--script", "export.specola"], shell: "ulimit -f 1; exec \"$@\"")
    #expect(outcome.code == 1)
    #expect(outcome.output.contains("export.specola:1: picture.svg"), "\(outcome)")
    #expect(outcome.output.hasSuffix("13\n"), "\(outcome)")
    #expect(try workshop.names().filter { !$0.hasPrefix(".") } == before)
  }

  /// Random keys, clicks, pastes and sizes: it neither crashes nor hangs nor grows.
  @Test(arguments: [1, 2]) func aStorm(seed: UInt64) throws {
    let workshop = try Workshop()
    var random = SplitMix(state: seed)
    let tmux = try Tmux(workshop, shell: "\(Workshop.program); echo ended $?; sleep 900")
    try tmux.wait(for: "Welcome")
    // No q and no Ctrl-Z; Ctrl-C twice is a way out too.
    let letters = Array(
      " !#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnoprstuvwxyz{|}~"
        .utf8)
    let sequences = ["[A", "[B", "[C", "[D", "[5~", "[6~", "[H", "[F", "[Z", "OP", "[3~"]
    func event() -> [UInt8] {
      switch random.below(20) {
      case 0..<9: return [letters[random.below(letters.count)]]
      case 9..<13: return [0x1B] + Array(sequences[random.below(sequences.count)].utf8)
      case 13: return [0x0D]
      case 14: return [0x09]
      case 15: return [0x1B]
      case 16:
        return Array("\u{1B}[<0;\(1 + random.below(90));\(1 + random.below(30))M".utf8)
      case 17:
        return Array(
          "\u{1B}[<\(64 + random.below(2));\(1 + random.below(80));\(1 + random.below(24))M".utf8)
      case 18:
        let text = (0..<random.below(60)).map { _ in UInt8(random.below(256)) }
        return Array("\u{1B}[200~".utf8) + text.filter { $0 != 0x1B } + Array("\u{1B}[201~".utf8)
      default: return [UInt8(random.below(256))].filter { ![0x03, 0x1A, 0x71].contains($0) }
      }
    }
    let shellID = try tmux.tmux(["display-message", "-p", "#{pane_pid}"])
    let pid = try #require(try workshop.pid(of: shellID))
    for batch in 0..<50 {
      let bytes = (0..<200).flatMap { _ in event() }
      try tmux.tmux(["send-keys", "-H"] + bytes.map { String($0, radix: 16) })
      if batch % 5 == 4 {
        try tmux.tmux(
          ["resize-window", "-x", "\(1 + random.below(220))", "-y", "\(1 + random.below(70))"])
      }
      try #require(kill(pid, 0) == 0, "gone after batch \(batch)")
    }
    // It still answers.
    try tmux.tmux(["resize-window", "-x", "80", "-y", "24"])
    // An Escape that is read together with what follows is Alt, so more than one try may be needed.
    let answers = try comes {
      for _ in 0..<3 { try tmux.press("Escape") }
      usleep(100_000)
      try tmux.command("view model")
      usleep(200_000)
      return try tmux.screen.contains("[6 Model]")
    }
    #expect(answers)
    #expect(try workshop.memory(of: pid) < 400_000, "kB after the storm")
  }
}

extension Workshop {
  /// The program that a shell started.
  func pid(of shell: String) throws -> pid_t? {
    let shell = shell.split(separator: "\n").first.map(String.init) ?? ""
    var (found, next) = (pid_t(shell), pid_t(shell))
    while let process = next {
      found = process
      let children = try FileSystem.readAll("/proc/\(process)/task/\(process)/children")
      next = String(decoding: children, as: UTF8.self).split(separator: " ").first.flatMap {
        pid_t($0)
      }
    }
    return found
  }

  /// Resident memory in kB.
  func memory(of process: pid_t) throws -> Int {
    let status = String(
      decoding: try FileSystem.readAll("/proc/\(process)/status"), as: UTF8.self)
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS") } ?? ""
    return line.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? .max
  }
}
