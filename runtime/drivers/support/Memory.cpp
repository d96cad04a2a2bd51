// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Buffers and executables of a HostDriver.
#include "runtime/drivers/support/Objects.h"

#include <sys/mman.h>

#include <cinttypes>
#include <string>

using namespace dure::driver;

// Where a buffer of no bytes points: never read, but aligned like any other.
alignas(64) static uint8_t Nothing[64];

// Buffers from this size on are aligned to huge pages and ask for them.
static constexpr uint64_t HugePage = uint64_t(2) << 20;
static constexpr uint64_t HugeFrom = 2 * HugePage;

//===-- Memory ------------------------------------------------------------===//

static dure_drv_status *info(dure_drv_device *Dev, uint32_t Index,
                             dure_drv_memory_info *Out) {
  Device &D = *unwrap(Dev);
  if (Index != 0)
    return D.H
        .error(DURE_DRV_OUT_OF_RANGE, "memory.info: kind %u, but there is one",
               Index)
        .release();
  dure_drv_memory_info I = {};
  I.properties = DURE_DRV_MEMORY_DEVICE_LOCAL | DURE_DRV_MEMORY_HOST_VISIBLE |
                 DURE_DRV_MEMORY_HOST_COHERENT;
  I.alignment = D.Info.buffer_alignment;
  I.total = D.B.memoryLimit();
  {
    std::lock_guard<std::mutex> Lock(D.M);
    I.available = I.total - D.LiveBytes;
  }
  if (!writeStruct(Out, I))
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "memory.info: null result or struct_size too small")
        .release();
  return nullptr;
}

/// Takes SIZE bytes out of the device's budget.
static Status reserve(Device &D, uint64_t Size) {
  std::lock_guard<std::mutex> Lock(D.M);
  uint64_t Limit = D.B.memoryLimit();
  if (Size > Limit || D.LiveBytes > Limit - Size)
    return D.H.error(DURE_DRV_RESOURCE_EXHAUSTED, DURE_DRV_SCOPE_CALL,
                     DURE_DRV_STATUS_RETRYABLE,
                     "allocation of %" PRIu64 " bytes: %" PRIu64 " of %" PRIu64
                     " bytes are in use; free some, or use a smaller batch or "
                     "sequence",
                     Size, D.LiveBytes, Limit);
  D.LiveBytes += Size;
  return nullptr;
}

static dure_drv_status *allocate(dure_drv_device *Dev,
                                 const dure_drv_buffer_params *Params,
                                 dure_drv_buffer **Out) {
  Device &D = *unwrap(Dev);
  auto P = readStruct(Params);
  if (!P || !Out)
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "memory.allocate: null argument or struct_size too small")
        .release();
  if (Status F = D.H.readExtensions(P->next, 0, nullptr))
    return F.release();
  if (P->memory_kind != 0)
    return D.H
        .error(DURE_DRV_OUT_OF_RANGE,
               "memory.allocate: kind %u, but there is one", P->memory_kind)
        .release();
  if (P->alignment & (P->alignment - 1))
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "memory.allocate: alignment %" PRIu64 " is no power of two",
               P->alignment)
        .release();
  uint64_t Alignment =
      std::max<uint64_t>(P->alignment, D.Info.buffer_alignment);
  if (P->size >= HugeFrom)
    Alignment = std::max(Alignment, HugePage);
  uint8_t *Data = Nothing;
  if (P->size) {
    if (Status F = reserve(D, P->size))
      return F.release();
    Data = static_cast<uint8_t *>(D.H.alloc(P->size, Alignment));
    if (!Data) {
      std::lock_guard<std::mutex> Lock(D.M);
      D.LiveBytes -= P->size;
      return D.H
          .error(DURE_DRV_RESOURCE_EXHAUSTED, DURE_DRV_SCOPE_CALL,
                 DURE_DRV_STATUS_RETRYABLE,
                 "allocation of %" PRIu64 " bytes: the host has no more "
                 "memory",
                 P->size)
          .release();
    }
    // A hint: kernels that stream weights miss the TLB less.
    if (P->size >= HugeFrom)
      madvise(Data, P->size / HugePage * HugePage, MADV_HUGEPAGE);
    if (D.B.zeroBuffers())
      std::memset(Data, 0, P->size);
  }
  auto *B = new Buffer(D, Data, P->size, /*Imported=*/P->size == 0,
                       /*ReadOnly=*/false);
  std::lock_guard<std::mutex> Lock(D.M);
  ++D.Objects;
  *Out = reinterpret_cast<dure_drv_buffer *>(B);
  return nullptr;
}

