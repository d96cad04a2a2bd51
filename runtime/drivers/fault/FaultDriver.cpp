// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The fault layer: any driver, with failures on demand.
//
// Options: fault.inner (path of the driver to wrap, required), fault.rules
// (see Rules.h; none: everything is passed on). All other options go to the
// inner driver, which sees the same host.
//
// Every object is wrapped, so that a call finds its instance and the layer
// knows all timelines of a device that is lost. It never alters data.
#include "runtime/drivers/fault/Rules.h"
#include "runtime/drivers/support/Host.h"
#include "runtime/host/DriverTables.h"

#include <dlfcn.h>

#include <cinttypes>
#include <mutex>
#include <set>
#include <thread>

using namespace dure::driver;

namespace {

struct FaultDevice;

struct FaultDriver {
  explicit FaultDriver(const dure_host_services *S) : H(S) {}

  dure_driver Table = {};
  dure_drv_build_info Build = {};
  dure_drv_memory_api Memory = {};
  dure_drv_executable_api Executable = {};
  dure_drv_timeline_api Timeline = {};
  dure_drv_queue_api Queue = {};
  Host H;
  Rules R;
  const dure_driver *Inner = nullptr;

  /// What the rules say about this call, after their delays.
  Rule apply(Call C, uint64_t &Number);
  /// Null if the call is to be passed on. DEVICE may be null.
  dure_drv_status *check(Call C, FaultDevice *Device);
};

/// A device and the timelines that fail with it.
struct FaultDevice {
  FaultDriver &D;
  dure_drv_device *Inner;
  std::mutex M;
  bool Lost = false;
  std::set<dure_drv_timeline *> Timelines;

  Status lostStatus() const {
    return D.H.error(DURE_DRV_DEVICE_LOST, DURE_DRV_SCOPE_DEVICE, 0,
                     "fault layer: the device is lost");
  }
  void lose();
};

/// A buffer, executable, timeline or queue.
template <typename T> struct Wrapped {
  FaultDevice &Device;
  T *Inner;
};
using WrappedBuffer = Wrapped<dure_drv_buffer>;
using WrappedExecutable = Wrapped<dure_drv_executable>;
using WrappedTimeline = Wrapped<dure_drv_timeline>;
using WrappedQueue = Wrapped<dure_drv_queue>;

} // namespace

static FaultDriver &self(const dure_driver *D) {
  return *static_cast<FaultDriver *>(D->self);
}
static FaultDevice &unwrap(dure_drv_device *D) {
  return *reinterpret_cast<FaultDevice *>(D);
}
template <typename T> static Wrapped<T> &unwrap(T *Handle) {
  return *reinterpret_cast<Wrapped<T> *>(Handle);
}
template <typename T> static const Wrapped<T> &unwrap(const T *Handle) {
  return *reinterpret_cast<const Wrapped<T> *>(Handle);
}
/// Hands out a wrapper of what the inner driver made. INNER is a reference: the
/// call that sets it may be an argument, too.
template <typename T>
static dure_drv_status *wrap(dure_drv_status *S, FaultDevice &Device, T *&Inner,
                             T **Out) {
  if (!S)
    *Out = reinterpret_cast<T *>(new Wrapped<T>{Device, Inner});
  return S;
}
/// Deletes the wrapper of what the inner driver has freed.
template <typename T>
static dure_drv_status *drop(dure_drv_status *S, Wrapped<T> &W) {
  if (!S)
    delete &W;
  return S;
}

//===-- Rules -------------------------------------------------------------===//

void FaultDevice::lose() {
  std::lock_guard<std::mutex> Lock(M);
  if (Lost)
    return;
  Lost = true;
  for (dure_drv_timeline *T : Timelines)
    Status(D.Inner->timeline->fail(T, lostStatus().release()));
}

Rule FaultDriver::apply(Call C, uint64_t &Number) {
  uint64_t DelayNs = 0;
  Rule Found = R.count(C, Number, DelayNs);
  if (DelayNs)
    std::this_thread::sleep_for(std::chrono::nanoseconds(DelayNs));
  return Found;
}

dure_drv_status *FaultDriver::check(Call C, FaultDevice *Device) {
  uint64_t Number = 0;
  Rule Found = apply(C, Number);
  if (Found.A == Action::Lose && Device)
    Device->lose();
  if (Device) {
    std::lock_guard<std::mutex> Lock(Device->M);
    if (Device->Lost)
      return Device->lostStatus().release();
  }
  if (Found.A == Action::Fail)
    return H
        .error(static_cast<dure_drv_code>(Found.Code), DURE_DRV_SCOPE_CALL,
               DURE_DRV_STATUS_RETRYABLE,
               "fault layer: %s number %" PRIu64 " fails by rule", callName(C),
               Number)
        .release();
  return nullptr;
}

