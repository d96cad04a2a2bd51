// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a checkpoint's class name to its graph.

#include "frontends/checkpoint/Export.h"

#include "frontends/checkpoint/DecoderGraph.h"
#include "frontends/checkpoint/Families.h"
#include "frontends/checkpoint/Features.h"
#include "frontends/checkpoint/GenaiGraph.h"

#include <algorithm>

namespace dure::checkpoint {
namespace {

/// The first name in `architectures`; empty, having refused it, for none.
std::string architectureOf(const Checkpoint &C, const std::string &Place,
                           Refusals &Problems) {
  const Json *List = C.Config.find("architectures");
  const Json::Array *Names = List ? List->array() : nullptr;
  if (Names && !Names->empty())
    if (const std::string *Name = Names->front().string())
      return *Name;
  Problems.add(RefusalCode::ArchitectureMissing, Place);
  return {};
}

const Family *findFamily(const std::string &Architecture,
                         const std::string &Place, Refusals &Problems) {
  std::string Known;
  for (const Family &Each : families()) {
    if (Each.Architecture == Architecture)
      return &Each;
    Known += (Known.empty() ? "" : ", ") + std::string(Each.Architecture);
  }
  Problems.add(RefusalCode::ArchitectureUnknown, Place, {Architecture, Known});
  return nullptr;
}

/// Refuses an opset that graphs of the style are not written at.
void checkOpset(const ExportOptions &Options, Refusals &Problems) {
  const bool IsGenai = Options.Style == GraphStyle::Genai;
  const int64_t Opset = Options.Opset;
  if (Opset != 20 && Opset != 23 && !(IsGenai && Opset == 21))
    Problems.add(RefusalCode::OpsetUnknown, "--opset",
                 {IsGenai ? "20, 21, 23" : "20, 23", std::to_string(Opset)});
}

/// What of a model in few bits stays so.
Weights::BlockUse blockUse(const ExportOptions &Options) {
  if (!Options.KeepBlocks)
    return {};
  // Blocks and integers of 4 bits came with opset 21.
  return {.Dequantize = Options.Opset >= 21,
          .Multiply = Options.Style == GraphStyle::Genai};
}

} // namespace

std::optional<ExportedModel> exportModel(const Checkpoint &C,
                                         const ExportOptions &Options,
                                         Refusals &Problems) {
  const std::string Place = C.Folder + "/config.json";
  checkOpset(Options, Problems);
  if (!Problems.empty())
    return std::nullopt;
  ExportedModel Out;
  Out.Architecture = architectureOf(C, Place, Problems);
  if (Out.Architecture.empty())
    return std::nullopt;
  const Family *Known = findFamily(Out.Architecture, Place, Problems);
  if (!Known)
    return std::nullopt;
  Config Read(C.Config, Place, Problems);
  const auto Description = std::visit(
      [&](auto ReadIt) -> std::variant<Decoder, Encoder> {
        return ReadIt(Read);
      },
      Known->Read);
  const Decoder *D = std::get_if<Decoder>(&Description);
  const bool IsGenai = Options.Style == GraphStyle::Genai;
  int64_t Positions = 0;
  if (IsGenai && D) {
    Positions = Read.count("max_position_embeddings");
    checkGenai(*D, Positions, Place, Problems);
    Out.GenaiConfig =
        genaiConfig(C, *D, Positions, Options.GraphFile, Problems);
  } else if (IsGenai) {
    Problems.add(RefusalCode::GenaiEncoder, Place, {Out.Architecture});
  }
  Read.finish();
  // Sizes that are not what they say ask for tensors that nobody has.
  if (!Problems.empty())
    return std::nullopt;

  Out.Features =
      std::visit([](const auto &M) { return featuresOf(M); }, Description);
  GraphBuilder G(Options.Opset);
  Weights W(C, G, Options.DataFile, blockUse(Options), Problems);
  if (D) {
    if (IsGenai)
      buildGenaiDecoder(*D, Positions, W, G);
    else
      buildDecoder(*D, W, G);
    Out.CacheBytesAPosition = cacheBytesAPosition(*D);
  } else {
    buildEncoder(std::get<Encoder>(Description), W, G);
  }
  W.finish();
  if (!Problems.empty())
    return std::nullopt;
  Out.Graph = G.finish(Out.Architecture);
  Out.Nodes = G.nodeCount();
  Out.Parameters = W.parameters();
  Out.BytesByType = W.bytesByType();
  Out.Files = W.files();
  for (const Weights::Converted &Each : W.converted())
    Out.InDataFile.push_back({Each.From, Each.Offset});
  Out.Made = W.takeMade();
  return Out;
}

} // namespace dure::checkpoint
