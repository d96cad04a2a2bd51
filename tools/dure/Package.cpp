// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Loading and running packages through the public C API.
#include "tools/dure/Package.h"

#include "tools/io/File.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace dure {
namespace {

using io::ElementType;

constexpr auto Types = std::to_array<std::pair<int32_t, ElementType>>({
    {DURE_TYPE_F32, ElementType::Float32},
    {DURE_TYPE_F16, ElementType::Float16},
    {DURE_TYPE_BF16, ElementType::BFloat16},
    {DURE_TYPE_F64, ElementType::Float64},
    {DURE_TYPE_I8, ElementType::Int8},
    {DURE_TYPE_U8, ElementType::UInt8},
    {DURE_TYPE_I16, ElementType::Int16},
    {DURE_TYPE_U16, ElementType::UInt16},
    {DURE_TYPE_I32, ElementType::Int32},
    {DURE_TYPE_U32, ElementType::UInt32},
    {DURE_TYPE_I64, ElementType::Int64},
    {DURE_TYPE_U64, ElementType::UInt64},
    {DURE_TYPE_BOOL, ElementType::Bool},
    {DURE_TYPE_I4, ElementType::Int4},
    {DURE_TYPE_U4, ElementType::UInt4},
    {DURE_TYPE_F8E4M3FN, ElementType::Float8E4M3FN},
    {DURE_TYPE_F8E5M2, ElementType::Float8E5M2},
    {DURE_TYPE_F8E8M0, ElementType::Float8E8M0},
    {DURE_TYPE_F4E2M1, ElementType::Float4E2M1},
    {DURE_TYPE_F8E4M3FNUZ, ElementType::Float8E4M3FNUZ},
    {DURE_TYPE_F8E5M2FNUZ, ElementType::Float8E5M2FNUZ},
});

std::optional<std::vector<Port>> readPorts(const Console &Out,
                                           dure_package *Package, size_t Entry,
                                           int32_t Kind, size_t Count) {
  std::vector<Port> Ports;
  for (size_t I = 0; I < Count; ++I) {
    dure_signature S = {};
    S.struct_size = sizeof(S);
    if (!succeeded(Out,
                   dure_package_get_signature(Package, Entry, Kind, I, &S)))
      return std::nullopt;
    Port P{S.name, S.type, {}};
    for (int32_t D = 0; D < S.rank; ++D)
      P.Dims.push_back({S.dims[D].value, S.dims[D].expression});
    Ports.push_back(std::move(P));
  }
  return Ports;
}

} // namespace

std::optional<int32_t> runtimeType(ElementType Type) {
  for (const auto &[Runtime, Onnx] : Types)
    if (Onnx == Type)
      return Runtime;
  return std::nullopt;
}

std::optional<ElementType> tensorType(int32_t RuntimeType) {
  for (const auto &[Runtime, Onnx] : Types)
    if (Runtime == RuntimeType)
      return Onnx;
  return std::nullopt;
}

std::string Port::describeDims() const {
  std::string Text = "[";
  for (size_t I = 0; I < Dims.size(); ++I) {
    if (I)
      Text += ", ";
    Text += Dims[I].text();
  }
  return Text + "]";
}

std::string Port::describe() const {
  const std::optional<ElementType> Known = tensorType(Type);
  return (Known ? std::string(io::elementTypeInfo(*Known).Name)
                : std::string(dure_type_name(Type))) +
         describeDims();
}

bool succeeded(const Console &Out, dure_status *Status) {
  if (!Status)
    return true;
  if (dure_status_get_code(Status) == DURE_STATUS_CANCELLED && interrupted())
    Out.failCancelled();
  else
    Out.fail(dure_status_message_in(Status, Out.language() == Language::Korean
                                                ? DURE_LANGUAGE_KOREAN
                                                : DURE_LANGUAGE_ENGLISH));
  dure_status_free(Status);
  return false;
}

bool looksLikePackage(const std::string &Path) {
  constexpr std::string_view Magic("DUREPKG\0", 8);
  io::Result<io::MappedFile> File = io::MappedFile::open(Path);
  return File && File->bytes().size() >= Magic.size() &&
         std::memcmp(File->bytes().data(), Magic.data(), Magic.size()) == 0;
}

