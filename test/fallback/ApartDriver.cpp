// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU driver as a device with memory of its own: what is on it comes and
// goes by copies through a staging buffer, as with a chip on a bus. For tests
// of programs that run on several devices: fresh memory is full of NaNs, so
// that a copy that is missing shows.
//
// Only memory differs; all else is the CPU driver's, which is built into this
// library under another name.
#include "runtime/drivers/support/Host.h"

#include <cstring>
#include <map>
#include <memory>
#include <mutex>

using dure::driver::Host;

/// CpuDriver.cpp's, see CMakeLists.txt.
extern "C" dure_drv_status *
dure_apart_inner_query(uint32_t AbiMajor, uint32_t AbiMinor,
                       const dure_host_services *Services,
                       const dure_driver **Out);

namespace {

/// Memory kind 0 is the device's own, 1 is what the host sees.
constexpr uint32_t Own = 0, Staging = 1;

struct ApartDriver {
  explicit ApartDriver(const dure_host_services *Services) : H(Services) {}

  Host H;
  const dure_driver *Inner = nullptr;
  dure_driver Table = {};
  dure_drv_build_info Build = {};
  dure_drv_memory_api Memory = {};
};

/// Handles are the inner driver's: what is known of them beside is here.
struct Known {
  std::mutex M;
  std::map<const dure_drv_device *, ApartDriver *> Devices;
  std::map<const dure_drv_buffer *, std::pair<ApartDriver *, uint32_t>> Buffers;

  ApartDriver &driver(const dure_drv_device *Device) {
    std::lock_guard<std::mutex> Lock(M);
    return *Devices.at(Device);
  }
  std::pair<ApartDriver *, uint32_t> buffer(const dure_drv_buffer *Buffer) {
    std::lock_guard<std::mutex> Lock(M);
    return Buffers.at(Buffer);
  }
};

Known &known() {
  static Known Instance;
  return Instance;
}

ApartDriver &self(const dure_driver *Driver) {
  return *static_cast<ApartDriver *>(Driver->self);
}

} // namespace

//===-- Memory ------------------------------------------------------------===//

static dure_drv_status *memoryInfo(dure_drv_device *Device, uint32_t Index,
                                   dure_drv_memory_info *Info) {
  ApartDriver &D = known().driver(Device);
  if (Index > Staging)
    return D.H.error(DURE_DRV_OUT_OF_RANGE, "memory.info: there are two kinds")
        .release();
  if (dure_drv_status *S = D.Inner->memory->info(Device, 0, Info))
    return S;
  Info->properties = Index == Own ? DURE_DRV_MEMORY_DEVICE_LOCAL
                                  : DURE_DRV_MEMORY_HOST_VISIBLE |
                                        DURE_DRV_MEMORY_HOST_COHERENT;
  return nullptr;
}

static dure_drv_status *allocate(dure_drv_device *Device,
                                 const dure_drv_buffer_params *Params,
                                 dure_drv_buffer **Out) {
  ApartDriver &D = known().driver(Device);
  dure_drv_buffer_params Inner = *Params;
  Inner.memory_kind = 0;
  const dure_drv_memory_api &Api = *D.Inner->memory;
  if (dure_drv_status *S = Api.allocate(Device, &Inner, Out))
    return S;
  {
    std::lock_guard<std::mutex> Lock(known().M);
    known().Buffers[*Out] = {&D, Params->memory_kind};
  }
  void *Bytes = nullptr;
  if (Params->size == 0)
    return nullptr;
  if (dure_drv_status *S =
          Api.map(*Out, 0, Params->size, DURE_DRV_MAP_WRITE, &Bytes))
    return S;
  std::memset(Bytes, 0xFF, Params->size);
  return Api.unmap(*Out);
}

