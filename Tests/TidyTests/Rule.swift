/// One rule: what it finds, as `file:line: what`, and the smallest project that breaks it once.
struct Rule {
  let name: String
  let offence: [String: String]
  let find: (Project) -> [String]

  static var all: [Rule] {
    [
      imports(["CKernels", "COpenBLAS"], by: "only Tensors") { $0 == "Tensors" },
      imports(["CNcurses"], by: "only Terminal") { $0 == "Terminal" },
      imports(["Terminal"], by: "only specola") { ["specola", "TerminalTests"].contains($0) },
      imports(
        ["Foundation", "FoundationEssentials"],
        by: "no Threads, Tensors, Layers, Models, Screen, Workbench"
      ) {
        !["Threads", "Tensors", "Layers", "Models", "Screen", "Workbench"].contains($0)
      },
      code("only specola prints", /\b(print|debugPrint)\(/, "print(1)") {
        ["specola", "specola-fuzz"].contains($0.target)
      },
      code("no forced try", /\btry!/, "try! load()"),
      code(
        "unchecked Sendable only in Lanes", /@unchecked Sendable/, "class A: @unchecked Sendable"
      ) { $0.path == "Sources/Threads/Lanes.swift" },
      code("no unsafe isolation", /nonisolated\(unsafe\)/, "nonisolated(unsafe) var a = 1"),
      lines("a force unwrap has a reason beside it", offence: ["Sources/A/A.swift": "\n\nx = y!"]) {
        source, index in
        guard source.target != nil, source.kind == "swift" else { return false }
        let hasReason = source.isCommented[max(0, index - 1)...index].contains(true)
        return !hasReason && source.code[index].contains(/[\w)\]}?>"]!(?!=)/)
      },
      lines(
        "a busy machine fails no test", offence: ["Tests/ATests/A.swift": "t < .milliseconds(5)"]
      ) { source, index in
        source.path.hasPrefix("Tests/") && source.kind == "swift"
          && source.code[index].contains(/<=?\s*\.(milli|micro|nano)?seconds\(/)
      },
      lines("a task names its issue", offence: ["a.py": "# TO" + "DO later"]) { source, index in
        source.kind != "md" && source.lines[index].contains(/\b(TO[D]O|FIX[M]E)\b(?!.*#\d)/)
      },
      lines("no path of one machine", offence: ["a.md": "see /" + "home/me/notes"]) {
        $0.lines[$1].contains(/(^|[\s"'`(=<])\/(home|root|work|opt|Users)\//)
      },
      lines("100 columns", offence: ["a.c": String(repeating: "x", count: 101)]) {
        ["swift", "c", "h"].contains($0.kind) && $0.lines[$1].count > 100
      },
      size("a file: 500 lines", limit: 500, each: true, in: ["a/b.swift"]) {
        ["swift", "c", "h"].contains($0.kind) && !$0.path.contains("/portable")
      },
      size("a model: 350 lines", limit: 350, each: true, in: ["Sources/Models/A.swift"]) {
        $0.target == "Models"
      },
      size(
        "the afternoon's Swift: 2,500 lines", limit: 2500, each: false,
        in: ["Sources/Tensors/A.swift", "Sources/Layers/B.swift", "Sources/Training/Trainer.swift"]
      ) {
        ["Tensors", "Layers"].contains($0.target) && $0.kind == "swift"
          || ["Sources/Models/GPT.swift", "Sources/Training/Trainer.swift"].contains($0.path)
      },
      size(
        "the portable kernels: 600 lines", limit: 600, each: false,
        in: ["Sources/CKernels/portable.c", "Sources/CKernels/portable_more.c"]
      ) { $0.target == "CKernels" && $0.kind == "c" && $0.path.contains("portable") },
      Rule(name: "links resolve", offence: ["docs/a.md": "[gone](../b.md#top)"], find: brokenLinks),
      Rule(
        name: "the portable kernels are named so",
        offence: ["Sources/CKernels/kernels.c": ""]
      ) { project in
        let kernels = project.sources.filter { $0.target == "CKernels" && $0.kind == "c" }
        let isNamed = kernels.isEmpty || kernels.contains { $0.path.contains("portable") }
        return isNamed ? [] : ["\(kernels[0].path):1: no file here has portable in its name"]
      },
      Rule(
        name: "commands have a page",
        offence: ["Sources/specola/A.swift": "struct A: ParsableCommand {}"]
      ) { project in
        let first = project.sources.first { source in
          source.target == "specola" && source.code.contains { $0.contains("ParsableCommand") }
        }
        guard let first, !project.exists("docs/commands.md") else { return [] }
        return ["\(first.path):1: there are commands but no docs/commands.md"]
      },
    ]
  }

  /// A rule about each line by itself.
  private static func lines(
    _ name: String, offence: [String: String], isBroken: @escaping (Source, Int) -> Bool
  ) -> Rule {
    Rule(name: name, offence: offence) { project in
      project.sources.flatMap { source in
        source.lines.indices.filter { isBroken(source, $0) }.map {
          "\(source.path):\($0 + 1): \(source.lines[$0].prefix(80))"
        }
      }
    }
  }

  /// A rule about the code of Swift sources.
  private static func code(
    _ name: String, _ pattern: Regex<some Any>, _ offence: String,
    isExempt: @escaping (Source) -> Bool = { _ in false }
  ) -> Rule {
    lines(name, offence: ["Sources/Training/A.swift": offence]) { source, index in
      source.target != nil && source.kind == "swift" && !isExempt(source)
        && source.code[index].contains(pattern)
    }
  }

  /// A rule about who imports some modules.
  private static func imports(
    _ modules: Set<String>, by name: String, isAllowed: @escaping (String) -> Bool
  ) -> Rule {
    let pattern = /^\s*(?:[@\w()]+\s+)*?import\s+(?:(?:struct|class|enum|func|var)\s+)?(\w+)/
    let offence = "public import struct \(modules.sorted()[0]).A"
    let target = ["Tensors", "Training"].first { !isAllowed($0) } ?? ""
    return lines(
      "\(name) may import \(modules.sorted().joined(separator: ", "))",
      offence: ["Sources/\(target)/A.swift": offence]
    ) { source, index in
      guard let target = source.target, source.kind == "swift", !isAllowed(target) else {
        return false
      }
      return source.code[index].firstMatch(of: pattern).map { modules.contains("\($0.1)") } ?? false
    }
  }

  /// A rule about the lines of files, each by itself or all together.
  private static func size(
    _ name: String, limit: Int, each: Bool, in paths: [String],
    counts: @escaping (Source) -> Bool
  ) -> Rule {
    let text = String(repeating: "\n", count: limit / paths.count + 1)
    let offence = Dictionary(uniqueKeysWithValues: paths.map { ($0, text) })
    return Rule(name: name, offence: offence) { project in
      let counted = project.sources.filter(counts)
      let total = counted.map(\.lines.count).reduce(0, +)
      if !each {
        return total > limit ? ["\(counted[0].path):1: \(total) lines with its company"] : []
      }
      return counted.filter { $0.lines.count > limit }.map {
        "\($0.path):\(limit + 1): \($0.lines.count) lines"
      }
    }
  }

  /// Relative links of Markdown that lead nowhere; code and other sites are passed over.
  private static func brokenLinks(_ project: Project) -> [String] {
    var findings: [String] = []
    for source in project.sources where source.kind == "md" {
      var isFenced = false
      for (number, line) in zip(1..., source.lines) {
        if line.hasPrefix("```") { isFenced.toggle() }
        guard !isFenced else { continue }
        for match in line.replacing(/`[^`]*`/, with: "").matches(of: /\]\(([^)\s]+)/) {
          let link = match.1.prefix { $0 != "#" }
          guard !link.isEmpty, !link.contains(":") else { continue }
          var parts = source.path.split(separator: "/").dropLast()
          for part in link.split(separator: "/") where part != "." {
            if part == ".." { parts = parts.dropLast() } else { parts.append(part) }
          }
          if !parts.isEmpty, !project.exists(parts.joined(separator: "/")) {
            findings.append("\(source.path):\(number): \(match.1) leads nowhere")
          }
        }
      }
    }
    return findings
  }
}
