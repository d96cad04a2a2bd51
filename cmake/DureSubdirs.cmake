# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# dure_add_subdirectories(DIR...): those of the folders that exist, so that a tree
# without some parts still configures.
function(dure_add_subdirectories)
  foreach(dir ${ARGN})
    if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${dir}/CMakeLists.txt")
      add_subdirectory(${dir})
    endif()
  endforeach()
endfunction()
