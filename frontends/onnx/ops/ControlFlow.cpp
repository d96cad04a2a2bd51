// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// If, Loop and Scan: blocks that the host program chooses and repeats.

#include "frontends/onnx/GraphImporter.h"

#include <array>

using namespace mlir;

namespace dure::onnx {
namespace {

/// The node's attribute that is a graph.
const Graph *graphOf(OpImport &C, StringRef Name) {
  const Attribute *A = C.attribute(Name, AttributeType::Graph);
  if (A)
    return &A->Graphs.front();
  C.refuse(RefusalCode::AttributeBad, {Name.str(), "is missing"});
  return nullptr;
}

/// A condition as an expression that is not 0 where it holds.
std::optional<DimExpr> conditionOf(OpImport &C, Value V) {
  if (!V)
    return std::nullopt;
  if (!elementOf(V).isInteger(1))
    return C.refuse(RefusalCode::TypeUnsupported, {"a condition is a bool"});
  if (std::optional<Dims> Known = C.tracked(V); Known && Known->size() == 1)
    return Known->front();
  return C.readAtRunTime(V);
}

/// Whether a value is known to be true.
bool isTrue(OpImport &C, Value V) {
  std::optional<Dims> Known = C.tracked(V);
  return Known && Known->size() == 1 && Known->front().constant() &&
         *Known->front().constant() != 0;
}

Value truth(OpImport &C) {
  return C.integers({DimExpr(1)}, /*Scalar=*/true, C.builder().getI1Type());
}

void yield(OpImport &C, Block &Body, ValueRange Values) {
  OpBuilder::InsertionGuard Guard(C.builder());
  C.builder().setInsertionPointToEnd(&Body);
  YieldOp::create(C.builder(), C.loc(), Values);
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

using BranchResults = std::array<SmallVector<Value>, 2>;

/// Whether one tensor of the results has two ranks.
bool haveTwoRanks(const BranchResults &Results) {
  return llvm::any_of(llvm::zip(Results[0], Results[1]), [](auto Pair) {
    return rankOf(std::get<0>(Pair)) != rankOf(std::get<1>(Pair));
  });
}

/// The type that both branches' results fit: dims that differ, or that only a
/// branch knows, become symbols of their own.
Type joinTypes(OpImport &C, const GraphImporter::Mark &Before, unsigned I,
               Value L, Value R) {
  RankedTensorType A = typeOf(L), B = typeOf(R);
  if (A.getElementType() != B.getElementType() || A.getRank() != B.getRank()) {
    C.refuse(RefusalCode::FormUnsupported,
             {"its branches give tensors of other types or ranks as output " +
              std::to_string(I)});
    return {};
  }
  Dims Joined;
  for (int64_t D = 0; D < A.getRank(); ++D) {
    DimExpr Dim = dimOf(A, D);
    bool IsShared = Dim == dimOf(B, D) && !C.graph().isNewSince(Before, Dim);
    Joined.push_back(IsShared ? Dim
                              : DimExpr::symbol(C.graph().freshName("size")));
  }
  return tensorOf(Joined, A.getElementType());
}

LogicalResult setResults(OpImport &C, ValueRange Values) {
  for (auto [I, Value] : llvm::enumerate(Values))
    if (I < C.numOutputs() && failed(C.result(I, Value)))
      return failure();
  return success();
}

/// Imports both branches, each into a block that ends with its results.
std::optional<BranchResults>
importBranches(OpImport &C, const DimExpr &Condition,
               std::array<const Graph *, 2> Sources,
               MutableArrayRef<Region> Bodies) {
  SymbolicDims &Symbols = C.graph().symbols();
  BranchResults Results;
  size_t Marks[2];
  for (bool IsElse : {false, true}) {
    Block &Into = Bodies[IsElse].emplaceBlock();
    Marks[IsElse] = Symbols.mark();
    Symbols.pushCondition(branchRuns(Condition, IsElse));
    auto Given = C.graph().importBody(*Sources[IsElse], Into, {});
    Symbols.popCondition();
    if (!Given)
      return std::nullopt;
    Results[IsElse] = std::move(*Given);
    yield(C, Into, Results[IsElse]);
  }
  Symbols.joinBranches(Marks[0], Marks[1]);
  return Results;
}

/// The results of a graph that stands here without a choice.
LogicalResult inlineBranch(OpImport &C, const Graph &Chosen) {
  auto Results =
      C.graph().importBody(Chosen, *C.builder().getInsertionBlock(), {});
  return Results ? setResults(C, *Results) : failure();
}

/// y... = the results of one of two graphs
LogicalResult importIf(OpImport &C) {
  GraphImporter &G = C.graph();
  const Graph *Then = graphOf(C, "then_branch");
  const Graph *Else = graphOf(C, "else_branch");
  std::optional<DimExpr> Condition = conditionOf(C, C.in(0));
  if (!Then || !Else || !Condition)
    return failure();
  for (const Graph *Each : {Then, Else})
    if (!Each->Inputs.empty() || Each->Outputs.size() != C.numOutputs())
      return C.refuse(RefusalCode::InputCount,
                      {"has a branch with inputs, or with another number of "
                       "outputs than its own"});
  if (std::optional<int64_t> Known = Condition->constant())
    return inlineBranch(C, *Known ? *Then : *Else);
  GraphImporter::Mark Before = G.mark();
  Region Bodies[2];
  std::optional<BranchResults> Results =
      importBranches(C, *Condition, {Then, Else}, Bodies);
  // Exporters write a squeeze of a dim whose size they do not know as a choice
  // between two ranks. No tensor has two: that the dim is 1 is required.
  if (Results && haveTwoRanks(*Results) && C.tracked(C.in(0))) {
    G.rollBack(Before);
    return C.equal(*Condition, DimExpr(1)) ? inlineBranch(C, *Then) : failure();
  }
  SmallVector<Type> Types;
  for (unsigned I = 0; Results && I < C.numOutputs(); ++I)
    if (Type Joined =
            joinTypes(C, Before, I, (*Results)[0][I], (*Results)[1][I]))
      Types.push_back(Joined);
  if (Types.size() != C.numOutputs()) {
    G.forgetValues(Before);
    return failure();
  }
  auto Made = BranchOp::create(C.builder(), C.loc(), Types,
                               DimsAttr::get(C.context(), {*Condition}));
  Made.getThen().takeBody(Bodies[0]);
  Made.getOtherwise().takeBody(Bodies[1]);
  return setResults(C, Made.getResults());
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

/// A loop to be made: what Loop and Scan have in common.
struct LoopForm {
  const Graph *Body = nullptr;
  DimExpr Trips;
  /// Whether it is entered; none: no matter what, it ends by the number alone.
  std::optional<DimExpr> Entry;
  /// The body's first output says whether to go on.
  bool YieldsCondition = false;
  SmallVector<Value> Inits;
  /// The body's arguments from the number of the iteration and what is carried;
  /// called where the body begins.
  std::function<SmallVector<Value>(const DimExpr &, ValueRange)> Arguments;
};

/// Bodies around a loop from which on it is not tried for its first sizes.
constexpr size_t MaxTrialDepth = 3;

class LoopImport {
public:
  LoopImport(OpImport &C, LoopForm Form)
      : C(C), G(C.graph()), Form(std::move(Form)),
        Types(this->Form.Inits.size()) {
    for (auto [Type, Init] : llvm::zip(Types, this->Form.Inits))
      Type = typeOf(Init);
  }

  /// The carried values and the stacked ones; nothing when refused.
  std::optional<SmallVector<Value>> build();

private:
  bool importBody();
  bool widen();
  void widenAll();
  bool checkYields();
  SmallVector<Value> makeOp();
  DimExpr freshSize() { return DimExpr::symbol(G.freshName("size")); }
  ArrayRef<Value> next() const {
    return ArrayRef(Yielded).slice(Form.YieldsCondition, Types.size());
  }
  ArrayRef<Value> stacked() const {
    return ArrayRef(Yielded).drop_front(Form.YieldsCondition + Types.size());
  }

  OpImport &C;
  GraphImporter &G;
  LoopForm Form;
  SmallVector<RankedTensorType> Types;
  /// Dims of carried values that change from one iteration to the next.
  std::set<std::string> Varying;
  std::unique_ptr<Region> Body;
  std::string Induction;
  GraphImporter::Mark Before{};
  SmallVector<Value> Yielded;
};

/// Imports the body for carried values of `Types`.
bool LoopImport::importBody() {
  Body = std::make_unique<Region>();
  Block &Into = Body->emplaceBlock();
  for (RankedTensorType Type : Types)
    Into.addArgument(Type, C.loc());
  Before = G.mark();
  Induction = G.freshName("iteration");
  SmallVector<Value> Arguments;
  {
    OpBuilder::InsertionGuard Guard(C.builder());
    C.builder().setInsertionPointToEnd(&Into);
    Arguments = Form.Arguments(DimExpr::symbol(Induction), Into.getArguments());
  }
  for (Value Each : Arguments)
    if (!Each)
      return false;
  auto Results = G.importBody(*Form.Body, Into, Arguments);
  if (!Results)
    return false;
  Yielded = std::move(*Results);
  return checkYields();
}

bool LoopImport::checkYields() {
  if (Form.YieldsCondition) {
    Value &GoOn = Yielded.front();
    if (!elementOf(GoOn).isInteger(1)) {
      C.refuse(RefusalCode::TypeUnsupported, {"a condition is a bool"});
      return false;
    }
    if (rankOf(GoOn) != 0 && !isTrue(C, GoOn)) {
      OpBuilder::InsertionGuard Guard(C.builder());
      C.builder().setInsertionPointToEnd(&Body->front());
      GoOn = C.reshape(GoOn, {});
      if (!GoOn)
        return false;
    }
  }
  for (auto [I, Value, Type] : llvm::enumerate(next(), Types))
    if (elementOf(Value) != Type.getElementType() ||
        rankOf(Value) != Type.getRank()) {
      C.refuse(RefusalCode::FormUnsupported,
               {"the value that it carries as number " + std::to_string(I) +
                " changes its type or rank"});
      return false;
    }
  return true;
}

/// Makes symbols of the dims that the body does not leave as they are; true
/// when there are new ones, for which the body must be imported again.
bool LoopImport::widen() {
  bool Changed = false;
  for (auto [Value, Type] : llvm::zip(next(), Types)) {
    Dims Now = dimsOf(Type);
    for (auto [I, Dim] : llvm::enumerate(Now)) {
      if (dimOf(typeOf(Value), I) == Dim || Varying.count(Dim.str()))
        continue;
      Dim = freshSize();
      Varying.insert(Dim.str());
      Changed = true;
    }
    Type = tensorOf(Now, Type.getElementType());
  }
  return Changed;
}

void LoopImport::widenAll() {
  for (RankedTensorType &Type : Types) {
    Dims Now = dimsOf(Type);
    for (DimExpr &Dim : Now) {
      Dim = freshSize();
      Varying.insert(Dim.str());
    }
    Type = tensorOf(Now, Type.getElementType());
  }
}

std::optional<SmallVector<Value>> LoopImport::build() {
  // Each trial of a loop tries the loops in its body anew: deep inside there is
  // one trial, for sizes of any kind.
  bool HasWidenedAll = G.bodyDepth() >= MaxTrialDepth;
  if (HasWidenedAll)
    widenAll();
  std::vector<Refusal> First;
  for (;;) {
    bool Done = importBody();
    if (Done && !widen())
      return makeOp();
    std::vector<Refusal> Why = G.rollBack(Before);
    Body.reset();
    if (Done)
      continue;
    if (First.empty())
      First = std::move(Why);
    // Perhaps the sizes of the first iteration alone were in the way.
    if (HasWidenedAll)
      break;
    HasWidenedAll = true;
    widenAll();
  }
  for (Refusal &Each : First)
    G.refuse(std::move(Each));
  return std::nullopt;
}

/// The op with its results' types. What only the body knows of its dims gets
/// names outside.
SmallVector<Value> LoopImport::makeOp() {
  // A body whose condition is true whatever happens ends by the number alone.
  bool IsConditional = Form.Entry.has_value();
  if (Form.YieldsCondition && !isTrue(C, Yielded.front())) {
    IsConditional = true;
    if (!Form.Entry)
      Form.Entry = DimExpr(1);
  }
  if (Form.YieldsCondition && !IsConditional)
    Yielded.erase(Yielded.begin());
  size_t Extra = IsConditional;
  std::string Count = G.freshName("size");
  DimExpr Length = DimExpr::symbol(Count);
  // More trips than a tensor has elements: it had better end in another way.
  if (!IsConditional && Form.Trips.isNonNegative() &&
      arePossibleSizes({Form.Trips}))
    Length = Form.Trips;
  SmallVector<Type> Results;
  for (auto [I, Value] : llvm::enumerate(ArrayRef(Yielded).drop_front(Extra))) {
    bool IsStacked = I >= Types.size();
    RankedTensorType Type = IsStacked ? typeOf(Value) : Types[I];
    Dims Outside = dimsOf(Type);
    for (DimExpr &Dim : Outside)
      if (Varying.count(Dim.str()) || G.isNewSince(Before, Dim))
        Dim = freshSize();
    if (IsStacked)
      Outside.insert(Outside.begin(), Length);
    Results.push_back(tensorOf(Outside, Type.getElementType()));
  }
  yield(C, Body->front(), Yielded);
  DimsAttr Entry;
  if (IsConditional)
    Entry = DimsAttr::get(C.context(), {*Form.Entry});
  auto Made = IterateOp::create(C.builder(), C.loc(), Results, Induction,
                                DimsAttr::get(C.context(), {Form.Trips}), Count,
                                Entry, Form.Inits);
  Made.getBody().takeBody(*Body);
  return SmallVector<Value>(Made.getResults());
}

/// final... = what the body makes of v..., again and again; then the values
/// that it gives beside, stacked
LogicalResult importLoop(OpImport &C) {
  const Graph *Body = graphOf(C, "body");
  if (!Body)
    return failure();
  size_t Carried = std::max<size_t>(C.numInputs(), 2) - 2;
  if (Body->Inputs.size() != Carried + 2 ||
      Body->Outputs.size() != C.numOutputs() + 1 || C.numOutputs() < Carried)
    return C.refuse(RefusalCode::InputCount,
                    {"has a body with another number of inputs or outputs than "
                     "it carries and gives"});
  LoopForm Form;
  Form.Body = Body;
  Form.YieldsCondition = true;
  Form.Trips = DimExpr(INT64_MAX);
  if (C.has(0)) {
    std::optional<Dims> Trips = C.exprs(0);
    if (!Trips)
      return failure();
    if (Trips->size() != 1)
      return C.refuse(RefusalCode::ShapeRank, {"a scalar is needed"});
    Form.Trips = Trips->front();
  }
  if (C.has(1)) {
    std::optional<DimExpr> Entry = conditionOf(C, C.in(1));
    if (!Entry)
      return failure();
    if (Entry->constant().value_or(0) == 0)
      Form.Entry = *Entry;
  }
  for (unsigned I = 2; I < C.numInputs(); ++I) {
    Form.Inits.push_back(C.in(I));
    if (!Form.Inits.back())
      return failure();
  }
  Form.Arguments = [&](const DimExpr &Iteration, ValueRange Values) {
    SmallVector<Value> Out = {C.integers({Iteration}, /*Scalar=*/true),
                              truth(C)};
    llvm::append_range(Out, Values);
    return Out;
  };
  auto Results = LoopImport(C, std::move(Form)).build();
  return Results ? setResults(C, *Results) : failure();
}

/// An attribute of one integer for each of `Count` tensors.
std::optional<SmallVector<int64_t>> perTensor(OpImport &C, StringRef Name,
                                              size_t Count) {
  SmallVector<int64_t> Out(Count, 0);
  auto Given = C.intsAttr(Name);
  if (!Given)
    return Out;
  if (Given->size() != Count)
    return C.refuse(
        RefusalCode::AttributeBad,
        {Name.str(), "needs " + std::to_string(Count) + " integers"});
  return SmallVector<int64_t>(*Given);
}

/// Stacked values [count, dims..] in the order and along the axis of a scan's
/// output.
Value placeStacked(OpImport &C, Value X, int64_t Axis, bool IsReversed) {
  auto At = C.axis(Axis, rankOf(X));
  if (!At)
    return {};
  if (IsReversed) {
    DimExpr Length = dimOf(typeOf(X), 0);
    Value Last = C.integers({Length - 1}, /*Scalar=*/true);
    Value Order = C.create<SubOp>({Last, C.iota({Length}, 0)});
    X = C.create<GatherOp>({X, Order}, {C.named("axis", int64_t(0))});
  }
  SmallVector<int64_t> Permutation;
  for (int64_t I = 1; I < rankOf(X); ++I)
    Permutation.push_back(I);
  Permutation.insert(Permutation.begin() + *At, 0);
  return C.transpose(X, Permutation);
}

/// final..., stacked... = the body applied to slice after slice of the inputs
LogicalResult importScan(OpImport &C) {
  const Graph *Body = graphOf(C, "body");
  int64_t Scanned = C.intAttr("num_scan_inputs", 0);
  if (!Body)
    return failure();
  if (C.version() < 9)
    return C.refuse(RefusalCode::FormUnsupported,
                    {"Scan of opset 8 runs over batches"});
  if (Scanned < 1 || Scanned > int64_t(C.numInputs()))
    return C.refuse(RefusalCode::AttributeBad,
                    {"num_scan_inputs", "must count some of the inputs"});
  size_t Carried = C.numInputs() - Scanned;
  if (Body->Inputs.size() != C.numInputs() ||
      Body->Outputs.size() != C.numOutputs() || C.numOutputs() < Carried)
    return C.refuse(RefusalCode::InputCount,
                    {"has a body with another number of inputs or outputs than "
                     "its own"});
  size_t Stacked = C.numOutputs() - Carried;
  auto InAxes = perTensor(C, "scan_input_axes", Scanned);
  auto InReversed = perTensor(C, "scan_input_directions", Scanned);
  auto OutAxes = perTensor(C, "scan_output_axes", Stacked);
  auto OutReversed = perTensor(C, "scan_output_directions", Stacked);
  if (!InAxes || !InReversed || !OutAxes || !OutReversed)
    return failure();
  SmallVector<Value> Inputs = C.ins();
  LoopForm Form;
  for (auto [I, X] : llvm::enumerate(Inputs)) {
    if (!X)
      return failure();
    if (I < Carried) {
      Form.Inits.push_back(X);
      continue;
    }
    int64_t &Axis = (*InAxes)[I - Carried];
    auto At = C.axis(Axis, rankOf(X));
    if (!At)
      return failure();
    Axis = *At;
    DimExpr Length = dimOf(typeOf(X), Axis);
    if (I == Carried)
      Form.Trips = Length;
    else if (!C.equal(Form.Trips, Length))
      return failure();
  }
  Form.Body = Body;
  DimExpr Last = Form.Trips - 1;
  Form.Arguments = [&](const DimExpr &Iteration, ValueRange Values) {
    SmallVector<Value> Out(Values);
    for (auto [X, Axis, IsReversed] : llvm::zip(
             ArrayRef(Inputs).drop_front(Carried), *InAxes, *InReversed)) {
      Value At = C.integers({IsReversed ? Last - Iteration : Iteration},
                            /*Scalar=*/true);
      Out.push_back(C.create<GatherOp>({X, At}, {C.named("axis", Axis)}));
    }
    return Out;
  };
  auto Results = LoopImport(C, std::move(Form)).build();
  if (!Results)
    return failure();
  for (size_t I = 0; I < Stacked; ++I) {
    Value &Each = (*Results)[Carried + I];
    Each = placeStacked(C, Each, (*OutAxes)[I], (*OutReversed)[I] != 0);
    if (!Each)
      return failure();
  }
  return setResults(C, *Results);
}

} // namespace

ArrayRef<OpEntry> controlFlowOps() {
  static const std::vector<OpEntry> Entries = {
      {"If", {1, 11, 13, 16, 19, 21, 23, 24, 25}, 1, 1, importIf},
      {"Loop", {1, 11, 13, 16, 19, 21, 23, 24, 25}, 2, ~0u, importLoop},
      {"Scan", {8, 9, 11, 16, 19, 21, 23, 24, 25}, 1, ~0u, importScan},
  };
  return Entries;
}

} // namespace dure::onnx
