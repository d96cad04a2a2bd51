// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading a language model's signature.
#include "runtime/llm/Ports.h"

#include <algorithm>
#include <optional>

using namespace dure;

namespace {

/// Dims are owned by the package.
struct Signatures {
  std::vector<dure_signature> Inputs, Outputs;
};

Status read(const dure_package *Package, size_t Entry, int32_t Kind,
            size_t Count, std::vector<dure_signature> &To) {
  for (size_t I = 0; I != Count; ++I) {
    dure_signature S = {};
    S.struct_size = sizeof(S);
    DURE_RETURN_IF_ERROR(
        takeFailure(dure_package_get_signature(Package, Entry, Kind, I, &S)));
    To.push_back(S);
  }
  return Status::success();
}

Result<Signatures> read(const dure_package *Package, size_t Entry) {
  dure_entry_info Info = {};
  Info.struct_size = sizeof(Info);
  DURE_RETURN_IF_ERROR(
      takeFailure(dure_package_get_entry(Package, Entry, &Info)));
  Signatures Out;
  DURE_RETURN_IF_ERROR(
      read(Package, Entry, DURE_INPUT, Info.input_count, Out.Inputs));
  DURE_RETURN_IF_ERROR(
      read(Package, Entry, DURE_OUTPUT, Info.output_count, Out.Outputs));
  return Out;
}

bool isPast(const std::string &Name) { return Name.starts_with("past"); }

/// What follows the first dot: the same in "past_key_values.0.key" and
/// "present.0.key".
std::string tail(const std::string &Name) {
  const size_t Dot = Name.find('.');
  return Dot == std::string::npos ? "" : Name.substr(Dot);
}

std::optional<InputRole> roleOf(const std::string &Name) {
  static constexpr std::pair<const char *, InputRole> Known[] = {
      {"input_ids", InputRole::Tokens},
      {"attention_mask", InputRole::Mask},
      {"position_ids", InputRole::Positions},
      {"token_type_ids", InputRole::TokenTypes},
      {"cache_position", InputRole::CachePosition},
      {"num_logits_to_keep", InputRole::LogitsToKeep},
      {"logits_to_keep", InputRole::LogitsToKeep}};
  for (const auto &[Text, Role] : Known)
    if (Name == Text)
      return Role;
  return std::nullopt;
}

bool hasRank(InputRole Role, int32_t Rank) {
  switch (Role) {
  case InputRole::CachePosition:
    return Rank == 1;
  case InputRole::LogitsToKeep:
    return Rank <= 1;
  default:
    return Rank == 2;
  }
}

bool sameDim(const dure_dim &A, const dure_dim &B) {
  return A.value == B.value && std::string_view(A.expression) == B.expression;
}

Status addInteger(const dure_signature &S, size_t Index, Ports &To) {
  const std::string Name = S.name;
  const std::optional<InputRole> Role = roleOf(Name);
  if (!Role)
    return Status(StatusCode::Unimplemented,
                  "the model has an input '" + Name +
                      "', which no language model's tokens, mask, positions or "
                      "past fill; export the model without it");
  if (S.type != DURE_TYPE_I64 && S.type != DURE_TYPE_I32 &&
      !(S.type == DURE_TYPE_BOOL && *Role == InputRole::Mask))
    return Status(StatusCode::Unimplemented,
                  "input '" + Name + "' is of type " + dure_type_name(S.type) +
                      ", where integers are expected");
  if (!hasRank(*Role, S.rank))
    return Status(StatusCode::Unimplemented,
                  "input '" + Name + "' has " + std::to_string(S.rank) +
                      " dimensions, which a language model's has not");
  To.Integers.push_back({Index, *Role, S.type, S.rank});
  return Status::success();
}

/// A past of no positions: the batch is 1, what else is symbolic is empty.
void addPast(const dure_signature &S, size_t Index, const dure_dim &Batch,
             Ports &To) {
  PastInput Past = {Index, 0, S.name, S.type, {}};
  for (int32_t D = 0; D != S.rank; ++D)
    Past.Dims.push_back(S.dims[D].value >= 0        ? S.dims[D].value
                        : sameDim(S.dims[D], Batch) ? 1
                                                    : 0);
  To.Pasts.push_back(std::move(Past));
}

Status findPresents(const Signatures &All, Ports &To) {
  for (PastInput &Past : To.Pasts) {
    const auto Found = std::find_if(
        All.Outputs.begin(), All.Outputs.end(), [&](const dure_signature &S) {
          const std::string Name = S.name;
          return Name.starts_with("present") && tail(Name) == tail(Past.Name);
        });
    if (Found == All.Outputs.end() || Found->type != Past.Type)
      return Status(StatusCode::Unimplemented,
                    "input '" + Past.Name + "' has no output 'present" +
                        tail(Past.Name) + "' that continues it");
    Past.Output = static_cast<size_t>(Found - All.Outputs.begin());
  }
  return Status::success();
}

bool isFloat(int32_t Type) {
  return Type == DURE_TYPE_F32 || Type == DURE_TYPE_F16 ||
         Type == DURE_TYPE_BF16;
}

auto findNamed(const std::vector<dure_signature> &In, std::string_view Name) {
  return std::find_if(In.begin(), In.end(),
                      [&](const dure_signature &S) { return Name == S.name; });
}

bool hasLogits(const Signatures &All) {
  return findNamed(All.Outputs, "logits") != All.Outputs.end();
}

Status findLogits(const Signatures &All, Ports &To) {
  const auto Named = findNamed(All.Outputs, "logits");
  if (Named == All.Outputs.end())
    return Status(StatusCode::Unimplemented,
                  "the model has no output 'logits': it is not a language "
                  "model, or was exported without its head");
  const dure_signature &S = *Named;
  if ((S.rank != 2 && S.rank != 3) || !isFloat(S.type))
    return Status(StatusCode::Unimplemented,
                  "output 'logits' is not of floats [batch, sequence, "
                  "vocabulary]");
  To.Logits = static_cast<size_t>(Named - All.Outputs.begin());
  To.Vocabulary = S.dims[S.rank - 1].value;
  return Status::success();
}

Status findInputs(const Signatures &All, Ports &To) {
  const auto Tokens = findNamed(All.Inputs, "input_ids");
  if (Tokens == All.Inputs.end() || Tokens->rank != 2)
    return Status(StatusCode::Unimplemented,
                  "the model has no input 'input_ids' [batch, sequence]: it "
                  "does not read text");
  To.Sequence = Tokens->dims[1].value;
  To.SequenceSymbol = Tokens->dims[1].expression;
  To.BatchSymbol = Tokens->dims[0].expression;
  for (size_t I = 0; I != All.Inputs.size(); ++I) {
    const dure_signature &S = All.Inputs[I];
    if (isPast(S.name))
      addPast(S, I, Tokens->dims[0], To);
    else
      DURE_RETURN_IF_ERROR(addInteger(S, I, To));
  }
  for (IntegerInput &Each : To.Integers)
    Each.IsTotal = Each.Role == InputRole::Mask &&
                   !sameDim(All.Inputs[Each.Index].dims[1], Tokens->dims[1]);
  return Status::success();
}

} // namespace

