// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a code object of RNGD and checks all that does not depend on a run.
#ifndef DURE_TARGETS_RNGD_DRIVER_CODEOBJECT_H
#define DURE_TARGETS_RNGD_DRIVER_CODEOBJECT_H

#include "targets/rngd/driver/Plan.h"
#include "targets/rngd/machine/Limits.h"

namespace dure::rngd {

struct ModulePlan {
  std::string Chip;
  std::vector<uint8_t> Constants;
  std::vector<ProgramPlan> Programs;
};

/// Fills MODULE from bytes that may hold anything. Returns what is wrong, with
/// entry and command, or nothing.
std::string decode(const void *Bytes, size_t Size, const Limits &L,
                   std::string_view Chip, ModulePlan &Module);

/// What a code object may cost to decode, for a small file can name one table
/// very often: counts down.
struct Budget {
  int64_t Left = int64_t(1) << 28;
  bool take(int64_t Count) { return (Left -= Count) >= 0; }
};

/// One instruction of the tensor unit (DecodeExec.cpp).
std::string decodeExec(const fb::Exec &From, const Limits &L, Budget &B,
                       ExecPlan &To);
/// Its fetch and switch (DecodeStream.cpp); SLICES take part.
std::string decodeStream(const fb::Fetch &From, const fb::Switch *Switch,
                         const Limits &L, int64_t Slices, Budget &B,
                         StreamPlan &To);
/// Its vector engine (DecodeVector.cpp). FLITS arrive, of TYPE.
std::string decodeVector(const fb::Vector &From, const Limits &L, int64_t Flits,
                         fb::Type Type, int64_t Slices, VectorPlan &To);

/// Whether a list of the machine description has the type.
bool isListed(const std::vector<std::string> &List, fb::Type Type);

/// "WHAT (PAGE)": a rule and the page of the vendor's book that has it.
inline std::string rule(std::string What, const char *Page) {
  return std::move(What) + " (" + Page + ")";
}

/// The loops of one sequencer (moving-tensors/sequencer.md).
struct Sequence {
  std::vector<std::array<int64_t, 2>> Loops; ///< Size, stride.
  int64_t Steps = 1;
  int64_t Low = 0, High = 0; ///< How far strides lead from the base.
};
std::string checkLoopCount(size_t Count, const Limits &L);
std::string checkLoopSize(int64_t Size, const Limits &L);
/// Checks and adds up; FROM may be null.
std::string decodeLoops(const flatbuffers::Vector<const fb::Loop *> *From,
                        const Limits &L, Sequence &To);

/// Far above any program for one chip, and low enough for 64 bits.
constexpr int64_t CountLimit = int64_t(1) << 40;
/// Steps of one instruction in one slice, and flits that it may hand from one
/// engine to the next: what the simulator is ready to run.
constexpr int64_t StepLimit = int64_t(1) << 30;
constexpr int64_t FlitLimit = int64_t(1) << 21;
constexpr int64_t AllFlitLimit = int64_t(1) << 26;

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_DRIVER_CODEOBJECT_H
