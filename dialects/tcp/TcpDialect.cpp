// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registration of the tcp dialect; how its types and maps read.
#include "dialects/tcp/TcpOps.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace dure;
using namespace dure::tcp;

#include "dialects/tcp/TcpDialect.cpp.inc"
#include "dialects/tcp/TcpEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/tcp/TcpAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/tcp/TcpTypes.cpp.inc"

void TcpDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/tcp/TcpAttrs.cpp.inc"
      >();
}

void TcpDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/tcp/TcpTypes.cpp.inc"
      >();
}

void TcpDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "dialects/tcp/TcpOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

/// `AXIS (by STRIDE)? : SIZE (of EXTENT)?`, with `_` for no axis.
static ParseResult parseDigit(AsmParser &parser, SmallVector<Digit> &digits) {
  Digit digit;
  StringRef axis;
  if (failed(parser.parseOptionalKeyword(&axis)))
    return parser.emitError(parser.getCurrentLocation(),
                            "expected an axis, or _ for none");
  if (axis != "_")
    digit.axis = StringAttr::get(parser.getContext(), axis);
  if (succeeded(parser.parseOptionalKeyword("by")) &&
      failed(parser.parseInteger(digit.stride)))
    return failure();
  if (parser.parseColon() || parser.parseInteger(digit.size))
    return failure();
  digit.extent = digit.size;
  if (succeeded(parser.parseOptionalKeyword("of")) &&
      failed(parser.parseInteger(digit.extent)))
    return failure();
  digits.push_back(digit);
  return success();
}

static ParseResult parseDigits(AsmParser &parser, SmallVector<Digit> &digits) {
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Square, [&] { return parseDigit(parser, digits); });
}

static void printDigits(AsmPrinter &printer, Digits digits) {
  printer << "[";
  llvm::interleaveComma(digits, printer, [&](const Digit &digit) {
    printer << (digit.axis ? digit.axis.getValue() : "_");
    if (digit.stride != 1)
      printer << " by " << digit.stride;
    printer << " : " << digit.size;
    if (digit.extent != digit.size)
      printer << " of " << digit.extent;
  });
  printer << "]";
}

Attribute MapAttr::parse(AsmParser &parser, Type) {
  SmallVector<Digit> digits;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parseDigits(parser, digits) ||
      parser.parseGreater())
    return {};
  return MapAttr::getChecked([&] { return parser.emitError(loc); },
                             parser.getContext(), digits);
}

void MapAttr::print(AsmPrinter &printer) const {
  printer << "<";
  printDigits(printer, getDigits());
  printer << ">";
}

LogicalResult MapAttr::verify(function_ref<InFlightDiagnostic()> emit,
                              ArrayRef<Digit> digits) {
  // Far above any memory of the chip, far below what products may overflow.
  constexpr int64_t Most = int64_t(1) << 40;
  int64_t product = 1;
  for (const Digit &digit : digits) {
    if (digit.stride < 1 || digit.size < 1 || digit.extent < digit.size ||
        digit.extent > Most / product || digit.stride > Most / digit.size)
      return emit()
             << "a digit has a stride and a size above 0, an extent of at "
                "least its size, and a map at most 2^40 positions";
    product *= digit.extent;
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// `<` type (`,` NAME map)* `>` with the names in this order; a map without
/// digits may be left out.
static FailureOr<std::pair<Type, SmallVector<MapAttr>>>
parseMaps(AsmParser &parser, ArrayRef<StringRef> names) {
  Type element;
  SmallVector<MapAttr> maps;
  if (parser.parseLess() || parser.parseType(element))
    return failure();
  bool more = succeeded(parser.parseOptionalComma());
  for (StringRef name : names) {
    SmallVector<Digit> digits;
    SMLoc loc = parser.getCurrentLocation();
    if (more && succeeded(parser.parseOptionalKeyword(name))) {
      if (parseDigits(parser, digits))
        return failure();
      more = succeeded(parser.parseOptionalComma());
    }
    maps.push_back(MapAttr::getChecked([&] { return parser.emitError(loc); },
                                       parser.getContext(), digits));
    if (!maps.back())
      return failure();
  }
  if (more)
    return parser.emitError(parser.getCurrentLocation(),
                            "expected one of the maps: ")
           << llvm::join(names, ", ");
  if (parser.parseGreater())
    return failure();
  return std::pair(element, maps);
}

static void printMaps(AsmPrinter &printer, Type element,
                      ArrayRef<std::pair<StringRef, MapAttr>> maps) {
  printer << "<" << element;
  for (auto [name, map] : maps) {
    if (map.getDigits().empty())
      continue;
    printer << ", " << name << " ";
    printDigits(printer, map.getDigits());
  }
  printer << ">";
}

Type HbmType::parse(AsmParser &parser) {
  auto parsed = parseMaps(parser, {"element"});
  if (failed(parsed))
    return {};
  return get(parser.getContext(), parsed->first, parsed->second[0]);
}
void HbmType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(), {{"element", getElement()}});
}

Type DmType::parse(AsmParser &parser) {
  auto parsed = parseMaps(parser, {"cluster", "slice", "element"});
  if (failed(parsed))
    return {};
  auto &maps = parsed->second;
  return get(parser.getContext(), parsed->first, maps[0], maps[1], maps[2]);
}
void DmType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(),
            {{"cluster", getCluster()},
             {"slice", getSlice()},
             {"element", getElement()}});
}

Type VrfType::parse(AsmParser &parser) {
  auto parsed = parseMaps(parser, {"cluster", "slice", "element"});
  if (failed(parsed))
    return {};
  auto &maps = parsed->second;
  return get(parser.getContext(), parsed->first, maps[0], maps[1], maps[2]);
}
void VrfType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(),
            {{"cluster", getCluster()},
             {"slice", getSlice()},
             {"element", getElement()}});
}

Type TrfType::parse(AsmParser &parser) {
  auto parsed = parseMaps(parser, {"cluster", "slice", "lane", "element"});
  if (failed(parsed))
    return {};
  auto &maps = parsed->second;
  return get(parser.getContext(), parsed->first, maps[0], maps[1], maps[2],
             maps[3]);
}
void TrfType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(),
            {{"cluster", getCluster()},
             {"slice", getSlice()},
             {"lane", getLane()},
             {"element", getElement()}});
}

Type StreamType::parse(AsmParser &parser) {
  auto parsed =
      parseMaps(parser, {"cluster", "slice", "lane", "time", "packet"});
  if (failed(parsed))
    return {};
  auto &maps = parsed->second;
  return get(parser.getContext(), parsed->first, maps[0], maps[1], maps[2],
             maps[3], maps[4]);
}
void StreamType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(),
            {{"cluster", getCluster()},
             {"slice", getSlice()},
             {"lane", getLane()},
             {"time", getTime()},
             {"packet", getPacket()}});
}
