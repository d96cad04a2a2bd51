// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<4x4xf32>> [#dure.step<transpose -> tensor<4x4xf32>>] : tensor<4x4xf32>
