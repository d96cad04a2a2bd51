/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The kernel ABI of the CPU targets: what a CPU code object exports. */
#ifndef DURE_TARGETS_CPU_ABI_CPULIBRARY_H
#define DURE_TARGETS_CPU_ABI_CPULIBRARY_H

/*
 * Who includes this: the CPU driver (targets/cpu/driver), which loads code
 * objects; C code that is compiled to one (tests, hand-written kernels); the
 * CPU compiler targets read it as the definition of what they emit. C89 (with
 * <stdint.h>) and C++; depends on nothing.
 *
 * A code object is an ELF shared object for one architecture. Why ELF and not
 * a format of our own: the linker, debuggers and profilers know it. It has no
 * needed libraries, no constructors or destructors, no text relocations, no
 * thread-local storage and no undefined symbol; the driver checks all of that
 * before the loader sees a byte. What a kernel needs (memcpy, memset, exp) is
 * inside it.
 *
 * Its one exported symbol is the function dure_cpu_library. Everything that it
 * returns is static and constant.
 *
 * How it may change: DURE_CPU_LIBRARY_VERSION must be equal on both sides; it
 * grows when the meaning of anything here changes. Structs are append-only
 * within a version, and entries are found with the library's own
 * entry_struct_size as stride.
 */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DURE_CPU_LIBRARY_VERSION 1

/* Alignment in bytes of every binding and of the scratch memory. */
#define DURE_CPU_ALIGNMENT 64

/* Runs one workgroup, WORKGROUP in [0, WORKGROUP_COUNT). Returns 0, or a fault
 * code (dialects/dure/Faults.h) that fails the submission.
 *
 *  bindings   operands then results: contiguous, row-major, aligned to
 *             DURE_CPU_ALIGNMENT; i1 is one byte, 0 or 1. No result overlaps
 *             an operand or another result unless the compiler asked for it.
 *  constants  the values of the dimension expressions that the compiler listed
 *             for the entry.
 *  scratch    scratch_bytes of memory of this thread, undefined content; NULL
 *             allowed if scratch_bytes is 0.
 *
 * Workgroups run in any order on any thread, concurrently. What a workgroup
 * writes depends on its number alone, never on the thread or on their count:
 * results are bit-identical for any number of threads. */
typedef int32_t (*dure_cpu_kernel_fn)(void *const *bindings,
                                      const int64_t *constants,
                                      int64_t workgroup,
                                      int64_t workgroup_count, void *scratch);

typedef struct dure_cpu_entry {
  const char *name; /* unique in the library */
  dure_cpu_kernel_fn function;
  uint64_t scratch_bytes; /* for each thread that runs the entry */
} dure_cpu_entry;

typedef struct dure_cpu_library {
  size_t struct_size;       /* sizeof(dure_cpu_library) */
  uint32_t version;         /* DURE_CPU_LIBRARY_VERSION */
  uint32_t entry_count;     /* elements of entries */
  size_t entry_struct_size; /* sizeof(dure_cpu_entry): their stride */
  const dure_cpu_entry *entries;
} dure_cpu_library;

/* The exported symbol, "dure_cpu_library". Cheap, idempotent, any thread. */
typedef const dure_cpu_library *(*dure_cpu_library_fn)(void);

#define DURE_CPU_LIBRARY_SYMBOL "dure_cpu_library"

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* DURE_TARGETS_CPU_ABI_CPULIBRARY_H */
