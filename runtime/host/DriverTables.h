// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a driver's tables must hold, in the order in which it may be looked at.
//
// Included by libdure, by the fault layer and by dure-conformance: whoever asks
// a driver that somebody else wrote looks here before the first call. Depends
// on <dure/driver.h> alone; header only.
#ifndef DURE_RUNTIME_HOST_DRIVERTABLES_H
#define DURE_RUNTIME_HOST_DRIVERTABLES_H

#include <dure/driver.h>

namespace dure {

/// True if DRIVER can be talked to at all. Its other fields mean nothing, and
/// not even its destroy may be called, when it cannot.
inline bool speaksThisAbi(const dure_driver &Driver) {
  return Driver.struct_size >=
             offsetof(dure_driver, abi_minor) + sizeof(Driver.abi_minor) &&
         Driver.abi_major == DURE_DRIVER_ABI_MAJOR &&
         Driver.abi_minor <= DURE_DRIVER_ABI_MINOR;
}

/// The first entry that DRIVER, which speaks this ABI, should have and does
/// not: what every driver has, and what its capability bits claim. NULL if
/// nothing is missing.
inline const char *missingEntry(const dure_driver &Driver) {
#define DURE_NEEDS(TABLE, ENTRY, NAME)                                         \
  if (!DURE_DRV_HAS(TABLE, ENTRY))                                             \
    return NAME;
#define DURE_CLAIMS(CAPABILITY, TABLE, ENTRY, NAME)                            \
  if ((Driver.capabilities & (CAPABILITY)) && !DURE_DRV_HAS(TABLE, ENTRY))     \
    return NAME;
  if (Driver.struct_size <
      offsetof(dure_driver, capabilities) + sizeof(Driver.capabilities))
    return "capabilities";
  const dure_driver *D = &Driver;
  DURE_NEEDS(D, build_info, "build_info")
  DURE_NEEDS(D, destroy, "destroy")
  DURE_NEEDS(D, device_count, "device_count")
  DURE_NEEDS(D, device_info, "device_info")
  DURE_NEEDS(D, device_open, "device_open")
  DURE_NEEDS(D, device_close, "device_close")
  DURE_NEEDS(D, memory, "memory")
  DURE_NEEDS(D, timeline, "timeline")
  DURE_NEEDS(D, queue, "queue")
  if (D->build_info->struct_size < sizeof(dure_drv_build_info))
    return "build_info (all of it)";
  DURE_NEEDS(D->memory, info, "memory.info")
  DURE_NEEDS(D->memory, allocate, "memory.allocate")
  DURE_NEEDS(D->memory, free, "memory.free")
  DURE_NEEDS(D->memory, size, "memory.size")
  DURE_CLAIMS(DURE_DRV_CAP_MAP, D->memory, map, "memory.map")
  DURE_CLAIMS(DURE_DRV_CAP_MAP, D->memory, unmap, "memory.unmap")
  DURE_CLAIMS(DURE_DRV_CAP_IMPORT_HOST, D->memory, import_host,
              "memory.import_host")
  DURE_NEEDS(D->timeline, create, "timeline.create")
  DURE_NEEDS(D->timeline, destroy, "timeline.destroy")
  DURE_NEEDS(D->timeline, query, "timeline.query")
  DURE_NEEDS(D->timeline, signal, "timeline.signal")
  DURE_NEEDS(D->timeline, fail, "timeline.fail")
  DURE_NEEDS(D->timeline, wait, "timeline.wait")
  DURE_NEEDS(D->queue, create, "queue.create")
  DURE_NEEDS(D->queue, destroy, "queue.destroy")
  DURE_NEEDS(D->queue, submit, "queue.submit")
  DURE_NEEDS(D->queue, wait_idle, "queue.wait_idle")
  DURE_CLAIMS(DURE_DRV_CAP_EXECUTABLES, D, executable, "executable")
  if (!(Driver.capabilities & DURE_DRV_CAP_EXECUTABLES))
    return nullptr;
  DURE_NEEDS(D->executable, validate, "executable.validate")
  DURE_NEEDS(D->executable, load, "executable.load")
  DURE_NEEDS(D->executable, entry_count, "executable.entry_count")
  DURE_NEEDS(D->executable, entry_info, "executable.entry_info")
  DURE_NEEDS(D->executable, lookup, "executable.lookup")
  DURE_NEEDS(D->executable, unload, "executable.unload")
#undef DURE_NEEDS
#undef DURE_CLAIMS
  return nullptr;
}

} // namespace dure

#endif // DURE_RUNTIME_HOST_DRIVERTABLES_H
