// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a model to a package.
#include "compiler/Compilation.h"

#include "compiler/KernelTexts.h"
#include "compiler/Pipeline.h"
#include "compiler/package/Packaging.h"
#include "compiler/package/ProgramText.h"
#include "runtime/io/SafeFile.h"
#include "runtime/package/PackageWriter.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace dure;

namespace {

/// The steps of one `compile` call.
class Compiler : public Pipeline {
public:
  using Pipeline::Pipeline;
  bool compile();

private:
  bool runShared();
  bool runTarget(const Target &T, const std::vector<TargetVariant> &Variants);
  bool stop(const std::string &Text);
  bool checkStop();
  bool lower(ModuleOp Placed, const Target &T,
             const std::vector<TargetVariant> &Variants);
  bool checkTexts();
  bool writeTexts(ModuleOp Formed, const Target &T);
  bool writePackageFile();
  bool saveText(ModuleOp At, StringRef Name);
  Status beforeCommit(uint64_t Bytes);
  bool checkOutputs(std::vector<std::string> Outputs);
  Status writeAll(const TextFiles &Wanted);

  dure::Package Content;
  TextForm Form;
};

} // namespace

static Status
writeFileAtomically(const std::string &Path, const std::string &Text,
                    const std::function<Status()> &BeforeCommit = nullptr) {
  Result<AtomicFile> File = AtomicFile::create(Path);
  if (!File.ok())
    return File.status();
  if (Status Written = File->write(Text.data(), Text.size()); !Written.ok())
    return Written;
  if (BeforeCommit)
    if (Status Ready = BeforeCommit(); !Ready.ok())
      return Ready;
  return File->commit();
}

static std::string textOf(ModuleOp At) {
  std::string Text;
  llvm::raw_string_ostream Out(Text);
  At.print(Out, OpPrintingFlags().enableDebugInfo());
  Out << "\n";
  return Text;
}

/// Writes a phase's result as the output; the compilation ends well, and here.
bool Compiler::stop(const std::string &Text) {
  Status Written = writeFileAtomically(
      Request.OutputPath, Text, [&] { return beforeCommit(Text.size()); });
  if (!Written.ok())
    return fail(Outcome::Failed, inRequestedLanguage(Written.message()));
  return false;
}

Status Compiler::beforeCommit(uint64_t Bytes) {
  Report.Output = Request.OutputPath;
  Report.OutputBytes = Bytes;
  std::string Error;
  if (Request.BeforeCommit && !Request.BeforeCommit(Report, Error))
    return Status(StatusCode::Unavailable, Error);
  return Status::success();
}

bool Compiler::saveText(ModuleOp At, StringRef Name) {
  if (Request.SaveTemps.empty())
    return true;
  llvm::SmallString<256> Path(Request.SaveTemps);
  llvm::sys::path::append(Path, Name + ".mlir");
  std::string Text;
  llvm::raw_string_ostream Out(Text);
  At.print(Out);
  Status Written = writeFileAtomically(std::string(Path), Text);
  return Written.ok() ||
         fail(Outcome::Failed, inRequestedLanguage(Written.message()));
}

/// A phase that each target has a module of can be stopped after for one only.
bool Compiler::checkStop() {
  std::optional<Phase> After = phaseNamed(Request.StopAfter);
  if (!After || Targets.size() == 1 || *After < Phase::Raise)
    return true;
  bool Shared =
      *After == Phase::Raise && llvm::all_of(Targets, [&](const Target *Each) {
        return Each->wantsRaised() == Targets[0]->wantsRaised();
      });
  return Shared || fail(Outcome::InvalidRequest, Say::StopNeedsOneTarget,
                        {Request.StopAfter});
}

/// Simplify and raise.
bool Compiler::runShared() {
  countWeights();
  for (Phase P : {Phase::Import, Phase::Simplify, Phase::Raise}) {
    bool Ok =
        isDone(P) || (P == Phase::Raise ? raise() : run(P, *Module, nullptr));
    if (!Ok || !saveText(*Module, std::to_string(static_cast<int>(P)) + "-" +
                                      phaseName(P).str()))
      return false;
    if (stopsAfter(P))
      return stop(textOf(*Module));
  }
  return checkDims() && checkBuckets();
}

