// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The state of an entry that is timed.
#include "tools/dure/BenchState.h"

#include "dialects/dure/DimExpr.h"

#include <algorithm>

namespace dure {
namespace {

constexpr char Capacity[] = "capacity";

std::set<std::string> symbolsOf(const std::string &Text) {
  std::set<std::string> Names;
  if (const auto Expr = DimExpr::parse(Text))
    Expr->collectSymbols(Names);
  return Names;
}

int64_t sizeOf(const std::string &Text,
               const std::map<std::string, int64_t> &Sizes, int64_t Otherwise) {
  const auto Expr = DimExpr::parse(Text);
  return Expr ? Expr->evaluate(Sizes).value_or(Otherwise) : Otherwise;
}

} // namespace

BenchState::BenchState(const Signature &Main, const Signature &Entry)
    : IsThere(!Entry.States.empty()) {
  for (const Port &Cache : Entry.States) {
    const auto Past = std::find_if(
        Main.Inputs.begin(), Main.Inputs.end(), [&](const Port &P) {
          return P.Name == Cache.Name && P.Dims.size() == Cache.Dims.size();
        });
    if (Past == Main.Inputs.end())
      continue;
    for (size_t I = 0; I != Cache.Dims.size(); ++I) {
      const std::string &Role = Cache.Dims[I].Expression;
      if (Role == "batch")
        Rows = Past->Dims[I].text();
      // A window's past may be written as less than all positions.
      if (Role == Capacity)
        Filled = Past->Dims[I].text();
      if (Role == "window" && Filled.empty())
        Filled = Past->Dims[I].text();
    }
  }
  // Such as the dim of a mask of all positions.
  const std::set<std::string> Past = symbolsOf(Filled);
  for (const Port &P : Entry.Inputs)
    for (const Port::Dim &D : P.Dims)
      if (D.Value < 0 && D.Expression != Filled &&
          std::ranges::includes(symbolsOf(D.Expression), Past) && !Past.empty())
        Needed = D.Expression;
}

std::set<std::string> BenchState::symbols() const {
  std::set<std::string> Names = symbolsOf(Filled);
  Names.merge(symbolsOf(Rows));
  Names.insert(Capacity);
  return Names;
}

std::vector<SizeRequirement>
BenchState::requirements(const NamedSizes &Given) const {
  const bool IsGiven = std::any_of(Given.begin(), Given.end(), [](auto &Each) {
    return Each.first == Capacity;
  });
  if (IsGiven || Needed.empty())
    return {};
  return {{Capacity, "==", Needed}};
}

bool BenchState::bind(const Console &Out, const LoadedPackage &Package,
                      const std::string &Entry, dure_call *Call,
                      const std::map<std::string, int64_t> &Sizes) {
  dure_state_options Shape = {};
  Shape.struct_size = sizeof(Shape);
  Shape.batch = sizeOf(Rows, Sizes, 1);
  Shape.capacity = sizeOf(Capacity, Sizes, 0);
  dure_state *Made = nullptr;
  if (!succeeded(Out, dure_state_create(Package.session(), Entry.c_str(),
                                        &Shape, &Made)))
    return false;
  State.reset(Made);
  Lengths.assign(size_t(Shape.batch), sizeOf(Filled, Sizes, 0));
  return rewind(Out) && succeeded(Out, dure_call_bind_state(Call, Made));
}

bool BenchState::rewind(const Console &Out) const {
  return succeeded(
      Out, dure_state_set_lengths(State.get(), Lengths.data(), Lengths.size()));
}

} // namespace dure
