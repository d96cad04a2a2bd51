// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a conformance test has at hand.
#include "tools/dure-conformance/Harness.h"

#include "runtime/host/DriverTables.h"

#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

using namespace dure::conformance;

//===-- Host services -----------------------------------------------------===//

namespace dure::conformance {

/// A status and the host that counts it.
struct CountedStatus {
  dure_drv_status Base;
  std::string Message;
  std::atomic<int64_t> *Count;
};

struct Callbacks {
  static TestHost &host(void *Context) {
    return *static_cast<TestHost *>(Context);
  }
  static void *alloc(void *Context, size_t Size, size_t Alignment) {
    void *Memory = nullptr;
    if (posix_memalign(&Memory, std::max(Alignment, sizeof(void *)),
                       std::max<size_t>(Size, 1)) != 0)
      return nullptr;
    ++host(Context).Allocations;
    return Memory;
  }
  static void free(void *Context, void *Memory) {
    if (Memory)
      --host(Context).Allocations;
    std::free(Memory);
  }
  static void log(void *, int32_t Level, const char *Message) {
    if (Level >= DURE_DRV_LOG_WARNING)
      std::fprintf(stderr, "driver: %s\n", Message);
  }
  static void destroyStatus(dure_drv_status *S) {
    // The base is the first member.
    auto *Counted = reinterpret_cast<CountedStatus *>(S);
    --*Counted->Count;
    delete Counted;
  }
  static dure_drv_status *createStatus(void *Context, int32_t Code,
                                       uint32_t Scope, uint32_t Flags,
                                       const char *Message) {
    auto *S = new CountedStatus;
    S->Message = Message ? Message : "";
    S->Count = &host(Context).Statuses;
    ++*S->Count;
    S->Base = {sizeof(S->Base),    Code,          Scope, Flags, 0,
               S->Message.c_str(), destroyStatus, 0};
    return &S->Base;
  }
  static uint64_t now(void *) {
    timespec T;
    clock_gettime(CLOCK_MONOTONIC, &T);
    return static_cast<uint64_t>(T.tv_sec) * 1000000000u +
           static_cast<uint64_t>(T.tv_nsec);
  }
  static const char *config(void *Context, const char *Key) {
    auto &Map = host(Context).Config;
    auto It = Map.find(Key);
    return It == Map.end() ? nullptr : It->second.c_str();
  }
};

} // namespace dure::conformance

TestHost::TestHost() {
  Services = {sizeof(Services), this,
              Callbacks::alloc, Callbacks::free,
              Callbacks::log,   Callbacks::createStatus,
              Callbacks::now,   Callbacks::config,
              nullptr,          nullptr};
}

dure_drv_status *TestHost::makeStatus(dure_drv_code Code,
                                      const char *Message) const {
  return Services.status_create(Services.context, Code, DURE_DRV_SCOPE_CALL, 0,
                                Message);
}

uint64_t TestHost::now() const { return Callbacks::now(nullptr); }

//===-- Library and commands ----------------------------------------------===//

std::string Library::open(const char *Path) {
  void *Handle = dlopen(Path, RTLD_NOW | RTLD_LOCAL);
  if (!Handle)
    return dlerror();
  Query = reinterpret_cast<dure_driver_query_fn>(
      dlsym(Handle, "dure_driver_query"));
  if (!Query)
    return std::string(Path) + " does not export dure_driver_query";
  return {};
}

std::string dure::conformance::describe(const Result &R) {
  if (R.ok())
    return "success";
  return "code " + std::to_string(R.code()) + " (" + std::string(R.message()) +
         ")";
}

static dure_drv_command command(dure_drv_command_kind Kind) {
  dure_drv_command C;
  std::memset(&C, 0, sizeof(C));
  C.struct_size = sizeof(C);
  C.kind = Kind;
  return C;
}

dure_drv_command dure::conformance::fill(dure_drv_buffer *B, uint64_t Offset,
                                         uint64_t Length, uint64_t Pattern,
                                         uint32_t PatternLength) {
  dure_drv_command C = command(DURE_DRV_COMMAND_FILL);
  C.u.fill.target = {B, Offset, Length};
  std::memcpy(C.u.fill.pattern, &Pattern, sizeof(Pattern));
  std::memcpy(C.u.fill.pattern + 8, &Pattern, sizeof(Pattern));
  C.u.fill.pattern_length = PatternLength;
  return C;
}

dure_drv_command dure::conformance::copy(dure_drv_buffer *Source,
                                         uint64_t SourceOffset,
                                         dure_drv_buffer *Target,
                                         uint64_t TargetOffset,
                                         uint64_t Length) {
  dure_drv_command C = command(DURE_DRV_COMMAND_COPY);
  C.u.copy.source = {Source, SourceOffset, Length};
  C.u.copy.target = {Target, TargetOffset, Length};
  return C;
}

dure_drv_command dure::conformance::barrier() {
  return command(DURE_DRV_COMMAND_BARRIER);
}

//===-- Session -----------------------------------------------------------===//

Session::Session(const Library &L, const Options &O) : Lib(L), Opts(O) {
  for (const auto &[Key, Value] : O.Config)
    Host.set(Key, Value);
  open();
}