/// The phases of one target, on a clone.
bool Compiler::runTarget(const Target &T,
                         const std::vector<TargetVariant> &Variants) {
  OwningOpRef<ModuleOp> Clone = raisedFor(T).clone();
  for (Phase P : {Phase::Specialize, Phase::Place, Phase::Quantize,
                  Phase::FormDispatches}) {
    if (!isDone(P) && !run(P, *Clone, &T))
      return false;
    if (!saveText(*Clone, std::to_string(static_cast<int>(P)) + "-" +
                              phaseName(P).str() + "." + T.name().str()))
      return false;
    if (stopsAfter(P))
      return stop(textOf(*Clone));
  }
  return asksForTexts(Request) ? writeTexts(*Clone, T)
                               : lower(*Clone, T, Variants);
}

/// Kernels as text come of one target that has the form, and are the end.
bool Compiler::checkTexts() {
  if (!asksForTexts(Request))
    return true;
  const std::string Option = Request.Oracle.empty()
                                 ? "--emit " + Request.Emit
                                 : "--oracle " + Request.Oracle;
  if (Targets.size() != 1)
    return fail(Outcome::InvalidRequest, Say::TextsNeedOneTarget, {Option});
  if (!Request.StopAfter.empty())
    return fail(Outcome::InvalidRequest, Say::TextsNoStop, {Option});
  std::string Error;
  return findTextForm(Request, *Targets.front(), Report, Form, Error) ||
         fail(Outcome::InvalidRequest, Error);
}

/// Writes them and ends the compilation.
bool Compiler::writeTexts(ModuleOp Formed, const Target &T) {
  if (!begin("emit"))
    return false;
  if (failed(addKernelTexts(Formed, T, Request, Report)))
    return fail(Outcome::Failed, takeDiagnostics());
  end("emit");
  if (llvm::all_of(Report.Kernels, [](const KernelReport &Each) {
        return Each.Text.empty();
      })) {
    std::string Message =
        say(Request.Korean, Say::NoKernelText, {Report.TextForm});
    for (const KernelReport &Each : Report.Kernels)
      Message += "\n" + Each.Name + ": " + Each.Reason + " [" + Each.Code +
                 "] " + Each.Remedy;
    return fail(Outcome::Refused, Message);
  }
  TextFiles Wanted;
  std::string Error;
  if (!textFiles(Request.OutputPath, Form, Report, Wanted, Error))
    return fail(Outcome::Failed, Say::CannotMakeFolder,
                {Request.OutputPath, inRequestedLanguage(Error)});
  std::vector<std::string> Paths;
  for (const auto &[Path, Text] : Wanted)
    Paths.push_back(Path);
  if (!checkOutputs(Paths))
    return false;
  if (Status Written = writeAll(Wanted); !Written.ok())
    return fail(Outcome::Failed, inRequestedLanguage(Written.message()));
  return false;
}

/// All of the files or none.
Status Compiler::writeAll(const TextFiles &Wanted) {
  uint64_t Bytes = 0;
  for (const auto &[Path, Text] : Wanted)
    Bytes += Text.size();
  if (Wanted.empty())
    return beforeCommit(Bytes);
  for (size_t I = 0; I < Wanted.size(); ++I) {
    const auto &[Path, Text] = Wanted[I];
    Status Written = writeFileAtomically(Path, Text, [&] {
      return I == 0 ? beforeCommit(Bytes) : Status::success();
    });
    if (Written.ok())
      continue;
    for (size_t J = 0; J < I; ++J)
      llvm::sys::fs::remove(Wanted[J].first);
    return Written;
  }
  return Status::success();
}

