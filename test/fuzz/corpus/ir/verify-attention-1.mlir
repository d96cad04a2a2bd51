// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%q: tensor<?x4x?x8xf32, #dure.dims<["b", "4", "t", "8"]>>, %k: tensor<?x2x?x8xf32, #dure.dims<["b", "2", "s", "8"]>>, %v: tensor<?x2x?x6xf32, #dure.dims<["b", "2", "s", "6"]>>, %m: tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "s"]>>, %s: tensor<4xf32>) {
  %r = dure.attention %q, %k, %v mask %m sinks %s {scale = 1.0 : f32, empty_row = #dure<empty_row zero>, causal = true, window = 3, softcap = 2.0 : f32} : (tensor<?x4x?x8xf32, #dure.dims<["b", "4", "t", "8"]>>, tensor<?x2x?x8xf32, #dure.dims<["b", "2", "s", "8"]>>, tensor<?x2x?x6xf32, #dure.dims<["b", "2", "s", "6"]>>, tensor<?x1x?x?xi1, #dure.dims<["b", "1", "t", "s"]>>, tensor<4xf32>) -> tensor<?x4x?x6xf32, #dure.dims<["b", "4", "t", "6"]>>
  return
}
