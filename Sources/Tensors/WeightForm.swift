// The forms in which weights are multiplied. The float32 master is what training writes and files
// hold; a form is a packed copy that products read instead.

import CKernels

/// The number format of a weight in products; tensors are float32 always.
public enum WeightForm: String, CaseIterable, Sendable {
  /// The master itself.
  case float32
  /// Both factors are rounded to bf16; their products are summed in float32.
  case bf16
  /// The weights are 8-bit integers times a scale an output, the other factor is rounded to 16-bit
  /// ones a row, and sums are exact: for decoding.
  case int8

  /// Bytes a weight.
  public var size: Int {
    switch self {
    case .float32: 4
    case .bf16: 2
    case .int8: 1
    }
  }
}

/// A copy of a matrix [depth, width], a master or its transpose, in the form that a kernel reads.
final class PackedMatrix {
  let form: WeightForm
  let transposed: Bool
  let depth: Int
  let width: Int
  private let storage: Storage

  /// Memory for it, to be filled by `pack`.
  init(_ form: WeightForm, of shape: Shape, transposed: Bool) {
    (self.form, self.transposed) = (form, transposed)
    (depth, width) = transposed ? (shape[1], shape[0]) : (shape[0], shape[1])
    storage =
      switch form {
      case .float32: preconditionFailure("the float32 form is the master")
      case .bf16: Storage(sp_bf16_pairs(depth, width))
      case .int8: Storage(sp_int8_floats(depth, width))
      }
    precondition(form != .int8 || depth <= 65_536, "sums of \(depth) products of int8 overflow")
  }

  var pointer: UnsafeRawPointer { UnsafeRawPointer(storage.pointer) }

  /// Where a column begins that is the first of a panel.
  func panel(of column: Int) -> Int {
    form == .int8 ? sp_int8_floats(depth, column) : sp_bf16_pairs(depth, column)
  }

  /// Packs some rows of the master as it is now; they begin at a multiple of 32.
  func pack(_ master: UnsafePointer<Float>, rows: Range<Int>) {
    let (row, first) = (transposed ? depth : width, rows.lowerBound)
    let to = storage.pointer + (transposed ? panel(of: first) : first / 2 * 16)
    sp_pack_bf16(
      UnsafeMutableRawPointer(to).assumingMemoryBound(to: UInt32.self), panel(of: 16),
      master + first * row, row, transposed, transposed ? depth : rows.count,
      transposed ? rows.count : width)
  }

  /// The same in int8, which takes whole columns.
  func pack(_ master: UnsafePointer<Float>, columns: Range<Int>) {
    let (first, row) = (columns.lowerBound, transposed ? depth : width)
    sp_pack_int8(
      storage.pointer + panel(of: first), master + first * (transposed ? row : 1), row, transposed,
      depth, columns.count)
  }
}

extension Parameter {
  /// Is multiplied in this form from now on, as it was at the last `ParameterStore.repack`.
  ///
  /// `training` packs what the backward pass reads too. True where there is new memory to pack.
  @discardableResult public func use(_ form: WeightForm, training: Bool) -> Bool {
    guard let layout else { return false }
    let forward = layout == .outputsFirst
    let needed = form == .float32 ? [] : training && !isFrozen ? [forward, !forward] : [forward]
    let isNew = needed.contains { turned in
      !packed.contains { $0.form == form && $0.transposed == turned }
    }
    if isNew { packed = needed.map { PackedMatrix(form, of: shape, transposed: $0) } }
    self.form = form
    return isNew
  }

  /// The packing that a product reads; nil: the master.
  func packing(transposed: Bool) -> PackedMatrix? {
    form == .float32 ? nil : packed.first { $0.transposed == transposed }
  }

  /// Floats that threads can take one by one: of a matrix rows that it can pack by themselves.
  public var pieces: [Range<Int>] {
    let row = layout == nil ? 1 : shape[1]
    let step = max(1, (1 << 15) / (32 * row)) * 32 * row
    return stride(from: 0, to: count, by: step).map { $0..<min($0 + step, count) }
  }

  /// Packs a piece as it is now.
  public func pack(_ piece: Range<Int>) {
    guard form == .bf16 else { return }
    let rows = piece.lowerBound / shape[1]..<piece.upperBound / shape[1]
    for matrix in packed { matrix.pack(pointer, rows: rows) }
  }

  /// What is to be done to pack it as it is now, in pieces that threads can share.
  public var packingWork: [() -> Void] {
    switch form {
    case .float32: []
    case .bf16: pieces.map { piece in { [self] in pack(piece) } }
    case .int8:
      packed.flatMap { matrix in
        let step = max(1, 2_048 / matrix.depth) * 16
        return stride(from: 0, to: matrix.width, by: step).map { first in
          { [pointer] in matrix.pack(pointer, columns: first..<min(first + step, matrix.width)) }
        }
      }
    }
  }
}
