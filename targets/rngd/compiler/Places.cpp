// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Addresses of values; hazards between commands.
#include "targets/rngd/compiler/Places.h"

#include "targets/rngd/machine/Figures.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

static std::pair<Type, MapAttr> innermost(Type type) {
  if (auto hbm = dyn_cast<HbmType>(type))
    return {hbm.getElementType(), hbm.getElement()};
  if (auto dm = dyn_cast<DmType>(type))
    return {dm.getElementType(), dm.getElement()};
  if (auto trf = dyn_cast<TrfType>(type))
    return {trf.getElementType(), trf.getElement()};
  auto vrf = cast<VrfType>(type);
  return {vrf.getElementType(), vrf.getElement()};
}

static int64_t localBytes(Type memory) {
  auto [element, map] = innermost(memory);
  return (positions(map.getDigits()) * element.getIntOrFloatBitWidth() + 7) / 8;
}

/// Says which clusters and slices an access to `type` is in, and whether it
/// leaves nothing out.
static void spread(Type type, Access &access) {
  auto whole = [](MapAttr map) {
    return llvm::all_of(map.getDigits(), [](const Digit &digit) {
      return digit.size == digit.extent;
    });
  };
  access.dense = whole(innermost(type).second);
  auto over = [&](MapAttr clusters, MapAttr slices) {
    access.clusters = positions(clusters.getDigits());
    access.slices = positions(slices.getDigits());
    access.dense &= whole(clusters) && whole(slices);
  };
  if (auto dm = dyn_cast<DmType>(type))
    over(dm.getCluster(), dm.getSlice());
  else if (auto trf = dyn_cast<TrfType>(type))
    over(trf.getCluster(), trf.getSlice());
  else if (auto vrf = dyn_cast<VrfType>(type))
    over(vrf.getCluster(), vrf.getSlice());
}

bool isGiven(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument)
    return isa<ConstantOp>(value.getDefiningOp());
  auto program = cast<func::FuncOp>(argument.getOwner()->getParentOp());
  return !program.getArgAttr(argument.getArgNumber(), "tcp.result");
}

void Places::bind(BlockArgument argument) {
  known[argument] = {Access::Binding, argument.getArgNumber(), 0,
                     localBytes(argument.getType()), false};
  spread(argument.getType(), known[argument]);
  known[argument].fixed = isGiven(argument);
}

LogicalResult Places::define(Operation *op) {
  Value result = op->getResult(0);
  Type type = result.getType();
  int64_t bytes = localBytes(type);
  if (auto view = dyn_cast<ViewOp>(op)) {
    Access access = known.lookup(view.getSource());
    auto [element, map] = innermost(type);
    access.begin += view.getOffset();
    access.end =
        access.begin +
        (reach(map.getDigits()) * element.getIntOrFloatBitWidth() + 7) / 8;
    spread(type, access);
    access.firstSlice += static_cast<int64_t>(view.getSlice());
    known[result] = access;
    return success();
  }
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
    if (!dense || dense.getElementType().getIntOrFloatBitWidth() % 8 != 0)
      return op->emitOpError("needs dense elements of whole bytes");
    while (module.constants.size() % HbmUnit != 0)
      module.constants.push_back(0);
    auto begin = static_cast<int64_t>(module.constants.size());
    ArrayRef<char> raw = dense.getRawData();
    int64_t unit = dense.getElementType().getIntOrFloatBitWidth() / 8;
    if (dense.isSplat())
      for (int64_t i = 0; i < bytes; i += unit)
        module.constants.insert(module.constants.end(), raw.begin(),
                                raw.begin() + unit);
    else
      module.constants.insert(module.constants.end(), raw.begin(), raw.end());
    while (module.constants.size() % DmaAlignment != 0 ||
           static_cast<int64_t>(module.constants.size()) < begin + bytes)
      module.constants.push_back(0);
    known[result] = {Access::Constants, 0, begin, begin + bytes, false};
    known[result].fixed = isGiven(result);
    return success();
  }
  auto alloc = cast<AllocOp>(op);
  auto begin = static_cast<int64_t>(alloc.getOffset());
  Access::Memory memory = isa<HbmType>(type)   ? Access::Workspace
                          : isa<DmType>(type)  ? Access::DataMemory
                          : isa<TrfType>(type) ? Access::Trf
                                               : Access::Vrf;
  if (memory == Access::Workspace)
    workspace = std::max<uint64_t>(workspace, begin + bytes);
  known[result] = {memory, 0, begin, begin + bytes, false};
  spread(type, known[result]);
  return success();
}

fb::Address Places::address(Value value) const {
  Access access = known.lookup(value);
  fb::Space space = access.memory == Access::Binding     ? fb::Space::Binding
                    : access.memory == Access::Workspace ? fb::Space::Workspace
                    : access.memory == Access::Constants
                        ? fb::Space::Constants
                        : fb::Space::DataMemory;
  int64_t offset = access.firstSlice * DmaSliceStride + access.begin;
  return fb::Address(space, access.index, static_cast<uint64_t>(offset));
}

Access Places::access(Value value, bool writes) const {
  Access access = known.lookup(value);
  access.writes = writes;
  return access;
}

/// Whoever conflicts later with what a write covers conflicts with the write,
/// which comes after it: the covered need not be remembered.
void Dependences::forgetCovered() {
  llvm::erase_if(earlier, [&](const Earlier &before) {
    return before.group != group &&
           llvm::any_of(written, [&](const Access &write) {
             return write.covers(before.access);
           });
  });
  written.clear();
}

SmallVector<uint32_t> Dependences::add(uint32_t command, unsigned lane,
                                       unsigned inGroup,
                                       ArrayRef<Access> accesses) {
  // Only once all of a group have seen what was before it.
  if (inGroup != group)
    forgetCovered();
  group = inGroup;
  llvm::SmallDenseMap<unsigned, uint32_t> latest;
  for (const Access &access : accesses)
    for (const Earlier &before : earlier)
      if (before.lane != lane && before.group != group &&
          access.conflicts(before.access)) {
        uint32_t &last = latest[before.lane];
        last = std::max(last, before.command);
      }
  for (const Access &access : accesses) {
    if (!access.fixed)
      earlier.push_back({command, lane, group, access});
    if (access.writes)
      written.push_back(access);
  }
  SmallVector<uint32_t> after;
  for (auto [_, last] : latest)
    after.push_back(last);
  return after;
}

} // namespace dure::rngd
