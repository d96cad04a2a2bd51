// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-greedy-test: decodes with the entry `step` of a trained model and
// compares the tokens with those that torch chose. smollm2.py, which writes the
// folder and runs this, describes both.
//
//   dure-greedy-test FOLDER [THREADS]
#include "test/onnx/CompiledModel.h"
#include "tools/io/Npy.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <dure/dure.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace dure;

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point Begin) {
  return std::chrono::duration<double>(Clock::now() - Begin).count();
}

/// Of this program alone: getrusage counts what was there before exec.
long peakMiB() {
  std::ifstream Status("/proc/self/status");
  for (std::string Line; std::getline(Status, Line);)
    if (Line.starts_with("VmHWM:"))
      return std::atol(Line.c_str() + sizeof("VmHWM:") - 1) / 1024;
  return 0;
}

[[noreturn]] void fail(const std::string &Message) {
  std::fprintf(stderr, "%s\n", Message.c_str());
  std::exit(1);
}

void check(dure_status *Status) {
  if (Status)
    fail(dure_status_message(Status));
}

std::vector<int64_t> readTokens(const std::string &Path) {
  io::Result<io::Tensor> Tensor = io::readNpy(Path);
  if (!Tensor)
    fail(Tensor.failure().text());
  if (Tensor->Type != io::ElementType::Int64)
    fail(Path + ": not int64");
  auto *Begin = reinterpret_cast<const int64_t *>(Tensor->Bytes.data());
  return {Begin, Begin + Tensor->Bytes.size() / sizeof(int64_t)};
}

void compile(const std::string &Model, const std::string &Path) {
  const dure_compiler_api *Compiler =
      modeltest::loadCompiler(DURE_TEST_LIBRARIES);
  if (!Compiler)
    std::exit(1);
  dure_compiler_model What = {};
  What.struct_size = sizeof(What);
  What.path = Model.c_str();
  dure_compiler_compile_request Request = {};
  Request.struct_size = sizeof(Request);
  Request.model = &What;
  Request.output_path = Path.c_str();
  const dure_compiler_result *Result = Compiler->compile(&Request);
  if (!Result || Result->status != DURE_COMPILER_OK)
    fail(Result ? Result->message : "no result");
  Compiler->release(Result);
}

/// One sequence, decoded token by token on a state.
class Decoder {
public:
  Decoder(dure_session *Session, int64_t Capacity) {
    check(dure_call_create(Session, "step", &Call));
    dure_state_options Options = {};
    Options.struct_size = sizeof(Options);
    Options.batch = 1;
    Options.capacity = Capacity;
    check(dure_state_create(Session, "step", &Options, &State));
    check(dure_call_bind_state(Call, State));
  }
  ~Decoder() {
    dure_call_destroy(Call);
    dure_state_destroy(State);
  }
  Decoder(const Decoder &) = delete;
  Decoder &operator=(const Decoder &) = delete;

  /// Appends Tokens to the sequence; the token that it takes to be the next.
  int64_t step(std::vector<int64_t> Tokens) {
    std::vector<int64_t> Positions(Tokens.size());
    for (int64_t &Position : Positions)
      Position = Length++;
    std::vector<int64_t> Mask(static_cast<size_t>(Length), 1);
    bind("input_ids", Tokens);
    bind("attention_mask", Mask);
    bind("position_ids", Positions);
    check(dure_call_run(Call, nullptr));
    dure_tensor Logits = {};
    Logits.struct_size = sizeof(Logits);
    check(dure_call_get_output(Call, 0, &Logits));
    if (Logits.type != DURE_TYPE_F32 || Logits.rank != 3 ||
        Logits.dims[1] != static_cast<int64_t>(Tokens.size()))
      fail("the output is not logits in f32");
    const int64_t Vocabulary = Logits.dims[2];
    const float *Last = static_cast<const float *>(Logits.data) +
                        (Logits.dims[1] - 1) * Vocabulary;
    return std::max_element(Last, Last + Vocabulary) - Last;
  }

private:
  void bind(const char *Name, std::vector<int64_t> &Values) {
    const int64_t Dims[] = {1, static_cast<int64_t>(Values.size())};
    dure_tensor Tensor = {};
    Tensor.struct_size = sizeof(Tensor);
    Tensor.type = DURE_TYPE_I64;
    Tensor.rank = 2;
    Tensor.dims = Dims;
    Tensor.data = Values.data();
    Tensor.size = Values.size() * sizeof(int64_t);
    check(dure_call_bind_input_by_name(Call, Name, &Tensor));
  }

