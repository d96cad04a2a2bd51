// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checks the commands of a submission and resolves them to host addresses.
#include "runtime/drivers/support/Objects.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

using namespace dure::driver;

namespace {

/// Walks the commands of one submit call; every refusal says which command.
class Recorder {
public:
  Recorder(Device &D, Submission &S) : D(D), S(S) {}

  Status record(uint64_t CommandIndex, const dure_drv_command &C);

private:
  Status dispatch(const dure_drv_dispatch &C, Op &O);
  Status copy(const dure_drv_copy &C, Op &O);
  Status fill(const dure_drv_fill &C, Op &O);
  Status range(const dure_drv_buffer_ref &Ref, const char *What,
               uint8_t *&Address);

  Status refuse(dure_drv_code Code, const char *Format, ...) const
      __attribute__((format(printf, 3, 4)));

  Device &D;
  Submission &S;
  uint64_t Index = 0;
};

} // namespace

Status Recorder::refuse(dure_drv_code Code, const char *Format, ...) const {
  char Text[512];
  va_list Args;
  va_start(Args, Format);
  std::vsnprintf(Text, sizeof(Text), Format, Args);
  va_end(Args);
  return D.H.error(Code, "submit: command %" PRIu64 ": %s", Index, Text);
}

Status Recorder::range(const dure_drv_buffer_ref &Ref, const char *What,
                       uint8_t *&Address) {
  if (!Ref.buffer)
    return refuse(DURE_DRV_INVALID_ARGUMENT, "%s has no buffer", What);
  Buffer &B = *unwrap(Ref.buffer);
  if (Ref.offset > B.Size || Ref.length > B.Size - Ref.offset)
    return refuse(DURE_DRV_OUT_OF_RANGE,
                  "%s takes bytes %" PRIu64 " + %" PRIu64
                  " of a buffer of %" PRIu64 " bytes",
                  What, Ref.offset, Ref.length, B.Size);
  Address = B.Data + Ref.offset;
  S.Used.push_back(&B);
  return nullptr;
}

Status Recorder::dispatch(const dure_drv_dispatch &C, Op &O) {
  if (!C.executable)
    return refuse(DURE_DRV_INVALID_ARGUMENT, "the dispatch has no executable");
  O.Exe = unwrap(C.executable)->Exe.get();
  O.Entry = C.entry;
  if (C.entry >= O.Exe->entryCount())
    return refuse(DURE_DRV_OUT_OF_RANGE,
                  "entry %u of an executable with %u entries", C.entry,
                  O.Exe->entryCount());
  const char *Name = O.Exe->entryName(C.entry);
  if (C.grid_rank > D.Info.max_grid_rank)
    return refuse(DURE_DRV_INVALID_ARGUMENT,
                  "'%s': grid of rank %u; the device takes at most %u", Name,
                  C.grid_rank, D.Info.max_grid_rank);
  O.GridRank = C.grid_rank;
  uint64_t Groups = 1;
  for (uint32_t I = 0; I != C.grid_rank; ++I) {
    O.Grid[I] = C.grid[I];
    // Kernels number workgroups with signed 64 bits.
    if (__builtin_mul_overflow(Groups, C.grid[I], &Groups) ||
        Groups > INT64_MAX)
      return refuse(DURE_DRV_OUT_OF_RANGE, "'%s': too many workgroups", Name);
  }
  if (C.binding_count > D.Info.max_bindings ||
      C.constant_count > D.Info.max_constants)
    return refuse(DURE_DRV_OUT_OF_RANGE,
                  "'%s': %zu bindings and %zu constants; the device takes at "
                  "most %u and %u",
                  Name, C.binding_count, C.constant_count, D.Info.max_bindings,
                  D.Info.max_constants);
  if ((C.binding_count && !C.bindings) || (C.constant_count && !C.constants))
    return refuse(DURE_DRV_INVALID_ARGUMENT,
                  "'%s': bindings or constants are null", Name);

  O.FirstBinding = S.W.Bindings.size();
  O.BindingCount = C.binding_count;
  for (size_t I = 0; I != C.binding_count; ++I) {
    char What[32];
    std::snprintf(What, sizeof(What), "binding %zu", I);
    uint8_t *Address = nullptr;
    if (Status Failure = range(C.bindings[I], What, Address))
      return Failure;
    if (reinterpret_cast<uintptr_t>(Address) % D.Info.binding_alignment != 0)
      return refuse(DURE_DRV_INVALID_ARGUMENT,
                    "'%s': binding %zu is not aligned to %u bytes", Name, I,
                    D.Info.binding_alignment);
    S.W.Bindings.push_back(Address);
    S.W.BindingBytes.push_back(C.bindings[I].length);
  }
  O.FirstConstant = S.W.Constants.size();
  O.ConstantCount = C.constant_count;
  S.W.Constants.insert(S.W.Constants.end(), C.constants,
                       C.constants + C.constant_count);
  S.Used.push_back(O.Exe);
  return nullptr;
}

