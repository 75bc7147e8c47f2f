import Files
@_exported import Layers

/// A decoder that scores the next token.
public protocol LanguageModel {
  /// The longest sequence that it reads.
  var context: Int { get }
  var vocabulary: Int { get }
  var layers: Int { get }
  /// How the heads of every layer lie in its packed rows.
  var headLayout: HeadLayout { get }
  var parameters: ParameterStore { get }
  /// Its config.json: transformers builds the same model from it, where it has the family.
  var configuration: JSON { get }

  /// The last hidden state [N, width] of N tokens.
  func hidden(_ tokens: Tokens, _ pass: Pass) -> Tensor
  /// Next-token scores [N, vocabulary] of hidden states.
  func logits(_ hidden: Tensor) -> Tensor
  /// What decoding one sequence begins with.
  func makeCache() -> any DecodingState
}

extension LanguageModel {
  /// Next-token scores [N, vocabulary].
  public func callAsFunction(_ tokens: Tokens, _ pass: Pass) -> Tensor {
    logits(hidden(tokens, pass))
  }

  /// The entropy of the next token behind every token, in nats: one array a text.
  ///
  /// Lanes take a text at a time, so that what comes out for one depends on no other.
  ///
  /// - Precondition: no text is longer than the model's context.
  public func entropies(of texts: [[Int32]], lanes: Lanes) -> [[Float]] {
    lanes.map(texts.indices) { self(Tokens([texts[$0]]), Pass()).entropies() }
  }
}
