// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// DMA commands and instructions of one program.
#include "targets/rngd/compiler/Encoder.h"

#include "dialects/tcp/Steps.h"
#include "targets/rngd/compiler/EncodeExec.h"
#include "targets/rngd/compiler/Places.h"
#include "targets/rngd/machine/Figures.h"

#include <numeric>

using namespace mlir;
using namespace dure::tcp;

namespace dure::rngd {
namespace {

class ProgramEncoder {
public:
  ProgramEncoder(func::FuncOp function, fb::ModuleT &module)
      : function(function), places(module) {}

  LogicalResult run(fb::ProgramT &program);

private:
  LogicalResult encodeCopy(Operation *op, Value source, Value target,
                           int64_t engine, fb::DmaT &dma, Value index = {},
                           StringRef key = {});
  void append(Operation *op, std::unique_ptr<fb::CommandT> command,
              unsigned lane, ArrayRef<Access> accesses);
  void appendShares(Operation *op, uint64_t engine, uint64_t commands,
                    const fb::DmaT &whole, ArrayRef<Access> accesses);

  func::FuncOp function;
  Places places;
  fb::ProgramT *program = nullptr;
  Dependences dependences;
  llvm::DenseMap<Value, SmallVector<uint32_t, 1>> tokens;
  /// What one op became does not wait for itself, nor do scatters beside each
  /// other.
  unsigned groups = 0, group = 0;
  llvm::SmallDenseMap<int64_t, unsigned> scatters;
};

} // namespace

void ProgramEncoder::append(Operation *op,
                            std::unique_ptr<fb::CommandT> command,
                            unsigned lane, ArrayRef<Access> accesses) {
  auto number = static_cast<uint32_t>(program->commands.size());
  SmallVector<uint32_t> after = dependences.add(number, lane, group, accesses);
  for (Value operand : op->getOperands())
    if (auto token = tokens.find(operand); token != tokens.end())
      llvm::append_range(after, token->second);
  llvm::sort(after);
  after.erase(llvm::unique(after), after.end());
  command->after.assign(after.begin(), after.end());
  if (auto name = op->getAttrOfType<StringAttr>("label"))
    command->name = name.str();
  tokens[op->getResult(0)].push_back(number);
  program->commands.push_back(std::move(command));
}

/// Divides the outermost loops, so that each command has one part of what is
/// moved rather than some of everything.
void ProgramEncoder::appendShares(Operation *op, uint64_t engine,
                                  uint64_t commands, const fb::DmaT &whole,
                                  ArrayRef<Access> accesses) {
  auto left = static_cast<int64_t>(commands);
  int64_t shares = 1;
  SmallVector<int64_t> parts;
  for (const fb::DmaLoop &loop : whole.loops) {
    int64_t size = loop.size();
    parts.push_back(size >= left ? left : std::gcd(size, left));
    left /= parts.back();
    shares *= parts.back();
  }
  for (int64_t share = 0; share < shares; ++share) {
    fb::DmaT dma = whole;
    dma.engine = static_cast<uint8_t>((engine + share) % DmaEngines);
    dma.continues = share > 0;
    auto move = [&](fb::Address &address, int64_t bytes) {
      address = fb::Address(address.space(), address.index(),
                            address.offset() + static_cast<uint64_t>(bytes));
    };
    int64_t rest = share, of = shares;
    for (auto [i, count] : llvm::enumerate(parts)) {
      of /= count;
      int64_t part = rest / of;
      rest %= of;
      const fb::DmaLoop &loop = whole.loops[i];
      int64_t size = loop.size(), first = size * part / count,
              end = size * (part + 1) / count;
      dma.loops[i] =
          fb::DmaLoop(static_cast<uint32_t>(end - first), loop.index_stride(),
                      loop.read_stride(), loop.write_stride());
      move(*dma.read, first * loop.read_stride());
      move(*dma.write, first * loop.write_stride());
      if (dma.index)
        move(*dma.index, first * loop.index_stride());
    }
    auto command = std::make_unique<fb::CommandT>();
    unsigned lane = 2u + dma.engine;
    command->body.Set(std::move(dma));
    append(op, std::move(command), lane, accesses);
  }
}

LogicalResult ProgramEncoder::encodeCopy(Operation *op, Value source,
                                         Value target, int64_t engine,
                                         fb::DmaT &dma, Value index,
                                         StringRef key) {
  FailureOr<Transfer> transfer = transferOf(op, source, target, index, key);
  if (failed(transfer))
    return failure();
  dma.engine = static_cast<uint8_t>(engine);
  dma.packet_bytes = static_cast<uint32_t>(transfer->packet);
  auto read = places.address(source), write = places.address(target);
  dma.read = std::make_unique<fb::Address>(read);
  dma.write = std::make_unique<fb::Address>(write);
  for (const TransferLoop &loop : transfer->loops)
    dma.loops.push_back(fb::DmaLoop(static_cast<uint32_t>(loop.size),
                                    static_cast<uint32_t>(loop.index),
                                    loop.read, loop.write));
  if (!index)
    return success();
  dma.indexed =
      isa<TdmaScatterOp>(op) ? fb::Indexed::Scatter : fb::Indexed::Gather;
  auto at = places.address(index);
  dma.index = std::make_unique<fb::Address>(at);
  dma.index_scale = static_cast<uint64_t>(transfer->indexScale);
  dma.index_limit = static_cast<uint32_t>(transfer->indexLimit);
  return success();
}

LogicalResult ProgramEncoder::run(fb::ProgramT &result) {
  program = &result;
  program->name = function.getName().str();
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<HbmType>(argument.getType());
    if (!type)
      return function.emitError("takes an argument that is not in HBM");
    places.bind(argument);
    auto binding = std::make_unique<fb::BindingT>();
    binding->bytes = static_cast<uint64_t>(
        (reach(type.getElement().getDigits()) *
             type.getElementType().getIntOrFloatBitWidth() +
         7) /
        8);
    binding->access =
        isGiven(argument) ? fb::Access::Read : fb::Access::ReadWrite;
    program->bindings.push_back(std::move(binding));
  }
  for (Operation &op : function.getBody().front()) {
    if (isa<AllocOp, ConstantOp, ViewOp>(op)) {
      if (failed(places.define(&op)))
        return failure();
      continue;
    }
    auto command = std::make_unique<fb::CommandT>();
    group = ++groups;
    if (auto beside = op.getAttrOfType<IntegerAttr>(BesideAttr))
      group = scatters.try_emplace(beside.getInt(), group).first->second;
    if (auto copy = dyn_cast<TdmaOp>(op)) {
      fb::DmaT dma;
      if (failed(encodeCopy(copy, copy.getSource(), copy.getTarget(),
                            copy.getEngine(), dma)))
        return failure();
      appendShares(copy, copy.getEngine(), copy.getCommands(), dma,
                   {places.access(copy.getSource(), false),
                    places.access(copy.getTarget(), true)});
    } else if (auto gather = dyn_cast<TdmaGatherOp>(op)) {
      fb::DmaT dma;
      if (failed(encodeCopy(gather, gather.getSource(), gather.getTarget(),
                            gather.getEngine(), dma, gather.getIndex(),
                            gather.getKey())))
        return failure();
      appendShares(gather, gather.getEngine(), gather.getCommands(), dma,
                   {places.access(gather.getSource(), false),
                    places.access(gather.getIndex(), false),
                    places.access(gather.getTarget(), true)});
    } else if (auto scatter = dyn_cast<TdmaScatterOp>(op)) {
      fb::DmaT dma;
      if (failed(encodeCopy(scatter, scatter.getSource(), scatter.getTarget(),
                            scatter.getEngine(), dma, scatter.getIndex(),
                            scatter.getKey())))
        return failure();
      command->body.Set(std::move(dma));
      // Rows that nobody names keep what they have.
      Access written = places.access(scatter.getTarget(), true);
      written.dense = false;
      append(&op, std::move(command), 2 + scatter.getEngine(),
             {places.access(scatter.getSource(), false),
              places.access(scatter.getIndex(), false), written});
    } else if (auto exec = dyn_cast<ExecOp>(op)) {
      fb::ExecT body;
      SmallVector<Access> accesses;
      if (failed(encodeExec(exec, places, body, accesses)))
        return failure();
      command->body.Set(std::move(body));
      append(&op, std::move(command), exec.getOn() == Context::Main ? 0 : 1,
             accesses);
    } else if (!isa<func::ReturnOp>(op)) {
      return op.emitOpError("has no place in a program of RNGD");
    }
  }
  program->workspace_bytes = places.workspaceBytes();
  return success();
}

LogicalResult encode(func::FuncOp function, fb::ModuleT &module) {
  auto program = std::make_unique<fb::ProgramT>();
  if (failed(ProgramEncoder(function, module).run(*program)))
    return failure();
  module.programs.push_back(std::move(program));
  return success();
}

} // namespace dure::rngd
