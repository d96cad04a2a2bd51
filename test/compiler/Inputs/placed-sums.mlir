// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Two additions placed on two targets; both read what the model gives and a
// weight, the second one what the first makes, too.
!row = tensor<4xf32>
module attributes {dure.files = ["weights"], dure.phase = "place"} {
  dure.weight @w from <file = 0, offset = 0, size = 16, type = tensor<4xf32>> : tensor<4xf32>
  func.func @main(%x: !row {dure.name = "x"}) -> (!row {dure.name = "y"}) {
    %w = dure.get_weight @w : !row
    %a = dure.region "cpu" -> !row {
      %0 = dure.add %x, %w : (!row, !row) -> !row
      dure.yield %0 : !row
    }
    %b = dure.region "wrong" -> !row {
      %1 = dure.add %a, %w : (!row, !row) -> !row
      dure.yield %1 : !row
    }
    return %b : !row
  }
}
