import Random
import Tensors

/// Standard normal numbers of a name.
func normals(_ count: Int, _ name: String, scale: Double = 1) -> [Float] {
  var random = RandomStream(seed: 7, name: name)
  return (0..<count).map { _ in Float(scale * random.normal()) }
}

func tensor(_ shape: Shape, _ name: String, scale: Double = 1) -> Tensor {
  Tensor(shape, normals(shape.count, name, scale: scale))
}

/// Parameters of these shapes, matrices scaled so that products neither grow nor shrink.
func parameters(_ shapes: [Shape], _ name: String) -> [Parameter] {
  shapes.enumerated().map { i, shape in
    let parameter = Parameter("p\(i)", shape, .zeros, index: i)
    let scale = shape.rank > 1 ? 1 / Double(shape[0]).squareRoot() : 0.5
    fill(parameter, normals(shape.count, "\(name) p\(i)", scale: scale))
    return parameter
  }
}

func fill(_ parameter: Parameter, _ values: [Float]) {
  _ = parameter.storage.floats.update(fromContentsOf: values)
}

func isEqual(_ a: [Float], _ b: [Float]) -> Bool {
  a.map(\.bitPattern) == b.map(\.bitPattern)
}

/// The largest distance, in units of the larger of 1 and the expected number; infinite when one of
/// the two is NaN and the other is not.
func distance(_ found: [Float], _ expected: [Double]) -> Double {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) { worst, pair in
    let (a, b) = (Double(pair.0), pair.1)
    if a == b || (a.isNaN && b.isNaN) { return worst }
    let d = abs(a - b) / max(1, abs(b))
    return d.isNaN ? .infinity : max(worst, d)
  }
}

/// What each query of a sequence sees: the keys of its own document, `window` of them at most.
func ranges(
  queries: Int, keys: Int, causal: Bool, window: Int = .max, documents: [Int] = [0]
) -> KeyRanges {
  let rows = (keys - queries..<keys).map { i in
    let first = max(documents.last { $0 <= i } ?? 0, window == .max ? 0 : i - window + 1)
    let last = causal ? i + 1 : documents.first { $0 > i } ?? keys
    return (Int32(first), Int32(last))
  }
  return KeyRanges(first: rows.map(\.0), last: rows.map(\.1), keys: keys)
}
