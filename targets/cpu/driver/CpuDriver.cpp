// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU driver: one device, the machine that it runs on.
//
// Options: threads (1 to 1024, default: the processors that this process may
// use), cpu.memory_limit (bytes that all buffers may take; default: the
// machine's memory), cpu.idle_spin_ms (0 to 10000, default 20: how long threads
// wait actively for the next submission; KMP_BLOCKTIME in the environment
// overrides it).
#include "runtime/drivers/support/HostDriver.h"
#include "targets/cpu/driver/CodeObject.h"
#include "targets/cpu/driver/CpuFeatures.h"
#include "targets/cpu/driver/ParallelExecutor.h"

#include <unistd.h>

using namespace dure::cpu;
using namespace dure::driver;

static uint64_t physicalMemory() {
  long Pages = sysconf(_SC_PHYS_PAGES), Size = sysconf(_SC_PAGE_SIZE);
  return Pages > 0 && Size > 0
             ? static_cast<uint64_t>(Pages) * static_cast<uint64_t>(Size)
             : uint64_t(1) << 40;
}

static std::string join(const std::vector<std::string> &Items) {
  std::string Text;
  for (const std::string &I : Items)
    Text += (Text.empty() ? "" : ", ") + I;
  return Text;
}

namespace {

class CpuBackend final : public Backend {
public:
  explicit CpuBackend(const Host &H)
      : Backend(H), Name(modelName()),
        Features(std::string(architecture()) + ":"),
        Threads(usableProcessors()), Limit(physicalMemory()) {
    for (std::string_view F : machineFeatures())
      (Features += F) += ',';
    Features.pop_back();
  }

  Status configure() {
    if (Status F = H.configNumber("threads", 1, 1024, Threads))
      return F;
    if (Status F = H.configNumber("cpu.idle_spin_ms", 0, 10000, IdleSpin))
      return F;
    return H.configNumber("cpu.memory_limit", 1, UINT64_MAX, Limit);
  }

  void describe(uint32_t, dure_drv_device_info &Info) const override {
    Info.name = Name.c_str();
    Info.architecture = architecture();
    Info.features = Features.c_str();
    Info.buffer_alignment = Info.binding_alignment = DURE_CPU_ALIGNMENT;
    Info.parallelism = static_cast<uint32_t>(Threads);
    // What a driver can promise; batch invariance is the kernels' affair.
    Info.determinism = DURE_DRV_RUN_TO_RUN;
  }

  Status validate(const char *Compatibility,
                  dure_drv_compatibility &Result) const override;

  Status load(const dure_drv_executable_params &P,
              std::unique_ptr<Executable> &Result) override {
    std::unique_ptr<CodeObject> Object;
    if (Status F = CodeObject::load(H, P.bytes, P.byte_count, P.name, Object))
      return F;
    Result = std::move(Object);
    return nullptr;
  }

  std::unique_ptr<Executor> createExecutor() override {
    return std::make_unique<ParallelExecutor>(H, static_cast<unsigned>(Threads),
                                              static_cast<unsigned>(IdleSpin));
  }
  uint64_t memoryLimit() const override { return Limit; }

private:
  std::string Name;
  std::string Features;
  uint64_t Threads;
  uint64_t Limit;
  uint64_t IdleSpin = 20;
};

} // namespace

Status CpuBackend::validate(const char *Compatibility,
                            dure_drv_compatibility &Result) const {
  Requirements R;
  std::string Error;
  if (!parseCompatibility(Compatibility, R, Error))
    return H.error(DURE_DRV_INVALID_ARGUMENT, "%s", Error.c_str());
  Result.verdict = DURE_DRV_UNSUPPORTED;
  if (R.Architecture != architecture()) {
    Result.reason = H.error(DURE_DRV_INCOMPATIBLE,
                            "code for %s, this machine is %s; compile with "
                            "--cpu portable or native on it",
                            R.Architecture.c_str(), architecture())
                        .release();
    return nullptr;
  }
  if (std::vector<std::string> Missing = missingFeatures(R, machineFeatures());
      !Missing.empty()) {
    Result.reason = H.error(DURE_DRV_INCOMPATIBLE,
                            "this machine lacks %s; compile with --cpu "
                            "portable, or native on this machine",
                            join(Missing).c_str())
                        .release();
    return nullptr;
  }
  Result.score = score(R);
  Result.verdict = DURE_DRV_OPTIMAL;
  if (std::string_view Unused = unusedStrength(R, machineFeatures());
      !Unused.empty()) {
    Result.verdict = DURE_DRV_SLOWER;
    Result.reason = H.error(DURE_DRV_INCOMPATIBLE,
                            "this machine has %.*s, which the code does not "
                            "use; compile with --cpu native",
                            static_cast<int>(Unused.size()), Unused.data())
                        .release();
  }
  return nullptr;
}

dure_drv_status *dure_driver_query(uint32_t AbiMajor, uint32_t AbiMinor,
                                   const dure_host_services *Services,
                                   const dure_driver **Out) {
  return makeDriver("cpu", DURE_DRV_CAP_EXECUTABLES | DURE_DRV_CAP_COMPUTES,
                    makeConfigured<CpuBackend>, AbiMajor, AbiMinor, Services,
                    Out);
}
