// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Types of each step from those before it; places one after the other.
#include "targets/rngd/compiler/KernelBuilder.h"

#include "targets/rngd/compiler/Encoder.h"

#include "dialects/tcp/Steps.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {

static constexpr int64_t FlitBits = FlitBytes * 8;

SmallVector<Share> divide(int64_t rows, int64_t most, int64_t unit) {
  SmallVector<Share> shares;
  int64_t first = 0;
  most = std::max(unit, most / unit * unit);
  while (first < rows) {
    int64_t left = rows - first;
    int64_t each = llvm::divideCeil(left, Clusters * SlicesPerCluster);
    each = std::min<int64_t>(llvm::alignTo(each, unit), most);
    if (each > left)
      each = left >= unit ? left / unit * unit : left;
    int64_t count = std::min<int64_t>(left / each, Clusters * SlicesPerCluster);
    int64_t clusters = count > SlicesPerCluster ? Clusters : 1;
    count = count / clusters * clusters;
    shares.push_back({first, clusters, count / clusters, each});
    first += shares.back().rows();
  }
  return shares;
}

SmallVector<Share> unitShares(int64_t count, int64_t most, int64_t unit) {
  int64_t whole = count / unit * unit;
  SmallVector<Share> shares = divide(whole, most, unit);
  for (Share rest : divide(count - whole, most, 8)) {
    rest.first += whole;
    shares.push_back(rest);
  }
  return shares;
}

int64_t wholeElements(Value binding) {
  auto type = cast<HbmType>(binding.getType());
  int64_t bits = type.getElementType().getIntOrFloatBitWidth();
  return llvm::alignTo(reach(type.getElement().getDigits()),
                       std::max<int64_t>(1, DmaAlignment * 8 / bits));
}

SmallVector<int64_t> starts(int64_t all, int64_t size) {
  SmallVector<int64_t> result;
  for (int64_t from = 0; from < all; from += size)
    result.push_back(std::min(from, all - size));
  return result;
}

Digit KernelBuilder::digit(StringRef axis, int64_t size, int64_t stride,
                           int64_t extent) {
  StringAttr name = axis == "_" ? StringAttr() : b.getStringAttr(axis);
  return {name, stride, size, std::max(size, extent)};
}