std::optional<LoadedPackage> LoadedPackage::load(const Console &Out,
                                                 const std::string &Path,
                                                 const Options &O) {
  dure_load_options Settings = {};
  Settings.struct_size = sizeof(Settings);
  Settings.verify = O.Verify;
  Settings.trust_code = O.TrustCode;
  Settings.model_folder =
      O.ModelFolder.empty() ? nullptr : O.ModelFolder.c_str();
  Settings.allow_links = O.AllowLinks;
  Settings.links_root = O.LinksRoot.empty() ? nullptr : O.LinksRoot.c_str();
  LoadedPackage Loaded;
  Loaded.Path = Path;
  dure_package *Package = nullptr;
  if (!succeeded(Out, dure_package_load(Path.c_str(), &Settings, &Package)))
    return std::nullopt;
  Loaded.Package.reset(Package);
  std::optional<Signature> Main = Loaded.signatureOf(Out, "main");
  if (!Main)
    return std::nullopt;
  Loaded.Main = std::move(*Main);
  return Loaded;
}

std::optional<Signature>
LoadedPackage::signatureOf(const Console &Out, const std::string &Name) const {
  size_t Entry = 0;
  dure_entry_info Info = {};
  Info.struct_size = sizeof(Info);
  if (!succeeded(
          Out, dure_package_find_entry(Package.get(), Name.c_str(), &Entry)) ||
      !succeeded(Out, dure_package_get_entry(Package.get(), Entry, &Info)))
    return std::nullopt;
  const auto ports = [&](int32_t Kind, size_t Count) {
    return readPorts(Out, Package.get(), Entry, Kind, Count);
  };
  auto Inputs = ports(DURE_INPUT, Info.input_count);
  auto Outputs = ports(DURE_OUTPUT, Info.output_count);
  auto States = ports(DURE_STATE, Info.state_count);
  if (!Inputs || !Outputs || !States)
    return std::nullopt;
  Signature Found{
      std::move(*Inputs), std::move(*Outputs), std::move(*States), {}};
  dure_package_info Whole = {};
  Whole.struct_size = sizeof(Whole);
  if (!succeeded(Out, dure_package_get_info(Package.get(), &Whole)))
    return std::nullopt;
  for (size_t I = 0; I < Whole.symbol_count; ++I) {
    dure_symbol_info S = {};
    S.struct_size = sizeof(S);
    if (!succeeded(Out, dure_package_get_symbol(Package.get(), I, &S)))
      return std::nullopt;
    Found.Symbols.push_back({S.name, S.min, S.max, S.multiple});
  }
  return Found;
}

std::optional<std::vector<std::string>>
LoadedPackage::variantsOf(const Console &Out, const std::string &Target) const {
  dure_package_info Whole = {};
  Whole.struct_size = sizeof(Whole);
  if (!succeeded(Out, dure_package_get_info(Package.get(), &Whole)))
    return std::nullopt;
  std::vector<std::string> Found, Targets;
  for (size_t I = 0; I < Whole.variant_count; ++I) {
    dure_variant_info V = {};
    V.struct_size = sizeof(V);
    if (!succeeded(Out, dure_package_get_variant(Package.get(), I, &V)))
      return std::nullopt;
    if (Target == V.target)
      Found.push_back(V.name);
    if (std::find(Targets.begin(), Targets.end(), V.target) == Targets.end())
      Targets.push_back(V.target);
  }
  if (Found.size() == Whole.variant_count)
    return std::vector<std::string>{""};
  if (!Found.empty())
    return Found;
  std::string List;
  for (const std::string &Name : Targets)
    List += (List.empty() ? "" : ", ") + Name;
  Out.fail(Message::NoSuchTarget, {Path, Target, List});
  return std::nullopt;
}

bool LoadedPackage::openSession(const Console &Out, const Options &O,
                                const std::string &Target) {
  std::optional<std::vector<std::string>> Variants =
      Target.empty() ? std::vector<std::string>{""} : variantsOf(Out, Target);
  if (!Variants)
    return false;
  dure_status *Status = nullptr;
  for (const std::string &Variant : *Variants) {
    dure_status_free(Status);
    dure_session_options Settings = {};
    Settings.struct_size = sizeof(Settings);
    Settings.threads = int32_t(O.Threads);
    Settings.variant = Variant.empty() ? nullptr : Variant.c_str();
    std::vector<dure_option> Given;
    for (const auto &[Key, Value] : O.DriverOptions)
      Given.push_back({Key.c_str(), Value.c_str()});
    Settings.driver_options = Given.data();
    Settings.driver_option_count = Given.size();
    dure_session *Created = nullptr;
    Status = dure_session_create(Package.get(), &Settings, &Created);
    Session.reset(Created);
    if (!Status)
      return true;
  }
  return succeeded(Out, Status);
}

