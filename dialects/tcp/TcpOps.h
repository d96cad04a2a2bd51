// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The tcp dialect in C++.
#ifndef DURE_DIALECTS_TCP_TCPOPS_H
#define DURE_DIALECTS_TCP_TCPOPS_H

#include "dialects/tcp/Map.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/tcp/TcpDialect.h.inc"
#include "dialects/tcp/TcpEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/tcp/TcpAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/tcp/TcpTypes.h.inc"
#define GET_OP_CLASSES
#include "dialects/tcp/TcpOps.h.inc"

#endif // DURE_DIALECTS_TCP_TCPOPS_H
