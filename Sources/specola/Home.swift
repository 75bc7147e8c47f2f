import Checkpoints
import Files
import Glibc
import Text
import Training

/// Where the project's own files are: configurations, models, sessions.
enum Home {
  /// The places in which they are looked for, in order.
  static let candidates: [String] = {
    var places: [String] = []
    if let given = getenv("SPECOLA_HOME") { places.append(String(cString: given)) }
    if let real = realpath("/proc/self/exe", nil) {
      defer { free(real) }
      var folder = FileSystem.parent(String(cString: real))
      let prefix = FileSystem.parent(folder)
      while folder != "/" && folder != "." {
        if FileSystem.isDirectory(folder + "/configs/models") { places.append(folder) }
        folder = FileSystem.parent(folder)
      }
      places.append(prefix + "/share/specola")
    }
    return places + ["."]
  }()

  /// The path of one of the project's files, `relative` to the working directory or to a home.
  static func find(_ relative: String, _ what: String) throws(Failure) -> String {
    if FileSystem.exists(relative) { return relative }
    let places = candidates.map { $0 + "/" + relative }
    if let found = places.first(where: FileSystem.exists) { return found }
    throw Failure(
      "no \(what) \(quoted(relative)); looked in \(candidates.joined(separator: ", ")): give its "
        + "path, or set SPECOLA_HOME")
  }

  /// A configuration by its path, or by its name below configs/.
  static func configuration(_ name: String, in folder: String) throws(Failure) -> String {
    let short = "configs/\(folder)/\(name).json"
    if !name.contains("/"), !name.hasSuffix(".json"), let found = try? find(short, "") {
      return found
    }
    return try find(name, "configuration")
  }

  /// The file of a model configuration; nil when the name is of something else.
  static func modelConfiguration(_ name: String) -> String? {
    if name.hasSuffix(".json") { return (try? find(name, "configuration")) ?? name }
    return FileSystem.exists(name) ? nil : try? find("configs/models/\(name).json", "")
  }

  /// `runs/NAME` of a configuration, with a number when that is taken.
  static func freeRun(_ file: String) -> String {
    let name = file.hasSuffix(".json") ? String(file.dropLast(5)) : file
    var (path, number) = ("runs/" + name, 1)
    while FileSystem.exists(path) {
      number += 1
      path = "runs/\(name)-\(number)"
    }
    return path
  }

  /// The directory of a MODEL: a Hugging Face directory, a run, or a name below models/.
  static func model(_ name: String) throws(Failure) -> String {
    for place in [name] + candidates.map({ $0 + "/models/" + name }) {
      if FileSystem.exists(place + "/run.json") {
        guard let last = RunFolder.linked("last", in: place) else {
          throw Failure("\(visible(place)) is a run without a checkpoint yet; train it further")
        }
        return last
      }
      if FileSystem.exists(place + "/config.json") { return place }
    }
    if FileSystem.isDirectory(name) {
      throw Failure("\(visible(name)) has no config.json, so it is no model directory and no run")
    }
    let near = nearest(name, among: modelNames()).map { "; nearest: \($0)" } ?? ""
    throw Failure(
      "no model \(quoted(name)): give a directory, a run or a name below models/\(near)")
  }

  static func load(_ name: String) throws(Failure) -> ModelDirectory {
    try ModelDirectory(model(name))
  }

  /// What models/ holds.
  static func modelNames() -> [String] {
    candidates.flatMap { home in
      let names = (try? FileSystem.list(home + "/models")) ?? []
      return names.filter { FileSystem.exists("\(home)/models/\($0)/config.json") }
    }
  }
}

extension Home {
  /// Says how to get a recipe's data where it is not there.
  static func explainMissing(_ data: DataConfig) throws(Failure) {
    guard let path = data.path, !FileSystem.exists(path) else { return }
    let name = FileSystem.name(path).split(separator: ".").first.map(String.init) ?? ""
    let hint =
      Download.known.contains { $0.name == name }
      ? "get it with: specola data get \(name); or use your own: --set data.path=FILE"
      : "give a text, a folder or an atlas with --set data.path=PATH"
    throw Failure("data.path \(quoted(path)): no such file; \(hint)")
  }
}
