// The forms in which weights are multiplied. The float32 master is what training writes and files
// hold; a form is a packed copy that products read instead.

import CKernels

/// The number format of a weight in products; activations are float32 always.
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

  /// Columns that threads can pack by themselves.
  var pieces: [Range<Int>] {
    let step = max(1, 2_048 / depth) * 16
    return stride(from: 0, to: width, by: step).map { $0..<min($0 + step, width) }
  }

  /// Packs some columns of the master as it is now.
  func pack(_ master: UnsafePointer<Float>, _ columns: Range<Int>) {
    let (first, row) = (columns.lowerBound, transposed ? depth : width)
    let (from, to) = (master + first * (transposed ? row : 1), storage.pointer + panel(of: first))
    switch form {
    case .float32: break
    case .bf16:
      sp_pack_bf16(
        UnsafeMutableRawPointer(to).assumingMemoryBound(to: UInt32.self), from, row, transposed,
        depth, columns.count)
    case .int8: sp_pack_int8(to, from, row, transposed, depth, columns.count)
    }
  }
}

extension Parameter {
  /// Is multiplied in this form from now on, as it was at the last `ParameterStore.repack`.
  ///
  /// `training` packs what the backward pass reads too.
  public func use(_ form: WeightForm, training: Bool) {
    guard let layout else { return }
    let forward = layout == .outputsFirst
    let needed = form == .float32 ? [] : training && !isFrozen ? [forward, !forward] : [forward]
    if needed.contains(where: { turned in
      !packed.contains { $0.form == form && $0.transposed == turned }
    }) {
      packed = needed.map { PackedMatrix(form, of: shape, transposed: $0) }
    }
    self.form = form
  }

  /// The packing that a product reads; nil: the master.
  func packing(transposed: Bool) -> PackedMatrix? {
    form == .float32 ? nil : packed.first { $0.transposed == transposed }
  }

  /// What is to be done to pack it as it is now, in pieces that threads can share.
  public var packingWork: [() -> Void] {
    guard form != .float32 else { return [] }
    return packed.flatMap { matrix in
      matrix.pieces.map { columns in { [pointer] in matrix.pack(pointer, columns) } }
    }
  }
}
