// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Puts an exported model on disk: the graph, and the weights beside it.
//
// Included by the command and tests. In the checkpoint's own folder the graph
// alone is written; elsewhere the checkpoint's files come along, as links on
// the level of the file system where it has them (FICLONE), else as copies.

#ifndef DURE_FRONTENDS_CHECKPOINT_WRITEMODEL_H
#define DURE_FRONTENDS_CHECKPOINT_WRITEMODEL_H

#include "frontends/checkpoint/Export.h"

namespace dure::checkpoint {

/// What lies beside the graph at a path.
struct WritePlan {
  std::string GraphPath;
  /// Bytes of the checkpoint's files that go along; 0 in its own folder.
  uint64_t CopiedBytes = 0;
  /// Bytes of weights that are converted.
  uint64_t ConvertedBytes = 0;
  bool IsInPlace = false;
};
WritePlan planWrite(const Checkpoint &C, const ExportedModel &M,
                    const std::string &GraphPath);

struct WriteHooks {
  /// Between 0 and 1.
  std::function<void(double)> Progress;
  /// Nonzero: stop, leaving nothing.
  const volatile int *Cancel = nullptr;
};

/// Writes what the plan says, the graph last: a graph whose weights are there.
/// Each file appears whole or not at all. Cancelled when asked to stop.
Status writeModel(const Checkpoint &C, const ExportedModel &M,
                  const WritePlan &Plan, const std::string &DataFile,
                  const WriteHooks &Hooks);

/// Writes config.json and what the tokenizer and generation need into a folder;
/// files that already lie there as the checkpoint's own stay as they are.
Status writeTexts(const Checkpoint &C, const std::string &Folder);

} // namespace dure::checkpoint

#endif // DURE_FRONTENDS_CHECKPOINT_WRITEMODEL_H
