// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a checkpoint's class name to its graph.

#include "frontends/checkpoint/Export.h"

#include "frontends/checkpoint/DecoderGraph.h"
#include "frontends/checkpoint/Families.h"

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

} // namespace

std::vector<std::string> knownArchitectures() {
  std::vector<std::string> Out;
  for (const DecoderFamily &Each : decoderFamilies())
    Out.emplace_back(Each.Architecture);
  std::sort(Out.begin(), Out.end());
  return Out;
}

std::optional<ExportedModel> exportModel(const Checkpoint &C,
                                         const ExportOptions &Options,
                                         Refusals &Problems) {
  const std::string Place = C.Folder + "/config.json";
  if (Options.Opset != 20 && Options.Opset != 23) {
    Problems.add(RefusalCode::OpsetUnknown, "--opset",
                 {"20, 23", std::to_string(Options.Opset)});
    return std::nullopt;
  }
  ExportedModel Out;
  Out.Architecture = architectureOf(C, Place, Problems);
  if (Out.Architecture.empty())
    return std::nullopt;
  const auto Families = decoderFamilies();
  const auto Family =
      std::find_if(Families.begin(), Families.end(), [&](const auto &Each) {
        return Each.Architecture == Out.Architecture;
      });
  if (Family == Families.end()) {
    std::string Known;
    for (const std::string &Each : knownArchitectures())
      Known += (Known.empty() ? "" : ", ") + Each;
    Problems.add(RefusalCode::ArchitectureUnknown, Place,
                 {Out.Architecture, Known});
    return std::nullopt;
  }
  Config Read(C.Config, Place, Problems);
  const Decoder D = Family->Read(Read);
  Read.finish();
  // Sizes that are not what they say ask for tensors that nobody has.
  if (!Problems.empty())
    return std::nullopt;

  GraphBuilder G(Options.Opset);
  Weights W(C, G, Options.DataFile, Problems);
  buildDecoder(D, W, G);
  W.finish();
  if (!Problems.empty())
    return std::nullopt;
  Out.Graph = G.finish(Out.Architecture);
  Out.Nodes = G.nodeCount();
  Out.Parameters = W.parameters();
  Out.BytesByType = W.bytesByType();
  Out.CacheBytesAPosition = cacheBytesAPosition(D);
  Out.Files = W.files();
  for (const Weights::Converted &Each : W.converted())
    Out.InDataFile.push_back({Each.From, Each.Offset});
  return Out;
}

} // namespace dure::checkpoint
