import Inspection
import Models
import Testing

@Suite struct AttentionFactsTests {
  private let golden: Golden

  init() throws { golden = try Golden() }

  private func ledger(
    _ snapshot: AttentionSnapshot, _ row: Int, _ column: Int
  ) -> AttentionLedger {
    snapshot.ledger(layer: golden.layer, head: golden.head, row: row, column: column)
  }

  @Test func theLedgerAgreesWithTheMaps() throws {
    let snapshot = golden.snapshot()
    let stages = try #require(golden.json["stages"])
    let (scores, scaled, weights) = (
      try golden.matrix(stages["scores"]), try golden.matrix(stages["scaled"]),
      try golden.matrix(stages["weights"])
    )
    let shares = try golden.matrix(golden.json["share"])
    for i in golden.ids.indices {
      for j in golden.ids.indices {
        let ledger = ledger(snapshot, i, j)
        #expect(golden.isNear(ledger.score, scores[i][j]))
        #expect(golden.isNear(ledger.sum.terms.reduce(0) { $0 + $1.product }, scores[i][j]))
        #expect(ledger.sum.terms.count == snapshot.layout.width)
        #expect(golden.isNear(ledger.scaled, scaled[i][j]))
        #expect(golden.isNear(ledger.weight, weights[i][j]))
        #expect(golden.isNear(ledger.share, shares[i][j]))
        #expect(ledger.isSeen == (j <= i))
        #expect(ledger.reason == (j <= i ? "\(j) <= \(i)" : "\(j) > \(i)"))
        #expect(abs(ledger.power / ledger.rowSum - ledger.weight) < 1e-12)
        #expect(golden.isNear(ledger.rowMaximum, scaled[i][...i].max() ?? .nan))
      }
      let total = golden.ids.indices.reduce(0) { $0 + ledger(snapshot, i, $1).share }
      #expect(abs(total - 1) < 1e-5)
    }
  }

  /// As it is written down, to the last of three decimals, the column adds up.
  @Test(arguments: [0, 1, 3, 5, 16]) func roundedNumbersAddUp(_ count: Int) {
    func thousandths(_ x: Double) -> Int {
      #expect(abs((x * 1000).rounded() / 1000 - x) < 1e-12, "\(x) has three decimals")
      return Int((x * 1000).rounded())
    }
    func check(_ sum: SumOfProducts, of terms: Int) {
      let written = sum.written(count)
      let shown = min(count, terms)
      #expect(written.terms.count == shown && written.others == terms - shown)
      let column = written.terms.reduce(thousandths(written.remainder)) {
        $0 + thousandths($1.product)
      }
      #expect(column == thousandths(written.total))
      #expect(abs(written.total - sum.total) <= 0.000_500_1)
      let rest = sum.terms.dropFirst(count).reduce(0) { $0 + $1.product }
      #expect(abs(written.remainder - rest) <= 0.0005 * Double(shown + 1) + 1e-5)
      #expect(sum.terms.allSatisfy { $0.product == $0.left * $0.right })
      let sizes = sum.terms.map(\.product.magnitude)
      #expect(sizes == sizes.sorted(by: >) && Set(sum.terms.map(\.index)) == Set(0..<terms))
    }
    let (model, ids) = randomModel(context: 12, width: 64, heads: 4)
    let snapshot = AttentionSnapshot(model, ids: ids)
    for i in ids.indices {
      for j in ids.indices {
        let ledger = snapshot.ledger(layer: 0, head: 2, row: i, column: j)
        check(ledger.sum, of: 16)
        if ledger.isSeen {
          let (scaled, top) = (thousandths(rounded(ledger.scaled)), rounded(ledger.rowMaximum))
          #expect(scaled - thousandths(top) == thousandths(ledger.difference))
        } else {
          #expect(ledger.difference == -.infinity && ledger.power == 0 && ledger.weight == 0)
        }
        check(snapshot.mixture(layer: 0, head: 2, row: i, dimension: j), of: 12)
      }
    }
  }

  @Test func whatIsNoNumberOrHugeStaysSo() {
    let sum = SumOfProducts([1, .nan, 2], [1e38, 0, 3], total: 1e38).written(2)
    #expect(sum.terms.map(\.index) == [1, 0] && sum.others == 1)
    #expect(sum.terms[0].product.isNaN && sum.terms[1].product == Double(Float(1e38)))
    #expect(sum.remainder.isNaN && sum.total == 1e38)
    #expect(rounded(-.infinity) == -.infinity && rounded(0.12345) == 0.123)
  }

  @Test func whatIfsStandInTheLedger() {
    let (layer, head) = (golden.layer, golden.head)
    let plain = ledger(golden.snapshot(), 4, 1)
    #expect(plain.sharpening == 1 && !plain.isZeroed)
    let sharp = ledger(golden.snapshot(.scaleScores(layer: layer, head: head, by: 3)), 4, 1)
    #expect(sharp.sharpening == 3 && sharp.score == plain.score)
    #expect(golden.isNear(sharp.scaled, 3 * plain.scaled))
    let zeroed = ledger(golden.snapshot(.zeroHead(layer: layer, head: head)), 4, 1)
    #expect(zeroed.isZeroed && zeroed.share == 0 && zeroed.weight == plain.weight)
    let unmasked = ledger(golden.snapshot(.mask(.full)), 1, 4)
    #expect(unmasked.isSeen && unmasked.reason == "none" && unmasked.weight > 0)
    let far = ledger(golden.snapshot(.mask(.window(3))), 5, 2)
    #expect(!far.isSeen && far.reason == "5-2 >= 3" && far.weight == 0)
    #expect(ledger(golden.snapshot(.mask(.window(3))), 5, 3).reason == "5-3 < 3")
  }

