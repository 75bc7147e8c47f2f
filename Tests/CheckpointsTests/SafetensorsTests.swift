import Checkpoints
import Files
import Glibc
import TestSupport
import Testing

struct SafetensorsTests {
  /// Every format and shape that PyTorch wrote, with the floats that it widens them to.
  @Test func aFileFromPython() throws {
    let file = try SafetensorsFile(Fixtures.path("mixed.safetensors"))
    let golden = try JSON(contentsOf: Fixtures.path("mixed.json"))
    let shapes = try #require(golden["shapes"]?.object)
    #expect(Set(file.names) == Set(shapes.keys))
    #expect(file.names.first == "brain")
    #expect(file.metadata == ["format": "pt"])
    for (name, shape) in shapes {
      #expect(file.shape(of: name) == shape.array?.compactMap(\.int))
    }
    for (name, bits) in try #require(golden["bits"]?.object) {
      #expect(
        try file.floats(name).map { Int($0.bitPattern) } == bits.array?.compactMap(\.int), "\(name)"
      )
    }
    #expect(file.dtype(of: "half") == "F16" && file.dtype(of: "nothing") == nil)
    #expect(try file.readBytes("bytes") == [1, 2, 255])
    let long = try file.readBytes("long")
    #expect(long == [UInt8](repeating: 255, count: 8) + [0, 0, 0, 0, 0, 0, 0, 64])
    #expect(
      message { _ = try file.floats("double") }.contains("\"double\" is \"F64\", which is not read")
    )
    #expect(message { _ = try file.floats("halv") }.contains("no tensor \"halv\" (nearest: half)"))
  }

  /// All 65,536 halves and bfloat16s, in more than one piece, against arithmetic.
  @Test func sixteenBitFloats() async throws {
    try withTemporaryFolder { folder in
      let all = (0..<1 << 16).flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
      try AtomicFile.write(
        safetensors(
          #"{"b":{"dtype":"BF16","shape":[65536],"data_offsets":[0,131072]},"#
            + #""h":{"dtype":"F16","shape":[65536],"data_offsets":[131072,262144]}}"#, all + all),
        to: folder + "/f")
      let file = try SafetensorsFile(folder + "/f")
      let (brains, halves) = (try file.floats("b"), try file.floats("h"))
      for bits in 0..<1 << 16 {
        #expect(brains[bits].bitPattern == UInt32(bits) << 16)
        let (exponent, fraction) = (bits >> 10 & 31, Double(bits & 1023) / 1024)
        let value = halves[bits]
        #expect((value.sign == .minus) == (bits >= 1 << 15))
        switch exponent {
        case 0: #expect(Double(value.magnitude) == fraction * 0x1p-14)
        case 31: #expect(fraction == 0 ? value.isInfinite : value.isNaN)
        default:
          #expect(
            Double(value.magnitude) == (1 + fraction)
              * Double(sign: .plus, exponent: exponent - 15, significand: 1))
        }
      }
    }
  }

  /// Our bytes equal those of the reference implementation, bfloat16 rounding included.
  @Test func writtenBytesEqualPython() async throws {
    try withTemporaryFolder { folder in
      let floats: [Float] = [
        1, 1.00390625, 1.01171875, -3.140625001, .greatestFiniteMagnitude,
        Float(bitPattern: 71_362), 0.1, -0.0,
      ]
      let infos = [
        TensorInfo(name: "z.weight", shape: [8]), TensorInfo(name: "a.weight", shape: [2, 4]),
        TensorInfo(name: "b.brain", dtype: "BF16", shape: [4, 2]),
        TensorInfo(name: "step", dtype: "I64", shape: [1]),
        TensorInfo(name: "flags", dtype: "U8", shape: [3]),
        TensorInfo(name: "tab\tand \u{7}", shape: [0]),
      ]
      var writer = try SafetensorsWriter(folder + "/f", tensors: infos)
      for tensor in writer.tensors {
        switch tensor.dtype {
        case "I64": try append([300 as Int], to: &writer)
        case "U8": try append([1, 0, 1] as [UInt8], to: &writer)
        default:
          try floats.withUnsafeBufferPointer {
            try writer.append(UnsafeBufferPointer(rebasing: $0[..<(tensor.shape == [0] ? 0 : 8)]))
          }
        }
      }
      try writer.commit()
      let bytes = try FileSystem.readAll(folder + "/f")
      #expect(bytes == (try FileSystem.readAll(Fixtures.path("written.safetensors"))))
    }
  }

  private func append<T>(_ values: [T], to writer: inout SafetensorsWriter) throws {
    try values.withUnsafeBytes { try writer.append(bytes: $0) }
  }

  @Test func floatsComeBackToTheBit() async throws {
    try withTemporaryFolder { folder in
      var state: UInt32 = 1
      let floats = (0..<100_003).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Float(bitPattern: state)
      }
      let infos = ["F32", "BF16"].map { TensorInfo(name: $0, dtype: $0, shape: [floats.count]) }
      var writer = try SafetensorsWriter(folder + "/f", tensors: infos, metadata: [:])
      for _ in writer.tensors { try floats.withUnsafeBufferPointer { try writer.append($0) } }
      try writer.commit()
      let file = try SafetensorsFile(folder + "/f")
      #expect(file.metadata.isEmpty)
      #expect(try file.floats("F32").map(\.bitPattern) == floats.map(\.bitPattern))
      for (brain, float) in zip(try file.floats("BF16"), floats) {
        if float.isNaN {
          #expect(brain.isNaN && brain.sign == float.sign)
        } else {
          // The neighbours of a value are its upper half and the next one; nearest, ties to even.
          let low = Float(bitPattern: float.bitPattern & 0xFFFF_0000)
          let high = Float(bitPattern: low.bitPattern &+ 0x1_0000)
          let (down, up) = (Double(float) - Double(low), Double(high) - Double(float))
          let even = low.bitPattern & 0x1_0000 == 0 ? low : high
          let wanted = abs(down) == abs(up) ? even : abs(down) < abs(up) ? low : high
          if high.isFinite { #expect(brain == wanted) }
        }
      }
    }
  }

  @Test func aSaveThatFailsLeavesTheOldFile() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/model.safetensors"
      try AtomicFile.write("old", to: path)
      await #expect(processExitsWith: .success) { [path = path as String] in
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 100_000, rlim_max: 100_000)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        do throws(Failure) {
          let floats = [Float](repeating: 1, count: 1_000_000)
          let infos = [TensorInfo(name: "w", shape: [floats.count])]
          var writer = try SafetensorsWriter(path, tensors: infos)
          try floats.withUnsafeBufferPointer { (floats) throws(Failure) in
            try writer.append(floats)
          }
          try writer.commit()
        } catch {
          exit(error.message.contains("the disk") ? 0 : 3)
        }
        exit(4)
      }
      #expect(try FileSystem.readAll(path) == Array("old".utf8))
      #expect(try FileSystem.list(folder) == ["model.safetensors"])
    }
  }
}
