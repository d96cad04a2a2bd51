// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each op demands of its operands' sizes, written down once.
//
// Included by Inference.cpp, which refuses what constants contradict, and by
// SizeRules.cpp. What is left over is checked at run time: `sizeRulesOf`.
#ifndef DURE_DIALECTS_DURE_SIZERULES_H
#define DURE_DIALECTS_DURE_SIZERULES_H

#include "dialects/dure/DureOps.h"

namespace dure {

/// Collects the rules of one op; what holds anyway is left out.
class SizeRules {
public:
  void equal(const DimExpr &L, const DimExpr &R);
  void atMost(const DimExpr &L, const DimExpr &R);
  /// `From` broadcasts to exactly `To`, which has its rank at least.
  void broadcastsTo(llvm::ArrayRef<DimExpr> From, llvm::ArrayRef<DimExpr> To);
  void broadcastsTo(mlir::Value From, llvm::ArrayRef<DimExpr> To);
  /// All broadcast together.
  void broadcastTogether(mlir::ValueRange Operands);

  llvm::ArrayRef<SizeRule> list() const { return Rules; }
  /// The first rule that constants contradict.
  std::optional<SizeRule> broken() const;
  /// "sizes 5 and 8 must be equal"
  static std::string message(const SizeRule &Rule);

private:
  llvm::SmallVector<SizeRule> Rules;
};

// One function an op; ranks are as the op's inference demands.
void addRules(ConcatOp::Adaptor A, SizeRules &Rules);
void addRules(GatherElementsOp::Adaptor A, SizeRules &Rules);
void addRules(GatherNDOp::Adaptor A, SizeRules &Rules);
void addRules(ScatterNDOp::Adaptor A, SizeRules &Rules);
void addRules(ScatterElementsOp::Adaptor A, SizeRules &Rules);
void addRules(TopKOp::Adaptor A, SizeRules &Rules);
void addRules(MatMulOp::Adaptor A, SizeRules &Rules);
void addRules(LayerNormOp::Adaptor A, SizeRules &Rules);
void addRules(RMSNormOp::Adaptor A, SizeRules &Rules);
void addRules(RopeOp::Adaptor A, SizeRules &Rules);
void addRules(AttentionOp::Adaptor A, SizeRules &Rules);
void addRules(LinearAttentionOp::Adaptor A, SizeRules &Rules);
void addRules(GatedMLPOp::Adaptor A, SizeRules &Rules);
void addRules(MoEOp::Adaptor A, SizeRules &Rules);
void addRules(ExpertMatMulOp::Adaptor A, SizeRules &Rules);
void addRules(CacheUpdateOp::Adaptor A, SizeRules &Rules);
void addRules(DequantizeOp::Adaptor A, SizeRules &Rules);
void addRules(ReshapeOp Op, SizeRules &Rules);
void addRules(BroadcastOp Op, SizeRules &Rules);

} // namespace dure

#endif // DURE_DIALECTS_DURE_SIZERULES_H
