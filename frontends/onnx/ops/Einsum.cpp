// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Einsum: products of tensors summed over the labels that the result lacks.

#include "frontends/onnx/OpImport.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

#include <map>
#include <numeric>

using namespace mlir;

namespace dure::onnx {

namespace {

/// A dimension's name: a letter, or from `Ellipsis` on the dims of "...",
/// counted from the last, so that those of several operands are aligned.
using Label = int;
using Labels = SmallVector<Label>;
constexpr Label Ellipsis = 1000;

/// A tensor whose dims have names, each once.
struct Term {
  Value X;
  Labels Names;
};

class EinsumImporter {
public:
  explicit EinsumImporter(OpImport &C) : C(C) {}
  LogicalResult run();

private:
  bool parse(llvm::StringRef Equation);
  std::optional<Labels> parseTerm(llvm::StringRef Text, int64_t Rank);
  Labels implicitOutput(llvm::StringRef Inputs) const;
  Value diagonal(Value X, Labels &Names);
  bool noteSizes(const Term &T);
  Term sumOut(Term T, const Labels &Kept);
  Term arranged(Term T, const Labels &Order);
  Term grown(Term T);
  Term product(Term L, Term R, const Labels &Needed);
  Term contraction(const Term &L, const Term &R, const Labels &Batch,
                   const Labels &Left, const Labels &Right,
                   const Labels &Summed);
  DimExpr sizeOf(Label L) const { return Sizes.at(L); }
  Dims sizesOf(const Labels &Names) const {
    Dims Out;
    for (Label L : Names)
      Out.push_back(sizeOf(L));
    return Out;
  }

