// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Choosing a variant, loading code and weights.

#include "runtime/host/Session.h"

#include "runtime/base/Parallel.h"
#include "runtime/weights/Recipe.h"

#include <algorithm>
#include <map>

using namespace dure;

namespace {

/// Devices of the drivers that variants name, each opened once.
class DeviceCache {
public:
  explicit DeviceCache(const SessionOptions &Options) : Options(Options) {}

  Result<std::shared_ptr<Device>> open(const std::string &VariantDriver) {
    const std::string &Name =
        Options.Driver.empty() ? VariantDriver : Options.Driver;
    auto Known = Opened.find(Name);
    if (Known == Opened.end())
      Known = Opened.emplace(Name, openNew(Name)).first;
    return Known->second;
  }

private:
  Result<std::shared_ptr<Device>> openNew(const std::string &Name) {
    Result<std::shared_ptr<DriverInstance>> Driver = instance(Name);
    if (!Driver)
      return Driver.status();
    return Device::open(Driver.take(), Options.Device);
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
  std::map<std::string, Result<std::shared_ptr<Device>>> Opened;
};

/// How well a device runs a variant.
struct Rank {
  uint32_t Verdict = DURE_DRV_UNSUPPORTED;
  uint32_t Score = 0;

  bool betterThan(const Rank &Other) const {
    return Verdict != Other.Verdict ? Verdict > Other.Verdict
                                    : Score > Other.Score;
  }
};

/// UNSUPPORTED comes back as a failure with the driver's reason.
Result<Rank> rankVariant(const Device &Target, const Variant &V) {
  const dure_driver &Table = Target.driver().table();
  if (!Target.driver().can(DURE_DRV_CAP_EXECUTABLES))
    return Status(StatusCode::Incompatible,
                  "driver '" + Target.driver().name() + "' runs no code");
  dure_drv_compatibility Answer = {};
  Answer.struct_size = sizeof(Answer);
  DURE_RETURN_IF_ERROR(takeStatus(Table.executable->validate(
      Target.handle(), V.Compatibility.c_str(), &Answer)));
  Status Reason = takeStatus(Answer.reason);
  if (Answer.verdict == DURE_DRV_UNSUPPORTED)
    return Status(StatusCode::Incompatible,
                  Reason.ok() ? "device '" + Target.facts().Name +
                                    "' cannot run '" + V.Compatibility + "'"
                              : Reason.message());
  return Rank{Answer.verdict, Answer.score};
}

} // namespace

Result<std::shared_ptr<Session>>
Session::create(std::shared_ptr<const LoadedPackage> Package,
                const SessionOptions &Options) {
  uint64_t Begin = monotonicNs();
  std::shared_ptr<Session> Made(new Session);
  Made->Source = std::move(Package);
  DURE_RETURN_IF_ERROR(Made->choose(Options));
  Made->Pool = std::make_unique<BufferPool>(Made->Target);
  // Code that this processor runs does so with all rights of this process. Only
  // the driver knows whether it does; one that does not say is not believed.
  if (!Made->Target->driver().can(DURE_DRV_CAP_OFF_HOST))
    DURE_RETURN_IF_ERROR(Made->Source->checkTrust());
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
    Result<std::shared_ptr<Device>> Opened = Devices.open(V.Driver);
    Result<Rank> Ranked =
        Opened ? rankVariant(**Opened, V) : Result<Rank>(Opened.status());
    if (!Ranked) {
      Last = Ranked.status();
      Rejected += "variant '" + V.Name + "': " + Last.message() + "\n";
      continue;
    }
    // On a tie the package's order decides.
    if (Target && !Ranked->betterThan(Best))
      continue;
    Best = *Ranked;
    Target = Opened.take();
    VariantIndex = I;
  }
  if (Target)
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

Status Session::loadCode() {
  for (const CodeObject &Code : variant().CodeObjects) {
    std::vector<std::string> Names;
    for (const Export &E : Code.Exports)
      Names.push_back(E.Name);
    Result<std::shared_ptr<Executable>> Loaded = Executable::load(
        Target, codeBytes(Source->image(), Code), variant().Compatibility,
        Code.Format, variant().Name, Names);
    if (!Loaded)
      return Loaded.status().at("variant '" + variant().Name + "'");
    Executables.push_back(Loaded.take());
  }
  return Status::success();
}

Status Session::loadWeights(unsigned Threads) {
  const std::vector<uint32_t> &Used = variant().Weights;
  Result<ModelFiles> Opened = Source->openModelFiles(Used);
  if (!Opened)
    return Opened.status();
  Model = Opened.take();
  DURE_RETURN_IF_ERROR(Source->verifyWeights(Used, Model, Threads));
  Weights.resize(content().Weights.size());

  // Recipes take time; what is read in place takes none.
  bool Recipes = std::any_of(Used.begin(), Used.end(), [&](uint32_t Index) {
    return content().Weights[Index].Source == WeightSource::File;
  });
  DURE_RETURN_IF_ERROR(
      parallelFor(Used.size(), Recipes ? workerThreads(Threads) : 1,
                  [&](size_t I) { return loadWeight(Used[I]); }));
  for (uint32_t Index : Used)
    WeightBytes += Weights[Index]->size();
  return Status::success();
}

Status Session::loadWeight(uint32_t Index) {
  const Weight &W = content().Weights[Index];
  Result<Recipe> Made =
      Recipe::create(content(), Index, Model.Bytes, Source->image().Weights);
  if (!Made)
    return Made.status();
  std::span<const std::byte> InPlace = Made->identity();
  if (!InPlace.empty())
    Weights[Index] = Target->import(InPlace.data(), InPlace.size(), true);
  if (Weights[Index])
    return Status::success();
  Result<std::shared_ptr<DeviceBuffer>> Fresh = Target->allocate(Made->size());
  if (!Fresh)
    return Fresh.status().at("weight '" + W.Name + "'");
  Weights[Index] = Fresh.take();
  return Target
      ->upload(Weights[Index], 0, Made->size(),
               [&](uint64_t Offset, std::span<std::byte> Piece) {
                 Made->read(Offset, Piece);
               })
      .at("weight '" + W.Name + "'");
}
