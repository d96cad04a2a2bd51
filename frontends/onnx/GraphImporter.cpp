// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Nodes in order: operators by the table, model-local functions inlined.

#include "frontends/onnx/GraphImporter.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace dure::onnx {

/// The newest opset of the default domain whose operators are known, and the
/// oldest that follows the rules of today (broadcasting since 7).
static constexpr int64_t MinOpset = 7, MaxOpset = 28;

static bool isKnownOpset(int64_t Opset) {
  return Opset >= MinOpset && Opset <= MaxOpset;
}

static std::vector<std::string> opsetArguments(int64_t Opset) {
  return {std::to_string(Opset), std::to_string(MinOpset),
          std::to_string(MaxOpset)};
}

/// Nobody reads more, and a hostile file could ask for millions.
static constexpr size_t MaxRefusals = 10'000;

static llvm::StringRef ref(std::string_view Text) {
  return {Text.data(), Text.size()};
}

GraphImporter::GraphImporter(const ModelFile &File, MLIRContext &Context,
                             const ImportOptions &Options,
                             ArrayRef<const ValueInfo *> Inputs,
                             ArrayRef<Tensor> Given, SymbolicDims &Symbols)
    : File(File), Options(Options), Inputs(Inputs), Given(Given),
      Symbols(Symbols), Builder(&Context) {
  for (const Function &F : File.model().Functions)
    Functions.try_emplace({F.Domain, F.Name, F.Overload}, &F);
}

void GraphImporter::refuse(Refusal R) {
  if (Refusals->size() < MaxRefusals)
    Refusals->push_back(std::move(R));
}

Refusal GraphImporter::refusalOf(const Node &N, RefusalCode Code,
                                 std::vector<std::string> Arguments) const {
  Refusal R{};
  R.Code = Code;
  R.Node =
      std::string(N.Name.empty() && !N.Outputs.empty() ? N.Outputs[0] : N.Name);
  R.Op = std::string(N.OpType);
  R.Domain = std::string(N.Domain);
  R.Opset = opsetOf(N.Domain);
  R.Arguments = std::move(Arguments);
  return R;
}

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

const Tensor *GraphImporter::initializer(std::string_view Name) const {
  for (size_t I = Scopes.size(); I-- != 0;) {
    const Scope &S = Scopes[I];
    auto Initial = S.Initializers.find(ref(Name));
    if (Initial != S.Initializers.end())
      return Initial->second;
    if (S.Values.contains(ref(Name)) || !S.SeesOuter)
      break;
  }
  return nullptr;
}

Value GraphImporter::lookup(std::string_view Name) {
  for (size_t I = Scopes.size(); I-- != 0;) {
    Scope &S = Scopes[I];
    auto Known = S.Values.find(ref(Name));
    if (Known != S.Values.end())
      return Known->second;
    auto Initial = S.Initializers.find(ref(Name));
    if (Initial != S.Initializers.end())
      return S.Values[ref(Name)] = initialValue(*Initial->second, Name);
    if (!S.SeesOuter)
      break;
  }
  return {};
}

/// An initializer as a value. One that a block reads may be read behind it,
/// too: it is made at the function's start.
Value GraphImporter::initialValue(const Tensor &T, std::string_view Name) {
  OpBuilder::InsertionGuard Guard(Builder);
  if (Builder.getBlock() != Entry)
    Builder.setInsertionPointToStart(Entry);
  Refusal Why{};
  Location Loc = NameLoc::get(Builder.getStringAttr("value:" + ref(Name)));
  Value V = materialize(T, ref(Name), Loc, Why);
  if (!V) {
    Why.Place = File.path() + ", tensor '" + std::string(Name) + "'";
    refuse(std::move(Why));
  }
  return V;
}

void GraphImporter::define(std::string_view Name, Value V) {
  Scopes.back().Values[ref(Name)] = V;
}

std::optional<Dims> GraphImporter::tracked(Value V) const {
  auto It = Tracked.find(V);
  if (It == Tracked.end())
    return std::nullopt;
  return It->second;
}

void GraphImporter::track(Value V, Dims Values) {
  TrackedLog.push_back(V);
  Tracked[V] = std::move(Values);
}

