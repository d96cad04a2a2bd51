// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the simulator refuses, and what stays usable afterwards.
#include "test/unit/rngd/Simulator.h"

#include "targets/rngd/driver/CodeObject.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <random>

using namespace dure::rngd;
using namespace dure::rngd::test;

namespace {

/// A program that runs: 64 bytes go to data memory, through the tensor unit,
/// and back.
struct Sound {
  Writer W;
  fb::DmaT *Load, *Store;
  fb::ExecT *E;
  std::vector<std::vector<uint8_t>> Buffers;

  explicit Sound(fb::Type Type = fb::Type::F32) {
    uint32_t A = W.binding(64, fb::Access::Read);
    uint32_t C = W.binding(64, fb::Access::Write);
    Load = &W.load(A, 0, 64, 1);
    E = &W.exec(1, Type, 0, 16, 8);
    W.last().name = "middle";
    commitTo(*E, 128, 2);
    Store = &W.store(C, 128, 64, 1);
    Buffers = {std::vector<uint8_t>(64, 1), std::vector<uint8_t>(64)};
  }
  Sound(const Sound &) = delete;

  fb::VectorT &vector() {
    E->vector = std::make_unique<fb::VectorT>();
    E->vector->type = E->fetch->type;
    return *E->vector;
  }
  void contract() {
    E->fetch->type = fb::Type::BF16;
    E->contract = std::make_unique<fb::ContractT>();
    E->contract->pack = 1;
    E->contract->lanes = 8;
    E->contract->trf_type = fb::Type::BF16;
    E->contract->trf_read = 16;
    E->contract->loops = {{2, 0, false}};
    E->contract->tree_depth = 4;
    E->contract->out_packet = 1;
  }
};

struct Case {
  const char *Expected;
  std::function<void(Sound &)> Break;
};

} // namespace

