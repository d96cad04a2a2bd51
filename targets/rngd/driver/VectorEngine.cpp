// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The vector engine: a pass over a slice's stream, and the reducer over slices.
//
// Exponentials and the like are those of the C library in f32: how the silicon
// approximates them is not public. Choices where the book is silent follow the
// vendor's host model (furiosa-opt-std/src/engine/vector/op): shifts take the
// low 5 bits of a count, f32 to i32 rounds halves away from zero and saturates.
#include "targets/rngd/driver/CodeObject.h"
#include "targets/rngd/driver/Element.h"
#include "targets/rngd/driver/Engines.h"

using namespace dure::rngd;
using Op = fb::VectorOp;

namespace {

constexpr int64_t Wide = 8, Thin = 4;

inline float f(uint32_t Bits) { return std::bit_cast<float>(Bits); }
inline uint32_t u(float Value) { return std::bit_cast<uint32_t>(Value); }
inline int32_t s(uint32_t Bits) { return static_cast<int32_t>(Bits); }
inline uint32_t u(int64_t Value) { return static_cast<uint32_t>(Value); }

/// One operand of an op, for each element: CONSTANT or ITEMS.
struct Values {
  const uint32_t *Items = nullptr;
  uint32_t Constant = 0;
};

class Pass {
public:
  Pass(const VectorPlan &V, const SliceMemory &Vrf, int64_t Slice,
       int64_t ClusterBase)
      : V(V), Vrf(Vrf), Slice(Slice), ClusterBase(ClusterBase) {}

  std::string run(Words &Data);

private:
  std::string step(const StepPlan &S);
  std::string apply(const StepPlan &S, Words &Data,
                    const std::optional<OperandPlan> &First);
  std::string fetchOperand(const OperandPlan &O, int64_t Packets, Words &Room,
                           Values &To);
  void restructure(const StepPlan &S, Words &Data);
  void reduce(const IntraPlan &R);
  void zip(const StepPlan &S);

  const VectorPlan &V;
  const SliceMemory &Vrf;
  int64_t Slice, ClusterBase;
  int64_t Way = Wide;
  bool IsFloat = false, IsPair = false;
  Words Group[2]; ///< The second only while a pair is not joined.
  Words StashData, Room[2];
};

} // namespace

std::string Pass::fetchOperand(const OperandPlan &O, int64_t Packets,
                               Words &Space, Values &To) {
  switch (O.Source) {
  case fb::Source::Immediate:
    To.Constant = O.Bits;
    return {};
  case fb::Source::Stash:
    To.Items = StashData.data();
    return {};
  case fb::Source::Vrf:
    break;
  }
  const uint8_t *File = Vrf.data(ClusterBase + Slice);
  Written Known = Vrf.written(ClusterBase + Slice);
  Space.resize(static_cast<size_t>(Packets * Way));
  To.Items = Space.data();
  int64_t Index[8] = {}, Place = O.Base;
  int64_t Count = O.Way;
  for (int64_t P = 0; P != Packets; ++P) {
    if (!Known.has(Place * 4, Count * 4))
      return rule("it reads bytes " + std::to_string(Place * 4) + " to " +
                      std::to_string((Place + Count) * 4) + " of slice " +
                      std::to_string(ClusterBase + Slice) +
                      "'s vector register file, which nothing has written",
                  "computing-tensors/register-files.md");
    uint32_t *Out = Space.data() + P * Way;
    std::memcpy(Out, File + Place * 4, static_cast<size_t>(Count) * 4);
    if (O.Scalar)
      std::fill(Out + 1, Out + Way, Out[0]);
    for (size_t I = O.Loops.size(); I-- != 0;) {
      Place += O.Loops[I][1];
      if (++Index[I] != O.Loops[I][0])
        break;
      Place -= O.Loops[I][1] * O.Loops[I][0];
      Index[I] = 0;
    }
  }
  return {};
}

/// OUT[i] = FN(a, b), whichever are constants.
template <typename Fn>
static void map2(size_t Count, const Values &A, const Values &B, uint32_t *Out,
                 Fn Each) {
  if (A.Items && B.Items)
    for (size_t I = 0; I != Count; ++I)
      Out[I] = Each(A.Items[I], B.Items[I]);
  else if (A.Items)
    for (size_t I = 0; I != Count; ++I)
      Out[I] = Each(A.Items[I], B.Constant);
  else if (B.Items)
    for (size_t I = 0; I != Count; ++I)
      Out[I] = Each(A.Constant, B.Items[I]);
  else
    std::fill(Out, Out + Count, Each(A.Constant, B.Constant));
}

