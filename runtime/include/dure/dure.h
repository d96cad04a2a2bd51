/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Dure's public C API: load a package, bind inputs, run, fetch outputs. */
#ifndef DURE_DURE_H
#define DURE_DURE_H

/*
 * Who includes this: programs that run packages, the `dure` command first. It
 * is all of libdure that is exported. Needs C89 (with <stdint.h>) or C++;
 * depends on nothing else, LLVM least of all.
 *
 * How it may change: version 0 may still break between releases; from 1 on it
 * is append-only within a major version.
 *
 * Structs start with `size_t struct_size`, set by the caller to the sizeof that
 * it was compiled with, in and out. Options beyond struct_size are zero, zero
 * is every option's default, and a NULL options pointer means all defaults; an
 * out-struct is filled up to struct_size.
 *
 * Objects are opaque handles. dure_*_destroy ends one; NULL is allowed. A
 * package, session or state may be destroyed while objects made from it live:
 * it goes with the last of them.
 *
 * Errors. NULL is success. A dure_status is the caller's, freed with
 * dure_status_free. On failure out-parameters are NULL or untouched.
 *
 * Threads. A package and a session may be used from several threads at one
 * time. A call, a state and a trace belong to one thread at a time, except
 * that dure_call_cancel may come from any thread and from a signal handler.
 *
 * Files. Packages and the model's files are mapped, and read where they are
 * mapped until the last object that uses them ends. If another process makes
 * one shorter meanwhile, the next read behind its new end raises SIGBUS in the
 * thread that reads. The library installs no handler for that or any other
 * signal: a host that cannot have it loads copies that nothing else writes, or
 * handles SIGBUS itself, as the `dure` command does to end with a message.
 * Replacing a file by renaming another over it is harmless.
 *
 * Strings are UTF-8 with a NUL, owned by the object that gave them, and live
 * as long as it. Shapes are elements, row-major; sizes are bytes; times are
 * nanoseconds.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DURE_VERSION_MAJOR 0
#define DURE_VERSION_MINOR 1
#define DURE_VERSION_PATCH 0

#if defined(_WIN32)
#define DURE_API
#else
#define DURE_API __attribute__((visibility("default")))
#endif

typedef struct dure_status dure_status;
typedef struct dure_package dure_package;
typedef struct dure_devices dure_devices;
typedef struct dure_session dure_session;
typedef struct dure_state dure_state;
typedef struct dure_call dure_call;
typedef struct dure_trace dure_trace;
typedef struct dure_text dure_text;

/* "0.1.0" */
DURE_API const char *dure_version(void);

/*===-- Status -----------------------------------------------------------===*/

/* 0 to 16 have the meaning that gRPC and absl give them. */
/* Being out of memory is RESOURCE_EXHAUSTED like any other limit. */
typedef enum dure_status_code {
  DURE_STATUS_OK = 0,
  DURE_STATUS_CANCELLED = 1,
  DURE_STATUS_UNKNOWN = 2,
  DURE_STATUS_INVALID_ARGUMENT = 3, /* refused: wrong input, name or option */
  DURE_STATUS_DEADLINE_EXCEEDED = 4,
  DURE_STATUS_NOT_FOUND = 5,
  DURE_STATUS_ALREADY_EXISTS = 6,
  DURE_STATUS_PERMISSION_DENIED = 7,  /* trust and containment rules */
  DURE_STATUS_RESOURCE_EXHAUSTED = 8, /* memory, fuel, state capacity */
  DURE_STATUS_FAILED_PRECONDITION = 9,
  DURE_STATUS_ABORTED = 10,
  DURE_STATUS_OUT_OF_RANGE = 11,
  DURE_STATUS_UNIMPLEMENTED = 12,
  DURE_STATUS_INTERNAL = 13,
  DURE_STATUS_UNAVAILABLE = 14,
  DURE_STATUS_DATA_LOSS = 15, /* damaged or truncated file */
  DURE_STATUS_UNAUTHENTICATED = 16,
  DURE_STATUS_DEVICE_LOST = 32,
  DURE_STATUS_DEVICE_HANG = 33,
  DURE_STATUS_INCOMPATIBLE = 34, /* version or machine mismatch */
  DURE_STATUS_BUSY = 35,
  DURE_STATUS_KERNEL_FAULT = 36,
  DURE_STATUS_MEMORY_ERROR = 37, /* the device found its memory damaged */
  DURE_STATUS_THERMAL = 38       /* the device is too hot */
} dure_status_code;

