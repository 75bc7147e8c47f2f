import Files
import TestSupport
import Testing
import Training

/// Where files are looked for, and what a MODEL names.
@Suite struct HomeTests {
  /// An empty file, its folders made.
  private func touch(_ path: String, _ text: String = "{}") throws {
    try FileSystem.createDirectory(FileSystem.parent(path))
    try AtomicFile.write(text, to: path)
  }

  @Test func places() throws {
    try withTemporaryFolder { folder in
      let program = folder + "/outer/clone/.build/release/specola"
      func places(_ given: String? = nil) -> [String] {
        Home.places(given: given, executable: program)
      }
      let prefix = folder + "/outer/clone/.build/share/specola"
      #expect(places() == [prefix, "."])
      for home in ["/outer", "/outer/clone"] {
        try FileSystem.createDirectory(folder + home + "/configs/models")
      }
      let above = [folder + "/outer/clone", folder + "/outer"]
      #expect(places() == above + [prefix, "."])
      #expect(places("elsewhere") == ["elsewhere"] + above + [prefix, "."])
      #expect(places("") == places())
      #expect(Home.places(given: nil, executable: nil) == ["."])
    }
  }

  @Test func configurations() throws {
    try withTemporaryFolder { folder in
      let places = [folder + "/one", folder + "/two", folder + "/gone"]
      try touch(folder + "/one/configs/train/b.json")
      try touch(folder + "/two/configs/train/b.json")
      try touch(folder + "/two/configs/train/a.json")
      try touch(folder + "/two/configs/train/notes.txt")
      #expect(Home.configurationNames(in: "train", of: places) == ["a", "b"])
      #expect(Home.configurationNames(in: "models", of: places) == [])
      #expect(
        try Home.configuration("b", in: "train", of: places) == places[0] + "/configs/train/b.json")
      #expect(
        try Home.configuration("a", in: "train", of: places) == places[1] + "/configs/train/a.json")
      let problem = message { _ = try Home.configuration("c", in: "train", of: places) }
      #expect(problem.contains("no configuration \"c\"; looked in \(places[0]), \(places[1])"))
    }
  }

  @Test func models() throws {
    try withTemporaryFolder { folder in
      let places = [folder + "/one", folder + "/two"]
      try touch(places[0] + "/models/small/config.json")
      for step in ["step-000030", "step-001000", "step-2000000", "other"] {
        try touch(places[0] + "/models/small/checkpoints/\(step)/config.json")
      }
      try touch(places[1] + "/models/small/config.json")
      try touch(places[1] + "/models/large/config.json")
      try touch(places[1] + "/models/README.md")
      let found = Home.models(of: places)
      #expect(found.map(\.name) == ["large", "small"])
      #expect(found.map(\.path) == [places[1] + "/models/large", places[0] + "/models/small"])
      #expect(found.map(\.steps) == [[], [30, 1_000, 2_000_000]])
      func path(_ name: String) throws -> String { try Home.model(name, of: places) }
      func problem(_ name: String) -> String { message { _ = try path(name) } }
      let small = places[0] + "/models/small"
      #expect(try path("small") == small)
      #expect(try path(small) == small)
      #expect(try path("small@30") == small + "/checkpoints/step-000030")
      #expect(try path("small@0030") == small + "/checkpoints/step-000030")
      #expect(try path(small + "@1000") == small + "/checkpoints/step-001000")
      #expect(try path("small@2000000") == small + "/checkpoints/step-2000000")
      #expect(problem("small@31").contains("no checkpoint of step 31; it has 30, 1000, 2000000"))
      #expect(problem("large@1").hasSuffix("has no checkpoint of step 1; it has none"))
      for name in ["smal", "smal@30", "small@", "small@last", "small@-1", "small@9999999999"] {
        #expect(problem(name).contains("no model \"\(name)\""))
      }
      #expect(problem("smal").hasSuffix("nearest: small"))
      // A name with the sign in it is itself before it is a step of another.
      try touch(places[1] + "/models/small@30/config.json")
      #expect(try path("small@30") == places[1] + "/models/small@30")
    }
  }

  @Test func runs() throws {
    try withTemporaryFolder { folder in
      let run = folder + "/run"
      try touch(run + "/run.json")
      func path(_ name: String) throws -> String { try Home.model(name, of: []) }
      #expect(message { _ = try path(run) }.contains("a run without a checkpoint yet"))
      for step in [2, 4] { try touch(RunFolder.checkpoint(step, in: run) + "/config.json") }
      #expect(try path(run + "@2") == run + "/checkpoints/step-000002")
      #expect(message { _ = try path(run + "@3") }.hasSuffix("of step 3; it has 2, 4"))
      #expect(message { _ = try path(folder) }.contains("has no config.json"))
    }
  }
}
