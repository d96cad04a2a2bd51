// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s '--dure-lower-to-linalg=all-functions=true' | FileCheck %s

// Tests that the option lowers functions that are no dispatches too.
// CHECK-LABEL: func.func @main
// CHECK-NOT:     dure.neg
// CHECK:         arith.negf
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = dure.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
