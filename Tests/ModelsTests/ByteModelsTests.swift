import Models
import TestSupport
import Testing

/// What sums in another order may lose, in units of the larger of 1 and the score.
private let rounding = 2e-5

/// What holds for the entropy model and for BLT at every length: around the window of 512 and, with
/// a small window, far behind it.
@Suite struct ByteModelsTests {
  private static let lengths = [1, 2, 511, 512, 513, 2_000]
  private static let kinds: [Kind] = [
    Kind("entropy model", window: 512), Kind("entropy model", window: 12),
    Kind("BLT", window: 512), Kind("BLT", window: 12), Kind("BLT", window: 512, longest: 3),
  ]

  struct Kind: Sendable, CustomTestStringConvertible {
    let name: String
    let window: Int
    let longest: Int?

    init(_ name: String, window: Int, longest: Int? = nil) {
      (self.name, self.window, self.longest) = (name, window, longest)
    }

    var testDescription: String { "\(name), window \(window)\(longest.map { ", \($0)" } ?? "")" }

    func model() -> any LanguageModel {
      if name == "BLT" { return makeBLT(window: window, longest: longest) }
      return makeEntropyModel(window: window)
    }
  }

  private static func text(_ count: Int, _ name: String = "text") -> [Int32] {
    [1] + randomIds(count - 1, below: 12, name).map { $0 + 101 }
  }

  private func rows(_ values: [Float], _ range: Range<Int>) -> ArraySlice<Float> {
    values[range.lowerBound * 260..<range.upperBound * 260]
  }

  /// A text's scores are the first of every longer text.
  @Test(arguments: kinds, lengths) func prefixIsConsistent(_ kind: Kind, _ length: Int) {
    let (model, ids) = (kind.model(), Self.text(2_048))
    let full = model(Tokens([ids]), Pass()).values
    let part = model(Tokens([Array(ids[..<length])]), Pass()).values
    #expect(distance(part, rows(full, 0..<length)) < rounding)
  }

  /// Read in pieces or token by token, the scores are those of the whole, and the latent
  /// transformer runs once a patch.
  @Test(arguments: kinds, lengths) func incrementalIsWhole(_ kind: Kind, _ length: Int) throws {
    let (model, ids) = (kind.model(), Self.text(length))
    let full = model(Tokens([ids]), Pass()).values
    for piece in [1, 7, 500] {
      let state = model.makeCache()
      var found: [Float] = []
      for start in stride(from: 0, to: length, by: piece) {
        let part = Array(ids[start..<min(start + piece, length)])
        found += model(Tokens([part]), Pass(cache: state)).values
      }
      let error = distance(found, full)
      #expect(state.count == length && error < rounding, "pieces of \(piece): \(error)")
      guard let blt = model as? BLT else { continue }
      let patches = blt.patchEnds(Tokens([ids])).count { $0 }
      #expect((state as? BLTState)?.latentRuns == patches)
      #expect(length < 500 || patches > length / 16 && patches < length / 2, "\(patches)")
    }
  }

  /// The sequences of a batch are the sequences alone, however long the others are.
  @Test(arguments: kinds) func rowsDoNotLeak(_ kind: Kind) {
    let model = kind.model()
    let texts = (Self.lengths + [3, 40]).map { Self.text($0, "row \($0)") }
    let batch = model(Tokens(texts), Pass()).values
    #expect(distance(batch, texts.flatMap { model(Tokens([$0]), Pass()).values }) < rounding)
    let alone = texts.map { model(Tokens([$0]), Pass()).entropies() }
    // A text at a time: to the bit, on any number of lanes.
    for lanes in [1, 3] {
      #expect(model.entropies(of: texts, lanes: Lanes(lanes)) == alone)
      #expect(model.entropies(of: texts.reversed(), lanes: Lanes(lanes)) == alone.reversed())
    }
  }

  /// Changing a byte changes no score before it, and the scores behind it.
  @Test(arguments: kinds, lengths) func isCausal(_ kind: Kind, _ length: Int) throws {
    let (model, ids) = (kind.model(), Self.text(length))
    let before = model(Tokens([ids]), Pass()).values
    // The ends of the text and of the window, and where a patch ends and the next begins.
    var places = [0, 1, length / 2, 511, 512, 513, length - 1]
    if let blt = model as? BLT {
      let ends = blt.patchEnds(Tokens([ids])).enumerated().filter(\.element).map(\.offset)
      for end in [ends[min(2, ends.count - 1)], ends[ends.count / 2], ends[ends.count - 1]] {
        places += [end - 1, end, end + 1]
      }
    }
    for j in Set(places).sorted() where ids.indices.contains(j) {
      var changed = ids
      changed[j] += 1
      let after = model(Tokens([changed]), Pass()).values
      // To rounding: where patches end elsewhere, sums have other lengths.
      #expect(distance(rows(after, 0..<j), rows(before, 0..<j)) < rounding, "\(j) is seen before")
      #expect(rows(after, j..<j + 1) != rows(before, j..<j + 1), "\(j) changes nothing")
    }
  }
}

/// A small BLT with patches of several lengths, and a window that texts outgrow.
func makeBLT(
  window: Int? = 12, longest: Int? = nil, mode: String = "entropy", encoderLayers: Int = 1
) -> BLT {
  var c = BLTConfig()
  (c.hashSizes, c.hashRows, c.context, c.window) = ([3, 4, 5], 61, 2_100, window)
  (c.longestPatch, c.patchingMode, c.threshold) = (longest, mode, 4.6)
  func shape(_ stack: inout RotaryConfig, _ sizes: [Int]) {
    (stack.width, stack.layers, stack.heads) = (sizes[0], sizes[1], sizes[2])
    (stack.inner, stack.keyHeads) = (sizes[3], sizes[4])
  }
  shape(&c.patcher, [16, 2, 2, 24, 2])
  c.patcher.window = window
  shape(&c.encoder, [16, encoderLayers, 2, 28, 1])
  shape(&c.decoder, [16, 2, 2, 28, 2])
  shape(&c.latent, [24, 2, 2, 40, 2])
  let model = BLT(c)
  model.parameters.initialize(seed: 5)
  if let head = model.parameters["model.patcher.lm_head.weight"] {
    for i in 0..<head.count { head.storage.floats[i] *= 1.5 }
  }
  return model
}

func makeEntropyModel(window: Int?) -> EntropyModel {
  var c = RotaryConfig()
  (c.width, c.layers, c.heads, c.inner, c.window) = (16, 3, 2, 24, window)
  let model = EntropyModel(c)
  model.parameters.initialize(seed: 2)
  return model
}
