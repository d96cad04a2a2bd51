// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// tcp as text, encoded and run on the simulator: steps that no kernel writes.
#include "targets/rngd/compiler/Encoder.h"
#include "test/unit/rngd/Simulator.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace dure::rngd;
using namespace dure::rngd::test;

namespace {

class TcpProgram : public testing::Test {
protected:
  TcpProgram() {
    Context.loadDialect<dure::tcp::TcpDialect, func::FuncDialect>();
  }

  /// What is in the buffers once @main of TEXT has run on them.
  std::vector<std::vector<uint8_t>>
  result(llvm::StringRef Text, const std::vector<std::vector<uint8_t>> &In) {
    auto Module = parseSourceString<ModuleOp>(Text, &Context);
    if (!Module)
      return {};
    fb::ModuleT Code;
    Code.chip = "rngd";
    auto Main = Module->lookupSymbol<func::FuncOp>("main");
    EXPECT_TRUE(succeeded(encode(Main, Code)));
    Outcome Ran = run(build(Code), In);
    EXPECT_EQ(Ran.Code, DURE_DRV_OK) << Ran.Message;
    return Ran.Buffers;
  }

  MLIRContext Context;
};

std::vector<float> counted(size_t Count) {
  std::vector<float> V(Count);
  std::iota(V.begin(), V.end(), 1.0f);
  return V;
}

} // namespace

// Tests that rows go where the index says and others keep what they have.
TEST_F(TcpProgram, Scatter) {
  auto Out = result(R"(
    !h = !tcp.hbm<f32, element [m : 4, c : 8]>
    !t = !tcp.hbm<f32, element [row : 6, c : 8]>
    !i = !tcp.hbm<i32, element [m : 4]>
    !d = !tcp.dm<f32, slice [m : 4], element [c : 8]>
    func.func @main(%h: !h, %i: !i, %t: !t {tcp.result}) {
      %d = tcp.alloc 0 : !d
      %0 = tcp.tdma engine 0 %h to %d : !h to !d
      %1 = tcp.tdma_scatter engine 1 %d to %t at %i of "row" : !d to !t, !i
      return
    })",
                    {toBytes(counted(32)), toBytes<int32_t>({5, 0, 3, 2}),
                     toBytes(std::vector<float>(48, -1.0f))});
  ASSERT_EQ(Out.size(), 3u);
  auto Got = fromBytes<float>(Out[2]);
  const int From[] = {1, -1, 3, 2, -1, 0};
  for (size_t I = 0; I != 48; ++I)
    EXPECT_EQ(Got[I], From[I / 8] < 0 ? -1.0f
                                      : static_cast<float>(From[I / 8] * 8 +
                                                           int(I % 8) + 1))
        << I;
}

