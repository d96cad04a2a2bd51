// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// REQUIRES: compiler, target-cpu
// RUN: dure compile %s --target cpu --start-from specialize --stop-after form-dispatches -o %t.mlir > /dev/null
// RUN: FileCheck %s --input-file %t.mlir

!x = tensor<?x128xf32, #dure.dims<["n", "128"]>>
!q = tensor<?x?x4x32xf32, #dure.dims<["b", "s", "4", "32"]>>
!h = tensor<?x4x?x32xf32, #dure.dims<["b", "4", "s", "32"]>>
!c = tensor<?x4x?x32xf32, #dure.dims<["b", "4", "c", "32"]>>
!dq = tensor<?x?x4x32xf64, #dure.dims<["b", "s", "4", "32"]>>
!dh = tensor<?x4x?x32xf64, #dure.dims<["b", "4", "s", "32"]>>
!w4 = tensor<?x4x?x64xf32, #dure.dims<["b", "4", "s", "64"]>>
!one = tensor<?x1x?x32xf32, #dure.dims<["b", "1", "s", "32"]>>
!two = tensor<?x4x?x32xf32, #dure.dims<["b", "4", "2*s", "32"]>>
!g = tensor<128xf32>
!w = tensor<128x128xf32>

module attributes {dure.files = ["model.onnx"], dure.phase = "raise"} {
  dure.weight @w0 from <file = 0, offset = 0, size = 65536, type = tensor<128x128xf32>> : !w
  dure.weight @w1 from <file = 0, offset = 65536, size = 65536, type = tensor<128x128xf32>> : !w
  dure.weight @g from <file = 0, offset = 131072, size = 512, type = tensor<128xf32>> : !g

