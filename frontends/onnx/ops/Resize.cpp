// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Resize and Upsample: one axis after another, each place of the result a
// weighted sum of some places of the operand. Places and weights are computed
// in f64 by the standard's formulas.

#include "frontends/onnx/OpImport.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <limits>
#include <numeric>

using namespace mlir;

namespace dure::onnx {

namespace {

/// Which place of the operand belongs to a place of the result.
enum class Coordinates {
  HalfPixel,
  HalfPixelSymmetric,
  PytorchHalfPixel,
  AlignCorners,
  Asymmetric,
  CropAndResize,
};

enum class Nearest { PreferFloor, PreferCeil, Floor, Ceil };
enum class Mode { Nearest, Linear, Cubic };

/// The attributes.
struct Form {
  Mode How = Mode::Nearest;
  Coordinates Where = Coordinates::HalfPixel;
  Nearest Round = Nearest::PreferFloor;
  bool Antialias = false, ExcludeOutside = false;
  bool KeepsAspect = false; ///< Sizes are a bound; the ratio is kept.
  float CubicA = -0.75f, Extrapolation = 0;
};

/// What is done to one axis.
struct Axis {
  int64_t At;
  DimExpr Input, Output;
  /// The scale; where it is not known it is output size over input size.
  std::optional<double> Scale;
  double Begin = 0, End = 1; ///< The part that is cut out, of 0 .. 1.
};

class Resizer {
public:
  Resizer(OpImport &C, const Form &F) : C(C), F(F) {}
  Value run(Value X, const Axis &A);

private:
  Value number(double V) { return C.scalar(C.builder().getF64Type(), V); }
  Value size(const DimExpr &E) {
    return C.cast(C.integers({E}, true), C.builder().getF64Type());
  }
  Value add(Value L, Value R) { return C.create<AddOp>({L, R}); }
  Value sub(Value L, Value R) { return C.create<SubOp>({L, R}); }
  Value mul(Value L, Value R) { return C.create<MulOp>({L, R}); }
  Value div(Value L, Value R) { return C.create<DivOp>({L, R}); }
  Value floor(Value X) { return C.create<FloorOp>({X}); }
  Value choose(Value Is, Value L, Value R) {
    return C.create<SelectOp>({Is, L, R});
  }
  Value scaleOf(const Axis &A) {
    return A.Scale ? number(*A.Scale) : div(size(A.Output), size(A.Input));
  }

  Value coordinates(const Axis &A);
  Value nearestPlaces(Value X);
  Value weights(Value Offsets, double Scale);
  Value cubic(Value Distance);
  Value within(Value Places, const Axis &A);
  Value weighted(Value X, Value Coordinates, const Axis &A);

