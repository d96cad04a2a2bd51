// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Packages compiled on the spot, kept for the next call.
//
// Included by Prepare.cpp. An entry's name stands for what is asked: the
// model's place, the options, this program and the processor. Its record lists
// every file that the answer depends on, the model's and the compiler's own,
// each by size, inode and times of change to the nanosecond; all of them must
// be as they were. The kernel sets the time of change, so that no program can
// write a file and hide that.
//
// Why not a hash of the content: reading a model takes longer than compiling
// it.
#ifndef DURE_TOOLS_DURE_COMPILECACHE_H
#define DURE_TOOLS_DURE_COMPILECACHE_H

#include "tools/dure/CacheFolder.h"
#include "tools/dure/Options.h"

#include <set>
#include <string>
#include <vector>

namespace dure {

/// What a compilation has read.
struct CompileSources {
  /// Files that were there.
  std::set<std::string> Files;
  /// Names that were looked for, whether there was such a file or not.
  std::set<std::string> Looked;
};

class CompileCache {
public:
  /// `Target` and `DebugValues` as in Compiler::CompileSettings.
  CompileCache(const Console &Out, const Options &O, const std::string &Target,
               bool DebugValues);

  /// Whether packages are to be kept.
  bool isOn() const { return !Name.empty(); }
  /// The folder of the package of an earlier call that is still right; "" when
  /// there is none.
  std::string find() const;
  /// Notes in the folder of the package just compiled what it depends on:
  /// `Sources`, the options' files, and the libraries that this process has,
  /// which must be the one that compiled.
  void note(const std::string &Folder, CompileSources Sources) const;
  /// Keeps that folder, which then may be gone, where there is a note in it and
  /// room; says why not, when that is worth a warning.
  bool keep(const std::string &Folder) const;

private:
  bool unused(const std::string &Why) const;

  const Console &Out;
  const Options &O;
  std::string Target;
  CacheFolder Cache;
  std::string Name;
  int64_t StartNs = 0;
};

/// What an entry's record says it is of: the model, and the targets.
struct CacheSubject {
  std::string Model, Targets;
};
CacheSubject readCacheSubject(const std::string &Entry);

} // namespace dure

#endif // DURE_TOOLS_DURE_COMPILECACHE_H