//===-- Memory ------------------------------------------------------------===//

static dure_drv_status *memoryInfo(dure_drv_device *Dev, uint32_t Index,
                                   dure_drv_memory_info *Info) {
  FaultDevice &D = unwrap(Dev);
  return D.D.Inner->memory->info(D.Inner, Index, Info);
}

static dure_drv_status *allocate(dure_drv_device *Dev,
                                 const dure_drv_buffer_params *Params,
                                 dure_drv_buffer **Out) {
  FaultDevice &D = unwrap(Dev);
  if (dure_drv_status *S = D.D.check(Call::Allocate, &D))
    return S;
  dure_drv_buffer *B = nullptr;
  return wrap(D.D.Inner->memory->allocate(D.Inner, Params, Out ? &B : nullptr),
              D, B, Out);
}

static dure_drv_status *importHost(dure_drv_device *Dev,
                                   const dure_drv_import_params *Params,
                                   dure_drv_buffer **Out) {
  FaultDevice &D = unwrap(Dev);
  if (dure_drv_status *S = D.D.check(Call::Import, &D))
    return S;
  dure_drv_buffer *B = nullptr;
  return wrap(
      D.D.Inner->memory->import_host(D.Inner, Params, Out ? &B : nullptr), D, B,
      Out);
}

static dure_drv_status *freeBuffer(dure_drv_buffer *Handle) {
  WrappedBuffer &B = unwrap(Handle);
  return drop(B.Device.D.Inner->memory->free(B.Inner), B);
}

static uint64_t bufferSize(const dure_drv_buffer *Handle) {
  const WrappedBuffer &B = unwrap(Handle);
  return B.Device.D.Inner->memory->size(B.Inner);
}

static dure_drv_status *map(dure_drv_buffer *Handle, uint64_t Offset,
                            uint64_t Length, uint32_t Flags, void **Memory) {
  WrappedBuffer &B = unwrap(Handle);
  if (dure_drv_status *S = B.Device.D.check(Call::Map, &B.Device))
    return S;
  return B.Device.D.Inner->memory->map(B.Inner, Offset, Length, Flags, Memory);
}

static dure_drv_status *unmap(dure_drv_buffer *Handle) {
  WrappedBuffer &B = unwrap(Handle);
  return B.Device.D.Inner->memory->unmap(B.Inner);
}

//===-- Executables -------------------------------------------------------===//

static dure_drv_status *validate(dure_drv_device *Dev,
                                 const char *Compatibility,
                                 dure_drv_compatibility *Result) {
  FaultDevice &D = unwrap(Dev);
  return D.D.Inner->executable->validate(D.Inner, Compatibility, Result);
}

static dure_drv_status *load(dure_drv_device *Dev,
                             const dure_drv_executable_params *Params,
                             dure_drv_executable **Out) {
  FaultDevice &D = unwrap(Dev);
  if (dure_drv_status *S = D.D.check(Call::Load, &D))
    return S;
  dure_drv_executable *E = nullptr;
  return wrap(D.D.Inner->executable->load(D.Inner, Params, Out ? &E : nullptr),
              D, E, Out);
}

static uint32_t entryCount(const dure_drv_executable *Handle) {
  const WrappedExecutable &E = unwrap(Handle);
  return E.Device.D.Inner->executable->entry_count(E.Inner);
}

static dure_drv_status *entryInfo(const dure_drv_executable *Handle,
                                  uint32_t Entry, dure_drv_entry_info *Info) {
  const WrappedExecutable &E = unwrap(Handle);
  return E.Device.D.Inner->executable->entry_info(E.Inner, Entry, Info);
}

static dure_drv_status *lookup(const dure_drv_executable *Handle,
                               const char *Name, uint32_t *Entry) {
  const WrappedExecutable &E = unwrap(Handle);
  return E.Device.D.Inner->executable->lookup(E.Inner, Name, Entry);
}

static dure_drv_status *unload(dure_drv_executable *Handle) {
  WrappedExecutable &E = unwrap(Handle);
  return drop(E.Device.D.Inner->executable->unload(E.Inner), E);
}

