// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-decompose-moe | FileCheck %s

!x = tensor<?x8xf32, #dure.dims<["t", "8"]>>
!e = tensor<?x2xi32, #dure.dims<["t", "2"]>>
!p = tensor<?x2xf32, #dure.dims<["t", "2"]>>

// Tests that gate, bias, limits and activation are written out as the op says,
// and that a token's experts are added up by their weights.
// CHECK-LABEL: func.func @gated
// CHECK-SAME: %[[X:[^:]*]]: {{.*}}, %[[E:[^:]*]]: tensor<?x2xi32{{.*}}, %[[P:[^:]*]]: tensor<?x2xf32{{.*}}, %[[G:[^:]*]]: tensor<4x8x16xf32>, %[[U:[^:]*]]: tensor<4x8x16xf32>, %[[D:[^:]*]]: tensor<4x16x8xf32>, %[[B:[^:]*]]: tensor<4x16xf32>
func.func @gated(%x: !x, %e: !e, %p: !p, %g: tensor<4x8x16xf32>, %u: tensor<4x8x16xf32>, %d: tensor<4x16x8xf32>, %b: tensor<4x16xf32>) -> !x {
  // CHECK: %[[I:.*]] = dure.cast %[[E]] {{.*}}to = i64
  // CHECK: %[[UP:.*]] = dure.expert_matmul %[[X]], %[[I]], %[[U]]
  // CHECK: %[[GATE:.*]] = dure.expert_matmul %[[X]], %[[I]], %[[G]]
  // CHECK: %[[BIAS:.*]] = dure.gather %[[B]], %[[I]]
  // CHECK: %[[SUM:.*]] = dure.add %[[GATE]], %[[BIAS]]
  // CHECK: %[[SMALL:.*]] = dure.min %[[SUM]]
  // CHECK: %[[AT_MOST:.*]] = dure.min %[[UP]]
  // CHECK: %[[CLAMPED:.*]] = dure.max %[[AT_MOST]]
  // CHECK: %[[SCALED:.*]] = dure.mul %[[SMALL]]
  // CHECK: %[[SIGMOID:.*]] = dure.sigmoid %[[SCALED]]
  // CHECK: %[[ACT:.*]] = dure.mul %[[SMALL]], %[[SIGMOID]]
  // CHECK: %[[OFFSET:.*]] = dure.add %[[CLAMPED]]
  // CHECK: %[[H:.*]] = dure.mul %[[ACT]], %[[OFFSET]]
  // CHECK: %[[DOWN:.*]] = dure.expert_matmul %[[H]], %[[I]], %[[D]]
  // CHECK: %[[COLUMN:.*]] = dure.reshape %[[P]]
  // CHECK: %[[WEIGHTED:.*]] = dure.mul %[[DOWN]], %[[COLUMN]]
  // CHECK: dure.reduce %[[WEIGHTED]] {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>}
  %y = dure.moe %x to %e by %p gate %g + %b up %u down %d {activation = #dure<glu_activation silu>, alpha = 1.702 : f32, limit = 7.0 : f32, offset = 1.0 : f32} : (!x, !e, !p, tensor<4x8x16xf32>, tensor<4x8x16xf32>, tensor<4x16x8xf32>, tensor<4x16xf32>) -> !x
  return %y : !x
}

// Tests that what is not there is not written: no gate, no activation.
// CHECK-LABEL: func.func @linear
func.func @linear(%x: !x, %e: tensor<?x2xi64, #dure.dims<["t", "2"]>>, %p: !p, %u: tensor<4x8x16xf32>, %d: tensor<4x16x8xf32>) -> !x {
  // CHECK-NEXT: %[[UP:.*]] = dure.expert_matmul
  // CHECK-NEXT: dure.expert_matmul %[[UP]]
  // CHECK-NEXT: dure.reshape
  // CHECK-NEXT: dure.mul
  // CHECK-NEXT: dure.reduce
  // CHECK-NEXT: return
  %y = dure.moe %x to %e by %p up %u down %d {activation = #dure<glu_activation identity>} : (!x, tensor<?x2xi64, #dure.dims<["t", "2"]>>, !p, tensor<4x8x16xf32>, tensor<4x16x8xf32>) -> !x
  return %y : !x
}
