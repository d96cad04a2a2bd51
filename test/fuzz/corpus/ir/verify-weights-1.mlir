// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
dure.weight @s from <file = 0, offset = 0, size = 8, type = tensor<2xf32>> : tensor<2xf32>
dure.weight @w from <file = 0, offset = 0, size = 16, type = tensor<4x4xi8>> [#dure.step<cast -> tensor<4x4xf32>>, #dure.step<transpose[1, 0] -> tensor<4x4xf32>>, #dure.step<slice[0, 1, 4, 2, 1, 2] -> tensor<4x2xf32>>, #dure.step<pad[0, 0, 1, 0] -> tensor<5x2xf32>>, #dure.step<multiply with @s -> tensor<5x2xf32>>, #dure.step<reshape -> tensor<2x5xf32>>, #dure.step<pack_panels[4] -> tensor<2x2x4xf32>>] : tensor<2x2x4xf32>
