// What products multiply: matrices in memory of floats, or rounded to bf16 once for all that read
// them.

import CKernels

extension Kernel {
  /// A row-major factor of a product, or its transpose; keeps its memory.
  struct Factor {
    private let storage: Storage
    private var column = 0
    private(set) var isTransposed = false
    /// From one row to the next; nil: it is dense.
    private(set) var row: Int?
    private var isRounded = false
    /// A weight in the form that it is multiplied in.
    private(set) var packing: PackedMatrix?

    init(_ storage: Storage, transposed: Bool = false) {
      (self.storage, isTransposed) = (storage, transposed)
    }

    init(_ weight: Parameter, transposed: Bool) {
      self.init(weight.storage, transposed: transposed)
      packing = weight.packing(transposed: transposed)
    }

    /// Columns of x [rows, row], or with `rounded` a copy of them in bf16.
    ///
    /// What they sum to is added to `sums`.
    init(
      _ x: Storage, _ rows: Int, _ columns: Int, from column: Int = 0, row: Int? = nil,
      rounded: Bool, sums: UnsafeMutablePointer<Float>? = nil
    ) {
      let (from, stride) = (x.pointer + column, row ?? columns)
      if rounded {
        self.init(rounded: rows, columns)
        sp_round_rows(self.rounded, from, stride, sums, rows, columns)
      } else {
        self.init(x)
        (self.column, self.row) = (column, row)
        if let sums { sp_add_rows(sums, from, stride, rows, columns) }
      }
    }

    /// What a product makes for others to read, in floats or in bf16.
    static func made(
      _ rows: Int, _ columns: Int, rounded: Bool, epilogue: sp_epilogue_t,
      by product: (UnsafeMutablePointer<Float>, sp_epilogue_t) -> Void
    ) -> Factor {
      // If it is rounded, these are for a product that is summed part by part.
      let floats = Storage(rows * columns)
      let made = rounded ? Factor(rounded: rows, columns, zeroed: true) : Factor(floats)
      var epilogue = epilogue
      (epilogue.rounded, epilogue.rounded_row) = (made.rounded, made.row ?? columns)
      withExtendedLifetime(floats) { product(floats.pointer, epilogue) }
      return made
    }

    /// Room for bf16 in whole tiles, 16 rows of 32 numbers; who does not write what is behind the
    /// columns has it `zeroed`.
    private init(rounded rows: Int, _ columns: Int, zeroed: Bool = false) {
      let depth = sp_bf16_depth(columns)
      let count = (rows + 15) / 16 * 16 * depth / 2
      self.init(zeroed && depth > columns ? Storage(zeros: count) : Storage(count))
      (row, isRounded) = (depth, true)
    }

    var floats: UnsafeMutablePointer<Float>? { isRounded ? nil : storage.pointer + column }

    var rounded: UnsafeMutablePointer<UInt16>? {
      isRounded
        ? UnsafeMutableRawPointer(storage.pointer).assumingMemoryBound(to: UInt16.self) : nil
    }

    var turned: Factor {
      var factor = self
      factor.isTransposed.toggle()
      return factor
    }
  }
}
