// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C API: devices, sessions and states.

#include "runtime/api/Handles.h"

using namespace dure;

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

namespace {

/// One line of the device list, in owned memory.
struct DeviceRow {
  std::string Driver;
  std::string Version;
  std::string Path;
  bool HasDevice = false;
  DeviceFacts Facts;
  std::string Problem, ProblemKorean;
};

void listDriver(const std::string &Name, const std::string &Folder,
                std::vector<DeviceRow> &Rows) {
  DeviceRow Row;
  Row.Driver = Name;
  auto AddProblem = [&](const Status &Problem) {
    Row.Problem = Problem.message();
    Row.ProblemKorean = inKorean(Row.Problem);
    Rows.push_back(Row);
  };
  Result<std::string> Path = findDriver(Name, Folder);
  if (!Path)
    return AddProblem(Path.status());
  Row.Path = *Path;
  Result<std::shared_ptr<DriverInstance>> Driver =
      DriverInstance::create(*Path, {});
  if (!Driver)
    return AddProblem(Driver.status());
  Row.Driver = (*Driver)->name();
  Row.Version = (*Driver)->version();
  const dure_driver &Table = (*Driver)->table();
  uint32_t Count = 0;
  if (Status S = takeStatus(Table.device_count(&Table, &Count)); !S.ok())
    return AddProblem(S);
  if (Count == 0)
    return AddProblem(Status(StatusCode::NotFound, "no device of this kind"));
  for (uint32_t I = 0; I != Count; ++I) {
    Result<DeviceFacts> Facts = Device::facts(**Driver, I);
    if (!Facts) {
      AddProblem(Facts.status());
      continue;
    }
    Row.Facts = Facts.take();
    Row.HasDevice = true;
    Rows.push_back(Row);
    Row.HasDevice = false;
  }
}

} // namespace

struct dure_devices {
  std::vector<DeviceRow> Rows;
};

dure_status *dure_devices_list(const char *Folder, dure_devices **To) {
  return guarded([&]() -> dure_status * {
    if (!To)
      return toC(nullArgument());
    auto Made = std::make_unique<dure_devices>();
    std::string Place = Folder ? Folder : "";
    for (const std::string &Name : listDrivers(Place))
      listDriver(Name, Place, Made->Rows);
    *To = Made.release();
    return nullptr;
  });
}

size_t dure_devices_count(const dure_devices *D) {
  return D ? D->Rows.size() : 0;
}

dure_status *dure_devices_get(const dure_devices *D, size_t Index,
                              dure_device_info *To) {
  return guarded([&]() -> dure_status * {
    if (!D)
      return toC(nullArgument());
    if (Index >= D->Rows.size())
      return toC(noIndex("devices", Index, D->Rows.size()));
    const DeviceRow &Row = D->Rows[Index];
    dure_device_info Info = {};
    Info.driver = Row.Driver.c_str();
    Info.driver_version = Row.Version.c_str();
    Info.driver_path = Row.Path.c_str();
    Info.name = Row.HasDevice ? Row.Facts.Name.c_str() : nullptr;
    Info.architecture = Row.Facts.Architecture.c_str();
    Info.features = Row.Facts.Features.c_str();
    Info.memory_total = Row.Facts.MemoryTotal;
    Info.parallelism = Row.Facts.Parallelism;
    Info.problem = Row.Problem.c_str();
    Info.problem_korean = Row.ProblemKorean.c_str();
    return toC(writeStruct(Info, To));
  });
}

void dure_devices_destroy(dure_devices *D) { delete D; }

//===----------------------------------------------------------------------===//
// Sessions
//===----------------------------------------------------------------------===//

namespace {

Status readSessionOptions(const dure_session_options *From,
                          SessionOptions &To) {
  dure_session_options Options;
  DURE_RETURN_IF_ERROR(readStruct(From, Options));
  To.Variant = Options.variant ? Options.variant : "";
  To.Driver = Options.driver ? Options.driver : "";
  To.DriverFolder = Options.driver_folder ? Options.driver_folder : "";
  To.Device = Options.device;
  if (Options.threads < 0 || Options.threads > DURE_MAX_THREADS)
    return invalidArgument("threads is " + std::to_string(Options.threads) +
                           "; give 1 to " + std::to_string(DURE_MAX_THREADS) +
                           ", or 0 for as many as the driver takes");
  To.Threads = static_cast<unsigned>(Options.threads);
  if (Options.driver_option_count != 0 && !Options.driver_options)
    return nullArgument();
  for (size_t I = 0; I != Options.driver_option_count; ++I) {
    const dure_option &Option = Options.driver_options[I];
    if (!Option.key || !Option.value)
      return nullArgument();
    To.Setup.Options[Option.key] = Option.value;
  }
  if (Options.threads > 0)
    To.Setup.Options["threads"] = std::to_string(Options.threads);
  if (Options.log)
    To.Setup.Log = [Log = Options.log,
                    User = Options.user](int32_t Level, const char *Message) {
      Log(User, Level, Message);
    };
  return Status::success();
}

} // namespace

