// The keys of interface design, as data for the help, the footer and docs/commands.md. What a key
// runs exactly depends on what is on the screen, which the key map knows.

/// A row of the table: keys that run the same.
public struct KeyRow: Sendable {
  /// The names: `n`, `Space`, `Shift-Tab`; aliases behind the first.
  public var keys: [String]
  /// The view where it is so; nil: everywhere.
  public var view: ViewName?
  /// What it does, in words.
  public var does: String
  /// The command, with its arguments as in a usage; nil for what no command does.
  public var runs: String?

  init(_ keys: String, in view: ViewName? = nil, _ does: String, _ runs: String? = nil) {
    self.keys = keys.split(separator: " ").map { String($0) }
    (self.view, self.does, self.runs) = (view, does, runs)
  }

  /// The name of the command that it runs.
  public var command: Command.Name? {
    runs?.split(separator: " ").first.flatMap { Command.Name(rawValue: String($0)) }
  }
}

public enum KeyTable {
  public static let rows = [
    KeyRow("1 2 3 4 5 6", "opens a view", "view NAME"),
    KeyRow("Tab", "next pane", "set focus=NAME"),
    KeyRow("Shift-Tab", "pane before", "set focus=NAME"),
    KeyRow("Up Down Left Right h j k l", "moves the cursor", "cursor A B"),
    KeyRow("Home End", "first, last column", "cursor A B"),
    KeyRow("PgUp PgDn", "moves by a page", "cursor A B"),
    KeyRow(",", "head before", "head L.H"),
    KeyRow(".", "next head", "head L.H"),
    KeyRow("<", "layer before", "head L.H"),
    KeyRow(">", "next layer", "head L.H"),
    KeyRow("v", "next right pane", "set pane=NAME"),
    KeyRow("z", "zooms in", "set zoom=N"),
    KeyRow("Z", "zooms out", "set zoom=N"),
    KeyRow("i", "types a prompt", "prompt TEXT"),
    KeyRow("/", "finds", "find TEXT"),
    KeyRow("e", "exports", "export PATH"),
    KeyRow(":", "types any command"),
    KeyRow("P", "pins this state", "pin"),
    KeyRow("d", "shows the difference to it", "set diff=on"),
    KeyRow("u", "undoes a setting", "undo"),
    KeyRow("U", "does it again", "undo -1"),
    KeyRow("M", "mouse on, off", "set mouse=off"),
    KeyRow("? F1", "explains the screen", "help"),
    KeyRow("q", "quits; closes what lies over the view", "quit"),
    KeyRow("Esc", "leaves a pane, closes what lies over the view", "set pane=NAME"),
    KeyRow("Ctrl-C", "stops what runs", "stop"),
    KeyRow("Ctrl-L", "repaints"),
    KeyRow("Ctrl-Z", "suspends"),

    KeyRow("n ]", in: .attention, "next stage", "stage next"),
    KeyRow("p [", in: .attention, "stage before", "stage back"),
    KeyRow("Space", in: .attention, "plays the stages, 1 s each", "stage next"),
    KeyRow("+ =", in: .attention, "sharpens the head", "sharpen X"),
    KeyRow("-", in: .attention, "flattens it", "sharpen X"),
    KeyRow("Enter", in: .attention, "ledger; in the grid: that head", "set pane=NAME"),
    KeyRow("g", in: .attention, "grid of heads", "set pane=grid"),
    KeyRow("x", in: .attention, "zeroes this head", "zero L.H"),
    KeyRow("m", in: .attention, "next mask", "mask NAME"),

    KeyRow("n ]", in: .entropy, "next boundary", "cursor A"),
    KeyRow("p [", in: .entropy, "boundary before", "cursor A"),
    KeyRow("Up Down", in: .entropy, "a line of the text; in the ribbons: a rule", "cursor A B"),
    KeyRow("Home End", in: .entropy, "first, last byte", "cursor A"),
    KeyRow("+ =", in: .entropy, "raises the threshold by 0.05 nats", "threshold X"),
    KeyRow("-", in: .entropy, "lowers it", "threshold X"),
    KeyRow("Enter", in: .entropy, "in the ribbons: this rule", "rule RULE"),
    KeyRow("m", in: .entropy, "next rule", "rule RULE"),

    KeyRow("n ]", in: .generate, "one token on", "sample 1"),
    KeyRow("p [", in: .generate, "one token back", "rewind 1"),
    KeyRow("Space", in: .generate, "runs, stops", "sample"),
    KeyRow("Left Right", in: .generate, "chooses a knob", "set focus=NAME"),
    KeyRow("+ =", in: .generate, "turns the knob up", "temperature X"),
    KeyRow("-", in: .generate, "turns it down", "temperature X"),
    KeyRow("Enter", in: .generate, "takes this row", "take RANK"),
    KeyRow("b", in: .generate, "takes side by side", "set pane=takes"),
    KeyRow("r", in: .generate, "again from the prompt, same seed", "rewind all"),

    KeyRow("n ]", in: .train, "one step on", "step"),
    KeyRow("p [", in: .train, "says that saved steps are ^"),
    KeyRow("Space", in: .train, "runs, pauses", "pause"),
    KeyRow("Left Right", in: .train, "to the saved step before, after", "cursor A"),
    KeyRow("+ =", in: .train, "raises the learning rate", "rate X"),
    KeyRow("-", in: .train, "lowers it", "rate X"),
    KeyRow("Enter", in: .train, "opens the model of the saved step", "model DIR@STEP"),
    KeyRow("s", in: .train, "saves", "save"),
    KeyRow("r", in: .train, "again, same seed; the old curve stays", "train again"),
    KeyRow("y", in: .train, "axes", "set axes=log-y"),
    KeyRow("a", in: .train, "averages the loss", "set smooth=N"),
    KeyRow("o", in: .train, "other runs beside this one", "set runs=NAME,NAME"),

    KeyRow("n ]", in: .model, "of a BLT: next stage", "stage next"),
    KeyRow("p [", in: .model, "of a BLT: stage before", "stage back"),
    KeyRow("Up Down", in: .model, "part; of a BLT's stages: patch", "cursor A B"),
    KeyRow("Enter", in: .model, "unfolds; shows a weight", "cursor A B"),
  ]
}
