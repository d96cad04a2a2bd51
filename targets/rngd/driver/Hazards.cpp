// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Commands that touch the same memory in an order that is left to chance.
//
// scheduling/schedule.md: read after write, write after read and write after
// write keep their order. Between contexts only `after` sees to it.
#include "targets/rngd/driver/Schedule.h"

#include <algorithm>
#include <map>

using namespace dure::rngd;

namespace {

/// What a command touches of one memory: runs of BYTES at BASE plus loops.
struct Touch {
  /// 0 data memory, 1 TRF, 2 VRF, 3 workspace, 4 ff. bindings.
  uint32_t Memory;
  bool Writes;
  int64_t Base, Bytes;
  std::vector<std::pair<int64_t, int64_t>> Loops; ///< Size, stride > 0.
  int64_t end() const {
    int64_t End = Base + Bytes;
    for (const auto &[Size, Stride] : Loops)
      End += (Size - 1) * Stride;
    return End;
  }
};

using Interval = std::pair<int64_t, int64_t>;

// Above this the boxes around two accesses stand for them, and so they do once
// so many runs of a program have been looked at.
constexpr int64_t IntervalLimit = int64_t(1) << 20;
constexpr int64_t IntervalBudget = int64_t(1) << 28;

class Checker {
public:
  Checker(const ProgramPlan &P, const Limits &L) : P(P), L(L) {
    Touches.resize(P.Commands.size());
  }

  /// Whether I and J conflict.
  bool conflict(size_t I, size_t J);

private:
  const std::vector<Touch> &touches(size_t Command);
  void addExec(const ExecPlan &E, std::vector<Touch> &To) const;
  void addDma(const DmaPlan &D, std::vector<Touch> &To) const;
  void addSlices(const ExecPlan &E, Touch T, int64_t Stride,
                 std::vector<Touch> &To) const;
  static void addLoop(Touch &T, int64_t Size, int64_t Stride);
  bool intersect(const Touch &A, const Touch &B);
  bool intersectInSlice(const Touch &A, const Touch &B);

  const ProgramPlan &P;
  const Limits &L;
  std::vector<std::vector<Touch>> Touches;
  int64_t Budget = IntervalBudget;
};

} // namespace

void Checker::addLoop(Touch &T, int64_t Size, int64_t Stride) {
  if (Size == 1 || Stride == 0)
    return;
  if (Stride < 0)
    T.Base += (Size - 1) * Stride;
  T.Loops.push_back({Size, std::abs(Stride)});
}

/// Joins what lies side by side, small strides first.
static void simplify(Touch &T) {
  std::sort(T.Loops.begin(), T.Loops.end(),
            [](const auto &A, const auto &B) { return A.second < B.second; });
  while (!T.Loops.empty() && T.Loops.front().second <= T.Bytes) {
    T.Bytes += (T.Loops.front().first - 1) * T.Loops.front().second;
    T.Loops.erase(T.Loops.begin());
  }
}

void Checker::addSlices(const ExecPlan &E, Touch T, int64_t Stride,
                        std::vector<Touch> &To) const {
  simplify(T);
  for (int64_t Cluster = 0; Cluster != L.Clusters; ++Cluster) {
    if (!(E.Clusters >> Cluster & 1))
      continue;
    Touch Each = T;
    Each.Base += Cluster * L.SlicesPerCluster * Stride;
    addLoop(Each, E.Slices, Stride);
    simplify(Each);
    To.push_back(std::move(Each));
  }
}

