/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Preloaded into a command: cuts the file $DURE_TEST_CUT_OFF off to nothing
 * when it is mapped for the time $DURE_TEST_CUT_OFF_AT, counted from 1. What is
 * read of that mapping is then gone, as if another process had done it. With
 * $DURE_TEST_NO_TMPFILE, no file system knows files without names. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void cut_off(int descriptor) {
  static int count = 0;
  const char *path = getenv("DURE_TEST_CUT_OFF");
  const char *at = getenv("DURE_TEST_CUT_OFF_AT");
  struct stat wanted, mapped;
  if (!path || !at || stat(path, &wanted) != 0 ||
      fstat(descriptor, &mapped) != 0 || wanted.st_ino != mapped.st_ino ||
      wanted.st_dev != mapped.st_dev || ++count != atoi(at))
    return;
  if (truncate(path, 0) != 0)
    abort();
}

void *mmap(void *address, size_t length, int protection, int flags,
           int descriptor, off_t offset) {
  void *memory = (void *)syscall(SYS_mmap, address, length, protection, flags,
                                 descriptor, offset);
  if (memory != MAP_FAILED && descriptor >= 0)
    cut_off(descriptor);
  return memory;
}

void *mmap64(void *address, size_t length, int protection, int flags,
             int descriptor, off_t offset) {
  return mmap(address, length, protection, flags, descriptor, offset);
}

int open(const char *path, int flags, ...) {
  const int is_new = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
  mode_t mode = 0;
  va_list rest;
  va_start(rest, flags);
  if (is_new)
    mode = va_arg(rest, mode_t);
  va_end(rest);
  if ((flags & O_TMPFILE) == O_TMPFILE && getenv("DURE_TEST_NO_TMPFILE")) {
    errno = EOPNOTSUPP;
    return -1;
  }
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
