import CSystem
import Glibc

/// A read-only memory map of a plain file.
///
/// Reads go through a SIGBUS-guarded copy and check the file's length afterwards, so that a file
/// that shrinks meanwhile is a failure: no crash, and no zeros in place of data.
public final class MappedFile: Sendable {
  public let path: String
  /// The bytes in the file when it was opened.
  public let count: Int
  private let descriptor: Int32
  /// The map as a number, because a pointer is not `Sendable`; the memory is never written.
  private let address: UInt

  /// Maps a plain file; an empty one is fine.
  public init(_ path: String) throws(Failure) {
    let (descriptor, count) = try FileSystem.openRegular(path)
    var address: UInt = 0
    if count > 0 {
      let map = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0)
      guard let map, map != MAP_FAILED else {
        let failure = FileSystem.failure("map", path)
        close(descriptor)
        throw failure
      }
      address = UInt(bitPattern: map)
    }
    self.path = path
    self.count = count
    self.descriptor = descriptor
    self.address = address
  }

  deinit {
    munmap(UnsafeMutableRawPointer(bitPattern: address), count)
    close(descriptor)
  }

  /// Copies a range of the file; it must lie within `count`.
  public func copy(
    _ range: Range<Int>, to destination: UnsafeMutableRawPointer
  ) throws(Failure) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) of \(count) bytes")
    guard !range.isEmpty, let base = UnsafeRawPointer(bitPattern: address) else { return }
    var status = stat()
    guard guarded_copy(destination, base + range.lowerBound, range.count),
      fstat(descriptor, &status) == 0, Int(status.st_size) >= range.upperBound
    else {
      throw Failure(
        "\(visible(path)): has shrunk while it was read, from \(count) bytes;"
          + " let nothing write to it and try again")
    }
  }

  /// Takes what was read out of the process's memory; the next read finds it in the file again.
  public func forget() {
    madvise(UnsafeMutableRawPointer(bitPattern: address), count, MADV_DONTNEED)
  }

  /// The bytes of a range of the file; it must lie within `count`.
  public func bytes(_ range: Range<Int>) throws(Failure) -> [UInt8] {
    var failure: Failure?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, initialized in
      guard let start = buffer.baseAddress else { return }
      do throws(Failure) {
        try copy(range, to: start)
        initialized = range.count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
