import CKernels

/// The kernels, and the choice among their CPU paths.
public enum Kernel {
  /// A set of vector instructions for which the kernels are compiled.
  public enum Path: String, CaseIterable, Sendable {
    case portable, avx2, avx512

    var code: sp_path_t {
      switch self {
      case .portable: SP_PORTABLE
      case .avx2: SP_AVX2
      case .avx512: SP_AVX512
      }
    }

    /// Whether this CPU can run it.
    public var isAvailable: Bool { sp_available(code) }
  }

  /// The path in use: the widest that the CPU runs, unless another was forced.
  public static var path: Path { Path.allCases.first { $0.code == sp_selected() } ?? .portable }

  /// Uses `path` from now on; false, and no change, when the CPU lacks it.
  @discardableResult public static func force(_ path: Path) -> Bool { sp_select(path.code) }

  /// What OpenBLAS, which only the portable path uses, calls itself; nil if it is not installed.
  public static var openBLAS: String? { sp_blas_name().map { String(cString: $0) } }

  /// Floating-point operations done by `rounds` of independent multiply-adds: for the peak.
  public static func multiplyAdds(rounds: Int) -> Double { sp_multiply_add_rounds(Int64(rounds)) }

  static func add(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ scale: Float, _ count: Int
  ) {
    sp_add(y, x, scale, count)
  }

  /// A row-major factor of a product, or its transpose; dense unless its rows stand `row` apart.
  struct Factor {
    let pointer: UnsafePointer<Float>
    let transposed: Bool
    let row: Int?

    init(_ pointer: UnsafePointer<Float>, transposed: Bool = false, row: Int? = nil) {
      (self.pointer, self.transposed, self.row) = (pointer, transposed, row)
    }
  }

  /// C [m, n] = A [m, k] B [k, n]; with `add`, added to C, whose rows may stand `row` apart.
  static func product(
    _ a: Factor, _ b: Factor, _ c: UnsafeMutablePointer<Float>, _ m: Int, _ n: Int, _ k: Int,
    row: Int? = nil, add: Bool = false, epilogue: sp_epilogue_t? = nil
  ) {
    var product = sp_product_t(
      m: m, n: n, k: k, a: a.pointer, a_row: a.transposed ? 1 : a.row ?? k,
      a_column: a.transposed ? a.row ?? m : 1, b: b.pointer,
      b_row: b.row ?? (b.transposed ? k : n), b_transposed: b.transposed, c: c, c_row: row ?? n,
      accumulate: add)
    guard var epilogue else { return sp_gemm(&product, nil) }
    sp_gemm(&product, &epilogue)
  }
}
