// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Placed on two targets: a loop on one reads what the other makes before it,
// and both read what the loop leaves.
!row = tensor<4xf32>
module attributes {dure.phase = "quantize"} {
  func.func @main(%x: !row {dure.name = "x"}) -> (!row {dure.name = "y"}) {
    %a = dure.region "cpu" -> !row {
      %0 = dure.exp %x : (!row) -> !row
      dure.yield %0 : !row
    }
    %r = dure.loop "i" <["3"]> "count" (%x) : (!row) -> !row {
    ^bb0(%s: !row):
      %next = dure.region "products" -> !row {
        %1 = dure.add %s, %a : (!row, !row) -> !row
        %2 = dure.mul %1, %a : (!row, !row) -> !row
        dure.yield %2 : !row
      }
      dure.yield %next : !row
    }
    %z = dure.region "cpu" -> !row {
      %3 = dure.sub %r, %a : (!row, !row) -> !row
      dure.yield %3 : !row
    }
    return %z : !row
  }
}
