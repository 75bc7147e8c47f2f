import Checkpoints
import Files
import TestSupport
import Testing

struct ModelDirectoryTests {
  /// Saved as bf16 a model has the bytes that PyTorch and safetensors give it, nearest even.
  @Test func brainFloatsEqualPython() throws {
    try withTemporaryFolder { folder in
      let tiny = try ModelDirectory(Fixtures.path("gpt2-tiny"))
      try ModelDirectory.save(tiny.model, nil, to: folder, as: .bf16)
      #expect(
        try FileSystem.readAll(folder + "/model.safetensors")
          == FileSystem.readAll(Fixtures.path("gpt2-tiny/bf16.safetensors")))
      #expect(try JSON(contentsOf: folder + "/config.json")["torch_dtype"] == "bfloat16")
      let rounded = try ModelDirectory(folder)
      for (a, b) in zip(tiny.model.parameters.parameters, rounded.model.parameters.parameters) {
        #expect(a.name == b.name)
        for (x, y) in zip(a.tensor.values, b.tensor.values) { #expect(abs(x - y) <= abs(x) / 256) }
      }
    }
  }

  @Test func float32ComesBackToTheBit() throws {
    try withTemporaryFolder { folder in
      let tiny = try ModelDirectory(Fixtures.path("gpt2-tiny"))
      try ModelDirectory.save(tiny.model, nil, to: folder)
      #expect(
        try FileSystem.readAll(folder + "/model.safetensors")
          == FileSystem.readAll(Fixtures.path("gpt2-tiny/model.safetensors")))
      #expect(try JSON(contentsOf: folder + "/config.json")["torch_dtype"] == "float32")
    }
  }
}
