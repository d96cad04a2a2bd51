// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The simulator driver of FuriosaAI RNGD: one device, one chip.
//
// Options: threads (1 to 1024, default: the processors that this process may
// use), rngd.memory_limit (bytes that all buffers may take; default: the
// chip's HBM), rngd.profile (book or tcc: whose rules count cycles; default
// book), timing_only (0 or 1, default 0: with 1 cycles are counted and no
// value is computed).
#include "runtime/drivers/support/HostDriver.h"
#include "targets/rngd/driver/Simulator.h"

using namespace dure::rngd;
using namespace dure::driver;

namespace {

class RngdBackend final : public Backend {
public:
  explicit RngdBackend(const Host &H) : Backend(H) {}

  Status configure() {
    dure::Result<dure::Machine> Read =
        dure::Machine::parse(machineText(), "rngd.json");
    if (!Read)
      return H.error(DURE_DRV_INTERNAL, "%s", Read.status().message().c_str());
    Chip = std::move(*Read);
    dure::Result<Limits> Found = Limits::of(Chip);
    if (!Found)
      return H.error(DURE_DRV_INTERNAL, "%s", Found.status().message().c_str());
    Given.L = *Found;
    dure::Result<dure::rngd::BookTiming> Book = BookTiming::of(Chip);
    dure::Result<dure::rngd::TccTiming> Tcc = TccTiming::of(Chip);
    if (!Book || !Tcc)
      return H.error(DURE_DRV_INTERNAL, "%s",
                     (Book ? Tcc.status() : Book.status()).message().c_str());
    Given.T = Timing{*Book, *Tcc};
    Memory = static_cast<uint64_t>(Given.L.HbmBytes);
    Name = Chip.Vendor + " " + Chip.Name + " (simulated)";
    return readOptions();
  }

  Status readOptions() {
    uint64_t Threads = usableProcessors(), TimingOnly = 0;
    if (Status F = H.configNumber("threads", 1, 1024, Threads))
      return F;
    if (Status F = H.configNumber("timing_only", 0, 1, TimingOnly))
      return F;
    if (const char *Text = H.config("rngd.profile")) {
      std::string_view Wanted = Text;
      if (Wanted != "book" && Wanted != "tcc")
        return H.error(DURE_DRV_INVALID_ARGUMENT,
                       "option 'rngd.profile' is '%s'; give book or tcc", Text);
      Given.By = Wanted == "book" ? Profile::Book : Profile::Tcc;
    }
    Given.Threads = static_cast<unsigned>(Threads);
    Given.TimingOnly = TimingOnly != 0;
    return H.configNumber("rngd.memory_limit", 1, UINT64_MAX, Memory);
  }

  void describe(uint32_t, dure_drv_device_info &Info) const override {
    Info.name = Name.c_str();
    Info.architecture = Chip.Name.c_str();
    // Programs are whole: sizes and numbers are in them.
    Info.max_grid_rank = Info.max_constants = 0;
    Info.parallelism = Given.Threads;
    Info.determinism = DURE_DRV_RUN_TO_RUN;
  }

  Status validate(const char *Compatibility,
                  dure_drv_compatibility &Result) const override {
    Result.verdict = DURE_DRV_OPTIMAL;
    if (Compatibility == Chip.Name)
      return nullptr;
    Result.verdict = DURE_DRV_UNSUPPORTED;
    Result.reason =
        H.error(DURE_DRV_INCOMPATIBLE, "code for '%s', this driver runs '%s'",
                Compatibility, Chip.Name.c_str())
            .release();
    return nullptr;
  }

  Status load(const dure_drv_executable_params &P,
              std::unique_ptr<Executable> &Result) override {
    auto Exe = std::make_unique<RngdExecutable>();
    if (std::string Why =
            decode(P.bytes, P.byte_count, Given.L, Chip.Name, Exe->Module);
        !Why.empty())
      return H.error(DURE_DRV_INVALID_ARGUMENT, "code object '%s' refused: %s",
                     P.name, Why.c_str());
    Result = std::move(Exe);
    return nullptr;
  }

  std::unique_ptr<Executor> createExecutor() override {
    return std::make_unique<Simulator>(H, Given);
  }
  uint64_t memoryLimit() const override { return Memory; }
  bool computes() const override { return !Given.TimingOnly; }

private:
  dure::Machine Chip;
  Settings Given;
  std::string Name;
  uint64_t Memory = 0;
};

} // namespace

dure_drv_status *dure_driver_query(uint32_t AbiMajor, uint32_t AbiMinor,
                                   const dure_host_services *Services,
                                   const dure_driver **Out) {
  return makeDriver("rngd", DURE_DRV_CAP_EXECUTABLES | DURE_DRV_CAP_COMPUTES,
                    makeConfigured<RngdBackend>, AbiMajor, AbiMinor, Services,
                    Out);
}
