// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opening and exporting checkpoints.
#include "tools/dure/Checkpoints.h"

#include "runtime/base/Korean.h"
#include "tools/dure/Json.h"
#include "tools/io/File.h"

#include <filesystem>

namespace dure {
namespace {

/// Says all refusals, a line each; as JSON too, for programs.
void report(const Console &Out, const Options &O,
            const checkpoint::Refusals &Problems) {
  const auto Lang = Out.language() == Language::Korean
                        ? checkpoint::Language::Korean
                        : checkpoint::Language::English;
  std::string Text = Out.text(Message::CheckpointRefused,
                              {O.Path, std::to_string(Problems.list().size())});
  JsonWriter Json;
  Json.beginObject().member("written", false).key("refusals").beginArray();
  for (const checkpoint::Refusal &Each : Problems.list()) {
    Text += "\n  " + toString(Each, Lang);
    Json.beginObject()
        .member("code", codeName(Each.Code))
        .member("place", Each.Place)
        .member("reason", reasonOf(Each, Lang))
        .member("remedy", remedyOf(Each, Lang))
        .end();
  }
  Json.end().end();
  Out.fail(Text);
  if (O.Json)
    Out.printJson(Json.text() + "\n");
}

} // namespace

std::string localized(const Console &Out, const std::string &Text) {
  return Out.language() == Language::Korean ? inKorean(Text) : Text;
}

bool isCheckpoint(const std::string &Path) {
  std::error_code Ignored;
  if (std::filesystem::is_directory(Path, Ignored))
    return true;
  const io::Result<io::MappedFile> File = io::MappedFile::open(Path);
  if (!File || File->bytes().size() < 4)
    return false;
  return std::string_view(reinterpret_cast<const char *>(File->bytes().data()),
                          4) == "GGUF";
}

std::unique_ptr<checkpoint::Checkpoint> openCheckpoint(const Console &Out,
                                                       const Options &O) {
  LinkPolicy Links;
  Links.AllowLinks = O.AllowLinks;
  if (!O.LinksRoot.empty())
    Links.Root = O.LinksRoot;
  checkpoint::Refusals Problems;
  auto C = checkpoint::Checkpoint::open(O.Path, Links, Problems);
  if (!C)
    report(Out, O, Problems);
  return C;
}

std::optional<checkpoint::ExportedModel>
exportCheckpoint(const Console &Out, const Options &O,
                 const checkpoint::Checkpoint &C,
                 const checkpoint::ExportOptions &Settings) {
  checkpoint::Refusals Problems;
  auto M = checkpoint::exportModel(C, Settings, Problems);
  if (!M)
    report(Out, O, Problems);
  return M;
}

/// What text is made with. Of the configuration, no more than generating reads:
/// the rest is in the graph.
static std::vector<CarriedFile> textsOf(const checkpoint::Checkpoint &C) {
  std::vector<CarriedFile> Texts;
  for (const auto &[Name, File] : C.Texts)
    Texts.push_back({Name, std::string(File.text())});
  const char *Key = "max_position_embeddings";
  if (const checkpoint::Json *Most = C.Config.find(Key);
      Most && Most->integer())
    Texts.push_back({"config.json", JsonWriter()
                                        .beginObject()
                                        .member(Key, *Most->integer())
                                        .end()
                                        .text()});
  return Texts;
}

std::optional<PlacedGraph> placeGraph(const Console &Out, const Options &O,
                                      TemporaryFolder &Folder) {
  namespace fs = std::filesystem;
  const auto C = openCheckpoint(Out, O);
  if (!C)
    return std::nullopt;
  PlacedGraph Placed{O, {}, {}};
  if (!fs::is_directory(O.Path))
    Placed.Texts = textsOf(*C);
  for (const checkpoint::WeightFile &File : C->Files)
    Placed.Sources.Files.insert(C->Folder + "/" + File.Name);
  for (const std::string &Name : C->Looked)
    Placed.Sources.Looked.insert(C->Folder + "/" + Name);
  checkpoint::ExportOptions Settings;
  const auto M = exportCheckpoint(Out, O, *C, Settings);
  if (!M)
    return std::nullopt;
  for (const uint32_t File : M->Files) {
    const std::string &Name = C->Files[File].Name;
    const fs::path Link = Folder.announce(Name);
    std::error_code Error;
    fs::create_directories(Link.parent_path(), Error);
    fs::create_symlink(fs::absolute(C->Folder) / Name, Link, Error);
    if (Error) {
      Out.fail(Message::NoTemporaryFolder,
               {Folder.Place, io::systemError(Error.value(), Out.language())});
      return std::nullopt;
    }
  }
  checkpoint::WritePlan Plan;
  Plan.GraphPath = Folder.announce("model.onnx");
  // The links are there: nothing is to be copied.
  Plan.IsInPlace = true;
  if (!M->InDataFile.empty())
    Folder.announce(Settings.DataFile);
  checkpoint::WriteHooks Hooks;
  Hooks.Cancel = interruptFlag();
  const Status Written = writeModel(*C, *M, Plan, Settings.DataFile, Hooks);
  if (Written.code() == StatusCode::Cancelled)
    Out.failCancelled();
  else if (!Written.ok())
    Out.fail(localized(Out, Written.message()));
  if (!Written.ok())
    return std::nullopt;
  Placed.Model.Path = Plan.GraphPath;
  // Where they lead has been asked already.
  Placed.Model.AllowLinks = true;
  Placed.Model.LinksRoot.clear();
  return Placed;
}

} // namespace dure
