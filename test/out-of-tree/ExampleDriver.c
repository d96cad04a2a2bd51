/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The driver of the example chip: adds and multiplies f32, from nothing but the
 * installed header. A code object is a line "entry add" or "entry mul" each.
 *
 * The least that Dure's runtime asks for, not the whole contract: a submission
 * runs within submit, so one whose waits are open is refused. A driver that
 * passes the conformance suite starts from Dure's null driver. */
#include <dure/driver.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define MAX_ENTRIES 64

typedef const dure_host_services host_services;

struct dure_drv_device {
  host_services *host;
  int objects; /* buffers, timelines, queues and executables */
};
struct dure_drv_buffer {
  dure_drv_device *device;
  float *floats;
  uint64_t size;
};
struct dure_drv_executable {
  dure_drv_device *device;
  uint32_t count;
  char names[MAX_ENTRIES][64];
  char ops[MAX_ENTRIES][8];
};
struct dure_drv_timeline {
  dure_drv_device *device;
  uint64_t value;
  dure_drv_status *failure;
};
struct dure_drv_queue {
  dure_drv_device *device;
};

/* Guards everything below; told when a timeline changes. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static dure_drv_status *fail(host_services *host, int32_t code,
                             const char *message) {
  return host->status_create(host->context, code, DURE_DRV_SCOPE_CALL, 0,
                             message);
}

static void *create(dure_drv_device *device, size_t size) {
  void *object = device->host->alloc(device->host->context, size, 64);
  if (object) {
    memset(object, 0, size);
    pthread_mutex_lock(&lock);
    ++device->objects;
    pthread_mutex_unlock(&lock);
  }
  return object;
}

static dure_drv_status *destroy(dure_drv_device *device, void *object) {
  pthread_mutex_lock(&lock);
  --device->objects;
  pthread_mutex_unlock(&lock);
  device->host->free(device->host->context, object);
  return NULL;
}

static dure_drv_status *no_memory(dure_drv_device *device) {
  return fail(device->host, DURE_DRV_RESOURCE_EXHAUSTED, "no memory is left");
}

/* Memory. */

static dure_drv_status *memory_info(dure_drv_device *device, uint32_t index,
                                    dure_drv_memory_info *info) {
  if (index != 0)
    return fail(device->host, DURE_DRV_OUT_OF_RANGE, "there is one memory");
  info->properties = DURE_DRV_MEMORY_HOST_VISIBLE;
  info->alignment = 64;
  info->total = info->available = 0;
  return NULL;
}

static dure_drv_status *allocate(dure_drv_device *device,
                                 const dure_drv_buffer_params *params,
                                 dure_drv_buffer **buffer) {
  dure_drv_buffer *made = create(device, sizeof(*made));
  if (!made)
    return no_memory(device);
  made->device = device;
  made->size = params->size;
  made->floats =
      device->host->alloc(device->host->context, (size_t)params->size, 64);
  if (!made->floats) {
    destroy(device, made);
    return no_memory(device);
  }
  *buffer = made;
  return NULL;
}

static dure_drv_status *free_buffer(dure_drv_buffer *buffer) {
  host_services *host = buffer->device->host;
  host->free(host->context, buffer->floats);
  return destroy(buffer->device, buffer);
}

static uint64_t buffer_size(const dure_drv_buffer *buffer) {
  return buffer->size;
}

static dure_drv_status *map(dure_drv_buffer *buffer, uint64_t offset,
                            uint64_t length, uint32_t flags, void **memory) {
  (void)flags;
  if (offset > buffer->size || length > buffer->size - offset)
    return fail(buffer->device->host, DURE_DRV_OUT_OF_RANGE,
                "the range leaves the buffer");
  *memory = (char *)buffer->floats + offset;
  return NULL;
}

static dure_drv_status *unmap(dure_drv_buffer *buffer) {
  (void)buffer;
  return NULL;
}

/* Executables. */

static dure_drv_status *validate(dure_drv_device *device,
                                 const char *compatibility,
                                 dure_drv_compatibility *result) {
  int mine = strcmp(compatibility, "example-1") == 0;
  result->verdict = mine ? DURE_DRV_OPTIMAL : DURE_DRV_UNSUPPORTED;
  result->score = 0;
  result->reason =
      mine ? NULL
           : fail(device->host, DURE_DRV_INCOMPATIBLE, "not for this chip");
  return NULL;
}

