// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%x: tensor<?x8xf32, #dure.dims<["t", "8"]>>, %e: tensor<?x2xi32, #dure.dims<["t", "2"]>>, %p: tensor<?x2xf16, #dure.dims<["t", "2"]>>, %w: tensor<4x8x16xf32>, %d: tensor<4x16x6xf32>, %b: tensor<4x16xf32>, %c: tensor<4x6xf32>) {
  %0 = dure.moe %x to %e by %p gate %w + %b up %w + %b down %d + %c {activation = #dure<glu_activation silu>, alpha = 1.702 : f32, limit = 7.0 : f32, offset = 1.0 : f32} : (tensor<?x8xf32, #dure.dims<["t", "8"]>>, tensor<?x2xi32, #dure.dims<["t", "2"]>>, tensor<?x2xf16, #dure.dims<["t", "2"]>>, tensor<4x8x16xf32>, tensor<4x8x16xf32>, tensor<4x16x6xf32>, tensor<4x16xf32>, tensor<4x16xf32>, tensor<4x6xf32>) -> tensor<?x6xf32, #dure.dims<["t", "6"]>>
  %1 = dure.moe %x to %e by %p up %w down %d {activation = #dure<glu_activation identity>} : (tensor<?x8xf32, #dure.dims<["t", "8"]>>, tensor<?x2xi32, #dure.dims<["t", "2"]>>, tensor<?x2xf16, #dure.dims<["t", "2"]>>, tensor<4x8x16xf32>, tensor<4x16x6xf32>) -> tensor<?x6xf32, #dure.dims<["t", "6"]>>
  return
}