void Checker::addExec(const ExecPlan &E, std::vector<Touch> &To) const {
  const StreamPlan &S = E.Stream;
  int64_t Bits = bitsOf(S.MemoryType);
  // The live elements only; strides of half bytes are taken to be whole ones.
  for (const Run &R : S.Runs) {
    int64_t First = S.Base * 8 + R.Elements * Bits;
    Touch T = {0, false, First / 8, (First % 8 + R.Count * Bits + 7) / 8, {}};
    for (const NestLoop &Loop : S.Time)
      addLoop(T, Loop.Size, Loop.Elements * Bits / 8);
    addSlices(E, std::move(T), L.SliceStride, To);
  }
  if (E.Contract) {
    const ContractPlan &C = *E.Contract;
    int64_t Width = bitsOf(C.TrfType), Lane = L.trfBytes() / C.Lanes;
    Touch T = {1,
               false,
               C.FirstElement * Width / 8,
               ((C.EndElement - C.FirstElement) * Width + 7) / 8,
               {}};
    addLoop(T, C.Lanes, Lane);
    addSlices(E, std::move(T), L.trfBytes(), To);
  }
  if (E.Vector)
    for (const StepPlan &Step : E.Vector->Steps)
      for (const std::optional<OperandPlan> *O :
           {&Step.Operand, &Step.Operand2, &Step.Group1}) {
        if (!*O || (*O)->Source != fb::Source::Vrf)
          continue;
        Touch T = {2, false, (*O)->Base * 4, (*O)->Way * 4, {}};
        for (const auto &Loop : (*O)->Loops)
          addLoop(T, Loop[0], Loop[1] * 4);
        addSlices(E, std::move(T), L.VrfBytes, To);
      }
  if (E.ToTrf) {
    Touch T = {
        1, true, E.ToTrf->Base, E.OutFlits / E.ToTrf->Lanes * L.FlitBytes, {}};
    addLoop(T, E.ToTrf->Lanes, L.trfBytes() / E.ToTrf->Lanes);
    addSlices(E, std::move(T), L.trfBytes(), To);
  }
  if (E.ToVrf)
    addSlices(E, {2, true, E.ToVrf->Base, E.OutFlits * L.FlitBytes, {}},
              L.VrfBytes, To);
  if (E.Commit) {
    Touch T = {0, true, E.Commit->Base, E.Commit->Bytes, {}};
    for (const auto &[Size, Stride] : E.Commit->Loops)
      addLoop(T, Size, Stride);
    addSlices(E, std::move(T), L.SliceStride, To);
  }
}

void Checker::addDma(const DmaPlan &D, std::vector<Touch> &To) const {
  auto Memory = [](const AddressPlan &A) -> uint32_t {
    return A.Space == fb::Space::DataMemory  ? 0
           : A.Space == fb::Space::Workspace ? 3
                                             : 4 + A.Index;
  };
  auto Add = [&](const AddressPlan &A, bool Writes, int64_t Bytes,
                 int64_t DmaPlan::Loop::*Stride, bool Indexed) {
    if (A.Space == fb::Space::Constants)
      return;
    Touch T = {Memory(A), Writes, A.Offset, Bytes, {}};
    for (const DmaPlan::Loop &Loop : D.Loops)
      addLoop(T, Loop.Size, Loop.*Stride);
    if (Indexed)
      addLoop(T, std::max<int64_t>(D.Limit, 1), D.Scale);
    simplify(T);
    To.push_back(std::move(T));
  };
  using Loop = DmaPlan::Loop;
  Add(D.Read, false, D.PacketBytes, &Loop::Read,
      D.Indexed == fb::Indexed::Gather);
  Add(D.Write, true, D.PacketBytes, &Loop::Write,
      D.Indexed == fb::Indexed::Scatter);
  if (D.Indexed != fb::Indexed::None)
    Add(D.Index, false, 4, &Loop::Index, false);
}

const std::vector<Touch> &Checker::touches(size_t Command) {
  std::vector<Touch> &To = Touches[Command];
  if (!To.empty())
    return To;
  const CommandPlan &C = P.Commands[Command];
  if (C.Exec)
    addExec(*C.Exec, To);
  else
    addDma(*C.Dma, To);
  return To;
}

