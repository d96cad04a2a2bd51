// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What looks like experts in grouped form and is none: each RUN line changes one
// thing of a layer that is.
// RUN: dure-opt %s --dure-raise-moe | FileCheck %s --check-prefix=RAISED
// RAISED: dure.moe
// REFUSED-LABEL: func.func @grouped
// REFUSED-NOT: dure.moe
// REFUSED: return

// Tests that rows sorted the other way are other experts'.
// RUN: sed -e 's/, smallest = true//' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that pieces stand in the order of their rows.
// RUN: sed -e 's/concat %%n0, %%n1 {axis = 0 : i64} : (!x8_0, !x8_1)/concat %%n1, %%n0 {axis = 0 : i64} : (!x8_1, !x8_0)/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that experts' weights lie in the order of experts.
// RUN: sed -e 's/matmul %%h0, %%d0/matmul %%h0, %%d1/' -e 's/matmul %%h1, %%d1/matmul %%h1, %%d0/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that there are as many pieces as experts to choose.
// RUN: sed -e 's/%%scores: !scores/%%scores: !three/' -e 's/(!scores) -> !e/(!three) -> !e/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that indices which may be no expert's are left alone.
// RUN: sed -e 's/%%scores: !scores/%%e: !e/' -e '/%%e = dure.top_k/d' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that both layers read the same rows.
// RUN: sed -e 's/gather %%h, %%range1/gather %%h, %%from0/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that the last expert's rows end where all do.
// RUN: sed -e 's/define_dims %%end1 /define_dims %%end0 /' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that bins of another width count something else.
// RUN: sed -e 's/dense<0.5>/dense<2.0>/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that a count begins at 0.
// RUN: sed -e 's/dense<0.0>/dense<1.0>/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that what is counted is one a row.
// RUN: sed -e 's/broadcast %%one /broadcast %%width /' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that counts add up.
// RUN: sed -e 's/, reduction = #dure<scatter_reduction add>//' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that an expert's rows end behind its own.
// RUN: sed -e 's/cumsum %%counts_i {axis = 0 : i64/&, exclusive = true/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that sums run from the first expert on.
// RUN: sed -e 's/cumsum %%counts_i {axis = 0 : i64/&, reverse = true/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that ends are those of their experts.
// RUN: sed -e 's/define_dims %%end0 /define_dims %%end2 /' -e 's/define_dims %%end1 /define_dims %%end0 /' -e 's/define_dims %%end2 /define_dims %%end1 /' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that a count compares no two elements of the list: sorted and unsorted
// indices are alike in a list of one.
// RUN: sed -e 's/^ *%%ones = dure.broadcast.*/%%same = dure.compare %%ids, %%sorted {predicate = #dure<predicate eq>} : (!list, !list) -> !bools\n%%ones = dure.cast %%same {to = f32} : (!bools) -> !rows/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that rows go back by the inverse of the sort, not by the sort.
// RUN: sed -e 's/gather %%w, %%inverse/gather %%w, %%sort/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that the inverse counts from 0.
// RUN: sed -e 's/^ *%%count = dure.iota 0 : !list/%%count0 = dure.iota 0 : !list\n%%count = dure.add %%count0, %%one_i : (!list, tensor<i64>) -> !list/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that the inverse says every place once.
// RUN: sed -e 's/scatter_nd %%empty, %%places, %%count/scatter_nd %%empty, %%tokens, %%count/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that a row is its token's: places divided by the number of slots.
// RUN: sed -e 's/dense<2> : tensor<i64>/dense<3> : tensor<i64>/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that weights are sorted with their rows.
// RUN: sed -e 's/reshape %%ps : !rows/reshape %%flat : !rows/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED
// Tests that biases are sorted with their rows.
// RUN: sed -e 's/gather %%b, %%sorted/gather %%b, %%ids/' %s | dure-opt --dure-raise-moe | FileCheck %s --check-prefix=REFUSED

