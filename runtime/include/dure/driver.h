/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The driver ABI: how Dure's runtime and a chip's driver talk to each other. */
#ifndef DURE_DRIVER_H
#define DURE_DRIVER_H

/*
 * Who includes this: libdure (the host) and every driver, in tree or not. A
 * driver is a shared library `libdure-driver-<name>.so` that exports exactly
 * one symbol, dure_driver_query. Needs C89 (with <stdint.h>) or C++; depends
 * on nothing else of Dure.
 *
 * How it may change: the major version is 0 until a second chip has used this
 * header, and 0 may still break between releases. From 1 on it is append-only
 * within a major version: fields and entries are added at the end of structs,
 * never moved, removed or given another meaning.
 *
 * Structs. Every struct that may grow starts with `size_t struct_size`, set by
 * whoever fills the struct in to the sizeof that it was compiled with. A reader
 * treats what lies beyond struct_size as zero; a writer of an out-struct writes
 * no byte beyond the struct_size that it was handed and leaves struct_size as
 * it is. A struct_size smaller than the version-0 struct is INVALID_ARGUMENT.
 * Structs without struct_size are frozen and say so.
 *
 * Absent functions. An entry that is NULL, or lies beyond its table's
 * struct_size, is not supported, and then its capability bit is off. Use
 * DURE_DRV_HAS before calling an entry that is marked [optional]; all other
 * entries are always there.
 *
 * Errors. NULL is success. A dure_drv_status that is returned or handed to a
 * callee belongs to the receiver, who calls its destroy function once; a
 * pointer to const status stays the owner's. On failure out-parameters
 * are untouched. No C++ exception and no signal crosses this boundary.
 *
 * Threads. Every function carries a tag:
 *   [any-thread]     callable at any time from any thread, also concurrently;
 *   [object-serial]  the caller never runs two such calls on one object at
 *                    the same time, nor with its destruction;
 *   [once]           at most once per object, with no other call under way or
 *                    later on that object.
 * No function blocks unless its comment says so. Callbacks come from any
 * thread, must not block and may call only host services.
 *
 * Time is nanoseconds of the host's monotonic clock (host services' now_ns).
 * A deadline is an absolute time; DURE_DRV_NO_DEADLINE is none.
 *
 * Lifetime. A driver outlives its devices; a device outlives its buffers,
 * executables, queues and timelines. Destroying or unloading something that is
 * still in use answers BUSY and changes nothing. All strings are UTF-8 and
 * NUL-terminated.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DURE_DRIVER_ABI_MAJOR 0
#define DURE_DRIVER_ABI_MINOR 3

/* True if TABLE (a pointer to a function table) offers ENTRY. */
#define DURE_DRV_HAS(TABLE, ENTRY)                                             \
  ((TABLE) != NULL &&                                                          \
   (size_t)((const char *)&(TABLE)->ENTRY - (const char *)(TABLE)) +           \
           sizeof((TABLE)->ENTRY) <=                                           \
       (TABLE)->struct_size &&                                                 \
   (TABLE)->ENTRY != NULL)

/* Marks dure_driver_query's definition: the one exported symbol. */
#if defined(_WIN32)
#define DURE_DRIVER_EXPORT __declspec(dllexport)
#else
#define DURE_DRIVER_EXPORT __attribute__((visibility("default")))
#endif

#define DURE_DRV_NO_DEADLINE 0

typedef struct dure_driver dure_driver;
typedef struct dure_host_services dure_host_services;

/* Opaque objects; each driver defines its own. */
typedef struct dure_drv_device dure_drv_device;
typedef struct dure_drv_buffer dure_drv_buffer;
typedef struct dure_drv_executable dure_drv_executable;
typedef struct dure_drv_queue dure_drv_queue;
typedef struct dure_drv_timeline dure_drv_timeline;

/*===-- Status -----------------------------------------------------------===*/

