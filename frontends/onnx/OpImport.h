// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an importer of one operator sees: the node, and how to build dure ops.
//
// Private to frontends/onnx. An importer binds operands and attributes with
// their defaults, then computes. A failing call records a refusal and gives a
// null Value; calls given a null Value give a null Value: importers need no
// checks between steps.

#ifndef DURE_FRONTENDS_ONNX_OPIMPORT_H
#define DURE_FRONTENDS_ONNX_OPIMPORT_H

#include "dialects/dure/DureOps.h"
#include "frontends/onnx/Model.h"
#include "frontends/onnx/Refusal.h"

#include "llvm/ADT/StringSet.h"

namespace dure::onnx {

class GraphImporter;
class OpImport;

using Dims = llvm::SmallVector<DimExpr>;

/// An importer: sets every result that the node names, or refuses.
using ImportFn = mlir::LogicalResult (*)(OpImport &);

/// One operator that Dure imports.
struct OpEntry {
  const char *Name;
  /// Schema versions, ascending; what lies between is the earlier one.
  std::vector<int64_t> Since;
  unsigned MinInputs;
  unsigned MaxInputs; ///< ~0u for variadic.
  ImportFn Import;
  const char *Domain = "";
  /// The opset that took the operator out of the standard; 0: none has.
  int64_t RemovedIn = 0;
};

/// The operators of one family, each defined in ops/<family>.cpp.
llvm::ArrayRef<OpEntry> elementwiseOps();
llvm::ArrayRef<OpEntry> activationOps();
llvm::ArrayRef<OpEntry> shapeOps();
llvm::ArrayRef<OpEntry> sortingOps();
llvm::ArrayRef<OpEntry> movementOps();
llvm::ArrayRef<OpEntry> gatherOps();
llvm::ArrayRef<OpEntry> reductionOps();
llvm::ArrayRef<OpEntry> matMulOps();
llvm::ArrayRef<OpEntry> normalizationOps();
llvm::ArrayRef<OpEntry> attentionOps();
llvm::ArrayRef<OpEntry> constantOps();
llvm::ArrayRef<OpEntry> quantizationOps();
llvm::ArrayRef<OpEntry> controlFlowOps();
llvm::ArrayRef<OpEntry> convolutionOps();
llvm::ArrayRef<OpEntry> lossOps();
llvm::ArrayRef<OpEntry> poolingOps();
llvm::ArrayRef<OpEntry> selectionOps();
llvm::ArrayRef<OpEntry> resizeOps();
llvm::ArrayRef<OpEntry> rnnOps();
llvm::ArrayRef<OpEntry> samplingOps();
llvm::ArrayRef<OpEntry> signalOps();
llvm::ArrayRef<OpEntry> microsoftOps();
llvm::ArrayRef<OpEntry> microsoftAttentionOps();
llvm::ArrayRef<OpEntry> microsoftExpertOps();
llvm::ArrayRef<OpEntry> microsoftQuantizationOps();
llvm::ArrayRef<OpEntry> dataDependentOps();
llvm::ArrayRef<OpEntry> einsumOps();
llvm::ArrayRef<OpEntry> recurrenceOps();
llvm::ArrayRef<OpEntry> trigonometryOps();

/// The entry for an operator; null when there is none.
const OpEntry *findOp(llvm::StringRef Domain, llvm::StringRef Name);
/// An attribute that the standard requires of the node and that is not there;
/// empty when all are.
llvm::StringRef missingAttribute(const Node &N, int64_t Opset);
/// True when any operator of the domain has an importer.
bool isKnownDomain(llvm::StringRef Domain);

inline mlir::RankedTensorType typeOf(mlir::Value V) {
  return llvm::cast<mlir::RankedTensorType>(V.getType());
}
inline mlir::Type elementOf(mlir::Value V) {
  return typeOf(V).getElementType();
}
/// True when a tensor of these sizes could exist: none is negative, invalid or
/// absurdly long, and the known ones multiply to less than 2^56 elements.
bool arePossibleSizes(llvm::ArrayRef<DimExpr> Sizes);

/// The product of sizes; invalid when it overflows or grows out of hand.
DimExpr countOf(llvm::ArrayRef<DimExpr> Sizes);

/// What a tensor of integers of type `Element` holds when `E` is stored in it:
/// constants wrap around. Empty when that is not known: the symbols may take it
/// out of the type's range, or it is beyond what expressions hold.
std::optional<DimExpr> asInteger(const DimExpr &E, mlir::Type Element);

inline int64_t rankOf(mlir::Value V) { return typeOf(V).getRank(); }

class OpImport {
public:
  OpImport(GraphImporter &G, const Node &N, int64_t Version, int64_t Opset,
           mlir::Location Loc);

