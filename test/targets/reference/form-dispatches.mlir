// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-reference
// RUN: dure compile %s --target reference --start-from specialize --stop-after form-dispatches -o %t.mlir > /dev/null
// RUN: FileCheck %s --input-file %t.mlir

!x = tensor<?x128xf32, #dure.dims<["n", "128"]>>
!w = tensor<128x128xf32>

module attributes {dure.files = ["model.onnx"], dure.phase = "raise"} {
  dure.weight @w from <file = 0, offset = 0, size = 65536, type = tensor<128x128xf32>> : !w

  // Tests that the reference fuses nothing: a launch an op, so that every value
  // can be compared; and that it packs no weight.
  // CHECK-LABEL: func.func @main(
  // CHECK: dure.dispatch "reference" @matmul
  // CHECK: dure.dispatch "reference" @gelu
  // CHECK: dure.dispatch "reference" @add
  // CHECK-NOT: dure.dispatch
  // CHECK: return
  // CHECK-NOT: dure.layout
  func.func @main(%x: !x {dure.name = "x"}) -> (!x {dure.name = "y"}) {
    %w = dure.get_weight @w : !w
    %0 = dure.matmul %x, %w : (!x, !w) -> !x
    %1 = dure.gelu %0 {form = #dure<gelu_form erf>} : (!x) -> !x
    %2 = dure.add %1, %x : (!x, !x) -> !x
    return %2 : !x
  }
}
