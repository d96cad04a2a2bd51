// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Finding, opening and checking drivers.

#include "runtime/host/Driver.h"

#include "runtime/host/DriverTables.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <mutex>
#include <new>
#include <sys/stat.h>
#include <time.h>

using namespace dure;

namespace {

constexpr const char *Prefix = "libdure-driver-";
constexpr const char *Suffix = ".so";

/// What this library was built with; a driver built otherwise would see other
/// shadow memory, or none.
constexpr const char *ownSanitizer() {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
  return "address";
#elif __has_feature(thread_sanitizer)
  return "thread";
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
  return "address";
#elif defined(__SANITIZE_THREAD__)
  return "thread";
#else
  return "none";
#endif
}

/// The first of "address,undefined": what has to agree.
std::string memorySanitizer(const char *Value) {
  std::string All = Value ? Value : "none";
  std::string First = All.substr(0, All.find(','));
  return First == "undefined" || First.empty() ? "none" : First;
}

bool fileExists(const std::string &Path) {
  struct stat Info;
  return ::stat(Path.c_str(), &Info) == 0 && S_ISREG(Info.st_mode);
}

std::vector<std::string> searchFolders(const std::string &Folder) {
  if (!Folder.empty())
    return {Folder};
  std::string Own = libraryFolder();
  return {Own, Own + "/../lib"};
}

//===----------------------------------------------------------------------===//
// Host services
//===----------------------------------------------------------------------===//

struct HostStatus {
  dure_drv_status Base;
  std::string Message;
};

void destroyHostStatus(dure_drv_status *Failure) {
  delete reinterpret_cast<HostStatus *>(Failure);
}

void destroyNothing(dure_drv_status *) {}

dure_drv_status *statusCreate(void *, int32_t Code, uint32_t Scope,
                              uint32_t Flags, const char *Message) {
  static dure_drv_status NoMemory = {
      sizeof(dure_drv_status),
      DURE_DRV_RESOURCE_EXHAUSTED,
      DURE_DRV_SCOPE_CALL,
      0,
      0,
      "no memory left for an error message",
      destroyNothing,
      0,
  };
  std::unique_ptr<HostStatus> Made;
  try {
    Made = std::make_unique<HostStatus>();
    Made->Message = Message ? Message : "";
  } catch (const std::bad_alloc &) {
    return &NoMemory;
  }
  Made->Base = {
      sizeof(dure_drv_status), Code, Scope, Flags, 0, Made->Message.c_str(),
      destroyHostStatus,       0};
  return &Made.release()->Base;
}

/// For services that a driver calls: no exception crosses, what there is no
/// memory for is left out.
template <typename Function> void droppedWithoutMemory(Function Do) {
  try {
    Do();
  } catch (const std::bad_alloc &) {
  }
}

void *hostAlloc(void *, size_t Size, size_t Alignment) {
  Alignment = std::max(Alignment, sizeof(void *));
  void *Memory = nullptr;
  return ::posix_memalign(&Memory, Alignment, std::max<size_t>(Size, 1)) == 0
             ? Memory
             : nullptr;
}

void hostFree(void *, void *Memory) { std::free(Memory); }

uint64_t hostNow(void *) { return monotonicNs(); }

} // namespace

Status dure::takeStatus(dure_drv_status *Failure,
                        std::optional<uint64_t> *Tag) {
  if (!Failure)
    return Status::success();
  if (Tag && (Failure->flags & DURE_DRV_STATUS_HAS_TAG) &&
      Failure->struct_size >=
          offsetof(dure_drv_status, tag) + sizeof(Failure->tag))
    *Tag = Failure->tag;
  auto Scope = static_cast<StatusScope>(
      std::min<uint32_t>(Failure->scope, DURE_DRV_SCOPE_PROCESS));
  int32_t Number = Failure->code;
  bool Known =
      (Number >= DURE_DRV_CANCELLED && Number <= DURE_DRV_UNAUTHENTICATED) ||
      (Number >= DURE_DRV_DEVICE_LOST && Number <= DURE_DRV_THERMAL);
  auto Code = static_cast<StatusCode>(Known ? Number : DURE_DRV_UNKNOWN);
  Status Ours(Code, Failure->message ? Failure->message : "no message", Scope,
              (Failure->flags & DURE_DRV_STATUS_RETRYABLE) != 0);
  if (Failure->destroy)
    Failure->destroy(Failure);
  return Ours;
}

