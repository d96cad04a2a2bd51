// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every executable of a build with sanitizers tells them: some of the
// libraries around it are not instrumented.

// LLVM's allocators poison what they have not given out, in code of headers
// that is instrumented here and not in libMLIR, which then seems to write where
// it may not.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0";
}

// Of LLVM's OpenMP library: the race detector cannot judge its inside, and its
// pool of threads ends with the process.
extern "C" const char *__tsan_default_options() {
  return "ignore_noninstrumented_modules=1";
}
extern "C" const char *__lsan_default_suppressions() {
  return "leak:libomp.so\n";
}
