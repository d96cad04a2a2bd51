// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Errors as values, for everything below the C API.
//
// Included by all of runtime/ and by the libraries that share its file and
// package code (front end reader, compiler packaging). Depends on the C++
// library only; throws nothing but out of memory. The codes and scopes are
// those of <dure/dure.h> and <dure/driver.h>; dure_status carries exactly this.
#ifndef DURE_RUNTIME_BASE_STATUS_H
#define DURE_RUNTIME_BASE_STATUS_H

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace dure {

/// The numbers are those of DURE_STATUS_* in <dure/dure.h>.
enum class StatusCode : int32_t {
  Ok = 0,
  Cancelled = 1,
  Unknown = 2,
  InvalidArgument = 3,
  DeadlineExceeded = 4,
  NotFound = 5,
  AlreadyExists = 6,
  PermissionDenied = 7,
  ResourceExhausted = 8,
  FailedPrecondition = 9,
  Aborted = 10,
  OutOfRange = 11,
  Unimplemented = 12,
  Internal = 13,
  Unavailable = 14,
  DataLoss = 15,
  Unauthenticated = 16,
  DeviceLost = 32,
  DeviceHang = 33,
  Incompatible = 34,
  Busy = 35,
  KernelFault = 36,
  MemoryError = 37,
  Thermal = 38,
};

/// What stays unusable after the failure.
enum class StatusScope : uint32_t {
  Call = 0,
  Queue = 1,
  Device = 2,
  Process = 3
};

/// Success, or a code with a message that names the place and the remedy.
/// Success costs one null pointer. Movable and copyable; not shared between
/// threads while it is written.
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode Code, std::string Message,
         StatusScope Scope = StatusScope::Call, bool Retryable = false)
      : Failure(std::make_shared<Data>(
            Data{Code, Scope, Retryable, std::move(Message)})) {
    assert(Code != StatusCode::Ok && "a failure needs a code");
  }

  static Status success() { return Status(); }

  bool ok() const { return !Failure; }
  StatusCode code() const { return Failure ? Failure->Code : StatusCode::Ok; }
  StatusScope scope() const {
    return Failure ? Failure->Scope : StatusScope::Call;
  }
  bool retryable() const { return Failure && Failure->Retryable; }
  const std::string &message() const {
    static const std::string None;
    return Failure ? Failure->Message : None;
  }

  /// The same failure, its message preceded by "Place: ".
  Status at(const std::string &Place) const {
    if (ok())
      return *this;
    return Status(Failure->Code, Place + ": " + Failure->Message,
                  Failure->Scope, Failure->Retryable);
  }

private:
  struct Data {
    StatusCode Code;
    StatusScope Scope;
    bool Retryable;
    std::string Message;
  };
  std::shared_ptr<const Data> Failure;
};

/// A value or the failure that stood in its way.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T Value) : Value(std::move(Value)) {}
  Result(Status Failure) : Failure(std::move(Failure)) {
    assert(!this->Failure.ok() && "success needs a value");
  }

  bool ok() const { return Failure.ok(); }
  explicit operator bool() const { return ok(); }
  const Status &status() const { return Failure; }

  T &operator*() {
    assert(ok() && "no value");
    return *Value;
  }
  const T &operator*() const {
    assert(ok() && "no value");
    return *Value;
  }
  T *operator->() { return &**this; }
  const T *operator->() const { return &**this; }
  T take() { return std::move(**this); }

private:
  Status Failure;
  std::optional<T> Value;
};

inline Status invalidArgument(std::string Message) {
  return Status(StatusCode::InvalidArgument, std::move(Message));
}
/// For catching std::bad_alloc: making it takes no memory.
Status outOfMemory();
/// Bytes that are not what they claim to be.
inline Status dataLoss(std::string Message) {
  return Status(StatusCode::DataLoss, std::move(Message));
}

} // namespace dure

/// Returns from the enclosing function if EXPRESSION, a Status, is a failure.
#define DURE_RETURN_IF_ERROR(EXPRESSION)                                       \
  do {                                                                         \
    if (::dure::Status DureStatus_ = (EXPRESSION); !DureStatus_.ok())          \
      return DureStatus_;                                                      \
  } while (false)

#endif // DURE_RUNTIME_BASE_STATUS_H
