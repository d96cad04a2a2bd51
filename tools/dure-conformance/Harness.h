// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a conformance test has at hand: a host, a driver with an open device,
// and checks that name the place where a driver fell short.
//
// Contract: for dure-conformance and the drivers' unit tests. C++20 on
// <dure/driver.h> and the list of its entries in runtime/host/DriverTables.h.
#ifndef DURE_TOOLS_CONFORMANCE_HARNESS_H
#define DURE_TOOLS_CONFORMANCE_HARNESS_H

#include <dure/driver.h>

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure::conformance {

/// A host that counts what a driver takes and has to give back.
class TestHost {
public:
  TestHost();
  TestHost(const TestHost &) = delete;
  TestHost &operator=(const TestHost &) = delete;

  const dure_host_services *services() const { return &Services; }
  void set(std::string Key, std::string Value) {
    Config[std::move(Key)] = std::move(Value);
  }
  /// A status for timeline.fail.
  dure_drv_status *makeStatus(dure_drv_code Code, const char *Message) const;
  uint64_t now() const;
  uint64_t after(uint64_t Milliseconds) const {
    return now() + Milliseconds * 1000000;
  }
  int64_t liveStatuses() const { return Statuses; }
  int64_t liveAllocations() const { return Allocations; }

private:
  friend struct Callbacks;
  dure_host_services Services;
  std::map<std::string, std::string> Config;
  mutable std::atomic<int64_t> Statuses{0};
  std::atomic<int64_t> Allocations{0};
};

/// A driver library, opened and never closed.
class Library {
public:
  /// Empty, or why PATH is no driver.
  std::string open(const char *Path);
  dure_driver_query_fn query() const { return Query; }

private:
  dure_driver_query_fn Query = nullptr;
};

/// The outcome of a call, freed at the end of the expression that checks it.
class Result {
public:
  Result(dure_drv_status *S) : S(S) {}
  Result(Result &&Other) noexcept : S(std::exchange(Other.S, nullptr)) {}
  Result &operator=(Result &&Other) noexcept {
    std::swap(S, Other.S);
    return *this;
  }
  ~Result() {
    if (S)
      S->destroy(S);
  }
  bool ok() const { return !S; }
  int32_t code() const { return S ? S->code : int32_t(DURE_DRV_OK); }
  uint32_t flags() const { return S ? S->flags : 0; }
  /// Of the command that failed; null where the driver does not say.
  const uint64_t *tag() const {
    bool Has =
        S && (S->flags & DURE_DRV_STATUS_HAS_TAG) &&
        S->struct_size >= offsetof(dure_drv_status, tag) + sizeof(S->tag);
    return Has ? &S->tag : nullptr;
  }
  std::string_view message() const { return S ? S->message : "success"; }

private:
  dure_drv_status *S;
};

/// Code objects for the tests of dispatches: two builds of the same kernels.
struct Artifact {
  std::string Bytes;
};

struct Options {
  std::vector<Artifact> Artifacts;
  std::string Compatibility;
  std::vector<std::pair<std::string, std::string>> Config;
};

/// One test's driver instance with device 0 open. What the helpers make is
/// freed at the end of the test, also when it failed.
class Session {
public:
  Session(const Library &L, const Options &O);
  ~Session();

  bool ready() const { return Dev != nullptr; }
  void fail(const char *File, int Line, const std::string &Message);
  bool failed() const { return !Failure.empty(); }
  const std::string &failure() const { return Failure; }
  /// Frees everything and checks that nothing is left over.
  void close();

  dure_drv_buffer *buffer(uint64_t Size);
  dure_drv_timeline *timeline(uint64_t Value = 0);
  dure_drv_queue *queue();
  /// Loads artifact INDEX.
  dure_drv_executable *executable(size_t Index = 0);
  /// No longer the session's to free.
  void forget(const void *Object);

  /// Bytes to and from a buffer, by map or by a copy from imported memory.
  void write(dure_drv_buffer *B, const void *Bytes, uint64_t Length);
  std::vector<uint8_t> read(dure_drv_buffer *B);

  /// Submits COMMANDS; the timeline reaches VALUE at the end.
  Result submit(dure_drv_queue *Q, std::span<const dure_drv_command> Commands,
                dure_drv_timeline *Signal, uint64_t Value,
                dure_drv_timeline *Wait = nullptr, uint64_t WaitValue = 0,
                uint64_t Deadline = DURE_DRV_NO_DEADLINE);
  /// Submits, and waits for the end; the failure, if any.
  Result run(std::span<const dure_drv_command> Commands);

  bool has(uint64_t Capability) const {
    return (Driver->capabilities & Capability) == Capability;
  }

  const Library &Lib;
  const Options &Opts;
  TestHost Host;
  const dure_driver *Driver = nullptr;
  dure_drv_device *Dev = nullptr;
  dure_drv_device_info Info = {};
  const dure_drv_memory_api *Mem = nullptr;
  const dure_drv_timeline_api *Time = nullptr;
  const dure_drv_queue_api *Que = nullptr;
  const dure_drv_executable_api *Exe = nullptr;

private:
  void open();

  std::mutex M; ///< Some tests work from several threads.
  std::string Failure;
  std::vector<dure_drv_buffer *> Buffers;
  std::vector<dure_drv_timeline *> Timelines;
  std::vector<dure_drv_queue *> Queues;
  std::vector<dure_drv_executable *> Executables;
};

// Commands, ready to be put into an array.
dure_drv_command fill(dure_drv_buffer *B, uint64_t Offset, uint64_t Length,
                      uint64_t Pattern, uint32_t PatternLength);
dure_drv_command copy(dure_drv_buffer *Source, uint64_t SourceOffset,
                      dure_drv_buffer *Target, uint64_t TargetOffset,
                      uint64_t Length);
dure_drv_command barrier();

struct TestCase {
  const char *Name;
  /// Capabilities without which there is nothing to test.
  uint64_t Needs;
  void (*Run)(Session &S);
};

/// Value as text for messages.
std::string describe(const Result &R);

#define CONFORM(S, CONDITION)                                                  \
  do {                                                                         \
    if (!(CONDITION)) {                                                        \
      (S).fail(__FILE__, __LINE__, "expected " #CONDITION);                    \
      return;                                                                  \
    }                                                                          \
  } while (false)

#define CONFORM_OK(S, CALL)                                                    \
  do {                                                                         \
    ::dure::conformance::Result R_(CALL);                                      \
    if (!R_.ok()) {                                                            \
      (S).fail(__FILE__, __LINE__,                                             \
               #CALL " gave " + ::dure::conformance::describe(R_));            \
      return;                                                                  \
    }                                                                          \
  } while (false)

#define CONFORM_CODE(S, CALL, CODE)                                            \
  do {                                                                         \
    ::dure::conformance::Result R_(CALL);                                      \
    if (R_.code() != (CODE)) {                                                 \
      (S).fail(__FILE__, __LINE__,                                             \
               #CALL " gave " + ::dure::conformance::describe(R_) +            \
                   ", expected " #CODE);                                       \
      return;                                                                  \
    }                                                                          \
  } while (false)

} // namespace dure::conformance

#endif // DURE_TOOLS_CONFORMANCE_HARNESS_H
