// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Builders and owners for tests of the runtime.

#include "test/unit/runtime/TestSupport.h"

#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>

using namespace dure;
using namespace dure::test;

Outcome::Outcome(dure_status *S)
    : Code(dure_status_get_code(S)), Message(dure_status_message(S)) {
  dure_status_free(S);
}

TemporaryFolder::TemporaryFolder() {
  std::string Template = ::testing::TempDir() + "dure-runtime-XXXXXX";
  Folder = ::mkdtemp(Template.data());
}
TemporaryFolder::~TemporaryFolder() { std::filesystem::remove_all(Folder); }

void TemporaryFolder::write(const std::string &Name,
                            const std::string &Bytes) const {
  std::ofstream(path(Name), std::ios::binary) << Bytes;
}

std::string dure::test::readFile(const std::string &Path) {
  std::ifstream File(Path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(File), {});
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

ScalarReg ProgramBuilder::constant(int64_t Value) {
  ScalarReg Reg = newScalar();
  add(ConstOp{Reg, Value});
  return Reg;
}
ScalarReg ProgramBuilder::dim(uint32_t Input, uint32_t Axis) {
  ScalarReg Reg = newScalar();
  add(InputDimOp{Reg, Input, Axis});
  return Reg;
}
ScalarReg ProgramBuilder::op(ScalarOpKind Kind, ScalarReg A, ScalarReg B,
                             ScalarReg C) {
  ScalarReg Reg = newScalar();
  add(ScalarOp{Kind, Reg, A, B, C});
  return Reg;
}
ScalarReg ProgramBuilder::state(StateProperty Property) {
  ScalarReg Reg = newScalar();
  add(StateScalarOp{Reg, Property});
  return Reg;
}
BufferReg ProgramBuilder::input(uint32_t Index) {
  BufferReg Reg = newBuffer();
  add(InputBufferOp{Reg, Index});
  return Reg;
}
BufferReg ProgramBuilder::weight(uint32_t Index) {
  BufferReg Reg = newBuffer();
  add(WeightBufferOp{Reg, Index});
  return Reg;
}
BufferReg ProgramBuilder::allocate(Space Where, ScalarReg Size) {
  BufferReg Reg = newBuffer();
  add(AllocateOp{Reg, Where, Size});
  return Reg;
}
BufferReg ProgramBuilder::subspan(BufferReg Source, ScalarReg Offset,
                                  ScalarReg Size) {
  BufferReg Reg = newBuffer();
  add(SubspanOp{Reg, Source, Offset, Size});
  return Reg;
}
void ProgramBuilder::dispatch(uint32_t Export, std::vector<Binding> Bindings,
                              std::vector<ScalarReg> Constants,
                              std::vector<ScalarReg> Grid, int32_t Trace) {
  add(DispatchOp{0, Export, std::move(Grid), std::move(Bindings),
                 std::move(Constants), Trace});
}
uint32_t ProgramBuilder::newBlock() {
  Made.Blocks.emplace_back();
  return Current = static_cast<uint32_t>(Made.Blocks.size()) - 1;
}

//===----------------------------------------------------------------------===//
// Packages
//===----------------------------------------------------------------------===//

TensorInfo dure::test::tensor(const std::string &Name, ElementType Type,
                              const std::vector<std::string> &Dims) {
  TensorInfo Info{Name, Type, {}};
  for (const std::string &Dim : Dims) {
    bool Static = Dim.find_first_not_of("0123456789") == std::string::npos;
    if (Static)
      Info.Dims.push_back({std::stoll(Dim), ""});
    else
      Info.Dims.push_back({-1, Dim});
  }
  return Info;
}

Weight dure::test::inlineWeight(const std::string &Name,
                                const std::vector<float> &Values,
                                const std::vector<int64_t> &Shape,
                                std::vector<Step> Steps,
                                std::vector<int64_t> Result) {
  Weight W;
  W.Name = Name;
  W.Type = W.StoredType = ElementType::F32;
  W.StoredShape = Shape;
  W.Shape = Result.empty() ? Shape : Result;
  W.Source = WeightSource::Inline;
  W.Steps = std::move(Steps);
  W.Inline = std::make_shared<std::string>(
      reinterpret_cast<const char *>(Values.data()), Values.size() * 4);
  return W;
}

namespace {

// Name, bindings, constants; as in FakeDriver.cpp.
const std::vector<Export> Exports = {
    {"gather", 3, 2},       {"matmul_panels", 3, 3}, {"masked_mean", 3, 3},
    {"cache_append", 3, 4}, {"cache_mean", 3, 4},    {"layer_4", 2, 0},
    {"layer_8", 2, 0},      {"non_zero", 3, 1},      {"increment", 1, 1},
    {"pause", 0, 1},        {"fault", 0, 0},
};

} // namespace

Variant dure::test::fakeVariant(std::vector<uint32_t> Weights,
                                const std::string &Name, int Score) {
  Variant V;
  V.Name = Name;
  V.Target = "fake";
  V.Driver = "fake";
  V.Compatibility = "fake:" + std::to_string(Score);
  V.Weights = std::move(Weights);
  CodeObject Code;
  Code.Format = "fake";
  Code.Bytes = std::make_shared<std::string>("fake");
  Code.Exports = Exports;
  V.CodeObjects.push_back(Code);
  return V;
}

uint32_t dure::test::kernel(const std::string &Name) {
  for (uint32_t I = 0; I != Exports.size(); ++I)
    if (Exports[I].Name == Name)
      return I;
  ADD_FAILURE() << "no kernel " << Name;
  return 0;
}

Outcome Loaded::load(const dure_load_options *Options) {
  dure_load_options Full = {};
  Full.struct_size = sizeof(Full);
  Full.verify = DURE_VERIFY_FULL;
  dure_package *Made = nullptr;
  Outcome Done = dure_package_load_memory(Bytes.data(), Bytes.size(),
                                          Options ? Options : &Full, &Made);
  Package.reset(Made);
  return Done;
}

Outcome Loaded::open() {
  dure_session_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.driver = DURE_FAKE_DRIVER;
  dure_session *Made = nullptr;
  Outcome Done = dure_session_create(Package.get(), &Options, &Made);
  Session.reset(Made);
  return Done;
}

Loaded dure::test::loadFake(const Package &Content) {
  Loaded Made;
  Result<std::string> Bytes = writePackageToMemory(Content);
  EXPECT_TRUE(Bytes.ok()) << Bytes.status().message();
  if (!Bytes)
    return Made;
  Made.Bytes = Bytes.take();
  Outcome Done = Made.load();
  EXPECT_TRUE(Done.ok()) << Done.Message;
  if (Done.ok()) {
    Outcome Opened = Made.open();
    EXPECT_TRUE(Opened.ok()) << Opened.Message;
  }
  return Made;
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

namespace {

template <typename T>
Outcome bindTyped(dure_call *Call, size_t Index, const Tensor<T> &Value,
                  dure_element_type Type) {
  dure_tensor C = {};
  C.struct_size = sizeof(C);
  C.type = Type;
  C.rank = static_cast<int32_t>(Value.Dims.size());
  C.dims = Value.Dims.data();
  C.data = const_cast<T *>(Value.Values.data());
  C.size = Value.Values.size() * sizeof(T);
  return dure_call_bind_input(Call, Index, &C);
}

template <typename T> const Tensor<T> &keep(Tensor<T> &&Value) {
  static std::mutex Guard;
  static std::deque<Tensor<T>> Kept; // elements do not move
  std::lock_guard<std::mutex> Lock(Guard);
  return Kept.emplace_back(std::move(Value));
}

template <typename T>
Tensor<T> outputTyped(dure_call *Call, size_t Index, int32_t Type) {
  dure_tensor C = {};
  C.struct_size = sizeof(C);
  Outcome Done = dure_call_get_output(Call, Index, &C);
  EXPECT_TRUE(Done.ok()) << Done.Message;
  EXPECT_EQ(C.type, Type);
  Tensor<T> Value;
  Value.Dims.assign(C.dims, C.dims + C.rank);
  Value.Values.resize(C.size / sizeof(T));
  if (C.size != 0)
    std::memcpy(Value.Values.data(), C.data, C.size);
  return Value;
}

} // namespace

Outcome dure::test::bind(dure_call *Call, size_t Index,
                         const Tensor<float> &T) {
  return bindTyped(Call, Index, T, DURE_TYPE_F32);
}
Outcome dure::test::bind(dure_call *Call, size_t Index,
                         const Tensor<int64_t> &T) {
  return bindTyped(Call, Index, T, DURE_TYPE_I64);
}
Outcome dure::test::bind(dure_call *Call, size_t Index, Tensor<float> &&T) {
  return bindTyped(Call, Index, keep(std::move(T)), DURE_TYPE_F32);
}
Outcome dure::test::bind(dure_call *Call, size_t Index, Tensor<int64_t> &&T) {
  return bindTyped(Call, Index, keep(std::move(T)), DURE_TYPE_I64);
}
Tensor<float> dure::test::floatOutput(dure_call *Call, size_t Index) {
  return outputTyped<float>(Call, Index, DURE_TYPE_F32);
}
Tensor<int64_t> dure::test::intOutput(dure_call *Call, size_t Index) {
  return outputTyped<int64_t>(Call, Index, DURE_TYPE_I64);
}

Owned<dure_call> dure::test::makeCall(const Loaded &From,
                                      const std::string &Entry) {
  dure_call *Made = nullptr;
  Outcome Done = dure_call_create(From.Session.get(), Entry.c_str(), &Made);
  EXPECT_TRUE(Done.ok()) << Done.Message;
  return Owned<dure_call>(Made);
}
