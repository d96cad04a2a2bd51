// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that a constant is small, or one number.
func.func @f() {
  %r0 = dure.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %r1 = dure.constant dense<1.0> : tensor<1000xf32> : tensor<1000xf32>
  return
}

// -----

// Tests that a large constant is to be a weight.
func.func @f() {
  // expected-error @+1 {{more than 64: make it a dure.weight}}
  %r = dure.constant dense<[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64]> : tensor<65xi8> : tensor<65xi8>
  return
}

// -----

// Tests that a constant has its value's type.
func.func @f() {
  // expected-error @+1 {{value has type}}
  %r = dure.constant dense<1.0> : tensor<2xf32> : tensor<4xf32>
  return
}

// -----

// Tests that a constant is of no index.
func.func @f() {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.constant dense<1> : tensor<2xindex> : tensor<2xindex>
  return
}

// -----

// Tests that expressions are a vector of integers, or one.
func.func @f() {
  %r0 = dure.dim_values <["n", "2*n"]> : tensor<2xi64>
  %r1 = dure.dim_values <["n"]> : tensor<i64>
  return
}

// -----

// Tests that expressions are i64.
func.func @f() {
  // expected-error @+1 {{must give an i64 tensor of its 1 expressions}}
  %r = dure.dim_values <["n"]> : tensor<1xi32>
  return
}

// -----

// Tests that there are as many values as expressions.
func.func @f() {
  // expected-error @+1 {{must give an i64 tensor of its 2 expressions}}
  %r = dure.dim_values <["n", "m"]> : tensor<1xi64>
  return
}

// -----

// Tests that integers become symbols.
func.func @f(%x: tensor<2xi64>) {
  dure.define_dims %x ["a", "$b"] : tensor<2xi64>
  return
}

// -----

// Tests that floats do not.
func.func @f(%x: tensor<f32>) {
  // expected-error @+1 {{needs an integer tensor with 1 elements}}
  dure.define_dims %x ["a"] : tensor<f32>
  return
}

// -----

// Tests that there is a name for every integer.
func.func @f(%x: tensor<2xi64>) {
  // expected-error @+1 {{needs an integer tensor with 1 elements}}
  dure.define_dims %x ["a"] : tensor<2xi64>
  return
}

// -----

// Tests that names are identifiers.
func.func @f(%x: tensor<i64>) {
  // expected-error @+1 {{is not a symbol name}}
  dure.define_dims %x ["a b"] : tensor<i64>
  return
}

// -----

// Tests that expressions get names.
func.func @f() {
  dure.bind_dims ["a"] = <["2*n"]>
  return
}

// -----

// Tests that every expression gets one.
func.func @f() {
  // expected-error @+1 {{has 2 names for 1 expressions}}
  dure.bind_dims ["a", "b"] = <["2*n"]>
  return
}

// -----

// Tests that names of expressions are identifiers.
func.func @f() {
  // expected-error @+1 {{is not a symbol name}}
  dure.bind_dims ["1"] = <["2*n"]>
  return
}

// -----

// Tests that iota counts in numbers.
func.func @f() {
  %r0 = dure.iota 1 : tensor<?x4xi64, #dure.dims<["n", "4"]>>
  %r1 = dure.iota 0 : tensor<4xf16>
  return
}

// -----

// Tests that iota has an axis.
func.func @f() {
  // expected-error @+1 {{axis 1 is outside}}
  %r = dure.iota 1 : tensor<4xi64>
  return
}

// -----

// Tests that iota does not count in truth values.
func.func @f() {
  // expected-error @+1 {{counts in numbers}}
  %r = dure.iota 0 : tensor<4xi1>
  return
}

// -----

// Tests that iota does not count in complex numbers.
func.func @f() {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.iota 0 : tensor<4xcomplex<f32>>
  return
}

// -----

// Tests that expressions are canonical.
// expected-error @+1 {{is not canonical, write}}
func.func private @f(tensor<?xf32, #dure.dims<["n*2"]>>)

// -----

// Tests that an encoding agrees with the shape.
// expected-error @+1 {{does not agree with}}
func.func private @f(tensor<4xf32, #dure.dims<["5"]>>)

// -----

// Tests that an encoding has every dimension.
// expected-error @+1 {{encoding has 1 dimensions, the type 2}}
func.func private @f(tensor<?x4xf32, #dure.dims<["n"]>>)
