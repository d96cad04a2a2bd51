// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading and checking input tensors.
#include "tools/dure/Inputs.h"

#include "tools/dure/Utf8.h"
#include "tools/io/Npz.h"
#include "tools/io/TensorProto.h"

#include <algorithm>
#include <map>
#include <set>

namespace dure {
namespace {

io::Tensor *findTensor(std::vector<io::Tensor> &Tensors,
                       const std::string &Name) {
  const auto Found =
      std::find_if(Tensors.begin(), Tensors.end(),
                   [&](const io::Tensor &T) { return T.Name == Name; });
  return Found == Tensors.end() ? nullptr : &*Found;
}

/// Sizes that symbols got from inputs, and from which input each.
struct Binding {
  int64_t Size;
  std::string Input;
};
using Bindings = std::map<std::string, Binding>;

const Symbol *findSymbol(const Signature &S, const std::string &Name) {
  for (const Symbol &Candidate : S.Symbols)
    if (Candidate.Name == Name)
      return &Candidate;
  return nullptr;
}

/// Adds to `Problems` what is wrong with the sizes of one input. Dims that are
/// expressions are left to the runtime, which can evaluate them.
void checkDims(const Console &Out, const Signature &Expected, const Port &P,
               const io::Tensor &T, Bindings &Bound, std::string &Problems) {
  const std::string Shape = io::formatDims(T.Dims);
  bool Fits = T.Dims.size() == P.Dims.size();
  for (size_t I = 0; Fits && I < P.Dims.size(); ++I)
    Fits = P.Dims[I].Value < 0 || P.Dims[I].Value == T.Dims[I];
  if (!Fits) {
    Problems +=
        Out.text(Message::InputShape, {P.Name, Shape, P.describeDims()}) + "\n";
    return;
  }
  for (size_t I = 0; I < P.Dims.size(); ++I) {
    const Symbol *S = P.Dims[I].Value < 0
                          ? findSymbol(Expected, P.Dims[I].Expression)
                          : nullptr;
    if (!S)
      continue;
    const int64_t Size = T.Dims[I];
    const auto [Old, New] = Bound.try_emplace(S->Name, Binding{Size, P.Name});
    if (!New && Old->second.Size != Size) {
      Problems +=
          Out.text(Message::InputSymbol,
                   {P.Name, Shape, S->Name, std::to_string(Size),
                    Old->second.Input, std::to_string(Old->second.Size)}) +
          "\n";
      continue;
    }
    if (Size < S->Min || Size > S->Max ||
        (S->Multiple > 1 && Size % S->Multiple != 0))
      Problems += Out.text(Message::InputRange,
                           {P.Name, Shape, S->Name, std::to_string(Size),
                            std::to_string(S->Min), std::to_string(S->Max),
                            std::to_string(S->Multiple)}) +
                  "\n";
  }
}

} // namespace

std::string describePorts(const std::vector<Port> &Ports) {
  std::string Text;
  for (const Port &P : Ports)
    Text += "  " + escapeControls(P.Name + ": " + P.describe(), false) + "\n";
  return Text;
}

std::optional<std::vector<io::Tensor>> readInputs(const Console &Out,
                                                  const Options &O) {
  std::vector<io::Tensor> Tensors;
  if (!O.InputsFile.empty()) {
    io::Result<std::vector<io::Tensor>> Read = io::readNpz(O.InputsFile);
    if (!Read) {
      Out.fail(Read.failure());
      return std::nullopt;
    }
    Tensors = std::move(*Read);
  }
  for (const auto &[Name, File] : O.Inputs) {
    io::Result<io::Tensor> Read = io::readTensorFile(File);
    if (!Read) {
      Out.fail(Read.failure());
      return std::nullopt;
    }
    Read->Name = Name;
    if (io::Tensor *Old = findTensor(Tensors, Name))
      *Old = std::move(*Read);
    else
      Tensors.push_back(std::move(*Read));
  }
  return Tensors;
}

std::optional<std::vector<io::Tensor>>
arrangeInputs(const Console &Out, const std::string &Path,
              const Signature &Expected, std::vector<io::Tensor> Tensors) {
  std::string Problems;
  Bindings Bound;
  std::vector<io::Tensor> Ordered;
  std::set<std::string> Known;
  for (const Port &P : Expected.Inputs) {
    Known.insert(P.Name);
    io::Tensor *T = findTensor(Tensors, P.Name);
    if (!T) {
      Problems += Out.text(Message::InputMissing, {P.Name}) + "\n";
      continue;
    }
    if (runtimeType(T->Type) != P.Type) {
      const auto Type = tensorType(P.Type);
      Problems += Out.text(Message::InputType,
                           {P.Name, std::string(elementTypeInfo(T->Type).Name),
                            Type ? std::string(elementTypeInfo(*Type).Name)
                                 : std::string(dure_type_name(P.Type))}) +
                  "\n";
    } else {
      checkDims(Out, Expected, P, *T, Bound, Problems);
    }
    Ordered.push_back(std::move(*T));
  }
  for (const io::Tensor &T : Tensors)
    if (!Known.contains(T.Name) && !T.Name.empty())
      Problems += Out.text(Message::InputUnknown, {T.Name}) + "\n";
  if (Problems.empty())
    return Ordered;
  Out.fail(Out.text(Message::InputsRefused, {Path}) + "\n" + Problems +
           Out.text(Message::ExpectedSignature) + "\n" +
           describePorts(Expected.Inputs) + Out.text(Message::InputHint));
  return std::nullopt;
}

} // namespace dure