std::optional<std::string> LoadedPackage::describe(const Console &Out) const {
  dure_text *Created = nullptr;
  if (!succeeded(Out, dure_package_describe(Package.get(), &Created)))
    return std::nullopt;
  const TextPointer Description(Created);
  return std::string(dure_text_data(Created), dure_text_size(Created));
}

std::string LoadedPackage::variant() const {
  dure_session_info Info = {};
  Info.struct_size = sizeof(Info);
  if (dure_status *Status = dure_session_get_info(Session.get(), &Info)) {
    dure_status_free(Status);
    return "";
  }
  return Info.variant_name;
}

const char *cacheUseName(CacheUse Use) {
  return Use == CacheUse::Taken  ? "taken"
         : Use == CacheUse::Kept ? "kept"
                                 : "none";
}

CallPointer LoadedPackage::prepare(const Console &Out,
                                   const std::vector<io::Tensor> &Inputs,
                                   const std::string &Entry) const {
  dure_call *Created = nullptr;
  if (!succeeded(Out, dure_call_create(Session.get(), Entry.c_str(), &Created)))
    return nullptr;
  CallPointer Call(Created);
  for (size_t I = 0; I < Inputs.size(); ++I) {
    const std::optional<dure_tensor> Borrowed = borrowTensor(Inputs[I]);
    if (!Borrowed) {
      Out.fail(Message::UnsupportedInputType,
               {Inputs[I].Name,
                std::string(io::elementTypeInfo(Inputs[I].Type).Name)});
      return nullptr;
    }
    if (!succeeded(Out, dure_call_bind_input(Call.get(), I, &*Borrowed)))
      return nullptr;
  }
  return Call;
}

bool LoadedPackage::run(const Console &Out, dure_call *Call,
                        const dure_run_options &Settings) const {
  setInterruptedCall(Call);
  // An interrupt just before found no call to cancel.
  if (interrupted())
    dure_call_cancel(Call);
  dure_status *Status = dure_call_run(Call, &Settings);
  setInterruptedCall(nullptr);
  return succeeded(Out, Status);
}

std::optional<io::Tensor> LoadedPackage::output(const Console &Out,
                                                const dure_call *Call,
                                                size_t Index) const {
  dure_tensor T = {};
  T.struct_size = sizeof(T);
  if (!succeeded(Out, dure_call_get_output(Call, Index, &T)))
    return std::nullopt;
  std::optional<io::Tensor> Copy = copyTensor(Main.Outputs[Index].Name, T);
  if (!Copy)
    Out.fail(Message::UnsupportedInputType,
             {Main.Outputs[Index].Name, dure_type_name(T.type)});
  return Copy;
}

std::optional<dure_tensor> borrowTensor(const io::Tensor &T) {
  const std::optional<int32_t> Type = runtimeType(T.Type);
  if (!Type)
    return std::nullopt;
  dure_tensor Borrowed = {};
  Borrowed.struct_size = sizeof(Borrowed);
  Borrowed.type = *Type;
  Borrowed.rank = int32_t(T.Dims.size());
  Borrowed.dims = T.Dims.data();
  // Inputs are not written through.
  Borrowed.data = const_cast<std::byte *>(T.Bytes.data());
  Borrowed.size = T.Bytes.size();
  return Borrowed;
}

std::optional<io::Tensor> copyTensor(std::string Name, const dure_tensor &T) {
  const std::optional<ElementType> Type = tensorType(T.type);
  if (!Type)
    return std::nullopt;
  io::Tensor Copy;
  Copy.Name = std::move(Name);
  Copy.Type = *Type;
  Copy.Dims.assign(T.dims, T.dims + T.rank);
  const auto *Data = static_cast<const std::byte *>(T.data);
  Copy.Bytes.assign(Data, Data + T.size);
  return Copy;
}

} // namespace dure
