import Files
import Screen

/// What a key or a click comes to.
package enum Action: Equatable, Sendable {
  case run(Command)
  /// Opens row 23 with this much typed already.
  case type(String)
  /// Says why nothing happens.
  case say(String)
  case open(Dialog)
  /// Runs a command now and every second, until a key is pressed or it fails.
  case play(Command)
}

/// One tab: a pure drawing of the bench, with keys of its own.
///
/// It gets a rectangle for the rows between the state above and the legend below, and nothing else.
protocol View: Sendable {
  var name: ViewName { get }
  /// The right panes, in the order in which `v` shows them.
  var panes: [String] { get }
  /// Those that there are with the model that is open.
  func panes(_ bench: Bench) -> [String]
  /// The panes that Tab gives the focus to; the first has it at the beginning.
  var focuses: [String] { get }

  /// What row 2 says of the model, the prompt or the run; no control bytes, any length.
  func status(_ bench: Bench) -> String
  /// The state at the right of row 2, if the view has one of its own.
  func state(_ bench: Bench) -> String?
  func draw(_ bench: Bench, on canvas: inout Canvas, in area: Rect)
  /// The legend or the main dial; `area` is where the view was drawn.
  func drawLegend(_ bench: Bench, on canvas: inout Canvas, in line: Rect, of area: Rect)
  /// At most seven keys, most used first.
  func footer(_ bench: Bench) -> [(keys: String, verb: String)]
  /// Rows and columns over which the cursor moves.
  func extent(_ bench: Bench) -> Size
  /// Where a text is found from the cursor on, round the end; nil where it is not.
  func find(_ text: String, _ bench: Bench) -> Position?
  /// What a key runs here; nil leaves it to the keys of every view.
  ///
  /// Asked for: arrows, Home, End, n, p, Space, +, -, comma, dot, < >, Enter, Esc and letters.
  func action(for key: Key, _ bench: Bench) -> Action?
  /// What a click on a place of the canvas runs.
  func click(at place: Position, in area: Rect, _ bench: Bench) -> Action?
  /// What the thing under the cursor is, for the first line of the help.
  func explanation(_ bench: Bench) -> String
  /// What stands on the screen beside it, one thing a line: name and meaning.
  func elements(_ bench: Bench) -> [(name: String, meaning: String)]
  /// The numbers drawn, for export as csv and json; nil where there are none yet.
  func data(_ bench: Bench) -> Table?
}

extension View {
  var panes: [String] { [] }
  func panes(_ bench: Bench) -> [String] { panes }
  var focuses: [String] { [] }
  func extent(_ bench: Bench) -> Size { Size(rows: 1, columns: 1) }
  func find(_ text: String, _ bench: Bench) -> Position? { nil }
  func action(for key: Key, _ bench: Bench) -> Action? { nil }
  func drawLegend(_ bench: Bench, on canvas: inout Canvas, in line: Rect, of area: Rect) {}
  func state(_ bench: Bench) -> String? { nil }
  func click(at place: Position, in area: Rect, _ bench: Bench) -> Action? { nil }
  func elements(_ bench: Bench) -> [(name: String, meaning: String)] { [] }
  func data(_ bench: Bench) -> Table? { nil }

  /// The pane that is shown at the right.
  func pane(_ bench: Bench) -> String { bench.settings.panes[name] ?? panes(bench).first ?? "" }
  /// The pane that has the focus.
  func focus(_ bench: Bench) -> String { bench.settings.focus[name] ?? focuses.first ?? "" }
}

extension ViewName {
  /// The view of a tab.
  var view: any View {
    switch self {
    case .attention: AttentionView()
    case .generate: GenerateView()
    case .train: TrainView()
    case .model: ModelView()
    case .entropy: EntropyView()
    case .lessons: Room(name: .lessons)
    }
  }

  var title: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
}
