// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RNN, GRU and LSTM: one loop for each direction.

#include "frontends/onnx/ops/Loops.h"

#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace dure::onnx {

namespace {

enum class Activation { Tanh, Sigmoid, Relu, Softsign, Softplus };

/// One node, and how its cell computes. Everything is in f32 at least, and
/// time comes first.
class RnnImport {
public:
  RnnImport(OpImport &C, int64_t Gates, ArrayRef<Activation> Defaults)
      : C(C), Gates(Gates), Functions(Defaults) {}

  LogicalResult import();

private:
  /// What one direction needs of the operands.
  struct Weights {
    Value Input;     ///< X W' and the biases that go with it: [T, B, n H].
    Value Recurrent; ///< [n H, H]
    Value Bias;      ///< Of the recurrent product: [n H]; null for none.
    Value Peepholes; ///< [3 H]; null for none.
    ArrayRef<Activation> Functions;
  };

  bool readAttributes();
  bool readOperands();
  std::optional<Value> optional(unsigned I);
  Value direction(Value X, int64_t D);
  Value gate(Value Of, int64_t Which, int64_t Axis);
  Value apply(Activation F, Value X);
  bool run(int64_t D);
  SmallVector<Value> step(const Weights &W, Value Input, ValueRange States);
  SmallVector<Value> lstm(const Weights &W, Value Input, ValueRange States);
  Value gru(const Weights &W, Value Input, Value H);
  LogicalResult setResults();

  Value add(Value L, Value R) { return C.create<AddOp>({L, R}); }
  Value mul(Value L, Value R) { return C.create<MulOp>({L, R}); }
  Value product(Value L, Value R) {
    return C.create<MatMulOp>({L, R}, {C.named("transpose_rhs", true)});
  }
  bool isLstm() const { return Gates == 4; }

  OpImport &C;
  int64_t Gates, Directions = 1;
  SmallVector<Activation> Functions;
  bool Reverse = false, BatchFirst = false, ResetLate = false, Coupled = false;
  float Clip = 0;
  Type Element, Wide;
  Value X, W, R, B, Lengths, H0, C0, P;
  DimExpr Time, Batch, Hidden;
  SmallVector<Value> Outputs, LastH, LastC;
};

} // namespace

bool RnnImport::readAttributes() {
  llvm::StringRef Direction = C.stringAttr("direction", "forward");
  if (Direction != "forward" && Direction != "reverse" &&
      Direction != "bidirectional") {
    C.refuse(RefusalCode::AttributeBad,
             {"direction", "must be forward, reverse or bidirectional"});
    return false;
  }
  Reverse = Direction == "reverse";
  Directions = Direction == "bidirectional" ? 2 : 1;
  BatchFirst = C.version() >= 14 && C.intAttr("layout", 0) != 0;
  Clip = C.floatAttr("clip", 0);
  if (Gates == 3)
    ResetLate = C.boolAttr("linear_before_reset", false);
  if (isLstm())
    Coupled = C.boolAttr("input_forget", false);
  SmallVector<Activation> Defaults = Functions;
  Functions.clear();
  for (int64_t D = 0; D < Directions; ++D)
    Functions.append(Defaults);
  const Attribute *Given = C.attribute("activations", AttributeType::Strings);
  if (!Given)
    return true;
  if (Given->Strings.size() != Functions.size()) {
    C.refuse(RefusalCode::AttributeBad,
             {"activations",
              "must have " + std::to_string(Functions.size()) + " names"});
    return false;
  }
  for (auto [Function, Text] : llvm::zip(Functions, Given->Strings)) {
    auto Found = llvm::StringSwitch<std::optional<Activation>>(Text)
                     .CaseLower("tanh", Activation::Tanh)
                     .CaseLower("sigmoid", Activation::Sigmoid)
                     .CaseLower("relu", Activation::Relu)
                     .CaseLower("softsign", Activation::Softsign)
                     .CaseLower("softplus", Activation::Softplus)
                     .Default(std::nullopt);
    if (!Found) {
      C.refuse(RefusalCode::FormUnsupported,
               {"the activation " + std::string(Text)});
      return false;
    }
    Function = *Found;
  }
  return true;
}