  dure_call *Call = nullptr;
  dure_state *State = nullptr;
  int64_t Length = 0;
};

/// How many of Wanted come out, in a row from the first.
size_t decode(dure_session *Session, const std::vector<int64_t> &Prompt,
              const std::vector<int64_t> &Wanted) {
  Decoder Sequence(Session,
                   static_cast<int64_t>(Prompt.size() + Wanted.size()));
  Clock::time_point Begin = Clock::now();
  int64_t Token = Sequence.step(Prompt);
  const double Prefill = secondsSince(Begin);
  Begin = Clock::now();
  size_t Right = 0;
  while (Token == Wanted[Right] && ++Right != Wanted.size())
    Token = Sequence.step({Token});
  if (Right != Wanted.size())
    std::printf("Dure: token %zu is %ld, torch's is %ld\n", Right,
                static_cast<long>(Token), static_cast<long>(Wanted[Right]));
  else
    std::printf("Dure: prompt %.1f ms, %.1f ms per token\n", Prefill * 1e3,
                secondsSince(Begin) * 1e3 /
                    static_cast<double>(Wanted.size() - 1));
  return Right;
}

} // namespace

int main(int ArgumentCount, char **Arguments) {
  if (ArgumentCount != 2 && ArgumentCount != 3) {
    std::fprintf(stderr, "usage: dure-greedy-test FOLDER [THREADS]\n");
    return 2;
  }
  const std::string Folder = Arguments[1];
  const std::vector<int64_t> Prompt = readTokens(Folder + "/prompt.npy");
  const std::vector<int64_t> Wanted = readTokens(Folder + "/tokens.npy");
  if (Prompt.empty() || Wanted.size() < 2)
    fail(Folder + ": no prompt, or no tokens");
  const std::string Path = Folder + "/" + std::to_string(getpid()) + ".dure";
  Clock::time_point Begin = Clock::now();
  compile(Folder + "/model.onnx", Path);
  std::printf("Dure: compiled in %.1f s, peak memory %ld MiB\n",
              secondsSince(Begin), peakMiB());

  Begin = Clock::now();
  dure_package *Loaded = nullptr;
  dure_status *Status = dure_package_load(Path.c_str(), nullptr, &Loaded);
  // It is mapped; no failure may leave the file behind.
  std::filesystem::remove(Path);
  check(Status);
  const PackagePointer Package(Loaded);
  dure_session_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.threads = ArgumentCount == 3 ? std::atoi(Arguments[2]) : 2;
  dure_session *Created = nullptr;
  check(dure_session_create(Package.get(), &Options, &Created));
  const SessionPointer Session(Created);
  std::printf("Dure: loaded in %.1f s\n", secondsSince(Begin));
  size_t Right = decode(Session.get(), Prompt, Wanted);
  std::printf("Dure: %zu of %zu tokens equal torch's, peak memory %ld MiB\n",
              Right, Wanted.size(), peakMiB());
  if (Right != Wanted.size())
    return 1;
  // What came one by one, at once: the rest is the same.
  const auto Half = Wanted.begin() + static_cast<ptrdiff_t>(Wanted.size() / 2);
  std::vector<int64_t> Longer = Prompt;
  Longer.insert(Longer.end(), Wanted.begin(), Half);
  const std::vector<int64_t> Rest(Half, Wanted.end());
  Right = decode(Session.get(), Longer, Rest);
  std::printf("Dure: %zu of %zu tokens after a prompt of %zu\n", Right,
              Rest.size(), Longer.size());
  return Right == Rest.size() ? 0 : 1;
}
