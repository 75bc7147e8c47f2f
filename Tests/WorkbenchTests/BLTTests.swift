import Files
import Glibc
import Inspection
import Models
import Screen
import TestSupport
import Testing
import Workbench

private let text = "Anna found a red key in the wood. Perché no? ~12~"

/// What the workbench shows of an open BLT.
@Suite struct BLTTests {
  // MARK: - Its bits a byte

  /// −ln p of all bytes behind the start token, in bits a byte, for patches that end so.
  private func bits(_ model: BLT, _ bytes: [UInt8], _ ends: [Bool], context: Int) -> Double {
    let ids = [1] + bytes.map { Int32($0) + 4 }
    var nats = 0.0
    for start in stride(from: 0, to: bytes.count, by: context) {
      let range = start..<min(bytes.count, start + context)
      var own = Array(ends[range])
      own[0] = true
      let hidden = model.hidden(Tokens([Array(ids[range])]), ends: own, Pass())
      let logits = model.logits(hidden).values
      for row in 0..<range.count {
        let scores = logits[row * 260..<(row + 1) * 260].map(Double.init)
        let sum = scores.reduce(0) { $0 + exp($1) }
        nats += log(sum) - scores[Int(ids[range.lowerBound + row + 1])]
      }
    }
    return nats / Double(bytes.count) / log(2)
  }

