// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-gguf-greedy-test: exports a trained decoder from its GGUF file, compiles
// it, and decodes greedily; the tokens are those that transformers chose, whose
// weights are the same blocks as floats. smollm2_greedy.py wrote what it chose.
//
//   dure-gguf-greedy-test FILE.gguf REFERENCES.npz [THREADS]
//
// 77, which ctest takes for skipped, without the file.
#include "frontends/checkpoint/Export.h"
#include "frontends/checkpoint/WriteModel.h"
#include "runtime/text/Tokenizer.h"
#include "test/models/GreedyDecoder.h"
#include "tools/io/Npz.h"

#include <filesystem>
#include <map>
#include <unistd.h>

using namespace dure;
using namespace dure::greedytest;

namespace {

namespace fs = std::filesystem;

constexpr int Skipped = 77;
/// Sums in another order move logits; a closer choice is no choice.
constexpr float LeastMargin = 1e-3f;

struct Prompt {
  std::string Text;
  std::vector<int64_t> Ids, Tokens;
  std::vector<float> Margins;
};

template <typename T> void read(const io::Tensor &From, std::vector<T> &To) {
  const auto *Begin = reinterpret_cast<const T *>(From.Bytes.data());
  To.assign(Begin, Begin + From.Bytes.size() / sizeof(T));
}

std::vector<Prompt> readPrompts(const std::string &Path) {
  io::Result<std::vector<io::Tensor>> Read = io::readNpz(Path);
  if (!Read)
    fail(Read.failure().text());
  std::map<int, Prompt> Found;
  for (const io::Tensor &T : *Read) {
    Prompt &P = Found[std::atoi(T.Name.c_str())];
    if (T.Name.ends_with(".text"))
      P.Text.assign(reinterpret_cast<const char *>(T.Bytes.data()),
                    T.Bytes.size());
    else if (T.Name.ends_with(".ids"))
      read(T, P.Ids);
    else if (T.Name.ends_with(".tokens"))
      read(T, P.Tokens);
    else if (T.Name.ends_with(".margins"))
      read(T, P.Margins);
  }
  std::vector<Prompt> Out;
  for (auto &[Number, P] : Found) {
    if (P.Ids.empty() || P.Tokens.empty() ||
        P.Margins.size() != P.Tokens.size())
      fail(Path + ": a prompt is not whole");
    Out.push_back(std::move(P));
  }
  return Out;
}

/// The tokenizer of the file must read the prompts as theirs did.
void checkTokenizer(const checkpoint::Checkpoint &C,
                    const std::vector<Prompt> &Prompts) {
  const auto Text = C.Texts.find("tokenizer.json");
  if (Text == C.Texts.end())
    fail("the file has no tokenizer");
  const auto Made = Tokenizer::read(Text->second.text());
  if (!Made)
    fail(Made.status().message());
  for (const Prompt &Each : Prompts) {
    const auto Ids = Made->encode(Each.Text);
    if (!Ids || std::vector<int64_t>(Ids->begin(), Ids->end()) != Each.Ids)
      fail("other ids for the prompt: " + Each.Text);
  }
}

/// Exports into the folder; the graph's path comes back.
std::string exportFile(const std::string &Path, const std::string &Folder,
                       const std::vector<Prompt> &Prompts) {
  checkpoint::Refusals Problems;
  const auto C = checkpoint::Checkpoint::open(Path, {}, Problems);
  if (!C)
    fail(toString(Problems.list().front()));
  checkTokenizer(*C, Prompts);
  const checkpoint::ExportOptions Options;
  const auto M = checkpoint::exportModel(*C, Options, Problems);
  if (!M)
    fail(toString(Problems.list().front()));
  const std::string Graph = Folder + "/model.onnx";
  const auto Plan = checkpoint::planWrite(*C, *M, Graph);
  const Status Written =
      checkpoint::writeModel(*C, *M, Plan, Options.DataFile, {});
  if (!Written.ok())
    fail(Written.message());
  return Graph;
}

/// How many of the tokens differ where the choice was clear. Each step follows
/// transformers' tokens, so that one difference is not many.
size_t countWrong(dure_session *Session, const Prompt &P) {
  Decoder Sequence(Session,
                   static_cast<int64_t>(P.Ids.size() + P.Tokens.size()));
  size_t Wrong = 0;
  int64_t Token = Sequence.step(P.Ids);
  for (size_t I = 0; I < P.Tokens.size(); ++I) {
    if (Token != P.Tokens[I] && P.Margins[I] > LeastMargin) {
      std::printf("token %zu is %ld, not %ld (by %g)\n", I,
                  static_cast<long>(Token), static_cast<long>(P.Tokens[I]),
                  double(P.Margins[I]));
      ++Wrong;
    }
    if (I + 1 != P.Tokens.size())
      Token = Sequence.step({P.Tokens[I]});
  }
  return Wrong;
}

} // namespace

int main(int ArgumentCount, char **Arguments) {
  if (ArgumentCount != 3 && ArgumentCount != 4) {
    std::fprintf(stderr, "usage: dure-gguf-greedy-test FILE.gguf "
                         "REFERENCES.npz [THREADS]\n");
    return 2;
  }
  if (!fs::exists(Arguments[1])) {
    std::printf("skipped: %s is not there; tools/test fetches it\n",
                Arguments[1]);
    return Skipped;
  }
  const std::vector<Prompt> Prompts = readPrompts(Arguments[2]);
  if (Prompts.size() < 10)
    fail("less than ten prompts");
  const std::string Folder =
      fs::temp_directory_path() / ("dure-gguf-" + std::to_string(getpid()));
  fs::create_directories(Folder);
  const std::string Package = Folder + "/model.dure";
  compile(exportFile(Arguments[1], Folder, Prompts), Package);
  dure_package *Loaded = nullptr;
  dure_status *Status = dure_package_load(Package.c_str(), nullptr, &Loaded);
  // It is mapped; no failure may leave the files behind.
  fs::remove_all(Folder);
  check(Status);
  const PackagePointer Owner(Loaded);
  dure_session_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.threads = ArgumentCount == 4 ? std::atoi(Arguments[3]) : 2;
  dure_session *Created = nullptr;
  check(dure_session_create(Loaded, &Options, &Created));
  const SessionPointer Session(Created);
  size_t Wrong = 0, Tokens = 0;
  for (const Prompt &Each : Prompts) {
    Wrong += countWrong(Created, Each);
    Tokens += Each.Tokens.size();
  }
  std::printf("%zu of %zu tokens of %zu prompts differ\n", Wrong, Tokens,
              Prompts.size());
  return Wrong == 0 ? 0 : 1;
}
