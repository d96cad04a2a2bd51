// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A tensor of the state that is updated on two targets, one after the other.
!cache = tensor<?x2x?x4xf32, #dure.dims<["b", "2", "capacity", "4"]>>
!new = tensor<?x2x?x4xf32, #dure.dims<["b", "2", "t", "4"]>>
!lengths = tensor<?xi64, #dure.dims<["b"]>>
module attributes {dure.phase = "quantize"} {
  func.func @main(%x: tensor<4xf32> {dure.name = "x"}) -> (tensor<4xf32> {dure.name = "y"}) {
    %y = dure.region "products" -> tensor<4xf32> {
      %0 = dure.exp %x : (tensor<4xf32>) -> tensor<4xf32>
      dure.yield %0 : tensor<4xf32>
    }
    return %y : tensor<4xf32>
  }
  func.func @step(%past: !cache {dure.name = "past", dure.state}, %new: !new {dure.name = "new"}, %lengths: !lengths {dure.state_lengths}) -> (!cache {dure.name = "all"})
      attributes {dure.state_capacity_symbol = "capacity", dure.state_growth = #dure.dims<["t"]>, dure.state_length_symbol = "past"} {
    %first = dure.region "cpu" -> !cache {
      %0 = dure.cache_update %past, %new, %lengths : (!cache, !new, !lengths) -> !cache
      dure.yield %0 : !cache
    }
    %second = dure.region "products" -> !cache {
      %1 = dure.cache_update %first, %new, %lengths : (!cache, !new, !lengths) -> !cache
      dure.yield %1 : !cache
    }
    return %second : !cache
  }
}
