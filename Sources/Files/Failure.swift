/// A failure that a person can act on: one line that says what, where and what to do.
public struct Failure: Error, Equatable, CustomStringConvertible {
  /// The line, in which text from files has passed through `visible(_:)`.
  public var message: String
  /// The exit code: 1 failed, 2 the input was at fault, 64 usage.
  public var code: Int32

  /// A failure with its line and exit code.
  public init(_ message: String, code: Int32 = 2) {
    self.message = message
    self.code = code
  }

  public var description: String { message }
}
