/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The C entry of the compiler, libDureCompiler.so.
 *
 * Included by the `dure` command and by any program that compiles models; needs
 * nothing but the C library, and shows nothing of MLIR or LLVM. The library is
 * opened with dlopen and asked for one symbol, dure_compiler_query: so a
 * program that only runs packages never maps the compiler.
 *
 * Rules
 *  - Every struct that crosses starts with `struct_size`, set by whoever fills
 *    it. Fields are only ever appended; a reader ignores what lies beyond its
 *    own sizeof, and takes 0 or NULL for what lies beyond the writer's.
 *    Zero is the default of every field, so `= {sizeof(request)}` is valid.
 *  - Strings are UTF-8 and end with NUL. Strings of a request are borrowed for
 *    the call. Strings of a result belong to the library until `release`, are
 *    never NULL (an absent text is ""), and must not be changed.
 *  - Calls may come from any thread and may overlap. Callbacks come on the
 *    calling thread, before the call returns. No exception or signal leaves the
 *    library.
 *  - What is wrong with a model is a result, never an abort: `status` says
 * which kind, `message` says where, why and what to do, in the request's
 * language.
 *  - A failed, refused or cancelled call leaves no file at `output_path`, and a
 *    failed or cancelled one none at `report_path`: files are written beside
 *    their place and renamed last. A refused call writes its report, which
 * lists the reasons. Neither path may be a file of the model.
 */
#ifndef DURE_COMPILER_H
#define DURE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this header. The library returns its table when it can serve a
 * caller of `version`, else NULL. Major 0: may change until it is declared
 * stable. */
#define DURE_COMPILER_VERSION_MAJOR 0u
#define DURE_COMPILER_VERSION_MINOR 5u
#define DURE_COMPILER_VERSION                                                  \
  ((DURE_COMPILER_VERSION_MAJOR << 16) | DURE_COMPILER_VERSION_MINOR)

/* The symbol to look up, and its type. */
#define DURE_COMPILER_QUERY_SYMBOL "dure_compiler_query"

typedef int32_t dure_compiler_status;
enum {
  DURE_COMPILER_OK = 0,
  /* The model is valid but holds something that is not supported (or that
   * fallback=forbid excludes): every such thing is in json "refusals". */
  DURE_COMPILER_REFUSED = 1,
  /* The model or a file is broken or unreadable, a plug-in does not load, the
   * disk is full: `message` says which. */
  DURE_COMPILER_FAILED = 2,
  /* `cancel` became nonzero. */
  DURE_COMPILER_CANCELLED = 3,
  /* The request itself makes no sense: unknown target, phase or CPU name,
   * contradicting options. The command line maps it to its usage exit code. */
  DURE_COMPILER_INVALID_REQUEST = 4
};

/* Where the package keeps its weights. */
typedef int32_t dure_compiler_weights;
enum {
  /* In the package: recipes are evaluated at compile time. */
  DURE_COMPILER_WEIGHTS_EMBED = 0,
  /* In the model's own files, which the package names relative to the model's
   * folder, with their sizes; recipes are evaluated at load. */
  DURE_COMPILER_WEIGHTS_REFERENCE = 1
};

/* Which symbolic and hard links external data may go through. */
typedef int32_t dure_compiler_links;
enum {
  /* None, and nothing outside the model's folder. */
  DURE_COMPILER_LINKS_REFUSE = 0,
  /* Links that stay inside `links_root`. */
  DURE_COMPILER_LINKS_WITHIN_ROOT = 1,
  /* Any link. */
  DURE_COMPILER_LINKS_ANY = 2
};

/* A value that an input of the model always has. The input leaves the
 * signature, so that a model whose axes or steps are inputs can be compiled. */
typedef struct dure_compiler_input_value {
  size_t struct_size;
  const char *name;
  /* The element type as ONNX numbers it (TensorProto.DataType). A list of int64
   * also serves an int32 input, and one of a single element a scalar. */
  int32_t type;
  const int64_t *dims;
  size_t rank;
  /* Row-major, little-endian. */
  const void *data;
  size_t size;
} dure_compiler_input_value;

/* What a model is, and what it is compiled for: shared by compile and explain.
 */
