// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s --split-input-file --verify-diagnostics

// Tests that matmul broadcasts batches and transposes.
func.func @f(%a: tensor<?x1x?x8xf32, #dure.dims<["b", "1", "m", "8"]>>, %b: tensor<4x?x8xf32, #dure.dims<["4", "n", "8"]>>) {
  %r = dure.matmul %a, %b {transpose_rhs = true} : (tensor<?x1x?x8xf32, #dure.dims<["b", "1", "m", "8"]>>, tensor<4x?x8xf32, #dure.dims<["4", "n", "8"]>>) -> tensor<?x4x?x?xf32, #dure.dims<["b", "4", "m", "n"]>>
  return
}

// -----

// Tests that unlike symbols meet in the sum: they must be equal when run.
func.func @f(%a: tensor<?x?xf32, #dure.dims<["m", "k"]>>, %b: tensor<?x?xf32, #dure.dims<["l", "n"]>>) {
  %r = dure.matmul %a, %b : (tensor<?x?xf32, #dure.dims<["m", "k"]>>, tensor<?x?xf32, #dure.dims<["l", "n"]>>) -> tensor<?x?xf32, #dure.dims<["m", "n"]>>
  return
}

// -----

// Tests that unlike sizes do not meet in the sum.
func.func @f(%a: tensor<4x8xf32>, %b: tensor<9x4xf32>) {
  // expected-error @+2 {{sizes 8 and 9 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.matmul %a, %b : (tensor<4x8xf32>, tensor<9x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

// Tests that a transposed operand is summed along its last dimension.
func.func @f(%a: tensor<4x8xf32>, %b: tensor<8x4xf32>) {
  // expected-error @+2 {{sizes 8 and 4 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.matmul %a, %b {transpose_rhs = true} : (tensor<4x8xf32>, tensor<8x4xf32>) -> tensor<4x8xf32>
  return
}

// -----

// Tests that batches broadcast.
func.func @f(%a: tensor<2x4x8xf32>, %b: tensor<3x8x4xf32>) {
  // expected-error @+2 {{do not broadcast}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.matmul %a, %b : (tensor<2x4x8xf32>, tensor<3x8x4xf32>) -> tensor<2x4x4xf32>
  return
}

// -----

// Tests that vectors are no matrices.
func.func @f(%a: tensor<8xf32>, %b: tensor<8x4xf32>) {
  // expected-error @+2 {{operands must have rank 2 at least}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.matmul %a, %b : (tensor<8xf32>, tensor<8x4xf32>) -> tensor<4xf32>
  return
}

// -----

// Tests that truth values are not multiplied.
func.func @f(%a: tensor<4x4xi1>, %b: tensor<4x4xi1>) {
  // expected-error @+2 {{operands must have one type of numbers}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.matmul %a, %b : (tensor<4x4xi1>, tensor<4x4xi1>) -> tensor<4x4xi1>
  return
}

// -----

// Tests that an index is no number.
func.func @f(%a: tensor<4x4xindex>, %b: tensor<4x4xindex>) {
  // expected-error @+1 {{must be ranked tensor of a dure element type}}
  %r = dure.matmul %a, %b : (tensor<4x4xindex>, tensor<4x4xindex>) -> tensor<4x4xindex>
  return
}

// -----

// Tests that parameters of layer_norm broadcast to its operand.
func.func @f(%a: tensor<?x8xf32, #dure.dims<["n", "8"]>>, %b: tensor<1x8xf32>, %c: tensor<8xf32>) {
  %r = dure.layer_norm %a, %b, %c {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>, tensor<1x8xf32>, tensor<8xf32>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  return
}

// -----

// Tests that a scale of another size is refused by layer_norm.
func.func @f(%a: tensor<?x8xf32, #dure.dims<["n", "8"]>>, %b: tensor<5xf32>) {
  // expected-error @+2 {{sizes 5 and 8 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.layer_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>, tensor<5xf32>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  return
}

// -----

// Tests that a scale of higher rank is refused by layer_norm.
func.func @f(%a: tensor<8xf32>, %b: tensor<2x8xf32>) {
  // expected-error @+2 {{does not broadcast to}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.layer_norm %a, %b {axis = 0, epsilon = 1.0e-5 : f32} : (tensor<8xf32>, tensor<2x8xf32>) -> tensor<8xf32>
  return
}

// -----

// Tests that an integer scale is refused by layer_norm.
func.func @f(%a: tensor<2x8xf32>, %b: tensor<8xi32>) {
  // expected-error @+2 {{does not broadcast to}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.layer_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<2x8xf32>, tensor<8xi32>) -> tensor<2x8xf32>
  return
}

// -----

// Tests that layer_norm has an axis.
func.func @f(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error @+2 {{axis 1 is outside}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.layer_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// Tests that layer_norm is of floats.
func.func @f(%a: tensor<2x8xi32>, %b: tensor<8xf32>) {
  // expected-error @+2 {{needs floating point elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.layer_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<2x8xi32>, tensor<8xf32>) -> tensor<2x8xi32>
  return
}

// -----

// Tests that parameters of rms_norm broadcast to its operand.
func.func @f(%a: tensor<?x8xf32, #dure.dims<["n", "8"]>>, %b: tensor<1x8xf32>) {
  %r = dure.rms_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>, tensor<1x8xf32>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  return
}

// -----

// Tests that a scale of another size is refused by rms_norm.
func.func @f(%a: tensor<?x8xf32, #dure.dims<["n", "8"]>>, %b: tensor<5xf32>) {
  // expected-error @+2 {{sizes 5 and 8 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rms_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>, tensor<5xf32>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  return
}

// -----

// Tests that a scale of higher rank is refused by rms_norm.
func.func @f(%a: tensor<8xf32>, %b: tensor<2x8xf32>) {
  // expected-error @+2 {{does not broadcast to}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rms_norm %a, %b {axis = 0, epsilon = 1.0e-5 : f32} : (tensor<8xf32>, tensor<2x8xf32>) -> tensor<8xf32>
  return
}

// -----

// Tests that an integer scale is refused by rms_norm.
func.func @f(%a: tensor<2x8xf32>, %b: tensor<8xi32>) {
  // expected-error @+2 {{does not broadcast to}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rms_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<2x8xf32>, tensor<8xi32>) -> tensor<2x8xf32>
  return
}

// -----

// Tests that rms_norm has an axis.
func.func @f(%a: tensor<8xf32>, %b: tensor<8xf32>) {
  // expected-error @+2 {{axis 1 is outside}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rms_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  return
}

// -----

// Tests that rms_norm is of floats.
func.func @f(%a: tensor<2x8xi32>, %b: tensor<8xf32>) {
  // expected-error @+2 {{needs floating point elements}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rms_norm %a, %b {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<2x8xi32>, tensor<8xf32>) -> tensor<2x8xi32>
  return
}

// -----

// Tests that a bias of another size is refused by layer_norm.
func.func @f(%a: tensor<?x8xf32, #dure.dims<["n", "8"]>>, %b: tensor<8xf32>, %c: tensor<5xf32>) {
  // expected-error @+2 {{sizes 5 and 8 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.layer_norm %a, %b, %c {axis = 1, epsilon = 1.0e-5 : f32} : (tensor<?x8xf32, #dure.dims<["n", "8"]>>, tensor<8xf32>, tensor<5xf32>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  return
}

// -----

// Tests that tables of rope broadcast to half the rotary dimensions.
func.func @f(%a: tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>, %b: tensor<?x1x?x4xf32, #dure.dims<["b", "1", "t", "4"]>>, %c: tensor<?x4xf32, #dure.dims<["t", "4"]>>) {
  %r = dure.rope %a, %b, %c {layout = #dure<rope_layout half>, rotary_dim = 8} : (tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>, tensor<?x1x?x4xf32, #dure.dims<["b", "1", "t", "4"]>>, tensor<?x4xf32, #dure.dims<["t", "4"]>>) -> tensor<?x2x?x16xf32, #dure.dims<["b", "2", "t", "16"]>>
  return
}

// -----

// Tests that tables of more positions are refused.
func.func @f(%a: tensor<1x2x1x8xf32>, %b: tensor<3x4xf32>, %c: tensor<3x4xf32>) {
  // expected-error @+2 {{sizes 3 and 1 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rope %a, %b, %c {layout = #dure<rope_layout half>, rotary_dim = 8} : (tensor<1x2x1x8xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<1x2x1x8xf32>
  return
}

// -----

// Tests that tables of all rotary dimensions are refused.
func.func @f(%a: tensor<?x8xf32, #dure.dims<["t", "8"]>>, %b: tensor<?x8xf32, #dure.dims<["t", "8"]>>, %c: tensor<?x8xf32, #dure.dims<["t", "8"]>>) {
  // expected-error @+2 {{sizes 8 and 4 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rope %a, %b, %c {layout = #dure<rope_layout half>, rotary_dim = 8} : (tensor<?x8xf32, #dure.dims<["t", "8"]>>, tensor<?x8xf32, #dure.dims<["t", "8"]>>, tensor<?x8xf32, #dure.dims<["t", "8"]>>) -> tensor<?x8xf32, #dure.dims<["t", "8"]>>
  return
}

// -----

// Tests that tables of integers are refused.
func.func @f(%a: tensor<3x8xf32>, %b: tensor<3x4xi32>, %c: tensor<3x4xi32>) {
  // expected-error @+2 {{does not broadcast to half the rotary dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rope %a, %b, %c {layout = #dure<rope_layout half>, rotary_dim = 8} : (tensor<3x8xf32>, tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x8xf32>
  return
}

// -----

// Tests that tables of higher rank are refused.
func.func @f(%a: tensor<3x8xf32>, %b: tensor<2x3x4xf32>, %c: tensor<3x4xf32>) {
  // expected-error @+2 {{does not broadcast to half the rotary dimensions}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rope %a, %b, %c {layout = #dure<rope_layout half>, rotary_dim = 8} : (tensor<3x8xf32>, tensor<2x3x4xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  return
}

// -----

// Tests that no more is rotated than there is.
func.func @f(%a: tensor<3x4xf32>, %b: tensor<3x4xf32>, %c: tensor<3x4xf32>) {
  // expected-error @+2 {{rotary_dim 8 must be even}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.rope %a, %b, %c {layout = #dure<rope_layout half>, rotary_dim = 8} : (tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

// Tests that gated_mlp takes matrices of one type.
func.func @f(%a: tensor<?x?x8xf32, #dure.dims<["b", "t", "8"]>>, %b: tensor<8x16xf32>, %c: tensor<8x16xf32>, %d: tensor<16x4xf32>) {
  %r = dure.gated_mlp %a, %b, %c, %d {activation = #dure<glu_activation silu>} : (tensor<?x?x8xf32, #dure.dims<["b", "t", "8"]>>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<16x4xf32>) -> tensor<?x?x4xf32, #dure.dims<["b", "t", "4"]>>
  return
}

// -----

// Tests that gated_mlp refuses unlike types.
func.func @f(%a: tensor<2x8xf32>, %b: tensor<8x16xf16>, %c: tensor<8x16xf16>, %d: tensor<16x8xf32>) {
  // expected-error @+2 {{weights must be matrices of 'f32'}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gated_mlp %a, %b, %c, %d {activation = #dure<glu_activation silu>} : (tensor<2x8xf32>, tensor<8x16xf16>, tensor<8x16xf16>, tensor<16x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

// Tests that gated_mlp refuses integers.
func.func @f(%a: tensor<2x8xi32>, %b: tensor<8x8xi32>, %c: tensor<8x8xi32>, %d: tensor<8x8xi32>) {
  // expected-error @+2 {{x must be floating point}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gated_mlp %a, %b, %c, %d {activation = #dure<glu_activation silu>} : (tensor<2x8xi32>, tensor<8x8xi32>, tensor<8x8xi32>, tensor<8x8xi32>) -> tensor<2x8xi32>
  return
}

// -----

// Tests that gated_mlp refuses unlike hidden sizes.
func.func @f(%a: tensor<2x8xf32>, %b: tensor<8x16xf32>, %c: tensor<8x16xf32>, %d: tensor<17x8xf32>) {
  // expected-error @+2 {{sizes 16 and 17 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.gated_mlp %a, %b, %c, %d {activation = #dure<glu_activation silu>} : (tensor<2x8xf32>, tensor<8x16xf32>, tensor<8x16xf32>, tensor<17x8xf32>) -> tensor<2x8xf32>
  return
}

// -----

// Tests that moe takes experts with a gate and biases, or without.
func.func @f(%x: tensor<?x8xf32, #dure.dims<["t", "8"]>>, %e: tensor<?x2xi32, #dure.dims<["t", "2"]>>, %p: tensor<?x2xf16, #dure.dims<["t", "2"]>>, %w: tensor<4x8x16xf32>, %d: tensor<4x16x6xf32>, %b: tensor<4x16xf32>, %c: tensor<4x6xf32>) {
  %0 = dure.moe %x to %e by %p gate %w + %b up %w + %b down %d + %c {activation = #dure<glu_activation silu>, alpha = 1.702 : f32, limit = 7.0 : f32, offset = 1.0 : f32} : (tensor<?x8xf32, #dure.dims<["t", "8"]>>, tensor<?x2xi32, #dure.dims<["t", "2"]>>, tensor<?x2xf16, #dure.dims<["t", "2"]>>, tensor<4x8x16xf32>, tensor<4x8x16xf32>, tensor<4x16x6xf32>, tensor<4x16xf32>, tensor<4x16xf32>, tensor<4x6xf32>) -> tensor<?x6xf32, #dure.dims<["t", "6"]>>
  %1 = dure.moe %x to %e by %p up %w down %d {activation = #dure<glu_activation identity>} : (tensor<?x8xf32, #dure.dims<["t", "8"]>>, tensor<?x2xi32, #dure.dims<["t", "2"]>>, tensor<?x2xf16, #dure.dims<["t", "2"]>>, tensor<4x8x16xf32>, tensor<4x16x6xf32>) -> tensor<?x6xf32, #dure.dims<["t", "6"]>>
  return
}

// -----

// Tests that moe refuses experts of unlike numbers.
func.func @f(%x: tensor<3x8xf32>, %e: tensor<3x2xi64>, %p: tensor<3x2xf32>, %w: tensor<4x8x16xf32>, %d: tensor<5x16x8xf32>) {
  // expected-error @+2 {{sizes 5 and 4 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = dure.moe %x to %e by %p up %w down %d {activation = #dure<glu_activation relu>} : (tensor<3x8xf32>, tensor<3x2xi64>, tensor<3x2xf32>, tensor<4x8x16xf32>, tensor<5x16x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

// Tests that moe's experts are chosen by integers.
func.func @f(%x: tensor<3x8xf32>, %p: tensor<3x2xf32>, %w: tensor<4x8x16xf32>, %d: tensor<4x16x8xf32>) {
  // expected-error @+2 {{experts must be integers of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = dure.moe %x to %p by %p up %w down %d {activation = #dure<glu_activation relu>} : (tensor<3x8xf32>, tensor<3x2xf32>, tensor<3x2xf32>, tensor<4x8x16xf32>, tensor<4x16x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

// Tests that only a gate has a limit.
func.func @f(%x: tensor<3x8xf32>, %e: tensor<3x2xi64>, %p: tensor<3x2xf32>, %w: tensor<4x8x16xf32>, %d: tensor<4x16x8xf32>) {
  // expected-error @+2 {{without a gate there is no bias of one, no offset and no limit}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = dure.moe %x to %e by %p up %w down %d {activation = #dure<glu_activation silu>, limit = 1.0 : f32} : (tensor<3x8xf32>, tensor<3x2xi64>, tensor<3x2xf32>, tensor<4x8x16xf32>, tensor<4x16x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

// Tests that only silu has an alpha.
func.func @f(%x: tensor<3x8xf32>, %e: tensor<3x2xi64>, %p: tensor<3x2xf32>, %w: tensor<4x8x16xf32>, %d: tensor<4x16x8xf32>) {
  // expected-error @+2 {{only silu has an alpha}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = dure.moe %x to %e by %p gate %w up %w down %d {activation = #dure<glu_activation relu>, alpha = 2.0 : f32} : (tensor<3x8xf32>, tensor<3x2xi64>, tensor<3x2xf32>, tensor<4x8x16xf32>, tensor<4x8x16xf32>, tensor<4x16x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

// Tests that moe refuses biases of another type.
func.func @f(%x: tensor<3x8xf32>, %e: tensor<3x2xi64>, %p: tensor<3x2xf32>, %w: tensor<4x8x16xf32>, %d: tensor<4x16x8xf32>, %b: tensor<4x8xf16>) {
  // expected-error @+2 {{the experts' biases must be 'f32' of rank 2}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = dure.moe %x to %e by %p up %w down %d + %b {activation = #dure<glu_activation relu>} : (tensor<3x8xf32>, tensor<3x2xi64>, tensor<3x2xf32>, tensor<4x8x16xf32>, tensor<4x16x8xf32>, tensor<4x8xf16>) -> tensor<3x8xf32>
  return
}

// -----

// Tests that expert_matmul takes rows of tokens and of their experts.
func.func @f(%x: tensor<?x8xf32, #dure.dims<["t", "8"]>>, %y: tensor<?x2x8xf32, #dure.dims<["t", "2", "8"]>>, %e: tensor<?x2xi64, #dure.dims<["t", "2"]>>, %w: tensor<4x8x16xf32>) {
  %0 = dure.expert_matmul %x, %e, %w : (tensor<?x8xf32, #dure.dims<["t", "8"]>>, tensor<?x2xi64, #dure.dims<["t", "2"]>>, tensor<4x8x16xf32>) -> tensor<?x2x16xf32, #dure.dims<["t", "2", "16"]>>
  %1 = dure.expert_matmul %y, %e, %w : (tensor<?x2x8xf32, #dure.dims<["t", "2", "8"]>>, tensor<?x2xi64, #dure.dims<["t", "2"]>>, tensor<4x8x16xf32>) -> tensor<?x2x16xf32, #dure.dims<["t", "2", "16"]>>
  return
}

// -----

// Tests that one expert may count for all rows of a token.
func.func @f(%x: tensor<?x5x8xf32, #dure.dims<["t", "5", "8"]>>, %e: tensor<?x1xi64, #dure.dims<["t", "1"]>>, %w: tensor<4x8x16xf32>) {
  %0 = dure.expert_matmul %x, %e, %w : (tensor<?x5x8xf32, #dure.dims<["t", "5", "8"]>>, tensor<?x1xi64, #dure.dims<["t", "1"]>>, tensor<4x8x16xf32>) -> tensor<?x5x16xf32, #dure.dims<["t", "5", "16"]>>
  return
}

// -----

// Tests that expert_matmul refuses as many rows as are no token's experts.
func.func @f(%x: tensor<3x5x8xf32>, %e: tensor<3x2xi64>, %w: tensor<4x8x16xf32>) {
  // expected-error @+2 {{sizes 5 and 2 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = dure.expert_matmul %x, %e, %w : (tensor<3x5x8xf32>, tensor<3x2xi64>, tensor<4x8x16xf32>) -> tensor<3x2x16xf32>
  return
}

// -----

// Tests that expert_matmul refuses rows of another length.
func.func @f(%x: tensor<3x9xf32>, %e: tensor<3x2xi64>, %w: tensor<4x8x16xf32>) {
  // expected-error @+2 {{sizes 9 and 8 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %0 = dure.expert_matmul %x, %e, %w : (tensor<3x9xf32>, tensor<3x2xi64>, tensor<4x8x16xf32>) -> tensor<3x2x16xf32>
  return
}

// -----

// Tests that a cache takes rows of its own batches, heads and head size.
func.func @f(%a: tensor<?x2x?x4xf32, #dure.dims<["b", "2", "c", "4"]>>, %b: tensor<?x2x?x4xf32, #dure.dims<["b", "2", "t", "4"]>>, %c: tensor<?xi64, #dure.dims<["b"]>>) {
  %r = dure.cache_update %a, %b, %c : (tensor<?x2x?x4xf32, #dure.dims<["b", "2", "c", "4"]>>, tensor<?x2x?x4xf32, #dure.dims<["b", "2", "t", "4"]>>, tensor<?xi64, #dure.dims<["b"]>>) -> tensor<?x2x?x4xf32, #dure.dims<["b", "2", "c", "4"]>>
  return
}

// -----

// Tests that a cache refuses other batches.
func.func @f(%a: tensor<2x2x8x4xf32>, %b: tensor<5x2x3x4xf32>, %c: tensor<2xi64>) {
  // expected-error @+2 {{sizes 2 and 5 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.cache_update %a, %b, %c : (tensor<2x2x8x4xf32>, tensor<5x2x3x4xf32>, tensor<2xi64>) -> tensor<2x2x8x4xf32>
  return
}

// -----

// Tests that a cache refuses other head sizes.
func.func @f(%a: tensor<2x2x8x4xf32>, %b: tensor<2x2x3x9xf32>, %c: tensor<2xi64>) {
  // expected-error @+2 {{sizes 4 and 9 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.cache_update %a, %b, %c : (tensor<2x2x8x4xf32>, tensor<2x2x3x9xf32>, tensor<2xi64>) -> tensor<2x2x8x4xf32>
  return
}

// -----

// Tests that every row has its length.
func.func @f(%a: tensor<2x2x8x4xf32>, %b: tensor<2x2x3x4xf32>, %c: tensor<1xi64>) {
  // expected-error @+2 {{sizes 2 and 1 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.cache_update %a, %b, %c : (tensor<2x2x8x4xf32>, tensor<2x2x3x4xf32>, tensor<1xi64>) -> tensor<2x2x8x4xf32>
  return
}

// -----

// Tests that lengths are i64.
func.func @f(%a: tensor<2x2x8x4xf32>, %b: tensor<2x2x3x4xf32>, %c: tensor<2xi8>) {
  // expected-error @+2 {{i64 lengths of rank 1}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.cache_update %a, %b, %c : (tensor<2x2x8x4xf32>, tensor<2x2x3x4xf32>, tensor<2xi8>) -> tensor<2x2x8x4xf32>
  return
}

// -----

// Tests that dequantize scales a tensor, an axis or blocks.
func.func @f(%x: tensor<?x8xi8, #dure.dims<["n", "8"]>>, %s: tensor<f32>, %z: tensor<i8>, %k: tensor<8xf32>, %q: tensor<?x3xf32, #dure.dims<["n", "3"]>>) {
  %r0 = dure.dequantize %x, %s, %z : (tensor<?x8xi8, #dure.dims<["n", "8"]>>, tensor<f32>, tensor<i8>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  %r1 = dure.dequantize %x, %k {axis = 1} : (tensor<?x8xi8, #dure.dims<["n", "8"]>>, tensor<8xf32>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  %r2 = dure.dequantize %x, %q {axis = 1, block = 3} : (tensor<?x8xi8, #dure.dims<["n", "8"]>>, tensor<?x3xf32, #dure.dims<["n", "3"]>>) -> tensor<?x8xf32, #dure.dims<["n", "8"]>>
  return
}

// -----

// Tests that an axis has as many scales as elements.
func.func @f(%a: tensor<4x8xi8>, %b: tensor<3xf32>) {
  // expected-error @+2 {{sizes 3 and 8 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.dequantize %a, %b {axis = 1} : (tensor<4x8xi8>, tensor<3xf32>) -> tensor<4x8xf32>
  return
}

// -----

// Tests that there is a scale for every block.
func.func @f(%a: tensor<4x8xi8>, %b: tensor<4x2xf32>) {
  // expected-error @+2 {{sizes 2 and 3 must be equal}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.dequantize %a, %b {axis = 1, block = 3} : (tensor<4x8xi8>, tensor<4x2xf32>) -> tensor<4x8xf32>
  return
}

// -----

// Tests that scales of all elements need blocks.
func.func @f(%a: tensor<4x8xi8>, %b: tensor<4x8xf32>) {
  // expected-error @+2 {{does not fit}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.dequantize %a, %b {axis = 1} : (tensor<4x8xi8>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

// Tests that a scale is no integer.
func.func @f(%a: tensor<4x8xi8>, %b: tensor<i32>) {
  // expected-error @+2 {{and a floating point scale}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.dequantize %a, %b : (tensor<4x8xi8>, tensor<i32>) -> tensor<4x8xi32>
  return
}

// -----

// Tests that what is dequantized is no wide float.
func.func @f(%a: tensor<4x8xf32>, %b: tensor<f32>) {
  // expected-error @+2 {{needs integers of at most 32 bits or fp8}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.dequantize %a, %b : (tensor<4x8xf32>, tensor<f32>) -> tensor<4x8xf32>
  return
}

// -----

// Tests that the zero point has the scale's shape.
func.func @f(%a: tensor<4x8xi8>, %b: tensor<f32>, %c: tensor<4x8xi8>) {
  // expected-error @+2 {{the zero point must have}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.dequantize %a, %b, %c : (tensor<4x8xi8>, tensor<f32>, tensor<4x8xi8>) -> tensor<4x8xf32>
  return
}

// -----

// Tests that the zero point has the operand's element type or the scale's.
func.func @f(%a: tensor<4x8xi8>, %b: tensor<f32>, %c: tensor<f32>, %d: tensor<i16>) {
  %q = dure.dequantize %a, %b, %c : (tensor<4x8xi8>, tensor<f32>, tensor<f32>) -> tensor<4x8xf32>
  // expected-error @+2 {{the zero point must have}}
  // expected-error @+1 {{failed to infer returned types}}
  %r = dure.dequantize %a, %b, %d : (tensor<4x8xi8>, tensor<f32>, tensor<i16>) -> tensor<4x8xf32>
  return
}
