// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A driver's view of its host: statuses, log, clock, options, memory.
#include "runtime/drivers/support/Host.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

using namespace dure::driver;

// A message is a sentence or two; what is longer is cut, never refused.
static constexpr size_t MessageLimit = 1024;

static void keep(dure_drv_status *) {}

static dure_drv_status BadHost = {
    sizeof(dure_drv_status),
    DURE_DRV_INVALID_ARGUMENT,
    DURE_DRV_SCOPE_CALL,
    0,
    0,
    "dure_driver_query: the host services or the result pointer are null, too "
    "small, or lack a required entry; build the host with the same "
    "<dure/driver.h>",
    keep,
    0};

dure_drv_status *Host::check(const dure_host_services *S) {
  size_t Minimum =
      offsetof(dure_host_services, config_get) + sizeof(S->config_get);
  if (!S || S->struct_size < Minimum || !S->alloc || !S->free || !S->log ||
      !S->status_create || !S->now_ns || !S->config_get)
    return &BadHost;
  return nullptr;
}

static Status vmake(const dure_host_services *S, int32_t Code, uint32_t Scope,
                    uint32_t Flags, const char *Format, va_list Args) {
  char Message[MessageLimit];
  std::vsnprintf(Message, sizeof(Message), Format, Args);
  return Status(S->status_create(S->context, Code, Scope, Flags, Message));
}

Status Host::error(dure_drv_code Code, const char *Format, ...) const {
  va_list Args;
  va_start(Args, Format);
  Status S = vmake(Services, Code, DURE_DRV_SCOPE_CALL, 0, Format, Args);
  va_end(Args);
  return S;
}

Status Host::error(dure_drv_code Code, dure_drv_scope Scope, uint32_t Flags,
                   const char *Format, ...) const {
  va_list Args;
  va_start(Args, Format);
  Status S = vmake(Services, Code, Scope, Flags, Format, Args);
  va_end(Args);
  return S;
}

Status Host::errorAt(uint64_t Tag, dure_drv_code Code, const char *Format,
                     ...) const {
  va_list Args;
  va_start(Args, Format);
  Status S = vmake(Services, Code, DURE_DRV_SCOPE_CALL, DURE_DRV_STATUS_HAS_TAG,
                   Format, Args);
  va_end(Args);
  setTag(*S, Tag);
  return S;
}

Status Host::clone(const dure_drv_status &S) const {
  Status Copy(Services->status_create(Services->context, S.code, S.scope,
                                      S.flags, S.message));
  if (const uint64_t *Tag = tagOf(S))
    setTag(*Copy, *Tag);
  return Copy;
}

const uint64_t *Host::tagOf(const dure_drv_status &S) {
  bool Has = S.struct_size >= offsetof(dure_drv_status, tag) + sizeof(S.tag) &&
             (S.flags & DURE_DRV_STATUS_HAS_TAG);
  return Has ? &S.tag : nullptr;
}

void Host::setTag(dure_drv_status &S, uint64_t Tag) {
  // Not in a preallocated status, which has not got the flag.
  if (tagOf(S))
    S.tag = Tag;
}

void Host::log(dure_drv_log_level Level, const char *Format, ...) const {
  char Message[MessageLimit];
  va_list Args;
  va_start(Args, Format);
  std::vsnprintf(Message, sizeof(Message), Format, Args);
  va_end(Args);
  Services->log(Services->context, Level, Message);
}

Status Host::configNumber(const char *Key, uint64_t Minimum, uint64_t Maximum,
                          uint64_t &Value) const {
  const char *Text = config(Key);
  if (!Text)
    return nullptr;
  char *End = nullptr;
  errno = 0;
  unsigned long long Number = std::strtoull(Text, &End, 10);
  bool Digits = *Text >= '0' && *Text <= '9' && *End == '\0';
  if (!Digits || errno == ERANGE || Number < Minimum || Number > Maximum)
    return error(DURE_DRV_INVALID_ARGUMENT,
                 "option '%s' is '%s'; give a number from %llu to %llu", Key,
                 Text, static_cast<unsigned long long>(Minimum),
                 static_cast<unsigned long long>(Maximum));
  Value = Number;
  return nullptr;
}

Status Host::readExtensions(const dure_drv_extension *Chain, uint32_t Known,
                            const dure_drv_extension **Found) const {
  for (const dure_drv_extension *E = Chain; E; E = E->next) {
    if (E->struct_size < sizeof(dure_drv_extension))
      return error(DURE_DRV_INVALID_ARGUMENT,
                   "an extension has struct_size %zu, less than its header's",
                   E->struct_size);
    if (Known && E->type == Known) {
      if (Found)
        *Found = E;
      continue;
    }
    if (E->flags & DURE_DRV_EXTENSION_MUST_UNDERSTAND)
      return error(DURE_DRV_UNIMPLEMENTED,
                   "extension type %u is required but not known here", E->type);
  }
  return nullptr;
}

// GCC has a macro, clang a feature test.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DURE_SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define DURE_SANITIZER "thread"
#endif
#endif
#if !defined(DURE_SANITIZER)
#if defined(__SANITIZE_ADDRESS__)
#define DURE_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define DURE_SANITIZER "thread"
#else
#define DURE_SANITIZER "none"
#endif
#endif

const char *dure::driver::sanitizerName() { return DURE_SANITIZER; }

const char *dure::driver::compilerName() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

const char *dure::driver::codeName(int32_t Code) {
  switch (Code) {
#define CODE(NAME)                                                             \
  case DURE_DRV_##NAME:                                                        \
    return #NAME;
    CODE(OK)
    CODE(CANCELLED)
    CODE(UNKNOWN)
    CODE(INVALID_ARGUMENT)
    CODE(DEADLINE_EXCEEDED)
    CODE(NOT_FOUND)
    CODE(ALREADY_EXISTS)
    CODE(PERMISSION_DENIED)
    CODE(RESOURCE_EXHAUSTED)
    CODE(FAILED_PRECONDITION)
    CODE(ABORTED)
    CODE(OUT_OF_RANGE)
    CODE(UNIMPLEMENTED)
    CODE(INTERNAL)
    CODE(UNAVAILABLE)
    CODE(DATA_LOSS)
    CODE(UNAUTHENTICATED)
    CODE(DEVICE_LOST)
    CODE(DEVICE_HANG)
    CODE(INCOMPATIBLE)
    CODE(BUSY)
    CODE(KERNEL_FAULT)
    CODE(MEMORY_ERROR)
    CODE(THERMAL)
#undef CODE
  default:
    return nullptr;
  }
}
