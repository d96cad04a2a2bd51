// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Measures CPU kernels on one thread: GFLOP/s, and the share of the FMA roof
// that is probed in the same run. Every kernel's result is checked against a
// plain loop first.
//
//   dure-kernel-bench [--cpu=native] [--save-temps=PREFIX] [--repeat=N]

#include "targets/cpu/abi/CpuLibrary.h"
#include "targets/cpu/compiler/AttentionKernel.h"
#include "targets/cpu/compiler/MatMulKernel.h"
#include "targets/cpu/compiler/MicroKernel.h"
#include "targets/cpu/compiler/ObjectCode.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace dure::cpu;

static llvm::cl::opt<std::string> cpuName("cpu", llvm::cl::init("native"));
static llvm::cl::opt<std::string> saveTemps("save-temps");
static llvm::cl::opt<int> repeats("repeat", llvm::cl::init(15));
static llvm::cl::opt<std::string> only("only");

namespace {

llvm::ExitOnError exitOnError("dure-kernel-bench: ");

double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Memory as the driver gives it: aligned to DURE_CPU_ALIGNMENT.
struct Floats {
  explicit Floats(int64_t count) : count(count) {
    size_t bytes = (std::max<int64_t>(count, 1) * 4 + 63) / 64 * 64;
    data = static_cast<float *>(std::aligned_alloc(64, bytes));
    std::memset(data, 0, bytes);
  }
  Floats(const Floats &) = delete;
  ~Floats() { std::free(data); }
  void randomize(unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> distribution(-1, 1);
    for (int64_t i = 0; i < count; ++i)
      data[i] = distribution(generator);
  }
  int64_t count;
  float *data;
};

/// A loaded code object. The memory file stays open as long as the library.
struct Library {
  explicit Library(llvm::ArrayRef<char> bytes) {
    descriptor = memfd_create("dure-kernels", MFD_CLOEXEC);
    if (write(descriptor, bytes.data(), bytes.size()) != ssize_t(bytes.size()))
      exitOnError(llvm::createStringError("cannot write the memory file"));
    std::string path = "/proc/self/fd/" + std::to_string(descriptor);
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      exitOnError(llvm::createStringError(dlerror()));
    auto query = reinterpret_cast<dure_cpu_library_fn>(
        dlsym(handle, DURE_CPU_LIBRARY_SYMBOL));
    table = query();
  }
  Library(const Library &) = delete;
  ~Library() {
    dlclose(handle);
    close(descriptor);
  }
  const dure_cpu_entry &entry(llvm::StringRef name) const {
    for (uint32_t i = 0; i < table->entry_count; ++i)
      if (name == table->entries[i].name)
        return table->entries[i];
    exitOnError(llvm::createStringError("no entry " + name.str()));
    std::abort();
  }
  int descriptor;
  void *handle;
  const dure_cpu_library *table;
};

/// Runs all workgroups on this thread.
void run(const dure_cpu_entry &entry, llvm::ArrayRef<void *> bindings,
         llvm::ArrayRef<int64_t> constants, int64_t workgroups,
         Floats &scratch) {
  for (int64_t i = 0; i < workgroups; ++i)
    if (entry.function(bindings.data(), constants.data(), i, workgroups,
                       scratch.data))
      exitOnError(llvm::createStringError("the kernel failed"));
}

/// Best time of a call, over `repeats` samples of at least 2 ms each.
template <typename Fn> double bestTime(Fn &&fn) {
  double start = seconds();
  fn();
  double once = std::max(seconds() - start, 1e-7);
  int inner = std::max(1, int(2e-3 / once));
  double best = 1e30;
  for (int i = 0; i < repeats; ++i) {
    start = seconds();
    for (int j = 0; j < inner; ++j)
      fn();
    best = std::min(best, (seconds() - start) / inner);
  }
  return best;
}

MatMulKernel::GetValue constantSlot(int64_t slot) {
  return [slot](KernelBuilder &, KernelFrame &frame) {
    return frame.constant(slot);
  };
}
MatMulKernel::GetValue number(int64_t value) {
  return [value](KernelBuilder &b, KernelFrame &) { return b.constant(value); };
}
MatMulKernel::GetPointer whole(int64_t binding) {
  return [binding](KernelBuilder &, KernelFrame &frame, Value) {
    return frame.binding(binding);
  };
}

struct MatMulCase {
  int64_t n, k;
  RhsLayout layout;
  bool staticM = false;
  int64_t m = 0;
  std::string name() const {
    return llvm::formatv("matmul_{0}x{1}_{2}_{3}", k, n, int(layout),
                         staticM ? m : -1)
        .str();
  }
};

/// Bindings: A, B, C; constants: M.
void emitMatMul(ModuleOp module, KernelBuilder &b, const MatMulCase &c) {
  MatMulKernel kernel;
  kernel.name = c.name();
  kernel.m = c.staticM ? number(c.m) : constantSlot(0);
  kernel.n = number(c.n);
  kernel.k = number(c.k);
  kernel.staticN = c.n;
  kernel.staticK = c.k;
  kernel.lhs = whole(0);
  kernel.rhs = whole(1);
  kernel.lhsRowStride = number(c.k);
  kernel.rhsRowStride = number(c.layout == RhsLayout::Rows ? c.n : c.k);
  kernel.rhsLayout = c.layout;
  kernel.store = [&](KernelBuilder &b, KernelFrame &frame,
                     const MatMulResult &result) {
    Value offset = b.add(b.mul(result.row, c.n), result.column);
    Value target = b.at(frame.binding(2), b.getF32Type(), offset);
    if (result.mask)
      b.maskedStore(result.sums, target, result.mask);
    else
      b.store(result.sums, target);
  };
  emitMatMulKernel(module, b, kernel);
}

/// B as the kernel wants it, from B [K, N].
void packRhs(const MatMulCase &c, const Floats &rhs, Floats &packed) {
  for (int64_t k = 0; k < c.k; ++k)
    for (int64_t n = 0; n < c.n; ++n) {
      int64_t at = k * c.n + n;
      if (c.layout == RhsLayout::Columns)
        at = n * c.k + k;
      if (c.layout == RhsLayout::Panels)
        at = (n / kPanelWidth * c.k + k) * kPanelWidth + n % kPanelWidth;
      packed.data[at] = rhs.data[k * c.n + n];
    }
}

double measureMatMul(const Library &library, const MatMulCase &c, int64_t m) {
  int64_t panels = llvm::divideCeil(c.n, kPanelWidth);
  Floats lhs(m * c.k), rhs(c.k * c.n), packed(c.k * panels * kPanelWidth),
      out(m * c.n);
  lhs.randomize(1);
  rhs.randomize(2);
  packRhs(c, rhs, packed);
  const dure_cpu_entry &entry = library.entry(c.name());
  Floats scratch(entry.scratch_bytes / 4);
  MatMulBlocks blocks = chooseMatMulBlocks(c.n);
  int64_t workgroups = llvm::divideCeil(panels, blocks.panels) *
                       llvm::divideCeil(m, blocks.rows);
  void *bindings[] = {lhs.data, packed.data, out.data};
  auto call = [&] { run(entry, bindings, {m}, workgroups, scratch); };
  call();
  for (int64_t i = 0; i < std::min<int64_t>(m, 70); ++i)
    for (int64_t j = 0; j < c.n; j += 7) {
      double sum = 0;
      for (int64_t k = 0; k < c.k; ++k)
        sum += double(lhs.data[i * c.k + k]) * rhs.data[k * c.n + j];
      if (std::abs(sum - out.data[i * c.n + j]) > 1e-3)
        exitOnError(llvm::createStringError(
            llvm::formatv("{0}: wrong at ({1}, {2}): {3} for {4}", c.name(), i,
                          j, out.data[i * c.n + j], sum)
                .str()));
    }
  return 2.0 * m * c.n * c.k / bestTime(call) * 1e-9;
}

struct AttentionCase {
  std::string name;
  int64_t heads, keyHeads, dim;
  bool causal = false;
  AttentionMask mask = AttentionMask::None;
  int64_t window = 0;
};

/// Bindings: Q, K, V, mask, result; constants: T, S. Heads inside rows, as a
/// model's projections give them: [batch, row, head, dim].
void emitAttention(ModuleOp module, KernelBuilder &b, const AttentionCase &c) {
  AttentionKernel kernel;
  kernel.name = c.name;
  kernel.queries = constantSlot(0);
  kernel.keys = constantSlot(1);
  kernel.heads = number(c.heads);
  kernel.keyHeads = number(c.keyHeads);
  kernel.keyDim = kernel.valueDim = c.dim;
  auto operand = [&](int64_t binding, int64_t heads, int64_t lengthSlot) {
    HeadOperand result;
    result.pointer = [binding](KernelBuilder &, KernelFrame &frame) {
      return frame.binding(binding);
    };
    result.rowStride = number(heads * c.dim);
    result.headStride = number(c.dim);
    result.batchStride = [=](KernelBuilder &b, KernelFrame &frame) {
      return b.mul(frame.constant(lengthSlot), heads * c.dim);
    };
    return result;
  };
  kernel.q = operand(0, c.heads, 0);
  kernel.k = operand(1, c.keyHeads, 1);
  kernel.v = operand(2, c.keyHeads, 1);
  kernel.result = operand(4, c.heads, 0);
  kernel.maskKind = c.mask;
  kernel.mask.pointer = [](KernelBuilder &, KernelFrame &frame) {
    return frame.binding(3);
  };
  // One row of keys a batch.
  kernel.mask.rowStride = kernel.mask.headStride = number(0);
  kernel.mask.batchStride = constantSlot(1);
  kernel.scale = 1 / std::sqrt(float(c.dim));
  kernel.causal = c.causal;
  kernel.window = c.window;
  emitAttentionKernel(module, b, kernel);
}

/// Whether query t sees key s, T queries and S keys.
bool isSeen(const AttentionCase &c, const uint8_t *mask, int64_t t, int64_t s,
            int64_t queries, int64_t keys) {
  int64_t own = t + keys - queries;
  if (c.causal && s > own)
    return false;
  if (c.window && s <= own - c.window)
    return false;
  return c.mask != AttentionMask::Bool || mask[s];
}

void checkAttention(const AttentionCase &c, const Floats &q, const Floats &k,
                    const Floats &v, const uint8_t *mask, const Floats &out,
                    int64_t queries, int64_t keys) {
  int64_t group = c.heads / c.keyHeads;
  for (int64_t h = 0; h < c.heads; h += 5)
    for (int64_t t = 0; t < queries; t += 3) {
      const float *qRow = q.data + (t * c.heads + h) * c.dim;
      std::vector<double> sums(c.dim);
      double weights = 0;
      for (int64_t s = 0; s < keys; ++s) {
        if (!isSeen(c, mask, t, s, queries, keys))
          continue;
        int64_t at = (s * c.keyHeads + h / group) * c.dim;
        double score = 0;
        for (int64_t i = 0; i < c.dim; ++i)
          score += double(qRow[i]) * k.data[at + i];
        double weight = std::exp(score / std::sqrt(double(c.dim)));
        weights += weight;
        for (int64_t i = 0; i < c.dim; ++i)
          sums[i] += weight * v.data[at + i];
      }
      for (int64_t i = 0; i < c.dim; ++i) {
        float got = out.data[(t * c.heads + h) * c.dim + i];
        double want = weights ? sums[i] / weights : 0;
        if (!(std::abs(got - want) <= 2e-6))
          exitOnError(llvm::createStringError(
              llvm::formatv("{0}: wrong at head {1}, query {2}, {3}: {4} for "
                            "{5}",
                            c.name, h, t, i, got, want)
                  .str()));
      }
    }
}

/// GFLOP/s of batch 1; flops count what is seen when causal.
double measureAttention(const Library &library, const AttentionCase &c,
                        int64_t queries, int64_t keys) {
  Floats q(queries * c.heads * c.dim), k(keys * c.keyHeads * c.dim),
      v(keys * c.keyHeads * c.dim), mask(keys), out(queries * c.heads * c.dim);
  q.randomize(1);
  k.randomize(2);
  v.randomize(3);
  auto *seen = reinterpret_cast<uint8_t *>(mask.data);
  if (c.mask == AttentionMask::Bool)
    for (int64_t s = 0; s < keys; ++s)
      seen[s] = s % 5 != 1;
  const dure_cpu_entry &entry = library.entry(c.name);
  Floats scratch(entry.scratch_bytes / 4);
  int64_t group = c.heads / c.keyHeads;
  int64_t workgroups =
      c.keyHeads * llvm::divideCeil(group * queries, kAttentionBlockRows);
  void *bindings[] = {q.data, k.data, v.data, mask.data, out.data};
  auto call = [&] {
    run(entry, bindings, {queries, keys}, workgroups, scratch);
  };
  call();
  checkAttention(c, q, k, v, seen, out, queries, keys);
  double pairs = 0;
  for (int64_t t = 0; t < queries; ++t) {
    int64_t own = t + keys - queries;
    int64_t last = c.causal ? std::min(keys, own + 1) : keys;
    int64_t first = c.window ? std::max<int64_t>(0, own - c.window + 1) : 0;
    pairs += double(last - first);
  }
  return 4.0 * c.heads * pairs * c.dim / bestTime(call) * 1e-9;
}

/// The FMA roof: the main tile alone, all operands in L1.
double measureRoof(const Library &library) {
  Floats memory(64 * 1024);
  const dure_cpu_entry &entry = library.entry("roof");
  void *bindings[] = {memory.data};
  int64_t k = 64, rounds = 64;
  double time =
      bestTime([&] { entry.function(bindings, &k, 0, rounds, nullptr); });
  return time;
}

} // namespace

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(argc, argv);
  CpuVariant variant = exitOnError(resolveCpuVariants(cpuName)).back();
  DialectRegistry registry;
  registerObjectCodeDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  KernelBuilder builder(UnknownLoc::get(&context), variant, &context);

  SmallVector<MatMulCase> cases = {{1536, 384, RhsLayout::Panels},
                                   {384, 1536, RhsLayout::Panels},
                                   {1536, 384, RhsLayout::Panels, true, 128},
                                   {1536, 384, RhsLayout::Panels, true, 125},
                                   {384, 384, RhsLayout::Panels},
                                   {1024, 1024, RhsLayout::Panels},
                                   {1024, 1024, RhsLayout::Rows},
                                   {1024, 1024, RhsLayout::Columns},
                                   {125, 37, RhsLayout::Panels},
                                   {125, 37, RhsLayout::Rows},
                                   {125, 37, RhsLayout::Columns}};
  for (const MatMulCase &c : cases)
    emitMatMul(*module, builder, c);
  SmallVector<AttentionCase> attentions = {
      {"attention_h12_d32", 12, 12, 32},
      {"attention_h12_d32_mask", 12, 12, 32, false, AttentionMask::Bool},
      {"attention_h12_d64", 12, 12, 64},
      {"attention_h12_d64_causal", 12, 12, 64, true},
      {"attention_h32_g8_d64_causal", 32, 8, 64, true},
      {"attention_h16_g4_d128_window", 16, 4, 128, true, AttentionMask::None,
       48},
      {"attention_h5_d20_causal", 5, 5, 20, true, AttentionMask::Bool}};
  for (const AttentionCase &c : attentions)
    emitAttention(*module, builder, c);
  // The roof: `workgroup_count` rounds of the main tile, in L1.
  TileShape shape(variant);
  emitEntry(*module, builder, "roof", 0, [&](KernelFrame &frame) {
    Value memory = frame.binding(0), k = frame.constant(0);
    MicroOperands operands;
    operands.a = memory;
    operands.aRowStride = k;
    operands.b = builder.at(memory, builder.getF32Type(), 1024);
    operands.bPanelStride = builder.constant(0);
    operands.bRowStride = builder.constant(kPanelWidth);
    operands.k = k;
    operands.c = builder.at(memory, builder.getF32Type(), 4096);
    operands.cRowStride = builder.constant(kPanelWidth);
    operands.accumulate = builder.equal(k, builder.constant(-1));
    builder.forEach(builder.constant(0), builder.constant(64), 1, [&](Value) {
      callMicroKernel(*module, builder, shape.rows, 1, operands);
    });
  });

  ObjectCodeOptions options;
  options.saveTempsPrefix = saveTemps;
  double start = seconds();
  auto bytes = exitOnError(emitObjectCode(*module, variant, options));
  llvm::outs() << llvm::format(
      "compiled %zu bytes in %.2f s for %s (%s)\n", bytes.size(),
      seconds() - start, variant.name.c_str(), variant.compatibility.c_str());
  if (!variant.isX86())
    return 0;
  Library library(bytes);

  double flops = 2.0 * shape.rows * shape.stripWidth * 64 * 64;
  double roof = flops / measureRoof(library) * 1e-9;
  llvm::outs() << llvm::format("tile in L1: %.1f GFLOP/s\n", roof);
  auto report = [&](const MatMulCase &c, int64_t m) {
    double rate = measureMatMul(library, c, m);
    llvm::outs() << llvm::format("%-24s M=%-5lld %7.1f GFLOP/s  %5.1f %%\n",
                                 c.name().c_str(), (long long)m, rate,
                                 100 * rate / roof);
  };
  for (const MatMulCase &c : cases) {
    if (!only.empty() && c.name() != only)
      continue;
    if (c.staticM) {
      report(c, c.m);
      continue;
    }
    if (c.n == 1024) {
      report(c, 1024);
      report(c, 5);
      continue;
    }
    for (int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 125, 128})
      report(c, m);
  }
  for (const AttentionCase &c : attentions) {
    if (!only.empty() && c.name != only)
      continue;
    std::pair<int64_t, int64_t> sizes[] = {{128, 128}, {1, 2048},  {4, 2048},
                                           {125, 131}, {512, 512}, {7, 3}};
    for (auto [queries, keys] : sizes) {
      double rate = measureAttention(library, c, queries, keys);
      llvm::outs() << llvm::format(
          "%-30s T=%-4lld S=%-5lld %6.1f GFLOP/s  %5.1f %%\n", c.name.c_str(),
          (long long)queries, (long long)keys, rate, 100 * rate / roof);
    }
  }
  return 0;
}
