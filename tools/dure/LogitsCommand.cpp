// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// dure check --against-logits.
#include "runtime/llm/CompareLogits.h"
#include "tools/dure/Json.h"
#include "tools/dure/LanguageModel.h"
#include "tools/io/Compare.h"
#include "tools/io/Npz.h"

#include <algorithm>

namespace dure {
namespace {

/// One prompt with the logits that follow each of its tokens.
struct Reference {
  std::string Name;
  std::vector<int64_t> Tokens;
  const io::Tensor *Logits;
  int64_t FirstRow; // of Logits, seen as a matrix
};

bool isLogits(const io::Tensor &T) {
  return (T.Type == io::ElementType::Float32 ||
          T.Type == io::ElementType::Float16 ||
          T.Type == io::ElementType::BFloat16 ||
          T.Type == io::ElementType::Float64) &&
         (T.Dims.size() == 2 || T.Dims.size() == 3);
}

bool isTokens(const io::Tensor &T) {
  return (T.Type == io::ElementType::Int64 ||
          T.Type == io::ElementType::Int32) &&
         (T.Dims.size() == 1 || T.Dims.size() == 2);
}

/// Pairs "input_ids<TAIL>" [n] or [rows, n] with "logits<TAIL>" [n, vocabulary]
/// or [rows, n, vocabulary].
std::optional<std::vector<Reference>>
pairUp(const Console &Out, const std::string &Path,
       const std::vector<io::Tensor> &All) {
  std::vector<Reference> Pairs;
  constexpr std::string_view Prefix = "input_ids";
  for (const io::Tensor &Tokens : All) {
    if (!Tokens.Name.starts_with(Prefix))
      continue;
    const std::string Wanted = "logits" + Tokens.Name.substr(Prefix.size());
    const auto Logits =
        std::find_if(All.begin(), All.end(),
                     [&](const io::Tensor &T) { return T.Name == Wanted; });
    if (Logits == All.end() || !isTokens(Tokens) || !isLogits(*Logits) ||
        !std::equal(Tokens.Dims.begin(), Tokens.Dims.end(),
                    Logits->Dims.begin(), Logits->Dims.end() - 1)) {
      Out.fail(Message::LogitsUnpaired, {Path, Tokens.Name, Wanted});
      return std::nullopt;
    }
    const int64_t Length = Tokens.Dims.back();
    const int64_t Rows = Tokens.Dims.size() == 2 ? Tokens.Dims[0] : 1;
    for (int64_t Row = 0; Row != Rows && Length != 0; ++Row) {
      Reference R{Tokens.Name, {}, &*Logits, Row * Length};
      if (Rows > 1)
        R.Name += "[" + std::to_string(Row) + "]";
      for (int64_t I = 0; I != Length; ++I)
        R.Tokens.push_back(
            int64_t(io::elementAsDouble(Tokens, Row * Length + I)));
      Pairs.push_back(std::move(R));
    }
  }
  if (Pairs.empty()) {
    Out.fail(Message::LogitsNone, {Path});
    return std::nullopt;
  }
  return Pairs;
}

/// Feeds the prompt and compares position by position.
Status compare(Generator &Model, const Reference &R, LogitsComparison &To) {
  Result<int64_t> Empty = Model.truncate(0);
  if (!Empty)
    return Empty.status();
  const int64_t Width = R.Logits->Dims.back();
  std::vector<float> Wanted(static_cast<size_t>(Width));
  return Model.append(R.Tokens, [&](int64_t Position,
                                    std::span<const float> Got) {
    if (int64_t(Got.size()) != Width)
      return invalidArgument(
          "the reference has logits of " + std::to_string(Width) +
          " tokens, and the model of " + std::to_string(Got.size()));
    for (int64_t I = 0; I != Width; ++I)
      Wanted[size_t(I)] = float(
          io::elementAsDouble(*R.Logits, (R.FirstRow + Position) * Width + I));
    To.add(Got, Wanted);
    return Status::success();
  });
}

std::string tableText(const Console &Out, const LogitsComparison &C) {
  TextTable Table;
  Table.row(
      {Out.text(Message::LogitsPositions), std::to_string(C.positions())});
  Table.row(
      {Out.text(Message::LogitsCosine),
       formatNumber(C.meanCosine()) + " / " + formatNumber(C.leastCosine())});
  Table.row({Out.text(Message::LogitsTop),
             formatNumber(100 * C.topAgreement()) + " %"});
  Table.row({Out.text(Message::LogitsDivergence),
             formatNumber(C.meanDivergence()) + " / " +
                 formatNumber(C.largestDivergence())});
  Table.row({Out.text(Message::LogitsDifference),
             formatNumber(C.largestDifference())});
  return Table.text();
}

std::string jsonText(const LogitsComparison &C, const LoadedPackage &Package,
                     bool Match) {
  JsonWriter Json;
  Json.beginObject()
      .member("match", Match)
      .member("compile_cache", cacheUseName(Package.cacheUse()))
      .member("positions", int64_t(C.positions()))
      .member("cosine_mean", C.meanCosine())
      .member("cosine_least", C.leastCosine())
      .member("top1_agreement", C.topAgreement())
      .member("kl_mean", C.meanDivergence())
      .member("kl_largest", C.largestDivergence())
      .member("max_absolute", C.largestDifference());
  return Json.end().text() + "\n";
}

} // namespace

int runLogitsCheck(const Console &Out, const Options &O) {
  io::Result<std::vector<io::Tensor>> All = io::readNpz(O.AgainstLogits);
  if (!All)
    return Out.fail(All.failure());
  auto References = pairUp(Out, O.AgainstLogits, *All);
  if (!References)
    return ExitFailed;
  int64_t Longest = 0;
  for (const Reference &R : *References)
    Longest = std::max(Longest, int64_t(R.Tokens.size()));
  int Exit = ExitFailed;
  std::optional<LanguageModel> Model = LanguageModel::open(Out, O, Exit);
  if (!Model)
    return Exit;
  if (!Model->createGenerator(Out, O, Longest))
    return ExitFailed;
  LogitsComparison C;
  for (const Reference &R : *References)
    if (Status Done = compare(Model->generator(), R, C); !Done.ok())
      return fail(Out, Done.at(R.Name));
  const bool Match = C.leastCosine() >= O.LeastCosine.value_or(0.999);
  const std::string Said =
      tableText(Out, C) +
      Out.text(Match ? Message::LogitsMatch : Message::LogitsDiffer,
               {formatNumber(O.LeastCosine.value_or(0.999))}) +
      "\n";
  if (!(O.Json ? Out.printJson(jsonText(C, Model->package(), Match))
               : Out.print(Said)))
    return ExitFailed;
  return Match ? ExitOk : ExitFailed;
}

} // namespace dure