Grid KernelBuilder::grid(StringRef axis, const Share &share) {
  Grid grid;
  if (share.clusters > 1)
    grid.cluster = {digit(axis, share.clusters, share.slices * share.each)};
  grid.slice = {digit(axis, share.slices, share.each)};
  return grid;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static int64_t bitsOf(Type type) { return type.getIntOrFloatBitWidth(); }
static DigitList listOf(MapAttr map) { return DigitList(map.getDigits()); }

Value KernelBuilder::hbm(Value binding, const DigitList &element, int64_t first,
                         Type type) {
  if (!type)
    type = cast<HbmType>(binding.getType()).getElementType();
  return ViewOp::create(b, HbmType::get(b.getContext(), type, map(element)),
                        binding, first * bitsOf(type) / 8);
}

Value KernelBuilder::alloc(Type type, int64_t &next, int64_t bytes,
                           int64_t capacity, int64_t alignment) {
  next = llvm::alignTo(next, alignment);
  if (next + bytes > capacity) {
    // Reported once the kernel is whole; meanwhile anything will do.
    overflow = true;
    next = 0;
  }
  Value place = AllocOp::create(b, type, next);
  next += bytes;
  return place;
}

Value KernelBuilder::part(Value local, const DigitList &element, int64_t offset,
                          Type type) {
  MLIRContext *context = b.getContext();
  Type result;
  if (auto trf = dyn_cast<TrfType>(local.getType()))
    result = TrfType::get(context, type ? type : trf.getElementType(),
                          trf.getCluster(), trf.getSlice(), trf.getLane(),
                          map(element));
  else if (auto vrf = dyn_cast<VrfType>(local.getType()))
    result = VrfType::get(context, type ? type : vrf.getElementType(),
                          vrf.getCluster(), vrf.getSlice(), map(element));
  else if (auto dm = dyn_cast<DmType>(local.getType()))
    result = DmType::get(context, type ? type : dm.getElementType(),
                         dm.getCluster(), dm.getSlice(), map(element));
  return ViewOp::create(b, result, local, offset);
}

Value KernelBuilder::constant(DenseElementsAttr value,
                              const DigitList &element) {
  return tcp::ConstantOp::create(
      b, HbmType::get(b.getContext(), value.getElementType(), map(element)),
      value);
}

Value KernelBuilder::dm(Type type, const Grid &grid, const DigitList &element) {
  int64_t bytes = llvm::alignTo(
      llvm::divideCeil(positions(element) * bitsOf(type), 8), FlitBytes);
  auto skipTo = [&](int64_t place) {
    takenDm += place - nextDm;
    nextDm = place;
  };
  bool wraps = policy == Policy::Rotate;
  for (bool isFree = false; !isFree && takenDm <= DmBytes;) {
    if (nextDm + bytes > DmBytes && wraps) {
      skipTo(DmBytes);
      nextDm = 0;
    }
    isFree = true;
    for (auto [begin, end] : pinned)
      if (nextDm < end && begin < nextDm + bytes) {
        skipTo(llvm::alignTo(end, FlitBytes));
        isFree = false;
      }
  }
  takenDm += bytes;
  overflow |= takenDm > DmBytes;
  return keepStores(alloc(DmType::get(b.getContext(), type, map(grid.cluster),
                                      map(grid.slice), map(element)),
                          nextDm, bytes, DmBytes, FlitBytes));
}

Value KernelBuilder::dmOver(Value place, Type type, const Grid &grid,
                            const DigitList &element) {
  return dmWithin(place, 0, type, grid, element);
}

Value KernelBuilder::dmWithin(Value place, int64_t offset, Type type,
                              const Grid &grid, const DigitList &element) {
  return keepStores(
      AllocOp::create(b,
                      DmType::get(b.getContext(), type, map(grid.cluster),
                                  map(grid.slice), map(element)),
                      place.getDefiningOp<AllocOp>().getOffset() + offset));
}

Value KernelBuilder::trf(Type type, const Grid &grid, const DigitList &lane,
                         const DigitList &element) {
  int64_t bytes = llvm::divideCeil(positions(element) * bitsOf(type), 8);
  return alloc(TrfType::get(b.getContext(), type, map(grid.cluster),
                            map(grid.slice), map(lane), map(element)),
               nextTrf, bytes, TrfBytes / positions(lane), 2 * FlitBytes);
}

Value KernelBuilder::vrf(Type type, const Grid &grid,
                         const DigitList &element) {
  int64_t bytes = positions(element) * bitsOf(type) / 8;
  return alloc(VrfType::get(b.getContext(), type, map(grid.cluster),
                            map(grid.slice), map(element)),
               nextVrf, bytes, VrfBytes, FlitBytes);
}

//===----------------------------------------------------------------------===//
// Commands
//===----------------------------------------------------------------------===//

/// Bytes that a copy to this memory writes.
static int64_t writtenBytes(Type memory) {
  auto live = [](MapAttr map) {
    int64_t count = 1;
    for (const Digit &each : map.getDigits())
      count *= each.size;
    return count;
  };
  if (auto hbm = dyn_cast<HbmType>(memory))
    return live(hbm.getElement()) * bitsOf(hbm.getElementType()) / 8;
  auto dm = cast<DmType>(memory);
  return live(dm.getCluster()) * live(dm.getSlice()) * live(dm.getElement()) *
         bitsOf(dm.getElementType()) / 8;
}

void KernelBuilder::setPolicy(Policy of) {
  // What a kernel that did not fit has done to residents is undone.
  if (overflow)
    residents = residentsBefore;
  else
    residentsBefore = residents;
  policy = of;
  overflow = false;
  stores.clear();
  pinned.clear();
  releaseAll();
}

void KernelBuilder::pin(Value place) { pinned.push_back(bytesOf(place)); }
void KernelBuilder::unpin(Value place) { llvm::erase(pinned, bytesOf(place)); }

void KernelBuilder::writeStores() {
  SmallVector<Store> all;
  std::swap(all, stores);
  for (const Store &store : all)
    writeCopy(store.source, store.target, store.least);
}

void KernelBuilder::forget(Value root) {
  kept.erase(root);
  llvm::erase_if(residents,
                 [&](const Resident &each) { return each.root == root; });
}

void KernelBuilder::settle(Value root) {
  for (Resident &each : residents)
    if (each.root == root && !each.stored) {
      each.stored = true;
      writeCopy(each.store.source, each.store.target, each.store.least);
    }
}

void KernelBuilder::evict(Value place) {
  auto [begin, end] = bytesOf(place);
  auto overlaps = [&](const Store &store) {
    return begin < store.end && store.begin < end;
  };
  for (const Resident &each : residents)
    if (overlaps(each.store) && !each.stored)
      writeCopy(each.store.source, each.store.target, each.store.least);
  llvm::erase_if(residents,
                 [&](const Resident &each) { return overlaps(each.store); });
}

/// A new place; what is still to be stored from its bytes is stored first.
Value KernelBuilder::keepStores(Value place) {
  auto [begin, end] = bytesOf(place);
  if (llvm::any_of(stores, [&](const Store &store) {
        return begin < store.end && store.begin < end;
      }))
    writeStores();
  evict(place);
  return place;
}

/// From where a kernel has left it, if all of it is there and the ways through
/// both places are within what a sequencer does.
bool KernelBuilder::copyFromResident(Value source, Value target,
                                     int64_t least) {
  Value root = wholeOf(source);
  for (const Resident &each : residents) {
    if (each.root != root)
      continue;
    auto ends = endsOf(b, each, source, target);
    if (!ends)
      continue;
    auto [read, written] = *ends;
    // Within data memory an engine reads and writes by turns.
    int64_t bytes = writtenBytes(target.getType());
    int64_t commands = std::clamp<int64_t>(
        std::max(least, bytes / int64_t(DmaStartup / 16 * DmaRequest)), 1,
        DmaEngines);
    auto copy = TdmaOp::create(b, TokenType::get(b.getContext()), read, written,
                               nextEngine % DmaEngines, commands, ValueRange());
    ScopedDiagnosticHandler quiet(b.getContext(),
                                  [](Diagnostic &) { return success(); });
    if (succeeded(copy.verify())) {
      nextEngine += commands;
      return true;
    }
    copy.erase();
  }
  return false;
}

std::optional<KernelBuilder::Resting>
KernelBuilder::resting(Value root, const DigitList &view) {
  for (const Resident &each : residents) {
    if (each.root != root || each.first != 0)
      continue;
    auto type = cast<DmType>(each.local.getType());
    // A move may have written f32 as words of i32.
    Type ofValue = cast<HbmType>(root.getType()).getElementType();
    if (bitsOf(type.getElementType()) != bitsOf(ofValue))
      continue;
    StringAttr axis = numberAxis(b.getContext());
    auto over = [&](MapAttr map) { return named(map.getDigits(), view, axis); };
    auto cluster = over(type.getCluster()), slice = over(type.getSlice()),
         element = over(type.getElement());
    if (!cluster || !slice || !element)
      continue;
    int64_t held = 1;
    for (const DigitList &digits : {*cluster, *slice, *element})
      for (const Digit &digit : digits)
        held *= digit.axis ? digit.size : 1;
    bool isDense = llvm::all_of(*element, [](const Digit &digit) {
      return digit.extent == 1 || (digit.axis && digit.size == digit.extent);
    });
    // Of slices that were reduced only the first has something to read.
    bool isEverywhere = llvm::all_of(*slice, [](const Digit &digit) {
      return digit.axis || digit.size == digit.extent;
    });
    if (held != positions(view) || !isDense || !isEverywhere)
      continue;
    DigitList some = listOf(map(normalized(*element)));
    if (some.empty())
      continue;
    auto local = DmType::get(b.getContext(), ofValue, map(*cluster),
                             map(*slice), map(some));
    return Resting{
        ViewOp::create(b, local, each.local, 0), {*cluster, *slice}, some};
  }
  return std::nullopt;
}

/// DMA engines run their commands in order, and a store waits for what is
/// computed: loads for the next instruction are written ahead of it.
void KernelBuilder::copy(Value source, Value target, int64_t least) {
  if (isa<DmType>(source.getType()) && isa<HbmType>(target.getType())) {
    auto [begin, end] = bytesOf(source);
    Store store = {source, target, least, begin, end};
    auto value = kept.find(wholeOf(target));
    std::optional<Resident> stays;
    if (value != kept.end())
      stays = residentOf(b, store);
    if (stays) {
      stays->stored = value->second;
      residents.push_back(*stays);
    }
    if (!stays || stays->stored)
      stores.push_back(store);
    return;
  }
  if (isa<DmType>(target.getType())) {
    evict(target);
    if (isa<HbmType>(source.getType()) &&
        copyFromResident(source, target, least))
      return;
  }
  if (llvm::any_of(stores, [&](const Store &store) {
        return wholeOf(store.target) == wholeOf(source) ||
               wholeOf(store.target) == wholeOf(target);
      }))
    writeStores();
  settle(wholeOf(source));
  writeCopy(source, target, least);
}

/// A command costs 500 cycles, in which an engine moves 128 KB
/// (dma-engine.md): what is much more than that is shared out.
static int64_t commandsTo(Value target, int64_t least) {
  return std::clamp<int64_t>(
      std::max(least, writtenBytes(target.getType()) / (128 * 1024)), 1,
      DmaEngines);
}

void KernelBuilder::writeCopy(Value source, Value target, int64_t least) {
  int64_t commands = commandsTo(target, least);
  TdmaOp::create(b, TokenType::get(b.getContext()), source, target,
                 nextEngine % DmaEngines, commands, ValueRange());
  nextEngine += commands;
}

void KernelBuilder::gather(Value source, Value index, StringRef key,
                           Value target) {
  // What it reads is stored before; other stores wait, as beside a copy.
  if (llvm::any_of(stores, [&](const Store &store) {
        return wholeOf(store.target) == wholeOf(source) ||
               wholeOf(store.target) == wholeOf(index);
      }))
    writeStores();
  for (Value read : {source, index})
    if (isa<HbmType>(read.getType()))
      settle(wholeOf(read));
  evict(target);
  int64_t commands = commandsTo(target, 1);
  TdmaGatherOp::create(b, TokenType::get(b.getContext()), source, index, target,
                       key, nextEngine % DmaEngines, commands, ValueRange());
  nextEngine += commands;
}

void KernelBuilder::scatter(Value source, Value target, Value index,
                            StringRef key, bool isBeside) {
  writeStores();
  auto here = dyn_cast<HbmType>(source.getType());
  std::optional<Resting> stays;
  if (here)
    stays = resting(wholeOf(source), DigitList(here.getElement().getDigits()));
  if (stays) {
    // Of slices that have the same, one.
    auto once = [&](DigitList digits) {
      for (Digit &digit : digits)
        digit.size = digit.axis ? digit.size : 1;
      return map(digits);
    };
    auto type = cast<DmType>(stays->place.getType());
    source =
        ViewOp::create(b,
                       DmType::get(b.getContext(), type.getElementType(),
                                   once(stays->grid.cluster),
                                   once(stays->grid.slice), type.getElement()),
                       stays->place, 0);
  } else if (here) {
    settle(wholeOf(source));
  }
  auto made = TdmaScatterOp::create(b, TokenType::get(b.getContext()), source,
                                    target, index, key,
                                    nextEngine++ % DmaEngines, ValueRange());
  scatters += isBeside ? 0 : 1;
  made->setAttr(BesideAttr, b.getI64IntegerAttr(scatters));
}

void KernelBuilder::exec(Context context, function_ref<void()> body) {
  writeStores();
  auto op =
      ExecOp::create(b, TokenType::get(b.getContext()), context, ValueRange());
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&op.getBody());
  body();
  if (overflow)
    return;
  // What it overwrites is stored before.
  b.setInsertionPoint(op);
  op.walk([&](CommitOp commit) { evict(commit.getTarget()); });
  FailureOr<Operation *> starving = starvingStep(op);
  op.setOccupiesDma(succeeded(starving) && *starving);
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

StreamType KernelBuilder::withPacket(Value stream, const DigitList &time,
                                     const DigitList &packet, Type type) {
  auto old = cast<StreamType>(stream.getType());
  return StreamType::get(b.getContext(), type ? type : old.getElementType(),
                         old.getCluster(), old.getSlice(), map({}), map(time),
                         map(packet));
}

Value KernelBuilder::fetch(Value source, const DigitList &time,
                           const DigitList &packet) {
  auto from = cast<DmType>(source.getType());
  auto type =
      StreamType::get(b.getContext(), from.getElementType(), from.getCluster(),
                      from.getSlice(), map({}), map(time), map(packet));
  return FetchOp::create(b, type, source);
}

Value KernelBuilder::fetchPair(Value first, Value second, const DigitList &time,
                               const DigitList &packet) {
  auto from = cast<DmType>(first.getType());
  DigitList both = time;
  both.push_back(digit("pair", 2));
  auto type =
      StreamType::get(b.getContext(), from.getElementType(), from.getCluster(),
                      from.getSlice(), map({}), map(both), map(packet));
  return FetchPairOp::create(b, type, first, second, "pair");
}

Value KernelBuilder::fetchCast(Value stream, Type type) {
  auto from = cast<StreamType>(stream.getType());
  if (from.getElementType() == type)
    return stream;
  return FetchCastOp::create(b,
                             withPacket(stream, listOf(from.getTime()),
                                        listOf(from.getPacket()), type),
                             stream);
}

Value KernelBuilder::fetchLess(Value stream, int64_t zero) {
  auto from = cast<StreamType>(stream.getType());
  Type staged = b.getIntegerType(
      static_cast<unsigned>(bitsOf(from.getElementType()) + 1));
  return FetchZeroPointOp::create(b,
                                  withPacket(stream, listOf(from.getTime()),
                                             listOf(from.getPacket()), staged),
                                  stream, zero);
}

Value KernelBuilder::passRound(Value stream, int64_t ring, const Grid &grid,
                               const DigitList &time) {
  auto from = cast<StreamType>(stream.getType());
  auto type =
      StreamType::get(b.getContext(), from.getElementType(), map(grid.cluster),
                      map(grid.slice), map({}), map(time), from.getPacket());
  // Broadcast01 takes time0 steps of each of slice1 in turn.
  int64_t inner = 1;
  for (const Digit &each : from.getTime().getDigits())
    if (each.axis == from.getPacket().getDigits().back().axis)
      inner *= each.extent;
  return SwitchOp::create(b, type, stream, Topology::Broadcast01, ring, 1,
                          inner);
}

Value KernelBuilder::collect(Value stream) {
  auto from = cast<StreamType>(stream.getType());
  // The one bit more of what a zero point was taken from has no place.
  int64_t flit = FlitBits / (bitsOf(from.getElementType()) & ~int64_t(1));
  DigitList time = listOf(from.getTime()), packet = listOf(from.getPacket());
  int64_t have = positions(packet);
  // A packet of less than a flit is padded, one of several is cut in its
  // innermost digit.
  if (have < flit) {
    if (packet.size() == 1)
      packet.front().extent = flit;
    else
      packet.insert(packet.begin(), digit("_", 1, 1, flit / have));
  } else if (have > flit) {
    Digit inner = packet.back();
    int64_t outer = inner.size / flit;
    packet.pop_back();
    llvm::append_range(time, packet);
    time.push_back({inner.axis, inner.stride * flit, outer, outer});
    inner.size = inner.extent = flit;
    packet = {inner};
  }
  return CollectOp::create(b, withPacket(stream, time, packet), stream);
}

void KernelBuilder::toTrf(Value stream, Value trf) {
  ToTrfOp::create(b, stream, trf);
}
void KernelBuilder::toVrf(Value stream, Value vrf) {
  ToVrfOp::create(b, stream, vrf);
}

Value KernelBuilder::contract(Value stream, Value trf, int64_t pack,
                              const DigitList &broadcast, StringRef sum) {
  auto in = cast<StreamType>(stream.getType());
  auto with = cast<TrfType>(trf.getType());
  MLIRContext *context = b.getContext();
  Type result = isa<IntegerType>(in.getElementType()) ? i32() : f32();
  Digit packet = in.getPacket().getDigits().back();
  packet.size = packet.extent = packet.size * pack;
  // The stream's time, less what a packet took of its innermost digit.
  DigitList outTime = listOf(in.getTime());
  if (pack == 2) {
    Digit &inner = outTime.back();
    inner = {inner.axis, inner.stride * 2, inner.size / 2, inner.extent / 2};
  }
  llvm::append_range(outTime, broadcast);
  auto streamType = [&](const DigitList &t, const DigitList &p, bool lanes) {
    return StreamType::get(context, result, in.getCluster(), in.getSlice(),
                           lanes ? with.getLane() : map({}), map(t), map(p));
  };
  Value product = ContractOuterOp::create(
      b, streamType(outTime, {packet}, true), stream, trf, pack);
  int64_t depth = llvm::Log2_64(packet.size);
  DigitList one = {digit("_", 1)};
  Value added = ContractPacketOp::create(b, streamType(outTime, one, true),
                                         product, depth);
  DigitList kept;
  for (const Digit &each : outTime)
    if (!each.axis || each.axis.getValue() != sum)
      kept.push_back(each);
  Value summed = ContractTimeOp::create(b, streamType(kept, one, true), added);
  DigitList lanes = listOf(with.getLane());
  if (lanes.size() == 1)
    lanes.front().extent = 8;
  return ContractLaneOp::create(b, streamType(kept, lanes, false), summed,
                                /*sequential=*/false);
}

Value KernelBuilder::transpose(Value stream, int64_t rows, int64_t columns,
                               const DigitList &time, const DigitList &packet) {
  return tcp::TransposeOp::create(b, withPacket(stream, time, packet), stream,
                                  rows, columns);
}

void KernelBuilder::commit(Value stream, Value target) {
  CommitOp::create(b, stream, target);
}

//===----------------------------------------------------------------------===//
// Vector engine
//===----------------------------------------------------------------------===//

Value KernelBuilder::vector(VectorKind kind, Value stream, Value vrf,
                            Arguments arguments, Attribute immediate,
                            bool stash, bool zip, Type result, int64_t groups) {
  return tcp::VectorOp::create(b, result, stream, vrf, kind, arguments,
                               immediate, stash, zip, groups);
}

/// Two tensors in turns: both halves of a flit count in step, even of padding.
static bool isPair(StreamType stream) {
  return llvm::any_of(stream.getTime().getDigits(), [](const Digit &each) {
    return each.axis && each.axis.getValue() == "pair";
  });
}

Value KernelBuilder::narrow(Value stream) {
  auto from = cast<StreamType>(stream.getType());
  DigitList time = listOf(from.getTime());
  Digit packet = from.getPacket().getDigits().back();
  bool trim = packet.size <= 4 && !isPair(from);
  // The half that a short packet does not fill counts for nothing, and takes
  // the same operands.
  if (!trim && packet.size <= 4)
    time.push_back(digit("_", 2));
  else if (!trim)
    time.push_back({packet.axis, packet.stride * 4, 2, 2});
  packet.size = std::min<int64_t>(packet.size, 4);
  packet.extent = 4;
  return vector(trim ? VectorKind::NarrowTrim : VectorKind::NarrowSplit, stream,
                {}, Arguments::StreamOperand, {}, false, false,
                withPacket(stream, time, {packet}));
}

Value KernelBuilder::widen(Value stream, Value like, StringRef without) {
  auto before = cast<StreamType>(like.getType());
  DigitList time;
  for (const Digit &each : before.getTime().getDigits())
    if (!each.axis ||
        (each.axis.getValue() != "pair" && each.axis.getValue() != without))
      time.push_back(each);
  bool pad = before.getPacket().getDigits().back().size <= 4 && !isPair(before);
  return vector(pad ? VectorKind::WidenPad : VectorKind::WidenConcat, stream,
                {}, Arguments::StreamOperand, {}, false, false,
                withPacket(stream, time, listOf(before.getPacket())));
}

Value KernelBuilder::step(VectorKind kind, Value stream, Arguments arguments) {
  return vector(kind, stream, {}, arguments, {}, false, false,
                stream.getType());
}

Value KernelBuilder::stepImm(VectorKind kind, Value stream, float value,
                             Arguments arguments) {
  return vector(kind, stream, {}, arguments, b.getF32FloatAttr(value), false,
                false, stream.getType());
}

Value KernelBuilder::stepVrf(VectorKind kind, Value stream, Value vrf,
                             Arguments arguments, int64_t groups) {
  return vector(kind, stream, vrf, arguments, {}, false, false,
                stream.getType(), groups);
}

Value KernelBuilder::stepFma(Value stream, float factor, float addend) {
  return tcp::VectorOp::create(b, stream.getType(), stream, Value(),
                               VectorKind::Fma, Arguments::StreamOperand,
                               b.getF32FloatAttr(factor), false, false,
                               b.getF32FloatAttr(addend));
}

Value KernelBuilder::stepStash(VectorKind kind, Value stream) {
  return vector(kind, stream, {}, Arguments::StreamOperand, {}, true, false,
                stream.getType());
}

Value KernelBuilder::zip(VectorKind kind, Value stream, Arguments arguments) {
  auto from = cast<StreamType>(stream.getType());
  DigitList time;
  for (const Digit &each : from.getTime().getDigits())
    if (!each.axis || each.axis.getValue() != "pair")
      time.push_back(each);
  return vector(kind, stream, {}, arguments, {}, false, true,
                withPacket(stream, time, listOf(from.getPacket())));
}

Value KernelBuilder::convert(VectorKind kind, Value stream, Type type) {
  auto from = cast<StreamType>(stream.getType());
  return vector(kind, stream, {}, Arguments::StreamOperand, {}, false, false,
                withPacket(stream, listOf(from.getTime()),
                           listOf(from.getPacket()), type));
}

Value KernelBuilder::stepInt(VectorKind kind, Value stream, int32_t value,
                             int64_t groups) {
  return vector(kind, stream, {}, Arguments::StreamOperand,
                b.getI32IntegerAttr(value), false, false, stream.getType(),
                groups);
}

Value KernelBuilder::castFlits(Value stream, Type type) {
  auto from = cast<StreamType>(stream.getType());
  DigitList packet = listOf(from.getPacket());
  packet.front().extent *=
      FlitBits / (positions(from.getPacket().getDigits()) * bitsOf(type));
  return tcp::CastOp::create(
      b, withPacket(stream, listOf(from.getTime()), packet, type), stream);
}

Value KernelBuilder::stash(Value stream) {
  return StashOp::create(b, stream.getType(), stream);
}

Value KernelBuilder::reduce(Reduction kind, Value stream, StringRef axis,
                            int64_t limit) {
  auto from = cast<StreamType>(stream.getType());
  DigitList time, packet = listOf(from.getPacket());
  bool within = packet.back().axis && packet.back().axis.getValue() == axis;
  int64_t covered = within ? positions(packet) : 1;
  for (const Digit &each : from.getTime().getDigits()) {
    if (!each.axis || each.axis.getValue() != axis)
      time.push_back(each);
    else
      covered *= each.extent;
  }
  IntegerAttr bound =
      covered > limit ? b.getI64IntegerAttr(limit) : IntegerAttr();
  if (within)
    packet = {digit("x", 1, 1, 4)};
  return VectorReduceOp::create(b, withPacket(stream, time, packet), stream,
                                kind, axis, bound);
}

Grid KernelBuilder::reduced(const Grid &grid, int64_t ratio, bool broadcast) {
  Grid result = grid;
  result.slice.back() = digit("_", broadcast ? ratio : 1, 1, ratio);
  return result;
}

Value KernelBuilder::reduceSlices(Reduction kind, Value stream, int64_t ratio,
                                  bool broadcast) {
  auto from = cast<StreamType>(stream.getType());
  Grid grid = reduced({listOf(from.getCluster()), listOf(from.getSlice())},
                      ratio, broadcast);
  auto type = StreamType::get(b.getContext(), from.getElementType(),
                              from.getCluster(), map(grid.slice),
                              from.getLane(), from.getTime(), from.getPacket());
  return SliceReduceOp::create(b, type, stream, kind, ratio, broadcast);
}

Value KernelBuilder::toFloat(Value stream) {
  auto from = cast<StreamType>(stream.getType());
  return vector(VectorKind::I32ToF32, stream, {}, Arguments::StreamOperand, {},
                false, false,
                withPacket(stream, listOf(from.getTime()),
                           listOf(from.getPacket()), f32()));
}

Value KernelBuilder::widenReduced(Value stream) {
  auto from = cast<StreamType>(stream.getType());
  return vector(VectorKind::WidenPad, stream, {}, Arguments::StreamOperand, {},
                false, false,
                withPacket(stream, listOf(from.getTime()), {digit("x", 8)}));
}

} // namespace dure::rngd
