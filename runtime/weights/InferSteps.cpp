// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Types and shapes through a recipe: every number of a step is checked here, so
// that evaluation need not.

#include "runtime/base/Checked.h"
#include "runtime/weights/Recipe.h"

#include <algorithm>
#include <string>

using namespace dure;

namespace {

constexpr size_t MaxRank = 32;
// Of any value on the way: far above what memory holds, and small enough that
// sums of two positions fit 64 bits.
constexpr uint64_t MaxElements = uint64_t(1) << 60;

std::string text(const std::vector<int64_t> &Shape) {
  std::string Text = "[";
  for (size_t I = 0; I != Shape.size(); ++I)
    Text += (I ? ", " : "") + std::to_string(Shape[I]);
  return Text + "]";
}

Status inferSlice(const std::vector<int64_t> &Ints,
                  std::vector<int64_t> &Shape) {
  size_t Rank = Shape.size();
  if (Ints.size() != 3 * Rank)
    return invalidArgument("slice needs offset, size and stride per dim");
  for (size_t I = 0; I != Rank; ++I) {
    int64_t Offset = Ints[I], Size = Ints[Rank + I],
            Stride = Ints[2 * Rank + I];
    int64_t Last = 0;
    if (Offset < 0 || Size < 0 || Stride < 1 ||
        Stride > std::max<int64_t>(Shape[I], 1))
      return invalidArgument("slice has a negative offset or size, or a stride "
                             "that is not from 1 to the dim");
    if (Size != 0 && (!checkedMul(Size - 1, Stride, Last) ||
                      !checkedAdd(Last, Offset, Last) || Last >= Shape[I]))
      return invalidArgument("slice reads beyond dim " + std::to_string(I) +
                             " of " + text(Shape));
  }
  Shape.assign(Ints.begin() + Rank, Ints.begin() + 2 * Rank);
  return Status::success();
}

Status inferTranspose(const std::vector<int64_t> &Ints,
                      std::vector<int64_t> &Shape) {
  std::vector<bool> Seen(Shape.size());
  std::vector<int64_t> Result;
  if (Ints.size() != Shape.size())
    return invalidArgument("transpose needs one int per dim");
  for (int64_t From : Ints) {
    if (From < 0 || From >= static_cast<int64_t>(Shape.size()) || Seen[From])
      return invalidArgument("transpose needs a permutation, got " +
                             text(Ints));
    Seen[From] = true;
    Result.push_back(Shape[From]);
  }
  Shape = std::move(Result);
  return Status::success();
}

Status inferReshape(const std::vector<int64_t> &Ints,
                    std::vector<int64_t> &Shape) {
  uint64_t Old = 0, New = 0;
  if (Ints.size() > MaxRank || !elementCount(Shape, Old) ||
      !elementCount(Ints, New) || Old != New)
    return invalidArgument("reshape of " + text(Shape) + " to " + text(Ints) +
                           " changes the element count");
  Shape = Ints;
  return Status::success();
}

Status inferPad(const Step &S, std::vector<int64_t> &Shape) {
  size_t Rank = Shape.size();
  if (S.Ints.size() != 2 * Rank)
    return invalidArgument("pad needs low and high per dim");
  for (size_t I = 0; I != Rank; ++I)
    if (S.Ints[I] < 0 || S.Ints[Rank + I] < 0 ||
        !checkedAdd(Shape[I], S.Ints[I], Shape[I]) ||
        !checkedAdd(Shape[I], S.Ints[Rank + I], Shape[I]))
      return invalidArgument("pad has a negative or too large amount");
  return Status::success();
}

Status inferPack(const std::vector<int64_t> &Ints,
                 std::vector<int64_t> &Shape) {
  if (Ints.size() != 2 || Ints[0] != static_cast<int64_t>(PackKind::Panels))
    return invalidArgument("pack kind " +
                           (Ints.empty() ? "none" : std::to_string(Ints[0])) +
                           " is not known");
  if (Shape.size() < 2 || Shape.size() >= MaxRank || Ints[1] < 1)
    return invalidArgument("pack into panels needs [.., K, N] and a positive "
                           "panel width, got " +
                           text(Shape) + " and " + std::to_string(Ints[1]));
  int64_t K = Shape[Shape.size() - 2], N = Shape.back();
  Shape.pop_back();
  Shape.back() = N / Ints[1] + (N % Ints[1] != 0);
  Shape.push_back(K);
  Shape.push_back(Ints[1]);
  return Status::success();
}

Status inferConcat(const Step &S, const Weight &Operand, TypedShape &Value) {
  int64_t Rank = static_cast<int64_t>(Value.Shape.size());
  if (S.Ints.size() != 1 || S.Ints[0] < 0 || S.Ints[0] >= Rank ||
      Operand.Type != Value.Type || Operand.Shape.size() != Value.Shape.size())
    return invalidArgument("concat needs an axis and an operand of the same "
                           "type and rank");
  for (int64_t I = 0; I != Rank; ++I)
    if (I != S.Ints[0] && Operand.Shape[I] != Value.Shape[I])
      return invalidArgument("concat of " + text(Value.Shape) + " and " +
                             text(Operand.Shape) + " along axis " +
                             std::to_string(S.Ints[0]));
  if (Operand.Shape[S.Ints[0]] < 0 ||
      !checkedAdd(Value.Shape[S.Ints[0]], Operand.Shape[S.Ints[0]],
                  Value.Shape[S.Ints[0]]))
    return invalidArgument("concat makes a dim that is too large");
  return Status::success();
}

bool hasArithmetic(ElementType Type) {
  switch (Type) {
  case ElementType::F32:
  case ElementType::F16:
  case ElementType::BF16:
  case ElementType::F64:
  case ElementType::I8:
  case ElementType::U8:
  case ElementType::I16:
  case ElementType::U16:
  case ElementType::I32:
  case ElementType::U32:
  case ElementType::I64:
  case ElementType::U64:
    return true;
  default:
    return false;
  }
}

Status inferBlocked(const Step &S, const Weight &Operand,
                    const TypedShape &Value) {
  int64_t Rank = static_cast<int64_t>(Value.Shape.size());
  if (S.Ints.size() != 2 || S.Ints[0] < 0 || S.Ints[0] >= Rank || S.Ints[1] < 1)
    return invalidArgument("arithmetic needs no ints, or an axis and a block");
  int64_t Dim = Value.Shape[S.Ints[0]];
  int64_t Blocks = Dim / S.Ints[1] + (Dim % S.Ints[1] != 0);
  if (Operand.Shape.size() == 1 && Rank != 1)
    return Operand.Shape[0] == Blocks
               ? Status::success()
               : invalidArgument("operand of " + text(Operand.Shape) +
                                 " needs " + std::to_string(Blocks) +
                                 " elements");
  bool Fits = Operand.Shape.size() == Value.Shape.size();
  for (int64_t I = 0; Fits && I != Rank; ++I)
    Fits = I == S.Ints[0]
               ? Operand.Shape[I] == Blocks
               : Operand.Shape[I] == 1 || Operand.Shape[I] == Value.Shape[I];
  return Fits ? Status::success()
              : invalidArgument("operand " + text(Operand.Shape) +
                                " does not fit " + text(Value.Shape) +
                                " by blocks");
}

Status inferArith(const Step &S, const Weight &Operand,
                  const TypedShape &Value) {
  if (Operand.Type != Value.Type || !hasArithmetic(Value.Type))
    return invalidArgument(std::string("arithmetic on ") +
                           elementName(Value.Type) + " with " +
                           elementName(Operand.Type) +
                           " is not defined; cast both to one type first");
  if (!S.Ints.empty())
    return inferBlocked(S, Operand, Value);
  size_t Rank = Value.Shape.size(), OperandRank = Operand.Shape.size();
  bool Fits = OperandRank <= Rank;
  for (size_t I = 0; Fits && I != OperandRank; ++I) {
    int64_t Dim = Operand.Shape[OperandRank - 1 - I];
    Fits = Dim == 1 || Dim == Value.Shape[Rank - 1 - I];
  }
  return Fits ? Status::success()
              : invalidArgument("operand " + text(Operand.Shape) +
                                " does not broadcast to " + text(Value.Shape));
}

Status inferStep(const Step &S, const std::vector<Weight> &Weights,
                 uint32_t Limit, TypedShape &Value) {
  if (S.Kind == StepKind::None || S.Kind > StepKind::Concat)
    return Status(StatusCode::Incompatible,
                  "step kind " + std::to_string(static_cast<int>(S.Kind)) +
                      " is not known to this version of Dure");
  const Weight *Operand = nullptr;
  if (!usesOperand(S.Kind)) {
    if (S.Operand != -1)
      return invalidArgument(std::string(stepName(S.Kind)) +
                             " takes no operand, this one names weight " +
                             std::to_string(S.Operand));
  } else {
    if (S.Operand < 0 || static_cast<uint32_t>(S.Operand) >= Limit ||
        static_cast<size_t>(S.Operand) >= Weights.size())
      return invalidArgument("operand " + std::to_string(S.Operand) +
                             " is not an earlier weight");
    Operand = &Weights[S.Operand];
  }
  switch (S.Kind) {
  case StepKind::Slice:
    return inferSlice(S.Ints, Value.Shape);
  case StepKind::Transpose:
    return inferTranspose(S.Ints, Value.Shape);
  case StepKind::Reshape:
    return inferReshape(S.Ints, Value.Shape);
  case StepKind::Cast:
    if (elementBits(S.Type) == 0)
      return invalidArgument("cast to an unknown type");
    Value.Type = S.Type;
    return Status::success();
  case StepKind::Multiply:
  case StepKind::Add:
  case StepKind::Subtract:
    return inferArith(S, *Operand, Value);
  case StepKind::Pad:
    return inferPad(S, Value.Shape);
  case StepKind::Pack:
    return inferPack(S.Ints, Value.Shape);
  case StepKind::Concat:
    return inferConcat(S, *Operand, Value);
  case StepKind::None:
    break; // refused above
  }
  return Status::success();
}

} // namespace

Result<TypedShape> dure::inferSteps(TypedShape Value,
                                    const std::vector<Step> &Steps,
                                    const std::vector<Weight> &Weights,
                                    uint32_t Limit) {
  for (size_t I = 0; I != Steps.size(); ++I) {
    uint64_t Count = 0, Bytes = 0;
    Status Inferred = inferStep(Steps[I], Weights, Limit, Value);
    if (Inferred.ok() &&
        (Value.Shape.size() > MaxRank || !elementCount(Value.Shape, Count) ||
         !elementBytes(Value.Type, Count, Bytes) || Count > MaxElements))
      Inferred = invalidArgument("the result is too large");
    if (!Inferred.ok())
      return Inferred.at("step " + std::to_string(I));
  }
  return Value;
}
