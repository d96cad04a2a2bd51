// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
func.func @constants() -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = dure.constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  %1 = dure.constant dense<1.0> : tensor<2xf32> : tensor<2xf32>
  return %0, %1 : tensor<2xf32>, tensor<2xf32>
}
func.func @reshaped_constant() -> tensor<2x2xi64> {
  %0 = dure.constant dense<[1, 2, 3, 4]> : tensor<4xi64> : tensor<4xi64>
  %1 = dure.reshape %0 : tensor<4xi64> -> tensor<2x2xi64>
  return %1 : tensor<2x2xi64>
}
func.func @reshapes(%x: tensor<?x4xf32, #dure.dims<["n", "4"]>>) -> (tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<2x?xf32, #dure.dims<["2", "2*n"]>>) {
  %0 = dure.reshape %x : tensor<?x4xf32, #dure.dims<["n", "4"]>> -> tensor<?xf32, #dure.dims<["4*n"]>>
  %1 = dure.reshape %0 : tensor<?xf32, #dure.dims<["4*n"]>> -> tensor<?x4xf32, #dure.dims<["n", "4"]>>
  %2 = dure.reshape %0 : tensor<?xf32, #dure.dims<["4*n"]>> -> tensor<2x?xf32, #dure.dims<["2", "2*n"]>>
  return %1, %2 : tensor<?x4xf32, #dure.dims<["n", "4"]>>, tensor<2x?xf32, #dure.dims<["2", "2*n"]>>
}
func.func @renaming_reshape(%x: tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["m"]>> {
  %0 = dure.reshape %x : tensor<?xf32, #dure.dims<["n"]>> -> tensor<?xf32, #dure.dims<["m"]>>
  return %0 : tensor<?xf32, #dure.dims<["m"]>>
}
func.func @broadcasts(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<3x4xf32>) {
  %0 = dure.broadcast %x : tensor<4xf32> -> tensor<4xf32>
  %1 = dure.constant dense<2.0> : tensor<4xf32> : tensor<4xf32>
  %2 = dure.broadcast %1 : tensor<4xf32> -> tensor<3x4xf32>
  return %0, %2 : tensor<4xf32>, tensor<3x4xf32>
}
func.func @broadcast_of_numbers() -> tensor<3x2xf32> {
  %0 = dure.constant dense<[1.0, 2.0]> : tensor<2xf32> : tensor<2xf32>
  %1 = dure.broadcast %0 : tensor<2xf32> -> tensor<3x2xf32>
  return %1 : tensor<3x2xf32>
}
func.func @transposes(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<4x2x3xf32>) {
  %0 = dure.transpose %x {permutation = array<i64: 1, 2, 0>} : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
  %1 = dure.transpose %0 {permutation = array<i64: 2, 0, 1>} : (tensor<3x4x2xf32>) -> tensor<2x3x4xf32>
  %2 = dure.transpose %0 {permutation = array<i64: 1, 2, 0>} : (tensor<3x4x2xf32>) -> tensor<4x2x3xf32>
  return %1, %2 : tensor<2x3x4xf32>, tensor<4x2x3xf32>
}
func.func @whole_slice(%x: tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>> {
  %0 = dure.slice %x {starts = #dure.dims<["0"]>, sizes = #dure.dims<["n"]>, steps = array<i64: 1>} : (tensor<?xf32, #dure.dims<["n"]>>) -> tensor<?xf32, #dure.dims<["n"]>>
  return %0 : tensor<?xf32, #dure.dims<["n"]>>
}
func.func @reversed_slice(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = dure.slice %x {starts = #dure.dims<["3"]>, sizes = #dure.dims<["4"]>, steps = array<i64: -1>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @concats(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<8xf32>) {
  %0 = dure.concat %x {axis = 0} : (tensor<4xf32>) -> tensor<4xf32>
  %1 = dure.concat %x, %x {axis = 0} : (tensor<4xf32>, tensor<4xf32>) -> tensor<8xf32>
  return %0, %1 : tensor<4xf32>, tensor<8xf32>
}
