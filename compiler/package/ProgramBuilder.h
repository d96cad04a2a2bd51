// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The builder of one host program, registers and all.
//
// Private to compiler/package: HostProgram.cpp translates straight-line code,
// ControlFlow.cpp what chooses and repeats blocks.
#ifndef DURE_COMPILER_PACKAGE_PROGRAMBUILDER_H
#define DURE_COMPILER_PACKAGE_PROGRAMBUILDER_H

#include "compiler/dispatch/ValuePlaces.h"
#include "compiler/package/HostProgram.h"
#include "compiler/package/Transients.h"
#include "compiler/passes/specialize/Buckets.h"

#include "llvm/ADT/DenseMap.h"

#include <map>
#include <set>

namespace dure {

/// Builds one Program. Scalars are computed once per expression; buffers are
/// registers; what control flow encloses goes into blocks of its own.
class ProgramBuilder {
public:
  ProgramBuilder(mlir::func::FuncOp Function, const Entry &Signature,
                 llvm::ArrayRef<llvm::StringRef> Targets,
                 const llvm::StringMap<KernelPlace> &Kernels,
                 WeightTable &Weights)
      : Function(Function), Signature(Signature), Targets(Targets),
        Kernels(Kernels), Weights(Weights), Places(Function, Targets.front()) {}

  mlir::FailureOr<Program> build();
  /// The program of an entry that is a table of buckets, `Function` being its
  /// signature with a block of arguments alone, `Callees` the buckets'
  /// functions.
  mlir::FailureOr<Program>
  buildBuckets(const BucketTable &Table,
               llvm::ArrayRef<mlir::func::FuncOp> Callees);

private:
  // Scalars.
  ScalarReg newScalar() { return Out.ScalarRegisters++; }
  mlir::FailureOr<ScalarReg> scalar(mlir::Location Loc, const DimExpr &Expr);
  mlir::LogicalResult bindInputs();
  mlir::LogicalResult checkEqualDims();
  mlir::LogicalResult bindState();
  bool isBound(const DimExpr &Expr) const;

  // Memory.
  DeviceIndex deviceOf(llvm::StringRef Target) const;
  /// Where a value lies; the first device for what lies anywhere.
  DeviceIndex deviceOf(mlir::Value V) { return deviceOf(Places.of(V)); }
  mlir::LogicalResult allocateArena(mlir::func::FuncOp Of);
  mlir::FailureOr<BufferReg> memoryFor(mlir::Operation *Op, mlir::Value V,
                                       DeviceIndex On);
  /// Memory for a constant that repeats one element, filled at run time.
  mlir::FailureOr<BufferReg> filled(mlir::Operation *User, ConstantOp Op,
                                    FillOp Fill, DeviceIndex On);
  mlir::FailureOr<BufferReg> bufferOf(mlir::Operation *User, mlir::Value V,
                                      StepAttr Layout, DeviceIndex On);
  mlir::FailureOr<BufferReg> plainBuffer(mlir::Operation *User, mlir::Value V,
                                         DeviceIndex On);

  // Operations.
  mlir::LogicalResult translate(mlir::Operation &Op);
  mlir::LogicalResult translateDispatch(CallDispatchOp Op);
  mlir::LogicalResult translateTransfer(TransferOp Op);
  mlir::LogicalResult translateDefineDims(DefineDimsOp Op);
  mlir::LogicalResult translateBindDims(BindDimsOp Op);
  mlir::LogicalResult translateReturn(mlir::func::ReturnOp Op);

  // Control flow (ControlFlow.cpp).
  class BlockScope;
  /// A tensor that several blocks make, or one again and again: its memory,
  /// always on one device, and registers of the dims that nothing else says.
  struct Variable {
    BufferReg Buffer = 0;
    DeviceIndex On = 0;
    llvm::SmallVector<DimExpr> Dims;
    llvm::SmallVector<std::optional<ScalarReg>> Sizes;
  };
  struct Stack;
  Variable declare(mlir::Type Of, DeviceIndex On);
  void bindSymbols(const Variable &V);
  /// Sets the registers of sizes to those of a tensor that was made.
  mlir::LogicalResult setSizes(mlir::Location Loc, const Variable &To,
                               mlir::RankedTensorType Type);
  mlir::LogicalResult assign(mlir::Operation *User, const Variable &To,
                             mlir::Value From);
  mlir::LogicalResult translateBlock(mlir::Region &Body);
  mlir::LogicalResult translateIf(BranchOp Op);
  mlir::LogicalResult translateLoop(IterateOp Op);
  mlir::LogicalResult translateLoopBody(IterateOp Op, const LoopOp &Made,
                                        ScalarReg Count,
                                        llvm::ArrayRef<Variable> Carried,
                                        llvm::ArrayRef<Stack> Stacks);
  mlir::LogicalResult carryOn(IterateOp Op, llvm::ArrayRef<Variable> Carried);
  mlir::FailureOr<Stack> declareStack(IterateOp Op, mlir::Value Result);
  mlir::LogicalResult push(IterateOp Op, const Stack &To, mlir::Value From,
                           ScalarReg Trips);
  mlir::LogicalResult bindLoopResults(IterateOp Op,
                                      llvm::ArrayRef<Variable> Carried,
                                      llvm::ArrayRef<Stack> Stacks);
  void move(ScalarReg To, ScalarReg From);
  ScalarReg compute(ScalarOpKind Kind, ScalarReg A, ScalarReg B);

