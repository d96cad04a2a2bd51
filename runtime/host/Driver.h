// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The driver ABI as C++ objects: drivers, devices, buffers.
//
// Internal to libdure. Everything that the runtime asks of a driver goes
// through here, so that struct sizes, optional entries and the ownership of
// statuses are dealt with once. An object keeps what it needs alive.
#ifndef DURE_RUNTIME_HOST_DRIVER_H
#define DURE_RUNTIME_HOST_DRIVER_H

#include "runtime/base/Status.h"

#include <dure/driver.h>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace dure {

/// What the host gives a driver instance.
struct DriverSetup {
  std::map<std::string, std::string> Options;
  std::function<void(int32_t Level, const char *Message)> Log;
};

/// Turns a driver's status into ours and destroys it. NULL is success. TAG gets
/// the tag of the command that failed, where the driver gives it.
Status takeStatus(dure_drv_status *Failure,
                  std::optional<uint64_t> *Tag = nullptr);

/// A failure as a driver's status, for handing to the driver.
dure_drv_status *makeDriverStatus(const Status &Failure);

/// Nanoseconds of the monotonic clock, which deadlines use.
uint64_t monotonicNs();

/// The folder of libdure (or of the program it is linked into).
std::string libraryFolder();

/// The file of driver NAMEORPATH: a name with '/' is a path; else
/// libdure-driver-<name>.so in FOLDER, or when that is empty beside libdure or
/// in ../lib from there.
Result<std::string> findDriver(const std::string &NameOrPath,
                               const std::string &Folder);

/// Names of the drivers in FOLDER (empty: as findDriver), sorted.
std::vector<std::string> listDrivers(const std::string &Folder);

/// A span that a driver put on its own track of the trace.
struct DriverSpan {
  std::string Name;
  uint64_t BeginNs;
  uint64_t EndNs;
};

/// One instance of a loaded driver. Libraries are never closed: threads and
/// exit handlers of a driver may outlive its instances.
class DriverInstance {
public:
  static Result<std::shared_ptr<DriverInstance>> create(const std::string &Path,
                                                        DriverSetup Setup);
  /// For a driver linked into the program (tests).
  static Result<std::shared_ptr<DriverInstance>>
  create(dure_driver_query_fn Query, const std::string &Name,
         DriverSetup Setup);
  ~DriverInstance();
  DriverInstance(const DriverInstance &) = delete;
  DriverInstance &operator=(const DriverInstance &) = delete;

  const dure_driver &table() const { return *Table; }
  const std::string &name() const { return Name; }
  const std::string &version() const { return Version; }
  bool can(uint64_t Capability) const {
    return (Table->capabilities & Capability) == Capability;
  }

  /// From here on the driver's own spans are kept; those of before are dropped.
  void startSpans() const;
  /// The spans since then, of which no more are kept.
  std::vector<DriverSpan> takeSpans() const;

private:
  struct Host;
  DriverInstance();
  Status check();

  std::unique_ptr<Host> Services;
  const dure_driver *Table = nullptr;
  std::string Name;
  std::string Version;
};

/// Facts about a device, in owned memory.
struct DeviceFacts {
  std::string Name;
  std::string Architecture;
  std::string Features;
  uint64_t MemoryTotal = 0;
  uint64_t AllocationLimit = ~uint64_t(0); // of one buffer
  uint32_t BindingAlignment = 1;
  uint32_t TransferAlignment = 1;
  uint32_t Parallelism = 0;
};

class Device;

/// A driver's buffer, freed with the last reference. The driver must not be
/// using it then.
class DeviceBuffer {
public:
  ~DeviceBuffer();
  DeviceBuffer(const DeviceBuffer &) = delete;
  DeviceBuffer &operator=(const DeviceBuffer &) = delete;

  dure_drv_buffer *handle() const { return Handle; }
  uint64_t size() const { return Size; }
  /// Commands may not write it.
  bool readOnly() const { return ReadOnly; }

private:
  friend class Device;
  DeviceBuffer(std::shared_ptr<const Device> Owner, dure_drv_buffer *Handle,
               uint64_t Size, bool ReadOnly)
      : Owner(std::move(Owner)), Handle(Handle), Size(Size),
        ReadOnly(ReadOnly) {}

  std::shared_ptr<const Device> Owner;
  dure_drv_buffer *Handle;
  uint64_t Size;
  bool ReadOnly;
};

