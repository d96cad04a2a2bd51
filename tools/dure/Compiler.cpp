// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Opening libDureCompiler.so and calling its C entry.
#include "tools/dure/Compiler.h"

#include "tools/io/TensorProto.h"

#include <charconv>
#include <dlfcn.h>
#include <filesystem>
#include <vector>

namespace dure {
namespace {

/// Borrowed pointers to strings, as the C entry takes them.
class StringList {
public:
  explicit StringList(const std::vector<std::string> &Strings) {
    for (const std::string &Text : Strings)
      Pointers.push_back(Text.c_str());
  }
  const char *const *data() const { return Pointers.data(); }
  size_t size() const { return Pointers.size(); }

private:
  std::vector<const char *> Pointers;
};

const char *orNull(const std::string &Text) {
  return Text.empty() ? nullptr : Text.c_str();
}

/// "1,-2,3" as a list of int64; nothing when it does not read like that.
std::optional<io::Tensor> readIntegers(const std::string &Text) {
  io::Tensor Out;
  Out.Type = io::ElementType::Int64;
  const char *At = Text.data(), *const End = At + Text.size();
  for (;;) {
    int64_t Value = 0;
    const auto [Next, Status] = std::from_chars(At, End, Value);
    if (Status != std::errc())
      return std::nullopt;
    const std::byte *Bytes = reinterpret_cast<const std::byte *>(&Value);
    Out.Bytes.insert(Out.Bytes.end(), Bytes, Bytes + sizeof(Value));
    if (Next == End)
      break;
    if (*Next != ',')
      return std::nullopt;
    At = Next + 1;
  }
  Out.Dims = {int64_t(Out.Bytes.size() / sizeof(int64_t))};
  return Out;
}

/// A failure that never reached the compiler, as a result of its own.
CompilerResult failedResult(std::string Message) {
  struct Owned {
    dure_compiler_result Public = {};
    std::string Message;
  };
  auto *Result = new Owned;
  Result->Message = std::move(Message);
  Result->Public = {sizeof(dure_compiler_result),
                    DURE_COMPILER_FAILED,
                    Result->Message.c_str(),
                    "",
                    "{}",
                    nullptr,
                    0,
                    nullptr};
  return CompilerResult(&Result->Public, [](const dure_compiler_result *R) {
    delete reinterpret_cast<const Owned *>(R);
  });
}

/// The request's model part, with what it points to.
struct ModelRequest {
  explicit ModelRequest(const Options &O, const std::string &Target = "")
      : TargetNames(Target.empty() ? O.Targets
                                   : std::vector<std::string>{Target}),
        DimTexts(dimTexts(O)), Targets(TargetNames), Cpus(O.Cpus),
        Plugins(O.LoadTargets), Dims(DimTexts), Buckets(O.Buckets) {
    Model.struct_size = sizeof(Model);
    Model.path = O.Path.c_str();
    Model.targets = Targets.data();
    Model.target_count = Targets.size();
    Model.cpus = Cpus.data();
    Model.cpu_count = Cpus.size();
    Model.load_targets = Plugins.data();
    Model.load_target_count = Plugins.size();
    Model.dims = Dims.data();
    Model.dim_count = Dims.size();
    Model.buckets = Buckets.data();
    Model.bucket_count = Buckets.size();
    if (O.AllowLinks)
      Model.links = O.LinksRoot.empty() ? DURE_COMPILER_LINKS_ANY
                                        : DURE_COMPILER_LINKS_WITHIN_ROOT;
    Model.links_root = orNull(O.LinksRoot);
    Model.lang = languageCode(O.Lang);
    // What a target is compared with is all of it that target's.
    Model.forbid_fallback = O.NoFallback || !Target.empty();
    Model.no_raise = O.NoRaise;
  }
  /// Reads the values of inputs; false, and what is wrong, when one cannot be.
  bool readInputValues(const Options &O, std::string &Problem) {
    for (const auto &[Name, Text] : O.InputValues) {
      std::optional<io::Tensor> Value = readIntegers(Text);
      if (!Value) {
        io::Result<io::Tensor> Read = io::readTensorFile(Text);
        if (!Read) {
          Problem = Read.failure().text(O.Lang);
          return false;
        }
        Value = std::move(*Read);
      }
      Value->Name = Name;
      Tensors.push_back(std::move(*Value));
    }
    for (const io::Tensor &T : Tensors)
      Values.push_back({sizeof(dure_compiler_input_value), T.Name.c_str(),
                        int32_t(T.Type), T.Dims.data(), T.Dims.size(),
                        T.Bytes.data(), T.Bytes.size()});
    Model.input_values = Values.data();
    Model.input_value_count = Values.size();
    return true;
  }

  ModelRequest(const ModelRequest &) = delete;
  ModelRequest &operator=(const ModelRequest &) = delete;

  static std::vector<std::string> dimTexts(const Options &O) {
    std::vector<std::string> Texts;
    for (const auto &[Name, Size] : O.Dims)
      Texts.push_back(Name + "=" + std::to_string(Size));
    return Texts;
  }

