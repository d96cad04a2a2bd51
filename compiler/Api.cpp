// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C entry of libDureCompiler: requests in, results out.
#define DURE_COMPILER_BUILD
#include "dure/compiler.h"

#include "compiler/Compilation.h"
#include "compiler/Pipeline.h"
#include "runtime/io/SafeFile.h"
#include "runtime/io/TemporaryFiles.h"

#include "llvm/Config/llvm-config.h"

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string_view>

using namespace dure;

namespace {

/// A result and what its pointers point to.
struct OwnedResult {
  dure_compiler_result Public = {};
  std::string Message, Text, Json;
  std::vector<KernelReport> KernelReports;
  std::vector<dure_compiler_kernel> Kernels;
  std::optional<OracleReport> OracleOf;
  std::vector<const char *> Arguments;
  dure_compiler_oracle Oracle = {};

  void addKernels(const CompilationReport &Report);
};

/// Kernels as text, and the tool that they are for.
void OwnedResult::addKernels(const CompilationReport &Report) {
  KernelReports = Report.Kernels;
  for (const KernelReport &Each : KernelReports)
    Kernels.push_back({sizeof(dure_compiler_kernel), Each.Name.c_str(),
                       Each.Target.c_str(), Each.Text.c_str(),
                       Each.Code.c_str(), Each.Reason.c_str(),
                       Each.Remedy.c_str(), Each.Cycles.value_or(-1)});
  Public.kernels = Kernels.data();
  Public.kernel_count = Kernels.size();
  OracleOf = Report.Oracle;
  if (!OracleOf)
    return;
  for (const std::string &Each : OracleOf->Arguments)
    Arguments.push_back(Each.c_str());
  Oracle = {sizeof(dure_compiler_oracle),
            OracleOf->Name.c_str(),
            OracleOf->Variable.c_str(),
            Arguments.data(),
            Arguments.size(),
            OracleOf->Extension.c_str(),
            OracleOf->Remedy.c_str(),
            OracleOf->Model.c_str()};
  Public.oracle = &Oracle;
}

/// The caller's struct, as far as it fills it, else zeros: fields behind its
/// struct_size keep their defaults.
template <typename T> T readStruct(const T *Given) {
  T Copy;
  std::memset(&Copy, 0, sizeof(Copy));
  if (Given)
    std::memcpy(&Copy, Given, std::min(Given->struct_size, sizeof(T)));
  return Copy;
}

std::string text(const char *Given) { return Given ? Given : ""; }

std::vector<std::string> list(const char *const *Given, size_t Count) {
  std::vector<std::string> Out;
  for (size_t I = 0; Given && I < Count; ++I)
    Out.push_back(text(Given[I]));
  return Out;
}

/// "batch=1" into the map; false when it does not read like that.
bool readDims(const std::vector<std::string> &Given,
              std::map<std::string, int64_t> &Out, bool Korean,
              std::string &Error) {
  for (const std::string &Each : Given) {
    size_t Equal = Each.find('=');
    char *End = nullptr;
    const char *Number =
        Equal == std::string::npos ? "" : Each.c_str() + Equal + 1;
    long long Value = std::strtoll(Number, &End, 10);
    if (*Number == '\0' || *End != '\0' || Value < 0 || Equal == 0) {
      Error = say(Korean, Say::BadDim, {Each});
      return false;
    }
    Out[Each.substr(0, Equal)] = Value;
  }
  return true;
}

bool readInputValues(const dure_compiler_model &Model, CompilationRequest &Out,
                     std::string &Error) {
  for (size_t I = 0; Model.input_values && I < Model.input_value_count; ++I) {
    dure_compiler_input_value Given = readStruct(&Model.input_values[I]);
    InputValue Value;
    Value.Type = Given.type;
    if (Given.rank > 0)
      Value.Dims.assign(Given.dims, Given.dims + Given.rank);
    if (Given.size > 0)
      Value.Bytes.assign(static_cast<const char *>(Given.data), Given.size);
    if (!Out.InputValues.emplace(text(Given.name), std::move(Value)).second) {
      Error = say(Out.Korean, Say::InputValueTwice, {text(Given.name)});
      return false;
    }
  }
  return true;
}

bool readModel(const dure_compiler_model *Given, CompilationRequest &Out,
               std::string &Error) {
  dure_compiler_model Model = readStruct(Given);
  Out.ModelPath = text(Model.path);
  Out.Targets = list(Model.targets, Model.target_count);
  Out.Cpus = list(Model.cpus, Model.cpu_count);
  Out.LoadTargets = list(Model.load_targets, Model.load_target_count);
  Out.Buckets = list(Model.buckets, Model.bucket_count);
  Out.AllowLinks = Model.links != DURE_COMPILER_LINKS_REFUSE;
  if (Model.links == DURE_COMPILER_LINKS_WITHIN_ROOT)
    Out.LinksRoot = text(Model.links_root);
  Out.Korean = text(Model.lang) == "ko";
  Out.ForbidFallback = Model.forbid_fallback;
  Out.NoRaise = Model.no_raise;
  if (Out.ModelPath.empty())
    Error = say(Out.Korean, Say::NoModel);
  return Error.empty() && readInputValues(Model, Out, Error) &&
         readDims(list(Model.dims, Model.dim_count), Out.Dims, Out.Korean,
                  Error);
}

dure_compiler_status statusOf(Outcome Result) {
  switch (Result) {
  case Outcome::Ok:
    return DURE_COMPILER_OK;
  case Outcome::Refused:
    return DURE_COMPILER_REFUSED;
  case Outcome::Failed:
    return DURE_COMPILER_FAILED;
  case Outcome::Cancelled:
    return DURE_COMPILER_CANCELLED;
  case Outcome::InvalidRequest:
    return DURE_COMPILER_INVALID_REQUEST;
  }
  return DURE_COMPILER_FAILED;
}

const dure_compiler_result *give(const CompilationReport &Report,
                                 std::string Json, std::string Text) {
  auto *Out = new OwnedResult;
  Out->Message = Report.Message;
  Out->Json = std::move(Json);
  Out->Text = std::move(Text);
  Out->Public = {sizeof(dure_compiler_result),
                 statusOf(Report.Result),
                 Out->Message.c_str(),
                 Out->Text.c_str(),
                 Out->Json.c_str(),
                 nullptr,
                 0,
                 nullptr};
  Out->addKernels(Report);
  return &Out->Public;
}

const dure_compiler_result *give(const CompilationReport &Report, bool Explain,
                                 bool Korean) {
  return give(Report, reportToJson(Report, Explain),
              reportToText(Report, Explain, Korean));
}

/// The report file: its place is made sure of before any work, its content is
/// written before the output gets its name, and its name follows.
class ReportFile {
public:
  ReportFile(std::string Path, bool Korean)
      : Path(std::move(Path)), Korean(Korean) {}

