// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-cpu, target-reference
// RUN: dure compile %s --target cpu --start-from specialize --stop-after place -o %t.mlir > /dev/null
// RUN: FileCheck %s --input-file %t.mlir --check-prefixes=CHECK,CPU
// RUN: dure compile %s --target reference --start-from specialize --stop-after place -o %t.mlir > /dev/null
// RUN: FileCheck %s --input-file %t.mlir --check-prefixes=CHECK,REFERENCE

!x = tensor<?x16xf32, #dure.dims<["n", "16"]>>
!w = tensor<16x16xf32>

module attributes {dure.files = ["model.onnx"], dure.phase = "raise"} {
  dure.weight @w from <file = 0, offset = 0, size = 1024, type = tensor<16x16xf32>> : !w

  // Tests that neighbours on one target are one region, and that weights and
  // constants, which belong to nobody, stay outside.
  // CHECK-LABEL: func.func @main(
  // CHECK-DAG: %[[W:.*]] = dure.get_weight @w
  // CHECK-DAG: %[[C:.*]] = dure.constant
  // CPU: %[[Y:.*]] = dure.region "cpu"
  // REFERENCE: %[[Y:.*]] = dure.region "reference"
  // CHECK: dure.matmul %{{.*}}, %[[W]]
  // CHECK: dure.mul %{{.*}}, %[[C]]
  // CHECK: dure.yield
  // CHECK-NOT: dure.region
  // CHECK: return %[[Y]]
  func.func @main(%x: !x {dure.name = "x"}) -> (!x {dure.name = "y"}) {
    %w = dure.get_weight @w : !w
    %0 = dure.matmul %x, %w : (!x, !w) -> !x
    %c = dure.constant dense<2.0> : tensor<f32> : tensor<f32>
    %1 = dure.mul %0, %c : (!x, tensor<f32>) -> !x
    return %1 : !x
  }
}