/* What the failure reaches. */
typedef enum dure_status_scope {
  DURE_SCOPE_CALL = 0,
  DURE_SCOPE_QUEUE = 1, /* the session cannot run any more */
  DURE_SCOPE_DEVICE = 2,
  DURE_SCOPE_PROCESS = 3
} dure_status_scope;

/* All of these take NULL as success. */
DURE_API int32_t dure_status_get_code(const dure_status *status);
DURE_API int32_t dure_status_get_scope(const dure_status *status);
/* Not 0: the same call may succeed later unchanged. */
DURE_API int32_t dure_status_is_retryable(const dure_status *status);
/* What happened, where, and what to change; "" for success. In English. */
DURE_API const char *dure_status_message(const dure_status *status);

/* Languages that messages come in. What has no translation, such as the words
 * of a vendor's driver, comes in English in all of them. */
typedef enum dure_language {
  DURE_LANGUAGE_ENGLISH = 0,
  DURE_LANGUAGE_KOREAN = 1
} dure_language;

/* The message in a dure_language; in English for a number that is none. */
DURE_API const char *dure_status_message_in(const dure_status *status,
                                            int32_t language);
DURE_API void dure_status_free(dure_status *status);

/* A piece of text that a function made. */
DURE_API const char *dure_text_data(const dure_text *text);
DURE_API size_t dure_text_size(const dure_text *text);
DURE_API void dure_text_destroy(dure_text *text);

/*===-- Types and tensors ------------------------------------------------===*/

/* Sub-byte types are packed, first element in the low bits. */
typedef enum dure_element_type {
  DURE_TYPE_NONE = 0,
  DURE_TYPE_F32 = 1,
  DURE_TYPE_F16 = 2,
  DURE_TYPE_BF16 = 3,
  DURE_TYPE_F64 = 4,
  DURE_TYPE_I8 = 5,
  DURE_TYPE_U8 = 6,
  DURE_TYPE_I16 = 7,
  DURE_TYPE_U16 = 8,
  DURE_TYPE_I32 = 9,
  DURE_TYPE_U32 = 10,
  DURE_TYPE_I64 = 11,
  DURE_TYPE_U64 = 12,
  DURE_TYPE_BOOL = 13, /* one byte, 0 or 1 */
  DURE_TYPE_I4 = 14,
  DURE_TYPE_U4 = 15,
  DURE_TYPE_F8E4M3FN = 16,
  DURE_TYPE_F8E5M2 = 17,
  DURE_TYPE_F8E8M0 = 18,
  DURE_TYPE_F4E2M1 = 19,
  DURE_TYPE_F8E4M3FNUZ = 20,
  DURE_TYPE_F8E5M2FNUZ = 21
} dure_element_type;

/* "float32", "int64", "bool", ...; "?" for a number that is no type. */
DURE_API const char *dure_type_name(int32_t type);
/* Bits of one element; 0 for a number that is no type. */
DURE_API uint32_t dure_type_bits(int32_t type);

#define DURE_MAX_RANK 32

/* A dense row-major tensor in host memory. */
typedef struct dure_tensor {
  size_t struct_size;
  int32_t type; /* dure_element_type */
  int32_t rank; /* 0 to DURE_MAX_RANK */
  const int64_t *dims;
  void *data;  /* not written through an input; may be NULL when size is 0 */
  size_t size; /* bytes; exactly what type and dims need */
} dure_tensor;

/*===-- Packages ---------------------------------------------------------===*/

