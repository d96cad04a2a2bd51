// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Choosing a variant, loading code and weights.

#include "runtime/host/Session.h"

#include "runtime/base/Parallel.h"
#include "runtime/weights/Recipe.h"

#include <algorithm>
#include <map>
#include <set>

using namespace dure;

namespace {

/// Devices of the drivers that variants name, each opened once.
class DeviceCache {
public:
  explicit DeviceCache(const SessionOptions &Options) : Options(Options) {}

  /// The device that a variant is for: the caller may choose another driver,
  /// and which of its devices.
  Result<std::shared_ptr<Device>> openOwn(const std::string &VariantDriver) {
    return open(Options.Driver.empty() ? VariantDriver : Options.Driver,
                Options.Device);
  }
  /// One that it needs beside it.
  Result<std::shared_ptr<Device>> openOther(const std::string &VariantDriver) {
    return open(VariantDriver, 0);
  }

private:
  using Key = std::pair<std::string, uint32_t>;

  Result<std::shared_ptr<Device>> open(const std::string &Name,
                                       uint32_t Index) {
    auto Known = Opened.find(Key(Name, Index));
    if (Known == Opened.end())
      Known = Opened.emplace(Key(Name, Index), openNew(Name, Index)).first;
    return Known->second;
  }

  Result<std::shared_ptr<Device>> openNew(const std::string &Name,
                                          uint32_t Index) {
    Result<std::shared_ptr<DriverInstance>> Driver = instance(Name);
    if (!Driver)
      return Driver.status();
    return Device::open(Driver.take(), Index);
  }

  Result<std::shared_ptr<DriverInstance>> instance(const std::string &Name) {
    if (Options.Query)
      return DriverInstance::create(Options.Query, Name, Options.Setup);
    Result<std::string> Path = findDriver(Name, Options.DriverFolder);
    if (!Path)
      return Path.status();
    return DriverInstance::create(*Path, Options.Setup);
  }

  const SessionOptions &Options;
  std::map<Key, Result<std::shared_ptr<Device>>> Opened;
};

/// How well devices run a variant: as well as the worst of them, and then as
/// the first of them says.
struct Rank {
  uint32_t Verdict = DURE_DRV_UNSUPPORTED;
  std::vector<uint32_t> Scores;

  bool betterThan(const Rank &Other) const {
    return Verdict != Other.Verdict ? Verdict > Other.Verdict
                                    : Scores > Other.Scores;
  }
};

/// Lowers RANK to what the device says of code with this compatibility.
/// UNSUPPORTED comes back as a failure with the driver's reason.
Status addRank(const Device &Target, const std::string &Compatibility,
               Rank &To) {
  const dure_driver &Table = Target.driver().table();
  if (!Target.driver().can(DURE_DRV_CAP_EXECUTABLES))
    return Status(StatusCode::Incompatible,
                  "driver '" + Target.driver().name() + "' runs no code");
  dure_drv_compatibility Answer = {};
  Answer.struct_size = sizeof(Answer);
  DURE_RETURN_IF_ERROR(takeStatus(Table.executable->validate(
      Target.handle(), Compatibility.c_str(), &Answer)));
  Status Reason = takeStatus(Answer.reason);
  if (Answer.verdict == DURE_DRV_UNSUPPORTED)
    return Status(StatusCode::Incompatible,
                  Reason.ok() ? "device '" + Target.facts().Name +
                                    "' cannot run '" + Compatibility + "'"
                              : Reason.message());
  To.Verdict =
      To.Scores.empty() ? Answer.verdict : std::min(To.Verdict, Answer.verdict);
  To.Scores.push_back(Answer.score);
  return Status::success();
}

/// Opens the devices of a variant, its own first, and ranks it.
Status openDevices(const Variant &V, DeviceCache &Devices,
                   std::vector<std::shared_ptr<Device>> &Opened, Rank &To) {
  Result<std::shared_ptr<Device>> Own = Devices.openOwn(V.Driver);
  DURE_RETURN_IF_ERROR(Own.status());
  DURE_RETURN_IF_ERROR(addRank(**Own, V.Compatibility, To));
  Opened.push_back(Own.take());
  for (const VariantDevice &D : V.Devices) {
    Result<std::shared_ptr<Device>> Other = Devices.openOther(D.Driver);
    DURE_RETURN_IF_ERROR(Other.status());
    DURE_RETURN_IF_ERROR(addRank(**Other, D.Compatibility, To));
    Opened.push_back(Other.take());
  }
  return Status::success();
}

/// The weights that programs of a variant read on each device.
std::vector<std::set<uint32_t>> weightsByDevice(const Variant &V) {
  std::vector<std::set<uint32_t>> Used(V.Devices.size() + 1);
  for (const Program &P : V.Programs)
    for (const Block &B : P.Blocks)
      for (const Instruction &I : B.Instructions)
        if (const auto *Op = std::get_if<WeightBufferOp>(&I))
          Used[Op->Device].insert(Op->Weight);
  return Used;
}

} // namespace

