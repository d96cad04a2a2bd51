// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure-greedy-test: decodes with the entry `step` of a trained model and
// compares the tokens with those that torch chose. smollm2.py, which writes the
// folder and runs this, describes both.
//
//   dure-greedy-test FOLDER [THREADS]
#include "test/models/GreedyDecoder.h"
#include "tools/io/Npy.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace dure;
using namespace dure::greedytest;

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

std::vector<int64_t> readTokens(const std::string &Path) {
  io::Result<io::Tensor> Tensor = io::readNpy(Path);
  if (!Tensor)
    fail(Tensor.failure().text());
  if (Tensor->Type != io::ElementType::Int64)
    fail(Path + ": not int64");
  auto *Begin = reinterpret_cast<const int64_t *>(Tensor->Bytes.data());
  return {Begin, Begin + Tensor->Bytes.size() / sizeof(int64_t)};
}

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