static dure_drv_status *freeBuffer(dure_drv_buffer *Buffer) {
  auto [D, Kind] = known().buffer(Buffer);
  if (dure_drv_status *S = D->Inner->memory->free(Buffer))
    return S;
  std::lock_guard<std::mutex> Lock(known().M);
  known().Buffers.erase(Buffer);
  return nullptr;
}

static uint64_t bufferSize(const dure_drv_buffer *Buffer) {
  return known().buffer(Buffer).first->Inner->memory->size(Buffer);
}

static dure_drv_status *map(dure_drv_buffer *Buffer, uint64_t Offset,
                            uint64_t Length, uint32_t Flags, void **Memory) {
  auto [D, Kind] = known().buffer(Buffer);
  if (Kind != Staging)
    return D->H
        .error(DURE_DRV_FAILED_PRECONDITION,
               "memory.map: the host does not see the device's memory")
        .release();
  return D->Inner->memory->map(Buffer, Offset, Length, Flags, Memory);
}

static dure_drv_status *unmap(dure_drv_buffer *Buffer) {
  return known().buffer(Buffer).first->Inner->memory->unmap(Buffer);
}

//===-- Driver ------------------------------------------------------------===//

static dure_drv_status *destroy(const dure_driver *Driver) {
  ApartDriver &D = self(Driver);
  if (dure_drv_status *S = D.Inner->destroy(D.Inner))
    return S;
  delete &D;
  return nullptr;
}

static dure_drv_status *deviceCount(const dure_driver *Driver,
                                    uint32_t *Count) {
  const dure_driver *Inner = self(Driver).Inner;
  return Inner->device_count(Inner, Count);
}

static dure_drv_status *deviceInfo(const dure_driver *Driver, uint32_t Index,
                                   dure_drv_device_info *Info) {
  const dure_driver *Inner = self(Driver).Inner;
  if (dure_drv_status *S = Inner->device_info(Inner, Index, Info))
    return S;
  Info->name = "apart device";
  Info->memory_kind_count = 2;
  return nullptr;
}

static dure_drv_status *deviceOpen(const dure_driver *Driver, uint32_t Index,
                                   const dure_drv_extension *Next,
                                   dure_drv_device **Out) {
  ApartDriver &D = self(Driver);
  if (dure_drv_status *S = D.Inner->device_open(D.Inner, Index, Next, Out))
    return S;
  std::lock_guard<std::mutex> Lock(known().M);
  known().Devices[*Out] = &D;
  return nullptr;
}

static dure_drv_status *deviceClose(dure_drv_device *Device) {
  if (dure_drv_status *S = known().driver(Device).Inner->device_close(Device))
    return S;
  std::lock_guard<std::mutex> Lock(known().M);
  known().Devices.erase(Device);
  return nullptr;
}

dure_drv_status *dure_driver_query(uint32_t AbiMajor, uint32_t AbiMinor,
                                   const dure_host_services *Services,
                                   const dure_driver **Out) {
  if (dure_drv_status *Bad = Host::check(Out ? Services : nullptr))
    return Bad;
  auto D = std::make_unique<ApartDriver>(Services);
  if (dure_drv_status *S =
          dure_apart_inner_query(AbiMajor, AbiMinor, Services, &D->Inner))
    return S;
  D->Build = *D->Inner->build_info;
  D->Build.name = "apart";
  D->Memory = {sizeof(D->Memory), memoryInfo, allocate, nullptr,
               freeBuffer,        bufferSize, map,      unmap};
  D->Table = *D->Inner;
  D->Table.capabilities &= ~uint64_t(DURE_DRV_CAP_IMPORT_HOST);
  D->Table.build_info = &D->Build;
  D->Table.self = D.get();
  D->Table.destroy = destroy;
  D->Table.device_count = deviceCount;
  D->Table.device_info = deviceInfo;
  D->Table.device_open = deviceOpen;
  D->Table.device_close = deviceClose;
  D->Table.memory = &D->Memory;
  *Out = &D.release()->Table;
  return nullptr;
}