/* 0 to 16 have the meaning that gRPC and absl give them. */
typedef enum dure_drv_code {
  DURE_DRV_OK = 0,
  DURE_DRV_CANCELLED = 1,
  DURE_DRV_UNKNOWN = 2,
  DURE_DRV_INVALID_ARGUMENT = 3,
  DURE_DRV_DEADLINE_EXCEEDED = 4,
  DURE_DRV_NOT_FOUND = 5,
  DURE_DRV_ALREADY_EXISTS = 6,
  DURE_DRV_PERMISSION_DENIED = 7,
  DURE_DRV_RESOURCE_EXHAUSTED = 8, /* out of memory of some kind */
  DURE_DRV_FAILED_PRECONDITION = 9,
  DURE_DRV_ABORTED = 10,
  DURE_DRV_OUT_OF_RANGE = 11,
  DURE_DRV_UNIMPLEMENTED = 12,
  DURE_DRV_INTERNAL = 13,
  DURE_DRV_UNAVAILABLE = 14,
  DURE_DRV_DATA_LOSS = 15,
  DURE_DRV_UNAUTHENTICATED = 16,
  /* Dure's own. */
  DURE_DRV_DEVICE_LOST = 32,  /* removed, reset or dead; the device is gone */
  DURE_DRV_DEVICE_HANG = 33,  /* it stopped answering */
  DURE_DRV_INCOMPATIBLE = 34, /* version, sanitizer or code object mismatch */
  DURE_DRV_BUSY = 35,         /* still in use; try again when it is free */
  DURE_DRV_KERNEL_FAULT = 36, /* a dispatch reported a fault code */
  DURE_DRV_MEMORY_ERROR = 37, /* uncorrected ECC error */
  DURE_DRV_THERMAL = 38       /* refused or stopped because of temperature */
} dure_drv_code;

/* What the failure reaches: everything below is still good at that scope. */
typedef enum dure_drv_scope {
  DURE_DRV_SCOPE_CALL = 0,   /* this call or submission only */
  DURE_DRV_SCOPE_QUEUE = 1,  /* the queue must be destroyed */
  DURE_DRV_SCOPE_DEVICE = 2, /* the device must be closed */
  DURE_DRV_SCOPE_PROCESS = 3 /* the process cannot go on using this driver */
} dure_drv_scope;

/* The same call may succeed later without the caller changing anything. */
#define DURE_DRV_STATUS_RETRYABLE 1u
/* `tag` says which command of a submission failed. */
#define DURE_DRV_STATUS_HAS_TAG 2u

/* An error. Immutable once made; read from any thread. Usually made by the
 * host's status_create. destroy [once] belongs to whoever made the status (it
 * may do nothing for a preallocated one). */
typedef struct dure_drv_status {
  size_t struct_size;
  int32_t code;        /* dure_drv_code, never DURE_DRV_OK */
  uint32_t scope;      /* dure_drv_scope */
  uint32_t flags;      /* DURE_DRV_STATUS_* */
  uint32_t reserved;   /* 0 */
  const char *message; /* never NULL: what happened, where, what to change */
  void (*destroy)(struct dure_drv_status *status);
  /* Since 0.3, and only if struct_size covers it and flags has HAS_TAG: the
   * tag of the command that failed. The host tells its user what that command
   * was made from. A driver that gave HAS_TAG to status_create sets it before
   * anyone else sees the status, if the status that it got has the flag. */
  uint64_t tag;
} dure_drv_status;

/*===-- Extension chain --------------------------------------------------===*/

/* Optional typed additions to a params struct or a submission. A driver skips
 * a type that it does not know unless MUST_UNDERSTAND is set; then the call
 * fails with UNIMPLEMENTED that names the type. Owned by the caller, read
 * during the call only. */
#define DURE_DRV_EXTENSION_MUST_UNDERSTAND 1u

typedef struct dure_drv_extension {
  size_t struct_size; /* of the whole extension struct */
  uint32_t type;      /* DURE_DRV_EXTENSION_TYPE_*; vendors use >= 0x10000 */
  uint32_t flags;     /* DURE_DRV_EXTENSION_MUST_UNDERSTAND */
  const struct dure_drv_extension *next;
} dure_drv_extension;