/// An optional operand, widened; null when it is not given.
std::optional<Value> RnnImport::optional(unsigned I) {
  if (!C.has(I))
    return Value();
  Value V = C.cast(C.in(I), Wide);
  if (!V)
    return std::nullopt;
  return V;
}

bool RnnImport::readOperands() {
  X = C.in(0);
  if (!X || !C.in(1) || !C.in(2))
    return false;
  Element = elementOf(X);
  if (!isa<FloatType>(Element)) {
    C.refuse(RefusalCode::OperandsBad, {"x must be floating point"});
    return false;
  }
  Wide =
      Element.getIntOrFloatBitWidth() < 32 ? C.builder().getF32Type() : Element;
  X = C.cast(X, Wide);
  W = C.cast(C.in(1), Wide);
  R = C.cast(C.in(2), Wide);
  if (!X || !W || !R)
    return false;
  if (rankOf(X) != 3 || rankOf(W) != 3 || rankOf(R) != 3) {
    C.refuse(RefusalCode::ShapeRank, {"X, W and R must have rank 3"});
    return false;
  }
  if (BatchFirst)
    X = C.transpose(X, {1, 0, 2});
  Time = dimOf(typeOf(X), 0);
  Batch = dimOf(typeOf(X), 1);
  Hidden = dimOf(typeOf(R), 2);
  if (int64_t Size = C.intAttr("hidden_size", 0);
      Size != 0 && !C.equal(Hidden, DimExpr(Size)))
    return false;
  DimExpr Rows = DimExpr(Gates) * Hidden;
  for (Value Each : {W, R})
    if (!C.equal(dimOf(typeOf(Each), 0), DimExpr(Directions)) ||
        !C.equal(dimOf(typeOf(Each), 1), Rows))
      return false;
  std::optional<Value> Bias = optional(3), First = optional(5), Cell = Value(),
                       Peep = Value();
  if (isLstm()) {
    Cell = optional(6);
    Peep = optional(7);
  }
  if (!Bias || !First || !Cell || !Peep)
    return false;
  // [D, B, H], whatever the layout.
  auto State = [&](Value Given) -> Value {
    Dims Shape = {DimExpr(Directions), Batch, Hidden};
    if (!Given)
      return zeros(C, Shape, Wide);
    if (BatchFirst && rankOf(Given) == 3)
      Given = C.transpose(Given, {1, 0, 2});
    return C.reshape(Given, Shape);
  };
  H0 = State(*First);
  C0 = isLstm() ? State(*Cell) : H0;
  B = *Bias ? C.reshape(*Bias, {DimExpr(Directions), DimExpr(2) * Rows})
            : *Bias;
  P = *Peep ? C.reshape(*Peep, {DimExpr(Directions), DimExpr(3) * Hidden})
            : *Peep;
  if (C.has(4)) {
    Lengths = C.reshape(C.cast(C.in(4), C.builder().getI64Type()),
                        {Batch, DimExpr(1)});
    if (!Lengths)
      return false;
  }
  return H0 && C0 && (!*Bias || B) && (!*Peep || P);
}

/// The part of an operand [D, ...] that is of one direction.
Value RnnImport::direction(Value Of, int64_t D) {
  return atPlace(C, Of, C.integers({DimExpr(D)}, true), 0);
}

/// H elements of an axis, those of one gate.
Value RnnImport::gate(Value Of, int64_t Which, int64_t Axis) {
  if (!Of)
    return {};
  Dims Starts(rankOf(Of), DimExpr(0)), Sizes = dimsOf(typeOf(Of));
  Starts[Axis] = DimExpr(Which) * Hidden;
  Sizes[Axis] = Hidden;
  SmallVector<int64_t> Steps(rankOf(Of), 1);
  return C.create<SliceOp>({Of},
                           {C.named("starts", Starts), C.named("sizes", Sizes),
                            C.named("steps", Steps)});
}

