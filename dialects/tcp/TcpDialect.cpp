// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Registration of the tcp dialect; how its types and maps read.
#include "dialects/tcp/Checks.h"
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

/// Far above any memory of the chip, far below what products may overflow.
static constexpr int64_t MostPositions = int64_t(1) << 40;

LogicalResult MapAttr::verify(function_ref<InFlightDiagnostic()> emit,
                              ArrayRef<Digit> digits) {
  int64_t product = 1;
  for (const Digit &digit : digits) {
    if (digit.stride < 1 || digit.size < 1 || digit.extent < digit.size ||
        digit.extent > MostPositions / product ||
        digit.stride > MostPositions / digit.size)
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

/// What types of all memories have in common.
static LogicalResult verifyElements(function_ref<InFlightDiagnostic()> emit,
                                    Type element) {
  if (element.isIntOrFloat() && element.getIntOrFloatBitWidth() >= 1 &&
      element.getIntOrFloatBitWidth() <= 64)
    return success();
  return emit() << "elements are integers or floats of 1 to 64 bits, not "
                << element;
}

/// A part of the chip's clusters and of each one's slices.
static LogicalResult verifySlices(function_ref<InFlightDiagnostic()> emit,
                                  Type element, MapAttr cluster,
                                  MapAttr slice) {
  int64_t clusters = positions(cluster.getDigits()),
          slices = positions(slice.getDigits());
  if (clusters > limits().Clusters)
    return emit() << "takes " << clusters << " clusters; the chip has "
                  << limits().Clusters << " (quick-start/kernel-design.md)";
  if (slices > limits().SlicesPerCluster)
    return emit() << "takes " << slices << " slices of a cluster, which has "
                  << limits().SlicesPerCluster
                  << " (quick-start/kernel-design.md)";
  return verifyElements(emit, element);
}

static LogicalResult verifyLanes(function_ref<InFlightDiagnostic()> emit,
                                 MapAttr lane) {
  int64_t lanes = positions(lane.getDigits());
  if (llvm::is_contained(limits().LanesInUse, lanes))
    return success();
  return emit() << "needs " << rngd::anyOf(limits().LanesInUse)
                << " lanes, not " << lanes
                << " (computing-tensors/contraction-engine/outer.md)";
}

LogicalResult HbmType::verify(function_ref<InFlightDiagnostic()> emit,
                              Type element, MapAttr) {
  return verifyElements(emit, element);
}

LogicalResult DmType::verify(function_ref<InFlightDiagnostic()> emit,
                             Type element, MapAttr cluster, MapAttr slice,
                             MapAttr) {
  return verifySlices(emit, element, cluster, slice);
}

LogicalResult VrfType::verify(function_ref<InFlightDiagnostic()> emit,
                              Type element, MapAttr cluster, MapAttr slice,
                              MapAttr) {
  return verifySlices(emit, element, cluster, slice);
}

LogicalResult TrfType::verify(function_ref<InFlightDiagnostic()> emit,
                              Type element, MapAttr cluster, MapAttr slice,
                              MapAttr lane, MapAttr) {
  if (failed(verifyLanes(emit, lane)))
    return failure();
  return verifySlices(emit, element, cluster, slice);
}

LogicalResult StreamType::verify(function_ref<InFlightDiagnostic()> emit,
                                 Type element, MapAttr cluster, MapAttr slice,
                                 MapAttr lane, MapAttr time, MapAttr packet) {
  // As of one map: products of both must not overflow.
  if (positions(packet.getDigits()) >
      MostPositions / positions(time.getDigits()))
    return emit() << "time and packets have at most 2^40 positions together";
  if (failed(verifyLanes(emit, lane)))
    return failure();
  return verifySlices(emit, element, cluster, slice);
}

Type HbmType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  auto parsed = parseMaps(parser, {"element"});
  if (failed(parsed))
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    parsed->first, parsed->second[0]);
}
void HbmType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(), {{"element", getElement()}});
}

Type DmType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  auto parsed = parseMaps(parser, {"cluster", "slice", "element"});
  if (failed(parsed))
    return {};
  auto &maps = parsed->second;
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    parsed->first, maps[0], maps[1], maps[2]);
}
void DmType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(),
            {{"cluster", getCluster()},
             {"slice", getSlice()},
             {"element", getElement()}});
}

Type VrfType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  auto parsed = parseMaps(parser, {"cluster", "slice", "element"});
  if (failed(parsed))
    return {};
  auto &maps = parsed->second;
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    parsed->first, maps[0], maps[1], maps[2]);
}
void VrfType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(),
            {{"cluster", getCluster()},
             {"slice", getSlice()},
             {"element", getElement()}});
}

Type TrfType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  auto parsed = parseMaps(parser, {"cluster", "slice", "lane", "element"});
  if (failed(parsed))
    return {};
  auto &maps = parsed->second;
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    parsed->first, maps[0], maps[1], maps[2], maps[3]);
}
void TrfType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(),
            {{"cluster", getCluster()},
             {"slice", getSlice()},
             {"lane", getLane()},
             {"element", getElement()}});
}

Type StreamType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  auto parsed =
      parseMaps(parser, {"cluster", "slice", "lane", "time", "packet"});
  if (failed(parsed))
    return {};
  auto &maps = parsed->second;
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    parsed->first, maps[0], maps[1], maps[2], maps[3], maps[4]);
}
void StreamType::print(AsmPrinter &printer) const {
  printMaps(printer, getElementType(),
            {{"cluster", getCluster()},
             {"slice", getSlice()},
             {"lane", getLane()},
             {"time", getTime()},
             {"packet", getPacket()}});
}
