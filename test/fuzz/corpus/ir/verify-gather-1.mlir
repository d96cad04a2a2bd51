// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %b: tensor<?x3xi64, #dure.dims<["m", "3"]>>, %c: tensor<?x3xf32, #dure.dims<["m", "3"]>>) {
  %r = dure.scatter_elements %a, %b, %c {axis = 0, reduction = #dure<scatter_reduction add>} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<?x3xi64, #dure.dims<["m", "3"]>>, tensor<?x3xf32, #dure.dims<["m", "3"]>>) -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  return
}
