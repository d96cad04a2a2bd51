// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A CPU code object in memory: checked, loaded, its table of entries verified.
#ifndef DURE_TARGETS_CPU_DRIVER_CODEOBJECT_H
#define DURE_TARGETS_CPU_DRIVER_CODEOBJECT_H

#include "runtime/drivers/support/Backend.h"
#include "targets/cpu/abi/CpuLibrary.h"

namespace dure::cpu {

class CodeObject final : public driver::Executable {
public:
  /// Checks BYTES and loads them; NAME is for messages.
  static driver::Status load(const driver::Host &H, const void *Bytes,
                             size_t Size, const char *Name,
                             std::unique_ptr<CodeObject> &Result);
  ~CodeObject() override;

  uint32_t entryCount() const override { return Library->entry_count; }
  const char *entryName(uint32_t Entry) const override {
    return entry(Entry).name;
  }
  uint64_t workspaceBytes(uint32_t Entry) const override {
    return entry(Entry).scratch_bytes;
  }
  const dure_cpu_entry &entry(uint32_t Entry) const {
    return *reinterpret_cast<const dure_cpu_entry *>(
        reinterpret_cast<const char *>(Library->entries) +
        size_t(Entry) * Library->entry_struct_size);
  }

private:
  CodeObject() = default;
  std::string checkTable(uint64_t Begin, uint64_t End) const;

  int Descriptor = -1;
  void *Handle = nullptr;
  const dure_cpu_library *Library = nullptr;
};

} // namespace dure::cpu

#endif // DURE_TARGETS_CPU_DRIVER_CODEOBJECT_H