Result<std::shared_ptr<Session>>
Session::create(std::shared_ptr<const LoadedPackage> Package,
                const SessionOptions &Options) {
  uint64_t Begin = monotonicNs();
  std::shared_ptr<Session> Made(new Session);
  Made->Source = std::move(Package);
  DURE_RETURN_IF_ERROR(Made->choose(Options));
  DURE_RETURN_IF_ERROR(Made->checkTrust());
  DURE_RETURN_IF_ERROR(Made->loadCode());
  uint64_t WeightsBegin = monotonicNs();
  DURE_RETURN_IF_ERROR(Made->loadWeights(Options.Threads));
  uint64_t End = monotonicNs();
  Made->WeightLoadNs = End - WeightsBegin;
  Made->LoadNs = End - Begin;
  return Made;
}

Status Session::choose(const SessionOptions &Options) {
  DeviceCache Devices(Options);
  const std::vector<Variant> &Variants = content().Variants;
  Rank Best;
  Status Last;
  bool Named = false;
  for (size_t I = 0; I != Variants.size(); ++I) {
    const Variant &V = Variants[I];
    if (!Options.Variant.empty() && V.Name != Options.Variant)
      continue;
    Named = true;
    std::vector<std::shared_ptr<Device>> Opened;
    Rank Ranked;
    if (Status Tried = openDevices(V, Devices, Opened, Ranked); !Tried.ok()) {
      Last = Tried;
      Rejected += "variant '" + V.Name + "': " + Last.message() + "\n";
      continue;
    }
    // On a tie the package's order decides.
    if (!Places.empty() && !Ranked.betterThan(Best))
      continue;
    Best = Ranked;
    Places.clear();
    for (std::shared_ptr<Device> &Each : Opened)
      Places.push_back({Each, std::make_unique<BufferPool>(Each), {}});
    VariantIndex = I;
  }
  if (!Places.empty())
    return Status::success();
  std::string Names;
  for (const Variant &V : Variants)
    Names += (Names.empty() ? "'" : ", '") + V.Name + "'";
  if (!Named)
    return Status(StatusCode::NotFound, Options.Variant.empty()
                                            ? "the package has no variant"
                                            : "the package has no variant '" +
                                                  Options.Variant +
                                                  "'; it has " + Names);
  return Status(Last.code(),
                "nothing here can run the package:\n" + Rejected +
                    "Compile it for this machine, or install the driver that "
                    "is missing",
                Last.scope(), Last.retryable());
}

Result<const Program *> Session::program(size_t Index) const {
  for (const Program &P : variant().Programs)
    if (P.Entry == Index)
      return &P;
  return Status(StatusCode::NotFound, "variant '" + variant().Name +
                                          "' does not have the entry '" +
                                          content().Entries[Index].Name + "'");
}

/// Code that this processor runs does so with all rights of this process. Only
/// a driver knows whether it does; one that does not say is not believed.
Status Session::checkTrust() const {
  for (const Place &Each : Places)
    if (!Each.Target->driver().can(DURE_DRV_CAP_OFF_HOST))
      return Source->checkTrust();
  return Status::success();
}

std::vector<DeviceIndex> Session::stateDevices(size_t EntryIndex) const {
  std::vector<DeviceIndex> On(content().Entries[EntryIndex].States.size(), 0);
  for (const Program &P : variant().Programs)
    if (P.Entry == EntryIndex)
      for (const Block &B : P.Blocks)
        for (const Instruction &I : B.Instructions)
          if (const auto *Op = std::get_if<StateBufferOp>(&I))
            On[Op->State] = Op->Device;
  return On;
}