bool Compiler::lower(ModuleOp Placed, const Target &T,
                     const std::vector<TargetVariant> &Variants) {
  if (!begin("lower"))
    return false;
  TargetReport About = aboutDispatches(Placed, T);
  LowerOptions Options;
  Options.Variants = Variants;
  if (Fallback != &T)
    Options.Fallback = Fallback;
  Options.FallbackVariants = FallbackVariants;
  Options.SaveTemps = Request.SaveTemps;
  Options.Threads = Request.Threads;
  Options.Cancelled = [this] { return cancelled(); };
  size_t Before = Content.Variants.size();
  if (failed(lowerToPackage(Placed, T, Options, Content, About.Variants)))
    return cancelled() ? fail(Outcome::Cancelled, Say::Cancelled, {"lower"})
                       : fail(Outcome::Failed, takeDiagnostics());
  end("lower");
  if (Report.Targets.empty())
    Report.PeakTransient = About.Transient;
  Report.Targets.push_back(std::move(About));
  std::string Programs;
  for (size_t I = Before; I < Content.Variants.size(); ++I)
    Programs += programsAsText(Content, Content.Variants[I]);
  printAfter(Phase::Lower, Programs);
  return !stopsAfter(Phase::Lower) || stop(Programs);
}

bool Compiler::writePackageFile() {
  if (!begin("package"))
    return false;
  FailureOr<std::string> Folder = setModelFiles(*Module, Content);
  if (failed(Folder))
    return fail(Outcome::Failed, takeDiagnostics());
  Content.Producer = "Dure";
  for (const auto &[Name, Bytes] : Request.Files)
    Content.Assets.push_back({Name, Bytes});
  Content.ModelName =
      llvm::sys::path::stem(llvm::sys::path::filename(Request.ModelPath)).str();
  PackageWriteOptions Options;
  Options.ModelFolder = *Folder;
  Options.EmbedWeights = Request.EmbedWeights;
  Options.AllowLinks = Request.AllowLinks;
  Options.LinksRoot = Request.LinksRoot;
  Options.Cancel = Request.Cancel;
  if (Request.Progress)
    Options.Progress = [this](uint64_t Done, uint64_t Total) {
      double Part = Total ? double(Done) / double(Total) : 1;
      Request.Progress("package", 0.9 + 0.1 * Part);
    };
  Options.BeforeCommit = [this](uint64_t Bytes) {
    end("package");
    return beforeCommit(Bytes);
  };
  Status Written = dure::writePackage(Content, Request.OutputPath, Options);
  if (!Written.ok())
    return fail(Written.code() == StatusCode::Cancelled ? Outcome::Cancelled
                                                        : Outcome::Failed,
                inRequestedLanguage(Written.message()));
  return true;
}

/// Notes what the model was read from, and refuses to write over it, by
/// whatever name.
bool Compiler::checkOutputs(std::vector<std::string> Outputs) {
  auto Files = (*Module)->getAttrOfType<ArrayAttr>(DureDialect::FilesAttr);
  Outputs.insert(Outputs.end(), Request.OtherOutputs.begin(),
                 Request.OtherOutputs.end());
  if (Files)
    for (StringRef File : Files.getAsValueRange<StringAttr>())
      Report.Files.push_back(File.str());
  for (const std::string &File : Report.Files)
    for (const std::string &Output : Outputs) {
      bool Same = false;
      if (!llvm::sys::fs::equivalent(File, Output, Same) && Same)
        return fail(Outcome::InvalidRequest, Say::OutputIsModel,
                    {Output, File});
    }
  return true;
}

bool Compiler::compile() {
  if (!findTargets())
    return false;
  if (!Request.SaveTemps.empty())
    if (std::error_code Code =
            llvm::sys::fs::create_directories(Request.SaveTemps))
      return fail(Outcome::Failed, Say::CannotMakeFolder,
                  {Request.SaveTemps, inRequestedLanguage(Code.message())});
  if (!checkStop() || !checkTexts() || !loadModule() ||
      !checkOutputs({Request.OutputPath}) || !runShared())
    return false;
  for (size_t I = 0; I < Targets.size(); ++I)
    if (!runTarget(*Targets[I], Variants[I]))
      return false;
  return writePackageFile();
}

CompilationReport dure::compileModel(const CompilationRequest &Request) {
  CompilationReport Report;
  Compiler Worker(Request, Report);
  Worker.compile();
  return Report;
}
