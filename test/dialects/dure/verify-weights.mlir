// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that every step goes from the type before it.
dure.weight @s from <file = 0, offset = 0, size = 8, type = tensor<2xf32>> : tensor<2xf32>
dure.weight @w from <file = 0, offset = 0, size = 16, type = tensor<4x4xi8>> [#dure.step<cast -> tensor<4x4xf32>>, #dure.step<transpose[1, 0] -> tensor<4x4xf32>>, #dure.step<slice[0, 1, 4, 2, 1, 2] -> tensor<4x2xf32>>, #dure.step<pad[0, 0, 1, 0] -> tensor<5x2xf32>>, #dure.step<multiply with @s -> tensor<5x2xf32>>, #dure.step<reshape -> tensor<2x5xf32>>, #dure.step<pack_panels[4] -> tensor<2x2x4xf32>>] : tensor<2x2x4xf32>

// -----

// Tests that a weight without a recipe has the stored type.
// expected-error @+1 {{the recipe ends in}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> : tensor<4x5xf32>

// -----

// Tests that there are as many bytes as the type takes.
// expected-error @+1 {{has 4 bytes, a}}
dure.weight @w from <file = 0, offset = 0, size = 4, type = tensor<4x4xf32>> : tensor<4x4xf32>

// -----

// Tests that truth values take a byte each, and two integers of 4 bits one.
dure.weight @b from <file = 0, offset = 0, size = 3, type = tensor<3xi1>> : tensor<3xi1>
dure.weight @h from <file = 0, offset = 0, size = 2, type = tensor<3xui4>> : tensor<3xui4>

// -----

// Tests that nothing lies before a file.
// expected-error @+1 {{must not be negative}}
dure.weight @w from <file = 0, offset = -1, size = 64, type = tensor<4x4xf32>> : tensor<4x4xf32>

// -----

// Tests that nothing ends beyond what can be counted.
// expected-error @+1 {{offset and size exceed 64 bits}}
dure.weight @w from <file = 0, offset = 9223372036854775800, size = 64, type = tensor<4x4xf32>> : tensor<4x4xf32>

// -----

// Tests that what is stored has a size.
// expected-error @+1 {{stored type must be a static tensor}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<?x4xf32, #dure.dims<["n", "4"]>>> [#dure.step<cast -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that what a step gives has a size.
// expected-error @+1 {{needs a static tensor of a dure element type}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<reshape -> tensor<?x4xf32, #dure.dims<["n", "4"]>>>] : tensor<4x4xf32>

// -----

// Tests that a cast keeps the shape.
// expected-error @+1 {{does not give this shape}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<cast -> tensor<4x5xf16>>] : tensor<4x5xf16>

// -----

// Tests that a cast takes no integers.
// expected-error @+1 {{needs 0 integers}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<cast[1] -> tensor<4x4xf16>>] : tensor<4x4xf16>

// -----

// Tests that a transpose has its permutation.
// expected-error @+1 {{needs 2 integers}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<transpose -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that a transpose takes every dimension once.
// expected-error @+1 {{is not a permutation of 2 dimensions}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<transpose[7, 9] -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that a reshape keeps the number of elements.
// expected-error @+1 {{changes the number of elements}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<reshape -> tensor<4x5xf32>>] : tensor<4x5xf32>

// -----

// Tests that only a cast changes the element type.
// expected-error @+1 {{changes the element type}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<reshape -> tensor<16xf16>>] : tensor<16xf16>

// -----

// Tests that a slice reads what is there.
// expected-error @+1 {{reads outside dimension 1}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<slice[0, 3, 4, 4, 1, 1] -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that a slice gives the sizes that it says.
// expected-error @+1 {{does not give this shape}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<slice[0, 0, 2, 2, 1, 1] -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that padding does not cut.
// expected-error @+1 {{pads by a negative or too large amount}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<pad[0, 0, -1, 0] -> tensor<3x4xf32>>] : tensor<3x4xf32>

// -----

// Tests that panels have a width.
// expected-error @+1 {{and a positive panel width}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<pack_panels[0] -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that a product has another weight.
// expected-error @+1 {{needs another weight or a constant}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<multiply -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that a cast has no other weight.
dure.weight @s from <file = 0, offset = 0, size = 16, type = tensor<4xf32>> : tensor<4xf32>
// expected-error @+1 {{takes no other operand}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<cast with @s -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that the other weight exists.
// expected-error @+1 {{no weight named @s}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<multiply with @s -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that the other weight broadcasts.
dure.weight @s from <file = 0, offset = 0, size = 12, type = tensor<3xf32>> : tensor<3xf32>
// expected-error @+1 {{does not fit}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<multiply with @s -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that the other weight has the element type.
dure.weight @s from <file = 0, offset = 0, size = 8, type = tensor<4xf16>> : tensor<4xf16>
// expected-error @+1 {{does not fit}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<multiply with @s -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that a recipe does not read its own weight.
// expected-error @+1 {{lead to each other in a circle}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<multiply with @w -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that recipes do not read each other.
// expected-error @+1 {{lead to each other in a circle}}
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<add with @v -> tensor<4x4xf32>>] : tensor<4x4xf32>
dure.weight @v from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<add with @w -> tensor<4x4xf32>>] : tensor<4x4xf32>

