// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each step's digits become loops of its sequencer.
#include "targets/rngd/compiler/EncodeExec.h"

#include "dialects/tcp/Steps.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

// The dialect's numbers are those of the code object.
#define DURE_SAME(DIALECT, ENCODED)                                            \
  static_assert(static_cast<uint32_t>(DIALECT) ==                              \
                static_cast<uint32_t>(ENCODED))
#define DURE_SAME_STEP(NAME) DURE_SAME(VectorKind::NAME, fb::VectorOp::NAME)
DURE_SAME(VectorKind::I32ToF32, fb::VectorOp::IntI32ToF32);
DURE_SAME_STEP(NarrowSplit);
DURE_SAME_STEP(NarrowTrim);
DURE_SAME_STEP(WidenConcat);
DURE_SAME_STEP(WidenPad);
DURE_SAME_STEP(F32ToI32);
DURE_SAME_STEP(Reinterpret);
DURE_SAME_STEP(BitAnd);
DURE_SAME_STEP(BitOr);
DURE_SAME_STEP(BitXor);
DURE_SAME_STEP(ShiftLeft);
DURE_SAME_STEP(ShiftRightLogic);
DURE_SAME_STEP(ShiftRightArith);
DURE_SAME_STEP(AddFxp);
DURE_SAME_STEP(AddFxpSat);
DURE_SAME_STEP(SubFxp);
DURE_SAME_STEP(SubFxpSat);
DURE_SAME_STEP(MulInt);
DURE_SAME_STEP(FxpShiftRightLogic);
DURE_SAME_STEP(Exp);
DURE_SAME_STEP(NegExp);
DURE_SAME_STEP(Sqrt);
DURE_SAME_STEP(Tanh);
DURE_SAME_STEP(Sigmoid);
DURE_SAME_STEP(Erf);
DURE_SAME_STEP(Log);
DURE_SAME_STEP(Sin);
DURE_SAME_STEP(Cos);
DURE_SAME_STEP(DivFpu);
DURE_SAME_STEP(AddF);
DURE_SAME_STEP(SubF);
DURE_SAME_STEP(MulFma);
DURE_SAME_STEP(Mul0);
DURE_SAME_STEP(Mul1);
DURE_SAME_STEP(Fma);
DURE_SAME_STEP(Div);
DURE_SAME_STEP(Min);
DURE_SAME_STEP(Max);
DURE_SAME_STEP(AbsMin);
DURE_SAME_STEP(AbsMax);
DURE_SAME_STEP(ClipAdd);
DURE_SAME_STEP(ClipAddSat);
DURE_SAME(Topology::Broadcast01, fb::Topology::Broadcast01);
DURE_SAME(Topology::Broadcast1, fb::Topology::Broadcast1);
DURE_SAME(Topology::Transpose, fb::Topology::Transpose);
DURE_SAME(Topology::InterTranspose, fb::Topology::InterTranspose);
DURE_SAME(Topology::TransposedBroadcast1, fb::Topology::TransposedBroadcast1);
DURE_SAME(Reduction::Add, fb::ReduceOp::Add);
DURE_SAME(Reduction::AddSat, fb::ReduceOp::AddSat);
DURE_SAME(Reduction::Max, fb::ReduceOp::Max);
DURE_SAME(Reduction::Min, fb::ReduceOp::Min);
#undef DURE_SAME_STEP
#undef DURE_SAME

fb::Type typeOf(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    switch (integer.getWidth()) {
    case 4:
      return fb::Type::I4;
    case 5:
      return fb::Type::I5;
    case 8:
      return fb::Type::I8;
    case 9:
      return fb::Type::I9;
    case 16:
      return fb::Type::I16;
    case 32:
      return fb::Type::I32;
    default:
      return fb::Type::None;
    }
  return llvm::TypeSwitch<Type, fb::Type>(type)
      .Case<Float32Type>([](Type) { return fb::Type::F32; })
      .Case<BFloat16Type>([](Type) { return fb::Type::BF16; })
      .Case<Float8E4M3FNType>([](Type) { return fb::Type::F8E4M3; })
      .Case<Float8E5M2Type>([](Type) { return fb::Type::F8E5M2; })
      .Case<Float4E2M1FNType>([](Type) { return fb::Type::F4E2M1; })
      .Default([](Type) { return fb::Type::None; });
}