// Tests a matrix of i8 whose rows are two flits, and one of f32 with padding
// that is left out.
TEST_F(TcpProgram, Transpose) {
  std::vector<int8_t> Bytes(8 * 16);
  std::iota(Bytes.begin(), Bytes.end(), int8_t(-64));
  auto Out = result(R"(
    !h = !tcp.hbm<i8, element [c : 8, e : 16]>
    !t = !tcp.hbm<i8, element [e : 16, c : 8]>
    !d = !tcp.dm<i8, element [c : 8, e : 16]>
    !o = !tcp.dm<i8, element [e : 16, c : 8]>
    !p = !tcp.stream<i8, time [c : 8, e by 8 : 2], packet [e : 8]>
    !q = !tcp.stream<i8, time [c : 8, e by 8 : 2], packet [e : 8 of 32]>
    !r = !tcp.stream<i8, time [e : 16], packet [c : 8 of 32]>
    func.func @main(%h: !h, %t: !t {tcp.result}) {
      %d = tcp.alloc 0 : !d
      %o = tcp.alloc 128 : !o
      %0 = tcp.tdma engine 0 %h to %d : !h to !d
      %1 = tcp.exec main {
        %2 = tcp.fetch %d : !d to !p
        %3 = tcp.collect %2 : !p to !q
        %4 = tcp.transpose %3 rows 8 columns 16 : !q to !r
        tcp.commit %4 to %o : !r to !o
      }
      %5 = tcp.tdma engine 0 %o to %t : !o to !t
      return
    })",
                    {toBytes(Bytes), std::vector<uint8_t>(128)});
  ASSERT_EQ(Out.size(), 2u);
  for (size_t E = 0; E != 16; ++E)
    for (size_t C = 0; C != 8; ++C)
      EXPECT_EQ(static_cast<int8_t>(Out[1][E * 8 + C]), Bytes[C * 16 + E]);

  Out = result(R"(
    !h = !tcp.hbm<f32, element [b : 3, c : 2, e : 4]>
    !t = !tcp.hbm<f32, element [b : 3, e : 4, c : 2]>
    !d = !tcp.dm<f32, element [b : 3, c : 2, e : 4]>
    !o = !tcp.dm<f32, element [b : 3, e : 4, c : 2]>
    !p = !tcp.stream<f32, time [b : 3, c : 2], packet [e : 4]>
    !q = !tcp.stream<f32, time [b : 3, c : 2], packet [e : 4 of 8]>
    !r = !tcp.stream<f32, time [b : 3, e : 4], packet [c : 2 of 8]>
    func.func @main(%h: !h, %t: !t {tcp.result}) {
      %d = tcp.alloc 0 : !d
      %o = tcp.alloc 128 : !o
      %0 = tcp.tdma engine 0 %h to %d : !h to !d
      %1 = tcp.exec main {
        %2 = tcp.fetch %d : !d to !p
        %3 = tcp.collect %2 : !p to !q
        %4 = tcp.transpose %3 rows 2 columns 8 : !q to !r
        tcp.commit %4 to %o : !r to !o
      }
      %5 = tcp.tdma engine 0 %o to %t : !o to !t
      return
    })",
               {toBytes(counted(24)), std::vector<uint8_t>(96)});
  ASSERT_EQ(Out.size(), 2u);
  auto Got = fromBytes<float>(Out[1]);
  for (size_t B = 0; B != 3; ++B)
    for (size_t E = 0; E != 4; ++E)
      for (size_t C = 0; C != 2; ++C)
        EXPECT_EQ(Got[B * 8 + E * 2 + C],
                  static_cast<float>(B * 8 + C * 4 + E + 1));
}

// Tests a product of i8 less a zero point with i8.
TEST_F(TcpProgram, ZeroPoint) {
  std::vector<int8_t> X(2 * 32), W(8 * 32);
  for (size_t I = 0; I != X.size(); ++I)
    X[I] = static_cast<int8_t>(I * 37);
  for (size_t I = 0; I != W.size(); ++I)
    W[I] = static_cast<int8_t>(I * 11);
  auto Out = result(R"(
    !x = !tcp.hbm<i8, element [m : 2, k : 32]>
    !w = !tcp.hbm<i8, element [n : 8, k : 32]>
    !y = !tcp.hbm<i32, element [m : 2, n : 8]>
    !dx = !tcp.dm<i8, element [m : 2, k : 32]>
    !dw = !tcp.dm<i8, element [n : 8, k : 32]>
    !dy = !tcp.dm<i32, element [m : 2, n : 8]>
    !f = !tcp.trf<i8, lane [n : 8], element [k : 32]>
    !a = !tcp.stream<i8, time [m : 2], packet [k : 32]>
    !b = !tcp.stream<i8, time [n : 8], packet [k : 32]>
    !z = !tcp.stream<i9, time [m : 2], packet [k : 32]>
    !p = !tcp.stream<i32, lane [n : 8], time [m : 2], packet [k : 32]>
    !q = !tcp.stream<i32, lane [n : 8], time [m : 2], packet [_ : 1]>
    !o = !tcp.stream<i32, time [m : 2], packet [n : 8]>
    func.func @main(%x: !x, %w: !w, %y: !y {tcp.result}) {
      %dx = tcp.alloc 0 : !dx
      %dw = tcp.alloc 64 : !dw
      %dy = tcp.alloc 512 : !dy
      %f = tcp.alloc 0 : !f
      %0 = tcp.tdma engine 0 %x to %dx : !x to !dx
      %1 = tcp.tdma engine 1 %w to %dw : !w to !dw
      %2 = tcp.exec sub {
        %3 = tcp.fetch %dw : !dw to !b
        %4 = tcp.collect %3 : !b to !b
        tcp.to_trf %4 to %f : !b to !f
      }
      %5 = tcp.exec main {
        %6 = tcp.fetch %dx : !dx to !a
        %7 = tcp.fetch_zero_point %6 less -100 : !a to !z
        %8 = tcp.collect %7 : !z to !z
        %9 = tcp.contract_outer %8, %f pack 1 : !z, !f to !p
        %10 = tcp.contract_packet %9 depth 5 : !p to !q
        %11 = tcp.contract_time %10 : !q to !q
        %12 = tcp.contract_lane %11 : !q to !o
        tcp.commit %12 to %dy : !o to !dy
      }
      %13 = tcp.tdma engine 0 %dy to %y : !dy to !y
      return
    })",
                    {toBytes(X), toBytes(W), std::vector<uint8_t>(64)});
  ASSERT_EQ(Out.size(), 3u);
  auto Got = fromBytes<int32_t>(Out[2]);
  for (size_t M = 0; M != 2; ++M)
    for (size_t N = 0; N != 8; ++N) {
      int32_t Sum = 0;
      for (size_t K = 0; K != 32; ++K)
        Sum += (X[M * 32 + K] + 100) * W[N * 32 + K];
      EXPECT_EQ(Got[M * 8 + N], Sum);
    }
}

