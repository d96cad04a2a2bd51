// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Fuzzes where a model says that its weights are: whatever is written there, no
// byte is read that lies outside of what the links policy admits.
//
// An input is a byte that chooses the policy, and then location, offset and
// length, with newlines between them. They become the entries of a model's one
// weight, and the location is asked of the folder directly, too.
#include "frontends/onnx/ModelFile.h"
#include "runtime/io/SafeFile.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>

using namespace dure;
namespace fs = std::filesystem;

namespace {

constexpr size_t FileBytes = 8192, WeightBytes = 16;

/// Folders with everything that leads out of a folder. Files inside hold 'i',
/// those that links may lead to 'l', one with a second name inside 'h', all
/// others 'o'.
class Folders {
public:
  Folders() {
    std::string Pattern = (fs::temp_directory_path() / "dure-fuzz-XXXXXX");
    if (!::mkdtemp(Pattern.data()))
      std::abort();
    Base = Pattern;
    for (const char *Name : {"model/sub/deep", "linked/sub", "outside"})
      fs::create_directories(Base / Name);
    for (const char *Name : {"model/w", "model/sub/w", "model/sub/deep/w"})
      fill(Name, 'i');
    for (const char *Name : {"linked/w", "linked/sub/w"})
      fill(Name, 'l');
    for (const char *Name : {"outside/w", "w"})
      fill(Name, 'o');
    fill("outside/h", 'h');
    fs::create_symlink("../linked/w", Base / "model/good");
    fs::create_symlink("../linked", Base / "model/goods");
    fs::create_symlink("../outside/w", Base / "model/bad");
    fs::create_symlink("../outside", Base / "model/bads");
    fs::create_symlink("..", Base / "model/up");
    fs::create_symlink("/", Base / "model/root");
    fs::create_symlink("loop", Base / "model/loop");
    fs::create_symlink("bad", Base / "model/chain");
    fs::create_symlink("../outside", Base / "linked/bads");
    fs::create_hard_link(Base / "outside/h", Base / "model/hard");
    if (::mkfifo((Base / "model/fifo").c_str(), 0600) != 0)
      std::abort();
  }
  ~Folders() {
    std::error_code Ignored;
    fs::remove_all(Base, Ignored);
  }

  std::string model() const { return Base / "model"; }
  std::string linked() const { return Base / "linked"; }

private:
  void fill(const char *Name, char Byte) {
    std::ofstream(Base / Name) << std::string(FileBytes, Byte);
  }

  fs::path Base;
};

void addVarint(std::string &Out, uint64_t Value) {
  for (; Value >= 0x80; Value >>= 7)
    Out += char(Value | 0x80);
  Out += char(Value);
}

std::string number(unsigned Field, uint64_t Value) {
  std::string Out;
  addVarint(Out, Field << 3);
  addVarint(Out, Value);
  return Out;
}

std::string bytes(unsigned Field, std::string_view Value) {
  std::string Out;
  addVarint(Out, Field << 3 | 2);
  addVarint(Out, Value.size());
  return Out.append(Value);
}

/// A model whose one weight of four floats has these entries.
std::string modelWith(std::string_view Location, std::string_view Offset,
                      std::string_view Length) {
  std::string Tensor =
      number(1, WeightBytes / 4) + number(2, 1) + bytes(8, "w") + number(14, 1);
  auto Add = [&](std::string_view Key, std::string_view Value) {
    Tensor += bytes(13, bytes(1, Key) + bytes(2, Value));
  };
  Add("location", Location);
  if (!Offset.empty())
    Add("offset", Offset);
  if (!Length.empty())
    Add("length", Length);
  const std::string Type = number(1, 1) + bytes(2, bytes(1, number(1, 4)));
  const std::string Output = bytes(1, "w") + bytes(2, bytes(1, Type));
  const std::string Graph =
      bytes(2, "graph") + bytes(5, Tensor) + bytes(12, Output);
  return number(1, 9) + bytes(7, Graph) +
         bytes(8, bytes(1, "") + number(2, 20));
}

/// Aborts when a byte is one that the policy keeps out.
void checkBytes(std::string_view Bytes, const LinkPolicy &Policy) {
  const std::string_view Admitted = Policy.AllowLinks ? "ilh" : "i";
  if (Bytes.find_first_not_of(Admitted) != Bytes.npos)
    std::abort();
}

std::string_view nextLine(std::string_view &Rest) {
  const size_t End = std::min(Rest.find('\n'), Rest.size());
  std::string_view Line = Rest.substr(0, End);
  Rest.remove_prefix(std::min(End + 1, Rest.size()));
  return Line;
}

/// What the folder gives for a name that came from elsewhere.
void askFolder(const std::string &Model, std::string_view Location,
               const LinkPolicy &Policy) {
  Result<SafeFolder> Folder = SafeFolder::open(Model, Policy);
  if (!Folder)
    std::abort();
  if (Result<MappedFile> File = Folder->map(std::string(Location)))
    checkBytes({reinterpret_cast<const char *>(File->data()), File->size()},
               Policy);
  else if (File.status().message().empty())
    std::abort();
}

/// What a model is given for its weight.
void readModelFile(const std::string &Path, const LinkPolicy &Policy) {
  std::optional<onnx::Refusal> Error;
  std::unique_ptr<onnx::ModelFile> File =
      onnx::ModelFile::open(Path, Policy, {}, Error);
  if (!File) {
    if (!Error)
      std::abort();
    toString(*Error, onnx::Language::Korean);
    return;
  }
  for (const onnx::Tensor &T : File->model().Main.Initializers) {
    if (T.Kind != onnx::Tensor::Storage::File ||
        File->bytes(T).size() != WeightBytes)
      std::abort();
    checkBytes(File->bytes(T), Policy);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *Data, size_t Size) {
  static const Folders Places;
  if (Size == 0)
    return 0;
  LinkPolicy Policy;
  Policy.AllowLinks = Data[0] % 2 == 1;
  Policy.Root = Places.linked();
  std::string_view Rest(reinterpret_cast<const char *>(Data) + 1, Size - 1);
  const std::string_view Location = nextLine(Rest), Offset = nextLine(Rest);
  askFolder(Places.model(), Location, Policy);

  // No location has this name: the model's own bytes are no secret.
  const std::string Path = Places.model() + "/model\n.onnx";
  std::ofstream(Path, std::ios::binary)
      << modelWith(Location, Offset, nextLine(Rest));
  readModelFile(Path, Policy);
  fs::remove(Path);
  return 0;
}