  OpImport &C;
  SmallVector<Term> Terms;
  Labels Output;
  std::map<Label, DimExpr> Sizes;
  int64_t EllipsisRank = 0;
};

bool has(const Labels &Names, Label L) { return llvm::is_contained(Names, L); }

} // namespace

/// "ab...c" for a tensor of a rank; for the output the rank is -1 and "..."
/// stands for all dims that any operand's stands for.
std::optional<Labels> EinsumImporter::parseTerm(llvm::StringRef Text,
                                                int64_t Rank) {
  Labels Out;
  size_t Dots = Text.find("...");
  int64_t Letters = static_cast<int64_t>(Text.size()) -
                    (Dots == llvm::StringRef::npos ? 0 : 3);
  int64_t Extra = Rank < 0 ? EllipsisRank : Rank - Letters;
  for (size_t I = 0; I < Text.size(); ++I) {
    if (I == Dots) {
      EllipsisRank = std::max(EllipsisRank, Extra);
      for (int64_t J = Extra; J-- > 0;)
        Out.push_back(Ellipsis + static_cast<Label>(J));
      I += 2;
    } else if (llvm::isAlpha(Text[I])) {
      Out.push_back(Text[I]);
    } else {
      return C.refuse(RefusalCode::AttributeBad,
                      {"equation", "holds '" + Text.substr(I, 1).str() + "'"});
    }
  }
  if (Rank >= 0 && static_cast<int64_t>(Out.size()) != Rank)
    return C.refuse(RefusalCode::ShapeRank,
                    {"the term '" + Text.str() + "' is not of rank " +
                     std::to_string(Rank)});
  return Out;
}

/// Without an arrow: the dims of "...", then the letters that appear once.
Labels EinsumImporter::implicitOutput(llvm::StringRef Inputs) const {
  Labels Out;
  for (int64_t J = EllipsisRank; J-- > 0;)
    Out.push_back(Ellipsis + static_cast<Label>(J));
  std::map<char, int> Counts;
  for (char Each : Inputs)
    if (llvm::isAlpha(Each))
      ++Counts[Each];
  for (auto [Letter, Count] : Counts)
    if (Count == 1)
      Out.push_back(Letter);
  return Out;
}

bool EinsumImporter::parse(llvm::StringRef Equation) {
  std::string Text;
  for (char Each : Equation)
    if (Each != ' ')
      Text += Each;
  auto [Inputs, Result] = llvm::StringRef(Text).split("->");
  bool HasArrow = Text.find("->") != std::string::npos;
  SmallVector<llvm::StringRef> Parts;
  Inputs.split(Parts, ',');
  if (Parts.size() != C.numInputs()) {
    C.refuse(RefusalCode::AttributeBad,
             {"equation", "does not have one term an input"});
    return false;
  }
  for (unsigned I = 0; I < Parts.size(); ++I) {
    Value X = C.in(I);
    std::optional<Labels> Names =
        X ? parseTerm(Parts[I], rankOf(X)) : std::nullopt;
    if (!Names)
      return false;
    Terms.push_back({X, *Names});
  }
  std::optional<Labels> Names =
      HasArrow ? parseTerm(Result, -1) : implicitOutput(Inputs);
  if (!Names)
    return false;
  Output = *Names;
  return true;
}

/// Dims of one name are one: what lies off their diagonal is 0, and summed
/// over away.
Value EinsumImporter::diagonal(Value X, Labels &Names) {
  for (size_t I = 0; I < Names.size(); ++I) {
    auto Again = std::find(Names.begin() + I + 1, Names.end(), Names[I]);
    if (Again == Names.end())
      continue;
    size_t J = Again - Names.begin();
    if (!C.equal(dimOf(typeOf(X), I), dimOf(typeOf(X), J)))
      return {};
    Dims Row(Names.size(), DimExpr(1)), Column = Row;
    Row[I] = dimOf(typeOf(X), I);
    Column[J] = dimOf(typeOf(X), J);
    Value IsOn =
        C.compare(C.iota(Row, I), C.iota(Column, J), ComparePredicate::EQ);
    X = C.reduce(C.create<SelectOp>({IsOn, X, C.scalarLike(X, 0)}),
                 ReduceKind::Sum, {static_cast<int64_t>(J)}, false);
    if (!X)
      return {};
    Names.erase(Again);
    --I;
  }
  return X;
}

/// A name has one size; a size of 1 under "..." meets any.
bool EinsumImporter::noteSizes(const Term &T) {
  for (size_t I = 0; I < T.Names.size(); ++I) {
    DimExpr Size = dimOf(typeOf(T.X), I);
    auto [It, IsNew] = Sizes.try_emplace(T.Names[I], Size);
    if (IsNew || Size.isConstant(1))
      continue;
    if (It->second.isConstant(1))
      It->second = Size;
    else if (!C.equal(It->second, Size))
      return false;
  }
  return true;
}

/// Sums over the dims that are not kept.
Term EinsumImporter::sumOut(Term T, const Labels &Kept) {
  SmallVector<int64_t> Axes;
  Labels Left;
  for (size_t I = 0; I < T.Names.size(); ++I)
    if (has(Kept, T.Names[I]))
      Left.push_back(T.Names[I]);
    else
      Axes.push_back(static_cast<int64_t>(I));
  if (Axes.empty())
    return T;
  return {C.reduce(T.X, ReduceKind::Sum, Axes, false), Left};
}

/// The dims in another order, size 1 for names that the term lacks.
Term EinsumImporter::arranged(Term T, const Labels &Order) {
  SmallVector<int64_t> Permutation;
  for (Label L : Order) {
    auto It = llvm::find(T.Names, L);
    if (It != T.Names.end())
      Permutation.push_back(It - T.Names.begin());
  }
  Value X = C.transpose(T.X, Permutation);
  if (!X)
    return {};
  Dims Shape, Have = dimsOf(typeOf(X));
  size_t Next = 0;
  for (Label L : Order)
    Shape.push_back(has(T.Names, L) ? Have[Next++] : DimExpr(1));
  return {C.reshape(X, Shape), Order};
}

/// Every dim in the full size of its name.
Term EinsumImporter::grown(Term T) {
  if (!T.X)
    return {};
  return {C.broadcast(T.X, sizesOf(T.Names)), T.Names};
}

/// As a matrix product: [batch.., left, summed] and [batch.., right, summed].
Term EinsumImporter::contraction(const Term &L, const Term &R,
                                 const Labels &Batch, const Labels &Left,
                                 const Labels &Right, const Labels &Summed) {
  auto AsMatrices = [&](const Term &T, const Labels &Free) -> Value {
    Labels Order = Batch;
    llvm::append_range(Order, Free);
    llvm::append_range(Order, Summed);
    Term Full = grown(arranged(T, Order));
    Dims Shape = sizesOf(Batch);
    Shape.push_back(countOf(sizesOf(Free)));
    Shape.push_back(countOf(sizesOf(Summed)));
    return C.reshape(Full.X, Shape);
  };
  Value Y = C.create<MatMulOp>({AsMatrices(L, Left), AsMatrices(R, Right)},
                               {C.named("transpose_rhs", true)});
  Labels Names = Batch;
  llvm::append_range(Names, Left);
  llvm::append_range(Names, Right);
  return {C.reshape(Y, sizesOf(Names)), Names};
}

Term EinsumImporter::product(Term L, Term R, const Labels &Needed) {
  Labels KeptLeft = Needed, KeptRight = Needed;
  llvm::append_range(KeptLeft, R.Names);
  llvm::append_range(KeptRight, L.Names);
  L = sumOut(L, KeptLeft);
  R = sumOut(R, KeptRight);
  if (!L.X || !R.X)
    return {};
  Labels Batch, Left, Right, Summed;
  for (Label Name : L.Names)
    (!has(R.Names, Name) ? Left
     : has(Needed, Name) ? Batch
                         : Summed)
        .push_back(Name);
  for (Label Name : R.Names)
    if (!has(L.Names, Name))
      Right.push_back(Name);
  if (!Summed.empty())
    return contraction(L, R, Batch, Left, Right, Summed);
  Labels Names = Batch;
  llvm::append_range(Names, Left);
  llvm::append_range(Names, Right);
  return {C.create<MulOp>({arranged(L, Names).X, arranged(R, Names).X}), Names};
}

LogicalResult EinsumImporter::run() {
  if (!parse(C.stringAttr("equation", "")))
    return failure();
  for (Term &T : Terms) {
    T.X = diagonal(T.X, T.Names);
    if (!T.X || !noteSizes(T))
      return failure();
  }
  for (size_t I = 0; I < Output.size(); ++I)
    if (!Sizes.count(Output[I]) ||
        llvm::is_contained(ArrayRef(Output).take_front(I), Output[I]))
      return C.refuse(RefusalCode::AttributeBad,
                      {"equation", "names an output dimension that no term "
                                   "has, or one twice"});
  Term Result = Terms.front();
  for (size_t I = 1; I < Terms.size(); ++I) {
    Labels Needed = Output;
    for (const Term &Later : ArrayRef(Terms).drop_front(I + 1))
      llvm::append_range(Needed, Later.Names);
    Result = product(Result, Terms[I], Needed);
    if (!Result.X)
      return failure();
  }
  Result = grown(arranged(sumOut(Result, Output), Output));
  return C.result(Result.X);
}

static LogicalResult importEinsum(OpImport &C) {
  return EinsumImporter(C).run();
}

ArrayRef<OpEntry> einsumOps() {
  static const OpEntry Table[] = {
      {"Einsum", {12, 28}, 1, ~0u, importEinsum},
  };
  return Table;
}

} // namespace dure::onnx
