// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Cycles of RNGD's engines beside the figures that the vendor's book works out
// in its examples. The book rounds some: those hold within 1 %.
#include "targets/rngd/timing/BookTiming.h"

#include "test/unit/rngd/RngdFile.h"

#include "gtest/gtest.h"

using namespace dure;
using namespace dure::rngd;

namespace {

class BookTimingTest : public testing::Test {
protected:
  int64_t fetch(std::vector<SequencerLoop> Loops, int64_t Packet, int64_t Bits,
                UnitContext Context = UnitContext::Main) {
    return *Timing.fetch({Loops, Packet, Bits, Context});
  }
  int64_t dma(const std::vector<DmaCommand> &Commands) {
    Result<int64_t> Cycles = Timing.dma(Commands);
    EXPECT_TRUE(Cycles.ok()) << Cycles.status().message();
    return Cycles ? *Cycles : -1;
  }
  std::string refusal(const DmaCommand &Command) {
    Result<int64_t> Cycles = Timing.dma(std::span(&Command, 1));
    return Cycles ? "" : Cycles.status().message();
  }

  BookTiming Timing = timingOf<BookTiming>(rngdText());
};

constexpr int64_t SliceStride = 4 << 20;
constexpr int64_t DmnStride = 32 * SliceStride;
/// Two data memory networks are one DMA engine's.
constexpr int64_t EngineStride = 2 * DmnStride;
constexpr DmaMemory Hbm = DmaMemory::Hbm, Dm = DmaMemory::DataMemory;

} // namespace

/// dma-engine.md, example 1.
TEST_F(BookTimingTest, LayoutChangeWithinHbm) {
  EXPECT_NEAR(
      dma({{0, Hbm, Hbm, 0, 16384, {{8, 2048, 256}, {8, 256, 2048}}, 256}}),
      628, 6.28);
}

/// Example 2.
TEST_F(BookTimingTest, HbmToDataMemory) {
  EXPECT_NEAR(dma({{0,
                    Hbm,
                    Dm,
                    0,
                    0,
                    {{256, 65536, 256},
                     {4, 256, 65536},
                     {32, 1024, SliceStride},
                     {2, 32768, DmnStride}},
                    256}}),
              66036, 660);
}

/// Example 3: one cluster's memory is read, then written. The page prints a
/// read stride of 1 byte for B; the mapping above it gives 256, which is used.
TEST_F(BookTimingTest, DataMemoryToDataMemory) {
  EXPECT_NEAR(dma({{0,
                    Dm,
                    Dm,
                    0,
                    4 << 16,
                    {{256, 256, 1024},
                     {4, 65536, 256},
                     {32, SliceStride, SliceStride},
                     {2, DmnStride, DmnStride}},
                    256}}),
              131572, 1315);
}

/// Example 4: nearly every request closes a row.
TEST_F(BookTimingTest, RowConflicts) {
  std::vector<DmaCommand> Commands;
  for (int64_t Engine = 0; Engine < 8; ++Engine)
    Commands.push_back({Engine,
                        Hbm,
                        Dm,
                        (Engine / 4 << 20) + (Engine % 4 << 18),
                        Engine * EngineStride,
                        {{256, 1024, 1024},
                         {4, 256, 256},
                         {32, 1 << 21, SliceStride},
                         {2, 1 << 26, DmnStride}},
                        256});
  // 1024 bytes of each of 256 rows are a slice's half: within its memory.
  EXPECT_NEAR(dma(Commands), 655860, 6558);
}

/// Example 5: bit 8 of the addresses stays, so half of the channels rest.
TEST_F(BookTimingTest, OneStackOnly) {
  std::vector<DmaCommand> Commands;
  for (int64_t Engine = 0; Engine < 8; ++Engine)
    Commands.push_back(
        {Engine,
         Hbm,
         Dm,
         (Engine / 4 << 20) + (Engine % 4 << 18),
         Engine * EngineStride,
         {{8, 512, 256}, {32, 4096, SliceStride}, {2, 131072, DmnStride}},
         256});
  EXPECT_NEAR(dma(Commands), 1857, 18);
}

/// Example 6: the last engine's part is two commands, each to one network.
TEST_F(BookTimingTest, TwoCommandsAtTheEdge) {
  // [D % 2, B, A, C] in HBM, A = 15: the fourth engine has 12, 13 and 14.
  DmaCommand First{3,        Dm,
                   Hbm,      3 * EngineStride,
                   12 * 256, {{2, 256, 256}, {32, SliceStride, 15 * 256}},
                   256};
  DmaCommand Second{3,        Dm,
                    Hbm,      3 * EngineStride + DmnStride,
                    14 * 256, {{32, SliceStride, 15 * 256}},
                    256};
  EXPECT_NEAR(dma({First, Second}), 1192, 11.9);
}

