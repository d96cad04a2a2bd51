// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C API: statuses, texts, types and packages.

#include "runtime/api/Handles.h"

using namespace dure;

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

dure_status *dure::outOfMemoryToC() {
  static dure_status NoMemory{outOfMemory(), inKorean(outOfMemory().message())};
  return &NoMemory;
}

// Made when the library is loaded: later there may be no memory for it.
[[maybe_unused]] static const dure_status *const MadeEarly = outOfMemoryToC();

Result<size_t> dure::findEntry(const Package &P, const char *Name) {
  std::string Names;
  for (size_t I = 0; I != P.Entries.size(); ++I) {
    if (Name && P.Entries[I].Name == Name)
      return I;
    Names += (I ? ", '" : "'") + P.Entries[I].Name + "'";
  }
  return Status(StatusCode::NotFound,
                std::string("the package has no entry '") + (Name ? Name : "") +
                    "'; it has " + (Names.empty() ? "none" : Names));
}

std::string dure::dimsText(const std::vector<SignatureDim> &Dims) {
  std::string Text = "[";
  for (size_t I = 0; I != Dims.size(); ++I)
    Text +=
        (I ? ", " : "") + (Dims[I].Value >= 0 ? std::to_string(Dims[I].Value)
                                              : Dims[I].Expression);
  return Text + "]";
}

std::string dure::dimsText(const std::vector<int64_t> &Dims) {
  std::string Text = "[";
  for (size_t I = 0; I != Dims.size(); ++I)
    Text += (I ? ", " : "") + std::to_string(Dims[I]);
  return Text + "]";
}

Status dure::checkTensor(const dure_tensor &Tensor,
                         std::vector<int64_t> &Dims) {
  auto Type = static_cast<ElementType>(
      static_cast<uint8_t>(std::clamp(Tensor.type, 0, 255)));
  if (elementBits(Type) == 0)
    return invalidArgument("element type " + std::to_string(Tensor.type) +
                           " is not known");
  if (Tensor.rank < 0 || Tensor.rank > DURE_MAX_RANK ||
      (Tensor.rank != 0 && !Tensor.dims))
    return invalidArgument("a tensor has no valid rank or no dims");
  Dims.assign(Tensor.dims, Tensor.dims + Tensor.rank);
  uint64_t Count = 0, Bytes = 0;
  if (!elementCount(Dims, Count) || !elementBytes(Type, Count, Bytes))
    return invalidArgument("the shape " + dimsText(Dims) + " is not valid");
  if (Tensor.size != Bytes)
    return invalidArgument("a tensor of " + std::string(elementName(Type)) +
                           " " + dimsText(Dims) + " has " +
                           std::to_string(Bytes) + " bytes, got " +
                           std::to_string(Tensor.size));
  return Bytes != 0 && !Tensor.data ? invalidArgument("a tensor has no data")
                                    : Status::success();
}

namespace {

dure_dim makeDim(const SignatureDim &Dim) {
  return {Dim.Value, Dim.Expression.c_str()};
}

dure_dim makeDim(const StateDim &Dim) {
  switch (Dim.Axis) {
  case StateAxis::Batch:
    return {-1, "batch"};
  case StateAxis::Capacity:
    return {-1, "capacity"};
  case StateAxis::Window:
    return {-1, "window"};
  case StateAxis::Fixed:
    break;
  }
  return {Dim.Value, ""};
}

template <typename Info> DimTable makeDims(const std::vector<Info> &Tensors) {
  DimTable Table;
  for (const Info &Tensor : Tensors) {
    Table.emplace_back();
    for (const auto &Dim : Tensor.Dims)
      Table.back().push_back(makeDim(Dim));
  }
  return Table;
}

template <typename Info>
Status writeSignature(const std::vector<Info> &Tensors, const DimTable &Dims,
                      size_t Index, dure_signature *To) {
  if (Index >= Tensors.size())
    return noIndex("tensors of this kind", Index, Tensors.size());
  dure_signature Made = {};
  Made.name = Tensors[Index].Name.c_str();
  Made.type = static_cast<int32_t>(Tensors[Index].Type);
  Made.rank = static_cast<int32_t>(Dims[Index].size());
  Made.dims = Dims[Index].data();
  return writeStruct(Made, To);
}

Status readLoadOptions(const dure_load_options *From, PackageLoadOptions &To) {
  dure_load_options Options;
  DURE_RETURN_IF_ERROR(readStruct(From, Options));
  switch (Options.verify) {
  case DURE_VERIFY_ONCE:
    To.Verify = VerifyWeights::Once;
    break;
  case DURE_VERIFY_FULL:
    To.Verify = VerifyWeights::Full;
    break;
  case DURE_VERIFY_STRUCTURE:
    To.Verify = VerifyWeights::Structure;
    break;
  default:
    return invalidArgument("verify " + std::to_string(Options.verify) +
                           " is not known");
  }
  To.TrustCode = Options.trust_code != 0;
  To.ModelFolder = Options.model_folder ? Options.model_folder : "";
  To.Links.AllowLinks = Options.allow_links != 0;
  To.Links.Root = Options.links_root ? Options.links_root : "/";
  return Status::success();
}

dure_status *finishLoad(Result<std::shared_ptr<const LoadedPackage>> Loaded,
                        dure_package **To) {
  if (!Loaded)
    return toC(Loaded.status());
  auto Made = std::make_shared<PackageHandle>();
  Made->Loaded = Loaded.take();
  for (const Entry &E : Made->Loaded->content().Entries)
    Made->Dims.push_back(
        {makeDims(E.Inputs), makeDims(E.Outputs), makeDims(E.States)});
  *To = new dure_package{std::move(Made)};
  return nullptr;
}

/// Stored bytes of a weight after its recipe.
uint64_t residentBytes(const Weight &W) {
  uint64_t Count = 0, Bytes = 0;
  return elementCount(W.Shape, Count) && elementBytes(W.Type, Count, Bytes)
             ? Bytes
             : 0;
}

} // namespace

