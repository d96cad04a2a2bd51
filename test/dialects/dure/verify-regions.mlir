// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that a region gives what it yields.
func.func @f(%x: tensor<4xf32>) {
  %r = dure.region "cpu" -> tensor<4xf32> {
    %0 = dure.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    dure.yield %0 : tensor<4xf32>
  }
  return
}

// -----

// Tests that a region gives nothing else.
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{yields types that differ from its results}}
  %r = dure.region "cpu" -> tensor<5xf32> {
    dure.yield %x : tensor<4xf32>
  }
  return
}

// -----

// Tests that a region ends in its results.
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{must end in dure.yield}}
  dure.region "cpu" {
    %0 = dure.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  }
  return
}

// -----

// Tests that only a region yields.
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{expects parent op to be one of 'dure.region, dure.if, dure.loop'}}
  dure.yield %x : tensor<4xf32>
  return
}

// -----

// Tests that a dispatch runs a dispatch function.
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dure.dispatch_fn} {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) {
  %r = dure.dispatch "cpu" @g <[]> (%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that a dispatch runs no other function.
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{no dispatch function named @g}}
  %r = dure.dispatch "cpu" @g <[]> (%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that a dispatch gives what its function takes.
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dure.dispatch_fn} {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{has 2 operands and 1 results, @g takes 1 and gives 1}}
  %r = dure.dispatch "cpu" @g <[]> (%x, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that a dispatch has the types of its function.
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dure.dispatch_fn} {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<5xf32>) {
  // expected-error @+1 {{operand 0 of type}}
  %r = dure.dispatch "cpu" @g <[]> (%x) : (tensor<5xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that every symbol of the function is bound.
func.func private @g(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
  return %x : tensor<4xf32>
}
func.func @f(%x: tensor<4xf32>) {
  // expected-error @+1 {{binds 0 symbols, @g has 1}}
  %r = dure.dispatch "cpu" @g <[]> (%x) : (tensor<4xf32>) -> tensor<4xf32>
  return
}