template <typename Fn> static void map1(size_t Count, uint32_t *Data, Fn Each) {
  for (size_t I = 0; I != Count; ++I)
    Data[I] = u(Each(f(Data[I])));
}

static uint32_t multiplyFixed(uint32_t A, uint32_t B) {
  if (s(A) == INT32_MIN && s(B) == INT32_MIN)
    return INT32_MAX;
  int64_t Product = int64_t(s(A)) * s(B);
  return u(((Product >> 30) + 1) >> 1);
}

static uint32_t shiftRound(uint32_t A, uint32_t B) {
  unsigned Count = B & 31;
  if (Count == 0)
    return A;
  return u(((int64_t(s(A)) >> (Count - 1)) + 1) >> 1);
}

template <typename Fn> static auto asFloats(Fn Each) {
  return [Each](uint32_t A, uint32_t B) { return u(Each(f(A), f(B))); };
}

/// Of two, the one that is a number; b where they are equal.
static float least(float A, float B) { return std::fmin(A, B); }
static float most(float A, float B) { return std::fmax(A, B); }

static void clip(Op O, bool IsFloat, size_t N, const Values &A, const Values &B,
                 uint32_t *Out) {
  using U = uint32_t;
  switch (O) {
  case Op::Min:
    if (IsFloat)
      return map2(N, A, B, Out, asFloats(least));
    return map2(N, A, B, Out, [](U X, U Y) { return s(X) < s(Y) ? X : Y; });
  case Op::Max:
    if (IsFloat)
      return map2(N, A, B, Out, asFloats(most));
    return map2(N, A, B, Out, [](U X, U Y) { return s(X) > s(Y) ? X : Y; });
  case Op::AbsMin:
    if (IsFloat)
      return map2(N, A, B, Out, [](U X, U Y) {
        return std::fabs(f(X)) < std::fabs(f(Y)) ? X : Y;
      });
    return map2(N, A, B, Out, [](U X, U Y) {
      return std::abs(int64_t(s(X))) < std::abs(int64_t(s(Y))) ? X : Y;
    });
  case Op::AbsMax:
    if (IsFloat)
      return map2(N, A, B, Out, [](U X, U Y) {
        return std::fabs(f(X)) > std::fabs(f(Y)) ? X : Y;
      });
    return map2(N, A, B, Out, [](U X, U Y) {
      return std::abs(int64_t(s(X))) > std::abs(int64_t(s(Y))) ? X : Y;
    });
  case Op::ClipAdd:
    if (IsFloat)
      return map2(N, A, B, Out, [](U X, U Y) { return u(f(X) + f(Y)); });
    return map2(N, A, B, Out, [](U X, U Y) { return X + Y; });
  default: // ClipAddSat
    return map2(N, A, B, Out, [](U X, U Y) {
      return u(int64_t(saturate(int64_t(s(X)) + s(Y), 32)));
    });
  }
}

static void fixedPoint(Op O, size_t N, const Values &A, const Values &B,
                       uint32_t *Out) {
  using U = uint32_t;
  switch (O) {
  case Op::AddFxp:
    return map2(N, A, B, Out, [](U X, U Y) { return X + Y; });
  case Op::AddFxpSat:
    return map2(N, A, B, Out, [](U X, U Y) {
      return u(int64_t(saturate(int64_t(s(X)) + s(Y), 32)));
    });
  case Op::SubFxp:
    return map2(N, A, B, Out, [](U X, U Y) { return X - Y; });
  case Op::SubFxpSat:
    return map2(N, A, B, Out, [](U X, U Y) {
      return u(int64_t(saturate(int64_t(s(X)) - s(Y), 32)));
    });
  case Op::FxpShiftLeftSat:
    return map2(N, A, B, Out, [](U X, U Y) {
      return u(int64_t(saturate(int64_t(s(X)) * (int64_t(1) << (Y & 31)), 32)));
    });
  case Op::MulFxp:
    return map2(N, A, B, Out, multiplyFixed);
  case Op::MulInt:
    return map2(N, A, B, Out, [](U X, U Y) { return X * Y; });
  case Op::FxpShiftRightRound:
    return map2(N, A, B, Out, shiftRound);
  case Op::ShiftLeft:
  case Op::FxpShiftLeft:
    return map2(N, A, B, Out, [](U X, U Y) { return X << (Y & 31); });
  case Op::ShiftRightLogic:
  case Op::FxpShiftRightLogic:
    return map2(N, A, B, Out, [](U X, U Y) { return X >> (Y & 31); });
  case Op::ShiftRightArith:
  case Op::FxpShiftRightArith:
    return map2(N, A, B, Out,
                [](U X, U Y) { return u(int64_t(s(X) >> (Y & 31))); });
  case Op::BitAnd:
    return map2(N, A, B, Out, [](U X, U Y) { return X & Y; });
  case Op::BitOr:
    return map2(N, A, B, Out, [](U X, U Y) { return X | Y; });
  default: // BitXor
    return map2(N, A, B, Out, [](U X, U Y) { return X ^ Y; });
  }
}

