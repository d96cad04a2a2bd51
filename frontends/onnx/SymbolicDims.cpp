// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Names of dims, and equalities between them.

#include "frontends/onnx/SymbolicDims.h"

#include <algorithm>

namespace dure::onnx {

/// Placeholders that exporters write for "not known": each stands for a size
/// of its own.
static bool isNameless(std::string_view Name) {
  return Name.empty() || Name == "?" || Name == "None" || Name == "-1" ||
         Name == "*";
}

static bool isPlainName(std::string_view Name) {
  return DimExpr::isIdentifier(Name) && Name.find('$') == Name.npos;
}

std::string SymbolicDims::freshSymbol(std::string_view Wish) {
  std::string Base = DimExpr::identifierOf(Wish), Name = Base;
  for (unsigned I = 2; !Taken.insert(Name).second; ++I)
    Name = Base + "_" + std::to_string(I);
  return Name;
}

void SymbolicDims::addInputSymbol(const std::string &Name) {
  InputSymbols.try_emplace(Name, InputSymbols.size());
}

SymbolicDims::SymbolicDims(const std::vector<const ValueInfo *> &Infos) {
  // Bare names first: they are what expressions may be made of.
  for (const ValueInfo *Info : Infos)
    for (const Dim &D : *Info->Type.Shape)
      if (!D.Value && !isNameless(D.Name) && isPlainName(D.Name)) {
        Taken.insert(std::string(D.Name));
        addInputSymbol(std::string(D.Name));
      }
  for (const ValueInfo *Info : Infos) {
    llvm::SmallVector<DimExpr> Dims;
    for (size_t I = 0; I < Info->Type.Shape->size(); ++I)
      Dims.push_back(declaredDim(*Info, I));
    Inputs.push_back(std::move(Dims));
  }
}

DimExpr SymbolicDims::declaredDim(const ValueInfo &Info, size_t I) {
  const Dim &D = (*Info.Type.Shape)[I];
  if (D.Value)
    return DimExpr(*D.Value);
  auto NewSymbol = [&](std::string_view Wish) {
    std::string Name = freshSymbol(Wish);
    addInputSymbol(Name);
    return DimExpr::symbol(Name);
  };
  if (isNameless(D.Name))
    return NewSymbol(std::string(Info.Name.substr(0, 48)) + "_dim" +
                     std::to_string(I));
  if (isPlainName(D.Name))
    return DimExpr::symbol(D.Name);
  // Exporters write short expressions; long ones are not worth their time.
  std::optional<DimExpr> Parsed;
  if (D.Name.size() <= 256)
    Parsed = DimExpr::parse(D.Name);
  if (Parsed && Parsed->valid() && !Parsed->constant() &&
      dependsOnInputsOnly(*Parsed))
    return *Parsed;
  // The same odd name is the same size.
  auto [It, IsNew] = Opaque.try_emplace(std::string(D.Name));
  if (IsNew)
    It->second = NewSymbol(D.Name);
  return It->second;
}

bool SymbolicDims::dependsOnInputsOnly(const DimExpr &E) const {
  std::set<std::string> Symbols;
  E.collectSymbols(Symbols);
  return std::all_of(Symbols.begin(), Symbols.end(), [&](const std::string &S) {
    return InputSymbols.count(S) != 0;
  });
}

llvm::SmallVector<DimExpr> SymbolicDims::inputDims(size_t I) const {
  llvm::SmallVector<DimExpr> Dims;
  for (const DimExpr &D : Inputs[I])
    Dims.push_back(D.substitute(Substitutions));
  return Dims;
}

/// The texts of a pair, in an order that does not depend on which is left.
static std::pair<std::string, std::string> textsOf(const DimExpr &L,
                                                   const DimExpr &R) {
  return std::minmax(L.str(), R.str());
}

SymbolicDims::Key SymbolicDims::keyOf(const Equality &E) {
  Key Texts = textsOf(E.L, E.R);
  for (const DimExpr &Each : E.Conditions)
    Texts.second += " if " + Each.str();
  return Texts;
}

bool SymbolicDims::equal(const DimExpr &L, const DimExpr &R) {
  if (L == R)
    return true;
  if (L.constant() && R.constant())
    return false;
  Equality E{L, R, Conditions};
  // The same pair comes from every layer.
  if (Seen.insert(keyOf(E)).second)
    Equalities.push_back(std::move(E));
  return true;
}

void SymbolicDims::rollBack(size_t Mark) {
  for (size_t I = Mark; I < Equalities.size(); ++I)
    Seen.erase(keyOf(Equalities[I]));
  Equalities.resize(Mark);
}

void SymbolicDims::joinBranches(size_t Then, size_t Else) {
  std::set<Key> Needed;
  auto Outer = [&](Equality E) {
    E.Conditions.resize(Conditions.size());
    return E;
  };
  auto IsOfBranch = [&](const Equality &E) {
    return E.Conditions.size() == Conditions.size() + 1;
  };
  for (size_t I = Then; I < Else; ++I)
    if (IsOfBranch(Equalities[I]))
      Needed.insert(keyOf(Outer(Equalities[I])));
  std::vector<Equality> Shared;
  for (size_t I = Else; I < Equalities.size(); ++I)
    if (IsOfBranch(Equalities[I]) && Needed.count(keyOf(Outer(Equalities[I]))))
      Shared.push_back(Outer(Equalities[I]));
  for (Equality &Each : Shared)
    if (Seen.insert(keyOf(Each)).second)
      Equalities.push_back(std::move(Each));
}

DimExpr SymbolicDims::settle(const DimExpr &E) const {
  auto It = Replacements.find(E.str());
  return It == Replacements.end() ? E : It->second;
}

/// Replaces a symbol everywhere. `Value` does not mention it.
void SymbolicDims::substitute(const std::string &Symbol, const DimExpr &Value) {
  std::map<std::string, DimExpr> One = {{Symbol, Value}};
  for (auto &[Name, Old] : Substitutions)
    if (Old.str().find(Symbol) != std::string::npos)
      Old = Old.substitute(One);
  Substitutions[Symbol] = Value;
}

/// Solves L == R for one symbol of the inputs, the last that can be: the first
/// dims of the first inputs are what users know best.
bool SymbolicDims::solve(const DimExpr &L, const DimExpr &R) {
  if (!dependsOnInputsOnly(L) || !dependsOnInputsOnly(R))
    return false;
  DimExpr Difference = L - R;
  std::set<std::string> Names;
  Difference.collectSymbols(Names);
  std::vector<std::string> Candidates(Names.begin(), Names.end());
  std::sort(Candidates.begin(), Candidates.end(),
            [&](const std::string &A, const std::string &B) {
              return InputSymbols.at(A) > InputSymbols.at(B);
            });
  for (const std::string &Name : Candidates) {
    DimExpr Symbol = DimExpr::symbol(Name);
    DimExpr Rest = Difference.substitute({{Name, DimExpr(0)}});
    std::set<std::string> Inside;
    Rest.collectSymbols(Inside);
    if (Inside.count(Name) || !Rest.valid())
      continue;
    DimExpr Value;
    if (Difference - Rest == Symbol)
      Value = DimExpr(0) - Rest;
    else if (Rest - Difference == Symbol)
      Value = Rest;
    else
      continue;
    // A size that may come out negative would make types that no input has.
    if (!Value.valid() || !Value.isNonNegative())
      continue;
    substitute(Name, Value);
    return true;
  }
  return false;
}

/// Substitutions that one run may add: each is applied to all others. Models
/// need a handful; what is left over becomes a check, or the next run's.
static constexpr size_t MaxNewSubstitutions = 2000;

bool SymbolicDims::learn() {
  bool Changed = false;
  size_t Before = Substitutions.size();
  for (const Equality &E : Equalities) {
    if (Substitutions.size() - Before >= MaxNewSubstitutions)
      break;
    DimExpr L = E.L.substitute(Substitutions);
    DimExpr R = E.R.substitute(Substitutions);
    if (L == R || !E.Conditions.empty())
      continue;
    if (solve(L, R)) {
      Changed = true;
      continue;
    }
    if (!dependsOnInputsOnly(L) || !dependsOnInputsOnly(R))
      continue;
    // min(512, sequence) == sequence, say: keep the shorter one and check.
    bool LeftIsShorter =
        L.constant() || (!R.constant() && L.str().size() <= R.str().size());
    const DimExpr &Long = LeftIsShorter ? R : L, &Short = LeftIsShorter ? L : R;
    if (Replacements.try_emplace(Long.str(), Short).second) {
      LastingChecks.emplace_back(Long, Short);
      Changed = true;
    }
  }
  return Changed;
}

/// Checks longer than this are not worth their conditions.
static constexpr size_t MaxCheckText = 4000;

/// An expression that is `E` where all conditions hold, and else 0. `E` itself
/// when that cannot be written: it is asked for too often, then.
static DimExpr onlyWhere(const std::vector<DimExpr> &Conditions,
                         const DimExpr &E) {
  DimExpr Product = E;
  for (const DimExpr &Each : Conditions)
    Product = Product * Each;
  return Product.valid() && Product.str().size() < MaxCheckText ? Product : E;
}

SymbolicDims::Pairs SymbolicDims::checks() const {
  Pairs All;
  std::set<Key> Known;
  auto Add = [&](const DimExpr &RawL, const DimExpr &RawR) {
    DimExpr L = RawL.substitute(Substitutions);
    DimExpr R = RawR.substitute(Substitutions);
    if (L != R && Known.insert(textsOf(L, R)).second)
      All.emplace_back(L, R);
  };
  for (const auto &[L, R] : LastingChecks)
    Add(L, R);
  for (const Equality &E : Equalities)
    if (E.L.substitute(Substitutions) != E.R.substitute(Substitutions))
      Add(onlyWhere(E.Conditions, E.L), onlyWhere(E.Conditions, E.R));
  return All;
}

} // namespace dure::onnx
