// The one table of commands: typed lines, keys, the help, completion and docs/commands.md are made
// from it.

import Files

/// A row of the table.
public struct Entry: Sendable {
  public enum Kind: String, Sendable {
    /// A noun: with a value it sets, alone it prints.
    case setting
    /// A verb.
    case command
  }

  public var name: Command.Name
  public var kind: Kind
  /// The view where it belongs; nil: everywhere.
  public var view: ViewName?
  public var arguments: [Argument]
  public var options: [Argument]
  /// Whether it takes keys of a configuration beside its own.
  public var takesOtherKeys: Bool
  /// Whether it takes either a value or a key.
  public var isEither: Bool
  /// The arguments as they are written, where they are not just those of `arguments` and `options`.
  var form: String?
  /// One line, without a full stop.
  public var help: String
  /// Whether `undo` takes it back.
  public var isUndoable: Bool

  init(
    _ name: Command.Name, _ kind: Kind, in view: ViewName? = nil, _ arguments: Argument...,
    keys options: [Argument] = [], form: String? = nil, isEither: Bool = false,
    takesOtherKeys: Bool = false, isUndoable: Bool? = nil, help: String
  ) {
    (self.name, self.kind, self.view, self.help) = (name, kind, view, help)
    (self.arguments, self.options, self.form) = (arguments, options, form)
    (self.isEither, self.takesOtherKeys) = (isEither, takesOtherKeys)
    self.isUndoable = isUndoable ?? (kind == .setting)
  }

  /// How it is written: `rewind [N|all]`.
  public var usage: String {
    let own = arguments.map(\.usage) + options.map { "[\($0.usage)]" }
    return ([name.rawValue] + (form.map { [$0] } ?? own)).joined(separator: " ")
  }

  /// The keys that run it, by name.
  public var keys: [String] { KeyTable.rows.filter { $0.command == name }.flatMap(\.keys) }

  /// How the line behind the name is read.
  enum Reading { case text, expression, words }

  var reading: Reading {
    switch arguments.first?.type {
    case .text: .text
    case .condition, .term: .expression
    default: .words
    }
  }

  /// The key in its canonical spelling and its checked value.
  func option(_ key: String, _ value: String) throws(Failure) -> Command.Option {
    let shown = key.quotedForm(limit: 40)
    guard let option = options.first(where: { $0.key == key.dashed }) else {
      guard !takesOtherKeys else {
        guard !value.isEmpty else { throw Failure("\(shown) has no value") }
        return Command.Option(key: key.underscored, value: value)
      }
      guard !options.isEmpty else { throw Failure("takes no key \(shown); \(usage)") }
      let near = nearest(key.dashed, among: options.map(\.key)).map { "nearest: \($0)" }
      let all = "keys: " + options.map(\.key).joined(separator: " ")
      throw Failure("no key \(shown); \(near ?? all)")
    }
    return Command.Option(key: option.key, value: try option.checked(value))
  }
}

public enum CommandTable {
  /// Every command has its row: a test sees to it.
  public static func entry(_ name: Command.Name) -> Entry { byName[name] ?? entries[0] }

