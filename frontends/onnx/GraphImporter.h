// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One run over a model's graph: scopes, constants, weights, symbols.
//
// Private to frontends/onnx. A run may find that dims which the file names
// differently are equal; the importer then starts another run that knows it
// (Importer.cpp), so that every type is inferred from settled dims.

#ifndef DURE_FRONTENDS_ONNX_GRAPHIMPORTER_H
#define DURE_FRONTENDS_ONNX_GRAPHIMPORTER_H

#include "frontends/onnx/Importer.h"
#include "frontends/onnx/ModelFile.h"
#include "frontends/onnx/OpImport.h"
#include "frontends/onnx/SymbolicDims.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <tuple>

namespace dure::onnx {

class GraphImporter {
public:
  GraphImporter(const ModelFile &File, mlir::MLIRContext &Context,
                const ImportOptions &Options,
                llvm::ArrayRef<const ValueInfo *> Inputs,
                llvm::ArrayRef<Tensor> Given, SymbolicDims &Symbols);

  /// Imports the main graph with `Inputs` as the arguments, whose dims
  /// `Symbols` knows by their order, and the values `Given` to others as
  /// initializers; what inputs remain were refused. Refusals are added to
  /// `Refusals`; the module is complete when there are none.
  mlir::OwningOpRef<mlir::ModuleOp> run(std::vector<Refusal> &Refusals);

  // For OpImport.
  mlir::OpBuilder &builder() { return Builder; }
  SymbolicDims &symbols() { return Symbols; }
  void refuse(Refusal R);
  /// The value of a name; null when its producer was refused. Initializers are
  /// made at their first use.
  mlir::Value lookup(std::string_view Name);
  void define(std::string_view Name, mlir::Value V);
  /// The initializer of a name; null when it names another value.
  const Tensor *initializer(std::string_view Name) const;
  /// A constant or a weight; null and an explanation when it is neither.
  mlir::Value materialize(const Tensor &T, llvm::StringRef Name,
                          mlir::Location Loc, Refusal &Why);
  mlir::Type elementType(DataType Type);

  std::optional<Dims> tracked(mlir::Value V) const;
  void track(mlir::Value V, Dims Values);
  /// The elements of a constant tensor of floats, at most 64.
  std::optional<llvm::SmallVector<double>> numbersOf(mlir::Value V);
  /// V, or the constant that it is when it is a few floats of a file: for
  /// operands that are chosen, not trained, and say more in the open (the
  /// bounds of a histogram's bins, the zeros that it begins with).
  mlir::Value asChosen(mlir::Value V);
  /// The elements of an integer tensor, read at run time.
  std::optional<Dims> readDims(mlir::Value V, mlir::Location Loc);
  /// A new name for an expression that would only grow; the same for the same
  /// one. `IsSize` says that it is never negative.
  DimExpr bind(const DimExpr &E, bool IsSize, mlir::Location Loc);

  /// Imports a node's subgraph to the end of `Into`; it reads the names around
  /// it. `Arguments` are its inputs. Gives its outputs, or nothing when a node
  /// was refused.
  std::optional<llvm::SmallVector<mlir::Value>>
  importBody(const Graph &Body, mlir::Block &Into,
             llvm::ArrayRef<mlir::Value> Arguments);
  /// Subgraphs around the node that is being imported.
  size_t bodyDepth() const { return BodyDepth; }
  std::string freshName(const char *Prefix);

  /// What has been found out so far, so that a body can be imported on trial.
  struct Mark {
    size_t Refusals, Equalities, Tracked, Names;
  };
  Mark mark() const;
  /// Forgets what came after the mark; gives the refusals among it. The ops of
  /// the body are the caller's to erase, afterwards.
  std::vector<Refusal> rollBack(const Mark &To);
  /// Forgets what is known of values in blocks that came after the mark: to be
  /// called before the blocks are erased.
  void forgetValues(const Mark &From);
  /// Whether an expression holds a name that was made after the mark.
  bool isNewSince(const Mark &From, const DimExpr &E) const;

private:
  /// Names in sight: of the graph, of a subgraph, or of the body of one inlined
  /// function.
  struct Scope {
    llvm::StringMap<mlir::Value> Values;
    llvm::StringMap<const Tensor *> Initializers;
    const std::vector<OpsetImport> *Opsets = nullptr;
    /// Inputs of a function that its call leaves out.
    llvm::StringSet<> LeftOut;
    /// A subgraph: the names of the scope before this one are in sight, too.
    bool SeesOuter = false;
  };