dure_drv_status *dure::makeDriverStatus(const Status &Failure) {
  return statusCreate(nullptr, static_cast<int32_t>(Failure.code()),
                      static_cast<uint32_t>(Failure.scope()),
                      Failure.retryable() ? DURE_DRV_STATUS_RETRYABLE : 0,
                      Failure.message().c_str());
}

uint64_t dure::monotonicNs() {
  struct timespec Now;
  ::clock_gettime(CLOCK_MONOTONIC, &Now);
  return static_cast<uint64_t>(Now.tv_sec) * 1000000000u +
         static_cast<uint64_t>(Now.tv_nsec);
}

//===----------------------------------------------------------------------===//
// Search
//===----------------------------------------------------------------------===//

std::string dure::libraryFolder() {
  Dl_info Info;
  if (::dladdr(reinterpret_cast<void *>(&dure::monotonicNs), &Info) == 0 ||
      !Info.dli_fname)
    return ".";
  std::string Path = Info.dli_fname;
  if (char *Real = ::realpath(Path.c_str(), nullptr)) {
    Path = Real;
    std::free(Real);
  } else if (char *Self = ::realpath("/proc/self/exe", nullptr)) {
    // A static program started by a bare name knows its path only here.
    Path = Self;
    std::free(Self);
  }
  size_t Slash = Path.rfind('/');
  return Slash == std::string::npos ? "." : Path.substr(0, Slash);
}

Result<std::string> dure::findDriver(const std::string &NameOrPath,
                                     const std::string &Folder) {
  if (NameOrPath.find('/') != std::string::npos) {
    if (fileExists(NameOrPath))
      return NameOrPath;
    return Status(StatusCode::NotFound,
                  "there is no driver file '" + NameOrPath + "'");
  }
  std::string Tried;
  for (const std::string &Place : searchFolders(Folder)) {
    std::string Path = Place + "/" + Prefix + NameOrPath + Suffix;
    if (fileExists(Path))
      return Path;
    Tried += (Tried.empty() ? "" : " and ") + Place;
  }
  return Status(StatusCode::NotFound, "there is no driver '" + NameOrPath +
                                          "': no " + Prefix + NameOrPath +
                                          Suffix + " in " + Tried);
}

std::vector<std::string> dure::listDrivers(const std::string &Folder) {
  std::vector<std::string> Names;
  for (const std::string &Place : searchFolders(Folder)) {
    DIR *Open = ::opendir(Place.c_str());
    if (!Open)
      continue;
    while (const dirent *File = ::readdir(Open)) {
      std::string Name = File->d_name;
      if (Name.starts_with(Prefix) && Name.ends_with(Suffix))
        Names.push_back(
            Name.substr(std::strlen(Prefix), Name.size() - std::strlen(Prefix) -
                                                 std::strlen(Suffix)));
    }
    ::closedir(Open);
  }
  std::sort(Names.begin(), Names.end());
  Names.erase(std::unique(Names.begin(), Names.end()), Names.end());
  return Names;
}

//===----------------------------------------------------------------------===//
// DriverInstance
//===----------------------------------------------------------------------===//

struct DriverInstance::Host {
  // A driver may offer spans without end; so many of a run are kept, the first.
  static constexpr size_t MaxSpans = 1 << 16;

  DriverSetup Setup;
  dure_host_services Table = {};
  std::atomic<bool> KeepSpans = false;
  std::mutex SpanGuard;
  std::vector<DriverSpan> Spans;

  void addSpan(const char *Name, uint64_t BeginNs, uint64_t EndNs) {
    std::lock_guard<std::mutex> Lock(SpanGuard);
    if (Spans.size() < MaxSpans)
      Spans.push_back({Name ? Name : "", BeginNs, EndNs});
  }

