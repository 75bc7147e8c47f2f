import Models
import Screen

/// The tabs, in their order.
public enum ViewName: String, CaseIterable, Sendable {
  case attention, entropy, generate, train, lessons, model
}

/// The steps of attention, in the order in which they are computed.
public enum Stage: String, CaseIterable, Sendable {
  case input, norm, qkv, scores, scaled, masked, weights, output, joined, residual

  /// The stage after (or before) this one; the last (first) stays.
  public func moved(by steps: Int) -> Stage {
    let all = Stage.allCases
    let here = all.firstIndex(of: self) ?? 0
    return all[max(0, min(all.count - 1, here + steps))]
  }
}

/// The stages of a BLT, from bytes to bytes.
public enum BLTStage: String, CaseIterable, Sendable {
  case bytes, encoder, patches, latent, decoder, logits
}

/// Which keys a query may read, where a person lifted the model's own mask.
public enum MaskChoice: Hashable, Sendable {
  case model, causal, none
  case window(Int)
}

/// All that a person set: what undo goes back over, and a session writes down.
public struct Settings: Equatable, Sendable {
  public var view = ViewName.attention
  /// A name below models/, a directory or a run, with `@STEP` for an earlier checkpoint.
  public var model = ""
  /// UTF-8 bytes, or bytes that are none.
  public var prompt: [UInt8] = []
  public var seed = 1

  // Attention
  public var head = HeadReference(layer: 0, head: 0)
  public var stage = Stage.weights
  public var mask = MaskChoice.model
  /// What the scores of a head are multiplied with.
  public var sharpened: [HeadReference: Double] = [:]
  public var zeroed: Set<HeadReference> = []

  // Entropy
  public var patching = Patching(threshold: 0.6)

  // Model
  public var bltStage = BLTStage.patches

  // Generate
  public var temperature = 0.8
  public var topK: Int?
  public var topP: Double?

  // Only on the screen
  public var cursors: [ViewName: Position] = [:]
  /// The right pane of each view, and the pane that has the focus.
  public var panes: [ViewName: String] = [:]
  public var focus: [ViewName: String] = [:]
  /// 0 (most in sight) to 3 (digits); nil: what the view finds best.
  public var zoom: Int?
  public var axes = "log-y"
  /// Steps over which the loss is averaged.
  public var smooth = 50
  /// Other runs, by folder, drawn beside the present one.
  public var runs: [String] = []
  /// The head whose attention the Train view follows.
  public var probe: HeadReference?
  public var cover = false
  public var difference = false
  public var units = "nats"
  public var theme = "auto"
  public var look = "auto"
  public var mouse = true

  public init() {}

  public var cursor: Position {
    get { cursors[place] ?? Position(0, 0) }
    set { cursors[place] = newValue }
  }

  /// Whose cursor moves: the stages of a BLT are of the byte of the Entropy view.
  private var place: ViewName { showsStages ? .entropy : view }

  /// Whether the view is that of the stages of a BLT.
  var showsStages: Bool { view == .model && panes[.model] == "stages" }
}
