// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tables of shape buckets as attributes, and the text of --bucket.
#include "compiler/passes/specialize/Buckets.h"

#include "compiler/passes/Passes.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dure;

std::optional<BucketRequest> dure::parseBucket(StringRef Text) {
  BucketRequest Out;
  std::vector<int64_t> *Sizes = nullptr;
  SmallVector<StringRef> Parts;
  Text.split(Parts, ',');
  for (StringRef Part : Parts) {
    // The last '=': a symbol's name may hold one.
    auto [Name, Size] = Part.rsplit('=');
    if (Name.size() == Part.size())
      Size = Part;
    else if (Name.empty() || Out.count(Name.str()))
      return std::nullopt;
    else
      Sizes = &Out[Name.str()];
    int64_t Value = 0;
    if (!Sizes || Size.getAsInteger(10, Value) || Value < 0 ||
        Value > int64_t(1) << 31)
      return std::nullopt;
    if (!llvm::is_contained(*Sizes, Value))
      Sizes->push_back(Value);
  }
  return Out;
}

BucketTable BucketTable::of(func::FuncOp Function) {
  BucketTable Out;
  auto Names = Function->getAttrOfType<ArrayAttr>(BucketSymbolsAttr);
  for (StringRef Name : Names.getAsValueRange<StringAttr>())
    Out.Symbols.push_back(Name.str());
  auto List = Function->getAttrOfType<ArrayAttr>(BucketsAttr);
  for (DictionaryAttr Each : List.getAsRange<DictionaryAttr>()) {
    Bucket Made;
    Made.Callee = Each.getAs<FlatSymbolRefAttr>("callee").getValue().str();
    llvm::append_range(Made.Sizes,
                       Each.getAs<DenseI64ArrayAttr>("sizes").asArrayRef());
    for (StringRef Name :
         Each.getAs<ArrayAttr>("padded").getAsValueRange<StringAttr>())
      Made.Padded.push_back(Name.str());
    Out.Buckets.push_back(std::move(Made));
  }
  return Out;
}

void BucketTable::setOn(func::FuncOp Function) const {
  Builder B(Function.getContext());
  auto Strings = [&](ArrayRef<std::string> Names) {
    SmallVector<Attribute> Out;
    for (const std::string &Name : Names)
      Out.push_back(B.getStringAttr(Name));
    return B.getArrayAttr(Out);
  };
  SmallVector<Attribute> List;
  for (const Bucket &Each : Buckets)
    List.push_back(B.getDictionaryAttr(
        {B.getNamedAttr("callee",
                        FlatSymbolRefAttr::get(B.getContext(), Each.Callee)),
         B.getNamedAttr("sizes", B.getDenseI64ArrayAttr(Each.Sizes)),
         B.getNamedAttr("padded", Strings(Each.Padded))}));
  Function->setAttr(BucketSymbolsAttr, Strings(Symbols));
  Function->setAttr(BucketsAttr, B.getArrayAttr(List));
  Function.eraseBody();
  // A declaration cannot be public.
  Function.setPrivate();
}

std::string BucketTable::describe(const Bucket &Each) const {
  std::string Out;
  for (auto [Name, Size] : llvm::zip(Symbols, Each.Sizes))
    Out += (Out.empty() ? "" : ", ") + Name + "=" +
           (Each.isPadded(Name) ? ".." : "") + std::to_string(Size);
  return Out;
}

const Bucket *
BucketTable::choose(const std::map<std::string, int64_t> &Sizes) const {
  for (const Bucket &Each : Buckets) {
    bool Fits = true;
    for (auto [Name, Size] : llvm::zip(Symbols, Each.Sizes)) {
      auto Given = Sizes.find(Name);
      if (Given == Sizes.end())
        return nullptr;
      Fits = Fits && (Each.isPadded(Name) ? Given->second <= Size
                                          : Given->second == Size);
    }
    if (Fits)
      return &Each;
  }
  return nullptr;
}

