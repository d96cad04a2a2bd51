/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Drivers that are wrong in one way each, chosen by a macro. Whoever calls what
 * is not there dies, so that a test sees it. */
#include <dure/driver.h>

static void *never(void) { return *(void *volatile *)0; }
#define NEVER(TYPE) (TYPE)(void (*)(void)) never

typedef dure_drv_status *(*any)(void);

static dure_drv_status *destroy(const dure_driver *driver) {
  (void)driver;
  return NULL;
}
static dure_drv_status *count(const dure_driver *driver, uint32_t *result) {
  (void)driver;
  *result = 0;
  return NULL;
}

static dure_drv_memory_api memory = {sizeof(memory), 0, 0, 0, 0, 0, 0, 0};
static dure_drv_timeline_api timeline = {sizeof(timeline), 0, 0, 0, 0, 0, 0};
static dure_drv_queue_api queue = {sizeof(queue), 0, 0, 0, 0};
static dure_drv_executable_api executable = {
    sizeof(executable), 0, 0, 0, 0, 0, 0};
static dure_drv_build_info build = {sizeof(build),
                                    "broken",
                                    "test",
                                    "0",
                                    "c",
                                    "none",
                                    DURE_DRIVER_ABI_MAJOR,
                                    DURE_DRIVER_ABI_MINOR};
static dure_driver table;

/* Every entry of TABLE from its second word on. */
static void fill(void *api, size_t size) {
  any *entries = (any *)api;
  size_t i;
  for (i = 1; i != size / sizeof(any); ++i)
    entries[i] = NEVER(any);
}

DURE_DRIVER_EXPORT dure_drv_status *
dure_driver_query(uint32_t abi_major, uint32_t abi_minor,
                  const dure_host_services *host, const dure_driver **out) {
  (void)abi_major;
  (void)abi_minor;
  (void)host;
  fill(&memory, sizeof(memory));
  fill(&timeline, sizeof(timeline));
  fill(&queue, sizeof(queue));
  fill(&executable, sizeof(executable));
  table.struct_size = sizeof(table);
  table.abi_major = DURE_DRIVER_ABI_MAJOR;
  table.abi_minor = DURE_DRIVER_ABI_MINOR;
  table.capabilities =
      DURE_DRV_CAP_MAP | DURE_DRV_CAP_EXECUTABLES | DURE_DRV_CAP_COMPUTES;
  table.build_info = &build;
  table.destroy = destroy;
  table.device_count = count;
  table.device_info = NEVER(dure_drv_status * (*)(const dure_driver *, uint32_t,
                                                  dure_drv_device_info *));
  table.device_open = NEVER(dure_drv_status * (*)(const dure_driver *, uint32_t,
                                                  const dure_drv_extension *,
                                                  dure_drv_device **));
  table.device_close = NEVER(dure_drv_status * (*)(dure_drv_device *));
  table.memory = &memory;
  table.timeline = &timeline;
  table.queue = &queue;
  table.executable = &executable;
  *out = &table;
#if defined(NOTHING)
  *out = NULL;
#elif defined(OTHER_ABI)
  table.abi_major = DURE_DRIVER_ABI_MAJOR + 7;
  table.destroy = NEVER(dure_drv_status * (*)(const dure_driver *));
#elif defined(NO_SIZE)
  table.struct_size = sizeof(size_t);
  table.destroy = NEVER(dure_drv_status * (*)(const dure_driver *));
#elif defined(NO_DESTROY)
  table.destroy = NULL;
#elif defined(NO_BUILD_INFO)
  table.build_info = NULL;
#elif defined(NO_MEMORY)
  table.memory = NULL;
#elif defined(NO_FREE)
  memory.free = NULL;
#elif defined(NO_UNMAP)
  memory.unmap = NULL;
#elif defined(NO_WAIT)
  timeline.wait = NULL;
#elif defined(SHORT_QUEUE)
  queue.struct_size = offsetof(dure_drv_queue_api, submit);
#elif defined(NO_EXECUTABLE)
  table.executable = NULL;
#elif defined(NO_VALIDATE)
  executable.validate = NULL;
#elif defined(SANITIZED)
  build.sanitizer = "moonlight";
#else
#error "say what is wrong"
#endif
  return NULL;
}