StreamType streamOf(Value value) { return cast<StreamType>(value.getType()); }

class ExecEncoder {
public:
  ExecEncoder(ExecOp exec, const Places &places, fb::ExecT &body,
              SmallVectorImpl<Access> &accesses)
      : exec(exec), places(places), body(body), accesses(accesses) {}

  LogicalResult run();

private:
  LogicalResult fetch(Operation *op, Value first, Value second);
  LogicalResult contract(ContractOuterOp outer);
  LogicalResult vector(VectorOp op);
  LogicalResult reduce(VectorReduceOp op);
  LogicalResult commit(CommitOp op);
  LogicalResult step(Operation &op);
  fb::VectorT &engine(StreamType stream);

  ExecOp exec;
  const Places &places;
  fb::ExecT &body;
  SmallVectorImpl<Access> &accesses;
};

} // namespace

static void append(ArrayRef<Step> steps, std::vector<fb::Loop> &loops) {
  for (const Step &step : steps)
    loops.push_back(fb::Loop(static_cast<uint32_t>(step.size),
                             static_cast<int32_t>(step.stride)));
}

LogicalResult ExecEncoder::fetch(Operation *op, Value first, Value second) {
  auto source = cast<DmType>(first.getType());
  body.fetch = std::make_unique<fb::FetchT>();
  fb::FetchT &fetch = *body.fetch;
  fetch.base = static_cast<uint32_t>(places.offset(first));
  fetch.type = typeOf(source.getElementType());
  accesses.push_back(places.access(first, false));
  if (second)
    accesses.push_back(places.access(second, false));
  FailureOr<SmallVector<Step>> steps = fetchSteps(op);
  if (failed(steps))
    return failure();
  append(*steps, fetch.loops);
  Digits packet = streamOf(op->getResult(0)).getPacket().getDigits();
  fetch.packet = static_cast<uint32_t>(positions(packet));
  fetch.live = fetch.packet;
  // Only padding at the end can be told apart.
  if (!packet.empty() && packet.front().size != packet.front().extent)
    fetch.live = static_cast<uint32_t>(packet.front().size *
                                       positions(packet.drop_front()));
  // Who takes part: the clusters and slices of the source.
  body.clusters = positions(source.getCluster().getDigits()) > 1 ? 3 : 1;
  body.slices = static_cast<uint16_t>(positions(source.getSlice().getDigits()));
  return success();
}

