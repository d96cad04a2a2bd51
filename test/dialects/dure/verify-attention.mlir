// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that attention groups heads, masks, windows and has own head sizes of
// k and v.
func.func @f(%q: tensor<?x4x?x8xf32, #dure.dims<["b", "4", "t", "8"]>>, %k: tensor<?x2x?x8xf32, #dure.dims<["b", "2", "s", "8"]>>, %v: tensor<?x2x?x6xf32, #dure.dims<["b", "2", "s", "6"]>>, %m: tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "s"]>>, %s: tensor<4xf32>) {
  %r = dure.attention %q, %k, %v mask %m sinks %s {scale = 1.0 : f32, empty_row = #dure<empty_row zero>, causal = true, window = 3, softcap = 2.0 : f32} : (tensor<?x4x?x8xf32, #dure.dims<["b", "4", "t", "8"]>>, tensor<?x2x?x8xf32, #dure.dims<["b", "2", "s", "8"]>>, tensor<?x2x?x6xf32, #dure.dims<["b", "2", "s", "6"]>>, tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "s"]>>, tensor<4xf32>) -> tensor<?x4x?x6xf32, #dure.dims<["b", "4", "t", "6"]>>
  return
}

// -----

// Tests that an additive mask may lack dimensions.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>, %m: tensor<5xf32>) {
  %r = dure.attention %q, %k, %v mask %m {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<5xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that a mask of more batches is refused.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>, %m: tensor<3x1x2x5xi1>) {
  // expected-error @+2 {{sizes 3 and 1 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v mask %m {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<3x1x2x5xi1>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that a mask of fewer keys is refused.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>, %m: tensor<1x1x2x4xi1>) {
  // expected-error @+2 {{sizes 4 and 5 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v mask %m {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<1x1x2x4xi1>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that a mask of integers is refused.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>, %m: tensor<5xi8>) {
  // expected-error @+2 {{the mask must be of i1 or floating point}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v mask %m {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<5xi8>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that a mask of rank 5 is refused.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>, %m: tensor<1x1x1x1x5xi1>) {
  // expected-error @+2 {{the mask must be of i1 or floating point}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v mask %m {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<1x1x1x1x5xi1>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that every head has its sink.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>, %s: tensor<2xf32>) {
  // expected-error @+2 {{sizes 2 and 4 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v sinks %s {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<2xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that sinks are a vector.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>, %s: tensor<f32>) {
  // expected-error @+2 {{sinks must be one floating point number a head}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v sinks %s {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<f32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that sinks are floats.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>, %s: tensor<4xi32>) {
  // expected-error @+2 {{sinks must be one floating point number a head}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v sinks %s {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>, tensor<4xi32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that a negative window is refused.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>) {
  // expected-error @+2 {{window and softcap must not be negative}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>, window = -3} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that a negative softcap is refused.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>) {
  // expected-error @+2 {{window and softcap must not be negative}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>, softcap = -1.0 : f32} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that keys have batches of their own queries.
func.func @f(%q: tensor<2x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>) {
  // expected-error @+2 {{sizes 2 and 1 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<2x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>) -> tensor<2x4x2x8xf32>
  return
}

// -----

// Tests that keys are as long as queries.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x9xf32>, %v: tensor<1x2x5x8xf32>) {
  // expected-error @+2 {{sizes 8 and 9 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x9xf32>, tensor<1x2x5x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that there are as many values as keys.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x6x8xf32>) {
  // expected-error @+2 {{sizes 5 and 6 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x6x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that query heads share key heads evenly.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x3x5x8xf32>, %v: tensor<1x3x5x8xf32>) {
  // expected-error @+2 {{must be a static multiple of that of key heads}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x3x5x8xf32>, tensor<1x3x5x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that q, k and v have one type.
func.func @f(%q: tensor<1x4x2x8xf32>, %k: tensor<1x2x5x8xf16>, %v: tensor<1x2x5x8xf32>) {
  // expected-error @+2 {{q, k and v must have one floating point type}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<1x4x2x8xf32>, tensor<1x2x5x8xf16>, tensor<1x2x5x8xf32>) -> tensor<1x4x2x8xf32>
  return
}

// -----

// Tests that q, k and v have rank 4.
func.func @f(%q: tensor<4x2x8xf32>, %k: tensor<1x2x5x8xf32>, %v: tensor<1x2x5x8xf32>) {
  // expected-error @+2 {{q, k and v must have rank 4}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.attention %q, %k, %v {scale = 1.0 : f32, empty_row = #dure<empty_row zero>} : (tensor<4x2x8xf32>, tensor<1x2x5x8xf32>, tensor<1x2x5x8xf32>) -> tensor<4x2x8xf32>
  return
}

// -----

// Tests that linear attention gives the outputs of each group's heads, and the
// state below them; decay and beta may be one for all.
func.func @f(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x3x8xf32>, %v: tensor<1x2x3x6xf32>, %s: tensor<1x2x8x6xf32>, %d: tensor<1x2x3x1xf32>, %b: tensor<1x1x3x1xf32>) {
  %r = dure.linear_attention %q, %k, %v, %s decay %d beta %b {scale = 1.0 : f32} : (tensor<1x4x3x8xf32>, tensor<1x2x3x8xf32>, tensor<1x2x3x6xf32>, tensor<1x2x8x6xf32>, tensor<1x2x3x1xf32>, tensor<1x1x3x1xf32>) -> tensor<1x2x14x6xf32>
  return
}

// -----

// Tests that the state of linear attention has k's rows and v's columns.
func.func @f(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x3x8xf32>, %v: tensor<1x2x3x6xf32>, %s: tensor<1x2x6x8xf32>) {
  // expected-error @+2 {{sizes 8 and 6 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.linear_attention %q, %k, %v, %s {scale = 1.0 : f32} : (tensor<1x4x3x8xf32>, tensor<1x2x3x8xf32>, tensor<1x2x3x6xf32>, tensor<1x2x6x8xf32>) -> tensor<1x2x14x6xf32>
  return
}

// -----

// Tests that linear attention refuses a narrow state.
func.func @f(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x3x8xf32>, %v: tensor<1x2x3x6xf32>, %s: tensor<1x2x8x6xf16>) {
  // expected-error @+2 {{must have rank 4 and all be f32 or all f64}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.linear_attention %q, %k, %v, %s {scale = 1.0 : f32} : (tensor<1x4x3x8xf32>, tensor<1x2x3x8xf32>, tensor<1x2x3x6xf32>, tensor<1x2x8x6xf16>) -> tensor<1x2x14x6xf32>
  return
}