#define DURE_DRV_EXTENSION_TYPE_PROFILE 1u

/*===-- Host services ----------------------------------------------------===*/

typedef enum dure_drv_log_level {
  DURE_DRV_LOG_DEBUG = 0,
  DURE_DRV_LOG_INFO = 1,
  DURE_DRV_LOG_WARNING = 2,
  DURE_DRV_LOG_ERROR = 3
} dure_drv_log_level;

/* All that a driver may call in the host. Owned by the host, unchanged and
 * valid until the driver is destroyed and its last status is freed. Every
 * entry is [any-thread] and takes `context` first. */
struct dure_host_services {
  size_t struct_size;
  void *context;
  /* Host memory of SIZE bytes (0 is allowed), aligned to ALIGNMENT, a power
   * of two. NULL if there is none. The driver frees it with `free`. */
  void *(*alloc)(void *context, size_t size, size_t alignment);
  void (*free)(void *context, void *memory); /* NULL is allowed */
  /* Copies MESSAGE. */
  void (*log)(void *context, int32_t level, const char *message);
  /* Makes a status and copies MESSAGE; never returns NULL, even when memory
   * is short. The result belongs to the caller. */
  dure_drv_status *(*status_create)(void *context, int32_t code, uint32_t scope,
                                    uint32_t flags, const char *message);
  uint64_t (*now_ns)(void *context);
  /* Value of an option such as "threads" or "fault.inner"; NULL if not set.
   * Stays valid as long as the host services. Each driver documents its keys
   * and refuses a value that it cannot read. */
  const char *(*config_get)(void *context, const char *key);
  /* [optional] One span on the driver's own track of the trace. Copies NAME. */
  void (*trace)(void *context, const char *name, uint64_t begin_ns,
                uint64_t end_ns);
  /* [optional] A fault that no caller is waiting for (device lost, thermal).
   * STATUS stays the driver's. */
  void (*report_fault)(void *context, uint64_t device_id,
                       const dure_drv_status *status);
};

/*===-- Devices ----------------------------------------------------------===*/

/* Capability bits of a driver: what it claims, and what the conformance suite
 * then holds it to. */
/* memory.map, memory.unmap */
#define DURE_DRV_CAP_MAP 0x1u
/* memory.import_host */
#define DURE_DRV_CAP_IMPORT_HOST 0x2u
/* table executable, dispatch commands */
#define DURE_DRV_CAP_EXECUTABLES 0x4u
/* dispatches have their effect; off in the null driver and in a simulator that
 * counts time alone. Without it weights are allocated and not filled. */
#define DURE_DRV_CAP_COMPUTES 0x8u
/* submissions stop at their deadline, at the latest between commands */
#define DURE_DRV_CAP_DEADLINES 0x10u
/* a submission stops between commands once a timeline that it signals has been
 * failed by the host */
#define DURE_DRV_CAP_CANCEL 0x20u
/* DURE_DRV_EXTENSION_TYPE_PROFILE */
#define DURE_DRV_CAP_TIMESTAMPS 0x40u
/* a submission whose waits are open does not hold up later ones */
#define DURE_DRV_CAP_UNORDERED 0x80u
/* code objects never run on the host's processor: the device runs them, or they
 * are decoded as data. Without it the host asks for trust in whoever made a
 * package before it loads code from it */
#define DURE_DRV_CAP_OFF_HOST 0x100u

/* Who built the driver. Strings live as long as the library is loaded. */
typedef struct dure_drv_build_info {
  size_t struct_size;
  const char *name;      /* "cpu"; the <name> of the file name */
  const char *vendor;    /* "Dure" */
  const char *version;   /* semantic version of the driver */
  const char *compiler;  /* "clang 22.1.8" */
  const char *sanitizer; /* "none", "address" or "thread": the host refuses a
                            driver whose value differs from its own */
  uint32_t abi_major;    /* of the header that it was built with */
  uint32_t abi_minor;
} dure_drv_build_info;

