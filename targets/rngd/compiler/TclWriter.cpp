// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Functions in TCL.
#include "targets/rngd/compiler/TclWriter.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace mlir;

namespace dure::rngd {

std::optional<std::string> tclNumber(double value) {
  if (!std::isfinite(value))
    return std::nullopt;
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", value);
  if (!StringRef(text).contains('.'))
    text.insert(std::min(text.find('e'), text.size()), ".0");
  return "f" + text;
}

std::string tclElement(TclWriter &writer, Type element) {
  if (element.isF32())
    return "f32";
  if (element.isBF16())
    return "bf16";
  if (element.isF16())
    return "f16";
  if (isa<Float8E4M3FNType>(element))
    return "f8_e4";
  if (isa<Float8E5M2Type>(element))
    return "f8_e5";
  if (element.isInteger(1))
    return "bool";
  for (unsigned width : {8, 16, 32})
    if (element.isSignlessInteger(width) || element.isUnsignedInteger(width))
      return (element.isUnsignedInteger() ? "u" : "i") + std::to_string(width);
  std::string name;
  llvm::raw_string_ostream(name) << element;
  writer.refuse("TCL does not take elements of " + name);
  return name;
}

//===-- TclWriter ---------------------------------------------------------===//

TclWriter::TclWriter(func::FuncOp dispatch) : dispatch(dispatch) {}

ArrayRef<int64_t> TclWriter::shape(Value value) {
  auto known = shapes.find(value);
  if (known == shapes.end())
    known = shapes.try_emplace(value, shapeOf(value)).first;
  return known->second;
}

void TclWriter::setShape(Value value, ArrayRef<int64_t> given) {
  if (ArrayRef(shape(value)) == given)
    return;
  // An op before this one has joined the dimensions as they were.
  if (nodes.count(value))
    return refuse("TCL has no reshape between its ops");
  shapes[value].assign(given.begin(), given.end());
}

unsigned TclWriter::firstNode(Value value) {
  auto [at, isNew] = nodes.try_emplace(value, parents.size());
  if (isNew)
    for (int64_t size : shape(value)) {
      parents.push_back(parents.size());
      sizes.push_back(size);
    }
  return at->second;
}

unsigned TclWriter::root(unsigned node) const {
  while (parents[node] != node)
    node = parents[node];
  return node;
}

void TclWriter::join(Value a, int64_t dimOfA, Value b, int64_t dimOfB) {
  unsigned ofA = root(firstNode(a) + dimOfA), ofB = root(firstNode(b) + dimOfB);
  if (sizes[ofA] == 1 || sizes[ofB] == 1 || ofA == ofB)
    return;
  if (sizes[ofA] != sizes[ofB])
    return refuse("TCL has no reshape between its ops");
  // The older name stays.
  parents[std::max(ofA, ofB)] = std::min(ofA, ofB);
}

void TclWriter::joinAligned(Value a, Value b) {
  int64_t ranksA = shape(a).size(), ranksB = shape(b).size();
  if (ranksA > ranksB)
    return refuse("TCL has no reshape between its ops");
  for (int64_t i = 0; i < ranksA; ++i)
    join(a, i, b, i + ranksB - ranksA);
}

/// Indices are of 32 bits in TCL.
static bool isIndex(Value value) {
  return !value.use_empty() &&
         llvm::all_of(value.getUses(), [](OpOperand &use) {
           auto gather = dyn_cast<GatherOp>(use.getOwner());
           return gather && use.get() == gather.getIndices() &&
                  use.get() != gather.getX();
         });
}

void TclWriter::begin() {
  for (Value argument : dispatch.getArguments())
    if (!llvm::all_of(argument.getUsers(), llvm::IsaPred<DequantizeOp>))
      typeOf(tensor(argument));
}

std::optional<unsigned> TclWriter::axis(Value value, int64_t dim) {
  if (shape(value)[dim] == 1)
    return std::nullopt;
  return root(firstNode(value) + dim);
}

std::string TclWriter::axisName(unsigned axis) {
  // Letters, as people write axes; of many, with numbers.
  auto [at, isNew] = names.try_emplace(axis);
  if (isNew) {
    size_t i = names.size() - 1;
    at->second = std::string(1, static_cast<char>('A' + i % 26));
    if (i >= 26)
      at->second += std::to_string(i / 26);
  }
  return at->second;
}

TclTensor TclWriter::tensor(Value value) {
  auto known = tensors.find(value);
  if (known != tensors.end())
    return known->second;
  TclTensor made;
  Type element = cast<RankedTensorType>(value.getType()).getElementType();
  made.element = isIndex(value) && element.isInteger()
                     ? "i32"
                     : tclElement(*this, element);
  for (int64_t i = 0, e = shape(value).size(); i < e; ++i) {
    std::optional<unsigned> at = axis(value, i);
    if (!at)
      continue;
    if (made.has(*at))
      refuse("a tensor has one axis twice, as products of a tensor with itself "
             "make it");
    if (sizes[*at] == 0)
      refuse("a tensor has no elements");
    made.axes.push_back(*at);
  }
  bool isArgument = isa<BlockArgument>(value);
  if (isArgument)
    made.name = "x" + std::to_string(cast<BlockArgument>(value).getArgNumber());
  else if (value.getDefiningOp<dure::ConstantOp>())
    made.name = "c" + std::to_string(this->made++);
  else
    made.name = "v" + std::to_string(this->made++);
  if (isArgument || made.name.front() == 'c')
    operands.push_back(made);
  return tensors[value] = made;
}

TclTensor TclWriter::temporary(ArrayRef<unsigned> axes, StringRef element) {
  TclTensor out;
  out.name = "v" + std::to_string(made++);
  out.axes.assign(axes.begin(), axes.end());
  out.element = element.str();
  return out;
}

TclTensor TclWriter::extraOperand(StringRef name, ArrayRef<unsigned> axes,
                                  StringRef element, StringRef comment) {
  TclTensor out;
  out.name = name.str() + std::to_string(made++);
  out.axes.assign(axes.begin(), axes.end());
  out.element = element.str();
  operands.push_back(out);
  comments += ("# " + out.name + ": " + comment + "\n").str();
  return out;
}

std::string TclWriter::axesOf(const TclTensor &tensor) {
  return "[" +
         llvm::join(llvm::map_range(tensor.axes,
                                    [&](unsigned at) { return axisName(at); }),
                    ", ") +
         "]";
}

std::string TclWriter::typeOf(const TclTensor &tensor) {
  return axesOf(tensor) + "/" + tensor.element;
}

std::optional<std::string> TclWriter::immediate(Value value) const {
  auto constant = value.getDefiningOp<dure::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || !dense.isSplat() || !isa<FloatType>(dense.getElementType()))
    return std::nullopt;
  APFloat number = dense.getSplatValue<APFloat>();
  bool loses = false;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &loses);
  return tclNumber(number.convertToDouble());
}