  @Test func peaksAreThoseOfTransformers() throws {
    let snapshot = golden.snapshot()
    let peaks = try #require(golden.json["peaks"]?.array)
    for (i, row) in peaks.enumerated() {
      let found = snapshot.peaks(layer: golden.layer, row: i)
      #expect(found == snapshot.grid(row: i)[golden.layer])
      for (peak, wanted) in zip(found, try golden.matrix(row)) {
        #expect(golden.isNear(peak.weight, wanted[1]) && Double(peak.column) == wanted[0])
      }
      #expect(found.map(\.head) == Array(0..<snapshot.layout.heads))
    }
    #expect(snapshot.grid(row: 0).count == snapshot.layers)
  }

  @Test func masksAreNamedWithWhatTheyHide() {
    // Six tokens: 15 of 36 cells lie above the diagonal; they are all in one block.
    let facts = golden.snapshot().maskFacts(layer: 0)
    #expect(facts.name == "causal" && !facts.isWhatIf)
    #expect(facts.hidden == 1 - 21.0 / 36 && facts.skipped == 0)
    let lifted = golden.snapshot(.mask(.full)).maskFacts(layer: 1)
    #expect(lifted.name == "none" && lifted.isWhatIf && lifted.hidden == 0)
    let (model, ids) = randomModel(context: 192, width: 8, heads: 2)
    func skipped(_ edits: AttentionEdit...) -> Double {
      AttentionSnapshot(model, ids: ids, edits: edits).maskFacts(layer: 0).skipped
    }
    // 12 x 12 blocks: those above the diagonal, and with a window of 64 all but 5 in a row.
    #expect(skipped() == 66.0 / 144 && skipped(.mask(.window(64))) == (66 + 28.0) / 144)
    let names: [AttentionMask] = [.window(7), .causal & .documents([0, 2])]
    #expect(names.map(\.name) == ["window=7", "causal & documents"])
    #expect(
      names[1].reason(3, 1, keys: 4) == "other text" && names[1].reason(3, 4, keys: 9) == "4 > 3")
  }

  @Test(arguments: [AttentionStage.weights, .scores, .masked, .residual])
  func blocksHoldTheLargest(_ stage: AttentionStage) {
    let (model, ids) = randomModel(context: 21, width: 24, heads: 2)
    let snapshot = AttentionSnapshot(model, ids: ids)
    let map = snapshot.blocks(stage, layer: 0, head: 1, block: 4)
    let across = snapshot.columns(stage)
    #expect(map.rows == 6 && map.columns == (across + 3) / 4)
    let rows = snapshot.rows(stage, layer: 0, head: 1, 0..<21)
    var largest: Float = 0
    for r in 0..<map.rows {
      for c in 0..<map.columns {
        var cells: [Float] = []
        for i in r * 4..<min(21, r * 4 + 4) {
          for j in c * 4..<min(across, c * 4 + 4) where stage != .weights || j <= i {
            if let cell = rows[i][j] { cells.append(cell) }
          }
        }
        #expect(map[r, c] == cells.max { $0.magnitude < $1.magnitude })
        largest = max(largest, cells.map(\.magnitude).max() ?? 0)
      }
    }
    #expect(map.largest == largest)
    #expect(map.largest(rows: 0..<99, columns: 0..<99)?.magnitude == largest)
    #expect(map.largest(rows: 1..<1, columns: 0..<1) == nil)
  }

  @Test func theNextTokens() throws {
    let snapshot = golden.snapshot()
    let wanted = try golden.matrix(golden.json["next"])
    let found = snapshot.likeliest(5)
    #expect(found.map { Double($0.id) } == wanted.map { $0[0] })
    #expect(zip(found, wanted).allSatisfy { golden.isNear($0.probability, $1[1]) })
    #expect(found[0] == snapshot.next(found[0].id))
    #expect(snapshot.likeliest(0).isEmpty)
    #expect(snapshot.likeliest(.max).count == model.vocabulary)
    let total = snapshot.likeliest(.max).reduce(0) { $0 + $1.probability }
    #expect(abs(total - 1) < 1e-9)
  }

  private var model: any LanguageModel { golden.model }

  @Test func changesCompareWithTheTrainedModel() throws {
    let trained = golden.snapshot()
    let changed = golden.snapshot(.zeroHead(layer: golden.layer, head: golden.head))
    let changes = changed.changes(from: trained, 4)
    let (before, after) = (
      try golden.numbers(golden.json["logits"]), try golden.numbers(golden.json["zeroed"])
    )
    let ids = changes.map { Int($0.trained.id) }
    #expect(changes.allSatisfy { $0.trained.id == $0.changed.id } && Set(ids).count == 4)
    #expect(changes.allSatisfy { golden.isNear($0.trained.logit, before[Int($0.trained.id)]) })
    #expect(changes.allSatisfy { golden.isNear($0.changed.logit, after[Int($0.changed.id)]) })
    #expect(ids.map { before[$0] } == ids.map { before[$0] }.sorted(by: >))
    #expect(ids.contains(Int(trained.likeliest(1)[0].id)))
    #expect(ids.contains(Int(changed.likeliest(1)[0].id)))
  }
}