std::optional<Dims> GraphImporter::readDims(Value V, Location Loc) {
  if (auto It = ReadAtRunTime.find(V); It != ReadAtRunTime.end())
    return It->second;
  auto Type = cast<RankedTensorType>(V.getType());
  if (!isa<IntegerType>(Type.getElementType()) || Type.getRank() > 1 ||
      !Type.hasStaticShape() || Type.getNumElements() > 64)
    return std::nullopt;
  Dims Symbols;
  SmallVector<mlir::Attribute> Names;
  for (int64_t I = 0; I < Type.getNumElements(); ++I) {
    std::string Name = freshName("$v");
    Names.push_back(Builder.getStringAttr(Name));
    Symbols.push_back(DimExpr::symbol(Name));
  }
  if (!Names.empty())
    DefineDimsOp::create(Builder, Loc, V, Builder.getArrayAttr(Names));
  ReadAtRunTime[V] = Symbols;
  ReadLog.push_back(V);
  return Symbols;
}

std::string GraphImporter::freshName(const char *Prefix) {
  std::string Name;
  do
    Name = Prefix + std::to_string(NextRead++);
  while (Symbols.isTaken(Name));
  NameLog.push_back(Name);
  return Name;
}

DimExpr GraphImporter::bind(const DimExpr &E, bool IsSize, Location Loc) {
  auto [It, IsNew] = Bound.try_emplace(E.str());
  if (!IsNew)
    return It->second;
  bool NeverNegative = IsSize || E.isNonNegative();
  std::string Name = freshName(NeverNegative ? "size" : "$v");
  BindDimsOp::create(Builder, Loc, Builder.getStrArrayAttr({Name}),
                     DimsAttr::get(Builder.getContext(), {E}));
  It->second = DimExpr::symbol(Name);
  BoundLog.push_back(E.str());
  return It->second;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

int64_t GraphImporter::opsetOf(std::string_view Domain) const {
  for (const OpsetImport &Import : *Scopes.back().Opsets)
    if (Import.Domain == Domain)
      return Import.Version;
  return 0;
}

Location GraphImporter::locationOf(const Node &N) {
  auto Name = [&](const char *Kind, std::string_view Text) -> Location {
    return NameLoc::get(Builder.getStringAttr(Kind + ref(Text)));
  };
  SmallVector<Location> Parts;
  std::string_view Output = N.Outputs.empty() ? "" : N.Outputs[0];
  Parts.push_back(Name("node:", N.Name.empty() ? Output : N.Name));
  Parts.push_back(Name("op:", N.OpType));
  if (!Output.empty())
    Parts.push_back(Name("value:", Output));
  return FusedLoc::get(Builder.getContext(), Parts);
}

const Function *GraphImporter::findFunction(const Node &N) const {
  auto It = Functions.find({N.Domain, N.OpType, N.Overload});
  return It == Functions.end() ? nullptr : It->second;
}

/// False when the producer of an input was refused: that refusal is enough.
bool GraphImporter::inputsAreKnown(const Node &N) {
  bool Known = true;
  for (std::string_view Input : N.Inputs)
    if (!Input.empty())
      Known &= static_cast<bool>(lookup(Input));
  return Known;
}

void GraphImporter::importNodes(const std::vector<Node> &Nodes) {
  for (const Node &N : Nodes)
    importNode(N);
}

/// The first attribute that stands for one of a function; empty when none does.
static std::string referenceOf(const Node &N) {
  for (const Attribute &A : N.Attributes)
    if (!A.RefName.empty())
      return std::string(A.Name);
  return {};
}

/// The bytes that a copy of the node takes.
static uint64_t bytesOf(const Node &N) {
  uint64_t Bytes = sizeof(Node);
  for (const Attribute &A : N.Attributes) {
    Bytes += sizeof(Attribute) + A.Floats.size() * sizeof(float) +
             A.Ints.size() * sizeof(int64_t) +
             A.Strings.size() * sizeof(std::string_view);
    for (const Tensor &T : A.Tensors)
      Bytes += sizeof(Tensor) + T.Bytes.size() +
               T.StringData.size() * sizeof(std::string_view);
    for (const Graph &G : A.Graphs)
      for (const Node &Inner : G.Nodes)
        Bytes += bytesOf(Inner);
  }
  return Bytes;
}

void GraphImporter::importNode(const Node &N) {
  if (RepeatedBytes > Options.MaxRepeatedBytes)
    return; // Refused already.
  if (++NodeCount > Options.MaxInlinedNodes) {
    if (NodeCount == Options.MaxInlinedNodes + 1)
      refuse(refusalOf(N, RefusalCode::FunctionLimit,
                       {std::to_string(Options.MaxInlinedNodes)}));
    return;
  }
  if (!dependsOnCall(N))
    return importBound(N);
  if (Calls.empty()) {
    refuse(refusalOf(N, RefusalCode::AttributeBad,
                     {referenceOf(N), "stands for an attribute of a function, "
                                      "and the node is in none"}));
    return poisonOutputs(N);
  }
  if (!chargeRepeated(*Calls.back().From, bytesOf(N)))
    return;
  Node Bound = N;
  for (std::string_view &Input : Bound.Inputs)
    if (isLeftOut(Input))
      Input = {};
  bindAttributes(Bound, *Calls.back().From, *Calls.back().Of);
  importBound(Bound);
}

/// Imports a node that says all by itself.
void GraphImporter::importBound(const Node &N) {
  if (N.Outputs.empty())
    refuse(refusalOf(N, RefusalCode::InputCount, {"has no outputs"}));
  else if (const Function *F = findFunction(N))
    importCall(N, *F);
  else
    importOp(N);
  poisonOutputs(N);
}

/// What a node did not produce is known to be refused.
void GraphImporter::poisonOutputs(const Node &N) {
  for (std::string_view Output : N.Outputs)
    if (!Output.empty())
      Scopes.back().Values.try_emplace(ref(Output), Value());
}

void GraphImporter::importOp(const Node &N) {
  int64_t Opset = opsetOf(N.Domain);
  const OpEntry *Entry = findOp(ref(N.Domain), ref(N.OpType));
  if (!Entry) {
    bool Known = isKnownDomain(ref(N.Domain));
    refuse(refusalOf(
        N, Known ? RefusalCode::OpUnknown : RefusalCode::DomainUnknown,
        {std::string(N.Domain)}));
    return;
  }
  if (Opset == 0) {
    refuse(refusalOf(N, RefusalCode::NoOpset, {std::string(N.Domain)}));
    return;
  }
  if (IsTooOld)
    return;
  int64_t Version = 0;
  for (int64_t Since : Entry->Since)
    if (Since <= Opset)
      Version = Since;
  if (Version == 0) {
    refuse(refusalOf(
        N, RefusalCode::OpVersion,
        {std::to_string(Opset), std::to_string(Entry->Since.front())}));
    return;
  }
  if (Entry->RemovedIn != 0 && Opset >= Entry->RemovedIn) {
    refuse(
        refusalOf(N, RefusalCode::OpRemoved,
                  {std::to_string(Opset), std::to_string(Entry->RemovedIn)}));
    return;
  }
  if (llvm::StringRef Name = missingAttribute(N, Opset); !Name.empty()) {
    refuse(refusalOf(N, RefusalCode::AttributeBad, {Name.str(), "is missing"}));
    return;
  }
  size_t Given = N.Inputs.size();
  if (Given < Entry->MinInputs || Given > Entry->MaxInputs) {
    refuse(refusalOf(N, RefusalCode::InputCount,
                     {"has " + std::to_string(Given) + " inputs"}));
    return;
  }
  if (!inputsAreKnown(N))
    return;
  OpImport Import(*this, N, Version, Opset, locationOf(N));
  size_t Before = Refusals->size();
  bool Done = succeeded(Entry->Import(Import)) && Refusals->size() == Before &&
              succeeded(Import.finish());
  if (Done)
    return;
  // An attribute of the wrong type is refused while it is read, after which
  // the importer may well have gone on.
  for (std::string_view Output : N.Outputs)
    if (!Output.empty())
      Scopes.back().Values[ref(Output)] = Value();
  if (Refusals->size() == Before)
    refuse(refusalOf(N, RefusalCode::FormUnsupported, {"unknown reason"}));
}

/// True for a function's input that its call leaves out.
bool GraphImporter::isLeftOut(std::string_view Name) const {
  for (size_t I = Scopes.size(); I-- != 0;) {
    const Scope &S = Scopes[I];
    if (S.Values.contains(ref(Name)) || S.Initializers.contains(ref(Name)))
      return false;
    if (S.LeftOut.contains(ref(Name)))
      return true;
    if (!S.SeesOuter)
      break;
  }
  return false;
}

/// True when a node is another one in every call of the function that it stands
/// in: it reads an attribute of the call, or an input that the call leaves out.
bool GraphImporter::dependsOnCall(const Node &N) const {
  return !referenceOf(N).empty() ||
         (!Calls.empty() && llvm::any_of(N.Inputs, [&](std::string_view Input) {
           return isLeftOut(Input);
         }));
}

bool GraphImporter::chargeRepeated(const Node &N, uint64_t Bytes) {
  bool WasWithin = RepeatedBytes <= Options.MaxRepeatedBytes;
  RepeatedBytes += Bytes;
  if (RepeatedBytes <= Options.MaxRepeatedBytes)
    return true;
  if (WasWithin)
    refuse(refusalOf(N, RefusalCode::FunctionBytes,
                     {std::to_string(Options.MaxRepeatedBytes)}));
  return false;
}

/// Inlines a call: the body is imported in a scope of its own.
void GraphImporter::importCall(const Node &N, const Function &F) {
  auto IsSame = [&](const Call &Outer) { return Outer.Of == &F; };
  if (llvm::any_of(Calls, IsSame)) {
    refuse(refusalOf(N, RefusalCode::FunctionCycle, {std::string(F.Name)}));
    return;
  }
  if (Calls.size() >= Options.MaxCallDepth) {
    refuse(refusalOf(N, RefusalCode::FunctionDepth,
                     {std::to_string(Options.MaxCallDepth)}));
    return;
  }
  if (N.Inputs.size() > F.Inputs.size() ||
      N.Outputs.size() > F.Outputs.size()) {
    refuse(refusalOf(N, RefusalCode::InputCount,
                     {"has more inputs or outputs than its function"}));
    return;
  }
  Scope Body;
  Body.Opsets = &F.Opsets;
  for (size_t I = 0; I < F.Inputs.size(); ++I) {
    if (I < N.Inputs.size() && !N.Inputs[I].empty())
      Body.Values[ref(F.Inputs[I])] = lookup(N.Inputs[I]);
    else
      Body.LeftOut.insert(ref(F.Inputs[I]));
  }
  Calls.push_back({&F, &N});
  Scopes.push_back(std::move(Body));
  int64_t Opset = opsetOf("");
  if (Opset == 0 || isKnownOpset(Opset))
    importNodes(F.Nodes);
  else
    refuse(refusalOf(N, RefusalCode::OpsetVersion, opsetArguments(Opset)));
  SmallVector<Value> Results;
  for (size_t I = 0; I < N.Outputs.size(); ++I)
    Results.push_back(N.Outputs[I].empty() ? Value() : resultOf(F.Outputs[I]));
  Scopes.pop_back();
  Calls.pop_back();
  for (size_t I = 0; I < N.Outputs.size(); ++I)
    if (!N.Outputs[I].empty())
      define(N.Outputs[I], Results[I]);
}

/// A value that a function or a subgraph returns; refuses an input of a
/// function that its call leaves out.
Value GraphImporter::resultOf(std::string_view Name) {
  if (!Calls.empty() && isLeftOut(Name))
    refuse(refusalOf(*Calls.back().From, RefusalCode::InputCount,
                     {"leaves out the input '" + std::string(Name) +
                      "', which its function returns"}));
  return lookup(Name);
}

//===----------------------------------------------------------------------===//
// Subgraphs
//===----------------------------------------------------------------------===//

std::optional<SmallVector<Value>>
GraphImporter::importBody(const Graph &Body, Block &Into,
                          ArrayRef<Value> Arguments) {
  size_t Reads = ReadLog.size(), Binds = BoundLog.size();
  size_t Before = Refusals->size();
  Scope Inner;
  Inner.Opsets = Scopes.back().Opsets;
  Inner.SeesOuter = true;
  for (const Tensor &T : Body.Initializers)
    Inner.Initializers[ref(T.Name)] = &T;
  for (auto [Input, Argument] : llvm::zip(Body.Inputs, Arguments))
    Inner.Values[ref(Input.Name)] = Argument;
  Scopes.push_back(std::move(Inner));
  SmallVector<Value> Results;
  ++BodyDepth;
  {
    OpBuilder::InsertionGuard Guard(Builder);
    Builder.setInsertionPointToEnd(&Into);
    importNodes(Body.Nodes);
    for (const ValueInfo &Output : Body.Outputs)
      Results.push_back(resultOf(Output.Name));
  }
  --BodyDepth;
  Scopes.pop_back();
  // What the block has read and named is not known behind it.
  for (; ReadLog.size() > Reads; ReadLog.pop_back())
    ReadAtRunTime.erase(ReadLog.back());
  for (; BoundLog.size() > Binds; BoundLog.pop_back())
    Bound.erase(BoundLog.back());
  if (Refusals->size() != Before ||
      !llvm::all_of(Results, [](Value V) { return static_cast<bool>(V); }))
    return std::nullopt;
  return Results;
}

GraphImporter::Mark GraphImporter::mark() const {
  return {Refusals->size(), Symbols.mark(), TrackedLog.size(), NameLog.size()};
}

std::vector<Refusal> GraphImporter::rollBack(const Mark &To) {
  auto First = Refusals->begin() + static_cast<ptrdiff_t>(To.Refusals);
  std::vector<Refusal> Taken(std::make_move_iterator(First),
                             std::make_move_iterator(Refusals->end()));
  Refusals->erase(First, Refusals->end());
  Symbols.rollBack(To.Equalities);
  forgetValues(To);
  return Taken;
}

void GraphImporter::forgetValues(const Mark &From) {
  // Constants stay: they lie outside of the blocks.
  size_t Kept = From.Tracked;
  for (size_t I = From.Tracked; I < TrackedLog.size(); ++I) {
    Value V = TrackedLog[I];
    if (V.getParentBlock() == Entry)
      TrackedLog[Kept++] = V;
    else
      Tracked.erase(V);
  }
  TrackedLog.resize(Kept);
}

bool GraphImporter::isNewSince(const Mark &From, const DimExpr &E) const {
  std::set<std::string> Names;
  E.collectSymbols(Names);
  return std::any_of(
      NameLog.begin() + static_cast<ptrdiff_t>(From.Names), NameLog.end(),
      [&](const std::string &Name) { return Names.count(Name); });
}

/// Replaces references to the function's attributes by the call's values, or
/// the function's defaults; a reference to neither leaves the attribute out.
void GraphImporter::bindAttributes(Node &Inner, const Node &Call,
                                   const Function &F) {
  std::vector<Attribute> Bound;
  for (Attribute &A : Inner.Attributes) {
    if (A.RefName.empty()) {
      Bound.push_back(std::move(A));
      continue;
    }
    auto HasName = [&](const Attribute &Given) {
      return Given.Name == A.RefName;
    };
    const Attribute *Given = nullptr;
    if (auto It = llvm::find_if(Call.Attributes, HasName);
        It != Call.Attributes.end())
      Given = &*It;
    else if (auto Default = llvm::find_if(F.Defaults, HasName);
             Default != F.Defaults.end())
      Given = &*Default;
    if (!Given)
      continue;
    Attribute Copy = *Given;
    Copy.Name = A.Name;
    Bound.push_back(std::move(Copy));
  }
  Inner.Attributes = std::move(Bound);
}

//===----------------------------------------------------------------------===//
// The function
//===----------------------------------------------------------------------===//

/// A model of an opset that is not known is looked at all the same, for
/// whatever else there is to say; an old one only for operators without any
/// importer, since the rules of others were different.
void GraphImporter::checkOpset() {
  int64_t Opset = opsetOf("");
  if (Opset == 0 || isKnownOpset(Opset))
    return;
  Refusal R{};
  R.Code = RefusalCode::OpsetVersion;
  R.Place = File.path();
  R.Arguments = opsetArguments(Opset);
  refuse(std::move(R));
  IsTooOld = Opset < MinOpset;
}

OwningOpRef<ModuleOp> GraphImporter::run(std::vector<Refusal> &Out) {
  Refusals = &Out;
  const Model &M = File.model();
  const Graph &Main = M.Main;
  Scopes.emplace_back();
  Scopes.back().Opsets = &M.Opsets;
  checkOpset();

  Location Loc = NameLoc::get(Builder.getStringAttr(ref(Main.Name)));
  OwningOpRef<ModuleOp> Owned = ModuleOp::create(Loc);
  Module = *Owned;
  SmallVector<mlir::Attribute> Files = {Builder.getStringAttr(File.path())};
  for (const ExternalFile &Each : M.ExternalFiles)
    Files.push_back(Builder.getStringAttr(Each.Path));
  Module->setAttr(DureDialect::FilesAttr, Builder.getArrayAttr(Files));
  Module->setAttr(DureDialect::PhaseAttr, Builder.getStringAttr("import"));

  for (const Tensor &T : Main.Initializers)
    Scopes.back().Initializers[ref(T.Name)] = &T;
  for (const Tensor &T : Given)
    Scopes.back().Initializers[ref(T.Name)] = &T;
  func::FuncOp Func = createMain(Main, Loc);
  importNodes(Main.Nodes);
  finishFunction(Main, Func);
  return Refusals->empty() ? std::move(Owned) : OwningOpRef<ModuleOp>();
}

/// The function with the inputs as arguments; results come later.
func::FuncOp GraphImporter::createMain(const Graph &Main, Location Loc) {
  SmallVector<Type> Types;
  SmallVector<mlir::Attribute> Attributes;
  for (auto [I, Input] : llvm::enumerate(Inputs)) {
    Types.push_back(
        tensorOf(Symbols.inputDims(I), elementType(Input->Type.Element)));
    Attributes.push_back(Builder.getDictionaryAttr(Builder.getNamedAttr(
        DureDialect::NameAttr, Builder.getStringAttr(ref(Input->Name)))));
  }
  Builder.setInsertionPointToEnd(Module.getBody());
  auto Func = func::FuncOp::create(Builder, Loc, "main",
                                   Builder.getFunctionType(Types, {}));
  Func.setArgAttrsAttr(Builder.getArrayAttr(Attributes));
  SymbolNames["main"] = 1;
  Entry = Func.addEntryBlock();
  for (auto [Input, Argument] : llvm::zip(Inputs, Entry->getArguments())) {
    Argument.setLoc(
        NameLoc::get(Builder.getStringAttr("value:" + ref(Input->Name))));
    define(Input->Name, Argument);
  }
  // What was refused by its type is poison to the nodes that read it.
  for (const ValueInfo &Input : Main.Inputs)
    if (!Scopes.back().Initializers.contains(ref(Input.Name)))
      Scopes.back().Values.try_emplace(ref(Input.Name), Value());
  Builder.setInsertionPointToStart(Entry);
  return Func;
}

/// Refuses an output whose declared element type is not the computed one.
bool GraphImporter::checkOutput(const ValueInfo &Output, Value V) {
  DataType Declared = Output.Type.Element;
  using Kind = TypeInfo::Kind;
  bool IsTensor = Output.Type.Category == Kind::Tensor ||
                  Output.Type.Category == Kind::None;
  if (IsTensor && (Declared == DataType::Undefined ||
                   elementType(Declared) == elementOf(V)))
    return true;
  Refusal R{};
  R.Code = RefusalCode::OutputType;
  R.Place = File.path();
  std::string Why = IsTensor ? "it is declared as " +
                                   std::string(typeName(Declared)) +
                                   ", which it is not"
                             : "it is not a tensor";
  R.Arguments = {std::string(Output.Name), std::move(Why)};
  refuse(std::move(R));
  return false;
}

void GraphImporter::finishFunction(const Graph &Main, func::FuncOp Func) {
  SmallVector<Value> Results;
  SmallVector<Type> Types;
  SmallVector<mlir::Attribute> Attributes;
  for (const ValueInfo &Output : Main.Outputs) {
    Value V = lookup(Output.Name);
    if (!V || !checkOutput(Output, V))
      continue; // Refused: there is a module only without refusals.
    Results.push_back(V);
    Types.push_back(V.getType());
    Attributes.push_back(Builder.getDictionaryAttr(Builder.getNamedAttr(
        DureDialect::NameAttr, Builder.getStringAttr(ref(Output.Name)))));
  }
  if (!Refusals->empty())
    return;
  func::ReturnOp::create(Builder, Func.getLoc(), Results);
  Func.setFunctionType(Builder.getFunctionType(Func.getArgumentTypes(), Types));
  Func.setResAttrsAttr(Builder.getArrayAttr(Attributes));

  SmallVector<mlir::Attribute> Checks;
  for (const auto &[L, R] : Symbols.checks())
    Checks.push_back(DimsAttr::get(Builder.getContext(), {L, R}));
  if (!Checks.empty())
    Func->setAttr(DureDialect::EqualDimsAttr, Builder.getArrayAttr(Checks));
  eraseDeadOps(Func);
}

/// Shape arithmetic has done its work by now; weights that only fed it, or
/// nothing, go too.
void GraphImporter::eraseDeadOps(func::FuncOp Func) {
  for (Operation &Op :
       llvm::make_early_inc_range(llvm::reverse(Func.getBody().front())))
    if (isOpTriviallyDead(&Op))
      Op.erase();
  llvm::DenseSet<mlir::Attribute> Used;
  Func.walk([&](GetWeightOp Op) { Used.insert(Op.getWeightAttr().getAttr()); });
  for (WeightOp Op : llvm::make_early_inc_range(Module.getOps<WeightOp>()))
    if (!Used.contains(Op.getSymNameAttr()))
      Op.erase();
}

} // namespace dure::onnx