dure_status *dure_session_create(dure_package *P,
                                 const dure_session_options *Options,
                                 dure_session **To) {
  return guarded([&]() -> dure_status * {
    if (!P || !To)
      return toC(nullArgument());
    SessionOptions Read;
    if (Status S = readSessionOptions(Options, Read); !S.ok())
      return toC(S);
    Result<std::shared_ptr<Session>> Made =
        Session::create(P->Handle->Loaded, Read);
    if (!Made)
      return toC(Made.status());
    auto Handle = std::make_shared<SessionHandle>();
    Handle->Package = P->Handle;
    Handle->Running = Made.take();
    Handle->RejectedKorean = inKorean(Handle->Running->rejected());
    *To = new dure_session{std::move(Handle)};
    return nullptr;
  });
}

void dure_session_destroy(dure_session *S) { delete S; }

dure_status *dure_session_get_info(const dure_session *S,
                                   dure_session_info *To) {
  return guarded([&]() -> dure_status * {
    if (!S)
      return toC(nullArgument());
    const Session &Running = *S->Handle->Running;
    dure_session_info Info = {};
    Info.variant = Running.variantIndex();
    Info.variant_name = Running.variant().Name.c_str();
    Info.driver = Running.device()->driver().name().c_str();
    Info.driver_version = Running.device()->driver().version().c_str();
    Info.device = Running.device()->facts().Name.c_str();
    Info.weight_bytes = Running.weightBytes();
    Info.load_ns = Running.loadNs();
    Info.weight_load_ns = Running.weightLoadNs();
    Info.rejected = Running.rejected().c_str();
    Info.rejected_korean = S->Handle->RejectedKorean.c_str();
    Info.device_count = Running.deviceCount();
    return toC(writeStruct(Info, To));
  });
}

dure_status *dure_session_get_device(const dure_session *S, size_t Index,
                                     dure_session_device *To) {
  return guarded([&]() -> dure_status * {
    if (!S)
      return toC(nullArgument());
    const Session &Running = *S->Handle->Running;
    if (Index >= Running.deviceCount())
      return toC(noIndex("devices", Index, Running.deviceCount()));
    const Variant &V = Running.variant();
    const Device &On = *Running.device(static_cast<DeviceIndex>(Index));
    dure_session_device Info = {};
    Info.target = (Index == 0 ? V.Target : V.Devices[Index - 1].Target).c_str();
    Info.driver = On.driver().name().c_str();
    Info.driver_version = On.driver().version().c_str();
    Info.device = On.facts().Name.c_str();
    return toC(writeStruct(Info, To));
  });
}

dure_status *dure_session_get_bucket(const dure_session *S,
                                     const char *EntryName, size_t Index,
                                     const char **To) {
  return guarded([&]() -> dure_status * {
    if (!S || !EntryName || !To)
      return toC(nullArgument());
    const Session &Running = *S->Handle->Running;
    Result<size_t> Found = findEntry(Running.content(), EntryName);
    if (!Found)
      return toC(Found.status());
    Result<const Program *> Code = Running.program(*Found);
    if (!Code)
      return toC(Code.status());
    size_t Count = 0;
    for (const Block &B : (*Code)->Blocks)
      if (!B.Bucket.empty() && Count++ == Index) {
        *To = B.Bucket.c_str();
        return nullptr;
      }
    return toC(noIndex("shape buckets", Index, Count));
  });
}

//===----------------------------------------------------------------------===//
// State
//===----------------------------------------------------------------------===//

