/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Code objects that ElfCheckTest takes or refuses; one macro for each. */

#define EXPORT __attribute__((visibility("default")))

EXPORT const void *dure_cpu_library(void) { return 0; }

#if defined(NEEDED) || defined(UNDEFINED)
/* NEEDED is linked with a library that has no such function: the check must
   not get as far as the symbol. */
extern int system(const char *command);
EXPORT int run(void) { return system("true"); }
#elif defined(CONSTRUCTOR)
EXPORT int value;
__attribute__((constructor)) static void begin(void) { value = 1; }
#elif defined(DESTRUCTOR)
EXPORT int value;
__attribute__((destructor)) static void end(void) { value = 1; }
#elif defined(UNDEFINED_DATA)
extern char **environ;
EXPORT char **run(void) { return environ; }
#elif defined(TLS)
EXPORT __thread int value = 3;
EXPORT int *run(void) { return &value; }
#elif defined(PREEMPTIBLE) || defined(SYMBOLIC)
EXPORT int helper(void) { return 1; }
EXPORT int (*const table[])(void) = {helper};
#elif defined(IFUNC)
static int one(void) { return 1; }
static int (*choose(void))(void) { return one; }
static int chosen(void) __attribute__((ifunc("choose")));
EXPORT int (*const table[])(void) = {chosen};
#endif
