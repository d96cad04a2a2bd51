// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-lower-to-linalg --canonicalize --split-input-file | FileCheck %s

// Tests that an elementwise op becomes one linalg.generic that broadcasts by
// its maps, works on signless tensors without encodings, takes the symbol as an
// index argument and writes into the destination.
// CHECK-DAG: #[[ID:.+]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[ROW:.+]] = affine_map<(d0, d1) -> (0, d1)>
// CHECK-DAG: #[[SCALAR:.+]] = affine_map<(d0, d1) -> ()>
// CHECK-LABEL: func.func @broadcast
// CHECK-SAME:  %[[C:.+]]: tensor<1x4xi1> {bufferization.writable = false}, %[[X:.+]]: tensor<?x4xi8> {bufferization.writable = false}, %[[Y:.+]]: tensor<i8> {bufferization.writable = false}, %[[OUT:.+]]: tensor<?x4xi8> {bufferization.writable = true}, %{{.+}}: index) -> (tensor<?x4xi8>, i32)
// CHECK:         %[[NONE:.+]] = arith.constant 0 : i32
// CHECK:         %[[R:.+]] = linalg.generic {indexing_maps = [#[[ROW]], #[[ID]], #[[SCALAR]], #[[ID]]]
// CHECK-SAME:      ins(%[[C]], %[[X]], %[[Y]] : {{.+}}) outs(%[[OUT]] :
// CHECK:           arith.select
// CHECK:         %[[HERE:.+]] = bufferization.materialize_in_destination %[[R]] in %[[OUT]]
// CHECK:         return %[[HERE]], %[[NONE]]
func.func @broadcast(%c: tensor<1x4xi1>,
    %x: tensor<?x4xui8, #dure.dims<["n", "4"]>>, %y: tensor<ui8>)
    -> tensor<?x4xui8, #dure.dims<["n", "4"]>>
    attributes {dure.dispatch_fn, dure.symbols = ["n"]} {
  %0 = dure.select %c, %x, %y : (tensor<1x4xi1>, tensor<?x4xui8, #dure.dims<["n", "4"]>>, tensor<ui8>) -> tensor<?x4xui8, #dure.dims<["n", "4"]>>
  return %0 : tensor<?x4xui8, #dure.dims<["n", "4"]>>
}

// -----

// Tests that f16 is computed in f32 and rounded once.
// CHECK-LABEL: func.func @half
// CHECK:         arith.extf {{.*}} : f16 to f32
// CHECK:         arith.extf {{.*}} : f16 to f32
// CHECK:         arith.addf {{.*}} : f32
// CHECK:         arith.truncf {{.*}} : f32 to f16
func.func @half(%x: tensor<4xf16>, %y: tensor<4xf16>) -> tensor<4xf16>
    attributes {dure.dispatch_fn} {
  %0 = dure.add %x, %y : (tensor<4xf16>, tensor<4xf16>) -> tensor<4xf16>
  return %0 : tensor<4xf16>
}

// -----

// Tests that a power with a visible exponent is a product.
// CHECK-LABEL: func.func @square
// CHECK-SAME:  %[[X:[^:]+]]
// CHECK:         ^bb0(%[[E:.+]]: f32, %{{.+}}: f32, %{{.+}}: f32):
// CHECK-NEXT:      %[[P:.+]] = arith.mulf %[[E]], %[[E]]
// CHECK-NEXT:      linalg.yield %[[P]]
func.func @square(%x: tensor<4xf32>) -> tensor<4xf32>
    attributes {dure.dispatch_fn} {
  %two = dure.constant dense<2.0> : tensor<f32> : tensor<f32>
  %0 = dure.pow %x, %two : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Tests that an integer division guards its divisor and reports a zero; a
// divisor that is seen not to be zero needs no report.
// CHECK-LABEL: func.func @divide
// CHECK:         %[[FAULT:.+]] = scf.for {{.+}} -> (i32)
// CHECK:         linalg.generic
// CHECK:           arith.divsi
// CHECK:         return %{{.+}}, %[[FAULT]]
func.func @divide(%x: tensor<4xi32>, %y: tensor<4xi32>) -> tensor<4xi32>
    attributes {dure.dispatch_fn} {
  %0 = dure.div %x, %y : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}
// CHECK-LABEL: func.func @divide_by_three
// CHECK-NOT:     scf.for
// CHECK:         return %{{.+}}, %c0_i32
func.func @divide_by_three(%x: tensor<4xi32>) -> tensor<4xi32>
    attributes {dure.dispatch_fn} {
  %three = dure.constant dense<3> : tensor<i32> : tensor<i32>
  %0 = dure.div %x, %three : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
  return %0 : tensor<4xi32>
}

// -----

// Tests that functions which are no dispatches stay as they are.
// CHECK-LABEL: func.func @main
// CHECK:         dure.neg
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = dure.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Tests that an op which changes nothing still fills its destination, though
// canonicalization folds it to the operand.
// CHECK-LABEL: func.func @no_change
// CHECK-SAME:  %[[X:[^:]+]]: {{.+}}, %[[OUT:[^:]+]]: tensor<4xf32> {bufferization.writable = true}
// CHECK-NOT:     linalg.generic
// CHECK:         bufferization.materialize_in_destination %[[X]] in %[[OUT]]
func.func @no_change(%x: tensor<4xf32>) -> tensor<4xf32>
    attributes {dure.dispatch_fn} {
  %0 = dure.cast %x {to = f32} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
