// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loading of target plug-ins.
#include "compiler/TargetRegistry.h"

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

/// Compares what the plug-in was built against with what runs here.
static std::string whyNotUsable(const TargetPlugin &Plugin) {
  if (Plugin.StructSize < sizeof(TargetPlugin) ||
      Plugin.ApiVersion != TargetApiVersion)
    return "it was built for target interface " +
           std::to_string(Plugin.ApiVersion) + ", this compiler has " +
           std::to_string(TargetApiVersion) +
           "; rebuild it with this Dure's headers";
  if (!Plugin.LLVMVersion ||
      std::strcmp(Plugin.LLVMVersion, LLVM_VERSION_STRING) != 0)
    return std::string("it was built with LLVM ") +
           (Plugin.LLVMVersion ? Plugin.LLVMVersion : "(none given)") +
           ", this compiler with LLVM " LLVM_VERSION_STRING
           "; rebuild it with the same LLVM";
  if (!Plugin.Name || !Plugin.Create)
    return "it gives no name or no way to create the target";
  return {};
}

bool TargetRegistry::load(const std::string &Path, std::string &Error) {
  // RTLD_NOW: a missing symbol is found here, where it can be told. Local: two
  // plug-ins may define the same names.
  void *Library = dlopen(Path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!Library) {
    const char *Why = dlerror();
    Error =
        "cannot load target plug-in: " + std::string(Why ? Why : Path.c_str());
    return false;
  }
  using QueryFn = const TargetPlugin *(*)();
  auto Query = reinterpret_cast<QueryFn>(dlsym(Library, TargetPluginSymbol));
  const TargetPlugin *Plugin = Query ? Query() : nullptr;
  if (!Plugin) {
    Error = "'" + Path +
            "' is not a Dure target plug-in: it has no function '" +
            TargetPluginSymbol + "'";
    dlclose(Library);
    return false;
  }
  if (std::string Why = whyNotUsable(*Plugin); !Why.empty()) {
    Error = "target plug-in '" + Path + "' cannot be used: " + Why;
    dlclose(Library);
    return false;
  }
  if (Targets.count(Plugin->Name)) {
    Error = "target plug-in '" + Path + "' has the name '" +
            std::string(Plugin->Name) + "', which '" +
            Targets.at(Plugin->Name).From.Path + "' has already";
    return false;
  }
  Targets[Plugin->Name] = {Plugin->Create(),
                           {Path, Plugin->ApiVersion, Plugin->LLVMVersion}};
  return true;
}

Target *TargetRegistry::find(llvm::StringRef Name, std::string &Error) {
  auto Found = Targets.find(Name.str());
  if (Found != Targets.end())
    return Found->second.Instance.get();
  // A target's name becomes part of a path: letters, digits, '-' and '_' only.
  bool Sane = !Name.empty() && llvm::all_of(Name, [](char C) {
    return llvm::isAlnum(C) || C == '-' || C == '_';
  });
  llvm::SmallString<256> Path(compilerLibraryFolder());
  llvm::sys::path::append(Path, "libdure-target-" + Name + ".so");
  if (!Sane || !llvm::sys::fs::exists(Path)) {
    loadInstalled();
    std::string Names;
    for (auto &[Known, Unused] : Targets)
      Names += (Names.empty() ? "" : ", ") + Known;
    Error = "there is no target '" + Name.str() + "'; known are: " + Names +
            " (a vendor's is added with --load-target)";
    return nullptr;
  }
  if (!load(Path.str().str(), Error))
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