//===-- Timelines ---------------------------------------------------------===//

static dure_drv_status *createTimeline(dure_drv_device *Dev, uint64_t Initial,
                                       dure_drv_timeline **Out) {
  FaultDevice &D = unwrap(Dev);
  if (dure_drv_status *S = D.D.check(Call::Timeline, &D))
    return S;
  dure_drv_timeline *T = nullptr;
  dure_drv_status *S =
      D.D.Inner->timeline->create(D.Inner, Initial, Out ? &T : nullptr);
  if (!S) {
    std::lock_guard<std::mutex> Lock(D.M);
    D.Timelines.insert(T);
    if (D.Lost)
      Status(D.D.Inner->timeline->fail(T, D.lostStatus().release()));
  }
  return wrap(S, D, T, Out);
}

static dure_drv_status *destroyTimeline(dure_drv_timeline *Handle) {
  WrappedTimeline &T = unwrap(Handle);
  // Held until the inner timeline is gone: lose must not meet a dead one.
  std::lock_guard<std::mutex> Lock(T.Device.M);
  if (dure_drv_status *S = T.Device.D.Inner->timeline->destroy(T.Inner))
    return S;
  T.Device.Timelines.erase(T.Inner);
  delete &T;
  return nullptr;
}

static dure_drv_status *query(dure_drv_timeline *Handle, uint64_t *Value) {
  WrappedTimeline &T = unwrap(Handle);
  return T.Device.D.Inner->timeline->query(T.Inner, Value);
}

static dure_drv_status *signal(dure_drv_timeline *Handle, uint64_t Value) {
  WrappedTimeline &T = unwrap(Handle);
  if (dure_drv_status *S = T.Device.D.check(Call::Signal, &T.Device))
    return S;
  return T.Device.D.Inner->timeline->signal(T.Inner, Value);
}

static dure_drv_status *fail(dure_drv_timeline *Handle,
                             dure_drv_status *Failure) {
  WrappedTimeline &T = unwrap(Handle);
  return T.Device.D.Inner->timeline->fail(T.Inner, Failure);
}

static dure_drv_status *wait(dure_drv_timeline *Handle, uint64_t Value,
                             uint64_t Deadline) {
  WrappedTimeline &T = unwrap(Handle);
  uint64_t Number = 0;
  Rule Found = T.Device.D.apply(Call::Wait, Number);
  if (Found.A == Action::Lose)
    T.Device.lose();
  // A lost device has failed its timelines: the wait itself tells, and values
  // that were reached stay reached.
  if (Found.A == Action::Fail)
    return T.Device.D.H
        .error(static_cast<dure_drv_code>(Found.Code), DURE_DRV_SCOPE_CALL,
               DURE_DRV_STATUS_RETRYABLE,
               "fault layer: wait number %" PRIu64 " fails by rule", Number)
        .release();
  return T.Device.D.Inner->timeline->wait(T.Inner, Value, Deadline);
}

//===-- Queues ------------------------------------------------------------===//

static dure_drv_status *createQueue(dure_drv_device *Dev,
                                    const dure_drv_queue_params *Params,
                                    dure_drv_queue **Out) {
  FaultDevice &D = unwrap(Dev);
  if (dure_drv_status *S = D.D.check(Call::Queue, &D))
    return S;
  dure_drv_queue *Q = nullptr;
  return wrap(D.D.Inner->queue->create(D.Inner, Params, Out ? &Q : nullptr), D,
              Q, Out);
}

static dure_drv_status *destroyQueue(dure_drv_queue *Handle) {
  WrappedQueue &Q = unwrap(Handle);
  return drop(Q.Device.D.Inner->queue->destroy(Q.Inner), Q);
}

static dure_drv_status *waitIdle(dure_drv_queue *Handle, uint64_t Deadline) {
  WrappedQueue &Q = unwrap(Handle);
  return Q.Device.D.Inner->queue->wait_idle(Q.Inner, Deadline);
}

namespace {

/// The arguments of a submission with the inner driver's objects in place of
/// the wrappers. Whatever is malformed is left as it is, for the inner driver
/// to refuse.
struct Translation {
  std::vector<char> Commands;
  std::vector<std::vector<dure_drv_buffer_ref>> Bindings;
  std::vector<dure_drv_timeline_point> Waits, Signals;