/// Ops of two arguments.
static void binary(Op O, bool IsFloat, size_t N, const Values &A,
                   const Values &B, uint32_t *Out) {
  using U = uint32_t;
  switch (O) {
  case Op::AddF:
    return map2(N, A, B, Out, [](U X, U Y) { return u(f(X) + f(Y)); });
  case Op::SubF:
    return map2(N, A, B, Out, [](U X, U Y) { return u(f(X) - f(Y)); });
  case Op::MulFma:
  case Op::Mul0:
  case Op::Mul1:
    return map2(N, A, B, Out, [](U X, U Y) { return u(f(X) * f(Y)); });
  case Op::Div:
  case Op::DivFpu:
    return map2(N, A, B, Out, [](U X, U Y) { return u(f(X) / f(Y)); });
  default:
    break;
  }
  if (O >= Op::Min)
    return clip(O, IsFloat, N, A, B, Out);
  fixedPoint(O, N, A, B, Out);
}

/// False if O is not of one argument.
static bool unary(Op O, int IntWidth, size_t N, uint32_t *Data) {
  switch (O) {
  case Op::Exp:
    map1(N, Data, [](float X) { return std::exp(X); });
    return true;
  case Op::NegExp:
    map1(N, Data, [](float X) { return std::exp(-X); });
    return true;
  case Op::Sqrt:
    map1(N, Data, [](float X) { return std::sqrt(X); });
    return true;
  case Op::Tanh:
    map1(N, Data, [](float X) { return std::tanh(X); });
    return true;
  case Op::Sigmoid:
    map1(N, Data, [](float X) { return 1.0f / (1.0f + std::exp(-X)); });
    return true;
  case Op::Erf:
    map1(N, Data, [](float X) { return std::erf(X); });
    return true;
  case Op::Log:
    map1(N, Data, [](float X) { return std::log(X); });
    return true;
  case Op::Sin:
    map1(N, Data, [](float X) { return std::sin(X); });
    return true;
  case Op::Cos:
    map1(N, Data, [](float X) { return std::cos(X); });
    return true;
  case Op::IntI32ToF32: {
    float Scale = std::ldexp(1.0f, IntWidth - 31);
    for (size_t I = 0; I != N; ++I)
      Data[I] = u(float(s(Data[I])) * Scale);
    return true;
  }
  case Op::F32ToI32: {
    double Scale = std::ldexp(1.0, 31 - IntWidth);
    for (size_t I = 0; I != N; ++I) {
      double Value = std::round(double(f(Data[I])) * Scale);
      if (std::isnan(Value))
        Data[I] = std::signbit(f(Data[I])) ? u(int64_t(INT32_MIN))
                                           : u(int64_t(INT32_MAX));
      else
        Data[I] = u(static_cast<int64_t>(
            std::clamp(Value, double(INT32_MIN), double(INT32_MAX))));
    }
    return true;
  }
  default:
    return false;
  }
}

std::string Pass::apply(const StepPlan &S, Words &Data,
                        const std::optional<OperandPlan> &First) {
  if (unary(S.Op, S.IntWidth, Data.size(), Data.data()))
    return {};
  auto Packets = static_cast<int64_t>(Data.size()) / Way;
  Values Stream = {Data.data(), 0}, One, Two;
  if (First)
    if (std::string Why = fetchOperand(*First, Packets, Room[0], One);
        !Why.empty())
      return Why;
  if (S.Operand2)
    if (std::string Why = fetchOperand(*S.Operand2, Packets, Room[1], Two);
        !Why.empty())
      return Why;
  using M = fb::ArgMode;
  const Values *Args[3] = {&Stream, &One, &Two};
  static constexpr int Places[][3] = {
      {0, 1, 0}, {0, 0, 0}, {1, 0, 0}, {1, 1, 0}, {0, 1, 2}, {0, 0, 2},
      {1, 0, 2}, {1, 1, 2}, {0, 2, 0}, {0, 2, 1}, {1, 2, 0}};
  const int *P = Places[static_cast<int>(S.Mode)];
  const Values &A = *Args[P[0]], &B = *Args[P[1]], &C = *Args[P[2]];
  if (S.Mode < M::M012) {
    binary(S.Op, IsFloat, Data.size(), A, B, Data.data());
    return {};
  }
  auto At = [](const Values &From, size_t I) {
    return f(From.Items ? From.Items[I] : From.Constant);
  };
  for (size_t I = 0; I != Data.size(); ++I)
    Data[I] = u(std::fma(At(A, I), At(B, I), At(C, I)));
  return {};
}