static dure_drv_status *importHost(dure_drv_device *Dev,
                                   const dure_drv_import_params *Params,
                                   dure_drv_buffer **Out) {
  Device &D = *unwrap(Dev);
  auto P = readStruct(Params);
  if (!P || !Out || (P->size && !P->memory))
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "memory.import_host: null argument or struct_size too "
               "small")
        .release();
  if (Status F = D.H.readExtensions(P->next, 0, nullptr))
    return F.release();
  uint8_t *Data = P->size ? static_cast<uint8_t *>(P->memory) : Nothing;
  auto *B = new Buffer(D, Data, P->size, /*Imported=*/true, P->read_only != 0);
  std::lock_guard<std::mutex> Lock(D.M);
  ++D.Objects;
  *Out = reinterpret_cast<dure_drv_buffer *>(B);
  return nullptr;
}

static dure_drv_status *freeBuffer(dure_drv_buffer *Handle) {
  Buffer *B = unwrap(Handle);
  Device &D = B->D;
  {
    std::lock_guard<std::mutex> Lock(D.M);
    if (B->Uses != 0 || B->Maps != 0)
      return D.H
          .error(DURE_DRV_BUSY, "memory.free: the buffer is %s",
                 B->Maps ? "mapped" : "used by an unfinished submission")
          .release();
    --D.Objects;
    if (!B->Imported)
      D.LiveBytes -= B->Size;
  }
  if (!B->Imported)
    D.H.free(B->Data);
  delete B;
  return nullptr;
}

static uint64_t size(const dure_drv_buffer *Handle) {
  return reinterpret_cast<const Buffer *>(Handle)->Size;
}

static dure_drv_status *map(dure_drv_buffer *Handle, uint64_t Offset,
                            uint64_t Length, uint32_t Flags, void **Out) {
  Buffer &B = *unwrap(Handle);
  const Host &H = B.D.H;
  if (!Out || Flags == 0 || (Flags & ~(DURE_DRV_MAP_READ | DURE_DRV_MAP_WRITE)))
    return H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "memory.map: null result or flags %#x; give READ, WRITE or "
               "both",
               Flags)
        .release();
  if (B.ReadOnly && (Flags & DURE_DRV_MAP_WRITE))
    return H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "memory.map: for writing, but the buffer was imported "
               "read-only")
        .release();
  if (Offset > B.Size || Length > B.Size - Offset)
    return H
        .error(DURE_DRV_OUT_OF_RANGE,
               "memory.map: bytes %" PRIu64 " + %" PRIu64
               " of a buffer of %" PRIu64,
               Offset, Length, B.Size)
        .release();
  std::lock_guard<std::mutex> Lock(B.D.M);
  ++B.Maps;
  *Out = B.Data + Offset;
  return nullptr;
}

static dure_drv_status *unmap(dure_drv_buffer *Handle) {
  Buffer &B = *unwrap(Handle);
  std::lock_guard<std::mutex> Lock(B.D.M);
  if (B.Maps == 0)
    return B.D.H
        .error(DURE_DRV_FAILED_PRECONDITION,
               "memory.unmap: the buffer is not mapped")
        .release();
  --B.Maps;
  return nullptr;
}

const dure_drv_memory_api dure::driver::MemoryTable = {
    sizeof(dure_drv_memory_api),
    info,
    allocate,
    importHost,
    freeBuffer,
    size,
    map,
    unmap};

//===-- Executables -------------------------------------------------------===//

static dure_drv_status *validate(dure_drv_device *Dev,
                                 const char *Compatibility,
                                 dure_drv_compatibility *Out) {
  Device &D = *unwrap(Dev);
  if (!Compatibility || !Out || Out->struct_size < sizeof(*Out))
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "executable.validate: null argument or struct_size too "
               "small")
        .release();
  dure_drv_compatibility Result = {};
  if (Status F = D.B.validate(Compatibility, Result))
    return F.release();
  writeStruct(Out, Result);
  return nullptr;
}