!x = tensor<?x8xf32, #dure.dims<["t", "8"]>>
!x2 = tensor<?x2x8xf32, #dure.dims<["t", "2", "8"]>>
!scores = tensor<?x2xf32, #dure.dims<["t", "2"]>>
!three = tensor<?x3xf32, #dure.dims<["t", "3"]>>
!e = tensor<?x2xi64, #dure.dims<["t", "2"]>>
!p = tensor<?x2xf32, #dure.dims<["t", "2"]>>
!list = tensor<?xi64, #dure.dims<["2*t"]>>
!tuples = tensor<?x1xi64, #dure.dims<["2*t", "1"]>>
!rows = tensor<?xf32, #dure.dims<["2*t"]>>
!rows1 = tensor<?x1xf32, #dure.dims<["2*t", "1"]>>
!bools = tensor<?xi1, #dure.dims<["2*t"]>>
!r8 = tensor<?x8xf32, #dure.dims<["2*t", "8"]>>
!s8 = tensor<?x8xf32, #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "8"]>>
!s4 = tensor<?x4xf32, #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>>
!i0 = tensor<?xi64, #dure.dims<["max($v0, 0)"]>>
!i1 = tensor<?xi64, #dure.dims<["max(-$v0 + $v1, 0)"]>>
!x8_0 = tensor<?x8xf32, #dure.dims<["max($v0, 0)", "8"]>>
!x8_1 = tensor<?x8xf32, #dure.dims<["max(-$v0 + $v1, 0)", "8"]>>
!x4_0 = tensor<?x4xf32, #dure.dims<["max($v0, 0)", "4"]>>
!x4_1 = tensor<?x4xf32, #dure.dims<["max(-$v0 + $v1, 0)", "4"]>>

