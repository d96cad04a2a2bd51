// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The hand-written packages that several tests run.

#include "test/unit/runtime/TestPackages.h"

using namespace dure;
using namespace dure::test;

namespace {

constexpr int64_t Vocabulary = 7, Width = 3, Columns = 5;

std::vector<float> table(float Scale) {
  std::vector<float> Values;
  for (int64_t I = 0; I != Vocabulary * Width; ++I)
    Values.push_back(Scale * static_cast<float>(I % 11 - 5));
  return Values;
}

std::vector<float> projection() {
  std::vector<float> Values;
  for (int64_t I = 0; I != Width * Columns; ++I)
    Values.push_back(static_cast<float>(I % 7) * 0.5f - 1);
  return Values;
}

} // namespace

Package dure::test::encoderPackage(float Scale) {
  Package P;
  P.Producer = "test";
  P.ModelName = "encoder";
  P.Symbols = {{"batch", 0, 64, 1}, {"sequence", 0, 512, 1}};
  P.Weights.push_back(inlineWeight("table", table(Scale), {Vocabulary, Width}));
  P.Weights.push_back(inlineWeight("projection", projection(), {Width, Columns},
                                   {Step::packPanels(4)}, {2, Width, 4}));
  P.Weights[1].PackKey = "panels-4";
  Entry Main;
  Main.Name = "main";
  Main.Inputs = {tensor("ids", ElementType::I64, {"batch", "sequence"}),
                 tensor("mask", ElementType::I64, {"batch", "sequence"})};
  Main.Outputs = {
      tensor("hidden", ElementType::F32, {"batch", "sequence", "5"}),
      tensor("pooled", ElementType::F32, {"batch", "5"})};
  P.Entries.push_back(Main);

  ProgramBuilder B;
  ScalarReg Batch = B.dim(0, 0), Sequence = B.dim(0, 1);
  ScalarReg H = B.constant(Width), N = B.constant(Columns),
            Four = B.constant(4), Zero = B.constant(0);
  ScalarReg Rows = B.mul(Batch, Sequence);
  ScalarReg XSize = B.mul(B.mul(Rows, H), Four);
  // Planned arena of one value, aligned.
  ScalarReg Align = B.constant(64);
  ScalarReg Arena = B.mul(B.op(ScalarOpKind::CeilDiv, XSize, Align), Align);
  BufferReg Transient = B.allocate(Space::Transient, Arena);
  BufferReg X = B.subspan(Transient, Zero, XSize);
  BufferReg Hidden = B.allocate(Space::Result, B.mul(B.mul(Rows, N), Four));
  BufferReg Pooled = B.allocate(Space::Result, B.mul(B.mul(Batch, N), Four));
  BufferReg Ids = B.input(0), Mask = B.input(1);
  B.dispatch(kernel("gather"), {reads(Ids), reads(B.weight(0)), writes(X)},
             {Rows, H}, {Rows}, 0);
  B.barrier();
  B.dispatch(kernel("matmul_panels"),
             {reads(X), reads(B.weight(1)), writes(Hidden)}, {Rows, H, N},
             {Rows}, 1);
  B.barrier();
  B.dispatch(kernel("masked_mean"),
             {reads(Hidden), reads(Mask), writes(Pooled)}, {Batch, Sequence, N},
             {Batch}, 2);
  B.result({{Hidden, {Batch, Sequence, N}}, {Pooled, {Batch, N}}});
  B.Made.TraceBlock = static_cast<int32_t>(B.newBlock());
  ScalarReg Flops = B.mul(B.mul(B.mul(Rows, H), N), B.constant(2));
  B.Made.Trace = {
      {"embed",
       {"/embeddings/Gather"},
       {{"x", 2, ElementType::F32, {Rows, H}}},
       -1,
       static_cast<int32_t>(XSize)},
      {"project",
       {"/dense/MatMul", "/dense/Add"},
       {{"hidden", 2, ElementType::F32, {Batch, Sequence, N}}},
       static_cast<int32_t>(Flops),
       -1},
      {"pool", {}, {{"pooled", 2, ElementType::F32, {Batch, N}}}, -1, -1}};
  P.Variants.push_back(fakeVariant({0, 1}));
  P.Variants[0].PackKey = "panels-4";
  P.Variants[0].Programs.push_back(B.Made);
  return P;
}

