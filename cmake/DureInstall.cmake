# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Installation: what an out-of-tree driver, target or program needs. Libraries
# install themselves beside their rules except for the exported ones, which
# DureConfig.cmake names as Dure::<name>.
include(CMakePackageConfigHelpers)

set(DURE_INSTALL_CMAKEDIR "${CMAKE_INSTALL_LIBDIR}/cmake/Dure")

install(TARGETS dure EXPORT DureTargets
        LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
target_include_directories(dure INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/runtime/include>
  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

if(DURE_BUILD_COMPILER)
  # Compiler headers are included by their path in the source tree.
  set(compiler_headers "${CMAKE_INSTALL_INCLUDEDIR}/dure-compiler")
  foreach(library DureDialect DureCompiler)
    target_include_directories(${library} INTERFACE
      $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
      $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>
      $<INSTALL_INTERFACE:${compiler_headers}>)
  endforeach()
  install(TARGETS DureDialect DureOnnx DureCompiler EXPORT DureTargets
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS DureCpuCodegen DureTcpDialect dure_target_cpu
                  dure_target_reference dure_target_rngd
          LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(TARGETS dure-opt dure-lsp-server
          RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  install(FILES compiler/include/dure/compiler.h
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/dure")
  install(FILES compiler/Target.h DESTINATION "${compiler_headers}/compiler")
  install(FILES compiler/passes/Passes.h
                "${PROJECT_BINARY_DIR}/compiler/passes/Passes.h.inc"
          DESTINATION "${compiler_headers}/compiler/passes")
  install(FILES compiler/dispatch/OutlineDispatches.h
          DESTINATION "${compiler_headers}/compiler/dispatch")
  install(DIRECTORY dialects/dure "${PROJECT_BINARY_DIR}/dialects/dure"
          DESTINATION "${compiler_headers}/dialects"
          FILES_MATCHING PATTERN "*.h" PATTERN "*.td" PATTERN "*.inc"
          PATTERN "CMakeFiles" EXCLUDE)
endif()

install(EXPORT DureTargets NAMESPACE Dure::
        DESTINATION "${DURE_INSTALL_CMAKEDIR}")
configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/DureConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/DureConfig.cmake"
  INSTALL_DESTINATION "${DURE_INSTALL_CMAKEDIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/DureConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/DureConfig.cmake"
              "${PROJECT_BINARY_DIR}/DureConfigVersion.cmake"
        DESTINATION "${DURE_INSTALL_CMAKEDIR}")
