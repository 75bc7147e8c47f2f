/// An explicit, named stream of random numbers: a pure function of seed, name and position.
///
/// The generator is Philox-2x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// SC 2011): the seed is its key, and its 128-bit counter holds the position and the hash of the
/// name. So streams of different names never overlap, adding one re-rolls no other, and a
/// position is saved and restored as one number. Every result below is stable across machines
/// and compilers: only integer arithmetic and the exact operations of IEEE 754 are used.
public struct RandomStream: RandomNumberGenerator, Sendable, Equatable, Codable {
  /// The seed, shared by all streams of a run.
  public let seed: UInt64
  /// The FNV-1a hash of the stream's name.
  public let stream: UInt64
  /// The position: how many 64-bit words have been taken.
  public var counter: UInt64 = 0

  /// A stream at its beginning.
  public init(seed: some BinaryInteger, name: String) {
    self.seed = UInt64(truncatingIfNeeded: seed)
    stream = name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// The word at the current position; moves on by one.
  public mutating func next() -> UInt64 {
    defer { counter &+= 1 }
    return Self.philox((counter, stream), key: seed).0
  }

  /// A number in [0, 1) with 53 random bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// An unbiased integer in 0..<n (Lemire's multiplication with rejection).
  public mutating func below(_ n: Int) -> Int {
    precondition(n > 0, "RandomStream.below(\(n)): the bound must be positive")
    let bound = UInt64(n)
    let unfair = (0 &- bound) % bound  // 2^64 mod n
    while true {
      let product = next().multipliedFullWidth(by: bound)
      if product.low >= unfair { return Int(product.high) }
    }
  }

  /// A standard normal number from one word, by the inverse of the distribution function.
  public mutating func normal() -> Double {
    Self.normalQuantile((Double(next() >> 12) + 0.5) * 0x1p-52)
  }

  /// Puts the elements in random order (Fisher and Yates, from the last element down).
  public mutating func shuffle<Element>(_ elements: inout [Element]) {
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(last, below(last + 1))
    }
  }

  /// The Philox-2x64 block function of ten rounds, as published.
  public static func philox(_ counter: (UInt64, UInt64), key: UInt64) -> (UInt64, UInt64) {
    var (low, high, key) = (counter.0, counter.1, key)
    for _ in 0..<10 {
      let product = low.multipliedFullWidth(by: 0xD2B7_4407_B1CE_6E93)
      (low, high) = (product.high ^ key ^ high, product.low)
      key &+= 0x9E37_79B9_7F4A_7C15
    }
    return (low, high)
  }
}

// MARK: - The normal quantile

extension RandomStream {
  /// The quantile of the standard normal distribution, 0 < p < 1, to about 1e-16.
  ///
  /// Wichura's algorithm AS 241 (PPND16), with a logarithm of our own in the tails, because the
  /// system's may differ in the last bit from one C library to the next.
  public static func normalQuantile(_ p: Double) -> Double {
    precondition(p > 0 && p < 1, "normalQuantile(\(p)): p must be inside (0, 1)")
    let q = p - 0.5
    if abs(q) <= 0.425 {
      let r = 0.180625 - q * q
      return q * polynomial(centre.0, r) / polynomial(centre.1, r)
    }
    let r = (-logarithm(q < 0 ? p : 1 - p)).squareRoot()
    let (table, x) = r <= 5 ? (shoulder, r - 1.6) : (tail, r - 5)
    let magnitude = polynomial(table.0, x) / polynomial(table.1, x)
    return q < 0 ? -magnitude : magnitude
  }

  /// The natural logarithm of a normal positive number, by the series of the area tangent.
  private static func logarithm(_ x: Double) -> Double {
    var (exponent, m) = (Double(x.exponent), x.significand)
    if m > 1.4142135623730951 { (exponent, m) = (exponent + 1, m / 2) }
    let s = (m - 1) / (m + 1)
    var series = 0.0
    for k in stride(from: 21, through: 1, by: -2) { series = series * (s * s) + 1 / Double(k) }
    return 2 * s * series + exponent * 0.6931471805599453
  }

  /// Horner's rule, highest power first.
  private static func polynomial(_ coefficients: [Double], _ x: Double) -> Double {
    coefficients.reduce(0) { $0 * x + $1 }
  }

  private static let centre: ([Double], [Double]) = (
    [
      2.50908_09287_30122_6727e+3, 3.34305_75583_58812_8105e+4, 6.72657_70927_00870_0853e+4,
      4.59219_53931_54987_1457e+4, 1.37316_93765_50946_1125e+4, 1.97159_09503_06551_4427e+3,
      1.33141_66789_17843_7745e+2, 3.38713_28727_96366_6080e+0,
    ],
    [
      5.22649_52788_52854_5610e+3, 2.87290_85735_72194_2674e+4, 3.93078_95800_09271_0610e+4,
      2.12137_94301_58659_5867e+4, 5.39419_60214_24751_1077e+3, 6.87187_00749_20579_0830e+2,
      4.23133_30701_60091_1252e+1, 1,
    ]
  )
  private static let shoulder: ([Double], [Double]) = (
    [
      7.74545_01427_83414_07640e-4, 2.27238_44989_26918_45833e-2, 2.41780_72517_74506_11770e-1,
      1.27045_82524_52368_38258e+0, 3.64784_83247_63204_60504e+0, 5.76949_72214_60691_40550e+0,
      4.63033_78461_56545_29590e+0, 1.42343_71107_49683_57734e+0,
    ],
    [
      1.05075_00716_44416_84324e-9, 5.47593_80849_95344_94600e-4, 1.51986_66563_61645_71966e-2,
      1.48103_97642_74800_74590e-1, 6.89767_33498_51000_04550e-1, 1.67638_48301_83803_84940e+0,
      2.05319_16266_37758_82187e+0, 1,
    ]
  )
  private static let tail: ([Double], [Double]) = (
    [
      2.01033_43992_92288_13265e-7, 2.71155_55687_43487_57815e-5, 1.24266_09473_88078_43860e-3,
      2.65321_89526_57612_30930e-2, 2.96560_57182_85048_91230e-1, 1.78482_65399_17291_33580e+0,
      5.46378_49111_64114_36990e+0, 6.65790_46435_01103_77720e+0,
    ],
    [
      2.04426_31033_89939_78564e-15, 1.42151_17583_16445_88870e-7, 1.84631_83175_10054_68180e-5,
      7.86869_13114_56132_59100e-4, 1.48753_61290_85061_48525e-2, 1.36929_88092_27358_05310e-1,
      5.99832_20655_58879_37690e-1, 1,
    ]
  )
}