LogicalResult ExecEncoder::contract(ContractOuterOp outer) {
  auto packetOp = dyn_cast<ContractPacketOp>(*outer.getResult().user_begin());
  auto timeOp =
      packetOp ? dyn_cast<ContractTimeOp>(*packetOp.getResult().user_begin())
               : ContractTimeOp();
  auto laneOp = timeOp
                    ? dyn_cast<ContractLaneOp>(*timeOp.getResult().user_begin())
                    : ContractLaneOp();
  if (!laneOp)
    return outer.emitOpError("is not followed by contract_packet, "
                             "contract_time and contract_lane");
  body.contract = std::make_unique<fb::ContractT>();
  fb::ContractT &contract = *body.contract;
  auto trf = cast<TrfType>(outer.getOperand().getType());
  StreamType in = streamOf(outer.getSource()),
             out = streamOf(outer.getResult());
  accesses.push_back(places.access(outer.getOperand(), false));
  contract.pack = static_cast<uint8_t>(outer.getPack());
  contract.lanes = static_cast<uint8_t>(positions(trf.getLane().getDigits()));
  contract.trf_base = static_cast<uint32_t>(places.offset(outer.getOperand()));
  contract.trf_type = typeOf(trf.getElementType());
  SmallVector<Placed> memory = place(trf.getElement().getDigits());

  FailureOr<int64_t> read = fileRead(outer);
  if (failed(read))
    return failure();
  contract.trf_read = static_cast<uint32_t>(*read);

  int64_t packets =
      positions(in.getTime().getDigits()) / int64_t(outer.getPack());
  int64_t passed = 1;
  Digits kept = streamOf(timeOp.getResult()).getTime().getDigits();
  for (const Digit &digit : out.getTime().getDigits()) {
    bool broadcast = passed == packets && digit.extent > 1;
    bool keeps = !kept.empty() && kept.front() == digit;
    if (keeps)
      kept = kept.drop_front();
    auto steps = stepsOf(digit, memory);
    for (const Step &step : *steps) {
      if (step.size == 1)
        continue;
      contract.loops.push_back(
          fb::ContractLoop(static_cast<uint32_t>(step.size),
                           static_cast<int32_t>(step.stride), !keeps));
      contract.broadcast += broadcast;
    }
    if (!broadcast)
      passed *= digit.extent;
  }
  contract.tree_depth = static_cast<uint8_t>(packetOp.getDepth());
  contract.out_packet = static_cast<uint8_t>(
      positions(streamOf(packetOp.getResult()).getPacket().getDigits()));
  contract.lane_mode = laneOp.getSequential() ? fb::LaneMode::Sequential
                                              : fb::LaneMode::Interleaved;
  return success();
}

fb::VectorT &ExecEncoder::engine(StreamType stream) {
  if (!body.vector) {
    body.vector = std::make_unique<fb::VectorT>();
    body.vector->type = typeOf(stream.getElementType());
    // The digit of a pair, if there is one, and what is inside it.
    Digits time = stream.getTime().getDigits();
    StringAttr pair = pairAxis(exec);
    for (size_t i = 0; i < time.size(); ++i)
      if (pair && time[i].axis == pair)
        body.vector->unzip =
            static_cast<uint32_t>(positions(time.drop_front(i + 1)));
  }
  return *body.vector;
}

static fb::ArgMode modeOf(Arguments arguments) {
  switch (arguments) {
  case Arguments::StreamOperand:
    return fb::ArgMode::M01;
  case Arguments::StreamStream:
    return fb::ArgMode::M00;
  case Arguments::OperandStream:
    return fb::ArgMode::M10;
  }
  return fb::ArgMode::M01;
}

/// An immediate as the code object has it.
static uint32_t bitsOf(Attribute immediate) {
  auto number = dyn_cast<FloatAttr>(immediate);
  return static_cast<uint32_t>((number
                                    ? number.getValue().bitcastToAPInt()
                                    : cast<IntegerAttr>(immediate).getValue())
                                   .getZExtValue());
}

LogicalResult ExecEncoder::vector(VectorOp op) {
  StreamType in = streamOf(op.getSource());
  fb::VectorT &unit = engine(in);
  auto step = std::make_unique<fb::VectorStepT>();
  step->op = static_cast<fb::VectorOp>(op.getKind());
  step->mode = modeOf(op.getArguments());
  step->zip = op.getZip();
  step->groups = static_cast<uint8_t>(op.getGroups());
  if (op.getImmediate() || op.getStash() || op.getOperand())
    step->operand = std::make_unique<fb::OperandT>();
  if (std::optional<Attribute> immediate = op.getImmediate())
    step->operand->bits = bitsOf(*immediate);
  if (std::optional<Attribute> addend = op.getAddend()) {
    step->mode = fb::ArgMode::M012;
    step->operand2 = std::make_unique<fb::OperandT>();
    step->operand2->bits = bitsOf(*addend);
  }
  if (op.getStash())
    step->operand->source = fb::Source::Stash;
  if (Value operand = op.getOperand()) {
    fb::OperandT &vrf = *step->operand;
    vrf.source = fb::Source::Vrf;
    vrf.base = static_cast<uint32_t>(places.offset(operand));
    accesses.push_back(places.access(operand, false));
    auto time = operandSteps(op, pairAxis(exec));
    FailureOr<int64_t> read = fileRead(op);
    if (failed(time) || failed(read))
      return failure();
    append(*time, vrf.loops);
    vrf.scalar = *read == 1;
  }
  unit.steps.push_back(std::move(step));
  return success();
}

