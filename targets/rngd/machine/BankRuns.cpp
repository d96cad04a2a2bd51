// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs of accesses to one bank, loop by loop from the innermost outwards.
#include "targets/rngd/machine/BankRuns.h"

#include <algorithm>
#include <map>
#include <numeric>

using namespace dure::rngd;

Accesses dure::rngd::readsOf(std::span<const SequencerLoop> Loops,
                             int64_t Packet, int64_t ElementBits, int64_t Base,
                             bool IsSub, const Limits &L) {
  size_t Kept = Loops.size();
  // An element that a packet has several times is read once.
  while (Kept != 0 && Loops[Kept - 1].Stride == 0 &&
         Packet % Loops[Kept - 1].Size == 0)
    Packet /= Loops[--Kept].Size;
  // Elements that lie side by side, and the loops around them.
  int64_t Run = 1;
  while (Kept != 0 &&
         (Loops[Kept - 1].Size == 1 || Loops[Kept - 1].Stride == Run))
    Run *= Loops[--Kept].Size;
  int64_t Most = std::gcd(Packet, Run) * ElementBits;
  int64_t Read = IsSub ? L.SubReadBytes * 8 : readBits(Most, L.ReadBytes);
  // Elements of less than a read each are read by themselves.
  if (Read == 0 || Most % Read != 0)
    Read = Most;
  Accesses A = {{}, Base * 8, (Read + 7) / 8};
  for (const SequencerLoop &Loop : Loops.first(Kept))
    A.Loops.push_back({Loop.Size, Loop.Stride * ElementBits});
  A.Loops.push_back({Run * ElementBits / Read, Read});
  return A;
}

Accesses dure::rngd::writesOf(std::span<const SequencerLoop> Loops,
                              int64_t Bytes, int64_t Base, bool IsSub,
                              const Limits &L) {
  Accesses A = {{}, Base * 8, Bytes};
  for (const SequencerLoop &Loop : Loops)
    A.Loops.push_back({Loop.Size, Loop.Stride * 8});
  if (IsSub && Bytes % L.SubWriteBytes == 0) {
    A.Loops.push_back({Bytes / L.SubWriteBytes, L.SubWriteBytes * 8});
    A.Bytes = L.SubWriteBytes;
  }
  return A;
}

namespace {

/// Accesses in a row: for each bank how many of the first, of the last and of
/// all touch it without a break.
struct Runs {
  int64_t Length = 0, Longest = 0;
  std::vector<int64_t> Head, Tail;

  void then(const Runs &Next) {
    for (size_t Bank = 0; Bank != Head.size(); ++Bank) {
      Longest = std::max(Longest, Tail[Bank] + Next.Head[Bank]);
      if (Head[Bank] == Length)
        Head[Bank] += Next.Head[Bank];
      Tail[Bank] = Next.Tail[Bank] == Next.Length ? Tail[Bank] + Next.Length
                                                  : Next.Tail[Bank];
    }
    Longest = std::max(Longest, Next.Longest);
    Length += Next.Length;
  }
};

/// Runs of each loop by where it begins, in bits of one round of the banks.
class Walk {
public:
  Walk(const Accesses &A, const Limits &L, int64_t &Work)
      : A(A), L(L), Work(Work), Round(L.DmBanks * L.DmRowBytes * 8) {}

  const Runs &of(size_t Loop, int64_t At);

private:
  Runs none() const {
    auto Banks = static_cast<size_t>(L.DmBanks);
    return {0, 0, std::vector<int64_t>(Banks), std::vector<int64_t>(Banks)};
  }
  Runs access(int64_t At) const;
  Runs loop(size_t Loop, int64_t At);

  const Accesses &A;
  const Limits &L;
  int64_t &Work;
  int64_t Round;
  std::map<std::pair<size_t, int64_t>, Runs> Known;
};

} // namespace

Runs Walk::access(int64_t At) const {
  Runs R = none();
  R.Length = R.Longest = 1;
  int64_t First = At / 8 / L.DmRowBytes;
  int64_t Last = (At / 8 + A.Bytes - 1) / L.DmRowBytes;
  for (int64_t Row = First; Row <= std::min(Last, First + L.DmBanks - 1); ++Row)
    R.Head[Row % L.DmBanks] = R.Tail[Row % L.DmBanks] = 1;
  return R;
}

Runs Walk::loop(size_t Index, int64_t At) {
  const SequencerLoop &Loop = A.Loops[Index];
  int64_t Step = (Loop.Stride % Round + Round) % Round;
  // After so many iterations the banks are the same again.
  int64_t Period = Round / std::gcd(Step, Round);
  Runs Part = none(), All = none();
  int64_t Rest = Loop.Size % Period;
  Runs Once = none();
  int64_t Different = std::min(Period, Loop.Size);
  Work += Different * L.DmBanks;
  for (int64_t I = 0; I != Different; ++I) {
    if (I == Rest)
      Part = Once;
    Once.then(of(Index + 1, (At + I * Step) % Round));
    if (Once.Longest >= L.Starvation)
      return Once;
  }
  for (int64_t Times = Loop.Size / Period; Times != 0; Times /= 2) {
    if (Times % 2 != 0)
      All.then(Once);
    Once.then(Runs(Once));
  }
  All.then(Loop.Size < Period ? Once : Part);
  return All;
}

const Runs &Walk::of(size_t Loop, int64_t At) {
  auto [Found, IsNew] = Known.try_emplace({Loop, At});
  if (IsNew)
    Found->second = Loop == A.Loops.size() ? access(At) : loop(Loop, At);
  return Found->second;
}

bool dure::rngd::starves(const Accesses &A, const Limits &L, int64_t &Work) {
  Walk W(A, L, Work);
  int64_t Round = L.DmBanks * L.DmRowBytes * 8;
  return W.of(0, (A.Base % Round + Round) % Round).Longest >= L.Starvation;
}
