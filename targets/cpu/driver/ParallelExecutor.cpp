// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs submissions on the CPU: OpenMP, one parallel region each.
#include "targets/cpu/driver/ParallelExecutor.h"
#include "targets/cpu/driver/CodeObject.h"

// The codes, in a header that depends on nothing.
#include "dialects/dure/Faults.h"

#include <omp.h>

#include <cinttypes>
#include <cstdlib>

// Of LLVM's OpenMP library, which g++'s <omp.h> does not know.
extern "C" void kmp_set_blocktime(int Milliseconds);

using namespace dure::cpu;
using namespace dure::driver;

// Copies and fills below this are done by one thread: a second one costs more
// in cache traffic than it moves.
static constexpr uint64_t TransferShare = 128 * 1024;

ParallelExecutor::ParallelExecutor(const Host &H, unsigned Threads,
                                   unsigned IdleSpin)
    : H(H), Threads(Threads) {
  // The library's own default is 200 ms, in which an idle process takes a core
  // from everybody else; waking sleeping threads costs some 70 us.
  if (!std::getenv("KMP_BLOCKTIME") && !std::getenv("OMP_WAIT_POLICY"))
    kmp_set_blocktime(static_cast<int>(IdleSpin));
}

static bool isSerial(const Op &O) {
  switch (O.Kind) {
  case DURE_DRV_COMMAND_DISPATCH:
    return O.groups() <= 1;
  case DURE_DRV_COMMAND_COPY:
  case DURE_DRV_COMMAND_FILL:
    return O.Length < TransferShare;
  case DURE_DRV_COMMAND_BARRIER:
    break;
  }
  return true;
}

/// Splits the commands into Groups; returns the scratch bytes that a thread
/// needs.
uint64_t ParallelExecutor::plan(const Work &W) {
  Groups.clear();
  uint64_t ScratchBytes = 0;
  Group G = {0, 0, true};
  auto Close = [&](size_t Next) {
    if (G.Begin != G.End)
      Groups.push_back(G);
    G = {Next, Next, true};
  };
  for (size_t I = 0; I != W.Ops.size(); ++I) {
    const Op &O = W.Ops[I];
    if (O.Kind == DURE_DRV_COMMAND_BARRIER) {
      Close(I + 1);
      continue;
    }
    G.End = I + 1;
    G.Serial &= isSerial(O);
    if (O.Kind == DURE_DRV_COMMAND_DISPATCH)
      ScratchBytes = std::max(ScratchBytes, O.Exe->workspaceBytes(O.Entry));
    // Timings are of single commands only if commands do not overlap.
    if (W.WantsTimings)
      Close(I + 1);
  }
  Close(W.Ops.size());
  return ScratchBytes;
}

Status ParallelExecutor::reserveScratch(uint64_t BytesPerThread) {
  // A multiple of a page, so that no two threads share a cache line or a page.
  ScratchStride = (BytesPerThread + 4095) / 4096 * 4096;
  uint64_t Needed = ScratchStride * Threads;
  if (Needed <= ScratchSize)
    return nullptr;
  H.free(Scratch);
  ScratchSize = 0;
  Scratch = static_cast<uint8_t *>(H.alloc(Needed, 4096));
  if (!Scratch)
    return H.error(DURE_DRV_RESOURCE_EXHAUSTED, DURE_DRV_SCOPE_CALL,
                   DURE_DRV_STATUS_RETRYABLE,
                   "scratch memory: %" PRIu64 " bytes for each of %u threads "
                   "are not to be had",
                   BytesPerThread, Threads);
  ScratchSize = Needed;
  return nullptr;
}

void ParallelExecutor::recordFault(const Op &O, uint64_t Workgroup,
                                   int32_t Code) {
  if (!FaultTaken.exchange(true, std::memory_order_relaxed)) {
    FaultOp = O.Index;
    FaultWorkgroup = Workgroup;
    FaultCode = Code;
  }
  Stopped.store(true, std::memory_order_relaxed);
}

void ParallelExecutor::runDispatch(Work &W, const Op &O, uint64_t Begin,
                                   uint64_t End, void *Memory) {
  const dure_cpu_entry &Entry =
      static_cast<const CodeObject *>(O.Exe)->entry(O.Entry);
  void *const *Bindings = W.Bindings.data() + O.FirstBinding;
  const int64_t *Constants = W.Constants.data() + O.FirstConstant;
  auto Count = static_cast<int64_t>(O.groups());
  for (uint64_t I = Begin; I != End; ++I) {
    int32_t Code = Entry.function(Bindings, Constants, static_cast<int64_t>(I),
                                  Count, Memory);
    if (__builtin_expect(Code != 0, 0)) {
      recordFault(O, I, Code);
      return;
    }
  }
}

