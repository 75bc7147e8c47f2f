import Files
import Screen

/// What conditions and `say` can ask: each view's readings, and every setting by its name.
extension Bench: Readings {
  public func reading(
    _ name: String, at head: HeadReference?, _ indices: [ReadingIndex]
  ) throws(Failure) -> ReadingValue {
    if name == "idle" { return .flag(isIdle) }
    if let value = try attentionReading(name, at: head, indices) { return value }
    if let value = try entropyReading(name, indices) { return value }
    if let value = try generateReading(name, indices) { return value }
    if let value = try trainReading(name, indices) { return value }
    if let value = setting(name) { return value }
    throw Failure("\(name): there is no value yet; open a model or a run first")
  }

  private func setting(_ name: String) -> ReadingValue? {
    switch name {
    case "view": .text(settings.view.rawValue)
    case "prompt": .text(String(bytes: settings.prompt))
    case "seed": .number(Double(settings.seed))
    case "head": .head(settings.head)
    case "stage":
      .text(settings.showsStages ? settings.bltStage.rawValue : settings.stage.rawValue)
    case "mask": .text(settings.mask.description)
    case "sharpen": .number(settings.sharpened[settings.head] ?? 1)
    case "rule": .text(settings.patching.ruleName)
    case "threshold": .number(Double(settings.patching.threshold))
    case "temperature": .number(settings.temperature)
    case "top-k": settings.topK.map { .number(Double($0)) } ?? .text("off")
    case "top-p": settings.topP.map { .number($0) } ?? .text("off")
    case "cursor":
      .list(of: [settings.cursor.row, settings.cursor.column].map(Double.init))
    default: nil
    }
  }
}

extension MaskChoice: CustomStringConvertible {
  public var description: String {
    switch self {
    case .model: "model"
    case .causal: "causal"
    case .none: "none"
    case .window(let size): "window=\(size)"
    }
  }
}
