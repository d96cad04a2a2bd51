// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Jobs in forked workers, so that a job that crashes or hangs loses itself
// only.
//
// Included by the runners of test/onnx and test/models. POSIX. Why forked
// workers rather than a process a test: the compiler is loaded and relocated
// once, before the first fork, and a node test takes milliseconds after that.
#ifndef DURE_TEST_ONNX_WORKERS_H
#define DURE_TEST_ONNX_WORKERS_H

#include <cstddef>
#include <functional>
#include <string>

namespace dure::modeltest {

/// How a worker ended in the middle of a job.
struct Death {
  /// "SIGSEGV", "timeout", "exit 3"
  std::string Cause;
  /// The last lines that it wrote to stderr.
  std::string LastWords;
};

struct WorkerSettings {
  unsigned Workers = 1;
  /// Seconds that one job may take.
  double Timeout = 120;
};

/// Runs jobs 0 to `Count` - 1, each in one of several worker processes. Call
/// from a process with one thread: workers are forks of it.
///
/// `Job` runs in a worker and gives its result as at most 64 KiB of text, the
/// rest being cut off. It gets what the job wrote to stderr through
/// `takeStderr`. `OnResult` and `OnDeath` run in the caller's process, in the
/// order in which jobs end. False, having said why on stderr, when workers
/// cannot be started.
bool runInWorkers(size_t Count, const WorkerSettings &Settings,
                  const std::function<std::string(size_t)> &Job,
                  const std::function<void(size_t, std::string)> &OnResult,
                  const std::function<void(size_t, Death)> &OnDeath);

/// In a job: what has been written to stderr since it began.
std::string takeStderr();

} // namespace dure::modeltest

#endif // DURE_TEST_ONNX_WORKERS_H
