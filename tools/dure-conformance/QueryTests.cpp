// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conformance of the query symbol, the driver table and devices.
#include "tools/dure-conformance/Tests.h"

using namespace dure::conformance;

static void refusesOtherMajor(Session &S) {
  const dure_driver *D = nullptr;
  CONFORM_CODE(
      S, S.Lib.query()(DURE_DRIVER_ABI_MAJOR + 1, 0, S.Host.services(), &D),
      DURE_DRV_INCOMPATIBLE);
  CONFORM(S, D == nullptr);
}

static void respectsOlderMinor(Session &S) {
  const dure_driver *D = nullptr;
  Result R = S.Lib.query()(DURE_DRIVER_ABI_MAJOR, 0, S.Host.services(), &D);
  if (!R.ok()) {
    CONFORM(S, R.code() == DURE_DRV_INCOMPATIBLE);
    return;
  }
  bool Respected = D->abi_minor == 0;
  CONFORM_OK(S, D->destroy(D));
  CONFORM(S, Respected);
}

static void acceptsNewerMinor(Session &S) {
  const dure_driver *D = nullptr;
  CONFORM_OK(S,
             S.Lib.query()(DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR + 100,
                           S.Host.services(), &D));
  bool Sane = D->abi_major == DURE_DRIVER_ABI_MAJOR;
  CONFORM_OK(S, D->destroy(D));
  CONFORM(S, Sane);
}

static void refusesBadHost(Session &S) {
  auto Query = [&](const dure_host_services *H) {
    const dure_driver *D = nullptr;
    return S.Lib.query()(DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR, H, &D);
  };
  CONFORM_CODE(S, Query(nullptr), DURE_DRV_INVALID_ARGUMENT);
  dure_host_services H = *S.Host.services();
  H.struct_size = sizeof(size_t);
  CONFORM_CODE(S, Query(&H), DURE_DRV_INVALID_ARGUMENT);
  H = *S.Host.services();
  H.alloc = nullptr;
  CONFORM_CODE(S, Query(&H), DURE_DRV_INVALID_ARGUMENT);
  H = *S.Host.services();
  H.status_create = nullptr;
  CONFORM_CODE(S, Query(&H), DURE_DRV_INVALID_ARGUMENT);
  CONFORM_CODE(S,
               S.Lib.query()(DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR,
                             S.Host.services(), nullptr),
               DURE_DRV_INVALID_ARGUMENT);
}

static void worksWithSmallestHost(Session &S) {
  // A host without the optional services at its end.
  dure_host_services H = *S.Host.services();
  H.struct_size = offsetof(dure_host_services, trace);
  const dure_driver *D = nullptr;
  CONFORM_OK(
      S, S.Lib.query()(DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR, &H, &D));
  CONFORM_OK(S, D->destroy(D));
}

static void tablesMatchCapabilities(Session &S) {
  // That what is claimed is there was checked when the session was opened;
  // here, that what is there is claimed.
  const dure_driver *D = S.Driver;
  CONFORM(S, S.has(DURE_DRV_CAP_MAP) ==
                 (DURE_DRV_HAS(S.Mem, map) && DURE_DRV_HAS(S.Mem, unmap)));
  CONFORM(S,
          S.has(DURE_DRV_CAP_IMPORT_HOST) == DURE_DRV_HAS(S.Mem, import_host));
  CONFORM(S, S.has(DURE_DRV_CAP_EXECUTABLES) == DURE_DRV_HAS(D, executable));
  CONFORM(S, S.has(DURE_DRV_CAP_EXECUTABLES) || !S.has(DURE_DRV_CAP_COMPUTES));
}

static void buildInfoIsFilledIn(Session &S) {
  const dure_drv_build_info *B = S.Driver->build_info;
  CONFORM(S, B != nullptr);
  CONFORM(S, B->struct_size >= sizeof(dure_drv_build_info));
  CONFORM(S, B->name && *B->name);
  CONFORM(S, B->vendor && *B->vendor);
  CONFORM(S, B->version && *B->version);
  CONFORM(S, B->compiler && *B->compiler);
  CONFORM(S, B->sanitizer && *B->sanitizer);
  CONFORM(S, B->abi_major == DURE_DRIVER_ABI_MAJOR);
}

static void instancesAreIndependent(Session &S) {
  const dure_driver *A = nullptr, *B = nullptr;
  for (const dure_driver **D : {&A, &B})
    CONFORM_OK(S, S.Lib.query()(DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR,
                                S.Host.services(), D));
  CONFORM(S, A && B && A != B);
  CONFORM_OK(S, A->destroy(A));
  uint32_t Count = 0;
  CONFORM_OK(S, B->device_count(B, &Count));
  CONFORM_OK(S, B->destroy(B));
}

