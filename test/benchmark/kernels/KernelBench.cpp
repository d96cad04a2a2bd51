// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Measures CPU kernels on one thread. Every kernel's result is checked against
// a plain loop first.
//
//   dure-kernel-bench [--cpu=NAME]... [--rows=1,3,..] [--repeat=N] [--require]
//   dure-kernel-bench --check-only
//
// First the question whether one matmul kernel can serve every M: its rate for
// each M, and as a ratio to a kernel that was compiled for this M alone, the
// fastest of several ways to cut the rows (MatMulBench.h), both sampled in
// turn. Then rates of larger products, of operands that the kernel must pack
// itself, and of attention, as shares of the FMA roof that the same run finds.

#include "targets/cpu/compiler/MicroKernel.h"
#include "targets/cpu/compiler/ObjectCode.h"
#include "targets/cpu/driver/CpuFeatures.h"
#include "test/benchmark/kernels/AttentionBench.h"
#include "test/benchmark/kernels/MatMulBench.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace dure::bench;
using namespace dure::cpu;

static llvm::cl::list<std::string>
    cpuNames("cpu", llvm::cl::desc("Variants to compile for (default: all of "
                                   "portable's that this machine runs)"));
static llvm::cl::list<int64_t>
    rowCounts("rows", llvm::cl::CommaSeparated,
              llvm::cl::desc("Values of M to compare with static kernels"));
static llvm::cl::opt<int> repeats("repeat", llvm::cl::init(15));
static llvm::cl::opt<bool>
    checkOnly("check-only",
              llvm::cl::desc("Check the numbers, measure nothing"));
static llvm::cl::opt<bool>
    require("require", llvm::cl::desc("Exit 1 when a ratio misses the goal"));
static llvm::cl::opt<std::string> saveTemps("save-temps");

namespace {

/// What a dynamic M may cost.
constexpr double kGoal = 0.9;

/// The matmul kernels that are measured against static ones.
const MatMulCase compared[] = {
    {384, 384}, {384, 1536}, {1536, 384}, {64, 256}, {768, 3072}};

/// Further ones, with the M to run them with.
const std::pair<MatMulCase, std::vector<int64_t>> others[] = {
    {{1024, 1024, RhsLayout::Panels}, {1024, 5}},
    {{1024, 1024, RhsLayout::Rows}, {1024, 5}},
    {{1024, 1024, RhsLayout::Columns}, {1024, 5}},
    {{37, 125, RhsLayout::Panels}, {1, 7, 125}},
    {{37, 125, RhsLayout::Rows}, {1, 7, 125}},
    {{37, 125, RhsLayout::Columns}, {1, 7, 125}}};

const AttentionCase attentions[] = {
    {"attention_h12_d32", 12, 12, 32},
    {"attention_h12_d32_mask", 12, 12, 32, false, AttentionMask::Bool},
    {"attention_h12_d64", 12, 12, 64},
    {"attention_h12_d64_causal", 12, 12, 64, true},
    {"attention_h32_g8_d64_causal", 32, 8, 64, true},
    {"attention_h16_g4_d128_window", 16, 4, 128, true, AttentionMask::None, 48},
    {"attention_h5_d20_causal", 5, 5, 20, true, AttentionMask::Bool}};

const std::pair<int64_t, int64_t> attentionSizes[] = {
    {128, 128}, {1, 2048}, {4, 2048}, {125, 131}, {512, 512}, {7, 3}};

/// One variant: its module, the library made of it, and what was found.
class Bench {
public:
  Bench(MLIRContext &context, const CpuVariant &variant);
  /// False when a goal was missed.
  bool run();

private:
  void emitRoof();
  double measureRoof();
  void compareWithStatic(const MatMulCase &c, int64_t m);
  void measureOthers();
  void measureAttentions();