/* How far weights are checked. Structure and code always are. */
typedef enum dure_verify {
  DURE_VERIFY_ONCE = 0, /* in full, then remembered by the file's identity,
                           size and time of change */
  DURE_VERIFY_FULL = 1,
  DURE_VERIFY_STRUCTURE = 2
} dure_verify;

typedef struct dure_load_options {
  size_t struct_size;
  int32_t verify; /* dure_verify */
  /* Not 0: run native code of a package that is not the user's own file. */
  int32_t trust_code;
  /* Folder of the model's files, for packages that leave weights there. NULL:
   * the package's own folder. */
  const char *model_folder;
  /* Not 0: links in the model folder may lead to files below links_root. */
  int32_t allow_links;
  const char *links_root; /* NULL: anywhere */
} dure_load_options;

/* Reads and checks the package at PATH. The file is mapped, not copied. */
DURE_API dure_status *dure_package_load(const char *path,
                                        const dure_load_options *options,
                                        dure_package **package);
/* The same from memory, which stays the caller's and must outlive the package
 * and its sessions. It needs trust_code for native code. */
DURE_API dure_status *dure_package_load_memory(const void *bytes, size_t size,
                                               const dure_load_options *options,
                                               dure_package **package);
DURE_API void dure_package_destroy(dure_package *package);

typedef struct dure_package_info {
  size_t struct_size;
  uint32_t format_version;
  uint32_t min_runtime;
  uint64_t required_features;
  const char *producer;
  const char *model_name;
  const char *path; /* "" when loaded from memory */
  uint64_t file_bytes;
  uint64_t weight_bytes; /* stored in the package */
  size_t symbol_count;
  size_t entry_count;
  size_t variant_count;
  size_t weight_count;
  size_t asset_count;
} dure_package_info;

typedef struct dure_symbol_info {
  size_t struct_size;
  const char *name;
  int64_t min;
  int64_t max; /* inclusive */
  int64_t multiple;
} dure_symbol_info;

typedef struct dure_entry_info {
  size_t struct_size;
  const char *name; /* "main", "step", "prefill" */
  size_t input_count;
  size_t output_count;
  size_t state_count; /* > 0: calls need a dure_state */
} dure_entry_info;

/* A dimension: a number, or -1 and an expression over symbols. */
typedef struct dure_dim {
  int64_t value;
  const char *expression; /* "" when value >= 0 */
} dure_dim;

typedef struct dure_signature {
  size_t struct_size;
  const char *name;
  int32_t type; /* dure_element_type */
  int32_t rank;
  const dure_dim *dims;
} dure_signature;

typedef struct dure_variant_info {
  size_t struct_size;
  const char *name;
  const char *target;
  const char *driver;
  const char *compatibility;
  const char *pack_key;
  size_t code_object_count;
  uint64_t code_bytes;
  uint64_t weight_bytes; /* of the weights that it uses, as stored */
} dure_variant_info;

typedef enum dure_signature_kind {
  DURE_INPUT = 0,
  DURE_OUTPUT = 1,
  /* Dims: numbers, or -1 with "batch", "capacity" or "window": the last
   * positions, fewer than the capacity where that is large. */
  DURE_STATE = 2
} dure_signature_kind;

/* All of these: OUT_OF_RANGE if there is no such index. */
DURE_API dure_status *dure_package_get_info(const dure_package *package,
                                            dure_package_info *info);
DURE_API dure_status *dure_package_get_symbol(const dure_package *package,
                                              size_t index,
                                              dure_symbol_info *info);
DURE_API dure_status *dure_package_get_entry(const dure_package *package,
                                             size_t index,
                                             dure_entry_info *info);
/* NOT_FOUND, naming the entries that there are. */
DURE_API dure_status *dure_package_find_entry(const dure_package *package,
                                              const char *name, size_t *index);
DURE_API dure_status *
dure_package_get_signature(const dure_package *package, size_t entry,
                           int32_t kind /* dure_signature_kind */, size_t index,
                           dure_signature *signature);
DURE_API dure_status *dure_package_get_variant(const dure_package *package,
                                               size_t index,
                                               dure_variant_info *info);
