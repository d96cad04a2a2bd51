// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --dure-verify-phase --split-input-file --verify-diagnostics

// Tests that symbols of arguments and of define_dims are bound.
module attributes {dure.phase = "raise"} {
  func.func @main(%x: tensor<?xf32, #dure.dims<["n"]>>, %c: tensor<i64>) -> tensor<?xf32, #dure.dims<["k + n"]>> {
    dure.define_dims %c ["k"] : tensor<i64>
    %0 = dure.broadcast %x : tensor<?xf32, #dure.dims<["n"]>> -> tensor<?x?xf32, #dure.dims<["k + n", "n"]>>
    %1 = dure.reduce %0 {kind = #dure<reduce_kind sum>, axes = array<i64: 1>, keep_dims = false} : (tensor<?x?xf32, #dure.dims<["k + n", "n"]>>) -> tensor<?xf32, #dure.dims<["k + n"]>>
    return %1 : tensor<?xf32, #dure.dims<["k + n"]>>
  }
}

// -----

// Tests that a symbol may not be used before it is bound.
module attributes {dure.phase = "raise"} {
  func.func @main(%c: tensor<i64>) -> tensor<?xi64, #dure.dims<["k"]>> {
    // expected-error @below {{uses the dimension symbol 'k', which nothing binds before it}}
    %0 = dure.iota 0 : tensor<?xi64, #dure.dims<["k"]>>
    dure.define_dims %c ["k"] : tensor<i64>
    return %0 : tensor<?xi64, #dure.dims<["k"]>>
  }
}

// -----

// Tests that an expression does not bind its symbols.
module attributes {dure.phase = "raise"} {
  // expected-error @below {{uses the dimension symbol 'n', which nothing binds before it}}
  func.func @main(%x: tensor<?xf32, #dure.dims<["2*n"]>>) {
    return
  }
}

// -----

// Tests that symbols in attributes count too.
module attributes {dure.phase = "simplify"} {
  func.func @main(%x: tensor<?xf32, #dure.dims<["n"]>>) -> tensor<1xf32> {
    // expected-error @below {{uses the dimension symbol 'm'}}
    %0 = dure.slice %x {starts = #dure.dims<["m"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<1xf32>
    return %0 : tensor<1xf32>
  }
}

// -----

// Tests that a dynamic dimension must say its size.
module attributes {dure.phase = "import"} {
  // expected-error @below {{has a dynamic dimension without an expression}}
  func.func @main(%x: tensor<?xf32>) {
    return
  }
}

// -----

// Tests that other dialects have no place before a target's phases.
module attributes {dure.phase = "raise"} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{is not of the dure dialect}}
    %0 = arith.addf %x, %x : tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}

// -----

// Tests that work lies in regions after place.
module attributes {dure.phase = "place"} {
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = dure.region "cpu" -> tensor<4xf32> {
      %1 = dure.exp %x : (tensor<4xf32>) -> tensor<4xf32>
      dure.yield %1 : tensor<4xf32>
    }
    // expected-error @below {{should lie in a region}}
    %2 = dure.exp %0 : (tensor<4xf32>) -> tensor<4xf32>
    return %2 : tensor<4xf32>
  }
}

// -----

// Tests that work lies in dispatch functions after form-dispatches.
module attributes {dure.phase = "form-dispatches"} {
  func.func private @exp(%x: tensor<?xf32, #dure.dims<["d0"]>>) -> tensor<?xf32, #dure.dims<["d0"]>> attributes {dure.dispatch_fn, dure.symbols = ["d0"]} {
    %0 = dure.exp %x : (tensor<?xf32, #dure.dims<["d0"]>>) -> tensor<?xf32, #dure.dims<["d0"]>>
    return %0 : tensor<?xf32, #dure.dims<["d0"]>>
  }
  func.func @main(%x: tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>> {
    %0 = dure.dispatch "cpu" @exp <["n"]> (%x) : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
    // expected-error @below {{should lie in a dispatch function}}
    %1 = dure.exp %0 : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
    return %1 : tensor<?xf32, #dure.dims<["n"]>>
  }
}

// -----

// Tests that a module must say how far it has come.
// expected-error @below {{has no attribute 'dure.phase'}}
module {
}

// -----

// Tests that sizes that must be equal come in pairs.
module attributes {dure.phase = "raise"} {
  // expected-error @below {{has in 'dure.equal_dims' what is no pair}}
  func.func @main(%x: tensor<?xf32, #dure.dims<["n"]>>) attributes {dure.equal_dims = [["n", "n"]]} {
    return
  }
}

// -----

// Tests that functions take tensors alone.
module attributes {dure.phase = "raise"} {
  // expected-error @below {{takes and gives tensors alone, not 'i32'}}
  func.func @main(%x: i32) -> i32 {
    return %x : i32
  }
}

// -----

// Tests that functions have a body of one block.
module attributes {dure.phase = "raise"} {
  // expected-error @below {{must have a body of one block}}
  func.func private @main(tensor<4xf32>) -> tensor<4xf32>
}

// -----

// Tests that symbols are names.
module attributes {dure.phase = "form-dispatches"} {
  // expected-error @below {{has in 'dure.symbols' what is no name: 4}}
  func.func private @f(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dure.dispatch_fn, dure.symbols = [4 : i32]} {
    return %x : tensor<4xf32>
  }
}

// -----

// Tests that files are paths.
// expected-error @below {{must have a list of paths in 'dure.files'}}
module attributes {dure.phase = "raise", dure.files = [4 : i32]} {
}

// -----

// Tests that a weight lies in one of the files.
module attributes {dure.phase = "raise", dure.files = ["w.bin"]} {
  dure.weight @v from <file = 0, offset = 0, size = 16, type = tensor<4xf32>> : tensor<4xf32>
  // expected-error @below {{lies in file 1, but 'dure.files' has 1}}
  dure.weight @w from <file = 1, offset = 0, size = 16, type = tensor<4xf32>> : tensor<4xf32>
}

// -----

// Tests that functions do not call each other: the host program has no calls.
module attributes {dure.phase = "raise"} {
  func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
    return %x : tensor<4xf32>
  }
  func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
    // expected-error @below {{is not of the dure dialect}}
    %0 = call @other(%x) : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}
