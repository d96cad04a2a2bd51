// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of all operators, put together from the families.

#include "frontends/onnx/Importer.h"
#include "frontends/onnx/OpImport.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

namespace dure::onnx {

using Key = std::pair<llvm::StringRef, llvm::StringRef>;

static const std::map<Key, const OpEntry *> &table() {
  static const auto *Table = [] {
    auto *All = new std::map<Key, const OpEntry *>;
    for (llvm::ArrayRef<OpEntry> Family : {activationOps(),
                                           attentionOps(),
                                           constantOps(),
                                           controlFlowOps(),
                                           convolutionOps(),
                                           dataDependentOps(),
                                           einsumOps(),
                                           elementwiseOps(),
                                           gatherOps(),
                                           lossOps(),
                                           matMulOps(),
                                           microsoftAttentionOps(),
                                           microsoftExpertOps(),
                                           microsoftOps(),
                                           microsoftQuantizationOps(),
                                           movementOps(),
                                           normalizationOps(),
                                           poolingOps(),
                                           quantizationOps(),
                                           recurrenceOps(),
                                           reductionOps(),
                                           resizeOps(),
                                           rnnOps(),
                                           samplingOps(),
                                           selectionOps(),
                                           shapeOps(),
                                           signalOps(),
                                           sortingOps(),
                                           trigonometryOps()})
      for (const OpEntry &Entry : Family) {
        assert(llvm::is_sorted(Entry.Since) && "versions must ascend");
        bool IsNew = All->emplace(Key(Entry.Domain, Entry.Name), &Entry).second;
        assert(IsNew && "two importers for one operator");
        (void)IsNew;
      }
    return All;
  }();
  return *Table;
}

const OpEntry *findOp(llvm::StringRef Domain, llvm::StringRef Name) {
  auto It = table().find({Domain, Name});
  return It == table().end() ? nullptr : It->second;
}

bool isKnownDomain(llvm::StringRef Domain) {
  return llvm::any_of(
      table(), [&](const auto &Row) { return Row.first.first == Domain; });
}

std::vector<SupportedOp> supportedOps() {
  std::vector<SupportedOp> Ops;
  for (const auto &[Name, Entry] : table())
    Ops.push_back({Name.first, Name.second, Entry->Since, Entry->RemovedIn});
  return Ops;
}

} // namespace dure::onnx
