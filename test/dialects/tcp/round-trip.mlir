// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that what the dialect prints reads back as what it was printed from, in
// its own form and in the generic one.
// RUN: dure-opt %s --split-input-file -o %t.mlir
// RUN: FileCheck %s --input-file %t.mlir
// RUN: dure-opt %t.mlir --split-input-file | diff %t.mlir -
// RUN: dure-opt %t.mlir --split-input-file --mlir-print-op-generic | dure-opt --split-input-file | diff %t.mlir -
// RUN: dure-opt %S/contraction.mlir --split-input-file --verify-diagnostics | dure-opt --split-input-file -o %t.1.mlir
// RUN: dure-opt %t.1.mlir --split-input-file | diff %t.1.mlir -
// RUN: dure-opt %S/switch.mlir --split-input-file --verify-diagnostics | dure-opt --split-input-file -o %t.2.mlir
// RUN: dure-opt %t.2.mlir --split-input-file | diff %t.2.mlir -

!hbm = !tcp.hbm<f32, element [m by 2 : 4 of 5, _ : 3, k : 64]>
!x = !tcp.dm<f32, cluster [m by 32 : 2], slice [m : 32], element [k : 64]>
!i = !tcp.hbm<i32, element [m : 64]>
!t = !tcp.hbm<f32, element [row : 9, k : 64]>
!b = !tcp.hbm<f32, element [m : 65, k : 64]>
!w = !tcp.hbm<f32, element [m : 64, k : 64]>

// CHECK-LABEL: func.func @memory
// CHECK-SAME: !tcp.hbm<f32, element [m by 2 : 4 of 5, _ : 3, k : 64]>
func.func @memory(%a: !hbm, %b: !b, %t: !t, %i: !i) {
  // CHECK: tcp.alloc 512 : !tcp.dm<f32, cluster [m by 32 : 2], slice [m : 32], element [k : 64]>
  %x = tcp.alloc 512 : !x
  // CHECK: tcp.constant dense<0.000000e+00> : tensor<1xf32> :
  %c = tcp.constant dense<0.0> : tensor<1xf32> : !hbm
  // CHECK: tcp.view %{{.*}} at 256 :
  %w = tcp.view %b at 256 : !b to !w
  // CHECK: %[[FIRST:.*]] = tcp.tdma engine 3 commands 2 %{{.*}} to %{{.*}} :
  %0 = tcp.tdma engine 3 commands 2 %w to %x : !w to !x
  // CHECK: tcp.tdma_gather engine 4 commands 8 %{{.*}} at %{{.*}} of "row" to %{{.*}} after %[[FIRST]] :
  %1 = tcp.tdma_gather engine 4 commands 8 %t at %i of "row" to %x after %0 : !t, !i to !x
  return
}

// -----

!x = !tcp.dm<f32, slice [m : 32], element [k : 64]>
!p = !tcp.stream<f32, slice [m : 32], time [k by 8 : 8, pair : 2], packet [k : 8]>
!n = !tcp.stream<f32, slice [m : 32], time [k by 8 : 8, pair : 2, k by 4 : 2], packet [k : 4]>
!z = !tcp.stream<f32, slice [m : 32], time [k by 8 : 8, k by 4 : 2], packet [k : 4]>
!s = !tcp.stream<f32, slice [m : 32], time [k by 8 : 8], packet [k : 8]>
!v = !tcp.vrf<f32, slice [m : 32], element [k : 64]>

// CHECK-LABEL: func.func @pair
func.func @pair(%x: !x, %v: !v) {
  // CHECK: %[[FILL:.*]] = tcp.exec sub {
  %0 = tcp.exec sub {
    %1 = tcp.fetch %x : !x to !s
    %2 = tcp.collect %1 : !s to !s
    // CHECK: tcp.to_vrf
    tcp.to_vrf %2 to %v : !s to !v
  }
  // CHECK: tcp.exec main after %[[FILL]] attributes {label = "sum"} {
  %3 = tcp.exec main after %0 attributes {label = "sum"} {
    // CHECK: tcp.fetch_pair %{{.*}}, %{{.*}} by "pair"
    %4 = tcp.fetch_pair %x, %x by "pair" : !x to !p
    %5 = tcp.collect %4 : !p to !p
    // CHECK: tcp.vector narrow_split
    %6 = tcp.vector narrow_split %5 : !p to !n
    // CHECK: tcp.vector sub_f %{{.*}} zip as operand_stream :
    %7 = tcp.vector sub_f %6 zip as operand_stream : !n to !z
    // CHECK: tcp.vector mul0 %{{.*}} as stream_stream :
    %8 = tcp.vector mul0 %7 as stream_stream : !z to !z
    // CHECK: tcp.vector mul1 %{{.*}}, %{{.*}} : !tcp.vrf<f32, slice [m : 32], element [k : 64]> :
    %9 = tcp.vector mul1 %8, %v : !v : !z to !z
    // CHECK: tcp.vector div %{{.*}} imm(2.000000e+00 : f32) as operand_stream :
    %10 = tcp.vector div %9 imm(2.0 : f32) as operand_stream : !z to !z
    %11 = tcp.vector widen_concat %10 : !z to !s
    tcp.commit %11 to %x : !s to !x
  }
  return
}

// -----

!x = !tcp.dm<f32, slice [m : 32], element [k : 64]>
!n = !tcp.stream<f32, slice [m : 32], time [k by 8 : 8, k by 4 : 2], packet [k : 4]>
!s = !tcp.stream<f32, slice [m : 32], time [k by 8 : 8], packet [k : 8]>
!r = !tcp.stream<f32, slice [m : 32], packet [_ : 1 of 4]>
!o = !tcp.stream<f32, slice [m : 32], packet [x : 8]>
!g = !tcp.stream<f32, slice [m by 4 : 8, _ : 4], packet [x : 8]>
!y = !tcp.dm<f32, slice [m by 4 : 8, _ : 4], element [x : 8]>

// CHECK-LABEL: func.func @reduce
func.func @reduce(%x: !x, %y: !y) {
  %0 = tcp.exec main {
    %1 = tcp.fetch %x : !x to !s
    %2 = tcp.collect %1 : !s to !s
    %3 = tcp.vector narrow_split %2 : !s to !n
    // CHECK: tcp.stash
    %4 = tcp.stash %3 : !n to !n
    // CHECK: tcp.vector mul0 %{{.*}} stash :
    %5 = tcp.vector mul0 %4 stash : !n to !n
    // CHECK: tcp.vector_reduce add %{{.*}} over "k" below 60 :
    %6 = tcp.vector_reduce add %5 over "k" below 60 : !n to !r
    %7 = tcp.vector widen_pad %6 : !r to !o
    // CHECK: tcp.slice_reduce max %{{.*}} ratio 4 broadcast :
    %8 = tcp.slice_reduce max %7 ratio 4 broadcast : !o to !g
    tcp.commit %8 to %y : !g to !y
  }
  return
}
