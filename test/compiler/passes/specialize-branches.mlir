// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-note-equal-dims "--dure-specialize-shapes=buckets={n=5}" | FileCheck %s
// RUN: dure-opt %s --dure-note-equal-dims "--dure-specialize-shapes=buckets={n=4}" | FileCheck %s --check-prefix=FITS

!x = tensor<?xf32, #dure.dims<["n"]>>

// Tests that sizes stay open where a branch cannot have the bucket's, which
// another run takes.
// CHECK: func.func @main(%{{.*}}: tensor<?xf32, #dure.dims<["n"]>>
// CHECK-NOT: dure.buckets
// FITS: dure.buckets
// FITS: @main.n4
func.func @main(%x: !x, %c: tensor<1xi64>) -> !x {
  dure.define_dims %c ["c"] : tensor<1xi64>
  %0 = dure.constant dense<1.0> : tensor<4xf32> : tensor<4xf32>
  %1 = dure.if <["c"]> -> !x {
    %2 = dure.add %x, %0 : (!x, tensor<4xf32>) -> !x
    dure.yield %2 : !x
  } else {
    dure.yield %x : !x
  }
  return %1 : !x
}
