// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Places in the model.
#include "runtime/host/Places.h"

#include <algorithm>

namespace dure {

/// "'a', 'b'": a dispatch may be made from many nodes, but a line must stay
/// readable.
static std::string firstOf(const std::vector<std::string> &Nodes,
                           size_t Named) {
  std::string Text;
  for (size_t I = 0; I != Named; ++I)
    Text += (I ? ", '" : "'") + Nodes[I] + "'";
  return Text;
}

Status atNodes(const Status &Failure, const std::vector<std::string> &Nodes) {
  if (Nodes.empty())
    return Failure;
  if (Nodes.size() == 1)
    return Failure.at("node '" + Nodes[0] + "'");
  size_t Named = std::min<size_t>(Nodes.size(), 4);
  std::string Names = firstOf(Nodes, Named);
  if (Nodes.size() == Named)
    return Failure.at("one of the nodes " + Names);
  return Failure.at("one of the nodes " + Names + " and " +
                    std::to_string(Nodes.size() - Named) + " more");
}

/// The nodes of a dispatch; null when it has none.
static const std::vector<std::string> *nodesOf(const Program &P,
                                               const DispatchOp &Op) {
  if (Op.Trace < 0 || P.Trace[Op.Trace].Nodes.empty())
    return nullptr;
  return &P.Trace[Op.Trace].Nodes;
}

/// The failure with what the buffer in REG is for, as the instructions behind
/// say.
static Status atUser(const Status &Failure, const Entry &E, const Program &P,
                     const Block &In, size_t At, BufferReg Reg) {
  for (size_t I = At; I < In.Instructions.size(); ++I) {
    const Instruction &Each = In.Instructions[I];
    // One buffer for many values: none of them is to blame alone.
    if (const auto *Part = std::get_if<SubspanOp>(&Each);
        Part && Part->Source == Reg)
      return Failure.at("memory for values between nodes");
    if (const auto *Dispatch = std::get_if<DispatchOp>(&Each))
      for (const Binding &B : Dispatch->Bindings)
        if (B.Buffer == Reg)
          if (const std::vector<std::string> *Nodes = nodesOf(P, *Dispatch))
            return atNodes(Failure, *Nodes);
    if (const auto *Return = std::get_if<ReturnOp>(&Each))
      for (size_t R = 0; R < Return->Values.size(); ++R)
        if (Return->Values[R].Buffer == Reg)
          return Failure.at("output '" + E.Outputs[R].Name + "'");
  }
  return Failure;
}

/// The nodes of the first dispatch from AT on, in blocks inside, too; null when
/// there is none. The verifier has bounded how deep blocks are nested.
static const std::vector<std::string> *nextNodes(const Program &P,
                                                 const Block &In, size_t At) {
  for (size_t I = At; I < In.Instructions.size(); ++I) {
    const Instruction &Each = In.Instructions[I];
    const std::vector<std::string> *Found = nullptr;
    if (const auto *Dispatch = std::get_if<DispatchOp>(&Each))
      Found = nodesOf(P, *Dispatch);
    else if (const auto *Loop = std::get_if<LoopOp>(&Each))
      Found = nextNodes(P, P.Blocks[Loop->Body], 0);
    else if (const auto *If = std::get_if<IfOp>(&Each))
      Found = nextNodes(P, P.Blocks[If->Then], 0);
    if (Found)
      return Found;
  }
  return nullptr;
}

/// True when only sizes of inputs lead to the instruction.
static bool isOfInputs(const Block &In, size_t At) {
  return std::all_of(In.Instructions.begin(), In.Instructions.begin() + At,
                     [](const Instruction &I) {
                       return std::holds_alternative<ConstOp>(I) ||
                              std::holds_alternative<InputDimOp>(I) ||
                              std::holds_alternative<ScalarOp>(I) ||
                              std::holds_alternative<CheckOp>(I);
                     });
}

Status atInstruction(const Status &Failure, const Entry &E, const Program &P,
                     const Block &In, size_t At) {
  if (const auto *Allocate = std::get_if<AllocateOp>(&In.Instructions[At]))
    return atUser(Failure, E, P, In, At + 1, Allocate->Result);
  // Checks of inputs speak of what the user gave.
  if (std::holds_alternative<CheckOp>(In.Instructions[At]) &&
      isOfInputs(In, At))
    return Failure;
  if (const std::vector<std::string> *Nodes = nextNodes(P, In, At))
    return Failure.at("before node '" + Nodes->front() + "'");
  return E.Outputs.empty() ? Failure
                           : Failure.at("output '" + E.Outputs[0].Name + "'");
}

} // namespace dure
