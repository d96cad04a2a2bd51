// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Probing the machine.
//
// Each kernel runs independent chains of one instruction, enough of them to
// cover its latency on every port. Kernels are compiled for their own
// instructions and called only where the CPU has them.
#include "tools/dure/Roof.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <sched.h>
#include <thread>
#include <unistd.h>

#if defined(__x86_64__)
#include <immintrin.h>
#include <sys/syscall.h>
#endif

namespace dure {
namespace {

using Clock = std::chrono::steady_clock;

/// Does `Iterations` rounds and returns the operations done.
using Kernel = double (*)(int64_t Iterations);

// Results go here so that no kernel is dead code; inputs come from here so that
// none is a constant.
volatile float FloatValue = 0.999f;
volatile int32_t IntValue = 0x01010101;
std::atomic<int64_t> Sink;

constexpr int Chains = 12;

/// Baseline of every CPU: four floats a vector, which compilers turn into NEON
/// or SSE.
double f32Baseline(int64_t Iterations) {
  typedef float Vector __attribute__((vector_size(16)));
  const float Value = FloatValue;
  const Vector A = {Value, Value, Value, Value};
  Vector Sum[Chains] = {};
  for (int64_t I = 0; I < Iterations; ++I)
    for (Vector &S : Sum)
      S = S * A + A;
  float Total = 0;
  for (const Vector &S : Sum)
    Total += S[0];
  Sink += int64_t(Total);
  return double(Iterations) * Chains * 4 * 2;
}

#if defined(__x86_64__)
#define DURE_TARGET(Features) __attribute__((target(Features)))

DURE_TARGET("avx2,fma") double f32Avx2(int64_t Iterations) {
  const __m256 A = _mm256_set1_ps(FloatValue);
  __m256 Sum[Chains];
  for (__m256 &S : Sum)
    S = A;
  for (int64_t I = 0; I < Iterations; ++I)
    for (__m256 &S : Sum)
      S = _mm256_fmadd_ps(S, A, A);
  __m256 Total = A;
  for (const __m256 &S : Sum)
    Total = _mm256_add_ps(Total, S);
  Sink += int64_t(_mm256_cvtss_f32(Total));
  return double(Iterations) * Chains * 8 * 2;
}

DURE_TARGET("avx512f") double f32Avx512(int64_t Iterations) {
  const __m512 A = _mm512_set1_ps(FloatValue);
  __m512 Sum[Chains];
  for (__m512 &S : Sum)
    S = A;
  for (int64_t I = 0; I < Iterations; ++I)
    for (__m512 &S : Sum)
      S = _mm512_fmadd_ps(S, A, A);
  __m512 Total = A;
  for (const __m512 &S : Sum)
    Total = _mm512_add_ps(Total, S);
  Sink += int64_t(_mm512_cvtss_f32(Total));
  return double(Iterations) * Chains * 16 * 2;
}

DURE_TARGET("avx512f,avx512bf16") double bf16Avx512(int64_t Iterations) {
  // Two bfloat16 of about 1 in every lane.
  const __m512bh A = (__m512bh)_mm512_set1_epi32(0x3f7f3f7f ^ (IntValue & 1));
  __m512 Sum[Chains];
  for (__m512 &S : Sum)
    S = _mm512_set1_ps(FloatValue);
  for (int64_t I = 0; I < Iterations; ++I)
    for (__m512 &S : Sum)
      S = _mm512_dpbf16_ps(S, A, A);
  __m512 Total = Sum[0];
  for (const __m512 &S : Sum)
    Total = _mm512_add_ps(Total, S);
  Sink += int64_t(_mm512_cvtss_f32(Total)) & 1;
  return double(Iterations) * Chains * 32 * 2;
}

DURE_TARGET("avx512f,avx512vnni") double int8Avx512(int64_t Iterations) {
  const __m512i A = _mm512_set1_epi32(IntValue);
  __m512i Sum[Chains];
  for (__m512i &S : Sum)
    S = A;
  for (int64_t I = 0; I < Iterations; ++I)
    for (__m512i &S : Sum)
      S = _mm512_dpbusd_epi32(S, A, A);
  __m512i Total = A;
  for (const __m512i &S : Sum)
    Total = _mm512_add_epi32(Total, S);
  Sink += _mm512_cvtsi512_si32(Total);
  return double(Iterations) * Chains * 64 * 2;
}

DURE_TARGET("avx2,avxvnni") double int8AvxVnni(int64_t Iterations) {
  const __m256i A = _mm256_set1_epi32(IntValue);
  __m256i Sum[Chains];
  for (__m256i &S : Sum)
    S = A;
  for (int64_t I = 0; I < Iterations; ++I)
    for (__m256i &S : Sum)
      S = _mm256_dpbusd_avx_epi32(S, A, A);
  __m256i Total = A;
  for (const __m256i &S : Sum)
    Total = _mm256_add_epi32(Total, S);
  Sink += _mm256_extract_epi32(Total, 0);
  return double(Iterations) * Chains * 32 * 2;
}

/// Palette 1, all tiles 16 rows of 64 bytes.
struct alignas(64) TileConfig {
  uint8_t Palette = 1;
  uint8_t StartRow = 0;
  uint8_t Reserved[14] = {};
  uint16_t ColumnBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t Rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

/// The kernel gives tiles only to processes that ask.
bool requestTiles() {
  constexpr long RequestPermission = 0x1023, TileData = 18;
  return ::syscall(SYS_arch_prctl, RequestPermission, TileData) == 0;
}

// 16 x 16 results of 64 bytes of products each, in four chains on two pairs of
// operands.
constexpr double TileOperations = 4.0 * 16 * 16 * 64 * 2;

DURE_TARGET("amx-tile,amx-bf16") double bf16Amx(int64_t Iterations) {
  const TileConfig Config;
  _tile_loadconfig(&Config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t I = 0; I < Iterations; ++I) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return double(Iterations) * TileOperations / 2;
}

DURE_TARGET("amx-tile,amx-int8") double int8Amx(int64_t Iterations) {
  const TileConfig Config;
  _tile_loadconfig(&Config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int64_t I = 0; I < Iterations; ++I) {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
  _tile_release();
  return double(Iterations) * TileOperations;
}
#endif // __x86_64__

struct Probe {
  const char *Type;
  const char *Instructions;
  Kernel Run;
};

/// What this CPU has; several of one type compete.
std::vector<Probe> findProbes() {
  std::vector<Probe> Probes;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f"))
    Probes.push_back({"float32", "avx512f", f32Avx512});
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    Probes.push_back({"float32", "avx2+fma", f32Avx2});
  if (__builtin_cpu_supports("avx512bf16"))
    Probes.push_back({"bfloat16", "avx512_bf16", bf16Avx512});
  if (__builtin_cpu_supports("avx512vnni"))
    Probes.push_back({"int8", "avx512_vnni", int8Avx512});
  if (__builtin_cpu_supports("avxvnni"))
    Probes.push_back({"int8", "avx_vnni", int8AvxVnni});
  const bool Tiles = __builtin_cpu_supports("amx-tile") && requestTiles();
  if (Tiles && __builtin_cpu_supports("amx-bf16"))
    Probes.push_back({"bfloat16", "amx-bf16", bf16Amx});
  if (Tiles && __builtin_cpu_supports("amx-int8"))
    Probes.push_back({"int8", "amx-int8", int8Amx});
#endif
  if (Probes.empty())
    Probes.push_back({"float32", "128-bit vectors", f32Baseline});
  return Probes;
}

/// Ends the loops of a probe early; null: never.
using StopFlag = const volatile int *;
bool stopped(StopFlag Stop) { return Stop && *Stop; }

double secondsSince(Clock::time_point Start) {
  return std::chrono::duration<double>(Clock::now() - Start).count();
}

/// Runs `Body(thread)` on all threads at once; it returns what it has done, and
/// the sum a second is returned.
template <typename BodyType> double rate(int Threads, BodyType Body) {
  std::latch Ready(Threads + 1);
  std::vector<double> Done(static_cast<size_t>(Threads));
  std::vector<std::thread> Workers;
  for (int T = 0; T < Threads; ++T)
    Workers.emplace_back([&, T] {
      Ready.arrive_and_wait();
      Done[size_t(T)] = Body(T);
    });
  Ready.arrive_and_wait();
  const Clock::time_point Start = Clock::now();
  for (std::thread &Worker : Workers)
    Worker.join();
  const double Elapsed = secondsSince(Start);
  double Sum = 0;
  for (double Amount : Done)
    Sum += Amount;
  return Sum / Elapsed;
}

constexpr int Tries = 3;

double probeCompute(const Probe &P, int Threads, double Seconds,
                    StopFlag Stop) {
  double Best = 0;
  for (int Try = 0; Try < Tries && !stopped(Stop); ++Try)
    Best = std::max(Best, rate(Threads, [&](int) {
                      // Short batches, so that all threads end together.
                      constexpr int64_t Batch = 1 << 14;
                      const Clock::time_point Start = Clock::now();
                      double Done = 0;
                      do
                        Done += P.Run(Batch);
                      while (secondsSince(Start) < Seconds / Tries &&
                             !stopped(Stop));
                      return Done;
                    }));
  return Best * 1e-9;
}

double probeRead(int Threads, double Seconds, StopFlag Stop) {
  // Four times the last-level cache, but no more than a small machine can
  // spare.
  int64_t Cache = 0;
#if defined(_SC_LEVEL3_CACHE_SIZE)
  Cache = ::sysconf(_SC_LEVEL3_CACHE_SIZE);
#endif
  const int64_t Bytes =
      std::clamp<int64_t>(4 * Cache, int64_t(128) << 20, int64_t(1) << 30);
  const size_t Words = size_t(Bytes) / 8 / size_t(Threads);
  std::vector<std::unique_ptr<uint64_t[]>> Blocks;
  for (int T = 0; T < Threads; ++T)
    Blocks.push_back(std::make_unique_for_overwrite<uint64_t[]>(Words));
  // Each thread writes its own first: the pages exist, and lie near it. New
  // pages take long, so that it looks for `Stop` in between.
  constexpr size_t Piece = size_t(1) << 20;
  rate(Threads, [&](int T) {
    for (size_t I = 0; I < Words && !stopped(Stop); I += Piece)
      std::fill_n(&Blocks[size_t(T)][I], std::min(Piece, Words - I),
                  uint64_t(T));
    return 0.0;
  });
  double Best = 0;
  for (int Try = 0; Try < Tries && !stopped(Stop); ++Try)
    Best = std::max(Best, rate(Threads, [&](int T) {
                      const uint64_t *Data = Blocks[size_t(T)].get();
                      const Clock::time_point Start = Clock::now();
                      double Done = 0;
                      do {
                        // Independent sums, which the compiler vectorizes.
                        uint64_t Sum = 0;
                        for (size_t I = 0; I < Words; ++I)
                          Sum += Data[I];
                        Sink += int64_t(Sum);
                        Done += double(Words) * 8;
                      } while (secondsSince(Start) < Seconds / Tries &&
                               !stopped(Stop));
                      return Done;
                    }));
  return Best * 1e-9;
}

} // namespace

int availableThreads() {
  cpu_set_t Set;
  CPU_ZERO(&Set);
  if (::sched_getaffinity(0, sizeof(Set), &Set) == 0)
    return std::max(1, CPU_COUNT(&Set));
  return std::max(1, int(std::thread::hardware_concurrency()));
}

Roof probeRoof(int Threads, double Seconds, const volatile int *Stop) {
  Roof Result{Threads, {}, 0};
  for (const Probe &P : findProbes()) {
    const RoofEntry Entry{P.Type, P.Instructions,
                          probeCompute(P, Threads, Seconds, Stop)};
    const auto Same =
        std::find_if(Result.Compute.begin(), Result.Compute.end(),
                     [&](const RoofEntry &E) { return E.Type == Entry.Type; });
    if (Same == Result.Compute.end())
      Result.Compute.push_back(Entry);
    else if (Entry.Gflops > Same->Gflops)
      *Same = Entry;
  }
  if (!stopped(Stop))
    Result.ReadGbytes = probeRead(Threads, Seconds, Stop);
  return Result;
}

} // namespace dure
