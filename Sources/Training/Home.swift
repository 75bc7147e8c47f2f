// Where the project's own files are (configurations, models), and what a MODEL names.

import Checkpoints
import Files
import Glibc
import Text

public enum Home {
  /// What the workbench opens with.
  public static let defaultModel = "tales-en"

  /// The places in which files are looked for, in order.
  public static let candidates: [String] = {
    let executable = realpath("/proc/self/exe", nil)
    defer { free(executable) }
    return places(
      given: getenv("SPECOLA_HOME").map { String(cString: $0) },
      executable: executable.map { String(cString: $0) })
  }()

  /// `SPECOLA_HOME`, the folders above the program that hold configs/models, the nearest first,
  /// PREFIX/share/specola of a program in PREFIX/bin, and the working directory.
  package static func places(given: String?, executable: String?) -> [String] {
    var places = [given].compactMap { $0 }.filter { !$0.isEmpty }
    if let executable {
      var folder = FileSystem.parent(executable)
      let prefix = FileSystem.parent(folder)
      while folder != "/" && folder != "." {
        if FileSystem.isDirectory(folder + "/configs/models") { places.append(folder) }
        folder = FileSystem.parent(folder)
      }
      places.append(prefix + "/share/specola")
    }
    return places + ["."]
  }

  /// The path of one of the project's files, `relative` to the working directory or to a home.
  public static func find(
    _ relative: String, _ what: String, in places: [String] = candidates
  ) throws(Failure) -> String {
    let found = [relative] + places.map { $0 + "/" + relative }
    if let path = found.first(where: FileSystem.exists) { return path }
    throw Failure(
      "no \(what) \(quoted(relative)); looked in \(places.joined(separator: ", ")): give its "
        + "path, or set SPECOLA_HOME")
  }

  // MARK: - Configurations

  /// A configuration by its path, or by its name below configs/ (`folder` is models or train).
  public static func configuration(
    _ name: String, in folder: String, of places: [String] = candidates
  ) throws(Failure) -> String {
    let short = "configs/\(folder)/\(name).json"
    if !name.contains("/"), !name.hasSuffix(".json"), let found = try? find(short, "", in: places) {
      return found
    }
    return try find(name, "configuration", in: places)
  }

  /// The file of a model configuration; nil when the name is of something else.
  public static func modelConfiguration(
    _ name: String, of places: [String] = candidates
  ) -> String? {
    if name.hasSuffix(".json") { return (try? find(name, "configuration", in: places)) ?? name }
    return FileSystem.exists(name) ? nil : try? find("configs/models/\(name).json", "", in: places)
  }

  /// The names that `configuration` knows, sorted (`folder` is models or train).
  public static func configurationNames(
    in folder: String, of places: [String] = candidates
  ) -> [String] {
    let files = places.flatMap { (try? FileSystem.list("\($0)/configs/\(folder)")) ?? [] }
    return Set(files.filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }).sorted()
  }

  // MARK: - Models

  /// What models/ holds.
  public struct Model: Equatable, Sendable {
    public var name: String
    public var path: String
    /// The steps of its earlier checkpoints, ascending; `NAME@STEP` opens one.
    public var steps: [Int]
  }

  /// The models below models/, sorted by name; of two with one name, the one that it opens.
  public static func models(of places: [String] = candidates) -> [Model] {
    var models: [String: Model] = [:]
    for folder in places.map({ $0 + "/models" }) {
      for name in (try? FileSystem.list(folder)) ?? [] where models[name] == nil {
        let path = folder + "/" + name
        guard FileSystem.exists(path + "/config.json") else { continue }
        models[name] = Model(name: name, path: path, steps: steps(in: path))
      }
    }
    return models.values.sorted { $0.name < $1.name }
  }

  /// The directory of a MODEL: a Hugging Face directory, a run (its last checkpoint), or a name
  /// below models/; with `@STEP`, its checkpoint of that step.
  public static func model(
    _ name: String, of places: [String] = candidates
  ) throws(Failure) -> String {
    if let folder = folder(name, places) { return try newest(folder) }
    if let at = name.lastIndex(of: "@"), let step = UInt32(name[name.index(after: at)...]),
      let folder = folder(String(name[..<at]), places)
    {
      let path = RunFolder.checkpoint(Int(step), in: folder)
      if FileSystem.exists(path + "/config.json") { return path }
      let steps = steps(in: folder).map(String.init)
      throw Failure(
        "\(visible(folder)) has no checkpoint of step \(step); it has "
          + (steps.isEmpty ? "none" : steps.joined(separator: ", ")))
    }
    if FileSystem.isDirectory(name) {
      throw Failure("\(visible(name)) has no config.json, so it is no model directory and no run")
    }
    let near = nearest(name, among: models(of: places).map(\.name)).map { "; nearest: \($0)" } ?? ""
    throw Failure(
      "no model \(quoted(name)): give a directory, a run or a name below models/\(near)")
  }

  /// Opens a MODEL.
  public static func load(_ name: String) throws(Failure) -> ModelDirectory {
    try ModelDirectory(model(name))
  }

  /// The folder that a name stands for, which holds a model or is a run.
  private static func folder(_ name: String, _ places: [String]) -> String? {
    ([name] + places.map { $0 + "/models/" + name }).first { place in
      ["/run.json", "/config.json"].contains { FileSystem.exists(place + $0) }
    }
  }

  private static func newest(_ folder: String) throws(Failure) -> String {
    guard FileSystem.exists(folder + "/run.json") else { return folder }
    guard let last = RunFolder.linked("last", in: folder) else {
      throw Failure("\(visible(folder)) is a run without a checkpoint yet; train it further")
    }
    return last
  }

  private static func steps(in folder: String) -> [Int] {
    (try? RunFolder.checkpoints(in: folder)) ?? []
  }

  // MARK: - Runs

  /// `runs/NAME` of a configuration, with a number when that is taken.
  public static func freeRun(_ file: String) -> String {
    RunFolder.unused("runs/" + (file.hasSuffix(".json") ? String(file.dropLast(5)) : file))
  }

  /// Says how to get a recipe's data where it is not there.
  public static func explainMissing(_ data: DataConfig) throws(Failure) {
    guard let path = data.path, !FileSystem.exists(path) else { return }
    let name = FileSystem.name(path).split(separator: ".").first.map(String.init) ?? ""
    let hint =
      Download.known.contains { $0.name == name }
      ? "get it with: specola data get \(name); or use your own: --set data.path=FILE"
      : "give a text, a folder or an atlas with --set data.path=PATH"
    throw Failure("data.path \(quoted(path)): no such file; \(hint)")
  }
}
