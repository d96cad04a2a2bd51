/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A library that says it is a target plug-in and is not quite: its fields are
 * the definitions that it is compiled with. In C, as the loader must not need
 * more of a plug-in than plain fields to tell that it does not fit. */
#include <stddef.h>
#include <stdint.h>

struct plugin {
  uint32_t struct_size;
  uint32_t api_version;
  const char *llvm_version;
  const char *name;
  /* Returns a std::unique_ptr through memory of the caller's. */
  void *(*create)(void **result);
};

#ifndef STRUCT_SIZE
#define STRUCT_SIZE sizeof(struct plugin)
#endif

#if defined(NO_CREATE) || defined(NO_PLUGIN)
#define CREATE NULL
#else
#define CREATE create_nothing
static void *create_nothing(void **result) {
  *result = NULL;
  return result;
}
#endif

const struct plugin *dure_target_plugin(void);

const struct plugin *dure_target_plugin(void) {
#ifdef NO_PLUGIN
  return NULL;
#else
  static const struct plugin description = {STRUCT_SIZE, API_VERSION, LLVM_TEXT,
                                            PLUGIN_NAME, CREATE};
  return &description;
#endif
}