  bool create(std::string &Error) {
    if (Path.empty())
      return true;
    Result<AtomicFile> Made = AtomicFile::create(Path);
    if (!Made.ok()) {
      Error = inLanguage(Korean, Made.status().message());
      return false;
    }
    File = Made.take();
    return true;
  }

  bool write(const CompilationReport &Report, std::string &Error) {
    if (Path.empty())
      return true;
    const std::string Json = reportToJson(Report, false) + "\n";
    Status Done = File.write(Json.data(), Json.size());
    Error = Done.ok() ? "" : inLanguage(Korean, Done.message());
    return Done.ok();
  }

  bool commit(std::string &Error) {
    if (Path.empty())
      return true;
    Status Done = File.commit();
    Error = Done.ok() ? "" : inLanguage(Korean, Done.message());
    return Done.ok();
  }

private:
  std::string Path;
  bool Korean;
  AtomicFile File;
};

/// What is left to do with the report when the compilation is over. Its
/// failure is the call's.
void finishReport(ReportFile &File, const std::string &Output,
                  CompilationReport &Report) {
  std::string Error;
  if (Report.Result == Outcome::Refused) {
    // A refusal is a result. Its report holds the list of reasons.
    if (!File.write(Report, Error) || !File.commit(Error))
      Report.Message += "\n" + Error;
    return;
  }
  if (Report.Result != Outcome::Ok || File.commit(Error))
    return;
  if (!Output.empty())
    std::remove(Output.c_str());
  Report.Result = Outcome::Failed;
  Report.Message = Error;
}

const dure_compiler_result *
compile(const dure_compiler_compile_request *Given) {
  dure_compiler_compile_request C = readStruct(Given);
  CompilationRequest Request;
  CompilationReport Report;
  Report.Result = Outcome::InvalidRequest;
  if (!readModel(C.model, Request, Report.Message))
    return give(Report, false, Request.Korean);
  Request.OutputPath = text(C.output_path);
  Request.EmbedWeights = C.weights == DURE_COMPILER_WEIGHTS_EMBED;
  for (size_t I = 0; I != C.file_count; ++I)
    Request.Files.push_back(
        {text(C.files[I].name),
         std::string(static_cast<const char *>(C.files[I].data),
                     C.files[I].size)});
  Request.StopAfter = text(C.stop_after);
  Request.StartFrom = text(C.start_from);
  Request.PrintAfter = list(C.print_ir_after, C.print_ir_after_count);
  Request.SaveTemps = text(C.save_temps_dir);
  Request.Threads = C.threads > 0 ? C.threads : 0;
  Request.Cancel = C.cancel;
  if (C.print)
    Request.Print = [&](const std::string &Text) {
      C.print(C.user, Text.data(), Text.size());
    };
  if (C.progress)
    Request.Progress = [&](const std::string &Phase, double Fraction) {
      C.progress(C.user, Phase.c_str(), Fraction);
    };
  Request.Emit = text(C.emit);
  Request.Oracle = text(C.oracle);
  if (!Request.Emit.empty() && !Request.Oracle.empty()) {
    Report.Message = say(Request.Korean, Say::EmitOrOracle);
    return give(Report, false, Request.Korean);
  }
  const bool NeedsOutput = Request.Emit.empty() && Request.Oracle.empty();
  if (NeedsOutput && Request.OutputPath.empty()) {
    Report.Message = say(Request.Korean, Say::NoOutput);
    return give(Report, false, Request.Korean);
  }
  ReportFile File(text(C.report_path), Request.Korean);
  if (!File.create(Report.Message)) {
    Report.Result = Outcome::Failed;
    return give(Report, false, Request.Korean);
  }
  if (C.report_path)
    Request.OtherOutputs.push_back(text(C.report_path));
  Request.BeforeCommit = [&](const CompilationReport &Done,
                             std::string &Error) {
    return File.write(Done, Error);
  };
  Report = compileModel(Request);
  finishReport(File, Request.OutputPath, Report);
  return give(Report, false, Request.Korean);
}

const dure_compiler_result *
explain(const dure_compiler_explain_request *Given) {
  dure_compiler_explain_request E = readStruct(Given);
  CompilationRequest Request;
  CompilationReport Report;
  Report.Result = Outcome::InvalidRequest;
  if (!readModel(E.model, Request, Report.Message))
    return give(Report, true, Request.Korean);
  Request.Cancel = E.cancel;
  if (E.entry)
    Request.Entry = E.entry;
  return give(explainModel(Request), true, Request.Korean);
}

const dure_compiler_result *
targets(const dure_compiler_targets_request *Given) {
  dure_compiler_targets_request T = readStruct(Given);
  CompilationRequest Request;
  Request.LoadTargets = list(T.load_targets, T.load_target_count);
  Request.Korean = text(T.lang) == "ko";
  std::string Json, Text;
  CompilationReport Report = listTargets(Request, Json, Text);
  return give(Report, std::move(Json), std::move(Text));
}

void release(const dure_compiler_result *Result) {
  if (!Result)
    return;
  static_assert(offsetof(OwnedResult, Public) == 0);
  delete reinterpret_cast<const OwnedResult *>(Result);
}

} // namespace

const dure_compiler_api *dure_compiler_query(uint32_t Version) {
  static const dure_compiler_api Api = {sizeof(dure_compiler_api),
                                        DURE_COMPILER_VERSION,
                                        "Dure 0.1.0, LLVM " LLVM_VERSION_STRING,
                                        compile,
                                        explain,
                                        targets,
                                        release,
                                        removeTemporaryFiles};
  // While the major version is 0 a minor version may break, too.
  return Version == DURE_COMPILER_VERSION ? &Api : nullptr;
}
