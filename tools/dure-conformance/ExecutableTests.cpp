// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conformance of executables and dispatches, with the conformance kernels.
#include "tools/dure-conformance/Dispatch.h"
#include "tools/dure-conformance/Tests.h"

using namespace dure::conformance;

static constexpr uint64_t Loads = DURE_DRV_CAP_EXECUTABLES;
static constexpr uint64_t Runs =
    DURE_DRV_CAP_EXECUTABLES | DURE_DRV_CAP_COMPUTES;

static dure_drv_executable_params params(Session &S, std::string_view Bytes) {
  return {sizeof(dure_drv_executable_params),
          nullptr,
          Bytes.data(),
          Bytes.size(),
          S.Opts.Compatibility.c_str(),
          "conformance",
          nullptr,
          0,
          nullptr};
}

static void validates(Session &S) {
  dure_drv_compatibility C = {};
  C.struct_size = sizeof(C);
  CONFORM_OK(S, S.Exe->validate(S.Dev, S.Opts.Compatibility.c_str(), &C));
  Result Reason(C.reason);
  CONFORM(S, C.verdict == DURE_DRV_OPTIMAL || C.verdict == DURE_DRV_SLOWER);
  CONFORM(S, (C.verdict == DURE_DRV_OPTIMAL) == Reason.ok());
  CONFORM_CODE(S, S.Exe->validate(S.Dev, nullptr, &C),
               DURE_DRV_INVALID_ARGUMENT);
  C.struct_size = sizeof(size_t);
  CONFORM_CODE(S, S.Exe->validate(S.Dev, S.Opts.Compatibility.c_str(), &C),
               DURE_DRV_INVALID_ARGUMENT);
}

static void refusesOtherChips(Session &S) {
  // A string that can be read but names another chip is UNSUPPORTED with a
  // reason; one that cannot be read is an error. Either way nothing loads.
  const char *Other = "no-such-architecture:no-such-feature";
  dure_drv_compatibility C = {};
  C.struct_size = sizeof(C);
  Result R = S.Exe->validate(S.Dev, Other, &C);
  if (R.ok()) {
    Result Reason(C.reason);
    CONFORM(S, C.verdict == DURE_DRV_UNSUPPORTED && !Reason.ok());
  }
  CONFORM(S, S.executable());
  dure_drv_executable_params P = params(S, S.Opts.Artifacts[0].Bytes);
  P.compatibility = Other;
  dure_drv_executable *E = nullptr;
  Result Loaded = S.Exe->load(S.Dev, &P, &E);
  CONFORM(S, Loaded.code() == DURE_DRV_INCOMPATIBLE ||
                 Loaded.code() == DURE_DRV_INVALID_ARGUMENT);
}

static void entries(Session &S) {
  dure_drv_executable *E = S.executable();
  CONFORM(S, E);
  uint32_t Count = S.Exe->entry_count(E);
  CONFORM(S, Count >= 5);
  dure_drv_entry_info I = {};
  I.struct_size = sizeof(I);
  for (uint32_t N = 0; N != Count; ++N) {
    CONFORM_OK(S, S.Exe->entry_info(E, N, &I));
    uint32_t Found = ~0u;
    CONFORM_OK(S, S.Exe->lookup(E, I.name, &Found));
    CONFORM(S, Found == N);
  }
  CONFORM_CODE(S, S.Exe->entry_info(E, Count, &I), DURE_DRV_OUT_OF_RANGE);
  CONFORM_CODE(S, S.Exe->lookup(E, "no_such_entry", &Count),
               DURE_DRV_NOT_FOUND);
}

static void missingEntryIsNamed(Session &S) {
  CONFORM(S, S.executable());
  const char *const Names[] = {"add", "no_such_entry"};
  dure_drv_executable_params P = params(S, S.Opts.Artifacts[0].Bytes);
  P.entries = Names;
  P.entry_count = 2;
  dure_drv_executable *E = nullptr;
  Result R = S.Exe->load(S.Dev, &P, &E);
  CONFORM(S, R.code() == DURE_DRV_NOT_FOUND);
  CONFORM(S, R.message().find("no_such_entry") != std::string_view::npos);
  CONFORM(S, E == nullptr);
}

