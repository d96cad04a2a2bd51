// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conversions between element types, one element per unit.
//
// Internal to runtime/weights. A "unit" holds one element: the element's own
// bytes, or one byte for a sub-byte type.
#ifndef DURE_RUNTIME_WEIGHTS_CONVERT_H
#define DURE_RUNTIME_WEIGHTS_CONVERT_H

#include "runtime/package/Package.h"

#include <cstddef>
#include <cstdint>

namespace dure {

/// Bytes of one unit.
size_t unitSize(ElementType Type);

/// Converts COUNT units. Floats round to nearest, ties to even; overflow gives
/// infinity, or the largest value in types without one. Float to integer
/// truncates and saturates, NaN gives 0; integer to integer wraps; to bool is
/// "not zero".
void convertUnits(ElementType From, const std::byte *Source, ElementType To,
                  std::byte *Target, size_t Count);

/// TARGET[i] = TARGET[i] OP OPERAND[i * OPERANDSTEP], in TYPE: floats in their
/// own precision (16-bit ones in f32, rounded), integers wrapping. OPERANDSTEP
/// is 0 or 1.
void combineUnits(StepKind Kind, ElementType Type, std::byte *Target,
                  const std::byte *Operand, size_t OperandStep, size_t Count);

/// Writes VALUE as one unit of TYPE.
void storeDouble(ElementType Type, double Value, std::byte *Target);

} // namespace dure

#endif // DURE_RUNTIME_WEIGHTS_CONVERT_H
