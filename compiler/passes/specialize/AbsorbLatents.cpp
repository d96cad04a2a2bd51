// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Attention of keys and values that are made of latents reads the latents.
//
//   q . (latent Wk) = (q Wk^T) . latent        for each head's Wk, Wv
//   p (latent Wv)   = (p latent) Wv
//
// Few queries turned into the latents' space are cheaper than all latents
// turned into keys and values (DeepSeek-V2, arXiv 2405.04434, section 2.1.2).
#include "compiler/passes/Passes.h"
#include "compiler/passes/specialize/HeadProducts.h"
#include "compiler/passes/support/Matching.h"

namespace dure {
#define GEN_PASS_DEF_ABSORBLATENTS
#include "compiler/passes/Passes.h.inc"
} // namespace dure

using namespace mlir;
using namespace dure;

namespace {

/// What a symbol counts as where only a run tells: positions that are cached,
/// and new ones of a prompt.
constexpr int64_t LongContext = 4096, PromptChunk = 512;

/// Columns of the keys: a product with the latents, or what all heads share.
struct KeyPart {
  int64_t Width = 0;
  std::optional<HeadProduct> Made;
  /// [B, 1, S, Width], seen through `Order` if that is not empty.
  Value Shared;
};

struct LatentKeys {
  SmallVector<KeyPart> Parts;
  SmallVector<int64_t> Order;
  const HeadProduct &made() const {
    return *llvm::find_if(Parts, [](const KeyPart &Each) {
              return Each.Made.has_value();
            })->Made;
  }
  int64_t sharedWidth() const {
    int64_t Sum = 0;
    for (const KeyPart &Each : Parts)
      Sum += Each.Made ? 0 : Each.Width;
    return Sum;
  }
};

class Absorber {
public:
  Absorber(func::FuncOp Function, WeightRecipes &Recipes)
      : Function(Function), Recipes(Recipes), Builder(Function.getContext()) {
    for (BlockArgument Each : Function.getArguments())
      HasState |= bool(Function.getArgAttr(Each.getArgNumber(), StateAttr));
  }
  /// Whether anything changed.
  bool run();

private:
  std::optional<LatentKeys> matchKeys(AttentionOp Op) const;
  bool isCheaper(AttentionOp Op, const LatentKeys &Keys,
                 const HeadProduct &Values);
  std::optional<int64_t> sizeOf(const DimExpr &Dim);
  Value columnsOf(Value Q, int64_t Start, int64_t Width);
  Value reshape(Value X, ArrayRef<DimExpr> To);
  Value joined(ArrayRef<Value> Parts);
  Value read(WeightOp Weight);
  bool rewrite(AttentionOp Op, const LatentKeys &Keys,
               const HeadProduct &Values);

  func::FuncOp Function;
  WeightRecipes &Recipes;
  OpBuilder Builder;
  bool HasState = false;
};

} // namespace

/// Whether all that is made of `X` ends in `Op`.
static bool isReadBy(Value X, AttentionOp Op) {
  return llvm::all_of(X.getUsers(), [&](Operation *User) {
    if (isa<ReshapeOp, TransposeOp, SliceOp, ConcatOp>(User))
      return isReadBy(User->getResult(0), Op);
    return User == Op.getOperation();
  });
}

/// `X`, [B, H, S, D] behind `Order`, where all heads are one.
static Value sharedBehind(Value X, ArrayRef<int64_t> Order) {
  auto Repeat = X.getDefiningOp<BroadcastOp>();
  if (!Repeat || typeOf(Repeat.getX()).getRank() != 4)
    return {};
  const int64_t Head = Order.empty() ? 1 : Order[1];
  for (int64_t D = 0; D < 4; ++D) {
    DimExpr From = dimOf(typeOf(Repeat.getX()), D);
    if (D == Head ? !From.isConstant(1) : From != dimOf(Repeat.getType(), D))
      return {};
  }
  return Repeat.getX();
}