static const Case Cases[] = {
    // DMA
    {"multiples of 8 bytes (moving-tensors/dma-engine.md)",
     [](Sound &S) {
       *S.Load->write = fb::Address(fb::Space::DataMemory, 0, 4);
     }},
    // A buffer is whole units of 64 bytes.
    {"it reads bytes 64 + 64 of a buffer of 64",
     [](Sound &S) {
       S.W.P.bindings[0]->bytes = 32;
       *S.Load->read = fb::Address(fb::Space::Binding, 0, 64);
     }},
    {"the packet at 524256 is outside of a slice's data memory",
     [](Sound &S) {
       *S.Load->write = fb::Address(fb::Space::DataMemory, 0, 524288 - 32);
     }},
    {"the packet at 2147483648 is outside of a slice's data memory",
     [](Sound &S) {
       *S.Load->write =
           fb::Address(fb::Space::DataMemory, 0, 512ull * SliceStride);
     }},
    {"binding 0 is not declared to be written",
     [](Sound &S) { *S.Store->write = fb::Address(fb::Space::Binding, 0, 0); }},
    {"constants cannot be written",
     [](Sound &S) {
       *S.Store->write = fb::Address(fb::Space::Constants, 0, 0);
     }},
    {"there are 8 DMA engines", [](Sound &S) { S.Load->engine = 8; }},
    {"a packet has 1 to 4096 bytes",
     [](Sound &S) { S.Load->packet_bytes = 4104; }},
    {"a sequencer has at most 8 loops",
     [](Sound &S) {
       S.Load->loops.resize(9, {1, 0, 0, 0});
     }},
    {"of which something has never been written",
     [](Sound &S) {
       *S.Store->read = fb::Address(fb::Space::DataMemory, 0, 136);
     }},
    // Fetch
    {"which nothing has written (moving-tensors/fetch-engine.md)",
     [](Sound &S) { S.E->fetch->base = 8; }},
    {"a packet is a multiple of 8 bytes",
     [](Sound &S) {
       S.E->fetch->packet = S.E->fetch->live = 1;
       S.E->fetch->loops = {{16, 1}};
     }},
    {"of a packet of 8 elements 9 count",
     [](Sound &S) { S.E->fetch->live = 9; }},
    {"of a slice's data memory of 524288",
     [](Sound &S) { S.E->fetch->base = 524288; }},
    {"there is no cast from f32 to i32",
     [](Sound &S) { S.E->fetch->cast = fb::Type::I32; }},
    {"there is no table from f32 to bf16",
     [](Sound &S) { S.E->fetch->lookup = fb::Type::BF16; }},
    {"a zero point is of i4 or i8",
     [](Sound &S) { S.E->fetch->has_zero_point = true; }},
    // Switch
    {"rings of 2 x 2 slices do not divide 1",
     [](Sound &S) {
       S.E->switch_ = std::make_unique<fb::SwitchT>();
       S.E->switch_->topology = fb::Topology::Transpose;
       S.E->switch_->slice1 = S.E->switch_->slice0 = 2;
     }},
    {"this switch takes all 256 slices",
     [](Sound &S) {
       S.E->switch_ = std::make_unique<fb::SwitchT>();
       S.E->switch_->topology = fb::Topology::InterTranspose;
     }},
    {"is no power of two",
     [](Sound &S) {
       S.E->slices = 3;
       S.E->switch_ = std::make_unique<fb::SwitchT>();
       S.E->switch_->topology = fb::Topology::Custom;
       S.E->switch_->ring_size = 3;
     }},
    // Contraction
    {"tensor register file, which nothing has written",
     [](Sound &S) {
       S.contract();
       S.E->fetch->loops = {{2, 0}, {16, 1}};
       S.E->fetch->packet = S.E->fetch->live = 16;
     }},
    {"it does not multiply bf16 and i8",
     [](Sound &S) {
       S.contract();
       S.E->contract->trf_type = fb::Type::I8;
     }},
    {"the sub context has no contraction",
     [](Sound &S) {
       S.contract();
       S.E->sub = true;
     }},
    {"there are 1, 2, 4 or 8 lanes",
     [](Sound &S) {
       S.contract();
       S.E->contract->lanes = 3;
     }},
    {"the outer loops take 3 packets, the stream has 2",
     [](Sound &S) {
       S.contract();
       S.E->contract->loops = {{3, 0, false}};
     }},
    {"a tree of depth 4 over a packet of 16 elements does not leave 2",
     [](Sound &S) {
       S.contract();
       S.E->contract->out_packet = 2;
     }},
    {"it accumulates in 200 slots",
     [](Sound &S) {
       S.contract();
       S.E->contract->loops = {{2, 0, true}, {200, 0, false}};
       S.E->contract->broadcast = 1;
     }},
    {"of a lane of 8192 bytes",
     [](Sound &S) {
       S.contract();
       S.E->contract->trf_base = 8192;
     }},
    // Vector engine
    {"it works on i32 and f32, not on bf16",
     [](Sound &S) {
       S.E->fetch->type = fb::Type::BF16;
       S.vector();
     }},
    {"the unit FpMul0 is used twice in one pass",
     [](Sound &S) {
       fb::VectorT &V = S.vector();
       step(V, fb::VectorOp::NarrowSplit);
       immediate(step(V, fb::VectorOp::Mul0), 1.0f);
       immediate(step(V, fb::VectorOp::Mul0), 2.0f);
     }},
    {"the engine's steps have an order",
     [](Sound &S) {
       fb::VectorT &V = S.vector();
       immediate(step(V, fb::VectorOp::Max), 1.0f);
       immediate(step(V, fb::VectorOp::BitAnd), 2.0f);
     }},
    {"narrow first", [](Sound &S) { step(S.vector(), fb::VectorOp::Exp); }},
    {"a step reads one operand from the register file or the stash",
     [](Sound &S) {
       fb::VectorT &V = S.vector();
       V.unzip = 1;
       fb::VectorStepT &Step = step(V, fb::VectorOp::Max);
       for (auto *Each : {&Step.operand, &Step.group1_operand}) {
         *Each = std::make_unique<fb::OperandT>();
         (*Each)->source = fb::Source::Vrf;
       }
     }},
    {"the step works on f32, the stream is i32",
     [](Sound &S) {
       S.E->fetch->type = fb::Type::I32;
       fb::VectorT &V = S.vector();
       step(V, fb::VectorOp::NarrowSplit);
       step(V, fb::VectorOp::Exp);
     }},
    {"nothing has been put into the stash",
     [](Sound &S) {
       fb::VectorStepT &Step = step(S.vector(), fb::VectorOp::Max);
       Step.operand = std::make_unique<fb::OperandT>();
       Step.operand->source = fb::Source::Stash;
     }},
    {"vector register file, which nothing has written",
     [](Sound &S) {
       fb::VectorStepT &Step = step(S.vector(), fb::VectorOp::Max);
       Step.operand = std::make_unique<fb::OperandT>();
       Step.operand->source = fb::Source::Vrf;
     }},
    {"the two groups of the pair are never joined",
     [](Sound &S) { S.vector().unzip = 1; }},
    {"what leaves the engine is widened first",
     [](Sound &S) { step(S.vector(), fb::VectorOp::NarrowTrim); }},
    {"it accumulates in 9 slots, of 8",
     [](Sound &S) {
       S.E->fetch->loops = {{18, 0}, {8, 1}};
       fb::VectorT &V = S.vector();
       step(V, fb::VectorOp::NarrowTrim);
       V.intra_at = 1;
       V.intra = std::make_unique<fb::IntraReduceT>();
       V.intra->loops = {{2, true}, {9, false}};
     }},
    // Cast, transpose, commit
    {"there is no cast from f32 to i8",
     [](Sound &S) { S.E->cast = fb::Type::I8; }},
    {"it has no configuration for that",
     [](Sound &S) {
       S.E->transpose = std::make_unique<fb::TransposeT>();
       S.E->transpose->rows = 3;
       S.E->transpose->columns = S.E->transpose->out_rows = 8;
     }},
    {"multiples of 8 bytes (moving-tensors/commit-engine.md)",
     [](Sound &S) { S.E->commit->base = 132; }},
    {"8, 16, 24 or 32 bytes of a flit are written, not 12",
     [](Sound &S) { S.E->commit->trim_bytes = 12; }},
    {"the loops take 1 flits, the stream has 2",
     [](Sound &S) {
       S.E->commit->loops = {{1, 32}};
     }},
    {"it writes bytes 524256 to 524320",
     [](Sound &S) { S.E->commit->base = 524288 - 32; }},
    {"fetch: it touches one bank of data memory 64 times and more without a "
     "break, and does not occupy DMA (moving-tensors/memory-performance.md)",
     [](Sound &S) {
       S.E->fetch->loops = {{64, 32}, {8, 1}};
       S.E->commit->loops = {{64, 32}};
     }},
    {"commit: it touches one bank of data memory 64 times",
     [](Sound &S) {
       S.E->fetch->loops = {{64, 8}, {8, 1}};
       S.E->commit->loops = {{64, 128}};
     }},
    {"the commit adapter casts f32 to bf16, in the main context",
     [](Sound &S) {
       S.E->sub = true;
       S.E->commit->cast_bf16 = true;
     }},
    // Where the stream goes
    {"goes to data memory or to one register file, not to 0",
     [](Sound &S) { S.E->commit = nullptr; }},
    {"register files are filled from the collect engine alone",
     [](Sound &S) {
       S.E->commit = nullptr;
       S.E->to_vrf = std::make_unique<fb::ToVrfT>();
       S.E->cast = fb::Type::BF16;
     }},
    {"the tensor register file does not hold f32",
     [](Sound &S) {
       S.E->commit = nullptr;
       S.E->to_trf = std::make_unique<fb::ToTrfT>();
       S.E->to_trf->lanes = 1;
     }},
    {"it runs on clusters 4, of 2", [](Sound &S) { S.E->clusters = 4; }},
    {"a cluster has 256 slices", [](Sound &S) { S.E->slices = 257; }},
    {"a slice would hold 2162688 flits",
     [](Sound &S) {
       S.E->fetch->loops = {{65536, 0}, {33, 0}, {8, 1}};
     }},
    // The program
    {"it is neither a DMA command nor an instruction",
     [](Sound &S) { S.W.P.commands[1]->body.Reset(); }},
    {"it waits for command 1, which does not stand before it",
     [](Sound &S) { S.W.P.commands[1]->after = {1}; }},
    {"it does not wait for command 1 ('middle')",
     [](Sound &S) { S.W.P.commands[2]->after = {0}; }},
    {"it needs more workspace than there is HBM",
     [](Sound &S) { S.W.P.workspace_bytes = 1ull << 40; }},
    {"takes 3 bindings, not 2", [](Sound &S) { S.W.binding(8); }},
    {"binding 0 has 64 bytes, the program uses 128",
     [](Sound &S) { S.W.P.bindings[0]->bytes = 128; }},
};

