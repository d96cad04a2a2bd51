// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A rotary embedding as phase simplify leaves it, with the names of two values.
!x = tensor<?x2x?x8xf32, #dure.dims<["b", "2", "s", "8"]>>
!h = tensor<?x2x?x4xf32, #dure.dims<["b", "2", "s", "4"]>>
!f = tensor<?x?x4xf32, #dure.dims<["b", "s", "4"]>>
!ff = tensor<?x?x8xf32, #dure.dims<["b", "s", "8"]>>
!t = tensor<?x1x?x8xf32, #dure.dims<["b", "1", "s", "8"]>>
module attributes {dure.phase = "simplify", dure.files = []} {
  func.func @main(%x: !x {dure.name = "x"}, %f: !f {dure.name = "f"}) -> (!x {dure.name = "y"}) {
    %ff = dure.concat %f, %f {axis = 2 : i64} : (!f, !f) -> !ff
    %c = dure.cos %ff : (!ff) -> !ff loc(fused["node:make_cos", "op:Cos", "value:cos"])
    %s = dure.sin %ff : (!ff) -> !ff
    %cos = dure.reshape %c : !ff -> !t
    %sin = dure.reshape %s : !ff -> !t
    %0 = dure.mul %x, %cos : (!x, !t) -> !x
    %1 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
    %2 = dure.slice %x {starts = #dure.dims<["0", "0", "0", "4"]>, sizes = #dure.dims<["b", "2", "s", "4"]>, steps = array<i64: 1, 1, 1, 1>} : (!x) -> !h
    %3 = dure.neg %2 : (!h) -> !h
    %4 = dure.concat %3, %1 {axis = 3 : i64} : (!h, !h) -> !x
    %5 = dure.mul %4, %sin : (!x, !t) -> !x
    %6 = dure.add %0, %5 : (!x, !x) -> !x loc(fused["node:make_y", "op:Add", "value:y"])
    return %6 : !x
  }
}