/* A small file of the model's that the package carries, such as tokenizer.json.
 * Name and bytes live as long as the package. */
typedef struct dure_asset_info {
  size_t struct_size;
  const char *name; /* relative to the model's folder */
  const void *data;
  size_t size;
} dure_asset_info;
DURE_API dure_status *dure_package_get_asset(const dure_package *package,
                                             size_t index,
                                             dure_asset_info *info);
/* NOT_FOUND, naming the assets that there are. */
DURE_API dure_status *dure_package_find_asset(const dure_package *package,
                                              const char *name, size_t *index);
/* Everything that the package says, as one JSON object. */
DURE_API dure_status *dure_package_describe(const dure_package *package,
                                            dure_text **json);

/*===-- Devices ----------------------------------------------------------===*/

/* A driver is found by its file (a name with '/'), else by its name as
 * libdure-driver-<name>.so in `driver_folder`, and only if that is NULL in the
 * folder of libdure. No environment variable is read. */
typedef struct dure_device_info {
  size_t struct_size;
  const char *driver; /* name */
  const char *driver_version;
  const char *driver_path;
  const char *name; /* of the device; NULL if the driver did not load */
  const char *architecture;
  const char *features;
  uint64_t memory_total; /* 0: not known */
  uint32_t parallelism;  /* 0: not known */
  /* Why the driver did not load or has no device; "" if it has. */
  const char *problem;
  const char *problem_korean; /* the same in Korean */
} dure_device_info;

/* Opens every driver in the folder (NULL: that of libdure). */
DURE_API dure_status *dure_devices_list(const char *driver_folder,
                                        dure_devices **devices);
DURE_API size_t dure_devices_count(const dure_devices *devices);
DURE_API dure_status *dure_devices_get(const dure_devices *devices,
                                       size_t index, dure_device_info *info);
DURE_API void dure_devices_destroy(dure_devices *devices);

/*===-- Sessions ---------------------------------------------------------===*/

typedef enum dure_log_level {
  DURE_LOG_DEBUG = 0,
  DURE_LOG_INFO = 1,
  DURE_LOG_WARNING = 2,
  DURE_LOG_ERROR = 3
} dure_log_level;

/* An option for the driver, such as {"threads", "4"}; each driver documents
 * its own. Frozen: no struct_size. */
typedef struct dure_option {
  const char *key;
  const char *value;
} dure_option;

#define DURE_MAX_THREADS 1024

typedef struct dure_session_options {
  size_t struct_size;
  /* 1 to DURE_MAX_THREADS, for kernels and for loading weights; 0: the driver's
   * choice, and for loading the processors. Loading never uses more than 16. */
  int32_t threads;
  /* Name of the variant; NULL: the best that a device here can run. */
  const char *variant;
  /* Replaces the driver that the variants name: a name or a file. Further
   * devices of a variant keep theirs. */
  const char *driver;
  const char *driver_folder;
  uint32_t device; /* index in the driver */
  const dure_option *driver_options;
  size_t driver_option_count;
  /* Called from any thread; must not call back into Dure. */
  void (*log)(void *user, int32_t level, const char *message);
  void *user;
} dure_session_options;

/* Chooses a variant, opens the device, loads code and weights. Weights that a
 * device can read in place are not copied. */
DURE_API dure_status *dure_session_create(dure_package *package,
                                          const dure_session_options *options,
                                          dure_session **session);
DURE_API void dure_session_destroy(dure_session *session);

typedef struct dure_session_info {
  size_t struct_size;
  size_t variant; /* index in the package */
  const char *variant_name;
  const char *driver;
  const char *driver_version;
  const char *device;
  uint64_t weight_bytes;   /* resident for this session */
  uint64_t load_ns;        /* spent in dure_session_create */
  uint64_t weight_load_ns; /* of it: reading, hashing, recipes, upload */
  /* Why the other variants were not taken, one line each; "" if none. */
  const char *rejected;
  const char *rejected_korean; /* the same in Korean */
  /* Devices that the variant runs on. driver and device above are the first's,
   * which dure_session_options may replace; dure_session_get_device names all.
   */
  size_t device_count;
} dure_session_info;