/* How far results repeat on one device and package. */
typedef enum dure_drv_determinism {
  DURE_DRV_NOT_DETERMINISTIC = 0,
  DURE_DRV_RUN_TO_RUN = 1, /* same shapes, same bits */
  DURE_DRV_BATCH_INVARIANT = 2
} dure_drv_determinism;

/* What a device is. Strings live as long as the driver. */
typedef struct dure_drv_device_info {
  size_t struct_size;
  uint64_t id;                 /* unique in the driver, stable across runs */
  const char *name;            /* for people: "AMD EPYC 9R14" */
  const char *architecture;    /* "x86_64", "rngd" */
  const char *features;        /* the features that code objects may require,
                                  in the syntax of compatibility strings */
  uint64_t memory_total;       /* bytes of memory kind 0; 0 = not known */
  uint64_t allocation_limit;   /* largest single buffer in bytes, not 0 */
  uint32_t memory_kind_count;  /* >= 1 */
  uint32_t queue_limit;        /* queues at one time; 0 = no fixed limit */
  uint32_t buffer_alignment;   /* what allocate gives at least */
  uint32_t binding_alignment;  /* address (base + offset) of every binding */
  uint32_t transfer_alignment; /* offsets and lengths of copy and fill; the
                                  host of this version refuses devices with
                                  more than 1 */
  uint32_t max_bindings;       /* of one dispatch */
  uint32_t max_constants;      /* of one dispatch */
  uint32_t max_grid_rank;      /* 0: dispatches take no grid */
  uint32_t parallelism;        /* workgroups running at one time, e.g. threads;
                                  0 = not known */
  uint32_t determinism;        /* dure_drv_determinism */
} dure_drv_device_info;

/*===-- Memory -----------------------------------------------------------===*/

#define DURE_DRV_MEMORY_DEVICE_LOCAL 1u
/* can be mapped */
#define DURE_DRV_MEMORY_HOST_VISIBLE 2u
/* may stay mapped while the device works; no map or unmap needed to see each
 * other's writes after the timeline has ordered them */
#define DURE_DRV_MEMORY_HOST_COHERENT 4u

typedef struct dure_drv_memory_info {
  size_t struct_size;
  uint32_t properties; /* DURE_DRV_MEMORY_* */
  uint32_t alignment;  /* of every allocation */
  uint64_t total;      /* bytes; 0 = not known */
  uint64_t available;  /* bytes now, a hint; 0 = not known */
} dure_drv_memory_info;

typedef struct dure_drv_buffer_params {
  size_t struct_size;
  const dure_drv_extension *next;
  uint64_t size;        /* bytes; 0 is allowed and allocates nothing. What
                           follows up to a multiple of the alignment belongs
                           to the buffer too: code may read and write it with
                           the last bytes, and means nothing by it (RNGD's DMA
                           moves 8 bytes, and its buffers whole 64) */
  uint64_t alignment;   /* power of two, or 0 for the device's own */
  uint32_t memory_kind; /* < memory_kind_count */
  uint32_t reserved;    /* 0 */
} dure_drv_buffer_params;

typedef struct dure_drv_import_params {
  size_t struct_size;
  const dure_drv_extension *next;
  void *memory;       /* stays the caller's; outlives the buffer */
  uint64_t size;      /* bytes */
  uint32_t read_only; /* not 0: copies and fills into it are refused, and no
                         dispatch may write it */
  uint32_t reserved;  /* 0 */
} dure_drv_import_params;

#define DURE_DRV_MAP_READ 1u
#define DURE_DRV_MAP_WRITE 2u

