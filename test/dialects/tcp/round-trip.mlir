// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: dure-opt %s | dure-opt | FileCheck %s

// Tests that what is printed of a pass is read again.
!x = !tcp.dm<f32, slice [r : 8], element [c : 64]>
!v = !tcp.vrf<f32, slice [r : 8], element [c : 64]>
!wide = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8], packet [c : 8]>
!narrow = !tcp.stream<f32, slice [r : 8], time [c by 8 : 8, c by 4 : 2], packet [c : 4]>
// CHECK-LABEL: func.func @f
func.func @f(%hbm: !tcp.hbm<f32, element [r : 8, c : 64]>, %x: !x, %v: !v) {
  // CHECK: %[[COPY:.*]] = tcp.tdma engine 1 commands 4 %{{.*}} to %{{.*}} : !tcp.hbm<f32, element [r : 8, c : 64]> to !tcp.dm<f32, slice [r : 8], element [c : 64]>
  %copy = tcp.tdma engine 1 commands 4 %hbm to %x : !tcp.hbm<f32, element [r : 8, c : 64]> to !x
  // CHECK: tcp.exec main after %[[COPY]] {
  %pass = tcp.exec main after %copy {
    %0 = tcp.fetch %x : !x to !wide
    %1 = tcp.collect %0 : !wide to !wide
    %2 = tcp.vector narrow_split %1 : !wide to !narrow
    // CHECK: tcp.stash
    %3 = tcp.stash %2 : !narrow to !narrow
    // CHECK: tcp.vector mul0 %{{.*}} as stream_stream :
    %4 = tcp.vector mul0 %3 as stream_stream : !narrow to !narrow
    // CHECK: tcp.vector mul1 %{{.*}}, %{{.*}} : !tcp.vrf<f32, slice [r : 8], element [c : 64]> :
    %5 = tcp.vector mul1 %4, %v : !v : !narrow to !narrow
    // CHECK: tcp.vector add_f %{{.*}} stash :
    %6 = tcp.vector add_f %5 stash : !narrow to !narrow
    // CHECK: tcp.vector div %{{.*}} imm(1.000000e+00 : f32) as operand_stream :
    %7 = tcp.vector div %6 imm(1.0 : f32) as operand_stream : !narrow to !narrow
    %8 = tcp.vector widen_concat %7 : !narrow to !wide
    // CHECK: tcp.commit
    tcp.commit %8 to %x : !wide to !x
  }
  return
}