  void command(dure_drv_command &C);
  static void buffer(dure_drv_buffer_ref &Ref) {
    if (Ref.buffer)
      Ref.buffer = unwrap(Ref.buffer).Inner;
  }
  static std::vector<dure_drv_timeline_point>
  points(const dure_drv_timeline_point *P, size_t Count) {
    std::vector<dure_drv_timeline_point> Out(P, P + (P ? Count : 0));
    for (dure_drv_timeline_point &X : Out)
      if (X.timeline)
        X.timeline = unwrap(X.timeline).Inner;
    return Out;
  }
};

} // namespace

void Translation::command(dure_drv_command &C) {
  switch (C.kind) {
  case DURE_DRV_COMMAND_COPY:
    buffer(C.u.copy.source);
    buffer(C.u.copy.target);
    return;
  case DURE_DRV_COMMAND_FILL:
    buffer(C.u.fill.target);
    return;
  case DURE_DRV_COMMAND_DISPATCH: {
    dure_drv_dispatch &D = C.u.dispatch;
    if (D.executable)
      D.executable = unwrap(D.executable).Inner;
    if (!D.bindings)
      return;
    Bindings.emplace_back(D.bindings, D.bindings + D.binding_count);
    for (dure_drv_buffer_ref &Ref : Bindings.back())
      buffer(Ref);
    D.bindings = Bindings.back().data();
    return;
  }
  default:
    return;
  }
}

/// False if the array cannot be walked.
static bool translate(const dure_drv_command *Commands, size_t Count,
                      Translation &T) {
  if (!Commands || Count == 0)
    return false;
  size_t Stride = Commands->struct_size;
  if (Stride < sizeof(dure_drv_command) || Stride % alignof(dure_drv_command))
    return false;
  const char *Bytes = reinterpret_cast<const char *>(Commands);
  T.Commands.assign(Bytes, Bytes + Stride * Count);
  T.Bindings.reserve(Count);
  for (size_t I = 0; I != Count; ++I)
    T.command(
        *reinterpret_cast<dure_drv_command *>(T.Commands.data() + I * Stride));
  return true;
}

static dure_drv_status *
submit(dure_drv_queue *Handle, const dure_drv_command *Commands, size_t Count,
       const dure_drv_timeline_point *Waits, size_t WaitCount,
       const dure_drv_timeline_point *Signals, size_t SignalCount,
       uint64_t Deadline, const dure_drv_extension *Extensions) {
  WrappedQueue &Q = unwrap(Handle);
  FaultDriver &D = Q.Device.D;
  uint64_t Number = 0;
  Rule Found = D.apply(Call::Submit, Number);
  if (Found.A == Action::Lose)
    Q.Device.lose();
  {
    std::lock_guard<std::mutex> Lock(Q.Device.M);
    if (Q.Device.Lost)
      return Q.Device.lostStatus().release();
  }
  auto Failure = [&] {
    return D.H.error(static_cast<dure_drv_code>(Found.Code),
                     DURE_DRV_SCOPE_CALL, DURE_DRV_STATUS_RETRYABLE,
                     "fault layer: submit number %" PRIu64 " fails by rule",
                     Number);
  };
  if (Found.A == Action::Fail)
    return Failure().release();
  Translation T;
  T.Waits = Translation::points(Waits, WaitCount);
  T.Signals = Translation::points(Signals, SignalCount);
  if (Found.A == Action::Complete) {
    for (const dure_drv_timeline_point &P : T.Signals)
      Status(D.Inner->timeline->fail(P.timeline, Failure().release()));
    return nullptr;
  }
  if (translate(Commands, Count, T))
    Commands = reinterpret_cast<const dure_drv_command *>(T.Commands.data());
  return D.Inner->queue->submit(
      Q.Inner, Commands, Count, Waits ? T.Waits.data() : nullptr, WaitCount,
      Signals ? T.Signals.data() : nullptr, SignalCount, Deadline, Extensions);
}

//===-- Driver ------------------------------------------------------------===//

static dure_drv_status *destroy(const dure_driver *Handle) {
  FaultDriver &D = self(Handle);
  if (dure_drv_status *S = D.Inner->destroy(D.Inner))
    return S;
  delete &D;
  return nullptr;
}

static dure_drv_status *deviceCount(const dure_driver *Handle,
                                    uint32_t *Count) {
  FaultDriver &D = self(Handle);
  return D.Inner->device_count(D.Inner, Count);
}

static dure_drv_status *deviceInfo(const dure_driver *Handle, uint32_t Index,
                                   dure_drv_device_info *Info) {
  FaultDriver &D = self(Handle);
  return D.Inner->device_info(D.Inner, Index, Info);
}

