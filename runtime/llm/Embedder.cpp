// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Running an encoder, and pooling.
#include "runtime/llm/Embedder.h"

#include "runtime/llm/Json.h"
#include "runtime/llm/Tensors.h"

#include <algorithm>
#include <cmath>

using namespace dure;

Result<EmbeddingConfig> dure::readEmbeddingConfig(std::string_view PoolingJson,
                                                  std::string_view SentenceJson,
                                                  std::string_view ConfigJson) {
  Result<JsonFile> How = JsonFile::parse("1_Pooling/config.json", PoolingJson);
  if (!How)
    return How.status();
  Result<JsonFile> Sentence =
      JsonFile::parse("sentence_bert_config.json", SentenceJson);
  if (!Sentence)
    return Sentence.status();
  Result<JsonFile> Model = JsonFile::parse("config.json", ConfigJson);
  if (!Model)
    return Model.status();

  static constexpr std::pair<const char *, Pooling> Modes[] = {
      {"pooling_mode_mean_tokens", Pooling::Mean},
      {"pooling_mode_cls_token", Pooling::First},
      {"pooling_mode_lasttoken", Pooling::Last},
      {"pooling_mode_max_tokens", Pooling::Max},
      {"pooling_mode_mean_sqrt_len_tokens", Pooling::MeanSqrtLength}};
  EmbeddingConfig Out;
  size_t Chosen = 0;
  for (const auto &[Key, Mode] : Modes) {
    bool IsOn = false;
    DURE_RETURN_IF_ERROR(How->readBool(Key, IsOn));
    if (!IsOn)
      continue;
    Out.Pool = Mode;
    ++Chosen;
  }
  bool IsWeighted = false;
  DURE_RETURN_IF_ERROR(
      How->readBool("pooling_mode_weightedmean_tokens", IsWeighted));
  if (Chosen > 1 || IsWeighted)
    return Status(StatusCode::Unimplemented,
                  "1_Pooling/config.json wants a weighted mean, or several "
                  "vectors in one, which Dure does not make; use another "
                  "encoder");
  DURE_RETURN_IF_ERROR(
      Model->readInteger("max_position_embeddings", Out.MaxTokens));
  DURE_RETURN_IF_ERROR(Sentence->readInteger("max_seq_length", Out.MaxTokens));
  if (Out.MaxTokens < 0)
    Out.MaxTokens = 0;
  return Out;
}

Result<std::unique_ptr<Embedder>>
Embedder::create(dure_package *Package, dure_session *Session, Pooling Pool,
                 std::function<void(dure_call *)> OnRun) {
  size_t Entry = 0;
  DURE_RETURN_IF_ERROR(
      takeFailure(dure_package_find_entry(Package, "main", &Entry)));
  Result<EncoderPorts> Found = findEncoderPorts(Package, Entry);
  if (!Found)
    return Found.status();
  std::unique_ptr<Embedder> Made(new Embedder);
  Made->Ports = Found.take();
  Made->Pool = Pool;
  Made->OnRun = std::move(OnRun);
  dure_call *Call = nullptr;
  DURE_RETURN_IF_ERROR(takeFailure(dure_call_create(Session, "main", &Call)));
  Made->Call.reset(Call);
  return Made;
}

Result<std::vector<float>> Embedder::embed(std::span<const int64_t> Tokens) {
  if (Tokens.empty())
    return invalidArgument("a text without tokens has no vector");
  std::vector<std::vector<std::byte>> Bound;
  DURE_RETURN_IF_ERROR(
      bindTokens(Call.get(), Ports.Integers, Tokens, 0, true, Bound));
  if (OnRun)
    OnRun(Call.get());
  Status Done = takeFailure(dure_call_run(Call.get(), nullptr));
  if (OnRun)
    OnRun(nullptr);
  DURE_RETURN_IF_ERROR(Done);
  dure_tensor Hidden = {};
  Hidden.struct_size = sizeof(Hidden);
  DURE_RETURN_IF_ERROR(
      takeFailure(dure_call_get_output(Call.get(), Ports.Output, &Hidden)));
  std::vector<float> Out;
  DURE_RETURN_IF_ERROR(pool(Hidden, Out));
  double Sum = 0;
  for (float Value : Out)
    Sum += double(Value) * Value;
  if (!std::isfinite(Sum))
    return Status(StatusCode::Internal,
                  "the model's vector is not of finite numbers; its weights "
                  "are damaged, or too large for its types");
  if (Sum > 0)
    for (float &Value : Out)
      Value = static_cast<float>(Value / std::sqrt(Sum));
  return Out;
}

/// Of one row: [1, tokens, width], or [1, width].
Status Embedder::pool(const dure_tensor &Hidden, std::vector<float> &To) const {
  const auto Width = static_cast<size_t>(Hidden.dims[Hidden.rank - 1]);
  const size_t Bytes = dure_type_bits(Hidden.type) / 8;
  const size_t Rows = Width ? Hidden.size / Bytes / Width : 0;
  if (Rows == 0)
    return Status(StatusCode::Internal, "the model's output is empty");
  std::vector<float> Row(Width);
  const auto Read = [&](size_t Index) {
    toFloats(static_cast<const std::byte *>(Hidden.data) +
                 Index * Width * Bytes,
             Hidden.type, Row);
  };
  if (Ports.IsPooled || Pool == Pooling::First || Pool == Pooling::Last) {
    Read(Pool == Pooling::Last && !Ports.IsPooled ? Rows - 1 : 0);
    To = std::move(Row);
    return Status::success();
  }
  std::vector<double> Sum(Width, Pool == Pooling::Max ? -HUGE_VAL : 0);
  for (size_t I = 0; I != Rows; ++I) {
    Read(I);
    for (size_t J = 0; J != Width; ++J)
      Sum[J] = Pool == Pooling::Max ? std::max<double>(Sum[J], Row[J])
                                    : Sum[J] + Row[J];
  }
  const double By = Pool == Pooling::Mean             ? double(Rows)
                    : Pool == Pooling::MeanSqrtLength ? std::sqrt(double(Rows))
                                                      : 1;
  for (double Value : Sum)
    To.push_back(static_cast<float>(Value / By));
  return Status::success();
}
