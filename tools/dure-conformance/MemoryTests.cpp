// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conformance of buffers, maps, imports, copies and fills.
#include "tools/dure-conformance/Tests.h"

#include <algorithm>

using namespace dure::conformance;

static dure_drv_buffer_params params(uint64_t Size) {
  return {sizeof(dure_drv_buffer_params), nullptr, Size, 0, 0, 0};
}

/// N bytes that differ from their neighbours.
static std::vector<uint8_t> pattern(size_t N, uint32_t Seed = 1) {
  std::vector<uint8_t> Bytes(N);
  for (size_t I = 0; I != N; ++I)
    Bytes[I] = static_cast<uint8_t>((I * 2654435761u + Seed * 40503u) >> 7);
  return Bytes;
}

static void info(Session &S) {
  dure_drv_memory_info I = {};
  I.struct_size = sizeof(I);
  for (uint32_t K = 0; K != S.Info.memory_kind_count; ++K) {
    CONFORM_OK(S, S.Mem->info(S.Dev, K, &I));
    CONFORM(S, I.alignment && (I.alignment & (I.alignment - 1)) == 0);
    CONFORM(S, I.total == 0 || I.available <= I.total);
  }
  CONFORM_CODE(S, S.Mem->info(S.Dev, S.Info.memory_kind_count, &I),
               DURE_DRV_OUT_OF_RANGE);
  I.struct_size = sizeof(size_t);
  CONFORM_CODE(S, S.Mem->info(S.Dev, 0, &I), DURE_DRV_INVALID_ARGUMENT);
}

static void sizes(Session &S) {
  for (uint64_t Size : {0ull, 1ull, 3ull, 63ull, 4096ull, 1048577ull}) {
    dure_drv_buffer *B = S.buffer(Size);
    CONFORM(S, B);
    CONFORM(S, S.Mem->size(B) == Size);
  }
}

static void alignment(Session &S) {
  for (uint64_t Alignment : {1ull, 64ull, 4096ull, 65536ull}) {
    dure_drv_buffer_params P = params(100);
    P.alignment = Alignment;
    dure_drv_buffer *B = nullptr;
    CONFORM_OK(S, S.Mem->allocate(S.Dev, &P, &B));
    uintptr_t Address = 0;
    if (S.has(DURE_DRV_CAP_MAP)) {
      void *Memory = nullptr;
      CONFORM_OK(S, S.Mem->map(B, 0, 100, DURE_DRV_MAP_READ, &Memory));
      Address = reinterpret_cast<uintptr_t>(Memory);
      CONFORM_OK(S, S.Mem->unmap(B));
    }
    CONFORM_OK(S, S.Mem->free(B));
    CONFORM(S, Address % Alignment == 0);
  }
  dure_drv_buffer_params P = params(100);
  P.alignment = 48;
  dure_drv_buffer *B = nullptr;
  CONFORM_CODE(S, S.Mem->allocate(S.Dev, &P, &B), DURE_DRV_INVALID_ARGUMENT);
}

static void badParams(Session &S) {
  dure_drv_buffer *B = nullptr;
  dure_drv_buffer_params P = params(16);
  P.struct_size = sizeof(size_t);
  CONFORM_CODE(S, S.Mem->allocate(S.Dev, &P, &B), DURE_DRV_INVALID_ARGUMENT);
  P = params(16);
  P.memory_kind = S.Info.memory_kind_count;
  CONFORM_CODE(S, S.Mem->allocate(S.Dev, &P, &B), DURE_DRV_OUT_OF_RANGE);
  P = params(16);
  dure_drv_extension Unknown = {sizeof(Unknown), 0x7fffffffu,
                                DURE_DRV_EXTENSION_MUST_UNDERSTAND, nullptr};
  P.next = &Unknown;
  CONFORM_CODE(S, S.Mem->allocate(S.Dev, &P, &B), DURE_DRV_UNIMPLEMENTED);
  CONFORM_CODE(S, S.Mem->allocate(S.Dev, nullptr, &B),
               DURE_DRV_INVALID_ARGUMENT);
  CONFORM(S, B == nullptr);
}

static void newerParams(Session &S) {
  struct {
    dure_drv_buffer_params Known;
    uint64_t Later;
  } P = {params(16), 7};
  P.Known.struct_size = sizeof(P);
  dure_drv_buffer *B = nullptr;
  CONFORM_OK(S, S.Mem->allocate(S.Dev, &P.Known, &B));
  CONFORM_OK(S, S.Mem->free(B));
}

static void outOfMemory(Session &S) {
  for (uint64_t Size :
       {uint64_t(1) << 62, UINT64_MAX, S.Info.allocation_limit + 1}) {
    if (Size == 0) // The limit was UINT64_MAX.
      continue;
    dure_drv_buffer_params P = params(Size);
    dure_drv_buffer *B = nullptr;
    CONFORM_CODE(S, S.Mem->allocate(S.Dev, &P, &B),
                 DURE_DRV_RESOURCE_EXHAUSTED);
    CONFORM(S, B == nullptr);
  }
  // It goes on working.
  dure_drv_buffer *B = S.buffer(64);
  CONFORM(S, B);
}