std::optional<LatentKeys> Absorber::matchKeys(AttentionOp Op) const {
  LatentKeys Out;
  Value K = Op.getK();
  if (auto Transpose = K.getDefiningOp<TransposeOp>();
      Transpose && Transpose.getPermutation().back() == 3 &&
      Transpose.getX().getDefiningOp<ConcatOp>()) {
    Out.Order.assign(Transpose.getPermutation().begin(),
                     Transpose.getPermutation().end());
    K = Transpose.getX();
  }
  SmallVector<Value> Columns = {K};
  if (auto Concat = K.getDefiningOp<ConcatOp>();
      Concat && Concat.getAxis() == 3)
    Columns.assign(Concat.getXs().begin(), Concat.getXs().end());
  unsigned Made = 0;
  for (Value Each : Columns) {
    KeyPart Part;
    if (typeOf(Each).isDynamicDim(3))
      return std::nullopt;
    Part.Width = typeOf(Each).getDimSize(3);
    Part.Shared = sharedBehind(Each, Out.Order);
    if (!Part.Shared)
      Part.Made = matchHeadProduct(Each, Out.Order);
    if (!Part.Shared && !Part.Made)
      return std::nullopt;
    Made += Part.Made.has_value();
    Out.Parts.push_back(Part);
  }
  return Made == 1 ? std::optional(Out) : std::nullopt;
}

/// A size that a run of the entry has: symbols of a state's that are not new
/// positions are of the past. Without a state nothing is known of them.
std::optional<int64_t> Absorber::sizeOf(const DimExpr &Dim) {
  if (!HasState)
    return Dim.constant();
  std::set<std::string> Symbols, New;
  Dim.collectSymbols(Symbols);
  if (auto Growth = Function->getAttrOfType<DimsAttr>(StateGrowthAttr))
    Growth.expr(0).collectSymbols(New);
  std::map<std::string, int64_t> Values;
  for (const std::string &Each : Symbols)
    Values[Each] = !New.count(Each)                  ? LongContext
                   : Function.getSymName() == "step" ? 1
                                                     : PromptChunk;
  return Dim.evaluate(Values);
}

/// Multiplications of a head, before and after.
bool Absorber::isCheaper(AttentionOp Op, const LatentKeys &Keys,
                         const HeadProduct &Values) {
  std::optional<int64_t> Rows = sizeOf(dimOf(typeOf(Op.getQ()), 2));
  std::optional<int64_t> Positions = sizeOf(dimOf(typeOf(Op.getK()), 2));
  if (!Rows || !Positions)
    return false;
  const HeadProduct &Made = Keys.made();
  const double T = *Rows, S = *Positions, Shared = Keys.sharedWidth();
  const double KeyTurn = double(Made.Width) * Made.LatentWidth;
  const double ValueTurn = double(Values.Width) * Values.LatentWidth;
  const double Now =
      S * (KeyTurn + ValueTurn) + T * S * (Made.Width + Shared + Values.Width);
  const double Then = T * (KeyTurn + ValueTurn) +
                      T * S * (Made.LatentWidth + Shared + Values.LatentWidth);
  return Then < Now;
}

Value Absorber::reshape(Value X, ArrayRef<DimExpr> To) {
  return Builder.createOrFold<ReshapeOp>(
      X.getLoc(), tensorOf(To, typeOf(X).getElementType()), X);
}

Value Absorber::joined(ArrayRef<Value> Parts) {
  if (Parts.size() == 1)
    return Parts.front();
  return ConcatOp::create(Builder, Parts.front().getLoc(), Parts, 3);
}

Value Absorber::read(WeightOp Weight) {
  return GetWeightOp::create(Builder, Weight.getLoc(), Weight.getType(),
                             FlatSymbolRefAttr::get(Weight.getSymNameAttr()));
}

/// All columns, or the operand of a concat that these are, or a slice.
Value Absorber::columnsOf(Value Q, int64_t Start, int64_t Width) {
  if (dimOf(typeOf(Q), 3).isConstant(Width))
    return Q;
  if (auto Concat = Q.getDefiningOp<ConcatOp>();
      Concat && Concat.getAxis() == 3) {
    DimExpr Begin(0);
    for (Value Each : Concat.getXs()) {
      if (Begin.isConstant(Start) && dimOf(typeOf(Each), 3).isConstant(Width))
        return Each;
      Begin = Begin + dimOf(typeOf(Each), 3);
    }
  }
  SmallVector<DimExpr> Dims = dimsOf(typeOf(Q)), Starts(4, DimExpr(0));
  Dims[3] = Width;
  Starts[3] = Start;
  MLIRContext *Context = Builder.getContext();
  return SliceOp::create(
      Builder, Q.getLoc(), tensorOf(Dims, typeOf(Q).getElementType()), Q,
      DimsAttr::get(Context, Starts), DimsAttr::get(Context, Dims),
      Builder.getDenseI64ArrayAttr({1, 1, 1, 1}));
}