typedef struct dure_drv_memory_api {
  size_t struct_size;
  /* [any-thread] Describes memory kind INDEX of DEVICE. */
  dure_drv_status *(*info)(dure_drv_device *device, uint32_t index,
                           dure_drv_memory_info *info);
  /* [any-thread] A buffer of the caller's, freed with `free`. Its content is
   * not defined. RESOURCE_EXHAUSTED, retryable, if memory is short. */
  dure_drv_status *(*allocate)(dure_drv_device *device,
                               const dure_drv_buffer_params *params,
                               dure_drv_buffer **buffer);
  /* [any-thread] [optional] A buffer over the caller's host memory, which
   * `free` does not free. Alignment: any for copies; binding_alignment for
   * bindings. */
  dure_drv_status *(*import_host)(dure_drv_device *device,
                                  const dure_drv_import_params *params,
                                  dure_drv_buffer **buffer);
  /* [any-thread] BUSY while mapped or used by an unfinished submission; the
   * buffer then stays as it was. */
  dure_drv_status *(*free)(dure_drv_buffer *buffer);
  /* [any-thread] Size in bytes, as allocated or imported. */
  uint64_t (*size)(const dure_drv_buffer *buffer);
  /* [any-thread] [optional] Host pointer to LENGTH bytes at OFFSET. Device
   * writes that a timeline has ordered before are visible through it. The
   * pointer is the driver's and good until the matching unmap; maps nest.
   * FLAGS: DURE_DRV_MAP_*. */
  dure_drv_status *(*map)(dure_drv_buffer *buffer, uint64_t offset,
                          uint64_t length, uint32_t flags, void **memory);
  /* [any-thread] [optional] Ends one map; host writes become visible to
   * submissions that start later. FAILED_PRECONDITION if not mapped. */
  dure_drv_status *(*unmap)(dure_drv_buffer *buffer);
} dure_drv_memory_api;

/*===-- Executables ------------------------------------------------------===*/

typedef enum dure_drv_verdict {
  DURE_DRV_UNSUPPORTED = 0,
  DURE_DRV_SLOWER = 1, /* runs, but the device could do better */
  DURE_DRV_OPTIMAL = 2
} dure_drv_verdict;

typedef struct dure_drv_compatibility {
  size_t struct_size;
  uint32_t verdict; /* dure_drv_verdict */
  uint32_t score;   /* of several that run, the highest is the best */
  /* Why not OPTIMAL, naming what is missing; NULL if it is. A status object,
   * the caller's to destroy. */
  dure_drv_status *reason;
} dure_drv_compatibility;

typedef struct dure_drv_executable_params {
  size_t struct_size;
  const dure_drv_extension *next;
  const void *bytes; /* code object; copied if the driver keeps it */
  size_t byte_count;
  const char *compatibility;  /* what the compiler wrote; see validate */
  const char *name;           /* for messages and traces; may be NULL */
  const char *const *entries; /* entries that must exist; NULL with count 0 */
  size_t entry_count;
  const char *format; /* what kind of bytes these are, a word that the compiler
                         target and the driver agree on; may be NULL */
} dure_drv_executable_params;

typedef struct dure_drv_entry_info {
  size_t struct_size;
  const char *name;         /* lives as long as the executable */
  uint64_t workspace_bytes; /* scratch that the driver gives each workgroup */
} dure_drv_entry_info;

/* The whole table is [optional]: DURE_DRV_CAP_EXECUTABLES. */
typedef struct dure_drv_executable_api {
  size_t struct_size;
  /* [any-thread] Can DEVICE run code objects of this COMPATIBILITY string?
   * The string is the driver's and its compiler target's own language. Fails
   * only if the string cannot be read. */
  dure_drv_status *(*validate)(dure_drv_device *device,
                               const char *compatibility,
                               dure_drv_compatibility *result);
  /* [any-thread] May block (reads and checks the bytes). Malformed bytes are
   * refused with INVALID_ARGUMENT, wrong chip or missing features with
   * INCOMPATIBLE, a missing entry with NOT_FOUND naming it. */
  dure_drv_status *(*load)(dure_drv_device *device,
                           const dure_drv_executable_params *params,
                           dure_drv_executable **executable);
  /* [any-thread] Number of entries, in the code object's order. */
  uint32_t (*entry_count)(const dure_drv_executable *executable);
  /* [any-thread] OUT_OF_RANGE if there is no such entry. */
  dure_drv_status *(*entry_info)(const dure_drv_executable *executable,
                                 uint32_t entry, dure_drv_entry_info *info);
  /* [any-thread] The number that dispatches use for NAME, or NOT_FOUND. */
  dure_drv_status *(*lookup)(const dure_drv_executable *executable,
                             const char *name, uint32_t *entry);
  /* [any-thread] BUSY while an unfinished submission uses it; it then stays
   * loaded. */
  dure_drv_status *(*unload)(dure_drv_executable *executable);
} dure_drv_executable_api;