static dure_drv_status *deviceOpen(const dure_driver *Handle, uint32_t Index,
                                   const dure_drv_extension *Next,
                                   dure_drv_device **Out) {
  FaultDriver &D = self(Handle);
  if (dure_drv_status *S = D.check(Call::Open, nullptr))
    return S;
  dure_drv_device *Inner = nullptr;
  dure_drv_status *S =
      D.Inner->device_open(D.Inner, Index, Next, Out ? &Inner : nullptr);
  if (!S)
    *Out = reinterpret_cast<dure_drv_device *>(
        new FaultDevice{D, Inner, {}, false, {}});
  return S;
}

static dure_drv_status *deviceClose(dure_drv_device *Handle) {
  FaultDevice &D = unwrap(Handle);
  if (dure_drv_status *S = D.D.Inner->device_close(D.Inner))
    return S;
  delete &D;
  return nullptr;
}

/// The layer's tables offer what the inner driver offers.
static void makeTables(FaultDriver &D) {
  const dure_driver &In = *D.Inner;
  D.Build = *In.build_info;
  D.Build.struct_size = sizeof(D.Build);
  D.Build.name = "fault";
  D.Memory = {sizeof(D.Memory), memoryInfo, allocate, importHost,
              freeBuffer,       bufferSize, map,      unmap};
  if (!DURE_DRV_HAS(In.memory, import_host))
    D.Memory.import_host = nullptr;
  if (!DURE_DRV_HAS(In.memory, map))
    D.Memory.map = nullptr;
  if (!DURE_DRV_HAS(In.memory, unmap))
    D.Memory.unmap = nullptr;
  D.Executable = {sizeof(D.Executable),
                  validate,
                  load,
                  entryCount,
                  entryInfo,
                  lookup,
                  unload};
  D.Timeline = {sizeof(D.Timeline),
                createTimeline,
                destroyTimeline,
                query,
                signal,
                fail,
                wait};
  D.Queue = {sizeof(D.Queue), createQueue, destroyQueue, submit, waitIdle};
  D.Table = {sizeof(D.Table),
             In.abi_major,
             In.abi_minor,
             In.capabilities,
             &D.Build,
             &D,
             destroy,
             deviceCount,
             deviceInfo,
             deviceOpen,
             deviceClose,
             &D.Memory,
             DURE_DRV_HAS(&In, executable) ? &D.Executable : nullptr,
             &D.Timeline,
             &D.Queue};
}

dure_drv_status *dure_driver_query(uint32_t AbiMajor, uint32_t AbiMinor,
                                   const dure_host_services *Services,
                                   const dure_driver **Out) {
  if (dure_drv_status *Bad = Host::check(Out ? Services : nullptr))
    return Bad;
  auto D = std::make_unique<FaultDriver>(Services);
  const char *Path = D->H.config("fault.inner");
  if (!Path)
    return D->H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "the fault layer needs the option fault.inner, the path of the "
               "driver to wrap")
        .release();
  std::string Error;
  const char *Text = D->H.config("fault.rules");
  if (!D->R.parse(Text ? Text : "", Error))
    return D->H.error(DURE_DRV_INVALID_ARGUMENT, "%s", Error.c_str()).release();
  // Never closed: statuses and threads of the inner driver may outlive us.
  void *Library = dlopen(Path, RTLD_NOW | RTLD_LOCAL);
  auto *Query = Library ? reinterpret_cast<dure_driver_query_fn>(
                              dlsym(Library, "dure_driver_query"))
                        : nullptr;
  if (!Query) {
    const char *Why = dlerror();
    return D->H
        .error(DURE_DRV_NOT_FOUND, "fault.inner: %s",
               Why ? Why : "no reason is given")
        .release();
  }
  if (Query == dure_driver_query)
    return D->H
        .error(DURE_DRV_INVALID_ARGUMENT,
               "fault.inner is the fault layer itself; name another driver")
        .release();
  if (dure_drv_status *S = Query(AbiMajor, AbiMinor, Services, &D->Inner))
    return S;
  if (!D->Inner || !dure::speaksThisAbi(*D->Inner) ||
      dure::missingEntry(*D->Inner))
    return D->H
        .error(DURE_DRV_INCOMPATIBLE,
               "fault.inner: '%s' is not a complete driver of ABI %d.%d", Path,
               DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR)
        .release();
  makeTables(*D);
  *Out = &D.release()->Table;
  return nullptr;
}