//===----------------------------------------------------------------------===//
// Statuses, texts, types
//===----------------------------------------------------------------------===//

const char *dure_version(void) { return DURE_VERSION_TEXT; }

int32_t dure_status_get_code(const dure_status *S) {
  return S ? static_cast<int32_t>(S->Failure.code()) : DURE_STATUS_OK;
}
int32_t dure_status_get_scope(const dure_status *S) {
  return S ? static_cast<int32_t>(S->Failure.scope()) : DURE_SCOPE_CALL;
}
int32_t dure_status_is_retryable(const dure_status *S) {
  return S && S->Failure.retryable();
}
const char *dure_status_message(const dure_status *S) {
  return S ? S->Failure.message().c_str() : "";
}

const char *dure_status_message_in(const dure_status *S, int32_t Language) {
  return S && Language == DURE_LANGUAGE_KOREAN ? S->Korean.c_str()
                                               : dure_status_message(S);
}
void dure_status_free(dure_status *S) {
  if (S != outOfMemoryToC())
    delete S;
}

const char *dure_text_data(const dure_text *T) {
  return T ? T->Text.c_str() : "";
}
size_t dure_text_size(const dure_text *T) { return T ? T->Text.size() : 0; }
void dure_text_destroy(dure_text *T) { delete T; }

const char *dure_type_name(int32_t Type) {
  return Type < 0 || Type >= static_cast<int32_t>(ElementTypeCount)
             ? "?"
             : elementName(static_cast<ElementType>(Type));
}
uint32_t dure_type_bits(int32_t Type) {
  return Type < 0 || Type >= static_cast<int32_t>(ElementTypeCount)
             ? 0
             : elementBits(static_cast<ElementType>(Type));
}

//===----------------------------------------------------------------------===//
// Packages
//===----------------------------------------------------------------------===//

dure_status *dure_package_load(const char *Path,
                               const dure_load_options *Options,
                               dure_package **To) {
  return guarded([&]() -> dure_status * {
    if (!Path || !To)
      return toC(nullArgument());
    PackageLoadOptions Read;
    if (Status S = readLoadOptions(Options, Read); !S.ok())
      return toC(S);
    return finishLoad(LoadedPackage::open(Path, std::move(Read)), To);
  });
}

dure_status *dure_package_load_memory(const void *Bytes, size_t Size,
                                      const dure_load_options *Options,
                                      dure_package **To) {
  return guarded([&]() -> dure_status * {
    if (!Bytes || !To)
      return toC(nullArgument());
    PackageLoadOptions Read;
    if (Status S = readLoadOptions(Options, Read); !S.ok())
      return toC(S);
    return finishLoad(
        LoadedPackage::fromMemory({static_cast<const std::byte *>(Bytes), Size},
                                  std::move(Read)),
        To);
  });
}

void dure_package_destroy(dure_package *P) { delete P; }

dure_status *dure_package_get_info(const dure_package *P,
                                   dure_package_info *To) {
  return guarded([&]() -> dure_status * {
    if (!P)
      return toC(nullArgument());
    const LoadedPackage &Loaded = *P->Handle->Loaded;
    const Package &Content = Loaded.content();
    dure_package_info Info = {};
    Info.format_version = Content.FormatVersion;
    Info.min_runtime = Content.MinRuntime;
    Info.required_features = Content.RequiredFeatures;
    Info.producer = Content.Producer.c_str();
    Info.model_name = Content.ModelName.c_str();
    Info.path = Loaded.path().c_str();
    Info.file_bytes = Loaded.bytes().size();
    for (const Weight &W : Content.Weights)
      if (W.Source == WeightSource::Package)
        Info.weight_bytes += W.Size;
    Info.symbol_count = Content.Symbols.size();
    Info.entry_count = Content.Entries.size();
    Info.variant_count = Content.Variants.size();
    Info.weight_count = Content.Weights.size();
    Info.asset_count = Content.Assets.size();
    return toC(writeStruct(Info, To));
  });
}

