// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions in TCL, the text that FuriosaAI's compiler reads.
//
// Included by TclText.cpp and the families of ops beside it. In TCL a tensor is
// a list of named axes, and what an op computes follows from the names: what
// dure's ops say by position is here said by axes that are one. So a function
// is written in two rounds: every op first joins the dimensions that are the
// same axis, then it writes its statements. Dimensions of size 1 are no axes
// and left out. The form of each statement is what `furiosa-tcc` 2026.4.0
// accepts; it was found by trying.
#ifndef DURE_TARGETS_RNGD_COMPILER_TCLWRITER_H
#define DURE_TARGETS_RNGD_COMPILER_TCLWRITER_H

#include "targets/rngd/compiler/Kernels.h"

#include "llvm/ADT/MapVector.h"

namespace dure::rngd {

/// A tensor of a TCL function. Axes are numbers that TclWriter names.
struct TclTensor {
  std::string name;
  llvm::SmallVector<unsigned> axes;
  std::string element;

  bool isFloat() const { return element.front() == 'f' || element == "bf16"; }
  bool has(unsigned axis) const { return llvm::is_contained(axes, axis); }
};

class TclWriter {
public:
  explicit TclWriter(mlir::func::FuncOp dispatch);

  /// Why the function cannot be written: the first reason given.
  Refusal refusal;
  void refuse(std::string why) {
    if (!refusal)
      refusal = std::move(why);
  }

  //===-- First round -----------------------------------------------------===//
  /// Sizes of a value's dimensions; what setShape gave, else its type's.
  llvm::ArrayRef<int64_t> shape(mlir::Value value);
  /// Splits dimensions: the same elements in row-major order.
  void setShape(mlir::Value value, llvm::ArrayRef<int64_t> sizes);
  /// One axis, or, of size 1, none. Refuses other sizes.
  void join(mlir::Value a, int64_t dimOfA, mlir::Value b, int64_t dimOfB);
  /// All dimensions of `a` with the last ones of `b`, as numpy aligns them.
  void joinAligned(mlir::Value a, mlir::Value b);

  //===-- Second round ----------------------------------------------------===//
  /// Makes the function's arguments its operands, in their order, but those of
  /// which a dequantize makes another operand.
  void begin();
  /// The axis of a dimension; none where its size is 1.
  std::optional<unsigned> axis(mlir::Value value, int64_t dim);
  int64_t sizeOf(unsigned axis) const { return sizes[axis]; }
  std::string axisName(unsigned axis);
  /// The tensor that stands for a value; an operand of the function the first
  /// time that one of its constants is read.
  TclTensor tensor(mlir::Value value);
  /// From here on a value is the tensor of another.
  void alias(mlir::Value value, mlir::Value of) { tensors[value] = tensor(of); }
  void alias(mlir::Value value, TclTensor of) {
    tensors[value] = std::move(of);
  }
  /// A tensor between two statements of one op.
  TclTensor temporary(llvm::ArrayRef<unsigned> axes, llvm::StringRef element);
  /// An operand that the dispatch function does not have.
  TclTensor extraOperand(llvm::StringRef name, llvm::ArrayRef<unsigned> axes,
                         llvm::StringRef element, llvm::StringRef comment);
  void statement(llvm::StringRef text) { body += text; }
  /// "[A, B]/f32"
  std::string typeOf(const TclTensor &tensor);
  /// "[A, B]"
  std::string axesOf(const TclTensor &tensor);

  /// A number all over, which is an immediate: "f0.5".
  std::optional<std::string> immediate(mlir::Value value) const;

  /// The whole function, when nothing was refused.
  std::string finish();

private:
  unsigned root(unsigned node) const;
  unsigned firstNode(mlir::Value value);

  mlir::func::FuncOp dispatch;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<int64_t>> shapes;
  llvm::DenseMap<mlir::Value, unsigned> nodes;
  llvm::SmallVector<unsigned> parents;
  llvm::SmallVector<int64_t> sizes;
  /// Axes in the order in which their names were given.
  llvm::MapVector<unsigned, std::string> names;
  llvm::DenseMap<mlir::Value, TclTensor> tensors;
  llvm::SmallVector<TclTensor> operands;
  std::string body, comments;
  unsigned made = 0;
};

/// One `tk.` statement: first all reads, then the steps, which number on.
class TclStatement {
public:
  TclStatement(TclWriter &writer, llvm::StringRef form, TclTensor result);

  /// "%0": the tensor as the steps name it; each is read once.
  std::string read(const TclTensor &tensor);
  /// The same of a value, or its immediate.
  std::string operand(mlir::Value value);
  /// A step of the vector engine.
  std::string step(const llvm::Twine &text);
  /// The product of two operands, summed over the axes that the result lacks.
  std::string contract(const std::string &a, const std::string &b);
  void end();

private:
  std::string number(const std::string &text);

  TclWriter &writer;
  TclTensor result;
  std::string lines;
  llvm::SmallVector<std::pair<std::string, std::string>> reads;
  unsigned next = 0;
};

/// "f1.0e-05": an immediate of the vector engine; nothing for NaN and
/// infinities.
std::optional<std::string> tclNumber(double value);
/// "bf16"; refuses elements that there are none of in TCL.
std::string tclElement(TclWriter &writer, mlir::Type element);

/// Steps of an elementwise op on operands as statements name them; nothing
/// where the engine has none. In TclElementwise.cpp.
std::optional<std::string> tclSteps(TclStatement &at, mlir::Operation *op,
                                    llvm::ArrayRef<std::string> in);
/// Those of a gated MLP's activation.
std::string tclActivation(TclStatement &at, GluActivation act,
                          const std::string &x);

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_TCLWRITER_H