TEST_F(BookTimingTest, RefusesDmaBeyondItsLimits) {
  DmaCommand Good{0, Hbm, Dm, 0, 0, {{2, 256, 256}}, 256};
  EXPECT_EQ(refusal(Good), "");
  auto Expect = [&](auto Change, const char *Text) {
    DmaCommand Bad = Good;
    Change(Bad);
    EXPECT_NE(refusal(Bad).find(Text), std::string::npos) << refusal(Bad);
  };
  Expect([](DmaCommand &C) { C.Engine = 8; }, "engines 0 to 7");
  Expect([](DmaCommand &C) { C.PacketBytes = 4104; }, "1 to 4096 bytes");
  Expect([](DmaCommand &C) { C.ReadBase = 4; }, "multiples of 8 bytes");
  Expect([](DmaCommand &C) { C.Loops[0].WriteStride = 12; },
         "multiples of 8 bytes");
  Expect(
      [](DmaCommand &C) {
        C.Loops.assign(9, {1, 0, 0});
      },
      "at most 8 loops");
  Expect([](DmaCommand &C) { C.Loops[0].Size = 65537; }, "1 to 65536");
  Expect(
      [](DmaCommand &C) {
        C.Loops.assign(3, {65536, 0, 0});
      },
      "cut it into several commands");
  Expect([](DmaCommand &C) { C.WriteBase = 512 * 1024 - 256; },
         "outside of a slice's data memory");
  Expect([](DmaCommand &C) { C.WriteBase = 512 * SliceStride; },
         "outside of a slice's data memory");
  Expect([](DmaCommand &C) { C.ReadBase = int64_t(48) << 30; },
         "outside of HBM");
  Expect([](DmaCommand &C) { C.Loops[0].ReadStride = INT64_MIN; },
         "outside of both memories");
  Expect([](DmaCommand &C) { C.WriteBase = INT64_MIN; },
         "outside of both memories");
}

/// Part of a unit written costs a read and a write of the whole: 50 times, of
/// two units for each packet, over 32 channels.
TEST_F(BookTimingTest, UnalignedWritesAreSlow) {
  int64_t Whole = dma({{0, Dm, Hbm, 0, 0, {{1024, 256, 256}}, 256}});
  EXPECT_EQ(Whole, 500 + 2 * 1024);
  double Expected = 500 + 2 * 1024 * 50 * (16.0 / 3) / 32;
  EXPECT_NEAR(dma({{0, Dm, Hbm, 0, 8, {{1024, 256, 256}}, 256}}), Expected,
              0.02 * Expected);
}

/// switch-engine.md: custom example 1, Broadcast01, custom example 2, the
/// extraction of padding; then a packet of two flits without a ring.
TEST_F(BookTimingTest, Switch) {
  EXPECT_EQ(*Timing.switchRing({256, 8, 256}), 16384);
  EXPECT_EQ(*Timing.switchRing({4, 64, 256}), 2048);
  EXPECT_EQ(*Timing.switchRing({32, 8, 256}), 2048);
  EXPECT_EQ(*Timing.switchRing({4, 24, 32}), 96);
  EXPECT_EQ(*Timing.switchRing({1, 8, 40}), 16);
  EXPECT_FALSE(Timing.switchRing({3, 8, 32}).ok());
  EXPECT_FALSE(Timing.switchRing({256, INT64_MAX, 32}).ok());
}

/// transpose-engine.md: the running example, small matrix, single buffering,
/// bf16, i4.
TEST_F(BookTimingTest, Transpose) {
  EXPECT_EQ(*Timing.transpose({8, 16, 16, 2, 8}), 48);
  EXPECT_EQ(*Timing.transpose({4, 8, 2, 1, 8}), 6);
  EXPECT_EQ(*Timing.transpose({8, 32, 32, 2, 8}), 128);
  EXPECT_EQ(*Timing.transpose({4, 8, 8, 8, 16}), 68);
  EXPECT_EQ(*Timing.transpose({16, 16, 16, 4, 4}), 80);
  EXPECT_FALSE(Timing.transpose({8, 8, 8, 1, 16}).ok());
  EXPECT_FALSE(Timing.transpose({2, 8, 8, 1, 4}).ok());
  EXPECT_FALSE(Timing.transpose({2, 8, 9, 1, 8}).ok());
  EXPECT_FALSE(Timing.transpose({2, 8, 8, INT64_MAX, 8}).ok());
}