static dure_drv_status *load(dure_drv_device *device,
                             const dure_drv_executable_params *params,
                             dure_drv_executable **executable) {
  const char *next = params->bytes;
  const char *end = next + params->byte_count;
  dure_drv_executable *made;
  if (!params->format || strcmp(params->format, "example-text") != 0)
    return fail(device->host, DURE_DRV_INVALID_ARGUMENT,
                "this driver loads example-text");
  made = create(device, sizeof(*made));
  if (!made)
    return no_memory(device);
  made->device = device;
  while (next != end && made->count != MAX_ENTRIES) {
    char line[80];
    const char *stop = memchr(next, '\n', (size_t)(end - next));
    size_t length = stop ? (size_t)(stop - next) : sizeof(line);
    if (length < sizeof(line)) {
      memcpy(line, next, length);
      line[length] = 0;
    }
    if (length >= sizeof(line) ||
        sscanf(line, "%63s %7s", made->names[made->count],
               made->ops[made->count]) != 2) {
      destroy(device, made);
      return fail(device->host, DURE_DRV_INVALID_ARGUMENT,
                  "a line of the code object is not 'entry op'");
    }
    ++made->count;
    next = stop + 1;
  }
  *executable = made;
  return NULL;
}

static uint32_t entry_count(const dure_drv_executable *executable) {
  return executable->count;
}

static dure_drv_status *entry_info(const dure_drv_executable *executable,
                                   uint32_t entry, dure_drv_entry_info *info) {
  if (entry >= executable->count)
    return fail(executable->device->host, DURE_DRV_OUT_OF_RANGE, "no entry");
  info->name = executable->names[entry];
  info->workspace_bytes = 0;
  return NULL;
}

static dure_drv_status *lookup(const dure_drv_executable *executable,
                               const char *name, uint32_t *entry) {
  uint32_t i;
  for (i = 0; i != executable->count; ++i)
    if (strcmp(executable->names[i], name) == 0) {
      *entry = i;
      return NULL;
    }
  return fail(executable->device->host, DURE_DRV_NOT_FOUND, name);
}

static dure_drv_status *unload(dure_drv_executable *executable) {
  return destroy(executable->device, executable);
}

/* Timelines. */

static dure_drv_status *timeline_create(dure_drv_device *device, uint64_t value,
                                        dure_drv_timeline **timeline) {
  dure_drv_timeline *made = create(device, sizeof(*made));
  if (!made)
    return no_memory(device);
  made->device = device;
  made->value = value;
  *timeline = made;
  return NULL;
}

static dure_drv_status *timeline_destroy(dure_drv_timeline *timeline) {
  if (timeline->failure)
    timeline->failure->destroy(timeline->failure);
  return destroy(timeline->device, timeline);
}

/* A copy of the failure, if there is one. */
static dure_drv_status *failure_of(const dure_drv_timeline *timeline) {
  const dure_drv_status *s = timeline->failure;
  host_services *host = timeline->device->host;
  return s ? host->status_create(host->context, s->code, s->scope, s->flags,
                                 s->message)
           : NULL;
}

static dure_drv_status *query(dure_drv_timeline *timeline, uint64_t *value) {
  dure_drv_status *failure;
  pthread_mutex_lock(&lock);
  *value = timeline->value;
  failure = failure_of(timeline);
  pthread_mutex_unlock(&lock);
  return failure;
}

static dure_drv_status *signal_value(dure_drv_timeline *timeline,
                                     uint64_t value) {
  pthread_mutex_lock(&lock);
  if (!timeline->failure && value > timeline->value)
    timeline->value = value;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return NULL;
}

static dure_drv_status *fail_timeline(dure_drv_timeline *timeline,
                                      dure_drv_status *failure) {
  pthread_mutex_lock(&lock);
  if (timeline->failure)
    failure->destroy(failure);
  else
    timeline->failure = failure;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
  return NULL;
}

static dure_drv_status *wait_value(dure_drv_timeline *timeline, uint64_t value,
                                   uint64_t deadline) {
  dure_drv_status *answer = NULL;
  (void)deadline; /* what is submitted has run */
  pthread_mutex_lock(&lock);
  while (timeline->value < value && !timeline->failure)
    pthread_cond_wait(&changed, &lock);
  if (timeline->value < value)
    answer = failure_of(timeline);
  pthread_mutex_unlock(&lock);
  return answer;
}