static void destroyWithOpenDeviceIsBusy(Session &S) {
  CONFORM_CODE(S, S.Driver->destroy(S.Driver), DURE_DRV_BUSY);
}

static void deviceInfoIsSane(Session &S) {
  const dure_drv_device_info &I = S.Info;
  CONFORM(S, I.name && *I.name && I.architecture && *I.architecture);
  CONFORM(S, I.features != nullptr);
  CONFORM(S, I.memory_kind_count >= 1);
  auto PowerOfTwo = [](uint32_t V) { return V && (V & (V - 1)) == 0; };
  CONFORM(S, PowerOfTwo(I.buffer_alignment));
  CONFORM(S, PowerOfTwo(I.binding_alignment));
  CONFORM(S, PowerOfTwo(I.transfer_alignment));
  CONFORM(S, I.allocation_limit > 0);
  CONFORM(S, I.max_grid_rank <= 3);
  CONFORM(S, !S.has(DURE_DRV_CAP_EXECUTABLES) || I.max_bindings > 0);
}

static void deviceInfoRespectsSizes(Session &S) {
  dure_drv_device_info Small = {};
  Small.struct_size = sizeof(size_t);
  CONFORM_CODE(S, S.Driver->device_info(S.Driver, 0, &Small),
               DURE_DRV_INVALID_ARGUMENT);
  // A newer host's struct: what the driver does not know stays as it was.
  struct {
    dure_drv_device_info Known;
    uint64_t Later;
  } Large = {};
  Large.Known.struct_size = sizeof(Large);
  Large.Later = 0x5a5a5a5a;
  CONFORM_OK(S, S.Driver->device_info(S.Driver, 0, &Large.Known));
  CONFORM(S, Large.Known.struct_size == sizeof(Large));
  CONFORM(S, Large.Later == 0x5a5a5a5a);
}

static void deviceIndexIsChecked(Session &S) {
  uint32_t Count = 0;
  CONFORM_OK(S, S.Driver->device_count(S.Driver, &Count));
  dure_drv_device_info I = {};
  I.struct_size = sizeof(I);
  CONFORM_CODE(S, S.Driver->device_info(S.Driver, Count, &I),
               DURE_DRV_OUT_OF_RANGE);
  dure_drv_device *D = nullptr;
  CONFORM_CODE(S, S.Driver->device_open(S.Driver, Count, nullptr, &D),
               DURE_DRV_OUT_OF_RANGE);
  CONFORM(S, D == nullptr);
}

static void closeWithObjectsIsBusy(Session &S) {
  dure_drv_buffer *B = S.buffer(16);
  CONFORM(S, B);
  CONFORM_CODE(S, S.Driver->device_close(S.Dev), DURE_DRV_BUSY);
}

static void extensionsOfOpen(Session &S) {
  dure_drv_device *D = nullptr;
  dure_drv_extension Unknown = {sizeof(Unknown), 0x7fffffffu, 0, nullptr};
  Result R = S.Driver->device_open(S.Driver, 0, &Unknown, &D);
  // A device may be exclusive, but then it says so.
  if (R.code() != DURE_DRV_BUSY) {
    CONFORM(S, R.ok());
    CONFORM_OK(S, S.Driver->device_close(D));
  }
  D = nullptr;
  Unknown.flags = DURE_DRV_EXTENSION_MUST_UNDERSTAND;
  CONFORM_CODE(S, S.Driver->device_open(S.Driver, 0, &Unknown, &D),
               DURE_DRV_UNIMPLEMENTED);
  CONFORM(S, D == nullptr);
}

const std::vector<TestCase> dure::conformance::QueryTests = {
    {"query.refuses-other-major", 0, refusesOtherMajor},
    {"query.respects-older-minor", 0, respectsOlderMinor},
    {"query.accepts-newer-minor", 0, acceptsNewerMinor},
    {"query.refuses-bad-host", 0, refusesBadHost},
    {"query.works-with-smallest-host", 0, worksWithSmallestHost},
    {"query.tables-match-capabilities", 0, tablesMatchCapabilities},
    {"query.build-info", 0, buildInfoIsFilledIn},
    {"query.instances-are-independent", 0, instancesAreIndependent},
    {"query.destroy-busy", 0, destroyWithOpenDeviceIsBusy},
    {"device.info", 0, deviceInfoIsSane},
    {"device.info-struct-sizes", 0, deviceInfoRespectsSizes},
    {"device.index", 0, deviceIndexIsChecked},
    {"device.close-busy", 0, closeWithObjectsIsBusy},
    {"device.extensions", 0, extensionsOfOpen},
};