  mlir::func::FuncOp createMain(const Graph &Main, mlir::Location Loc);
  void importNodes(const std::vector<Node> &Nodes);
  void importNode(const Node &N);
  void importBound(const Node &N);
  void poisonOutputs(const Node &N);
  bool isLeftOut(std::string_view Name) const;
  bool dependsOnCall(const Node &N) const;
  mlir::Value resultOf(std::string_view Name);
  void importCall(const Node &N, const Function &F);
  void importOp(const Node &N);
  /// Accounts for bytes that a call repeats; false, having refused it, when
  /// they are too many.
  bool chargeRepeated(const Node &N, uint64_t Bytes);
  static void bindAttributes(Node &Inner, const Node &Call, const Function &F);
  const Function *findFunction(const Node &N) const;
  int64_t opsetOf(std::string_view Domain) const;
  Refusal refusalOf(const Node &N, RefusalCode Code,
                    std::vector<std::string> Arguments) const;
  bool inputsAreKnown(const Node &N);
  mlir::Value initialValue(const Tensor &T, std::string_view Name);
  mlir::Location locationOf(const Node &N);
  void checkOpset();
  bool checkOutput(const ValueInfo &Output, mlir::Value V);
  void finishFunction(const Graph &Main, mlir::func::FuncOp Func);
  void eraseDeadOps(mlir::func::FuncOp Func);
  std::string_view storedBytes(GetWeightOp Read);
  mlir::Value inlineElements(std::string_view Bytes,
                             mlir::RankedTensorType Type, mlir::Location Loc);
  mlir::Value weight(const Tensor &T, mlir::RankedTensorType Type,
                     llvm::StringRef Name, mlir::Location Loc);

  const ModelFile &File;
  const ImportOptions &Options;
  llvm::ArrayRef<const ValueInfo *> Inputs;
  llvm::ArrayRef<Tensor> Given;
  SymbolicDims &Symbols;
  mlir::OpBuilder Builder;
  mlir::ModuleOp Module;
  std::vector<Refusal> *Refusals = nullptr;

  bool IsTooOld = false;

  std::vector<Scope> Scopes;
  /// The calls that the nodes of today stand in, outermost first.
  struct Call {
    const Function *Of;
    const Node *From;
  };
  std::vector<Call> Calls;
  /// Domain, name and overload.
  std::map<std::tuple<std::string_view, std::string_view, std::string_view>,
           const Function *>
      Functions;
  uint64_t NodeCount = 0;
  /// Bytes that inlined calls have copied, of nodes and of constants.
  uint64_t RepeatedBytes = 0;

  llvm::DenseMap<mlir::Value, Dims> Tracked;
  llvm::DenseMap<mlir::Value, Dims> ReadAtRunTime;
  unsigned NextRead = 0;
  std::map<std::string, DimExpr> Bound;
  /// Keys of the maps above and names, in the order in which they came.
  std::vector<mlir::Value> TrackedLog, ReadLog;
  std::vector<std::string> BoundLog, NameLog;
  /// Constants and weights that subgraphs read are made here.
  mlir::Block *Entry = nullptr;
  size_t BodyDepth = 0;

  /// Weights by file range and type, so that a tied weight is one symbol.
  struct WeightKey {
    uint32_t File;
    uint64_t Offset;
    mlir::Type Type;
    bool operator<(const WeightKey &R) const {
      return std::tuple(File, Offset, Type.getAsOpaquePointer()) <
             std::tuple(R.File, R.Offset, R.Type.getAsOpaquePointer());
    }
  };
  std::map<WeightKey, mlir::Value> Weights;
  llvm::DenseMap<mlir::Value, mlir::Value> Chosen;
  llvm::StringMap<unsigned> SymbolNames;
};

} // namespace dure::onnx

#endif // DURE_FRONTENDS_ONNX_GRAPHIMPORTER_H
