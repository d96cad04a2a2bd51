// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiling, running and comparing.
#include "test/onnx/CompiledModel.h"

#include "tools/io/TensorProto.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <set>

namespace dure::modeltest {
namespace {

namespace fs = std::filesystem;

/// Adds the seconds of its life.
class Timer {
public:
  explicit Timer(double &Seconds) : Seconds(Seconds) {}
  ~Timer() {
    Seconds += std::chrono::duration<double>(Clock::now() - Begin).count();
  }

private:
  using Clock = std::chrono::steady_clock;
  double &Seconds;
  Clock::time_point Begin = Clock::now();
};

/// Fills in a result that is not a pass; always false.
bool say(Outcome &Result, OutcomeKind Kind, std::string Code,
         std::string Detail) {
  Result.Kind = Kind;
  Result.Code = std::move(Code);
  Result.Detail = std::move(Detail);
  return false;
}

/// True for success; otherwise the status is the reason, and is freed.
bool succeeded(Outcome &Result, const char *Stage, dure_status *Status) {
  if (!Status)
    return true;
  say(Result, OutcomeKind::Failed, Stage, dure_status_message(Status));
  dure_status_free(Status);
  return false;
}

/// Codes and ops of a refusal, each once: models repeat them.
void describeRefusals(const CompileReport &Report, Outcome &Result) {
  std::set<std::string> Codes, Subjects;
  for (const CompileReport::Refusal &Each : Report.Refusals) {
    Codes.insert(Each.Code);
    if (!Each.Op.empty())
      Subjects.insert(Each.Domain.empty() || Each.Domain == "ai.onnx"
                          ? Each.Op
                          : Each.Domain + "." + Each.Op);
  }
  const auto join = [](const std::set<std::string> &Words, const char *With) {
    std::string Text;
    for (const std::string &Word : Words)
      Text += (Text.empty() ? "" : With) + Word;
    return Text;
  };
  Result.Code = Codes.empty() ? "refused" : join(Codes, "+");
  Result.Subject = join(Subjects, ", ");
}

bool compile(const dure_compiler_api *Compiler, const std::string &Model,
             const std::string &PackagePath, const CompileSettings &Settings,
             const std::vector<io::Tensor> &Given, CompileReport &Facts,
             Outcome &Result) {
  const Timer Time(Result.CompileSeconds);
  const char *Target = Settings.Target.c_str();
  dure_compiler_model Source = {};
  Source.struct_size = sizeof(Source);
  Source.path = Model.c_str();
  Source.targets = &Target;
  Source.target_count = 1;
  const char *Plugin = Settings.LoadTarget.c_str();
  Source.load_targets = &Plugin;
  Source.load_target_count = Settings.LoadTarget.empty() ? 0 : 1;
  const char *Variant = Settings.Variant.c_str();
  Source.cpus = &Variant;
  Source.cpu_count = Settings.Variant.empty() ? 0 : 1;
  Source.no_raise = Settings.NoRaise;
  Source.forbid_fallback = Settings.NoFallback;
  std::vector<const char *> Buckets;
  for (const std::string &Each : Settings.Buckets)
    Buckets.push_back(Each.c_str());
  Source.buckets = Buckets.data();
  Source.bucket_count = Buckets.size();
  Source.lang = "en";
  std::vector<dure_compiler_input_value> Values;
  for (const io::Tensor &T : Given)
    Values.push_back({sizeof(dure_compiler_input_value), T.Name.c_str(),
                      int32_t(T.Type), T.Dims.data(), T.Dims.size(),
                      T.Bytes.data(), T.Bytes.size()});
  Source.input_values = Values.data();
  Source.input_value_count = Values.size();
  dure_compiler_compile_request Request = {};
  Request.struct_size = sizeof(Request);
  Request.model = &Source;
  Request.output_path = PackagePath.c_str();
  Request.threads = Settings.Threads;
  if (!Settings.StartFrom.empty())
    Request.start_from = Settings.StartFrom.c_str();
  const dure_compiler_result *Report = Compiler->compile(&Request);
  if (!Report)
    return say(Result, OutcomeKind::Failed, "compile", "out of memory");
  Facts = parseCompileReport(Report->json);
  Result.Functions = long(Facts.Functions);
  const dure_compiler_status Status = Report->status;
  const std::string Text = Report->message;
  Compiler->release(Report);
  if (Status == DURE_COMPILER_OK)
    return true;
  if (Status != DURE_COMPILER_REFUSED)
    return say(Result, OutcomeKind::Failed, "compile", Text);
  say(Result, OutcomeKind::Refused, "refused", Text);
  describeRefusals(Facts, Result);
  return false;
}

/// Adds to `Given` the inputs that a refusal says must be constants. False when
/// there is none, or something else stands in the way too.
bool giveConstants(const CompileReport &Facts, const RunData &Data,
                   std::vector<io::Tensor> &Given) {
  const size_t Before = Given.size();
  for (const CompileReport::Refusal &Each : Facts.Refusals) {
    if (Each.Code != "constant-needed")
      return false;
    for (const io::Tensor &T : Data.Inputs) {
      const auto HasName = [&](const io::Tensor &Other) {
        return Other.Name == T.Name;
      };
      if (!T.Name.empty() &&
          std::none_of(Given.begin(), Given.end(), HasName) &&
          Each.Reason.find("'" + T.Name + "'") != std::string::npos)
        Given.push_back(T);
    }
  }
  return Given.size() > Before;
}

/// Takes what may not be compared from `Expected`.
void maskInvalid(io::Tensor &Got, const io::Tensor &Expected,
                 const ValidPart &Part) {
  if (Got.Type != Expected.Type || Got.Dims != Expected.Dims || Part.Axis < 1 ||
      size_t(Part.Axis) >= Got.Dims.size() ||
      Part.Ranges.size() != size_t(Got.Dims[0]) || Got.Bytes.empty())
    return;
  size_t Middle = 1, Inner = io::elementTypeInfo(Got.Type).Bits / 8;
  for (size_t D = 1; D < Got.Dims.size(); ++D)
    if (D < size_t(Part.Axis))
      Middle *= size_t(Got.Dims[D]);
    else if (D > size_t(Part.Axis))
      Inner *= size_t(Got.Dims[D]);
  const size_t Along = size_t(Got.Dims[size_t(Part.Axis)]);
  for (size_t Row = 0; Row < Part.Ranges.size(); ++Row)
    for (size_t M = 0; M < Middle; ++M)
      for (size_t I = 0; I < Along; ++I) {
        if (int64_t(I) >= Part.Ranges[Row].first &&
            int64_t(I) < Part.Ranges[Row].second)
          continue;
        const size_t Offset = ((Row * Middle + M) * Along + I) * Inner;
        std::memcpy(Got.Bytes.data() + Offset, Expected.Bytes.data() + Offset,
                    Inner);
      }
}

/// How two tensors of floats lie to each other as vectors: their cosine, and
/// the first one's length by the second's.
struct Angle {
  double Cosine = 1, Length = 1;
};

/// Where neither is finite they are taken to agree; where one is, not at all.
Angle angleOf(const io::Tensor &Got, const io::Tensor &Expected) {
  double Product = 0, Left = 0, Right = 0;
  for (int64_t At = 0; At != Got.elementCount(); ++At) {
    const double A = io::elementAsDouble(Got, At),
                 B = io::elementAsDouble(Expected, At);
    if (!std::isfinite(A) && !std::isfinite(B))
      continue;
    if (!std::isfinite(A) || !std::isfinite(B))
      return {-1, 0};
    Product += A * B;
    Left += A * A;
    Right += B * B;
  }
  if (Left == 0 && Right == 0)
    return {};
  if (Left == 0 || Right == 0)
    return {0, 0};
  return {Product / std::sqrt(Left * Right), std::sqrt(Left / Right)};
}

/// What differs, on one line; empty when nothing does.
std::string difference(const std::string &Name, const io::Tensor &Got,
                       const io::Tensor &Expected, io::Tolerance Allowed,
                       double Cosine) {
  const bool IsFloat = Got.Type == io::ElementType::Float32 ||
                       Got.Type == io::ElementType::Float16 ||
                       Got.Type == io::ElementType::BFloat16;
  if (Cosine > 0 && IsFloat && Got.Type == Expected.Type &&
      Got.Dims == Expected.Dims) {
    // A cosine does not see a factor.
    constexpr double MostOff = 0.02;
    const Angle Found = angleOf(Got, Expected);
    if (Found.Cosine >= Cosine && std::fabs(Found.Length - 1) <= MostOff)
      return "";
    return Name + ": cosine " + std::to_string(Found.Cosine) + ", should be " +
           std::to_string(Cosine) + " at least; length " +
           std::to_string(Found.Length) + " times the reference's\n";
  }
  const io::Comparison C = io::compareTensors(Got, Expected, Allowed);
  if (C.matches())
    return "";
  const auto describe = [](const io::Tensor &T) {
    return std::string(io::elementTypeInfo(T.Type).Name) +
           io::formatDims(T.Dims);
  };
  if (!C.SameType || !C.SameDims)
    return Name + ": is " + describe(Got) + ", should be " +
           describe(Expected) + "\n";
  char Errors[96];
  std::snprintf(Errors, sizeof(Errors), "max absolute %.3g, max relative %.3g",
                C.MaxAbsolute, C.MaxRelative);
  return Name + ": " + std::to_string(C.Mismatches) + " of " +
         std::to_string(C.Elements) + " differ, " + Errors + "; at " +
         io::formatPosition(Got.Dims, C.FirstMismatch) + " is " +
         io::elementAsText(Got, C.FirstMismatch) + ", should be " +
         io::elementAsText(Expected, C.FirstMismatch) + "\n";
}

void widen(Figures &F, const io::Tensor &Got, const io::Tensor &Expected) {
  if (Got.Type != io::ElementType::Float32 || Got.Type != Expected.Type ||
      Got.Dims != Expected.Dims || Got.Bytes.empty())
    return;
  const io::Comparison C = io::compareTensors(Got, Expected, {});
  F.MaxAbsolute = std::max(F.MaxAbsolute, C.MaxAbsolute);
  F.LeastCosine = std::min(F.LeastCosine, angleOf(Got, Expected).Cosine);
}

} // namespace

const dure_compiler_api *loadCompiler(const std::string &Folder) {
  const std::string Path = Folder + "/libDureCompiler.so";
  void *Library = ::dlopen(Path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!Library) {
    std::fprintf(stderr, "the compiler does not load: %s\n", ::dlerror());
    return nullptr;
  }
  const auto Query = reinterpret_cast<dure_compiler_query_fn>(
      ::dlsym(Library, DURE_COMPILER_QUERY_SYMBOL));
  const dure_compiler_api *Api = Query ? Query(DURE_COMPILER_VERSION) : nullptr;
  if (!Api)
    std::fprintf(stderr, "%s is of another version\n", Path.c_str());
  return Api;
}

std::optional<RunData> readRunData(const std::string &Folder,
                                   std::string &Problem) {
  RunData Data;
  std::error_code Ignored;
  const auto readAll = [&](const std::string &Kind, auto Take) {
    for (size_t N = 0;; ++N) {
      const std::string Path =
          Folder + "/" + Kind + "_" + std::to_string(N) + ".pb";
      if (!fs::exists(Path, Ignored))
        return true;
      io::Result<io::Tensor> Tensor = io::readTensorProto(Path);
      if (!Tensor) {
        Problem = Tensor.failure().text();
        return false;
      }
      Take(N, std::move(*Tensor));
    }
  };
  if (!readAll(
          "input",
          [&](size_t, io::Tensor T) { Data.Inputs.push_back(std::move(T)); }) ||
      !readAll("output", [&](size_t N, io::Tensor T) {
        Data.Expected.emplace_back(N, std::move(T));
      }))
    return std::nullopt;
  if (Data.Expected.empty()) {
    Problem = Folder + ": no output_0.pb";
    return std::nullopt;
  }
  return Data;
}

std::optional<CompiledModel>
CompiledModel::create(const dure_compiler_api *Compiler,
                      const std::string &Model, const std::string &PackagePath,
                      const CompileSettings &Settings, Outcome &Result) {
  CompiledModel Made;
  std::error_code Ignored;
  CompileReport Facts;
  bool Good = false;
  do {
    // A refusal that the values answer is none of the outcome.
    const double Seconds = Result.CompileSeconds;
    Result = Outcome();
    Result.CompileSeconds = Seconds;
    Good = compile(Compiler, Model, PackagePath, Settings, Made.Given, Facts,
                   Result);
  } while (!Good && Settings.Values &&
           giveConstants(Facts, *Settings.Values, Made.Given));
  Made.Cosine = Settings.Cosine;
  Good = Good && Made.open(PackagePath, Settings, Result);
  // The package stays mapped; the name is not needed any more.
  fs::remove(PackagePath, Ignored);
  if (!Good)
    return std::nullopt;
  return Made;
}

bool CompiledModel::open(const std::string &PackagePath,
                         const CompileSettings &Settings, Outcome &Result) {
  dure_load_options Load = {};
  Load.struct_size = sizeof(Load);
  Load.verify = DURE_VERIFY_FULL;
  dure_package *RawPackage = nullptr;
  if (!succeeded(Result, "load",
                 dure_package_load(PackagePath.c_str(), &Load, &RawPackage)))
    return false;
  Package.reset(RawPackage);
  dure_entry_info Info = {};
  Info.struct_size = sizeof(Info);
  if (!succeeded(Result, "load",
                 dure_package_find_entry(RawPackage, "main", &Entry)) ||
      !succeeded(Result, "load",
                 dure_package_get_entry(RawPackage, Entry, &Info)) ||
      !readNames(DURE_INPUT, Info.input_count, Inputs, Result) ||
      !readNames(DURE_OUTPUT, Info.output_count, Outputs, Result))
    return false;
  dure_session_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.threads = Settings.Threads;
  dure_session *RawSession = nullptr;
  if (!succeeded(Result, "session",
                 dure_session_create(RawPackage, &Options, &RawSession)))
    return false;
  Session.reset(RawSession);
  return true;
}

bool CompiledModel::readNames(int32_t Kind, size_t Count,
                              std::vector<std::string> &Names,
                              Outcome &Result) const {
  for (size_t I = 0; I < Count; ++I) {
    dure_signature Signature = {};
    Signature.struct_size = sizeof(Signature);
    if (!succeeded(Result, "load",
                   dure_package_get_signature(Package.get(), Entry, Kind, I,
                                              &Signature)))
      return false;
    Names.push_back(Signature.name);
  }
  return true;
}

/// True for an input that the package has a value for; `Differs` says that this
/// run needs another.
bool CompiledModel::isGiven(const io::Tensor &Input, bool &Differs) const {
  for (const io::Tensor &T : Given)
    if (T.Name == Input.Name) {
      Differs |= T.Dims != Input.Dims || T.Bytes != Input.Bytes;
      return true;
    }
  return false;
}

bool CompiledModel::bind(dure_call *Call, const std::vector<io::Tensor> &All,
                         Outcome &Result) const {
  // Pointers: the call borrows the tensors until it has run.
  std::vector<const io::Tensor *> Data;
  bool Differs = false;
  for (const io::Tensor &T : All)
    if (!isGiven(T, Differs))
      Data.push_back(&T);
  if (Differs)
    return say(Result, OutcomeKind::Failed, "data",
               "an input that must be a constant has another value");
  // By name when the tensors carry the inputs' names; old test data has other
  // names, and is in order.
  const bool ByName =
      std::all_of(Data.begin(), Data.end(), [&](const io::Tensor *T) {
        return std::count(Inputs.begin(), Inputs.end(), T->Name) == 1;
      });
  for (size_t I = 0; I < Data.size(); ++I) {
    const std::optional<dure_tensor> Tensor = borrowTensor(*Data[I]);
    if (!Tensor)
      return say(Result, OutcomeKind::Failed, "data",
                 "input " + std::to_string(I) +
                     " has a type that the runtime "
                     "lacks: " +
                     std::string(io::elementTypeInfo(Data[I]->Type).Name));
    dure_status *Status = ByName ? dure_call_bind_input_by_name(
                                       Call, Data[I]->Name.c_str(), &*Tensor)
                                 : dure_call_bind_input(Call, I, &*Tensor);
    if (!succeeded(Result, "bind", Status))
      return false;
  }
  return true;
}

std::string CompiledModel::bucketOf(const RunData &Data) const {
  std::map<std::string, int64_t> Sizes;
  for (size_t I = 0; I < Inputs.size(); ++I) {
    const auto Named =
        std::find_if(Data.Inputs.begin(), Data.Inputs.end(),
                     [&](const io::Tensor &T) { return T.Name == Inputs[I]; });
    if (Named == Data.Inputs.end() && I >= Data.Inputs.size())
      continue;
    const io::Tensor &T = Named == Data.Inputs.end() ? Data.Inputs[I] : *Named;
    dure_signature Signature = {};
    Signature.struct_size = sizeof(Signature);
    dure_status *Failed = dure_package_get_signature(Package.get(), Entry,
                                                     DURE_INPUT, I, &Signature);
    if (Failed) {
      dure_status_free(Failed);
      continue;
    }
    for (size_t D = 0; D < T.Dims.size() && D < size_t(Signature.rank); ++D) {
      const std::string Symbol = Signature.dims[D].expression;
      if (!Symbol.empty() && Symbol.find_first_of(" *+-()") == Symbol.npos)
        Sizes[Symbol] = T.Dims[D];
    }
  }
  std::string Text;
  for (const auto &[Symbol, Size] : Sizes)
    Text += (Text.empty() ? "" : ",") + Symbol + "=" + std::to_string(Size);
  return Text;
}

bool CompiledModel::check(const RunData &Data, const TolerancePolicy &Allowed,
                          Outcome &Result, Figures *Measured) const {
  dure_call *RawCall = nullptr;
  if (!succeeded(Result, "call",
                 dure_call_create(Session.get(), "main", &RawCall)))
    return false;
  const CallPointer Call(RawCall);
  if (!bind(RawCall, Data.Inputs, Result))
    return false;
  {
    const Timer Time(Result.RunSeconds);
    if (!succeeded(Result, "run", dure_call_run(RawCall, nullptr)))
      return false;
  }
  std::string Differences;
  for (const auto &[Index, Expected] : Data.Expected) {
    dure_tensor Tensor = {};
    Tensor.struct_size = sizeof(Tensor);
    if (!succeeded(Result, "output",
                   dure_call_get_output(RawCall, Index, &Tensor)))
      return false;
    const std::string &Name = Outputs[Index];
    std::optional<io::Tensor> Got = copyTensor(Name, Tensor);
    if (!Got)
      return say(Result, OutcomeKind::Failed, "output",
                 Name + ": has a type that ONNX lacks");
    if (const auto Valid = Data.Valid.find(Name); Valid != Data.Valid.end())
      maskInvalid(*Got, Expected, Valid->second);
    if (Measured)
      widen(*Measured, *Got, Expected);
    Differences +=
        difference(Name, *Got, Expected, Allowed(Expected.Type), Cosine);
  }
  if (Differences.empty())
    return true;
  return say(Result, OutcomeKind::Wrong, "wrong", Differences);
}

} // namespace dure::modeltest
