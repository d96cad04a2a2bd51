// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Input tensors made up for timing: their sizes and their values.
#include "tools/dure/Inputs.h"

#include "dialects/dure/DimExpr.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <unistd.h>

namespace dure {
namespace {

using Sizes = std::map<std::string, int64_t>;

/// A requirement, as "it holds when this is 0".
using Difference = DimExpr;

/// The equalities among the requirements; bounds are not used to derive sizes.
std::vector<Difference> equalitiesOf(const std::vector<SizeRequirement> &All) {
  std::vector<Difference> Out;
  for (const SizeRequirement &R : All) {
    const auto Left = DimExpr::parse(R.Left), Right = DimExpr::parse(R.Right);
    if (R.Relation == "==" && Left && Right && (*Left - *Right).valid())
      Out.push_back(*Left - *Right);
  }
  return Out;
}

struct Solution {
  int64_t Size;
  /// No other size would do.
  bool Unique;
};

/// The size of `Name` that makes `D` zero with the other sizes as they are.
/// Found for expressions that are linear in it between 0 and the solution,
/// which min and max of linear ones are, too, where it matters; and verified.
std::optional<Solution> solveFor(const std::string &Name, const Difference &D,
                                 Sizes Known) {
  const auto at = [&](int64_t Size) {
    Known[Name] = Size;
    return D.evaluate(Known);
  };
  const std::optional<int64_t> At0 = at(0), At1 = at(1);
  int64_t Slope = 0;
  if (!At0 || !At1 || __builtin_sub_overflow(*At1, *At0, &Slope) ||
      Slope == 0 || *At0 == INT64_MIN)
    return std::nullopt;
  const int64_t Size = -*At0 / Slope;
  if (Size < 0 || Size == INT64_MAX || at(Size) != 0)
    return std::nullopt;
  return Solution{Size, at(Size + 1) != 0 && (Size == 0 || at(Size - 1) != 0)};
}

/// Gives sizes to `Missing` from the equalities that fix them.
void deriveSizes(const std::vector<Difference> &Equalities,
                 std::set<std::string> &Missing, Sizes &Known) {
  for (bool Changed = true; Changed;) {
    Changed = false;
    for (const Difference &D : Equalities) {
      std::set<std::string> Names;
      D.collectSymbols(Names);
      std::set<std::string> Open;
      std::set_intersection(Names.begin(), Names.end(), Missing.begin(),
                            Missing.end(), std::inserter(Open, Open.end()));
      if (Open.size() != 1)
        continue;
      const std::string Name = *Open.begin();
      const std::optional<Solution> Found = solveFor(Name, D, Known);
      if (!Found || !Found->Unique)
        continue;
      Known[Name] = Found->Size;
      Missing.erase(Name);
      Changed = true;
    }
  }
}

/// Sizes for a --dims that works: those given, small ones for the others,
/// enlarged until the equalities hold.
Sizes suggestSizes(const Signature &Expected,
                   const std::vector<Difference> &Equalities,
                   const std::set<std::string> &Missing, Sizes Known) {
  for (const std::string &Name : Missing) {
    Known[Name] = 1;
    for (const Symbol &S : Expected.Symbols)
      if (S.Name == Name)
        Known[Name] = std::clamp(std::max<int64_t>(S.Multiple, 1), S.Min,
                                 std::max(S.Min, S.Max));
  }
  for (size_t Round = 0; Round <= Missing.size(); ++Round)
    for (const Difference &D : Equalities) {
      if (D.evaluate(Known) == 0)
        continue;
      std::set<std::string> Names;
      D.collectSymbols(Names);
      for (const std::string &Name : Names)
        if (Missing.contains(Name))
          if (const auto Found = solveFor(Name, D, Known);
              Found && Found->Size > Known[Name]) {
            Known[Name] = Found->Size;
            break;
          }
    }
  return Known;
}

std::string joinNames(const std::set<std::string> &Names) {
  std::string Text;
  for (const std::string &Name : Names)
    Text += (Text.empty() ? "" : ", ") + Name;
  return Text;
}

/// The size of every symbol in `Wanted` and of those that an input needs;
/// nothing, having said why, when
/// --dims does not tell them.
std::optional<Sizes>
chooseSizes(const Console &Out, const Signature &Expected,
            const NamedSizes &Dims,
            const std::vector<SizeRequirement> &Requirements,
            std::set<std::string> Wanted) {
  for (const Port &P : Expected.Inputs)
    for (const Port::Dim &D : P.Dims)
      if (const auto Expr = D.Value < 0 ? DimExpr::parse(D.Expression)
                                        : std::optional<DimExpr>())
        Expr->collectSymbols(Wanted);
  Sizes Known;
  for (const auto &[Given, Size] : Dims) {
    // A name of the model that is no identifier is known by one.
    const std::string Name =
        Wanted.contains(Given) ? Given : DimExpr::identifierOf(Given);
    if (!Wanted.contains(Name)) {
      Out.usage(Message::DimsUnknown, {Given, joinNames(Wanted)});
      return std::nullopt;
    }
    // Later ones win, as options do.
    Known[Name] = Size;
  }
  std::set<std::string> Missing;
  for (const std::string &Name : Wanted)
    if (!Known.contains(Name))
      Missing.insert(Name);
  const std::vector<Difference> Equalities = equalitiesOf(Requirements);
  deriveSizes(Equalities, Missing, Known);
  if (Missing.empty())
    return Known;
  std::string Line;
  for (const auto &[Name, Size] :
       suggestSizes(Expected, Equalities, Missing, Known))
    Line += (Line.empty() ? "" : ",") + Name + "=" + std::to_string(Size);
  Out.usage(Message::DimsMissing, {joinNames(Missing), Line});
  return std::nullopt;
}

/// The dims of one input; nothing, having said why, when one has no size.
std::optional<std::vector<int64_t>> dimsOf(const Console &Out, const Port &P,
                                           const Sizes &Known) {
  std::vector<int64_t> Dims;
  for (const Port::Dim &D : P.Dims) {
    if (D.Value >= 0) {
      Dims.push_back(D.Value);
      continue;
    }
    const std::optional<DimExpr> Expr = DimExpr::parse(D.Expression);
    const std::optional<int64_t> Size =
        Expr ? Expr->evaluate(Known) : std::nullopt;
    if (!Size) {
      Out.usage(Message::DimsExpression, {P.Name, D.Expression});
      return std::nullopt;
    }
    if (*Size < 0) {
      Out.usage(Message::DimsConflict,
                {P.Name, D.Expression, std::to_string(*Size)});
      return std::nullopt;
    }
    Dims.push_back(*Size);
  }
  return Dims;
}

/// Bytes of this machine's memory; what is larger would only be killed later.
int64_t physicalMemory() {
  const int64_t Pages = ::sysconf(_SC_PHYS_PAGES);
  const int64_t Page = ::sysconf(_SC_PAGESIZE);
  return Pages > 0 && Page > 0 ? Pages * Page : INT64_MAX;
}

/// Fills `T` as makeInputs documents. Floats come from a fixed linear
/// congruence, so that every run sees the same values.
void fillTensor(io::Tensor &T) {
  const io::ElementTypeInfo &Info = io::elementTypeInfo(T.Type);
  const int64_t Count = T.elementCount();
  const bool Mask = T.Name.find("mask") != std::string::npos;
  uint32_t State = 12345;
  const auto next = [&State] {
    State = State * 1664525u + 1013904223u;
    return float(int32_t(State)) / 2147483648.0f;
  };
  if (T.Type == io::ElementType::Float32) {
    for (int64_t I = 0; I < Count; ++I) {
      const float Value = next();
      std::memcpy(T.Bytes.data() + I * 4, &Value, 4);
    }
    return;
  }
  if (T.Type == io::ElementType::Float64) {
    for (int64_t I = 0; I < Count; ++I) {
      const double Value = next();
      std::memcpy(T.Bytes.data() + I * 8, &Value, 8);
    }
    return;
  }
  if (T.Type == io::ElementType::BFloat16) {
    for (int64_t I = 0; I < Count; ++I) {
      const float Value = next();
      std::memcpy(T.Bytes.data() + I * 2,
                  reinterpret_cast<const char *>(&Value) + 2, 2);
    }
    return;
  }
  const size_t Width = Info.Bits / 8;
  if (Info.Kind == io::ElementKind::Float || Width == 0)
    return; // Narrow floats stay zero: valid, and as fast as any other value.
  for (int64_t I = 0; I < Count; ++I)
    T.Bytes[size_t(I) * Width] = std::byte(Mask || I % 2 ? 1 : 0);
}

} // namespace

MadeInputs makeInputs(const Console &Out, const Signature &Expected,
                      const NamedSizes &Dims,
                      const std::vector<SizeRequirement> &Requirements,
                      const std::set<std::string> &Further) {
  MadeInputs Made;
  const std::optional<Sizes> Known =
      chooseSizes(Out, Expected, Dims, Requirements, Further);
  if (!Known)
    return Made;
  Made.Sizes = *Known;
  std::vector<io::Tensor> Tensors;
  int64_t Total = 0;
  for (const Port &P : Expected.Inputs) {
    const std::optional<std::vector<int64_t>> Shape = dimsOf(Out, P, *Known);
    if (!Shape)
      return Made;
    const std::optional<io::ElementType> Type = tensorType(P.Type);
    if (!Type) {
      Made.Exit = Out.fail(Message::UnsupportedInputType,
                           {P.Name, dure_type_name(P.Type)});
      return Made;
    }
    io::Result<io::Extent> Size = io::checkExtent(P.Name, *Type, *Shape);
    if (!Size) {
      Out.fail(Size.failure());
      return Made;
    }
    if (__builtin_add_overflow(Total, Size->Bytes, &Total))
      Total = INT64_MAX;
    io::Tensor &T = Tensors.emplace_back();
    T.Name = P.Name;
    T.Type = *Type;
    T.Dims = *Shape;
  }
  if (Total > physicalMemory()) {
    Made.Exit = Out.fail(
        Message::InputsTooLarge,
        {formatBytes(double(Total)), formatBytes(double(physicalMemory()))});
    return Made;
  }
  for (io::Tensor &T : Tensors) {
    T.Bytes.resize(size_t(*io::storageBytes(T.Type, T.elementCount())));
    fillTensor(T);
  }
  Made.Tensors = std::move(Tensors);
  return Made;
}

} // namespace dure