dure_status *dure_state_create(dure_session *S, const char *EntryName,
                               const dure_state_options *Options,
                               dure_state **To) {
  return guarded([&]() -> dure_status * {
    if (!S || !EntryName || !To)
      return toC(nullArgument());
    dure_state_options Read;
    if (Status R = readStruct(Options, Read); !R.ok())
      return toC(R);
    const std::shared_ptr<Session> &Running = S->Handle->Running;
    Result<size_t> Index = findEntry(Running->content(), EntryName);
    if (!Index)
      return toC(Index.status());
    Result<std::shared_ptr<State>> Made =
        State::create(Running, *Index, Read.batch, Read.capacity);
    if (!Made)
      return toC(Made.status());
    *To = new dure_state{S->Handle, Made.take()};
    return nullptr;
  });
}

void dure_state_destroy(dure_state *S) { delete S; }

dure_status *dure_state_get_lengths(const dure_state *S, int64_t *Lengths,
                                    size_t Count) {
  return guarded([&]() -> dure_status * {
    if (!S || !Lengths)
      return toC(nullArgument());
    const std::vector<int64_t> &Now = S->Cache->lengths();
    if (Count != Now.size())
      return toC(noIndex("rows", Count, Now.size()));
    std::copy(Now.begin(), Now.end(), Lengths);
    return nullptr;
  });
}

dure_status *dure_state_set_lengths(dure_state *S, const int64_t *Lengths,
                                    size_t Count) {
  return guarded([&]() -> dure_status * {
    if (!S || !Lengths)
      return toC(nullArgument());
    return toC(S->Cache->setLengths({Lengths, Count}));
  });
}

dure_status *dure_state_read(const dure_state *S, size_t Index,
                             dure_tensor *To) {
  return guarded([&]() -> dure_status * {
    if (!S || !To)
      return toC(nullArgument());
    const State &Cache = *S->Cache;
    const Entry &E = Cache.session()->content().Entries[Cache.entry()];
    if (Index >= E.States.size())
      return toC(noIndex("state tensors", Index, E.States.size()));
    dure_tensor Given;
    if (Status R = readStruct(To, Given); !R.ok())
      return toC(R);
    const std::vector<int64_t> &Shape = Cache.shape(Index);
    uint64_t Size = Cache.tensor(Index)->size();
    if (Given.data && Given.size >= Size) {
      std::lock_guard<std::timed_mutex> Lock(Cache.session()->runLock());
      Status Read = Cache.device(Index).download(
          Cache.tensor(Index), 0, Size,
          [&](uint64_t Offset, std::span<std::byte> Piece) {
            std::memcpy(static_cast<std::byte *>(Given.data) + Offset,
                        Piece.data(), Piece.size());
          });
      if (!Read.ok())
        return toC(Read);
    }
    Given.type = static_cast<int32_t>(E.States[Index].Type);
    Given.rank = static_cast<int32_t>(Shape.size());
    Given.dims = Shape.data();
    Given.size = Size;
    return toC(writeStruct(Given, To));
  });
}

dure_status *dure_state_write(dure_state *S, size_t Index,
                              const dure_tensor *From) {
  return guarded([&]() -> dure_status * {
    if (!S || !From)
      return toC(nullArgument());
    const State &Cache = *S->Cache;
    const Entry &E = Cache.session()->content().Entries[Cache.entry()];
    if (Index >= E.States.size())
      return toC(noIndex("state tensors", Index, E.States.size()));
    dure_tensor Given;
    std::vector<int64_t> Dims;
    Status Checked = readStruct(From, Given);
    if (Checked.ok())
      Checked = checkTensor(Given, Dims);
    if (Checked.ok() &&
        (Given.type != static_cast<int32_t>(E.States[Index].Type) ||
         Dims != Cache.shape(Index)))
      Checked =
          invalidArgument("state '" + E.States[Index].Name + "' is " +
                          elementName(E.States[Index].Type) + " " +
                          dimsText(Cache.shape(Index)) + ", got " +
                          dure_type_name(Given.type) + " " + dimsText(Dims));
    if (!Checked.ok())
      return toC(Checked);
    std::lock_guard<std::timed_mutex> Lock(Cache.session()->runLock());
    return toC(Cache.device(Index).upload(
        Cache.tensor(Index), 0, Given.size,
        [&](uint64_t Offset, std::span<std::byte> Piece) {
          std::memcpy(Piece.data(),
                      static_cast<const std::byte *>(Given.data) + Offset,
                      Piece.size());
        }));
  });
}