static void malformedIsRefused(Session &S) {
  CONFORM(S, S.executable());
  const std::string &Good = S.Opts.Artifacts[0].Bytes;
  auto Refused = [&](std::string_view Bytes) {
    dure_drv_executable_params P = params(S, Bytes);
    dure_drv_executable *E = nullptr;
    Result R = S.Exe->load(S.Dev, &P, &E);
    return R.code() == DURE_DRV_INVALID_ARGUMENT && E == nullptr;
  };
  CONFORM(S, Refused(""));
  CONFORM(S, Refused("x"));
  CONFORM(S, Refused(std::string(4096, '\0')));
  for (size_t Size : {size_t(1), size_t(63), size_t(100), Good.size() / 4})
    CONFORM(S, Refused(std::string_view(Good).substr(0, Size)));
}

static void unloadBusy(Session &S) {
  dure_drv_executable *E = S.executable();
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Gate = S.timeline(), *Done = S.timeline();
  dure_drv_buffer *B = S.buffer(4);
  CONFORM(S, E && Q && Gate && Done && B);
  Dispatch D(S, E, "identify", 1, {B}, {});
  CONFORM(S, S.submit(Q, {&D.Command, 1}, Done, 1, Gate, 1).ok());
  CONFORM_CODE(S, S.Exe->unload(E), DURE_DRV_BUSY);
  CONFORM_OK(S, S.Time->signal(Gate, 1));
  CONFORM_OK(S, S.Time->wait(Done, 1, S.Host.after(20000)));
  CONFORM_OK(S, S.Exe->unload(E));
  S.forget(E);
}

static void dispatchChecks(Session &S) {
  dure_drv_executable *E = S.executable();
  dure_drv_buffer *B = S.buffer(1024);
  CONFORM(S, E && B);
  Dispatch D(S, E, "identify", 1, {B}, {});
  auto Code = [&](dure_drv_command C) { return S.run({&C, 1}).code(); };
  dure_drv_command C = D.Command;
  C.u.dispatch.entry = S.Exe->entry_count(E);
  CONFORM(S, Code(C) == DURE_DRV_OUT_OF_RANGE);
  C = D.Command;
  C.u.dispatch.executable = nullptr;
  CONFORM(S, Code(C) == DURE_DRV_INVALID_ARGUMENT);
  C = D.Command;
  C.u.dispatch.grid_rank = S.Info.max_grid_rank + 1;
  CONFORM(S, Code(C) == DURE_DRV_INVALID_ARGUMENT);
  C = D.Command;
  C.u.dispatch.bindings = nullptr;
  CONFORM(S, Code(C) == DURE_DRV_INVALID_ARGUMENT);
  C = D.Command;
  dure_drv_buffer_ref Beyond = {B, 0, 1025};
  C.u.dispatch.bindings = &Beyond;
  CONFORM(S, Code(C) == DURE_DRV_OUT_OF_RANGE);
  if (S.Info.binding_alignment > 1) {
    dure_drv_buffer_ref Odd = {B, 1, 4};
    C.u.dispatch.bindings = &Odd;
    CONFORM(S, Code(C) == DURE_DRV_INVALID_ARGUMENT);
  }
}

static void adds(Session &S) {
  dure_drv_executable *E = S.executable();
  CONFORM(S, E);
  for (int64_t N : {0, 1, 63, 64, 65, 1000, 100003}) {
    uint64_t Bytes = static_cast<uint64_t>(N) * 4;
    dure_drv_buffer *A = S.buffer(Bytes), *B = S.buffer(Bytes);
    CONFORM(S, A && B);
    std::vector<int32_t> Data(static_cast<size_t>(N));
    for (size_t I = 0; I != Data.size(); ++I)
      Data[I] = static_cast<int32_t>(I * 7919);
    S.write(A, Data.data(), Bytes);
    Dispatch D(S, E, "add", static_cast<uint64_t>(N + 63) / 64, {A, B},
               {N, -5});
    CONFORM(S, S.run({&D.Command, 1}).ok());
    for (int32_t &V : Data)
      V -= 5;
    std::vector<uint8_t> Out = S.read(B);
    CONFORM(S, Bytes == 0 || std::memcmp(Out.data(), Data.data(), Bytes) == 0);
  }
}

static void barriersOrderDispatches(Session &S) {
  dure_drv_executable *E = S.executable();
  CONFORM(S, E);
  constexpr int64_t N = 5000;
  dure_drv_buffer *Ping = S.buffer(N * 4), *Pong = S.buffer(N * 4);
  CONFORM(S, Ping && Pong);
  std::vector<int32_t> Zero(N);
  S.write(Ping, Zero.data(), N * 4);
  std::vector<Dispatch> D;
  for (int I = 0; I != 200; ++I)
    D.emplace_back(S, E, "add", (N + 63) / 64,
                   std::initializer_list<dure_drv_buffer *>{
                       I % 2 ? Pong : Ping, I % 2 ? Ping : Pong},
                   std::initializer_list<int64_t>{N, I});
  std::vector<dure_drv_command> C;
  for (Dispatch &X : D) {
    C.push_back(X.Command);
    C.push_back(barrier());
  }
  CONFORM(S, S.run(C).ok());
  std::vector<uint8_t> Out = S.read(Ping);
  std::vector<int32_t> Sum(N, 199 * 200 / 2);
  CONFORM(S, std::memcmp(Out.data(), Sum.data(), N * 4) == 0);
}

