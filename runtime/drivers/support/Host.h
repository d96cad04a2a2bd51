// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A driver's view of its host: statuses, log, clock, options, memory.
//
// Contract: for drivers only (C++20, no exceptions), linked statically into
// each; depends on <dure/driver.h> alone. A driver of a vendor may use it or
// write its own: nothing here is part of the ABI.
#ifndef DURE_RUNTIME_DRIVERS_SUPPORT_HOST_H
#define DURE_RUNTIME_DRIVERS_SUPPORT_HOST_H

#include <dure/driver.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

namespace dure::driver {

struct StatusDeleter {
  void operator()(dure_drv_status *S) const { S->destroy(S); }
};

/// An error that is owned, or null for success.
using Status = std::unique_ptr<dure_drv_status, StatusDeleter>;

/// The host services of one driver instance. Cheap to copy; thread-safe.
class Host {
public:
  explicit Host(const dure_host_services *Services) : Services(Services) {}

  /// Null if a driver can work with SERVICES; else a preallocated status,
  /// since there may be nobody to make one.
  static dure_drv_status *check(const dure_host_services *Services);

  /// An error of scope "call" that is not retryable.
  Status error(dure_drv_code Code, const char *Format, ...) const
      __attribute__((format(printf, 3, 4)));
  Status error(dure_drv_code Code, dure_drv_scope Scope, uint32_t Flags,
               const char *Format, ...) const
      __attribute__((format(printf, 5, 6)));
  /// An error of scope "call" of the command with this tag.
  Status errorAt(uint64_t Tag, dure_drv_code Code, const char *Format,
                 ...) const __attribute__((format(printf, 4, 5)));
  Status clone(const dure_drv_status &S) const;

  uint64_t now() const { return Services->now_ns(Services->context); }
  void log(dure_drv_log_level Level, const char *Format, ...) const
      __attribute__((format(printf, 3, 4)));
  /// A span on the driver's own track, where the host keeps a trace.
  void trace(const char *Name, uint64_t BeginNs, uint64_t EndNs) const {
    if (DURE_DRV_HAS(Services, trace))
      Services->trace(Services->context, Name, BeginNs, EndNs);
  }
  const char *config(const char *Key) const {
    return Services->config_get(Services->context, Key);
  }
  /// Reads option KEY as a number in [MINIMUM, MAXIMUM] into VALUE, which
  /// keeps its default when the option is not set.
  Status configNumber(const char *Key, uint64_t Minimum, uint64_t Maximum,
                      uint64_t &Value) const;

  void *alloc(size_t Size, size_t Alignment) const {
    return Services->alloc(Services->context, Size, Alignment);
  }
  void free(void *Memory) const { Services->free(Services->context, Memory); }

  /// Fails if the chain holds a must-understand extension whose type is not
  /// KNOWN (0: none is). FOUND receives the extension of that type.
  Status readExtensions(const dure_drv_extension *Chain, uint32_t Known,
                        const dure_drv_extension **Found) const;

  const dure_host_services *services() const { return Services; }

private:
  static const uint64_t *tagOf(const dure_drv_status &S);
  static void setTag(dure_drv_status &S, uint64_t Tag);

  const dure_host_services *Services;
};

/// Reads a params struct of another version: what the caller did not have is
/// zero. Nothing if the pointer is null or the struct smaller than MINIMUM,
/// the size that it had in ABI version 0.
template <typename T>
std::optional<T> readStruct(const T *In, size_t Minimum = sizeof(T)) {
  if (!In || In->struct_size < Minimum)
    return std::nullopt;
  T Out;
  std::memset(&Out, 0, sizeof(T));
  std::memcpy(&Out, In, std::min(In->struct_size, sizeof(T)));
  return Out;
}

/// Fills in an out-struct of another version: writes no byte beyond the
/// caller's size and leaves struct_size alone. False as for readStruct.
template <typename T>
bool writeStruct(T *Out, const T &Value, size_t Minimum = sizeof(T)) {
  if (!Out || Out->struct_size < Minimum)
    return false;
  size_t Size = std::min(Out->struct_size, sizeof(T));
  std::memcpy(reinterpret_cast<char *>(Out) + sizeof(size_t),
              reinterpret_cast<const char *>(&Value) + sizeof(size_t),
              Size - sizeof(size_t));
  return true;
}

/// "none", "address" or "thread": how this library was built.
const char *sanitizerName();
/// Such as "clang 22.1.8".
const char *compilerName();
/// "RESOURCE_EXHAUSTED" and the like; null for a number that is no code.
const char *codeName(int32_t Code);

} // namespace dure::driver

#endif // DURE_RUNTIME_DRIVERS_SUPPORT_HOST_H
