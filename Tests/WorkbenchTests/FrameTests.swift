import Screen
import Testing
import Workbench

@Suite struct FrameTests {
  @Test func drawsInAnyRectangle() {
    for rows in [0, 1, 9, 10, 24, 200] {
      for columns in [0, 1, 39, 40, 80, 500] {
        var canvas = Canvas(rows: rows, columns: columns)
        Bench().draw(on: &canvas)
      }
    }
  }
}
