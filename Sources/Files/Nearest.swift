/// The candidate closest to a mistyped word, if it is within about a third of the word's length.
///
/// Distance counts insertions, deletions, replacements and swaps of neighbours (optimal string
/// alignment). Of equals, the first in alphabetical order. Long words (over 64) match only exactly.
public func nearest(_ word: String, among candidates: some Collection<String>) -> String? {
  guard word.utf8.count <= 64 else { return candidates.first { $0 == word } }
  let limit = max(1, (word.count + 1) / 3)
  var best: (name: String, distance: Int)?
  for candidate in candidates.sorted() where candidate.utf8.count <= 64 {
    let distance = editDistance(Array(word), Array(candidate))
    if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
  }
  return best?.name
}

private func editDistance(_ a: [Character], _ b: [Character]) -> Int {
  var before: [Int] = []
  var above = Array(0...b.count)
  for i in a.indices {
    var row = [i + 1]
    for j in b.indices {
      var cost = min(above[j + 1] + 1, row[j] + 1, above[j] + (a[i] == b[j] ? 0 : 1))
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
      row.append(cost)
    }
    (before, above) = (above, row)
  }
  return above[b.count]
}
