// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Creating ops whose types are inferred.
#include "dialects/dure/DureOps.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace dure;

TEST(CreateOp, GivesTheReasonToWhoAsksAndToNobodyElse) {
  MLIRContext Context(MLIRContext::Threading::DISABLED);
  Context.loadDialect<DureDialect>();
  OpBuilder B(&Context);
  Location Loc = B.getUnknownLoc();
  OwningOpRef<ModuleOp> Module = ModuleOp::create(Loc);
  B.setInsertionPointToEnd(Module->getBody());
  auto Zeros = [&](int64_t Count) -> Value {
    auto Type = RankedTensorType::get({Count}, B.getF32Type());
    return ConstantOp::create(B, Loc, DenseElementsAttr::get(Type, 0.0f));
  };
  Value X = Zeros(3), Y = Zeros(4);

  unsigned Heard = 0;
  ScopedDiagnosticHandler Listen(&Context, [&](Diagnostic &) {
    ++Heard;
    return success();
  });
  EXPECT_TRUE(failed(createOp<AddOp>(B, Loc, {X, Y}, {})));
  EXPECT_EQ(Heard, 0u);
  std::string Error;
  EXPECT_TRUE(failed(createOp<AddOp>(B, Loc, {X, Y}, {}, &Error)));
  EXPECT_NE(Error.find("shapes do not broadcast"), std::string::npos) << Error;
  EXPECT_EQ(Heard, 0u);
  EXPECT_TRUE(succeeded(createOp<AddOp>(B, Loc, {X, X}, {}, &Error)));
}
