// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tensor of the state that a region of its own updates, for steps to come: its
// result is read by nobody.
!cache = tensor<?x2x?x4xf32, #dure.dims<["b", "2", "capacity", "4"]>>
!new = tensor<?x2x?x4xf32, #dure.dims<["b", "2", "t", "4"]>>
!lengths = tensor<?xi64, #dure.dims<["b"]>>
module attributes {dure.phase = "place"} {
  func.func @main(%x: tensor<4xf32> {dure.name = "x"}) -> (tensor<4xf32> {dure.name = "y"}) {
    %y = dure.region "products" -> tensor<4xf32> {
      %0 = dure.exp %x : (tensor<4xf32>) -> tensor<4xf32>
      dure.yield %0 : tensor<4xf32>
    }
    return %y : tensor<4xf32>
  }
  func.func @step(%past: !cache {dure.name = "past", dure.state}, %new: !new {dure.name = "new"}, %lengths: !lengths {dure.state_lengths}) -> (!new {dure.name = "y"})
      attributes {dure.state_capacity_symbol = "capacity", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
    %y = dure.region "cpu" -> !new {
      %0 = dure.exp %new : (!new) -> !new
      dure.yield %0 : !new
    }
    dure.region "products" {
      %1 = dure.cache_update %past, %y, %lengths : (!cache, !new, !lengths) -> !cache
      dure.yield
    }
    return %y : !new
  }
}