/* Queues. */

static dure_drv_status *queue_create(dure_drv_device *device,
                                     const dure_drv_queue_params *params,
                                     dure_drv_queue **queue) {
  (void)params;
  *queue = create(device, sizeof(**queue));
  if (!*queue)
    return no_memory(device);
  (*queue)->device = device;
  return NULL;
}

static dure_drv_status *queue_destroy(dure_drv_queue *queue) {
  return destroy(queue->device, queue);
}

static float *floats(const dure_drv_buffer_ref *ref) {
  return (float *)((char *)ref->buffer->floats + ref->offset);
}

static dure_drv_status *dispatch(host_services *host,
                                 const dure_drv_dispatch *d) {
  int multiplies = strcmp(d->executable->ops[d->entry], "mul") == 0;
  uint64_t i, n = (uint64_t)d->constants[0];
  uint64_t begin = host->now_ns(host->context);
  for (i = 0; i != d->binding_count; ++i)
    if (d->bindings[i].length / sizeof(float) < n)
      return fail(host, DURE_DRV_INVALID_ARGUMENT,
                  "the example chip does not broadcast");
  for (i = 0; i != n; ++i) {
    float a = floats(&d->bindings[0])[i], b = floats(&d->bindings[1])[i];
    floats(&d->bindings[2])[i] = multiplies ? a * b : a + b;
  }
  if (DURE_DRV_HAS(host, trace))
    host->trace(host->context, d->executable->names[d->entry], begin,
                host->now_ns(host->context));
  return NULL;
}

static dure_drv_status *run(host_services *host, const dure_drv_command *c) {
  uint64_t i;
  switch (c->kind) {
  case DURE_DRV_COMMAND_DISPATCH:
    return dispatch(host, &c->u.dispatch);
  case DURE_DRV_COMMAND_COPY:
    memcpy(floats(&c->u.copy.target), floats(&c->u.copy.source),
           (size_t)c->u.copy.source.length);
    return NULL;
  case DURE_DRV_COMMAND_FILL:
    for (i = 0; i != c->u.fill.target.length; ++i)
      ((unsigned char *)floats(&c->u.fill.target))[i] =
          c->u.fill.pattern[i % c->u.fill.pattern_length];
    return NULL;
  case DURE_DRV_COMMAND_BARRIER:
    return NULL;
  default:
    return fail(host, DURE_DRV_UNIMPLEMENTED, "a command is not known");
  }
}

static dure_drv_status *
submit(dure_drv_queue *queue, const dure_drv_command *commands, size_t count,
       const dure_drv_timeline_point *waits, size_t wait_count,
       const dure_drv_timeline_point *signals, size_t signal_count,
       uint64_t deadline, const dure_drv_extension *extensions) {
  host_services *host = queue->device->host;
  dure_drv_status *failure = NULL;
  size_t i;
  (void)deadline;
  (void)extensions;
  for (i = 0; i != wait_count; ++i) {
    uint64_t reached = 0;
    failure = query(waits[i].timeline, &reached);
    if (failure)
      return failure;
    if (reached < waits[i].value)
      return fail(host, DURE_DRV_UNIMPLEMENTED,
                  "the example driver does not wait for other work");
  }
  for (i = 0; i != count && !failure; ++i)
    failure = run(host, (const dure_drv_command *)((const char *)commands +
                                                   i * commands->struct_size));
  for (i = 0; i != signal_count; ++i)
    if (failure)
      fail_timeline(signals[i].timeline,
                    host->status_create(host->context, failure->code,
                                        failure->scope, failure->flags,
                                        failure->message));
    else
      signal_value(signals[i].timeline, signals[i].value);
  if (failure)
    failure->destroy(failure);
  return NULL;
}

static dure_drv_status *wait_idle(dure_drv_queue *queue, uint64_t deadline) {
  (void)queue;
  (void)deadline;
  return NULL;
}

/* The driver. */

static host_services *host_of(const dure_driver *driver) {
  return (host_services *)driver->self;
}

static dure_drv_status *driver_destroy(const dure_driver *driver) {
  host_services *host = host_of(driver);
  host->free(host->context, (void *)driver);
  return NULL;
}