bool Absorber::rewrite(AttentionOp Op, const LatentKeys &Keys,
                       const HeadProduct &Values) {
  WeightOp KeyWeight = makeHeadWeight(Recipes, Keys.made());
  WeightOp ValueWeight = makeHeadWeight(Recipes, Values);
  if (!KeyWeight || !ValueWeight)
    return false;
  // [H, L, E].
  auto Type = cast<RankedTensorType>(ValueWeight.getType());
  ValueWeight = Recipes.extend(
      ValueWeight, RecipeKind::Transpose,
      RankedTensorType::get(
          {Type.getDimSize(0), Type.getDimSize(2), Type.getDimSize(1)},
          Type.getElementType()),
      {0, 2, 1});

  Builder.setInsertionPoint(Op);
  Location Loc = Op.getLoc();
  SmallVector<DimExpr> Latents = dimsOf(typeOf(Op.getK()));
  Latents[1] = 1;
  llvm::SmallDenseMap<Value, Value> Known;
  auto LatentsOf = [&](const HeadProduct &Of) {
    Value &Made = Known[Of.Latents];
    Latents[3] = Of.LatentWidth;
    if (!Made)
      Made = reshape(Of.Latents, Latents);
    return Made;
  };
  SmallVector<Value> Queries, Columns;
  int64_t Start = 0;
  for (const KeyPart &Part : Keys.Parts) {
    Value Q = columnsOf(Op.getQ(), Start, Part.Width);
    Start += Part.Width;
    if (Part.Made) {
      Queries.push_back(MatMulOp::create(Builder, Loc, Q, read(KeyWeight)));
      Columns.push_back(LatentsOf(*Part.Made));
      continue;
    }
    // A dimension of size 1 changes its place without being moved.
    Latents[3] = Part.Width;
    Queries.push_back(Q);
    Columns.push_back(Part.Shared);
    if (!Keys.Order.empty())
      Columns.back() = reshape(Part.Shared, Latents);
  }
  auto Read = AttentionOp::create(
      Builder, Loc, joined(Queries), joined(Columns), LatentsOf(Values),
      Op.getMask(), Op.getSinks(), Op.getScaleAttr(), Op.getCausalAttr(),
      Op.getWindowAttr(), Op.getSoftcapAttr(), Op.getEmptyRowAttr());
  Value Out = MatMulOp::create(Builder, Loc, Read, read(ValueWeight));
  Op.replaceAllUsesWith(Out);
  Op.erase();
  return true;
}

bool Absorber::run() {
  bool Changed = false;
  SmallVector<AttentionOp> Found;
  Function.walk([&](AttentionOp Op) { Found.push_back(Op); });
  for (AttentionOp Op : Found) {
    // Narrower results of the products would be rounded elsewhere.
    Type Element = typeOf(Op.getQ()).getElementType();
    if (!Element.isF32() && !Element.isF64())
      continue;
    std::optional<LatentKeys> Keys = matchKeys(Op);
    std::optional<HeadProduct> Values = matchHeadProduct(Op.getV(), {});
    if (!Keys || !Values ||
        !dimOf(typeOf(Op.getQ()), 1).isConstant(Values->Heads) ||
        Keys->made().Heads != Values->Heads ||
        !isReadBy(Keys->made().Product->getResult(0), Op) ||
        !isReadBy(Values->Product.getResult(), Op) ||
        !isCheaper(Op, *Keys, *Values))
      continue;
    Changed |= rewrite(Op, *Keys, *Values);
  }
  // What made keys and values.
  for (Operation &Op :
       llvm::make_early_inc_range(llvm::reverse(Function.getBody().front())))
    if (Changed && isOpTriviallyDead(&Op))
      Op.erase();
  return Changed;
}

namespace {

struct AbsorbLatents : dure::impl::AbsorbLatentsBase<AbsorbLatents> {
  void runOnOperation() override {
    bool Changed = false;
    WeightRecipes Recipes(getOperation());
    for (auto Function : getOperation().getOps<func::FuncOp>())
      if (!Function.isExternal())
        Changed |= Absorber(Function, Recipes).run();
    if (Changed)
      eraseUnreadWeights(getOperation());
  }
};

} // namespace