static void mapReadsWhatWasWritten(Session &S) {
  dure_drv_buffer *B = S.buffer(1000);
  CONFORM(S, B);
  std::vector<uint8_t> Data = pattern(1000);
  S.write(B, Data.data(), Data.size());
  CONFORM(S, S.read(B) == Data);
  void *Part = nullptr;
  CONFORM_OK(S, S.Mem->map(B, 333, 5, DURE_DRV_MAP_READ, &Part));
  bool Same = std::memcmp(Part, Data.data() + 333, 5) == 0;
  CONFORM_OK(S, S.Mem->unmap(B));
  CONFORM(S, Same);
}

static void mapChecks(Session &S) {
  dure_drv_buffer *B = S.buffer(100);
  CONFORM(S, B);
  void *M = nullptr;
  CONFORM_CODE(S, S.Mem->map(B, 50, 51, DURE_DRV_MAP_READ, &M),
               DURE_DRV_OUT_OF_RANGE);
  CONFORM_CODE(S, S.Mem->map(B, UINT64_MAX, 2, DURE_DRV_MAP_READ, &M),
               DURE_DRV_OUT_OF_RANGE);
  CONFORM_CODE(S, S.Mem->map(B, 0, 1, 0, &M), DURE_DRV_INVALID_ARGUMENT);
  CONFORM_CODE(S, S.Mem->unmap(B), DURE_DRV_FAILED_PRECONDITION);
  CONFORM_OK(S, S.Mem->map(B, 0, 1, DURE_DRV_MAP_READ, &M));
  CONFORM_OK(S, S.Mem->map(B, 0, 1, DURE_DRV_MAP_READ, &M));
  CONFORM_OK(S, S.Mem->unmap(B));
  CONFORM_CODE(S, S.Mem->free(B), DURE_DRV_BUSY);
  CONFORM_OK(S, S.Mem->unmap(B));
}

static void import(Session &S) {
  std::vector<uint8_t> Memory = pattern(500);
  dure_drv_import_params P = {sizeof(P),         nullptr, Memory.data() + 1,
                              Memory.size() - 1, 0,       0};
  dure_drv_buffer *I = nullptr;
  CONFORM_OK(S, S.Mem->import_host(S.Dev, &P, &I));
  dure_drv_buffer *B = S.buffer(499);
  CONFORM(S, B && S.Mem->size(I) == 499);
  dure_drv_command C = copy(I, 0, B, 0, 499);
  CONFORM(S, S.run({&C, 1}).ok());
  CONFORM(S,
          S.read(B) == std::vector<uint8_t>(Memory.begin() + 1, Memory.end()));
  CONFORM_OK(S, S.Mem->free(I));
  // The memory is still the caller's, unchanged.
  CONFORM(S, Memory == pattern(500));
}

static void importReadOnly(Session &S) {
  std::vector<uint8_t> Memory = pattern(128);
  dure_drv_import_params P = {sizeof(P), nullptr, Memory.data(), 128, 1, 0};
  dure_drv_buffer *I = nullptr;
  CONFORM_OK(S, S.Mem->import_host(S.Dev, &P, &I));
  dure_drv_command C = fill(I, 0, 128, 0, 1);
  CONFORM(S, S.run({&C, 1}).code() == DURE_DRV_INVALID_ARGUMENT);
  CONFORM_OK(S, S.Mem->free(I));
  CONFORM(S, Memory == pattern(128));
}

static void importChecks(Session &S) {
  dure_drv_import_params P = {sizeof(P), nullptr, nullptr, 16, 0, 0};
  dure_drv_buffer *B = nullptr;
  CONFORM_CODE(S, S.Mem->import_host(S.Dev, &P, &B), DURE_DRV_INVALID_ARGUMENT);
  P.struct_size = sizeof(size_t);
  CONFORM_CODE(S, S.Mem->import_host(S.Dev, &P, &B), DURE_DRV_INVALID_ARGUMENT);
}

static void copies(Session &S) {
  uint64_t Unit = S.Info.transfer_alignment;
  for (uint64_t Length : {0, 1, 7, 64, 1001, 300000})
    for (uint64_t From : {0, 3})
      for (uint64_t To : {0, 5}) {
        uint64_t N = Length * Unit, F = From * Unit, T = To * Unit;
        dure_drv_buffer *A = S.buffer(F + N + Unit);
        dure_drv_buffer *B = S.buffer(T + N + Unit);
        CONFORM(S, A && B);
        std::vector<uint8_t> Source = pattern(F + N + Unit, 1);
        std::vector<uint8_t> Target = pattern(T + N + Unit, 2);
        S.write(A, Source.data(), Source.size());
        S.write(B, Target.data(), Target.size());
        dure_drv_command C = copy(A, F, B, T, N);
        Result R = S.run({&C, 1});
        CONFORM(S, R.ok());
        std::copy_n(Source.begin() + static_cast<long>(F), N,
                    Target.begin() + static_cast<long>(T));
        CONFORM(S, S.read(B) == Target);
        CONFORM(S, S.read(A) == Source);
      }
}

