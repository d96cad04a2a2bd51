// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/3-specialize.rngd.mlir
// RUN: sed s/f32/i64/ %S/Inputs/multiplied.mlir > %t/i64.mlir
// RUN: not dure compile %t/i64.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/y.dure
// RUN: FileCheck %s --input-file %t/3-specialize.rngd.mlir --check-prefix=KEPT

// Tests that a product's sizes are filled up to what its kernel divides, with
// its left operand turned, and its result is cut; and rows of softmax with what
// takes no part. An op that no rule makes into others that are all taken stays.
// CHECK: %[[LEFT:.+]] = dure.transpose %arg0 {permutation = array<i64: 1, 0>}
// CHECK: %[[A:.+]] = dure.concat %[[LEFT]], {{.*}} -> tensor<3x16xf32>
// CHECK: %[[B:.+]] = dure.concat {{.*}} -> tensor<16x8xf32>
// CHECK: %[[SUMS:.+]] = dure.matmul %[[A]], %[[B]] : {{.*}} -> tensor<3x8xf32>
// CHECK: %[[Y:.+]] = dure.slice %[[SUMS]] {{.*}} -> tensor<3x5xf32>
// CHECK: %[[LOWEST:.+]] = dure.constant dense<0xFF800000> : tensor<3x3xf32>
// CHECK: %[[ROWS:.+]] = dure.concat %[[Y]], %[[LOWEST]]
// CHECK: dure.softmax %[[ROWS]] {axis = 1 : i64}
// CHECK: dure.slice {{.*}} -> tensor<3x5xf32>
// KEPT: dure.reduce {{.*}}prod
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%x: tensor<7x3xf32> {dure.name = "x"}, %w: tensor<7x5xf32> {dure.name = "w"}) -> (tensor<3x5xf32> {dure.name = "y"}) {
    %0 = dure.matmul %x, %w {transpose_lhs = true, transpose_rhs = false} : (tensor<7x3xf32>, tensor<7x5xf32>) -> tensor<3x5xf32>
    %1 = dure.softmax %0 {axis = 1 : i64} : (tensor<3x5xf32>) -> tensor<3x5xf32>
    return %1 : tensor<3x5xf32>
  }
}
