import Screen
import Testing
import Workbench

/// The attention view, drawn.
@Suite struct AttentionViewTests {
  @Test func show() throws {
    var drawn = try DrawnBench()
    print(drawn.screen(24, 80))
    print(drawn.screen(20, 48))
    for line in ["zero 0.2", "set diff=on", "set cover=on", "set cover=off"] {
      try drawn.run(line)
      print("---- " + line)
      print(drawn.screen(24, 80))
    }
    print(drawn.screen(40, 120))
    print(drawn.screen(40, 120, .full))
    print(drawn.screen(60, 200))
    for c in [
      "weights[12,5]", "sum(weights[12])", "next[1]", "probability[\"key\"]", "before[\"key\"]",
      "masked[3]", "masked[3,8]", "argmax(weights@*[12,5])", "share[12]", "cell", "rowsum[12]",
      "logit[2]",
    ] {
      print(c, try Reading.value(of: c, in: drawn.bench))
    }
  }
}