// Tests each rule by a program that breaks it and is sound otherwise; the
// message names entry, command and limit.
TEST(RngdFaults, NameTheRule) {
  {
    Sound S;
    EXPECT_EQ(runOk(S.W, S.Buffers)[1], S.Buffers[0]);
  }
  for (const Case &C : Cases) {
    Sound S;
    C.Break(S);
    std::string Said = failureOf(S.W, S.Buffers);
    EXPECT_NE(Said.find(C.Expected), std::string::npos)
        << "expected: " << C.Expected << "\nsaid: " << Said;
    EXPECT_NE(Said.find("entry 'main'"), std::string::npos) << Said;
  }
}

/// Rows of a table of 8 rows of 16 bytes go by INDICES, read or written.
static Outcome indexed(fb::Indexed How, bool Inside,
                       const std::vector<int32_t> &Indices) {
  auto Count = static_cast<uint32_t>(Indices.size());
  Writer W;
  uint32_t Table = W.binding(128), List = W.binding(Count * 4);
  uint32_t Rows = W.binding(Count * 16);
  uint32_t Moved = How == fb::Indexed::Gather ? Rows : Table;
  if (Inside) // the index comes from data memory
    W.load(List, 4096, Count * 4, 1);
  if (How == fb::Indexed::Scatter)
    W.load(Rows, 0, Count * 16, 1);
  fb::DmaT &D = W.load(Table, 0, 16, Count);
  if (How == fb::Indexed::Scatter)
    std::swap(D.read, D.write);
  D.loops = {{Count, 4, 0, 16}};
  if (How == fb::Indexed::Scatter)
    D.loops = {{Count, 4, 16, 0}};
  D.indexed = How;
  D.index = std::make_unique<fb::Address>(Inside ? fb::Space::DataMemory
                                                 : fb::Space::Binding,
                                          List, Inside ? 4096 : 0);
  D.index_scale = 16;
  D.index_limit = 8;
  if (How == fb::Indexed::Gather)
    W.store(Moved, 0, Count * 16, 1);
  std::vector<uint8_t> Filled(128), Given(Count * 16);
  for (size_t I = 0; I != 128; ++I)
    Filled[I] = static_cast<uint8_t>(I / 16);
  for (size_t I = 0; I != Given.size(); ++I)
    Given[I] = static_cast<uint8_t>(100 + I / 16);
  return run(W.bytes(), {Filled, toBytes(Indices), Given});
}

