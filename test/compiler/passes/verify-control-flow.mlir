// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics --dure-verify-phase

// Tests that what a block names is not known behind it.
module attributes {dure.phase = "import"} {
  func.func @main(%x: tensor<f32>) -> tensor<i64> {
    %r = dure.loop "i" <["3"]> "count" (%x) : (tensor<f32>) -> tensor<f32> {
    ^bb0(%s: tensor<f32>):
      %i = dure.dim_values <["i"]> : tensor<i64>
      %f = dure.cast %i {to = f32} : (tensor<i64>) -> tensor<f32>
      dure.yield %f : tensor<f32>
    }
    // expected-error@+1 {{uses the dimension symbol 'i', which nothing binds before it}}
    %late = dure.dim_values <["i"]> : tensor<i64>
    return %late : tensor<i64>
  }
}

// -----

// Tests that the number of iterations is known behind the loop, not inside.
module attributes {dure.phase = "import"} {
  func.func @main(%x: tensor<f32>) -> tensor<i64> {
    %r = dure.loop "i" <["3"]> "count" (%x) : (tensor<f32>) -> tensor<f32> {
    ^bb0(%s: tensor<f32>):
      // expected-error@+1 {{uses the dimension symbol 'count', which nothing binds before it}}
      %i = dure.dim_values <["count"]> : tensor<i64>
      dure.yield %s : tensor<f32>
    }
    %n = dure.dim_values <["count"]> : tensor<i64>
    return %n : tensor<i64>
  }
}

// -----

// Tests that a dim which is bound already is not bound anew by a branch.
module attributes {dure.phase = "import"} {
  func.func @main(%x: tensor<?xf32, #dure.dims<["n"]>>, %one: tensor<1xf32>, %c: tensor<i1>) -> tensor<?xf32, #dure.dims<["n"]>> {
    dure.define_dims %c ["$c"] : tensor<i1>
    // expected-error@+1 {{gives another size than 'n', which is bound already}}
    %y = dure.if <["$c"]> -> tensor<?xf32, #dure.dims<["n"]>> {
      dure.yield %x : tensor<?xf32, #dure.dims<["n"]>>
    } else {
      dure.yield %one : tensor<1xf32>
    }
    return %y : tensor<?xf32, #dure.dims<["n"]>>
  }
}

// -----

// Tests that one symbol does not stand for two sizes.
module attributes {dure.phase = "import"} {
  func.func @main(%x: tensor<4xf32>, %one: tensor<1xf32>, %c: tensor<i1>) -> tensor<?xf32, #dure.dims<["m"]>> {
    dure.define_dims %c ["$c"] : tensor<i1>
    // expected-error@+1 {{binds the dimension symbol 'm' in two places}}
    %y:2 = dure.if <["$c"]> -> tensor<?xf32, #dure.dims<["m"]>>, tensor<?xf32, #dure.dims<["m"]>> {
      dure.yield %x, %one : tensor<4xf32>, tensor<1xf32>
    } else {
      dure.yield %x, %one : tensor<4xf32>, tensor<1xf32>
    }
    return %y#0 : tensor<?xf32, #dure.dims<["m"]>>
  }
}

// -----

// Tests that a loop's own names are new ones.
module attributes {dure.phase = "import"} {
  func.func @main(%x: tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>> {
    // expected-error@+1 {{binds the dimension symbol 'n', which is bound already}}
    %r = dure.loop "i" <["3"]> "n" (%x) : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>> {
    ^bb0(%s: tensor<?xf32, #dure.dims<["n"]>>):
      dure.yield %s : tensor<?xf32, #dure.dims<["n"]>>
    }
    return %r : tensor<?xf32, #dure.dims<["n"]>>
  }
}

// -----

// Tests that carried values of two sizes have two symbols.
module attributes {dure.phase = "import"} {
  func.func @main(%x: tensor<4xf32>, %y: tensor<1xf32>) -> tensor<?xf32, #dure.dims<["e"]>> {
    // expected-error@+1 {{binds the dimension symbol 's' in two places}}
    %r:2 = dure.loop "i" <["3"]> "count" (%x, %y) : (tensor<4xf32>, tensor<1xf32>) -> (tensor<?xf32, #dure.dims<["e"]>>, tensor<?xf32, #dure.dims<["f"]>>) {
    ^bb0(%s: tensor<?xf32, #dure.dims<["s"]>>, %t: tensor<?xf32, #dure.dims<["s"]>>):
      dure.yield %s, %t : tensor<?xf32, #dure.dims<["s"]>>, tensor<?xf32, #dure.dims<["s"]>>
    }
    return %r#0 : tensor<?xf32, #dure.dims<["e"]>>
  }
}
