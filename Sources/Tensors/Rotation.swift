// Rotary position embeddings (Su and others, 2021).

import Glibc

/// How far the queries and keys of some rows are turned: by position, pair by pair of numbers.
public final class Rotation {
  public let base: Double
  /// The width of a head.
  public let width: Int
  private let first: Int32
  private let positions: [Int32]
  /// Cosine and sine by position from `first` on and pair; the angles are taken in double, for
  /// float32 loses them after some thousand positions.
  private let turns: [SIMD2<Float>]

  /// Pair m of a head turns by base^(-2m / width) a position.
  public init(positions: [Int32], width: Int, base: Double) {
    precondition(width % 2 == 0, "heads of \(width) have no pairs")
    (self.positions, self.width, self.base) = (positions, width, base)
    first = positions.min() ?? 0
    let last = positions.max() ?? 0
    let speeds = (0..<width / 2).map { pow(base, -2 * Double($0) / Double(width)) }
    // A position is a multiple of 64 and a rest; the turns of either serve many positions.
    var (coarse, fine) = ([Int32: [SIMD2<Double>]](), [Int32: [SIMD2<Double>]]())
    func turns(_ position: Int32, _ known: inout [Int32: [SIMD2<Double>]]) -> [SIMD2<Double>] {
      if let found = known[position] { return found }
      let made = speeds.map { SIMD2(cos(Double(position) * $0), sin(Double(position) * $0)) }
      known[position] = made
      return made
    }
    self.turns = (first...last).flatMap { position in
      zip(turns(position & ~63, &coarse), turns(position & 63, &fine)).map { a, b in
        SIMD2<Float>(a * b.x + SIMD2(-a.y, a.x) * b.y)
      }
    }
  }

  /// Turns the queries and keys of packed rows, in place; `back` undoes it.
  func apply(to rows: UnsafeMutablePointer<Float>, _ layout: HeadLayout, back: Bool) {
    let (pairs, sign) = (width / 2, Float(back ? -1 : 1))
    turns.withUnsafeBufferPointer { turns in
      for (row, position) in positions.enumerated() {
        let start = Int(position - first) * pairs
        for head in 0..<layout.heads + layout.keyHeads {
          let x = rows + row * layout.packedWidth + head * width
          for m in 0..<pairs {
            let (turn, a, b) = (turns[start + m], x[2 * m], x[2 * m + 1])
            x[2 * m] = a * turn.x - b * turn.y * sign
            x[2 * m + 1] = b * turn.x + a * turn.y * sign
          }
        }
      }
    }
  }

  fileprivate func fits(_ shape: Shape, _ layout: HeadLayout) -> Bool {
    shape[0] == positions.count && shape[1] == layout.packedWidth && layout.width == width
  }
}

extension Tensor {
  /// Packed rows [N, q | k | v] with every head of q and k turned, the pairs being interleaved.
  public func rotated(_ layout: HeadLayout, _ rotation: Rotation) -> Tensor {
    precondition(rotation.fits(shape, layout), "a rotation of other rows than \(shape)")
    let (x, out) = (self, Storage(copying: storage))
    rotation.apply(to: out.pointer, layout, back: false)
    return Tensor.result("rotation", of: x, shape: shape, storage: out) { _, given in
      let isOurs = isKnownUniquelyReferenced(&given)
      let g = isOurs ? given : Storage(copying: given)
      rotation.apply(to: g.pointer, layout, back: true)
      x.passGradient(g)
    }
  }
}
