// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels in a target's text form.
#include "compiler/KernelTexts.h"

#include "compiler/Messages.h"
#include "compiler/Pipeline.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace dure;

namespace path = llvm::sys::path;

/// The one of that name; null, and what to say, where there is none.
template <typename T>
static const T *named(const std::vector<T> &All, const std::string &Name,
                      const Target &Of, bool Korean, Say Unknown, Say None,
                      std::string &Error) {
  std::string Names;
  for (const T &Each : All) {
    if (Each.Name == Name)
      return &Each;
    Names += (Names.empty() ? "" : ", ") + Each.Name;
  }
  Error = Names.empty() ? say(Korean, None, {Name, Of.name().str()})
                        : say(Korean, Unknown, {Name, Of.name().str(), Names});
  return nullptr;
}

bool dure::findTextForm(const CompilationRequest &Request, const Target &T,
                        CompilationReport &Report, TextForm &Form,
                        std::string &Error) {
  const bool Korean = Request.Korean;
  std::string Wanted = Request.Emit;
  const std::vector<Oracle> Oracles = T.oracles();
  const Oracle *Tool = nullptr;
  if (!Request.Oracle.empty()) {
    Tool = named(Oracles, Request.Oracle, T, Korean, Say::UnknownOracle,
                 Say::NoOracle, Error);
    if (!Tool)
      return false;
    Wanted = Tool->Form;
  }
  const std::vector<TextForm> Forms = T.textForms();
  const TextForm *Found = named(Forms, Wanted, T, Korean, Say::UnknownTextForm,
                                Say::NoTextForm, Error);
  if (!Found)
    return false;
  Form = *Found;
  Report.TextForm = Form.Name;
  if (Tool)
    Report.Oracle =
        OracleReport{Tool->Name,     Tool->Variable,
                     Form.Extension, inLanguage(Korean, Tool->Remedy, &T),
                     Tool->Model,    Tool->Arguments};
  return true;
}

/// Names of what a dispatch function computes, each once.
static std::vector<std::string> opsOf(func::FuncOp Dispatch) {
  std::vector<std::string> Names;
  for (Operation &Op : Dispatch.getBody().front().without_terminator()) {
    std::string Name = Op.getName().stripDialect().str();
    if (!isa<ConstantOp>(Op) && !llvm::is_contained(Names, Name))
      Names.push_back(Name);
  }
  return Names;
}

LogicalResult dure::addKernelTexts(ModuleOp Formed, const Target &T,
                                   const CompilationRequest &Request,
                                   CompilationReport &Report) {
  llvm::StringMap<std::string> Places;
  Formed.walk([&](CallDispatchOp Op) {
    Places.try_emplace(Op.getCallee(), Op.getTarget().str());
  });
  std::optional<Oracle> Tool;
  for (const Oracle &Each : T.oracles())
    if (Each.Name == Request.Oracle)
      Tool = Each;
  for (auto Function : Formed.getOps<func::FuncOp>()) {
    if (!Function->hasAttr(DureDialect::DispatchFnAttr))
      continue;
    KernelReport About;
    About.Name = Function.getSymName().str();
    About.Target = Places.lookup(About.Name);
    About.Ops = opsOf(Function);
    auto Text = T.kernelText(Report.TextForm, Function);
    if (auto *Why = std::get_if<Unsupported>(&Text)) {
      About.Code = Why->Code;
      About.Reason = inLanguage(Request.Korean, Why->Reason, &T);
      About.Remedy = inLanguage(Request.Korean, Why->Remedy, &T);
    } else {
      About.Text = std::move(std::get<std::string>(Text));
    }
    if (Tool && About.Target == T.name()) {
      FailureOr<int64_t> Cycles = T.cyclesBy(*Tool, Function);
      if (failed(Cycles))
        return failure();
      About.Cycles = *Cycles;
    }
    Report.Kernels.push_back(std::move(About));
  }
  return success();
}

bool dure::textFiles(const std::string &Output, const TextForm &Form,
                     const CompilationReport &Report, TextFiles &Out,
                     std::string &Error) {
  if (Output.empty())
    return true;
  const bool IsFolder =
      Output.back() == '/' || llvm::sys::fs::is_directory(Output);
  if (IsFolder)
    if (std::error_code Code = llvm::sys::fs::create_directories(Output)) {
      Error = Code.message();
      return false;
    }
  std::string All;
  for (const KernelReport &Each : Report.Kernels) {
    if (Each.Text.empty())
      continue;
    if (!IsFolder) {
      All += (All.empty() ? "" : "\n") + Each.Text;
      continue;
    }
    llvm::SmallString<256> Path(Output);
    path::append(Path, Each.Name + Form.Extension);
    Out.emplace_back(std::string(Path), Each.Text);
  }
  if (!IsFolder)
    Out.emplace_back(Output, std::move(All));
  return true;
}
