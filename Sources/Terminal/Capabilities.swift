import Screen

/// What is known of a terminal before it is opened, and the look that follows from it.
public struct Capabilities: Equatable, Sendable {
  public var environment: [String: String]
  /// Both standard input and output are a terminal.
  public var isTerminal: Bool
  public var isUTF8: Bool
  /// Whether terminfo knows the terminal, and it can put its cursor anywhere.
  public var isKnown, movesCursor: Bool
  public var colours, pairs: Int

  public init(
    environment: [String: String], isTerminal: Bool = true, isUTF8: Bool = true,
    isKnown: Bool = true, movesCursor: Bool = true, colours: Int = 256, pairs: Int = 65536
  ) {
    (self.environment, self.isTerminal, self.isUTF8) = (environment, isTerminal, isUTF8)
    (self.isKnown, self.movesCursor) = (isKnown, movesCursor)
    (self.colours, self.pairs) = (colours, pairs)
  }

  /// Why no screen can be opened here, in one line; nil if one can.
  public var problem: String? {
    let term = environment["TERM"] ?? ""
    if !isTerminal { return "no terminal" }
    if term.isEmpty { return "TERM is not set, so the terminal is not known" }
    if !isKnown { return "the terminal \"\(Glyphs.visible(term))\" is not known here" }
    return movesCursor ? nil : "the terminal \"\(Glyphs.visible(term))\" cannot move its cursor"
  }

  /// The look that suits; plain without colour where no screen can be opened.
  public var look: Look {
    let refuses = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
    let colour = !refuses && colours >= 8 && problem == nil
    if !isUTF8 { return Look(.plain, light: isLight, colour: colour, ascii: true) }
    if problem != nil { return .plain }
    let isFull = colours >= 256 && pairs >= 256
    return Look(isFull ? .full : .console, light: isLight, colour: colour)
  }

  /// `COLORFGBG` ends with the index of the ground: 7 and 9 to 15 are light.
  private var isLight: Bool {
    let ground = environment["COLORFGBG"]?.split(separator: ";").last.flatMap { Int($0) }
    return ground.map { $0 == 7 || (9...15).contains($0) } ?? false
  }
}