static dure_drv_status *device_count(const dure_driver *driver,
                                     uint32_t *count) {
  (void)driver;
  *count = 1;
  return NULL;
}

static dure_drv_status *device_info(const dure_driver *driver, uint32_t index,
                                    dure_drv_device_info *info) {
  dure_drv_device_info mine;
  if (index != 0)
    return fail(host_of(driver), DURE_DRV_OUT_OF_RANGE, "there is one device");
  memset(&mine, 0, sizeof(mine));
  mine.struct_size = info->struct_size;
  mine.name = "example chip";
  mine.architecture = "example";
  mine.features = "";
  mine.allocation_limit = (uint64_t)1 << 32;
  mine.memory_kind_count = 1;
  mine.buffer_alignment = 64;
  mine.binding_alignment = mine.transfer_alignment = 1;
  mine.max_bindings = 3;
  mine.max_constants = 1;
  mine.parallelism = 1;
  memcpy(info, &mine,
         info->struct_size < sizeof(mine) ? info->struct_size : sizeof(mine));
  return NULL;
}

static dure_drv_status *device_open(const dure_driver *driver, uint32_t index,
                                    const dure_drv_extension *next,
                                    dure_drv_device **device) {
  host_services *host = host_of(driver);
  dure_drv_device *made;
  (void)next;
  if (index != 0)
    return fail(host, DURE_DRV_OUT_OF_RANGE, "there is one device");
  made = host->alloc(host->context, sizeof(*made), 64);
  if (!made)
    return fail(host, DURE_DRV_RESOURCE_EXHAUSTED, "no memory is left");
  made->host = host;
  made->objects = 0;
  *device = made;
  return NULL;
}

static dure_drv_status *device_close(dure_drv_device *device) {
  if (device->objects != 0)
    return fail(device->host, DURE_DRV_BUSY, "objects of the device are left");
  device->host->free(device->host->context, device);
  return NULL;
}

static const dure_drv_memory_api memory_api = {
    sizeof(memory_api), memory_info, allocate, NULL,
    free_buffer,        buffer_size, map,      unmap};
static const dure_drv_executable_api executable_api = {sizeof(executable_api),
                                                       validate,
                                                       load,
                                                       entry_count,
                                                       entry_info,
                                                       lookup,
                                                       unload};
static const dure_drv_timeline_api timeline_api = {
    sizeof(timeline_api), timeline_create, timeline_destroy, query,
    signal_value,         fail_timeline,   wait_value};
static const dure_drv_queue_api queue_api = {sizeof(queue_api), queue_create,
                                             queue_destroy, submit, wait_idle};
static const dure_drv_build_info build_info = {sizeof(build_info),
                                               "example",
                                               "out of tree",
                                               "1.0.0",
                                               "any",
                                               "none",
                                               DURE_DRIVER_ABI_MAJOR,
                                               DURE_DRIVER_ABI_MINOR};

dure_drv_status *dure_driver_query(uint32_t abi_major, uint32_t abi_minor,
                                   const dure_host_services *host,
                                   const dure_driver **out) {
  dure_driver *made;
  if (abi_major != DURE_DRIVER_ABI_MAJOR || abi_minor < DURE_DRIVER_ABI_MINOR)
    return fail(host, DURE_DRV_INCOMPATIBLE, "another driver ABI");
  made = host->alloc(host->context, sizeof(*made), 64);
  if (!made)
    return fail(host, DURE_DRV_RESOURCE_EXHAUSTED, "no memory is left");
  memset(made, 0, sizeof(*made));
  made->struct_size = sizeof(*made);
  made->abi_major = DURE_DRIVER_ABI_MAJOR;
  made->abi_minor = DURE_DRIVER_ABI_MINOR;
  /* Its code is text, which this driver reads: nothing runs on the host. */
  made->capabilities = DURE_DRV_CAP_MAP | DURE_DRV_CAP_EXECUTABLES |
                       DURE_DRV_CAP_COMPUTES | DURE_DRV_CAP_OFF_HOST;
  made->build_info = &build_info;
  made->self = (void *)host;
  made->destroy = driver_destroy;
  made->device_count = device_count;
  made->device_info = device_info;
  made->device_open = device_open;
  made->device_close = device_close;
  made->memory = &memory_api;
  made->executable = &executable_api;
  made->timeline = &timeline_api;
  made->queue = &queue_api;
  *out = made;
  return NULL;
}
