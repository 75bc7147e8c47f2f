import Tensors

/// What this machine can do at most, measured on the CPU path in use.
enum Limits {
  /// Floating-point operations a second of all lanes at once: independent multiply-adds.
  static func peak(_ lanes: Lanes) -> Double {
    let rounds = 4_000_000
    let operations = Kernel.multiplyAdds(rounds: rounds / 4) * 4 * Double(lanes.count)
    return operations / fastest { lanes.run { _ in _ = Kernel.multiplyAdds(rounds: rounds) } }
  }

  /// Bytes a second that all lanes at once read from memory, in order.
  static func streaming(_ lanes: Lanes) -> Double {
    let count = 1 << 26 / lanes.count
    defer { Pool.trim() }  // A block of such a size is never asked for again.
    let blocks = (0..<lanes.count).map { _ in Storage(zeros: count) }
    let rate = fastest { lanes.run { _ = Kernel.sum(blocks[$0].floats) } }
    return Double(4 * count * lanes.count) / rate
  }

  /// Others can only slow a measurement down.
  private static func fastest(_ body: () -> Void) -> Double {
    (0..<5).map { _ in seconds(body) }.min() ?? .infinity
  }
}