// -----

// Tests that a weight's value has its type.
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> : tensor<4x4xf32>
func.func @f() {
  // expected-error @+1 {{weight @w has type}}
  %r = dure.get_weight @w : tensor<16xf32>
  return
}

// -----

// Tests that a weight exists.
func.func @f() {
  // expected-error @+1 {{no weight named @w}}
  %r = dure.get_weight @w : tensor<16xf32>
  return
}

// -----

// Tests that the other operand may be a constant, and meet blocks of an axis.
dure.weight @s from <file = 0, offset = 0, size = 32, type = tensor<4x2xf32>> : tensor<4x2xf32>
dure.weight @w from <file = 0, offset = 0, size = 48, type = tensor<4x3xf32>> [#dure.step<multiply by dense<2.0> : tensor<f32> -> tensor<4x3xf32>>, #dure.step<subtract[1, 2] by dense<[1.0, 2.0]> : tensor<2xf32> -> tensor<4x3xf32>>, #dure.step<multiply[1, 2] with @s -> tensor<4x3xf32>>] : tensor<4x3xf32>

// -----

// Tests that a constant broadcasts.
// expected-error @+1 {{its constant of type}}
dure.weight @w from <file = 0, offset = 0, size = 48, type = tensor<4x3xf32>> [#dure.step<multiply by dense<2.0> : tensor<4xf32> -> tensor<4x3xf32>>] : tensor<4x3xf32>

// -----

// Tests that there is an element for every block.
// expected-error @+1 {{its constant of type}}
dure.weight @w from <file = 0, offset = 0, size = 48, type = tensor<4x3xf32>> [#dure.step<multiply[1, 2] by dense<2.0> : tensor<3xf32> -> tensor<4x3xf32>>] : tensor<4x3xf32>

// -----

// Tests that blocks lie along a dimension.
// expected-error @+1 {{its constant of type}}
dure.weight @w from <file = 0, offset = 0, size = 48, type = tensor<4x3xf32>> [#dure.step<multiply[2, 2] by dense<2.0> : tensor<2xf32> -> tensor<4x3xf32>>] : tensor<4x3xf32>

// -----

// Tests that a step has one other operand.
dure.weight @s from <file = 0, offset = 0, size = 12, type = tensor<3xf32>> : tensor<3xf32>
// expected-error @+1 {{needs another weight or a constant}}
dure.weight @w from <file = 0, offset = 0, size = 48, type = tensor<4x3xf32>> [#dure.step<multiply with @s by dense<2.0> : tensor<3xf32> -> tensor<4x3xf32>>] : tensor<4x3xf32>

// -----

// Tests that another weight may follow along any axis.
dure.weight @s from <file = 0, offset = 0, size = 8, type = tensor<2x1xf32>> : tensor<2x1xf32>
dure.weight @w from <file = 0, offset = 8, size = 24, type = tensor<2x3xf32>> [#dure.step<concat[1] with @s -> tensor<2x4xf32>>] : tensor<2x4xf32>

// -----

// Tests that there is an axis to follow along.
dure.weight @s from <file = 0, offset = 0, size = 8, type = tensor<2x1xf32>> : tensor<2x1xf32>
// expected-error @+1 {{has no such axis}}
dure.weight @w from <file = 0, offset = 8, size = 24, type = tensor<2x3xf32>> [#dure.step<concat[2] with @s -> tensor<2x4xf32>>] : tensor<2x4xf32>

// -----

// Tests that what follows is a weight.
// expected-error @+1 {{needs another weight}}
dure.weight @w from <file = 0, offset = 0, size = 24, type = tensor<2x3xf32>> [#dure.step<concat[1] by dense<1.0> : tensor<2x1xf32> -> tensor<2x4xf32>>] : tensor<2x4xf32>

// -----

// Tests that the other dimensions are the same.
dure.weight @s from <file = 0, offset = 0, size = 4, type = tensor<1x1xf32>> : tensor<1x1xf32>
// expected-error @+1 {{does not fit}}
dure.weight @w from <file = 0, offset = 8, size = 24, type = tensor<2x3xf32>> [#dure.step<concat[1] with @s -> tensor<2x4xf32>>] : tensor<2x4xf32>

// -----

// Tests that the type is that of both together.
dure.weight @s from <file = 0, offset = 0, size = 8, type = tensor<2x1xf32>> : tensor<2x1xf32>
// expected-error @+1 {{does not fit}}
dure.weight @w from <file = 0, offset = 8, size = 24, type = tensor<2x3xf32>> [#dure.step<concat[1] with @s -> tensor<2x5xf32>>] : tensor<2x5xf32>