void dure::test::encoderReference(float Scale, const Tensor<int64_t> &Ids,
                                  const Tensor<int64_t> &Mask,
                                  std::vector<float> &Hidden,
                                  std::vector<float> &Pooled) {
  std::vector<float> T = table(Scale), W = projection();
  int64_t Batch = Ids.Dims[0], Sequence = Ids.Dims[1];
  Hidden.assign(static_cast<size_t>(Batch * Sequence * Columns), 0);
  Pooled.assign(static_cast<size_t>(Batch * Columns), 0);
  for (int64_t B = 0; B != Batch; ++B)
    for (int64_t J = 0; J != Columns; ++J) {
      float Sum = 0, Count = 0;
      for (int64_t S = 0; S != Sequence; ++S) {
        int64_t Row = B * Sequence + S;
        float &Value = Hidden[Row * Columns + J];
        for (int64_t K = 0; K != Width; ++K)
          Value += T[Ids.Values[Row] * Width + K] * W[K * Columns + J];
        if (Mask.Values[Row]) {
          Sum += Value;
          Count += 1;
        }
      }
      Pooled[B * Columns + J] = Count == 0 ? 0 : Sum / Count;
    }
}

Package dure::test::stepPackage() {
  Package P;
  P.Producer = "test";
  P.Entries.resize(1);
  Entry &Step = P.Entries[0];
  Step.Name = "step";
  Step.Inputs = {tensor("x", ElementType::F32, {"batch", "sequence", "3"})};
  Step.Outputs = {tensor("out", ElementType::F32, {"batch", "sequence", "3"})};
  Step.States = {{"cache",
                  ElementType::F32,
                  {{0, StateAxis::Batch},
                   {0, StateAxis::Capacity},
                   {3, StateAxis::Fixed}}}};
  ProgramBuilder B;
  ScalarReg Batch = B.dim(0, 0), Sequence = B.dim(0, 1);
  ScalarReg Rows = B.state(StateProperty::Batch);
  ScalarReg Capacity = B.state(StateProperty::Capacity);
  B.add(CheckOp{Relation::Eq, Batch, Rows,
                "the state was made for another batch"});
  B.add(StateAppendOp{Sequence});
  ScalarReg H = B.constant(3), Four = B.constant(4);
  BufferReg X = B.input(0);
  BufferReg Lengths = B.newBuffer(), Cache = B.newBuffer();
  B.add(StateLengthsOp{Lengths});
  B.add(StateBufferOp{Cache, 0});
  ScalarReg Size = B.mul(B.mul(B.mul(Batch, Sequence), H), Four);
  BufferReg Out = B.allocate(Space::Result, Size);
  B.dispatch(kernel("cache_append"), {reads(X), reads(Lengths), updates(Cache)},
             {Batch, Sequence, H, Capacity});
  B.barrier();
  B.dispatch(kernel("cache_mean"), {reads(Cache), reads(Lengths), writes(Out)},
             {Batch, Sequence, H, Capacity});
  B.result({{Out, {Batch, Sequence, H}}});
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  return P;
}

Package dure::test::bucketPackage() {
  Package P;
  P.Producer = "test";
  P.Entries.resize(1);
  P.Entries[0].Name = "main";
  P.Entries[0].Inputs = {tensor("x", ElementType::F32, {"n", "3"})};
  P.Entries[0].Outputs = {tensor("y", ElementType::F32, {"n", "3"})};
  ProgramBuilder B;
  ScalarReg N = B.dim(0, 0), Three = B.constant(3), Four = B.constant(4),
            Eight = B.constant(8);
  B.add(CheckOp{Relation::Le, N, Eight, "the largest bucket has 8 rows"});
  ScalarReg Small = B.op(ScalarOpKind::Le, N, Four);
  ScalarReg Bucket = B.op(ScalarOpKind::Select, Small, Four, Eight);
  ScalarReg Size = B.mul(B.mul(Bucket, Four), Four);
  BufferReg Padded = B.allocate(Space::Transient, Size);
  BufferReg Out = B.allocate(Space::Transient, Size);
  BufferReg Result = B.allocate(Space::Result, B.mul(B.mul(N, Three), Four));
  B.add(CopyCornerOp{B.input(0), {N, Three}, Padded, {Bucket, Four}, 4, 0});
  B.barrier();
  uint32_t Then = B.newBlock();
  B.dispatch(kernel("layer_4"), {reads(Padded), writes(Out)}, {});
  uint32_t Else = B.newBlock();
  B.dispatch(kernel("layer_8"), {reads(Padded), writes(Out)}, {});
  B.setBlock(0);
  B.add(IfOp{Small, Then, static_cast<int32_t>(Else)});
  B.barrier();
  B.add(CopyCornerOp{Out, {Bucket, Four}, Result, {N, Three}, 4, 0});
  B.result({{Result, {N, Three}}});
  P.Variants.push_back(fakeVariant({}));
  P.Variants[0].Programs.push_back(B.Made);
  return P;
}
