// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A whole driver around a Backend, for devices whose memory is host memory.
#include "runtime/drivers/support/HostDriver.h"
#include "runtime/drivers/support/Objects.h"

#include <new>
#include <vector>

#include <sched.h>
#include <unistd.h>

using namespace dure::driver;

namespace dure::driver {

struct Driver {
  Driver(const dure_host_services *Services) : H(Services) {}

  dure_driver Table = {};
  dure_drv_build_info Build = {};
  Host H;
  std::unique_ptr<Backend> B;
  std::vector<dure_drv_device_info> Infos;
  std::mutex M;
  uint32_t OpenDevices = 0;
};

} // namespace dure::driver

static Driver &self(const dure_driver *D) {
  return *static_cast<Driver *>(D->self);
}

static dure_drv_status *destroy(const dure_driver *Handle) {
  Driver *D = &self(Handle);
  {
    std::lock_guard<std::mutex> Lock(D->M);
    if (D->OpenDevices)
      return D->H
          .error(DURE_DRV_BUSY, "driver.destroy: %u devices are open",
                 D->OpenDevices)
          .release();
  }
  delete D;
  return nullptr;
}

static dure_drv_status *deviceCount(const dure_driver *Handle,
                                    uint32_t *Count) {
  Driver &D = self(Handle);
  if (!Count)
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "driver.device_count: the result pointer is null")
        .release();
  *Count = static_cast<uint32_t>(D.Infos.size());
  return nullptr;
}

static Status checkIndex(Driver &D, const char *Function, uint32_t Index) {
  if (Index < D.Infos.size())
    return nullptr;
  return D.H.error(DURE_DRV_OUT_OF_RANGE, "%s: device %u of %zu", Function,
                   Index, D.Infos.size());
}

static dure_drv_status *deviceInfo(const dure_driver *Handle, uint32_t Index,
                                   dure_drv_device_info *Out) {
  Driver &D = self(Handle);
  if (Status F = checkIndex(D, "driver.device_info", Index))
    return F.release();
  if (!writeStruct(Out, D.Infos[Index]))
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "driver.device_info: null result or struct_size too "
               "small")
        .release();
  return nullptr;
}

static dure_drv_status *deviceOpen(const dure_driver *Handle, uint32_t Index,
                                   const dure_drv_extension *Next,
                                   dure_drv_device **Out) {
  Driver &D = self(Handle);
  if (Status F = checkIndex(D, "driver.device_open", Index))
    return F.release();
  if (Status F = D.H.readExtensions(Next, 0, nullptr))
    return F.release();
  if (!Out)
    return D.H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "driver.device_open: the result pointer is null")
        .release();
  auto *Dev = new Device{D, D.H, *D.B, Index, D.Infos[Index], {}, 0, 0, {}};
  std::lock_guard<std::mutex> Lock(D.M);
  ++D.OpenDevices;
  *Out = reinterpret_cast<dure_drv_device *>(Dev);
  return nullptr;
}

static dure_drv_status *deviceClose(dure_drv_device *Handle) {
  Device *Dev = unwrap(Handle);
  {
    std::lock_guard<std::mutex> Lock(Dev->M);
    if (Dev->Objects)
      return Dev->H
          .error(DURE_DRV_BUSY,
                 "driver.device_close: %u buffers, executables, timelines or "
                 "queues are left",
                 Dev->Objects)
          .release();
  }
  Driver &D = Dev->Owner;
  delete Dev;
  std::lock_guard<std::mutex> Lock(D.M);
  --D.OpenDevices;
  return nullptr;
}

static void describeDevices(Driver &D) {
  for (uint32_t I = 0; I != D.B->deviceCount(); ++I) {
    dure_drv_device_info Info = {};
    Info.struct_size = sizeof(Info);
    Info.id = I;
    Info.name = Info.architecture = "host";
    Info.features = "";
    Info.memory_total = Info.allocation_limit = D.B->memoryLimit();
    Info.memory_kind_count = 1;
    Info.buffer_alignment = Info.binding_alignment = 64;
    Info.transfer_alignment = 1;
    Info.max_bindings = Info.max_constants = 4096;
    Info.max_grid_rank = 1;
    Info.parallelism = 1;
    D.B->describe(I, Info);
    D.Infos.push_back(Info);
  }
}

uint64_t dure::driver::usableProcessors() {
  cpu_set_t Set;
  CPU_ZERO(&Set);
  if (sched_getaffinity(0, sizeof(Set), &Set) == 0 && CPU_COUNT(&Set) > 0)
    return static_cast<uint64_t>(CPU_COUNT(&Set));
  long Online = sysconf(_SC_NPROCESSORS_ONLN);
  return Online > 0 ? static_cast<uint64_t>(Online) : 1;
}

dure_drv_status *dure::driver::makeDriver(const char *Name,
                                          uint64_t Capabilities,
                                          BackendFactory Factory,
                                          uint32_t AbiMajor, uint32_t AbiMinor,
                                          const dure_host_services *Services,
                                          const dure_driver **Out) {
  if (dure_drv_status *Bad = Host::check(Out ? Services : nullptr))
    return Bad;
  auto D = std::make_unique<Driver>(Services);
  // Version 0 may break with each minor version, so it must be the same.
  if (AbiMajor != DURE_DRIVER_ABI_MAJOR || AbiMinor < DURE_DRIVER_ABI_MINOR)
    return D->H
        .error(DURE_DRV_INCOMPATIBLE, DURE_DRV_SCOPE_PROCESS, 0,
               "driver '%s' speaks driver ABI %d.%d, the host %u.%u", Name,
               DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR, AbiMajor, AbiMinor)
        .release();
  if (Status F = Factory(D->H, D->B))
    return F.release();
  describeDevices(*D);

  D->Build = {sizeof(D->Build),
              Name,
              "Dure",
              DURE_VERSION,
              compilerName(),
              sanitizerName(),
              DURE_DRIVER_ABI_MAJOR,
              DURE_DRIVER_ABI_MINOR};
  constexpr uint64_t Always = DURE_DRV_CAP_MAP | DURE_DRV_CAP_IMPORT_HOST |
                              DURE_DRV_CAP_DEADLINES | DURE_DRV_CAP_CANCEL |
                              DURE_DRV_CAP_TIMESTAMPS | DURE_DRV_CAP_UNORDERED;
  dure_driver &T = D->Table;
  T.struct_size = sizeof(T);
  T.abi_major = DURE_DRIVER_ABI_MAJOR;
  T.abi_minor = DURE_DRIVER_ABI_MINOR;
  T.capabilities = Capabilities | Always;
  if (!D->B->computes())
    T.capabilities &= ~uint64_t(DURE_DRV_CAP_COMPUTES);
  T.build_info = &D->Build;
  T.self = D.get();
  T.destroy = destroy;
  T.device_count = deviceCount;
  T.device_info = deviceInfo;
  T.device_open = deviceOpen;
  T.device_close = deviceClose;
  T.memory = &MemoryTable;
  T.executable =
      Capabilities & DURE_DRV_CAP_EXECUTABLES ? &ExecutableTable : nullptr;
  T.timeline = &TimelineTable;
  T.queue = &QueueTable;
  *Out = &D.release()->Table;
  return nullptr;
}
