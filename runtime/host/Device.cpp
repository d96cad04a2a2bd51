// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Devices, buffers and executables over the driver ABI.

#include "runtime/host/Driver.h"

#include <algorithm>

using namespace dure;

namespace {

constexpr uint64_t StagingBytes = 8 << 20;

std::string text(const char *Text) { return Text ? Text : ""; }

} // namespace

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

DeviceBuffer::~DeviceBuffer() {
  // BUSY means that a device which does not answer may still write there: the
  // memory is then given up rather than used twice.
  (void)takeStatus(Owner->driver().table().memory->free(Handle));
}

BufferMap::~BufferMap() {
  if (Buffer)
    (void)takeStatus(Owner->driver().table().memory->unmap(Buffer->handle()));
}

Result<std::shared_ptr<DeviceBuffer>>
Device::allocateKind(uint64_t Size, uint32_t Kind) const {
  if (Size > Facts.AllocationLimit)
    return Status(StatusCode::ResourceExhausted,
                  "out of memory: it needs a buffer of " +
                      std::to_string(Size) + " bytes, and device '" +
                      Facts.Name + "' makes none of more than " +
                      std::to_string(Facts.AllocationLimit));
  dure_drv_buffer_params Params = {};
  Params.struct_size = sizeof(Params);
  Params.size = Size;
  Params.alignment = Facts.BindingAlignment > 1 ? Facts.BindingAlignment : 0;
  Params.memory_kind = Kind;
  dure_drv_buffer *Buffer = nullptr;
  DURE_RETURN_IF_ERROR(
      takeStatus(Driver->table().memory->allocate(Handle, &Params, &Buffer)));
  return std::shared_ptr<DeviceBuffer>(
      new DeviceBuffer(shared_from_this(), Buffer, Size, false));
}

Result<std::shared_ptr<DeviceBuffer>> Device::allocate(uint64_t Size) const {
  return allocateKind(Size, 0);
}

std::shared_ptr<DeviceBuffer> Device::import(const void *Memory, uint64_t Size,
                                             bool ReadOnly) const {
  const dure_drv_memory_api *Api = Driver->table().memory;
  bool Aligned = reinterpret_cast<uintptr_t>(Memory) %
                     std::max(Facts.BindingAlignment, 1u) ==
                 0;
  if (!Driver->can(DURE_DRV_CAP_IMPORT_HOST) ||
      !DURE_DRV_HAS(Api, import_host) || !Aligned || Size == 0)
    return nullptr;
  dure_drv_import_params Params = {};
  Params.struct_size = sizeof(Params);
  Params.memory = const_cast<void *>(Memory);
  Params.size = Size;
  Params.read_only = ReadOnly;
  dure_drv_buffer *Buffer = nullptr;
  if (!takeStatus(Api->import_host(Handle, &Params, &Buffer)).ok())
    return nullptr;
  return std::shared_ptr<DeviceBuffer>(
      new DeviceBuffer(shared_from_this(), Buffer, Size, ReadOnly));
}

Result<BufferMap> Device::map(const std::shared_ptr<DeviceBuffer> &Buffer,
                              uint64_t Offset, uint64_t Length,
                              uint32_t Flags) const {
  BufferMap Map;
  if (Length == 0)
    return Map;
  void *Memory = nullptr;
  DURE_RETURN_IF_ERROR(takeStatus(Driver->table().memory->map(
      Buffer->handle(), Offset, Length, Flags, &Memory)));
  Map.Owner = shared_from_this();
  Map.Buffer = Buffer;
  Map.Bytes = {static_cast<std::byte *>(Memory), Length};
  return Map;
}

//===----------------------------------------------------------------------===//
// Transfers
//===----------------------------------------------------------------------===//

