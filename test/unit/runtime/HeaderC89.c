/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Tests that <dure/dure.h> is C89. */
#include <dure/dure.h>

const char *dure_test_version_from_c(void) { return dure_version(); }