Status dure::takeFailure(dure_status *Failure) {
  if (!Failure)
    return Status::success();
  Status Taken(static_cast<StatusCode>(dure_status_get_code(Failure)),
               dure_status_message(Failure),
               static_cast<StatusScope>(dure_status_get_scope(Failure)),
               dure_status_is_retryable(Failure) != 0);
  dure_status_free(Failure);
  return Taken;
}

Result<Ports> dure::findPorts(const dure_package *Package, size_t Entry) {
  Result<Signatures> All = read(Package, Entry);
  if (!All)
    return All.status();
  Ports Out;
  DURE_RETURN_IF_ERROR(findInputs(*All, Out));
  DURE_RETURN_IF_ERROR(findPresents(*All, Out));
  DURE_RETURN_IF_ERROR(findLogits(*All, Out));
  return Out;
}

Result<EncoderPorts> dure::findEncoderPorts(const dure_package *Package,
                                            size_t Entry) {
  Result<Signatures> All = read(Package, Entry);
  if (!All)
    return All.status();
  Ports Inputs;
  DURE_RETURN_IF_ERROR(findInputs(*All, Inputs));
  EncoderPorts Out{std::move(Inputs.Integers), 0, false, Inputs.Sequence};
  const auto Find = [&](std::string_view Name, int32_t Rank) {
    for (Out.Output = 0; Out.Output != All->Outputs.size(); ++Out.Output) {
      const dure_signature &S = All->Outputs[Out.Output];
      if (S.rank == Rank && isFloat(S.type) && (Name.empty() || Name == S.name))
        return true;
    }
    return false;
  };
  Out.IsPooled = Find("sentence_embedding", 2);
  if (Inputs.Pasts.empty() &&
      (Out.IsPooled || Find("last_hidden_state", 3) ||
       Find("token_embeddings", 3) || (!hasLogits(*All) && Find("", 3))))
    return Out;
  return Status(StatusCode::Unimplemented,
                "the model has no output of floats [batch, sequence, width]: "
                "it is not an encoder of text");
}
