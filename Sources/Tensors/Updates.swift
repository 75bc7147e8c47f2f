// What an optimizer does to numbers, in pieces that threads can share.

import CKernels

public typealias Floats = UnsafeMutableBufferPointer<Float>

/// The arithmetic of an optimizer's step.
public enum Updates {
  /// total += other, and the sum of squares of the result.
  public static func reduce(_ total: Floats, adding others: [Floats]) -> Double {
    guard let sum = total.baseAddress else { return 0 }
    for other in others.dropLast() { other.baseAddress.map { sp_add(sum, $0, 1, total.count) } }
    return sp_sum_of_squares(sum, others.last?.baseAddress, total.count)
  }

  /// One step of AdamW (Loshchilov & Hutter 2019, algorithm 2) on a piece of a parameter.
  ///
  /// `step` counts from 1, for the corrections of the averages; `scale` multiplies the gradient
  /// first: one over the count, and the clipping.
  public static func adamW(
    _ weights: Floats, first: Floats, second: Floats, gradient: Floats, step: Int, rate: Float,
    betas: (Float, Float), epsilon: Float, decay: Float, scale: Float
  ) {
    // In double, and by powers: the corrections of step 10,000 still have all their digits.
    func correction(_ beta: Float) -> Float {
      var (power, base, n) = (1.0, Double(beta), step)
      while n > 0 {
        if n & 1 == 1 { power *= base }
        base *= base
        n >>= 1
      }
      return Float(1 - power)
    }
    var o = sp_adamw_t(
      rate: rate, beta1: betas.0, beta2: betas.1, epsilon: epsilon, decay: decay,
      correction1: correction(betas.0), correction2: correction(betas.1), scale: scale)
    sp_adamw(
      weights.baseAddress, first.baseAddress, second.baseAddress, gradient.baseAddress, &o,
      weights.count)
  }

  /// One step of gradient descent with momentum, in PyTorch's form (Sutskever and others, 2013).
  public static func momentum(
    _ weights: Floats, velocity: Floats, gradient: Floats, rate: Float, beta: Float,
    decay: Float, scale: Float
  ) {
    sp_momentum(
      weights.baseAddress, velocity.baseAddress, gradient.baseAddress, rate, decay, beta, scale,
      weights.count)
  }
}
