// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A whole driver around a Backend, for devices whose memory is host memory.
//
// Contract: a driver's dure_driver_query calls makeDriver and nothing else.
#ifndef DURE_RUNTIME_DRIVERS_SUPPORT_HOSTDRIVER_H
#define DURE_RUNTIME_DRIVERS_SUPPORT_HOSTDRIVER_H

#include "runtime/drivers/support/Backend.h"

namespace dure::driver {

/// Makes the backend, or says why not (an option that cannot be read).
using BackendFactory = Status (*)(const Host &H,
                                  std::unique_ptr<Backend> &Result);

/// A BackendFactory for a class whose constructor takes the host and whose
/// `configure` reads the options.
template <typename Configured>
Status makeConfigured(const Host &H, std::unique_ptr<Backend> &Result) {
  auto Made = std::make_unique<Configured>(H);
  if (Status F = Made->configure())
    return F;
  Result = std::move(Made);
  return nullptr;
}

/// Processors that this process may use, at least 1.
uint64_t usableProcessors();

/// Checks versions and host services, then makes a driver instance. Claims
/// CAPABILITIES on top of what every such driver can do (map, import,
/// deadlines, cancel, timestamps, unordered). NAME is the <name> of the file.
dure_drv_status *makeDriver(const char *Name, uint64_t Capabilities,
                            BackendFactory Factory, uint32_t AbiMajor,
                            uint32_t AbiMinor,
                            const dure_host_services *Services,
                            const dure_driver **Out);

} // namespace dure::driver

#endif // DURE_RUNTIME_DRIVERS_SUPPORT_HOSTDRIVER_H