void Session::open() {
  if (Result R = Lib.query()(DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR,
                             Host.services(), &Driver);
      !R.ok() || !Driver) {
    Driver = nullptr;
    return fail(__FILE__, __LINE__, "dure_driver_query gave " + describe(R));
  }
  // Before the first call through a table.
  if (!speaksThisAbi(*Driver)) {
    Driver = nullptr; // nor is its destroy known
    return fail(__FILE__, __LINE__,
                "dure_driver_query gave a table of another ABI, or one with a "
                "struct_size that holds none");
  }
  if (const char *Missing = missingEntry(*Driver)) {
    if (!DURE_DRV_HAS(Driver, destroy))
      Driver = nullptr;
    return fail(__FILE__, __LINE__,
                std::string("the driver lacks ") + Missing +
                    ", which every driver or one of its capabilities has");
  }
  Mem = Driver->memory;
  Time = Driver->timeline;
  Que = Driver->queue;
  Exe = Driver->executable;
  uint32_t Count = 0;
  if (Result R = Driver->device_count(Driver, &Count); !R.ok() || Count == 0)
    return fail(__FILE__, __LINE__, "there is no device: " + describe(R));
  Info.struct_size = sizeof(Info);
  if (Result R = Driver->device_info(Driver, 0, &Info); !R.ok())
    return fail(__FILE__, __LINE__, "device_info gave " + describe(R));
  dure_drv_device *Opened = nullptr;
  if (Result R = Driver->device_open(Driver, 0, nullptr, &Opened); !R.ok())
    return fail(__FILE__, __LINE__, "device_open gave " + describe(R));
  Dev = Opened;
}

Session::~Session() { close(); }

void Session::fail(const char *File, int Line, const std::string &Message) {
  std::lock_guard<std::mutex> Lock(M);
  if (!Failure.empty())
    return;
  std::string_view Path = File;
  Failure = std::string(Path.substr(Path.rfind('/') + 1)) + ":" +
            std::to_string(Line) + ": " + Message;
}

void Session::close() {
  auto Check = [&](const char *What, dure_drv_status *S) {
    Result R(S);
    if (!R.ok())
      fail(__FILE__, __LINE__,
           std::string("at the end, ") + What + " gave " + describe(R));
  };
  // A test that failed may leave submissions that wait for ever.
  if (failed())
    for (dure_drv_timeline *T : Timelines)
      Result(Time->fail(T, Host.makeStatus(DURE_DRV_CANCELLED, "test over")));
  for (dure_drv_queue *Q : Queues) {
    Check("queue.wait_idle", Que->wait_idle(Q, Host.after(10000)));
    Check("queue.destroy", Que->destroy(Q));
  }
  for (dure_drv_timeline *T : Timelines)
    Check("timeline.destroy", Time->destroy(T));
  for (dure_drv_buffer *B : Buffers)
    Check("memory.free", Mem->free(B));
  for (dure_drv_executable *E : Executables)
    Check("executable.unload", Exe->unload(E));
  Queues.clear();
  Timelines.clear();
  Buffers.clear();
  Executables.clear();
  if (Dev)
    Check("device_close", Driver->device_close(Dev));
  Dev = nullptr;
  if (Driver)
    Check("driver.destroy", Driver->destroy(Driver));
  Driver = nullptr;
  if (!failed() && Host.liveStatuses() != 0)
    fail(__FILE__, __LINE__,
         std::to_string(Host.liveStatuses()) + " statuses were not destroyed");
  if (!failed() && Host.liveAllocations() != 0)
    fail(__FILE__, __LINE__,
         std::to_string(Host.liveAllocations()) +
             " host allocations were not freed");
}

void Session::forget(const void *Object) {
  std::lock_guard<std::mutex> Lock(M);
  auto Drop = [Object](auto &List) {
    std::erase_if(List, [&](auto *P) { return P == Object; });
  };
  Drop(Buffers);
  Drop(Timelines);
  Drop(Queues);
  Drop(Executables);
}

dure_drv_buffer *Session::buffer(uint64_t Size) {
  dure_drv_buffer_params P = {sizeof(P), nullptr, Size, 0, 0, 0};
  dure_drv_buffer *B = nullptr;
  if (Result R = Mem->allocate(Dev, &P, &B); !R.ok()) {
    fail(__FILE__, __LINE__, "memory.allocate gave " + describe(R));
    return nullptr;
  }
  std::lock_guard<std::mutex> Lock(M);
  Buffers.push_back(B);
  return B;
}

dure_drv_timeline *Session::timeline(uint64_t Value) {
  dure_drv_timeline *T = nullptr;
  if (Result R = Time->create(Dev, Value, &T); !R.ok()) {
    fail(__FILE__, __LINE__, "timeline.create gave " + describe(R));
    return nullptr;
  }
  std::lock_guard<std::mutex> Lock(M);
  Timelines.push_back(T);
  return T;
}

