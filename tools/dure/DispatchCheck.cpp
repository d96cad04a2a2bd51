// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Per-dispatch comparison.
#include "tools/dure/DispatchCheck.h"

#include <functional>
#include <map>
#include <set>

namespace dure {
namespace {

/// Called for each value; false ends the run.
using ValueHandler = std::function<bool(const dure_value &)>;

/// Runs once, handing out every value. A run that the handler ended counts as
/// good.
bool runWithValues(const Console &Out, const LoadedPackage &Package,
                   const std::vector<io::Tensor> &Inputs,
                   const ValueHandler &Handle) {
  CallPointer Call = Package.prepare(Out, Inputs);
  if (!Call)
    return false;
  struct Context {
    const ValueHandler &Handle;
    bool Ended = false;
  } Shared{Handle};
  dure_run_options Settings = {};
  Settings.struct_size = sizeof(Settings);
  Settings.on_value = [](void *User, const dure_value *Value) -> int32_t {
    auto *C = static_cast<Context *>(User);
    C->Ended = !C->Handle(*Value);
    return C->Ended;
  };
  Settings.user = &Shared;
  setInterruptedCall(Call.get());
  dure_status *Status = dure_call_run(Call.get(), &Settings);
  setInterruptedCall(nullptr);
  if (Shared.Ended && !interrupted()) {
    dure_status_free(Status);
    return true;
  }
  return succeeded(Out, Status);
}

DispatchDifference describe(const dure_value &Value, const io::Tensor &Got,
                            const io::Tensor &Expected,
                            const io::Comparison &C) {
  DispatchDifference D{
      Value.index, Value.dispatch, Value.name, {}, Value.device, C, {}, {}, {}};
  for (size_t I = 0; I < Value.node_count; ++I)
    D.Nodes.push_back(Value.nodes[I]);
  if (C.FirstMismatch >= 0) {
    D.Position = io::formatPosition(Got.Dims, C.FirstMismatch);
    D.Got = io::elementAsText(Got, C.FirstMismatch);
    D.Expected = io::elementAsText(Expected, C.FirstMismatch);
  } else {
    D.Position = io::formatDims(Got.Dims);
    D.Got = std::string(io::elementTypeInfo(Got.Type).Name) +
            io::formatDims(Got.Dims);
    D.Expected = std::string(io::elementTypeInfo(Expected.Type).Name) +
                 io::formatDims(Expected.Dims);
  }
  return D;
}

} // namespace

io::Tolerance Tolerances::of(io::ElementType Type) const {
  io::Tolerance T = io::defaultTolerance(Type);
  const io::ElementKind Kind = io::elementTypeInfo(Type).Kind;
  if (Kind != io::ElementKind::Float && Kind != io::ElementKind::Complex)
    return T;
  return {Atol.value_or(T.Absolute), Rtol.value_or(T.Relative)};
}

std::optional<DispatchReport>
compareDispatches(const Console &Out, const LoadedPackage &Target,
                  const LoadedPackage &Reference,
                  const std::vector<io::Tensor> &Inputs,
                  const Tolerances &Allowed) {
  // First the names that the target defines, so that no more than those are
  // kept of the reference, which defines every value of the model. A value made
  // inside a pattern has no name, and no counterpart.
  std::set<std::string, std::less<>> Names;
  if (!runWithValues(Out, Target, Inputs, [&](const dure_value &Value) {
        if (*Value.name)
          Names.insert(Value.name);
        return true;
      }))
    return std::nullopt;
  std::map<std::string, io::Tensor, std::less<>> Expected;
  if (!runWithValues(Out, Reference, Inputs, [&](const dure_value &Value) {
        if (!Names.contains(Value.name))
          return true;
        if (auto Copy = copyTensor(Value.name, *Value.tensor))
          Expected.insert_or_assign(Value.name, std::move(*Copy));
        return true;
      }))
    return std::nullopt;
  DispatchReport Report;
  if (!runWithValues(Out, Target, Inputs, [&](const dure_value &Value) {
        Report.Dispatches = std::max(Report.Dispatches, Value.index + 1);
        const auto Found = Expected.find(std::string_view(Value.name));
        if (Found == Expected.end())
          return true;
        const auto Got = copyTensor(Value.name, *Value.tensor);
        if (!Got)
          return true;
        ++Report.Compared;
        const io::Comparison C =
            io::compareTensors(*Got, Found->second, Allowed.of(Got->Type));
        if (C.matches())
          return true;
        Report.First = describe(Value, *Got, Found->second, C);
        return false;
      }))
    return std::nullopt;
  return Report;
}

} // namespace dure