dure_status *dure_package_get_symbol(const dure_package *P, size_t Index,
                                     dure_symbol_info *To) {
  return guarded([&]() -> dure_status * {
    if (!P)
      return toC(nullArgument());
    const std::vector<Symbol> &Symbols = P->Handle->Loaded->content().Symbols;
    if (Index >= Symbols.size())
      return toC(noIndex("symbols", Index, Symbols.size()));
    const Symbol &S = Symbols[Index];
    return toC(writeStruct<dure_symbol_info>(
        {0, S.Name.c_str(), S.Min, S.Max, S.Multiple}, To));
  });
}

dure_status *dure_package_get_asset(const dure_package *P, size_t Index,
                                    dure_asset_info *To) {
  return guarded([&]() -> dure_status * {
    if (!P)
      return toC(nullArgument());
    const std::vector<Asset> &Assets = P->Handle->Loaded->content().Assets;
    if (Index >= Assets.size())
      return toC(noIndex("carried files", Index, Assets.size()));
    const Asset &A = Assets[Index];
    return toC(writeStruct<dure_asset_info>(
        {0, A.Name.c_str(), A.Bytes.data(), A.Bytes.size()}, To));
  });
}

dure_status *dure_package_find_asset(const dure_package *P, const char *Name,
                                     size_t *To) {
  return guarded([&]() -> dure_status * {
    if (!P || !Name || !To)
      return toC(nullArgument());
    const std::vector<Asset> &Assets = P->Handle->Loaded->content().Assets;
    std::string Names;
    for (size_t I = 0; I != Assets.size(); ++I) {
      if (Assets[I].Name == Name) {
        *To = I;
        return nullptr;
      }
      Names += (I ? ", '" : "'") + Assets[I].Name + "'";
    }
    return toC(
        Status(StatusCode::NotFound, std::string("the package carries no '") +
                                         Name + "'; it carries " +
                                         (Names.empty() ? "no files" : Names)));
  });
}

dure_status *dure_package_get_entry(const dure_package *P, size_t Index,
                                    dure_entry_info *To) {
  return guarded([&]() -> dure_status * {
    if (!P)
      return toC(nullArgument());
    const std::vector<Entry> &Entries = P->Handle->Loaded->content().Entries;
    if (Index >= Entries.size())
      return toC(noIndex("entries", Index, Entries.size()));
    const Entry &E = Entries[Index];
    return toC(writeStruct<dure_entry_info>(
        {0, E.Name.c_str(), E.Inputs.size(), E.Outputs.size(), E.States.size()},
        To));
  });
}

dure_status *dure_package_find_entry(const dure_package *P, const char *Name,
                                     size_t *To) {
  return guarded([&]() -> dure_status * {
    if (!P || !To)
      return toC(nullArgument());
    Result<size_t> Found = findEntry(P->Handle->Loaded->content(), Name);
    if (!Found)
      return toC(Found.status());
    *To = *Found;
    return nullptr;
  });
}

dure_status *dure_package_get_signature(const dure_package *P,
                                        size_t EntryIndex, int32_t Kind,
                                        size_t Index, dure_signature *To) {
  return guarded([&]() -> dure_status * {
    if (!P)
      return toC(nullArgument());
    const std::vector<Entry> &Entries = P->Handle->Loaded->content().Entries;
    if (EntryIndex >= Entries.size())
      return toC(noIndex("entries", EntryIndex, Entries.size()));
    const Entry &E = Entries[EntryIndex];
    const EntryDims &Dims = P->Handle->Dims[EntryIndex];
    switch (Kind) {
    case DURE_INPUT:
      return toC(writeSignature(E.Inputs, Dims.Inputs, Index, To));
    case DURE_OUTPUT:
      return toC(writeSignature(E.Outputs, Dims.Outputs, Index, To));
    case DURE_STATE:
      return toC(writeSignature(E.States, Dims.States, Index, To));
    default:
      return toC(invalidArgument("signature kind " + std::to_string(Kind) +
                                 " is not known"));
    }
  });
}

dure_status *dure_package_get_variant(const dure_package *P, size_t Index,
                                      dure_variant_info *To) {
  return guarded([&]() -> dure_status * {
    if (!P)
      return toC(nullArgument());
    const Package &Content = P->Handle->Loaded->content();
    if (Index >= Content.Variants.size())
      return toC(noIndex("variants", Index, Content.Variants.size()));
    const Variant &V = Content.Variants[Index];
    dure_variant_info Info = {};
    Info.name = V.Name.c_str();
    Info.target = V.Target.c_str();
    Info.driver = V.Driver.c_str();
    Info.compatibility = V.Compatibility.c_str();
    Info.pack_key = V.PackKey.c_str();
    Info.code_object_count = V.CodeObjects.size();
    for (const CodeObject &Code : V.CodeObjects)
      Info.code_bytes += Code.Size;
    for (uint32_t W : V.Weights)
      Info.weight_bytes += residentBytes(Content.Weights[W]);
    return toC(writeStruct(Info, To));
  });
}

dure_status *dure_package_describe(const dure_package *P, dure_text **To) {
  return guarded([&]() -> dure_status * {
    if (!P || !To)
      return toC(nullArgument());
    *To = new dure_text{describePackage(*P->Handle->Loaded)};
    return nullptr;
  });
}
