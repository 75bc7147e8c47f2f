import Checkpoints
import Files
import Generation
import Inspection
import Models
import Training

/// The thread that has the open model: loads it, looks into it, scores continuations.
final class Inspector: Worker {
  private let tell: (InspectorEvent) -> Void
  private var open: ModelDirectory?
  private var scorer: Scorer?
  private var entropies: EntropySource?
  private var name = ""
  private var number = 0

  init(tell: @escaping (InspectorEvent) -> Void) { self.tell = tell }

  /// Of a list of looks only the last of each kind matters: the cursor has moved on.
  func needed(_ requests: [InspectorRequest]) -> [InspectorRequest] {
    var seen: Set<Int> = []
    return requests.reversed().filter { request in
      switch request {
      case .load: seen.insert(0).inserted
      case .attend: seen.insert(1).inserted
      case .survey: seen.insert(2).inserted
      case .score: seen.insert(3).inserted
      case .weight: seen.insert(4).inserted
      case .entropies: seen.insert(5).inserted
      case .judge: seen.insert(6).inserted
      case .stages: seen.insert(7).inserted
      }
    }.reversed()
  }

  func handle(_ request: InspectorRequest) {
    do throws(Failure) {
      switch request {
      case .load(let name): load(name)
      case .attend(let wishes):
        for wish in wishes {
          guard let model = model(wish.model) else { return }
          tell(.attended(wish, AttentionSnapshot(model, ids: wish.ids, edits: wish.edits)))
        }
      case .survey(let picture): tell(.surveyed(picture, picture.survey()))
      case .score(let wish):
        guard model(wish.model) != nil, let scorer else { return }
        let (scores, refilled) = try scorer.scores(for: wish.ids, prompt: wish.prompt)
        tell(.scored(wish, scores: scores, refilled: refilled))
      case .entropies(let wish): tellEntropies(wish)
      case .judge(let wish):
        guard let blt = model(wish.model) as? BLT else { return }
        tell(.judged(wish, nats: blt.nats(of: wish.ids, ends: wish.ends)))
      case .stages(let wish):
        guard let blt = model(wish.model) as? BLT else { return }
        tell(.stages(wish, BLTSnapshot(blt, ids: wish.ids, patching: wish.patching)))
      case .weight(let name):
        guard let parameter = open?.model.parameters[name] else { return }
        tell(.weight(WeightFacts(parameter)))
      }
    } catch {
      tell(.failed(error))
    }
  }

  /// The open model, if it is still the one that was meant.
  private func model(_ number: Int) -> (any LanguageModel)? {
    number == self.number ? open?.model : nil
  }

  private func tellEntropies(_ wish: EntropyWish) {
    guard wish.model == number, let open else { return }
    do throws(Failure) {
      if entropies == nil { entropies = try EntropySource(open: open, name: name) }
      guard let source = entropies else { return }
      tell(.entropies(wish, source.facts, try source.read(wish)))
    } catch {
      tell(.noEntropies(wish, error))
    }
  }

  private func load(_ name: String) {
    do throws(Failure) {
      let directory = try Home.load(name)
      (open, self.name) = (directory, name)
      scorer = Scorer(directory.model)
      entropies = nil
      number += 1
      tell(.loaded(ModelFacts(directory, name: name, number: number)))
    } catch {
      tell(.notLoaded(name, error))
    }
  }
}

extension ModelFacts {
  package init(_ directory: ModelDirectory, name: String, number: Int) {
    let model = directory.model
    (self.number, self.name, path) = (number, name, directory.path)
    (layers, vocabulary, context) = (model.layers, model.vocabulary, model.context)
    (layout, parameters) = (model.headLayout, model.parameters.count)
    (window, blt) = ((model as? EntropyModel)?.config.window, (model as? BLT)?.config)
    width = layout.heads * layout.width
    parts = model.parameters.parameters.map { ($0.name, $0.shape.axes) }
    (configuration, tokenizer) = (model.configuration, directory.tokenizer)
    // A checkpoint of a model has the prompt of the model above it.
    let places = ["", "/../.."].map { directory.path + $0 + "/prompt.txt" }
    prompt = places.lazy.compactMap { try? FileSystem.readAll($0, limit: 1 << 16) }.first
    if prompt?.last == UInt8(ascii: "\n") { prompt?.removeLast() }
  }
}