LogicalResult ExecEncoder::reduce(VectorReduceOp op) {
  StreamType in = streamOf(op.getSource());
  fb::VectorT &unit = engine(in);
  if (unit.intra)
    return op.emitOpError("is the second reduction of its pass");
  unit.intra = std::make_unique<fb::IntraReduceT>();
  unit.intra_at = static_cast<uint32_t>(unit.steps.size());
  fb::IntraReduceT &intra = *unit.intra;
  intra.op = static_cast<fb::ReduceOp>(op.getKind());
  auto isAxis = [&](const Digit &digit) {
    return digit.axis && digit.axis.getValue() == op.getAxis();
  };
  auto valid = std::make_unique<fb::ValidT>();
  for (const Digit &digit : in.getTime().getDigits()) {
    intra.loops.push_back(
        fb::ReduceLoop(static_cast<uint32_t>(digit.extent), isAxis(digit)));
    valid->time.push_back(isAxis(digit) ? static_cast<uint32_t>(digit.stride)
                                        : 0);
  }
  Digits packet = in.getPacket().getDigits();
  if (packet.size() == 1 && isAxis(packet.front())) {
    intra.packet = true;
    valid->packet = static_cast<uint32_t>(packet.front().stride);
  }
  if (!op.getLimit())
    return success();
  valid->limit = static_cast<uint32_t>(*op.getLimit());
  int64_t divisor = 1;
  for (const Digit &digit : llvm::reverse(in.getSlice().getDigits())) {
    if (isAxis(digit))
      valid->slice.push_back(fb::SliceDigit(
          static_cast<uint32_t>(divisor), static_cast<uint32_t>(digit.extent),
          static_cast<uint32_t>(digit.stride)));
    divisor *= digit.extent;
  }
  intra.valid = std::move(valid);
  return success();
}

LogicalResult ExecEncoder::commit(CommitOp op) {
  body.commit = std::make_unique<fb::CommitT>();
  body.commit->base = static_cast<uint32_t>(places.offset(op.getTarget()));
  accesses.push_back(places.access(op.getTarget(), true));
  body.commit->trim_bytes = static_cast<uint8_t>(liveBits(op) / 8);
  FailureOr<SmallVector<Step>> steps = commitSteps(op);
  if (failed(steps))
    return failure();
  append(*steps, body.commit->loops);
  return success();
}

