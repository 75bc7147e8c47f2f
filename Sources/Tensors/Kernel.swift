import CKernels
@_exported import Threads  // Who has tensors has lanes to work on them.

/// The kernels, and the choice among their CPU paths.
public enum Kernel {
  /// A set of vector instructions for which the kernels are compiled; `amx` is AVX-512 with matrix
  /// tiles for products in bf16.
  public enum Path: String, CaseIterable, Sendable {
    case portable, avx2, avx512, amx

    var code: sp_path_t {
      switch self {
      case .portable: SP_PORTABLE
      case .avx2: SP_AVX2
      case .avx512: SP_AVX512
      case .amx: SP_AMX
      }
    }

    /// Whether this CPU can run it.
    public var isAvailable: Bool { sp_available(code) }
  }

  /// Code for other CPUs that tests can run on this one; never chosen by itself.
  package enum Rehearsal: String, CaseIterable, Sendable {
    /// AVX-512 where VDPBF16PS is missing.
    case widened
    /// The matrix tiles, emulated in C.
    case tiles

    var code: sp_path_t { self == .widened ? SP_AVX512_WIDENED : SP_AMX_EMULATED }
    package var isAvailable: Bool { sp_available(code) }
  }

  /// The path in use: the widest that the CPU runs, unless another was forced.
  public static var path: Path { Path.allCases.first { $0.code == sp_selected() } ?? .portable }

  /// Uses `path` from now on; false, and no change, when the CPU lacks it.
  @discardableResult public static func force(_ path: Path) -> Bool { sp_select(path.code) }
  @discardableResult package static func force(_ path: Rehearsal) -> Bool { sp_select(path.code) }

  /// What OpenBLAS, which only the portable path uses, calls itself; nil if it is not installed.
  public static var openBLAS: String? { sp_blas_name().map { String(cString: $0) } }

  /// Floating-point operations done by `rounds` of independent multiply-adds: for the peak.
  public static func multiplyAdds(rounds: Int) -> Double { sp_multiply_add_rounds(Int64(rounds)) }

  /// The sum of floats that are read once, in order: for the streaming rate.
  public static func sum(_ floats: UnsafeMutableBufferPointer<Float>) -> Float {
    floats.baseAddress.map { sp_sum($0, floats.count) } ?? 0
  }

  static func add(
    _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ scale: Float, _ count: Int
  ) {
    sp_add(y, x, scale, count)
  }

  /// C [m, n] = A [m, k] B [k, n]; with `add`, added to C, whose rows may stand `row` apart.
  ///
  /// In another form than float32 both factors are rounded to it, unless they are already.
  /// Lanes that were lent share the columns of C, which changes no bit of it.
  static func product(
    _ form: WeightForm, _ a: Factor, _ b: Factor, _ c: UnsafeMutablePointer<Float>,
    _ m: Int, _ n: Int, _ k: Int, row: Int? = nil, add: Bool = false,
    epilogue: sp_epilogue_t? = nil
  ) {
    precondition(b.rounded == nil || !b.isTransposed, "a rounded factor on the right lies as it is")
    let product = sp_product_t(
      m: m, n: n, k: k, a: UnsafePointer(a.floats), a_row: a.isTransposed ? 1 : a.row ?? k,
      a_column: a.isTransposed ? a.row ?? m : 1, b: UnsafePointer(b.floats),
      b_row: b.row ?? (b.isTransposed ? k : n), b_transposed: b.isTransposed,
      packed: b.packing?.pointer, a_rounded: UnsafePointer(a.rounded),
      b_rounded: UnsafePointer(b.rounded),
      c: c, c_row: row ?? n, accumulate: add)
    // Where OpenBLAS multiplies, a narrower product may round otherwise.
    let isSplit = m < 4 || b.packing != nil || sp_selected() != SP_PORTABLE
    Lanes.shareOut(n, by: 16, work: isSplit ? m * n * k * form.size : 0) { columns in
      var (part, last) = (product, epilogue)
      if columns.count < n {
        let first = columns.lowerBound
        part.n = columns.count
        let skipped = b.isTransposed ? first * part.b_row : first
        part.b = UnsafePointer(b.floats).map { $0 + skipped }
        part.b_rounded = UnsafePointer(b.rounded).map { $0 + skipped }
        part.packed = b.packing.map { $0.pointer + 4 * $0.panel(of: first) }
        part.c += first
        last?.advance(by: first)
      }
      func run(_ epilogue: UnsafePointer<sp_epilogue_t>?) {
        switch form {
        case .float32: sp_gemm(&part, epilogue)
        case .bf16: sp_gemm_bf16(&part, epilogue)
        case .int8: sp_gemm_int8(&part, epilogue)
        }
      }
      guard var last else { return run(nil) }
      run(&last)
    }
  }
}

extension sp_epilogue_t {
  /// What is done to the columns from `column` on.
  fileprivate mutating func advance(by column: Int) {
    bias = bias.map { $0 + column }
    slope = slope.map { $0 + column * (rounded == nil ? 4 : 2) }
    sums = sums.map { $0 + column }
    residual = residual.map { $0 + column }
    rounded = rounded.map { $0 + column }
  }
}
