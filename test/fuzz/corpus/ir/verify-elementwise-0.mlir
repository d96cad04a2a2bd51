// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<4xf32>) {
  %r = dure.bitcast %a {to = i64} : (tensor<4xf32>) -> tensor<4xi64>
  return
}
