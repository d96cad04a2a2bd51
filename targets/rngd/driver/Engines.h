// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each engine does to the values of one slice.
//
// Included by the driver only. Functions return what broke a rule, or nothing;
// a slice's stream is worked on by one thread at a time.
#ifndef DURE_TARGETS_RNGD_DRIVER_ENGINES_H
#define DURE_TARGETS_RNGD_DRIVER_ENGINES_H

#include "targets/rngd/driver/Memory.h"
#include "targets/rngd/driver/Plan.h"

#include <string>

namespace dure::rngd {

/// Elements of i5 and i9 are held as 16 bits each; all others as in memory.
int heldBits(fb::Type Type);
inline int64_t heldFlitBytes(fb::Type Type) {
  return perFlit(Type) * heldBits(Type) / 8;
}

/// Makes the flits of one slice, in order.
class StreamReader {
public:
  /// CLUSTERBASE: the cluster's first slice in MEMORY.
  StreamReader(const StreamPlan &P, const SliceMemory &Memory,
               int64_t ClusterBase, int64_t Slice);

  /// The next COUNT packets, FlitsPerPacket * heldFlitBytes each.
  std::string read(int64_t Count, uint8_t *Out);

private:
  std::string readPacket(int64_t Slice, int64_t Element, uint8_t *Out);
  bool isWhole(int64_t From);
  std::string checkRuns(int64_t From, int64_t First) const;
  void gather(const uint8_t *Data, int64_t First, uint8_t *To);
  void convert(const uint8_t *Raw, uint8_t *Out) const;
  void makeTable();

  const StreamPlan &P;
  const SliceMemory &Memory;
  int64_t ClusterBase, Slice;
  int64_t Source, Element;
  std::vector<int64_t> Index;
  std::vector<uint32_t> Table; ///< For elements of 4 and 8 bits.
  std::vector<uint8_t> Raw;
  int MemoryBits, OutBits;
  bool Plain;
  int64_t Used, PacketBytes; ///< Of a packet of flits.
  int64_t RunBytes;          ///< Of each run; 0: they differ.
  /// By source slice: 1 all is written, -1 not, 0 not known.
  std::vector<int8_t> Whole;
};

/// Results of a pass in 32-bit words, 8 a flit.
using Words = std::vector<uint32_t>;

std::string contract(const ContractPlan &C, StreamReader &Stream,
                     int64_t FlitsPerPacket, const SliceMemory &Trf,
                     int64_t Slice, Words &Out);

/// The steps between the two places of the reducer over slices. SLICE is within
/// the cluster, for the valid count.
std::string runVector(const VectorPlan &V, const SliceMemory &Vrf,
                      int64_t Slice, int64_t ClusterBase, Words &Data);
/// Reduces GROUP streams of equal length into the first.
void reduceSlices(const InterPlan &R, bool IsFloat, Words *const *Streams,
                  int64_t Count);

/// Casts, transposes and commits flits that lie in DATA.
std::string finish(const ExecPlan &E, const SliceMemory &Dm, int64_t Slice,
                   fb::Type Type, Words &Data);
void toTrf(const ExecPlan &E, const SliceMemory &Trf, int64_t Slice,
           const Words &Data);
void toVrf(const ExecPlan &E, const SliceMemory &Vrf, int64_t Slice,
           const Words &Data);

/// Where the buffers of a dispatch are: bindings, then what Space names.
struct Place {
  uint8_t *Data;
  int64_t Bytes;
};
struct Places {
  std::vector<Place> Bindings;
  Place Workspace, Constants;
};
class Workers;
std::string runDma(const DmaPlan &D, const Limits &L, const Places &P,
                   const SliceMemory &Dm, Workers &Team);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_DRIVER_ENGINES_H