typedef struct dure_compiler_model {
  size_t struct_size;
  /* The .onnx file; with `start_from`, the .mlir file of the phase before. */
  const char *path;
  /* Names as printed by `targets`, in order of preference. None: {"cpu"}. */
  const char *const *targets;
  size_t target_count;
  /* CPU variants: "native", "portable" or an LLVM CPU name. None: {"native"}.
   */
  const char *const *cpus;
  size_t cpu_count;
  /* Files of target plug-ins to load before anything else. */
  const char *const *load_targets;
  size_t load_target_count;
  /* Values for symbolic dimensions, as "batch=1"; explain estimates with them,
   * compile only checks that they are possible: code is for all sizes. */
  const char *const *dims;
  size_t dim_count;
  dure_compiler_links links;
  const char *links_root;
  /* "en" (default) or "ko": the language of all texts and of the human parts
   * of JSON (messages, reasons, remedies). JSON keys and codes never change. */
  const char *lang;
  /* Nonzero: an op that no listed target takes is a refusal, rather than work
   * for the host CPU. */
  int32_t forbid_fallback;
  /* Nonzero: phase `raise` recognises nothing. Results must not depend on it.
   */
  int32_t no_raise;
  const dure_compiler_input_value *input_values;
  size_t input_value_count;
  /* Sizes of symbolic dimensions that targets which need static shapes make
   * code for, as "batch=1,sequence=32,128": every combination, completed by
   * defaults. Several add up. None: defaults alone. Other targets' code is for
   * all sizes. */
  const char *const *buckets;
  size_t bucket_count;
} dure_compiler_model;

/* A small file of the model's that its package carries as it is, such as its
 * tokenizer. */
typedef struct dure_compiler_file {
  size_t struct_size;
  const char *name; /* relative to the model's folder */
  const void *data;
  size_t size;
} dure_compiler_file;

typedef struct dure_compiler_compile_request {
  size_t struct_size;
  const dure_compiler_model *model;
  /* The package; with `stop_after`, the IR as text instead. Required. After
   * "lower", the last phase, that is the host programs as text. From
   * "specialize" on (or "raise", when one target wants it and another does not)
   * each target has IR of its own: stop_after then takes one target. */
  const char *output_path;
  dure_compiler_weights weights;
  /* Nonzero: every dispatch names the values that it defines, by their ONNX
   * value names (TraceInfo.values in the package), so that a run can hand them
   * out one by one (dure_run_options.on_value). A value without an ONNX name,
   * made inside a raised pattern, is left out. For `check --per-dispatch`. */
  int32_t debug_values;
  /* Phase names: "import", "simplify", "raise", "specialize", "place",
   * "quantize", "form-dispatches", "lower". NULL: all phases. */
  const char *stop_after;
  const char *start_from;
  /* Phase or pass names whose output is printed through `print`, or on stderr
   * when `print` is NULL. "all" is every phase; a name that is neither is an
   * invalid request. */
  const char *const *print_ir_after;
  size_t print_ir_after_count;
  void (*print)(void *user, const char *text, size_t size);
  /* A folder that is created and receives the IR after each phase, code
   * objects, host programs as text (7-lower.*) and what targets add. NULL:
   * none. */
  const char *save_temps_dir;
  /* Receives the result's JSON as a file. NULL: none. */
  const char *report_path;
  /* Threads to compile with; 0: as many as the process may run on. The output
   * does not depend on it. */
  int32_t threads;
  /* Told when a phase starts and while it goes on: `fraction` in [0, 1] is of
   * the whole work and never falls. NULL: not told. */
  void (*progress)(void *user, const char *phase, double fraction);
  /* Read often; nonzero asks the call to stop and clean up. May be written by
   * a signal handler. NULL: never. */
  const volatile int *cancel;
  /* Passed to `print` and `progress`. */
  void *user;
  /* Kernels in a text form of the target's instead of a package; takes one
   * target. `output_path` may then be NULL, "": the result alone has them; a
   * folder, or a path that ends in '/', which is made: one file a kernel; else
   * a file with all. NULL: a package. */
  const char *emit;
  /* Kernels as text for a tool of the vendor's that estimates their cycles,
   * beside the target's own count by the same rules. It says itself which form;
   * `emit` is NULL. NULL: none. */
  const char *oracle;
  /* Files for the package to carry. */
  const dure_compiler_file *files;
  size_t file_count;
} dure_compiler_compile_request;

typedef struct dure_compiler_explain_request {
  size_t struct_size;
  const dure_compiler_model *model;
  const volatile int *cancel;
  /* The function to explain: "main" (NULL) or, of a decoder, "step". */
  const char *entry;
} dure_compiler_explain_request;

typedef struct dure_compiler_targets_request {
  size_t struct_size;
  const char *const *load_targets;
  size_t load_target_count;
  const char *lang;
} dure_compiler_targets_request;

/* One kernel of a result of `emit` or `oracle`. */
typedef struct dure_compiler_kernel {
  size_t struct_size;
  /* The dispatch function's name, and the target that computes it. */
  const char *name;
  const char *target;
  /* In the text form; "" where there is none, then `reason` and `remedy` say
   * why, in the request's language, and `code` stays the same in all. */
  const char *text;
  const char *code;
  const char *reason;
  const char *remedy;
  /* With `oracle`: by the target's own model; -1 where it does not count. */
  int64_t cycles;
} dure_compiler_kernel;