/*===-- Timelines --------------------------------------------------------===*/

/* A timeline semaphore: a value that only grows, or a failure that stays. Any
 * value reached before a failure stays reached; every wait for a later value
 * gets the failure. */
typedef struct dure_drv_timeline_api {
  size_t struct_size;
  /* [any-thread] The caller's, freed with `destroy`. */
  dure_drv_status *(*create)(dure_drv_device *device, uint64_t initial_value,
                             dure_drv_timeline **timeline);
  /* [any-thread] BUSY while an unfinished submission or a wait uses it. */
  dure_drv_status *(*destroy)(dure_drv_timeline *timeline);
  /* [any-thread] Sets *VALUE to the value reached. Returns the failure (the
   * caller's copy) if the timeline has failed; *VALUE is set then too. */
  dure_drv_status *(*query)(dure_drv_timeline *timeline, uint64_t *value);
  /* [any-thread] Signal from the host. INVALID_ARGUMENT unless VALUE is
   * greater than the value reached; FAILED_PRECONDITION if it has failed. */
  dure_drv_status *(*signal)(dure_drv_timeline *timeline, uint64_t value);
  /* [any-thread] Fails the timeline; takes FAILURE in every case. The first
   * failure stays, a second is dropped. Cancels the submissions that would
   * signal it (DURE_DRV_CAP_CANCEL); what they read and write is free for
   * other use only after queue.wait_idle. */
  dure_drv_status *(*fail)(dure_drv_timeline *timeline,
                           dure_drv_status *failure);
  /* [any-thread] Blocks until VALUE is reached (success), the timeline fails
   * (a copy of the failure) or DEADLINE_NS has passed (DEADLINE_EXCEEDED,
   * scope call, retryable). */
  dure_drv_status *(*wait)(dure_drv_timeline *timeline, uint64_t value,
                           uint64_t deadline_ns);
} dure_drv_timeline_api;

/* A place on a timeline. Frozen: no struct_size. */
typedef struct dure_drv_timeline_point {
  dure_drv_timeline *timeline;
  uint64_t value;
} dure_drv_timeline_point;

/*===-- Queues and commands ----------------------------------------------===*/

/* A byte range of a buffer. Frozen: no struct_size. */
typedef struct dure_drv_buffer_ref {
  dure_drv_buffer *buffer;
  uint64_t offset; /* bytes */
  uint64_t length; /* bytes */
} dure_drv_buffer_ref;

typedef enum dure_drv_command_kind {
  DURE_DRV_COMMAND_DISPATCH = 1,
  DURE_DRV_COMMAND_COPY = 2,
  DURE_DRV_COMMAND_FILL = 3,
  /* Everything before is done and visible before anything after starts. */
  DURE_DRV_COMMAND_BARRIER = 4
} dure_drv_command_kind;

/* Runs one entry once per workgroup of the grid. A grid with a zero does
 * nothing. Bindings are operands then results, in the order that the compiler
 * agreed with the code object. */
typedef struct dure_drv_dispatch {
  dure_drv_executable *executable;
  uint32_t entry;     /* from executable.lookup */
  uint32_t grid_rank; /* 0: no grid, the code object knows; else 1 to 3 */
  uint64_t grid[3];   /* workgroups; the first grid_rank are used */
  const dure_drv_buffer_ref *bindings;
  size_t binding_count;
  const int64_t *constants;
  size_t constant_count;
} dure_drv_dispatch;

