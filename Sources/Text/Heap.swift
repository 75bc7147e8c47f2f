/// A binary heap: `popFirst` gives the elements in ascending order.
struct Heap<Element: Comparable> {
  private var items: [Element] = []

  /// Adds an element in O(log n).
  mutating func insert(_ element: Element) {
    items.append(element)
    var child = items.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard items[child] < items[parent] else { return }
      items.swapAt(child, parent)
      child = parent
    }
  }

  /// Removes the smallest element in O(log n).
  mutating func popFirst() -> Element? {
    guard let first = items.first, let last = items.popLast() else { return nil }
    guard !items.isEmpty else { return first }
    items[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in (2 * parent + 1)...(2 * parent + 2) where child < items.count {
        if items[child] < items[least] { least = child }
      }
      guard least != parent else { return first }
      items.swapAt(parent, least)
      parent = least
    }
  }
}
