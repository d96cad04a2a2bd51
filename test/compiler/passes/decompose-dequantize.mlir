// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-decompose-dequantize --split-input-file | FileCheck %s

// Tests that blocks of rows that a run gives are widened as a whole, and get
// their zero points and scales by arithmetic.
// CHECK-LABEL: func.func @rows
// CHECK-SAME: %[[X:.*]]: tensor<2x64xui8>, %[[S:.*]]: tensor<2x2xf32>, %[[Z:.*]]: tensor<2x2xui8>
func.func @rows(%x: tensor<2x64xui8>, %s: tensor<2x2xf32>, %z: tensor<2x2xui8>) -> tensor<2x64xf32> {
  // CHECK: %[[WIDE:.*]] = dure.dequantize %[[X]], %{{.*}} : (tensor<2x64xui8>, tensor<f32>) -> tensor<2x64xf32>
  // CHECK: %[[PARTS:.*]] = dure.reshape %[[WIDE]] : tensor<2x64xf32> -> tensor<2x2x32xf32>
  // CHECK: %[[ZERO:.*]] = dure.dequantize %[[Z]], %{{.*}} : (tensor<2x2xui8>, tensor<f32>) -> tensor<2x2xf32>
  // CHECK: %[[ZEROS:.*]] = dure.reshape %[[ZERO]] : tensor<2x2xf32> -> tensor<2x2x1xf32>
  // CHECK: %[[LESS:.*]] = dure.sub %[[PARTS]], %[[ZEROS]]
  // CHECK: %[[SCALES:.*]] = dure.reshape %[[S]] : tensor<2x2xf32> -> tensor<2x2x1xf32>
  // CHECK: %[[ALL:.*]] = dure.mul %[[LESS]], %[[SCALES]]
  // CHECK: dure.reshape %[[ALL]] : tensor<2x2x32xf32> -> tensor<2x64xf32>
  %0 = dure.dequantize %x, %s, %z {axis = 1, block = 32} : (tensor<2x64xui8>, tensor<2x2xf32>, tensor<2x2xui8>) -> tensor<2x64xf32>
  return %0 : tensor<2x64xf32>
}

// -----

dure.weight @w from <file = 0, offset = 0, size = 128, type = tensor<2x64xi8>> : tensor<2x64xi8>

// Tests that a weight's blocks, which products read as they are, stay.
// CHECK-LABEL: func.func @weight
// CHECK: dure.dequantize {{.*}}block = 32
func.func @weight(%s: tensor<2x2xf32>) -> tensor<2x64xf32> {
  %w = dure.get_weight @w : tensor<2x64xi8>
  %0 = dure.dequantize %w, %s {axis = 1, block = 32} : (tensor<2x64xi8>, tensor<2x2xf32>) -> tensor<2x64xf32>
  return %0 : tensor<2x64xf32>
}

// -----

// Tests that a last block that is shorter stays.
// CHECK-LABEL: func.func @ragged
// CHECK: dure.dequantize {{.*}}block = 32
func.func @ragged(%x: tensor<2x40xi8>, %s: tensor<2x2xf32>) -> tensor<2x40xf32> {
  %0 = dure.dequantize %x, %s {axis = 1, block = 32} : (tensor<2x40xi8>, tensor<2x2xf32>) -> tensor<2x40xf32>
  return %0 : tensor<2x40xf32>
}