/* Copies source.length bytes; target.length is equal. The ranges must not
 * overlap. */
typedef struct dure_drv_copy {
  dure_drv_buffer_ref source;
  dure_drv_buffer_ref target;
} dure_drv_copy;

/* Repeats PATTERN's first PATTERN_LENGTH bytes over TARGET, whose length is a
 * multiple of it. */
typedef struct dure_drv_fill {
  dure_drv_buffer_ref target;
  uint8_t pattern[16];
  uint32_t pattern_length; /* 1, 2, 4, 8 or 16 */
  uint32_t reserved;       /* 0 */
} dure_drv_fill;

/* In an array every element has the same struct_size, which is its stride. */
typedef struct dure_drv_command {
  size_t struct_size;
  uint32_t kind;  /* dure_drv_command_kind; others are UNIMPLEMENTED */
  uint32_t flags; /* 0 */
  uint64_t tag;   /* handed to the profile callback, otherwise unused */
  union {
    dure_drv_dispatch dispatch;
    dure_drv_copy copy;
    dure_drv_fill fill;
  } u;
} dure_drv_command;

/* When one command ran. Commands of zero work may be left out. */
typedef struct dure_drv_command_timing {
  size_t struct_size;
  uint64_t tag;
  uint64_t index; /* in the submission's array */
  uint64_t begin_ns;
  uint64_t end_ns;
} dure_drv_command_timing;

typedef enum dure_drv_simulated_kind {
  /* Something that took from begin_ns to end_ns. */
  DURE_DRV_SIMULATED_SPAN = 0,
  /* An amount; those of one name add up. */
  DURE_DRV_SIMULATED_COUNTER = 1
} dure_drv_simulated_kind;

/* What the model of a chip says about a submission that a simulator driver ran.
 * Nothing here is measured, and whoever shows it says so. */
typedef struct dure_drv_simulated {
  size_t struct_size;
  uint32_t kind;     /* dure_drv_simulated_kind; skip others */
  uint32_t reserved; /* 0 */
  const char *model; /* chip and rules, such as "rngd, profile book" */
  const char *name;  /* of the span's lane, or of the counter */
  const char *label; /* what the span is of, or the counter's unit */
  /* Of a span: simulated time of the queue, which goes on from one submission
   * to the next. */
  uint64_t begin_ns;
  uint64_t end_ns;
  /* Of a counter, and as much as it could have been; 0: no such limit. */
  double value;
  double limit;
} dure_drv_simulated;

/* Extension of a submission (DURE_DRV_CAP_TIMESTAMPS): calls ON_COMMAND for
 * each finished command, before the submission signals. TIMING is read-only
 * and good during the call. USER stays the caller's, alive until then. */
typedef struct dure_drv_profile_extension {
  dure_drv_extension header; /* type DURE_DRV_EXTENSION_TYPE_PROFILE */
  void *user;
  void (*on_command)(void *user, const dure_drv_command_timing *timing);
  /* [optional] Set by a host that wants them, absent where header.struct_size
   * does not reach it: called by simulator drivers as on_command is. */
  void (*on_simulated)(void *user, const dure_drv_simulated *what);
} dure_drv_profile_extension;

typedef struct dure_drv_queue_params {
  size_t struct_size;
  const dure_drv_extension *next;
  const char *name; /* for traces; copied; may be NULL */
} dure_drv_queue_params;

