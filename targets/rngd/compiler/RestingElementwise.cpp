// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One pass of the vector engine where an operand lies: the kernel before has
// left it in data memory, in a layout of its own. Other operands are brought
// into that layout; what repeats comes from the vector register file.
#include "targets/rngd/compiler/ElementwiseKernel.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

/// Digits of an element that a sequencer has room for, beside the packet's and
/// those that tell halves and pairs apart.
constexpr size_t MostDigits = 4;

class RestingElementwise {
public:
  RestingElementwise(KernelBuilder &k, Operation *op, const KernelOperands &at)
      : k(k), op(op), at(at), repeats(repetitionOf(op)) {
    if (repeats) {
      for (const Space::Axis &axis : repeats->space.axes)
        view.push_back(k.digit(axis.name, axis.size));
    } else {
      view.push_back(k.digit("e", wholeElements(at.result)));
    }
  }

  bool run();

private:
  bool isWhole(unsigned operand) const;
  bool isImmediate(unsigned operand) const;
  bool variesAlong(unsigned operand, StringAttr axis) const;
  bool adopt(unsigned operand);
  DigitList restricted(const DigitList &digits, unsigned operand) const;
  DigitList fileOf(unsigned operand) const;
  Value registersOf(unsigned operand, Value local);

  KernelBuilder &k;
  Operation *op;
  const KernelOperands &at;
  std::optional<Repetition> repeats;
  /// All elements of the result, row by row.
  DigitList view;
  KernelBuilder::Resting layout;
};

} // namespace

bool RestingElementwise::isImmediate(unsigned operand) const {
  return op->getNumOperands() > 1 &&
         splatOf(op->getOperand(operand)).has_value();
}

bool RestingElementwise::isWhole(unsigned operand) const {
  return elementsOf(op->getOperand(operand)) == elementsOf(op->getResult(0));
}

bool RestingElementwise::variesAlong(unsigned operand, StringAttr axis) const {
  for (auto [digit, varies] : llvm::zip(view, repeats->varies[operand]))
    if (digit.axis == axis)
      return varies;
  return false;
}

/// The digits of axes along which an operand varies.
DigitList RestingElementwise::restricted(const DigitList &digits,
                                         unsigned operand) const {
  DigitList some;
  for (const Digit &digit : digits)
    if (variesAlong(operand, digit.axis))
      some.push_back(digit);
  return some;
}

/// An operand's layout in the register file, of whole flits. Where it repeats
/// within packets, the numbers of those that follow each other are the file's
/// packets.
DigitList RestingElementwise::fileOf(unsigned operand) const {
  DigitList file = restricted(layout.element, operand);
  if (file.empty())
    return {k.digit("_", 1, 1, 8)};
  Digit inner = file.back();
  int64_t width = std::gcd<int64_t>(inner.size, 8);
  if (width == 8 && variesAlong(operand, layout.element.back().axis))
    return file;
  file.pop_back();
  file.push_back({inner.axis, inner.stride * width, inner.size / width,
                  inner.size / width});
  file.push_back({inner.axis, inner.stride, width, 8});
  return file;
}

Value RestingElementwise::registersOf(unsigned operand, Value local) {
  k.copy(k.hbm(at.inputs[operand], restricted(view, operand)), local);
  DigitList file = fileOf(operand), time = file;
  Digit packet = time.pop_back_val();
  int64_t width = std::gcd<int64_t>(packet.size, 8);
  if (packet.size > width)
    time.push_back({packet.axis, packet.stride * width, packet.size / width,
                    packet.size / width});
  packet.size = packet.extent = width;
  Value registers = k.vrf(k.f32(), layout.grid, file);
  k.exec(Context::Sub, [&] {
    k.toVrf(k.collect(k.fetch(local, time, {packet})), registers);
  });
  return registers;
}

/// The pass in the layout of one operand.
bool RestingElementwise::adopt(unsigned operand) {
  auto found = k.resting(at.inputs[operand], view);
  if (!found || found->element.size() > MostDigits)
    return false;
  layout = *found;
  int64_t each = positions(layout.element);
  Digit inner = layout.element.back();
  int64_t width = std::gcd<int64_t>(inner.size, 8);
  // DMA moves two numbers at least, and so many are a packet.
  if (width < 2)
    return false;
  std::optional<unsigned> other;
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    if (i != operand && !isImmediate(i))
      other = i;
  bool isRegistered = other && !isWhole(*other);
  DigitList there = layout.element;
  if (isRegistered) {
    there = restricted(layout.element, *other);
    DigitList file = fileOf(*other);
    if (positions(file) * 4 > VrfBytes || file.back().size % 2 != 0)
      return false;
  }
  if (each * 4 * (other && !isRegistered ? 2 : 1) + positions(there) * 4 >
      DmBudget)
    return false;
  // Memory first: taking it may end that the operand lies there.
  k.releaseAll();
  Value local = other ? k.dm(k.f32(), layout.grid, there) : Value();
  Value out = k.dm(k.f32(), layout.grid, layout.element);
  if (!k.resting(at.inputs[operand], view))
    return false;
  SmallVector<Value> in = {layout.place};
  std::optional<Registered> registered;
  if (isRegistered) {
    registered = {*other, registersOf(*other, local)};
  } else if (other) {
    k.copy(k.hbm(at.inputs[*other], view), local);
    in.insert(*other < operand ? in.begin() : in.end(), local);
  }
  DigitList time = layout.element;
  time.back() = {inner.axis, inner.stride * width, inner.size / width,
                 inner.size / width};
  elementwisePass(k, op, in, registered, out, time,
                  {{inner.axis, inner.stride, width, width}});
  k.copy(out, k.hbm(at.result, view));
  return true;
}

bool RestingElementwise::run() {
  for (unsigned i = 0; i < op->getNumOperands(); ++i)
    if (isWhole(i) && !isImmediate(i) && adopt(i))
      return true;
  return false;
}

bool emitWhereItLies(KernelBuilder &k, Operation *op,
                     const KernelOperands &at) {
  return RestingElementwise(k, op, at).run();
}

} // namespace dure::rngd
