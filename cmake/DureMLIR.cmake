# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Finds LLVM/MLIR 22 and declares libraries that use it.

# No version is asked for: MLIRConfigVersion accepts only an exact match.
find_package(MLIR REQUIRED CONFIG HINTS /usr/lib/llvm-22/lib/cmake/mlir)
if(NOT LLVM_VERSION_MAJOR EQUAL 22)
  message(FATAL_ERROR "Dure is built on LLVM/MLIR 22, found ${LLVM_VERSION}. "
                      "Install llvm-22-dev, libmlir-22-dev and mlir-22-tools, "
                      "or configure with -DDURE_BUILD_COMPILER=OFF.")
endif()
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)

# TableGen takes its include path from the directory.
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
separate_arguments(DURE_LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")

# One precompiled header for all MLIR users: parsing MLIR's headers is most of
# the time a file costs.
set(DURE_MLIR_PCH
  <mlir/IR/BuiltinOps.h> <mlir/IR/BuiltinTypes.h> <mlir/IR/PatternMatch.h>
  <mlir/Pass/Pass.h> <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Linalg/IR/Linalg.h>
  <mlir/Dialect/Tensor/IR/Tensor.h> <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/Transforms/GreedyPatternRewriteDriver.h>
  <mlir/Transforms/DialectConversion.h>)

function(dure_mlir_options name)
  target_compile_definitions(${name} PRIVATE ${DURE_LLVM_DEFINITIONS})
  target_compile_options(${name} PRIVATE
    $<$<COMPILE_LANGUAGE:CXX>:-fno-rtti -fno-exceptions -Wno-unused-parameter>)
  # A shared LLVM built with NDEBUG: our assertions stay our own business.
  target_link_libraries(${name} PRIVATE MLIR LLVM)
endfunction()

# Carrier of the shared precompiled header.
file(WRITE "${CMAKE_BINARY_DIR}/generated/mlir_pch.cpp" "")
add_library(dure_mlir_pch OBJECT "${CMAKE_BINARY_DIR}/generated/mlir_pch.cpp")
dure_mlir_options(dure_mlir_pch)
target_precompile_headers(dure_mlir_pch PRIVATE ${DURE_MLIR_PCH})

# dure_add_mlir_library(NAME [SHARED|STATIC|MODULE] SOURCES ... [DEPENDS ...]
#                       [LINK ...] [PRIVATE_LINK ...])
#
# What users of the library see in its headers is LINK, the rest PRIVATE_LINK.
function(dure_add_mlir_library name)
  cmake_parse_arguments(ARG "SHARED;STATIC;MODULE" ""
                        "SOURCES;DEPENDS;LINK;PRIVATE_LINK" ${ARGN})
  set(kind SHARED)
  if(ARG_STATIC)
    set(kind STATIC)
  elseif(ARG_MODULE)
    set(kind MODULE)
  endif()
  add_library(${name} ${kind} ${ARG_SOURCES})
  dure_mlir_options(${name})
  # Dialects and passes are looked up by TypeID across libraries: what plug-ins
  # match must be exported, once.
  set_target_properties(${name} PROPERTIES CXX_VISIBILITY_PRESET default
                                           VISIBILITY_INLINES_HIDDEN OFF)
  target_precompile_headers(${name} REUSE_FROM dure_mlir_pch)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()