void ParallelExecutor::runOp(Work &W, const Op &O, bool Serial, unsigned Thread,
                             unsigned Count) {
  // Work of one thread: the first does it.
  bool Whole = Serial || isSerial(O);
  if (Whole && Thread != 0)
    return;
  auto Share = [&](uint64_t Total, unsigned Of) {
    // Total * Of may not fit into 64 bits.
    return static_cast<uint64_t>(static_cast<unsigned __int128>(Total) * Of /
                                 Count);
  };
  uint64_t Total = O.Kind == DURE_DRV_COMMAND_DISPATCH ? O.groups() : O.Length;
  uint64_t Begin = Whole ? 0 : Share(Total, Thread);
  uint64_t End = Whole ? Total : Share(Total, Thread + 1);
  if (O.Kind == DURE_DRV_COMMAND_DISPATCH) {
    runDispatch(W, O, Begin, End, Scratch + ScratchStride * Thread);
    return;
  }
  if (!Whole) {
    // Whole cache lines, hence whole fill patterns.
    Begin = Begin / 64 * 64;
    End = Thread + 1 == Count ? Total : End / 64 * 64;
  }
  if (Begin == End)
    return;
  if (O.Kind == DURE_DRV_COMMAND_COPY)
    std::memcpy(O.Target + Begin, O.Source + Begin, End - Begin);
  else
    fillRange(O, Begin, End - Begin);
}

/// What each thread of the region runs. Every thread takes the same decisions
/// at the same barriers.
void ParallelExecutor::runTeam(Work &W, unsigned Thread, unsigned Count) {
  auto AskStopped = [&] { return Stopped.load(std::memory_order_relaxed); };
  for (size_t I = 0; I != Groups.size(); ++I) {
    const Group &G = Groups[I];
    uint64_t Begin = Thread == 0 && W.WantsTimings ? H.now() : 0;
    for (size_t N = G.Begin; N != G.End; ++N) {
      if (Thread == 0 && W.shouldStop(H))
        Stopped.store(true, std::memory_order_relaxed);
      if (AskStopped())
        break;
      runOp(W, W.Ops[N], G.Serial, Thread, Count);
    }
    // Two groups that thread 0 runs alone are in order without a barrier, and
    // the end of the region is one.
    bool Last = I + 1 == Groups.size();
    bool InOrder = G.Serial && !Last && Groups[I + 1].Serial;
    if (!InOrder && !(Last && !W.WantsTimings) && !Barrier.arrive(AskStopped))
      return;
    if (Thread == 0 && W.WantsTimings && !AskStopped()) {
      const Op &O = W.Ops[G.Begin];
      W.Timings.push_back(
          {sizeof(dure_drv_command_timing), O.Tag, O.Index, Begin, H.now()});
    }
  }
}

Status ParallelExecutor::faultStatus(const Work &W) const {
  for (const Op &O : W.Ops)
    if (O.Index == FaultOp)
      return H.errorAt(O.Tag, DURE_DRV_KERNEL_FAULT,
                       "%s: kernel '%s' reported fault %d in workgroup %" PRIu64
                       " of %" PRIu64 " (command %" PRIu64 ")",
                       describe(static_cast<dure::Fault>(FaultCode)),
                       O.Exe->entryName(O.Entry), FaultCode, FaultWorkgroup,
                       O.groups(), FaultOp);
  return nullptr;
}

Status ParallelExecutor::run(Work &W) {
  uint64_t ScratchBytes = plan(W);
  if (Status F = reserveScratch(ScratchBytes))
    return F;
  Stopped.store(false, std::memory_order_relaxed);
  FaultTaken.store(false, std::memory_order_relaxed);

  bool Serial = true;
  for (const Group &G : Groups)
    Serial &= G.Serial;
  if (Serial || Threads == 1) {
    Barrier.reset(1);
    runTeam(W, 0, 1);
  } else {
    // One thread to a place in the team even if the run-time library gives
    // fewer than asked for: the team's own count decides the shares.
#pragma omp parallel num_threads(Threads)
    {
      unsigned Count = static_cast<unsigned>(omp_get_num_threads());
#pragma omp single
      Barrier.reset(Count);
      runTeam(W, static_cast<unsigned>(omp_get_thread_num()), Count);
    }
  }
  if (FaultTaken.load(std::memory_order_relaxed))
    return faultStatus(W);
  return nullptr;
}