Status Device::execute(std::span<const dure_drv_command> Commands) const {
  const dure_drv_timeline_api *Api = Driver->table().timeline;
  dure_drv_timeline *Timeline = nullptr;
  DURE_RETURN_IF_ERROR(takeStatus(Api->create(Handle, 0, &Timeline)));
  dure_drv_timeline_point Done = {Timeline, 1};
  Status Answer = takeStatus(Driver->table().queue->submit(
      Queue, Commands.data(), Commands.size(), nullptr, 0, &Done, 1,
      DURE_DRV_NO_DEADLINE, nullptr));
  if (Answer.ok())
    Answer = takeStatus(Api->wait(Timeline, 1, DURE_DRV_NO_DEADLINE));
  (void)takeStatus(Api->destroy(Timeline));
  return Answer;
}

Status Device::transfer(const std::shared_ptr<DeviceBuffer> &Buffer,
                        uint64_t Offset, uint64_t Length, bool ToDevice,
                        const Piece &Use) const {
  uint32_t Flags = ToDevice ? DURE_DRV_MAP_WRITE : DURE_DRV_MAP_READ;
  if (HostVisible) {
    Result<BufferMap> Map = map(Buffer, Offset, Length, Flags);
    if (!Map)
      return Map.status();
    for (uint64_t Done = 0; Done != Length;) {
      uint64_t Size = std::min(Length - Done, StagingBytes);
      Use(Done, Map->bytes().subspan(Done, Size));
      Done += Size;
    }
    return Status::success();
  }
  Result<std::shared_ptr<DeviceBuffer>> Staging =
      allocateKind(std::min(Length, StagingBytes), StagingKind);
  if (!Staging)
    return Staging.status();
  for (uint64_t Done = 0; Done != Length;) {
    uint64_t Size = std::min(Length - Done, StagingBytes);
    dure_drv_command Command = {};
    Command.struct_size = sizeof(Command);
    Command.kind = DURE_DRV_COMMAND_COPY;
    dure_drv_buffer_ref Near = {(*Staging)->handle(), 0, Size};
    dure_drv_buffer_ref Far = {Buffer->handle(), Offset + Done, Size};
    Command.u.copy.source = ToDevice ? Near : Far;
    Command.u.copy.target = ToDevice ? Far : Near;
    if (!ToDevice)
      DURE_RETURN_IF_ERROR(execute({&Command, 1}));
    {
      Result<BufferMap> Map = map(*Staging, 0, Size, Flags);
      if (!Map)
        return Map.status();
      Use(Done, Map->bytes());
    }
    if (ToDevice)
      DURE_RETURN_IF_ERROR(execute({&Command, 1}));
    Done += Size;
  }
  return Status::success();
}

Status Device::upload(const std::shared_ptr<DeviceBuffer> &Buffer,
                      uint64_t Offset, uint64_t Length,
                      const Piece &Produce) const {
  return Length == 0 ? Status::success()
                     : transfer(Buffer, Offset, Length, true, Produce);
}

Status Device::download(const std::shared_ptr<DeviceBuffer> &Buffer,
                        uint64_t Offset, uint64_t Length,
                        const Piece &Consume) const {
  return Length == 0 ? Status::success()
                     : transfer(Buffer, Offset, Length, false, Consume);
}

//===----------------------------------------------------------------------===//
// Device
//===----------------------------------------------------------------------===//

Result<DeviceFacts> Device::facts(const DriverInstance &Driver,
                                  uint32_t Index) {
  dure_drv_device_info Info = {};
  Info.struct_size = sizeof(Info);
  DURE_RETURN_IF_ERROR(
      takeStatus(Driver.table().device_info(&Driver.table(), Index, &Info)));
  DeviceFacts Facts;
  Facts.Name = text(Info.name);
  Facts.Architecture = text(Info.architecture);
  Facts.Features = text(Info.features);
  Facts.MemoryTotal = Info.memory_total;
  if (Info.allocation_limit != 0)
    Facts.AllocationLimit = Info.allocation_limit;
  Facts.BindingAlignment = std::max(Info.binding_alignment, 1u);
  Facts.TransferAlignment = std::max(Info.transfer_alignment, 1u);
  Facts.Parallelism = Info.parallelism;
  return Facts;
}

