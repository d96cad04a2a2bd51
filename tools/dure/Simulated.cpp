// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the model of a simulated chip says about a run.
#include "tools/dure/Simulated.h"

#include "tools/dure/Commands.h"

namespace dure {

bool SimulatedReport::read(const Console &Out, const dure_call *Call,
                           const dure_call_stats &Stats) {
  for (size_t I = 0; I != Stats.counter_count; ++I) {
    dure_counter Counter = {};
    Counter.struct_size = sizeof(Counter);
    if (!succeeded(Out, dure_call_get_counter(Call, I, &Counter)))
      return false;
    Model = Counter.model;
    Amounts.push_back(
        {Counter.name, Counter.unit, Counter.value, Counter.limit});
  }
  return true;
}

std::string SimulatedReport::text(const Console &Out) const {
  if (Amounts.empty())
    return {};
  TextTable Table;
  for (const Amount &Each : Amounts) {
    std::string Value = Each.Unit == "ns" ? formatSeconds(Each.Value * 1e-9)
                        : Each.Unit == "bytes"
                            ? formatBytes(Each.Value)
                            : formatNumber(Each.Value) +
                                  (Each.Unit.empty() ? "" : " ") + Each.Unit;
    if (Each.Limit > 0)
      Value += ", " + formatNumber(100 * Each.Value / Each.Limit) + " %";
    Table.row({"  " + Each.Name, Value});
  }
  return Out.text(Message::BenchSimulated, {Model}) + "\n" + Table.text();
}

void SimulatedReport::write(JsonWriter &Json) const {
  if (Amounts.empty())
    return;
  Json.key("simulated").beginObject().member("model", Model);
  Json.key("counters").beginArray();
  for (const Amount &Each : Amounts) {
    Json.beginObject()
        .member("name", Each.Name)
        .member("unit", Each.Unit)
        .member("value", Each.Value);
    Json.key("limit");
    Each.Limit > 0 ? Json.value(Each.Limit) : Json.null();
    Json.end();
  }
  // Of no engine is it public what an operation takes.
  Json.end().key("energy_j").null().end();
}

} // namespace dure
