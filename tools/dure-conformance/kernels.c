/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* The conformance kernels for the CPU driver, a code object written by hand. */

/*
 * A vendor ports these five entries to the chip's own code objects and builds
 * them twice, with DURE_CONFORMANCE_ID 1 and 2. Integers are 32 bits and little
 * endian; constants are 64 bits. For a device that takes no constants there is
 * an entry for each set that the suite uses, the constants in its name ("add
 * 1000 -5"), besides the five; one that takes no grid runs all workgroups.
 *
 *   add       bindings {in, out}, constants {n, c}; workgroup w computes
 *             out[i] = in[i] + c for i in [64 w, min(n, 64 w + 64)).
 *   identify  bindings {out}; out[0] = DURE_CONFORMANCE_ID.
 *   fault     constants {w, code}; workgroup w reports fault CODE.
 *   spin      bindings {out}, constants {n}; takes about n cycles.
 *   scratch   bindings {out}; workgroup w writes w to each of the 1024
 *             integers of its scratch memory, and their sum to out[w].
 */
#include "targets/cpu/abi/CpuLibrary.h"

#ifndef DURE_CONFORMANCE_ID
#define DURE_CONFORMANCE_ID 1
#endif

static int32_t add(void *const *bindings, const int64_t *constants,
                   int64_t workgroup, int64_t workgroup_count, void *scratch) {
  const int32_t *in = (const int32_t *)bindings[0];
  int32_t *out = (int32_t *)bindings[1];
  int64_t begin = workgroup * 64, end = begin + 64, i;
  (void)workgroup_count;
  (void)scratch;
  if (end > constants[0])
    end = constants[0];
  for (i = begin; i < end; ++i)
    out[i] = in[i] + (int32_t)constants[1];
  return 0;
}

static int32_t identify(void *const *bindings, const int64_t *constants,
                        int64_t workgroup, int64_t workgroup_count,
                        void *scratch) {
  (void)constants;
  (void)workgroup;
  (void)workgroup_count;
  (void)scratch;
  *(int32_t *)bindings[0] = DURE_CONFORMANCE_ID;
  return 0;
}

static int32_t fault(void *const *bindings, const int64_t *constants,
                     int64_t workgroup, int64_t workgroup_count,
                     void *scratch) {
  (void)bindings;
  (void)workgroup_count;
  (void)scratch;
  return workgroup == constants[0] ? (int32_t)constants[1] : 0;
}

static int32_t spin(void *const *bindings, const int64_t *constants,
                    int64_t workgroup, int64_t workgroup_count, void *scratch) {
  volatile int32_t *out = (volatile int32_t *)bindings[0];
  int64_t i;
  (void)workgroup;
  (void)workgroup_count;
  (void)scratch;
  /* A store that the compiler keeps takes about a cycle. */
  for (i = 0; i < constants[0]; ++i)
    *out = (int32_t)i;
  return 0;
}

static int32_t scratch_sum(void *const *bindings, const int64_t *constants,
                           int64_t workgroup, int64_t workgroup_count,
                           void *scratch) {
  volatile uint32_t *memory = (volatile uint32_t *)scratch;
  uint32_t sum = 0;
  int i;
  (void)constants;
  (void)workgroup_count;
  if ((uintptr_t)scratch % DURE_CPU_ALIGNMENT != 0)
    return 1;
  for (i = 0; i < 1024; ++i)
    memory[i] = (uint32_t)workgroup;
  for (i = 0; i < 1024; ++i)
    sum += memory[i];
  ((uint32_t *)bindings[0])[workgroup] = sum;
  return 0;
}

static const dure_cpu_entry entries[] = {
    {"add", add, 0},   {"identify", identify, 0},      {"fault", fault, 0},
    {"spin", spin, 0}, {"scratch", scratch_sum, 4096},
};

static const dure_cpu_library library = {
    sizeof(dure_cpu_library), DURE_CPU_LIBRARY_VERSION,
    sizeof(entries) / sizeof(entries[0]), sizeof(dure_cpu_entry), entries};

__attribute__((visibility("default"))) const dure_cpu_library *
dure_cpu_library_entry(void) __asm__(DURE_CPU_LIBRARY_SYMBOL);

const dure_cpu_library *dure_cpu_library_entry(void) { return &library; }
