// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Packages, sessions and calls of the public C API, owned and in C++ terms.
//
// Included by the commands that run or read packages. Uses nothing of libdure
// but <dure/dure.h>.
#ifndef DURE_TOOLS_DURE_PACKAGE_H
#define DURE_TOOLS_DURE_PACKAGE_H

#include "tools/dure/Console.h"
#include "tools/dure/Options.h"
#include "tools/io/Tensor.h"

#include <dure/dure.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dure {

template <auto Destroy> struct Destroyer {
  template <typename T> void operator()(T *Object) const { Destroy(Object); }
};
using PackagePointer =
    std::unique_ptr<dure_package, Destroyer<dure_package_destroy>>;
using SessionPointer =
    std::unique_ptr<dure_session, Destroyer<dure_session_destroy>>;
using StatePointer = std::unique_ptr<dure_state, Destroyer<dure_state_destroy>>;
using CallPointer = std::unique_ptr<dure_call, Destroyer<dure_call_destroy>>;
using TracePointer = std::unique_ptr<dure_trace, Destroyer<dure_trace_destroy>>;
using TextPointer = std::unique_ptr<dure_text, Destroyer<dure_text_destroy>>;
using DevicesPointer =
    std::unique_ptr<dure_devices, Destroyer<dure_devices_destroy>>;

/// The numbers of the C API's types and of ONNX's are different; each gives
/// nothing for a type that the other lacks.
std::optional<int32_t> runtimeType(io::ElementType Type);
std::optional<io::ElementType> tensorType(int32_t RuntimeType);

/// One input or output of an entry.
struct Port {
  struct Dim {
    /// -1: `Expression` says it.
    int64_t Value;
    std::string Expression;

    /// The number or the expression.
    std::string text() const {
      return Value >= 0 ? std::to_string(Value) : Expression;
    }
  };
  std::string Name;
  int32_t Type;
  std::vector<Dim> Dims;

  /// "int64[batch, sequence]"
  std::string describe() const;
  std::string describeDims() const;
};

struct Symbol {
  std::string Name;
  int64_t Min, Max, Multiple;
};

struct Signature {
  std::vector<Port> Inputs, Outputs;
  /// Caches that calls need, with the dims that DURE_STATE documents.
  std::vector<Port> States;
  std::vector<Symbol> Symbols;
};

/// Says what is wrong and frees `Status`. True when it is success.
bool succeeded(const Console &Out, dure_status *Status);

/// Whether the file starts as a package does. False also when it cannot be
/// read: what opens it next says why.
bool looksLikePackage(const std::string &Path);

/// Whether a package compiled on the spot came from the cache, or is there for
/// the next call.
enum class CacheUse { None, Taken, Kept };
/// As JSON has it: "none", "taken", "kept".
const char *cacheUseName(CacheUse Use);

/// A package that is loaded and ready to run on a device.
class LoadedPackage {
public:
  /// Loads PATH. Nothing, having said why, when it is refused.
  static std::optional<LoadedPackage>
  load(const Console &Out, const std::string &Path, const Options &O);
  /// Chooses the variant of target `Target` (any: empty) and opens its device.
  bool openSession(const Console &Out, const Options &O,
                   const std::string &Target);

  /// Everything that the package says, as JSON. Nothing, having said why, when
  /// that fails.
  std::optional<std::string> describe(const Console &Out) const;
  dure_package *package() const { return Package.get(); }
  dure_session *session() const { return Session.get(); }
  /// That of `main`.
  const Signature &signature() const { return Main; }
  /// Nothing, having said why, when there is no such entry.
  std::optional<Signature> signatureOf(const Console &Out,
                                       const std::string &Entry) const;
  /// The variant that the session took.
  std::string variant() const;
  CacheUse cacheUse() const { return Cache; }
  void setCacheUse(CacheUse Use) { Cache = Use; }

  /// A call of an entry with the inputs bound, which must outlive it. Nothing,
  /// having said why, when they are refused.
  CallPointer prepare(const Console &Out, const std::vector<io::Tensor> &Inputs,
                      const std::string &Entry = "main") const;
  /// Runs and takes Ctrl-C for a cancel.
  bool run(const Console &Out, dure_call *Call,
           const dure_run_options &Settings) const;
  /// Output `Index` of the last run, copied.
  std::optional<io::Tensor> output(const Console &Out, const dure_call *Call,
                                   size_t Index) const;

private:
  LoadedPackage() = default;
  /// The variants to try, in order: those of `Target`, or one empty name, the
  /// runtime's own choice, when there are no others.
  std::optional<std::vector<std::string>>
  variantsOf(const Console &Out, const std::string &Target) const;

  std::string Path;
  // The session goes before the package.
  PackagePointer Package;
  SessionPointer Session;
  Signature Main;
  CacheUse Cache = CacheUse::None;
};

/// `T` as the C API takes it, borrowed; nothing for types that it lacks.
std::optional<dure_tensor> borrowTensor(const io::Tensor &T);
/// A copy of what the C API gave.
std::optional<io::Tensor> copyTensor(std::string Name, const dure_tensor &T);

} // namespace dure

#endif // DURE_TOOLS_DURE_PACKAGE_H
