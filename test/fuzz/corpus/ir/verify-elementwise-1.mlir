// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @f(%a: tensor<?x4xbf16, #dure.dims<["n", "4"]>>) {
  %r0 = dure.exp %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r1 = dure.log %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r2 = dure.sqrt %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r3 = dure.rsqrt %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r4 = dure.reciprocal %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r5 = dure.sigmoid %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r6 = dure.tanh %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r7 = dure.erf %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r8 = dure.sin %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r9 = dure.cos %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r10 = dure.floor %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r11 = dure.ceil %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r12 = dure.round %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r13 = dure.silu %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  %r14 = dure.softplus %a : (tensor<?x4xbf16, #dure.dims<["n", "4"]>>) -> tensor<?x4xbf16, #dure.dims<["n", "4"]>>
  return
}