// Tests that a table makes bf16 of f8e4m3.
TEST_F(TcpProgram, Lookup) {
  // 1, -2, 0.5, 448, the smallest number, 0, 1.125 and -0.25.
  std::vector<uint8_t> In = {0x38, 0xc0, 0x30, 0x7e, 0x01, 0x00, 0x39, 0xa8};
  const float Expected[] = {1, -2, 0.5f, 448, 0x1p-9f, 0, 1.125f, -0.25f};
  auto Out = result(R"(
    !h = !tcp.hbm<f8E4M3FN, element [c : 8]>
    !t = !tcp.hbm<bf16, element [c : 8]>
    !d = !tcp.dm<f8E4M3FN, element [c : 8]>
    !o = !tcp.dm<bf16, element [c : 8]>
    !p = !tcp.stream<f8E4M3FN, packet [c : 8]>
    !q = !tcp.stream<bf16, packet [c : 8]>
    !r = !tcp.stream<bf16, packet [c : 8 of 16]>
    func.func @main(%h: !h, %t: !t {tcp.result}) {
      %d = tcp.alloc 0 : !d
      %o = tcp.alloc 32 : !o
      %0 = tcp.tdma engine 0 %h to %d : !h to !d
      %1 = tcp.exec main {
        %2 = tcp.fetch %d : !d to !p
        %3 = tcp.fetch_lookup %2 : !p to !q
        %4 = tcp.collect %3 : !q to !r
        tcp.commit %4 to %o : !r to !o
      }
      %5 = tcp.tdma engine 0 %o to %t : !o to !t
      return
    })",
                    {In, std::vector<uint8_t>(16)});
  ASSERT_EQ(Out.size(), 2u);
  auto Got = fromBytes<uint16_t>(Out[1]);
  for (size_t I = 0; I != 8; ++I)
    EXPECT_EQ(unbf16(Got[I]), Expected[I]) << I;
}

// Tests that fma multiplies with one operand and adds the other.
TEST_F(TcpProgram, Fma) {
  auto Out = result(R"(
    !h = !tcp.hbm<f32, element [c : 16]>
    !d = !tcp.dm<f32, element [c : 16]>
    !v = !tcp.vrf<f32, element [c : 16]>
    !p = !tcp.stream<f32, time [c by 8 : 2], packet [c : 8]>
    !n = !tcp.stream<f32, time [c by 4 : 4], packet [c : 4]>
    func.func @main(%h: !h, %t: !h {tcp.result}) {
      %d = tcp.alloc 0 : !d
      %o = tcp.alloc 64 : !d
      %v = tcp.alloc 0 : !v
      %0 = tcp.tdma engine 0 %h to %d : !h to !d
      %1 = tcp.exec sub {
        %2 = tcp.fetch %d : !d to !p
        %3 = tcp.collect %2 : !p to !p
        tcp.to_vrf %3 to %v : !p to !v
      }
      %4 = tcp.exec main {
        %5 = tcp.fetch %d : !d to !p
        %6 = tcp.collect %5 : !p to !p
        %7 = tcp.vector narrow_split %6 : !p to !n
        %8 = tcp.vector fma %7, %v : !v plus(0.5 : f32) : !n to !n
        %9 = tcp.vector widen_concat %8 : !n to !p
        tcp.commit %9 to %o : !p to !d
      }
      %10 = tcp.tdma engine 0 %o to %t : !d to !h
      return
    })",
                    {toBytes(counted(16)), std::vector<uint8_t>(64)});
  ASSERT_EQ(Out.size(), 2u);
  auto Got = fromBytes<float>(Out[1]);
  for (size_t I = 0; I != 16; ++I) {
    auto X = static_cast<float>(I + 1);
    EXPECT_EQ(Got[I], std::fma(X, X, 0.5f));
  }
}
