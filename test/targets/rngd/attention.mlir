// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-rngd
// RUN: rm -rf %t && mkdir %t
// RUN: dure compile %s --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/x.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir
// RUN: dure compile %S/Inputs/odd-mask.mlir --start-from specialize --target rngd --no-fallback --save-temps=%t -o %t/y.dure
// RUN: FileCheck %s --input-file %t/rngd.tcp.mlir --check-prefix=ODD

// Tests that one query's keys are shared out over slices, which find the highest
// score, the sum and the result of all together, the query coming round a ring;
// and that a mask's rows of 12 bytes are set 16 apart before.
// CHECK: tcp.to_trf {{.*}} lane [e : 8]
// CHECK: tcp.to_trf {{.*}} lane [t : 8]
// CHECK: tcp.switch broadcast01
// CHECK: tcp.contract_outer
// CHECK: tcp.vector_reduce max
// CHECK: tcp.slice_reduce max %{{.*}} ratio 64 broadcast
// CHECK: tcp.vector exp
// CHECK: tcp.slice_reduce add %{{.*}} ratio 64 broadcast
// CHECK: tcp.slice_reduce add %{{.*}} ratio 64 :
// CHECK-NOT: tcp.exec
// ODD: tcp.fetch {{.*}} packet [e : 4, w : 8]
// ODD: tcp.tdma {{.*}} to !tcp.hbm<i64, element [d0 : 4, d1 : 12 of 16]>
// ODD: tcp.vector_reduce max
!q = tensor<1x32x1x128xf32>
!k = tensor<1x8x2048x128xf32>
module attributes {dure.files = [], dure.phase = "raise"} {
  func.func @main(%q: !q {dure.name = "q"}, %k: !k {dure.name = "k"}, %v: !k {dure.name = "v"}) -> (!q {dure.name = "y"}) {
    %0 = dure.attention %q, %k, %v {scale = 0.125 : f32, causal = true, empty_row = #dure<empty_row zero>} : (!q, !k, !k) -> !q
    return %0 : !q
  }
}