  //===--------------------------------------------------------------------===//
  // The node
  //===--------------------------------------------------------------------===//

  /// The schema version in effect: the largest of OpEntry::Since that the
  /// imported opset reaches.
  int64_t version() const { return Version; }
  llvm::StringRef op() const { return {N.OpType.data(), N.OpType.size()}; }

  unsigned numInputs() const { return N.Inputs.size(); }
  unsigned numOutputs() const { return N.Outputs.size(); }
  /// True when input `I` is given.
  bool has(unsigned I) const;
  /// True when somebody may read output `I`.
  bool wants(unsigned I) const;
  llvm::StringRef outputName(unsigned I) const;
  /// Input `I`, which must be given.
  mlir::Value in(unsigned I);
  /// The stored tensor that input `I` is, null when it is computed.
  const Tensor *initializer(unsigned I);
  /// All inputs, which must be given.
  llvm::SmallVector<mlir::Value> ins();

  int64_t intAttr(llvm::StringRef Name, int64_t Default);
  bool boolAttr(llvm::StringRef Name, bool Default) {
    return intAttr(Name, Default) != 0;
  }
  float floatAttr(llvm::StringRef Name, float Default);
  llvm::StringRef stringAttr(llvm::StringRef Name, llvm::StringRef Default);
  std::optional<llvm::ArrayRef<int64_t>> intsAttr(llvm::StringRef Name);
  /// Any attribute, marked as read; null when it is not given.
  const Attribute *attribute(llvm::StringRef Name);
  /// As above; an attribute of another type is refused.
  const Attribute *attribute(llvm::StringRef Name, AttributeType Type);

  /// `Axis` counted from the front; refuses one outside [-Rank, Rank).
  std::optional<int64_t> axis(int64_t Axis, int64_t Rank);
  /// Several axes, normalized, sorted and unique.
  std::optional<llvm::SmallVector<int64_t>> axes(llvm::ArrayRef<int64_t> Axes,
                                                 int64_t Rank);

  /// Sets output `I`. Null means that a refusal was recorded.
  mlir::LogicalResult result(unsigned I, mlir::Value V);
  mlir::LogicalResult result(mlir::Value V) { return result(0, V); }

  /// Records a refusal of this node. Converts to a null Value and to failure.
  struct Refused {
    operator mlir::Value() const { return {}; }
    operator mlir::LogicalResult() const { return mlir::failure(); }
    operator std::nullopt_t() const { return std::nullopt; }
    template <typename T> operator std::optional<T>() const {
      return std::nullopt;
    }
  };
  Refused refuse(RefusalCode Code, std::vector<std::string> Arguments = {});

  //===--------------------------------------------------------------------===//
  // Integers known while importing
  //===--------------------------------------------------------------------===//

  /// What is known of an integer tensor of rank 0 or 1.
  std::optional<Dims> tracked(mlir::Value V);
  /// What is known of an integer tensor of any rank, in row-major order.
  std::optional<Dims> elements(mlir::Value V);
  /// A tensor of known integers of this shape, which has as many elements;
  /// remembered as such.
  mlir::Value shaped(llvm::ArrayRef<DimExpr> Values,
                     llvm::ArrayRef<int64_t> Shape, mlir::Type Element);
  /// The elements of input `I` as expressions; read at run time when they are
  /// not known. Refuses tensors of rank above 1 or unknown length.
  std::optional<Dims> exprs(unsigned I);
  /// The elements of input `I`, which must be constants.
  std::optional<llvm::SmallVector<int64_t>> constants(unsigned I);
  /// The elements of input `I`, which must be constant floats, at most 64.
  std::optional<llvm::SmallVector<double>> numbers(unsigned I);
  /// The single element of an integer tensor, read at run time.
  std::optional<DimExpr> readAtRunTime(mlir::Value V);
  /// A tensor of known integers, rank 0 when `Scalar`; remembered as such.
  mlir::Value integers(llvm::ArrayRef<DimExpr> Values, bool Scalar,
                       mlir::Type Element = {});