/// The runs of T within [LOW, HIGH), sorted; false if there are too many.
static bool list(const Touch &T, int64_t Low, int64_t High, int64_t &Budget,
                 std::vector<Interval> &Out) {
  int64_t Total = 1;
  for (const auto &[Size, Stride] : T.Loops)
    if (__builtin_mul_overflow(Total, Size, &Total) || Total > IntervalLimit)
      return false;
  if ((Budget -= Total) < 0)
    return false;
  std::vector<int64_t> Index(T.Loops.size());
  int64_t At = T.Base;
  for (int64_t N = 0; N != Total; ++N) {
    if (At < High && At + T.Bytes > Low)
      Out.push_back({At, At + T.Bytes});
    for (size_t I = 0; I != T.Loops.size(); ++I) {
      At += T.Loops[I].second;
      if (++Index[I] != T.Loops[I].first)
        break;
      At -= T.Loops[I].second * T.Loops[I].first;
      Index[I] = 0;
    }
  }
  std::sort(Out.begin(), Out.end());
  return true;
}

bool Checker::intersect(const Touch &A, const Touch &B) {
  int64_t Low = std::max(A.Base, B.Base), High = std::min(A.end(), B.end());
  if (Low >= High)
    return false;
  std::vector<Interval> X, Y;
  if (!list(A, Low, High, Budget, X) || !list(B, Low, High, Budget, Y))
    return true;
  for (size_t I = 0, J = 0; I != X.size() && J != Y.size();) {
    if (X[I].second <= Y[J].first)
      ++I;
    else if (Y[J].second <= X[I].first)
      ++J;
    else
      return true;
  }
  return false;
}

/// The same accesses as one slice sees them, or nothing where they are not the
/// same in each.
static std::optional<Touch> inSlice(const Touch &T, int64_t SliceStride) {
  Touch Local = T;
  Local.Loops.clear();
  Local.Base = T.Base % SliceStride;
  for (const auto &Loop : T.Loops) {
    if (Loop.second < SliceStride)
      Local.Loops.push_back(Loop);
    else if (Loop.second % SliceStride != 0)
      return std::nullopt;
  }
  if (Local.end() > SliceStride)
    return std::nullopt;
  return Local;
}

/// False where A and B are known to be disjoint in whatever slice: few runs
/// tell that, where all slices have many.
bool Checker::intersectInSlice(const Touch &A, const Touch &B) {
  const int64_t Strides[] = {L.SliceStride, L.trfBytes(), L.VrfBytes};
  if (A.Memory >= std::size(Strides))
    return true;
  std::optional<Touch> X = inSlice(A, Strides[A.Memory]),
                       Y = inSlice(B, Strides[A.Memory]);
  return !X || !Y || intersect(*X, *Y);
}

bool Checker::conflict(size_t I, size_t J) {
  for (const Touch &A : touches(I))
    for (const Touch &B : touches(J))
      if (A.Memory == B.Memory && (A.Writes || B.Writes) &&
          intersectInSlice(A, B) && intersect(A, B))
        return true;
  return false;
}

void dure::rngd::checkHazards(const ProgramPlan &P, const Limits &L,
                              const std::function<bool()> &Stop, Schedule &S) {
  Checker C(P, L);
  // Earlier commands by their end, the last first.
  std::multimap<int64_t, size_t, std::greater<>> ByEnd;
  for (size_t J = 0; J != P.Commands.size(); ++J) {
    for (const auto &[End, I] : ByEnd) {
      if (End <= S.Commands[J].Begin || Stop())
        break;
      if (!C.conflict(I, J))
        continue;
      const std::string &Name = P.Commands[I].Name;
      S.Fault = rule("it does not wait for command " + std::to_string(I) +
                         (Name.empty() ? "" : " ('" + Name + "')") +
                         ", with which it shares memory that one of them "
                         "writes",
                     "scheduling/schedule.md");
      S.Faulty = J;
      return;
    }
    ByEnd.emplace(S.Commands[J].End, J);
  }
}
