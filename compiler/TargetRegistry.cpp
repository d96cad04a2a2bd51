// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loading of target plug-ins.
#include "compiler/TargetRegistry.h"

#include "compiler/Messages.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstring>
#include <dlfcn.h>

using namespace dure;

Target::~Target() = default;

std::string dure::compilerLibraryFolder() {
  Dl_info Info;
  if (!dladdr(reinterpret_cast<void *>(&compilerLibraryFolder), &Info) ||
      !Info.dli_fname)
    return ".";
  llvm::SmallString<256> Real;
  if (llvm::sys::fs::real_path(Info.dli_fname, Real))
    Real = Info.dli_fname;
  return llvm::sys::path::parent_path(Real).str();
}

/// A target's name becomes part of a path, of variants and of file names:
/// letters, digits, '-' and '_' only.
static bool isSaneName(llvm::StringRef Name) {
  return !Name.empty() && llvm::all_of(Name, [](char C) {
    return llvm::isAlnum(C) || C == '-' || C == '_';
  });
}

/// The file of the in-tree target of a name, whether it is there or not.
static std::string installedPath(llvm::StringRef Name) {
  llvm::SmallString<256> Path(compilerLibraryFolder());
  llvm::sys::path::append(Path, "libdure-target-" + Name + ".so");
  return Path.str().str();
}

/// Compares what the plug-in was built against with what runs here. Reads no
/// more of it than is known to be there.
static std::string whyNotUsable(const TargetPlugin &Plugin, bool Korean) {
  if (Plugin.StructSize < sizeof(TargetPlugin))
    return say(Korean, Say::PluginSize,
               {std::to_string(Plugin.StructSize),
                std::to_string(sizeof(TargetPlugin))});
  if (Plugin.ApiVersion != TargetApiVersion)
    return say(
        Korean, Say::PluginApi,
        {std::to_string(Plugin.ApiVersion), std::to_string(TargetApiVersion)});
  if (!Plugin.LLVMVersion ||
      std::strcmp(Plugin.LLVMVersion, LLVM_VERSION_STRING) != 0)
    return say(Korean, Say::PluginLlvm,
               {Plugin.LLVMVersion ? Plugin.LLVMVersion
                                   : say(Korean, Say::PluginNoLlvm),
                LLVM_VERSION_STRING});
  if (!Plugin.Name || !isSaneName(Plugin.Name))
    return say(Korean, Say::PluginName, {Plugin.Name ? Plugin.Name : ""});
  if (!Plugin.Create)
    return say(Korean, Say::PluginNoCreate);
  return {};
}

// What a plug-in calls its types is its own affair (it may be another
// version's, or C): checks of a function's type do not know it.
#if defined(__clang__)
#define DURE_CALLS_PLUGIN __attribute__((no_sanitize("function")))
#else
#define DURE_CALLS_PLUGIN
#endif

DURE_CALLS_PLUGIN static const TargetPlugin *describe(void *Query) {
  return reinterpret_cast<const TargetPlugin *(*)()>(Query)();
}

DURE_CALLS_PLUGIN static std::unique_ptr<Target>
create(const TargetPlugin &Plugin) {
  return Plugin.Create();
}

bool TargetRegistry::load(const std::string &Path, std::string &Error) {
  // RTLD_NOW: a missing symbol is found here, where it can be told. Local: two
  // plug-ins may define the same names.
  void *Library = dlopen(Path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!Library) {
    const char *Why = dlerror();
    Error = say(Korean, Say::PluginNotLoaded, {Why ? Why : Path});
    return false;
  }
  void *Query = dlsym(Library, TargetPluginSymbol);
  const TargetPlugin *Plugin = Query ? describe(Query) : nullptr;
  if (!Plugin) {
    Error = say(Korean, Query ? Say::PluginGivesNothing : Say::NotAPlugin,
                {Path, TargetPluginSymbol});
    dlclose(Library);
    return false;
  }
  if (std::string Why = whyNotUsable(*Plugin, Korean); !Why.empty()) {
    Error = say(Korean, Say::PluginUnusable, {Path, Why});
    dlclose(Library);
    return false;
  }
  auto Refuse = [&](Say Id, const std::string &Other) {
    Error = say(Korean, Id, {Path, Plugin->Name, Other});
    dlclose(Library);
    return false;
  };
  std::string Name = Plugin->Name;
  if (auto Known = Targets.find(Name); Known != Targets.end())
    return Refuse(Say::PluginSameName, Known->second.From.Path);
  // Otherwise a plug-in loaded first would stand in for a target of Dure's.
  std::string Installed = installedPath(Name);
  if (llvm::sys::fs::exists(Installed) &&
      !llvm::sys::fs::equivalent(Installed, Path))
    return Refuse(Say::PluginInstalledName, Installed);
  std::unique_ptr<Target> Instance = create(*Plugin);
  // From here on the library stays: what it created may be known to MLIR.
  if (!Instance) {
    Error = say(Korean, Say::PluginUnusable,
                {Path, say(Korean, Say::PluginCreatesNothing)});
    return false;
  }
  if (Instance->name() != Name) {
    Error = say(Korean, Say::PluginUnusable,
                {Path, say(Korean, Say::PluginOtherName,
                           {Name, Instance->name().str()})});
    return false;
  }
  Targets[Name] = {std::move(Instance),
                   {Path, Plugin->ApiVersion, Plugin->LLVMVersion}};
  return true;
}

Target *TargetRegistry::find(llvm::StringRef Name, std::string &Error) {
  auto Found = Targets.find(Name.str());
  if (Found != Targets.end())
    return Found->second.Instance.get();
  std::string Path = installedPath(Name);
  if (!isSaneName(Name) || !llvm::sys::fs::exists(Path)) {
    loadInstalled();
    std::string Names;
    for (auto &[Known, Unused] : Targets)
      Names += (Names.empty() ? "" : ", ") + Known;
    Error = say(Korean, Say::NoTarget, {Name.str(), Names});
    return nullptr;
  }
  if (!load(Path, Error))
    return nullptr;
  Found = Targets.find(Name.str());
  return Found == Targets.end() ? nullptr : Found->second.Instance.get();
}

void TargetRegistry::loadInstalled() {
  std::error_code Code;
  for (llvm::sys::fs::directory_iterator It(compilerLibraryFolder(), Code), End;
       It != End && !Code; It.increment(Code)) {
    llvm::StringRef File = llvm::sys::path::filename(It->path());
    if (!File.consume_front("libdure-target-") || !File.consume_back(".so") ||
        Targets.count(File.str()))
      continue;
    std::string Ignored;
    load(It->path(), Ignored);
  }
}

std::vector<Target *> TargetRegistry::loaded() const {
  std::vector<Target *> Out;
  for (auto &[Name, Entry] : Targets)
    Out.push_back(Entry.Instance.get());
  return Out;
}

const TargetRegistry::Origin *TargetRegistry::origin(const Target *T) const {
  for (auto &[Name, Entry] : Targets)
    if (Entry.Instance.get() == T)
      return &Entry.From;
  return nullptr;
}
