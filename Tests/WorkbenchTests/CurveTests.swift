import Glibc
import TestSupport
import Testing
import Training
import Workbench

@Suite struct CurveTests {
  private func curve(_ steps: [Int], _ value: (Int) -> Double) -> Curve {
    Curve(steps.map { RunLog.Point(step: $0, value: value($0)) })
  }

  @Test func meansAreThoseOfTheLastSteps() {
    var random = SplitMix(state: 4)
    let steps = (0..<200).map { 3 * $0 + 1 + Int(random.next() % 3) }
    let values = Dictionary(uniqueKeysWithValues: steps.map { ($0, random.uniform()) })
    let curve = curve(steps) { values[$0] ?? 0 }
    for over in [1, 2, 7, 50, 600, 1_000_000] {
      for index in [0, 1, 5, 60, 199] {
        let within = steps[...index].filter { $0 > steps[index] - over }
        let mean = within.reduce(0) { $0 + (values[$1] ?? 0) } / Double(within.count)
        #expect(abs(curve.mean(over: over, at: index) - mean) < 1e-12, "\(over) at \(index)")
      }
    }
  }

  @Test func numbersThatAreNoneAreLeftOut() {
    let curve = curve([1, 2, 3, 4]) { [.nan, 4, .infinity, 2][$0 - 1] }
    #expect(curve.mean(over: 1, at: 0).isNaN && curve.mean(over: 2, at: 1) == 4)
    #expect(curve.mean(over: 1, at: 2).isNaN && curve.mean(over: 4, at: 3) == 3)
    #expect(Curve().drawn(smooth: 5, atMost: 10).isEmpty)
  }

  @Test func aRunThatIsTakenUpAgainTellsItsStepsAnew() {
    var curve = curve(Array(1...10)) { Double($0) }
    curve.append(70, at: 7)
    curve.append(80, at: 8)
    #expect(curve.points.map(\.step) == Array(1...8) && curve.last?.value == 80)
    #expect(curve.points[6].value == 70)
  }

  @Test func aVeryLongCurveIsThinned() {
    var curve = Curve()
    for step in 1...Curve.most + 2 { curve.append(Double(step), at: step) }
    #expect(curve.points.count == Curve.most / 2 + 2)
    #expect(curve.points.prefix(3).map(\.step) == [1, 3, 5])
    #expect(curve.points.suffix(2).map(\.step) == [Curve.most + 1, Curve.most + 2])
  }

  @Test(arguments: [false, true]) func longCurvesAreDrawnAtOneCost(_ logarithmic: Bool) {
    let curve = curve(Array(1...100_000)) { exp(-Double($0) / 20_000) }
    let drawn = curve.drawn(smooth: 1, atMost: 400, logarithmic: logarithmic, scale: 2)
    #expect(drawn.count <= (logarithmic ? 1_200 : 400) && drawn.count > 300)
    #expect(drawn.first?.x == 1 && drawn.last?.x == 100_000)
    #expect(zip(drawn, drawn.dropFirst()).allSatisfy { $0.x < $1.x })
    #expect(drawn.allSatisfy { abs($0.y - 2 * exp(-$0.x / 20_000)) < 1e-12 })
    if logarithmic { #expect(drawn.prefix(5).map(\.x) == [1, 2, 3, 4, 5]) }
    let few = curve.drawn(smooth: 20_000, atMost: 50)
    // A mean of many points, of which only some are taken.
    let last = (1...20_000).reduce(0) { $0 + exp(-Double(100_001 - $1) / 20_000) } / 20_000
    #expect(abs((few.last?.y ?? 0) - last) < 1e-4)
  }
}
