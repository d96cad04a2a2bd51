# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Language, warning and output settings shared by every target, and the two
# functions that declare libraries. Nothing here knows of LLVM.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# -O2 builds a third faster than -O3 and runs as fast: kernels are our own code
# generator's.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
# What the sanitizers run has assertions, too.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O1 -g1")
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Executables find our libraries beside them, in the build tree and installed.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY
    "${CMAKE_BINARY_DIR}/${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
set(CMAKE_INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR};$ORIGIN;/usr/lib/llvm-22/lib")

# ccache takes precompiled headers when it need not look at times and macros of
# theirs; clang leaves their timestamps out below.
find_program(DURE_CCACHE ccache)
if(DURE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros "${DURE_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${DURE_CCACHE}")
endif()

find_program(DURE_LLD ld.lld-22 ld.lld HINTS /usr/lib/llvm-22/bin)
if(DURE_LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options("--ld-path=${DURE_LLD}")
endif()

add_compile_options(-Wall -Wextra -Werror)
# A library says what it needs when it is linked, not when it is loaded. The
# sanitizers' symbols come from the executable.
if(NOT DURE_SANITIZE)
  add_link_options("LINKER:-z,defs")
endif()
# Templates of a precompiled header are instantiated once, with it.
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(
    $<$<COMPILE_LANGUAGE:CXX>:-fpch-instantiate-templates>
    "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
endif()
if(DURE_SANITIZE)
  add_compile_options("-fsanitize=${DURE_SANITIZE}" -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options("-fsanitize=${DURE_SANITIZE}")
  # Sanitizers ask the executable for their options.
  add_library(DureSanitizerOptions OBJECT
    "${CMAKE_CURRENT_LIST_DIR}/SanitizerOptions.cpp")
  link_libraries(
    "$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:DureSanitizerOptions>")
endif()

include_directories("${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}"
                    "${PROJECT_SOURCE_DIR}/runtime/include")

# dure_add_library(NAME [SHARED|STATIC|MODULE] [EXCEPTIONS] SOURCES ...
#                  [LINK ...] [PRIVATE_LINK ...])
#
# One library of the runtime side: no LLVM. Libraries are built without
# exceptions unless EXCEPTIONS is given; that is for thin wrappers of
# third-party headers that throw and for what must survive being out of memory,
# whose own API must not let one pass.
function(dure_add_library name)
  cmake_parse_arguments(ARG "SHARED;STATIC;MODULE;EXCEPTIONS" ""
                        "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  set(kind STATIC)
  if(ARG_SHARED)
    set(kind SHARED)
  elseif(ARG_MODULE)
    set(kind MODULE)
  endif()
  add_library(${name} ${kind} ${ARG_SOURCES})
  if(NOT ARG_EXCEPTIONS)
    target_compile_options(${name} PRIVATE
                           $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()