  OpImport &C;
  const Form &F;
};

} // namespace

/// The coordinate in the operand of each place along the axis: f64 [O]. The
/// size before it was rounded down is scale * input.
Value Resizer::coordinates(const Axis &A) {
  Value O = C.cast(C.iota({A.Output}, 0), C.builder().getF64Type());
  Value One = number(1), Half = number(0.5), Zero = number(0);
  Value Scale = scaleOf(A);
  Value Input = size(A.Input);
  Value Exact = A.Scale ? mul(Scale, Input) : size(A.Output);
  Value IsOne = C.compare(Exact, One, ComparePredicate::EQ);
  // A result of one element has no distance between its elements.
  Value Steps = choose(IsOne, One, sub(Exact, One));
  Value Last = sub(Input, One);
  Value Centered = sub(div(add(O, Half), Scale), Half);
  switch (F.Where) {
  case Coordinates::HalfPixel:
    return Centered;
  case Coordinates::PytorchHalfPixel:
    return choose(IsOne, number(-0.5), Centered);
  case Coordinates::HalfPixelSymmetric: {
    Value Adjustment = div(size(A.Output), Exact);
    Value Center = mul(Input, Half);
    return add(mul(Center, sub(One, Adjustment)), Centered);
  }
  case Coordinates::AlignCorners:
    return choose(IsOne, Zero, div(mul(O, Last), Steps));
  case Coordinates::Asymmetric:
    return div(O, Scale);
  case Coordinates::CropAndResize: {
    Value Part = mul(number(A.End - A.Begin), Last);
    Value Inner = choose(IsOne, mul(Part, Half), div(mul(O, Part), Steps));
    return add(Inner, mul(number(A.Begin), Last));
  }
  }
  return {};
}

/// The place that a coordinate is rounded to, still f64.
Value Resizer::nearestPlaces(Value X) {
  Value Half = number(0.5);
  switch (F.Round) {
  case Nearest::PreferFloor:
    return C.create<CeilOp>({sub(X, Half)});
  case Nearest::PreferCeil:
    return floor(add(X, Half));
  case Nearest::Floor:
    return floor(X);
  case Nearest::Ceil:
    return C.create<CeilOp>({X});
  }
  return {};
}

/// Keys' cubic convolution at a distance of at least 0.
Value Resizer::cubic(Value D) {
  Value A = number(F.CubicA), One = number(1), Two = number(2);
  Value D2 = mul(D, D), D3 = mul(D2, D);
  double K = F.CubicA;
  Value Near = add(sub(mul(number(K + 2), D3), mul(number(K + 3), D2)), One);
  Value Far = sub(D3, mul(number(5), D2));
  Far = mul(A, sub(add(Far, mul(number(8), D)), number(4)));
  Value Outer = choose(C.compare(D, Two, ComparePredicate::LT), Far, number(0));
  return choose(C.compare(D, One, ComparePredicate::LE), Near, Outer);
}

/// The weight of an element at a distance; `Scale` below 1 stretches it.
Value Resizer::weights(Value Offsets, double Scale) {
  Value D = C.create<AbsOp>({Offsets});
  if (Scale < 1)
    D = mul(D, number(Scale));
  if (F.How == Mode::Cubic)
    return cubic(D);
  return C.create<MaxOp>({sub(number(1), D), number(0)});
}

/// Places kept within the operand, as i64: its edge goes on outside.
Value Resizer::within(Value Places, const Axis &A) {
  Value Last = sub(size(A.Input), number(1));
  Value Y = C.create<MinOp>({Places, Last});
  return C.cast(C.create<MaxOp>({Y, number(0)}), C.builder().getI64Type());
}

/// x along the axis as weighted sums of neighbours.
Value Resizer::weighted(Value X, Value Coordinates, const Axis &A) {
  double Scale = 1;
  if (F.Antialias) {
    if (!A.Scale)
      return C.refuse(RefusalCode::FormUnsupported,
                      {"antialias with a scale known only at run time"});
    Scale = std::min(1.0, *A.Scale);
  }
  // Neighbours from Start before the coordinate's floor on.
  double Reach = F.How == Mode::Cubic ? 2 : 1;
  double First = std::floor(-Reach / Scale) + 1;
  if (!(First > -4096))
    return C.refuse(RefusalCode::FormUnsupported,
                    {"antialias over more than 8192 elements"});
  int64_t Start = static_cast<int64_t>(First);
  DimExpr Count(2 - 2 * Start), One(1);
  Value Floor = C.reshape(floor(Coordinates), {A.Output, One});
  Value Neighbour = C.cast(C.iota({One, Count}, 1), C.builder().getF64Type());
  Value Places = add(Floor, add(Neighbour, number(double(Start))));
  Value W =
      weights(sub(Places, C.reshape(Coordinates, {A.Output, One})), Scale);
  if (F.ExcludeOutside) {
    Value Is = C.create<AndOp>(
        {C.compare(Places, number(0), ComparePredicate::GE),
         C.compare(Places, size(A.Input), ComparePredicate::LT)});
    W = choose(Is, W, number(0));
  }
  if (F.ExcludeOutside || F.Antialias)
    W = div(W, C.reduce(W, ReduceKind::Sum, {1}, /*KeepDims=*/true));
  Value Read =
      C.create<GatherOp>({X, within(Places, A)}, {C.named("axis", A.At)});
  if (!Read)
    return {};
  Dims Shape(rankOf(Read), One);
  Shape[A.At] = A.Output;
  Shape[A.At + 1] = Count;
  Value Own = C.reshape(C.cast(W, elementOf(X)), Shape);
  return C.reduce(mul(Read, Own), ReduceKind::Sum, {A.At + 1}, false);
}

Value Resizer::run(Value X, const Axis &A) {
  Value At = coordinates(A);
  Value Y = F.How == Mode::Nearest
                ? C.create<GatherOp>({X, within(nearestPlaces(At), A)},
                                     {C.named("axis", A.At)})
                : weighted(X, At, A);
  if (F.Where != Coordinates::CropAndResize || !Y)
    return Y;
  Value Last = sub(size(A.Input), number(1));
  Value Is = C.create<OrOp>({C.compare(At, number(0), ComparePredicate::LT),
                             C.compare(At, Last, ComparePredicate::GT)});
  Dims Shape(rankOf(Y), DimExpr(1));
  Shape[A.At] = A.Output;
  return choose(C.reshape(Is, Shape), C.scalarLike(Y, F.Extrapolation), Y);
}

//===----------------------------------------------------------------------===//
// Attributes and inputs
//===----------------------------------------------------------------------===//

/// The entry of a list of names that a string attribute has.
template <typename T>
static std::optional<T>
named(OpImport &C, llvm::StringRef Attribute, llvm::StringRef Default,
      std::initializer_list<std::pair<llvm::StringRef, T>> Names) {
  llvm::StringRef Text = C.stringAttr(Attribute, Default);
  for (auto [Name, Value] : Names)
    if (Name == Text)
      return Value;
  return C.refuse(RefusalCode::AttributeBad,
                  {Attribute.str(), "'" + Text.str() + "' is not known"});
}

static std::optional<Form> formOf(OpImport &C) {
  Form F;
  auto How = named<Mode>(C, "mode", "nearest",
                         {{"nearest", Mode::Nearest},
                          {"linear", Mode::Linear},
                          {"cubic", Mode::Cubic}});
  if (!How)
    return std::nullopt;
  F.How = *How;
  if (C.op() == "Upsample" || C.version() < 11) {
    F.Where = Coordinates::Asymmetric;
    F.Round = Nearest::Floor;
    return F;
  }
  auto Where = named<Coordinates>(
      C, "coordinate_transformation_mode", "half_pixel",
      {{"half_pixel", Coordinates::HalfPixel},
       {"half_pixel_symmetric", Coordinates::HalfPixelSymmetric},
       {"pytorch_half_pixel", Coordinates::PytorchHalfPixel},
       {"align_corners", Coordinates::AlignCorners},
       {"asymmetric", Coordinates::Asymmetric},
       {"tf_crop_and_resize", Coordinates::CropAndResize}});
  auto Round = named<Nearest>(C, "nearest_mode", "round_prefer_floor",
                              {{"round_prefer_floor", Nearest::PreferFloor},
                               {"round_prefer_ceil", Nearest::PreferCeil},
                               {"floor", Nearest::Floor},
                               {"ceil", Nearest::Ceil}});
  if (!Where || !Round)
    return std::nullopt;
  F.Where = *Where;
  F.Round = *Round;
  F.CubicA = C.floatAttr("cubic_coeff_a", -0.75f);
  F.ExcludeOutside = C.boolAttr("exclude_outside", false);
  F.Extrapolation = C.floatAttr("extrapolation_value", 0);
  if (C.version() >= 18)
    F.KeepsAspect =
        C.stringAttr("keep_aspect_ratio_policy", "stretch") != "stretch";
  F.Antialias = C.version() >= 18 && C.boolAttr("antialias", false);
  return F;
}

/// floor(size * scale), exactly: a float is a whole number over a power of 2.
static std::optional<DimExpr> scaledSize(OpImport &C, const DimExpr &Size,
                                         double Scale) {
  if (!(Scale > 0) || !(Scale < (1 << 24)))
    return C.refuse(RefusalCode::AttributeBad,
                    {"scales", "must be positive, and none too large"});
  if (std::optional<int64_t> Known = Size.constant()) {
    double Scaled = std::floor(double(*Known) * Scale);
    if (!(Scaled < 0x1p52))
      return C.refuse(RefusalCode::ShapeRank,
                      {"the result has no usable size"});
    return DimExpr(static_cast<int64_t>(Scaled));
  }
  int Shift = 0;
  for (; Scale != std::floor(Scale) && Shift < 40; ++Shift)
    Scale *= 2;
  if (Scale != std::floor(Scale))
    return C.refuse(RefusalCode::FormUnsupported,
                    {"a very small scale of a size known only at run time"});
  DimExpr Times = Size * DimExpr(static_cast<int64_t>(Scale));
  return DimExpr::floorDiv(Times, DimExpr(int64_t(1) << Shift));
}

/// Sizes that keep the ratio of the operand's: all axes get the smallest, or
/// the largest, of the scales that the sizes ask for.
static LogicalResult keepAspect(OpImport &C, MutableArrayRef<Axis> Axes) {
  llvm::StringRef Policy = C.stringAttr("keep_aspect_ratio_policy", "stretch");
  bool Smallest = Policy == "not_larger";
  if (!Smallest && Policy != "not_smaller")
    return C.refuse(
        RefusalCode::AttributeBad,
        {"keep_aspect_ratio_policy", "'" + Policy.str() + "' is not known"});
  double Scale = Smallest ? std::numeric_limits<double>::infinity() : 0;
  for (const Axis &A : Axes) {
    std::optional<int64_t> In = A.Input.constant(), Out = A.Output.constant();
    if (!In || !Out || *In == 0)
      return C.refuse(RefusalCode::FormUnsupported,
                      {"keep_aspect_ratio_policy with sizes known only at run "
                       "time, or 0"});
    double Own = double(*Out) / double(*In);
    Scale = Smallest ? std::min(Scale, Own) : std::max(Scale, Own);
  }
  for (Axis &A : Axes) {
    A.Scale = Scale;
    double Rounded = std::floor(Scale * double(*A.Input.constant()) + 0.5);
    A.Output = DimExpr(static_cast<int64_t>(Rounded));
  }
  return success();
}

/// The inputs by their places, which changed with the versions.
struct ResizeInputs {
  int Roi = -1, Scales = 1, Sizes = -1;
};

static bool hasElements(OpImport &C, int I) {
  return I >= 0 && C.has(I) && C.in(I) &&
         !countOf(dimsOf(typeOf(C.in(I)))).isConstant(0);
}

/// The axes that the node names, with their sizes before and after.
static std::optional<SmallVector<Axis>>
resizedAxes(OpImport &C, Value X, const Form &F, const ResizeInputs &I) {
  SmallVector<int64_t> Places(rankOf(X));
  std::iota(Places.begin(), Places.end(), 0);
  if (C.version() >= 18)
    if (auto Given = C.intsAttr("axes"))
      Places.assign(Given->begin(), Given->end());
  SmallVector<Axis> Axes(Places.size());
  for (auto [A, Place] : llvm::zip(Axes, Places)) {
    std::optional<int64_t> At = C.axis(Place, rankOf(X));
    if (!At)
      return std::nullopt;
    A.At = *At;
    A.Input = dimOf(typeOf(X), *At);
  }
  auto Mismatch = [&](const char *What) {
    return C.refuse(RefusalCode::ShapeRank,
                    {std::string(What) + " must have one entry for each axis"});
  };
  if (F.Where == Coordinates::CropAndResize) {
    auto Roi = hasElements(C, I.Roi) ? C.numbers(I.Roi)
                                     : std::optional(SmallVector<double>());
    if (!Roi)
      return std::nullopt;
    if (Roi->size() != 2 * Axes.size())
      return C.refuse(RefusalCode::ShapeRank,
                      {"roi must have two entries for each axis"});
    for (size_t K = 0; K < Axes.size(); ++K) {
      Axes[K].Begin = (*Roi)[K];
      Axes[K].End = (*Roi)[K + Axes.size()];
    }
  }
  if (hasElements(C, I.Sizes)) {
    // Weights whose number depends on the scale, and ratios that are compared,
    // need the numbers now.
    if ((F.Antialias || F.KeepsAspect) && !C.constants(I.Sizes))
      return std::nullopt;
    std::optional<Dims> Sizes = C.exprs(I.Sizes);
    if (!Sizes)
      return std::nullopt;
    if (Sizes->size() != Axes.size())
      return Mismatch("sizes");
    for (auto [A, Size] : llvm::zip(Axes, *Sizes)) {
      A.Output = C.bindSize(DimExpr::max(DimExpr(0), Size));
      if (Size.isNonNegative())
        A.Output = Size;
      else if (!C.equal(A.Output, Size))
        return std::nullopt;
      auto In = A.Input.constant(), Out = A.Output.constant();
      if (In && Out && *In > 0)
        A.Scale = double(*Out) / double(*In);
    }
    if (F.KeepsAspect && failed(keepAspect(C, Axes)))
      return std::nullopt;
    return Axes;
  }
  SmallVector<double> Scales;
  if (const Attribute *Given =
          I.Scales < 0 ? C.attribute("scales", AttributeType::Floats)
                       : nullptr) {
    Scales.assign(Given->Floats.begin(), Given->Floats.end());
  } else if (I.Scales >= 0 && C.has(I.Scales)) {
    auto Known = C.numbers(I.Scales);
    if (!Known)
      return std::nullopt;
    Scales = *Known;
  }
  if (Scales.size() != Axes.size())
    return Mismatch("scales");
  for (auto [A, Scale] : llvm::zip(Axes, Scales)) {
    A.Scale = Scale;
    double Part = F.Where == Coordinates::CropAndResize ? A.End - A.Begin : 1;
    std::optional<DimExpr> Size = scaledSize(C, A.Input, Scale * Part);
    if (!Size)
      return std::nullopt;
    A.Output = C.settle(*Size);
  }
  return Axes;
}

/// y = x in other sizes
static LogicalResult importResize(OpImport &C) {
  Value X = C.in(0);
  std::optional<Form> F = formOf(C);
  if (!X || !F)
    return failure();
  ResizeInputs I;
  if (C.op() == "Upsample")
    I.Scales = C.version() < 9 ? -1 : 1;
  else if (C.version() >= 11)
    I = {1, 2, 3};
  std::optional<SmallVector<Axis>> Axes = resizedAxes(C, X, *F, I);
  if (!Axes)
    return failure();
  // Sums are made in f32 at least, and rounded once.
  Type Element = elementOf(X);
  if (F->How != Mode::Nearest && !Element.isF64())
    X = C.cast(X, C.builder().getF32Type());
  for (const Axis &A : *Axes) {
    bool IsSame = A.Input == A.Output && (!A.Scale || *A.Scale == 1) &&
                  F->Where != Coordinates::CropAndResize;
    if (IsSame)
      continue;
    if (A.Input.isConstant(0) && !A.Output.isConstant(0))
      return C.refuse(RefusalCode::ShapeRank,
                      {"there is nothing to resize: an axis has size 0"});
    X = Resizer(C, *F).run(X, A);
    if (!X)
      return failure();
  }
  return C.result(C.cast(X, Element));
}

ArrayRef<OpEntry> resizeOps() {
  static const OpEntry Table[] = {
      {"Resize", {10, 11, 13, 18, 19}, 1, 4, importResize},
      {"Upsample", {7, 9}, 1, 2, importResize, "", 10},
  };
  return Table;
}

} // namespace dure::onnx