/* The tool of a result of `oracle`. */
typedef struct dure_compiler_oracle {
  size_t struct_size;
  /* The program to look for in PATH, and the environment variable that names
   * it instead. */
  const char *name;
  const char *variable;
  /* "{0}" stands for the file with a kernel's text, whose name ends in
   * `extension`. The last line of what it prints is the cycles. */
  const char *const *arguments;
  size_t argument_count;
  const char *extension;
  /* How to get it, in the request's language. */
  const char *remedy;
  /* Whose rules the target's own model counts by. */
  const char *model;
} dure_compiler_oracle;

/* `json` is one object; numbers are bytes, seconds or counts, absent means
 * unknown. A size that depends on dimensions that have no value is a string, an
 * expression. Every kind has
 *   "status": "ok" | "refused" | "failed" | "cancelled" | "invalid-request",
 *   "message": string,
 *   "refusals": [{"node", "op", "domain", "opset", "code", "reason",
 *                 "remedy"}]      opset is a number, the others are strings
 * compile adds
 *   "model", "output", "output_bytes",
 *   "files": [string], what the model was read from: its own file, then its
 *     external data
 *   "targets": [{"name", "variants": [string], "dispatches", "functions",
 *                "fallback_ops", "transient"}],
 *     where another target may take what this one does not, also "fallback"
 *     (its name), "fallback_reasons": [{"code", "reason", "ops",
 *     "kinds": [string]}], "fallback_dispatches", "transfers" (copies between
 *     devices). fallback_ops is absent for a module that was placed before
 *   "phases": [{"name", "seconds"}], "parameters", "weight_bytes",
 *   "peak_transient": the first target's "transient", at most needed by main
 *   with `emit` or `oracle` also "kernels": [{"name", "target", "ops":
 *   [string], "text"}], with "code", "reason" and "remedy" instead of "text"
 *   where there is none, with `oracle` also "cycles"
 * explain adds
 *   "model", "opsets": [{"domain", "version"}], "parameters", "weight_bytes",
 *   "inputs", "outputs": [{"name", "type", "dims": [string]}],
 *   "ops": [{"op", "count"}]      of the first target, after raise
 *   "nodes": [{"name", "op", "target", "reason", "sources": [string],
 *     "placed": "target" | "host" | "refused"}], of each target one after
 *     another; "target" is "" where nothing runs the op
 *   "targets": as compile, with "buckets": [string] of shapes where the target
 *     needs fixed ones, "bucket", the one that `dims` takes, and "estimated_s"
 *     of one run where the target has an estimate and all dims are known,
 *   "fallback_ops", "memory": {"weights", "inputs", "outputs", "transient"}
 *   and, with all dims known, "flops"
 * targets adds
 *   "targets": [{"name", "description", "plugin", "api_version",
 *                "llvm_version", "devices": [{"name", "description"}],
 *                "needs_static_shapes": bool}]
 */
typedef struct dure_compiler_result {
  size_t struct_size;
  dure_compiler_status status;
  /* Empty when OK; else complete lines without "error:" in front. */
  const char *message;
  /* The report for people: a few aligned lines or a table. */
  const char *text;
  const char *json;
  /* Of `emit` and `oracle`; else none. */
  const dure_compiler_kernel *kernels;
  size_t kernel_count;
  /* Of `oracle`; else NULL. */
  const dure_compiler_oracle *oracle;
} dure_compiler_result;

typedef struct dure_compiler_api {
  size_t struct_size;
  uint32_t version;
  /* "Dure 0.1.0, LLVM 22.1.8" */
  const char *description;
  /* Each returns a result that the caller releases, or NULL when there was no
   * memory for one. */
  const dure_compiler_result *(*compile)(
      const dure_compiler_compile_request *request);
  const dure_compiler_result *(*explain)(
      const dure_compiler_explain_request *request);
  const dure_compiler_result *(*targets)(
      const dure_compiler_targets_request *request);
  void (*release)(const dure_compiler_result *result);
  /* Removes what calls under way have written under temporary names. Safe in a
   * signal handler; for a process that ends without returning from them. */
  void (*remove_temporary_files)(void);
} dure_compiler_api;

typedef const dure_compiler_api *(*dure_compiler_query_fn)(uint32_t version);

#if defined(DURE_COMPILER_BUILD)
__attribute__((visibility("default")))
#endif
const dure_compiler_api *
dure_compiler_query(uint32_t version);

#ifdef __cplusplus
}
#endif

#endif /* DURE_COMPILER_H */
