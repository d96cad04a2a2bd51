// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints as the command meets them: opened and exported, refusals said.
//
// Included by the commands that take a checkpoint. frontends/checkpoint knows
// neither the command's language nor its console; this does.
#ifndef DURE_TOOLS_DURE_CHECKPOINTS_H
#define DURE_TOOLS_DURE_CHECKPOINTS_H

#include "frontends/checkpoint/Export.h"
#include "frontends/checkpoint/WriteModel.h"
#include "tools/dure/CarriedFiles.h"
#include "tools/dure/CompileCache.h"
#include "tools/dure/Console.h"
#include "tools/dure/Options.h"
#include "tools/dure/TemporaryFolder.h"

#include <memory>
#include <optional>
#include <string>

namespace dure {

/// Whether a path names a checkpoint rather than a graph or a package: a
/// folder, or a file that begins as GGUF does.
bool isCheckpoint(const std::string &Path);

/// O.Path, opened; null, having said why, when it is no checkpoint. Links are
/// admitted as O says.
std::unique_ptr<checkpoint::Checkpoint> openCheckpoint(const Console &Out,
                                                       const Options &O);

/// The graph; nothing, having said everything that stands in the way.
std::optional<checkpoint::ExportedModel>
exportCheckpoint(const Console &Out, const Options &O,
                 const checkpoint::Checkpoint &C,
                 const checkpoint::ExportOptions &Settings);

/// Of a checkpoint whose graph was placed.
struct PlacedGraph {
  /// The options that lead to the graph.
  Options Model;
  /// The files for a package to carry that are in no folder, those of a GGUF
  /// file.
  std::vector<CarriedFile> Texts;
  /// What was read of the checkpoint.
  CompileSources Sources;
};

/// Puts the graph of checkpoint O.Path into a folder, with links to its
/// weights. Nothing, having said why, when there is none.
std::optional<PlacedGraph> placeGraph(const Console &Out, const Options &O,
                                      TemporaryFolder &Folder);

/// A text of the runtime in the user's language.
std::string localized(const Console &Out, const std::string &Text);

} // namespace dure

#endif // DURE_TOOLS_DURE_CHECKPOINTS_H
