// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finds and loads target plug-ins, in tree and a vendor's, by one path.
#ifndef DURE_COMPILER_TARGETREGISTRY_H
#define DURE_COMPILER_TARGETREGISTRY_H

#include "compiler/Target.h"

#include <map>

namespace dure {

/// The targets of one compilation. Not thread safe. Libraries stay loaded until
/// the process ends: MLIR keeps pointers into them.
class TargetRegistry {
public:
  /// `Korean`: the language of errors.
  explicit TargetRegistry(bool Korean = false) : Korean(Korean) {}

  /// Loads a target library. Compares versions before it uses anything of the
  /// plug-in. On failure `Error` says what was compared and both values.
  bool load(const std::string &Path, std::string &Error);

  /// A loaded target, else the in-tree library `libdure-target-<name>.so`
  /// beside this one. Null with `Error` set when there is none.
  Target *find(llvm::StringRef Name, std::string &Error);

  /// Loads every in-tree target that is installed; for listings.
  void loadInstalled();
  std::vector<Target *> loaded() const;

  struct Origin {
    std::string Path;
    uint32_t ApiVersion;
    std::string LLVMVersion;
  };
  const Origin *origin(const Target *T) const;

private:
  struct Loaded {
    std::unique_ptr<Target> Instance;
    Origin From;
  };
  bool Korean;
  std::map<std::string, Loaded> Targets;
};

/// The folder that libDureCompiler.so was loaded from.
std::string compilerLibraryFolder();

} // namespace dure

#endif // DURE_COMPILER_TARGETREGISTRY_H
