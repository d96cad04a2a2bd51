// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An instruction as a whole: its text, and the order of its engines.
#include "dialects/tcp/Checks.h"

using namespace mlir;
using namespace dure;
using namespace dure::tcp;

//===----------------------------------------------------------------------===//
// Exec
//===----------------------------------------------------------------------===//

ParseResult ExecOp::parse(OpAsmParser &parser, OperationState &result) {
  StringRef context;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&context))
    return failure();
  std::optional<Context> known = symbolizeContext(context);
  if (!known)
    return parser.emitError(loc, "expected main or sub");
  Builder &builder = parser.getBuilder();
  result.addAttribute("on", ContextAttr::get(builder.getContext(), *known));
  SmallVector<OpAsmParser::UnresolvedOperand> after;
  if (succeeded(parser.parseOptionalKeyword("after")) &&
      failed(parser.parseOperandList(after)))
    return failure();
  Type token = TokenType::get(builder.getContext());
  if (parser.resolveOperands(after, token, result.operands) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  Region *body = result.addRegion();
  if (parser.parseRegion(*body))
    return failure();
  if (body->empty())
    body->emplaceBlock();
  result.addTypes(token);
  return success();
}

void ExecOp::print(OpAsmPrinter &printer) {
  printer << " " << stringifyContext(getOn());
  if (!getAfter().empty())
    printer << " after " << getAfter();
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {"on"});
  printer << " ";
  printer.printRegion(getBody());
}

namespace {

/// In the order in which a stream passes them (computing-tensors/index.md).
enum class Engine {
  None,
  Fetch,
  Lookup,
  FetchCast,
  ZeroPoint,
  Switch,
  Collect,
  Outer,
  Packet,
  Time,
  Lane,
  Vector,
  Cast,
  Transpose,
  End
};

} // namespace

static Engine engineOf(Operation &op) {
  return llvm::TypeSwitch<Operation *, Engine>(&op)
      .Case<FetchOp, FetchPairOp>([](auto) { return Engine::Fetch; })
      .Case([](FetchLookupOp) { return Engine::Lookup; })
      .Case([](FetchCastOp) { return Engine::FetchCast; })
      .Case([](FetchZeroPointOp) { return Engine::ZeroPoint; })
      .Case([](SwitchOp) { return Engine::Switch; })
      .Case([](CollectOp) { return Engine::Collect; })
      .Case([](ContractOuterOp) { return Engine::Outer; })
      .Case([](ContractPacketOp) { return Engine::Packet; })
      .Case([](ContractTimeOp) { return Engine::Time; })
      .Case([](ContractLaneOp) { return Engine::Lane; })
      .Case<VectorOp, StashOp, VectorReduceOp, SliceReduceOp>(
          [](auto) { return Engine::Vector; })
      .Case([](CastOp) { return Engine::Cast; })
      .Case([](TransposeOp) { return Engine::Transpose; })
      .Case<CommitOp, ToTrfOp, ToVrfOp>([](auto) { return Engine::End; })
      .Default([](Operation *) { return Engine::None; });
}

/// Whether OP may follow an op of engine BEFORE whose result is STREAM.
static LogicalResult verifyPlace(Operation &op, Engine before, Value stream,
                                 bool isCollected) {
  Engine engine = engineOf(op);
  if (engine == Engine::Fetch)
    return success();
  if (op.getOperand(0) != stream)
    return op.emitOpError("takes another stream than that of the step before "
                          "it (computing-tensors/index.md)");
  if (engine < before || (engine == before && engine != Engine::Vector))
    return op.emitOpError("stands behind an engine that comes after its own "
                          "(computing-tensors/index.md)");
  bool contracts = engine > Engine::Outer && engine <= Engine::Lane;
  bool isInside = before >= Engine::Outer && before < Engine::Lane;
  if ((contracts || isInside) &&
      static_cast<int>(engine) != static_cast<int>(before) + 1)
    return op.emitOpError(
        "breaks the contraction engine's steps: contract_outer, "
        "contract_packet, contract_time, contract_lane "
        "(computing-tensors/contraction-engine/index.md)");
  if (engine > Engine::Collect && !isCollected)
    return op.emitOpError("takes packets that collect has not cut into flits "
                          "(computing-tensors/collect-engine.md)");
  if (isStaged(streamOf(stream).getElementType()) && engine > Engine::Outer)
    return op.emitOpError("takes what a zero point was taken from, which goes "
                          "to contractions only "
                          "(computing-tensors/fetch-adapter.md, "
                          "Contraction-Only Staging)");
  if (isa<ToTrfOp, ToVrfOp>(op) && before != Engine::Collect)
    return op.emitOpError("fills a register file from another engine than "
                          "collect (computing-tensors/register-files.md)");
  return success();
}

LogicalResult ExecOp::verifyRegions() {
  int fetches = 0, ends = 0;
  for (Operation &op : getBody().front()) {
    if (engineOf(op) == Engine::None)
      return op.emitOpError("is no step of a tensor unit's instruction");
    fetches += engineOf(op) == Engine::Fetch;
    ends += engineOf(op) == Engine::End;
    if (getOn() == Context::Sub && isa<ContractOuterOp>(op))
      return op.emitOpError(
          "contracts in the sub context, which has no contraction engine "
          "(computing-tensors/index.md)");
  }
  if (fetches != 1 || ends != 1)
    return emitOpError("needs one fetch and one end (commit, to_trf, to_vrf), "
                       "not ")
           << fetches << " and " << ends;
  Engine before = Engine::None;
  Value stream;
  bool isCollected = false;
  for (Operation &op : getBody().front()) {
    if (failed(verifyPlace(op, before, stream, isCollected)))
      return failure();
    before = engineOf(op);
    isCollected |= before == Engine::Collect;
    if (op.getNumResults() == 1)
      stream = op.getResult(0);
  }
  if (before != Engine::End)
    return emitOpError("goes on after its end (computing-tensors/index.md)");
  if (failed(verifyVectorSteps(*this)))
    return failure();
  if (getOccupiesDma())
    return success();
  FailureOr<Operation *> starving = starvingStep(*this);
  if (failed(starving))
    return failure();
  if (*starving)
    return (*starving)->emitOpError("touches one bank of data memory ")
           << limits().Starvation
           << " times and more without a break, which only an instruction with "
              "occupies_dma may (moving-tensors/memory-performance.md, Bank "
              "Starvation)";
  return success();
}

bool dure::tcp::isListed(ArrayRef<std::string> list, Type type) {
  std::string word = llvm::TypeSwitch<Type, std::string>(type)
                         .Case([](IntegerType integer) {
                           return integer.isSignless()
                                      ? "i" + std::to_string(integer.getWidth())
                                      : std::string();
                         })
                         .Case([](Float32Type) { return "f32"; })
                         .Case([](BFloat16Type) { return "bf16"; })
                         .Case([](Float8E4M3FNType) { return "f8e4m3"; })
                         .Case([](Float8E5M2Type) { return "f8e5m2"; })
                         .Case([](Float4E2M1FNType) { return "f4e2m1"; })
                         .Default([](Type) { return ""; });
  return llvm::is_contained(list, word);
}

LogicalResult dure::tcp::samePlaces(Operation *op, StreamType from,
                                    StreamType to) {
  if (failed(sameSlices(op, from, to)))
    return failure();
  if (sameDigits(from.getLane(), to.getLane()))
    return success();
  return op->emitOpError(
      "changes the lanes, which contract_outer and "
      "contract_lane do (computing-tensors/contraction-engine/index.md)");
}
