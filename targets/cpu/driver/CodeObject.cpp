// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loads a CPU code object from memory.
//
// The bytes go through a memory file and dlopen rather than a loader of our
// own: debuggers, profilers and unwinders then see the code. The memory file
// stays open until the object is unloaded: the dynamic loader knows libraries
// by device and inode, and a closed memory file's inode number is used again,
// so that the next dlopen would return the first library.
#include "targets/cpu/driver/CodeObject.h"
#include "targets/cpu/driver/ElfCheck.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>

using namespace dure::cpu;
using namespace dure::driver;

// A thread has its own; more than this is a damaged table.
static constexpr uint64_t ScratchLimit = uint64_t(1) << 32;
static constexpr uint32_t EntryLimit = 1u << 20;

/// A memory file that may be mapped executable, or -1.
static int makeMemoryFile(const char *Name) {
#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif
  // Newer kernels want to be told; older ones do not know the flag.
  int Fd = memfd_create(Name, MFD_CLOEXEC | MFD_EXEC);
  if (Fd < 0 && errno == EINVAL)
    Fd = memfd_create(Name, MFD_CLOEXEC);
  return Fd;
}

static bool writeAll(int Fd, const char *Bytes, size_t Size) {
  while (Size) {
    ssize_t Written = write(Fd, Bytes, Size);
    if (Written < 0 && errno == EINTR)
      continue;
    if (Written <= 0)
      return false;
    Bytes += Written;
    Size -= static_cast<size_t>(Written);
  }
  return true;
}

CodeObject::~CodeObject() {
  if (Handle)
    dlclose(Handle);
  if (Descriptor >= 0)
    close(Descriptor);
}

std::string CodeObject::checkTable(uint64_t Begin, uint64_t End) const {
  auto Inside = [&](const void *Pointer, uint64_t Bytes) {
    auto Address = reinterpret_cast<uint64_t>(Pointer);
    return Address >= Begin && Address <= End && Bytes <= End - Address;
  };
  const dure_cpu_library &L = *Library;
  if (!Inside(&L, sizeof(L)) || L.struct_size < sizeof(L))
    return "its table is missing or too small";
  if (L.version != DURE_CPU_LIBRARY_VERSION)
    return "it has kernel ABI version " + std::to_string(L.version) +
           ", this driver has " + std::to_string(DURE_CPU_LIBRARY_VERSION) +
           "; compile the model again";
  if (L.entry_count > EntryLimit ||
      L.entry_struct_size < sizeof(dure_cpu_entry) ||
      L.entry_struct_size > 4096 ||
      L.entry_struct_size % alignof(dure_cpu_entry) != 0 ||
      !Inside(L.entries, uint64_t(L.entry_count) * L.entry_struct_size))
    return "its list of entries lies outside the image";
  std::set<std::string_view> Names;
  for (uint32_t I = 0; I != L.entry_count; ++I) {
    const dure_cpu_entry &E = entry(I);
    std::string Place = "entry " + std::to_string(I);
    if (!Inside(E.name, 1) ||
        !std::memchr(E.name, 0, End - reinterpret_cast<uint64_t>(E.name)))
      return Place + " has no name";
    if (!Names.insert(E.name).second)
      return Place + " repeats the name '" + E.name + "'";
    if (!Inside(reinterpret_cast<const void *>(E.function), 1))
      return Place + " ('" + E.name + "') has no function";
    if (E.scratch_bytes > ScratchLimit)
      return Place + " ('" + E.name + "') asks for " +
             std::to_string(E.scratch_bytes) + " bytes of scratch memory";
  }
  return {};
}

Status CodeObject::load(const Host &H, const void *Bytes, size_t Size,
                        const char *Name, std::unique_ptr<CodeObject> &Result) {
  ElfExtent Extent;
  if (std::string Why = checkElf(Bytes, Size, Extent); !Why.empty())
    return H.error(DURE_DRV_INVALID_ARGUMENT, "code object '%s' refused: %s",
                   Name, Why.c_str());
  std::unique_ptr<CodeObject> C(new CodeObject);
  // Only what the kernel takes as a name.
  C->Descriptor = makeMemoryFile("dure-code-object");
  if (C->Descriptor < 0 ||
      !writeAll(C->Descriptor, static_cast<const char *>(Bytes), Size))
    return H.error(DURE_DRV_RESOURCE_EXHAUSTED, DURE_DRV_SCOPE_CALL,
                   DURE_DRV_STATUS_RETRYABLE,
                   "code object '%s': no memory file for it: %s", Name,
                   std::strerror(errno));
  std::string Path = "/proc/self/fd/" + std::to_string(C->Descriptor);
  C->Handle = dlopen(Path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!C->Handle) {
    const char *Why = dlerror();
    return H.error(DURE_DRV_INVALID_ARGUMENT,
                   "code object '%s' does not load: %s", Name,
                   Why ? Why : "unknown reason");
  }
  auto *Function = reinterpret_cast<dure_cpu_library_fn>(
      dlsym(C->Handle, DURE_CPU_LIBRARY_SYMBOL));
  if (!Function)
    return H.error(DURE_DRV_INVALID_ARGUMENT,
                   "code object '%s' refused: it does not export '%s'", Name,
                   DURE_CPU_LIBRARY_SYMBOL);
  link_map *Map = nullptr;
  if (dlinfo(C->Handle, RTLD_DI_LINKMAP, &Map) != 0)
    return H.error(DURE_DRV_INTERNAL,
                   "code object '%s': the loader does not "
                   "say where it is",
                   Name);
  C->Library = Function();
  if (std::string Why =
          C->checkTable(Map->l_addr + Extent.Begin, Map->l_addr + Extent.End);
      !Why.empty())
    return H.error(DURE_DRV_INVALID_ARGUMENT, "code object '%s' refused: %s",
                   Name, Why.c_str());
  Result = std::move(C);
  return nullptr;
}
