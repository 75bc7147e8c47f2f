import Files
import Glibc

/// A TensorBoard event file: scalars, text and histograms of a run, in TFRecord framing.
///
/// The few messages of `event.proto` and `summary.proto` that a run needs are put on the wire by
/// hand: swift-protobuf would bring a generator and a large dependency for what fits on a page.
/// Events stay in memory until `flush`; after a full disk the file ends with its last whole record
/// and the next flush tries again.
public final class EventFile {
  /// Where the file is: `FOLDER/events.out.tfevents.TIME.HOST.PROCESS.NUMBER`.
  public let path: String
  private let descriptor: Int32
  private let clock: () -> Double
  private var pending: [UInt8] = []
  private var length = 0

  /// Opens a new file in a folder.
  ///
  /// A resumed run hands in `startStep`, the first step it tells anew: readers then drop what
  /// earlier files of the folder say of that step and later ones. `clock` gives seconds since 1970.
  public init(
    folder: String, startStep: Int? = nil, clock: @escaping () -> Double = EventFile.now
  ) throws(Failure) {
    var host = [CChar](repeating: 0, count: 256)
    let isNamed = gethostname(&host, host.count - 1) == 0 && host[0] != 0
    let name = isNamed ? host.withUnsafeBufferPointer(Self.text) : "localhost"
    let stem = "\(folder)/events.out.tfevents.\(Int64(clock())).\(name).\(getpid())"
    var path: String
    var number = 0
    var opened: Int32
    repeat {
      path = "\(stem).\(number)"
      opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
      number += 1
    } while opened < 0 && (errno == EEXIST || errno == EINTR)
    guard opened >= 0 else { throw FileSystem.failure("create", path) }
    (self.path, self.descriptor, self.clock) = (path, opened, clock)
    append(step: 0) { $0.bytes(3, "brain.Event:2".utf8) }
    if let startStep {
      append(step: startStep) { $0.message(7) { $0.varint(1, 1) } }  // SessionLog.START
    }
    try flush()
  }

  deinit {
    try? flush()
    close(descriptor)
  }

  /// Adds one number of a curve.
  public func scalar(_ tag: String, _ value: Double, step: Int) {
    summary(tag, plugin: "scalars", step: step) { $0.float(2, Float(value)) }
  }

  /// Adds a text, shown as Markdown.
  public func text(_ tag: String, _ value: String, step: Int) {
    summary(tag, plugin: "text", step: step) {
      $0.message(8) { tensor in
        tensor.varint(1, 7)  // DT_STRING
        tensor.message(2) { _ in }  // a scalar's shape
        tensor.bytes(8, value.utf8)
      }
    }
  }

  /// Adds the distribution of some values; those that are not finite are left out.
  public func histogram(_ tag: String, _ values: UnsafeBufferPointer<Float>, step: Int) {
    let histogram = Histogram(values)
    summary(tag, plugin: "histograms", step: step) { $0.message(5, histogram.encode) }
  }

  /// Writes what is pending; even after a full disk the file does not end within a record.
  public func flush() throws(Failure) {
    guard pending.withUnsafeBytes({ FileSystem.write($0, to: descriptor) }) else {
      let failure = FileSystem.failure("write", path)
      _ = ftruncate(descriptor, off_t(length))
      throw failure
    }
    length += pending.count
    pending.removeAll(keepingCapacity: true)
  }

  /// The wall clock, in seconds since 1970.
  public static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func summary(
    _ tag: String, plugin: String, step: Int, _ value: (inout ProtobufMessage) -> Void
  ) {
    append(step: step) {
      $0.message(5) {
        $0.message(1) {
          $0.bytes(1, tag.utf8)
          value(&$0)
          $0.message(9) { $0.message(1) { $0.bytes(1, plugin.utf8) } }  // SummaryMetadata
        }
      }
    }
  }

  /// A TFRecord: length, its checksum, the event, its checksum.
  private func append(step: Int, _ what: (inout ProtobufMessage) -> Void) {
    var event = ProtobufMessage()
    event.double(1, clock())
    event.varint(2, UInt64(bitPattern: Int64(step)))
    what(&event)
    let length = littleEndian(UInt64(event.bytes.count))
    pending += length + littleEndian(CRC32C.masked(length))
    pending += event.bytes + littleEndian(CRC32C.masked(event.bytes))
  }

