// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-raise-masks --canonicalize | FileCheck %s

!b = tensor<?x1x1x1xi64, #dure.dims<["b", "1", "1", "1"]>>
!k = tensor<1x1x1x?xi64, #dure.dims<["1", "1", "1", "p + s"]>>
!g = tensor<?x1x1x?xi64, #dure.dims<["b", "1", "1", "p + s"]>>
!g1 = tensor<?x1x1x?x1xi64, #dure.dims<["b", "1", "1", "p + s", "1"]>>
!g2 = tensor<?x1x1x?x2xi64, #dure.dims<["b", "1", "1", "p + s", "2"]>>
!mask = tensor<?x?xi1, #dure.dims<["b", "total"]>>
!out = tensor<?x1x1x?xi1, #dure.dims<["b", "1", "1", "p + s"]>>

// Tests that index grids over batch and keys read the mask itself, and that the
// check of their range becomes a check of sizes.
// CHECK-LABEL: func.func @grids
// CHECK-SAME: %[[M:.*]]: tensor
// CHECK-SAME: dure.equal_dims = [#dure.dims<["max(p + s, total)", "total"]>]
func.func @grids(%mask: !mask) -> !out {
  // CHECK-NEXT: %[[S:.*]] = dure.slice %[[M]] {sizes = #dure.dims<["b", "p + s"]>
  // CHECK-NEXT: %[[R:.*]] = dure.reshape %[[S]]
  // CHECK-NEXT: return %[[R]]
  %b = dure.iota 0 : tensor<?xi64, #dure.dims<["b"]>>
  %k = dure.iota 0 : tensor<?xi64, #dure.dims<["p + s"]>>
  %b4 = dure.reshape %b : tensor<?xi64, #dure.dims<["b"]>> -> !b
  %k4 = dure.reshape %k : tensor<?xi64, #dure.dims<["p + s"]>> -> !k
  %bg = dure.broadcast %b4 : !b -> !g
  %kg = dure.broadcast %k4 : !k -> !g
  %b5 = dure.reshape %bg : !g -> !g1
  %k5 = dure.reshape %kg : !g -> !g1
  %i = dure.concat %b5, %k5 {axis = 4 : i64} : (!g1, !g1) -> !g2
  %0 = dure.gather_nd %mask, %i : (!mask, !g2) -> !out
  return %0 : !out
}

// Tests that shifted keys read other elements.
// CHECK-LABEL: func.func @shifted
func.func @shifted(%mask: !mask) -> !out {
  // CHECK: dure.gather_nd
  %one = dure.constant dense<1> : tensor<i64> : tensor<i64>
  %b = dure.iota 0 : tensor<?xi64, #dure.dims<["b"]>>
  %k0 = dure.iota 0 : tensor<?xi64, #dure.dims<["p + s"]>>
  %k = dure.add %k0, %one : (tensor<?xi64, #dure.dims<["p + s"]>>, tensor<i64>) -> tensor<?xi64, #dure.dims<["p + s"]>>
  %b4 = dure.reshape %b : tensor<?xi64, #dure.dims<["b"]>> -> !b
  %k4 = dure.reshape %k : tensor<?xi64, #dure.dims<["p + s"]>> -> !k
  %bg = dure.broadcast %b4 : !b -> !g
  %kg = dure.broadcast %k4 : !k -> !g
  %b5 = dure.reshape %bg : !g -> !g1
  %k5 = dure.reshape %kg : !g -> !g1
  %i = dure.concat %b5, %k5 {axis = 4 : i64} : (!g1, !g1) -> !g2
  %0 = dure.gather_nd %mask, %i : (!mask, !g2) -> !out
  return %0 : !out
}