void Pass::restructure(const StepPlan &S, Words &Data) {
  size_t Packets = Data.size() / static_cast<size_t>(Way);
  if (S.Op == Op::NarrowTrim) {
    for (size_t P = 0; P != Packets; ++P)
      std::copy_n(Data.begin() + static_cast<ptrdiff_t>(P * Wide), Thin,
                  Data.begin() + static_cast<ptrdiff_t>(P * Thin));
    Data.resize(Packets * Thin);
  } else if (S.Op == Op::WidenPad) {
    Data.resize(Packets * Wide);
    for (size_t P = Packets; P-- != 0;) {
      auto Out = Data.begin() + static_cast<ptrdiff_t>(P * Wide);
      std::copy_n(Data.begin() + static_cast<ptrdiff_t>(P * Thin), Thin, Out);
      std::fill_n(Out + Thin, Thin, 0);
    }
  }
  // A split and its reverse leave the elements in their order.
}

void Pass::zip(const StepPlan &S) {
  using M = fb::ArgMode;
  Values G[2] = {{Group[0].data(), 0}, {Group[1].data(), 0}};
  int A = S.Mode == M::M10 || S.Mode == M::M11;
  int B = S.Mode == M::M01 || S.Mode == M::M11;
  binary(S.Op, IsFloat, Group[0].size(), G[A], G[B], Group[0].data());
  Group[1].clear();
  IsPair = false;
}

template <typename T> static T combine(fb::ReduceOp O, T A, T B) {
  using R = fb::ReduceOp;
  if constexpr (std::is_same_v<T, float>) {
    switch (O) {
    case R::Max:
      return most(A, B);
    case R::Min:
      return least(A, B);
    case R::Mul:
      return A * B;
    case R::Add:
    case R::AddSat:
      break;
    }
    return A + B;
  } else {
    switch (O) {
    case R::Max:
      return std::max(A, B);
    case R::Min:
      return std::min(A, B);
    case R::AddSat:
      return saturate(int64_t(A) + B, 32);
    case R::Add:
    case R::Mul:
      break;
    }
    return s(u(int64_t(A)) + u(int64_t(B)));
  }
}

template <typename T> static T identity(fb::ReduceOp O) {
  using R = fb::ReduceOp;
  using Numbers = std::numeric_limits<T>;
  constexpr bool F = std::is_same_v<T, float>;
  if (O == R::Max)
    return F ? -Numbers::infinity() : Numbers::min();
  if (O == R::Min)
    return F ? Numbers::infinity() : Numbers::max();
  return O == R::Mul ? T(1) : T(0);
}

