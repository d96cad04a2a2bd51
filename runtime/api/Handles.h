// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the opaque handles of <dure/dure.h> are, and helpers for its structs.
//
// Internal to runtime/api.
#ifndef DURE_RUNTIME_API_HANDLES_H
#define DURE_RUNTIME_API_HANDLES_H

#include "runtime/base/Korean.h"
#include "runtime/host/LoadedPackage.h"
#include "runtime/host/Run.h"
#include "runtime/host/Session.h"
#include "runtime/host/State.h"
#include "runtime/trace/Trace.h"

#include <dure/dure.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

struct dure_status {
  dure::Status Failure;
  std::string Korean;
};

struct dure_text {
  std::string Text;
};

struct dure_trace {
  dure::Trace Spans;
};

namespace dure {

/// dure_dim arrays of a tensor's signature; texts are the package's.
using DimTable = std::vector<std::vector<dure_dim>>;

struct EntryDims {
  DimTable Inputs;
  DimTable Outputs;
  DimTable States;
};

/// A package with what the C structs point to.
struct PackageHandle {
  std::shared_ptr<const LoadedPackage> Loaded;
  std::vector<EntryDims> Dims; // by entry
};

struct SessionHandle {
  std::shared_ptr<const PackageHandle> Package;
  std::shared_ptr<Session> Running;
  std::string RejectedKorean;
};

} // namespace dure

struct dure_package {
  std::shared_ptr<const dure::PackageHandle> Handle;
};

struct dure_session {
  std::shared_ptr<const dure::SessionHandle> Handle;
};

struct dure_state {
  std::shared_ptr<const dure::SessionHandle> Session;
  std::shared_ptr<dure::State> Cache;
};

namespace dure {

/// NULL for success.
inline dure_status *toC(const Status &S) {
  return S.ok() ? nullptr : new dure_status{S, inKorean(S.message())};
}

/// The status for being out of memory: made before, and never freed.
dure_status *outOfMemoryToC();

/// What BODY, the inside of a function of the C API, returns. Nothing is thrown
/// here but by the C++ library, which does so when memory is short: that ends
/// in a status, and objects and locks are as after any failure.
template <typename Function> dure_status *guarded(Function Body) {
  try {
    return Body();
  } catch (const std::bad_alloc &) {
  } catch (const std::length_error &) {
    // A container larger than the address space.
  }
  return outOfMemoryToC();
}

/// The caller's options, zero where the caller knows none. NULL: all zero.
template <typename T> Status readStruct(const T *From, T &To) {
  To = {};
  if (!From)
    return Status::success();
  if (From->struct_size < sizeof(size_t))
    return invalidArgument("struct_size is not set");
  // No sizeof ends within a pointer; one that does leaves the pointer out.
  size_t Words = From->struct_size / sizeof(void *) * sizeof(void *);
  std::memcpy(&To, From, std::min(Words, sizeof(T)));
  return Status::success();
}

/// Fills the caller's struct as far as it goes; struct_size stays.
template <typename T> Status writeStruct(T Value, T *To) {
  if (!To || To->struct_size < sizeof(size_t))
    return invalidArgument("an out struct is NULL or its struct_size is not "
                           "set");
  Value.struct_size = To->struct_size;
  std::memcpy(To, &Value, std::min(To->struct_size, sizeof(T)));
  return Status::success();
}

inline Status noIndex(const char *What, size_t Index, size_t Count) {
  return Status(StatusCode::OutOfRange,
                std::string("there are ") + std::to_string(Count) + " " + What +
                    ", not one of index " + std::to_string(Index));
}

inline Status nullArgument() {
  return invalidArgument("an argument that is needed is NULL");
}

/// Index of the entry NAME, or NotFound naming those that there are.
Result<size_t> findEntry(const Package &P, const char *Name);

/// "[batch, 7]" for messages.
std::string dimsText(const std::vector<SignatureDim> &Dims);
std::string dimsText(const std::vector<int64_t> &Dims);

/// TENSOR's type, rank, dims and size checked against each other.
Status checkTensor(const dure_tensor &Tensor, std::vector<int64_t> &Dims);

/// Everything that P says, as JSON.
std::string describePackage(const LoadedPackage &P);

} // namespace dure

#endif // DURE_RUNTIME_API_HANDLES_H
