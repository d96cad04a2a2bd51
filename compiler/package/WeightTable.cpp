// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Weights of the module as weights of the package.
#include "compiler/package/ElementTypes.h"
#include "compiler/package/HostProgram.h"

using namespace mlir;
using namespace dure;

static std::vector<int64_t> toVector(ArrayRef<int64_t> Values) {
  return {Values.begin(), Values.end()};
}

/// Broadcast as numpy does, or by blocks along an axis.
static Step arithmetic(dure::StepKind Kind, int32_t Operand,
                       const std::vector<int64_t> &Ints) {
  return Ints.empty() ? Step::arith(Kind, Operand)
                      : Step::arithBlocked(Kind, Operand, Ints[0], Ints[1]);
}

/// One recipe step in the package's terms. `Operand` is the package's index of
/// the step's other weight.
static Step translateStep(StepAttr From, int32_t Operand) {
  std::vector<int64_t> Ints = toVector(From.getInts());
  size_t Third = Ints.size() / 3, Half = Ints.size() / 2;
  switch (From.getKind()) {
  case RecipeKind::Cast:
    return Step::cast(packageElementType(From.getType().getElementType()));
  case RecipeKind::Transpose:
    return Step::transpose(Ints);
  case RecipeKind::Reshape:
    return Step::reshape(toVector(From.getType().getShape()));
  case RecipeKind::Slice:
    return Step::slice({Ints.begin(), Ints.begin() + Third},
                       {Ints.begin() + Third, Ints.begin() + 2 * Third},
                       {Ints.begin() + 2 * Third, Ints.end()});
  case RecipeKind::Multiply:
    return arithmetic(dure::StepKind::Multiply, Operand, Ints);
  case RecipeKind::Add:
    return arithmetic(dure::StepKind::Add, Operand, Ints);
  case RecipeKind::Subtract:
    return arithmetic(dure::StepKind::Subtract, Operand, Ints);
  case RecipeKind::Pad:
    return Step::pad({Ints.begin(), Ints.begin() + Half},
                     {Ints.begin() + Half, Ints.end()}, 0);
  case RecipeKind::PackPanels:
    return Step::packPanels(Ints.front());
  case RecipeKind::Concat:
    return Step::concat(Operand, Ints.front());
  }
  return {};
}

FailureOr<uint32_t> WeightTable::weight(Operation *User, StringRef Name,
                                        StepAttr Layout) {
  std::string Key = Name.str();
  if (Layout) {
    llvm::raw_string_ostream Out(Key);
    Out << " " << Layout;
  }
  if (auto Found = Known.find(Key); Found != Known.end()) {
    Used.insert(Found->second);
    return Found->second;
  }
  auto Op = Symbols.lookup<WeightOp>(Name);
  if (!Op)
    return User->emitOpError("no weight named '") << Name << "'";

  dure::Weight Out;
  // Copies in other layouts keep the name: the pack key tells them apart.
  Out.Name = Name.str();
  Out.Source = WeightSource::File;
  Out.File = static_cast<int32_t>(Op.getData().getFile());
  Out.Offset = Op.getData().getOffset();
  Out.Size = Op.getData().getSize();
  RankedTensorType Type = Op.getData().getType();
  Out.StoredType = packageElementType(Type.getElementType());
  Out.StoredShape = toVector(Type.getShape());
  SmallVector<StepAttr> Steps;
  if (ArrayAttr Recipe = Op.getRecipeAttr())
    llvm::append_range(Steps, Recipe.getAsRange<StepAttr>());
  if (Layout)
    Steps.push_back(Layout);
  for (StepAttr Each : Steps) {
    int32_t Operand = -1;
    FlatSymbolRefAttr Other = Each.getOther();
    if (Other || Each.getConstant()) {
      // Only an operand of this recipe unless a program asks for it, too.
      std::set<uint32_t> Before = Used;
      FailureOr<uint32_t> Index = Other ? weight(User, Other.getValue(), {})
                                        : constant(Op, Each.getConstant());
      if (failed(Index))
        return failure();
      Used = std::move(Before);
      Operand = static_cast<int32_t>(*Index);
    }
    Out.Steps.push_back(translateStep(Each, Operand));
    Type = Each.getType();
  }
  Out.Type = packageElementType(Type.getElementType());
  Out.Shape = toVector(Type.getShape());
  if (Layout && Layout.getKind() == RecipeKind::PackPanels)
    Out.PackKey = "panels" + std::to_string(Layout.getInts().front());
  if (Out.Type == ElementType::None || Out.StoredType == ElementType::None)
    return Op.emitOpError("has an element type that no package holds");

  Content.Weights.push_back(std::move(Out));
  uint32_t Index = Content.Weights.size() - 1;
  Known[Key] = Index;
  Used.insert(Index);
  return Index;
}

/// A constant's elements as the package stores them.
static std::string bytesOf(DenseElementsAttr Value) {
  std::string Out;
  Type Element = Value.getElementType();
  auto Append = [&](const llvm::APInt &Bits) {
    unsigned Bytes = Bits.getBitWidth() == 1 ? 1 : Bits.getBitWidth() / 8;
    uint64_t Raw = Bits.getZExtValue();
    Out.append(reinterpret_cast<const char *>(&Raw), Bytes);
  };
  if (isa<FloatType>(Element))
    for (const llvm::APFloat &Each : Value.getValues<llvm::APFloat>())
      Append(Each.bitcastToAPInt());
  else
    for (const llvm::APInt &Each : Value.getValues<llvm::APInt>())
      Append(Each);
  return Out;
}

FailureOr<uint32_t> WeightTable::constant(ConstantOp Op) {
  auto Value = dyn_cast<DenseElementsAttr>(Op.getValue());
  if (!Value)
    return Op.emitOpError("cannot be stored in a package");
  return constant(Op, Value);
}

FailureOr<uint32_t> WeightTable::constant(Operation *User,
                                          DenseElementsAttr Value) {
  std::string Key = "constant ";
  llvm::raw_string_ostream(Key) << Value;
  if (auto Found = Known.find(Key); Found != Known.end()) {
    Used.insert(Found->second);
    return Found->second;
  }
  auto Type = cast<RankedTensorType>(Value.getType());
  ElementType Element = packageElementType(Type.getElementType());
  if (Element == ElementType::None || elementBits(Element) % 8 != 0)
    return User->emitOpError("has a constant of type ")
           << Type << ", which cannot be stored in a package";
  dure::Weight Out;
  Out.Name = "constant." + std::to_string(Content.Weights.size());
  Out.Source = WeightSource::Inline;
  Out.Type = Out.StoredType = Element;
  Out.Shape = Out.StoredShape = toVector(Type.getShape());
  Out.Inline = std::make_shared<const std::string>(bytesOf(Value));
  Out.Size = Out.Inline->size();
  Content.Weights.push_back(std::move(Out));
  uint32_t Index = Content.Weights.size() - 1;
  Known[Key] = Index;
  Used.insert(Index);
  return Index;
}

std::vector<uint32_t> WeightTable::takeUsed() {
  std::vector<uint32_t> Out(Used.begin(), Used.end());
  Used.clear();
  return Out;
}
