// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A cache of a window, and new positions behind it, at fixed places.
#include "compiler/passes/specialize/FixedWindow.h"

#include "compiler/passes/specialize/StepShapes.h"
#include "compiler/passes/support/Matching.h"

using namespace mlir;
using namespace dure;

FixedWindow::FixedWindow(Operation *At, const DimExpr &Length,
                         const DimExpr &Rows, const DimExpr &New)
    : PositionBuilder(At), Rows(Rows), New(New), Length(size(Length)) {
  Kept = make<MinOp>({this->Length, size(Rows)});
  Key = iota({Rows + New}, 0);
  IsOld = compare(Key, size(Rows), ComparePredicate::LT);
}

Value FixedWindow::nextRows() {
  // Positions count from the first one that the cache holds now.
  Value Held = make<AddOp>({Kept, size(New)});
  Value Left = make<MaxOp>({make<SubOp>({Held, size(Rows)}), number(0)});
  Value Position = make<AddOp>({iota({Rows}, 0), Left});
  Value Last = make<SubOp>({Held, number(1)});
  Position = make<MinOp>({Position, Last});
  Value InNew = make<AddOp>({make<SubOp>({Position, Kept}), size(Rows)});
  Value IsHeld = compare(Position, Kept, ComparePredicate::LT);
  return make<SelectOp>({IsHeld, Position, InNew});
}

/// [keys]: the columns of a mask over all positions. Rows that hold none have
/// any column.
Value FixedWindow::columns() {
  Value OfOld = make<AddOp>({make<SubOp>({Length, Kept}), Key});
  Value OfNew = make<AddOp>({make<SubOp>({Key, size(Rows)}), Length});
  Value Last = make<SubOp>({make<AddOp>({Length, size(New)}), number(1)});
  return make<SelectOp>({IsOld, make<MinOp>({OfOld, Last}), OfNew});
}

void FixedWindow::hide(AttentionOp Op) {
  Value InNew = make<AddOp>({make<SubOp>({Key, size(Rows)}), Kept});
  Value Position = make<SelectOp>({IsOld, Key, InNew});
  Value Query = make<AddOp>({iota({dimOf(typeOf(Op.getQ()), 2), 1}, 0), Kept});
  // What is seen: a window, up to the query itself, of what there is.
  auto Width = static_cast<int64_t>(Op.getWindow());
  Value Visible = compare(Position, make<SubOp>({Query, number(Width)}),
                          ComparePredicate::GT);
  if (Op.getCausal())
    Visible =
        make<AndOp>({Visible, compare(Position, Query, ComparePredicate::LE)});
  Value IsHeld = compare(Key, Kept, ComparePredicate::LT);
  Value IsNew = compare(Key, size(Rows), ComparePredicate::GE);
  Visible = make<AndOp>({Visible, make<OrOp>({IsHeld, IsNew})});

  Value Mask = Op.getMask();
  const int64_t Axis = Mask ? typeOf(Mask).getRank() - 1 : -1;
  if (Axis >= 0 && !dimOf(typeOf(Mask), Axis).isConstant(1)) {
    Mask = gather(Mask, columns(), Axis);
    if (Mask)
      Mask.getDefiningOp()->setAttr(WithinValidAttr, B.getUnitAttr());
  }
  if (Value All = masked(Mask, Visible); !Failed)
    Op.getMaskMutable().assign(All);
  Op.setCausal(false);
  Op.setWindow(0);
}
