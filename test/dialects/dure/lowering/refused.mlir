// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-lower-to-linalg --split-input-file --verify-diagnostics

// Tests that a symbol that is no argument is an error, not a crash.
// expected-error @+1 {{symbol 'n' is used but not listed in 'dure.symbols' of @unbound}}
func.func @unbound(%x: tensor<?xf32, #dure.dims<["n"]>>)
    -> tensor<?xf32, #dure.dims<["n"]>> attributes {dure.dispatch_fn} {
  %0 = dure.neg %x : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
  return %0 : tensor<?xf32, #dure.dims<["n"]>>
}

// -----

// Tests that what does not compute is refused: the host binds symbols.
func.func @binds(%x: tensor<1xi64>) -> tensor<1xi64>
    attributes {dure.dispatch_fn} {
  // expected-error @+1 {{failed to legalize operation 'dure.define_dims'}}
  dure.define_dims %x ["n"] : tensor<1xi64>
  return %x : tensor<1xi64>
}

// -----

// Tests that control flow is refused: dispatches have none.
// expected-error @+1 {{the canonical lowering works on functions of one block}}
func.func @branches(%x: tensor<4xf32>) -> tensor<4xf32>
    attributes {dure.dispatch_fn} {
  cf.br ^exit
^exit:
  return %x : tensor<4xf32>
}