module attributes {dure.files = ["w.bin"]} {
  dure.weight @in_bias from <file = 0, offset = 768, size = 64, type = tensor<2x8xf32>> : tensor<2x8xf32>
  dure.weight @in0 from <file = 0, offset = 0, size = 512, type = tensor<2x8x8xf32>> [#dure.step<slice[0, 0, 0, 1, 8, 8, 1, 1, 1] -> tensor<1x8x8xf32>>, #dure.step<reshape -> tensor<8x8xf32>>] : tensor<8x8xf32>
  dure.weight @in1 from <file = 0, offset = 0, size = 512, type = tensor<2x8x8xf32>> [#dure.step<slice[1, 0, 0, 1, 8, 8, 1, 1, 1] -> tensor<1x8x8xf32>>, #dure.step<reshape -> tensor<8x8xf32>>] : tensor<8x8xf32>
  dure.weight @out0 from <file = 0, offset = 512, size = 256, type = tensor<2x4x8xf32>> [#dure.step<slice[0, 0, 0, 1, 4, 8, 1, 1, 1] -> tensor<1x4x8xf32>>, #dure.step<reshape -> tensor<4x8xf32>>] : tensor<4x8xf32>
  dure.weight @out1 from <file = 0, offset = 512, size = 256, type = tensor<2x4x8xf32>> [#dure.step<slice[1, 0, 0, 1, 4, 8, 1, 1, 1] -> tensor<1x4x8xf32>>, #dure.step<reshape -> tensor<4x8xf32>>] : tensor<4x8xf32>

  func.func @grouped(%x: !x, %scores: !scores, %p: !p) -> !x {
    %zero_i = dure.constant dense<0> : tensor<i64> : tensor<i64>
    %one_i = dure.constant dense<1> : tensor<i64> : tensor<i64>
    %slots = dure.constant dense<2> : tensor<i64> : tensor<i64>
    %width = dure.constant dense<0.5> : tensor<f32> : tensor<f32>
    %one = dure.constant dense<1.0> : tensor<f32> : tensor<f32>
    %zeros = dure.constant dense<0.0> : tensor<2xf32> : tensor<2xf32>
    %e = dure.top_k %scores {axis = 1 : i64, k = #dure.dims<["2"]>} : (!scores) -> !e
    %ids = dure.reshape %e : !e -> !list
    %sort = dure.top_k %ids {axis = 0 : i64, k = #dure.dims<["2*t"]>, smallest = true} : (!list) -> !list
    %sorted = dure.gather_elements %ids, %sort {axis = 0 : i64} : (!list, !list) -> !list
    %places = dure.reshape %sort : !list -> !tuples
    %token = dure.div %sort, %slots : (!list, tensor<i64>) -> !list
    %tokens = dure.reshape %token : !list -> !tuples
    %xs = dure.gather_nd %x, %tokens : (!x, !tuples) -> !r8
    %f = dure.cast %sorted {to = f32} : (!list) -> !rows
    %q = dure.div %f, %width : (!rows, tensor<f32>) -> !rows
    %bin = dure.cast %q {to = i64} : (!rows) -> !list
    %low = dure.max %bin, %zero_i : (!list, tensor<i64>) -> !list
    %clamped = dure.min %low, %one_i : (!list, tensor<i64>) -> !list
    %ones = dure.broadcast %one : tensor<f32> -> !rows
    %counts = dure.scatter_elements %zeros, %clamped, %ones {axis = 0 : i64, reduction = #dure<scatter_reduction add>} : (tensor<2xf32>, !list, !rows) -> tensor<2xf32>
    %counts_i = dure.cast %counts {to = i32} : (tensor<2xf32>) -> tensor<2xi32>
    %ends_i = dure.cumsum %counts_i {axis = 0 : i64} : (tensor<2xi32>) -> tensor<2xi32>
    %ends = dure.cast %ends_i {to = i64} : (tensor<2xi32>) -> tensor<2xi64>
    %end0 = dure.slice %ends {starts = #dure.dims<["0"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<2xi64>) -> tensor<1xi64>
    %end1 = dure.slice %ends {starts = #dure.dims<["1"]>, sizes = #dure.dims<["1"]>, steps = array<i64: 1>} : (tensor<2xi64>) -> tensor<1xi64>
    dure.define_dims %end0 ["$v0"] : tensor<1xi64>
    dure.define_dims %end1 ["$v1"] : tensor<1xi64>
    %range0 = dure.iota 0 : !i0
    %from0 = dure.iota 0 : !i1
    %start1 = dure.dim_values <["$v0"]> : tensor<i64>
    %range1 = dure.add %from0, %start1 : (!i1, tensor<i64>) -> !i1
    %u0 = dure.get_weight @in0 : tensor<8x8xf32>
    %u1 = dure.get_weight @in1 : tensor<8x8xf32>
    %a0 = dure.gather %xs, %range0 {axis = 0 : i64} : (!r8, !i0) -> !x8_0
    %m0 = dure.matmul %a0, %u0 : (!x8_0, tensor<8x8xf32>) -> !x8_0
    %a1 = dure.gather %xs, %range1 {axis = 0 : i64} : (!r8, !i1) -> !x8_1
    %m1 = dure.matmul %a1, %u1 : (!x8_1, tensor<8x8xf32>) -> !x8_1
    %gu = dure.concat %m0, %m1 {axis = 0 : i64} : (!x8_0, !x8_1) -> !s8
    %b = dure.get_weight @in_bias : tensor<2x8xf32>
    %bs = dure.gather %b, %sorted {axis = 0 : i64} : (tensor<2x8xf32>, !list) -> !r8
    %gub = dure.add %gu, %bs : (!s8, !r8) -> !s8
    %g = dure.slice %gub {starts = #dure.dims<["0", "0"]>, sizes = #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>, steps = array<i64: 1, 1>} : (!s8) -> !s4
    %u = dure.slice %gub {starts = #dure.dims<["0", "4"]>, sizes = #dure.dims<["max($v0, 0) + max(-$v0 + $v1, 0)", "4"]>, steps = array<i64: 1, 1>} : (!s8) -> !s4
    %act = dure.silu %g : (!s4) -> !s4
    %h = dure.mul %act, %u : (!s4, !s4) -> !s4
    %d0 = dure.get_weight @out0 : tensor<4x8xf32>
    %d1 = dure.get_weight @out1 : tensor<4x8xf32>
    %h0 = dure.gather %h, %range0 {axis = 0 : i64} : (!s4, !i0) -> !x4_0
    %n0 = dure.matmul %h0, %d0 : (!x4_0, tensor<4x8xf32>) -> !x8_0
    %h1 = dure.gather %h, %range1 {axis = 0 : i64} : (!s4, !i1) -> !x4_1
    %n1 = dure.matmul %h1, %d1 : (!x4_1, tensor<4x8xf32>) -> !x8_1
    %o = dure.concat %n0, %n1 {axis = 0 : i64} : (!x8_0, !x8_1) -> !s8
    %empty = dure.broadcast %zero_i : tensor<i64> -> !list
    %count = dure.iota 0 : !list
    %inverse = dure.scatter_nd %empty, %places, %count : (!list, !tuples, !list) -> !list
    %flat = dure.reshape %p : !p -> !rows
    %ps = dure.gather_nd %flat, %places : (!rows, !tuples) -> !rows
    %pc = dure.reshape %ps : !rows -> !rows1
    %w = dure.mul %o, %pc : (!s8, !rows1) -> !s8
    %back = dure.gather %w, %inverse {axis = 0 : i64} : (!s8, !list) -> !r8
    %terms = dure.reshape %back : !r8 -> !x2
    %y = dure.reduce %terms {axes = array<i64: 1>, keep_dims = false, kind = #dure<reduce_kind sum>} : (!x2) -> !x
    return %y : !x
  }
}
