/// Very short stories of known entropy, one a line: `tales-en` and `tales-it`.
public enum Tales {
  /// English: pronouns agree with names, things stay with whom they were given to.
  public static let english = Grammar(englishSource)
  /// Italian: articles, adjectives, participles and pronouns agree in gender and number.
  public static let italian = Grammar(italianSource)
}
