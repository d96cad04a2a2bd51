// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The null driver: accepts every code object and dispatch, computes nothing.
//
// For measuring what the host side costs and for testing it without a chip.
// Buffers are real memory, zero at first; copies and fills have their effect,
// so that values read back by the host program are defined. Code objects are
// not read: their entries are those that the host names when it loads them.
//
// Options: null.devices (1 to 64, default 1), null.memory_limit (bytes).
#include "runtime/drivers/support/HostDriver.h"

#include <string>

using namespace dure::driver;

namespace {

class NullExecutable final : public Executable {
public:
  explicit NullExecutable(const dure_drv_executable_params &P)
      : Names(P.entries, P.entries + P.entry_count) {}

  uint32_t entryCount() const override {
    return static_cast<uint32_t>(Names.size());
  }
  const char *entryName(uint32_t Entry) const override {
    return Names[Entry].c_str();
  }
  uint64_t workspaceBytes(uint32_t) const override { return 0; }

private:
  std::vector<std::string> Names;
};

class NullExecutor final : public SerialExecutor {
public:
  using SerialExecutor::SerialExecutor;

private:
  Status dispatch(Work &, const Op &) override { return nullptr; }
};

class NullBackend final : public Backend {
public:
  using Backend::Backend;

  Status configure() {
    if (Status F = H.configNumber("null.devices", 1, 64, Devices))
      return F;
    return H.configNumber("null.memory_limit", 1, UINT64_MAX, Limit);
  }

  uint32_t deviceCount() const override {
    return static_cast<uint32_t>(Devices);
  }
  void describe(uint32_t, dure_drv_device_info &Info) const override {
    Info.name = "null device";
    Info.architecture = "null";
    Info.max_grid_rank = 3;
    Info.determinism = DURE_DRV_BATCH_INVARIANT;
  }
  Status validate(const char *, dure_drv_compatibility &R) const override {
    R.verdict = DURE_DRV_OPTIMAL;
    return nullptr;
  }
  Status load(const dure_drv_executable_params &P,
              std::unique_ptr<Executable> &Result) override {
    Result = std::make_unique<NullExecutable>(P);
    return nullptr;
  }
  std::unique_ptr<Executor> createExecutor() override {
    return std::make_unique<NullExecutor>(H);
  }
  uint64_t memoryLimit() const override { return Limit; }
  bool zeroBuffers() const override { return true; }

private:
  uint64_t Devices = 1;
  uint64_t Limit = uint64_t(1) << 36;
};

} // namespace

dure_drv_status *dure_driver_query(uint32_t AbiMajor, uint32_t AbiMinor,
                                   const dure_host_services *Services,
                                   const dure_driver **Out) {
  return makeDriver("null", DURE_DRV_CAP_EXECUTABLES | DURE_DRV_CAP_OFF_HOST,
                    makeConfigured<NullBackend>, AbiMajor, AbiMinor, Services,
                    Out);
}