// Tests gather and scatter with indices in HBM and in data memory, and that an
// index out of range is told.
TEST(RngdFaults, IndicesAreChecked) {
  const std::vector<int32_t> Good = {7, 0, 3, 3, 5, 1};
  for (bool Inside : {false, true}) {
    Outcome G = indexed(fb::Indexed::Gather, Inside, Good);
    ASSERT_EQ(G.Code, DURE_DRV_OK) << G.Message;
    for (size_t I = 0; I != Good.size() * 16; ++I)
      EXPECT_EQ(G.Buffers[2][I], Good[I / 16]);
    Outcome S = indexed(fb::Indexed::Scatter, Inside, Good);
    ASSERT_EQ(S.Code, DURE_DRV_OK) << S.Message;
    const int Want[8] = {101, 105, 2, 103, 4, 104, 6, 100};
    for (size_t I = 0; I != 128; ++I)
      EXPECT_EQ(S.Buffers[0][I], Want[I / 16]);
    for (int32_t Bad : {-1, 8}) {
      Outcome F = indexed(fb::Indexed::Gather, Inside, {1, Bad});
      EXPECT_EQ(F.Code, DURE_DRV_KERNEL_FAULT);
      EXPECT_NE(F.Message.find("index " + std::to_string(Bad) +
                               " is out of range; it is 0 to 7"),
                std::string::npos)
          << F.Message;
    }
  }
}

// Tests that cycles alone are counted on request, and values left alone.
TEST(RngdFaults, TimingOnly) {
  Sound S;
  Outcome O = run(S.W.bytes(), S.Buffers, {{"timing_only", "1"}});
  EXPECT_EQ(O.Code, DURE_DRV_OK) << O.Message;
  EXPECT_EQ(O.Buffers[1], S.Buffers[1]);
}

static Limits limits() {
  std::ifstream In(DURE_SOURCE_DIR "/targets/rngd/machine/rngd.json");
  std::string Text(std::istreambuf_iterator<char>(In), {});
  return *Limits::of(*dure::Machine::parse(Text, "rngd.json"));
}

// Tests code objects that are damaged in any way: refused or run, never worse.
TEST(RngdFaults, DamageIsRefusedOrHarmless) {
  Sound S;
  fb::VectorT &V = S.vector();
  step(V, fb::VectorOp::NarrowSplit);
  immediate(step(V, fb::VectorOp::Mul0), 1.0f);
  step(V, fb::VectorOp::WidenConcat);
  const std::string Good = S.W.bytes();
  const Limits L = limits();
  auto Decode = [&](const std::string &Bytes) {
    ModulePlan Module;
    return decode(Bytes.data(), Bytes.size(), L, "rngd", Module);
  };
  EXPECT_EQ(Decode(Good), "");
  // The last bytes are padding.
  for (size_t Size = 0; Size + 4 <= Good.size(); ++Size)
    EXPECT_NE(Decode(Good.substr(0, Size)), "") << Size;
  std::mt19937 Engine(5);
  int Refused = 0;
  for (int Round = 0; Round != 4000; ++Round) {
    std::string Bad = Good;
    for (unsigned N = 1 + Engine() % 3; N != 0; --N)
      Bad[Engine() % Bad.size()] =
          static_cast<char>(Engine() % 2 ? Engine() : 1u << Engine() % 8);
    Refused += !Decode(Bad).empty();
    if (Round % 20 == 0)
      run(Bad, S.Buffers);
  }
  EXPECT_GT(Refused, 1000);
}