  private static let byName = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0) })

  /// In the order of the help.
  public static let entries = everywhere + attention + entropy + generate + train

  private static let everywhere: [Entry] = [
    Entry(
      .view, .setting, Argument("NAME", words: ViewName.allCases.map(\.rawValue)),
      help: "the view that is open"),
    Entry(
      .prompt, .setting, Argument("TEXT|@FILE", .text),
      keys: [Argument(key: "file", "FILE", .path)], form: "TEXT|@FILE",
      help: "the text that the model reads"),
    Entry(
      .cursor, .setting, Argument("A", .integer(.any)),
      Argument("B", .integer(.any), isOptional: true),
      help: "row and column of the cursor, from 0; -1 is the last"),
    Entry(.seed, .setting, Argument("N", .integer(0...(.max))), help: "the seed of the draws"),
    Entry(
      .help, .command, Argument("WORD", .text, isOptional: true),
      help: "explains the screen, every key and every command"),
    Entry(
      .set, .command, keys: onScreen, form: "KEY=VALUE…", isUndoable: true,
      help: "what is only on the screen"),
    Entry(
      .say, .command, Argument("READING", .term, isOptional: true),
      help: "prints the view as text, or the value of a reading"),
    Entry(
      .find, .command, Argument("TEXT", .text, isOptional: true), isUndoable: true,
      help: "goes to the next place of a text; alone, of the last one"),
    Entry(
      .export, .command, Argument("PATH", .path),
      keys: [Argument(key: "what", "view|screen|data", help: "alone it is the view")],
      help: "writes .svg .txt .csv .json, or the session as .specola"),
    Entry(
      .model, .command, Argument("NAME|DIR[@STEP]", .model), isUndoable: true,
      help: "opens a model, or a saved step of a run"),
    Entry(
      .undo, .command, Argument("N", .integer(.any), isOptional: true),
      help: "takes back N settings; with -N does them again"),
    Entry(
      .pin, .command, Argument("off", isOptional: true),
      help: "keeps this state, to show the difference to it"),
    Entry(.play, .command, Argument("PATH", .path), help: "runs a file of commands"),
    Entry(
      .wait, .command, Argument("CONDITION", .condition), help: "waits until a condition holds"),
    Entry(
      .expect, .command, Argument("CONDITION", .condition),
      help: "fails unless a condition holds now"),
    Entry(.stop, .command, help: "stops what runs; a training run is saved and pauses"),
    Entry(
      .quit, .command, Argument("save|discard", isOptional: true),
      help: "leaves; asks first while a run is going"),
  ]

  private static let onScreen = [
    Argument(key: "pane", "NAME", .pane, help: "the pane at the right"),
    Argument(key: "focus", "NAME", .focus, help: "the pane that the arrows move in"),
    Argument(key: "zoom", "N|auto", .integer(0...3), help: "0: most in sight, 3: digits"),
    Argument(key: "axes", "linear|log-x|log-y|log-log", help: "of the plots of a run"),
    Argument(
      key: "smooth", "N", .integer(1...(.max)), help: "steps over which the loss is averaged"),
    Argument(key: "runs", "NAME,NAME…|off", .runs, help: "other runs drawn beside this one"),
    Argument(
      key: "probe", "L.H|off", .head, help: "the head that a run's probe shows; off: its own choice"
    ),
    Argument(key: "cover", "on|off", help: "hides the number under the cursor until Enter"),
    Argument(key: "diff", "on|off", help: "shows the difference to the pinned state"),
    Argument(key: "units", "nats|bits", help: "of entropies and losses on the screen"),
    Argument(key: "theme", "dark|light", help: "the background of the terminal"),
    Argument(key: "look", "auto|full|console|plain", help: "256 colours, glyphs, or ASCII"),
    Argument(key: "mouse", "on|off", help: "off lets the terminal select text"),
  ]

  private static let attention: [Entry] = [
    Entry(
      .head, .setting, in: .attention, Argument("L.H|H", .head), help: "the head that is shown"),
    Entry(
      .stage, .setting, in: .attention,
      Argument(
        "NAME|next|back",
        words: Stage.allCases.map(\.rawValue) + BLTStage.allCases.map(\.rawValue) + [
          "next", "back",
        ]), help: "the step of attention that is shown, or the stage of a BLT"),
    Entry(
      .mask, .setting, in: .attention, Argument("model|causal|none"),
      keys: [Argument(key: "window", "N", .integer(1...(.max)))],
      form: "model|causal|none|window=N",
      isEither: true, help: "what a token may read"),
    Entry(
      .sharpen, .setting, in: .attention, Argument("X", .number(Interval(from: 0))),
      help: "multiplies the head's scores; 1 is as trained"),
    Entry(
      .zero, .command, in: .attention, Argument("L.H|off", .head, isOptional: true),
      isUndoable: true,
      help: "takes a head out of the model; off puts all back"),
  ]

  private static let entropy: [Entry] = [
    Entry(
      .rule, .setting, in: .entropy, Argument("global|monotonic|space|static|byte"),
      keys: [
        Argument(
          key: "add", "X", .number(Interval(from: 0)), help: "nats of rise that global wants too"),
        Argument(key: "size", "N", .integer(1...(.max)), help: "bytes a patch of static"),
        Argument(key: "max", "N", .integer(1...(.max)), help: "no patch is longer"),
      ], help: "what decides where a patch ends"),
    Entry(
      .threshold, .setting, in: .entropy, Argument("X", .number(Interval(from: 0, to: 5.56))),
      keys: [
        Argument(
          key: "mean", "X", .number(Interval(above: 0)),
          help: "finds the one for so many bytes a patch")
      ], form: "X|mean=X", isEither: true, help: "nats above which a patch ends"),
  ]

  private static let filters = [
    Argument(key: "temperature", "X", .number(Interval(from: 0)), help: "divides the scores"),
    Argument(key: "top-k", "N|off", .integer(1...(.max)), help: "keeps the N likeliest"),
    Argument(
      key: "top-p", "X|off", .number(Interval(above: 0, to: 1)),
      help: "keeps the fewest likeliest whose sum reaches X"),
  ]

  private static let generate: [Entry] = [
    Entry(
      .temperature, .setting, in: .generate, Argument("X", .number(Interval(from: 0))),
      help: "divides the scores; 0 is greedy"),
    Entry(
      .topK, .setting, in: .generate, Argument("N|off", .integer(1...(.max))),
      help: "keeps the N likeliest candidates"),
    Entry(
      .topP, .setting, in: .generate, Argument("X|off", .number(Interval(above: 0, to: 1))),
      help: "keeps the fewest likeliest whose sum reaches X"),
    Entry(
      .sample, .command, in: .generate, Argument("N", .integer(1...(.max)), isOptional: true),
      keys: filters + [Argument(key: "seed", "N", .integer(0...(.max)))],
      help: "draws N tokens; alone, until it is stopped"),
    Entry(
      .take, .command, in: .generate, Argument("RANK|\"TEXT\"", .integer(1...(.max))),
      keys: [Argument(key: "text", "TEXT", .text)], form: "RANK|\"TEXT\"", isEither: true,
      help: "takes another candidate instead of the draw"),
    Entry(
      .rewind, .command, in: .generate, Argument("N|all", .integer(1...(.max)), isOptional: true),
      help: "takes back N tokens, or all that were drawn"),
    Entry(
      .branch, .command, in: .generate, Argument("N", .integer(1...9)),
      help: "goes on from another take"),
  ]

  private static let train: [Entry] = [
    Entry(
      .rate, .setting, in: .train, Argument("X", .number(Interval(from: 0))), isUndoable: false,
      help: "the learning rate from the next step on"),
    Entry(
      .train, .command, in: .train, Argument("NAME|PATH|again", .recipe),
      keys: [
        Argument(key: "minutes", "X", .number(Interval(above: 0)), help: "fits the steps to a time")
      ], form: "NAME|PATH|again [minutes=X] [KEY=VALUE…]", takesOtherKeys: true,
      help: "begins a run; keys are those of its configuration"),
    Entry(
      .pause, .command, in: .train, Argument("on|off", isOptional: true),
      help: "pauses the run, or goes on with it"),
    Entry(
      .step, .command, in: .train, Argument("N", .integer(1...(.max)), isOptional: true),
      help: "makes N steps and pauses"),
    Entry(.save, .command, in: .train, help: "saves the run now"),
  ]
}

extension ClosedRange<Int> {
  /// Negative numbers count from the end.
  fileprivate static let any = Int.min...Int.max
}
