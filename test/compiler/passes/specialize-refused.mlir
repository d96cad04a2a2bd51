// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: not dure-opt %s --dure-note-equal-dims "--dure-specialize-shapes=buckets={s=101}" 2>&1 | FileCheck %s
// RUN: not dure-opt %s "--dure-specialize-shapes=buckets={s=-1}" 2>&1 | FileCheck %s --check-prefix=TEXT
// RUN: dure-opt %s --dure-note-equal-dims "--dure-specialize-shapes=buckets={s=100}" | FileCheck %s --check-prefix=FITS

!x = tensor<?x?xf32, #dure.dims<["b", "s"]>>
!y = tensor<1x?xf32, #dure.dims<["1", "s"]>>

// Tests that a bucket which the model cannot have is refused with the reason,
// and what is no bucket with the form that it should have.
// CHECK: error: entry 'main' cannot have the bucket 'b=1, s=101': the model needs max(100, s) and 100 to be equal, they would be 101 and 100
// TEXT: error: 's=-1' is no bucket: write NAME=SIZE,...
// FITS: sizes = array<i64: 1, 100>
func.func @main(%x: !x, %table: tensor<1x100xf32>) -> !x {
  %0 = dure.slice %table {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["1", "s"]>, steps = array<i64: 1, 1>} : (tensor<1x100xf32>) -> !y
  %1 = dure.add %x, %0 : (!x, !y) -> !x
  return %1 : !x
}
