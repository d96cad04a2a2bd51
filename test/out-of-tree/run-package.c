/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* A program outside of Dure's tree: lists the entries of a package. */
#include <dure/dure.h>

#include <stdio.h>
#include <string.h>

static int fail(dure_status *status) {
  fprintf(stderr, "error: %s\n", dure_status_message(status));
  dure_status_free(status);
  return 1;
}

int main(int argc, char **argv) {
  dure_package *package = NULL;
  dure_text *text = NULL;
  dure_status *status;
  if (argc != 2) {
    fprintf(stderr, "usage: run-package PACKAGE\n");
    return 2;
  }
  status = dure_package_load(argv[1], NULL, &package);
  if (status)
    return fail(status);
  status = dure_package_describe(package, &text);
  if (status) {
    dure_package_destroy(package);
    return fail(status);
  }
  fwrite(dure_text_data(text), 1, dure_text_size(text), stdout);
  dure_text_destroy(text);
  dure_package_destroy(package);
  return 0;
}