Status Recorder::copy(const dure_drv_copy &C, Op &O) {
  uint8_t *Source = nullptr;
  if (Status Failure = range(C.source, "the source", Source))
    return Failure;
  if (Status Failure = range(C.target, "the target", O.Target))
    return Failure;
  O.Source = Source;
  O.Length = C.source.length;
  if (C.target.length != C.source.length)
    return refuse(DURE_DRV_INVALID_ARGUMENT,
                  "copy of %" PRIu64 " bytes to %" PRIu64
                  " bytes; both lengths must be equal",
                  C.source.length, C.target.length);
  if (unwrap(C.target.buffer)->ReadOnly)
    return refuse(DURE_DRV_INVALID_ARGUMENT,
                  "copy into a buffer that was imported read-only");
  if (O.Source < O.Target + O.Length && O.Target < O.Source + O.Length)
    return refuse(DURE_DRV_INVALID_ARGUMENT,
                  "the ranges of the copy overlap; copy through a third "
                  "buffer");
  return nullptr;
}

Status Recorder::fill(const dure_drv_fill &C, Op &O) {
  if (Status Failure = range(C.target, "the target", O.Target))
    return Failure;
  O.Length = C.target.length;
  O.PatternLength = C.pattern_length;
  bool PowerOfTwo = (C.pattern_length & (C.pattern_length - 1)) == 0;
  if (C.pattern_length == 0 || C.pattern_length > 16 || !PowerOfTwo)
    return refuse(DURE_DRV_INVALID_ARGUMENT,
                  "fill pattern of %u bytes; 1, 2, 4, 8 and 16 are possible",
                  C.pattern_length);
  if (O.Length % C.pattern_length != 0)
    return refuse(DURE_DRV_INVALID_ARGUMENT,
                  "fill of %" PRIu64 " bytes is no multiple of the pattern's "
                  "%u",
                  O.Length, C.pattern_length);
  if (unwrap(C.target.buffer)->ReadOnly)
    return refuse(DURE_DRV_INVALID_ARGUMENT,
                  "fill of a buffer that was imported read-only");
  std::memcpy(O.Pattern, C.pattern, sizeof(O.Pattern));
  return nullptr;
}

Status Recorder::record(uint64_t CommandIndex, const dure_drv_command &C) {
  Index = CommandIndex;
  if (C.flags != 0)
    return refuse(DURE_DRV_UNIMPLEMENTED, "flags %#x are not known here",
                  C.flags);
  Op O = {};
  O.Kind = static_cast<dure_drv_command_kind>(C.kind);
  O.Tag = C.tag;
  O.Index = CommandIndex;
  O.Grid[0] = O.Grid[1] = O.Grid[2] = 1;
  Status Failure;
  switch (C.kind) {
  case DURE_DRV_COMMAND_DISPATCH:
    Failure = dispatch(C.u.dispatch, O);
    break;
  case DURE_DRV_COMMAND_COPY:
    Failure = copy(C.u.copy, O);
    break;
  case DURE_DRV_COMMAND_FILL:
    Failure = fill(C.u.fill, O);
    break;
  case DURE_DRV_COMMAND_BARRIER:
    break;
  default:
    return refuse(DURE_DRV_UNIMPLEMENTED, "command kind %u is not known here",
                  C.kind);
  }
  if (Failure)
    return Failure;
  S.W.Ops.push_back(O);
  return nullptr;
}

Status dure::driver::recordCommands(Device &D, const dure_drv_command *Commands,
                                    size_t Count, Submission &S) {
  if (Count == 0)
    return nullptr;
  if (!Commands)
    return D.H.error(DURE_DRV_INVALID_ARGUMENT,
                     "submit: %zu commands, but the array is null", Count);
  size_t Stride = Commands->struct_size;
  if (Stride < sizeof(dure_drv_command) || Stride % alignof(dure_drv_command))
    return D.H.error(DURE_DRV_INVALID_ARGUMENT,
                     "submit: struct_size of a command is %zu, at least %zu is "
                     "needed",
                     Stride, sizeof(dure_drv_command));
  S.W.Ops.reserve(Count);
  Recorder R(D, S);
  const char *Bytes = reinterpret_cast<const char *>(Commands);
  for (size_t I = 0; I != Count; ++I) {
    const auto &C =
        *reinterpret_cast<const dure_drv_command *>(Bytes + I * Stride);
    if (C.struct_size != Stride)
      return D.H.error(DURE_DRV_INVALID_ARGUMENT,
                       "submit: command %zu has struct_size %zu, command 0 has "
                       "%zu; all must be equal",
                       I, C.struct_size, Stride);
    if (Status Failure = R.record(I, C))
      return Failure;
  }
  return nullptr;
}
