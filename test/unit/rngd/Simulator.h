// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs for the simulator, written by hand and run as a host would.
#ifndef DURE_TEST_UNIT_RNGD_SIMULATOR_H
#define DURE_TEST_UNIT_RNGD_SIMULATOR_H

#include "targets/rngd/schema/program_generated.h"
#include "tools/dure-conformance/Harness.h"

#include <gtest/gtest.h>

namespace dure::rngd::test {

constexpr int64_t SliceStride = 4194304, FlitBytes = 32;

std::string build(const fb::ModuleT &Module);
fb::ModuleT moduleOf(fb::ProgramT Program);

/// A program that grows command by command; each waits for all before it
/// unless told otherwise.
class Writer {
public:
  Writer() { P.name = "main"; }

  uint32_t binding(uint64_t Bytes, fb::Access Access = fb::Access::ReadWrite);
  /// Contiguous BYTES a slice between binding B and byte AT of slices
  /// [FIRST, FIRST + SLICES), one slice after the other.
  fb::DmaT &load(uint32_t B, uint32_t At, uint32_t Bytes, uint32_t Slices,
                 uint32_t First = 0);
  fb::DmaT &store(uint32_t B, uint32_t At, uint32_t Bytes, uint32_t Slices,
                  uint32_t First = 0);
  /// On SLICES of the first cluster. Fetches COUNT elements of TYPE from BASE,
  /// in packets of PACKET.
  fb::ExecT &exec(uint16_t Slices, fb::Type Type, uint32_t Base, uint32_t Count,
                  uint32_t Packet);
  fb::CommandT &last() { return *P.commands.back(); }
  std::string bytes() { return build(moduleOf(P)); }

  fb::ProgramT P;

private:
  fb::DmaT &dma(uint32_t Bytes, uint32_t Slices);
  fb::CommandT &command();
};

/// Flits one after the other from BASE on.
void commitTo(fb::ExecT &E, uint32_t Base, uint32_t Flits, uint8_t Trim = 32);
fb::VectorStepT &step(fb::VectorT &V, fb::VectorOp Op);
void immediate(fb::VectorStepT &S, float Value);
void immediate(fb::VectorStepT &S, int32_t Value);

template <typename T> std::vector<uint8_t> toBytes(const std::vector<T> &V) {
  auto *P = reinterpret_cast<const uint8_t *>(V.data());
  return {P, P + V.size() * sizeof(T)};
}
template <typename T> std::vector<T> fromBytes(const std::vector<uint8_t> &V) {
  std::vector<T> Out(V.size() / sizeof(T));
  std::memcpy(Out.data(), V.data(), Out.size() * sizeof(T));
  return Out;
}

/// bf16 by halving the f32, rounded to nearest even; independent of the
/// driver's own conversion.
uint16_t bf16(float Value);
float unbf16(uint16_t Bits);

struct Outcome {
  int32_t Code = -1;
  std::string Message;
  std::vector<std::vector<uint8_t>> Buffers;
};

using Config = std::vector<std::pair<std::string, std::string>>;

/// Loads CODE and runs its first entry once on buffers that hold IN.
Outcome run(const std::string &Code,
            const std::vector<std::vector<uint8_t>> &In,
            const Config &C = {{"threads", "2"}});
/// The same, expecting success.
std::vector<std::vector<uint8_t>>
runOk(Writer &W, const std::vector<std::vector<uint8_t>> &In);
/// The message of a load or run that fails.
std::string failureOf(Writer &W, const std::vector<std::vector<uint8_t>> &In);

} // namespace dure::rngd::test

#endif // DURE_TEST_UNIT_RNGD_SIMULATOR_H