  CpuVariant variant;
  TileShape shape;
  OwningOpRef<ModuleOp> module;
  KernelBuilder builder;
  std::unique_ptr<Library> library;
  double roof = 0;
  int checked = 0, missed = 0;
};

/// Values of M: a single row, fewer than a tile, rests of every kind.
std::vector<int64_t> rowsToCompare() {
  if (!rowCounts.empty())
    return {rowCounts.begin(), rowCounts.end()};
  return {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17, 125, 128};
}

Bench::Bench(MLIRContext &context, const CpuVariant &variant)
    : variant(variant), shape(variant),
      module(ModuleOp::create(UnknownLoc::get(&context))),
      builder(UnknownLoc::get(&context), this->variant, &context) {
  for (const MatMulCase &c : compared) {
    emitMatMul(*module, builder, c);
    for (int64_t m : rowsToCompare())
      for (const StaticMatMul &s : staticCandidates(shape, m, c.k, c.n))
        emitStaticMatMul(*module, builder, s);
  }
  for (const auto &[c, rows] : others)
    emitMatMul(*module, builder, c);
  for (const AttentionCase &c : attentions)
    emitAttention(*module, builder, c);
  emitRoof();

  ObjectCodeOptions options;
  options.saveTempsPrefix = saveTemps;
  double start = seconds();
  auto bytes = emitObjectCode(*module, variant, options);
  if (!bytes)
    fail(llvm::toString(bytes.takeError()));
  llvm::outs() << llvm::format("%s: compiled %zu bytes in %.2f s\n",
                               variant.name.c_str(), bytes->size(),
                               seconds() - start);
  library = std::make_unique<Library>(*bytes);
}

/// The main tile alone, all operands in L1: K and the rounds are arguments.
void Bench::emitRoof() {
  KernelBuilder &b = builder;
  emitEntry(*module, b, "roof", 0, [&](KernelFrame &frame) {
    Value memory = frame.binding(0), k = frame.constant(0);
    MicroOperands operands;
    operands.a = memory;
    operands.aRowStride = k;
    operands.b = b.at(memory, b.getF32Type(), 1024);
    operands.bElement = b.getF32Type();
    operands.bPanelStride = b.constant(0);
    operands.bRowStride = b.constant(kPanelWidth);
    operands.k = k;
    operands.c = b.at(memory, b.getF32Type(), 4096);
    operands.cRowStride = b.constant(kPanelWidth);
    operands.accumulate = b.equal(k, b.constant(-1));
    b.forEach(b.constant(0), frame.constant(1), 1, [&](Value) {
      callMicroKernel(*module, b, shape.rows, 1, operands);
    });
  });
}

double Bench::measureRoof() {
  constexpr int64_t k = 64, rounds = 64;
  Floats memory(64 * 1024), none(0);
  const dure_cpu_entry &entry = library->entry("roof");
  void *bindings[] = {memory.data};
  auto call = [&] { dure::bench::run(entry, bindings, {k, rounds}, 1, none); };
  double flops = 2.0 * shape.rows * shape.stripWidth * k * rounds;
  return flops / bestTimes({call}, repeats)[0] * 1e-9;
}

void Bench::compareWithStatic(const MatMulCase &c, int64_t m) {
  MatMulProblem problem(c, m);
  auto candidates = staticCandidates(shape, m, c.k, c.n);
  std::vector<std::function<void()>> calls = {problem.call(*library)};
  problem.check(calls[0], c.name());
  for (const StaticMatMul &s : candidates) {
    calls.push_back(problem.call(*library, s));
    problem.check(calls.back(), s.name());
  }
  checked += calls.size();
  if (checkOnly)
    return;
  std::vector<double> times = bestTimes(calls, repeats);
  auto best = std::min_element(times.begin() + 1, times.end());
  double ratio = *best / times[0];
  missed += ratio < kGoal;
  llvm::outs() << llvm::format(
      "%4lld x %-4lld M=%-4lld %6.1f %6.1f GFLOP/s  ratio %.2f%s  static: %s\n",
      (long long)c.k, (long long)c.n, (long long)m,
      problem.flops() / times[0] * 1e-9, problem.flops() / *best * 1e-9, ratio,
      ratio < kGoal ? " missed" : "",
      candidates[best - times.begin() - 1].describe(shape).c_str());
}

void Bench::measureOthers() {
  const char *layouts[] = {"packed", "rows", "columns"};
  for (const auto &[c, rows] : others)
    for (int64_t m : rows) {
      MatMulProblem problem(c, m);
      auto call = problem.call(*library);
      problem.check(call, c.name());
      ++checked;
      if (checkOnly)
        continue;
      double rate = problem.flops() / bestTimes({call}, repeats)[0] * 1e-9;
      llvm::outs() << llvm::format(
          "%4lld x %-4lld M=%-4lld %6.1f GFLOP/s %5.1f %% of the roof, B in "
          "%s\n",
          (long long)c.k, (long long)c.n, (long long)m, rate, 100 * rate / roof,
          layouts[int(c.layout)]);
    }
}

void Bench::measureAttentions() {
  for (const AttentionCase &c : attentions)
    for (auto [queries, keys] : attentionSizes) {
      double rate = measureAttention(*library, c, queries, keys,
                                     checkOnly ? 0 : int(repeats));
      ++checked;
      if (checkOnly)
        continue;
      llvm::outs() << llvm::format(
          "%-28s T=%-4lld S=%-4lld %6.1f GFLOP/s %5.1f %% of the roof\n",
          c.name.c_str(), (long long)queries, (long long)keys, rate,
          100 * rate / roof);
    }
}

bool Bench::run() {
  if (!checkOnly) {
    roof = measureRoof();
    llvm::outs() << llvm::format(
        "%s: roof %.1f GFLOP/s (main tile in L1)\n"
        "K x N, dynamic and static kernel, time of static / dynamic "
        "(goal %.1f)\n",
        variant.name.c_str(), roof, kGoal);
  }
  for (const MatMulCase &c : compared)
    for (int64_t m : rowsToCompare())
      compareWithStatic(c, m);
  measureOthers();
  measureAttentions();
  llvm::outs() << checked << " kernels right for " << variant.name;
  if (!checkOnly)
    llvm::outs() << ", " << missed << " ratios below the goal";
  llvm::outs() << "\n";
  return missed == 0;
}

/// What this machine lacks to run the variant, or nothing.
std::vector<std::string> lackedFor(const CpuVariant &variant) {
  Requirements needs;
  std::string error;
  if (!parseCompatibility(variant.compatibility, needs, error))
    fail(error);
  if (needs.Architecture != architecture())
    return {needs.Architecture};
  return missingFeatures(needs, machineFeatures());
}

} // namespace

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv);
  DialectRegistry registry;
  registerObjectCodeDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::vector<std::string> names(cpuNames.begin(), cpuNames.end());
  if (names.empty())
    names.push_back("portable");
  bool met = true;
  for (const std::string &name : names) {
    auto variants = resolveCpuVariants(name);
    if (!variants)
      fail(llvm::toString(variants.takeError()));
    for (const CpuVariant &variant : *variants) {
      std::vector<std::string> lacked = lackedFor(variant);
      if (lacked.empty())
        met &= Bench(context, variant).run();
      else
        llvm::outs() << variant.name << ": not run, this machine lacks "
                     << lacked.front() << "\n";
    }
  }
  return require && !met ? 1 : 0;
}
