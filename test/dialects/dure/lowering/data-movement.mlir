// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-lower-to-linalg --canonicalize --split-input-file | FileCheck %s

// Tests that reshape is a view, copied to the destination, and that its sizes
// are computed from the symbols.
// CHECK-LABEL: func.func @reshape
// CHECK-SAME:  %[[X:.+]]: tensor<?x6xf32> {{.*}}, %[[OUT:.+]]: tensor<?x2x3xf32> {{.*}}, %[[N:.+]]: index)
// CHECK:         %[[VIEW:.+]] = tensor.expand_shape %[[X]] {{.+}} output_shape [%[[N]], 2, 3]
// CHECK:         bufferization.materialize_in_destination %[[VIEW]] in %[[OUT]]
func.func @reshape(%x: tensor<?x6xf32, #dure.dims<["n", "6"]>>)
    -> tensor<?x2x3xf32, #dure.dims<["n", "2", "3"]>>
    attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.reshape %x : tensor<?x6xf32, #dure.dims<["n", "6"]>> -> tensor<?x2x3xf32, #dure.dims<["n", "2", "3"]>>
  return %0 : tensor<?x2x3xf32, #dure.dims<["n", "2", "3"]>>
}

// -----

// Tests that a slice reads at start + i * step, start being an expression.
// CHECK-LABEL: func.func @slice
// CHECK-SAME:  %[[X:[^:]+]]: tensor<?xf32>
// CHECK-SAME:  %[[N:[^:]+]]: index)
// CHECK:         %[[START:.+]] = arith.addi %[[N]], %c-1
// CHECK:         linalg.generic
// CHECK:           %[[I:.+]] = linalg.index 0
// CHECK:           %[[AT:.+]] = arith.subi %[[START]], %[[I]]
// CHECK:           tensor.extract %[[X]][%[[AT]]]
func.func @slice(%x: tensor<?xf32, #dure.dims<["n"]>>)
    -> tensor<?xf32, #dure.dims<["n"]>>
    attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.slice %x {starts = #dure.dims<["n - 1"]>, sizes = #dure.dims<["n"]>, steps = array<i64: -1>} : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
  return %0 : tensor<?xf32, #dure.dims<["n"]>>
}

// -----

// Tests that a gather checks its indices apart and reads in range only.
// CHECK-LABEL: func.func @gather
// CHECK:         %[[FAULT:.+]] = scf.for {{.+}} -> (i32)
// CHECK:         linalg.generic
// CHECK:           scf.if
// CHECK:             tensor.extract
// CHECK:           } else {
// CHECK:         return %{{.+}}, %[[FAULT]]
func.func @gather(%x: tensor<?x4xf32, #dure.dims<["n", "4"]>>,
    %i: tensor<3xi64>) -> tensor<3x4xf32>
    attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.gather %x, %i {axis = 0 : i64} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<3xi64>) -> tensor<3x4xf32>
  return %0 : tensor<3x4xf32>
}
