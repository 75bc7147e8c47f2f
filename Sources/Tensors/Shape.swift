/// The sizes of up to four axes, stored inline so that making a tensor allocates no array.
public struct Shape: Equatable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  private var sizes: (Int, Int, Int, Int) = (1, 1, 1, 1)
  public let rank: Int

  /// A shape of the given axes, outermost first; row-major.
  public init(_ axes: some Collection<Int>) {
    precondition((1...4).contains(axes.count), "a shape has 1 to 4 axes, given \(Array(axes))")
    rank = axes.count
    for (i, size) in axes.enumerated() {
      switch i {
      case 0: sizes.0 = size
      case 1: sizes.1 = size
      case 2: sizes.2 = size
      default: sizes.3 = size
      }
    }
  }

  public init(arrayLiteral axes: Int...) { self.init(axes) }

  public subscript(_ axis: Int) -> Int {
    switch axis {
    case 0: sizes.0
    case 1: sizes.1
    case 2: sizes.2
    default: sizes.3
    }
  }

  /// How many numbers there are.
  public var count: Int { sizes.0 * sizes.1 * sizes.2 * sizes.3 }
  /// The size of the last axis, along which every row-wise kernel runs.
  public var columns: Int { self[rank - 1] }
  /// The product of all axes but the last.
  public var rows: Int { columns == 0 ? 0 : count / columns }
  public var axes: [Int] { (0..<rank).map { self[$0] } }
  public var description: String { axes.description }

  public static func == (a: Shape, b: Shape) -> Bool { a.rank == b.rank && a.sizes == b.sizes }
}
