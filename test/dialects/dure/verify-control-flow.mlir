// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics | FileCheck %s

!n = tensor<?xf32, #dure.dims<["n"]>>
!m = tensor<?xf32, #dure.dims<["m"]>>
!k = tensor<?xf32, #dure.dims<["k"]>>

// Tests that blocks may give a result other dims than each other, by a symbol.
// CHECK-LABEL: @choose
// CHECK: dure.if <["$c"]> -> tensor<?xf32, #dure.dims<["m"]>> {
// CHECK: } else {
func.func @choose(%x: !n, %c: tensor<i1>) -> !m {
  dure.define_dims %c ["$c"] : tensor<i1>
  %y = dure.if <["$c"]> -> !m {
    dure.yield %x : !n
  } else {
    %z = dure.concat %x, %x {axis = 0 : i64} : (!n, !n) -> tensor<?xf32, #dure.dims<["2*n"]>>
    dure.yield %z : tensor<?xf32, #dure.dims<["2*n"]>>
  }
  return %y : !m
}

// -----

!n = tensor<?xf32, #dure.dims<["n"]>>

// Tests that a result's dim that is no symbol must be the block's.
func.func @other_dim(%x: !n, %c: tensor<i1>) -> tensor<4xf32> {
  dure.define_dims %c ["$c"] : tensor<i1>
  // expected-error@+1 {{cannot give a value of type 'tensor<?xf32, #dure.dims<["n"]>>' as number 0 of its results}}
  %y = dure.if <["$c"]> -> tensor<4xf32> {
    dure.yield %x : !n
  } else {
    dure.yield %x : !n
  }
  return %y : tensor<4xf32>
}

// -----

// Tests that both blocks give all results.
func.func @too_few(%x: tensor<f32>, %c: tensor<i1>) -> tensor<f32> {
  dure.define_dims %c ["$c"] : tensor<i1>
  // expected-error@+1 {{has 1 results, is given 0}}
  %y = dure.if <["$c"]> -> tensor<f32> {
    dure.yield %x : tensor<f32>
  } else {
    dure.yield
  }
  return %y : tensor<f32>
}

// -----

!s = tensor<?xf32, #dure.dims<["s"]>>
!e = tensor<?xf32, #dure.dims<["e"]>>
!all = tensor<?xf32, #dure.dims<["count"]>>

// Tests a loop that grows what it carries, stacks a value and ends by itself.
// CHECK-LABEL: @grow
// CHECK: dure.loop "i" <["100"]> "count" while <["1"]>(%{{.*}}) : (tensor<1xf32>)
func.func @grow(%x: tensor<1xf32>, %stop: tensor<i1>) -> (!e, !all) {
  %y, %all = dure.loop "i" <["100"]> "count" while <["1"]>(%x) : (tensor<1xf32>) -> (!e, !all) {
  ^bb0(%s: !s):
    %t = dure.concat %s, %x {axis = 0 : i64} : (!s, tensor<1xf32>) -> tensor<?xf32, #dure.dims<["s + 1"]>>
    %o = dure.reshape %x : tensor<1xf32> -> tensor<f32>
    dure.yield %stop, %t, %o : tensor<i1>, tensor<?xf32, #dure.dims<["s + 1"]>>, tensor<f32>
  }
  return %y, %all : !e, !all
}

// -----

// Tests that what is carried keeps its type.
func.func @other_type(%x: tensor<f32>, %y: tensor<i32>) -> tensor<f32> {
  // expected-error@+1 {{cannot give a value of type 'tensor<i32>' as number 0 of its arguments}}
  %r = dure.loop "i" <["3"]> "count" (%x) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%s: tensor<f32>):
    dure.yield %y : tensor<i32>
  }
  return %r : tensor<f32>
}

// -----

// Tests that a conditional loop yields its condition first.
func.func @no_condition(%x: tensor<f32>) -> tensor<f32> {
  // expected-error@+1 {{needs a tensor<i1> that says whether to go on}}
  %r = dure.loop "i" <["3"]> "count" while <["1"]>(%x) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%s: tensor<f32>):
    dure.yield %x, %s : tensor<f32>, tensor<f32>
  }
  return %r : tensor<f32>
}

// -----

// Tests that stacked values have one dim more.
func.func @not_stacked(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error@+1 {{cannot stack values of type 'tensor<4xf32>' as 'tensor<4xf32>'}}
  %r = dure.loop "i" <["3"]> "count" () : () -> tensor<4xf32> {
    dure.yield %x : tensor<4xf32>
  }
  return %r : tensor<4xf32>
}

// -----

// Tests that the iteration and the count have names of their own.
func.func @one_name(%x: tensor<f32>) -> tensor<f32> {
  // expected-error@+1 {{needs two names}}
  %r = dure.loop "i" <["3"]> "i" (%x) : (tensor<f32>) -> tensor<f32> {
  ^bb0(%s: tensor<f32>):
    dure.yield %s : tensor<f32>
  }
  return %r : tensor<f32>
}

// -----

// Tests that there are as many stacked values as iterations.
func.func @other_length(%x: tensor<4xf32>) -> tensor<1000x4xf32> {
  // expected-error@+1 {{stacks 'count' values, not 1000}}
  %r = dure.loop "i" <["3"]> "count" () : () -> tensor<1000x4xf32> {
    dure.yield %x : tensor<4xf32>
  }
  return %r : tensor<1000x4xf32>
}

// -----

// Tests that the number of trips is as good a name for it.
// CHECK-LABEL: @trips
func.func @trips(%x: tensor<4xf32>) -> tensor<3x4xf32> {
  %r = dure.loop "i" <["3"]> "count" () : () -> tensor<3x4xf32> {
    dure.yield %x : tensor<4xf32>
  }
  return %r : tensor<3x4xf32>
}

// -----

// Tests that it is not where the loop may end before.
func.func @less_than_trips(%x: tensor<4xf32>, %stop: tensor<i1>) -> tensor<3x4xf32> {
  // expected-error@+1 {{stacks 'count' values, not 3}}
  %r = dure.loop "i" <["3"]> "count" while <["1"]>() : () -> tensor<3x4xf32> {
    dure.yield %stop, %x : tensor<i1>, tensor<4xf32>
  }
  return %r : tensor<3x4xf32>
}
