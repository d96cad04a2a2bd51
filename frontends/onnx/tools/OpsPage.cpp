// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which types an operator is tested with, and the page that says so.
#include "frontends/onnx/tools/OpsPage.h"

#include "frontends/onnx/Importer.h"
#include "frontends/onnx/ModelFile.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

using namespace llvm;

namespace dure::onnx {
namespace {

/// Of the first input and the first output.
using Types = std::pair<DataType, DataType>;

struct OpTypes {
  std::string Op; ///< With its domain, if that is not the default one.
  Types T;
  bool operator<(const OpTypes &Other) const {
    return std::tie(Op, T) < std::tie(Other.Op, Other.T);
  }
};
using TestsByTypes = std::map<OpTypes, std::set<std::string>>;

std::string fullName(StringRef Domain, StringRef Name) {
  return Domain.empty() ? Name.str() : (Domain + "." + Name).str();
}

std::optional<DataType> findType(StringRef Name) {
  for (int Code = 1; Code <= static_cast<int>(DataType::Int2); ++Code)
    if (StringRef(typeName(static_cast<DataType>(Code))) == Name)
      return static_cast<DataType>(Code);
  return std::nullopt;
}

/// The type of the tensor NAME; none of what is no tensor.
std::optional<DataType> typeOf(const Graph &G, std::string_view Name) {
  for (const auto *Infos : {&G.Inputs, &G.Outputs})
    for (const ValueInfo &Info : *Infos)
      if (Info.Name == Name && Info.Type.Category == TypeInfo::Kind::Tensor)
        return Info.Type.Element;
  for (const Tensor &T : G.Initializers)
    if (T.Name == Name)
      return T.Type;
  return std::nullopt;
}

/// The types of the nodes of a model whose nodes are all of one operator,
/// constants aside.
std::vector<OpTypes> soleOp(const Graph &G) {
  std::vector<OpTypes> All;
  for (const Node &N : G.Nodes) {
    if (N.OpType == "Constant" && G.Nodes.size() > 1)
      continue;
    const std::string Op = fullName(N.Domain, N.OpType);
    if (N.Outputs.empty() || (!All.empty() && All.front().Op != Op))
      return {};
    const std::optional<DataType> Out = typeOf(G, N.Outputs.front());
    const std::optional<DataType> In =
        N.Inputs.empty() ? Out : typeOf(G, N.Inputs.front());
    if (!In || !Out)
      return {};
    All.push_back({Op, {*In, *Out}});
  }
  return All;
}

bool fail(const Twine &Message) {
  errs() << "onnx-import: " << Message << "\n";
  return false;
}

bool collect(const std::string &Folder, TestsByTypes &Tests) {
  namespace fs = std::filesystem;
  std::error_code Failure;
  fs::recursive_directory_iterator Iterator(Folder, Failure), End;
  for (; !Failure && Iterator != End; Iterator.increment(Failure)) {
    if (Iterator->path().filename() != "model.onnx")
      continue;
    std::optional<Refusal> Unread;
    const std::unique_ptr<ModelFile> File =
        ModelFile::open(Iterator->path().string(), {}, {}, Unread);
    if (!File)
      continue;
    for (const OpTypes &Each : soleOp(File->model().Main))
      Tests[Each].insert(Iterator->path().parent_path().filename().string());
  }
  return !Failure || fail(Folder + ": " + Failure.message());
}

std::string typeText(const Types &T, StringRef Arrow) {
  std::string Text(typeName(T.first));
  if (T.first != T.second)
    Text += Arrow.str() + std::string(typeName(T.second));
  return Text;
}

/// Calls FUNCTION with the lines of PATH that are neither empty nor comments.
bool forEachLine(const std::string &Path,
                 function_ref<bool(StringRef)> Function) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> Buffer = MemoryBuffer::getFile(Path);
  if (!Buffer)
    return fail(Path + ": " + Buffer.getError().message());
  SmallVector<StringRef> Lines;
  (*Buffer)->getBuffer().split(Lines, '\n');
  for (StringRef Line : Lines) {
    Line = Line.trim();
    if (!Line.empty() && !Line.starts_with("#") && !Function(Line))
      return fail(Path + ": not a line of this list: " + Line);
  }
  return true;
}

bool readTypes(const std::string &Path, TestsByTypes &Tests) {
  return forEachLine(Path, [&](StringRef Line) {
    auto [Head, Names] = Line.split(": ");
    auto [Op, Text] = Head.split(' ');
    auto [From, To] = Text.split("->");
    const std::optional<DataType> In = findType(From);
    const std::optional<DataType> Out = To.empty() ? In : findType(To);
    if (!In || !Out || Names.empty())
      return false;
    std::set<std::string> &Entry = Tests[{Op.str(), {*In, *Out}}];
    for (StringRef Name : split(Names, ' '))
      Entry.insert(Name.str());
    return true;
  });
}

/// "float32, int8; float32, int32 → bool": inputs that have the same outputs
/// stand together.
std::string groupedText(const std::set<Types> &All) {
  std::map<DataType, std::vector<DataType>> Outs;
  for (const Types &T : All)
    Outs[T.first].push_back(T.second);
  // What keeps its type, and what gives others.
  std::vector<std::string> Kept;
  std::vector<std::pair<std::vector<DataType>, std::vector<std::string>>>
      Groups;
  for (const auto &[In, Each] : Outs) {
    if (Each.size() == 1 && Each.front() == In) {
      Kept.emplace_back(typeName(In));
      continue;
    }
    auto Found = find_if(Groups, [&](auto &G) { return G.first == Each; });
    if (Found == Groups.end())
      Found = Groups.insert(Groups.end(), {Each, {}});
    Found->second.emplace_back(typeName(In));
  }
  std::vector<std::string> Parts;
  if (!Kept.empty())
    Parts.push_back(join(Kept, ", "));
  for (const auto &[To, From] : Groups) {
    std::vector<std::string> Names;
    for (DataType Type : To)
      Names.emplace_back(typeName(Type));
    Parts.push_back(join(From, ", ") + " → " + join(Names, ", "));
  }
  return join(Parts, "; ");
}

struct TargetTests {
  std::string Name;
  std::set<std::string> NotPassed;
};

/// The table's cell: what runs on every target, and what on one of them alone.
std::string typesCell(const std::string &Op, const TestsByTypes &Tests,
                      ArrayRef<TargetTests> Targets) {
  std::map<std::vector<std::string>, std::set<Types>> ByTargets;
  for (const auto &[Each, Names] : Tests) {
    if (Each.Op != Op)
      continue;
    std::vector<std::string> On;
    for (const TargetTests &Target : Targets)
      if (any_of(Names, [&](const std::string &Name) {
            return !Target.NotPassed.count(Name);
          }))
        On.push_back(Target.Name);
    ByTargets[On].insert(Each.T);
  }
  std::vector<std::string> Parts;
  for (const auto &[On, All] : ByTargets)
    if (On.size() == Targets.size())
      Parts.insert(Parts.begin(), groupedText(All));
    else if (!On.empty())
      Parts.push_back(join(On, ", ") + " alone: " + groupedText(All));
  return join(Parts, "<br>");
}

} // namespace