std::string TclWriter::finish() {
  std::string types, values;
  Operation *back = dispatch.getBody().front().getTerminator();
  for (Value value : back->getOperands()) {
    TclTensor tensor = this->tensor(value);
    types += (types.empty() ? "" : ", ") + typeOf(tensor);
    values += (values.empty() ? "" : ", ") + tensor.name;
  }
  std::string given;
  for (const TclTensor &each : operands)
    given +=
        (given.empty() ? "    " : ",\n    ") + each.name + ": " + typeOf(each);
  // An axis that is not bound, or not asserted, counts as one of no size.
  std::string bound, asserted;
  for (const auto &[axis, name] : names) {
    std::string size = std::to_string(sizes[axis]);
    bound += (bound.empty() ? "" : ", ") + name + "=" + size;
    asserted += "    assert " + name + " == " + size + "\n";
  }
  std::string out;
  llvm::raw_string_ostream(out)
      << comments << "def " << dispatch.getSymName() << "<" << bound << ">(\n"
      << given << "\n) -> " << types << ":\n"
      << asserted << body << "    return " << values << "\n";
  return out;
}

//===-- TclStatement ------------------------------------------------------===//

TclStatement::TclStatement(TclWriter &writer, StringRef form, TclTensor given)
    : writer(writer), result(std::move(given)) {
  lines = "    " + result.name + ": " + writer.typeOf(result) + " = tk." +
          form.str() + "(\n";
}

std::string TclStatement::number(const std::string &text) {
  std::string name = "%" + std::to_string(next++);
  lines += "        " + name + " = " + text + "\n";
  return name;
}

std::string TclStatement::read(const TclTensor &tensor) {
  for (const auto &[name, place] : reads)
    if (name == tensor.name)
      return place;
  std::string place = number("read(" + tensor.name + ")");
  reads.push_back({tensor.name, place});
  return place;
}

std::string TclStatement::operand(Value value) {
  std::optional<std::string> number = writer.immediate(value);
  return number ? *number : read(writer.tensor(value));
}

std::string TclStatement::step(const Twine &text) {
  return number("ve.exec(" + text.str() + ")");
}

std::string TclStatement::contract(const std::string &a, const std::string &b) {
  return number("dpe.exec(" + a + "," + b + " -> " + writer.axesOf(result) +
                ")");
}

void TclStatement::end() {
  lines += "        write.to(" + writer.typeOf(result) + ")\n    )\n";
  writer.statement(lines);
}

} // namespace dure::rngd