Status Device::findMemory() {
  const dure_drv_memory_api *Api = Driver->table().memory;
  bool CanMap = Driver->can(DURE_DRV_CAP_MAP) && DURE_DRV_HAS(Api, map) &&
                DURE_DRV_HAS(Api, unmap);
  for (uint32_t Kind = 0; CanMap; ++Kind) {
    dure_drv_memory_info Memory = {};
    Memory.struct_size = sizeof(Memory);
    if (!takeStatus(Api->info(Handle, Kind, &Memory)).ok())
      break;
    if (!(Memory.properties & DURE_DRV_MEMORY_HOST_VISIBLE))
      continue;
    HostVisible = Kind == 0;
    StagingKind = Kind;
    return Status::success();
  }
  return Status(StatusCode::Unimplemented,
                "driver '" + Driver->name() +
                    "' has no memory that the host can map, which this "
                    "runtime needs");
}

Result<std::shared_ptr<Device>>
Device::open(std::shared_ptr<DriverInstance> Driver, uint32_t Index) {
  const dure_driver &Table = Driver->table();
  std::string Name = Driver->name();
  uint32_t Count = 0;
  DURE_RETURN_IF_ERROR(takeStatus(Table.device_count(&Table, &Count)));
  if (Index >= Count)
    return Status(StatusCode::NotFound,
                  "driver '" + Name + "' has " + std::to_string(Count) +
                      " devices, there is no device " + std::to_string(Index));
  std::shared_ptr<Device> Made(new Device(std::move(Driver)));
  Result<DeviceFacts> Known = facts(*Made->Driver, Index);
  if (!Known)
    return Known.status();
  Made->Facts = Known.take();
  // Host programs copy and fill any range of bytes.
  if (Made->Facts.TransferAlignment > 1)
    return Status(StatusCode::Incompatible,
                  "device '" + Made->Facts.Name + "' copies multiples of " +
                      std::to_string(Made->Facts.TransferAlignment) +
                      " bytes only, which this version of Dure does not do");
  DURE_RETURN_IF_ERROR(
      takeStatus(Table.device_open(&Table, Index, nullptr, &Made->Handle)));
  DURE_RETURN_IF_ERROR(Made->findMemory());
  dure_drv_queue_params Params = {};
  Params.struct_size = sizeof(Params);
  Params.name = "dure";
  DURE_RETURN_IF_ERROR(
      takeStatus(Table.queue->create(Made->Handle, &Params, &Made->Queue)));
  return Made;
}

Device::~Device() {
  if (Queue)
    (void)takeStatus(Driver->table().queue->destroy(Queue));
  if (Handle)
    (void)takeStatus(Driver->table().device_close(Handle));
}

//===----------------------------------------------------------------------===//
// Executable
//===----------------------------------------------------------------------===//

Result<std::shared_ptr<Executable>>
Executable::load(std::shared_ptr<Device> Owner, std::span<const std::byte> Code,
                 const std::string &Compatibility, const std::string &Format,
                 const std::string &Name,
                 const std::vector<std::string> &Entries) {
  const dure_driver &Table = Owner->driver().table();
  std::vector<const char *> Names;
  for (const std::string &Entry : Entries)
    Names.push_back(Entry.c_str());
  dure_drv_executable_params Params = {};
  Params.struct_size = sizeof(Params);
  Params.bytes = Code.data();
  Params.byte_count = Code.size();
  Params.compatibility = Compatibility.c_str();
  Params.format = Format.c_str();
  Params.name = Name.c_str();
  Params.entries = Names.data();
  Params.entry_count = Names.size();
  std::shared_ptr<Executable> Made(new Executable(std::move(Owner)));
  DURE_RETURN_IF_ERROR(takeStatus(
      Table.executable->load(Made->Owner->handle(), &Params, &Made->Handle)));
  for (const char *Entry : Names) {
    uint32_t Number = 0;
    DURE_RETURN_IF_ERROR(
        takeStatus(Table.executable->lookup(Made->Handle, Entry, &Number)));
    Made->Numbers.push_back(Number);
  }
  return Made;
}

Executable::~Executable() {
  if (Handle)
    (void)takeStatus(Owner->driver().table().executable->unload(Handle));
}