  private static func text(_ string: UnsafeBufferPointer<CChar>) -> String {
    String(decoding: string.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}

/// The checksum of TFRecord files: CRC-32C (Castagnoli; RFC 3720, appendix B.4).
public enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82F6_3B78 : 0) }
  }

  /// The checksum of some bytes.
  public static func checksum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { crc, byte in crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
  }

  /// The checksum as records hold it, so that a checksum over checksums stays sound.
  public static func masked(_ bytes: [UInt8]) -> UInt32 {
    let crc = checksum(bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}

/// TensorBoard's histogram: buckets whose limits grow by a tenth, mirrored around zero.
struct Histogram {
  private static let growth = 1.1
  private static let positive =
    Array(sequence(first: 1e-12) { $0 * growth }.prefix { $0 < 1e20 }) + [.greatestFiniteMagnitude]
  private static let limits = positive.reversed().map { -$0 } + [0] + positive

  private var (least, greatest, count, sum, squares) = (0.0, 0.0, 0.0, 0.0, 0.0)
  private var buckets = [Double](repeating: 0, count: limits.count)

  /// Of every upper half of a positive float, the first bucket that such floats can be in: a half
  /// spans 0.8 %, so that there is at most one other.
  private static let firstBuckets: [UInt16] = {
    var index = 0
    return (UInt32(0)..<0x7F80).map { half in
      while positive[index] < Double(Float(bitPattern: half << 16)) { index += 1 }
      return UInt16(index)
    }
  }()

  init(_ values: UnsafeBufferPointer<Float>) {
    let (positive, firstBuckets) = (Self.positive, Self.firstBuckets)
    for float in values where float.isFinite {
      let (value, isNegative) = (Double(float), float < 0)
      least = count == 0 ? value : min(least, value)
      greatest = count == 0 ? value : max(greatest, value)
      count += 1
      sum += value
      squares += value * value
      // A value is below the limit of its bucket; mirrored, it may be the limit.
      var index = Int(firstBuckets[Int(float.magnitude.bitPattern >> 16)])
      let (size, limit) = (abs(value), positive[index])
      index += (isNegative ? size > limit : size >= limit) ? 1 : 0
      buckets[isNegative ? positive.count - index : positive.count + 1 + index] += 1
    }
  }

  /// Fills a HistogramProto; a run of empty buckets becomes one, as TensorFlow writes it.
  func encode(to message: inout ProtobufMessage) {
    for (field, value) in zip(1..., [least, greatest, count, sum, squares]) {
      message.double(field, value)
    }
    let kept = buckets.indices.filter { index in
      buckets[index] > 0 || index + 1 == buckets.count || buckets[index + 1] > 0
    }
    message.bytes(6, kept.flatMap { littleEndian(Self.limits[$0].bitPattern) })
    message.bytes(7, kept.flatMap { littleEndian(buckets[$0].bitPattern) })
  }
}

/// A message of Protocol Buffers as it goes on the wire; fields in ascending order, zeros left out.
struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ field: Int, _ value: UInt64) {
    if value != 0 { append(field, wireType: 0) { $0.append(varint: value) } }
  }

  mutating func double(_ field: Int, _ value: Double) {
    if value != 0 { append(field, wireType: 1) { $0.bytes += littleEndian(value.bitPattern) } }
  }

  /// A float that is there even when it is zero, as a member of a `oneof` is.
  mutating func float(_ field: Int, _ value: Float) {
    append(field, wireType: 5) { $0.bytes += littleEndian(value.bitPattern) }
  }

  mutating func bytes(_ field: Int, _ value: some Collection<UInt8>) {
    append(field, wireType: 2) {
      $0.append(varint: UInt64(value.count))
      $0.bytes += value
    }
  }

  mutating func message(_ field: Int, _ build: (inout ProtobufMessage) -> Void) {
    var inner = ProtobufMessage()
    build(&inner)
    bytes(field, inner.bytes)
  }

  private mutating func append(
    _ field: Int, wireType: Int, _ value: (inout ProtobufMessage) -> Void
  ) {
    append(varint: UInt64(field << 3 | wireType))
    value(&self)
  }

  private mutating func append(varint value: UInt64) {
    var rest = value
    while rest > 0x7F {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}

private func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian, Array.init)
}