/// Host access to part of a buffer, ended by its destruction.
class BufferMap {
public:
  BufferMap() = default;
  BufferMap(BufferMap &&Other) noexcept { swap(Other); }
  BufferMap &operator=(BufferMap &&Other) noexcept {
    swap(Other);
    return *this;
  }
  ~BufferMap();

  std::span<std::byte> bytes() const { return Bytes; }

private:
  friend class Device;
  void swap(BufferMap &Other) noexcept {
    std::swap(Owner, Other.Owner);
    std::swap(Buffer, Other.Buffer);
    std::swap(Bytes, Other.Bytes);
  }
  std::shared_ptr<const Device> Owner;
  std::shared_ptr<DeviceBuffer> Buffer;
  std::span<std::byte> Bytes;
};

/// An open device with one queue.
class Device : public std::enable_shared_from_this<Device> {
public:
  static Result<std::shared_ptr<Device>>
  open(std::shared_ptr<DriverInstance> Driver, uint32_t Index);
  ~Device();
  Device(const Device &) = delete;
  Device &operator=(const Device &) = delete;

  /// What device INDEX of DRIVER is, without opening it.
  static Result<DeviceFacts> facts(const DriverInstance &Driver,
                                   uint32_t Index);

  const DriverInstance &driver() const { return *Driver; }
  const DeviceFacts &facts() const { return Facts; }
  dure_drv_device *handle() const { return Handle; }
  dure_drv_queue *queue() const { return Queue; }

  /// Fresh memory of the kind that dispatches like best.
  Result<std::shared_ptr<DeviceBuffer>> allocate(uint64_t Size) const;
  /// Host memory as a buffer, without a copy, that must outlive it; null if the
  /// driver or the alignment of MEMORY does not allow that.
  std::shared_ptr<DeviceBuffer> import(const void *Memory, uint64_t Size,
                                       bool ReadOnly) const;
  /// True if allocate gives memory that can be mapped.
  bool hostVisible() const { return HostVisible; }
  /// FLAGS: DURE_DRV_MAP_*. Empty ranges need no driver.
  Result<BufferMap> map(const std::shared_ptr<DeviceBuffer> &Buffer,
                        uint64_t Offset, uint64_t Length, uint32_t Flags) const;

  /// Copies between host memory and a buffer that nothing is using, in pieces
  /// that PRODUCE or CONSUME sees in order; waits. By mapping where that is
  /// possible, otherwise through a staging buffer.
  using Piece = std::function<void(uint64_t Offset, std::span<std::byte>)>;
  Status upload(const std::shared_ptr<DeviceBuffer> &Buffer, uint64_t Offset,
                uint64_t Length, const Piece &Produce) const;
  Status download(const std::shared_ptr<DeviceBuffer> &Buffer, uint64_t Offset,
                  uint64_t Length, const Piece &Consume) const;

  /// Runs COMMANDS alone and waits.
  Status execute(std::span<const dure_drv_command> Commands) const;

private:
  explicit Device(std::shared_ptr<DriverInstance> Driver)
      : Driver(std::move(Driver)) {}
  Status findMemory();
  Result<std::shared_ptr<DeviceBuffer>> allocateKind(uint64_t Size,
                                                     uint32_t Kind) const;
  Status transfer(const std::shared_ptr<DeviceBuffer> &Buffer, uint64_t Offset,
                  uint64_t Length, bool ToDevice, const Piece &Use) const;

  std::shared_ptr<DriverInstance> Driver;
  dure_drv_device *Handle = nullptr;
  dure_drv_queue *Queue = nullptr;
  DeviceFacts Facts;
  bool HostVisible = false;
  uint32_t StagingKind = 0;
};

/// Code loaded on a device, unloaded with its last reference.
class Executable {
public:
  static Result<std::shared_ptr<Executable>>
  load(std::shared_ptr<Device> Owner, std::span<const std::byte> Code,
       const std::string &Compatibility, const std::string &Format,
       const std::string &Name, const std::vector<std::string> &Entries);
  ~Executable();
  Executable(const Executable &) = delete;
  Executable &operator=(const Executable &) = delete;

  dure_drv_executable *handle() const { return Handle; }
  /// The driver's number of entry I of those asked for.
  uint32_t entry(size_t I) const { return Numbers[I]; }

private:
  explicit Executable(std::shared_ptr<Device> Owner)
      : Owner(std::move(Owner)) {}

  std::shared_ptr<Device> Owner;
  dure_drv_executable *Handle = nullptr;
  std::vector<uint32_t> Numbers;
};

} // namespace dure

#endif // DURE_RUNTIME_HOST_DRIVER_H
