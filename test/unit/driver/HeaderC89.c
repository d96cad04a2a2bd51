/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Compiled as C89 with -pedantic -Werror: the ABI headers are plain C. */
#include <dure/driver.h>

#include "targets/cpu/abi/CpuLibrary.h"

/* Frozen structs and the fields that every version-0 reader relies on. */
typedef char point_is_frozen[sizeof(dure_drv_timeline_point) == 16 ? 1 : -1];
typedef char ref_is_frozen[sizeof(dure_drv_buffer_ref) == 24 ? 1 : -1];
typedef char size_comes_first[offsetof(dure_driver, struct_size) == 0 ? 1 : -1];
typedef char cpu_entry_layout[sizeof(dure_cpu_entry) == 24 ? 1 : -1];
typedef char cpu_library_layout[sizeof(dure_cpu_library) == 32 ? 1 : -1];

static dure_drv_status *map(dure_drv_buffer *buffer, uint64_t offset,
                            uint64_t length, uint32_t flags, void **memory) {
  (void)buffer;
  (void)offset;
  (void)length;
  (void)flags;
  (void)memory;
  return NULL;
}

/* The feature test works in C, on an entry within and one beyond the size. */
int dure_test_header_c89(void);
int dure_test_header_c89(void) {
  dure_drv_memory_api table = {0};
  const dure_drv_memory_api *api = &table;
  const dure_drv_memory_api *none = NULL;
  if (DURE_DRV_HAS(none, map) || DURE_DRV_HAS(api, map))
    return 0;
  table.map = map;
  table.struct_size = offsetof(dure_drv_memory_api, map);
  if (DURE_DRV_HAS(api, map))
    return 0;
  table.struct_size = sizeof(table);
  return DURE_DRV_HAS(api, map);
}