  std::vector<std::string> TargetNames;
  std::vector<std::string> DimTexts;
  StringList Targets, Cpus, Plugins, Dims, Buckets;
  std::vector<io::Tensor> Tensors;
  std::vector<dure_compiler_input_value> Values;
  dure_compiler_model Model = {};
};

} // namespace

std::optional<Compiler> Compiler::open(const Console &Out) {
  // Beside this program, in the build tree and installed; else wherever the
  // loader finds it.
  std::error_code Ignored;
  const std::filesystem::path Self =
      std::filesystem::read_symlink("/proc/self/exe", Ignored);
  const std::filesystem::path Folder = Self.parent_path().parent_path();
  void *Library = nullptr;
  std::string Problem;
  for (const std::string &Name :
       {(Folder / DURE_LIBRARY_FOLDER / "libDureCompiler.so").string(),
        std::string("libDureCompiler.so")}) {
    Library = ::dlopen(Name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (Library)
      break;
    // A file that is there and does not load says more than one that is not.
    const char *Error = ::dlerror();
    if (Problem.empty() || std::filesystem::exists(Name, Ignored))
      Problem = Error ? Error : Name;
  }
  if (!Library) {
    Out.fail(Message::CompilerMissing, {Problem});
    return std::nullopt;
  }
  const auto Query = reinterpret_cast<dure_compiler_query_fn>(
      ::dlsym(Library, DURE_COMPILER_QUERY_SYMBOL));
  const dure_compiler_api *Api = Query ? Query(DURE_COMPILER_VERSION) : nullptr;
  if (!Api || Api->struct_size < sizeof(dure_compiler_api)) {
    Out.fail(Message::CompilerVersion,
             {std::to_string(DURE_COMPILER_VERSION_MAJOR) + "." +
              std::to_string(DURE_COMPILER_VERSION_MINOR)});
    return std::nullopt;
  }
  setTemporaryRemover(Api->remove_temporary_files);
  // Never closed: LLVM registers things that outlive any one use.
  return Compiler(Api);
}

CompilerResult Compiler::compile(const Options &O,
                                 const CompileSettings &Settings,
                                 const Console &Out) const {
  ModelRequest Model(O, Settings.Target);
  if (std::string Problem; !Model.readInputValues(O, Problem))
    return failedResult(std::move(Problem));
  const StringList PrintAfter(O.PrintIrAfter);
  ProgressBar Bar(Out, Message::PhaseCompile);
  dure_compiler_compile_request Request = {};
  Request.struct_size = sizeof(Request);
  Request.model = &Model.Model;
  Request.output_path = Settings.OutputPath.c_str();
  Request.weights = Settings.EmbedWeights ? DURE_COMPILER_WEIGHTS_EMBED
                                          : DURE_COMPILER_WEIGHTS_REFERENCE;
  Request.debug_values = Settings.DebugValues;
  Request.threads = Settings.Threads;
  if (Settings.Everything) {
    Request.stop_after = orNull(O.StopAfter);
    Request.start_from = orNull(O.StartFrom);
    Request.print_ir_after = PrintAfter.data();
    Request.print_ir_after_count = PrintAfter.size();
    Request.save_temps_dir = orNull(O.SaveTemps);
    Request.report_path = orNull(O.Report);
    Request.emit = orNull(O.Emit);
  }
  Request.oracle = orNull(Settings.Oracle);
  std::vector<dure_compiler_file> Files;
  for (const CarriedFile &File : Settings.Files)
    Files.push_back({sizeof(dure_compiler_file), File.Name.c_str(),
                     File.Bytes.data(), File.Bytes.size()});
  Request.files = Files.data();
  Request.file_count = Files.size();
  Request.progress = [](void *User, const char *Phase, double Fraction) {
    static_cast<ProgressBar *>(User)->update(Phase, Fraction);
  };
  Request.user = &Bar;
  Request.cancel = interruptFlag();
  return CompilerResult(Api->compile(&Request), Api->release);
}

CompilerResult Compiler::explain(const Options &O) const {
  ModelRequest Model(O);
  if (std::string Problem; !Model.readInputValues(O, Problem))
    return failedResult(std::move(Problem));
  dure_compiler_explain_request Request = {};
  Request.struct_size = sizeof(Request);
  Request.model = &Model.Model;
  Request.cancel = interruptFlag();
  Request.entry = orNull(O.Entry);
  return CompilerResult(Api->explain(&Request), Api->release);
}

CompilerResult Compiler::targets(const Options &O) const {
  const StringList Plugins(O.LoadTargets);
  dure_compiler_targets_request Request = {};
  Request.struct_size = sizeof(Request);
  Request.load_targets = Plugins.data();
  Request.load_target_count = Plugins.size();
  Request.lang = languageCode(O.Lang);
  return CompilerResult(Api->targets(&Request), Api->release);
}

int Compiler::report(const CompilerResult &Result, const Console &Out) {
  if (!Result)
    return Out.fail(Message::OutOfMemory);
  switch (Result->status) {
  case DURE_COMPILER_OK:
    return ExitOk;
  case DURE_COMPILER_CANCELLED:
    return Out.failCancelled();
  case DURE_COMPILER_INVALID_REQUEST:
    Out.fail(Result->message);
    return ExitUsage;
  default:
    return Out.fail(Result->message);
  }
}

} // namespace dure