/// Within a slice: a tree over the packet's four, then over time.
template <typename T>
static void reducePackets(const IntraPlan &R, int64_t Slice, Words &Data) {
  Words Out;
  Out.reserve(static_cast<size_t>(R.OutPackets * Thin));
  int64_t SliceAt = 0;
  for (const StreamPlan::Digit &D : R.SliceDigits)
    SliceAt += Slice / D.Divisor % D.Size * D.Weight;
  size_t Depth = R.Sizes.size();
  int64_t Index[8] = {}, Strides[8] = {}, Size = 1, Slot = 0;
  int64_t TimeAt = SliceAt;
  for (size_t I = Depth; I-- > R.FirstReduce + 1;)
    if (!R.Reduce[I]) {
      Strides[I] = Size;
      Size *= R.Sizes[I];
    }
  T Start = identity<T>(R.Op);
  std::vector<T> Cells(static_cast<size_t>(R.Slots * Thin), Start);
  for (int64_t N = 0; N != R.Packets; ++N) {
    T In[Thin];
    std::memcpy(In, Data.data() + N * Thin, sizeof(In));
    if (R.HasValid)
      for (int64_t I = 0; I != Thin; ++I)
        if (TimeAt + I * R.PacketWeight >= R.Limit)
          In[I] = Start;
    T *Cell = Cells.data() + Slot * Thin;
    if (R.Packet) {
      T Sum = combine(R.Op, combine(R.Op, In[0], In[1]),
                      combine(R.Op, In[2], In[3]));
      Cell[0] = combine(R.Op, Cell[0], Sum);
    } else {
      for (int64_t I = 0; I != Thin; ++I)
        Cell[I] = combine(R.Op, Cell[I], In[I]);
    }
    size_t I = Depth;
    for (; I-- != 0;) {
      int64_t Weight = R.HasValid ? R.TimeWeights[I] : 0;
      Slot += Strides[I];
      TimeAt += Weight;
      if (++Index[I] != R.Sizes[I])
        break;
      Slot -= Strides[I] * R.Sizes[I];
      TimeAt -= Weight * R.Sizes[I];
      Index[I] = 0;
    }
    if (I != size_t(-1) && I >= R.FirstReduce && R.FirstReduce != Depth)
      continue;
    for (int64_t C = 0; C != R.Slots; ++C)
      for (int64_t K = 0; K != Thin; ++K) {
        bool IsPadding = R.Packet && K != 0;
        Out.push_back(IsPadding
                          ? 0
                          : std::bit_cast<uint32_t>(
                                Cells[static_cast<size_t>(C * Thin + K)]));
      }
    std::fill(Cells.begin(), Cells.end(), Start);
  }
  Data = std::move(Out);
}

void Pass::reduce(const IntraPlan &R) {
  if (IsFloat)
    reducePackets<float>(R, Slice, Group[0]);
  else
    reducePackets<int32_t>(R, Slice, Group[0]);
}

std::string Pass::step(const StepPlan &S) {
  switch (S.Op) {
  case Op::Stash:
    StashData = Group[0];
    return {};
  case Op::Reinterpret:
    IsFloat = !IsFloat;
    return {};
  case Op::NarrowSplit:
  case Op::NarrowTrim:
  case Op::WidenConcat:
  case Op::WidenPad:
    restructure(S, Group[0]);
    if (IsPair)
      restructure(S, Group[1]);
    Way = S.Op == Op::NarrowSplit || S.Op == Op::NarrowTrim ? Thin : Wide;
    return {};
  default:
    break;
  }
  if (S.Zip) {
    zip(S);
  } else {
    if (S.Groups & 1)
      if (std::string Why = apply(S, Group[0], S.Operand); !Why.empty())
        return Why;
    if (IsPair && (S.Groups & 2))
      if (std::string Why = apply(S, Group[1], S.Group1 ? S.Group1 : S.Operand);
          !Why.empty())
        return Why;
  }
  if (S.Op == Op::IntI32ToF32 || S.Op == Op::F32ToI32)
    IsFloat = !IsFloat;
  return {};
}

std::string Pass::run(Words &Data) {
  IsFloat = V.IsFloat;
  if (V.Unzip) {
    IsPair = true;
    auto Turn = static_cast<size_t>(V.Unzip * Wide);
    for (size_t At = 0; At != Data.size(); At += Turn) {
      Words &To = Group[At / Turn % 2];
      To.insert(To.end(), Data.begin() + static_cast<ptrdiff_t>(At),
                Data.begin() + static_cast<ptrdiff_t>(At + Turn));
    }
  } else {
    Group[0] = std::move(Data);
  }
  for (size_t I = 0; I <= V.Steps.size(); ++I) {
    if (V.Intra && I == V.IntraAt)
      reduce(*V.Intra);
    if (I == V.Steps.size())
      break;
    if (std::string Why = step(V.Steps[I]); !Why.empty())
      return "step " + std::to_string(I) + ": " + Why;
  }
  Data = std::move(Group[0]);
  return {};
}

std::string dure::rngd::runVector(const VectorPlan &V, const SliceMemory &Vrf,
                                  int64_t Slice, int64_t ClusterBase,
                                  Words &Data) {
  return Pass(V, Vrf, Slice, ClusterBase).run(Data);
}

void dure::rngd::reduceSlices(const InterPlan &R, bool IsFloat,
                              Words *const *Streams, int64_t Count) {
  // In the ring's order, from the group's first slice on.
  Words &To = *Streams[0];
  for (int64_t N = 1; N != Count; ++N) {
    const Words &From = *Streams[N];
    for (size_t I = 0; I != To.size(); ++I)
      To[I] = IsFloat
                  ? u(combine(R.Op, f(To[I]), f(From[I])))
                  : u(int64_t(combine<int32_t>(R.Op, s(To[I]), s(From[I]))));
  }
}