Value RnnImport::apply(Activation F, Value X) {
  if (Clip > 0) {
    X = C.create<MinOp>({X, C.scalar(Wide, Clip)});
    X = C.create<MaxOp>({X, C.scalar(Wide, -Clip)});
  }
  switch (F) {
  case Activation::Tanh:
    return C.create<TanhOp>({X});
  case Activation::Sigmoid:
    return C.create<SigmoidOp>({X});
  case Activation::Relu:
    return C.create<ReluOp>({X});
  case Activation::Softplus:
    return C.create<SoftplusOp>({X});
  case Activation::Softsign:
    break;
  }
  return C.create<DivOp>({X, add(C.create<AbsOp>({X}), C.scalar(Wide, 1))});
}

/// Gates i, o, f, c: C <- f C + i c; H = o h(C), with peepholes p to the gates.
SmallVector<Value> RnnImport::lstm(const Weights &W, Value Input,
                                   ValueRange States) {
  Value H = States[0], Cell = States[1];
  Value All = add(Input, product(H, W.Recurrent));
  auto Gate = [&](int64_t I, int64_t Function, Value Seen) {
    Value Sum = gate(All, I, 1);
    if (W.Peepholes && Seen)
      Sum = add(Sum, mul(gate(W.Peepholes, I, 0), Seen));
    return apply(W.Functions[Function], Sum);
  };
  Value In = Gate(0, 0, Cell);
  Value Forget =
      Coupled ? C.create<SubOp>({C.scalar(Wide, 1), In}) : Gate(2, 0, Cell);
  Value New = Gate(3, 1, {});
  Value Next = add(mul(Forget, Cell), mul(In, New));
  Value Out = Gate(1, 0, Next);
  // What is clipped goes into gates; the cell's own function sees it whole.
  float Kept = std::exchange(Clip, 0.0f);
  Value Shown = apply(W.Functions[2], Next);
  Clip = Kept;
  return {mul(Out, Shown), Next};
}

/// Gates z, r, h: H <- (1 - z) h + z H, h seeing H through r.
Value RnnImport::gru(const Weights &W, Value Input, Value H) {
  Value Recurrent = gate(W.Recurrent, 2, 0);
  auto Gate = [&](int64_t I) {
    Value Sum = add(gate(Input, I, 1), product(H, gate(W.Recurrent, I, 0)));
    return apply(W.Functions[0], Sum);
  };
  Value Update = Gate(0), Reset = Gate(1), Seen;
  Value Bias = W.Bias ? gate(W.Bias, 2, 0) : Value();
  if (ResetLate) {
    Seen = product(H, Recurrent);
    Seen = mul(Reset, Bias ? add(Seen, Bias) : Seen);
  } else {
    Seen = product(mul(Reset, H), Recurrent);
    Seen = Bias ? add(Seen, Bias) : Seen;
  }
  Value New = apply(W.Functions[1], add(gate(Input, 2, 1), Seen));
  Value Rest = C.create<SubOp>({C.scalar(Wide, 1), Update});
  return add(mul(Rest, New), mul(Update, H));
}

SmallVector<Value> RnnImport::step(const Weights &W, Value Input,
                                   ValueRange States) {
  if (isLstm())
    return lstm(W, Input, States);
  if (Gates == 3)
    return {gru(W, Input, States[0]), States[1]};
  Value Sum = add(Input, product(States[0], W.Recurrent));
  return {apply(W.Functions[0], Sum), States[1]};
}

