// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f() {
  dure.bind_dims ["a", "b"] = <["2*n"]>
  return
}