/// One row of the table, as `BucketTable::of` reads it.
static LogicalResult verifyBucket(func::FuncOp Function, Attribute Given,
                                  ArrayRef<StringRef> Symbols) {
  auto Each = dyn_cast<DictionaryAttr>(Given);
  auto Callee = Each ? Each.getAs<FlatSymbolRefAttr>("callee") : nullptr;
  auto Sizes = Each ? Each.getAs<DenseI64ArrayAttr>("sizes") : nullptr;
  auto Padded = Each ? Each.getAs<ArrayAttr>("padded") : nullptr;
  if (!Callee || !Sizes || !Padded ||
      static_cast<size_t>(Sizes.size()) != Symbols.size() ||
      llvm::any_of(Sizes.asArrayRef(), [](int64_t Size) { return Size < 0; }))
    return Function->emitOpError("has in '")
           << BucketsAttr << "' what is no bucket: " << Given;
  for (Attribute Name : Padded)
    if (!isa<StringAttr>(Name) ||
        !llvm::is_contained(Symbols, cast<StringAttr>(Name).getValue()))
      return Function->emitOpError("pads along ")
             << Name << ", which chooses no bucket";
  auto Made = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      Function->getParentOp(), Callee.getAttr());
  if (!Made || !Made->hasAttr(BucketFnAttr) || Made.isExternal())
    return Function->emitOpError("has a bucket without a function: ") << Callee;
  auto AreClones = [](TypeRange Its, TypeRange Own) {
    return llvm::equal(Its, Own, [](Type L, Type R) {
      auto A = dyn_cast<RankedTensorType>(L), B = dyn_cast<RankedTensorType>(R);
      return A && B && A.getRank() == B.getRank() &&
             A.getElementType() == B.getElementType();
    });
  };
  // Sizes of results may be what only a run tells.
  if (!AreClones(Made.getArgumentTypes(), Function.getArgumentTypes()) ||
      !AreClones(Made.getResultTypes(), Function.getResultTypes()) ||
      !llvm::all_of(Made.getArgumentTypes(), [](Type Each) {
        return cast<RankedTensorType>(Each).hasStaticShape();
      }))
    return Function->emitOpError("has a bucket of other tensors: ") << Callee;
  return success();
}

LogicalResult dure::verifyBuckets(func::FuncOp Function) {
  auto Names = Function->getAttrOfType<ArrayAttr>(BucketSymbolsAttr);
  auto List = Function->getAttrOfType<ArrayAttr>(BucketsAttr);
  if (!Function.isExternal() || !List || List.empty() || !Names ||
      !llvm::all_of(Names, llvm::IsaPred<StringAttr>))
    return Function->emitOpError("must be without a body, with a list of "
                                 "symbols and of buckets");
  SmallVector<StringRef> Symbols =
      llvm::to_vector(Names.getAsValueRange<StringAttr>());
  SmallVector<std::string> Known = bucketSymbols(Function);
  for (StringRef Name : Symbols)
    if (!llvm::is_contained(Known, Name))
      return Function->emitOpError("chooses by '")
             << Name << "', which no input has";
  for (Attribute Each : List)
    if (failed(verifyBucket(Function, Each, Symbols)))
      return failure();
  return success();
}

SmallVector<std::string> dure::bucketSymbols(func::FuncOp Entry) {
  SmallVector<std::string> Out;
  auto Length = Entry->getAttrOfType<StringAttr>(StateLengthSymbolAttr);
  for (Type Each : Entry.getArgumentTypes())
    for (const DimExpr &Dim : dimsOf(cast<RankedTensorType>(Each)))
      if (std::optional<std::string> Name = Dim.asSymbol())
        if ((!Length || *Name != Length.getValue()) &&
            !llvm::is_contained(Out, *Name))
          Out.push_back(*Name);
  // Of windows alone no tensor has it as a size.
  auto Capacity = Entry->getAttrOfType<StringAttr>(StateCapacitySymbolAttr);
  if (Capacity && !llvm::is_contained(Out, Capacity.str()))
    Out.push_back(Capacity.str());
  return Out;
}
