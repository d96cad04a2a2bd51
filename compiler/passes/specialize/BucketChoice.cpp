// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Buckets asked for, and defaults that fit the model.
#include "compiler/passes/specialize/BucketChoice.h"

#include "compiler/passes/Passes.h"

using namespace mlir;
using namespace dure;

/// Buckets of one entry, at most: each is compiled.
static constexpr size_t MaxBuckets = 64;

/// Sizes that must be equal: what the function says, and that slices read what
/// is there.
static SmallVector<DimsAttr> equalPairs(func::FuncOp Function) {
  SmallVector<DimsAttr> Out;
  if (auto Pairs =
          Function->getAttrOfType<ArrayAttr>(DureDialect::EqualDimsAttr))
    llvm::append_range(Out, Pairs.getAsRange<DimsAttr>());
  for (auto Slice : Function.getBody().front().getOps<SliceOp>()) {
    auto From = cast<RankedTensorType>(Slice.getX().getType());
    for (unsigned I = 0, E = From.getRank(); I < E; ++I) {
      DimExpr Step(Slice.getSteps()[I]), Size = Slice.getSizes().expr(I);
      DimExpr Of = dimOf(From, I);
      DimExpr End = Slice.getStarts().expr(I) + (Size - 1) * Step + 1;
      DimExpr Larger = DimExpr::max(End, Of);
      if (Slice.getSteps()[I] > 0 && Larger.valid() && Larger != Of)
        Out.push_back(DimsAttr::get(Function.getContext(), {Larger, Of}));
    }
  }
  return Out;
}

static std::string stringAttr(func::FuncOp Function, StringRef Name) {
  auto Given = Function->getAttrOfType<StringAttr>(Name);
  return Given ? Given.str() : "";
}

BucketChooser::BucketChooser(func::FuncOp Entry, StringRef Past)
    : Entry(Entry), Past(Past.str()),
      Length(stringAttr(Entry, StateLengthSymbolAttr)),
      Capacity(stringAttr(Entry, StateCapacitySymbolAttr)),
      Symbols(bucketSymbols(Entry)), Pairs(equalPairs(Entry)) {
  if (auto Given = Entry->getAttrOfType<DimsAttr>(StateGrowthAttr))
    Growth = Given.expr(0);
  findDerived();
}

/// A symbol that equals, or is at least, an expression of symbols that are
/// given: the last of those in question, as inputs name them.
void BucketChooser::findDerived() {
  for (const std::string &Symbol : llvm::reverse(Symbols)) {
    if (Symbol == Capacity || Symbol == Past)
      continue;
    SmallVector<DimExpr> Bounds;
    auto Note = [&](const DimExpr &Side, const DimExpr &Other) {
      if (Side.asSymbol() != Symbol)
        return;
      // "max(past + sequence, total) = total" bounds it from below.
      DimExpr Bound = Other.substitute({{Symbol, DimExpr(0)}});
      std::set<std::string> Needed;
      Bound.collectSymbols(Needed);
      bool IsGiven = llvm::all_of(Needed, [&](const std::string &Name) {
        return (Name == Length || llvm::is_contained(Symbols, Name)) &&
               !Derived.count(Name);
      });
      if (IsGiven && !Needed.empty())
        Bounds.push_back(Bound);
    };
    for (DimsAttr Pair : Pairs) {
      Note(Pair.expr(0), Pair.expr(1));
      Note(Pair.expr(1), Pair.expr(0));
    }
    if (!Bounds.empty())
      Derived[Symbol] = std::move(Bounds);
  }
}

bool BucketChooser::isBatch(const std::string &Symbol) const {
  for (auto [Index, Type] : llvm::enumerate(Entry.getArgumentTypes())) {
    if (Entry.getArgAttr(Index, StateLengthsAttr))
      continue;
    SmallVector<DimExpr> Dims = dimsOf(cast<RankedTensorType>(Type));
    for (size_t I = 0; I < Dims.size(); ++I)
      if (Dims[I].asSymbol() == Symbol && (I > 0 || Dims.size() == 1))
        return false;
  }
  return true;
}

std::vector<int64_t>
BucketChooser::defaultsOf(const std::string &Symbol) const {
  if (Symbol == Past)
    return {0};
  if (Symbol == Capacity)
    return {512};
  if (isBatch(Symbol))
    return {1};
  if (!Length.empty() && Growth.asSymbol() == Symbol)
    return {1, 128};
  return {32, 128, 512};
}

