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
