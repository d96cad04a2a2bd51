// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interface between the compiler and a target: this page is all of it.
//
// Included by targets, in tree and out of tree, and by the compiler. Depends on
// MLIR and the dure dialect. A target is a shared library that exports one
// function, `dure_target_plugin`; in-tree targets are loaded in the same way
// and have no other door. Additions come at the end of classes, with defaults,
// and raise TargetApiVersion: the loader compares it, and LLVM's version,
// before it touches anything else of a plug-in.
#ifndef DURE_COMPILER_TARGET_H
#define DURE_COMPILER_TARGET_H

#include "dialects/dure/DureOps.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Config/llvm-config.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dure {

inline constexpr uint32_t TargetApiVersion = 4;

/// Phases at which a target may add passes of its own, by their public names:
/// "quantize", "specialize", "form-dispatches". Specialize comes first, and
/// before placement: it sees ops of the dure dialect in no region. Legalize is
/// the end of specialize, once sizes are fixed; not run for kernels as text.
enum class TargetPhase { Quantize, Specialize, FormDispatches, Legalize };

/// Why a target does not take an op. `Code` is a stable reason code.
struct Unsupported {
  std::string Code;
  std::string Reason;
  std::string Remedy;
};

struct DeviceDescription {
  std::string Name;
  std::string Description;
};

/// One way to build code for a target: a CPU name, a chip revision. The fields
/// are what the package's variant says.
struct TargetVariant {
  /// Unique among the package's variants; what the user asked for.
  std::string Name;
  /// The driver that runs it, and what that driver compares with the machine.
  std::string Driver;
  std::string Compatibility;
  std::vector<std::string> Features;
  /// Object format word of the code objects, for the driver.
  std::string Format;
};

/// Ops that one launch computes, in order, and how its operands lie in memory.
struct DispatchGroup {
  llvm::SmallVector<mlir::Operation *> Ops;
  /// For people and traces: "matmul_gelu".
  std::string Name;
  /// Values whose bytes are not plain row-major: the last recipe step that a
  /// weight gets, or the layout that another dispatch's result has.
  llvm::SmallVector<std::pair<mlir::Value, StepAttr>> Layouts;
};

/// Attribute of a dispatch function: its symbols' names, in the order of a
/// dispatch op's bindings.
inline constexpr llvm::StringLiteral SymbolsAttr = "dure.symbols";
/// Argument and result attribute of a dispatch function: the #dure.step of
/// DispatchGroup::Layouts. The type stays logical.
inline constexpr llvm::StringLiteral LayoutAttr = "dure.layout";
/// Result attribute of a dispatch function: the index of the argument whose
/// memory the result is written to (a cache update).
inline constexpr llvm::StringLiteral InPlaceAttr = "dure.in_place";

/// One entry of a code object, as its dispatches must call it.
struct KernelEntry {
  /// The dispatch function it computes, and its name in the code object.
  std::string Name;
  /// Expressions over the function's `dure.symbols`, in the order in which the
  /// kernel takes their values.
  llvm::SmallVector<DimExpr> Constants;
  /// Up to three; none: one workgroup.
  llvm::SmallVector<DimExpr> Grid;
  /// Operations and bytes moved, for traces and reports, when the kernel does
  /// other work than its ops' definitions say; else they are counted from the
  /// ops (package/Costs.h).
  std::optional<DimExpr> Flops, Bytes;
};

struct CodeObjectResult {
  std::string Bytes;
  /// In the order of the code object's exports.
  std::vector<KernelEntry> Entries;
};

/// What `emit` is asked for.
struct EmitRequest {
  /// Functions marked `dure.dispatch_fn`, each once.
  llvm::ArrayRef<mlir::func::FuncOp> Dispatches;
  const TargetVariant *Variant = nullptr;
  /// A folder for intermediate files of --save-temps, or empty.
  std::string SaveTemps;
  unsigned Threads = 1;
  /// True once the user has cancelled: asked between kernels, `emit` then fails
  /// without a diagnostic. Never empty.
  std::function<bool()> Cancelled = [] { return false; };
};

/// A text in which a target can show kernels to other tools than Dure:
/// `dure compile --emit=NAME`.
struct TextForm {
  std::string Name;
  std::string Description;
  /// Of a file with one kernel, ".tc".
  std::string Extension;
};

/// A program of the vendor's that estimates the cycles of one kernel, for
/// `dure check --oracle NAME`. It belongs to its user and is no part of Dure.
/// It is started once a kernel, without a shell, and ends its output with a
/// line that is the number of cycles.
struct Oracle {
  /// What --oracle takes, and the program that is looked for in PATH.
  std::string Name;
  /// An environment variable that names the program instead.
  std::string Variable;
  /// The text form that it reads.
  std::string Form;
  /// "{0}" stands for the file with the kernel.
  std::vector<std::string> Arguments;
  /// How to get it: shown where it is missing.
  std::string Remedy;
  /// Whose rules cyclesBy counts by.
  std::string Model;
};

/// What a target says of a dispatch: of all of it, or of one of its ops.
struct DispatchNote {
  mlir::Operation *Op = nullptr;
  std::string Text;
};

/// A compiler target. One instance serves one compilation on one thread.
///
/// A program may run on two: ops that the requested target refuses are placed
/// on the fallback, `cpu`, unless the user forbids that (--no-fallback). Each
/// target sees its own part only: passes find the other's regions replaced by
/// dure.dispatch ops, formDispatches gets its own regions, emit its own
/// functions. Where a value crosses, the compiler copies it (dure.transfer);
/// what leaves a region is therefore row-major, whatever its Layouts are
/// inside. The tensors of the state live where cache_update was placed: all on
/// one of the two.
class Target {
public:
  virtual ~Target();

