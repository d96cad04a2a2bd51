// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Makes an entry a table of functions of static shapes, one a bucket.
#include "compiler/passes/Passes.h"
#include "compiler/passes/specialize/BucketChoice.h"
#include "compiler/passes/specialize/Padding.h"
#include "compiler/passes/specialize/StepShapes.h"
#include "compiler/passes/support/Matching.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Verifier.h"

namespace dure {
#define GEN_PASS_DEF_SPECIALIZESHAPES
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

/// Every symbol that a function's dims of arguments mention.
static bool hasSymbolicArguments(func::FuncOp Function) {
  return llvm::any_of(Function.getArgumentTypes(), [](Type Each) {
    return llvm::any_of(dimsOf(cast<RankedTensorType>(Each)),
                        [](const DimExpr &Dim) { return !Dim.constant(); });
  });
}

/// Puts sizes in for symbols everywhere in `Function`: in types, attributes
/// and names that stand for them.
static void substitute(func::FuncOp Function,
                       std::map<std::string, DimExpr> With) {
  // Names that a function gives to what is constant now.
  Function.walk([&](BindDimsOp Op) {
    bool IsConstant = true;
    for (auto [Name, Expr] :
         llvm::zip(Op.getNames().getAsValueRange<StringAttr>(),
                   Op.getExprs().exprs())) {
      DimExpr Value = Expr.substitute(With);
      IsConstant = IsConstant && Value.constant();
      if (Value.constant())
        With.emplace(Name.str(), Value);
    }
    if (IsConstant)
      Op.erase();
  });
  MLIRContext *Context = Function.getContext();
  auto Substituted = [&](DimsAttr Dims) {
    SmallVector<DimExpr> Exprs;
    for (const DimExpr &Expr : Dims.exprs())
      Exprs.push_back(Expr.substitute(With));
    return Exprs;
  };
  AttrTypeReplacer Replacer;
  Replacer.addReplacement([&](DimsAttr Dims) -> Attribute {
    return DimsAttr::get(Context, Substituted(Dims));
  });
  Replacer.addReplacement(
      [&](RankedTensorType Type)
          -> std::optional<std::pair<mlir::Type, WalkResult>> {
        auto Dims = dyn_cast_or_null<DimsAttr>(Type.getEncoding());
        if (!Dims)
          return std::nullopt;
        return std::pair<mlir::Type, WalkResult>(
            tensorOf(Substituted(Dims), Type.getElementType()),
            WalkResult::skip());
      });
  Replacer.recursivelyReplaceElementsIn(Function, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

/// A choice that the sizes decide is none: its block takes its place.
static void foldBranches(func::FuncOp Function) {
  SmallVector<BranchOp> Decided;
  // Inner ones first: what is put in place of an outer one stays valid.
  Function.walk<WalkOrder::PostOrder>([&](BranchOp Op) {
    if (Op.getCondition().expr(0).constant())
      Decided.push_back(Op);
  });
  for (BranchOp Op : Decided) {
    bool Taken = !Op.getCondition().expr(0).isConstant(0);
    Block &Body = (Taken ? Op.getThen() : Op.getOtherwise()).front();
    Operation *Yield = Body.getTerminator();
    Op->getBlock()->getOperations().splice(Op->getIterator(),
                                           Body.getOperations(), Body.begin(),
                                           Yield->getIterator());
    Op->replaceAllUsesWith(Yield->getOperands());
    Op.erase();
  }
}

/// "main.batch1.sequence32"
static std::string nameOf(func::FuncOp Entry, const BucketTable &Table,
                          const Bucket &Each) {
  std::string Name = Entry.getSymName().str();
  for (auto [Symbol, Size] : llvm::zip(Table.Symbols, Each.Sizes))
    Name += "." + Symbol + std::to_string(Size);
  return Name;
}

/// An entry with sizes for some of its symbols.
static func::FuncOp cloneWith(func::FuncOp Entry, const SymbolSizes &Sizes) {
  func::FuncOp Made = Entry.clone();
  std::map<std::string, DimExpr> With;
  for (const auto &[Symbol, Size] : Sizes)
    With.emplace(Symbol, DimExpr(Size));
  substitute(Made, std::move(With));
  foldBranches(Made);
  return Made;
}

/// The symbols of a bucket along which padding is proven: as many as possible.
/// Fails where the length of a state would have to be padded, and that is not
/// proven.
static FailureOr<SmallVector<std::string>>
provenPadding(func::FuncOp Entry, const BucketChooser &Chooser,
              const BucketTable &Table, const Bucket &Each) {
  SmallVector<std::string> Candidates;
  for (const std::string &Symbol : Chooser.paddable(Table, Each))
    // Every subset is tried.
    if (Candidates.size() < 8)
      Candidates.push_back(Symbol);
  SmallVector<unsigned> Subsets;
  for (unsigned Subset = 0; Subset < 1u << Candidates.size(); ++Subset)
    Subsets.push_back(Subset);
  llvm::sort(Subsets, [](unsigned L, unsigned R) {
    return std::pair(llvm::popcount(L), L) > std::pair(llvm::popcount(R), R);
  });
  const SymbolSizes All = Chooser.sizesOf(Table, Each);
  for (unsigned Subset : Subsets) {
    SmallVector<std::string> Padded;
    SymbolSizes Exact = All;
    for (auto [I, Symbol] : llvm::enumerate(Candidates))
      if (Subset >> I & 1) {
        Padded.push_back(Symbol);
        Exact.erase(Symbol);
      }
    Exact.erase(Chooser.length());
    if (Exact.size() == All.size())
      return Padded;
    OwningOpRef<func::FuncOp> Tried = cloneWith(Entry, Exact);
    if (isPaddingProven(*Tried, All))
      return Padded;
  }
  return failure();
}

/// Whether the symbols of a size are known before anything has run.
static bool isOfInputs(const BucketTable &Table, const BucketChooser &Chooser,
                       const DimExpr &Size) {
  std::set<std::string> Symbols;
  Size.collectSymbols(Symbols);
  return llvm::all_of(Symbols, [&](const std::string &Name) {
    return Name == Chooser.length() || llvm::is_contained(Table.Symbols, Name);
  });
}

/// Whether a branch, which runs of other sizes take, cannot have the bucket's.
static bool contradictsItself(func::FuncOp Bucket) {
  bool HasBranches =
      Bucket.walk([](BranchOp) { return WalkResult::interrupt(); })
          .wasInterrupted();
  // What is wrong is no mistake of the model's.
  ScopedDiagnosticHandler Quiet(Bucket.getContext(),
                                [](Diagnostic &) { return success(); });
  return HasBranches && failed(mlir::verify(Bucket));
}

/// The function of one bucket.
static func::FuncOp makeBucket(func::FuncOp Entry, const BucketChooser &Chooser,
                               const BucketTable &Table, const Bucket &Each) {
  func::FuncOp Made = cloneWith(Entry, Chooser.sizesOf(Table, Each));
  Made.setSymName(nameOf(Entry, Table, Each));
  Made.setPrivate();
  keepEqualDims(Made, [](DimsAttr Pair) {
    return !Pair.expr(0).constant() || !Pair.expr(1).constant();
  });
  for (StringRef Name :
       {StringRef(StateLengthSymbolAttr), StringRef(StateCapacitySymbolAttr),
        StringRef(StateGrowthAttr)})
    Made->removeAttr(Name);
  Made->setAttr(BucketFnAttr, UnitAttr::get(Entry.getContext()));
  return Made;
}

namespace {

struct SpecializeShapes : dure::impl::SpecializeShapesBase<SpecializeShapes> {
  using SpecializeShapesBase::SpecializeShapesBase;

  void runOnOperation() override {
    SmallVector<BucketRequest> Requests;
    SmallVector<StringRef> Texts;
    StringRef(Buckets).split(Texts, ';', -1, /*KeepEmpty=*/false);
    for (StringRef Text : Texts) {
      std::optional<BucketRequest> Request = parseBucket(Text);
      if (!Request) {
        getOperation().emitError("'")
            << Text << "' is no bucket: write NAME=SIZE,...";
        return signalPassFailure();
      }
      Requests.push_back(std::move(*Request));
    }
    std::string Past;
    SmallVector<func::FuncOp> Entries;
    for (auto Function : getOperation().getOps<func::FuncOp>()) {
      if (Function.isExternal() || !hasSymbolicArguments(Function))
        continue;
      Entries.push_back(Function);
      if (auto Name =
              Function->getAttrOfType<StringAttr>(StateLengthSymbolAttr))
        Past = Name.str();
    }
    for (func::FuncOp Entry : Entries)
      if (failed(specialize(Entry, Past, Requests)))
        return signalPassFailure();
  }

  LogicalResult specialize(func::FuncOp Entry, StringRef Past,
                           ArrayRef<BucketRequest> Requests) {
    // Others' IR may say so without a reason.
    Entry.walk([](Operation *Op) { Op->removeAttr(FalseBehindAttr); });
    BucketChooser Chooser(Entry, Past);
    FailureOr<BucketTable> Table = Chooser.choose(Requests);
    if (failed(Table))
      return failure();
    // The length of a state changes from step to step. Where code of one shape
    // cannot do with that there is no such entry; `main` computes the same.
    bool HasState = Entry->hasAttr(StateLengthSymbolAttr);
    if (HasState && failed(readLengthAtRunTime(Entry))) {
      Entry.erase();
      return success();
    }
    std::vector<Bucket> Kept;
    for (Bucket &Each : Table->Buckets) {
      FailureOr<SmallVector<std::string>> Padded =
          provenPadding(Entry, Chooser, *Table, Each);
      if (failed(Padded))
        continue;
      Each.Padded = *Padded;
      Kept.push_back(std::move(Each));
    }
    Table->Buckets = std::move(Kept);
    if (Table->Buckets.empty()) {
      Entry.erase();
      return success();
    }
    SmallVector<OwningOpRef<func::FuncOp>> All;
    for (Bucket &Each : Table->Buckets) {
      All.push_back(makeBucket(Entry, Chooser, *Table, Each));
      Each.Callee = All.back()->getSymName().str();
      // Sizes stay open, and what has them is the host's.
      if (contradictsItself(*All.back()))
        return success();
    }
    Operation *At = Entry;
    for (OwningOpRef<func::FuncOp> &Each : All) {
      func::FuncOp Made = Each.release();
      getOperation().insert(std::next(At->getIterator()), Made);
      At = Made;
    }
    // What a bucket computes of its inputs' elements it checks itself.
    keepEqualDims(Entry, [&](DimsAttr Pair) {
      return isOfInputs(*Table, Chooser, Pair.expr(0)) &&
             isOfInputs(*Table, Chooser, Pair.expr(1));
    });
    Table->setOn(Entry);
    return success();
  }
};

} // namespace
