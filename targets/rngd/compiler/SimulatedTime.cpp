// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The simulator's own decoder and schedule, so that both say the same.
#include "targets/rngd/compiler/SimulatedTime.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

namespace dure::rngd {

static void addShares(const Schedule &made, const Limits &limits,
                      SimulatedTime &out) {
  if (made.Makespan == 0)
    return;
  llvm::raw_string_ostream text(out.shares);
  auto add = [&](const std::string &name, double share) {
    if (share > out.boundShare) {
      out.bound = name;
      out.boundShare = share;
    }
    if (share >= 0.005)
      text << (out.shares.empty() ? "" : ", ") << name
           << llvm::format(" %.0f %%", share * 100);
  };
  for (int i = 0; i != EngineCount; ++i) {
    auto engine = static_cast<Engine>(i);
    double engines = engine == Engine::Dma ? double(limits.DmaEngines) : 1;
    add(nameOf(engine),
        double(made.Busy[i]) / (engines * double(made.Makespan)));
  }
  double bytes = double(made.HbmBytesRead + made.HbmBytesWritten);
  add("HBM", bytes / (limits.HbmBytesPerSecond * double(made.Makespan) * 1e-9));
}

static void addSpans(const Schedule &made, const ProgramPlan &program,
                     SimulatedTime &out) {
  llvm::StringMap<size_t> places;
  for (size_t i = 0; i != made.Commands.size(); ++i) {
    const Lasting &lasting = made.Commands[i];
    auto [place, isNew] =
        places.try_emplace(program.Commands[i].Name, out.spans.size());
    if (isNew)
      out.spans.push_back(
          {program.Commands[i].Name, lasting.Begin, lasting.End});
    SimulatedTime::Span &span = out.spans[place->second];
    span.begin = std::min(span.begin, lasting.Begin);
    span.end = std::max(span.end, lasting.End);
  }
}

SimulatedTime simulatedTime(const std::string &codeObject, Profile by) {
  SimulatedTime out;
  auto fail = [&](const std::string &problem) {
    out.problem = problem;
    return out;
  };
  Result<Machine> chip = Machine::parse(machineText(), "rngd.json");
  if (!chip)
    return fail(chip.status().message());
  Result<Limits> limits = Limits::of(*chip);
  Result<BookTiming> book = BookTiming::of(*chip);
  Result<TccTiming> tcc = TccTiming::of(*chip);
  for (const Status &each : {limits.status(), book.status(), tcc.status()})
    if (!each.ok())
      return fail(each.message());
  ModulePlan plan;
  std::string problem =
      decode(codeObject.data(), codeObject.size(), *limits, chip->Name, plan);
  if (!problem.empty())
    return fail(problem);
  if (plan.Programs.size() != 1)
    return fail("a kernel is one program");
  const ProgramPlan &program = plan.Programs.front();
  Schedule made =
      schedule(program, *limits, {*book, *tcc}, by, [] { return false; });
  out.problem = made.Fault;
  out.cycles = made.Makespan;
  addShares(made, *limits, out);
  addSpans(made, program, out);
  return out;
}

} // namespace dure::rngd