  virtual llvm::StringRef name() const = 0;
  virtual llvm::StringRef description() const = 0;
  virtual std::vector<DeviceDescription> devices() const { return {}; }

  /// True: phase specialize makes shape buckets of symbolic dimensions, so that
  /// `supports`, `formDispatches` and `emit` see static shapes only.
  virtual bool needsStaticShapes() const { return false; }

  /// The variants that `Names` (as given by --cpu, say) stand for; with no
  /// names, the target's default. On an unknown name fails and says in `Error`
  /// which names there are.
  virtual mlir::FailureOr<std::vector<TargetVariant>>
  variants(llvm::ArrayRef<std::string> Names, std::string &Error) const = 0;

  /// Empty when the target computes this op; called after `raise`. An op that
  /// is refused runs on the host, counted and explained with the reason; the
  /// remedy is shown where nothing else takes it either.
  virtual std::optional<Unsupported> supports(mlir::Operation *Op) const = 0;

  /// Dialects that the target's passes create.
  virtual void registerDialects(mlir::DialectRegistry &Registry) const {}
  /// Passes of its own at the start of a phase: on the whole module before
  /// place, then with this target's regions.
  virtual void addPasses(TargetPhase Phase, mlir::OpPassManager &Passes) const {
  }

  /// Cuts a region's ops into launches. Every op that is not a reshape, weight,
  /// constant, define_dims or terminator is in exactly one group; a constant is
  /// copied into the groups that use it. Groups come in an order in which each
  /// depends on earlier ones only.
  virtual std::vector<DispatchGroup>
  formDispatches(mlir::Block &Region) const = 0;

  /// Compiles dispatch functions into one code object. Emits diagnostics at the
  /// functions' locations and fails when it cannot.
  virtual mlir::FailureOr<CodeObjectResult>
  emit(const EmitRequest &Request) const = 0;

  /// Seconds that a dispatch function takes with symbols bound as given, when
  /// the target can tell. `explain` sums them when it knows all dimensions.
  virtual std::optional<double>
  cost(mlir::func::FuncOp Dispatch,
       const std::map<std::string, int64_t> &Symbols) const {
    return std::nullopt;
  }

  /// False: the target gets the model as it is after simplify, without what
  /// phase raise recognises, and its packages have no entry `step`.
  virtual bool wantsRaised() const { return true; }

  /// A text that this target gave (a reason, a remedy, an error, a description)
  /// in Korean; empty when there is none, then it is shown as it is.
  virtual std::string inKorean(llvm::StringRef Text) const { return {}; }

  /// Cuts a region's ops into single kernels, for kernelText and cyclesBy, by
  /// formDispatches' rules. To be given where a launch is more than one kernel.
  virtual std::vector<DispatchGroup> formKernels(mlir::Block &Region) const {
    return formDispatches(Region);
  }
  /// The forms that kernelText knows.
  virtual std::vector<TextForm> textForms() const { return {}; }
  /// A kernel's function in the form of that name, or why there is none. The
  /// fallback's functions are asked for as well: a vendor's tools may take what
  /// this target does not.
  virtual std::variant<std::string, Unsupported>
  kernelText(llvm::StringRef Form, mlir::func::FuncOp Kernel) const {
    return Unsupported{};
  }

  /// Tools that this target's kernels can be compared with.
  virtual std::vector<Oracle> oracles() const { return {}; }
  /// Cycles of one of the target's own kernels by itself, by its own model,
  /// under the rules that `Oracle::Model` names. Emits a diagnostic and fails
  /// when it cannot tell.
  virtual mlir::FailureOr<int64_t> cyclesBy(const Oracle &Tool,
                                            mlir::func::FuncOp Kernel) const {
    return mlir::failure();
  }

  /// How this target computes one of its dispatch functions, for people: the
  /// mapping, what bounds it, how much memory it takes. `explain` shows it.
  virtual std::vector<DispatchNote> explain(mlir::func::FuncOp Dispatch) const {
    return {};
  }
};

/// What a target library exports, as `const TargetPlugin *dure_target_plugin()`
/// with C linkage. Only integers and strings up to and including `Create`'s
/// position: they are read before anything is known to fit.
struct TargetPlugin {
  /// sizeof(TargetPlugin) where the plug-in was built.
  uint32_t StructSize;
  uint32_t ApiVersion;
  /// LLVM_VERSION_STRING where the plug-in was built.
  const char *LLVMVersion;
  const char *Name;
  std::unique_ptr<Target> (*Create)();
};

inline constexpr const char *TargetPluginSymbol = "dure_target_plugin";

} // namespace dure

/// Defines the exported function of a target library.
#define DURE_TARGET_PLUGIN(NAME, CLASS)                                        \
  extern "C" __attribute__((visibility("default")))                            \
  const ::dure::TargetPlugin *                                                 \
  dure_target_plugin() {                                                       \
    static const ::dure::TargetPlugin Plugin = {                               \
        sizeof(::dure::TargetPlugin), ::dure::TargetApiVersion,                \
        LLVM_VERSION_STRING, NAME, []() -> std::unique_ptr<::dure::Target> {   \
          return std::make_unique<CLASS>();                                    \
        }};                                                                    \
    return &Plugin;                                                            \
  }

#endif // DURE_COMPILER_TARGET_H