  // Tests that a matmul takes its epilogue along, and that two layers of equal
  // ops, shapes and types are one function that is launched twice.
  // CHECK-LABEL: func.func @main(
  // CHECK: %[[W0:.*]] = dure.get_weight @w0
  // CHECK: %[[W1:.*]] = dure.get_weight @w1
  // CHECK: %[[Y0:.*]] = dure.dispatch "cpu" @[[LAYER:matmul_add[_0-9]*]] <["n"]>(%{{.*}}, %[[W0]])
  // CHECK: %[[Y1:.*]] = dure.dispatch "cpu" @[[LAYER]] <["n"]>(%[[Y0]], %[[W1]])
  // CHECK-NOT: dure.dispatch
  // CHECK: return %[[Y1]]
  func.func @main(%x: !x {dure.name = "x"}) -> (!x {dure.name = "y"}) {
    %w0 = dure.get_weight @w0 : !w
    %w1 = dure.get_weight @w1 : !w
    %0 = dure.matmul %x, %w0 : (!x, !w) -> !x
    %1 = dure.gelu %0 {form = #dure<gelu_form erf>} : (!x) -> !x
    %2 = dure.add %1, %x : (!x, !x) -> !x
    %3 = dure.matmul %2, %w1 : (!x, !w) -> !x
    %4 = dure.gelu %3 {form = #dure<gelu_form erf>} : (!x) -> !x
    %5 = dure.add %4, %2 : (!x, !x) -> !x
    return %5 : !x
  }

  // Tests that a norm computes what stands before it in its pass over the row,
  // and that a matmul behind it is a launch of its own.
  // CHECK-LABEL: func.func @norm(
  // CHECK: %[[R:.*]] = dure.dispatch "cpu" @[[NORM:[a-z_0-9]*norm[a-z_0-9]*]] <["n"]>
  // CHECK: dure.dispatch "cpu" @[[MATMUL:matmul[_0-9]*]] <["n"]>(%[[R]], %{{.*}})
  // CHECK-NOT: dure.dispatch
  // CHECK: return
  func.func @norm(%x: !x {dure.name = "x"}, %r: !x {dure.name = "r"}) -> (!x {dure.name = "y"}) {
    %g = dure.get_weight @g : !g
    %w = dure.get_weight @w0 : !w
    %0 = dure.add %x, %r : (!x, !x) -> !x
    %1 = dure.rms_norm %0, %g {axis = 1 : i64, epsilon = 1.0e-5 : f32} : (!x, !g) -> !x
    %2 = dure.matmul %1, %w : (!x, !w) -> !x
    return %2 : !x
  }

  // Tests that a result that somebody else reads ends the fusion.
  // CHECK-LABEL: func.func @read_twice(
  // CHECK: %[[M:.*]] = dure.dispatch "cpu" @[[MATMUL]] <["n"]>
  // CHECK: %[[A:.*]] = dure.dispatch "cpu" @{{.*}} <["n"]>(%[[M]]
  // CHECK: return %[[M]], %[[A]]
  func.func @read_twice(%x: !x {dure.name = "x"}) -> (!x {dure.name = "m"}, !x {dure.name = "a"}) {
    %w = dure.get_weight @w0 : !w
    %0 = dure.matmul %x, %w : (!x, !w) -> !x
    %1 = dure.gelu %0 {form = #dure<gelu_form erf>} : (!x) -> !x
    return %0, %1 : !x, !x
  }

  // Tests that a group which no kernel computes as a whole, attention of f64 with
  // its transposes, is cut into its ops.
  // CHECK-LABEL: func.func @cut(
  // CHECK: dure.dispatch "cpu" @transpose
  // CHECK: dure.dispatch "cpu" @attention
  // CHECK: return
  func.func @cut(%q: !dh {dure.name = "q"}, %k: !dq {dure.name = "k"}, %v: !dh {dure.name = "v"}) -> (!dh {dure.name = "y"}) {
    %0 = dure.transpose %k {permutation = array<i64: 0, 2, 1, 3>} : (!dq) -> !dh
    %1 = dure.attention %q, %0, %v {scale = 0.25 : f32, causal = true, empty_row = #dure<empty_row zero>} : (!dh, !dh, !dh) -> !dh
    return %1 : !dh
  }

  // Tests that attention reads and writes through transposes: one launch.
  // CHECK-LABEL: func.func @heads(
  // CHECK: %[[Y:.*]] = dure.dispatch "cpu" @[[ATTENTION:[a-z_0-9]*attention[a-z_0-9]*]] <["b", "s"]>
  // CHECK-NOT: dure.dispatch
  // CHECK: return %[[Y]]
  func.func @heads(%q: !q {dure.name = "q"}, %k: !q {dure.name = "k"}, %v: !q {dure.name = "v"}) -> (!q {dure.name = "y"}) {
    %0 = dure.transpose %q {permutation = array<i64: 0, 2, 1, 3>} : (!q) -> !h
    %1 = dure.transpose %k {permutation = array<i64: 0, 2, 1, 3>} : (!q) -> !h
    %2 = dure.transpose %v {permutation = array<i64: 0, 2, 1, 3>} : (!q) -> !h
    %3 = dure.attention %0, %1, %2 {scale = 0.25 : f32, causal = true, empty_row = #dure<empty_row zero>} : (!h, !h, !h) -> !h
    %4 = dure.transpose %3 {permutation = array<i64: 0, 2, 1, 3>} : (!h) -> !q
    return %4 : !q
  }

  // Tests that attention reads parts of caches where they lie, wherever they
  // begin, and keys whose columns are joined part by part; but not what another
  // op reads as well.
  // CHECK-LABEL: func.func @cached(
  // CHECK-NEXT: %[[V:.*]] = dure.dispatch "cpu" @slice{{[_0-9]*}} <{{.*}}>(%arg2)
  // CHECK-NEXT: dure.dispatch "cpu" @attention{{[_0-9]*}} <{{.*}}>(%arg1, %arg0, %[[V]])
  // CHECK-NEXT: return
  func.func @cached(%q: !h {dure.name = "q"}, %k: !c {dure.name = "k"}, %v: !c {dure.name = "v"}) -> (!h {dure.name = "y"}, !h {dure.name = "z"}) {
    %0 = dure.slice %k {starts = #dure.dims<["0", "0", "1", "0"]>, sizes = #dure.dims<["b", "4", "s", "32"]>, steps = array<i64: 1, 1, 1, 1>} : (!c) -> !h
    %1 = dure.slice %v {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "4", "s", "32"]>, steps = array<i64: 1, 1, 1, 1>} : (!c) -> !h
    %2 = dure.attention %q, %0, %1 {scale = 0.25 : f32, causal = true, empty_row = #dure<empty_row zero>} : (!h, !h, !h) -> !h
    return %2, %1 : !h, !h
  }

  // CHECK-LABEL: func.func @parts(
  // CHECK-NEXT: dure.dispatch "cpu" @attention{{[_0-9]*}} <{{.*}}>(%arg1, %arg2, %arg0)
  // CHECK-NEXT: return
  func.func @parts(%q: !w4 {dure.name = "q"}, %k: !c {dure.name = "k"}, %r: !one {dure.name = "r"}) -> (!h {dure.name = "y"}) {
    %0 = dure.slice %k {starts = #dure.dims<["0", "0", "0", "0"]>, sizes = #dure.dims<["b", "4", "s", "32"]>, steps = array<i64: 1, 1, 1, 1>} : (!c) -> !h
    %1 = dure.broadcast %r : !one -> !h
    %2 = dure.concat %0, %1 {axis = 3 : i64} : (!h, !h) -> !w4
    %3 = dure.attention %q, %2, %0 {scale = 0.25 : f32, causal = true, empty_row = #dure<empty_row zero>} : (!w4, !w4, !h) -> !h
    return %3 : !h
  }

  // Tests that a concat of rows is a launch of its own.
  // CHECK-LABEL: func.func @appended(
  // CHECK: dure.dispatch "cpu" @concat
  // CHECK: dure.dispatch "cpu" @attention
  func.func @appended(%q: !h {dure.name = "q"}, %k: !h {dure.name = "k"}) -> (!h {dure.name = "y"}) {
    %0 = dure.concat %k, %q {axis = 2 : i64} : (!h, !h) -> !two
    %1 = dure.attention %q, %0, %0 {scale = 0.25 : f32, causal = true, empty_row = #dure<empty_row zero>} : (!h, !two, !two) -> !h
    return %1 : !h
  }

  // Tests the layouts: a weight that is a matmul's right side is packed in
  // panels of 32 columns, a norm's gain and an activation are not.
  // CHECK: func.func private @[[LAYER]](
  // CHECK-SAME: tensor<128x128xf32> {dure.layout = #dure.step<pack_panels[32] -> tensor<4x128x32xf32>>}
  // CHECK-SAME: dure.dispatch_fn
  // CHECK: func.func private @[[NORM]](
  // CHECK-NOT: dure.layout
  // CHECK-SAME: dure.dispatch_fn
}