LogicalResult ExecEncoder::step(Operation &op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case([&](FetchOp fetchOp) {
        return fetch(fetchOp, fetchOp.getSource(), Value());
      })
      .Case([&](FetchPairOp pair) {
        return fetch(pair, pair.getFirst(), pair.getSecond());
      })
      .Case([&](FetchCastOp castOp) {
        body.fetch->cast =
            typeOf(streamOf(castOp.getResult()).getElementType());
        return success();
      })
      .Case([&](FetchLookupOp lookup) {
        body.fetch->lookup =
            typeOf(streamOf(lookup.getResult()).getElementType());
        return success();
      })
      .Case([&](FetchZeroPointOp zero) {
        body.fetch->has_zero_point = true;
        body.fetch->zero_point = static_cast<int32_t>(zero.getZero());
        return success();
      })
      .Case([&](SwitchOp switchOp) {
        body.switch_ = std::make_unique<fb::SwitchT>();
        body.switch_->topology =
            static_cast<fb::Topology>(switchOp.getTopology());
        body.switch_->slice1 = static_cast<uint16_t>(switchOp.getSlice1());
        body.switch_->slice0 = static_cast<uint16_t>(switchOp.getSlice0());
        body.switch_->time0 = static_cast<uint32_t>(switchOp.getTime0());
        return success();
      })
      .Case([&](ToTrfOp trf) {
        body.to_trf = std::make_unique<fb::ToTrfT>();
        body.to_trf->lanes = static_cast<uint8_t>(positions(
            cast<TrfType>(trf.getTarget().getType()).getLane().getDigits()));
        body.to_trf->base =
            static_cast<uint32_t>(places.offset(trf.getTarget()));
        accesses.push_back(places.access(trf.getTarget(), true));
        return success();
      })
      .Case([&](ToVrfOp vrf) {
        body.to_vrf = std::make_unique<fb::ToVrfT>();
        body.to_vrf->base =
            static_cast<uint32_t>(places.offset(vrf.getTarget()));
        accesses.push_back(places.access(vrf.getTarget(), true));
        return success();
      })
      .Case([&](ContractOuterOp outer) { return contract(outer); })
      .Case([&](VectorOp vectorOp) { return vector(vectorOp); })
      .Case([&](VectorReduceOp reduceOp) { return reduce(reduceOp); })
      .Case([&](StashOp stash) {
        fb::VectorT &unit = engine(streamOf(stash.getSource()));
        unit.steps.push_back(std::make_unique<fb::VectorStepT>());
        unit.steps.back()->op = fb::VectorOp::Stash;
        return success();
      })
      .Case([&](SliceReduceOp sum) {
        fb::VectorT &unit = engine(streamOf(sum.getSource()));
        unit.inter = std::make_unique<fb::InterReduceT>();
        unit.inter->op = static_cast<fb::ReduceOp>(sum.getKind());
        unit.inter->ratio = static_cast<uint16_t>(sum.getRatio());
        unit.inter->replacement = sum.getBroadcast()
                                      ? fb::Replacement::Broadcast
                                      : fb::Replacement::Dummy;
        unit.inter->first = unit.steps.empty() && !unit.intra;
        return success();
      })
      .Case([&](CastOp castOp) {
        body.cast = typeOf(streamOf(castOp.getResult()).getElementType());
        return success();
      })
      .Case([&](TransposeOp transposeOp) {
        body.transpose = std::make_unique<fb::TransposeT>();
        fb::TransposeT &matrix = *body.transpose;
        matrix.rows = static_cast<uint8_t>(transposeOp.getRows());
        matrix.columns = static_cast<uint8_t>(transposeOp.getColumns());
        StreamType in = streamOf(transposeOp.getSource());
        int64_t flits =
            matrix.columns / limits().transposeValid(
                                 in.getElementType().getIntOrFloatBitWidth());
        int64_t matrices =
            positions(in.getTime().getDigits()) / (matrix.rows * flits);
        matrix.out_rows = static_cast<uint8_t>(
            positions(streamOf(transposeOp.getResult()).getTime().getDigits()) /
            matrices);
        return success();
      })
      .Case([&](CommitOp commitOp) { return commit(commitOp); })
      .Default([](Operation *) { return success(); });
}

LogicalResult ExecEncoder::run() {
  body.sub = exec.getOn() == Context::Sub;
  body.occupies_dma = exec.getOccupiesDma();
  for (Operation &op : exec.getBody().front())
    if (failed(step(op)))
      return failure();
  return success();
}

LogicalResult encodeExec(ExecOp exec, const Places &places, fb::ExecT &body,
                         SmallVectorImpl<Access> &accesses) {
  return ExecEncoder(exec, places, body, accesses).run();
}

} // namespace dure::rngd