static Status checkEntries(const Host &H, const dure_drv_executable_params &P,
                           const Executable &E) {
  for (size_t I = 0; I != P.entry_count; ++I) {
    std::string_view Wanted = P.entries[I];
    bool Found = false;
    for (uint32_t N = 0; N != E.entryCount() && !Found; ++N)
      Found = Wanted == E.entryName(N);
    if (!Found)
      return H.error(DURE_DRV_NOT_FOUND,
                     "executable.load: '%s' has no entry '%s'", P.name,
                     P.entries[I]);
  }
  return nullptr;
}

static dure_drv_status *load(dure_drv_device *Dev,
                             const dure_drv_executable_params *Params,
                             dure_drv_executable **Out) {
  Device &D = *unwrap(Dev);
  auto P = readStruct(Params);
  if (!P || !Out || !P->bytes || !P->compatibility ||
      (P->entry_count && !P->entries))
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "executable.load: null argument or struct_size too small")
        .release();
  if (Status F = D.H.readExtensions(P->next, 0, nullptr))
    return F.release();
  if (!P->name)
    P->name = "code object";
  dure_drv_compatibility C = {};
  if (Status F = D.B.validate(P->compatibility, C))
    return F.release();
  Status Reason(C.reason);
  if (C.verdict == DURE_DRV_UNSUPPORTED)
    return D.H
        .error(DURE_DRV_INCOMPATIBLE, "executable.load: '%s': %s", P->name,
               Reason ? Reason->message : "not supported")
        .release();
  auto L = std::make_unique<LoadedExecutable>(LoadedExecutable{D, nullptr});
  if (Status F = D.B.load(*P, L->Exe))
    return F.release();
  if (Status F = checkEntries(D.H, *P, *L->Exe))
    return F.release();
  std::lock_guard<std::mutex> Lock(D.M);
  ++D.Objects;
  *Out = reinterpret_cast<dure_drv_executable *>(L.release());
  return nullptr;
}

static const LoadedExecutable &loaded(const dure_drv_executable *Handle) {
  return *reinterpret_cast<const LoadedExecutable *>(Handle);
}

static uint32_t entryCount(const dure_drv_executable *Handle) {
  return loaded(Handle).Exe->entryCount();
}

static dure_drv_status *entryInfo(const dure_drv_executable *Handle,
                                  uint32_t Entry, dure_drv_entry_info *Out) {
  const LoadedExecutable &L = loaded(Handle);
  if (Entry >= L.Exe->entryCount())
    return L.D.H
        .error(DURE_DRV_OUT_OF_RANGE, "executable.entry_info: entry %u of %u",
               Entry, L.Exe->entryCount())
        .release();
  dure_drv_entry_info I = {};
  I.name = L.Exe->entryName(Entry);
  I.workspace_bytes = L.Exe->workspaceBytes(Entry);
  if (!writeStruct(Out, I))
    return L.D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "executable.entry_info: null result or struct_size too "
               "small")
        .release();
  return nullptr;
}

static dure_drv_status *lookup(const dure_drv_executable *Handle,
                               const char *Name, uint32_t *Entry) {
  const LoadedExecutable &L = loaded(Handle);
  if (!Name || !Entry)
    return L.D.H
        .error(DURE_DRV_INVALID_ARGUMENT, "executable.lookup: null argument")
        .release();
  for (uint32_t I = 0, E = L.Exe->entryCount(); I != E; ++I)
    if (std::string_view(Name) == L.Exe->entryName(I)) {
      *Entry = I;
      return nullptr;
    }
  return L.D.H
      .error(DURE_DRV_NOT_FOUND, "executable.lookup: there is no entry '%s'",
             Name)
      .release();
}

static dure_drv_status *unload(dure_drv_executable *Handle) {
  LoadedExecutable *L = unwrap(Handle);
  {
    std::lock_guard<std::mutex> Lock(L->D.M);
    if (L->Exe->Uses != 0)
      return L->D.H
          .error(DURE_DRV_BUSY,
                 "executable.unload: an unfinished submission uses "
                 "it")
          .release();
    --L->D.Objects;
  }
  delete L;
  return nullptr;
}

const dure_drv_executable_api dure::driver::ExecutableTable = {
    sizeof(dure_drv_executable_api),
    validate,
    load,
    entryCount,
    entryInfo,
    lookup,
    unload};