static void twoExecutables(Session &S) {
  dure_drv_buffer *B = S.buffer(4);
  dure_drv_executable *First = S.executable(0), *Second = S.executable(1);
  CONFORM(S, B && First && Second);
  auto Identify = [&](dure_drv_executable *E) {
    Dispatch D(S, E, "identify", 1, {B}, {});
    int32_t Id = -1;
    if (S.run({&D.Command, 1}).ok())
      std::memcpy(&Id, S.read(B).data(), 4);
    return Id;
  };
  // Loaded together they stay apart ...
  CONFORM(S, Identify(First) == 1);
  CONFORM(S, Identify(Second) == 2);
  CONFORM(S, Identify(First) == 1);
  // ... and also one after the other.
  for (int I = 0; I != 20; ++I) {
    size_t Which = static_cast<size_t>(I % 2);
    dure_drv_executable_params P = params(S, S.Opts.Artifacts[Which].Bytes);
    dure_drv_executable *E = nullptr;
    CONFORM_OK(S, S.Exe->load(S.Dev, &P, &E));
    int32_t Id = Identify(E);
    CONFORM_OK(S, S.Exe->unload(E));
    CONFORM(S, Id == static_cast<int32_t>(Which) + 1);
  }
}

static void unloadsBesideRunning(Session &S) {
  dure_drv_executable *Running = S.executable(0);
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *Gate = S.timeline(), *Done = S.timeline();
  constexpr int64_t N = 5000;
  dure_drv_buffer *Ping = S.buffer(N * 4), *Pong = S.buffer(N * 4);
  dure_drv_buffer *B = S.buffer(4);
  CONFORM(S, Running && Q && Gate && Done && Ping && Pong && B);
  std::vector<int32_t> Zero(N);
  S.write(Ping, Zero.data(), N * 4);
  // Additions with pauses: some tenths of a second.
  std::vector<Dispatch> D;
  for (int I = 0; I != 100; ++I) {
    D.emplace_back(S, Running, "add", (N + 63) / 64,
                   std::initializer_list<dure_drv_buffer *>{
                       I % 2 ? Pong : Ping, I % 2 ? Ping : Pong},
                   std::initializer_list<int64_t>{N, I});
    D.emplace_back(S, Running, "spin", 1,
                   std::initializer_list<dure_drv_buffer *>{B},
                   std::initializer_list<int64_t>{3000000});
  }
  std::vector<dure_drv_command> C;
  for (Dispatch &X : D) {
    C.push_back(X.Command);
    C.push_back(barrier());
  }
  CONFORM(S, S.submit(Q, C, Done, 1, Gate, 1).ok());
  CONFORM_OK(S, S.Time->signal(Gate, 1));
  // The other one comes and goes meanwhile, and does its work.
  dure_drv_buffer *Id = S.buffer(4);
  CONFORM(S, Id);
  for (int I = 0; I != 10; ++I) {
    dure_drv_executable_params P = params(S, S.Opts.Artifacts[1].Bytes);
    dure_drv_executable *Other = nullptr;
    CONFORM_OK(S, S.Exe->load(S.Dev, &P, &Other));
    Dispatch Identify(S, Other, "identify", 1, {Id}, {});
    bool Ran = S.run({&Identify.Command, 1}).ok();
    CONFORM_OK(S, S.Exe->unload(Other));
    int32_t Got = -1;
    std::memcpy(&Got, S.read(Id).data(), 4);
    CONFORM(S, Ran && Got == 2);
  }
  CONFORM_OK(S, S.Time->wait(Done, 1, S.Host.after(60000)));
  std::vector<uint8_t> Out = S.read(Ping);
  std::vector<int32_t> Sum(N, 99 * 100 / 2);
  CONFORM(S, std::memcmp(Out.data(), Sum.data(), N * 4) == 0);
}

