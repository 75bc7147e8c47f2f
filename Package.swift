// swift-tools-version: 6.2
import PackageDescription

// `./test` sets SPECOLA_STRICT=1: warnings are errors for us, never for someone who builds us.
let strict: [SwiftSetting] =
  Context.environment["SPECOLA_STRICT"] == "1" ? [.treatAllWarnings(as: .error)] : []

func library(_ name: String, _ dependencies: Target.Dependency...) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: Target.Dependency...) -> Target {
  .testTarget(
    name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: strict)
}

let package = Package(
  name: "specola",
  products: [
    .executable(name: "specola", targets: ["specola"]),
    .library(
      name: "Specola",
      targets: [
        "Tensors", "Layers", "Models", "Text", "Checkpoints", "Training", "Generation",
        "Inspection",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .target(name: "CKernels"),
    .target(name: "CSystem"),
    library("Random"),
    library("Files", "CSystem"),
    library("Threads"),
    library("Tensors", "CKernels", "Threads"),
    library("Layers", "Tensors", "Random"),
    library("Models", "Layers", "Files"),
    library("Text", "Files", "Random"),
    library("Checkpoints", "Files", "Models", "Text"),
    library("Training", "Generation", "Checkpoints"),
    library("Generation", "Models", "Files", "Random"),
    library("Inspection", "Models"),
    .target(name: "CNcurses", linkerSettings: [.linkedLibrary("ncursesw")]),
    library("Screen"),
    library("Terminal", "Screen", "CNcurses"),
    library("Workbench", "Screen", "Inspection", "Training"),
    .executableTarget(
      name: "specola",
      dependencies: [
        "Training", "Generation", "Inspection", "Screen", "Workbench", "Terminal",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "specola-fuzz", dependencies: ["Checkpoints", "Files", "Text"], swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["Files"], path: "Tests/TestSupport",
      swiftSettings: strict),
    tests("FilesTests", "Files"),
    tests("CheckpointsTests", "Checkpoints"),
    tests("RandomTests", "Random"),
    tests("TextTests", "Text"),
    tests("GenerationTests", "Generation", "Models"),
    tests("InspectionTests", "Inspection", "Checkpoints"),
    tests("TensorsTests", "Tensors", "Random"),
    tests("LayersTests", "Models", "Random"),
    tests("ModelsTests", "Training", "Generation"),
    tests("TrainingTests", "Training"),
    tests("ScreenTests", "Screen"),
    tests("TerminalTests", "Terminal"),
    tests("WorkbenchTests", "Workbench"),
    tests("CommandTests", "Files"),
    tests("TidyTests", "Files"),
  ]
)
