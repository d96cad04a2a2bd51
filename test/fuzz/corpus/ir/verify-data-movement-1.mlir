// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<?x4xf32, #dure.dims<["n", "4"]>>, %b: tensor<?x4xf32, #dure.dims<["m", "4"]>>) {
  %r = dure.concat %a, %b {axis = 0} : (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<?x4xf32, #dure.dims<["m", "4"]>>) -> tensor<?x4xf32, #dure.dims<["m + n", "4"]>>
  return
}
