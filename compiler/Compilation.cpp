// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a model to a package.
#include "compiler/Compilation.h"

#include "compiler/Pipeline.h"
#include "compiler/package/Packaging.h"
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
  bool runTarget(const Target &T);
  bool stop(ModuleOp At, Phase P);
  bool writePackageFile();
  void countWeights();
  bool saveText(ModuleOp At, StringRef Name);
  Status beforeCommit(uint64_t Bytes);
  bool checkOutputs();

  dure::Package Content;
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

/// Writes the IR as the output; the compilation ends well, and here.
bool Compiler::stop(ModuleOp At, Phase P) {
  std::string Text;
  llvm::raw_string_ostream Out(Text);
  At.print(Out, OpPrintingFlags().enableDebugInfo());
  Out << "\n";
  Status Written = writeFileAtomically(
      Request.OutputPath, Text, [&] { return beforeCommit(Text.size()); });
  if (!Written.ok())
    return fail(Outcome::Failed, Written.message());
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
  return Written.ok() || fail(Outcome::Failed, Written.message());
}

void Compiler::countWeights() {
  uint64_t Parameters = 0, Bytes = 0;
  for (auto Weight : Module->getOps<WeightOp>()) {
    Parameters += Weight.getData().getType().getNumElements();
    Bytes += Weight.getData().getSize();
  }
  Report.Parameters = Parameters;
  Report.WeightBytes = Bytes;
}

/// Simplify and raise, which all targets share.
bool Compiler::runShared() {
  for (Phase P : {Phase::Import, Phase::Simplify, Phase::Raise}) {
    if (P != Phase::Import && !isDone(P) && !run(P, *Module, nullptr))
      return false;
    if (P == Phase::Import)
      countWeights();
    if (!saveText(*Module, std::to_string(static_cast<int>(P)) + "-" +
                               phaseName(P).str()))
      return false;
    if (stopsAfter(P))
      return stop(*Module, P);
  }
  return true;
}

/// The phases of one target, on a clone.
bool Compiler::runTarget(const Target &T) {
  OwningOpRef<ModuleOp> Clone = Module->clone();
  for (Phase P : {Phase::Place, Phase::Quantize, Phase::Specialize,
                  Phase::FormDispatches}) {
    if (!isDone(P) && !run(P, *Clone, &T))
      return false;
    if (!saveText(*Clone, std::to_string(static_cast<int>(P)) + "-" +
                              phaseName(P).str() + "." + T.name().str()))
      return false;
    if (stopsAfter(P))
      return stop(*Clone, P);
  }

  if (!begin("lower"))
    return false;
  TargetReport About;
  About.Name = T.name().str();
  for (auto Function : Clone->getOps<func::FuncOp>())
    About.Functions += Function->hasAttr(DureDialect::DispatchFnAttr);
  Clone->walk([&](CallDispatchOp Op) {
    ++About.Dispatches;
    About.FallbackOps += Op.getTarget() != T.name();
  });
  LowerOptions Options;
  Options.VariantNames = Request.Cpus;
  Options.SaveTemps = Request.SaveTemps;
  Options.Threads = Request.Threads;
  if (failed(lowerToPackage(*Clone, T, Options, Content, About.Variants)))
    return fail(Outcome::Failed, takeDiagnostics());
  end("lower");
  Report.Targets.push_back(std::move(About));
  return true;
}

bool Compiler::writePackageFile() {
  if (!begin("package"))
    return false;
  FailureOr<std::string> Folder = setModelFiles(*Module, Content);
  if (failed(Folder))
    return fail(Outcome::Failed, takeDiagnostics());
  Content.Producer = "Dure";
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
                Written.message());
  return true;
}

/// Refuses to write over what the weights are read from, by whatever name.
bool Compiler::checkOutputs() {
  auto Files = (*Module)->getAttrOfType<ArrayAttr>(DureDialect::FilesAttr);
  std::vector<std::string> Outputs = Request.OtherOutputs;
  Outputs.push_back(Request.OutputPath);
  for (StringRef File :
       Files ? llvm::to_vector(Files.getAsValueRange<StringAttr>())
             : SmallVector<StringRef>())
    for (const std::string &Output : Outputs) {
      bool Same = false;
      if (!llvm::sys::fs::equivalent(File, Output, Same) && Same)
        return fail(Outcome::InvalidRequest,
                    "'" + Output + "' is a file of the model, '" + File.str() +
                        "': choose another name for what is written");
    }
  return true;
}

bool Compiler::compile() {
  if (!findTargets())
    return false;
  if (!Request.SaveTemps.empty())
    if (std::error_code Code =
            llvm::sys::fs::create_directories(Request.SaveTemps))
      return fail(Outcome::Failed, "cannot create folder '" +
                                       Request.SaveTemps +
                                       "': " + Code.message());
  if (!loadModule() || !checkOutputs() || !runShared())
    return false;
  for (Target *T : Targets)
    if (!runTarget(*T))
      return false;
  return writePackageFile();
}

CompilationReport dure::compileModel(const CompilationRequest &Request) {
  CompilationReport Report;
  Compiler Worker(Request, Report);
  Worker.compile();
  return Report;
}