  /// Notes that two sizes must be equal; refuses unlike constants.
  bool equal(const DimExpr &L, const DimExpr &R);
  /// The simplest expression known to be equal; a long one gets a name.
  DimExpr settle(const DimExpr &E);
  /// A name for a size that is computed from values read at run time.
  DimExpr bindSize(const DimExpr &E);
  /// An expression as the size that it must be: what cannot be shown not to be
  /// negative is required not to be.
  std::optional<DimExpr> nonNegative(const DimExpr &E);
  /// As asInteger. Sizes that 32 bits may not hold are required to fit:
  /// exporters that compute shapes in int32 count on it.
  std::optional<DimExpr> asRequiredInteger(const DimExpr &E,
                                           mlir::Type Element);

  //===--------------------------------------------------------------------===//
  // Building
  //===--------------------------------------------------------------------===//

  mlir::OpBuilder &builder();
  mlir::Location loc() const { return Loc; }
  mlir::MLIRContext *context();

  template <typename OpTy>
  mlir::Value create(llvm::ArrayRef<mlir::Value> Operands,
                     llvm::ArrayRef<mlir::NamedAttribute> Attributes = {}) {
    return createNamed(OpTy::getOperationName(), Operands, Attributes);
  }
  mlir::Value createNamed(llvm::StringRef OpName,
                          llvm::ArrayRef<mlir::Value> Operands,
                          llvm::ArrayRef<mlir::NamedAttribute> Attributes);

  mlir::NamedAttribute named(llvm::StringRef Name, mlir::Attribute Value);
  mlir::NamedAttribute named(llvm::StringRef Name, int64_t Value);
  mlir::NamedAttribute named(llvm::StringRef Name, bool Value);
  mlir::NamedAttribute named(llvm::StringRef Name, float Value);
  mlir::NamedAttribute named(llvm::StringRef Name,
                             llvm::ArrayRef<int64_t> Value);
  mlir::NamedAttribute named(llvm::StringRef Name,
                             llvm::ArrayRef<DimExpr> Value);
  mlir::NamedAttribute named(llvm::StringRef Name, mlir::Type Value);

  /// A rank-0 constant of an element type; floats are rounded to it.
  mlir::Value scalar(mlir::Type Element, double Value);
  mlir::Value scalarLike(mlir::Value Like, double Value);
  mlir::Value constant(mlir::DenseElementsAttr Value);
  mlir::Value reshape(mlir::Value X, llvm::ArrayRef<DimExpr> To);
  mlir::Value broadcast(mlir::Value X, llvm::ArrayRef<DimExpr> To);
  mlir::Value transpose(mlir::Value X, llvm::ArrayRef<int64_t> Permutation);
  mlir::Value cast(mlir::Value X, mlir::Type To);
  /// 0, 1, 2, ... along an axis, as i64.
  mlir::Value iota(llvm::ArrayRef<DimExpr> Shape, int64_t Axis);
  mlir::Value compare(mlir::Value L, mlir::Value R, ComparePredicate How);
  /// An operand that is chosen, not trained: a few floats of the model as
  /// constants.
  mlir::Value chosen(mlir::Value V);
  mlir::Value reduce(mlir::Value X, ReduceKind Kind,
                     llvm::ArrayRef<int64_t> Axes, bool KeepDims);
  /// A constant tensor of the model: small ones as attributes, others as
  /// weights.
  mlir::Value tensor(const Tensor &T, llvm::StringRef Name);

  /// The MLIR element type; refuses types that Dure does not compute with.
  mlir::Type element(DataType Type);
  mlir::Type element(int64_t Type);

  /// The run, for importers of subgraphs.
  GraphImporter &graph() { return G; }

  /// Refuses attributes that no one asked for.
  mlir::LogicalResult finish();

private:
  /// Refuses sizes that are negative, or too many elements to count.
  bool checkSizes(llvm::ArrayRef<DimExpr> Sizes);
  /// Notes what an op demands of its operands' sizes.
  bool noteSizes(mlir::Operation *Op);

  GraphImporter &G;
  const Node &N;
  int64_t Version;
  int64_t Opset;
  mlir::Location Loc;
  llvm::StringSet<> Asked;
  /// An attribute was refused while it was made: no op may be made with it.
  bool HasBadAttribute = false;
};

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_OPIMPORT_H