  @Test(arguments: [128, 20]) func bitsAreThoseOfThePatches(context: Int) throws {
    try withBLT(context: context, "view entropy", "prompt \(text)") { bench in
      let bytes = Array(text.utf8)
      let ids = [1] + bytes.map { Int32($0) + 4 }
      let stored = bench.bench.entropy.next.map(\.entropy)
      var seen: Set<Double> = []
      for line in [
        "threshold 0", "threshold 4", "threshold 4.6", "threshold 5", "threshold 5.5",
        "rule monotonic", "threshold 0.05", "rule space", "rule static size=5", "rule byte",
        "rule global max=3",
      ] {
        bench.run(line)
        let rule = bench.bench.settings.patching
        let ends = [true] + rule.ends(ids: ids, entropies: stored).dropFirst()
        let wanted = bits(bench.model, bytes, ends, context: context)
        let found = try bench.number("blt-bits-per-byte")
        #expect(abs(found - wanted) < 1e-5 * wanted, "\(line)")
        let shown = Numbers.fixed(found, 3)
        #expect(
          bench.screen().contains("bytes a step   BLT \(shown) bits/byte"), "\(bench.screen())")
        #expect(bench.screen(20, 48).contains(" BLT \(shown)\n"))
        seen.insert(found)
      }
      #expect(seen.count > 6, "patches make no difference")
      let own = Numbers.fixed(try bench.number("bits-per-byte"), 3)
      #expect(bench.screen(40, 120).contains("entropy model \(own)   BLT "))
    }
  }

  /// A BLT brings the threshold that it was trained at; a dial that was turned stays.
  @Test func itsOwnThreshold() throws {
    try withBLT("view entropy", "prompt \(text)") { bench in
      #expect(bench.bench.settings.patching == bench.model.config.patching)
      #expect(bench.screen().contains("threshold 4.60"))
      bench.run("set pane=numbers")
      #expect(bench.screen().contains("trained at threshold 4.6"))
      let bits = Numbers.fixed(try bench.number("blt-bits-per-byte"), 3)
      #expect(bench.screen().contains("BLT        \(bits) on these patches"))
      bench.run("threshold 2", "model \"\(bench.folder)\"", "model \"\(bench.folder)/.\"")
      #expect(bench.bench.settings.patching.threshold == 2)
    }
    try SessionTests.withModel { folder in
      let session = SessionTests.session(["view entropy"], model: folder)
      #expect(session.bench.settings.patching.threshold == 0.6)
      #expect(
        message { _ = try Reading.value(of: "blt-bits-per-byte", in: session.bench) }
          == "blt-bits-per-byte: the open model is no BLT; open one first")
    }
  }

  /// The dial asks and goes on: what is shown is of these patches, or a mark that it is not known.
  @Test func theDialNeverWaits() throws {
    try withBLT("view entropy", "prompt \(text)") { ready in
      var bench = ready.bench
      func turn(_ line: String) throws -> JudgementWish? {
        let requests = try bench.update(try #require(try Command.parse(line)))
        #expect(requests.count <= 1)
        guard case .inspect(.judge(let wish))? = requests.first else { return nil }
        return wish
      }
      func screen() -> String {
        var canvas = Canvas(rows: 24, columns: 80)
        bench.draw(on: &canvas)
        return canvas.text(.plain)
      }
      let known = Numbers.fixed(try ready.number("blt-bits-per-byte"), 3)
      let first = try #require(try turn("threshold 3"))
      #expect(screen().contains("BLT   .   bits/byte") && !screen().contains(known))
      let second = try #require(try turn("threshold 5"))
      // The answer to the first comes too late.
      _ = bench.receive(.inspector(.judged(first, nats: 100)))
      #expect(screen().contains("BLT   .   bits/byte"))
      _ = bench.receive(.inspector(.judged(second, nats: 100)))
      let shown = 100 / Double(second.ids.count - 1) / log(2)
      #expect(screen().contains("BLT \(Numbers.fixed(shown, 3)) bits/byte"))
      // The same patches need no other judgement.
      for line in ["threshold 5.0001", "set pane=numbers"] {
        let asked = try turn(line)
        #expect(asked == nil, "\(line)")
      }
      #expect(screen().contains("BLT \(Numbers.fixed(shown, 3)) bits/byte"))
      let third = try turn("threshold 3")
      #expect(third != nil)
    }
  }

  /// A step of the dial is drawn before the BLT has judged the patches that it makes.
  @Test func theDialWaitsForNothing() throws {
    let long = Array(String(repeating: text + " ", count: 50).utf8.prefix(2_000))
    try withBLT("view entropy") { ready in
      ready.run("prompt " + Command.editable(long))
      #expect(ready.bench.entropy.count == 2_000 && ready.bench.entropy.judgedBits != nil)
      var bench = ready.bench
      var drawn: Set<String> = []
      for step in 60...111 {
        let command = try #require(try Command.parse("threshold \(Double(step) / 20)"))
        _ = try bench.update(command)
        var canvas = Canvas(rows: 24, columns: 80)
        bench.draw(on: &canvas)
        drawn.insert(canvas.text(.plain))
      }
      #expect(drawn.count == 52)
    }
  }

  // MARK: - Its stages

  private static let picture = """
     1 Attention   2 Entropy   3 Generate   4 Train   5 Lessons  [6 Model]    ? help
     bytes encoder | [PATCHES] latent | decoder logits                          3/6
     a patch's largest numbers ask, its own bytes answer: 2 slots
    byte 18                                      v
     text    A|n n a|  f|o|u|n d   a|  r e|d  |k e|y| |i|n| |t h|e  |w|o|o|d|.  |P|
     patch   0 1     2   3 4 5       6     7   8   9         14  15          20
     reads                                     ===

     stage   shape                                  POOLING  patch 8 "ke"
     bytes   n x E     51x16    table, 2 hashes     % of slot.head on bytes 17-18
     encoder n x E     51x16    1 layer, last 24           k  e
    >patches p x k x E 27x2x16  maximum, attention   0.0   23 77
     latent  p x G     27x24    2 layers, causal     0.1   26 74
     slots   p x k x E 27x2x16  one matrix           1.0   56 44
     decoder n x E     51x16    2 layers, last 24    1.1   45 55
     logits  n x V     51x260   one matrix




     n 51 tokens  p 27 patches  k 2 slots  E 16 local  G 24 latent
    """

  @Test func theDrawing() throws {
    try withBLT("prompt \(text)", "view model", "cursor 18") { bench in
      let rows = bench.screen().split(separator: "\n", omittingEmptySubsequences: false)
      // The name of the model is that of a temporary folder.
      #expect(
        rows[1].contains(" 0.04 M   50 bytes and a start token: ") && rows[1].hasSuffix("byte 18"))
      let drawn = (rows.prefix(1) + rows[2..<22]).joined(separator: "\n")
      #expect(drawn == Self.picture, "\(drawn)")
    }
  }

  /// Every stage, in every look and size; words stand where they stood.
  @Test func sizes() throws {
    try withBLT("prompt \(text)", "view model", "cursor 20") { bench in
      for stage in ["bytes", "encoder", "patches", "latent", "decoder", "logits"] {
        bench.run("stage \(stage)")
        for size in screenSizes + [Size(rows: 10, columns: 40), Size(rows: 18, columns: 48)] {
          let plain = bench.screen(size.rows, size.columns)
          #expect(plain.contains("[\(stage.uppercased())]") && plain.contains("p "), "\(plain)")
          let isShort = size.rows < 14
          if !isShort { #expect(plain.contains("byte 20") && plain.contains(" reads ")) }
          for look in [Look.full.with(colour: false), .console] {
            let other = bench.screen(size.rows, size.columns, look)
            for (a, b) in zip(plain.split(separator: "\n"), other.split(separator: "\n")) {
              #expect(a.count == b.count)
              #expect(
                zip(a, b).allSatisfy { $0 == $1 || !($0.isLetter || $0.isNumber) || $0 == "v" })
            }
          }
        }
      }
      for rows in [10, 11, 12, 13, 14, 16, 18, 24, 33, 60] {
        for columns in [40, 48, 71, 72, 80, 120, 200, 400] {
          _ = bench.screen(rows, columns, .full)
        }
      }
    }
  }

  /// What is said of a byte is what the model computes.
  @Test func numbersAreTheModels() throws {
    try withBLT("prompt \(text)", "view model") { bench in
      let ids = [1] + text.utf8.map { Int32($0) + 4 }
      let stages = BLTSnapshot(bench.model, ids: ids, patching: bench.model.config.patching)
      let shown = try #require(bench.bench.parts.stages)
      #expect(shown.patches == stages.patches && shown.sources == stages.sources)
      #expect(stages.patches.contains { $0.count > 1 } && stages.patches.count > 8)
      for byte in [0, 7, 20, ids.count - 2] {
        bench.run("cursor \(byte)", "stage decoder")
        let (source, own) = (stages.sources[byte + 1], stages.patch(of: byte + 1))
        // The patches of the Entropy view, in which the start token is none.
        let name = source == 0 ? "the start token's patch" : "patch \(source - 1) "
        #expect(bench.screen().contains("reads \(name)"), "\(byte): \(bench.screen())")
        let whose = source == own ? ", its own" : ", not its own"
        #expect(bench.screen().contains(whose) == (source > 0))
        let weights = stages.reading(id: byte + 1, layer: 1)[1]
        let percents = weights.map(percent)
        #expect(bench.screen().contains(" 1.1  \(percents.joined())"), "\(bench.screen())")
        bench.run("stage logits")
        let next = stages.next(after: byte + 1)
        #expect(bench.screen().contains("\(Numbers.fixed(Double(next.entropy), 3)) nats"))
        bench.run("stage bytes")
        for row in stages.hashRows[byte + 1] { #expect(bench.screen().contains("row \(row)")) }
      }
      bench.run("cursor 20", "stage patches")
      let own = stages.patch(of: 21)
      let weights = stages.pooling(patch: own, slot: 1)[0]
      let percents = weights.prefix(8).map(percent)
      #expect(bench.screen().contains(" 1.0  \(percents.joined())"), "\(bench.screen())")
    }
  }

  /// A weight as a map shows it.
  private func percent(_ weight: Double) -> String {
    Glyphs.fit(weight < 0.005 ? "." : "\(Int((weight * 100).rounded()))", 3, right: true)
  }

  @Test func keysGoThroughStagesAndPatches() throws {
    try withBLT("prompt \(text)", "view model", "cursor 0", "stage bytes") { bench in
      #expect(bench.press(.character("p")) == "stage back" && bench.bench.echo.isError)
      #expect(bench.press(.character("n")) == "stage next")
      #expect(bench.bench.settings.bltStage == .encoder)
      #expect(bench.press(.right) == "cursor 1")
      let stages = try #require(bench.bench.parts.stages)
      let here = stages.range(of: stages.patch(of: 2))
      #expect(bench.press(.down) == "cursor \(here.upperBound - 1)")
      #expect(bench.press(.up) == "cursor \(here.lowerBound - 1)")
      #expect(bench.press(.end) == "cursor \(text.utf8.count - 1)")
      #expect(bench.press(.home) == "cursor 0")
      // The byte is that of the Entropy view.
      bench.run("find red", "view entropy")
      #expect(bench.bench.byte == 13 && bench.bench.settings.cursor.row == 13)
      bench.run("cursor 17", "view model")
      #expect(bench.screen().contains("byte 17 "))
      #expect(bench.press(.character("v")) == "set pane=map")
      #expect(bench.press(.character("n")).contains("v goes back"))
      #expect(bench.screen().contains("  part ") && bench.screen().contains("local_encoder"))
      bench.run("set pane=cost")
      for line in [
        "patcher window=24 ", "pooling patch ranges ", "latent  causal ", "skips: blocks",
      ] {
        #expect(bench.screen().contains(line), "\(bench.screen())")
      }
      bench.run("view attention", "stage masked")
      #expect(
        bench.screen().contains("mask window=24 hides ") && bench.screen().contains("decoder head"),
        "\(bench.screen())")
      bench.run("view model", "set pane=stages", "export \"\(bench.folder)/bytes.csv\" what=data")
      let csv = String(
        decoding: try FileSystem.readAll(bench.folder + "/bytes.csv"), as: UTF8.self)
      #expect(csv.contains("byte,value,text,patch,reads") && csv.contains("\n17,"))
    }
  }

  /// The stages follow the dial; other models have none.
  @Test func theyAreOfTheDialsPatches() throws {
    try withBLT("prompt \(text)", "view entropy", "rule static size=6", "view model") { bench in
      let lengths = try #require(bench.bench.parts.stages?.patches.dropFirst()).map(\.count)
      #expect(lengths.dropFirst().allSatisfy { $0 == 6 })
      #expect(bench.screen(24, 120).contains("static: "))
    }
    // Without an entropy model every byte is a patch.
    try withBLT(hasPatcher: false, "prompt \(text)", "view model") { bench in
      #expect(bench.bench.parts.stages?.patches.count == text.utf8.count + 1)
      #expect(bench.screen(24, 120).contains("byte: 1.00 bytes a patch"))
    }
    try SessionTests.withModel { folder in
      var session = SessionTests.session(["view model", "set pane=stages"], model: folder)
      #expect(session.bench.echo.isError && session.bench.echo.text.contains("histogram"))
      session.run(line: "stage latent")
      #expect(session.bench.echo.text.contains("only a BLT has the stage latent"))
    }
  }

  /// A long prompt shows what fits the context, and says so.
  @Test func aLongPrompt() throws {
    try withBLT(context: 20, "prompt \(text)", "view model") { bench in
      #expect(bench.bench.parts.stages?.ids.count == 20)
      #expect(bench.screen().contains("the first 19 bytes"))
      bench.run("view attention")
      #expect(bench.bench.ids.count == 20 && bench.bench.dropped > 0)
    }
  }

  // MARK: - The other views

  @Test func attentionAndGenerate() throws {
    try withBLT("prompt \(text)") { bench in
      #expect(bench.bench.ids.first == 1 && bench.bench.ids.count == text.utf8.count + 1)
      #expect(
        bench.screen().contains("decoder head ") && bench.screen(20, 48).contains(" decoder "))
      bench.run("view generate", "temperature 0", "sample 6")
      var ids = bench.bench.ids
      for _ in 0..<6 {
        let logits = bench.model(Tokens([ids]), Pass()).values.suffix(260)
        ids.append(Int32((logits.firstIndex(of: logits.max() ?? 0) ?? 0) - logits.startIndex))
      }
      let (count, last) = (try bench.number("tokens"), try bench.number("id[-1]"))
      #expect(count == Double(ids.count) && last == Double(ids[ids.count - 1]))
    }
  }

  @Test func bitsAreShownWhereNatsWere() throws {
    try withBLT("view entropy", "prompt \(text)", "cursor 9", "set units=bits") { bench in
      let next = try #require(bench.bench.entropy.after(9))
      let scale = 1 / log(2.0)
      let screen = bench.screen()
      #expect(screen.contains(" bits     ") && screen.contains("threshold 4.60 nats"))
      // The line of the threshold, and both sides of the comparison.
      #expect(screen.contains(" 6.64>") && screen.contains(" 6.64: "), "\(screen)")
      #expect(screen.contains(" \(Numbers.fixed(Double(next.entropy) * scale, 3)) "))
      let surprise = Double(try #require(next.surprise)) * scale
      #expect(screen.contains("surprise \(Numbers.fixed(surprise, 3)) bits"))
      bench.run("set pane=numbers")
      #expect(bench.screen().contains(" bits on average"))
      // Readings stay in nats.
      #expect(abs(try bench.number("entropy[9]") - Double(next.entropy)) < 1e-6)
    }
  }
}