DURE_API dure_status *dure_session_get_info(const dure_session *session,
                                            dure_session_info *info);

typedef struct dure_session_device {
  size_t struct_size;
  const char *target; /* compiler target of the code that runs there */
  const char *driver;
  const char *driver_version;
  const char *device;
} dure_session_device;

DURE_API dure_status *dure_session_get_device(const dure_session *session,
                                              size_t index,
                                              dure_session_device *info);

/* A shape bucket of an entry, where the session's variant has code for fixed
 * shapes alone: "batch=1, sequence=..128, capacity=512", where smaller
 * sequences than 128 are padded. In the order in which a run tries them;
 * OUT_OF_RANGE behind the last, at 0 for code that takes all shapes. Lives as
 * long as the package. */
DURE_API dure_status *dure_session_get_bucket(const dure_session *session,
                                              const char *entry, size_t index,
                                              const char **bucket);

/*===-- State ------------------------------------------------------------===*/

/* The caches of an entry such as `step`: `batch` rows (1 to 2^24) of up to
 * `capacity` positions, all empty at first. Each successful call that appends
 * makes every row longer; a failed call leaves the lengths as they were. A
 * window holds a row's last positions from its first element on: there all rows
 * have one length, which can be made smaller while no position has left the
 * window, or 0; after a failed call runs are refused until it is set. */
typedef struct dure_state_options {
  size_t struct_size;
  int64_t batch;
  int64_t capacity;
} dure_state_options;

DURE_API dure_status *dure_state_create(dure_session *session,
                                        const char *entry,
                                        const dure_state_options *options,
                                        dure_state **state);
DURE_API void dure_state_destroy(dure_state *state);
/* Lengths per row, `count` = batch of them. */
DURE_API dure_status *dure_state_get_lengths(const dure_state *state,
                                             int64_t *lengths, size_t count);
/* Forgets positions (smaller) or declares written ones valid (up to the
 * capacity). */
DURE_API dure_status *
dure_state_set_lengths(dure_state *state, const int64_t *lengths, size_t count);
/* Whole tensors of the state, capacity included. `tensor` gets type, dims and
 * size; with `data` set and `size` large enough also the bytes. Its dims live
 * as long as the state. */
DURE_API dure_status *dure_state_read(const dure_state *state, size_t index,
                                      dure_tensor *tensor);
DURE_API dure_status *dure_state_write(dure_state *state, size_t index,
                                       const dure_tensor *tensor);

/*===-- Calls ------------------------------------------------------------===*/

/* One entry with its inputs and outputs; run it as often as wanted. Several
 * calls of one session may run at one time; their work is done in turn. A time
 * limit and a cancellation hold also while a call waits for its turn. */
DURE_API dure_status *dure_call_create(dure_session *session, const char *entry,
                                       dure_call **call);
DURE_API void dure_call_destroy(dure_call *call);

/* Checks type, rank and static dims at once, symbols when run. The dims are
 * copied, the data is borrowed until the next bind or destroy of the call. */
DURE_API dure_status *dure_call_bind_input(dure_call *call, size_t index,
                                           const dure_tensor *tensor);
DURE_API dure_status *dure_call_bind_input_by_name(dure_call *call,
                                                   const char *name,
                                                   const dure_tensor *tensor);
/* For entries with state. The call keeps the state alive. Entries of the same
 * state tensors, such as `step` and `prefill`, share a state. */
DURE_API dure_status *dure_call_bind_state(dure_call *call, dure_state *state);

/* A value that a dispatch defined, as it was right after the dispatch. */
typedef struct dure_value {
  size_t struct_size;
  const char *name;         /* in the dure dialect */
  const char *dispatch;     /* name of the dispatch */
  uint64_t index;           /* of the dispatch in this run */
  const char *const *nodes; /* ONNX nodes it came from */
  size_t node_count;
  const dure_tensor *tensor; /* good during the callback */
  const char *device;        /* the device that ran the dispatch */
} dure_value;