bool printNodeTypes(ArrayRef<std::string> Folders, raw_ostream &OS) {
  TestsByTypes Tests;
  for (const std::string &Folder : Folders)
    if (!collect(Folder, Tests))
      return false;
  OS << "# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n"
        "# Generated by `onnx-import --node-types`; a test compares. The types "
        "of an\n"
        "# operator's first input and output, and the tests of them.\n";
  for (const auto &[Each, Names] : Tests)
    OS << Each.Op << " " << typeText(Each.T, "->") << ": " << join(Names, " ")
       << "\n";
  return true;
}

bool printOpsPage(const std::string &TypesPath, ArrayRef<std::string> Expected,
                  raw_ostream &OS) {
  TestsByTypes Tests;
  if (!readTypes(TypesPath, Tests))
    return false;
  std::vector<TargetTests> Targets;
  for (StringRef Each : Expected) {
    auto [Target, Path] = Each.split('=');
    TargetTests &T = Targets.emplace_back();
    T.Name = Target.str();
    if (!forEachLine(Path.str(), [&](StringRef Line) {
          return T.NotPassed.insert(Line.split(' ').first.str()).second;
        }))
      return false;
  }
  OS << "<!-- Generated by `onnx-import --page=ops`. Do not edit: a test "
        "compares the two. -->\n"
        "<!-- SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception -->\n"
        "# Supported operators\n\n"
        "Each version of an operator serves the opsets up to its next one. A "
        "form that an\nimporter does not take is refused by name "
        "([refusals](refusals.md)).\n\n"
        "Types are those of the first input, and of the first output where it "
        "has another, with\nwhich tests run the operator by itself: ONNX's "
        "node "
        "tests and those of\n[test/models](../test/models/README.md). Every "
        "target passes them but for what is marked\n(";
  interleaveComma(Targets, OS, [&](const TargetTests &T) { OS << T.Name; });
  OS << "). Other types may well work: `dure explain` says it of a model.\n\n"
        "| domain | operator | versions | types |\n|---|---|---|---|\n";
  size_t Count = 0;
  for (const SupportedOp &Op : supportedOps()) {
    OS << "| " << (Op.Domain.empty() ? "ai.onnx" : Op.Domain) << " | "
       << Op.Name << " | ";
    interleaveComma(Op.Since, OS);
    if (Op.RemovedIn != 0)
      OS << ", until " << Op.RemovedIn - 1;
    OS << " | " << typesCell(fullName(Op.Domain, Op.Name), Tests, Targets)
       << " |\n";
    ++Count;
  }
  OS << "\n" << Count << " operators.\n";
  return true;
}

} // namespace dure::onnx