/// fetch-engine.md: packet padding, and packets of i4.
TEST_F(BookTimingTest, Fetch) {
  EXPECT_EQ(fetch({{3, 10}, {5, 2}, {8, 1}}, 8, 8), 15);
  EXPECT_EQ(fetch({{3, 10}, {16, 1}}, 16, 8), 3);
  EXPECT_EQ(fetch({{32, 1}}, 32, 8), 1);
  std::vector<SequencerLoop> Nchw{{4, 192}, {3, 64}, {4, 16}, {16, 1}};
  EXPECT_EQ(fetch(Nchw, 16, 4), 48);
  EXPECT_EQ(fetch(Nchw, 32, 4), 24);
  EXPECT_EQ(fetch(Nchw, 64, 4), 12);
  EXPECT_EQ(fetch(Nchw, 192, 4), 12);
  // A packet of 24 bytes is three reads.
  EXPECT_EQ(fetch({{10, 24}, {24, 1}}, 24, 8), 30);
  // Elements that lie apart are read one by one, whatever joins their loops.
  EXPECT_EQ(fetch({{4, 1}, {16, 32}}, 16, 32), 64);
  EXPECT_EQ(fetch({{4, 512}, {16, 32}}, 16, 32), 64);
  EXPECT_EQ(fetch({{4, 8}, {8, 0}}, 8, 32), 32);
  // The sub context reads 8 bytes at a time.
  EXPECT_EQ(fetch({{4, 32}, {32, 1}}, 32, 8, UnitContext::Sub), 16);
}

TEST_F(BookTimingTest, RefusesFetchesBeyondItsLimits) {
  auto Refusal = [&](std::vector<SequencerLoop> Loops, int64_t Packet) {
    Result<int64_t> Cycles = Timing.fetch({Loops, Packet, 8});
    return Cycles ? std::string() : Cycles.status().message();
  };
  EXPECT_EQ(Refusal({{2, 8}, {8, 1}}, 8), "");
  EXPECT_NE(Refusal({{2, 12}, {12, 1}}, 12).find("multiple of 8 bytes"),
            std::string::npos);
  EXPECT_NE(Refusal({{3, 8}, {8, 1}}, 16).find("whole number of packets"),
            std::string::npos);
  EXPECT_NE(Refusal(std::vector<SequencerLoop>(9, {2, 1}), 8).find("8 loops"),
            std::string::npos);
  EXPECT_NE(Refusal({{65537, 8}, {8, 1}}, 8).find("65536"), std::string::npos);
  EXPECT_NE(Refusal(std::vector<SequencerLoop>(8, {65536, 1}), 8)
                .find("too many iterations"),
            std::string::npos);
  EXPECT_FALSE(Timing.fetch({{}, 1, 0}).ok());
}

TEST_F(BookTimingTest, NeedsEveryFigure) {
  Result<Machine> Empty = Machine::parse(
      R"({"name": "m", "vendor": "v", "description": "d",
          "sources": {"s": {"title": "t", "version": "1"}},
          "figures": {"a": {"b": {"value": null, "unit": "u"}}}})",
      "m.json");
  ASSERT_TRUE(Empty.ok()) << Empty.status().message();
  EXPECT_EQ(BookTiming::of(*Empty).status().message(),
            "machine 'm': stream.flit_bytes is not in its description");

  auto With = [](const std::string &Key, const std::string &Value) {
    std::string Text = rngdText(), Field = "\"" + Key + "\": {\"value\": ";
    size_t At = Text.find(Field) + Field.size();
    // Up to the next field: a list holds commas, too.
    Text.replace(At, Text.find(", \"unit\"", At) - At, Value);
    Result<Machine> Chip = Machine::parse(Text, "rngd.json");
    EXPECT_TRUE(Chip.ok()) << Chip.status().message();
    return BookTiming::of(*Chip).status().message();
  };
  EXPECT_EQ(With("startup_cycles", "0"),
            "machine 'rngd': dma.startup_cycles is not above 0");
  EXPECT_EQ(With("channel_hertz", "-1"),
            "machine 'rngd': hbm.channel_hertz is not above 0");
  EXPECT_EQ(With("read_bytes", "[1, 0]"),
            "machine 'rngd': fetch.read_bytes is no list of counts above 0");
  EXPECT_EQ(With("row_bits", "[21, 64]"),
            "machine 'rngd': the bits of HBM's addresses do not name its "
            "channels and rows");
  EXPECT_EQ(With("startup_cycles", "500"), "");
}