/// Adds what follows from the sizes given: the length of the state, and
/// dimensions that others say. False when that is impossible.
bool BucketChooser::complete(SymbolSizes &Sizes, const Choices &Given) const {
  if (!Length.empty()) {
    std::optional<int64_t> New = Growth.evaluate(Sizes);
    if (!New || *New > Sizes.at(Capacity))
      return false;
    Sizes[Length] = Sizes.at(Capacity) - *New;
  }
  for (const auto &[Symbol, Bounds] : Derived) {
    if (Given.count(Symbol))
      continue;
    int64_t Size = 0;
    for (const DimExpr &Bound : Bounds) {
      std::optional<int64_t> Least = Bound.evaluate(Sizes);
      if (!Least || *Least < 0)
        return false;
      Size = std::max(Size, *Least);
    }
    Sizes[Symbol] = Size;
  }
  return true;
}

std::optional<DimsAttr>
BucketChooser::brokenPair(const SymbolSizes &Sizes) const {
  for (DimsAttr Pair : Pairs) {
    std::optional<int64_t> L = Pair.expr(0).evaluate(Sizes);
    std::optional<int64_t> R = Pair.expr(1).evaluate(Sizes);
    if (L && R && *L != *R)
      return Pair;
  }
  return std::nullopt;
}

bool BucketChooser::isPossible(SymbolSizes Sizes, const Choices &Given) const {
  if (!complete(Sizes, Given) || brokenPair(Sizes))
    return false;
  for (TypeRange Types :
       {TypeRange(Entry.getArgumentTypes()), TypeRange(Entry.getResultTypes())})
    for (Type Each : Types)
      for (const DimExpr &Dim : dimsOf(cast<RankedTensorType>(Each)))
        if (std::optional<int64_t> Size = Dim.evaluate(Sizes);
            Size && *Size < 0)
          return false;
  return true;
}

/// Every default that the model cannot have becomes the largest below it that
/// it can, beside the first sizes of the other dimensions.
void BucketChooser::shrinkDefaults(Choices &Given) const {
  for (auto &[Symbol, Own] : Given) {
    if (Own.IsAsked)
      continue;
    SymbolSizes Sizes;
    for (const auto &[Other, Its] : Given)
      Sizes[Other] = Its.Sizes.front();
    auto Possible = [&](int64_t Size) {
      Sizes[Symbol] = Size;
      return isPossible(Sizes, Given);
    };
    std::vector<int64_t> Kept;
    for (int64_t Size : Own.Sizes) {
      // Limits are upper ones: what is possible is possible below, too.
      int64_t Low = Kept.empty() ? 0 : Kept.back(), High = Size + 1;
      if (Possible(Size))
        Low = Size;
      while (Low + 1 < High) {
        int64_t Middle = Low + (High - Low) / 2;
        (Possible(Middle) ? Low : High) = Middle;
      }
      if ((Low > 0 || Possible(Low)) && !llvm::is_contained(Kept, Low))
        Kept.push_back(Low);
    }
    if (!Kept.empty())
      Own.Sizes = std::move(Kept);
  }
}

/// Fails with the reason that an entry cannot have these sizes. Succeeds where
/// it does without: sizes of `main` that state cannot have, such as no past at
/// all, are no mistake unless they name its capacity.
LogicalResult BucketChooser::refuse(const SymbolSizes &Asked,
                                    const Choices &Given) const {
  if (!Capacity.empty() && !Given.at(Capacity).IsAsked)
    return success();
  SymbolSizes Sizes = Asked;
  std::string Text;
  for (const auto &[Name, Size] : Asked)
    Text += (Text.empty() ? "" : ", ") + Name + "=" + std::to_string(Size);
  InFlightDiagnostic Error = Entry.emitError("entry '")
                             << Entry.getSymName()
                             << "' cannot have the bucket '" << Text << "'";
  if (!complete(Sizes, Given))
    return Error << ": it has more new positions than the state's capacity";
  if (std::optional<DimsAttr> Pair = brokenPair(Sizes))
    return Error << ": the model needs " << Pair->expr(0).str() << " and "
                 << Pair->expr(1).str() << " to be equal, they would be "
                 << *Pair->expr(0).evaluate(Sizes) << " and "
                 << *Pair->expr(1).evaluate(Sizes);
  return Error << ": a dimension would be negative";
}