typedef struct dure_drv_queue_api {
  size_t struct_size;
  /* [any-thread] The caller's, freed with `destroy`. */
  dure_drv_status *(*create)(dure_drv_device *device,
                             const dure_drv_queue_params *params,
                             dure_drv_queue **queue);
  /* [any-thread] BUSY while a submission is unfinished; see wait_idle. */
  dure_drv_status *(*destroy)(dure_drv_queue *queue);
  /* [any-thread] The hot call. Checks the commands, takes a copy of all that
   * it needs (arrays, bindings, constants) and returns; never blocks on the
   * device or on another submission.
   *
   * Order. Work starts when all WAITS are reached. Commands between two
   * barriers may run at the same time and in any order. Between submissions
   * only timelines order: a driver may run them in any order that the waits
   * allow, or in the order of the calls; so nothing that a wait needs may
   * come later on the same queue.
   *
   * Result. Success means accepted: the outcome arrives on the SIGNALS, which
   * get their values (max of old and new) when all commands are done, or all
   * fail with one status. If a wait fails, the commands do not run and the
   * signals fail with the same code and message. A refused submission (status
   * returned) touches neither memory nor timelines.
   *
   * DEADLINE_NS: when it passes before the end, the signals fail with
   * DEADLINE_EXCEEDED (DURE_DRV_CAP_DEADLINES). Buffers, executables and
   * timelines named here are in use until the end. With no command it only
   * joins waits to signals. */
  dure_drv_status *(*submit)(dure_drv_queue *queue,
                             const dure_drv_command *commands,
                             size_t command_count,
                             const dure_drv_timeline_point *waits,
                             size_t wait_count,
                             const dure_drv_timeline_point *signals,
                             size_t signal_count, uint64_t deadline_ns,
                             const dure_drv_extension *extensions);
  /* [any-thread] Blocks until no submission of this queue is unfinished, or
   * DEADLINE_NS has passed (DEADLINE_EXCEEDED). */
  dure_drv_status *(*wait_idle)(dure_drv_queue *queue, uint64_t deadline_ns);
} dure_drv_queue_api;

/*===-- Driver -----------------------------------------------------------===*/

/* One instance of a driver. Owned by the driver, constant until `destroy`. */
struct dure_driver {
  size_t struct_size;
  uint32_t abi_major;    /* spoken here: equal to what the host asked for */
  uint32_t abi_minor;    /* <= what the host asked for */
  uint64_t capabilities; /* DURE_DRV_CAP_* */
  const dure_drv_build_info *build_info;
  void *self; /* the driver's own */

  /* [once] BUSY while a device is open. */
  dure_drv_status *(*destroy)(const dure_driver *driver);
  /* [any-thread] Devices present; none is not an error. May block. */
  dure_drv_status *(*device_count)(const dure_driver *driver, uint32_t *count);
  /* [any-thread] OUT_OF_RANGE if INDEX is not below the count. */
  dure_drv_status *(*device_info)(const dure_driver *driver, uint32_t index,
                                  dure_drv_device_info *info);
  /* [any-thread] Opens device INDEX; the caller's, freed with device_close.
   * May block. */
  dure_drv_status *(*device_open)(const dure_driver *driver, uint32_t index,
                                  const dure_drv_extension *next,
                                  dure_drv_device **device);
  /* [any-thread] BUSY while any object of the device is left. */
  dure_drv_status *(*device_close)(dure_drv_device *device);

  const dure_drv_memory_api *memory;
  const dure_drv_executable_api *executable; /* [optional] */
  const dure_drv_timeline_api *timeline;
  const dure_drv_queue_api *queue;
};

/* The one exported symbol, by name "dure_driver_query". [any-thread]
 *
 * The host says which ABI it was built with; the driver answers with an
 * instance for that major version and a minor version that is at most the
 * host's, or with INCOMPATIBLE naming both versions. Each call makes a new
 * instance, ended by its `destroy`. HOST NULL, too small or without one of its
 * entries that are not [optional], or OUT NULL, is INVALID_ARGUMENT; that
 * status is then a preallocated one. */
typedef dure_drv_status *(*dure_driver_query_fn)(uint32_t abi_major,
                                                 uint32_t abi_minor,
                                                 const dure_host_services *host,
                                                 const dure_driver **out);

DURE_DRIVER_EXPORT dure_drv_status *
dure_driver_query(uint32_t abi_major, uint32_t abi_minor,
                  const dure_host_services *host, const dure_driver **out);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* DURE_DRIVER_H */
