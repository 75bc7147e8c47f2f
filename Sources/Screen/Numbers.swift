/// Numbers as text of a fixed width, for any value.
///
/// No locale has a say in it.
public enum Numbers {
  /// `value` with a fixed number of decimals, rounded as C's printf does; `3.5e+04` if too large.
  public static func fixed(_ value: Double, _ decimals: Int, plus: Bool = false) -> String {
    if let name = name(of: value, plus: plus) { return name }
    let decimals = max(0, min(15, decimals))
    let scale = (0..<decimals).reduce(1.0) { power, _ in power * 10 }
    let product = value.magnitude * scale
    guard product < 9e15 else { return scientific(value, decimals, plus: plus) }
    // The exact product is `product + error`; half of a step rounds to even.
    let error = (-product).addingProduct(value.magnitude, scale)
    let floor = product.rounded(.down)
    let rest = (product - floor) + error
    var steps = Int(floor)
    if rest > 0.5 || (rest == 0.5 && steps % 2 == 1) { steps += 1 }
    var digits = String(steps)
    digits = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    if decimals > 0 { digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -decimals)) }
    let negative = value < 0 && steps > 0
    return (negative ? "-" : plus ? "+" : "") + digits
  }

  /// `value` as `9.4e-04`.
  public static func scientific(_ value: Double, _ decimals: Int, plus: Bool = false) -> String {
    if let name = name(of: value, plus: plus) { return name }
    let decimals = max(0, min(15, decimals))
    var (digits, exponent) = decimalDigits(value.magnitude)
    digits += Array(repeating: 0, count: max(0, decimals + 2 - digits.count))
    var steps = digits.prefix(decimals + 1).reduce(0) { $0 * 10 + $1 }
    if digits[decimals + 1] >= 5 { steps += 1 }
    var text = String(steps)
    if text.count > decimals + 1 {  // 9.99 became 10.0
      text.removeLast()
      exponent += 1
    }
    text += String(repeating: "0", count: decimals + 1 - text.count)
    if decimals > 0 { text.insert(".", at: text.index(after: text.startIndex)) }
    let power = String(exponent.magnitude)
    return (value < 0 ? "-" : plus ? "+" : "") + text + (exponent < 0 ? "e-" : "e+")
      + (power.count < 2 ? "0" : "") + power
  }

  /// A share between 0 and 1 in five columns: `0.795`, and `.9997` where three decimals lie.
  public static func share(_ value: Double) -> String {
    let isEdge = (value > 0 && value < 0.001) || (value < 1 && value >= 0.9995)
    guard isEdge, case let text = fixed(value, 4), text.hasPrefix("0") else {
      return fixed(value, 3)
    }
    return String(text.dropFirst())
  }

  /// A whole number with commas: `1,024`.
  public static func grouped(_ value: Int) -> String {
    var (rest, text) = (value.magnitude, "")
    while rest >= 1000 {
      let part = String(rest % 1000)
      text = "," + String(repeating: "0", count: 3 - part.count) + part + text
      rest /= 1000
    }
    return (value < 0 ? "-" : "") + String(rest) + text
  }

  /// The most exact form of `value` in `width` columns, with at most `decimals` decimals.
  public static func fit(_ value: Double, _ width: Int, decimals: Int = 3) -> String {
    for decimals in (0...max(0, decimals)).reversed() {
      let text = fixed(value, decimals)
      let lost = value != 0 && value.magnitude < 0.5 && !text.contains { "123456789".contains($0) }
      if text.count <= width, !lost || !value.isFinite { return text }
    }
    for decimals in [2, 1, 0] {
      let text = scientific(value, decimals)
      if text.count <= width { return text }
    }
    return String(repeating: "#", count: max(0, width))
  }

  /// `value` in at most `width` columns without needless decimals: `0.25`, `1000`, `1e+06`.
  public static func short(_ value: Double, _ width: Int) -> String {
    if value.magnitude >= 1e6 || (value != 0 && value.magnitude < 1e-3) {
      let text = scientific(value, 0)
      return text.count <= width ? text : fit(value, width)
    }
    var text = fit(value, width)
    while text.contains("."), text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  private static func name(of value: Double, plus: Bool) -> String? {
    if value.isNaN { return "nan" }
    return value.isFinite ? nil : value < 0 ? "-inf" : plus ? "+inf" : "inf"
  }

  /// The shortest digits that mean `value`, and the power of ten of the first.
  private static func decimalDigits(_ value: Double) -> ([Int], Int) {
    guard value > 0 else { return ([0], 0) }
    let parts = value.description.split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let all = Array(mantissa.joined()).compactMap(\.wholeNumberValue)
    let leading = all.prefix { $0 == 0 }.count
    let power = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + mantissa[0].count - 1 - leading
    return (Array(all.dropFirst(leading)), power)
  }
}

/// Round numbers for axes.
public enum Ticks {
  /// Multiples of 1, 2 or 5 times a power of ten that lie within `low...high`, about `count`.
  public static func linear(_ low: Double, _ high: Double, about count: Int) -> [Double] {
    let step = step(low, high, about: count)
    guard step > 0, low.isFinite, high.isFinite, low < high else { return [] }
    let first = (low / step - 1e-9).rounded(.up)
    let last = (high / step + 1e-9).rounded(.down)
    guard last - first < 1000 else { return [] }
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  /// The step of `linear`, 0 if there is none.
  public static func step(_ low: Double, _ high: Double, about count: Int) -> Double {
    let raw = high / Double(max(1, count)) - low / Double(max(1, count))
    guard raw.isFinite, raw > 0 else { return 0 }
    var power = 1.0
    while power * 10 <= raw { power *= 10 }
    while power > raw { power /= 10 }
    return ([1, 2, 5].first { $0 * power >= raw * 0.999 } ?? 10) * power
  }

  /// Powers of two, or of four, ten and so on if there are many, within `low...high`.
  public static func logarithmic(_ low: Double, _ high: Double, about count: Int) -> [Double] {
    guard low > 0, low.isFinite, high.isFinite, low <= high else { return [] }
    for base in [2.0, 4, 10, 100, 1e4, 1e8, 1e16, 1e32, 1e64, 1e128] {
      var (ticks, value) = ([Double](), 1.0)
      while value / base >= low * 0.999 { value /= base }
      while value < low * 0.999 { value *= base }
      while value <= high * 1.001, ticks.count <= count {
        ticks.append(value)
        value *= base
      }
      if ticks.count <= max(2, count) { return ticks }
    }
    return []
  }
}