static void fills(Session &S) {
  uint64_t Unit = S.Info.transfer_alignment;
  uint64_t Value = 0x0123456789abcdefull;
  for (uint32_t Size : {1u, 2u, 4u, 8u, 16u})
    for (uint64_t Count : {0, 1, 3, 40000})
      for (uint64_t Offset : {0, 1}) {
        uint64_t N = Count * Size * Unit, At = Offset * Unit;
        dure_drv_buffer *B = S.buffer(At + N + Unit);
        CONFORM(S, B);
        std::vector<uint8_t> Expected = pattern(At + N + Unit);
        S.write(B, Expected.data(), Expected.size());
        dure_drv_command C = fill(B, At, N, Value, Size);
        CONFORM(S, S.run({&C, 1}).ok());
        for (uint64_t I = 0; I != N; ++I)
          Expected[At + I] = C.u.fill.pattern[I % Size];
        CONFORM(S, S.read(B) == Expected);
      }
}

static void transferChecks(Session &S) {
  uint64_t U = S.Info.transfer_alignment;
  dure_drv_buffer *A = S.buffer(64 * U), *B = S.buffer(64 * U);
  CONFORM(S, A && B);
  auto Code = [&](dure_drv_command C) { return S.run({&C, 1}).code(); };
  CONFORM(S, Code(copy(A, 33 * U, B, 0, 32 * U)) == DURE_DRV_OUT_OF_RANGE);
  CONFORM(S, Code(copy(A, 0, B, 64 * U, U)) == DURE_DRV_OUT_OF_RANGE);
  CONFORM(S, Code(copy(A, UINT64_MAX - U + 1, B, 0, 2 * U)) ==
                 DURE_DRV_OUT_OF_RANGE);
  CONFORM(S, Code(copy(A, 0, A, U, 2 * U)) == DURE_DRV_INVALID_ARGUMENT);
  CONFORM(S, Code(copy(nullptr, 0, A, 0, U)) == DURE_DRV_INVALID_ARGUMENT);
  dure_drv_command Unequal = copy(A, 0, B, 0, 2 * U);
  Unequal.u.copy.target.length = U;
  CONFORM(S, Code(Unequal) == DURE_DRV_INVALID_ARGUMENT);
  CONFORM(S, Code(fill(B, 0, 65 * U, 0, 1)) == DURE_DRV_OUT_OF_RANGE);
  CONFORM(S, Code(fill(B, 0, 16 * U, 0, 3)) == DURE_DRV_INVALID_ARGUMENT);
  CONFORM(S, Code(fill(B, 0, 16 * U, 0, 0)) == DURE_DRV_INVALID_ARGUMENT);
  if (U == 1)
    CONFORM(S, Code(fill(B, 0, 15, 0, 4)) == DURE_DRV_INVALID_ARGUMENT);
  // Two parts of one buffer that touch do not overlap.
  CONFORM(S, Code(copy(A, 0, A, 32 * U, 32 * U)) == DURE_DRV_OK);
}

static void churn(Session &S) {
  for (int I = 0; I != 2000; ++I) {
    dure_drv_buffer_params P = params(static_cast<uint64_t>(I % 77) * 1000);
    dure_drv_buffer *B = nullptr;
    CONFORM_OK(S, S.Mem->allocate(S.Dev, &P, &B));
    CONFORM_OK(S, S.Mem->free(B));
  }
}

const std::vector<TestCase> dure::conformance::MemoryTests = {
    {"memory.info", 0, info},
    {"memory.sizes", 0, sizes},
    {"memory.alignment", 0, alignment},
    {"memory.bad-params", 0, badParams},
    {"memory.newer-params", 0, newerParams},
    {"memory.out-of-memory", 0, outOfMemory},
    {"memory.churn", 0, churn},
    {"memory.map", DURE_DRV_CAP_MAP, mapReadsWhatWasWritten},
    {"memory.map-checks", DURE_DRV_CAP_MAP, mapChecks},
    {"memory.import", DURE_DRV_CAP_IMPORT_HOST, import},
    {"memory.import-read-only", DURE_DRV_CAP_IMPORT_HOST, importReadOnly},
    {"memory.import-checks", DURE_DRV_CAP_IMPORT_HOST, importChecks},
    {"transfer.copy", 0, copies},
    {"transfer.fill", 0, fills},
    {"transfer.checks", 0, transferChecks},
};
