// The stages of a Byte Latent Transformer, as plain values: bytes, patches, latents, bytes again.
// Cross-attention is kept as queries and keys; weights are computed for what is looked at.

import Glibc
import Models

/// One forward pass of a BLT over a text, opened for reading.
///
/// n ids, p complete patches, k slots a patch, E local and G latent width.
public struct BLTSnapshot: Sendable, Equatable {
  /// What a row of numbers is of.
  public enum Part: String, Sendable {
    /// [n, E]: byte embeddings with the n-grams' added.
    case bytes
    /// [n, E]: behind the local encoder.
    case encoder
    /// [p, k · E]: what the bytes of a patch were pooled to.
    case patches
    /// [p, G]: behind the latent transformer.
    case latent
  }

  public let config: BLTConfig
  /// The start token and the bytes.
  public let ids: [Int32]
  /// The rule that decided where patches end.
  public let patching: Patching
  /// Complete patches as ranges of `ids`; the first is the start token alone.
  public let patches: [Range<Int>]
  /// For every id the patch that the decoder reads there, among `patches`: the latest complete one.
  public let sources: [Int]
  /// For every id the rows of the hash tables, functions outside and sizes inside.
  public let hashRows: [[Int]]
  private let parts: [String: [Float]]
  private let scores: [Float]
  private let entropies: [Float]

  /// Runs the model once, on the patches of a rule; a model without an entropy model has its own.
  ///
  /// - Precondition: there is an id, and they fit the context.
  public init(_ model: BLT, ids: [Int32], patching: Patching) {
    precondition(!ids.isEmpty && ids.count <= model.context, "\(ids.count) ids")
    let (config, input) = (model.config, Tokens([ids]))
    let patching = model.patcher == nil && patching.needsEntropies ? config.patching : patching
    let unsure =
      patching.needsEntropies ? model.patcher?.entropies(input, Pass()) ?? [] : []
    var ends = patching.ends(ids: ids, entropies: unsure)
    ends[0] = true  // There is nothing else to decode the second id from.
    let probe = Probe(keepsNames: true)
    let hidden = model.hidden(input, ends: ends, Pass(probe: probe))
    let logits = model.logits(hidden)
    (self.config, self.ids, self.patching) = (config, ids, patching)
    var (patches, start) = ([Range<Int>](), 0)
    sources = ends.indices.map { id in
      if ends[id] {
        patches.append(start..<id + 1)
        start = id + 1
      }
      return patches.count - 1
    }
    self.patches = patches
    hashRows = ids.indices.map { model.hashPlaces(ids, at: $0) }
    var names = ["bytes", "encoder", "patches", "latent", "pooling.queries", "pooling.keys"]
    for layer in 0..<config.decoder.layers {
      names += ["decoder.\(layer).queries", "decoder.\(layer).keys"]
    }
    parts = Dictionary(uniqueKeysWithValues: names.map { ($0, probe[$0]) })
    scores = logits.values
    entropies = logits.entropies()
  }

  /// The patch that an id is in; `patches.count` is one that has not ended.
  public func patch(of id: Int) -> Int {
    sources[id] + (patches[sources[id]].contains(id) ? 0 : 1)
  }

  /// The ids of a patch; of one that has not ended those so far.
  public func range(of patch: Int) -> Range<Int> {
    patch < patches.count
      ? patches[patch] : (patches.last?.upperBound ?? 0)..<ids.count
  }

  /// A row of a part: of an id, or of a complete patch.
  public func vector(_ part: Part, _ row: Int) -> ArraySlice<Float> {
    let all = parts[part.rawValue] ?? []
    let width = all.count / (part == .bytes || part == .encoder ? ids.count : patches.count)
    return all[row * width..<(row + 1) * width]
  }

  /// The Euclidean length of a row of a part.
  public func length(_ part: Part, _ row: Int) -> Double {
    vector(part, row).reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// What the model says behind an id about the next byte.
  public func next(after id: Int) -> NextByte {
    let width = scores.count / ids.count
    return scores.withUnsafeBufferPointer { all in
      NextByte(
        scores: UnsafeBufferPointer(rebasing: all[id * width..<(id + 1) * width]),
        entropy: entropies[id], came: id + 1 < ids.count ? ids[id + 1] : nil)
    }
  }

  // MARK: - Cross-attention

  /// How a slot of a complete patch reads the patch's bytes: by head, a weight a byte.
  public func pooling(patch: Int, slot: Int) -> [[Double]] {
    weights(
      "pooling", config.encoder.layout, row: patch * config.slots + slot, reads: patches[patch])
  }

  /// The layers of the decoder that read slots.
  public var crossLayers: Int { config.decoder.crossesAllLayers ? config.decoder.layers : 1 }

  /// How an id reads the slots of its source in a layer of the decoder: by head, a weight a slot.
  public func reading(id: Int, layer: Int) -> [[Double]] {
    let (first, k) = (sources[id] * config.slots, config.slots)
    return weights("decoder.\(layer)", config.decoder.layout, row: id, reads: first..<first + k)
  }

  /// softmax(q · k / √D) of one row of queries over some rows of keys, by head.
  private func weights(
    _ name: String, _ layout: HeadLayout, row: Int, reads: Range<Int>
  ) -> [[Double]] {
    let (queries, keys) = (parts[name + ".queries"] ?? [], parts[name + ".keys"] ?? [])
    let (width, across) = (layout.width, 2 * layout.keyHeads * layout.width)
    return (0..<layout.heads).map { head in
      let q = (row * layout.heads + head) * width
      let k = head / (layout.heads / layout.keyHeads) * width
      let scores = reads.map { key in
        (0..<width).reduce(0.0) {
          $0 + Double(queries[q + $1]) * Double(keys[key * across + k + $1])
        } * Double(layout.scale)
      }
      let top = scores.max() ?? 0
      let powers = scores.map { exp($0 - top) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }
}

extension BLT {
  /// −ln p summed over the ids behind the first, on patches that are given, in nats.
  ///
  /// `ends` says of every id but the last whether a patch ends with it.
  ///
  /// - Precondition: one ends with the first, and all but the last fit the context.
  public func nats(of ids: [Int32], ends: [Bool]) -> Double {
    let hidden = hidden(Tokens([ids.dropLast()]), ends: ends, Pass())
    return logits(hidden).crossEntropy(Array(ids.dropFirst())).losses.floats
      .reduce(0) { $0 + Double($1) }
  }
}
