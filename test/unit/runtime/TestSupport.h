// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builders and owners for tests of the runtime.
#ifndef DURE_TEST_UNIT_RUNTIME_TESTSUPPORT_H
#define DURE_TEST_UNIT_RUNTIME_TESTSUPPORT_H

#include "runtime/package/Package.h"
#include "runtime/package/PackageWriter.h"

#include <dure/dure.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace dure::test {

/// Destroys handles of the C API.
struct Destroy {
  void operator()(dure_package *P) const { dure_package_destroy(P); }
  void operator()(dure_session *S) const { dure_session_destroy(S); }
  void operator()(dure_state *S) const { dure_state_destroy(S); }
  void operator()(dure_call *C) const { dure_call_destroy(C); }
  void operator()(dure_trace *T) const { dure_trace_destroy(T); }
  void operator()(dure_text *T) const { dure_text_destroy(T); }
  void operator()(dure_devices *D) const { dure_devices_destroy(D); }
};
template <typename T> using Owned = std::unique_ptr<T, Destroy>;

/// Message and code of a C status, which it frees. "" and OK for success.
struct Outcome {
  Outcome(dure_status *S);
  bool ok() const { return Code == DURE_STATUS_OK; }
  int32_t Code;
  std::string Message;
};

#define ASSERT_OK(EXPRESSION)                                                  \
  do {                                                                         \
    ::dure::test::Outcome Outcome_ = (EXPRESSION);                             \
    ASSERT_TRUE(Outcome_.ok()) << Outcome_.Message;                            \
  } while (false)

/// A folder of its own, gone at the end.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string path(const std::string &Name) const {
    return Folder + "/" + Name;
  }
  const std::string &folder() const { return Folder; }
  void write(const std::string &Name, const std::string &Bytes) const;

private:
  std::string Folder;
};

std::string readFile(const std::string &Path);

/// Writes a host program instruction by instruction.
class ProgramBuilder {
public:
  explicit ProgramBuilder(uint32_t Entry = 0) {
    Made.Entry = Entry;
    Made.Blocks.emplace_back();
  }

  ScalarReg constant(int64_t Value);
  ScalarReg dim(uint32_t Input, uint32_t Axis);
  ScalarReg op(ScalarOpKind Kind, ScalarReg A, ScalarReg B, ScalarReg C = 0);
  ScalarReg mul(ScalarReg A, ScalarReg B) {
    return op(ScalarOpKind::Mul, A, B);
  }
  ScalarReg state(StateProperty Property);
  BufferReg input(uint32_t Index);
  BufferReg weight(uint32_t Index);
  BufferReg allocate(Space Where, ScalarReg Size);
  BufferReg subspan(BufferReg Source, ScalarReg Offset, ScalarReg Size);
  void dispatch(uint32_t Export, std::vector<Binding> Bindings,
                std::vector<ScalarReg> Constants,
                std::vector<ScalarReg> Grid = {}, int32_t Trace = -1);
  void barrier() { add(BarrierOp{}); }
  void result(std::vector<ReturnValue> Values) { add(ReturnOp{Values}); }
  void add(Instruction I) { Made.Blocks[Current].Instructions.push_back(I); }

  ScalarReg newScalar() { return Made.ScalarRegisters++; }
  BufferReg newBuffer() { return Made.BufferRegisters++; }
  /// Adds a block and makes it current; the old one comes back with setBlock.
  uint32_t newBlock();
  void setBlock(uint32_t Index) { Current = Index; }

  Program Made;

private:
  uint32_t Current = 0;
};

inline Binding reads(BufferReg B) { return {B, Access::Read}; }
inline Binding writes(BufferReg B) { return {B, Access::Write}; }
inline Binding updates(BufferReg B) { return {B, Access::ReadWrite}; }

TensorInfo tensor(const std::string &Name, ElementType Type,
                  const std::vector<std::string> &Dims);
/// A weight whose bytes are VALUES, put through STEPS.
Weight inlineWeight(const std::string &Name, const std::vector<float> &Values,
                    const std::vector<int64_t> &Shape,
                    std::vector<Step> Steps = {},
                    std::vector<int64_t> Result = {});
/// A variant for the fake driver whose exports are those of FakeDriver.cpp.
Variant fakeVariant(std::vector<uint32_t> Weights,
                    const std::string &Name = "fake", int Score = 1);
/// Index into its exports.
uint32_t kernel(const std::string &Name);

/// A package in memory with a session on the fake driver.
struct Loaded {
  std::string Bytes;
  Owned<dure_package> Package;
  Owned<dure_session> Session;
  Outcome load(const dure_load_options *Options = nullptr);
  Outcome open();
};
/// Writes CONTENT, loads it, makes a session.
Loaded loadFake(const Package &Content);

/// An input or output with its shape.
template <typename T> struct Tensor {
  std::vector<int64_t> Dims;
  std::vector<T> Values;
};
/// Borrows T, as the API does; a temporary is kept until the program ends.
Outcome bind(dure_call *Call, size_t Index, const Tensor<float> &T);
Outcome bind(dure_call *Call, size_t Index, const Tensor<int64_t> &T);
Outcome bind(dure_call *Call, size_t Index, Tensor<float> &&T);
Outcome bind(dure_call *Call, size_t Index, Tensor<int64_t> &&T);
Tensor<float> floatOutput(dure_call *Call, size_t Index);
Tensor<int64_t> intOutput(dure_call *Call, size_t Index);
Owned<dure_call> makeCall(const Loaded &From, const std::string &Entry);

} // namespace dure::test

#endif // DURE_TEST_UNIT_RUNTIME_TESTSUPPORT_H