/// One direction from its first step to its last.
bool RnnImport::run(int64_t D) {
  bool Backwards = Reverse || D == 1;
  DimExpr Rows = DimExpr(Gates) * Hidden;
  Weights Own;
  Own.Recurrent = direction(R, D);
  Own.Peepholes = P ? direction(P, D) : Value();
  size_t Each = Functions.size() / Directions;
  Own.Functions = ArrayRef<Activation>(Functions).slice(D * Each, Each);
  Own.Input = product(X, direction(W, D));
  if (B) {
    // Of the input, then of the recurrence. A GRU adds what belongs to its new
    // state inside.
    Value Both = C.reshape(direction(B, D), {DimExpr(2), Rows});
    Value Of[2];
    for (int64_t I : {0, 1})
      Of[I] = atPlace(C, Both, C.integers({DimExpr(I)}, true), 0);
    Own.Input = add(Own.Input, Of[0]);
    Own.Bias = Of[1];
    Value Early = Of[1];
    if (Gates == 3) {
      Value Late = zeros(C, {Hidden}, Wide);
      Early = C.create<ConcatOp>({gate(Of[1], 0, 0), gate(Of[1], 1, 0), Late},
                                 {C.named("axis", static_cast<int64_t>(0))});
    }
    Own.Input = add(Own.Input, Early);
  }
  if (!Own.Input || !Own.Recurrent)
    return false;
  Value Last = C.integers({Time - DimExpr(1)}, true);
  auto Place = [&](Value Step) {
    return Backwards ? C.create<SubOp>({Last, Step}) : Step;
  };
  SmallVector<Value> States = {direction(H0, D), direction(C0, D)};
  auto Results = overTime(C, Time, States, [&](Value Step, ValueRange Before) {
    Value At = Place(Step);
    SmallVector<Value> Next = step(Own, atPlace(C, Own.Input, At, 0), Before);
    Value Shown = Next[0];
    if (Lengths) {
      // A sequence that is over keeps its states, and shows 0.
      Value Goes = C.compare(At, Lengths, ComparePredicate::LT);
      Shown = C.create<SelectOp>({Goes, Shown, C.scalar(Wide, 0)});
      for (auto [New, Old] : llvm::zip(Next, Before))
        New = C.create<SelectOp>({Goes, New, Old});
    }
    Next.push_back(Shown);
    return Next;
  });
  if (!Results)
    return false;
  Value Y = (*Results)[2];
  if (Backwards)
    Y = C.create<GatherOp>({Y, Place(C.iota({Time}, 0))},
                           {C.named("axis", static_cast<int64_t>(0))});
  Outputs.push_back(C.reshape(Y, {Time, DimExpr(1), Batch, Hidden}));
  for (auto [Into, State] :
       {std::pair(&LastH, (*Results)[0]), std::pair(&LastC, (*Results)[1])})
    Into->push_back(C.reshape(State, {DimExpr(1), Batch, Hidden}));
  return true;
}

LogicalResult RnnImport::setResults() {
  auto Join = [&](ArrayRef<Value> Each, int64_t Axis) {
    return C.create<ConcatOp>(Each, {C.named("axis", Axis)});
  };
  if (C.wants(0)) {
    Value Y = C.cast(Join(Outputs, 1), Element);
    if (failed(C.result(0, BatchFirst ? C.transpose(Y, {2, 0, 1, 3}) : Y)))
      return failure();
  }
  for (unsigned I : {1u, 2u}) {
    if (!C.wants(I) || (I == 2 && !isLstm()))
      continue;
    Value Y = C.cast(Join(I == 1 ? LastH : LastC, 0), Element);
    if (failed(C.result(I, BatchFirst ? C.transpose(Y, {1, 0, 2}) : Y)))
      return failure();
  }
  return success();
}

LogicalResult RnnImport::import() {
  if (!readAttributes() || !readOperands())
    return failure();
  for (int64_t D = 0; D < Directions; ++D)
    if (!run(D))
      return failure();
  return setResults();
}

static LogicalResult importRnn(OpImport &C) {
  return RnnImport(C, 1, {Activation::Tanh}).import();
}
static LogicalResult importGru(OpImport &C) {
  return RnnImport(C, 3, {Activation::Sigmoid, Activation::Tanh}).import();
}
static LogicalResult importLstm(OpImport &C) {
  return RnnImport(C, 4,
                   {Activation::Sigmoid, Activation::Tanh, Activation::Tanh})
      .import();
}

ArrayRef<OpEntry> rnnOps() {
  static const OpEntry Table[] = {
      {"RNN", {7, 14, 22}, 3, 6, importRnn},
      {"GRU", {7, 14, 22}, 3, 6, importGru},
      {"LSTM", {7, 14, 22}, 3, 8, importLstm},
  };
  return Table;
}

} // namespace dure::onnx
