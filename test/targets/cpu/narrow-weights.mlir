// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that weights of few bits are stored so, and widened by the products that
// read them.
// REQUIRES: compiler, target-cpu
// RUN: dure compile %s --target cpu --start-from specialize --stop-after form-dispatches -o %t.mlir > /dev/null
// RUN: FileCheck %s --input-file %t.mlir

!x = tensor<?x64xf32, #dure.dims<["n", "64"]>>
!y = tensor<?x96xf32, #dure.dims<["n", "96"]>>
!v = tensor<?x200xf32, #dure.dims<["n", "200"]>>
!i = tensor<?xi64, #dure.dims<["n"]>>

module attributes {dure.files = ["model.onnx"], dure.phase = "raise"} {
  dure.weight @w_half from <file = 0, offset = 0, size = 12288, type = tensor<96x64xbf16>> [
    #dure.step<cast -> tensor<96x64xf32>>,
    #dure.step<transpose[1, 0] -> tensor<64x96xf32>>] : tensor<64x96xf32>
  dure.weight @table from <file = 0, offset = 0, size = 25600, type = tensor<200x64xf16>> [
    #dure.step<cast -> tensor<200x64xf32>>] : tensor<200x64xf32>
  dure.weight @head from <file = 0, offset = 0, size = 25600, type = tensor<200x64xf16>> [
    #dure.step<cast -> tensor<200x64xf32>>,
    #dure.step<transpose[1, 0] -> tensor<64x200xf32>>] : tensor<64x200xf32>
  dure.weight @scales from <file = 0, offset = 0, size = 768, type = tensor<96x2xf32>> : tensor<96x2xf32>
  dure.weight @offsets from <file = 0, offset = 0, size = 768, type = tensor<96x2x1xf32>> : tensor<96x2x1xf32>
  dure.weight @w_blocks from <file = 0, offset = 0, size = 3072, type = tensor<96x64xui4>> [
    #dure.step<cast -> tensor<96x64xf32>>,
    #dure.step<multiply[1, 32] with @scales -> tensor<96x64xf32>>,
    #dure.step<reshape -> tensor<96x2x32xf32>>,
    #dure.step<add with @offsets -> tensor<96x2x32xf32>>,
    #dure.step<reshape -> tensor<96x64xf32>>,
    #dure.step<transpose[1, 0] -> tensor<64x96xf32>>] : tensor<64x96xf32>
  dure.weight @half_scales from <file = 0, offset = 0, size = 384, type = tensor<96x2xf16>> [
    #dure.step<cast -> tensor<96x2xf32>>] : tensor<96x2xf32>
  dure.weight @half_offsets from <file = 0, offset = 0, size = 384, type = tensor<96x2x1xf16>> [
    #dure.step<cast -> tensor<96x2x1xf32>>] : tensor<96x2x1xf32>
  dure.weight @w_halves from <file = 0, offset = 0, size = 3072, type = tensor<96x64xui4>> [
    #dure.step<cast -> tensor<96x64xf32>>,
    #dure.step<multiply[1, 32] with @half_scales -> tensor<96x64xf32>>,
    #dure.step<reshape -> tensor<96x2x32xf32>>,
    #dure.step<add with @half_offsets -> tensor<96x2x32xf32>>,
    #dure.step<reshape -> tensor<96x64xf32>>,
    #dure.step<transpose[1, 0] -> tensor<64x96xf32>>] : tensor<64x96xf32>
  dure.weight @columns from <file = 0, offset = 0, size = 384, type = tensor<96xf32>> : tensor<96xf32>
  dure.weight @w_bytes from <file = 0, offset = 0, size = 6144, type = tensor<64x96xi8>> [
    #dure.step<cast -> tensor<64x96xf32>>,
    #dure.step<subtract by dense<3.0> : tensor<f32> -> tensor<64x96xf32>>,
    #dure.step<multiply with @columns -> tensor<64x96xf32>>] : tensor<64x96xf32>
  dure.weight @w_scaled from <file = 0, offset = 0, size = 12288, type = tensor<64x96xf16>> [
    #dure.step<cast -> tensor<64x96xf32>>,
    #dure.step<multiply with @columns -> tensor<64x96xf32>>] : tensor<64x96xf32>
  dure.weight @w_experts from <file = 0, offset = 0, size = 24576, type = tensor<4x96x64xi8>> [
    #dure.step<cast -> tensor<4x96x64xf32>>,
    #dure.step<multiply[2, 16] with @experts_scales -> tensor<4x96x64xf32>>,
    #dure.step<transpose[0, 2, 1] -> tensor<4x64x96xf32>>] : tensor<4x64x96xf32>
  dure.weight @experts_scales from <file = 0, offset = 0, size = 6144, type = tensor<4x96x4xf32>> : tensor<4x96x4xf32>

  dure.weight @w_heads from <file = 0, offset = 0, size = 3072, type = tensor<96x64xui4>> [
    #dure.step<cast -> tensor<96x64xf32>>,
    #dure.step<multiply[1, 32] with @scales -> tensor<96x64xf32>>,
    #dure.step<reshape -> tensor<4x24x64xf32>>,
    #dure.step<slice[0, 8, 0, 4, 16, 64, 1, 1, 1] -> tensor<4x16x64xf32>>,
    #dure.step<transpose[0, 2, 1] -> tensor<4x64x16xf32>>] : tensor<4x64x16xf32>
  dure.weight @w_rows from <file = 0, offset = 0, size = 3072, type = tensor<96x64xui4>> [
    #dure.step<cast -> tensor<96x64xf32>>,
    #dure.step<multiply[1, 32] with @scales -> tensor<96x64xf32>>,
    #dure.step<reshape -> tensor<4x24x64xf32>>,
    #dure.step<slice[0, 0, 0, 4, 8, 64, 1, 1, 1] -> tensor<4x8x64xf32>>] : tensor<4x8x64xf32>

  // Floats of 16 bits, cast in the product.
  // CHECK-LABEL: func.func @main(
  // CHECK: dure.dispatch "cpu" @matmul{{[_0-9]*}} <["n"]>(%{{.*}}) {{.*}} : (tensor<64x96xbf16>,
  func.func @main(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %w = dure.get_weight @w_half : tensor<64x96xf32>
    %0 = dure.matmul %x, %w : (!x, tensor<64x96xf32>) -> !y
    return %0 : !y
  }

  // A table of them that is looked up and multiplied with is stored once.
  // CHECK-LABEL: func.func @tied(
  // CHECK: %[[HEAD:.*]] = dure.get_weight @{{.*}} : tensor<64x200xf16>
  // CHECK-NEXT: dure.dispatch "cpu" @gather <["n"]>(%[[HEAD]], %{{.*}})
  // CHECK: dure.dispatch "cpu" @matmul{{[_0-9]*}} <["n"]>(%[[HEAD]], %{{.*}})
  func.func @tied(%i: !i {dure.name = "i"}) -> (!v {dure.name = "y"}) {
    %t = dure.get_weight @table : tensor<200x64xf32>
    %w = dure.get_weight @head : tensor<64x200xf32>
    %0 = dure.gather %t, %i {axis = 0 : i64} : (tensor<200x64xf32>, !i) -> !x
    %1 = dure.matmul %0, %w : (!x, tensor<64x200xf32>) -> !v
    return %1 : !v
  }

  // Blocks with scales and offsets.
  // CHECK-LABEL: func.func @blocks(
  // CHECK: dure.dispatch "cpu" @matmul_silu{{[_0-9]*}} <["n"]>(%{{.*}}) {{.*}} : (tensor<64x96xui4>, tensor<2x96xf32>, tensor<2x96xf32>, tensor<?x64xf32,
  func.func @blocks(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %w = dure.get_weight @w_blocks : tensor<64x96xf32>
    %0 = dure.matmul %x, %w : (!x, tensor<64x96xf32>) -> !y
    %1 = dure.silu %0 : (!y) -> !y
    return %1 : !y
  }

  // Scales and offsets in 16 bits stay so, too.
  // CHECK-LABEL: func.func @halves(
  // CHECK: dure.dispatch "cpu" @matmul{{[_0-9]*}} <["n"]>(%{{.*}}) {{.*}} : (tensor<2x96xf16>, tensor<64x96xui4>, tensor<2x96xf16>, tensor<?x64xf32,
  func.func @halves(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %w = dure.get_weight @w_halves : tensor<64x96xf32>
    %0 = dure.matmul %x, %w : (!x, tensor<64x96xf32>) -> !y
    return %0 : !y
  }

  // A scale a column, and one zero point for all.
  // CHECK-LABEL: func.func @bytes(
  // CHECK: dure.dispatch "cpu" @matmul{{[_0-9]*}} <["n"]>(%{{.*}}) {{.*}} : (tensor<64x96xi8>, tensor<1x96xf32>, tensor<1x96xf32>,
  func.func @bytes(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %w = dure.get_weight @w_bytes : tensor<64x96xf32>
    %0 = dure.matmul %x, %w : (!x, tensor<64x96xf32>) -> !y
    return %0 : !y
  }

  // What is computed in f32 stays f32.
  // CHECK-LABEL: func.func @scaled(
  // CHECK: dure.dispatch "cpu" @matmul{{[_0-9]*}} <["n"]>(%{{.*}}) {{.*}} : (tensor<?x64xf32, {{.*}}>, tensor<64x96xf32>)
  func.func @scaled(%x: !x {dure.name = "x"}) -> (!y {dure.name = "y"}) {
    %w = dure.get_weight @w_scaled : tensor<64x96xf32>
    %0 = dure.matmul %x, %w : (!x, tensor<64x96xf32>) -> !y
    return %0 : !y
  }

  // Experts' matrices.
  // CHECK-LABEL: func.func @experts(
  // CHECK: dure.dispatch "cpu" @expert_matmul <["n"]>(%{{.*}}) {{.*}} : (tensor<4x64x96xi8>, tensor<4x4x96xf32>,
  func.func @experts(%x: !x {dure.name = "x"}, %e: tensor<?x2xi64, #dure.dims<["n", "2"]>> {dure.name = "e"}) -> (tensor<?x2x96xf32, #dure.dims<["n", "2", "96"]>> {dure.name = "y"}) {
    %w = dure.get_weight @w_experts : tensor<4x64x96xf32>
    %0 = dure.expert_matmul %x, %e, %w : (!x, tensor<?x2xi64, #dure.dims<["n", "2"]>>, tensor<4x64x96xf32>) -> tensor<?x2x96xf32, #dure.dims<["n", "2", "96"]>>
    return %0 : tensor<?x2x96xf32, #dure.dims<["n", "2", "96"]>>
  }

  // A batch of matrices, columns of one; where blocks go along columns, not
  // along what is summed, they stay wide.
  // CHECK-LABEL: func.func @heads(
  // CHECK: dure.dispatch "cpu" @matmul{{[_0-9]*}} <["n"]>(%{{.*}}) {{.*}} : (tensor<4x64x16xui4>, tensor<4x2x16xf32>, tensor<?x64xf32,
  // CHECK: dure.dispatch "cpu" @matmul{{[_0-9]*}} <["n"]>(%{{.*}}) {{.*}} : (tensor<?x8xf32, {{.*}}>, tensor<4x8x64xf32>)
  func.func @heads(%x: !x {dure.name = "x"}, %z: tensor<?x8xf32, #dure.dims<["n", "8"]>> {dure.name = "z"}) -> (tensor<4x?x16xf32, #dure.dims<["4", "n", "16"]>> {dure.name = "y"}, tensor<4x?x64xf32, #dure.dims<["4", "n", "64"]>> {dure.name = "u"}) {
    %w = dure.get_weight @w_heads : tensor<4x64x16xf32>
    %v = dure.get_weight @w_rows : tensor<4x8x64xf32>
    %0 = dure.matmul %x, %w : (!x, tensor<4x64x16xf32>) -> tensor<4x?x16xf32, #dure.dims<["4", "n", "16"]>>
    %1 = dure.matmul %z, %v : (tensor<?x8xf32, #dure.dims<["n", "8"]>>, tensor<4x8x64xf32>) -> tensor<4x?x64xf32, #dure.dims<["4", "n", "64"]>>
    return %0, %1 : tensor<4x?x16xf32, #dure.dims<["4", "n", "16"]>>, tensor<4x?x64xf32, #dure.dims<["4", "n", "64"]>>
  }

  // CHECK: func.func private @matmul(%{{.*}}: tensor<64x96xbf16> {dure.layout = #dure.step<pack_panels[32] -> tensor<3x64x32xbf16>>}
  // CHECK-NEXT: dure.cast
  // CHECK-NEXT: dure.matmul
  // CHECK: func.func private @matmul_silu(%{{.*}}: tensor<64x96xui4> {dure.layout = {{.*}}}{{.*}}, %{{.*}}: tensor<2x96xf32> {dure.layout = {{.*}}}{{.*}}, %{{.*}}: tensor<2x96xf32> {dure.layout =
  // CHECK-NEXT: dure.dequantize %{{.*}}, %{{.*}} {axis = 0 : i64, block = 32 : i64}
}