static void faultNamesTheEntry(Session &S) {
  dure_drv_executable *E = S.executable();
  dure_drv_buffer *A = S.buffer(4096), *B = S.buffer(4096);
  CONFORM(S, E && A && B);
  dure_drv_command Clear[] = {fill(A, 0, 4096, 1, 1), fill(B, 0, 4096, 0, 1)};
  CONFORM(S, S.run(Clear).ok());
  // Workgroup 37 of 100 reports fault 1234; what follows does not run.
  Dispatch F(S, E, "fault", 100, {}, {37, 1234});
  F.Command.tag = 77;
  dure_drv_command C[] = {F.Command, barrier(), copy(A, 0, B, 0, 4096)};
  Result R = S.run(C);
  CONFORM(S, R.code() == DURE_DRV_KERNEL_FAULT);
  CONFORM(S, R.message().find("fault") != std::string_view::npos);
  CONFORM(S, R.message().find("1234") != std::string_view::npos);
  // A driver need not say which command it was, but not name another one.
  CONFORM(S, !R.tag() || *R.tag() == 77);
  CONFORM(S, S.read(B) == std::vector<uint8_t>(4096));
  // The device goes on.
  CONFORM(S, S.run({&C[2], 1}).ok());
  CONFORM(S, S.read(B) == std::vector<uint8_t>(4096, 1));
}

static void faultPropagates(Session &S) {
  dure_drv_executable *E = S.executable();
  dure_drv_queue *Q = S.queue(), *R = S.queue();
  dure_drv_timeline *T = S.timeline(), *U = S.timeline();
  CONFORM(S, E && Q && R && T && U);
  Dispatch F(S, E, "fault", 8, {}, {0, 7});
  CONFORM(S, S.submit(R, {}, U, 1, T, 1).ok());
  CONFORM(S, S.submit(Q, {&F.Command, 1}, T, 1).ok());
  CONFORM_CODE(S, S.Time->wait(U, 1, S.Host.after(20000)),
               DURE_DRV_KERNEL_FAULT);
}

static void scratch(Session &S) {
  dure_drv_executable *E = S.executable();
  constexpr uint64_t Groups = 1000;
  dure_drv_buffer *B = S.buffer(Groups * 4);
  CONFORM(S, E && B);
  // Each workgroup fills its scratch with its number and sums it up again.
  Dispatch D(S, E, "scratch", Groups, {B}, {});
  CONFORM(S, S.run({&D.Command, 1}).ok());
  std::vector<uint8_t> Out = S.read(B);
  for (uint64_t I = 0; I != Groups; ++I) {
    uint32_t Sum;
    std::memcpy(&Sum, Out.data() + I * 4, 4);
    CONFORM(S, Sum == I * 1024);
  }
}

static void deadlineBetweenDispatches(Session &S) {
  dure_drv_executable *E = S.executable();
  dure_drv_queue *Q = S.queue();
  dure_drv_timeline *T = S.timeline();
  dure_drv_buffer *B = S.buffer(4);
  CONFORM(S, E && Q && T && B);
  Dispatch D(S, E, "spin", 1, {B}, {1000000});
  std::vector<dure_drv_command> C;
  for (int I = 0; I != 50000; ++I) {
    C.push_back(D.Command);
    C.push_back(barrier());
  }
  CONFORM(S, S.submit(Q, C, T, 1, nullptr, 0, S.Host.after(30)).ok());
  CONFORM_CODE(S, S.Time->wait(T, 1, S.Host.after(20000)),
               DURE_DRV_DEADLINE_EXCEEDED);
  CONFORM_OK(S, S.Que->wait_idle(Q, S.Host.after(5000)));
}

const std::vector<TestCase> dure::conformance::ExecutableTests = {
    {"executable.validate", Loads, validates},
    {"executable.refuses-other-chips", Runs, refusesOtherChips},
    {"executable.entries", Loads, entries},
    {"executable.missing-entry", Runs, missingEntryIsNamed},
    {"executable.malformed", Runs, malformedIsRefused},
    {"executable.unload-busy", Loads, unloadBusy},
    {"executable.two-at-once", Runs, twoExecutables},
    {"executable.unload-beside-running", Runs, unloadsBesideRunning},
    {"dispatch.checks", Loads, dispatchChecks},
    {"dispatch.add", Runs, adds},
    {"dispatch.barriers-order", Runs, barriersOrderDispatches},
    {"dispatch.fault", Runs, faultNamesTheEntry},
    {"dispatch.fault-propagates", Runs, faultPropagates},
    {"dispatch.scratch", Runs, scratch},
    {"dispatch.deadline", Runs | DURE_DRV_CAP_DEADLINES,
     deadlineBetweenDispatches},
};
