// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// ONNX files by hand, for tests that sweep over shapes: field numbers are those
// of onnx.proto.
#ifndef DURE_TEST_MODELS_ONNXBYHAND_H
#define DURE_TEST_MODELS_ONNXBYHAND_H

#include "test/onnx/CompiledModel.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <random>

namespace dure::byhand {

inline std::string varint(uint64_t Value) {
  std::string Text;
  for (; Value > 0x7F; Value >>= 7)
    Text += static_cast<char>((Value & 0x7F) | 0x80);
  return Text + static_cast<char>(Value);
}

inline std::string number(int Field, int64_t Value) {
  return varint(static_cast<uint64_t>(Field) << 3) +
         varint(static_cast<uint64_t>(Value));
}

inline std::string bytes(int Field, const std::string &Text) {
  return varint(static_cast<uint64_t>(Field) << 3 | 2) + varint(Text.size()) +
         Text;
}

inline std::string valueInfo(const io::Tensor &T) {
  std::string Dims;
  for (int64_t Dim : T.Dims)
    Dims += bytes(1, number(1, Dim));
  int64_t Element = T.Type == io::ElementType::Bool    ? 9
                    : T.Type == io::ElementType::Int64 ? 7
                                                       : 1;
  std::string Type = bytes(1, number(1, Element) + bytes(2, Dims));
  return bytes(1, T.Name) + bytes(2, Type);
}

inline std::string initializer(const io::Tensor &T) {
  std::string Text;
  for (int64_t Dim : T.Dims)
    Text += number(1, Dim);
  return Text + number(2, 1) + bytes(8, T.Name) +
         bytes(9, std::string(reinterpret_cast<const char *>(T.Bytes.data()),
                              T.Bytes.size()));
}

inline std::string node(const std::string &Op,
                        const std::vector<std::string> &In,
                        const std::string &Out,
                        const std::string &Attribute = {}) {
  std::string Text;
  for (const std::string &Each : In)
    Text += bytes(1, Each);
  return Text + bytes(2, Out) + bytes(4, Op) + Attribute;
}

inline io::Tensor tensor(const std::string &Name, std::vector<int64_t> Dims,
                         io::ElementType Type = io::ElementType::Float32) {
  io::Tensor T;
  T.Name = Name;
  T.Type = Type;
  T.Dims = std::move(Dims);
  size_t Bytes = Type == io::ElementType::Bool    ? 1
                 : Type == io::ElementType::Int64 ? 8
                                                  : 4;
  T.Bytes.resize(static_cast<size_t>(T.elementCount()) * Bytes);
  return T;
}

inline float *floats(io::Tensor &T) {
  return reinterpret_cast<float *>(T.Bytes.data());
}

/// Numbers of bf16.
inline void fill(io::Tensor &T, std::mt19937 &Random) {
  std::uniform_real_distribution<float> Any(-1, 1);
  for (int64_t I = 0; I != T.elementCount(); ++I) {
    float Value = Any(Random);
    uint32_t Bits;
    std::memcpy(&Bits, &Value, 4);
    Bits &= 0xFFFF0000;
    std::memcpy(&floats(T)[I], &Bits, 4);
  }
}

/// Where files of a test are: no folder, but what their paths begin with.
inline std::string temporary() {
  return testing::TempDir() + "dure-models-" + std::to_string(::getpid());
}

/// Compiles a file, runs it on `Data` and compares. It is removed.
inline void checkFile(const std::string &Model,
                      const modeltest::CompileSettings &Settings,
                      const modeltest::RunData &Data, io::Tolerance Allowed) {
  const dure_compiler_api *Compiler =
      modeltest::loadCompiler(DURE_TEST_LIBRARIES);
  ASSERT_NE(Compiler, nullptr);
  modeltest::Outcome Result;
  auto Compiled = modeltest::CompiledModel::create(
      Compiler, Model, temporary() + ".dure", Settings, Result);
  std::remove(Model.c_str());
  ASSERT_TRUE(Compiled) << Result.Detail;
  EXPECT_TRUE(Compiled->check(
      Data, [&](io::ElementType) { return Allowed; }, Result))
      << Result.Detail;
}

/// For RNGD alone, without the host. With `StartFrom` the file is IR.
/// `Variant`: by whose rules it is planned.
inline void checkFileOnRngd(const std::string &Model,
                            const std::string &StartFrom,
                            const modeltest::RunData &Data,
                            io::Tolerance Allowed,
                            const std::string &Variant = "rngd") {
  modeltest::CompileSettings Settings;
  Settings.Target = "rngd";
  Settings.NoFallback = true;
  Settings.Variant = Variant;
  Settings.StartFrom = StartFrom;
  checkFile(Model, Settings, Data, Allowed);
}

/// The file of a graph of one opset.
inline std::string writeModel(const std::string &Graph, int64_t Opset) {
  std::string Model = temporary() + ".onnx";
  std::ofstream(Model, std::ios::binary)
      << number(1, 10) << bytes(7, Graph) << bytes(8, number(2, Opset));
  return Model;
}

inline void checkOnRngd(const std::string &Graph, int64_t Opset,
                        const modeltest::RunData &Data, io::Tolerance Allowed,
                        const std::string &Variant = "rngd") {
  checkFileOnRngd(writeModel(Graph, Opset), {}, Data, Allowed, Variant);
}

inline void checkOnCpu(const std::string &Graph, int64_t Opset,
                       const modeltest::RunData &Data, io::Tolerance Allowed,
                       const std::string &Variant) {
  modeltest::CompileSettings Settings;
  Settings.Variant = Variant;
  checkFile(writeModel(Graph, Opset), Settings, Data, Allowed);
}

} // namespace dure::byhand

#endif // DURE_TEST_MODELS_ONNXBYHAND_H