  explicit Host(DriverSetup S) : Setup(std::move(S)) {
    Table.struct_size = sizeof(Table);
    Table.context = this;
    Table.alloc = hostAlloc;
    Table.free = hostFree;
    Table.log = [](void *Context, int32_t Level, const char *Message) {
      if (auto &Log = static_cast<Host *>(Context)->Setup.Log)
        Log(Level, Message);
    };
    Table.status_create = statusCreate;
    Table.now_ns = hostNow;
    Table.config_get = [](void *Context, const char *Key) -> const char * {
      auto &Options = static_cast<Host *>(Context)->Setup.Options;
      auto Found = Options.find(Key ? Key : "");
      return Found == Options.end() ? nullptr : Found->second.c_str();
    };
    Table.trace = [](void *Context, const char *Name, uint64_t BeginNs,
                     uint64_t EndNs) {
      auto &Self = *static_cast<Host *>(Context);
      if (Self.KeepSpans.load(std::memory_order_relaxed))
        droppedWithoutMemory([&] { Self.addSpan(Name, BeginNs, EndNs); });
    };
    Table.report_fault = [](void *Context, uint64_t DeviceId,
                            const dure_drv_status *Failure) {
      auto &Log = static_cast<Host *>(Context)->Setup.Log;
      if (!Log || !Failure)
        return;
      droppedWithoutMemory([&] {
        std::string Text = "device " + std::to_string(DeviceId) + ": " +
                           (Failure->message ? Failure->message : "fault");
        Log(DURE_DRV_LOG_ERROR, Text.c_str());
      });
    };
  }
};

DriverInstance::DriverInstance() = default;

void DriverInstance::startSpans() const {
  std::lock_guard<std::mutex> Lock(Services->SpanGuard);
  Services->Spans.clear();
  Services->KeepSpans = true;
}

std::vector<DriverSpan> DriverInstance::takeSpans() const {
  std::lock_guard<std::mutex> Lock(Services->SpanGuard);
  Services->KeepSpans = false;
  return std::move(Services->Spans);
}

DriverInstance::~DriverInstance() {
  // Not there when the table failed its check: it may not even have destroy.
  if (Table)
    (void)takeStatus(Table->destroy(Table));
}

Result<std::shared_ptr<DriverInstance>>
DriverInstance::create(const std::string &Path, DriverSetup Setup) {
  void *Library = ::dlopen(Path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!Library) {
    const char *Why = ::dlerror();
    return Status(StatusCode::Unavailable,
                  "the driver '" + Path +
                      "' does not load: " + (Why ? Why : "unknown reason"));
  }
  auto Query = reinterpret_cast<dure_driver_query_fn>(
      ::dlsym(Library, "dure_driver_query"));
  if (!Query)
    return Status(StatusCode::Incompatible,
                  "'" + Path +
                      "' is not a Dure driver: it exports no "
                      "dure_driver_query");
  return create(Query, Path, std::move(Setup));
}

Result<std::shared_ptr<DriverInstance>>
DriverInstance::create(dure_driver_query_fn Query, const std::string &Name,
                       DriverSetup Setup) {
  std::shared_ptr<DriverInstance> Made(new DriverInstance);
  Made->Services = std::make_unique<Host>(std::move(Setup));
  Status Answer = takeStatus(Query(DURE_DRIVER_ABI_MAJOR, DURE_DRIVER_ABI_MINOR,
                                   &Made->Services->Table, &Made->Table));
  if (!Answer.ok()) {
    Made->Table = nullptr;
    return Answer.at("driver '" + Name + "'");
  }
  if (!Made->Table)
    return Status(StatusCode::Incompatible,
                  "driver '" + Name + "' answered with nothing");
  Status Checked = Made->check();
  if (Checked.ok())
    return Made;
  // Ended only if it can be: what another ABI calls destroy is not known.
  if (!speaksThisAbi(*Made->Table) || !DURE_DRV_HAS(Made->Table, destroy))
    Made->Table = nullptr;
  return Checked.at("driver '" + Name + "'");
}

Status DriverInstance::check() {
  if (!speaksThisAbi(*Table))
    return Status(StatusCode::Incompatible,
                  "it speaks driver ABI " + std::to_string(Table->abi_major) +
                      "." + std::to_string(Table->abi_minor) +
                      ", this runtime " +
                      std::to_string(DURE_DRIVER_ABI_MAJOR) + "." +
                      std::to_string(DURE_DRIVER_ABI_MINOR));
  if (const char *Missing = missingEntry(*Table))
    return Status(StatusCode::Incompatible,
                  std::string("it lacks ") + Missing +
                      ", which every driver or one of its capabilities has");
  std::string Theirs = memorySanitizer(Table->build_info->sanitizer);
  if (Theirs != ownSanitizer())
    return Status(StatusCode::Incompatible,
                  "it was built with sanitizer '" + Theirs +
                      "', this runtime with '" + ownSanitizer() +
                      "'; build both alike");
  Name = Table->build_info->name ? Table->build_info->name : "";
  Version = Table->build_info->version ? Table->build_info->version : "";
  return Status::success();
}
