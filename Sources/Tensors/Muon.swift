// Muon: momentum made orthogonal, for the matrices between hidden layers.

import CKernels

extension Updates {
  /// One step of Muon (Jordan and others, 2024) on one of a parameter's matrices.
  ///
  /// Momentum in Nesterov's form, then `orthogonalized`, then 0.2 √max(rows, columns) times that: a
  /// root mean square like AdamW's, so that one rate serves both (Liu and others, 2025, eq. 4).
  /// `scale` multiplies the gradient first.
  public static func muon(
    _ parameter: Parameter, matrix: Int, momentum: Storage, gradient: Floats, rate: Float,
    beta: Float, decay: Float, scale: Float
  ) {
    guard let gradient = gradient.baseAddress else { return }
    let (rows, stride) = (parameter.shape[0], parameter.shape[1])
    let columns = stride / parameter.matrices
    let places = (0..<rows).map { (whole: $0 * stride + matrix * columns, own: $0 * columns) }
    let direction = Storage(zeros: rows * columns)
    for (whole, own) in places {
      // momentum ← beta momentum + (1 - beta) gradient; a step of -beta along it, from 0; and the
      // gradient's share once more.
      let share = scale * (1 - beta)
      let (m, g, d) = (momentum.pointer + whole, gradient + whole, direction.pointer + own)
      sp_momentum(d, m, g, -beta, 0, beta, share, columns)
      sp_add(d, g, share, columns)
    }
    let step = orthogonalized(direction, rows, columns)
    let length = 0.2 * Float(max(rows, columns)).squareRoot()
    for (whole, own) in places {
      // weights -= rate (length step + decay weights)
      let s = step.pointer + own
      sp_momentum(parameter.pointer + whole, s, s, rate, decay, 0, length, columns)
    }
  }

  /// About U Vᵀ of a matrix U S Vᵀ, whose memory may be reused: five Newton–Schulz steps with the
  /// quintic of Jordan and others (2024).
  ///
  /// Singular values above 0.0016 of the norm end in 0.68 ... 1.21, smaller ones below.
  public static func orthogonalized(_ matrix: Storage, _ rows: Int, _ columns: Int) -> Storage {
    let (a, b, c): (Float, Float, Float) = (3.4445, -4.7750, 2.0315)
    let (isTall, n) = (rows > columns, min(rows, columns))
    var (x, next) = (matrix, Storage(rows * columns))
    let (gram, polynomial) = (Storage(n * n), Storage(n * n))
    let inverse = 1 / max(sp_sum_of_squares(x.pointer, nil, rows * columns).squareRoot(), 1e-7)
    for i in x.floats.indices { x.floats[i] *= Float(inverse) }
    for _ in 0..<5 {
      // X ← (a + b A + c A²) X with A = X Xᵀ; if X is tall, X (a + b A + c A²) with A = Xᵀ X.
      Kernel.product(
        .float32, .init(x, transposed: isTall), .init(x, transposed: !isTall),
        gram.pointer,
        n, n, max(rows, columns))
      Kernel.product(
        .float32, .init(gram), .init(gram), polynomial.pointer, n, n, n)
      for i in gram.floats.indices {
        polynomial.floats[i] = b * gram.floats[i] + c * polynomial.floats[i]
      }
      for i in 0..<n { polynomial.floats[i * (n + 1)] += a }
      let (left, right) = isTall ? (x, polynomial) : (polynomial, x)
      Kernel.product(
        .float32, .init(left), .init(right), next.pointer, rows, columns, n)
      swap(&x, &next)
    }
    return x
  }
}