Status Session::loadCode() {
  for (const CodeObject &Code : variant().CodeObjects) {
    std::vector<std::string> Names;
    for (const Export &E : Code.Exports)
      Names.push_back(E.Name);
    Result<std::shared_ptr<Executable>> Loaded = Executable::load(
        device(Code.Device), codeBytes(Source->image(), Code),
        Code.Device == 0 ? variant().Compatibility
                         : variant().Devices[Code.Device - 1].Compatibility,
        Code.Format, variant().Name, Names);
    if (!Loaded)
      return Loaded.status().at("variant '" + variant().Name + "'");
    Executables.push_back(Loaded.take());
  }
  return Status::success();
}

Status Session::loadWeights(unsigned Threads) {
  const std::vector<std::set<uint32_t>> ByDevice = weightsByDevice(variant());
  // Those that some device reads. The list of the variant has their order.
  std::vector<uint32_t> Used;
  for (uint32_t Index : variant().Weights)
    for (DeviceIndex On = 0; On != ByDevice.size(); ++On)
      if (ByDevice[On].contains(Index) && computes(On)) {
        Used.push_back(Index);
        break;
      }
  Result<ModelFiles> Opened = Source->openModelFiles(Used);
  if (!Opened)
    return Opened.status();
  Model = Opened.take();
  DURE_RETURN_IF_ERROR(Source->verifyWeights(Used, Model, Threads));
  std::vector<std::pair<DeviceIndex, uint32_t>> Wanted;
  for (DeviceIndex On = 0; On != ByDevice.size(); ++On) {
    Places[On].Weights.resize(content().Weights.size());
    for (uint32_t Index : ByDevice[On])
      Wanted.push_back({On, Index});
  }

  // Recipes take time; what is read in place takes none.
  bool Recipes = std::any_of(Used.begin(), Used.end(), [&](uint32_t Index) {
    return content().Weights[Index].Source == WeightSource::File;
  });
  DURE_RETURN_IF_ERROR(parallelFor(
      Wanted.size(), Recipes ? workerThreads(Threads) : 1,
      [&](size_t I) { return loadWeight(Wanted[I].first, Wanted[I].second); }));
  for (auto [On, Index] : Wanted)
    WeightBytes += weight(On, Index)->size();
  return Status::success();
}

bool Session::computes(DeviceIndex On) const {
  return Places[On].Target->driver().can(DURE_DRV_CAP_COMPUTES);
}

Status Session::loadWeight(DeviceIndex On, uint32_t Index) {
  const Weight &W = content().Weights[Index];
  if (!computes(On)) {
    // Bytes that are only addressed.
    uint64_t Count = 0, Bytes = 0;
    (void)(elementCount(W.Shape, Count) && elementBytes(W.Type, Count, Bytes));
    Result<std::shared_ptr<DeviceBuffer>> Empty =
        Places[On].Target->allocate(Bytes);
    if (!Empty)
      return Empty.status().at("weight '" + W.Name + "'");
    Places[On].Weights[Index] = Empty.take();
    return Status::success();
  }
  Result<Recipe> Made =
      Recipe::create(content(), Index, Model.Bytes, Source->image().Weights);
  if (!Made)
    return Made.status();
  std::span<const std::byte> InPlace = Made->identity();
  const Device &Target = *Places[On].Target;
  std::shared_ptr<DeviceBuffer> &Loaded = Places[On].Weights[Index];
  if (!InPlace.empty())
    Loaded = Target.import(InPlace.data(), InPlace.size(), true);
  if (Loaded)
    return Status::success();
  Result<std::shared_ptr<DeviceBuffer>> Fresh = Target.allocate(Made->size());
  if (!Fresh)
    return Fresh.status().at("weight '" + W.Name + "'");
  Loaded = Fresh.take();
  return Target
      .upload(Loaded, 0, Made->size(),
              [&](uint64_t Offset, std::span<std::byte> Piece) {
                Made->read(Offset, Piece);
              })
      .at("weight '" + W.Name + "'");
}