dure_drv_queue *Session::queue() {
  dure_drv_queue_params P = {sizeof(P), nullptr, "conformance"};
  dure_drv_queue *Q = nullptr;
  if (Result R = Que->create(Dev, &P, &Q); !R.ok()) {
    fail(__FILE__, __LINE__, "queue.create gave " + describe(R));
    return nullptr;
  }
  std::lock_guard<std::mutex> Lock(M);
  Queues.push_back(Q);
  return Q;
}

dure_drv_executable *Session::executable(size_t Index) {
  if (Index >= Opts.Artifacts.size()) {
    fail(__FILE__, __LINE__,
         "the driver claims executables: give " + std::to_string(Index + 1) +
             " code objects of the conformance kernels with --artifact");
    return nullptr;
  }
  const char *const Entries[] = {"add", "identify", "fault", "spin", "scratch"};
  const std::string &Bytes = Opts.Artifacts[Index].Bytes;
  dure_drv_executable_params P = {sizeof(P),
                                  nullptr,
                                  Bytes.data(),
                                  Bytes.size(),
                                  Opts.Compatibility.c_str(),
                                  "conformance",
                                  Entries,
                                  std::size(Entries),
                                  nullptr};
  dure_drv_executable *E = nullptr;
  if (Result R = Exe->load(Dev, &P, &E); !R.ok()) {
    fail(__FILE__, __LINE__, "executable.load gave " + describe(R));
    return nullptr;
  }
  std::lock_guard<std::mutex> Lock(M);
  Executables.push_back(E);
  return E;
}

Result Session::submit(dure_drv_queue *Q,
                       std::span<const dure_drv_command> Commands,
                       dure_drv_timeline *Signal, uint64_t Value,
                       dure_drv_timeline *Wait, uint64_t WaitValue,
                       uint64_t Deadline) {
  dure_drv_timeline_point W = {Wait, WaitValue}, S = {Signal, Value};
  return Que->submit(Q, Commands.data(), Commands.size(), &W, Wait ? 1 : 0, &S,
                     Signal ? 1 : 0, Deadline, nullptr);
}

Result Session::run(std::span<const dure_drv_command> Commands) {
  dure_drv_queue_params P = {sizeof(P), nullptr, "run"};
  dure_drv_queue *Q = nullptr;
  dure_drv_timeline *T = nullptr;
  if (Result R = Que->create(Dev, &P, &Q); !R.ok())
    return R;
  Result Outcome = Time->create(Dev, 0, &T);
  if (Outcome.ok())
    Outcome = submit(Q, Commands, T, 1);
  if (Outcome.ok())
    Outcome = Time->wait(T, 1, Host.after(30000));
  Result(Que->wait_idle(Q, Host.after(30000)));
  Result Destroyed = Que->destroy(Q);
  if (T)
    Result(Time->destroy(T));
  return Outcome.ok() ? std::move(Destroyed) : std::move(Outcome);
}

void Session::write(dure_drv_buffer *B, const void *Bytes, uint64_t Length) {
  if (Length == 0)
    return;
  if (has(DURE_DRV_CAP_MAP)) {
    void *Memory = nullptr;
    CONFORM_OK(*this, Mem->map(B, 0, Length, DURE_DRV_MAP_WRITE, &Memory));
    std::memcpy(Memory, Bytes, Length);
    CONFORM_OK(*this, Mem->unmap(B));
    return;
  }
  CONFORM(*this, has(DURE_DRV_CAP_IMPORT_HOST));
  std::vector<uint8_t> Copy(static_cast<const uint8_t *>(Bytes),
                            static_cast<const uint8_t *>(Bytes) + Length);
  dure_drv_import_params P = {sizeof(P), nullptr, Copy.data(), Length, 0, 0};
  dure_drv_buffer *Staging = nullptr;
  CONFORM_OK(*this, Mem->import_host(Dev, &P, &Staging));
  dure_drv_command C = copy(Staging, 0, B, 0, Length);
  Result R = run({&C, 1});
  CONFORM_OK(*this, Mem->free(Staging));
  CONFORM(*this, R.ok());
}

std::vector<uint8_t> Session::read(dure_drv_buffer *B) {
  uint64_t Length = Mem->size(B);
  std::vector<uint8_t> Bytes(Length);
  if (Length == 0)
    return Bytes;
  auto Read = [&] {
    if (has(DURE_DRV_CAP_MAP)) {
      void *Memory = nullptr;
      CONFORM_OK(*this, Mem->map(B, 0, Length, DURE_DRV_MAP_READ, &Memory));
      std::memcpy(Bytes.data(), Memory, Length);
      CONFORM_OK(*this, Mem->unmap(B));
      return;
    }
    CONFORM(*this, has(DURE_DRV_CAP_IMPORT_HOST));
    dure_drv_import_params P = {sizeof(P), nullptr, Bytes.data(), Length, 0, 0};
    dure_drv_buffer *Staging = nullptr;
    CONFORM_OK(*this, Mem->import_host(Dev, &P, &Staging));
    dure_drv_command C = copy(B, 0, Staging, 0, Length);
    Result R = run({&C, 1});
    CONFORM_OK(*this, Mem->free(Staging));
    CONFORM(*this, R.ok());
  };
  Read();
  return Bytes;
}
