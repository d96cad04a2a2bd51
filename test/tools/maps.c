/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Preloaded into a command: writes what the process has mapped, as
 * /proc/self/maps tells it, to the file $DURE_TEST_MAPS when it ends. */
#include <stdio.h>
#include <stdlib.h>

static void copy_maps(void) {
  const char *path = getenv("DURE_TEST_MAPS");
  FILE *maps = path ? fopen("/proc/self/maps", "r") : NULL;
  FILE *out = maps ? fopen(path, "w") : NULL;
  int c;
  while (out && (c = getc(maps)) != EOF)
    putc(c, out);
  if (out)
    fclose(out);
  if (maps)
    fclose(maps);
}

/* atexit runs before libraries are closed; a destructor of this library may
 * run after that. */
__attribute__((constructor)) static void start(void) { atexit(copy_maps); }