  // Shape buckets (BucketCalls.cpp).
  mlir::LogicalResult begin();
  mlir::LogicalResult growState();
  llvm::SmallVector<ScalarReg> chooseBucket(const BucketTable &Table);
  void refuseShapes(const BucketTable &Table, ScalarReg Chosen);
  Variable declareResult(mlir::Type Of, DeviceIndex On);
  mlir::LogicalResult translateBucket(mlir::func::FuncOp Callee,
                                      llvm::ArrayRef<Variable> Results);
  mlir::LogicalResult bindBucketInput(mlir::func::FuncOp Callee,
                                      mlir::BlockArgument Own,
                                      mlir::BlockArgument Its, DeviceIndex On);
  mlir::LogicalResult bucketResult(const Variable &To,
                                   mlir::func::FuncOp Callee,
                                   mlir::Value Value);
  mlir::LogicalResult returnResults(llvm::ArrayRef<Variable> Results);
  std::set<DeviceIndex> devicesOfUsers(mlir::Value V);
  mlir::FailureOr<ScalarReg> haveSizes(llvm::ArrayRef<DimExpr> Dims,
                                       llvm::ArrayRef<int64_t> Sizes);
  mlir::LogicalResult copyCorner(BufferReg To, Space Where, DeviceIndex On,
                                 BufferReg From, mlir::RankedTensorType Of,
                                 llvm::ArrayRef<DimExpr> FromDims,
                                 llvm::ArrayRef<DimExpr> ToDims);

  // Instructions.
  void barrierIfNeeded(llvm::ArrayRef<Binding> Bindings);
  mlir::LogicalResult addTrace(CallDispatchOp Op, mlir::func::FuncOp Callee,
                               const std::map<std::string, DimExpr> &InCaller,
                               DispatchOp &Made);
  mlir::LogicalResult buildTraceBlock();

  template <typename T> void emit(T Instruction) {
    Out.Blocks[EmitTo].Instructions.push_back(std::move(Instruction));
  }

  mlir::func::FuncOp Function;
  const Entry &Signature;
  llvm::ArrayRef<llvm::StringRef> Targets;
  const llvm::StringMap<KernelPlace> &Kernels;
  WeightTable &Weights;
  ValuePlaces Places;
  /// The index of each argument among the inputs, or the states.
  llvm::DenseMap<mlir::Value, uint32_t> InputIndex, StateIndex;

  Program Out;
  /// The block that instructions go to: the body, a block of control flow, at
  /// the end the trace block.
  uint32_t EmitTo = 0;
  std::map<std::string, ScalarReg> Scalars;

  /// Operations and bytes of each trace row in the caller's symbols.
  struct Cost {
    std::optional<DimExpr> Flops;
    DimExpr Bytes;
  };
  std::vector<Cost> Costs;

  /// Pairs of dure.equal_dims that are still to be checked.
  llvm::SmallVector<DimsAttr> UncheckedPairs;

  TransientPlan Transients;
  std::vector<ScalarReg> SlotOffsets;
  std::vector<BufferReg> Arenas; // by device
  /// Registers of values by device: what lies anywhere may be on several.
  using BufferMap =
      llvm::DenseMap<std::pair<mlir::Value, DeviceIndex>, BufferReg>;
  using WeightKey = std::tuple<std::string, const void *, DeviceIndex>;
  BufferMap Buffers;
  std::map<WeightKey, BufferReg> WeightBuffers;

  /// Memory written and read since the last barrier, by slot or buffer.
  std::set<int64_t> Written, Read;
  llvm::DenseMap<BufferReg, int64_t> MemoryOf;
};

} // namespace dure

#endif // DURE_COMPILER_PACKAGE_PROGRAMBUILDER_H
