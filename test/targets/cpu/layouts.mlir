// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests that a layout that no kernel reads is refused, whatever op has it.
// REQUIRES: compiler, target-cpu
// RUN: rm -rf %t && mkdir %t && split-file %s %t
// RUN: not dure compile %t/elementwise.mlir --target cpu --start-from lower -o %t/x.dure 2>&1 \
// RUN:   | FileCheck %s
// RUN: not dure compile %t/width.mlir --target cpu --start-from lower -o %t/x.dure 2>&1 \
// RUN:   | FileCheck %s
// RUN: not dure compile %t/panels.mlir --target cpu --start-from lower -o %t/x.dure 2>&1 \
// RUN:   | FileCheck %s
// CHECK: argument 1 has the layout #dure.step<{{.*}}>, which the cpu target does not read there

//--- elementwise.mlir
module attributes {dure.files = ["w.bin"], dure.phase = "form-dispatches"} {
  dure.weight @w from <file = 0, offset = 0, size = 64, type = tensor<16xf32>> : tensor<16xf32>
  func.func @main(%x: tensor<16xf32> {dure.name = "x"}) -> (tensor<16xf32> {dure.name = "y"}) {
    %w = dure.get_weight @w : tensor<16xf32>
    %y = dure.dispatch "cpu" @add <[]>(%x, %w) {dure.values = ["y"]} : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    return %y : tensor<16xf32>
  }
  func.func private @add(%x: tensor<16xf32>, %w: tensor<16xf32> {dure.layout = #dure.step<pack_panels[32] -> tensor<1x16x32xf32>>}) -> tensor<16xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
    %y = dure.add %x, %w : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
    return %y : tensor<16xf32>
  }
}

//--- width.mlir
module attributes {dure.files = ["w.bin"], dure.phase = "form-dispatches"} {
  dure.weight @w from <file = 0, offset = 0, size = 1024, type = tensor<16x16xf32>> : tensor<16x16xf32>
  func.func @main(%x: tensor<4x16xf32> {dure.name = "x"}) -> (tensor<4x16xf32> {dure.name = "y"}) {
    %w = dure.get_weight @w : tensor<16x16xf32>
    %y = dure.dispatch "cpu" @matmul <[]>(%x, %w) {dure.values = ["y"]} : (tensor<4x16xf32>, tensor<16x16xf32>) -> tensor<4x16xf32>
    return %y : tensor<4x16xf32>
  }
  func.func private @matmul(%x: tensor<4x16xf32>, %w: tensor<16x16xf32> {dure.layout = #dure.step<pack_panels[16] -> tensor<1x16x16xf32>>}) -> tensor<4x16xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
    %y = dure.matmul %x, %w : (tensor<4x16xf32>, tensor<16x16xf32>) -> tensor<4x16xf32>
    return %y : tensor<4x16xf32>
  }
}

//--- panels.mlir
module attributes {dure.files = ["w.bin"], dure.phase = "form-dispatches"} {
  dure.weight @w from <file = 0, offset = 0, size = 1024, type = tensor<16x16xf32>> : tensor<16x16xf32>
  func.func @main(%i: tensor<4xi64> {dure.name = "i"}) -> (tensor<4x16xf32> {dure.name = "y"}) {
    %w = dure.get_weight @w : tensor<16x16xf32>
    %y = dure.dispatch "cpu" @gather <[]>(%i, %w) {dure.values = ["y"]} : (tensor<4xi64>, tensor<16x16xf32>) -> tensor<4x16xf32>
    return %y : tensor<4x16xf32>
  }
  func.func private @gather(%i: tensor<4xi64>, %w: tensor<16x16xf32> {dure.layout = #dure.step<pack_panels[32] -> tensor<1x16x32xf32>>}) -> tensor<4x16xf32> attributes {dure.dispatch_fn, dure.symbols = []} {
    %y = dure.gather %w, %i {axis = 0 : i64} : (tensor<16x16xf32>, tensor<4xi64>) -> tensor<4x16xf32>
    return %y : tensor<4x16xf32>
  }
}
