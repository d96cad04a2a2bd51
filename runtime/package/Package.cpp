// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Element types and step builders.

#include "runtime/package/Package.h"

#include "runtime/base/Checked.h"

#include <algorithm>
#include <iterator>

using namespace dure;

namespace {

struct TypeRow {
  const char *Name;
  unsigned Bits;
};

// In the order of ElementType. The names are ONNX's, in lower case.
constexpr TypeRow Types[ElementTypeCount] = {
    {"none", 0},           {"float32", 32},     {"float16", 16},
    {"bfloat16", 16},      {"float64", 64},     {"int8", 8},
    {"uint8", 8},          {"int16", 16},       {"uint16", 16},
    {"int32", 32},         {"uint32", 32},      {"int64", 64},
    {"uint64", 64},        {"bool", 8},         {"int4", 4},
    {"uint4", 4},          {"float8e4m3fn", 8}, {"float8e5m2", 8},
    {"float8e8m0", 8},     {"float4e2m1", 4},   {"float8e4m3fnuz", 8},
    {"float8e5m2fnuz", 8},
};

} // namespace

unsigned dure::elementBits(ElementType Type) {
  auto Index = static_cast<unsigned>(Type);
  return Index < ElementTypeCount ? Types[Index].Bits : 0;
}

const char *dure::elementName(ElementType Type) {
  auto Index = static_cast<unsigned>(Type);
  return Index < ElementTypeCount ? Types[Index].Name : "?";
}

bool dure::elementBytes(ElementType Type, uint64_t Count, uint64_t &Bytes) {
  uint64_t Bits = elementBits(Type);
  if (Bits == 4)
    Bytes = Count / 2 + Count % 2;
  else if (!checkedMul(Count, Bits / 8, Bytes))
    return false;
  return Bytes <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

bool dure::elementCount(const std::vector<int64_t> &Shape, uint64_t &Count) {
  // A zero dim does not excuse an overflow beside it: strides must fit, too.
  uint64_t Product = 1;
  bool Empty = false;
  for (int64_t Dim : Shape) {
    if (Dim < 0)
      return false;
    if (Dim == 0) {
      Empty = true;
      continue;
    }
    if (!checkedMul(Product, static_cast<uint64_t>(Dim), Product) ||
        Product > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return false;
  }
  Count = Empty ? 0 : Product;
  return true;
}

//===----------------------------------------------------------------------===//
// Step
//===----------------------------------------------------------------------===//

namespace {

Step makeStep(StepKind Kind, std::vector<int64_t> Ints, int32_t Operand = -1) {
  Step Result;
  Result.Kind = Kind;
  Result.Ints = std::move(Ints);
  Result.Operand = Operand;
  return Result;
}

std::vector<int64_t> joined(std::vector<int64_t> First,
                            const std::vector<int64_t> &Second) {
  First.insert(First.end(), Second.begin(), Second.end());
  return First;
}

} // namespace

const char *dure::stepName(StepKind Kind) {
  static constexpr const char *Names[] = {
      "none", "slice",    "transpose", "reshape", "cast",  "multiply",
      "add",  "subtract", "pad",       "pack",    "concat"};
  auto Index = static_cast<size_t>(Kind);
  return Index < std::size(Names) ? Names[Index] : "?";
}

Step Step::slice(const std::vector<int64_t> &Offsets,
                 const std::vector<int64_t> &Sizes,
                 const std::vector<int64_t> &Strides) {
  std::vector<int64_t> Taken = Strides;
  for (size_t I = 0; I != std::min(Taken.size(), Sizes.size()); ++I)
    if (Sizes[I] <= 1)
      Taken[I] = 1;
  return makeStep(StepKind::Slice, joined(joined(Offsets, Sizes), Taken));
}

Step Step::transpose(std::vector<int64_t> Permutation) {
  return makeStep(StepKind::Transpose, std::move(Permutation));
}

Step Step::reshape(std::vector<int64_t> Shape) {
  return makeStep(StepKind::Reshape, std::move(Shape));
}

Step Step::cast(ElementType Type) {
  Step Result = makeStep(StepKind::Cast, {});
  Result.Type = Type;
  return Result;
}

Step Step::arith(StepKind Kind, int32_t Operand) {
  return makeStep(Kind, {}, Operand);
}

Step Step::arithBlocked(StepKind Kind, int32_t Operand, int64_t Axis,
                        int64_t Block) {
  return makeStep(Kind, {Axis, Block}, Operand);
}

Step Step::pad(const std::vector<int64_t> &Low,
               const std::vector<int64_t> &High, double Value) {
  Step Result = makeStep(StepKind::Pad, joined(Low, High));
  Result.Value = Value;
  return Result;
}

Step Step::packPanels(int64_t Nr) {
  return makeStep(StepKind::Pack, {static_cast<int64_t>(PackKind::Panels), Nr});
}

Step Step::concat(int32_t Operand, int64_t Axis) {
  return makeStep(StepKind::Concat, {Axis}, Operand);
}