/// Adds every combination of what is asked for and of defaults.
LogicalResult
BucketChooser::addRequest(const BucketRequest &Request,
                          std::set<std::vector<int64_t>> &Out) const {
  Choices Given;
  for (const std::string &Symbol : Symbols) {
    auto Asked = Request.find(Symbol);
    if (Asked != Request.end())
      Given[Symbol] = {Asked->second, true};
    else if (!Derived.count(Symbol))
      Given[Symbol] = {defaultsOf(Symbol), false};
  }
  shrinkDefaults(Given);

  // An odometer over the choices; what is asked for turns slowest.
  SmallVector<const std::pair<const std::string, Choice> *> Order;
  for (bool IsAsked : {true, false})
    for (const auto &Each : Given)
      if (Each.second.IsAsked == IsAsked)
        Order.push_back(&Each);
  std::vector<size_t> At(Order.size(), 0);
  std::map<std::vector<int64_t>, bool> IsServed;
  for (bool More = true; More;) {
    SymbolSizes Sizes;
    std::vector<int64_t> AskedSizes;
    for (auto [Each, I] : llvm::zip(Order, At)) {
      Sizes[Each->first] = Each->second.Sizes[I];
      if (Each->second.IsAsked)
        AskedSizes.push_back(Each->second.Sizes[I]);
    }
    bool &Served = IsServed[AskedSizes];
    if (isPossible(Sizes, Given)) {
      Served = true;
      SymbolSizes All = Sizes;
      (void)complete(All, Given);
      std::vector<int64_t> Row;
      for (const std::string &Symbol : Symbols)
        Row.push_back(All.at(Symbol));
      Out.insert(Row);
    }
    More = false;
    bool AskedTurns = false;
    for (size_t I = Order.size(); I-- != 0 && !More;) {
      AskedTurns = AskedTurns || Order[I]->second.IsAsked;
      More = ++At[I] < Order[I]->second.Sizes.size();
      if (!More)
        At[I] = 0;
    }
    if ((AskedTurns || !More) && !Served && failed(refuse(Sizes, Given)))
      return failure();
    if (Out.size() > MaxBuckets)
      return Entry.emitError("entry '")
             << Entry.getSymName() << "' would have more than " << MaxBuckets
             << " buckets; give fewer sizes with --bucket";
  }
  return success();
}

FailureOr<BucketTable>
BucketChooser::choose(ArrayRef<BucketRequest> Requests) const {
  // What names none of the entry's dimensions is another entry's.
  SmallVector<BucketRequest> Own;
  for (const BucketRequest &Each : Requests)
    if (llvm::any_of(Symbols, [&](const std::string &Symbol) {
          return Each.count(Symbol);
        }))
      Own.push_back(Each);
  if (Own.empty())
    Own.emplace_back();
  std::set<std::vector<int64_t>> Rows;
  for (const BucketRequest &Each : Own)
    if (failed(addRequest(Each, Rows)))
      return failure();

  BucketTable Out;
  Out.Symbols = Symbols;
  for (const std::vector<int64_t> &Row : Rows) {
    Out.Buckets.emplace_back();
    llvm::append_range(Out.Buckets.back().Sizes, Row);
  }
  // The smallest that fits is taken: an exact match is the smallest.
  auto Volume = [](const Bucket &Each) {
    double Out = 1;
    for (int64_t Size : Each.Sizes)
      Out *= static_cast<double>(std::max<int64_t>(Size, 1));
    return Out;
  };
  llvm::sort(Out.Buckets, [&](const Bucket &L, const Bucket &R) {
    double Left = Volume(L), Right = Volume(R);
    return Left != Right ? Left < Right : L.Sizes < R.Sizes;
  });
  return Out;
}

SymbolSizes BucketChooser::sizesOf(const BucketTable &Table,
                                   const Bucket &Each) const {
  SymbolSizes Out;
  for (auto [Symbol, Size] : llvm::zip(Table.Symbols, Each.Sizes))
    Out[Symbol] = Size;
  if (!Length.empty())
    Out[Length] = Out.at(Capacity) - Growth.evaluate(Out).value_or(0);
  return Out;
}

SmallVector<std::string> BucketChooser::paddable(const BucketTable &Table,
                                                 const Bucket &Each) const {
  SmallVector<std::string> Out;
  std::set<std::string> Fixed;
  Growth.collectSymbols(Fixed);
  for (auto [I, Type] : llvm::enumerate(Entry.getArgumentTypes()))
    if (Entry.getArgAttr(I, StateAttr))
      for (const DimExpr &Dim : dimsOf(cast<RankedTensorType>(Type)))
        Dim.collectSymbols(Fixed);
  for (auto [Symbol, Size] : llvm::zip(Table.Symbols, Each.Sizes))
    if (Size > 1 && Symbol != Past && !Fixed.count(Symbol))
      Out.push_back(Symbol);
  return Out;
}