typedef struct dure_run_options {
  size_t struct_size;
  uint64_t timeout_ns; /* 0: none */
  /* Host program instructions before the run is ended; 0: 2^28. */
  uint64_t fuel;
  /* Bytes of transient memory and outputs; 0: as the device allows. */
  uint64_t memory_limit;
  dure_trace *trace; /* gets the spans of this run */
  /* Not 0: dure_call_get_dispatch gives times. Costs a little. */
  int32_t profile;
  /* Called for every value of every dispatch, in order, by the thread of
   * dure_call_run. A result that is not 0 ends the run with CANCELLED. Slow:
   * each dispatch runs alone. The session is held meanwhile: it must not use
   * the session, its calls or states, dure_call_cancel excepted. No exception
   * may leave it. */
  int32_t (*on_value)(void *user, const dure_value *value);
  void *user;
} dure_run_options;

/* Runs and waits. A refusal names the input, what came and what is expected. */
DURE_API dure_status *dure_call_run(dure_call *call,
                                    const dure_run_options *options);
/* The run under way, or the next if there is none, ends with CANCELLED as soon
 * as the device allows. Only sets a flag: safe in a signal handler. */
DURE_API void dure_call_cancel(dure_call *call);

/* Output of the last successful run. Owned by the call, good until its next
 * run. FAILED_PRECONDITION if there was none. */
DURE_API dure_status *dure_call_get_output(const dure_call *call, size_t index,
                                           dure_tensor *tensor);

typedef struct dure_call_stats {
  size_t struct_size;
  uint64_t wall_ns;      /* of dure_call_run */
  uint64_t instructions; /* fuel used */
  uint64_t dispatches;
  uint64_t submissions;
  uint64_t peak_transient; /* bytes */
  uint64_t output_bytes;
  size_t dispatch_count; /* for dure_call_get_dispatch; 0 w/o profile, and no
                            more than the first 2^20 */
  int64_t flops;         /* of all dispatches; -1 unknown, needs profile */
  int64_t bytes;
  size_t counter_count; /* for dure_call_get_counter; 0 w/o profile, and where
                           nothing is simulated */
  /* The shape bucket that the run took, "batch=1, sequence=..128", where code
   * is for fixed shapes; else NULL. Valid as long as the package. */
  const char *bucket;
} dure_call_stats;

/* What the model of a simulated chip says about a run. Never measured. */
typedef struct dure_counter {
  size_t struct_size;
  const char *name;  /* such as "makespan" or "HBM" */
  const char *unit;  /* such as "ns" */
  const char *model; /* chip and rules, such as "rngd, profile book" */
  double value;
  double limit; /* as much as it could have been; 0: no such limit */
} dure_counter;

typedef struct dure_dispatch_stats {
  size_t struct_size;
  const char *name;
  const char *const *nodes;
  size_t node_count;
  uint64_t begin_ns; /* since the run began */
  uint64_t end_ns;
  int64_t flops;      /* -1: not known */
  int64_t bytes;      /* -1: not known */
  const char *device; /* that ran it */
} dure_dispatch_stats;

/* Of the last run, successful or not. */
DURE_API dure_status *dure_call_get_stats(const dure_call *call,
                                          dure_call_stats *stats);
DURE_API dure_status *dure_call_get_dispatch(const dure_call *call,
                                             size_t index,
                                             dure_dispatch_stats *stats);

DURE_API dure_status *dure_call_get_counter(const dure_call *call, size_t index,
                                            dure_counter *counter);

/*===-- Traces -----------------------------------------------------------===*/

/* A trace in the Chrome JSON format, which Perfetto opens: one span per
 * dispatch with bytes, flops and source nodes, within one per run, and the
 * driver's own spans where it offers some. */
DURE_API dure_status *dure_trace_create(dure_trace **trace);
/* Writes what has been gathered, whole or not at all. */
DURE_API dure_status *dure_trace_write(const dure_trace *trace,
                                       const char *path);
DURE_API void dure_trace_destroy(dure_trace *trace);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* DURE_DURE_H */
